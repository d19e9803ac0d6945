#!/usr/bin/env python3
"""In mid-write the cable is pulled for a minute, the lease is lost and another one given, and the server is
killed and started again: the host finishes, in the one attempt that it began.

SLIPWAY_TEST_SCALE below 1 shortens the minute.
"""

import os
import time

from disk import MIB, check
from lab import say, wait_until
from scenario import Scenario, main

UNPLUGGED_SECONDS = 60 * min(1.0, float(os.environ.get("SLIPWAY_TEST_SCALE", "1")))


def story():
    with Scenario("rough-network", lease="2m") as s:
        host = s.host(write_rate=MIB // 4)
        s.prepare(host)
        s.slipway.arm(host)
        host.power_on()
        s.slipway.wait_written(host, MIB, 180)
        say("the cable is pulled, and the DHCP server forgets its leases")
        host.plug(False)
        s.lab.give_other_leases("10.88.0.210", "10.88.0.230")
        time.sleep(UNPLUGGED_SECONDS)
        check(s.slipway.show(host).get("state") == "installing", "the host was not given up")
        host.plug(True)
        # It asks for its lease again after half of its 2 minutes, is refused and takes another.
        wait_until(lambda: "host.address_changed" in s.slipway.process.log.read_text(), 150,
                   "the host to go on from another address")
        check(host.disks[0].has_no_table(), "all this happened in mid-write")
        say("the server is killed and started again")
        s.slipway.kill()
        s.slipway.start()
        host.wait_off(400)  # -no-reboot: had the host reset, this fails
        shown = s.slipway.show(host)
        check(shown.get("state") == "installed", f"the host is installed: {shown}")
        check(shown.get("attempt") == 1, f"in one attempt: {shown}")
        seed = s.check_disk(host)
        s.check_tiny_guest(host, seed)


main(story)
