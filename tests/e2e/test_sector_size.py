#!/usr/bin/env python3
"""A disk with sectors of 4096 octets: the image made for 512 is refused before anything is written;
armed again with the right one, the same agent goes on without a reboot, UEFI boots the disk, and the
system there reads its seed: from FAT, for Linux mounts no ISO 9660 on such a disk. The
host is in no inventory: its agent waits, and begins as soon as a person has taken and armed it.
Before the write the disk says how healthy it is (smartctl), is read for a while (burn-in) and is
erased by its controller (NVMe format); the host's clock, which stood in 2001, is set."""

import re

import assets
from disk import check
from lab import wait_until
from scenario import Scenario, main

RULE = "[{type: nvme}]"


def take(s, host, profile):
    s.slipway.cli("host", "assign", host.mac, "--profile", profile, "--site", "store-0042")
    s.slipway.cli("host", "arm", host.mac, "--why", "an end-to-end test")


def story():
    with Scenario("sector-size", "tiny4k") as s:
        disk = s.disk("disk", kind="nvme", sector=4096)
        disk.fill("what was here before")
        before = disk.sha256()
        host = s.host("uefi", disks=[disk])
        host.clock = "2001-02-03T04:05:06"
        s.slipway.add_profile("wrong", assets.IMAGES["tiny"], select=RULE)
        s.slipway.add_profile("right", s.image_name, select=RULE, erase="secure",
                              burn_in="{disk_read: 3s}")
        s.slipway.add_site("store-0042")
        s.slipway.start()
        host.power_on()
        wait_until(lambda: s.slipway.show(host).get("inventory"), 180, "the agent to wait", host.text)
        take(s, host, "wrong")
        shown = s.slipway.wait_state(host, "failed", 240)
        check(shown["reason"] == "sector-size-mismatch", f"the reason is sector-size-mismatch: {shown}")
        check("4096" in shown["detail"] and "512" in shown["detail"], f"both sizes are named: {shown}")
        check(disk.sha256() == before, "nothing was written")

        s.slipway.cli("host", "disarm", host.mac)
        take(s, host, "right")
        host.wait_off(240)
        shown = s.slipway.show(host)
        check(shown.get("state") == "installed", "the host is installed")
        check(re.search(r"The clock stood at 2001-02-03 04:0\d:\d\d UTC; it is 20[2-9]\d[^,]* now\.", host.text()),
              "both clocks were set")
        report = shown.get("report") or {}
        check(report.get("health", {}).get("verdict") == "good", f"the disk's health is known: {report}")
        erase = report.get("erase", {})
        check(erase.get("method") == "nvme-format" and erase.get("verified") is True, f"it was erased: {report}")
        check(report.get("seconds", {}).get("burn-in", 0) >= 3, f"it was read before: {report}")
        s.check_tiny_guest(host, s.check_disk(host))


main(story)
