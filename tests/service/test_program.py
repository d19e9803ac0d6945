#!/usr/bin/env python3
"""The `slipway` program as a person runs it, on loopback and in a scratch folder: exit codes, messages,
reload, restart. What hosts see of it is tests/e2e.

    test_program.py BUILD
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

PROGRAM = None
HTTP_PORT = 18080

SETTINGS = f"""\
interfaces: [lo]
data_dir: data
inventory: inventory
dhcp: {{port: 10067, binl_port: 14011}}
tftp: {{port: 10069}}
boot_http: {{port: {HTTP_PORT}}}
"""
PROFILE = """\
name: edge
installer: {kind: flash, image: demo@1}
disk: {select: [{type: virtio}]}
"""
SITE = "name: store\nnetwork: {type: dhcp}\n"
HOST = 'macs: ["52:54:00:aa:00:01"]\nprofile: edge\nsite: store\n'


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-program."))
        for kind in ("profiles", "sites", "hosts"):
            (self.folder / "inventory" / kind).mkdir(parents=True)
        self.settings = self.folder / "slipway.yaml"
        self.settings.write_text(SETTINGS)
        self.write("profiles/edge.yaml", PROFILE)
        self.write("sites/store.yaml", SITE)
        self.write("hosts/h1.yaml", HOST)
        self.server = None

    def tearDown(self):
        if self.server and self.server.poll() is None:
            self.server.kill()
            self.server.wait()
        if self.server:
            self.server.stdout.close()
        shutil.rmtree(self.folder)

    def write(self, name, text):
        (self.folder / "inventory" / name).write_text(text)

    def run_program(self, *words):
        return subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True, timeout=60)

    def slipway(self, *words, code=0):
        done = self.run_program("-c", self.settings, *words)
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stderr

    def serve(self):
        if self.server:
            self.server.stdout.close()
        self.log = open(self.folder / "log", "ab")
        self.server = subprocess.Popen([PROGRAM, "serve", "-c", self.settings],
                                       stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.log.close()
        line = self.server.stdout.readline()
        self.assertTrue(line.startswith("ready; "), line + self.log_text())
        return line

    def log_text(self):
        return (self.folder / "log").read_text()

    def wait_for(self, what, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, f"{what}\n{self.log_text()}")
            time.sleep(0.05)

    def state(self):
        return json.loads(self.slipway("host", "show", "h1", "--json"))["state"]

    def import_image(self):
        (self.folder / "disk.raw").write_bytes(os.urandom(1 << 20))
        self.slipway("image", "import", str(self.folder / "disk.raw"), "--name", "demo", "--version", "1")

    def make_installer(self):
        """Files of the right shape: nothing here boots them."""
        folder = self.folder / "data" / "installer"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vmlinuz").write_bytes(b"kernel")
        (folder / "initramfs.img").write_bytes(b"initramfs")
        (folder / "installer.json").write_text(json.dumps(
            {"kernel_version": "0", "vmlinuz_sha256": "1" * 64, "initramfs_sha256": "2" * 64}))

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{HTTP_PORT}{path}", timeout=10) as answer:
            return answer.read().decode()

    def test_wrong_use_is_exit_code_2_and_wrong_settings_1(self):
        self.assertEqual(self.run_program("no-such-command").returncode, 2)
        self.assertEqual(self.run_program("image", "import").returncode, 2)
        self.assertEqual(self.run_program("--version").returncode, 0)
        self.settings.write_text(SETTINGS + "interface: [lo]\n")
        errors = self.slipway("check", code=1)
        self.assertIn(f"{self.settings}:7:1: ", errors)
        self.assertIn("interfaces", errors)

    def test_check_names_every_mistake_of_every_file(self):
        self.assertEqual(self.slipway("check"), "")
        self.write("hosts/h1.yaml", HOST.replace("edge", "edgy").replace("00:01", "00:zz"))
        self.write("sites/store.yaml", "name: store\nnetwork: {type: statik}\n")
        errors = self.slipway("check", code=1)
        for place in ("hosts/h1.yaml:1:8: ", "hosts/h1.yaml:2:10: ", "sites/store.yaml:2:17: "):
            self.assertIn(place, errors)

    def test_without_a_service_a_command_says_so(self):
        errors = self.slipway("host", "list", code=1)
        self.assertIn("slipway serve", errors)

    def test_an_interface_that_is_not_there_is_named_with_those_that_are(self):
        self.settings.write_text(SETTINGS.replace("[lo]", "[eth77]"))
        errors = self.slipway("serve", code=1)
        self.assertIn("eth77", errors)
        self.assertIn("lo", errors)

    def test_arming_says_what_is_missing_and_then_lasts_over_kill_9(self):
        self.serve()
        self.wait_for("assigned", lambda: self.state() == "assigned")
        self.assertIn("demo@1", self.slipway("host", "arm", "h1", code=1))
        self.import_image()
        self.assertIn("installer build", self.slipway("host", "arm", "h1", code=1))
        self.make_installer()
        self.slipway("host", "arm", "h1", "--why", "test")
        self.assertEqual(self.state(), "armed")
        self.server.kill()
        self.server.wait()
        self.serve()
        self.assertEqual(self.state(), "armed")
        self.slipway("host", "disarm", "52:54:00:aa:00:01")
        self.assertEqual(self.state(), "assigned")
        self.assertIn("every hash holds", self.slipway("audit", "verify"))

    def test_a_batch_is_opened_from_a_list_whose_mistakes_are_said_at_their_lines(self):
        self.import_image()
        self.make_installer()
        self.serve()
        self.wait_for("assigned", lambda: self.state() == "assigned")
        rack = self.folder / "rack.csv"
        opening = ("batch", "open", "--profile", "edge", "--why", "order 7", "--hosts", rack)
        rack.write_text("host,site\nh1,\nh1,\n")
        self.assertIn(f"{rack}:3:1: h1 stands twice, first at {rack}:2:1", self.slipway(*opening, code=1))
        rack.write_text("host,site\nh1,\nh9,store\n")
        self.assertIn(f"{rack}:3:1: there is no host h9", self.slipway(*opening, code=1))
        rack.write_text("store\n")
        errors = self.slipway("batch", "open", "--profile", "edge", "--sites", rack, code=1)
        self.assertIn("--allow: a batch by sites takes no unknown host without a rule", errors)
        self.assertEqual(self.state(), "assigned")
        rack.write_text("h1\n")
        batch = self.slipway(*opening).split()[1]
        self.assertEqual(self.state(), "armed")
        self.assertIn("0 of 1 done, 1 armed", self.slipway("batch", "list"))
        self.assertIn("order 7", self.slipway("batch", "show", batch))
        self.assertIn("1,h1,52:54:00:aa:00:01,", self.slipway("batch", "report", batch, "--format", "csv"))
        self.slipway("batch", "close", batch, "--why", "enough")
        self.assertEqual(self.state(), "assigned")
        self.assertIn("enough", self.slipway("batch", "report", batch))
        self.assertIn("# Hosts that", self.slipway("host", "export", "--format", "terraform"))
        self.assertIn("there is no batch", self.slipway("batch", "show", "none", code=1).lower())

    def test_only_an_armed_host_gets_an_attempt(self):
        self.import_image()
        self.make_installer()
        self.serve()
        self.wait_for("assigned", lambda: self.state() == "assigned")
        ask = "/boot.ipxe?mac=52:54:00:aa:00:01&platform=pcbios"
        self.assertIn("/h/", self.get(ask))
        self.assertEqual(self.state(), "assigned")  # boots the agent, which waits
        self.slipway("host", "arm", "h1")
        self.assertIn("/h/", self.get(ask))
        self.assertEqual(self.state(), "booting")

    def test_SG12_a_reload_of_bad_files_keeps_the_old_ones(self):
        self.serve()
        self.wait_for("assigned", lambda: self.state() == "assigned")
        self.write("hosts/h2.yaml", "macs: [nonsense]\n")
        self.server.send_signal(signal.SIGHUP)
        self.wait_for("refused", lambda: "inventory.refused" in self.log_text())
        self.assertIn("hosts/h2.yaml:1:8", self.log_text())
        self.assertEqual(self.state(), "assigned")
        self.assertNotIn("h2", self.slipway("host", "list"))
        self.write("hosts/h2.yaml", HOST.replace("00:01", "00:02"))
        self.server.send_signal(signal.SIGHUP)
        self.wait_for("second host", lambda: "h2" in self.slipway("host", "list"))

    def served(self):
        """What GET /api/v1/inventory says."""
        with socket.socket(socket.AF_UNIX) as plane:
            plane.connect(str(self.folder / "data" / "slipway.sock"))
            plane.sendall(b"GET /api/v1/inventory HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: plane.recv(65536), b""))
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def test_SG12_a_change_of_the_files_is_read_and_a_bad_one_refused_and_said(self):
        self.serve()
        self.wait_for("assigned", lambda: self.state() == "assigned")
        first = self.served()
        self.assertEqual((first["hosts"], first["refused_ms"], first["lines"]), (1, 0, []))
        self.write("hosts/h2.yaml", HOST.replace("00:01", "00:02"))
        self.wait_for("the second host", lambda: "h2" in self.slipway("host", "list"))
        self.assertEqual(self.slipway("check"), "")
        good = self.served()
        self.assertEqual(good["hosts"], 2)
        self.assertNotEqual(good["digest"], first["digest"])

        self.write("hosts/h2.yaml", "macs: [nonsense]\nprofile: edge\n")
        self.wait_for("the refusal", lambda: self.served()["refused_ms"] != 0)
        bad = self.served()
        self.assertEqual((bad["hosts"], bad["digest"]), (2, good["digest"]))
        self.assertIn("hosts/h2.yaml:1:8: ", bad["lines"][0])
        self.assertIn("hosts/h2.yaml:1:8: ", self.log_text())
        self.assertIn("52:54:00:aa:00:02", self.slipway("host", "list"))
        errors = self.slipway("check", code=1)
        self.assertIn("hosts/h2.yaml:1:8: ", errors)
        self.assertIn("still serves the inventory of 20", errors)
        self.assertIn("2 hosts; since 20", errors)

        # Mended as an editor does it: into a file of its own name, then renamed over the old one.
        self.write("hosts/.h2.yaml.new", HOST.replace("00:01", "00:03"))
        (self.folder / "inventory/hosts/.h2.yaml.new").rename(self.folder / "inventory/hosts/h2.yaml")
        self.wait_for("the mended host", lambda: "00:03" in self.slipway("host", "list"))
        self.assertEqual(self.served()["refused_ms"], 0)

    def test_new_folders_secrets_and_a_whole_folder_that_is_exchanged_are_noticed(self):
        shutil.rmtree(self.folder / "inventory/hosts")
        self.serve()
        self.assertEqual(self.served()["hosts"], 0)
        (self.folder / "inventory/hosts").mkdir()
        self.write("hosts/h1.yaml", HOST)
        self.wait_for("a host in a new folder", lambda: self.served()["hosts"] == 1)

        loaded = self.served()["loaded_ms"]
        (self.folder / "inventory/secrets").mkdir()
        self.wait_for("the folder of secrets", lambda: self.served()["loaded_ms"] > loaded)
        loaded = self.served()["loaded_ms"]
        self.write("secrets/token", "changed")
        self.wait_for("a secret", lambda: self.served()["loaded_ms"] > loaded)

        shutil.copytree(self.folder / "inventory", self.folder / "next")
        (self.folder / "next/hosts/h9.yaml").write_text(HOST.replace("00:01", "00:09"))
        (self.folder / "inventory").rename(self.folder / "former")
        (self.folder / "next").rename(self.folder / "inventory")
        self.wait_for("the folder that took its place", lambda: self.served()["hosts"] == 2)
        self.write("hosts/h10.yaml", HOST.replace("00:01", "00:10"))
        self.wait_for("a change in that folder", lambda: self.served()["hosts"] == 3)

    def test_an_editor_s_own_files_and_hidden_ones_are_no_change(self):
        self.serve()
        loaded = self.served()["loaded_ms"]
        for name in ("hosts/.h1.yaml.swp", "hosts/h1.yaml~", "hosts/4913"):
            self.write(name, "not yaml: [")
        (self.folder / "inventory/.git").mkdir()
        self.write(".git/index", "x")
        time.sleep(1.5)  # three times what a change needs to be read
        self.assertEqual(self.served()["loaded_ms"], loaded)

    def test_a_port_in_use_is_named_and_SIGTERM_ends_with_0(self):
        line = self.serve()
        self.assertIn(f"http 127.0.0.1:{HTTP_PORT} on lo", line)
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(10), 0)
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("0.0.0.0", HTTP_PORT))
            taken.listen()
            self.assertIn(str(HTTP_PORT), self.slipway("serve", code=1))


if __name__ == "__main__":
    PROGRAM = Path(sys.argv.pop(1)) / "service" / "slipway"
    unittest.main()
