"""A client of a few lines that speaks for the firmware of hosts, and the service that it asks, on a LAN of its own:
what needs no virtual hosts is tried with these within seconds."""

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

from lab import REPO, Lab, LabError, run, say, wait_until

PROGRAM = Path(os.environ.get("SLIPWAY_BUILD", REPO / "build" / "dev")) / "service" / "slipway"
HOST_ADDRESS = "10.88.0.50"


def expect(condition, what):
    if not condition:
        raise LabError(what)


def message(kind, mac, more=b"", address="0.0.0.0", arch=7):
    packet = struct.pack("!BBBBIHH4s12s", 1, 1, 6, 0, 0x12345678, 0, 0x8000, socket.inet_aton(address), bytes(12))
    packet += bytes.fromhex(mac.replace(":", "")) + bytes(202) + bytes.fromhex("63825363")
    name = b"PXEClient:Arch:%05d:UNDI:003000" % arch
    return packet + bytes([53, 1, kind, 93, 2, 0, arch, 60, len(name)]) + name + more + b"\xff"


# Runs in the host's namespace: sends what it is told from the address and port given, and prints what comes back.
CLIENT = """
import socket, sys
to, port, source, wait, payload = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
client.bind(("0.0.0.0", source))
client.sendto(bytes.fromhex(payload), (to, port))
client.settimeout(wait)
try:
    print(client.recv(2000).hex())
except TimeoutError:
    pass
"""


class Depot:
    def __init__(self, lab):
        self.lab, self.folder = lab, lab.folder / "depot"
        for kind in ("profiles", "sites", "hosts"):
            (self.folder / "inventory" / kind).mkdir(parents=True)
        self.settings = self.folder / "slipway.yaml"
        self.settings.write_text(f"interfaces: [eth0]\ndata_dir: {self.folder}/data\n"
                                 f"inventory: {self.folder}/inventory\nunknown_hosts: discover\n")

    def start(self):
        self.process = self.lab.start("boot", [PROGRAM, "serve", "-c", self.settings], "slipway",
                                      stdout=subprocess.DEVNULL)
        wait_until((self.folder / "data" / "slipway.sock").exists, 20, "the service",
                   lambda: self.process.log.read_text())

    def get(self, path):
        url = f"http://slipway/api/v1/{path}"
        return json.loads(self.lab.run("boot", "curl", "-sf", "--unix-socket", self.folder / "data" / "slipway.sock", url))

    def wait_diagnosis(self, mac, name, seconds=40):
        def said():
            return self.get(f"hosts/{mac}")["diagnosis"] == name
        wait_until(said, seconds, f"{mac} to be diagnosed {name}", lambda: json.dumps(self.get(f"hosts/{mac}"), indent=1))
        return self.get(f"hosts/{mac}")

    def events(self, mac):
        return [(event["event"], event["text"]) for event in self.get(f"hosts/{mac}/timeline")["events"]]


class Firmware:
    """A machine in a namespace on the LAN, whose MAC we choose for each boot."""

    def __init__(self, lab):
        self.lab = lab
        self.names = []

    def plug(self, where, mac, address=None):
        run("ip", "netns", "add", self.lab.netns(where))
        self.names.append(where)
        self.lab.run("lan", "ip", "link", "add", where, "type", "veth", "peer", "name", "eth0",
                     "netns", self.lab.netns(where))
        self.lab.run("lan", "ip", "link", "set", where, "master", "br0", "up")
        self.lab.run(where, "ip", "link", "set", "eth0", "address", mac)
        self.lab.run(where, "ethtool", "-K", "eth0", "tx", "off")
        self.lab.run(where, "ip", "link", "set", "eth0", "up")
        if address:
            self.lab.run(where, "ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.lab.run(where, "ip", "route", "add", "255.255.255.255", "dev", "eth0")

    def send(self, where, payload, to="255.255.255.255", port=67, source=68, wait=1.0):
        return bytes.fromhex(self.lab.run(where, sys.executable, "-c", CLIENT, to, str(port), str(source),
                                          str(wait), payload.hex()).strip())

    def unplug(self):
        for where in self.names:
            run("ip", "netns", "delete", self.lab.netns(where), check=False)


def run_with(name, story):
    """story(depot, firmware) in a lab of its own; exit 1 with what was not true."""
    try:
        with Lab(name) as lab:
            depot, firmware = Depot(lab), Firmware(lab)
            try:
                depot.start()
                story(depot, firmware)
            finally:
                firmware.unplug()
        say("passed")
    except LabError as error:
        sys.exit(f"{name}: {error}")
