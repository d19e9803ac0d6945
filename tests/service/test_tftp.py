#!/usr/bin/env python3
"""Stock TFTP clients against a real `slipway serve`, and the points of the wire that need an interface
with a small MTU. In a network of its own, on loopback.

    test_tftp.py BUILD
"""

import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from served import TFTP_PORT, Server, in_a_namespace

BUILD = Path(sys.argv[1]).resolve()
MTU = 1400
BLOCK = MTU - 32
# Exact multiples of the default block, of the largest and of a round one, and no multiple.
SIZES = {"undionly.kpxe": 512 * 100, "ipxe.pxe": BLOCK * 64, "snponly.efi": 1024 * 256, "ipxe.efi": 1000001}
CLIENTS = {
    "curl": "curl -sS -o {out} tftp://{host}:{port}/{name}",
    "curl, blksize": "curl -sS --tftp-blksize 1024 -o {out} tftp://{host}:{port}/{name}",
    "curl, no options": "curl -sS --tftp-no-options -o {out} tftp://{host}:{port}/{name}",
    "atftp": "atftp -g -r {name} -l {out} {host} {port}",
    "atftp, options": "atftp --option 'blksize 1468' --option 'windowsize 16' --option 'tsize 0' "
                      "-g -r {name} -l {out} {host} {port}",
    "atftp, window 64": "atftp --option 'windowsize 64' --option 'timeout 3' -g -r {name} -l {out} {host} {port}",
    "tftp-hpa": "tftp -m binary {host} {port} -c get {name} {out}",
    "busybox": "busybox tftp -g -b 65464 -r {name} -l {out} {host} {port}",
}


