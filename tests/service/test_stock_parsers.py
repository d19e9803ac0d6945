#!/usr/bin/env python3
"""The rendered examples in tests/golden, read by the programs that they are for, as far as Debian
packages them.

    test_stock_parsers.py
"""

import json
import shlex
import subprocess
import unittest
from pathlib import Path

import yaml

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PASSWORD = "$6$slipway$" + "example" * 12 + "exampl"
REPORT = "http://10.0.0.1:8080/h/TOKEN/report"


class Parsers(unittest.TestCase):
    def test_debconf_takes_the_preseed(self):
        text = (GOLDEN / "debian-preseed").read_text()
        done = subprocess.run(["debconf-set-selections", "--checkonly"], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        joined = text.replace("\\\n", " ")
        answers = dict(line.split(None, 3)[1::2] for line in joined.splitlines()
                       if line and line[0] != "#" and len(line.split(None, 3)) == 4)
        self.assertEqual(answers["passwd/user-password-crypted"], PASSWORD)
        self.assertEqual(answers["partman-auto/disk"], "/dev/vda")
        words = shlex.split(answers["preseed/late_command"])
        self.assertEqual(words[-1], REPORT)
        self.assertIn("10.4.2.10/24", words)

    def test_pyyaml_reads_the_autoinstall(self):
        text = (GOLDEN / "ubuntu-autoinstall").read_text()
        self.assertTrue(text.startswith("#cloud-config\n"))
        section = yaml.safe_load(text)["autoinstall"]
        self.assertEqual(section["identity"],
                         {"hostname": "h1", "username": "palette", "password": PASSWORD})
        self.assertEqual(section["network"]["ethernets"]["lan0"]["addresses"], ["10.4.2.10/24"])
        self.assertEqual(section["storage"]["layout"]["match"], {"path": "/dev/vda"})
        self.assertEqual(section["packages"], ["vim", "jq"])
        self.assertEqual(section["late-commands"][0][-1], REPORT)
        self.assertEqual(section["shutdown"], "poweroff")

    def test_grub_reads_its_configurations(self):
        files = sorted((GOLDEN / "boot").glob("*.grub.cfg"))
        self.assertGreater(len(files), 8)
        for file in files:
            with self.subTest(file=file.name):
                done = subprocess.run(["grub-script-check", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_shlex_reads_the_kickstart_as_pykickstart_does(self):
        commands = {}
        for line in (GOLDEN / "fedora-kickstart").read_text().splitlines():
            if line.startswith("%"):
                break
            words = shlex.split(line, comments=True)
            if words:
                commands[words[0]] = words[1:]
        self.assertIn(f"--password={PASSWORD}", commands["user"])
        self.assertIn("--ip=10.4.2.10", commands["network"])
        self.assertIn("--netmask=255.255.255.0", commands["network"])
        self.assertEqual(commands["ignoredisk"], ["--only-use=/dev/vda"])
        self.assertEqual(commands["poweroff"], [])

    def test_json_reads_the_ignition_config(self):
        config = json.loads((GOLDEN / "fcos-ignition").read_text())
        user, = config["passwd"]["users"]
        self.assertEqual(user["passwordHash"], PASSWORD)
        self.assertEqual(len(user["sshAuthorizedKeys"]), 1)
        self.assertEqual(config["storage"]["files"][0]["contents"]["source"], "data:,h1")
        self.assertIn(f"""-d '{{"state":"installed"}}' {REPORT}\n""",
                      config["systemd"]["units"][0]["contents"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
