#!/usr/bin/env python3
"""`slipway flash` through the program: from files, the store and a server, onto files and, as root, a
loop device.

    test_flash.py BUILD
"""

import hashlib
import http.server
import json
import lzma
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

PROGRAM = None
MIB = 1 << 20


def tool(*words):
    """A program of the distribution, from sbin too."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return subprocess.run(words, check=True, capture_output=True, text=True,
                          env={**os.environ, "PATH": path}).stdout


def make_image(path):
    """A GPT image of sgdisk's: two partitions with content, zeros between and behind."""
    path.write_bytes(bytes(24 * MIB))
    tool("sgdisk", "-n", "1:1M:+1M", "-t", "1:ef00", "-n", "2:4M:20M", str(path))
    rng = random.Random(7)
    with path.open("r+b") as file:
        for offset, octets in ((MIB, MIB), (4 * MIB, 5 * MIB), (15 * MIB, MIB // 2)):
            file.seek(offset)
            file.write(rng.randbytes(octets))


def bodies_are_equal(image, disk):
    """All but the first MiB and what the image's own backup table takes."""
    with image.open("rb") as a, disk.open("rb") as b:
        a.seek(MIB)
        b.seek(MIB)
        return a.read(22 * MIB) == b.read(22 * MIB)


class Flash(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-flash."))
        self.image = self.folder / "edge.img"
        make_image(self.image)
        self.disk = self.new_disk()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def new_disk(self, octets=40 * MIB):
        path = self.folder / "disk"
        path.write_bytes(random.Random(9).randbytes(octets))
        return path

    def flash(self, *words, settings="absent.yaml", text=""):
        return subprocess.run([PROGRAM, "-c", str(self.folder / settings), "flash",
                               *map(str, words)], input=text, text=True, capture_output=True,
                              timeout=120)

    def check_disk(self, disk=None):
        disk = disk or self.disk
        self.assertTrue(bodies_are_equal(self.image, disk))
        self.assertIn("No problems found", tool("sgdisk", "--verify", str(disk)))
        self.assertIn("Partition size: 2048 sectors", tool("sgdisk", "-i", "1", str(disk)))

    def flashes(self, source, *words):
        done = self.flash(source, self.disk, "--yes", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_disk()
        return done.stdout

    def test_files_of_every_kind_arrive(self):
        self.flashes(self.image)
        for command, suffix in ((["gzip", "-k1"], ".gz"), (["zstd", "-q"], ".zst")):
            with self.subTest(suffix):
                self.new_disk()
                tool(*command, str(self.image))
                self.flashes(f"{self.image}{suffix}")
        packed = self.folder / "edge.img.xz"
        packed.write_bytes(lzma.compress(self.image.read_bytes(), preset=0))
        self.new_disk()
        self.flashes(packed, "--sha256", hashlib.sha256(packed.read_bytes()).hexdigest())

    def test_it_asks_and_takes_no_for_an_answer(self):
        before = self.disk.read_bytes()
        for answer in ("", "n\n", "nonsense\n"):
            done = self.flash(self.image, self.disk, text=answer)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"Write {self.image} (24.0 MiB) to {self.disk} (40.0 MiB)?", done.stderr)
            self.assertEqual(self.disk.read_bytes(), before)
        done = self.flash(self.image, self.disk, text="yes\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_disk()

    def test_verify_only_names_the_first_chunk_that_differs(self):
        self.flashes(self.image)
        written = self.disk.read_bytes()
        done = self.flash(self.image, self.disk, "--verify-only")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{self.disk} holds {self.image}", done.stdout)
        self.assertEqual(self.disk.read_bytes(), written)
        for offset, name in (
            (17 * MIB, "zeros at raw offset 16777216"),
            (15 * MIB + 99, "chunk 3 (raw offset 12582912)"),
            (8 * MIB, "chunk 2 (raw offset 8388608)"),
            (40 * MIB - 512, "the backup partition table"),
            (600, "the first MiB, with the partition table"),
        ):
            with self.subTest(offset):
                with self.disk.open("r+b") as file:  # each further one lies before the last
                    file.seek(offset)
                    file.write(bytes([written[offset] ^ 1]))
                done = self.flash(self.image, self.disk, "--verify-only")
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"verify-mismatch: {name}: {self.disk} holds other octets",
                              done.stderr)

    def test_memory_stays_below_128_mib(self):
        """Of a whole write and read-back of chunks that do not pack."""
        with self.image.open("r+b") as file:
            file.truncate(512 * MIB)
            file.seek(25 * MIB)
            for _ in range(480):
                file.write(os.urandom(MIB))
        tool("sgdisk", "-e", str(self.image))
        with self.disk.open("r+b") as file:
            file.truncate(520 * MIB)
        words = [PROGRAM, "-c", "absent.yaml", "flash", str(self.image), str(self.disk), "--yes"]
        running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak_kib = 0
        while running.poll() is None:  # the kernel keeps the peak; the last look has it
            status = Path(f"/proc/{running.pid}/status").read_text()
            peak_kib = int((re.search(r"VmHWM:\s*(\d+)", status) or [0, peak_kib])[1])
            time.sleep(0.01)
        self.assertEqual(running.returncode, 0)
        print(f"peak {peak_kib / 1024:.0f} MiB", end=" ", flush=True)
        self.assertGreater(peak_kib, 8 * 1024)
        # AddressSanitizer keeps what was freed for a while: no figure of the program's own.
        if b"__asan_init" not in Path(PROGRAM).read_bytes():
            self.assertLess(peak_kib, 128 * 1024)

    def test_a_seed_lies_before_the_end_and_can_be_verified(self):
        seed = self.folder / "seed.iso"
        seed.write_bytes(b"CD001 " * 1000)
        self.flashes(self.image, "--seed", seed)
        self.assertIn("cidata", tool("sgdisk", "-p", str(self.disk)))
        self.assertEqual(self.disk.read_bytes()[38 * MIB:][:6000], seed.read_bytes())
        verified = self.flash(self.image, self.disk, "--verify-only", "--seed", seed)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        other = self.flash(self.image, self.disk, "--verify-only")
        self.assertEqual(other.returncode, 1)

    def test_mistakes_are_said_before_anything_is_written(self):
        before = self.disk.read_bytes()
        small = self.folder / "small"
        small.write_bytes(bytes(20 * MIB))
        cut = self.folder / "cut.gz"
        tool("gzip", "-k", str(self.image))
        cut.write_bytes(Path(f"{self.image}.gz").read_bytes()[:-100])
        rows = (
            ((self.image, self.disk, "--sha256", "00" * 32), "SHA-256 is "),
            ((self.image, self.disk, "--sha256", "xyz"), "64 hexadecimal digits"),
            ((self.image, small), "image-too-large: "),
            ((self.image, self.image), "is the image itself"),
            ((self.image, self.folder), "neither a disk nor a file"),
            ((self.image, self.folder / "none"), "No such file"),
            ((cut, self.disk), "cut.gz"),
            (("absent@1", self.disk), "there is no store without settings"),
            (("absent.img", self.disk), "no such file, and neither NAME@VERSION nor"),
            (("http://127.0.0.1:9/some.img", self.disk), "expected http://ADDRESS"),
        )
        for words, text in rows:
            with self.subTest(words):
                done = self.flash(*words, "--yes")
                self.assertEqual(done.returncode, 1)
                self.assertIn(text, done.stderr)
        self.assertEqual(self.disk.read_bytes(), before)
        self.assertEqual(self.flash(self.image).returncode, 2)

    def test_from_the_store_and_as_json(self):
        for kind in ("profiles", "sites", "hosts"):
            (self.folder / "inventory" / kind).mkdir(parents=True)
        (self.folder / "slipway.yaml").write_text(
            "interfaces: [lo]\ndata_dir: data\ninventory: inventory\n")
        settings = ["-c", str(self.folder / "slipway.yaml")]
        subprocess.run([PROGRAM, *settings, "image", "import", str(self.image), "--name", "edge",
                        "--version", "1"], check=True, capture_output=True, timeout=120)
        done = self.flash("--json", "edge@1", self.disk, "--yes", settings="slipway.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout)
        self.assertTrue(document["verified"])
        self.assertEqual(document["raw_sha256"],
                         hashlib.sha256(self.image.read_bytes()).hexdigest())
        self.check_disk()
        absent = self.flash("edge@2", self.disk, "--yes", settings="slipway.yaml")
        self.assertEqual(absent.returncode, 1)
        self.assertIn("no image edge@2 in the store", absent.stderr)
        self.serve_store()

    def serve_store(self):
        """Over HTTP, the data found by its digest, and beside the manifest."""
        store = self.folder / "data/store"
        manifest = store / "manifests/edge/1.json"
        digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
        data = (store / "manifests/edge/1.data").read_text().strip()
        files = {f"/artifacts/{digest}/manifest.json": manifest.read_bytes(),
                 f"/artifacts/{data}/image.zst":
                 (store / "blobs/sha256" / data[:2] / data).read_bytes()}
        with Server(files) as server:
            url = f"http://127.0.0.1:{server.port}/artifacts/{digest}/manifest.json"
            self.new_disk()
            self.flashes(url, "--data", data)
            alone = self.flash(url, self.disk, "--yes")
            self.assertEqual(alone.returncode, 1)
            self.assertIn("404", alone.stderr)
            files[f"/artifacts/{digest}/image.zst"] = files[f"/artifacts/{data}/image.zst"]
            self.new_disk()
            self.flashes(url)
            files[f"/artifacts/{digest}/manifest.json"] += b" "
            forged = self.flash(url, self.disk, "--yes")
            self.assertEqual(forged.returncode, 1)
            self.check_disk()

    def test_a_loop_device_is_written_and_refused_while_it_is_in_use(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.disk.write_bytes(bytes(64 * MIB))
        loop = tool("losetup", "--show", "-f", str(self.disk)).strip()
        try:
            busy = self.flash(self.image, self.disk, "--yes")
            self.assertEqual(busy.returncode, 1)
            self.assertIn(f"{Path(loop).name} uses it", busy.stderr)
            done = self.flash(self.image, loop, "--yes")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.check_disk(Path(loop))
            self.assertEqual(self.flash(self.image, loop, "--verify-only").returncode, 0)
            self.check_refused(loop)
        finally:
            tool("losetup", "-d", loop)

    def check_refused(self, loop):
        tool("blockdev", "--setro", loop)
        self.assertIn("is read-only", self.flash(self.image, loop, "--yes").stderr)
        tool("blockdev", "--setrw", loop)
        place = self.folder / "mounted"
        place.mkdir()
        tool("mkfs.ext4", "-q", "-F", loop)
        tool("mount", loop, str(place))
        try:
            done = self.flash(self.image, loop, "--yes")
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"is in use, mounted at {place}; unmount it first", done.stderr)
        finally:
            tool("umount", str(place))


class Server:
    """Files by path, with Range."""

    def __init__(self, files):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                content = files.get(self.path)
                if content is None:
                    return self.answer(404, b"", [])
                wanted = self.headers.get("Range")
                if not wanted:
                    return self.answer(200, content, [])
                first, last = (int(n) for n in wanted.removeprefix("bytes=").split("-"))
                part = content[first:last + 1]
                span = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
                return self.answer(206, part, [("Content-Range", span)])

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in (*headers, ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    PROGRAM = str(Path(sys.argv.pop(1)) / "service/slipway")
    unittest.main(verbosity=2)
