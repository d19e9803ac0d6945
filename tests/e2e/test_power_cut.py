#!/usr/bin/env python3
"""The host loses power in mid-write: its disk does not boot, and the next power-on finishes."""

from disk import MIB, check
from scenario import Scenario, main


def story():
    with Scenario("power-cut") as s:
        host = s.host(write_rate=5 * MIB)
        disk = host.disks[0]
        s.prepare(host)
        s.slipway.arm(host)
        host.power_on()
        s.slipway.wait_written(host, 12 * MIB, 180)
        host.cut_power()
        check(disk.used_octets() > 4 * MIB, "the image is partly on the disk")
        check(disk.has_no_table(), "LBA 0 and LBA 1 are empty")
        host.power_on_disk_only()
        host.wait_for("No bootable device", 60)
        host.cut_power()
        disk.write_rate = 0
        s.install(host)
        seed = s.check_disk(host)
        s.check_tiny_guest(host, seed)


main(story)
