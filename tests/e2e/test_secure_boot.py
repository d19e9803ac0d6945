#!/usr/bin/env python3
"""Hosts whose firmware starts nothing that is not signed.

    test_secure_boot.py image     one FAT image over UEFI HTTP Boot: written, verified and off, Secure Boot on all the time
    test_secure_boot.py uki       a unified kernel image that the depot's own key has signed, by PXE and TFTP
    test_secure_boot.py shim      shim and GRUB by TFTP, where we are the DHCP server
    test_secure_boot.py refused   an unsigned boot program is refused, and the timeline says so by name
"""

import json
import sys

from disk import check
from lab import run, wait_until
from scenario import Scenario, main

OVMF_KEYS = "/usr/share/ovmf/PkKek-1-snakeoil"


def facts_of(s, host):
    return json.loads(s.slipway.cli("host", "show", host.mac, "--json"))


def boots(s, host):
    """From power-on to power-off with Secure Boot on, and then from its disk."""
    s.prepare(host)
    s.slipway.arm(host)
    host.power_on()
    host.wait_for("slipway: The installer starts", 420)
    host.wait_off(420)
    shown = facts_of(s, host)
    check(shown["state"] == "installed", f"{host.name} is installed, not {shown}")
    check('"secure_boot": true' in json.dumps(shown), f"Secure Boot was on: {shown}")
    seed = s.check_disk(host)
    host.firmware = "bios"  # the tiny system's own loader is not signed
    s.check_tiny_guest(host, seed)


def settings(s, text):
    with s.slipway.settings.open("a") as file:
        file.write(text + "\n")


def make_program(s, which, file, *words):
    """`slipway media WORDS` makes a boot program, and `which` firmware is sent it."""
    boot_folder = s.slipway.data / "boot"
    boot_folder.mkdir()
    settings(s, f"boot_programs: {{{which}: {file}}}")
    print(s.slipway.cli("media", *words, "-o", boot_folder / file), end="")


def image():
    with Scenario("secure-boot") as s:
        make_program(s, "uefi_http", "slipway.img", "efi")
        boots(s, s.host("uefi-secure-http", memory_mib=1536))


def uki():
    with Scenario("secure-boot-uki") as s:
        key = s.lab.folder / "depot.key"
        # Debian's test key stands in the firmware's db; its passphrase is no secret.
        run("openssl", "rsa", "-in", f"{OVMF_KEYS}.key", "-passin", "pass:snakeoil", "-out", key)
        make_program(s, "uefi", "slipway.efi", "uki", "--key", key, "--cert", f"{OVMF_KEYS}.pem")
        boots(s, s.host("uefi-secure-own-key", memory_mib=1536))


def shim():
    with Scenario("secure-boot-shim") as s:
        s.lab.dhcp.stop()  # GRUB 2.06 loads from whoever gave the lease
        settings(s, "boot_programs: {uefi: shim}\n"
                    "dhcp: {mode: server, pool: {from: 10.88.0.100, to: 10.88.0.199}}")
        boots(s, s.host("uefi-secure"))


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


main({"image": image, "uki": uki, "shim": shim, "refused": refused}[sys.argv[1]])
