"""Disks of virtual hosts: sparse raw files, and what can be said about their content."""

import hashlib
import contextlib
import json
import os
import re
from pathlib import Path

from lab import LabError, run, wait_until

MIB = 1 << 20
HERE = Path(__file__).resolve().parent

# What QEMU calls each kind of disk, and the controller that it hangs on.
KINDS = {
    "virtio": ("virtio-blk-pci", None),
    "nvme": ("nvme", None),
    "ahci": ("ide-hd", "ahci"),
    "scsi": ("scsi-hd", "virtio-scsi-pci"),
    "megasas": ("scsi-hd", "megasas"),
}


class Disk:
    """`kind` is one of KINDS. `write_rate`, octets a second, makes a write last as long as a test needs
    to cut it in the middle; 0 is unlimited. `sector` is the logical one, 512 or 4096 octets."""

    def __init__(self, path, mib, kind="virtio", serial="", write_rate=0, sector=512):
        self.path = Path(path)
        self.kind = kind
        self.serial = serial or self.path.stem.upper()
        self.write_rate = write_rate
        self.sector = sector
        with open(self.path, "wb") as out:
            out.truncate(mib * MIB)

    @property
    def octets(self):
        return self.path.stat().st_size

    def arguments(self, number):
        """QEMU's words for this disk, second in the boot order behind the network."""
        drive = (f"if=none,id=disk{number},file={self.source()},format=raw,discard=unmap,"
                 "cache=unsafe")  # the tests cut the guest's power, not the machine's
        if self.write_rate:
            drive += f",throttling.bps-write={self.write_rate}"
        drive += ",werror=report,rerror=report"  # or QEMU would halt the host at ENOSPC
        device, controller = KINDS[self.kind]
        words = []
        if controller:
            words = ["-device", f"{controller},id=bus{number}"]
            device += f",bus=bus{number}.0"
        if self.sector != 512:
            device += f",logical_block_size={self.sector},physical_block_size={self.sector}"
        return ["-drive", drive, *words, "-device",
                f"{device},drive=disk{number},serial={self.serial},bootindex={number + 2}"]

    def source(self):
        """Where QEMU finds the content."""
        return self.path

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
        return self.read(number * self.sector, self.sector)

    def has_no_table(self):
        """True if neither LBA 0 nor LBA 1 holds anything: no firmware can boot from it."""
        return self.lba(0) == self.lba(1) == bytes(self.sector)

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


class FaultyDisk(Disk):
    """A disk served by nbdkit, which reports errors or lies from the moment that a test says so."""

    ERRORS = {"write": ("pwrite", "zero", "trim"), "read": ("pread",)}

    def __init__(self, lab, name, mib, **options):
        super().__init__(lab.folder / f"{name}.img", mib, **options)
        self.faults = lab.folder / f"{name}.faults"
        self.faults.mkdir()
        self.socket = lab.folder / f"{name}.socket"
        errors = [f"error-{request}-{key}={value}" for kind, requests in self.ERRORS.items()
                  for request in requests
                  for key, value in (("rate", "100%"), ("file", self.faults / f"error-{kind}"))]
        self.nbdkit = lab.start("lan", ["env", f"CONTENT={self.path}", f"FAULTS={self.faults}", "nbdkit", "--foreground",
                                "--unix", self.socket, "--filter=error", "sh", HERE / "faulty_disk.sh", *errors],
                                f"{name}.nbdkit")
        wait_until(self.socket.exists, 10, "nbdkit to listen")

    def source(self):
        return f"nbd:unix:{self.socket}"

    def fail(self, kind):
        """From now on every request of this kind, "write" or "read", ends with EIO."""
        (self.faults / f"error-{kind}").touch()

    def lie(self, how, offset):
        """`how` is drop, flip or refuse: see faulty_disk.sh."""
        (self.faults / how).write_text(str(offset))

    def errors(self):
        """How many requests have ended with an error so far; nbdkit logs each of them."""
        return len(re.findall(r"injecting|a write at", self.nbdkit.log.read_text()))

    def mend(self):
        for fault in self.faults.iterdir():
            fault.unlink()


