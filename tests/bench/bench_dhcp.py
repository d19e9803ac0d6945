#!/usr/bin/env python3
"""DHCP: offers on port 67 and answers on port 4011 from `slipway serve`, dnsmasq and Kea, one server at a time
on core 0 and the load on core 1. Offers a second with 64 requests under way, p50 and p99 at 1000 a second; then floods of
DISCOVERs of strangers beside 40 clients that are answered or not, and how much the server's memory grew. Each server
as a proxy (no leases) and as a DHCP server; Kea is no proxy, and only proxies answer on port 4011. Logs of dnsmasq and Kea are off; slipway writes its lines, at most 20 a
second of each event, into a file.

    bench_dhcp.py [--rounds 5] [--seconds 5] [--outstanding 64] [--rate 1000] [--floods 10000,50000] [--flood-seconds 10]

Needs root and `deploy/setup bench`; SLIPWAY_BUILD names the build. Everything stays in the namespaces of the run.
"""

import argparse
import json
import os
import statistics
import subprocess
import time

from tftp_servers import ADDRESS, BUILD, MIB, PROGRAM, Servers

LOAD = BUILD / "tests/bench/dhcp_load"
NAMES = ["slipway, proxy", "dnsmasq, proxy", "slipway, leases", "dnsmasq, leases", "Kea, leases"]
EVERYONE, BOOT_SERVER = "255.255.255.255:67", f"{ADDRESS}:4011"

SLIPWAY = """\
interfaces: [eth0]
data_dir: data
inventory: inventory
"""
LEASES = """\
dhcp: {mode: server, pool: {from: 10.89.10.1, to: 10.89.13.250}}
"""
DNSMASQ = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0", "--pid-file", "--interface=eth0",
           "--bind-interfaces", "--log-facility=/dev/null", "--quiet-dhcp", "--no-ping", "--dhcp-authoritative"]
KEA = {"Dhcp4": {
    "interfaces-config": {"interfaces": ["eth0"]}, "valid-lifetime": 43200, "lease-database": {"type": "memfile", "persist": False},
    "subnet4": [{"subnet": "10.89.0.0/16", "pools": [{"pool": "10.89.10.1 - 10.89.13.250"}], "next-server": ADDRESS,
                 "boot-file-name": "snponly.efi"}],
    "loggers": [{"name": "kea-dhcp4", "severity": "NONE", "output_options": [{"output": "/dev/null"}]}]}}


class DhcpServers(Servers):
    """The same namespaces and processes; each server on its only address, so one at a time."""

    def _command(self, name):
        program, kind = name.split(", ")
        leases = kind == "leases"
        if program == "slipway":
            self.settings.write_text(SLIPWAY + (LEASES if leases else ""))
            return ADDRESS, 67, [PROGRAM, "serve", "-c", self.settings]
        if program == "dnsmasq":
            given = ["--dhcp-range=10.89.10.1,10.89.13.250,255.255.0.0,12h", f"--dhcp-leasefile={self.folder}/leases",
                     "--dhcp-lease-max=2000", "--dhcp-boot=snponly.efi"]
            proxy = ["--dhcp-range=10.89.0.0,proxy,255.255.0.0", "--pxe-service=X86-64_EFI,boot,snponly.efi"]
            return ADDRESS, 67, [*DNSMASQ, *(given if leases else proxy)]
        settings = self.folder / "kea.json"
        settings.write_text(json.dumps(KEA))
        return ADDRESS, 67, ["env", "KEA_LOCKFILE_DIR=none", f"KEA_PIDFILE_DIR={self.folder}", "kea-dhcp4", "-c", settings]

    def _await(self, where, name):
        for _ in range(100):
            if where.process.poll() is not None:
                break
            if self.load(EVERYONE, "outstanding", 1, 0.1)["answered"]:
                return
        raise SystemExit(f"bench: {name} does not answer: {where.said()}")

    def load(self, server, kind, number, seconds):
        return finished(self.begin(server, kind, number, seconds))

    def begin(self, server, kind, number, seconds):
        words = ["taskset", "-c", "1", str(LOAD), "eth0", server, kind, str(number), str(seconds)]
        return subprocess.Popen(self.at_client(*words), stdout=subprocess.PIPE, text=True)


def finished(load):
    said, _ = load.communicate()
    if load.returncode != 0:
        raise SystemExit("bench: the load failed")
    return json.loads(said)


def fresh(name):
    """Each server is new for each work, so that none suffers from the one before."""
    servers = DhcpServers()
    servers.start([name])
    return servers


def median(values, digits=0):
    return f"{statistics.median(values):,.{digits}f}"


def rates(name, options):
    """The cells of one server: offers a second, p50 and p99, answers of port 4011 a second."""
    offers, p50, p99, boots = [], [], [], []
    for _ in range(options.rounds):
        servers = fresh(name)
        full = servers.load(EVERYONE, "outstanding", options.outstanding, options.seconds)
        offers.append(full["answered"] / full["seconds"])
        calm = servers.load(EVERYONE, "rate", options.rate, options.seconds)
        p50.append(calm["p50_us"])
        p99.append(calm["p99_us"])
        if name.endswith("proxy"):
            boot = servers.load(BOOT_SERVER, "outstanding", options.outstanding, options.seconds)
            boots.append(boot["answered"] / boot["seconds"])
        servers.close()
    return [median(offers), median(p50), median(p99), median(boots) if boots else ""]


def flooded(name, number, options):
    """Of 40 clients that ask once a second: the share answered, p50 in ms, and the growth of memory in MiB."""
    servers = fresh(name)
    server = servers.of(name)
    time.sleep(1)
    before = server.rss_octets()
    flood = servers.begin(EVERYONE, "flood", number, options.flood_seconds)
    time.sleep(0.5)
    real = servers.load(EVERYONE, "rate", 40, max(1, options.flood_seconds - 1))
    sent = finished(flood)
    grown = (server.rss_octets() - before) / MIB
    servers.close()
    reached = sent["begun"] / sent["seconds"]
    return [f"{reached:,.0f}", f"{100 * real['answered'] / real['begun']:.1f}", f"{real['p50_us'] / 1000:.2f}", f"{grown:+.1f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--outstanding", type=int, default=64)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--floods", default="10000,50000", help="packets a second")
    parser.add_argument("--flood-seconds", type=float, default=10)
    parser.add_argument("--names", default=";".join(NAMES), help="of the servers, joined by semicolons")
    options = parser.parse_args()
    names = options.names.split(";")
    print(f"| | offers/s, {options.outstanding} under way | p50 at {options.rate}/s, µs | p99, µs | port 4011, answers/s |")
    print("|---|---|---|---|---|")
    for name in names:
        print(f"| {name} | " + " | ".join(rates(name, options)) + " |", flush=True)
    floods = [int(word) for word in options.floods.split(",")]
    print("\n| flood | packets/s reached | answered, % | p50, ms | memory, MiB |\n|---|---|---|---|---|")
    for number in floods:
        for name in names:
            print(f"| {number:,}/s, {name} | " + " | ".join(flooded(name, number, options)) + " |", flush=True)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    main()
