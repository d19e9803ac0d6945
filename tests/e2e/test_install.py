#!/usr/bin/env python3
"""A bare host boots from the network, is written, verified and switched off, and then runs from its
disk alone: for each firmware, and with disks of several kinds. Of two disks, the one that the
profile's rule names is written, and the other keeps every octet.

    test_install.py bios|uefi|uefi-http|uefi-rom debian|tiny KIND [KIND-OF-ANOTHER-DISK]
"""

import sys

from disk import check
from scenario import Scenario, main
from server import STATIC

RULE_TYPES = {"virtio": "virtio", "nvme": "nvme", "ahci": "hdd", "scsi": "hdd", "megasas": "hdd"}


def story():
    firmware, image, kind, *others = sys.argv[1:]
    with Scenario(f"install-{firmware}", image) as s:
        disks = [s.disk("first", kind=kind)] + [s.disk("other", 512, kind=other) for other in others]
        for disk in disks:
            disk.fill("what was here before")
        before = [disk.sha256() for disk in disks[1:]]
        host = s.host(firmware, disks=disks)
        s.prepare(host, network=STATIC, select=f"[{{type: {RULE_TYPES[kind]}}}]")
        s.slipway.arm(host)
        s.install(host)
        seed = s.check_disk(host)
        check([disk.sha256() for disk in disks[1:]] == before, "the other disk is as it was")
        if image == "debian":
            s.check_debian_guest(host, "10.4.2.10/24")
        else:
            s.check_tiny_guest(host, seed)


main(story)