@contextlib.contextmanager
def as_device(path, sector):
    """A path that the partition tools read with sectors of that size: a file counts as one of 512."""
    if sector == 512:
        yield path
        return
    loop = run("losetup", "--read-only", "--sector-size", sector, "--show", "--find", path).strip()
    try:
        yield loop
    finally:
        run("losetup", "--detach", loop)


def partitions(path, sector=512):
    """As sfdisk names them, with `start` and `size` in octets."""
    with as_device(path, sector) as device:
        found = json.loads(run("sfdisk", "-J", device))["partitiontable"]["partitions"]
    return [{**part, "start": part["start"] * sector, "size": part["size"] * sector} for part in found]


def check(condition, claim):
    """The assertion of these tests: the claim is what the failure says."""
    if not condition:
        raise LabError(f"not true: {claim}")


def check_image_on_disk(disk, image):
    """Every partition of the raw file `image` is on `disk`, octet for octet, under a table that fits
    the disk; then comes cidata. Returns the partition cidata as sfdisk names it."""
    wanted, found = partitions(image, disk.sector), partitions(disk.path, disk.sector)
    check(len(found) == len(wanted) + 1, f"the disk has the image's {len(wanted)} partitions and one more, "
          f"not {len(found)}")
    for old, new in zip(wanted, found):
        what = f"partition {old.get('name', old['start'])}"
        for key in ("start", "size", "type", "uuid", "name"):
            check(old.get(key) == new.get(key), f"{what}: {key} is {old.get(key)}, not {new.get(key)}")
        span = (old["start"], old["size"])
        check(sha256_of(image, *span) == disk.sha256(*span), f"{what}: octets equal the image's")
    with open(image, "rb") as source:
        head = source.read(MIB)
    check(head[:440] == disk.read(0, 440), "the boot code in LBA 0 equals the image's")
    tables = 2 * disk.sector + 128 * 128  # LBA 0, the header, the entries
    check(head[tables:] == disk.read(tables, MIB - tables), "the rest of the first MiB equals the image's")
    with as_device(disk.path, disk.sector) as device:
        problems = run("sgdisk", "--verify", device, check=False)
    check("No problems found" in problems, f"sgdisk finds no problem in the table:\n{problems}")
    cidata = found[-1]
    check(cidata.get("name") == "cidata", f"the last partition is named cidata, not {cidata.get('name')}")
    check(cidata["start"] % MIB == 0, "cidata is aligned to 1 MiB")
    check(cidata["start"] + cidata["size"] > disk.octets - 4 * MIB, "cidata is at the end of the disk")
    return cidata


def read_fat(volume):
    """Its files by name; fsck finds nothing wrong."""
    about = run("fsck.fat", "-n", "-v", volume)
    check("4096 bytes per logical sector" in about, f"the volume has sectors of 4096 octets:\n{about}")
    names = [line.split("/", 1)[1] for line in run("mdir", "-b", "-i", volume, "::").split()]
    return {name: run("mtype", "-i", volume, f"::{name}") for name in names}


def read_cidata(disk, cidata, folder):
    """The files of the host's seed, by name."""
    iso = Path(folder) / "cidata.iso"
    iso.write_bytes(disk.read(cidata["start"], cidata["size"]))
    if disk.sector == 4096:
        return read_fat(iso)
    about = run("isoinfo", "-d", "-i", iso)
    check("Volume id: cidata" in about, f"the ISO is labelled cidata:\n{about}")
    check("Joliet" in about and "Rock Ridge" in about, "the ISO has Joliet and Rock Ridge names")
    files = {}
    for line in run("isoinfo", "-R", "-f", "-i", iso).splitlines():
        files[line.lstrip("/")] = run("isoinfo", "-R", "-i", iso, "-x", line)
    return files
