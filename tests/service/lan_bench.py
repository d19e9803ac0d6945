"""A small network for tests of DHCP: namespaces that end with the program, hand-made clients, stock servers and relays."""

import ctypes
import json
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

MAC = bytes.fromhex("525400aa0001")
PXE = b"PXEClient:Arch:00007:UNDI:003000"
DNSMASQ = ["dnsmasq", "-k", "-C", "/dev/null", "-u", "root", "--pid-file=", "-p", "0", "--log-facility=-", "--no-ping",
           "--bind-interfaces", "--dhcp-authoritative"]


def run(*words):
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stdout}")
    return done.stdout


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Place:
    """A network namespace that lives as long as its one process."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo there; exec sleep infinity"],
                                        stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert self.process.stdout.readline() == "there\n"
        self.words = ["nsenter", "-n", "-t", str(self.process.pid)]
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *words):
        return run(*self.words, *words)

    def socket(self, interface, port):
        """A UDP socket of this place, bound to one interface."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as here, open(f"/proc/{self.process.pid}/ns/net") as there:
            try:
                if libc.setns(there.fileno(), 0x40000000) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
                udp.bind(("", port))
                return udp
            finally:
                libc.setns(here.fileno(), 0x40000000)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def message(kind, options=(), xid=0x1234, ciaddr="0.0.0.0", arch=7, mac=MAC):
    """What EDK2 sends, in short."""
    fixed = bytes([1, 1, 6, 0]) + xid.to_bytes(4, "big") + bytes([0, 0, 0x80, 0]) + socket.inet_aton(ciaddr)
    fixed += bytes(12) + mac + bytes(10 + 64 + 128) + bytes.fromhex("63825363")
    for code, value in [(53, bytes([kind])), (93, bytes([0, arch])), (60, PXE), (97, bytes(17)), *options]:
        fixed += bytes([code, len(value)]) + value
    return fixed + b"\xff"


class Answer:
    def __init__(self, wire, sender):
        self.sender, self.xid = sender, int.from_bytes(wire[4:8], "big")
        self.yiaddr, self.siaddr = socket.inet_ntoa(wire[16:20]), socket.inet_ntoa(wire[20:24])
        self.file, self.options, at = wire[108:236].split(b"\0")[0].decode(), {}, 240
        while at < len(wire) and wire[at] != 255:
            if wire[at] == 0:
                at += 1
                continue
            self.options[wire[at]] = wire[at + 2:at + 2 + wire[at + 1]]
            at += 2 + wire[at + 1]


def answers(udp, xid, wanted, patience=10):
    """Answers with `xid` until `wanted(them)` holds; all that came in `patience` seconds at most."""
    found, end = [], time.monotonic() + patience
    while not wanted(found) and time.monotonic() < end:
        udp.settimeout(max(0.01, end - time.monotonic()))
        try:
            wire, sender = udp.recvfrom(2048)
        except TimeoutError:
            break
        answer = Answer(wire, sender)
        if answer.xid == xid:
            found.append(answer)
    return found


def by(found, address):
    return [answer for answer in found if answer.sender[0] == address]


def make_bridge(dhcp, host):
    """br0 here, with eth0 of both places on it."""
    run("ip", "link", "add", "br0", "type", "bridge")
    for place, port in ((dhcp, "d0"), (host, "h0")):
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(place.process.pid))
        run("ip", "link", "set", port, "master", "br0", "up")
        place.run("ip", "link", "set", "eth0", "up")


class Bench:
    """What the test cases share. Their class has `server` (served.Server), and the Places `dhcp`, for stock servers, and
    `host`, whose port 68 is `udp`."""

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.dhcp.close()
        cls.host.close()

    def setUp(self):
        self.started = []
        self.udp = self.host.socket("eth0", 68)

    def tearDown(self):
        self.udp.close()
        for process in self.started:
            process.kill()
            process.wait()

    def start(self, words, ready):
        """Starts a program that logs `ready` when it is; its log is a file beside the server's."""
        log = open(self.server.folder / f"{words[-1].split('/')[-1]}-{time.monotonic_ns()}", "w+")
        self.addCleanup(log.close)
        process = subprocess.Popen(words, stdout=log, stderr=log, preexec_fn=die_with_parent)
        self.started.append(process)
        end = time.monotonic() + 10
        while ready not in Path(log.name).read_text():
            self.assertIsNone(process.poll(), Path(log.name).read_text())
            self.assertLess(time.monotonic(), end, f"{words} is not ready")
            time.sleep(0.05)
        return process

    def dnsmasq(self, *words, here=False, interface=None):
        """Starts one; it is ready when it says which leases it gives."""
        leases = self.server.folder / f"leases-{time.monotonic_ns()}"
        return self.start([*([] if here else self.dhcp.words), *DNSMASQ, f"--dhcp-leasefile={leases}",
                           f"--interface={interface or ('br0' if here else 'eth0')}", *words], "DHCP")

    def logged(self, event, fact):
        end = time.monotonic() + 10
        pattern = re.compile(rf"event={re.escape(event)} .*{re.escape(fact)}")
        while not pattern.search(self.server.log.read_text()):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


class Relay:
    """A second LAN, 10.98.0.0/24, behind ISC's dhcrelay: its leg `near` on the server's bridge, `far` with one host."""

    def __init__(self, bench, near, server):
        self.router, self.host = Place(), Place()
        run("ip", "link", "add", "r0", "type", "veth", "peer", "name", "near", "netns", str(self.router.process.pid))
        run("ip", "link", "set", "r0", "master", "br0", "up")
        self.router.run("ip", "link", "add", "far", "type", "veth", "peer", "name", "eth0", "netns",
                        str(self.host.process.pid))
        for interface, address in (("near", near), ("far", "10.98.0.1/24")):
            self.router.run("ip", "address", "add", address, "dev", interface)
            self.router.run("ip", "link", "set", interface, "up")
        self.host.run("ip", "link", "set", "eth0", "up")
        # How a server finds giaddr again, as on any network with a relay.
        run("ip", "route", "add", "10.98.0.0/24", "via", near.split("/")[0])
        self.router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        # -a: it puts an option 82 of its own in, and takes it out of the answer.
        bench.start([*self.router.words, "dhcrelay", "-4", "-d", "-a", "--no-pid", "-iu", "near", "-id", "far", server],
                    "Sending on   Socket/fallback")

    def close(self):
        run("ip", "route", "del", "10.98.0.0/24")
        self.router.close()
        self.host.close()
