#!/usr/bin/env python3
"""`slipway serve` as the DHCP server of a bench that has none: docs/network.md, "A bench without a DHCP server", on the wire.

    dhcp_server.py BUILD        (root; busybox, isc-dhcp-client, isc-dhcp-relay, dnsmasq)

Everything happens in network namespaces that end with this program:

    here  br0 10.77.0.2: where slipway gives leases
    dhcp  eth0 10.77.0.9: a foreign DHCP server, in the test that has one
    host  eth0: firmware made by hand, udhcpc, dhclient
"""

import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from lan_bench import Bench, Place, Relay, answers, by, die_with_parent, make_bridge, message, run
from served import Server, in_a_namespace

BUILD = None
SETTINGS = """\
interfaces: [br0]
data_dir: data
inventory: inventory
dhcp:
  mode: server
  pool:
    - {from: 10.77.0.100, to: 10.77.0.149}
    - {from: 10.98.0.50, to: 10.98.0.60, network: 10.98.0.0/24}
  lease: 1h
  gateway: [10.77.0.1, 10.98.0.1]
  dns: 10.77.0.1
  domain: bench.test
"""
PLACED, IGNORED = bytes.fromhex("525400aa0007"), bytes.fromhex("525400aa0008")
DISCOVER, REQUEST, ACK, NAK, RELEASE = 1, 3, b"\x05", b"\x06", 7


def mac_of(number):
    return bytes.fromhex("525400bb") + number.to_bytes(2, "big")


