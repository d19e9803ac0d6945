#!/usr/bin/env python3
"""HTTP of `slipway serve` against nginx and lighttpd, in one run, on loopback in a namespace of its own:
server on core 0, client on core 1, rounds interleaved, medians and least to most in brackets.

- download: one large file in the page cache, 64 downloads at a time
- script: boot.ipxe of 64 armed hosts over 64 connections, as iPXE asks for it again within an attempt: identity,
  gate and token, no transition. The peers give the same octets as files.
- ranges: 1 MiB each, all over the file, 16 connections

    bench_http.py [--rounds N] [--mib N] [--seconds N] [--works a,b] [--peers a,b]

Needs `deploy/setup bench`; SLIPWAY_BUILD names the build. Every answer's status and length is checked, scripts
octet by octet against each other; the large file's SHA-256 before and after.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "service"))
from served import in_a_namespace  # noqa: E402

WORKS = ("download", "script", "ranges")
HOSTS = 64


def ranges(mib):
    """1 MiB pieces of the file, far from each other."""
    step = 37 if mib % 37 else 41
    return [(number * step % mib) for number in range(mib)]


class Works:
    def __init__(self, peers, options):
        self.peers, self.mib, self.seconds = peers, options.mib, options.seconds

    def download(self, name):
        figures = self.peers.load(name, 64, "64x", [self.peers.large])
        return figures, figures["octets"] / figures["seconds"] / (1 << 30), figures["cpu"] / figures["octets"] * (1 << 30)

    def script(self, name):
        targets = [self.peers.script_target(mac, name) for mac in self.peers.macs]
        figures = self.peers.load(name, 64, str(self.seconds), targets)
        return figures, figures["requests"] / figures["seconds"] / 1000, figures["cpu"] / figures["requests"] * 1e6

    def ranges(self, name):
        targets = [f"{self.peers.large} {at << 20}-{((at + 1) << 20) - 1}" for at in ranges(self.mib)]
        figures = self.peers.load(name, 16, str(self.seconds), targets)
        return figures, figures["octets"] / figures["seconds"] / (1 << 30), figures["cpu"] / figures["octets"] * (1 << 30)


UNITS = {"download": ("GiB/s", "CPU s per GiB"), "script": ("1000/s", "CPU µs each"), "ranges": ("GiB/s", "CPU s per GiB")}


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def compare(peers, works, work, rounds):
    results = {name: [] for name in peers.names}
    for number in range(rounds):
        if work == "script":
            peers.begin_attempts()
        for name in peers.names:
            results[name].append(getattr(works, work)(name))
            print(f"  {work}, round {number + 1}: {name}: {results[name][-1][1]:.2f}", file=sys.stderr, flush=True)
    return results


def table(work, results):
    rate, cost = UNITS[work]
    base = statistics.median(each[1] for each in results["nginx"]) if "nginx" in results else None
    cost_base = statistics.median(each[2] for each in results["nginx"]) if "nginx" in results else None
    print(f"\n| {work} | {rate} | × nginx | {cost} | × nginx | p50, ms | p99, ms |\n|---|---|---|---|---|---|---|")
    for name, rows in results.items():
        rates, costs = [row[1] for row in rows], [row[2] for row in rows]
        ratio = f"{statistics.median(rates) / base:.2f}" if base else "–"
        cost_ratio = f"{statistics.median(costs) / cost_base:.2f}" if cost_base else "–"
        p50, p99 = (statistics.median(row[0][key] for row in rows) / 1000 for key in ("p50_us", "p99_us"))
        print(f"| {name} | {spread(rates)} | {ratio} | {spread(costs)} | {cost_ratio} | {p50:.2f} | {p99:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024, help="of the large file")
    parser.add_argument("--seconds", type=float, default=5, help="of a run of scripts or ranges; at most 12")
    parser.add_argument("--works", default=",".join(WORKS))
    parser.add_argument("--peers", help="all of them when it is not given")
    options = parser.parse_args()
    in_a_namespace()
    from http_peers import PORTS, Peers  # after the namespace: it starts servers
    names = options.peers.split(",") if options.peers else list(PORTS)
    peers = Peers(options.mib, HOSTS, names)
    congestion = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}, TCP {congestion}, "
          f"loopback, {options.mib} MiB, {options.rounds} rounds, a script has {peers.begin_attempts()} octets")
    works = Works(peers, options)
    for name in peers.names:
        peers.check_large(name)
    for work in options.works.split(","):
        table(work, compare(peers, works, work, options.rounds))
    for name in peers.names:
        peers.check_large(name)


if __name__ == "__main__":
    main()
