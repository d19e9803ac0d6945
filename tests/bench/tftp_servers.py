"""The TFTP servers that benches compare, all at once in a namespace of their own, each on an address or a
port of its own, pinned to core 0; and the files that they publish."""

import atexit
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import descendants

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLIPWAY_BUILD", REPO / "build" / "dev")).resolve()
PROGRAM = BUILD / "service" / "slipway"
ADDRESS = "10.89.0.1"
CLIENT = "10.89.0.2"
REAL_CLIENT = "10.89.0.99"  # at the same place
MIB = 1 << 20
NAMES = ["slipway", "dnsmasq", "tftpd-hpa", "atftpd"]
HERTZ = os.sysconf("SC_CLK_TCK")

SETTINGS = """\
interfaces: [eth0]
data_dir: data
inventory: inventory
loaders: loaders
tftp: {{port: 6969, allow: [10.89.0.0/16, 10.90.0.0/16]{more}}}
"""


def run(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout.strip()


class Running:
    def __init__(self, address, port, log, process, path):
        self.address, self.port, self.log, self.process, self.path = address, port, log, process, path

    def said(self):
        return self.log.read_text(errors="replace")[-2000:]

    def _stat(self, pid):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

    def cpu_seconds(self):
        """Of the server, of its children and of those that it has waited for."""
        ticks = 0
        for pid in descendants(self.process.pid):
            try:
                ticks += sum(int(word) for word in self._stat(pid)[11:15])
            except OSError:
                pass  # it has ended; its parent counts it
        return ticks / HERTZ

    def rss_octets(self):
        pages = 0
        for pid in descendants(self.process.pid):
            try:
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                pass  # it has ended
        return pages * os.sysconf("SC_PAGE_SIZE")


class Servers:
    """All of it goes away when this process ends, however it does but by SIGKILL."""

    def __init__(self, slipway_options=""):
        if os.geteuid() != 0:
            raise SystemExit("bench: must run as root, for network namespaces")
        self.tag = f"slwt{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-bench.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.files = self.folder / "files"
        self.files.mkdir()
        self.running, self.digests, self.more = {}, {}, slipway_options
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        self._make_network()
        self._make_depot()

    def close(self):
        atexit.unregister(self.close)
        for one in self.running.values():
            one.process.terminate()
        for one in self.running.values():
            one.process.wait()
        for where in ("server", "client"):
            subprocess.run(["ip", "netns", "del", f"{self.tag}-{where}"], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder)

    def at_client(self, *words):
        return ["ip", "netns", "exec", f"{self.tag}-client", *words]

    def _make_network(self):
        for where in ("server", "client"):
            run("ip", "netns", "add", f"{self.tag}-{where}")
        server, client = f"{self.tag}-server", f"{self.tag}-client"
        run("ip", "-n", server, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", client)
        for last in range(1, 7):
            if last != 2:
                run("ip", "-n", server, "address", "add", f"10.89.0.{last}/16", "dev", "eth0")
        for address in (CLIENT, REAL_CLIENT):
            run("ip", "-n", client, "address", "add", f"{address}/16", "dev", "eth0")
        for where in (server, client):
            run("ip", "-n", where, "link", "set", "eth0", "up")
            run("ip", "-n", where, "link", "set", "lo", "up")
        # Forged sources: the client's side takes what is sent to them and drops it.
        run("ip", "-n", server, "route", "add", "10.90.0.0/16", "via", CLIENT)

    def _make_depot(self):
        for kind in ("profiles", "sites", "hosts"):
            (self.folder / "inventory" / kind).mkdir(parents=True)
        (self.folder / "loaders").mkdir()
        self.settings = self.folder / "slipway.yaml"
        self.settings.write_text(SETTINGS.format(more=self.more))

    def publish(self, name, octets):
        path = self.files / name
        content = os.urandom(octets)
        path.write_bytes(content)
        path.chmod(0o644)
        self.digests[name] = hashlib.sha256(content).hexdigest()
        run(PROGRAM, "image", "import", path, "--kind", "content", "--name", name, "--version", "1", "-c",
            self.settings)

    def of(self, name):
        return self.running[name]

    def _hpa(self):
        """The program of Debian's tftpd-hpa, which conflicts with atftpd."""
        folder = self.folder / "tftpd-hpa"
        folder.mkdir()
        done = subprocess.run(["apt-get", "download", "-q", "-q", "tftpd-hpa"], cwd=folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        package = next(folder.glob("*.deb"), None)
        if package is None:
            raise SystemExit(f"bench: apt-get download tftpd-hpa: {done.stderr.strip()}")
        run("dpkg-deb", "-x", package, folder)
        return folder / "usr/sbin/in.tftpd"

    def _command(self, name):
        """Address, port and command line."""
        files = self.files
        if name == "slipway":
            return ADDRESS, 6969, [PROGRAM, "serve", "-c", self.settings]
        if name == "dnsmasq":
            return "10.89.0.3", 69, ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0",
                                     "--pid-file", "--enable-tftp", f"--tftp-root={files}", "--bind-interfaces",
                                     "--listen-address=10.89.0.3", "--tftp-max=20000", "--log-facility=/dev/null"]
        if name == "tftpd-hpa":
            return "10.89.0.4", 69, [self._hpa(), "--foreground", "--address", "10.89.0.4:69", "--user", "root", "--secure",
                                     files]
        if name == "atftpd":
            return "10.89.0.5", 69, ["atftpd", "--daemon", "--no-fork", "--bind-address", "10.89.0.5", "--port", "69",
                                     "--maxthread", "20000", "--user", "root.root", "--logfile", "/dev/null",
                                     "--verbose=0", files]
        return "10.89.0.6", 69, [BUILD / "tests/bench/tftp_limit", "10.89.0.6", "69", files]

    def start(self, names):
        for name in names:
            address, port, words = self._command(name)
            log = self.folder / f"{name}.log"
            with open(log, "wb") as out:
                process = subprocess.Popen(
                    ["ip", "netns", "exec", f"{self.tag}-server", "taskset", "-c", "0", *map(str, words)],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            path = (lambda file: f"artifacts/{self.digests[file]}/{file}") if name == "slipway" else (lambda file: file)
            self.running[name] = Running(address, port, log, process, path)
        for name in names:
            self._await(self.running[name], name)

    def _await(self, where, name):
        file = next(iter(self.digests))
        for _ in range(50):
            if where.process.poll() is not None:
                break
            url = f"tftp://{where.address}:{where.port}/{where.path(file)}"
            words = ["curl", "-s", "-m", "2", "--tftp-blksize", "1468", "-r", "0-0", "-o", "/dev/null", url]
            if subprocess.run(self.at_client(*words)).returncode in (0, 28):
                return
            time.sleep(0.1)
        raise SystemExit(f"bench: {name} does not answer: {where.said()}")
