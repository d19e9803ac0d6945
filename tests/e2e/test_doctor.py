#!/usr/bin/env python3
"""`slipway doctor` on a LAN of its own, without virtual hosts: beside a plain DHCP server, beside none, beside
one that sets option 60, and beside another boot server. Nothing leaves on the interface that is not in the settings.

    test_doctor.py
"""

import json
import os
import sys
import time
from pathlib import Path

from lab import DHCP_ADDRESS, REPO, Lab, LabError, run, say, wait_until

PROGRAM = Path(os.environ.get("SLIPWAY_BUILD", REPO / "build" / "dev")) / "service" / "slipway"
RIVAL = "10.88.0.3"
RIVAL_SETTINGS = """\
port=0
interface=eth0
bind-interfaces
user=root
pid-file=
log-facility=-
dhcp-range=10.88.0.0,proxy
pxe-service=X86-64_EFI,"rival",rival.efi
pxe-service=BC_EFI,"rival",rival.efi
enable-tftp
tftp-root=/
"""


def expect(condition, what):
    if not condition:
        raise LabError(what)


class Doctor:
    def __init__(self, lab):
        self.lab, self.folder = lab, lab.folder / "depot"
        for kind in ("profiles", "sites", "hosts"):
            (self.folder / "inventory" / kind).mkdir(parents=True)
        (self.folder / "data").mkdir()
        self.settings = self.folder / "slipway.yaml"
        self.settings.write_text(f"interfaces: [eth0]\ndata_dir: {self.folder}/data\n"
                                 f"inventory: {self.folder}/inventory\n")

    def findings(self, listen=3):
        """{name: (level, text, remedy)}; exit 1 if and only if one is an error."""
        done = self.lab.start("boot", [PROGRAM, "doctor", "--listen", str(listen), "--json", "-c", self.settings],
                              "doctor", stdout=open(self.folder / "out", "wb"))
        code = done.child.wait(60)
        text = (self.folder / "out").read_text()
        found = json.loads(text)["findings"]
        has_error = any(one["level"] == "error" for one in found)
        expect(code == (1 if has_error else 0), f"exit {code}: {text}")
        for one in found:
            expect((one["level"] == "ok") == (one["remedy"] == ""), f"remedy: {one}")
        return {one["name"]: (one["level"], one["text"], one["remedy"]) for one in found}

    def expect_found(self, found, name, level, *words):
        expect(name in found and found[name][0] == level, f"no {level} {name} in {found}")
        for word in words:
            expect(word in found[name][1], f"{word} is not in {found[name]}")


def start_rival(lab):
    """A second boot server, in a namespace of its own; returns its MAC."""
    where = lab.netns("rival")
    run("ip", "netns", "add", where)
    lab.run("lan", "ip", "link", "add", "rival", "type", "veth", "peer", "name", "eth0", "netns", where)
    lab.run("lan", "ip", "link", "set", "rival", "master", "br0", "up")
    for words in (("address", "add", f"{RIVAL}/24", "dev", "eth0"), ("link", "set", "eth0", "up"),
                  ("link", "set", "lo", "up")):
        lab.run("rival", "ip", *words)
    settings = lab.folder / "rival.conf"
    settings.write_text(RIVAL_SETTINGS)
    process = lab.start("rival", ["dnsmasq", "--keep-in-foreground", f"--conf-file={settings}"], "rival")
    wait_until(lambda: "DHCP, proxy" in process.log.read_text(), 10, "the rival to start")
    mac = json.loads(lab.run("rival", "ip", "-j", "link", "show", "eth0"))[0]["address"]
    return process, mac


def with_option_60(lab):
    lab.dhcp.stop()
    settings = lab.folder / "dnsmasq.conf"
    settings.write_text(settings.read_text() + 'dhcp-option-force=60,PXEClient\n')
    lab.dhcp = lab.start("dhcp", ["dnsmasq", "--keep-in-foreground", f"--conf-file={settings}"], "dnsmasq")
    wait_until(lambda: lab.dhcp.log.read_text().count("DHCP, IP range") >= 2, 10, "dnsmasq to start")


def main():
    with Lab("doctor") as lab:
        doctor = Doctor(lab)
        office = lab.folder / "office.pcap"
        tap = lab.start("boot", ["tcpdump", "-i", "office1", "-U", "-w", office, "udp"], "tcpdump")
        wait_until(office.exists, 10, "tcpdump")

        found = doctor.findings()
        doctor.expect_found(found, "interface", "ok", "eth0")
        doctor.expect_found(found, "ports", "ok")
        doctor.expect_found(found, "dhcp-server", "ok", DHCP_ADDRESS)
        doctor.expect_found(found, "installer", "error")
        expect("another-proxy" not in found and "no-dhcp-server" not in found, f"{found}")
        say("beside a plain DHCP server: well")

        process, mac = start_rival(lab)
        found = doctor.findings()
        doctor.expect_found(found, "another-proxy", "error", RIVAL, mac)
        doctor.expect_found(found, "dhcp-server", "ok", DHCP_ADDRESS)
        process.stop()
        run("ip", "netns", "delete", lab.netns("rival"))
        say("another boot server: named with its MAC")

        with_option_60(lab)
        found = doctor.findings()
        doctor.expect_found(found, "dhcp-option-60", "error", DHCP_ADDRESS)
        say("option 60 of the DHCP server: named")

        lab.dhcp.stop()
        found = doctor.findings()
        doctor.expect_found(found, "no-dhcp-server", "error", "eth0")
        say("no DHCP server: said")

        began = time.monotonic()
        found = doctor.findings(listen=0)
        expect("no-dhcp-server" not in found, f"it asked all the same: {found}")
        say(f"--listen 0 sends nothing ({time.monotonic() - began:.1f} s)")

        lab.run("boot", "ip", "link", "set", "eth0", "down")
        found = doctor.findings()
        doctor.expect_found(found, "interface", "error", "eth0", "down")
        say("an interface that is down: said")

        tap.stop()
        expect(lab.run("boot", "tcpdump", "-r", office) == "", "something left on the interface that is not served")
    say("passed")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        sys.exit(f"test_doctor: {error}")
