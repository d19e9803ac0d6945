#!/usr/bin/env python3
"""The host loses power while it is written, at moments spread over the write, the read-back and the
commit: then its disk does not boot, or holds all of the image and the seed. An arming has three
attempts, so two cuts and a power-on that finishes, and so on. The disk is never emptied: from the
second arming on, a whole older system is on it.

    test_power_cut.py KILLS      SLIPWAY_TEST_SCALE scales the number down (not below 2)
"""

import os
import random
import sys
import time

from disk import MIB, check
from lab import say, wait_until
from scenario import Scenario, main

STEPS = ["checks", "wipe", "write", "verify", "finishing", "commit", "bootentry", "done"]
SEED = 5


class Moments:
    """Where the next cut falls: half of them in the write, the others in the read-back and the commit."""

    def __init__(self, random_source, image_octets):
        self.random, self.octets, self.number = random_source, image_octets, 0

    def wait(self, s, host):
        """Until the moment has come; returns its name."""
        name = ("write", "commit", "write", "verify")[self.number % 4]
        self.number += 1
        wait = {"write": self.in_write, "verify": self.in_verify, "commit": self.in_commit}[name]
        wait(s, host)
        return name

    def in_write(self, s, host):
        octets = self.random.randrange(self.octets * 9 // 10)
        wait_until(lambda: has_reached(s, host, "write", octets), 240, f"{octets} octets to be written", host.text)
        time.sleep(self.random.uniform(0, 0.5))  # the agent reports twice a second

    def in_verify(self, s, host):
        wait_until(lambda: has_reached(s, host, "verify", 0), 240, "the read-back to begin", host.text)
        time.sleep(self.random.uniform(0, 0.8))

    def in_commit(self, s, host):
        """From the disk itself: the commit is too short to be seen from anywhere else."""
        wait_until(lambda: has_reached(s, host, "write", 0), 240, "the write to begin", host.text)
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and host.is_on():
            if any(host.disks[0].read(1024, 4096)):  # the entries: the first that the commit writes
                break
            time.sleep(0.0005)
        time.sleep(self.random.uniform(0, 0.03))


def has_reached(s, host, step, octets):
    shown = s.slipway.show(host)
    now = shown.get("step")
    if not host.is_on() or shown.get("state") == "installed":
        return True
    if now not in STEPS or shown.get("state") != "installing":
        return False
    if now == step:
        return shown.get("done_octets", 0) >= octets
    return STEPS.index(now) > STEPS.index(step)


def check_after_cut(s, host):
    """Returns what was found: an empty or a whole disk."""
    disk = host.disks[0]
    if disk.has_no_table():
        return "empty"
    if not any(disk.lba(0)):  # cut between LBA 1 and LBA 0: the rest must be there
        with open(s.image, "rb") as image:
            disk.write(0, image.read(512))
    s.check_disk(host)
    return "whole"


def check_does_not_boot(host):
    host.power_on_disk_only()
    host.wait_for("No bootable device", 60)
    host.cut_power()


def finish(s, host):
    disk = host.disks[0]
    rate, disk.write_rate = disk.write_rate, 0
    if s.slipway.show(host).get("state") != "installed":
        s.install(host)
    disk.write_rate = rate
    return s.check_disk(host)


def story():
    scale = min(1.0, float(os.environ.get("SLIPWAY_TEST_SCALE", "1")))
    wanted = int(sys.argv[1])
    kills = max(2, round(wanted * scale)) if wanted > 2 else wanted
    with Scenario("power-cut") as s:
        host = s.host(write_rate=8 * MIB)
        s.prepare(host)
        moments = Moments(random.Random(SEED), 64 * MIB)
        found = {}
        done = tried = attempts = 0
        while done < kills:
            tried += 1
            check(tried <= 2 * kills + 4, f"enough attempts last until they are cut: {done} of {tried}")
            if attempts == 0:
                s.slipway.arm(host)
            attempts += 1
            host.power_on()
            s.slipway.wait_state(host, "booting", 180)
            moment = moments.wait(s, host)
            if host.is_on():
                host.cut_power()
                what = check_after_cut(s, host)
                found[moment, what] = found.get((moment, what), 0) + 1
                done += 1
                say(f"cut {done}, in {moment}: the disk is {what}")
                if done == 1:
                    check(what == "empty", "the first cut is in mid-write")
                    check_does_not_boot(host)
            if attempts == 2 or done == kills or s.slipway.show(host).get("state") == "installed":
                seed = finish(s, host)
                attempts = 0
        say(f"{done} cuts, seed {SEED}: " + ", ".join(f"{count} in {moment}: {what}"
                                                     for (moment, what), count in sorted(found.items())))
        s.check_tiny_guest(host, seed)


main(story)
