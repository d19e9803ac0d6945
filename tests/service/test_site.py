#!/usr/bin/env python3
"""What writes into the inventory, as a person uses it: `site new` at a pseudo-terminal and by a pipe,
`host import`, `batch import`. On loopback and in a scratch folder.

    test_site.py BUILD
"""

import json
import os
import pty
import select
import signal
import stat
import sys
import termios
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import test_program
from test_program import HOST

SECRET = "t0ken-s3cret"
ANSWERS = f"""\
name: shop-1
tags: {{region: north}}
edgeHostToken: {SECRET}
network: {{type: static, ipAddress: 10.4.2.10, mask: 24, gateway: 10.4.2.1}}
registryCredentials: {{domain: r.example.com, username: u, password: {SECRET}}}
---
name: shop-2
network: {{type: dhcp}}
"""


class Terminal:
    """A program at a pseudo-terminal."""

    def __init__(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(words[0], [str(word) for word in words])
        self.shown = ""
        self.code = None

    def read_until(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.shown:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"{text!r} did not come; shown:\n{self.shown}")
            try:
                octets = os.read(self.fd, 65536)
            except OSError:  # the other end is closed
                octets = b""
            if not octets:
                raise AssertionError(f"{text!r} did not come before the end; shown:\n{self.shown}")
            self.shown += octets.decode(errors="replace")

    def type(self, keys):
        self.shown = ""
        os.write(self.fd, keys.encode())

    def answer(self, label, keys):
        self.read_until(label)
        self.type(keys)

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self):
        """The exit code; everything that was still shown is read."""
        while True:
            try:
                octets = os.read(self.fd, 65536)
            except OSError:
                break
            if not octets:
                break
            self.shown += octets.decode(errors="replace")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)


class Written(test_program.Program):
    """The scratch folder of Program, without its tests."""

    def files(self):
        root = self.folder / "inventory"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def inventory_text(self, name):
        return (self.folder / "inventory" / name).read_text()

    def mode(self, name):
        return stat.S_IMODE((self.folder / "inventory" / name).stat().st_mode)


for name in [name for name in dir(test_program.Program) if name.startswith("test_")]:
    setattr(Written, name, None)  # they run in test_program.py


