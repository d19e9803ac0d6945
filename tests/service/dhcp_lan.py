#!/usr/bin/env python3
"""`slipway serve` on a LAN with stock DHCP servers and clients: the points of docs/network.md on the wire.

    dhcp_lan.py BUILD        (root; dnsmasq, busybox)

Everything happens in network namespaces that end with this program:

    here  br0 10.88.0.2 and 10.88.0.22, lan1 10.99.0.2: where slipway serves; its default route leads elsewhere
    dhcp  eth0 10.88.0.1: dnsmasq, in the forms of the tests
    host  eth0, eth1: firmware made by hand, and udhcpc
"""

import json
import re
import socket
import sys
import tempfile
import time
import unittest
from pathlib import Path

from lan_bench import Bench, Place, Relay, answers, by, make_bridge, message, run
from served import Server, in_a_namespace

REPO = Path(__file__).resolve().parents[2]
BUILD = None
TOLD = bytes.fromhex("525400aa0002")  # the inventory says its form
SETTINGS = """\
interfaces: [br0, lan1]
data_dir: data
inventory: inventory
unknown_hosts: discover
"""
LEASES = ["--dhcp-range=10.88.0.100,10.88.0.150,255.255.255.0,1h", "--dhcp-option=3"]


def sent_by(interface):
    [link] = json.loads(run("ip", "-s", "-j", "link", "show", interface))
    return link["stats64"]["tx"]["packets"]


