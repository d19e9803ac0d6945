#!/usr/bin/env python3
"""The write pipeline, HTTP -> decompress -> disk -> read back, against what people use for it and against
the limits of the machine. The network is a veth pair between two namespaces; nginx is the server of all,
and once `slipway serve` of ours. The disk is a loop device (with direct I/O where its file allows that), filled with other octets
before each run; the content is compared after each run. Rounds are interleaved; medians, and least to
most in brackets.

    bench_write.py [--rounds N] [--mib N] [--disk FOLDER] [--link MBIT] [--disk-rate WRITE,READ]

--link shapes the network (token bucket), --disk-rate the disk (MiB/s, by the block layer's throttle for
the process that uses it). Needs root and `deploy/setup bench`; SLIPWAY_BUILD names the build.
"""

import argparse
import atexit
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_image import MIB, Image
from measure import measure

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLIPWAY_BUILD", REPO / "build" / "dev"))
PROGRAM = BUILD / "service" / "slipway"
ADDRESS = "10.89.0.1"
PORT = 8081  # of nginx
OURS = f"{ADDRESS}:8080"
OUR_NAME = "slipway flash"
CGROUP = Path("/sys/fs/cgroup/blkio")
JOIN = 'echo $$ > "$0"; exec "$@"'  # the process that uses the disk enters the group of its throttle

NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen {address}:{port}; root {folder}; }}
}}
"""


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout.strip()


class Bench:
    """The namespaces, the server, the disk; all of it goes away with close()."""

    def __init__(self, options):
        self.tag = f"slwb{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-bench.", dir="/var/tmp"))
        self.backing = Path(tempfile.mkdtemp(prefix="slipway-bench.", dir=options.disk)) / "disk"
        self.servers, self.loop, self.group = [], None, None
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        self.images = [Image(self.folder, "full", options.mib, False),
                       Image(self.folder, "half-empty", options.mib, True)]
        self._make_disk(self.images[0].octets + 64 * MIB)
        if options.disk_rate:
            self._throttle(*options.disk_rate)
        self._make_network(options.link)
        self._import()
        self._start_servers()

    def _make_network(self, link_mbit):
        for where in ("server", "client"):
            run("ip", "netns", "add", f"{self.tag}-{where}")
        run("ip", "-n", f"{self.tag}-server", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
            "netns", f"{self.tag}-client")
        for where, address in (("server", ADDRESS), ("client", "10.89.0.2")):
            run("ip", "-n", f"{self.tag}-{where}", "address", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", f"{self.tag}-{where}", "link", "set", "eth0", "up")
        if link_mbit:
            run("ip", "netns", "exec", f"{self.tag}-server", "tc", "qdisc", "add", "dev", "eth0", "root", "tbf",
                "rate", f"{link_mbit}mbit", "burst", "256kb", "latency", "50ms")

    def at_client(self, *words):
        return ["ip", "netns", "exec", f"{self.tag}-client", *words]

    def _start_servers(self):
        settings = self.folder / "nginx.conf"
        settings.write_text(NGINX.format(folder=self.folder, address=ADDRESS, port=PORT))
        self.folder.chmod(0o755)
        self._start("nginx", f"{ADDRESS}:{PORT}/nginx.conf", "nginx", "-p", self.folder, "-c", settings)
        self._start("slipway", f"{OURS}/healthz", PROGRAM, "serve", "-c", self.settings)

    def _start(self, name, url, *words):
        path = self.folder / f"{name}.log"
        with open(path, "wb") as log:
            self.servers.append(subprocess.Popen(
                ["ip", "netns", "exec", f"{self.tag}-server", *words], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log))
        for _ in range(100):
            if subprocess.run(self.at_client("curl", "-s", "-o", "/dev/null", f"http://{url}")).returncode == 0:
                return
            time.sleep(0.1)
        raise SystemExit(f"bench: {name} does not answer: {path.read_text()}")

    def _make_disk(self, octets):
        # What a disk that was in use before holds, different from any image.
        self.pattern = self.folder / "pattern"
        block = hashlib.sha256(b"what was here before").digest() * (MIB // 32)
        with open(self.pattern, "wb") as out:
            for _ in range(octets // MIB):
                out.write(block)
        shutil.copy(self.pattern, self.backing)
        direct = "off" if run("stat", "-f", "-c", "%T", self.backing) == "tmpfs" else "on"
        self.loop = run("losetup", "--show", "--find", f"--direct-io={direct}", self.backing)
        # The files below lie on what writes a GiB in a second: no disk that rotates, whatever it says.
        Path(f"/sys/block/{Path(self.loop).name}/queue/rotational").write_text("0")
        self.disk_kind = f"loop device on {self.backing.parent.parent}, direct I/O {direct}"

    def _throttle(self, write_mib, read_mib):
        if not (CGROUP / "blkio.throttle.write_bps_device").parent.is_dir():
            raise SystemExit(f"bench: --disk-rate needs the cgroup controller blkio (version 1) at {CGROUP}")
        self.group = CGROUP / self.tag
        self.group.mkdir()
        # The disk below: at the loop device zeroing is charged by its length, as if it were data.
        below = self.backing.stat().st_dev
        device = f"{os.major(below)}:{os.minor(below)}"
        for name, rate in (("write", write_mib), ("read", read_mib)):
            (self.group / f"blkio.throttle.{name}_bps_device").write_text(f"{device} {rate * MIB}\n")
        self.disk_kind += f", throttled to {write_mib} MiB/s written and {read_mib} read"

    def at_disk(self, *words):
        """The command, held to the disk's rate."""
        return ["sh", "-c", JOIN, self.group / "cgroup.procs", *words] if self.group else list(words)

    def _import(self):
        """Both images into a store of our own, and by the same URLs below nginx's folder."""
        self.settings = self.folder / "slipway.yaml"
        (self.folder / "inventory").mkdir()
        self.settings.write_text(f"interfaces: [eth0]\ndata_dir: {self.folder}\ninventory: {self.folder}/inventory\n")
        for image in self.images:
            done = run(PROGRAM, "image", "import", image.zst, "--name", image.name, "--version", "1", "--json",
                       "-c", self.settings)
            about = json.loads(done)
            image.manifest, image.blob = about["manifest_sha256"], about["data_sha256"]
            for digest, name in ((image.manifest, "manifest.json"), (image.blob, "image.zst")):
                place = self.folder / "artifacts" / digest / name
                place.parent.mkdir(parents=True)
                os.link(self.folder / "store/blobs/sha256" / digest[:2] / digest, place)

    def reset_disk(self):
        run("dd", f"if={self.pattern}", f"of={self.loop}", "bs=4M", "oflag=direct", "conv=fsync", "status=none")
        run("blockdev", "--flushbufs", self.loop)

    def check_content(self, image, ranges):
        """The partition's octets are on the disk, in these ranges (all of them, or those with data)."""
        run("blockdev", "--flushbufs", self.loop)
        with open(self.loop, "rb") as disk, open(image.raw, "rb") as raw:
            for offset, length in ranges:
                first, end = max(offset, MIB), min(offset + length, image.octets - MIB)
                for at in range(first, end, 4 * MIB):
                    count = min(4 * MIB, end - at)
                    disk.seek(at)
                    raw.seek(at)
                    if hashlib.sha256(disk.read(count)).digest() != hashlib.sha256(raw.read(count)).digest():
                        raise SystemExit(f"bench: {image.name}: wrong content from octet {at} on")

    def close(self):
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
            server.wait()
        self.servers = []
        if self.group:
            self.group.rmdir()  # whoever was in it has ended
            self.group = None
        if self.loop:
            run("losetup", "--detach", self.loop, check=False)
            self.loop = None
        for where in ("server", "client"):
            run("ip", "netns", "delete", f"{self.tag}-{where}", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.backing.parent, ignore_errors=True)


