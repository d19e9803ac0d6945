"""The images of the write bench: a GPT with one partition whose content is what an operating system
consists of (files of /usr, in order of their names), once full and once half empty."""

import json
import os
import subprocess
from pathlib import Path

MIB = 1 << 20
STRETCH = 32 * MIB  # of the half-empty image: content and zeros in turn, as file systems spread


def content(octets):
    """Files of /usr/lib and /usr/bin, one behind the other, until it is enough."""
    left = octets
    for root in ("/usr/lib", "/usr/bin", "/usr/share"):
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if path.is_symlink() or not path.is_file():
                    continue
                with open(path, "rb") as source:
                    while left and (block := source.read(min(MIB, left))):
                        left -= len(block)
                        yield block
                if not left:
                    return
    raise SystemExit(f"bench: /usr has not {octets} octets")


def make_raw(path, mib, half_empty):
    """The raw image, sparse where it is empty; holds data in `mib` or half of it."""
    with open(path, "wb") as out:
        out.truncate((mib + 2) * MIB)
    table = f"label: gpt\nstart=2048,size={mib * MIB // 512},type=L,name=data\n"
    subprocess.run(["sfdisk", "--quiet", path], input=table, text=True, check=True)
    at, end = MIB, (mib + 1) * MIB
    with open(path, "r+b") as out:
        for block in content(mib * MIB // (2 if half_empty else 1)):
            while block and at < end:
                if half_empty and (at - MIB) // STRETCH % 2 == 1:
                    at += STRETCH
                room = STRETCH - (at - MIB) % STRETCH
                out.seek(at)
                out.write(block[:room])
                at += len(block[:room])
                block = block[room:]


class Image:
    """`raw`, `zst` with one frame as zstd makes it, `bmap`, and `data`: the ranges that hold something,
    in octets as (offset, length)."""

    def __init__(self, folder, name, mib, half_empty):
        self.name = name
        self.raw = Path(folder) / f"{name}.img"
        self.zst = Path(f"{self.raw}.zst")
        self.bmap = Path(folder) / f"{name}.bmap"
        make_raw(self.raw, mib, half_empty)
        subprocess.run(["zstd", "-q", "-3", "-T0", "-f", self.raw, "-o", self.zst], check=True)
        subprocess.run(["bmaptool", "-q", "create", self.raw, "-o", self.bmap], check=True)
        self.octets = self.raw.stat().st_size
        self.data = list(data_ranges(self.raw))
        self.data_octets = sum(length for _, length in self.data)

    def __str__(self):
        return (f"{self.name}: {self.octets / MIB:.0f} MiB raw, {self.data_octets / MIB:.0f} MiB of it data, "
                f"{self.zst.stat().st_size / MIB:.0f} MiB as zstd -3")


def data_ranges(path):
    """What is no hole of the sparse file."""
    with open(path, "rb") as source:
        end, at = os.fstat(source.fileno()).st_size, 0
        while at < end:
            try:
                start = os.lseek(source.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            at = os.lseek(source.fileno(), start, os.SEEK_HOLE)
            yield start, at - start
