#!/usr/bin/env python3
"""The timeline of hosts that stand still, and its diagnosis, on a LAN of its own: a client of a few lines
speaks for the firmware, so that each fault can be made exactly. No virtual hosts.

    test_journey.py
"""

import socket
import time

from firmware import HOST_ADDRESS, expect, message, run_with
from lab import BOOT_ADDRESS, DHCP_ADDRESS, say, wait_until

RIVAL = "10.88.0.3"


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


def story(depot, firmware):
    depot.lab.dhcp.stop()  # each answer is made by hand
    for part in (the_loader_is_taken_and_refused, no_server_answers, another_answers, wrong_architecture):
        began = time.monotonic()
        part(depot, firmware)
        say(f"{part.__name__.replace('_', ' ')}: {time.monotonic() - began:.1f} s")


run_with("journey", story)
