#!/usr/bin/env python3
"""A bare host boots from the network, is written, verified and switched off, and then runs from its
disk alone: once for each firmware.

    test_install.py bios|uefi|uefi-http|uefi-rom debian|tiny
"""

import sys

from scenario import Scenario, main
from server import STATIC


def story():
    firmware, image = sys.argv[1:3]
    with Scenario(f"install-{firmware}", image) as s:
        host = s.host(firmware)
        s.prepare(host, network=STATIC)
        s.slipway.arm(host)
        s.install(host)
        seed = s.check_disk(host)
        if image == "debian":
            s.check_debian_guest(host, "10.4.2.10/24")
        else:
            s.check_tiny_guest(host, seed)


main(story)
