#!/usr/bin/env python3
"""What clients may hold of the boot plane's HTTP, and what its log says, of a real server in a network of its own.

    test_http.py BUILD
"""

import socket
import ssl
import sys
import tempfile
import time
import unittest
from pathlib import Path

from served import HTTP_PORT, OperatorPlane, Server, ask, boot_plane, in_a_namespace

BUILD = None
MAC = "52:54:00:aa:00:01"
SCRIPT = f"/boot.ipxe?mac={MAC}&serial=hunter2"


class BootHttp(unittest.TestCase):
    def setUp(self):
        self.server = Server(BUILD, Path(tempfile.mkdtemp(prefix="slipway-http.")))
        self.addCleanup(self.server.close)
        self.server.add_profile()
        self.server.add_host("h1", MAC)
        self.server.make_installer()

    def serve(self, more):
        settings = self.server.folder / "slipway.yaml"
        plain = f"boot_http: {{port: {HTTP_PORT}}}"
        text = settings.read_text()
        self.assertIn(plain, text)
        settings.write_text(text.replace(plain, f"boot_http: {{port: {HTTP_PORT}, {more}}}"))
        self.server.start()
        self.server.wait_assigned()

    def get(self, path, host_number=1):
        plane = boot_plane(host_number)
        try:
            return ask(plane, "GET", path)
        finally:
            plane.close()

    def logged(self, event, count=1, patience=10):
        """The lines of `event`, as soon as there are `count`: a line is written behind its answer."""
        end = time.monotonic() + patience
        while True:
            lines = [line for line in self.server.log.read_text().splitlines() if f"event={event} " in line]
            if len(lines) >= count or time.monotonic() > end:
                return lines
            time.sleep(0.05)

    def refused(self, reason):
        plane = OperatorPlane(self.server.socket)
        _, text = ask(plane, "GET", "/metrics")
        plane.close()
        wanted = f'slipway_http_refused_total{{plane="boot",reason="{reason}"}} '
        return next(int(line[len(wanted):]) for line in text.splitlines() if line.startswith(wanted))

    def test_SG9_the_access_log_has_every_answer_and_no_token(self):
        self.serve("access_log: true")
        status, script = self.get(SCRIPT)
        self.assertEqual(status, 200)
        token = script.split("/h/")[1].split("/")[0]
        self.assertEqual(self.get(f"/h/{token}/initrd")[0], 200)
        self.assertEqual(self.get("/nothing")[0], 404)
        lines = self.logged("http.answered", 3)
        self.assertEqual(len(lines), 3, lines)
        for line, words in zip(lines, ("path=/boot.ipxe status=200", f"path=/h/{token[:6]}.../initrd status=200",
                                       "path=/nothing status=404")):
            self.assertIn(" info ", line)
            self.assertIn(words, line)
            self.assertIn("peer=127.0.1.1", line)
        self.assertNotIn(token, self.server.log.read_text())
        self.assertNotIn("hunter2", "".join(lines))  # queries are not logged

    def test_without_the_access_log_only_refusals_are_logged(self):
        self.serve("access_log: false")
        self.assertEqual(self.get(SCRIPT)[0], 200)
        self.assertEqual(self.get("/boot.ipxe?mac=nonsense")[0], 400)
        lines = self.logged("http.answered")
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("status=400", lines[0])

    def test_one_address_holds_as_many_connections_as_the_settings_say(self):
        self.serve("connections_per_address: 4")
        held = [socket.create_connection(("127.0.0.1", HTTP_PORT), 10, ("127.0.1.7", 0)) for _ in range(4)]
        self.assertEqual(self.get("/nothing", 7)[0], 503)
        self.assertEqual(self.get("/nothing", 8)[0], 404)
        self.assertEqual(self.refused("turned_away"), 1)
        for connection in held:
            connection.close()

    def test_a_head_has_the_time_that_the_settings_say(self):
        self.serve("header_time: 2s")
        with socket.create_connection(("127.0.0.1", HTTP_PORT), 20) as slow:
            slow.settimeout(9)  # the default is 10 s
            slow.sendall(b"GET / HTTP/1.1\r\n")
            self.assertEqual(slow.recv(1), b"")
        self.assertTrue(self.logged("http.cut_off"))
        self.assertEqual(self.refused("cut_off"), 1)

    def test_TLS_on_the_plain_port_is_closed_at_once_and_said(self):
        self.serve("header_time: 60s")
        with socket.create_connection(("127.0.0.1", HTTP_PORT), 20) as plain:
            with self.assertRaises((ssl.SSLError, OSError)):
                ssl.create_default_context().wrap_socket(plain, server_hostname="depot")
        self.assertTrue(self.logged("http.wrong_protocol"))
        self.assertEqual(self.refused("wrong_protocol"), 1)


if __name__ == "__main__":
    in_a_namespace()
    BUILD = Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=0)
