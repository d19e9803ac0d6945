#!/usr/bin/env python3
"""/metrics, /healthz and /readyz of a real server in a network of its own. The text is read by Debian's
prometheus client and held to its rules.

    test_metrics.py BUILD
"""

import math
import socket
import sys
import tempfile
import time
import unittest
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from served import TFTP_PORT, OperatorPlane, Server, ask, boot_plane, in_a_namespace

BUILD = None
MAC = "52:54:00:aa:00:01"


def discover(mac):
    """What a UEFI firmware sends, without what a server does not look at."""
    octets = bytes.fromhex(mac.replace(":", ""))
    packet = bytes([1, 1, 6, 0]) + b"\x12\x34\x56\x78" + bytes(20) + octets + bytes(202)
    packet += bytes.fromhex("63825363") + b"\x35\x01\x01" + b"\x5d\x02\x00\x07"
    name = b"PXEClient:Arch:00007:UNDI:003000"
    return packet + b"\x3c" + bytes([len(name)]) + name + b"\xff"


def send(payload, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(payload, ("127.0.0.1", port))


class Metrics(unittest.TestCase):
    def setUp(self):
        self.server = Server(BUILD, Path(tempfile.mkdtemp(prefix="slipway-metrics.")))
        self.addCleanup(self.server.close)
        self.server.settings(f"tftp: {{port: {TFTP_PORT}, allow: [127.0.0.0/8]}}")
        self.server.add_profile()
        self.server.add_host("h1", MAC)
        self.server.start()
        self.server.wait_assigned()

    def get(self, path):
        plane = OperatorPlane(self.server.socket)
        try:
            return ask(plane, "GET", path)
        finally:
            plane.close()

    def scrape(self):
        """The families by name; what the parser cannot read raises."""
        status, text = self.get("/metrics")
        self.assertEqual(status, 200, text)
        self.text = text
        return {family.name: family for family in text_string_to_metric_families(text)}

    def value(self, families, sample, **labels):
        for family in families.values():
            for one in family.samples:
                if one.name == sample and labels.items() <= one.labels.items():
                    return one.value
        return None

    def wait_value(self, at_least, sample, **labels):
        """Datagrams are taken when the server comes to them."""
        end = time.monotonic() + 20
        while (self.value(self.scrape(), sample, **labels) or 0) < at_least:
            self.assertLess(time.monotonic(), end, f"{sample} {labels}\n{self.text}")
            time.sleep(0.05)

    def check_histogram(self, family):
        """Buckets grow, end at +Inf, and the last is the count."""
        series = {}
        for sample in family.samples:
            key = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
            mine = series.setdefault(key, {"buckets": []})
            if sample.name.endswith("_bucket"):
                mine["buckets"].append((float(sample.labels["le"]), sample.value))
            else:
                mine[sample.name.rsplit("_", 1)[1]] = sample.value
        for key, mine in series.items():
            bounds, counts = zip(*mine["buckets"])
            self.assertEqual(list(bounds), sorted(set(bounds)), f"{family.name}{key}")
            self.assertEqual(list(counts), sorted(counts), f"{family.name}{key}")
            self.assertEqual(bounds[-1], math.inf)
            self.assertEqual(counts[-1], mine["count"])
            self.assertGreaterEqual(mine["sum"], 0)

    def test_the_text_keeps_to_the_rules_of_prometheus(self):
        families = self.scrape()
        seen = set()
        for family in families.values():
            self.assertNotEqual(family.type, "unknown", family.name)
            self.assertTrue(family.documentation.endswith("."), family.name)
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                self.assertNotIn(key, seen)
                seen.add(key)
            if family.type == "histogram":
                self.assertTrue(family.name.endswith("_seconds"))
                self.check_histogram(family)
        # The parser takes "_total" off a counter's name; each of ours has it, as a sample and in its head.
        for line in self.text.splitlines():
            if line.startswith("# TYPE") and line.endswith(" counter"):
                self.assertTrue(line.split()[2].endswith("_total"), line)
        for name in ("slipway_dhcp_received", "slipway_tftp_requests", "slipway_http_requests", "slipway_hosts",
                     "slipway_store_commit_seconds", "slipway_boot_stage_seconds", "slipway_build_info"):
            self.assertIn(name, families)

    def test_guessed_tokens_are_a_line_a_second_and_all_of_them_counted(self):
        began, guessers = time.monotonic(), [boot_plane(number) for number in range(1, 31)]
        for number, guesser in enumerate(guessers):
            guesser.request("GET", f"/h/{number:032x}/user-data")
        for guesser in guessers:
            self.assertEqual(guesser.getresponse().status, 404)
            guesser.close()
        lines = self.server.log.read_text().count("event=boot.token_refused")
        self.assertGreater(lines, 0)
        self.assertLess(lines, 3 + time.monotonic() - began)
        value = self.value(self.scrape(), "slipway_http_requests_total", plane="boot", route="token", status="404")
        self.assertEqual(value, 30, self.text)

    def test_each_protocol_counts_what_comes(self):
        self.assertEqual(self.value(self.scrape(), "slipway_hosts", state="assigned"), 1)
        send(discover(MAC), 10067)
        send(b"not DHCP", 10067)
        send(b"\x00\x01no-such-file\x00octet\x00", TFTP_PORT)
        connection = boot_plane(1)
        self.assertEqual(ask(connection, "GET", "/no-such-path")[0], 404)
        self.assertEqual(ask(connection, "GET", "/boot.ipxe")[0], 200)
        connection.close()
        self.wait_value(2, "slipway_dhcp_received_total", interface="lo")
        self.wait_value(1, "slipway_tftp_refused_total", interface="lo", reason="error")
        families = self.scrape()
        for expected, sample, labels in (
                (1, "slipway_dhcp_answers_total", {"answer": "offer"}),
                (1, "slipway_dhcp_dropped_total", {"reason": "truncated"}),
                (1, "slipway_dhcp_answer_seconds_count", {}),
                (1, "slipway_http_requests_total", {"plane": "boot", "route": "other", "status": "404"}),
                (1, "slipway_http_requests_total", {"plane": "boot", "route": "script", "status": "200"}),
                (1, "slipway_hosts", {"state": "assigned"})):
            self.assertEqual(self.value(families, sample, **labels), expected, f"{sample} {labels}\n{self.text}")
        self.assertGreater(self.value(families, "slipway_store_changes_total", outcome="done"), 0)
        self.assertGreater(self.value(families, "slipway_data_free_bytes"), 0)
        self.assertGreater(self.value(families, "process_resident_memory_bytes"), 1 << 20)

    def test_health_and_readiness_are_said_and_the_boot_plane_says_nothing(self):
        self.assertEqual(self.get("/healthz"), (200, "ok\n"))
        self.assertEqual(self.get("/readyz"), (200, "ready\n"))
        connection = boot_plane(1)
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertEqual(ask(connection, "GET", path)[0], 404)
        connection.close()


if __name__ == "__main__":
    in_a_namespace()
    BUILD = Path(sys.argv.pop(1)).resolve()
    unittest.main()
