#!/usr/bin/env python3
"""Hosts whose firmware starts nothing that is not signed.

    test_secure_boot.py image     one FAT image over UEFI HTTP Boot: written, verified and off, Secure Boot on all the time
    test_secure_boot.py refused   an unsigned boot program is refused, and the timeline says so by name
"""

import json
import sys

from disk import check
from lab import wait_until
from scenario import Scenario, main


def facts_of(s, host):
    return json.loads(s.slipway.cli("host", "show", host.mac, "--json"))


def image():
    with Scenario("secure-boot") as s:
        host = s.host("uefi-secure-http", memory_mib=1536)
        boot_folder = s.slipway.data / "boot"
        boot_folder.mkdir()
        with s.slipway.settings.open("a") as settings:
            settings.write("boot_programs: {uefi_http: slipway.img}\n")
        print(s.slipway.cli("media", "efi", "-o", boot_folder / "slipway.img"), end="")
        s.prepare(host)
        s.slipway.arm(host)
        host.power_on()
        host.wait_for("Slipway: loading the installer from this image", 180)
        host.wait_for("slipway: The installer starts", 240)
        host.wait_off(420)
        shown = facts_of(s, host)
        text = json.dumps(shown)
        check('"state": "installed"' in text or '"state":"installed"' in text, f"{host.name} is installed, not {text}")
        check('"secure_boot": true' in text or '"secure_boot":true' in text, f"Secure Boot was on: {text}")
        seed = s.check_disk(host)
        host.firmware = "bios"  # the tiny system's own loader is not signed
        s.check_tiny_guest(host, seed)


def refused():
    with Scenario("secure-boot-refused") as s:
        host = s.host("uefi-secure")
        s.prepare(host)
        s.slipway.arm(host)
        host.power_on()
        host.wait_for("Access Denied", 180)

        def named():
            shown = facts_of(s, host)
            return shown if "loader-refused" in json.dumps(shown) else None
        shown = wait_until(named, 90, "the diagnosis loader-refused", lambda: json.dumps(facts_of(s, host), indent=1))
        check("Secure Boot" in json.dumps(shown), f"the remedy names Secure Boot: {shown}")
        check(host.disks[0].has_no_table(), "nothing was written")
        host.cut_power()


main({"image": image, "refused": refused}[sys.argv[1]])
