#!/usr/bin/env python3
"""`slipway image verify|export|remove` as a person runs them.

    test_image.py BUILD
"""

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