class LeaseServer(Bench, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.xid = 0x2000
        cls.dhcp, cls.host = Place(), Place()
        make_bridge(cls.dhcp, cls.host)
        cls.dhcp.run("ip", "address", "add", "10.77.0.9/24", "dev", "eth0")
        run("ip", "address", "add", "10.77.0.2/24", "dev", "br0")
        run("ip", "link", "set", "br0", "up")
        cls.server = Server(BUILD, Path(tempfile.mkdtemp(prefix="slipway-leases.", dir="/var/tmp")))
        (cls.server.folder / "slipway.yaml").write_text(SETTINGS)
        cls.server.write("hosts/placed.yaml", f'macs: ["{PLACED.hex(":")}"]\nbench_address: 10.77.0.21\n')
        cls.serve()

    @classmethod
    def serve(cls):
        """Starts it, and waits until its own question went unanswered."""
        before = cls.server.log.read_text().count("dhcp.leases_given") if cls.server.log.exists() else 0
        cls.server.start()
        end = time.monotonic() + 30
        while cls.server.log.read_text().count("dhcp.leases_given") == before:
            assert time.monotonic() < end, cls.server.log.read_text()
            time.sleep(0.1)

    def ask(self, kind, udp=None, patience=5, **more):
        """The answer to one message, or None."""
        type(self).xid += 1
        (udp or self.udp).sendto(message(kind, xid=self.xid, **more), ("255.255.255.255", 67))
        found = answers(udp or self.udp, self.xid, bool, patience=patience)
        return found[0] if found else None

    def request(self, address, mac, selects=True, **more):
        options = [(50, socket.inet_aton(address))]
        if selects:
            options.append((54, socket.inet_aton("10.77.0.2")))
        return self.ask(REQUEST, mac=mac, options=options, **more)

    def lease(self, mac, **more):
        """The whole way; the ACK."""
        offer = self.ask(DISCOVER, mac=mac, **more)
        ack = self.request(offer.yiaddr, mac, **more)
        self.assertEqual((ack.options[53], ack.yiaddr), (ACK, offer.yiaddr))
        return ack

    def test_1e_44_firmware_finds_its_file_in_the_lease(self):
        """1e.44: siaddr, file, 54, 60 and 97, in the offer and in the ACK."""
        for answer in (self.ask(DISCOVER, mac=mac_of(1)), self.lease(mac_of(1))):
            self.assertRegex(answer.yiaddr, r"^10\.77\.0\.1[0-4]\d$")
            self.assertEqual((answer.siaddr, answer.file), ("10.77.0.2", "snponly.efi"))
            self.assertEqual(answer.options[54], socket.inet_aton("10.77.0.2"))
            self.assertEqual((answer.options[60], answer.options[97]), (b"PXEClient", bytes(17)))
            self.assertNotIn(43, answer.options)

    def test_firmware_that_may_not_boot_has_a_plain_lease(self):
        self.ask(DISCOVER, mac=IGNORED)
        self.server.slipway("host", "ignore", IGNORED.hex(":"))
        answer = self.lease(IGNORED)
        self.assertEqual((answer.siaddr, answer.file), ("0.0.0.0", ""))
        self.assertNotIn(60, answer.options)

    def test_udhcpc_gets_all_that_a_network_needs(self):
        self.udp.close()
        script = self.server.folder / "udhcpc"
        script.write_text('#!/bin/sh\n[ "$1" = bound ] && echo "$ip $subnet $router $dns $domain $lease $serverid"\nexit 0\n')
        script.chmod(0o755)
        said = self.host.run("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-s", str(script))
        self.assertRegex(said, r"10\.77\.0\.1[0-4]\d 255\.255\.255\.0 10\.77\.0\.1 10\.77\.0\.1 bench\.test 3[56]\d\d 10\.77\.0\.2")

    def test_dhclient_gets_its_address_again(self):
        """DISCOVER, then INIT-REBOOT with what it wrote down, then RELEASE."""
        self.udp.close()
        folder = self.server.folder
        script = folder / "dhclient-script"
        script.write_text('#!/bin/sh\n[ -z "$new_ip_address" ] || ip address replace $new_ip_address/24 dev $interface\nexit 0\n')
        script.chmod(0o755)
        self.addCleanup(self.host.run, "ip", "address", "flush", "dev", "eth0")
        words = [*self.host.words, "dhclient", "-v", "-1", "-sf", script, "-cf", "/dev/null", "-lf", folder / "dhclient.leases",
                 "-pf", folder / "dhclient.pid"]
        said = []
        for more in (["-d"], ["-d"], ["-r"]):
            process = subprocess.Popen([*words, *more, "eth0"], text=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "bound to" in line:
                    break
            # It speaks of its DHCPRELEASE before it sends that, and ends by itself then.
            if "-r" in more:
                process.wait(20)
            process.kill()
            process.wait()
            process.stdout.close()
            said.append("".join(lines))
        address = re.search(r"bound to (10\.77\.0\.1[0-4]\d)", said[0])
        self.assertTrue(address, said[0])
        self.assertIn(f"bound to {address[1]}", said[1])
        self.assertIn(f"DHCPREQUEST for {address[1]}", said[1])
        self.assertNotIn("DHCPDISCOVER", said[1])
        self.assertIn("DHCPRELEASE", said[2])
        self.assertTrue(self.logged("dhcp.lease_released", f"address={address[1]}"))

    def test_the_address_of_a_host_is_its_own_alone(self):
        self.assertEqual(self.lease(PLACED).yiaddr, "10.77.0.21")
        self.assertEqual(self.request("10.77.0.21", mac_of(2)).options[53], NAK)

    def test_what_was_acknowledged_survives_kill_9(self):
        """Killed right behind the last ACK; nobody else gets those addresses afterwards."""
        given = {mac_of(100 + number): self.lease(mac_of(100 + number)).yiaddr for number in range(20)}
        self.server.kill()
        self.serve()
        self.assertEqual(len(set(given.values())), 20)
        for mac, address in given.items():
            again = self.request(address, mac, selects=False)
            self.assertEqual((again.options[53], again.yiaddr), (ACK, address))
        for number in range(20):
            self.assertNotIn(self.ask(DISCOVER, mac=mac_of(200 + number)).yiaddr, given.values())
        self.assertEqual(self.request(next(iter(given.values())), mac_of(300)).options[53], NAK)

    def test_1a_11_a_host_behind_a_relay_has_an_address_of_its_own_network(self):
        """1a.11: through ISC's dhcrelay, which drops answers without its option 82; firmware and a stock client."""
        relay = Relay(self, "10.77.0.1/24", "10.77.0.2")
        self.addCleanup(relay.close)
        far = relay.host.socket("eth0", 68)
        ack = self.lease(mac_of(3), udp=far)
        far.close()
        self.assertRegex(ack.yiaddr, r"^10\.98\.0\.(5\d|60)$")
        self.assertEqual((ack.siaddr, ack.file), ("10.77.0.2", "snponly.efi"))
        self.assertEqual(ack.options[3], socket.inet_aton("10.98.0.1"))
        said = relay.host.run("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-s", "/bin/true")
        self.assertRegex(said, r"lease of 10\.98\.0\.\d+ obtained from 10\.77\.0\.2, lease time 3600")

    def test_zz_beside_another_dhcp_server_no_lease_is_given(self):
        """Heard while it answers; and after a start, by our own question. The last one: a minute would pass before leases are
        given again."""
        self.dnsmasq("--dhcp-range=10.77.0.200,10.77.0.220,255.255.255.0,1h")
        foreign = lambda found: by(found, "10.77.0.9")
        type(self).xid += 1
        self.udp.sendto(message(DISCOVER, xid=self.xid, mac=mac_of(4)), ("255.255.255.255", 67))
        self.assertTrue(foreign(answers(self.udp, self.xid, foreign)))
        self.assertTrue(self.logged("dhcp.leases_withheld", "ip=10.77.0.9 server_mac="))
        for start in (False, True):
            if start:
                self.server.kill()
                self.server.start()
                end = time.monotonic() + 20
                while self.server.log.read_text().count("event=dhcp.leases_withheld ip=10.77.0.9") < 2:
                    self.assertLess(time.monotonic(), end, "its own question was not answered")
                    time.sleep(0.1)
            type(self).xid += 1
            self.udp.sendto(message(DISCOVER, xid=self.xid, mac=mac_of(5)), ("255.255.255.255", 67))
            found = answers(self.udp, self.xid, lambda them: len(them) > 1, patience=3)
            self.assertEqual({answer.sender[0] for answer in found}, {"10.77.0.9"})


if __name__ == "__main__":
    in_a_namespace()
    BUILD = Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=2)
