#!/usr/bin/env python3
"""`slipway media`: what it makes, as stock tools see it.

    test_media.py BUILD
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = None
MAC = "52:54:00:aa:00:01"

PROFILE = """\
name: edge
installer: {{kind: flash, image: demo@1}}
format: {format}
disk: {{select: [{{type: virtio}}]}}
user_data:
  stages:
    initramfs:
      - users: {{palette: {{groups: [sudo], passwd: hush-hush}}}}
"""


def tool(*words):
    """A program of the distribution, from sbin too."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True,
                          env={**os.environ, "PATH": path}).stdout


class Media(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-media."))
        for kind in ("profiles", "sites", "hosts"):
            (self.folder / "inventory" / kind).mkdir(parents=True)
        self.settings = self.folder / "slipway.yaml"
        self.settings.write_text("interfaces: [lo]\ndata_dir: data\ninventory: inventory\n")
        self.write("sites/store.yaml", "name: store\nstylus: {site: {paletteEndpoint: api.example.com}}\n"
                   "network: {type: static, ipAddress: 10.4.2.10, mask: 24, gateway: 10.4.2.1, nameserver: 10.4.2.1, interface: eth0}\n")
        self.write("hosts/h1.yaml", f'macs: ["{MAC}"]\nsite: store\nprofile: edge\n')
        self.profile("cloud-init")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def write(self, name, text):
        (self.folder / "inventory" / name).write_text(text)

    def profile(self, form):
        self.write("profiles/edge.yaml", PROFILE.format(format=form))

    def slipway(self, *words):
        return subprocess.run([PROGRAM, "-c", str(self.settings), *map(str, words)], text=True,
                              capture_output=True, timeout=60)

    def good(self, *words):
        done = self.slipway(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refused(self, *words):
        done = self.slipway(*words)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        return done.stderr


class Cidata(Media):
    def setUp(self):
        super().setUp()
        self.iso = self.folder / "seed.iso"

    def make(self, *words):
        return self.good("media", "cidata", "--mac", MAC, "-o", self.iso, *words)

    def served(self, what):
        return self.good("render", "--mac", MAC, "--reveal", what).stdout

    def read(self, name, names="-R"):
        return tool("isoinfo", names, "-i", self.iso, "-x", f"/{name}")

    def test_it_is_the_volume_that_stock_tools_take_for_a_seed(self):
        self.make()
        about = tool("isoinfo", "-d", "-i", self.iso)
        self.assertIn("Volume id: cidata\n", about)
        self.assertIn("Joliet with UCS level 3 found", about)
        self.assertIn("Rock Ridge signatures version 1 found", about)
        probed = tool("blkid", "-p", "-o", "export", self.iso)
        self.assertIn("TYPE=iso9660\n", probed)
        self.assertIn("LABEL=cidata\n", probed)
        found = tool("xorriso", "-indev", self.iso, "-find", "/", "-type", "f")
        self.assertEqual(sorted(found.split()), ["'/meta-data'", "'/network-config'", "'/user-data'"])

    def test_the_files_are_what_the_host_would_be_served(self):
        self.make()
        for names in ("-J", "-R"):
            with self.subTest(names):
                for name in ("user-data", "network-config"):
                    self.assertEqual(self.read(name, names), self.served(name))
                self.assertRegex(self.read("meta-data", names), r"instance-id: \"?h1-[0-9a-f]{12}\"?\n")
        self.assertIn("hush-hush", self.read("user-data"))
        self.assertIn("10.4.2.10/24", self.read("network-config"))

    def test_the_same_host_gives_the_same_octets_and_a_change_gives_another_instance(self):
        self.make()
        first, instance = self.iso.read_bytes(), self.read("meta-data")
        self.make()
        self.assertEqual(self.iso.read_bytes(), first)
        self.write("hosts/h1.yaml", f'macs: ["{MAC}"]\nsite: store\nprofile: edge\n'
                   "stylus: {site: {tags: {row: '7'}}}\nuser_data: {hostname: other}\n")
        self.make()
        self.assertNotEqual(self.read("meta-data"), instance)

    def test_for_kairos_it_is_the_one_document_and_an_empty_meta_data(self):
        self.profile("kairos")
        self.make()
        self.assertEqual(self.read("user-data"), self.served("user-data"))
        self.assertTrue(self.read("user-data").startswith("#cloud-config\n"))
        self.assertEqual(self.read("meta-data"), "")
        found = tool("xorriso", "-indev", self.iso, "-find", "/", "-type", "f")
        self.assertEqual(sorted(found.split()), ["'/meta-data'", "'/user-data'"])

    def test_only_its_owner_may_read_it_and_the_command_says_why(self):
        self.iso.write_text("older")
        self.iso.chmod(0o644)
        done = self.make()
        self.assertEqual(stat.S_IMODE(self.iso.stat().st_mode), 0o600)
        self.assertIn("secrets", done.stderr)
        self.assertNotIn("hush-hush", done.stdout + done.stderr)
        self.assertEqual([path.name for path in self.folder.glob(".seed*")], [])

    def test_a_host_can_be_named_and_the_answer_is_JSON_when_asked_for(self):
        done = self.good("media", "cidata", "--host", "h1", "-o", self.iso, "--json")
        answer = json.loads(done.stdout)
        self.assertEqual(answer["octets"], self.iso.stat().st_size)
        self.assertEqual(answer["files"], ["user-data", "meta-data", "network-config"])

    def test_what_cannot_be_made_leaves_the_file_as_it_was(self):
        self.iso.write_text("as it was")
        where = ("-o", self.iso)
        self.assertIn("no host of the inventory", self.refused("media", "cidata", "--mac", "52:54:00:aa:00:99", *where))
        self.assertIn("no host h9", self.refused("media", "cidata", "--host", "h9", *where))
        self.assertIn("no regular file", self.refused("media", "cidata", "--host", "h1", "-o", "/dev/null"))
        self.assertIn("No such file", self.refused("media", "cidata", "--host", "h1", "-o", self.folder / "no/f"))
        self.write("sites/store.yaml", "name: store\nnetwork: {type: static}\n")
        self.assertIn("nothing is rendered", self.refused("media", "cidata", "--host", "h1", *where))
        self.assertEqual(self.iso.read_text(), "as it was")
        self.assertEqual(self.slipway("media", "cidata", *where).returncode, 2)


if __name__ == "__main__":
    PROGRAM = str(Path(sys.argv.pop(1)) / "service" / "slipway")
    unittest.main()
