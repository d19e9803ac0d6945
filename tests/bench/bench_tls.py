#!/usr/bin/env python3
"""Our HTTP server over TLS against nginx with the same certificate, in one run, on loopback in a namespace of its
own: server on core 0, client on core 1, rounds interleaved, medians and least to most in brackets.

- download: one file in the page cache by curl, TLS 1.3, one connection
- handshakes: new connections by `openssl s_time`, each with a request of 1 KiB, TLS 1.3 and 1.2

    bench_tls.py [--rounds N] [--mib N] [--seconds N]

Needs `deploy/setup bench`; SLIPWAY_BUILD names the build. The SHA-256 of every download is compared.
"""

import argparse
import atexit
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "service"))
from served import in_a_namespace  # noqa: E402

PORTS = {"slipway": 18443, "nginx": 18444}
NGINX = """\
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{ worker_connections 1000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; default_type application/octet-stream;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port} ssl; root {folder}/www; ssl_protocols TLSv1.2 TLSv1.3;
            ssl_certificate {folder}/tls/server.pem; ssl_certificate_key {folder}/tls/server.key; }}
}}
"""


class Bench:
    def __init__(self, mib):
        from http_peers import BUILD, CLIENT_CORE, SERVER_CORE  # after the namespace
        self.client = ["taskset", "-c", CLIENT_CORE]
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-tls.", dir="/var/tmp"))
        self.servers = {}
        atexit.register(self.close)
        (self.folder / "www").mkdir()
        content = os.urandom(mib << 20)
        self.octets, self.sha256 = len(content), hashlib.sha256(content).hexdigest()
        (self.folder / "www/file").write_bytes(content)
        (self.folder / "www/text").write_bytes(b"x" * 1024)
        self.start("slipway", [BUILD / "tests/bench/http_serve", PORTS["slipway"], self.folder / "www/file",
                               self.folder / "tls"], SERVER_CORE)
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder, port=PORTS["nginx"]))
        self.start("nginx", ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"], SERVER_CORE)

    def start(self, name, words, core):
        self.servers[name] = subprocess.Popen(["taskset", "-c", core, *[str(word) for word in words]],
                                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while self.curl(name, "text", "--connect-timeout", "1").returncode != 0:
            if time.monotonic() > end:
                raise SystemExit(f"bench: {name} does not answer")
            time.sleep(0.1)

    def curl(self, name, path, *more):
        return subprocess.run([*self.client, "curl", "-s", "--cacert", str(self.folder / "tls/ca.pem"), *more,
                               f"https://127.0.0.1:{PORTS[name]}/{path}"], stdout=subprocess.PIPE, check=False)

    def cpu_seconds(self, name):
        fields = Path(f"/proc/{self.servers[name].pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def download(self, name):
        """GiB/s, and the server's processor seconds per GiB."""
        if hashlib.sha256(self.curl(name, "file").stdout).hexdigest() != self.sha256:
            raise SystemExit(f"bench: {name} gave other octets")
        before, began = self.cpu_seconds(name), time.monotonic()
        done = self.curl(name, "file", "-o", "/dev/null", "-w", "%{size_download}")
        took, gib = time.monotonic() - began, self.octets / (1 << 30)
        if int(done.stdout) != self.octets:
            raise SystemExit(f"bench: {name} gave {done.stdout} octets")
        return gib / took, (self.cpu_seconds(name) - before) / gib

    def handshakes(self, name, version, seconds):
        """New connections a second, and the server's processor µs for each."""
        before = self.cpu_seconds(name)
        done = subprocess.run([*self.client, "openssl", "s_time", "-connect", f"127.0.0.1:{PORTS[name]}", "-new",
                               "-www", "/text", version, "-time", str(seconds), "-CAfile",
                               str(self.folder / "tls/ca.pem")], capture_output=True, text=True, check=False)
        found = re.search(r"(\d+) connections in (\d+) real seconds", done.stdout)
        if not found:
            raise SystemExit(f"bench: {name}: {done.stdout}{done.stderr}")
        count, took = int(found[1]), int(found[2])
        return count / took, (self.cpu_seconds(name) - before) / count * 1e6

    def close(self):
        for child in self.servers.values():
            child.terminate()
            child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--seconds", type=int, default=5, help="of a run of handshakes")
    options = parser.parse_args()
    in_a_namespace()
    bench = Bench(options.mib)
    works = {"download: GiB/s, CPU s per GiB": bench.download,
             "handshakes, TLS 1.3: 1/s, CPU µs": lambda name: bench.handshakes(name, "-tls1_3", options.seconds),
             "handshakes, TLS 1.2: 1/s, CPU µs": lambda name: bench.handshakes(name, "-tls1_2", options.seconds)}
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}, {options.mib} MiB, "
          f"{options.rounds} rounds\n\n| | slipway | CPU | nginx | CPU | rate × nginx | CPU × nginx |\n|---|---|---|---|---|---|---|")
    for label, work in works.items():
        rows = {name: [] for name in PORTS}
        for _ in range(options.rounds):
            for name, row in rows.items():
                row.append(work(name))
        cells, medians = [], []
        for row in rows.values():
            for at in (0, 1):
                cells.append(spread([each[at] for each in row]))
                medians.append(statistics.median(each[at] for each in row))
        ratios = [f"{medians[at] / medians[at + 2]:.2f}" if medians[at + 2] else "–" for at in (0, 1)]
        print(f"| {label} | {' | '.join(cells + ratios)} |", flush=True)


if __name__ == "__main__":
    main()
