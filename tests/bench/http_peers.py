"""The servers that the HTTP benches compare, in one network namespace, each on core 0: `slipway serve`,
nginx, and lighttpd. All serve the same octets."""

import atexit
import hashlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests" / "service"))
from served import HTTP_PORT, OperatorPlane, Server, ask  # noqa: E402

BUILD = Path(os.environ.get("SLIPWAY_BUILD", REPO / "build" / "dev"))
LOAD = BUILD / "tests" / "bench" / "http_load"
SERVER_CORE, CLIENT_CORE = ("0", "1") if os.cpu_count() > 1 else ("0", "0")
PORTS = {"slipway": HTTP_PORT, "nginx": 18081, "nginx, open_file_cache": 18082, "lighttpd": 18083}
MIB = 1 << 20

NGINX = """\
daemon off; master_process off; pid {folder}/{port}.pid; error_log stderr; worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000000;
  default_type application/octet-stream; {more}
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/www; }}
}}
"""
LIGHTTPD = """\
server.document-root = "{folder}/www"
server.port = {port}
server.bind = "127.0.0.1"
server.max-keep-alive-requests = 1000000000
server.max-fds = 20000
server.network-backend = "sendfile"
mimetype.assign = ( "" => "application/octet-stream" )
"""


def run(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


class Peers:
    """`hosts`: how many hosts the depot knows; `mib`: of the large file."""

    def __init__(self, mib, hosts, names):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-bench.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.names, self.processes = [name for name in PORTS if name in names], {}
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        (self.folder / "www").mkdir()
        self.server = Server(BUILD, self.folder / "slipway")
        self.macs = [f"52:54:00:be:{number // 256:02x}:{number % 256:02x}" for number in range(hosts)]
        self._fill_depot(mib)
        self._start_slipway()
        for name in self.names:
            if name != "slipway":
                self._start_peer(name)

    def _fill_depot(self, mib):
        server, large = self.server, self.folder / "large"
        digest = hashlib.sha256()
        with open(large, "wb") as out:
            for _ in range(mib):
                block = os.urandom(MIB)
                digest.update(block)
                out.write(block)
        self.large_sha256 = digest.hexdigest()
        server.add_profile()
        for number, mac in enumerate(self.macs):
            server.add_host(f"h{number}", mac)
        server.import_image(MIB)
        server.make_installer()
        server.slipway("image", "import", large, "--kind", "content", "--name", "large", "--version", "1")
        large.unlink()
        blob = server.data / "store/blobs/sha256" / self.large_sha256[:2] / self.large_sha256
        place = self.folder / "www" / "artifacts" / self.large_sha256
        place.mkdir(parents=True)
        os.link(blob, place / "large")
        (place / "large").chmod(0o644)
        self.large = f"/artifacts/{self.large_sha256}/large"

    def _start_slipway(self):
        self.server.start()
        self.server.wait_assigned()
        self._pin("slipway", self.server.process.pid)

    def _start_peer(self, name):
        port, is_nginx = PORTS[name], name.startswith("nginx")
        settings = self.folder / f"{port}.conf"
        more = "open_file_cache max=10000 inactive=60s;" if "cache" in name else ""
        settings.write_text((NGINX if is_nginx else LIGHTTPD).format(folder=self.folder, port=port, more=more))
        words = ["nginx", "-p", self.folder, "-c", settings] if is_nginx else ["lighttpd", "-D", "-f", settings]
        log = open(self.folder / f"{port}.log", "wb")
        child = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        self.processes[name] = child
        self._pin(name, child.pid)
        for _ in range(100):
            try:
                return self.get(name, "/")
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"bench: {name} does not answer: {(self.folder / f'{port}.log').read_text()}")

    def _pin(self, name, pid):
        run("taskset", "-a", "-p", "-c", SERVER_CORE, pid)

    def pid(self, name):
        return self.server.process.pid if name == "slipway" else self.processes[name].pid

    def cpu_seconds(self, name):
        """What the server has used, user and system."""
        fields = Path(f"/proc/{self.pid(name)}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self, name):
        """Octets of memory that the server holds now."""
        for line in Path(f"/proc/{self.pid(name)}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise SystemExit(f"bench: {name} has ended")

    def get(self, name, target, source="127.0.0.1"):
        connection = http.client.HTTPConnection("127.0.0.1", PORTS[name], timeout=20, source_address=(source, 0))
        connection.request("GET", target)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def check_large(self, name):
        digest = hashlib.sha256()
        connection = http.client.HTTPConnection("127.0.0.1", PORTS[name], timeout=60)
        connection.request("GET", self.large)
        answer = connection.getresponse()
        while block := answer.read(MIB):
            digest.update(block)
        connection.close()
        if digest.hexdigest() != self.large_sha256:
            raise SystemExit(f"bench: {name} gave other octets")

    def begin_attempts(self, by="127.0.0.1"):
        """Arms every host anew and lets it take its script once: what follows within a minute repeats it. The
        peers get the same scripts as files."""
        folder = self.folder / "www" / "boot"
        folder.mkdir(exist_ok=True)
        orders = OperatorPlane(self.server.socket)
        for number, mac in enumerate(self.macs):
            for action in ("disarm", "arm"):
                status, said = ask(orders, "POST", f"/api/v1/hosts/h{number}/{action}", {"why": "bench", "by": "bench"})
                if status != 200 and action == "arm":
                    raise SystemExit(f"bench: arming h{number}: {said}")
            status, script = self.get("slipway", self.script_target(mac), by)
            if status != 200 or b"/h/" not in script:
                raise SystemExit(f"bench: no script for {mac}: {status} {script.decode()}")
            (folder / mac).write_bytes(script)
        orders.close()
        return len(script)

    def script_target(self, mac, name="slipway"):
        if name != "slipway":
            return f"/boot/{mac}"
        return f"/boot.ipxe?mac={mac}&uuid=&serial=&platform=efi&buildarch=x86_64&manufacturer=QEMU&product=Standard%20PC"

    def load(self, name, connections, amount, requests, source="127.0.0.1"):
        """Runs the load; its figures, with the server's processor time."""
        orders = self.folder / "requests"
        orders.write_text("\n".join(requests) + "\n")
        before = self.cpu_seconds(name)
        figures = json.loads(run("taskset", "-c", CLIENT_CORE, LOAD, f"127.0.0.1:{PORTS[name]}", connections, amount,
                                 orders, source))
        figures["cpu"] = self.cpu_seconds(name) - before
        return figures

    def close(self):
        for child in self.processes.values():
            child.terminate()
            child.wait()
        self.processes = {}
        self.server.close()
        shutil.rmtree(self.folder, ignore_errors=True)