class Bench(unittest.TestCase):
    """A server that publishes SIZES."""
    TFTP = f"tftp: {{port: {TFTP_PORT}, allow: [127.0.0.0/8]}}"

    @classmethod
    def setUpClass(cls):
        subprocess.run(["ip", "link", "set", "lo", "mtu", str(MTU)], check=True)
        cls.folder = Path(tempfile.mkdtemp(prefix="slipway-tftp."))
        cls.server = Server(BUILD, cls.folder)
        cls.addClassCleanup(cls.server.close)
        (cls.folder / "loaders").mkdir()
        cls.content = {name: os.urandom(octets) for name, octets in SIZES.items()}
        for name, octets in cls.content.items():
            (cls.folder / "loaders" / name).write_bytes(octets)
        cls.server.settings("loaders: loaders", cls.TFTP)
        cls.server.make_installer()
        cls.server.add_profile()
        cls.server.start()

    def run_client(self, command, name, host="127.0.0.1"):
        """Exit status, and what was written."""
        out = self.folder / "out"
        out.unlink(missing_ok=True)
        words = command.format(out=out, host=host, port=TFTP_PORT, name=name)
        done = subprocess.run(["timeout", "60", "sh", "-c", words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return done.returncode, out.read_bytes() if out.exists() else b""


class Tftp(Bench):
    def test_1c_30_stock_clients_read_files_of_exact_multiples_whole(self):
        for client, command in CLIENTS.items():
            for name, content in self.content.items():
                with self.subTest(client=client, octets=len(content)):
                    self.assertEqual(self.run_client(command, name), (0, content))

    def test_1c_24_a_second_address_answers_for_itself(self):
        for client, command in CLIENTS.items():
            with self.subTest(client=client):
                self.assertEqual(self.run_client(command, "ipxe.efi", "127.0.0.2"), (0, self.content["ipxe.efi"]))

    def test_1c_33_artifacts_are_read_by_their_paths(self):
        name = "/artifacts/" + "1" * 64 + "/vmlinuz"
        self.assertEqual(self.run_client(CLIENTS["curl"], name), (0, b"vmlinuz"))

    def test_1c_33_grub_is_sent_on_to_http(self):
        # Of whom nobody knows who it is GRUB must say the MAC; a host is tried by HTTP, then by TFTP.
        for name, who in (("grub/grub.cfg", "$net_default_mac"), ("/grub/grub.cfg-52:54:00:bb:00:01", "52:54:00:bb:00:01")):
            again = f"configfile (http,127.0.0.1:18080)/grub/grub.cfg-{who}\n".encode()
            status, text = self.run_client(CLIENTS["curl"], name)
            self.assertEqual((status, text[:len(again)]), (0, again))

    def test_1c_31_a_missing_file_is_refused_at_once(self):
        self.assertEqual(self.run_client(CLIENTS["curl"], "grub/x86_64-efi/command.lst")[0], 68)
        self.assertEqual(self.run_client(CLIENTS["curl"], "%2e%2e/slipway.yaml")[0], 69)

    def test_1c_23_a_write_is_refused(self):
        command = f"curl -sS -T {self.folder}/slipway.yaml tftp://{{host}}:{{port}}/ipxe.efi"
        self.assertEqual(self.run_client(command, "")[0], 69)

    def test_1c_27_a_block_with_its_headers_fits_the_interface(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.sendto(b"\0\1ipxe.efi\0octet\0blksize\x0065464\0", ("127.0.0.1", TFTP_PORT))
            answer, server = client.recvfrom(65536)
            self.assertEqual(answer, b"\0\6blksize\0" + str(BLOCK).encode() + b"\0")
            client.sendto(struct.pack("!HH", 4, 0), server)
            self.assertEqual(client.recv(65536), struct.pack("!HH", 3, 1) + self.content["ipxe.efi"][:BLOCK])
            client.sendto(struct.pack("!HH", 5, 0) + b"enough\0", server)

    def test_a_crowd_writes_a_line_a_second_of_each_kind(self):
        def lines():
            return self.server.log.read_text().count("event=tftp.missing")
        before, began = lines(), time.monotonic()
        for number in range(1, 201):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(10)
                client.bind((f"127.0.3.{number}", 0))
                client.sendto(b"\0\1nosuch\0octet\0", ("127.0.0.1", TFTP_PORT))
                self.assertEqual(client.recv(600)[:4], b"\0\5\0\1")
        self.assertLess(lines() - before, 3 + time.monotonic() - began)
        self.assertGreater(lines(), 0)


class SinglePort(Bench):
    TFTP = f"tftp: {{port: {TFTP_PORT}, allow: [127.0.0.0/8], single_port: true}}"

    def test_1c_24_stock_clients_read_whole_files(self):
        for client, command in CLIENTS.items():
            with self.subTest(client=client):
                self.assertEqual(self.run_client(command, "ipxe.efi"), (0, self.content["ipxe.efi"]))

    def test_1c_24_a_whole_transfer_gets_through_to_a_client_that_hears_the_asked_port_alone(self):
        """A connected socket, like a firewall with state, takes datagrams from nowhere else."""
        content, got = self.content["snponly.efi"], b""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.connect(("127.0.0.1", TFTP_PORT))
            client.send(b"\0\1snponly.efi\0octet\0")
            for block in range(1, len(content) // 512 + 2):
                answer = client.recv(65536)
                self.assertEqual(answer[:4], struct.pack("!HH", 3, block & 0xffff))
                got += answer[4:]
                client.send(struct.pack("!HH", 4, block & 0xffff))
        self.assertEqual(got, content)


class OnLink(unittest.TestCase):
    """An interface with ARP, whose other end sends what a host of that network could forge."""
    MAC = "02:00:00:00:00:01"

    @classmethod
    def setUpClass(cls):
        for words in (f"link add near address {cls.MAC} type veth peer name far", "address add 10.77.0.1/16 dev near",
                      "link set near up", "link set far up"):
            subprocess.run(["ip", *words.split()], check=True)
        cls.folder = Path(tempfile.mkdtemp(prefix="slipway-tftp."))
        cls.server = Server(BUILD, cls.folder)
        cls.addClassCleanup(cls.server.close)
        (cls.folder / "loaders").mkdir()
        (cls.folder / "loaders" / "ipxe.efi").write_bytes(b"x" * 1000)
        cls.server.settings("loaders: loaders", f"tftp: {{port: {TFTP_PORT}, allow: [10.77.0.0/16]}}")
        file = cls.folder / "slipway.yaml"
        file.write_text(file.read_text().replace("interfaces: [lo]", "interfaces: [near]"))
        cls.server.make_installer()
        cls.server.add_profile()
        cls.server.start()
        cls.mac = bytes.fromhex(cls.MAC.replace(":", ""))

    def setUp(self):
        self.far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.addCleanup(self.far.close)
        self.far.bind(("far", 0))

    def ask(self, source):
        payload = b"\0\1ipxe.efi\0octet\0"
        udp = struct.pack("!HHHH", 2000, TFTP_PORT, 8 + len(payload), 0) + payload
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source),
                         socket.inet_aton("10.77.0.1"))
        total = sum(struct.unpack("!10H", ip))
        total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + ip[12:]
        self.far.send(self.mac + b"\2\0\0\0\0\1" + b"\x08\0" + ip + udp)

    def heard(self, seconds):
        """ARP questions for an address, and UDP datagrams to one, by the address."""
        arp, udp, until = set(), set(), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.far.settimeout(left)
            try:
                frame = self.far.recv(2048)
            except TimeoutError:
                break
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1":
                arp.add(socket.inet_ntoa(frame[38:42]))
            elif frame[12:14] == b"\x08\0" and frame[23] == 17 and frame[6:12] == self.mac:
                udp.add(socket.inet_ntoa(frame[30:34]))
        return arp, udp

    def test_sg8_forged_hosts_of_our_link_do_not_fill_the_table_of_neighbours(self):
        for number in range(1000):
            self.ask(f"10.77.{1 + number // 250}.{1 + number % 250}")
            time.sleep(0.0005)
        known = "ip neigh replace 10.77.0.9 lladdr 02:00:00:00:00:09 dev near"
        subprocess.run(known.split(), check=True)
        self.ask("10.77.0.9")
        arp, udp = self.heard(1.5)
        self.assertGreater(len(arp), 50)  # a few may be hosts
        self.assertLess(len(arp), 500)
        self.assertEqual(udp, {"10.77.0.9"})  # who is known is answered in the midst of it


if __name__ == "__main__":
    in_a_namespace()
    unittest.main(argv=sys.argv[:1])
