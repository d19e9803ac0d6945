#!/usr/bin/env python3
"""TFTP under abuse, beside dnsmasq, tftpd-hpa and atftpd. Half-open transfers: requests with forged sources
that nobody answers for, from behind a router and from the server's own link (where the kernel looks for each of
them by ARP), then a real client; its time to the first DATA or OACK, and how much the server's memory grew.
Reflection: one request of a victim that stays silent, and the octets that are sent to it in 30 seconds.

    bench_abuse_tftp.py [--half-open 1000,10000] [--seconds 30] [--patience 20]

Needs root and `deploy/setup bench`; SLIPWAY_BUILD names the build. Forged packets stay in the namespaces of the
run.
"""

import argparse
import socket
import struct
import subprocess
import sys
import time

from tftp_servers import MIB, NAMES, REAL_CLIENT, Servers

REQUEST = b"\0\1%s\0octet\0blksize\0001468\0windowsize\00016\0"


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def datagram(source, source_port, target, target_port, payload):
    """An IPv4 datagram without a UDP checksum, which IPv4 allows."""
    octets = 28 + len(payload)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, octets, 0, 0, 64, 17, 0, source, target)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return head + struct.pack("!HHHH", source_port, target_port, 8 + len(payload), 0) + payload


def first_answer(address, port, path, patience):
    """Seconds from a real client's first request to the first answer; it asks again each second. As firmware does,
    it looks for the server by ARP first, and it was not seen before."""
    subprocess.run(["ip", "neigh", "flush", "all"], check=True, stderr=subprocess.DEVNULL)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((REAL_CLIENT, 0))
        began = time.monotonic()
        while time.monotonic() - began < patience:
            client.sendto(REQUEST % path, (address, port))
            client.settimeout(1)
            try:
                answer, server = client.recvfrom(2048)
            except TimeoutError:
                continue
            took = time.monotonic() - began
            client.sendto(b"\0\5\0\0enough\0", server)
            return took if answer[1] in (3, 6) else None
    return None


def half_open(address, port, path, count, patience, on_link):
    target = socket.inet_aton(address)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number in range(count):
            source = bytes([10, 89 if on_link else 90, 100 + number // 250 % 100, 1 + number % 250])
            raw.sendto(datagram(source, 1024 + number % 60000, target, port, REQUEST % path), (address, 0))
            if number % 50 == 49:
                time.sleep(0.01)  # what is measured are open transfers, not how fast a queue overflows
    time.sleep(0.2)
    return first_answer(address, port, path, patience)


def reflected(address, port, path, seconds):
    """Datagrams and octets, headers included, that a silent victim gets for one request, and the request's octets."""
    payload = REQUEST % path
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.sendto(payload, (address, port))
        until, datagrams, octets = time.monotonic() + seconds, 0, 0
        while (left := until - time.monotonic()) > 0:
            victim.settimeout(left)
            try:
                octets += len(victim.recv(65536)) + 28
            except TimeoutError:
                break
            datagrams += 1
    return datagrams, octets, len(payload) + 28


def at_client():
    """This program inside the client's namespace: prints what one attack did."""
    kind, address, port, path, number, patience = sys.argv[2:8]
    path = path.encode()
    if kind != "reflect":
        took = half_open(address, int(port), path, int(number), float(patience), kind == "on-link")
        print("" if took is None else took)
    else:
        print(*reflected(address, int(port), path, float(number)))


def attack(servers, name, kind, number, patience):
    where = servers.of(name)
    words = [sys.executable, __file__, "--at-client", kind, where.address, where.port, where.path("small"), number,
             patience]
    done = subprocess.run(servers.at_client("taskset", "-c", "1", *map(str, words)), text=True, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"bench: the attack on {name} failed")
    return done.stdout.split()


def fresh(name):
    """Each server is new for each attack, so that none suffers from the one before."""
    servers = Servers()
    servers.publish("small", MIB)
    servers.start([name])
    return servers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half-open", default="1000,10000")
    parser.add_argument("--seconds", type=float, default=30, help="that the victim stays silent")
    parser.add_argument("--patience", type=float, default=20, help="seconds that the real client asks for")
    options = parser.parse_args()
    counts = [int(word) for word in options.half_open.split(",")]
    kinds = {"half-open": "half-open", "on-link": "half-open from the link"}
    cells = [f"first answer with {count} {text}, ms | memory, MiB" for text in kinds.values() for count in counts]
    print("| | " + " | ".join(cells)
          + f" | to a silent victim in {options.seconds:.0f} s: datagrams | octets for one |")
    print("|---" * (3 + 2 * len(kinds) * len(counts)) + "|")
    for name in NAMES:
        cells = []
        for kind, count in ((kind, count) for kind in kinds for count in counts):
            servers = fresh(name)
            time.sleep(1)
            before = servers.of(name).rss_octets()
            took = attack(servers, name, kind, count, options.patience)
            grown = (servers.of(name).rss_octets() - before) / MIB
            cells += [f"{float(took[0]) * 1000:.1f}" if took else f"none in {options.patience:.0f} s", f"{grown:+.1f}"]
            servers.close()
        servers = fresh(name)
        datagrams, octets, asked = map(int, attack(servers, name, "reflect", options.seconds, 0))
        servers.close()
        print(f"| {name} | " + " | ".join(cells) + f" | {datagrams} | {octets / asked:.1f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--at-client"]:
        at_client()
    else:
        main()
