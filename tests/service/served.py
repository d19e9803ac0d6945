"""A real `slipway serve` for the series of tests: in a network namespace of its own, on loopback, with an
inventory and files of the right shape where nothing boots them."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time

HTTP_PORT, TFTP_PORT = 18080, 10069

SETTINGS = f"""\
interfaces: [lo]
data_dir: data
inventory: inventory
dhcp: {{port: 10067, binl_port: 14011}}
boot_http: {{port: {HTTP_PORT}}}
unknown_hosts: discover
"""
PROFILE = """\
name: edge
installer: {kind: flash, image: demo@1}
disk: {select: [{type: virtio}]}
"""


class Lost(Exception):
    """Something that must hold does not."""


def in_a_namespace():
    """Runs this program again in a network of its own: the ports are free, and nothing gets out."""
    if os.environ.get("SLIPWAY_IN_NAMESPACE") == "1":
        return
    words = ["unshare", "-n" if os.geteuid() == 0 else "-rn", "sh", "-c",
             'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv]
    os.execvpe("unshare", words, {**os.environ, "SLIPWAY_IN_NAMESPACE": "1"})


class OperatorPlane(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def boot_plane(host_number):
    """A connection from an address of its own, as each host on a bench has one."""
    return http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=20,
                                      source_address=(f"127.0.1.{host_number}", 0))


def ask(connection, method, target, body=None, bearer=None):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body)
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode("utf-8", "surrogateescape")


class Server:
    def __init__(self, build, folder):
        self.program, self.folder, self.process = build / "service" / "slipway", folder, None
        self.data, self.inventory = folder / "data", folder / "inventory"
        self.socket, self.log = self.data / "slipway.sock", folder / "log"
        self.database = self.data / "slipway.db"
        for kind in ("profiles", "sites", "hosts"):
            (self.inventory / kind).mkdir(parents=True)
        self.settings(f"tftp: {{port: {TFTP_PORT}}}")
        self.write("sites/store.yaml", "name: store\nnetwork: {type: dhcp}\n")

    def settings(self, *lines):
        (self.folder / "slipway.yaml").write_text(SETTINGS + "\n".join(lines) + "\n")

    def write(self, name, text):
        path = self.inventory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def add_profile(self, more=""):
        self.write("profiles/edge.yaml", PROFILE + more)

    def add_host(self, name, mac, more=""):
        self.write(f"hosts/{name}.yaml", f'macs: ["{mac}"]\nprofile: edge\nsite: store\n{more}')

    def slipway(self, *words):
        done = subprocess.run([self.program, *words, "-c", self.folder / "slipway.yaml"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Lost(f"{words}: {done.stdout}")
        return done.stdout

    def import_image(self, octets):
        (self.folder / "disk.raw").write_bytes(os.urandom(octets))
        self.slipway("image", "import", str(self.folder / "disk.raw"), "--name", "demo", "--version", "1")

    def make_installer(self):
        folder = self.data / "installer"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("vmlinuz", "initramfs.img"):
            (folder / name).write_bytes(name.encode())
        (folder / "installer.json").write_text(json.dumps(
            {"kernel_version": "0", "vmlinuz_sha256": "1" * 64, "initramfs_sha256": "2" * 64}))

    def start(self, *words):
        """Returns the seconds until it said that it is ready."""
        began = time.monotonic()
        with open(self.log, "ab") as log:
            command = [self.program, "serve", *words, "-c", self.folder / "slipway.yaml"]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            raise Lost(f"not ready: {line}{self.log.read_text()[-2000:]}")
        return time.monotonic() - began

    def wait_assigned(self):
        """The hosts of the inventory are assigned soon after the first start, not before it is ready."""
        end = time.monotonic() + 20
        while '"discovered"' in self.slipway("host", "list", "--json"):
            if time.monotonic() > end:
                raise Lost("the hosts of the inventory were not assigned")
            time.sleep(0.05)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)