class Contenders:
    """Each writes the image to the disk and returns its figures."""

    def __init__(self, bench):
        self.bench = bench
        self.all = {OUR_NAME: self.ours, "slipway flash, from slipway serve": self.ours_from_ours,
                    "curl, zstd -d, dd": self.pipe, "the same, then dd, sha256sum": self.pipe_and_read,
                    "bmaptool copy": self.bmaptool}
        if bench.group:
            del self.all["bmaptool copy"]  # writes through the page cache, which this throttle does not see

    def url(self, path, server=f"{ADDRESS}:{PORT}"):
        return f"http://{server}/{path}"

    def ours(self, image, server=f"{ADDRESS}:{PORT}"):
        figures, _ = measure(self.bench.at_disk(*self.bench.at_client(
            PROGRAM, "flash", "--yes", "--data", image.blob,
            self.url(f"artifacts/{image.manifest}/manifest.json", server), self.bench.loop)))
        return figures, [(0, image.octets)]

    def ours_from_ours(self, image):
        return self.ours(image, OURS)

    def pipe(self, image):
        figures, _ = measure(self.bench.at_client("curl", "-fsS", self.url(image.zst.name)), ["zstd", "-d", "-c"],
                             self.bench.at_disk("dd", f"of={self.bench.loop}", "bs=4M", "iflag=fullblock",
                                                "oflag=direct", "conv=fsync", "status=none"))
        return figures, [(0, image.octets)]

    def pipe_and_read(self, image):
        written, ranges = self.pipe(image)
        read, printed = measure(self.bench.at_disk("dd", f"if={self.bench.loop}", "bs=4M", "iflag=direct,count_bytes",
                                                   f"count={image.octets}", "status=none"), ["sha256sum"])
        written.wall += read.wall
        written.cpu += read.cpu
        written.peak = max(written.peak, read.peak)
        return written, ranges

    def bmaptool(self, image):
        figures, _ = measure(self.bench.at_disk(*self.bench.at_client(
            "bmaptool", "-q", "copy", "--bmap", image.bmap, self.url(image.zst.name), self.bench.loop)))
        return figures, image.data  # what is a hole in the image stays as it was on the disk


def limits(bench, image):
    """Seconds that each stage alone would need."""
    def seconds(*words):
        return measure(list(words))[0].wall
    return {
        "link": seconds(*bench.at_client("curl", "-fsS", "-o", "/dev/null",
                                         f"http://{ADDRESS}:{PORT}/{image.zst.name}")),
        "decode": seconds("zstd", "-d", "-q", "-f", "-o", "/dev/null", image.zst) / os.cpu_count(),
        "disk": seconds(*bench.at_disk("dd", f"if={bench.pattern}", f"of={bench.loop}", "bs=4M", "oflag=direct",
                                       "iflag=fullblock,count_bytes", f"count={image.data_octets}", "conv=fsync",
                                       "status=none")),
    }


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def compare(bench, contenders, image, rounds):
    results = {name: [] for name in contenders.all}
    floors = []
    for number in range(rounds):
        bench.reset_disk()
        floors.append(limits(bench, image))
        for name, write in contenders.all.items():
            bench.reset_disk()
            figures, ranges = write(image)
            bench.check_content(image, ranges)
            results[name].append(figures)
            print(f"  round {number + 1}: {name}: {figures.wall:.2f} s", file=sys.stderr, flush=True)
    return results, floors


def table(image, results, floors):
    medians = {stage: statistics.median(floor[stage] for floor in floors) for stage in floors[0]}
    slowest = max(medians, key=medians.get)
    print(f"\n{image}. Alone: " + ", ".join(f"{stage} {spread([floor[stage] for floor in floors])} s"
                                             for stage in medians) + f"; the limit is {slowest}.\n")
    print("| | wall, s | of the limit | CPU, s | peak memory, MiB |\n|---|---|---|---|---|")
    for name, figures in results.items():
        wall = [each.wall for each in figures]
        print(f"| {name} | {spread(wall)} | {medians[slowest] / statistics.median(wall):.2f} | "
              f"{spread([each.cpu for each in figures], 1)} | {max(each.peak for each in figures) / MIB:.0f} |")
    ours = statistics.median(each.wall for each in results[OUR_NAME])
    print("\nOurs is faster by: " + ", ".join(
        f"{name} {statistics.median(each.wall for each in figures) / ours:.2f} ×"
        for name, figures in results.items() if name != OUR_NAME))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--disk", default="/var/tmp")
    parser.add_argument("--link", type=int, help="Mbit/s; as fast as it goes when it is not given")
    parser.add_argument("--disk-rate", type=lambda text: [int(word) for word in text.split(",")],
                        help="MiB/s written,read")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("bench: namespaces and loop devices need root")
    bench = Bench(options)
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {bench.disk_kind}, "
          f"link {f'{options.link} Mbit/s' if options.link else 'not shaped'}, load before {os.getloadavg()[0]:.1f}, TCP {run('sysctl', '-n', 'net.ipv4.tcp_congestion_control')}, "
          f"{options.rounds} rounds")
    for image in bench.images:
        table(image, *compare(bench, Contenders(bench), image, options.rounds))


if __name__ == "__main__":
    main()
