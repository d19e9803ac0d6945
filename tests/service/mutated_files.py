#!/usr/bin/env python3
"""SG12, a thousand times: one file of the inventory is damaged at random and the service told to read
it. What was in force stays in force, file, line and column are said, and no transfer of a host that
boots meanwhile is lost.

    mutated_files.py BUILD
"""

import hashlib
import json
import os
import random
import re
import socket
import struct
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

from served import HTTP_PORT, TFTP_PORT, Lost, OperatorPlane, Server, ask, in_a_namespace

SCALE = float(os.environ.get("SLIPWAY_TEST_SCALE", "0.05"))
MUTATIONS = max(50, round(1000 * SCALE))
PLACE = re.compile(r"(profiles|sites|hosts)/[^:]+:\d+:\d+: .")


def mutated(text, dice):
    """`text` with a piece removed, doubled, or octets replaced."""
    octets = bytearray(text)
    at, length = dice.randrange(len(octets)), dice.randrange(1, 12)
    kind = dice.randrange(4)
    if kind == 0:
        del octets[at:at + length]
    elif kind == 1:
        octets[at:at] = octets[at:at + length]
    elif kind == 2:
        octets[at] = dice.randrange(256)
    else:
        octets[at:at] = dice.choice([b": ", b"\t", b"[", b"}", b'"', b"\n", b"- ", b"&a *b", b"\xff\x00", b"!!x "])
    return bytes(octets)


class Transfers(threading.Thread):
    """One download after the other; each must come whole and as it is."""

    def __init__(self, fetch, expected):
        super().__init__()
        self.fetch, self.expected = fetch, expected
        self.done, self.lost, self.stop = 0, [], threading.Event()

    def run(self):
        while not self.stop.is_set():
            try:
                good = self.fetch() == self.expected
            except OSError as error:
                good = False
                self.lost.append(repr(error))
            self.done += 1
            if not good:
                self.lost.append(f"transfer {self.done} was not whole")


def by_http(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{HTTP_PORT}{path}", timeout=20) as answer:
        return answer.read()


def by_tftp(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(20)
        peer.sendto(b"\0\1" + name.encode() + b"\0octet\0", ("127.0.0.1", TFTP_PORT))
        content = b""
        while True:
            datagram, server = peer.recvfrom(1024)
            if datagram[:2] != b"\0\3":
                raise OSError(f"TFTP: {datagram!r}")
            (block,) = struct.unpack("!H", datagram[2:4])
            if block == (len(content) // 512 + 1) % 65536:
                content += datagram[4:]
            peer.sendto(b"\0\4" + datagram[2:4], server)
            if len(datagram) < 516:
                return content


class Series:
    def __init__(self, server):
        self.server, self.dice = server, random.Random(2026)
        self.refused = self.accepted = 0
        self.files = sorted(path for path in server.inventory.rglob("*") if path.is_file())

    def plane(self, method, target):
        connection = OperatorPlane(self.server.socket)
        status, text = ask(connection, method, target)
        connection.close()
        return status, json.loads(text)

    def in_force(self):
        """What is served: the digest of the files, and every host with its recipe."""
        hosts = self.plane("GET", "/api/v1/hosts")[1]["hosts"]
        return (self.plane("GET", "/api/v1/inventory")[1]["digest"],
                sorted((host["name"], *host["macs"], host["profile"], host["site"]) for host in hosts))

    def one(self):
        path = self.dice.choice(self.files)
        good = path.read_bytes()
        before = self.in_force()
        path.write_bytes(mutated(good, self.dice))
        status, answer = self.plane("POST", "/api/v1/reload")
        if status == 422:
            self.refused += 1
            after = self.in_force()
            if after != before:
                raise Lost(f"{path}: refused, but {before} became {after}")
            said = self.plane("GET", "/api/v1/inventory")[1]
            for lines in (answer["mistakes"], said["lines"]):
                if not any(PLACE.search(line) for line in lines):
                    raise Lost(f"{path}: no file, line and column: {lines}")
            if said["refused_ms"] == 0:
                raise Lost(f"{path}: the refusal is not said")
        elif status == 200:
            self.accepted += 1  # another name, another value: what is in force is what was written
        else:
            raise Lost(f"{path}: status {status} {answer}")
        path.write_bytes(good)
        status, answer = self.plane("POST", "/api/v1/reload")
        if status != 200:
            raise Lost(f"{path}, restored: status {status} {answer}")


def story(server):
    server.settings("tftp: {port: %d, allow: [127.0.0.0/8]}" % TFTP_PORT)
    server.add_profile()
    for number in range(4):
        server.add_host(f"h{number}", f"52:54:00:aa:00:{number:02x}")
    server.import_image(4 << 20)
    server.make_installer()
    server.start()
    shown = json.loads(server.slipway("image", "show", "demo@1", "--json"))
    digest = shown["data_sha256"]
    loader = Path("/usr/lib/ipxe/undionly.kpxe").read_bytes()
    image = by_http(f"/artifacts/{digest}/image.zst")
    if hashlib.sha256(image).hexdigest() != digest:
        raise Lost("the image is not what its digest says")
    threads = [Transfers(lambda: by_http(f"/artifacts/{digest}/image.zst"), image),
               Transfers(lambda: by_tftp("undionly.kpxe"), loader)]
    series = Series(server)
    for thread in threads:
        thread.start()
    try:
        for _ in range(MUTATIONS):
            series.one()
    finally:
        for thread in threads:
            thread.stop.set()
            thread.join()
    lost = [text for thread in threads for text in thread.lost]
    print(f"{MUTATIONS} mutations: {series.refused} refused, {series.accepted} still good files; "
          f"{threads[0].done} HTTP and {threads[1].done} TFTP transfers, {len(lost)} lost")
    if lost or min(thread.done for thread in threads) == 0 or series.refused < MUTATIONS // 4:
        raise Lost(f"lost: {lost[:3]}")


if __name__ == "__main__":
    in_a_namespace()
    the_server = Server(Path(sys.argv[1]), Path(tempfile.mkdtemp(prefix="slipway-mutated.", dir="/var/tmp")))
    try:
        story(the_server)
    finally:
        the_server.close()
