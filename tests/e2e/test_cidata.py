#!/usr/bin/env python3
"""The volume of `slipway media cidata` on a CD: stock cloud-init of a Debian that nobody prepared takes
host name, user and network from it."""

import shutil

from disk import Disk
from lab import say
from scenario import Scenario, main
from server import STATIC


class Cd:
    """A CD of a host, not in its boot order."""

    def __init__(self, path):
        self.path = path

    def arguments(self, number):
        return ["-drive", f"if=none,id=disk{number},file={self.path},format=raw,readonly=on",
                "-device", f"virtio-scsi-pci,id=bus{number}",
                "-device", f"scsi-cd,bus=bus{number}.0,drive=disk{number}"]


def story():
    with Scenario("cidata", "debian") as s:
        iso = s.lab.folder / "seed.iso"
        disk = Disk(s.lab.folder / "h1-disk.img", 1)
        shutil.copy(s.image, disk.path)
        host = s.host(disks=[disk, Cd(iso)])
        s.slipway.add_profile("edge", s.image_name)
        s.slipway.add_site("store-0042", STATIC)
        s.slipway.add_host(host, "edge", "store-0042")
        # No server runs: the files alone are enough.
        say(s.slipway.cli("media", "cidata", "--mac", host.mac, "-o", iso).strip())
        s.check_debian_guest(host, "10.4.2.10/24")


main(story)
