#!/usr/bin/env python3
"""Debian's own installer, imported from its netboot package, is booted over the network, reads the
preseed that the example template renders, partitions the disk as it says, installs a system from a
mirror in the lab, reports and switches off. The disk then boots to its login, also when the firmware
asks the network first.

    test_debian_installer.py [uefi]
"""

import json
import shutil
import sys

import debian_mirror
from disk import MIB, Disk, check, partitions
from lab import BOOT_ADDRESS, DHCP_ADDRESS, REPO, run, wait_until
from scenario import Scenario, main

PORT = 8088
IMAGE = "debian-netboot@12"
# The lab's LAN has neither a router nor a name server, which the installer would ask for, and its
# mirror has one kernel. An emulated timer on a busy machine is late now and then, which the kernel
# would take for a broken board. Behind the dashes is what the installed system keeps.
WORDS = (f"netcfg/no_default_route=true netcfg/get_nameservers={DHCP_ADDRESS} "
         f"apt-setup/security_host={BOOT_ADDRESS}:{PORT} base-installer/kernel/image={debian_mirror.KERNEL} "
         "base-installer/initramfs-tools/driver-policy=dep DEBIAN_FRONTEND=text no_timer_check ---")
HASH = "$6$slipway$YN9nnZ0rJcKrqhbFvTUWyJHqUZw7gH9TeNQYpGxbBHUBZ8xEOgWIBUYWYzB8dSdIvCL2GGBnC7yWHYSH8XBO2."
PROFILE = """\
name: debian
installer: {{kind: preseed, image: {image}, console: ["ttyS0,115200"], timeout: 4h, cmdline: "{words}"}}
template: templates/debian.preseed
disk: {{select: [{{path: /dev/vda}}]}}
user_data:
  variables:
    user: palette
    passwd: !secret secrets/palette-password-hash
    mirror: "{mirror}"
    unsigned_mirror: true
  packages: []
"""


def prepare(scenario, host, installer):
    """The installer in the store, the example template with a mirror in the lab, a server."""
    slipway, inventory = scenario.slipway, scenario.slipway.inventory
    name, version = IMAGE.split("@")
    slipway.cli("image", "import", "--kind", "debian", "--kernel", installer / "linux",
                "--initrd", installer / "initrd.gz", "--name", name, "--version", version)
    for kind in ("secrets", "templates"):
        (inventory / kind).mkdir()
    shutil.copy(REPO / "deploy/examples/inventory/templates/debian.preseed", inventory / "templates")
    secret = inventory / "secrets/palette-password-hash"
    secret.write_text(HASH + "\n")
    secret.chmod(0o600)
    (inventory / "profiles/debian.yaml").write_text(
        PROFILE.format(image=IMAGE, words=WORDS, mirror=f"{BOOT_ADDRESS}:{PORT}"))
    slipway.add_host(host, "debian")
    slipway.start()
    slipway.arm(host)


def serve(lab, mirror):
    """The mirror over HTTP; returns the server's log."""
    server = lab.start("boot", ["python3", "-u", "-m", "http.server", str(PORT), "--bind", BOOT_ADDRESS,
                                "--directory", mirror], "mirror")
    wait_until(lambda: "Serving" in server.log.read_text(), 10, "the mirror to start")


def file_systems(disk, folder):
    """[(kind, octets, a file that holds it)] of the disk's partitions."""
    table = json.loads(run("sfdisk", "-J", disk.path))["partitiontable"]
    check(table["label"] == "gpt", f"the disk has a GPT, not {table['label']}")
    found = []
    for number, part in enumerate(partitions(disk.path)):
        piece = folder / f"part{number}"
        run("dd", f"if={disk.path}", f"of={piece}", "bs=1M", "conv=sparse", "status=none",
            "iflag=skip_bytes,count_bytes", f"skip={part['start']}", f"count={part['size']}")
        kind = run("blkid", "-p", "-o", "value", "-s", "TYPE", piece, check=False).strip()
        found.append((kind, part["size"], piece))
    return found


def check_disk(disk, folder):
    """What the template asks for: the partitions, and on them the system."""
    found = file_systems(disk, folder)
    ext4 = [(size // MIB, piece) for kind, size, piece in found if kind == "ext4"]
    check(len(ext4) == 2, f"/boot and / are ext4: {found}")
    (boot, _), (root, system) = ext4
    check(450 <= boot <= 550 and root > 2000, f"/boot has 512 MB and / the rest: {found}")
    for _, piece in ext4:
        run("e2fsck", "-fn", piece)
    for path, wanted in (("/etc/hostname", disk.path.stem.split("-")[0]), ("/etc/passwd", "palette:x:1000:"),
                         ("/etc/shadow", f"palette:{HASH}:"), ("/etc/debian_version", "12."),
                         ("/var/lib/dpkg/status", "Package: openssh-server\nStatus: install ok installed")):
        check(wanted in run("debugfs", "-R", f"cat {path}", system), f"{path} has {wanted!r}")


def story():
    firmware = sys.argv[1] if len(sys.argv) > 1 else "bios"
    installer = debian_mirror.ready()
    with Scenario(f"debian-installer-{firmware}") as s:
        host = s.host(firmware, disks=[Disk(s.lab.folder / "h1-disk.img", 4096)])
        serve(s.lab, installer / "mirror")
        prepare(s, host, installer)
        s.install(host, 3 * 3600)
        check_disk(host.disks[0], s.lab.folder)
        host.power_on()
        host.wait_for(f"{host.name} login:", 1200)
        host.cut_power()
        check(s.slipway.show(host)["state"] == "installed", "the host is still installed")


main(story)
