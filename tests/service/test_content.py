#!/usr/bin/env python3
"""`slipway image import FILE... --kind content`.

    test_content.py BUILD
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = None


class Content(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-content."))
        (self.folder / "inventory").mkdir()
        self.settings = self.folder / "slipway.yaml"
        self.settings.write_text("interfaces: [lo]\ndata_dir: data\ninventory: inventory\n")
        self.parts = [self.folder / name for name in ("part-b.zst", "part-a.zst")]
        for number, part in enumerate(self.parts):
            part.write_bytes(bytes([number]) * (3_000_001 + number))

    def tearDown(self):
        shutil.rmtree(self.folder)

    def slipway(self, *words):
        return subprocess.run([PROGRAM, "-c", str(self.settings), "image", *map(str, words)], text=True,
                              capture_output=True, timeout=60)

    def take(self, *files, more=(), name="bundle"):
        return self.slipway("import", *files, "--kind", "content", "--name", name, "--version", "4.6.21", *more)

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, done, why):
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(why, done.stderr)

    def test_the_files_are_stored_as_they_are_under_one_name(self):
        about = json.loads(self.good(self.take(*self.parts, more=["--json"])))
        self.assertEqual(about["type"], "content")
        self.assertEqual([each["name"] for each in about["files"]], ["part-a.zst", "part-b.zst"])
        for each in about["files"]:
            content = (self.folder / each["name"]).read_bytes()
            self.assertEqual(each["octets"], len(content))
            self.assertEqual(each["sha256"], hashlib.sha256(content).hexdigest())
            blob = self.folder / "data/store/blobs/sha256" / each["sha256"][:2] / each["sha256"]
            self.assertEqual(blob.read_bytes(), content)
        self.assertEqual(json.loads(self.good(self.slipway("show", "bundle@4.6.21", "--json"))), about)
        self.assertIn("bundle@4.6.21  content", self.good(self.slipway("list")))

    def test_the_same_again_is_a_success_and_other_content_is_not(self):
        self.good(self.take(*self.parts))
        self.good(self.take(*reversed(self.parts)))
        self.refused(self.take(self.parts[0]), "bundle@4.6.21")

    def test_what_cannot_be_taken_is_said_and_nothing_has_the_name(self):
        hidden, spaced, pipe = (self.folder / name for name in (".a", "a b", "pipe"))
        for path in (hidden, spaced):
            path.write_text("x")
        os.mkfifo(pipe)
        twin = self.folder / "twin" / "part-a.zst"
        twin.parent.mkdir()
        twin.write_text("other")
        for files, why in (([self.parts[0], hidden], "not a name"), ([spaced], "not a name"),
                           ([pipe], "no regular file"), ([self.folder / "absent"], "No such file"),
                           ([self.parts[1], twin], "part-a.zst")):
            with self.subTest(why):
                self.refused(self.take(*files), why)
        self.refused(self.take(self.parts[0], more=["--sha256", "0" * 64]), "part-b.zst")
        self.refused(self.take(*self.parts, more=["--sha256", "0" * 64]), "one file")
        self.refused(self.slipway("import", *self.parts, "--name", "x", "--version", "1"), "--kind content")
        self.assertEqual(json.loads(self.good(self.slipway("list", "--json")))["images"], [])

    def test_a_digest_that_is_given_must_match(self):
        digest = hashlib.sha256(self.parts[0].read_bytes()).hexdigest()
        self.good(self.take(self.parts[0], more=["--sha256", digest]))


if __name__ == "__main__":
    PROGRAM = str(Path(sys.argv.pop(1)) / "service" / "slipway")
    unittest.main()
