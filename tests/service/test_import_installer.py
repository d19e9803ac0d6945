#!/usr/bin/env python3
"""`slipway image import` of third parties' installers: an ISO by xorriso with Debian's own installer kernel, plain
files, what is refused, and what `image show` prints.

    test_import_installer.py BUILD
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = None
NETBOOT = Path("/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64")


class Installers(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-installer."))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "slipway.yaml").write_text("interfaces: [lo]\ndata_dir: data\ninventory: inventory\n")

    def image(self, *words, code=0):
        done = subprocess.run([PROGRAM, "-c", self.folder / "slipway.yaml", "image", *map(str, words)],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def iso(self, name, files):
        tree = self.folder / f"{name}.d"
        for path, source in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, Path):
                shutil.copy(source, tree / path)
            else:
                (tree / path).write_text(source)
        subprocess.run(["xorrisofs", "-quiet", "-r", "-J", "-o", self.folder / name, tree], check=True,
                       capture_output=True)
        return self.folder / name

    def cd(self):
        return self.iso("debian.iso", {"install.amd/vmlinuz": NETBOOT / "linux",
                                       "install.amd/initrd.gz": NETBOOT / "initrd.gz"})

    def test_an_iso_is_recognised_and_shown(self):
        iso = self.cd()
        self.image("import", iso, "--name", "debian", "--version", "12")
        shown = self.image("show", "debian@12").stdout
        self.assertRegex(shown, r"found: installer: Debian installer, CD\n"
                                r"found: kernel: /install\.amd/vmlinuz, [\d.]+ MiB, Linux 6\.1\.0-\S+ .*\n"
                                r"found: initrd: /install\.amd/initrd\.gz, [\d.]+ MiB, gzip\n"
                                r"found: memory: a host needs [\d.]+ MiB at least to start it: 2 x \(initrd\)\n"
                                r"found: note: the initrd of a CD looks for its packages on a CD drive")
        self.image("import", iso, "--name", "debian", "--version", "12")  # the same again
        document = json.loads(self.image("show", "debian@12", "--json").stdout)
        self.assertEqual((document["type"], document["kind"]), ("installer", "debian"))
        self.assertEqual(document["source"], {"name": "debian.iso",
                                              "sha256": hashlib.sha256(iso.read_bytes()).hexdigest()})
        files = {file["name"]: file["sha256"] for file in document["files"]}
        self.assertEqual(files, {"kernel": hashlib.sha256((NETBOOT / "linux").read_bytes()).hexdigest(),
                                 "initrd": hashlib.sha256((NETBOOT / "initrd.gz").read_bytes()).hexdigest()})
        self.assertIn("debian@12  installer, debian, 2 files", self.image("list").stdout)
        self.image("verify", "debian@12")

    def test_a_wrong_digest_or_a_cut_medium_publishes_nothing(self):
        iso = self.cd()
        wrong = self.image("import", iso, "--name", "debian", "--version", "12", "--sha256", "0" * 64, code=1)
        self.assertIn("expected " + "0" * 64, wrong.stderr)
        cut = self.folder / "cut.iso"
        cut.write_bytes(iso.read_bytes()[:-(1 << 20)])
        done = self.image("import", cut, "--name", "debian", "--version", "12", code=1)
        self.assertIn("the medium is cut", done.stderr)
        self.assertEqual(self.image("list").stdout, "")
        self.assertEqual([path for path in (self.folder / "data/store/blobs").rglob("*") if path.is_file()
                          and len(path.name) == 64], [])

    def test_what_is_not_recognised_is_refused_with_the_remedy_which_works(self):
        iso = self.iso("other.iso", {"x/k": NETBOOT / "linux", "x/i": NETBOOT / "initrd.gz"})
        done = self.image("import", iso, "--name", "other", "--version", "1", code=1)
        self.assertEqual(done.stderr.count("\n"), 1)
        for text in ("no installer recognised in it", "kairos (Kairos or Palette installer): no /boot/kernel",
                     "talos (Talos): no /boot/vmlinuz", "--kind generic --kernel PATH"):
            self.assertIn(text, done.stderr)
        self.image("import", iso, "--name", "other", "--version", "1", "--kind", "generic", "--kernel", "/x/k",
                   "--initrd", "/x/i,/x/i", "--cmdline", "quiet")
        document = json.loads(self.image("show", "other@1", "--json").stdout)
        self.assertEqual([file["name"] for file in document["files"]], ["kernel", "initrd", "initrd2"])
        self.assertEqual((document["kind"], document["cmdline"]), ("generic", "quiet"))

    def test_plain_files_need_no_source(self):
        self.image("import", "--name", "own", "--version", "1", "--kind", "generic", "--kernel", NETBOOT / "linux",
                   "--initrd", NETBOOT / "initrd.gz", "--cmdline", "console=ttyS0 quiet")
        shown = self.image("show", "own@1").stdout
        self.assertIn("cmdline: console=ttyS0 quiet\n", shown)
        self.assertIn(f"found: kernel: {NETBOOT}/linux, ", shown)

    def test_wrong_use(self):
        self.assertIn("SOURCE", self.image("import", "--name", "own", "--version", "1", code=2).stderr)
        done = self.image("import", "--name", "own", "--version", "1", "--kind", "windows", "--kernel", NETBOOT / "linux",
                          code=1)
        self.assertIn('--kind: "windows" is none of kairos, debian', done.stderr)


if __name__ == "__main__":
    PROGRAM = Path(sys.argv.pop(1)) / "service" / "slipway"
    unittest.main(verbosity=1)