class SiteNew(Written):
    def setUp(self):
        super().setUp()
        self.terminal = None
        self.before = self.files()

    def tearDown(self):
        if self.terminal:
            self.terminal.close()
        super().tearDown()

    def start(self):
        self.terminal = Terminal(test_program.PROGRAM, "-c", self.settings, "site", "new")
        return self.terminal

    def test_a_site_is_asked_for_checked_while_typed_reviewed_and_written(self):
        person = self.start()
        person.answer("name of the site: ", "shop-1\r")
        person.read_until("network: dhcp or static: dhcp")
        self.assertFalse(person.echoes())
        person.type("\x15static\r")
        person.answer("address of the host: ", "10.4.2")
        person.read_until("must be an IPv4 address")
        person.type("\r")  # refused: the question stays
        person.read_until("\a")
        person.type(".10")
        person.read_until("  ok")
        person.type("\r")
        person.answer("mask or prefix length: 24", "\r")
        person.answer("gateway: ", "10.4.3.1")
        person.read_until("is not inside 10.4.2.10/24")
        person.type("\x15" "10.4.2.1\r")
        person.answer("name servers: ", "\r")
        person.answer("HTTP proxy: ", "\r")
        person.answer("Palette endpoint: ", "\x1b[200~api.example.com\n\x1b[201~\r")
        person.answer("registration URL: ", "\r")
        person.answer("project, by name: ", "retail\r")
        person.answer("registration token (not shown): ", SECRET + "\r")
        person.read_until("edge-host ID: ")
        self.assertNotIn(SECRET, person.shown)
        person.type("\r")
        person.answer("tags, as in region=north, rack=3: ", "region=nord\u00e9\r")
        person.answer("registry: ", "\r")
        person.read_until("write this to")
        self.assertIn('edgeHostToken: "********"', person.shown)
        self.assertNotIn(SECRET, person.shown)
        self.assertEqual(self.files(), self.before)
        person.type("y\r")
        self.assertEqual(person.end(), 0, person.shown)
        self.assertEqual(self.files(), sorted(self.before + ["secrets/shop-1.edgeHostToken",
                                                             "sites/shop-1.yaml"]))
        self.assertEqual(self.mode("secrets/shop-1.edgeHostToken"), 0o600)
        self.assertEqual(self.inventory_text("secrets/shop-1.edgeHostToken"), SECRET + "\n")
        self.assertIn("region: \"nord\u00e9\"", self.inventory_text("sites/shop-1.yaml"))
        self.assertNotIn(SECRET, self.inventory_text("sites/shop-1.yaml"))
        self.assertEqual(self.slipway("check"), "")

    def test_cancel_leaves_nothing_and_restores_the_terminal(self):
        person = self.start()
        person.answer("name of the site: ", "shop-1\r")
        person.answer("network: dhcp or static: dhcp", "\x03")
        person.read_until("nothing was written")
        fd = os.dup(person.fd)  # the terminal is put back after the last words
        self.assertEqual(person.end(), 1)
        self.assertTrue(termios.tcgetattr(fd)[3] & termios.ECHO)
        os.close(fd)
        self.assertEqual(self.files(), self.before)

    def test_a_signal_restores_the_terminal(self):
        person = self.start()
        person.read_until("name of the site: ")
        self.assertFalse(person.echoes())
        fd = os.dup(person.fd)
        os.kill(person.pid, signal.SIGTERM)
        self.assertEqual(person.end(), -signal.SIGTERM)
        self.assertTrue(termios.tcgetattr(fd)[3] & termios.ECHO)
        os.close(fd)
        self.assertEqual(self.files(), self.before)

    def test_a_name_that_exists_is_refused_at_once_and_arrow_up_goes_back(self):
        person = self.start()
        person.answer("name of the site: ", "store")
        person.read_until("site `store` exists at ")
        person.type("-2\r")
        person.answer("network: dhcp or static: dhcp", "\x1b[A")
        person.answer("name of the site: store-2", "\x7f3\r")
        person.answer("network: dhcp or static: dhcp", "\r")
        for label in ("HTTP proxy: ", "Palette endpoint: ", "rack=3: ", "registry: "):
            person.answer(label, "\r")
        person.answer("write this to", "n\r")
        self.assertEqual(person.end(), 1)
        self.assertIn("not wanted; nothing was written", person.shown)
        self.assertEqual(self.files(), self.before)

    def test_lines_of_a_pipe_answer_too(self):
        lines = ["shop-1", "", "", "", "", "r.example.com", "u", SECRET, "", "y"]
        done = self.piped(lines)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["reloaded"], False)
        self.assertNotIn(SECRET, done.stderr)
        self.assertIn("insecure: false", self.inventory_text("sites/shop-1.yaml"))
        self.assertEqual(self.mode("secrets/shop-1.password"), 0o600)

    def test_a_bad_line_or_one_too_few_writes_nothing(self):
        done = self.piped(["shop-1", "statik"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 2 (network: dhcp or static): network.type must be", done.stderr)
        done = self.piped(["shop-1"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 2 (network: dhcp or static): the input ended", done.stderr)
        self.assertEqual(self.files(), self.before)

    def piped(self, lines):
        return test_program.subprocess.run(
            [test_program.PROGRAM, "-c", self.settings, "site", "new", "--json"], text=True,
            input="".join(line + "\n" for line in lines), capture_output=True, timeout=60)


class HostImport(Written):
    def csv(self, text):
        path = self.folder / "new.csv"
        path.write_text(text)
        return str(path)

    def test_hosts_are_written_and_a_running_service_knows_them(self):
        self.serve()
        file = self.csv("name,macs,serial,site,profile\n"
                        "h2,52:54:00:aa:00:02,S2,store,edge\nh3,,S3,store,edge\n")
        would = json.loads(self.slipway("host", "import", file, "--dry-run", "--json"))
        self.assertEqual(len(would["would_write"]), 2)
        self.assertNotIn("hosts/h2.yaml", self.files())
        done = json.loads(self.slipway("host", "import", file, "--json"))
        self.assertEqual(done["reloaded"], True)
        self.assertEqual(self.inventory_text("hosts/h2.yaml"),
                         'name: h2\nmacs:\n  - "52:54:00:aa:00:02"\nserial: S2\nsite: store\n'
                         'profile: edge\n')
        names = {host["name"] for host in json.loads(self.slipway("host", "list", "--json"))["hosts"]}
        self.assertEqual(names, {"h1", "h2", "h3"})

    def test_every_duplicate_is_said_with_both_places_and_nothing_is_written(self):
        file = self.csv("name,macs,serial,site\nh1,,S1,store\nh2,52:54:00:aa:00:01,S1,store\n"
                        "h3,,S9,nowhere\n")
        before = self.files()
        errors = self.slipway("host", "import", file, code=1)
        h1 = self.folder / "inventory/hosts/h1.yaml"
        for line in (f"{file}:2:1: host `h1` stands twice, also at {h1}:1:1\n",
                     f"{file}:3:4: MAC 52:54:00:aa:00:01 stands twice, also at {h1}:1:8\n",
                     f"{file}:3:22: serial number `S1` stands twice, also at {file}:2:5\n",
                     f"{file}:4:8: no site is named `nowhere`"):
            self.assertIn(line, errors)
        self.assertEqual(self.files(), before)

    def test_replace_takes_the_place_of_the_old_file(self):
        file = self.csv("name,serial,site,profile\nh1,S1,store,edge\n")
        self.slipway("host", "import", file, code=1)
        self.assertEqual(self.inventory_text("hosts/h1.yaml"), HOST)
        self.slipway("host", "import", file, "--replace")
        self.assertEqual(self.inventory_text("hosts/h1.yaml"),
                         "name: h1\nserial: S1\nsite: store\nprofile: edge\n")
        self.assertIn("there is no host in it",
                      self.slipway("host", "import", self.csv("name,serial\n"), code=1))


class BatchImport(Written):
    def answers(self, text):
        path = self.folder / "unattended.yaml"
        path.write_text(text)
        return str(path)

    def test_the_sites_of_the_answers_are_written_with_their_secrets_apart(self):
        self.slipway("batch", "import", self.answers(ANSWERS), "--no-batch")
        for name in ("shop-1", "shop-2"):
            self.assertIn(f"sites/{name}.yaml", self.files())
        self.assertNotIn(SECRET, self.inventory_text("sites/shop-1.yaml"))
        self.assertIn("registryCredentials", self.inventory_text("sites/shop-1.yaml"))
        for key in ("edgeHostToken", "password"):
            self.assertEqual(self.mode(f"secrets/shop-1.{key}"), 0o600)
        self.assertEqual(self.slipway("check"), "")

    def test_every_mistake_is_said_at_its_place_in_the_answers(self):
        file = self.answers(ANSWERS.replace("10.4.2.1}", "10.4.3.1}").replace("shop-2", "store")
                            .replace("tags", "tagz"))
        before = self.files()
        errors = self.slipway("batch", "import", file, "--profile", "edge", code=1)
        store = self.folder / "inventory/sites/store.yaml"
        for line in (f"{file}:2:1: unknown key `tagz`",
                     f"{file}:4:66: the gateway 10.4.3.1 is not inside",
                     f"{file}:7:7: site `store` stands twice, also at {store}:1:7"):
            self.assertIn(line, errors)
        self.assertNotIn(SECRET, errors)
        self.assertEqual(self.files(), before)

    def test_a_batch_is_opened_for_the_sites(self):
        self.import_image()
        self.make_installer()
        self.serve()
        done = json.loads(self.slipway("batch", "import", self.answers(ANSWERS), "--profile", "edge",
                                       "--allow", "mac=52:54:00", "--why", "order 7", "--json"))
        self.assertEqual(done["reloaded"], True)
        shown = json.loads(self.slipway("batch", "show", done["batch"]["id"], "--json"))
        self.assertEqual((shown["profile"], shown["allow"]), ("edge@1.0.0", ["mac=52:54:00"]))
        self.assertEqual([member["site"] for member in shown["members"]], ["shop-1", "shop-2"])

    def test_what_would_be_in_vain_is_said_before_anything_is_written(self):
        file = self.answers(ANSWERS)
        before = self.files()
        for words, said in ((["--profile", "edgy"], "--profile: no profile is named `edgy`; did you"),
                            (["--profile", "edge", "--allow", "mc=1"], "--allow: "),
                            (["--profile", "edge"], "no service is running"),
                            ([], "a batch needs a profile")):
            self.assertIn(said, self.slipway("batch", "import", file, *words, code=1))
        self.slipway("batch", "import", file, "--dry-run")
        self.assertEqual(self.files(), before)


if __name__ == "__main__":
    test_program.PROGRAM = Path(sys.argv.pop(1)) / "service" / "slipway"
    unittest.main()
