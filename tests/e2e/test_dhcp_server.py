#!/usr/bin/env python3
"""A bench without a DHCP server: slipway gives the leases, and a host boots from what stands in its own lease, is written,
verified and switched off.

    test_dhcp_server.py bios|uefi
"""

import sys

from disk import check
from lab import wait_until
from scenario import Scenario, main

LEASES = """\
dhcp:
  mode: server
  pool: {from: 10.88.0.100, to: 10.88.0.150}
"""


def story():
    firmware = sys.argv[1]
    with Scenario(f"dhcp-server-{firmware}", lease=None) as s:
        s.slipway.settings.write_text(s.slipway.settings.read_text() + LEASES)
        host = s.host(firmware)
        s.prepare(host, about_host="bench_address: 10.88.0.21\n")
        s.slipway.arm(host)
        log = s.slipway.process.log
        wait_until(lambda: "event=dhcp.leases_given" in log.read_text(), 20, "leases to be given")
        s.install(host)
        s.check_disk(host)
        lines = [line for line in log.read_text().splitlines() if "event=dhcp.leased" in line and host.mac in line]
        check(any("address=10.88.0.21" in line for line in lines), f"the host had its bench address: {lines}")


main(story)
