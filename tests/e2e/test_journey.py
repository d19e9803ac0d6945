#!/usr/bin/env python3
"""The timeline of hosts that stand still, and its diagnosis, on a LAN of its own: a client of a few lines
speaks for the firmware, so that each fault can be made exactly. No virtual hosts.

    test_journey.py
"""

import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from lab import BOOT_ADDRESS, DHCP_ADDRESS, REPO, Lab, LabError, run, say, wait_until

PROGRAM = Path(os.environ.get("SLIPWAY_BUILD", REPO / "build" / "dev")) / "service" / "slipway"
RIVAL = "10.88.0.3"
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


def no_server_answers(depot, firmware):
    mac = "52:54:00:aa:01:01"
    firmware.plug("h1", mac)
    for _ in range(2):
        firmware.send("h1", message(1, mac))
    host = depot.wait_diagnosis(mac, "no-dhcp-server")
    expect("DHCP server" in host["diagnosis_remedy"] and "2 times" in host["diagnosis_detail"], f"{host}")
    wait_until(lambda: any(event == "host.stuck" for event, _ in depot.events(mac)), 20, "host.stuck")
    # It says whose lease it takes: there is a server, and the offer is what it does not like.
    firmware.send("h1", message(3, mac, b"\x36\x04" + socket.inet_aton(DHCP_ADDRESS)), wait=0.2)
    host = depot.wait_diagnosis(mac, "offer-ignored")
    expect(DHCP_ADDRESS in host["diagnosis_detail"], f"{host}")


def another_answers(depot, firmware):
    """What a rival sends is enough; who it is stands in the diagnosis."""
    mac, rival = "52:54:00:aa:01:02", "52:54:00:aa:01:0f"
    firmware.plug("h2", mac)
    firmware.plug("h9", rival, RIVAL)
    firmware.send("h2", message(1, mac))
    offer = bytearray(message(2, mac, b"\x36\x04" + socket.inet_aton(RIVAL)))
    offer[0] = 2
    firmware.send("h9", bytes(offer), port=68, source=67, wait=0.2)
    host = depot.wait_diagnosis(mac, "another-proxy-first")
    expect(RIVAL in host["diagnosis_detail"] and rival in host["diagnosis_detail"], f"{host}")


def wrong_architecture(depot, firmware):
    mac = "52:54:00:aa:01:03"
    firmware.plug("h3", mac)
    firmware.send("h3", message(1, mac))  # known from now on
    wait_until(lambda: any(host["macs"] == [mac] for host in depot.get("hosts")["hosts"]), 10, "the host to be known")
    other = "52:54:00:aa:01:04"
    (depot.folder / "inventory" / "hosts" / "arm.yaml").write_text(f'macs: ["{other}"]\n')
    wait_until(lambda: any(host["name"] == "arm" for host in depot.get("hosts")["hosts"]), 20, "the inventory")
    firmware.send("h3", message(1, other, arch=11))
    host = depot.wait_diagnosis(other, "wrong-architecture")
    expect("11" in host["diagnosis_detail"], f"{host}")


def the_loader_is_taken_and_refused(depot, firmware):
    """Port 4011, TFTP to its end, and then silence: what a UEFI firmware with Secure Boot does."""
    mac = "52:54:00:aa:01:05"
    firmware.plug("h5", mac, HOST_ADDRESS)
    firmware.send("h5", message(1, mac))
    ack = firmware.send("h5", message(3, mac, address=HOST_ADDRESS), to=BOOT_ADDRESS, port=4011, source=4011)
    name = ack[108:236].rstrip(b"\0").decode()
    expect(name.endswith(".efi"), f"the acknowledgement names {name!r}")
    depot.lab.run("h5", "curl", "-s", "-o", "/dev/null", f"tftp://{BOOT_ADDRESS}/{name}")
    wait_until(lambda: any(event == "host.loader_sent" for event, _ in depot.events(mac)), 10, "host.loader_sent",
               lambda: str(depot.events(mac)))
    told = dict(depot.events(mac))
    expect(name in told["host.dhcp_asked"] and HOST_ADDRESS in told["host.boot_server_asked"], f"{told}")
    expect("octets in" in told["host.loader_sent"] and "MiB/s" in told["host.loader_sent"], f"{told}")
    passed = [one["name"] for one in depot.get(f"hosts/{mac}/timeline")["boot"]]
    expect(passed == ["asked", "boot_server", "loader_asked", "loader_sent"], f"{passed}")
    # It begins anew, as firmware does with its next boot entry.
    firmware.send("h5", message(1, mac))
    host = depot.wait_diagnosis(mac, "loader-refused", 5)
    expect("Secure Boot" in host["diagnosis_remedy"], f"{host}")


def main():
    with Lab("journey") as lab:
        depot, firmware = Depot(lab), Firmware(lab)
        lab.dhcp.stop()  # each answer is made by hand
        try:
            depot.start()
            for part in (the_loader_is_taken_and_refused, no_server_answers, another_answers, wrong_architecture):
                began = time.monotonic()
                part(depot, firmware)
                say(f"{part.__name__.replace('_', ' ')}: {time.monotonic() - began:.1f} s")
        finally:
            firmware.unplug()
    say("passed")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"test_journey: {error}")
