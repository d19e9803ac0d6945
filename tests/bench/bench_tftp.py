#!/usr/bin/env python3
"""TFTP reading against dnsmasq, tftpd-hpa and atftpd, and against a bare program that only moves the
octets. The network is a veth pair between two namespaces; servers run on core 0, the client (ours, the
same for all: tests/bench/tftp_client.cpp) on core 1. The content of every transfer is compared. Rounds
are interleaved; medians in MiB/s, and least to most in brackets.

    bench_tftp.py [--rounds N] [--mib N] [--clients N] [--windows 1,4,16,64]

Needs root and `deploy/setup bench`; SLIPWAY_BUILD names the build, of which `slipway`, `tftp_client` and
`tftp_limit` are used. Debian's atftpd and tftpd-hpa cannot be installed together: tftpd-hpa is fetched
from the archive and unpacked for the time of the run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from tftp_servers import BUILD, MIB, NAMES, Servers

BLOCK = 1468


def measure(servers, server, name, window, clients, octets):
    """MiB/s, and what the server's processes used of a processor, in seconds for a GiB."""
    where = servers.of(server)
    used = where.cpu_seconds()
    words = [BUILD / "tests/bench/tftp_client", where.address, where.port, where.path(name), BLOCK, window, clients,
             octets]
    done = subprocess.run(servers.at_client("taskset", "-c", "1", *map(str, words)), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"bench: {server}: {done.stderr.strip()}\n{where.said()}")
    figures = json.loads(done.stdout)
    expected = servers.digests[name]
    if figures["sha256"] != [expected] or figures["octets"] != octets * clients:
        raise SystemExit(f"bench: {server} gave other octets than {name} has: {figures}")
    mib = figures["octets"] / MIB
    return {"rate": mib / figures["seconds"], "cpu": (where.cpu_seconds() - used) / mib * 1024,
            "window": figures["window"], "blksize": figures["blksize"], "again": figures["again"]}


def shown(results):
    rates = [one["rate"] for one in results]
    again = sum(one["again"] for one in results)
    text = f"{statistics.median(rates):.0f} ({min(rates):.0f}–{max(rates):.0f})"
    return text + (f", {again} again" if again else "")


def table(title, names, windows, figures):
    print(f"\n| {title} | " + " | ".join(f"window {window}" for window in windows) + " |")
    print("|---" * (len(windows) + 1) + "|")
    for name in names:
        print(f"| {name} | " + " | ".join(shown(figures[name, window]) for window in windows) + " |")
    medians = {key: statistics.median(one["rate"] for one in results) for key, results in figures.items()}
    peers = [name for name in names if name not in ("slipway", "limit")]
    ratios = [medians["slipway", window] / max(medians[peer, window] for peer in peers) for window in windows]
    print("| slipway, × the best peer | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")
    cpu = [statistics.median(one["cpu"] for one in figures["slipway", window]) for window in windows]
    print("| slipway, CPU s per GiB | " + " | ".join(f"{seconds:.2f}" for seconds in cpu) + " |")
    for name in names:
        refused = [str(window) for window in windows if figures[name, window][0]["window"] != window]
        if refused:
            print(f"{name} refused windowsize {', '.join(refused)}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=64, help="of the file that one client reads")
    parser.add_argument("--clients", type=int, default=8, help="that read 1 MiB each at once; one address may have 8 transfers")
    parser.add_argument("--windows", default="1,4,16,64")
    options = parser.parse_args()
    windows = [int(word) for word in options.windows.split(",")]
    servers = Servers()
    servers.publish("large", options.mib * MIB)
    servers.publish("small", MIB)
    servers.start(["limit", *NAMES])
    names = [*NAMES, "limit"]
    cases = [("large", 1, options.mib * MIB), ("small", options.clients, MIB)]
    figures = {case[0]: {} for case in cases}
    for _ in range(options.rounds):
        for name, clients, octets in cases:
            for window in windows:
                for server in names if clients == 1 else NAMES:
                    got = measure(servers, server, name, window, clients, octets)
                    figures[name].setdefault((server, window), []).append(got)
    print(f"blksize {BLOCK}, {options.rounds} rounds, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; MiB/s")
    table(f"{options.mib} MiB, one client", names, windows, figures["large"])
    table(f"1 MiB × {options.clients} clients", NAMES, windows, figures["small"])


if __name__ == "__main__":
    main()
