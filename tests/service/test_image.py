#!/usr/bin/env python3
"""`slipway image verify|export|remove` as a person runs them.

    test_image.py BUILD
"""

import bz2
import hashlib
import json
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import test_program


class Images(test_program.Program):
    def setUp(self):
        super().setUp()
        self.import_image()
        self.raw = (self.folder / "disk.raw").read_bytes()

    def blob(self):
        shown = json.loads(self.slipway("image", "show", "demo@1", "--json"))
        name = shown["data_sha256"]
        return self.folder / "data/store/blobs/sha256" / name[:2] / name

    def test_verify_names_the_chunk_and_exits_1(self):
        self.slipway("image", "verify", "demo@1")
        self.slipway("image", "verify", "--all")
        octets = bytearray(self.blob().read_bytes())
        octets[len(octets) // 2] ^= 1
        self.blob().write_bytes(octets)
        for which in ("demo@1", "--all"):
            said = self.slipway("image", "verify", which, code=1)
            self.assertIn("slipway: demo@1: chunk 0 at octet 0 of the image, 0 of its blob", said)
        self.assertIn("no image demo@9", self.slipway("image", "verify", "demo@9", code=1))

    def test_export_gives_back_what_was_imported(self):
        out = self.folder / "out"
        self.slipway("image", "export", "demo@1", "-o", out)
        self.assertEqual(out.read_bytes(), self.raw)
        self.slipway("image", "export", "demo@1", "--zst", "-o", out)
        self.assertEqual(subprocess.check_output(["zstd", "-dc", out]), self.raw)

    def test_an_image_that_a_profile_names_is_not_removed(self):
        said = self.slipway("image", "remove", "demo@1", "--yes", code=1)
        self.assertIn("inventory/profiles/edge.yaml:2:33: this profile names it", said)
        self.assertIn("demo@1 is still needed; nothing removed", said)
        self.slipway("image", "show", "demo@1")
        # One that cannot be read might name it.
        self.write("profiles/edge.yaml", "name: [\n")
        self.assertIn("profiles/edge.yaml:", self.slipway("image", "remove", "demo@1", "--yes", code=1))
        (self.folder / "inventory/profiles/edge.yaml").unlink()
        self.slipway("image", "remove", "demo@1", "--yes")
        self.assertIn("no image demo@1", self.slipway("image", "show", "demo@1", code=1))

    def test_an_image_that_an_armed_host_is_given_is_not_removed(self):
        self.make_installer()
        self.serve()
        self.wait_for("assigned", lambda: self.state() == "assigned")
        self.slipway("host", "arm", "h1", "--why", "test")
        self.write("profiles/edge.yaml", test_program.PROFILE.replace("demo@1", "demo@2"))
        said = self.slipway("image", "remove", "demo@1", "--yes", code=1)
        self.assertIn("host h1 is armed with it", said)
        self.slipway("host", "disarm", "h1")
        self.slipway("image", "remove", "demo@1", "--yes")

    def import_again(self, *words, version="2", code=0):
        return self.slipway("image", "import", self.folder / "disk.raw", "--name", "demo", "--version",
                            version, *words, code=code)

    def absent(self, version="2"):
        self.assertIn(f"no image demo@{version}", self.slipway("image", "show", f"demo@{version}", code=1))

    def test_check_sums_must_match_before_anything_is_visible(self):
        good = hashlib.sha256(self.raw).hexdigest()
        bad = "0" * 64
        sums = self.folder / "SHA256SUMS"
        beside = self.folder / "disk.raw.sha256"
        refused = [
            (("--sha256", bad), "", "", "expected 000000"),
            (("--sha256", "xyz"), "", "", "--sha256: expected 64 hexadecimal digits"),
            (("--sha256-file", sums), f"{bad}  disk.raw\n", "", "expected 000000"),
            (("--sha256-file", sums), f"{good}  other.raw\n", "", "has no SHA-256 of disk.raw"),
            (("--sha256", good, "--sha256-file", sums), f"{bad} *disk.raw\n", "", "says SHA-256 0000"),
            ((), "", f"{bad}  disk.raw\n", "expected 000000"),
            (("--sha256", good), "", f"{bad}\n", "says SHA-256 0000"),
        ]
        for words, listed, near, complaint in refused:
            with self.subTest(complaint, words=words):
                sums.write_text(listed)
                beside.write_text(near) if near else beside.unlink(missing_ok=True)
                self.assertIn(complaint, self.import_again(*words, code=1))
                self.absent()
        sums.write_text(f"{bad}  other.raw\n{good} *images/disk.raw\n")
        beside.write_text(f"{good}\n")
        self.import_again("--sha256", good.upper(), "--sha256-file", sums)

    def minisign(self, name):
        subprocess.run(["minisign", "-G", "-W", "-p", self.folder / f"{name}.pub", "-s", self.folder / f"{name}.key"],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return self.folder / f"{name}.pub"

    def sign(self, name, output):
        subprocess.run(["minisign", "-S", "-s", self.folder / f"{name}.key", "-m", self.folder / "disk.raw",
                        "-x", output], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def test_signatures_must_match_and_can_be_required(self):
        ours, theirs = self.minisign("ours"), self.minisign("theirs")
        signature = self.folder / "disk.sig"
        self.sign("theirs", signature)
        self.assertIn("not among the given ones",
                      self.import_again("--signature", signature, "--key", ours, code=1))
        self.assertIn("--signature needs --key", self.import_again("--signature", signature, code=1))
        self.import_again("--signature", signature, "--key", theirs)

        self.settings.write_text(test_program.SETTINGS + "images: {require_signed: true, keys: [ours.pub]}\n")
        self.assertIn("the settings require a signature", self.import_again(version="3", code=1))
        # A key of the command line does not count then.
        self.assertIn("not among the given ones",
                      self.import_again("--signature", signature, "--key", theirs, version="3", code=1))
        kernel = self.slipway("image", "import", "--kind", "generic", "--kernel", self.folder / "disk.raw",
                              "--initrd", self.folder / "disk.raw", "--name", "demo", "--version", "3", code=1)
        self.assertIn("the settings require a signature", kernel)
        self.sign("ours", self.folder / "disk.raw.minisig")
        whole = self.raw
        (self.folder / "disk.raw").write_bytes(whole[:-512] + bytes(512))
        self.assertIn("does not fit its content", self.import_again(version="3", code=1))
        self.absent("3")
        (self.folder / "disk.raw").write_bytes(whole)
        self.import_again(version="3")

        self.settings.write_text(test_program.SETTINGS + "images: {require_signed: true}\n")
        said = self.slipway("image", "list", code=1)
        self.assertIn("slipway.yaml:7:10: images.require_signed needs `keys: [FILE", said)

    def test_standard_input_is_a_source(self):
        digest = hashlib.sha256(bz2.compress(self.raw)).hexdigest()
        for version, wanted, code in (("2", "0" * 64, 1), ("2", digest, 0)):
            done = subprocess.run([test_program.PROGRAM, "-c", self.settings, "image", "import", "-", "--name", "demo",
                                   "--version", version, "--sha256", wanted], input=bz2.compress(self.raw),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, code, done.stderr)
        out = self.folder / "out"
        self.slipway("image", "export", "demo@2", "-o", out)
        self.assertEqual(out.read_bytes(), self.raw)

    def test_manifests_are_signed_with_the_depots_key(self):
        manifest = self.folder / "data/store/manifests/demo/1.json"
        key = self.folder / "data/keys/depot.pub"
        subprocess.run(["minisign", "-V", "-p", key, "-m", manifest], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual((self.folder / "data/keys/depot.key").stat().st_mode & 0o777, 0o600)

    def test_garbage_and_what_is_unfinished_are_told_and_taken(self):
        tmp = self.folder / "data/store/tmp"
        (tmp / "import-old@1").write_bytes(b"left")
        done = self.run_program("-c", self.settings, "image", "list")
        self.assertIn("old@1  unfinished", done.stderr)
        self.assertIn("demo@1  disk image, ", done.stdout)
        self.slipway("image", "remove", "--gc")
        self.assertEqual(list(tmp.iterdir()), [])
        self.slipway("image", "verify", "demo@1")


for name in [name for name in dir(test_program.Program) if name.startswith("test_")]:
    setattr(Images, name, None)  # they run in test_program.py

if __name__ == "__main__":
    test_program.PROGRAM = Path(sys.argv.pop(1)) / "service/slipway"
    unittest.main()
