#!/usr/bin/env python3
"""`slipway media`: what it makes, as stock tools see it.

    test_media.py BUILD
"""

import hashlib
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


class Usb(Media):
    SERVER = "http://10.0.0.1:8080"

    def setUp(self):
        super().setUp()
        self.stick = self.folder / "stick.img"
        self.installer = self.folder / "data" / "installer"
        self.installer.mkdir(parents=True)
        self.content = {"VMLINUZ": b"kernel" * 100_000, "INITRD.IMG": b"initramfs" * 200_001}
        for name, content in zip(("vmlinuz", "initramfs.img"), self.content.values()):
            (self.installer / name).write_bytes(content)
        digests = [hashlib.sha256(content).hexdigest() for content in self.content.values()]
        (self.installer / "installer.json").write_text(
            json.dumps(dict(zip(("vmlinuz_sha256", "initramfs_sha256"), digests))))

    def make(self, *words):
        return self.good("media", "usb", "--server", self.SERVER, "-o", self.stick, *words)

    def config(self):
        return tool("mtype", "-i", f"{self.stick}@@2M", "::SLIPWAY/GRUB.CFG")

    def test_its_table_and_file_system_are_good(self):
        self.make()
        self.assertIn("No problems found", tool("sgdisk", "--verify", self.stick))
        table = json.loads(tool("sfdisk", "--json", self.stick))["partitiontable"]
        self.assertEqual([(each["start"], each["name"]) for each in table["partitions"]],
                         [(2048, "bios"), (4096, "slipway")])
        with self.stick.open("rb") as whole:
            whole.seek(2 << 20)
            volume = self.folder / "volume"
            volume.write_bytes(whole.read(table["partitions"][1]["size"] * 512))
        tool("fsck.fat", "-n", volume)
        for name, content in self.content.items():
            found = self.folder / name
            tool("mcopy", "-i", volume, f"::SLIPWAY/{name}", found)
            self.assertEqual(found.read_bytes(), content)
        self.assertIn("BOOTX64", tool("mdir", "-i", volume, "::EFI/BOOT"))
        # The agent knows the stick by the GUID of this partition.
        self.assertIn(f"slipway.medium={table['partitions'][1]['uuid']} ", self.config())

    def test_it_is_for_any_host_or_for_one_and_holds_no_secret(self):
        self.make()
        self.assertIn(f"slipway.server={self.SERVER} ", self.config())
        self.assertNotIn("slipway.mac=", self.config())
        self.make("--mac", MAC.upper())
        self.assertIn(f"slipway.mac={MAC} BOOTIF=01-52-54-00-aa-00-01 ", self.config())
        self.assertEqual(stat.S_IMODE(self.stick.stat().st_mode), 0o644)
        self.assertNotIn(b"hush-hush", self.stick.read_bytes())

    def test_the_same_stick_has_the_same_octets_and_another_one_another_identity(self):
        self.make()
        first = self.stick.read_bytes()
        self.make()
        self.assertEqual(self.stick.read_bytes(), first)
        disks = {tool("sfdisk", "--disk-id", self.stick)}
        self.make("--mac", MAC)
        disks.add(tool("sfdisk", "--disk-id", self.stick))
        self.assertEqual(len(disks), 2)

    def test_the_server_is_the_configured_interface_unless_it_is_named(self):
        answer = json.loads(self.good("media", "usb", "-o", self.stick, "--json").stdout)
        self.assertEqual(answer["server"], "http://127.0.0.1:8080")

    def test_what_cannot_be_made_is_said_and_leaves_no_file(self):
        for words, why in ((["--mac", "52:54"], "is not a MAC"), (["--server", "depot"], "--server"),
                           (["--server", "http://10.0.0.1:80 80"], "10.0.0.1")):
            self.assertIn(why, self.refused("media", "usb", "-o", self.stick, *words))
        (self.installer / "vmlinuz").write_bytes(b"other")
        self.assertIn("installer build", self.refused("media", "usb", "-o", self.stick))
        shutil.rmtree(self.installer)
        self.assertIn("installer build", self.refused("media", "usb", "-o", self.stick))
        self.assertFalse(self.stick.exists())


