#!/usr/bin/env python3
"""The main job, shown live; started by deploy/demo.

    demo.py [--bios]
"""

import re
import sys
import time

from disk import check
from lab import LabError, run, say
from scenario import Scenario, main
from server import STATIC

# What the console shows when a step begins, in order, for each firmware.
CONSOLE = [
    (r"iPXE \d|iPXE initialising", "iPXE runs"),
    (r"boot\.ipxe", "script asked for"),
    (r"vmlinuz", "kernel is loaded"),
    (r"slipway: The installer starts", "installer runs"),
]
STEPS = {
    "inventory": "agent reports the machine", "checks": "requirements, choice of disk",
    "wipe": "first and last MiB wiped", "write": "image is written", "verify": "disk is read back",
    "commit": "partition table is written", "bootentry": "UEFI boot entry", "done": "success acknowledged",
}


class Timeline:
    def __init__(self):
        self.started = time.monotonic()
        self.entries = []

    def add(self, text):
        if text in (entry for _, entry in self.entries):
            return
        self.entries.append((time.monotonic() - self.started, text))
        say(f"\r\x1b[K{self.entries[-1][0]:7.1f} s  {text}" if sys.stdout.isatty()
            else f"{self.entries[-1][0]:7.1f} s  {text}")

    def print(self):
        say("\nTimeline (seconds since power-on, seconds until the next step)")
        ends = [at for at, _ in self.entries[1:]] + [self.entries[-1][0]]
        for (at, text), end in zip(self.entries, ends):
            say(f"  {at:7.1f} s  {text:<44} {end - at:6.1f} s")


def show_progress(shown):
    """The host's progress on the last line of a terminal."""
    total = shown.get("total_octets") or 0
    if not sys.stdout.isatty() or shown.get("step") not in ("write", "verify") or not total:
        return
    share = shown["done_octets"] / total
    bar = "#" * int(share * 30)
    rate = shown.get("rate_octets", 0) / (1 << 20)
    print(f"\r\x1b[K  {shown['step']} [{bar:<30}] {share:5.1%}  {rate:6.1f} MiB/s", end="", flush=True)


def watch_installation(s, host, timeline):
    """From power-on to power-off: every step enters the timeline as it is seen."""
    waiting = list(CONSOLE)
    deadline = time.monotonic() + 500
    offers = s.lab.dhcp.log
    while host.is_on():
        if time.monotonic() > deadline:
            raise LabError(f"{host.name} is still on after 500 s: {s.slipway.show(host)}")
        if "DHCPOFFER" in offers.read_text():
            timeline.add("DHCP offer")
        console = host.text()
        while waiting and re.search(waiting[0][0], console):
            timeline.add(waiting.pop(0)[1])
        shown = s.slipway.show(host)
        if shown.get("state") == "failed":
            raise LabError(f"{host.name} failed: {shown.get('reason')}: {shown.get('detail')}")
        if shown.get("state") == "installing" and shown.get("step"):
            timeline.add(STEPS.get(shown["step"], shown["step"]))
            show_progress(shown)
        time.sleep(0.2)
    host.wait_off(5)
    timeline.add("host has switched itself off")


def watch_first_boot(host, timeline):
    host.power_on_disk_only()
    timeline.add("power on again, from the disk alone")
    host.wait_for(r"GRUB", 60)
    timeline.add("boot loader of the disk")
    host.wait_for(r"login:", 200)
    timeline.add("Debian is up")
    host.wait_for(r"SLIPWAY-GUEST-DONE", 200)
    timeline.add("cloud-init is done")
    host.wait_off(60)
    timeline.add("host is off, ready to be boxed")


def show_guest(host, facts):
    say("\nWhat the guest says on its console:")
    for key, value in facts:
        say(f"  {key:<12} {value}")
    check(("hostname", "edge-h1") in facts, "cloud-init set this host's name")
    check(any(key == "user" and value.startswith("palette ") for key, value in facts),
          "cloud-init made the user palette")
    check(any(key == "file" and "staged for edge" in value for key, value in facts),
          "cloud-init wrote the profile's file")
    check(any(key == "address" and value.startswith("10.4.2.10/24") and value.endswith(host.mac)
              for key, value in facts), "the NIC has the site's static address")


def nothing_left(lab):
    check(lab.tag not in run("ip", "netns", "list"), "no network namespace is left")
    check(not any(process.running() for process in lab.processes), "no process is left")
    check(not lab.folder.exists() and str(lab.folder) not in open("/proc/mounts").read(),
          "no file and no mount is left")


def story():
    firmware = "bios" if "--bios" in sys.argv[1:] else "uefi"
    say("preparing: test system's image, installer, store")
    with Scenario("demo", "debian") as s:
        host = s.host(firmware)
        s.prepare(host, network=STATIC)
        s.slipway.arm(host, why="the demonstration")
        say(f"\nA LAN with a foreign DHCP server, slipway serve, and {host.name} ({firmware}, {host.mac}) "
            "with an empty disk of 2 GiB. Power on.\n")
        timeline = Timeline()
        host.power_on()
        timeline.add("power on")
        watch_installation(s, host, timeline)
        check(s.slipway.show(host).get("state") == "installed", "the server has the success on record")
        s.check_disk(host)
        say("\nThe disk holds the image octet for octet, a table that fits the disk, and the host's seed.\n")
        watch_first_boot(host, timeline)
        show_guest(host, host.guest_facts())
        timeline.print()
    nothing_left(s.lab)
    say("\nSuccess. Nothing is left behind.")


main(story)
