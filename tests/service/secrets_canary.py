#!/usr/bin/env python3
"""SG9: every secret is a random marker, a host goes through its life, and the markers are looked for
everywhere but in the one document that is served to the host being installed.

    secrets_canary.py BUILD

Needs root, for tcpdump and core files.
"""

import json
import os
import resource
import secrets
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from served import Lost, OperatorPlane, Server, ask, boot_plane, in_a_namespace

MAC, OTHER_MAC = "52:54:00:aa:00:01", "52:54:00:aa:00:02"


class Markers:
    """Random texts that stand for secrets, each with the name of what it is."""

    def __init__(self):
        self.texts = {}

    def new(self, name):
        self.texts[name] = "canary" + secrets.token_hex(13)
        return self.texts[name]

    def add(self, name, text):
        self.texts[name] = text

    def of_inventory(self):
        return {name: text for name, text in self.texts.items() if not name.startswith("token ")}

    @staticmethod
    def found(octets, texts):
        return sorted(name for name, text in texts.items() if text.encode() in octets)


class Canary:
    def __init__(self, server):
        self.server, self.markers = server, Markers()
        self.said = []  # (where, octets): what people, logs and lists of processes saw
        self.hits = []
        self.document = b""

    def secret_file(self, name):
        path = self.server.write(f"secrets/{name.replace(' ', '-')}", self.markers.new(name))
        path.chmod(0o600)
        return f"!secret secrets/{path.name}"

    def prepare(self):
        new, server = self.markers.new, self.server
        server.add_profile(f"""\
format: kairos
layers:
  - name: os
    kind: os
    user_data:
      stages:
        initramfs:
          - users:
              palette: {{groups: [sudo], passwd: {new("inline password")}}}
              other: {{passwd: {self.secret_file("password")}}}
      stylus:
        registryCredentials: {{domain: registry.example.com, username: u, password: {self.secret_file("registry password")}}}
""")
        server.write("sites/store.yaml", f"""\
name: store
stylus:
  site:
    paletteEndpoint: api.example.com
    edgeHostToken: {self.secret_file("edge host token")}
network:
  type: dhcp
  httpProxy: "http://user:{new("proxy password")}@proxy.example.com:3128"
  httpsProxy: "http://user:{new("https proxy password")}@proxy.example.com:3128"
""")
        server.add_host("h1", MAC)
        server.add_host("h2", OTHER_MAC)
        server.import_image(1 << 20)
        server.make_installer()

    def say(self, where, text):
        self.said.append((where, text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")))

    def cli(self, *words):
        done = subprocess.run([self.server.program, *words, "-c", self.server.folder / "slipway.yaml"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.say(f"slipway {' '.join(words)}", done.stdout)
        return done.stdout.decode()

    def operator(self, method, target, body=None):
        plane = OperatorPlane(self.server.socket)
        status, text = ask(plane, method, target, body)
        plane.close()
        self.say(f"{method} {target}", text)
        if status not in (200, 422):
            raise Lost(f"{method} {target}: {status} {text}")

    def processes(self):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.say(f"command line of {path.parent.name}", path.read_bytes())
            except OSError:
                pass  # ended meanwhile

    def boot(self, name, mac, connection):
        """From the script to a bearer; both are secrets from now on."""
        status, script = ask(connection, "GET", f"/boot.ipxe?mac={mac}&platform=pcbios")
        if status != 200 or "/h/" not in script:
            raise Lost(f"{name}: no script: {status} {script}")
        token = script.split("/h/")[1][:32]
        self.markers.add(f"token of {name}", token)
        for line in script.splitlines():
            if line.startswith("kernel"):
                self.say(f"the kernel's command line of {name}", line)
        ask(connection, "GET", f"/h/{token}/initrd")
        status, text = ask(connection, "POST", "/agent/v1/session", {"token": token, "macs": [mac]})
        if status != 200:
            raise Lost(f"{name}: no session: {status} {text}")
        bearer = json.loads(text)["session"]
        self.markers.add(f"token (bearer) of {name}", bearer)
        return token, bearer, json.loads(text)["attempt"]

    def expect(self, wanted, connection, *request, **options):
        status, text = ask(connection, *request, **options)
        if status != wanted:
            raise Lost(f"{request}: status {status} instead of {wanted}: {text}")
        return text

    def life(self):
        first = boot_plane(1)
        _, bearer, _ = self.boot("h1, waiting", MAC, first)
        self.expect(403, first, "GET", "/agent/v1/seed", bearer=bearer)
        self.operator("POST", "/api/v1/hosts/h1/arm", {"why": "canary"})
        token, bearer, attempt = self.boot("h1", MAC, first)
        self.expect(204, first, "POST", "/agent/v1/inventory", {"cpus": 2, "disks": []}, bearer=bearer)
        self.say("the plan", self.expect(200, first, "GET", "/agent/v1/plan?wait=0", bearer=bearer))
        # The one document, by both of its ways, on a connection of its own.
        documents = boot_plane(1)
        for target, key in (("/agent/v1/seed", bearer), (f"/h/{token}/user-data", None)):
            self.document += self.expect(200, documents, "GET", target, bearer=key).encode(
                "utf-8", "surrogateescape")
        self.document_port = documents.sock.getsockname()[1]
        documents.close()
        self.operator("GET", "/api/v1/hosts/h1")
        self.processes()
        body = {"attempt": attempt, "step": "write", "done_octets": 1, "total_octets": 2}
        self.expect(204, first, "POST", "/agent/v1/progress", body, bearer=bearer)
        self.expect(204, first, "POST", "/agent/v1/log", {"lines": ["written"]}, bearer=bearer)
        self.expect(200, first, "POST", "/agent/v1/result", {"attempt": attempt, "state": "installed"},
                    bearer=bearer)
        self.expect(410, first, "GET", f"/h/{token}/user-data")

    def second_taker(self):
        self.operator("POST", "/api/v1/hosts/h2/arm", {"why": "canary"})
        second = boot_plane(2)
        token, _, _ = self.boot("h2", OTHER_MAC, second)
        self.expect(403, boot_plane(9), "GET", f"/h/{token}/user-data")
        self.expect(404, boot_plane(9), "GET", f"/h/{'0' * 32}/user-data")

    def mistakes(self):
        """Wrong values right beside secrets and around them: the complaint must do without them."""
        good = {}
        for name, old, new in (
                ("sites/store.yaml", "httpProxy: \"http://", "httpProxy: \"gopher://"),
                ("sites/store.yaml", "type: dhcp", "type: dhcpp"),
                ("profiles/edge.yaml", "passwd: ", "passwd: [one, two], pass: "),
                ("profiles/edge.yaml", "username: u, password", "username: u, passwort"),
                ("sites/store.yaml", "@proxy", "@pro xy"),
                ("profiles/edge.yaml", "palette: {groups", "palette: {{groups")):
            path = self.server.inventory / name
            good[path] = path.read_text()
            if old not in good[path]:
                raise Lost(f"{name} has no {old}")
            path.write_text(good[path].replace(old, new, 1))
            self.operator("POST", "/api/v1/reload")
            self.operator("GET", "/api/v1/inventory")
            self.cli("check")
            path.write_text(good[path])
        self.operator("POST", "/api/v1/reload")

    def look_around(self):
        for target in ("hosts", "hosts/h1", "hosts/h1/timeline", "hosts/h2", "hosts/h2/timeline", "inventory"):
            self.operator("GET", f"/api/v1/{target}")
        for words in (["host", "list"], ["host", "show", "h1"], ["host", "show", "h2", "--json"], ["check", "--print"],
                      ["audit", "verify"], ["image", "list"],
                      *(["render", "--mac", MAC, what] for what in ("user-data", "meta-data", "network-config", "boot.ipxe"))):
            self.cli(*words)
        self.processes()

    def core(self):
        """The service is killed so that it would leave a core; so is a process that may."""
        before = set(self.server.folder.rglob("core*"))
        os.kill(self.server.process.pid, signal.SIGABRT)
        self.server.process.wait()
        if self.server.process.returncode != -signal.SIGABRT:
            raise Lost(f"the service ended with {self.server.process.returncode}, not by the signal")
        for path in set(self.server.folder.rglob("core*")) - before:
            self.hits.append(f"a core file of the service: {path}")
        child = os.fork()
        if child == 0:
            os.chdir(self.server.folder)
            os.abort()
        _, status = os.waitpid(child, 0)
        if not os.WCOREDUMP(status):
            raise Lost("no process here leaves a core, so the absence of one proves nothing")
        for path in set(self.server.folder.rglob("core*")) - before:
            path.unlink()

    def search(self, capture):
        everything = self.markers.texts
        self.say("the log", self.server.log.read_bytes())
        for where, octets in self.said:
            self.hits += [f"{name} in {where}" for name in Markers.found(octets, everything)]
        for path in self.server.data.rglob("*"):
            if stat.S_ISREG(path.lstat().st_mode):
                self.hits += [f"{name} in {path}" for name in Markers.found(path.read_bytes(), everything)]
        # On the wire tokens and bearers are what the protocol is made of; the inventory's are not.
        for stream, octets in streams(capture).items():
            if self.document_port not in stream:
                self.hits += [f"{name} on the wire, ports {stream}"
                              for name in Markers.found(octets, self.markers.of_inventory())]

    def controls(self, capture):
        """The search finds what is there."""
        held = Markers.found(self.document, self.markers.of_inventory())
        missing = sorted(set(self.markers.of_inventory()) - set(held))
        if missing:
            raise Lost(f"the served document lacks {missing}, so their absence elsewhere proves nothing")
        wire = b"".join(octets for stream, octets in streams(capture).items() if self.document_port in stream)
        if Markers.found(wire, self.markers.of_inventory()) != held:
            raise Lost("the capture does not hold the served document")
        revealed = subprocess.run([self.server.program, "render", "--reveal", "--mac", MAC, "user-data", "-c",
                                   self.server.folder / "slipway.yaml"], stdout=subprocess.PIPE).stdout
        if not Markers.found(revealed, self.markers.texts):
            raise Lost("render --reveal shows none of the secrets")


def streams(capture):
    """The octets of each TCP direction in a pcap file of the loopback, by its two ports."""
    data, at, found = capture.read_bytes(), 24, {}
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        tcp = 14 + (frame[14] & 15) * 4
        ports = struct.unpack_from("!HH", frame, tcp)
        end = 14 + struct.unpack_from("!H", frame, 16)[0]
        found[ports] = found.get(ports, b"") + frame[tcp + (frame[tcp + 12] >> 4) * 4:end]
    return found


def story(server):
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.chdir(server.folder)
    capture = server.folder / "wire.pcap"
    sniffer = subprocess.Popen(["tcpdump", "-i", "lo", "-s", "0", "-U", "-Z", "root", "-w", capture],
                               stderr=subprocess.PIPE, text=True)
    try:
        while "listening on lo" not in (line := sniffer.stderr.readline()):
            if not line:
                raise Lost("tcpdump does not listen")
        canary = Canary(server)
        canary.prepare()
        server.start("-v")
        server.wait_assigned()
        canary.life()
        canary.second_taker()
        canary.mistakes()
        canary.look_around()
        canary.core()
        time.sleep(1)  # the last packets reach the file
    finally:
        sniffer.terminate()
        sniffer.wait()
    canary.controls(capture)
    canary.search(capture)
    print(f"{len(canary.markers.texts)} secrets, {len(canary.said)} texts, "
          f"{len(streams(capture))} TCP streams searched: {len(canary.hits)} hits")
    if canary.hits:
        raise Lost("\n".join(sorted(set(canary.hits))))


if __name__ == "__main__":
    in_a_namespace()
    the_server = Server(Path(sys.argv[1]).resolve(), Path(tempfile.mkdtemp(prefix="slipway-canary.", dir="/var/tmp")))
    try:
        story(the_server)
    finally:
        the_server.close()
