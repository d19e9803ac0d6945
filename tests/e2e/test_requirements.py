#!/usr/bin/env python3
"""A host that does not fit its profile is refused with a reason in `host show`, and not written.

    test_requirements.py disk-too-small|several-disks-match|memory-too-small
"""

import sys

from disk import check
from scenario import Scenario, main

# Reason: the host's memory, its disks in MiB, the profile's words.
CASES = {
    "disk-too-small": (1024, [512], {"requirements": "{memory: 256MiB, cpus: 1, disk: 50GiB}"}),
    "several-disks-match": (1024, [512, 512], {"select": "[{type: virtio}]"}),
    "memory-too-small": (1024, [512], {"requirements": "{memory: 4GiB, cpus: 1}"}),
}


def story():
    reason = sys.argv[1]
    memory_mib, sizes, profile = CASES[reason]
    with Scenario(reason) as s:
        disks = [s.disk(f"disk{number}", mib) for number, mib in enumerate(sizes)]
        for disk in disks:
            disk.fill("what was here before")
        before = [disk.sha256() for disk in disks]
        host = s.host(memory_mib=memory_mib, disks=disks)
        s.prepare(host, **profile)
        s.slipway.arm(host)
        host.power_on()
        shown = s.slipway.wait_state(host, "failed", 180)
        check(shown["reason"] == reason, f"the reason is {reason}: {shown}")
        check(len(shown["detail"]) > 20, f"a sentence says what to do: {shown}")
        text = s.slipway.cli("host", "show", host.name)
        check(reason in text, f"`host show` prints the reason:\n{text}")
        check([disk.sha256() for disk in disks] == before, "no disk was touched")
        host.cut_power()


main(story)
