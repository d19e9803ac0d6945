#!/usr/bin/env python3
"""A Kairos-like installer, imported from its ISO, is booted over the network: it fetches its root file
system and its config, writes the disk as the merged document says, reports and switches off. The disk
then boots by itself, also when the firmware asks the network first, and asks nobody for a config.

    test_kairos.py bios|uefi
"""

import sys

import assets
from disk import check, partitions
from lab import run
from scenario import Scenario, main

IMAGE = "live@1"
PROFILE = """\
name: edge-kairos
installer: {{kind: kairos, image: {image}, console: ["ttyS0,115200"], cmdline: "{cmdline}"}}
format: kairos
disk: {{select: [{{path: /dev/vda}}]}}
user_data:
  install: {{auto: true}}
layers:
  - name: os
    kind: os
    user_data:
      stages:
        initramfs:
          - users:
              palette: {{groups: [sudo], passwd: palette}}
            files:
              - path: /etc/palette/site.txt
                permissions: 0644
                content: |
                  staged by Kairos
finish: poweroff
"""


def prepare(scenario, host, cmdline="quiet"):
    """The image in the store, and a server that knows the host and its profile."""
    slipway = scenario.slipway
    name, version = IMAGE.split("@")
    slipway.cli("image", "import", assets.live() / "live.iso", "--name", name, "--version", version)
    (slipway.inventory / "profiles/edge-kairos.yaml").write_text(PROFILE.format(image=IMAGE, cmdline=cmdline))
    slipway.add_site("store-0042")
    slipway.add_host(host, "edge-kairos", "store-0042")
    slipway.start()
    slipway.arm(host)


def check_oem(disk, folder):
    """COS_OEM holds the document, and no address that the installed system would ask again."""
    part = next(each for each in partitions(disk.path) if each.get("name") == "oem")
    volume = folder / "oem.ext4"
    volume.write_bytes(disk.read(part["start"], part["size"]))
    text = run("debugfs", "-R", "cat /90_custom.yaml", volume)
    for wanted in ("config_url: ''", "poweroff: true", "device: /dev/vda", "/etc/palette/site.txt", "palette:"):
        check(wanted in text, f"the document on COS_OEM has {wanted}:\n{text}")
    check("/config" not in text, f"and no address of a config:\n{text}")


def check_guest(facts):
    check(("config_url", "") in facts, f"the installed system has no config to fetch: {facts}")
    check(("hostname", "edge-h1") in facts, f"its name is edge-h1: {facts}")
    check(("file", "/etc/palette/site.txt content=staged by Kairos") in facts, f"the profile's file is there: {facts}")
    user = next((value for key, value in facts if key == "user" and value.startswith("palette ")), "")
    check("sudo" in user and user.endswith("password=P"), f"the user palette is in sudo and has a password: {facts}")


def story():
    firmware = sys.argv[1]
    with Scenario(f"kairos-{firmware}") as s:
        host = s.host(firmware)
        prepare(s, host)
        s.install(host, 600)
        check_oem(host.disks[0], s.lab.folder)
        # The system on the disk takes no notice of what it is booted for.
        host.power_on()
        host.wait_for("SLIPWAY-GUEST-DONE", 300)
        host.wait_off(60)
        check_guest(host.guest_facts())
        check(s.slipway.show(host)["state"] == "installed", "the host is still installed")


if __name__ == "__main__":
    main(story)