class Efi(Usb):
    """The image for UEFI HTTP Boot: the same files on a volume without a table."""

    SHIM = "/usr/lib/shim/shimx64.efi.signed"
    GRUB = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"

    def make(self, *words):
        return self.good("media", "efi", "--server", self.SERVER, "-o", self.stick, *words)

    def config(self):
        return tool("mtype", "-i", self.stick, "::EFI/DEBIAN/GRUB.CFG")

    def test_its_table_and_file_system_are_good(self):
        self.make()
        tool("fsck.fat", "-n", self.stick)
        self.content |= {name: Path(path).read_bytes() for name, path in (("BOOTX64.EFI", self.SHIM), ("GRUBX64.EFI", self.GRUB))}
        for name, content in self.content.items():
            folder = "EFI/BOOT" if name.endswith(".EFI") else "SLIPWAY"
            found = self.folder / name
            tool("mcopy", "-i", self.stick, f"::{folder}/{name}", found)
            self.assertEqual(found.read_bytes(), content)
        self.assertIn("slipway.medium=", self.config())

    def test_the_same_stick_has_the_same_octets_and_another_one_another_identity(self):
        self.make()
        first = self.stick.read_bytes()
        self.make()
        self.assertEqual(self.stick.read_bytes(), first)
        label = tool("mdir", "-i", self.stick, "::")
        self.make("--mac", MAC)
        self.assertNotEqual(tool("mdir", "-i", self.stick, "::"), label)

    def test_the_server_is_the_configured_interface_unless_it_is_named(self):
        answer = json.loads(self.good("media", "efi", "-o", self.stick, "--json").stdout)
        self.assertEqual(answer["server"], "http://127.0.0.1:8080")

    def test_what_cannot_be_made_is_said_and_leaves_no_file(self):
        shutil.rmtree(self.installer)
        self.assertIn("installer build", self.refused("media", "efi", "-o", self.stick))
        self.assertFalse(self.stick.exists())


class Uki(Usb):
    """The unified kernel image: sections of one EFI program, and a signature over them."""

    def make(self, *words):
        return self.good("media", "uki", "--server", self.SERVER, "-o", self.stick, *words)

    def section(self, name):
        out = self.folder / "section"
        tool("objcopy", "-O", "binary", f"--only-section={name}", self.stick, out)
        return out.read_bytes()

    def config(self):
        return self.section(".cmdline").decode() + " "

    def test_its_table_and_file_system_are_good(self):
        self.make()
        self.assertEqual(self.section(".linux"), self.content["VMLINUZ"])
        self.assertEqual(self.section(".initrd"), self.content["INITRD.IMG"])
        self.assertIn("slipway.medium=", self.config())
        places = [(int(line.split()[3], 16), int(line.split()[2], 16))
                  for line in tool("objdump", "-h", self.stick).splitlines() if " ." in line and line.split()[0].isdigit()]
        for (start, size), (after, _) in zip(sorted(places), sorted(places)[1:]):
            self.assertLessEqual(start + size, after, "no section lies on another")

    def test_the_same_stick_has_the_same_octets_and_another_one_another_identity(self):
        self.make()
        first = self.stick.read_bytes()
        self.make()
        self.assertEqual(self.stick.read_bytes(), first)
        self.make("--mac", MAC)
        self.assertNotEqual(self.stick.read_bytes(), first)

    def test_the_server_is_the_configured_interface_unless_it_is_named(self):
        answer = json.loads(self.good("media", "uki", "-o", self.stick, "--json").stdout)
        self.assertEqual(answer["server"], "http://127.0.0.1:8080")

    def test_it_is_signed_by_the_key_that_is_given(self):
        keys = [self.folder / f"{name}.key" for name in ("ours", "other")]
        for key in keys:
            tool("openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={key.stem}", "-days", "1",
                 "-keyout", key, "-out", key.with_suffix(".pem"))
        ours, other = (key.with_suffix(".pem") for key in keys)
        self.make("--key", keys[0], "--cert", ours)
        tool("sbverify", "--cert", ours, self.stick)
        with self.assertRaises(subprocess.CalledProcessError):
            tool("sbverify", "--cert", other, self.stick)
        self.assertEqual(self.section(".linux"), self.content["VMLINUZ"])

    def test_what_cannot_be_made_is_said_and_leaves_no_file(self):
        self.assertIn("signing", self.refused("media", "uki", "-o", self.stick, "--key", self.settings, "--cert", self.settings))
        shutil.rmtree(self.installer)
        self.assertIn("installer build", self.refused("media", "uki", "-o", self.stick))
        self.assertFalse(self.stick.exists())


if __name__ == "__main__":
    PROGRAM = str(Path(sys.argv.pop(1)) / "service" / "slipway")
    unittest.main()