class Lan(Bench, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.xid = 0x1000
        cls.dhcp, cls.host = Place(), Place()
        make_bridge(cls.dhcp, cls.host)
        cls.dhcp.run("ip", "address", "add", "10.88.0.1/24", "dev", "eth0")
        cls.host.run("ip", "address", "add", "10.88.0.77/24", "dev", "eth0")
        run("ip", "address", "add", "10.88.0.2/24", "dev", "br0")
        run("ip", "address", "add", "10.88.0.22/24", "dev", "br0")
        run("ip", "link", "add", "lan1", "type", "veth", "peer", "name", "eth1", "netns", str(cls.host.process.pid))
        run("ip", "address", "add", "10.99.0.2/24", "dev", "lan1")
        cls.host.run("ip", "link", "set", "eth1", "up")
        cls.host.run("ip", "address", "add", "10.99.0.77/24", "dev", "eth1")
        run("ip", "link", "add", "wan0", "type", "veth", "peer", "name", "wan1", "netns", str(cls.dhcp.process.pid))
        cls.dhcp.run("ip", "link", "set", "wan1", "up")
        run("ip", "link", "set", "wan0", "addrgenmode", "none")  # IPv6 would send packets of its own
        run("ip", "address", "add", "203.0.113.1/24", "dev", "wan0")
        for name in ("br0", "lan1", "wan0"):
            run("ip", "link", "set", name, "up")
        run("ip", "route", "add", "default", "via", "203.0.113.254", "dev", "wan0")
        cls.server = Server(BUILD, Path(tempfile.mkdtemp(prefix="slipway-lan.", dir="/var/tmp")))
        (cls.server.folder / "slipway.yaml").write_text(SETTINGS)
        cls.server.write("hosts/told.yaml", f'macs: ["{TOLD.hex(":")}"]\noffer: direct\n')
        cls.server.start()

    def discover(self, wanted, udp=None, to=("255.255.255.255", 67), **more):
        """Asks until the answers are there, as firmware does; a server may only just be starting."""
        for _ in range(5):
            type(self).xid += 1
            (udp or self.udp).sendto(message(1, xid=self.xid, **more), to)
            found = answers(udp or self.udp, self.xid, wanted, patience=2)
            if wanted(found):
                break
        return found

    def test_1a_02_egress_is_the_interface_that_was_asked(self):
        """1a.2: with a default route that leads elsewhere, a second address and a second interface."""
        before = sent_by("wan0")
        [offer] = self.discover(lambda found: by(found, "10.88.0.2"))
        self.assertEqual((offer.siaddr, offer.file, offer.yiaddr), ("10.88.0.2", "snponly.efi", "0.0.0.0"))
        other = self.host.socket("eth1", 68)
        self.addCleanup(other.close)
        [offer] = self.discover(lambda found: by(found, "10.99.0.2"), udp=other)
        self.assertEqual((offer.siaddr, offer.sender), ("10.99.0.2", ("10.99.0.2", 67)))
        self.assertEqual(before, sent_by("wan0"))

    def test_1b_19_the_boot_server_answers_from_the_address_that_was_asked(self):
        """1b.17, 1b.19: port 4011, from 4011 as EDK2 and from 68 as iPXE, to a second address too."""
        for port, address in ((4011, "10.88.0.2"), (4011, "10.88.0.22"), (68, "10.88.0.2")):
            udp = self.host.socket("eth0", port) if port != 68 else self.udp
            type(self).xid += 1
            udp.sendto(message(3, xid=self.xid, ciaddr="10.88.0.77"), (address, 4011))
            [ack] = answers(udp, self.xid, bool)
            self.assertEqual((ack.sender, ack.siaddr, ack.options[53]), ((address, 4011), address, b"\x05"))
            if udp is not self.udp:
                udp.close()

    def test_1a_11_a_relay_gets_the_answer_with_its_option_82(self):
        """1a.11: to giaddr:67, the option last and unchanged."""
        relay = self.host.socket("eth0", 67)
        self.addCleanup(relay.close)
        type(self).xid += 1
        wire = bytearray(message(1, xid=self.xid, options=[(82, b"\x01\x04port")]))
        wire[24:28] = socket.inet_aton("10.88.0.77")
        relay.sendto(bytes(wire), ("10.88.0.2", 67))
        [offer] = answers(relay, self.xid, bool)
        self.assertEqual((offer.options[82], list(offer.options)[-1]), (b"\x01\x04port", 82))

    def test_1a_11_an_offer_reaches_a_host_behind_dhcrelay(self):
        """1a.11: ISC's relay, which drops answers that do not bring its option 82 back."""
        relay = Relay(self, "10.88.0.88/24", "10.88.0.2")
        self.addCleanup(relay.close)
        far = relay.host.socket("eth0", 68)
        self.addCleanup(far.close)
        offer = self.discover(bool, udp=far)[0]
        self.assertEqual((offer.sender[0], offer.siaddr, offer.file, offer.yiaddr),
                         ("10.98.0.1", "10.88.0.2", "snponly.efi", "0.0.0.0"))
        self.assertNotIn(82, offer.options)

    def test_1a_13_a_form_that_firmware_ignores_is_changed_and_what_worked_is_kept(self):
        """1a.13: option 43 comes with the second try, and stays once port 4011 was asked; a host's own setting goes before."""
        mac = bytes.fromhex("525400aa0013")
        forms = []
        for pause, wire in ((0, message(1, xid=0x77, mac=mac)), (3.2, message(1, xid=0x77, mac=mac)),
                            (0, message(3, xid=0x78, mac=mac, ciaddr="10.88.0.77")),
                            (0, message(1, xid=0x79, mac=mac)), (0, message(1, xid=0x7a, mac=TOLD))):
            time.sleep(pause)
            request = wire[242] == 3
            self.udp.sendto(wire, ("10.88.0.2", 4011) if request else ("255.255.255.255", 67))
            [answer] = answers(self.udp, int.from_bytes(wire[4:8], "big"), bool)
            if not request:
                forms.append(answer.options.get(43))
        direct = b"\x06\x01\x08\xff"
        self.assertEqual(forms, [None, direct, direct, direct])

    def test_1a_01_port_67_is_shared_with_dnsmasq(self):
        """1a.1: on the same machine and interface, whichever started first."""
        both = lambda found: {answer.yiaddr != "0.0.0.0" for answer in by(found, "10.88.0.2")} == {True, False}
        second = self.dnsmasq(*LEASES, here=True)
        self.assertTrue(both(self.discover(both)), "dnsmasq started after slipway")
        self.server.kill()
        self.server.start()
        self.assertTrue(both(self.discover(both)), "slipway started after dnsmasq")
        second.kill()

    def test_1a_03_a_stock_client_gets_its_lease_undisturbed(self):
        """1a.3: nothing but boot clients is answered."""
        self.dnsmasq(*LEASES)
        self.udp.close()
        said = self.host.run("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-s", "/bin/true")
        self.assertRegex(said, r"lease of 10\.88\.0\.1\d\d obtained from 10\.88\.0\.1")

    def test_1e_42_another_boot_server_is_named(self):
        """1e.42: by address and MAC."""
        [link] = json.loads(self.dhcp.run("ip", "-j", "link", "show", "eth0"))
        self.dnsmasq("--dhcp-range=10.88.0.0,proxy", "--pxe-service=X86-64_EFI,other,other.efi")
        self.assertTrue(self.discover(lambda found: by(found, "10.88.0.1")))
        self.assertTrue(self.logged("dhcp.rival_proxy", f"ip=10.88.0.1 server_mac={link['address']}"))

    def test_1e_43_a_dhcp_server_that_leads_astray_is_named(self):
        """1e.43: option 60, a boot file; and one that does neither."""
        for event, words in (("dhcp.rival_class", ["--dhcp-option-force=60,PXEClient"]),
                             ("dhcp.rival_file", ["--dhcp-boot=pxelinux.0"]), ("dhcp.lease_server", [])):
            process = self.dnsmasq(*LEASES, *words)
            self.assertTrue(self.discover(lambda found: by(found, "10.88.0.1")))
            self.assertTrue(self.logged(event, "ip=10.88.0.1"), event)
            process.kill()
            process.wait()

    def test_1e_44_the_lines_for_the_dhcp_server_boot_every_client(self):
        """1e.44: the lines of docs/network.md, as they stand there."""
        text = (REPO / "docs/network.md").read_text()
        lines = [line for line in re.search(r"```\n(.*?)```", text, re.S)[1].splitlines() if line.startswith("dhcp-")]
        self.dnsmasq(*LEASES, *("--" + line.replace("10.0.0.2", "10.88.0.2") for line in lines))
        for arch, options, name in ((0, [], "undionly.kpxe"), (7, [], "snponly.efi"), (9, [], "snponly.efi"),
                                    (7, [(175, b"\x13\x01\x01")], "http://10.88.0.2:8080/boot.ipxe")):
            leases = by(self.discover(lambda found: by(found, "10.88.0.1"), arch=arch, options=options), "10.88.0.1")
            self.assertEqual((leases[0].siaddr, leases[0].file), ("10.88.0.2", name))
            self.assertNotEqual(leases[0].yiaddr, "0.0.0.0")


if __name__ == "__main__":
    in_a_namespace()
    BUILD = Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=2)
