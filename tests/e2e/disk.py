"""Disks of virtual hosts: sparse raw files, and what can be said about their content."""

import hashlib
import json
import os
from pathlib import Path

from lab import LabError, run

MIB = 1 << 20


class Disk:
    """`kind` is virtio, nvme or ahci. `write_rate`, octets a second, makes a write last as long as
    a test needs to cut it in the middle; 0 is unlimited."""

    def __init__(self, path, mib, kind="virtio", serial="", write_rate=0):
        self.path = Path(path)
        self.kind = kind
        self.serial = serial or self.path.stem.upper()
        self.write_rate = write_rate
        with open(self.path, "wb") as out:
            out.truncate(mib * MIB)

    @property
    def octets(self):
        return self.path.stat().st_size

    def arguments(self, number):
        """QEMU's words for this disk, second in the boot order behind the network."""
        drive = (f"if=none,id=disk{number},file={self.path},format=raw,discard=unmap,"
                 "cache=unsafe")  # the tests cut the guest's power, not the machine's
        if self.write_rate:
            drive += f",throttling.bps-write={self.write_rate}"
        device = {"virtio": "virtio-blk-pci", "nvme": "nvme", "ahci": "ide-hd"}[self.kind]
        if self.kind == "ahci":
            device += f",bus=ahci0.{number}"
        return ["-drive", drive, "-device",
                f"{device},drive=disk{number},serial={self.serial},bootindex={number + 2}"]

    def fill(self, seed):
        """Puts a pattern into the first and last MiB and the middle, as of an older installation."""
        block = hashlib.sha256(seed.encode()).digest() * (MIB // 32)
        for offset in (0, self.octets // 2 // MIB * MIB, self.octets - MIB):
            self.write(offset, block)

    def read(self, offset, octets):
        with open(self.path, "rb") as disk:
            disk.seek(offset)
            return disk.read(octets)

    def write(self, offset, data):
        with open(self.path, "r+b") as disk:
            disk.seek(offset)
            disk.write(data)

    def sha256(self, offset=0, octets=None):
        return sha256_of(self.path, offset, self.octets - offset if octets is None else octets)

    def lba(self, number):
        return self.read(number * 512, 512)

    def has_no_table(self):
        """True if neither LBA 0 nor LBA 1 holds anything: no firmware can boot from it."""
        return self.lba(0) == self.lba(1) == bytes(512)

    def used_octets(self):
        """Octets that were ever written and not discarded."""
        return os.stat(self.path).st_blocks * 512


def sha256_of(path, offset=0, octets=None):
    """SHA-256 of a part of a file."""
    digest = hashlib.sha256()
    left = Path(path).stat().st_size - offset if octets is None else octets
    with open(path, "rb") as source:
        source.seek(offset)
        while left:
            block = source.read(min(left, 4 * MIB))
            if not block:
                raise LabError(f"{path} ends {left} octets early")
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def partitions(path):
    return json.loads(run("sfdisk", "-J", path))["partitiontable"]["partitions"]


def check(condition, claim):
    """The assertion of these tests: the claim is what the failure says."""
    if not condition:
        raise LabError(f"not true: {claim}")


def check_image_on_disk(disk, image):
    """Every partition of the raw file `image` is on `disk`, octet for octet, under a table that fits
    the disk; then comes cidata. Returns the partition cidata as sfdisk names it."""
    wanted, found = partitions(image), partitions(disk.path)
    check(len(found) == len(wanted) + 1, f"the disk has the image's {len(wanted)} partitions and one more, "
          f"not {len(found)}")
    for old, new in zip(wanted, found):
        what = f"partition {old.get('name', old['start'])}"
        for key in ("start", "size", "type", "uuid", "name"):
            check(old.get(key) == new.get(key), f"{what}: {key} is {old.get(key)}, not {new.get(key)}")
        span = (old["start"] * 512, old["size"] * 512)
        check(sha256_of(image, *span) == disk.sha256(*span), f"{what}: octets equal the image's")
    with open(image, "rb") as source:
        head = source.read(MIB)
    check(head[:440] == disk.read(0, 440), "the boot code in LBA 0 equals the image's")
    check(head[34 * 512:] == disk.read(34 * 512, MIB - 34 * 512), "the rest of the first MiB equals the image's")
    problems = run("sgdisk", "--verify", disk.path, check=False)
    check("No problems found" in problems, f"sgdisk finds no problem in the table:\n{problems}")
    cidata = found[-1]
    check(cidata.get("name") == "cidata", f"the last partition is named cidata, not {cidata.get('name')}")
    check(cidata["start"] % 2048 == 0, "cidata is aligned to 1 MiB")
    check((cidata["start"] + cidata["size"]) * 512 > disk.octets - 4 * MIB, "cidata is at the end of the disk")
    return cidata


def read_cidata(disk, cidata, folder):
    """The files of the host's seed, by name."""
    iso = Path(folder) / "cidata.iso"
    iso.write_bytes(disk.read(cidata["start"] * 512, cidata["size"] * 512))
    about = run("isoinfo", "-d", "-i", iso)
    check("Volume id: cidata" in about, f"the ISO is labelled cidata:\n{about}")
    check("Joliet" in about and "Rock Ridge" in about, "the ISO has Joliet and Rock Ridge names")
    files = {}
    for line in run("isoinfo", "-R", "-f", "-i", iso).splitlines():
        files[line.lstrip("/")] = run("isoinfo", "-R", "-i", iso, "-x", line)
    return files
