#!/usr/bin/env python3
"""A finished host that boots from the network again is sent to its disk: the disk's hash stays. The
host has the least memory that we promise to install with.

    test_second_power_on.py bios|uefi
"""

import sys

from disk import check
from scenario import Scenario, main

LEAST_MIB = 512


def story():
    firmware = sys.argv[1]
    with Scenario(f"second-power-on-{firmware}") as s:
        host = s.host(firmware, memory_mib=LEAST_MIB)
        s.prepare(host)
        s.slipway.arm(host)
        s.install(host)
        before = host.disks[0].sha256()
        for time in ("second", "third") if firmware == "bios" else ("second",):
            host.power_on()
            host.wait_for("SLIPWAY-GUEST-DONE", 180)  # the tiny system never writes
            host.wait_off(30)
            check(host.disks[0].sha256() == before, f"the {time} power-on leaves the disk's hash unchanged")
        check(s.slipway.show(host)["state"] == "installed", "the host is still installed")


main(story)
