#!/usr/bin/env python3
"""`slipway image import` of a raw image, which recompresses it to chunks with their digests, against
`zstd -T0` at the same level on the same file, alone and with what an import also does: a sync. Rounds
are interleaved; medians, and least to most in brackets. What was stored is unpacked and compared once.

    bench_import.py [--rounds N] [--mib N] [--level L]

Needs no root but `deploy/setup bench`; SLIPWAY_BUILD names the build.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from datetime import date
from pathlib import Path

from bench_image import MIB, Image
from measure import measure

REPO = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SLIPWAY_BUILD", REPO / "build" / "dev")) / "service" / "slipway"
OURS, PEER = "slipway image import", "zstd -T0"


def words_of(folder, settings, image, level):
    """Each way, as a pipeline for measure()."""
    packed = folder / "out.zst"
    zstd = ["zstd", "-q", "-f", f"-{level}", "--check", "-T0", image.raw, "-o", packed]
    return {OURS: [PROGRAM, "image", "import", image.raw, "--name", image.name, "--version", "1", "--level", level,
                   "--json", "-c", settings],
            PEER: zstd,
            "zstd -T0, then sync": ["sh", "-c", '"$@" && sync "$0"', packed, *zstd]}


def check_stored(folder, image, printed):
    about = json.loads(printed)
    blob = folder / "store/blobs/sha256" / about["data_sha256"][:2] / about["data_sha256"]
    with subprocess.Popen(["zstd", "-dcq", blob], stdout=subprocess.PIPE) as unpack:
        same = subprocess.run(["cmp", "-", image.raw], stdin=unpack.stdout, check=False).returncode == 0
    if not same or unpack.returncode != 0:
        raise SystemExit(f"bench: what was stored of {image.name} is not the image")


def run_image(folder, settings, image, options):
    ways = words_of(folder, settings, image, options.level)
    figures = {name: [] for name in ways}
    for number in range(options.rounds + 1):  # the first warms the page cache and is checked, not counted
        for name, words in ways.items():
            shutil.rmtree(folder / "store", ignore_errors=True)
            (folder / "out.zst").unlink(missing_ok=True)
            os.sync()
            figure, printed = measure(words)
            if number > 0:
                figures[name].append(figure)
            elif name == OURS:
                check_stored(folder, image, printed)
    return figures


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def show(image, figures):
    print(f"\n{image}\n\n| | wall, s | MiB/s | CPU, s | peak memory, MiB |\n|---|---|---|---|---|")
    wall = {name: statistics.median(each.wall for each in rows) for name, rows in figures.items()}
    for name, rows in figures.items():
        print(f"| {name} | {spread([each.wall for each in rows], '.2f')} | {image.octets / MIB / wall[name]:.0f} "
              f"| {spread([each.cpu for each in rows], '.1f')} | {max(each.peak for each in rows) / MIB:.0f} |")
    ratios = ", ".join(f"{wall[name] / wall[OURS]:.2f} × {name}" for name in figures if name != OURS)
    print(f"\nRate of ours: {ratios}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--level", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slipway-bench.", dir="/var/tmp") as name:
        folder = Path(name)
        settings = folder / "slipway.yaml"
        (folder / "inventory").mkdir()
        settings.write_text(f"interfaces: [lo]\ndata_dir: {folder}\ninventory: {folder}/inventory\n")
        load = os.getloadavg()[0]
        print(f"{date.today()}, {os.cpu_count()} cores, store on {folder.parent}, level {options.level}, load before "
              f"{load:.1f}, {options.rounds} rounds", flush=True)
        for each, is_half_empty in (("full", False), ("half-empty", True)):
            image = Image(folder, each, options.mib, is_half_empty)
            show(image, run_image(folder, settings, image, options))


if __name__ == "__main__":
    main()
