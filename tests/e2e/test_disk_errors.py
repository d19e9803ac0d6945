#!/usr/bin/env python3
"""A disk that reports errors, and one that lies: the host is failed with the disk and the LBA, or the
chunk, in the reason, it is never installed, and nothing on the disk can boot. One host goes through all
of it without a reboot, is armed each time again, and is installed once the disk is mended."""

import re
import time

from disk import MIB, FaultyDisk, check
from lab import say, wait_until
from scenario import Scenario, main

BODY = 48 * MIB + 4096  # in the image's filler: not zero
FIRST_OF_COMMIT = 1024  # the rest of the first MiB, behind LBA 0 and 1, which come last


# Name, octets after which the fault is switched on (0: before the arming), the fault, the reason, and
# what the detail must hold.
DISK = r"/dev/vda: LBA \d+"
CASES = [
    ("write error", 12 * MIB, lambda disk: disk.fail("write"), "disk-write-error", DISK),
    ("read error", 12 * MIB, lambda disk: disk.fail("read"), "disk-read-error", DISK),
    ("error in the last MiB to be written", 0, lambda disk: disk.lie("refuse", FIRST_OF_COMMIT),
     "disk-write-error", "/dev/vda: LBA 2:"),
    ("write that is dropped", 0, lambda disk: disk.lie("drop", BODY), "verify-mismatch", "chunk"),
    ("octet that is stored wrong", 0, lambda disk: disk.lie("flip", BODY), "verify-mismatch", "chunk"),
]


def story():
    with Scenario("disk-errors") as s:
        disk = FaultyDisk(s.lab, "faulty", 512, write_rate=8 * MIB)
        host = s.host(disks=[disk])
        s.prepare(host)
        for number, (name, after, switch_on, reason, wanted) in enumerate(CASES):
            if not after:
                switch_on(disk)
            errors = disk.errors()
            disk.write(BODY, bytes(512))  # what a dropped write leaves must not be right by chance
            s.slipway.arm(host)
            if number == 0:
                host.power_on()
            if after:
                s.slipway.wait_written(host, after, 240)
                switch_on(disk)
            if reason != "verify-mismatch":
                wait_until(lambda: disk.errors() > errors, 240, f"{name}", host.text)
            begun = time.monotonic()
            shown = s.slipway.wait_state(host, "failed", 240)
            say(f"{name}: known to the server {time.monotonic() - begun:.1f} s after the first error"
                if disk.errors() > errors else f"{name}: {shown['detail']}")
            check(shown["reason"] == reason, f"{name}: the reason is {reason}: {shown}")
            check(re.search(wanted, shown["detail"]), f"{name}: {wanted} is in the detail: {shown}")
            check(disk.has_no_table(), f"{name}: LBA 0 and LBA 1 are empty")
            states = s.slipway.cli("host", "show", host.name)
            check("installed and verified" not in states, f"{name}: it never counted as installed:\n{states}")
            disk.mend()
            s.slipway.cli("host", "disarm", host.mac)
        s.slipway.arm(host)
        host.wait_off(240)  # -no-reboot: had the host reset, this fails
        check(s.slipway.show(host).get("state") == "installed", "with the disk mended the host is installed")
        s.check_tiny_guest(host, s.check_disk(host))


main(story)
