#!/usr/bin/env python3
"""Slow HTTP clients against `slipway serve` and nginx, in one run, on loopback in a namespace of its own: N slow
connections of 250 addresses, and beside them one download of a large file by a host that is being installed. Server
on core 0, clients on core 1.

- head: an octet of a header each second
- body: the head of a POST at once, then an octet of its body each second
- read: the large file, of which 64 octets a second are taken

    bench_abuse_http.py [--connections N] [--mib N] [--kinds a,b] [--rounds N] [--watch SECONDS]

Goals: the download at least at 90 % of what it is without them; no slow connection left after 30 s. Needs
`deploy/setup bench`; SLIPWAY_BUILD names the build.
"""

import argparse
import os
import resource
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "service"))
from served import in_a_namespace  # noqa: E402

NAMES = ("slipway", "nginx")
HOST_ADDRESS = "127.0.3.1"
ADDRESSES = 250
ESTABLISHED = 1  # tcpi_state


class Slow(threading.Thread):
    """The slow connections; a thread of its own trickles until stop()."""

    def __init__(self, kind, port, count, large):
        super().__init__(daemon=True)
        self.kind, self.count, self.ended = kind, count, threading.Event()
        self.opening = {"head": b"GET /boot.ipxe HTTP/1.1\r\nX: ",
                        "body": b"POST /agent/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n",
                        "read": b"GET " + large.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n"}[kind]
        self.sockets, self.refused = [], 0
        for number in range(count):
            self._open(port, number)
        self.began = time.monotonic()
        self.gone_after = None  # seconds until the last one was gone
        self.start()

    def _open(self, port, number):
        client = socket.socket()
        if self.kind == "read":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.bind((f"127.0.1.{number % ADDRESSES + 1}", 0))
        client.settimeout(10)
        try:
            client.connect(("127.0.0.1", port))
            client.sendall(self.opening)
            client.setblocking(False)
            self.sockets.append(client)
        except OSError:
            self.refused += 1
            client.close()

    def _lives(self, client):
        # The kernel knows at once; octets that wait would hide the end of the connection.
        if client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED:
            return False
        try:
            if self.kind == "read":
                client.recv(64)
            else:
                client.send(b"x")
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def run(self):
        while self.sockets and not self.ended.wait(1):
            alive = []
            for client in self.sockets:
                if self._lives(client):
                    alive.append(client)
                else:
                    client.close()
            self.sockets = alive
        if not self.sockets:
            self.gone_after = time.monotonic() - self.began

    def stop(self):
        self.ended.set()
        self.join()
        for client in self.sockets:
            client.close()


def download(peers, name):
    figures = peers.load(name, 1, "1x", [peers.large], HOST_ADDRESS)
    return figures["octets"] / figures["seconds"] / (1 << 20)


def attack(peers, name, kind, options):
    """One row: rates in MiB/s without and with the slow ones, how many were let in, how long they stayed."""
    from http_peers import PORTS
    alone = download(peers, name)
    before = peers.resident(name)
    slow = Slow(kind, PORTS[name], options.connections, peers.large)
    time.sleep(2)  # whoever is turned away knows it by now
    let_in = len(slow.sockets)
    try:
        beside = download(peers, name)
    except SystemExit as failure:
        print(f"  {name}, {kind}: the download failed: {failure}", file=sys.stderr)
        beside = 0.0
    grown = peers.resident(name) - before
    slow.join(options.watch)
    left, gone_after = len(slow.sockets), slow.gone_after
    slow.stop()
    return {"alone": alone, "beside": beside, "let_in": let_in, "left": left, "gone": gone_after, "grown": grown}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--kinds", default="head,body,read")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--watch", type=float, default=35, help="seconds that slow connections are watched for")
    options = parser.parse_args()
    in_a_namespace()
    from http_peers import CLIENT_CORE, Peers
    needed = options.connections + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(needed, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    os.sched_setaffinity(0, {int(CLIENT_CORE)})
    peers = Peers(options.mib, 1, NAMES)
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}, "
          f"{options.connections} slow connections, {options.mib} MiB, {options.rounds} rounds\n")
    print("| slow | | alone, MiB/s | beside, MiB/s | ratio | let in | left after "
          f"{options.watch:.0f} s | gone after, s | memory, MiB |\n|---|---|---|---|---|---|---|---|---|")
    for kind in options.kinds.split(","):
        rows = {name: [] for name in NAMES}
        for _ in range(options.rounds):
            peers.begin_attempts(by=HOST_ADDRESS)
            for name in NAMES:
                rows[name].append(attack(peers, name, kind, options))
        for name, found in rows.items():
            alone, beside = (statistics.median(row[key] for row in found) for key in ("alone", "beside"))
            gone = [row["gone"] for row in found if row["gone"] is not None]
            print(f"| {kind} | {name} | {alone:.0f} | {beside:.0f} | {beside / alone:.2f} | "
                  f"{max(row['let_in'] for row in found)} | {max(row['left'] for row in found)} | "
                  f"{f'{max(gone):.0f}' if len(gone) == len(found) else 'not'} | "
                  f"{max(row['grown'] for row in found) / (1 << 20):.1f} |", flush=True)


if __name__ == "__main__":
    main()
