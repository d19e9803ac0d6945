#!/usr/bin/env python3
"""A stick of `slipway media usb` in a host that does not boot from the network: the host waits until it is
armed, is written, verified and switched off, and the stick is as it was, octet for octet.

    test_stick.py bios|uefi
"""

import sys

from disk import check, sha256_of
from scenario import Scenario, main


def story():
    firmware = sys.argv[1]
    with Scenario(f"stick-{firmware}", unknown_hosts="ignore") as s:
        host = s.host(firmware)
        s.prepare(host)
        stick = s.lab.folder / "stick.img"
        # For any host by BIOS, for this one alone by UEFI.
        s.slipway.cli("media", "usb", "-o", stick, *(["--mac", host.mac] if firmware == "uefi" else []))
        before = sha256_of(stick)
        host.power_on_stick(stick)
        host.wait_for("Slipway: loading the installer from this stick", 60)
        host.wait_for("slipway: The installer starts", 240)
        host.wait_for("nothing to do on this host", 120)
        check(host.disks[0].has_no_table(), "a host that is not armed is not written")
        s.slipway.arm(host)
        host.wait_off(420)
        shown = s.slipway.show(host)
        check(shown.get("state") == "installed", f"{host.name} is installed, not {shown}")
        check(sha256_of(stick) == before, "the stick is unchanged")
        s.check_tiny_guest(host, s.check_disk(host))


main(story)
