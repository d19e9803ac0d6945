#!/usr/bin/env python3
"""The server's network card goes down and up, and gets another address: hosts are served again by DHCP, TFTP and HTTP,
at the address that holds now. A client of a few lines speaks for the firmware; no virtual hosts.

    test_network_faults.py [CYCLES]     default 100, scaled by SLIPWAY_TEST_SCALE
"""

import os
import socket
import sys
import time

from firmware import HOST_ADDRESS, message, run_with
from lab import BOOT_ADDRESS, say, wait_until

MAC = "52:54:00:aa:02:01"
ADDRESSES = (BOOT_ADDRESS, "10.88.0.7")


def next_server(reply):
    return socket.inet_ntoa(reply[20:24]) if reply else None


class Bench:
    def __init__(self, depot, firmware):
        self.lab, self.depot, self.firmware = depot.lab, depot, firmware
        firmware.plug("h1", MAC, HOST_ADDRESS)

    def is_served(self, address):
        """What a host needs of us, one after the other."""
        if next_server(self.firmware.send("h1", message(1, MAC), wait=0.3)) != address:
            return False
        for url in (f"http://{address}:8080/boot.ipxe", f"tftp://{address}/snponly.efi"):
            got = self.lab.run("h1", "curl", "-s", "--max-time", "1", "-o", "/dev/null", "-w", "%{size_download}", url, check=False)
            if not got.isdigit() or int(got) == 0:
                return False
        return True

    def time_until_served(self, address):
        began = time.monotonic()
        wait_until(lambda: self.is_served(address), 20, f"service at {address}", lambda: self.depot.process.log.read_text()[-3000:])
        return time.monotonic() - began

    def down_and_up(self):
        for state in ("down", "up"):
            self.lab.run("boot", "ip", "link", "set", "eth0", state)
        return self.time_until_served(ADDRESSES[0])

    def another_address(self, old, new):
        self.lab.run("boot", "ip", "address", "delete", f"{old}/24", "dev", "eth0")
        self.lab.run("boot", "ip", "address", "add", f"{new}/24", "dev", "eth0")
        return self.time_until_served(new)


def story(depot, firmware):
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else max(5, int(100 * float(os.environ.get("SLIPWAY_TEST_SCALE", "1"))))
    bench = Bench(depot, firmware)
    say(f"served after {bench.time_until_served(ADDRESSES[0]):.2f} s at the start, the three requests included")
    downs = [bench.down_and_up() for _ in range(cycles)]
    moves = []
    for _ in range(cycles):
        moves += [bench.another_address(*ADDRESSES), bench.another_address(*reversed(ADDRESSES))]
    for what, times in (("the card down and up", downs), ("another address", moves)):
        say(f"{what}, {len(times)} times: served again after {sorted(times)[len(times) // 2]:.2f} s (median), {max(times):.2f} s (worst)")


run_with("network-faults", story)
