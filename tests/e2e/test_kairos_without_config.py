#!/usr/bin/env python3
"""A live system that fetches its root file system and not its config, and goes on with an empty one:
nobody but the server can notice, and it raises the alarm. The disk is not written.
"""

from disk import check
from lab import wait_until
from scenario import Scenario, main
from test_kairos import prepare

ALARM_SECONDS = 15 * 60  # from the last file to the alarm: docs/installers.md


def story():
    with Scenario("kairos-without-config") as s:
        host = s.host()
        prepare(s, host, "fixture.no-config")
        host.power_on()
        host.wait_for("LIVE: not installed: the configuration has neither", 600)
        wait_until(lambda: s.slipway.show(host).get("reason") == "config-not-fetched", ALARM_SECONDS + 120,
                   "the alarm", lambda: str(s.slipway.show(host)))
        alarm = next((line for line in s.slipway.process.log.read_text().splitlines()
                      if "event=host.timed_out" in line), "")
        check("root file system, but not its config" in alarm, f"the alarm tells what was fetched: {alarm!r}")
        check(host.disks[0].has_no_table(), "the disk was not written")


main(story)
