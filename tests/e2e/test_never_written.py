#!/usr/bin/env python3
"""Nobody armed it, so nobody writes it: a host of the inventory and a stranger keep their disks,
whether unknown hosts are discovered (the agent waits, and can do nothing else) or ignored (they
start what is on their disk).

    test_never_written.py discover|ignore
"""

import shutil
import sys
import time

from disk import check
from lab import SCALE, wait_until
from scenario import Scenario, main

WATCHED_SECONDS = 10  # with the agent up, longer than any plan takes to be fetched


def story():
    unknown_hosts = sys.argv[1]
    with Scenario(f"never-written-{unknown_hosts}", unknown_hosts=unknown_hosts) as s:
        known, stranger = s.host(memory_mib=768), s.host(memory_mib=768)
        s.prepare(known)
        s.slipway.wait_state(known, "assigned", 5)  # or the server would not have read the inventory
        for host in (known, stranger):
            shutil.copy(s.image, host.disks[0].path)
        before = [host.disks[0].sha256() for host in (known, stranger)]
        for host in (known, stranger):
            host.power_on()
            if unknown_hosts == "discover":
                wait_in_agent(s, host)
            else:
                host.wait_for("SLIPWAY-GUEST-DONE", 180)
                host.wait_off(30)
        after = [host.disks[0].sha256() for host in (known, stranger)]
        check(after == before, "both disks are as they were")
        if unknown_hosts == "discover":
            check(s.slipway.show(known)["state"] == "assigned", "the known host is still assigned")
            check(s.slipway.show(stranger)["state"] == "discovered", "the stranger is discovered")


def wait_in_agent(s, host):
    """Until the agent has told what the machine has: it is up, asks for a plan and gets none."""
    wait_until(lambda: s.slipway.show(host).get("inventory"), 180, f"{host.name} to post its inventory",
               lambda: host.text()[-2000:])
    time.sleep(WATCHED_SECONDS * SCALE)
    check(host.is_on(), f"{host.name} waits with the power on")
    host.cut_power()


main(story)
