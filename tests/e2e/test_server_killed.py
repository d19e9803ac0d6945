#!/usr/bin/env python3
"""kill -9 of the server in mid-write, then a restart: the host, with its disk behind a RAID controller,
finishes without a reboot."""

from disk import MIB, check
from scenario import Scenario, main


def story():
    with Scenario("server-killed") as s:
        host = s.host(kind="megasas", write_rate=5 * MIB)
        s.prepare(host, select="[{type: hdd}]")
        s.slipway.arm(host)
        host.power_on()
        s.slipway.wait_written(host, 8 * MIB, 180)
        s.slipway.kill()
        check(host.disks[0].has_no_table(), "the server died in mid-write")
        s.slipway.start()
        host.wait_off(300)  # -no-reboot: had the host reset, this fails
        shown = s.slipway.show(host)
        check(shown.get("state") == "installed", f"the host is installed: {shown}")
        s.check_disk(host)
        # The image's kernel has no driver for this controller: it starts, and cannot look for its seed.
        check("tiny" in dict(host.boot_from_disk(120)), "the tiny system booted")


main(story)
