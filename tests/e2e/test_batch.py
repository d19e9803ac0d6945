#!/usr/bin/env python3
"""A person opens a batch by sites: an unknown host that fits its rules is discovered, taken, written
and switched off, and the report names it. One that does not fit waits, and keeps its disk."""

import csv
import io
import json
import time

from disk import check
from lab import SCALE, wait_until
from scenario import Scenario, main

WATCHED_SECONDS = 35  # longer than an agent waits before it asks for its plan again


def open_batch(s, host):
    """One site, for exactly this MAC of this maker; returns the batch's ID."""
    sites = s.lab.folder / "sites.csv"
    sites.write_text("order,site\n4711,store-0042\n")
    opened = s.slipway.cli("batch", "open", "--profile", "edge", "--sites", sites, "--allow",
                           f"mac={host.mac}", "--allow", "vendor=Slip*", "--why", "order 4711", "--json")
    return json.loads(opened)["id"]


def stays_waiting(s, stranger):
    before = stranger.disks[0].sha256()
    stranger.power_on()
    wait_until(lambda: s.slipway.show(stranger).get("inventory"), 180,
               f"{stranger.name} to post its inventory", lambda: stranger.text()[-2000:])
    time.sleep(WATCHED_SECONDS * SCALE)
    check(s.slipway.show(stranger)["state"] == "discovered", "the host that does not fit waits")
    stranger.cut_power()
    check(stranger.disks[0].sha256() == before, "its disk is as it was")


def check_report(s, batch, host):
    rows = list(csv.DictReader(io.StringIO(s.slipway.cli("batch", "report", batch, "--format", "csv"))))
    check(len(rows) == 1, f"the report has one box: {rows}")
    box = rows[0]
    wanted = {"macs": host.mac, "serial": host.serial, "site": "store-0042", "profile": "edge@1.0.0",
              "image": s.image_name, "result": "installed", "attempts": "1"}
    check({key: box[key] for key in wanted} == wanted, f"the report names the box: {box}")
    check(box["edge_id"].startswith("edge-"), f"and its edge-host ID: {box}")
    check(box["image_digest"].startswith("sha256:"), f"and the image's digest: {box}")
    check(box["armed_by"].startswith(f"batch {batch}, opened by "), f"and who armed it: {box}")
    terraform = s.slipway.cli("host", "export", "--format", "terraform", "--batch", batch)
    check(f'uid  = "{box["edge_id"]}"' in terraform, f"the export has the same ID:\n{terraform}")
    return box


def story():
    with Scenario("batch") as s:
        host, stranger = s.host(kind="ahci"), s.host(memory_mib=768)
        s.slipway.add_profile("edge", s.image_name, select="[{type: hdd}]")
        s.slipway.add_site("store-0042")
        s.slipway.start()
        batch = open_batch(s, host)
        stays_waiting(s, stranger)
        s.install(host)
        s.check_disk(host)
        shown = json.loads(s.slipway.cli("batch", "show", batch, "--json"))
        check((shown["done"], shown["total"]) == (1, 1), f"one of one is done: {shown}")
        box = check_report(s, batch, host)
        s.slipway.kill()
        s.slipway.start()
        check(check_report(s, batch, host) == box, "the report is the same after a crash of the server")


main(story)
