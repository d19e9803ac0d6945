#!/usr/bin/env python3
"""`slipway image import oci://…` out of Debian's docker-registry, filled by umoci and skopeo, and out of a registry of
the test's own that wants tokens or lies.

    test_import_registry.py BUILD
"""

import base64
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
from pathlib import Path

PROGRAM = None
MIB = 1 << 20
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
RAW = "application/vnd.slipway.test.disk"
# user `depot`, password `word`
HTPASSWD = "depot:$2b$04$abcdefghijklmnopqrstuuB/GrfUOm5dtrEiT8lcouu5XB5ftbWLi\n"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(data, media_type, title=None, **rest):
    found = {"mediaType": media_type, "digest": sha256(data), "size": len(data), **rest}
    if title:
        found["annotations"] = {"org.opencontainers.image.title": title}
    return found


def manifest(layers, config=b"{}", config_type="application/vnd.oci.empty.v1+json"):
    return json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                       "config": descriptor(config, config_type), "layers": layers}).encode()


def tar_of(members, packed=True):
    """(name, content | dict of TarInfo's fields) …"""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.mtime = 1_600_000_000
            if isinstance(content, dict):
                for key, value in content.items():
                    setattr(info, key, value)
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0) if packed else out.getvalue()


def symlink(target):
    return {"type": tarfile.SYMTYPE, "linkname": target}


def hard_link(target):
    return {"type": tarfile.LNKTYPE, "linkname": target}


NETBOOT = Path("/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64")
KERNEL = b"kernel" * 1000
INITRD = b"initrd" * 1000
LOWER = [("etc/os-release", b'PRETTY_NAME="Test OS 1"\nID=test\n'), ("boot/vmlinuz-6.1", KERNEL),
         ("boot/vmlinuz", symlink("vmlinuz-6.1")), ("boot/initrd.img-6.1", INITRD),
         ("usr/bin/tool", b"old"), ("usr/bin/same", hard_link("usr/bin/tool")), ("var/gone", b"x"),
         ("opt/hidden/a", b"a"), ("dev/null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}),
         ("name-\u00e4", b"umlaut"), ("n" * 150 + "/" + "m" * 150, b"long")]
UPPER = [("usr/bin/tool", b"new"), ("var/.wh.gone", b""), ("opt/hidden/.wh..wh..opq", b""),
         ("opt/hidden/b", b"b")]


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class OwnRegistry:
    """A registry in memory, plain http: with tokens, logins, lies."""

    def __init__(self):
        self.blobs, self.manifests = {}, {}
        self.auth = None           # None, "bearer"
        self.logins = None         # what Basic the token server wants; None: anybody
        self.token_lasts = 1000    # requests
        self.redirect = None       # where blobs are: another registry
        self.seen = []             # (path, Authorization)
        self.uses = {}
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.answer(self)

            def log_message(self, *words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *words):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_address[1]}"
        self.realm = f"http://{self.place}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, tag, layers, **rest):
        """layers: (octets, media type, title)"""
        for data, _, _ in layers:
            self.blobs[sha256(data)] = data
        text = manifest([descriptor(*each) for each in layers], **rest)
        self.manifests[tag] = self.manifests[sha256(text)] = text
        return sha256(text)

    def send(self, request, status, body=b"", **headers):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def answer(self, request):
        path = request.path
        login = request.headers.get("Authorization")
        self.seen.append((path, login))
        if path.startswith("/token?"):
            if self.logins and login != self.logins:
                return self.send(request, 401)
            token = f"T{len(self.uses)}"
            self.uses[token] = 0
            return self.send(request, 200, json.dumps({"token": token}).encode())
        if self.auth and not self.is_known(login):
            return self.send(request, 401, WWW_Authenticate=f'Bearer realm="{self.realm}",service="test"')
        if path == "/v2/":
            return self.send(request, 200, b"{}")
        kind, name = path.split("/")[-2:]
        if kind == "manifests" and name in self.manifests:
            return self.send(request, 200, self.manifests[name])
        if kind == "blobs" and self.redirect:
            return self.send(request, 307, Location=self.redirect + path)
        if kind == "blobs" and name in self.blobs:
            return self.send(request, 200, self.blobs[name])
        return self.send(request, 404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"no such thing"}]}')

    def is_known(self, login):
        token = (login or "").removeprefix("Bearer ")
        if token not in self.uses:
            return False
        self.uses[token] += 1
        return self.uses[token] <= self.token_lasts


class Imports(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-registry."))
        self.addCleanup(shutil.rmtree, self.folder)
        self.settings()
        self.disk = random.Random(3).randbytes(MIB) + bytes(3 * MIB)

    def settings(self, more=""):
        (self.folder / "slipway.yaml").write_text(
            "interfaces: [lo]\ndata_dir: data\ninventory: inventory\n" + more)

    def image(self, *words, **env):
        kept = {name: value for name, value in os.environ.items()
                if not name.lower().endswith("_proxy") and name != "DOCKER_CONFIG"}
        return subprocess.run([PROGRAM, "--json", "-c", str(self.folder / "slipway.yaml"), "image", *map(str, words)],
                              capture_output=True, text=True, timeout=200, env={**kept, **env})

    def run_import(self, source, *more, version="1", **env):
        return self.image("import", source, "--name", "edge", "--version", version, *more, **env)

    def imports(self, source, *more, **rest):
        done = self.run_import(source, *more, **rest)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list((self.folder / "data/store/downloads").glob("*")), [])
        return json.loads(done.stdout)

    def refuses(self, source, text, *more, **rest):
        done = self.run_import(source, *more, **rest)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(text, done.stderr)
        self.assertEqual(json.loads(self.image("list").stdout)["images"], [])

    def blob(self, shown, name):
        digest = {each["name"]: each["sha256"] for each in shown["files"]}[name]
        return self.folder / "data/store/blobs/sha256" / digest[:2] / digest

    def is_the_disk(self, shown):
        self.assertEqual(shown["raw_sha256"], hashlib.sha256(self.disk).hexdigest())


class DebiansRegistry(Imports):
    def serve(self, more=""):
        port = free_port()
        (self.folder / "registry.yml").write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.folder}/registry}}}}\n"
            f"http: {{addr: '127.0.0.1:{port}'}}\n{more}")
        running = subprocess.Popen(["docker-registry", "serve", str(self.folder / "registry.yml")],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"127.0.0.1:{port}"
            time.sleep(0.1)
        self.fail("docker-registry does not start")

    def tool(self, *words):
        subprocess.run(words, check=True, capture_output=True, cwd=self.folder)

    def push_container(self, place, *layers, login=()):
        """By umoci, then skopeo; gives the manifest's digest."""
        self.tool("umoci", "init", "--layout", "layout")
        self.tool("umoci", "new", "--image", "layout:1")
        for layer in layers:
            (self.folder / "layer.tar").write_bytes(tar_of(layer, packed=False))
            self.tool("umoci", "raw", "add-layer", "--image", "layout:1", "layer.tar")
        self.tool("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--digestfile", "digest", *login,
                  "oci:layout:1", f"docker://{place}/depot/live:1")
        return (self.folder / "digest").read_text().strip()

    def push_artifact(self, place, layers, tag):
        connection = http.client.HTTPConnection(place)
        self.addCleanup(connection.close)
        for data in [b"{}"] + [each[0] for each in layers]:
            connection.request("POST", "/v2/depot/disk/blobs/uploads/", b"")
            answer = connection.getresponse()
            answer.read()
            where = answer.headers["Location"]
            where += ("&" if "?" in where else "?") + "digest=" + sha256(data)
            connection.request("PUT", where, data, {"Content-Type": "application/octet-stream"})
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 201)
        text = manifest([descriptor(*each) for each in layers])
        connection.request("PUT", f"/v2/depot/disk/manifests/{tag}", text,
                           {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 201, answer.read())
        return sha256(text)

    def test_a_container_image_becomes_an_installer(self):
        place = self.serve()
        digest = self.push_container(place, LOWER, UPPER)
        shown = self.imports(f"oci://{place}/depot/live:1@{digest}")
        self.assertEqual((shown["type"], shown["kind"]), ("installer", "generic"))
        self.assertEqual("sha256:" + shown["source"]["sha256"], digest)
        self.assertEqual(self.blob(shown, "kernel").read_bytes(), KERNEL)
        self.assertEqual(self.blob(shown, "initrd").read_bytes(), INITRD)
        self.assertIn("kernel /boot/vmlinuz", shown["found"])
        self.assertIn(f"pulled from {place}/depot/live:1@{digest}", shown["found"])
        self.assertIn("system Test OS 1", shown["found"])
        self.assertIn("left out: 1 device nodes, pipes and sockets", shown["found"])
        rootfs = self.folder / "rootfs"
        subprocess.run(["unsquashfs", "-no-progress", "-d", rootfs, self.blob(shown, "rootfs")], check=True,
                       capture_output=True)
        found = {str(path.relative_to(rootfs)): path.read_bytes() for path in rootfs.rglob("*") if path.is_file()}
        self.assertEqual(found, {
            "etc/os-release": LOWER[0][1], "boot/vmlinuz-6.1": KERNEL, "boot/vmlinuz": KERNEL,
            "boot/initrd.img-6.1": INITRD, "usr/bin/tool": b"new", "usr/bin/same": b"old", "opt/hidden/b": b"b",
            "name-\u00e4": b"umlaut", "n" * 150 + "/" + "m" * 150: b"long"})
        self.assertEqual((rootfs / "etc/os-release").stat().st_mtime, 1_600_000_000)
        listed = subprocess.run(["unsquashfs", "-lln", self.blob(shown, "rootfs")], check=True, capture_output=True,
                                text=True, env={**os.environ, "TZ": "UTC"}).stdout
        self.assertRegex(listed, r"drwxr-xr-x 0/0 +\d+ 2020-09-13 12:26 squashfs-root\n")
        again = self.imports(f"oci://{place}/depot/live:1", version="2")
        self.assertEqual(self.blob(again, "rootfs"), self.blob(shown, "rootfs"))  # the same octets

    def test_an_artifact_is_its_file(self):
        place = self.serve()
        for number, (data, title) in enumerate(((self.disk, None), (gzip.compress(self.disk), "edge.img.gz"))):
            self.push_artifact(place, [(data, RAW, title)], f"v{number}")
            shown = self.imports(f"oci://{place}/depot/disk:v{number}", version=f"{number}")
            self.is_the_disk(shown)
            self.assertEqual(shown["source"]["name"], title or "disk")

    def test_an_artifact_may_be_an_installers_iso(self):
        place = self.serve()
        tree = self.folder / "tree" / "install.amd"
        tree.mkdir(parents=True)
        shutil.copy(NETBOOT / "linux", tree / "vmlinuz")
        shutil.copy(NETBOOT / "initrd.gz", tree)
        iso = self.folder / "debian.iso"
        self.tool("xorrisofs", "-quiet", "-r", "-J", "-o", str(iso), str(tree.parent))
        self.push_artifact(place, [(iso.read_bytes(), RAW, "debian.iso")], "1")
        shown = self.imports(f"oci://{place}/depot/disk:1")
        self.assertEqual(shown["kind"], "debian")
        self.assertEqual(self.blob(shown, "kernel").read_bytes(), (NETBOOT / "linux").read_bytes())
        self.push_artifact(place, [(iso.read_bytes()[:-4 * MIB], RAW, "debian.iso")], "cut")
        cut = self.run_import(f"oci://{place}/depot/disk:cut", version="2")
        self.assertEqual(cut.returncode, 1, cut.stdout)
        self.assertEqual(len(json.loads(self.image("list").stdout)["images"]), 1)

    def test_an_artifact_of_titled_files_is_an_installer(self):
        place = self.serve()
        layers = [(KERNEL, RAW, "vmlinuz"), (INITRD, RAW, "boot/initrd.img"), (b"squash", RAW, "rootfs.squashfs")]
        self.push_artifact(place, layers, "1")
        shown = self.imports(f"oci://{place}/depot/disk:1")
        self.assertEqual([each["name"] for each in shown["files"]], ["kernel", "initrd", "rootfs"])
        self.assertEqual(self.blob(shown, "initrd").read_bytes(), INITRD)
        self.push_artifact(place, [(KERNEL, RAW, "vmlinuz"), (b"x", RAW, "readme")], "2")
        done = self.run_import(f"oci://{place}/depot/disk:2", version="2")
        self.assertIn('titled "vmlinuz", "readme"; looked for one kernel', done.stderr)

    def test_a_login_is_taken_from_a_config(self):
        (self.folder / "htpasswd").write_text(HTPASSWD)
        place = self.serve(f"auth: {{htpasswd: {{realm: depot, path: {self.folder}/htpasswd}}}}\n")
        self.push_container(place, LOWER, login=("--dest-creds", "depot:word"))
        source = f"oci://{place}/depot/live:1"
        self.refuses(source, "the registry wants a login")
        config = self.folder / "config.json"

        def write(word):
            auth = base64.b64encode(f"depot:{word}".encode()).decode()
            config.write_text(json.dumps({"auths": {place: {"auth": auth}}}))
        write("wrong")
        self.refuses(source, "401", "--registry-config", config)
        write("word")
        self.imports(source, "--registry-config", config, version="1")
        self.imports(source, DOCKER_CONFIG=str(self.folder), version="2")
        self.settings("images: {registry_config: config.json}\n")
        self.imports(source, version="3")

    def test_a_mirror_is_asked_in_the_place_of_a_registry(self):
        place = self.serve()
        self.push_artifact(place, [(self.disk, RAW, None)], "1")
        self.is_the_disk(self.imports("oci://registry.invalid/disk:1", "--mirror",
                                      f"registry.invalid=http://{place}/depot"))
        self.settings(f"images: {{mirrors: {{registry.invalid: 'http://{place}'}}}}\n")
        self.is_the_disk(self.imports("oci://registry.invalid/depot/disk:1", version="2"))


class AnyRegistry(Imports):
    def setUp(self):
        super().setUp()
        self.registry = OwnRegistry()
        self.addCleanup(self.registry.close)

    def source(self, tag="1", digest=""):
        return f"oci://{self.registry.place}/depot/disk:{tag}{digest}"

    def test_tokens(self):
        self.registry.auth = "bearer"
        self.registry.add("1", [(self.disk, RAW, None)])
        self.is_the_disk(self.imports(self.source()))
        asked = [path for path, _ in self.registry.seen if path.startswith("/token?")]
        self.assertEqual(asked, ["/token?service=test&scope=repository:depot/disk:pull"])
        self.registry.token_lasts = 1  # ends after the manifest: another is asked for
        self.is_the_disk(self.imports(self.source(), version="2"))

    def test_tokens_for_those_who_log_in(self):
        self.registry.auth = "bearer"
        self.registry.logins = "Basic " + base64.b64encode(b"depot:word").decode()
        self.registry.add("1", [(self.disk, RAW, None)])
        self.refuses(self.source(), "the registry answered 401")
        config = self.folder / "config.json"
        config.write_text(json.dumps({"auths": {self.registry.place: {"username": "depot", "password": "word"}}}))
        self.is_the_disk(self.imports(self.source(), "--registry-config", config))
        config.write_text(json.dumps({"credHelpers": {self.registry.place: "pass"}}))
        done = self.run_import(self.source(), "--registry-config", config, version="2")
        self.assertIn("credential helper", done.stderr)

    def test_a_token_stays_with_the_registry(self):
        storage = OwnRegistry()
        self.addCleanup(storage.close)
        self.registry.auth = "bearer"
        self.registry.redirect = f"http://{storage.place}"
        self.registry.add("1", [(self.disk, RAW, None)])
        storage.blobs = self.registry.blobs
        self.is_the_disk(self.imports(self.source()))
        self.assertEqual([login for _, login in storage.seen], [None])

    def test_a_digest_pins_the_manifest(self):
        digest = self.registry.add("1", [(self.disk, RAW, None)])
        self.is_the_disk(self.imports(self.source(digest="@" + digest)))
        for digest in ("@sha256:" + "0" * 64,):
            done = self.run_import(self.source(digest=digest), version="2")
            self.assertEqual(done.returncode, 1)
            self.assertIn("SHA-256 of the manifest is ", done.stderr)

    def test_an_index_leads_to_amd64(self):
        digest = self.registry.add("amd", [(self.disk, RAW, None)])
        other = self.registry.add("arm", [(b"x" * 512, RAW, None)])
        kind = "application/vnd.oci.image.manifest.v1+json"
        entries = [descriptor(self.registry.manifests[each], kind, platform={"os": "linux", "architecture": name})
                   for each, name in ((other, "arm64"), (digest, "amd64"))]
        self.registry.manifests["1"] = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        self.is_the_disk(self.imports(self.source()))
        self.registry.manifests[digest] = self.registry.manifests[other]  # not what the index says
        done = self.run_import(self.source(), version="2")
        self.assertIn("SHA-256 of the manifest is ", done.stderr)

    def test_blobs_that_are_not_what_the_manifest_says(self):
        self.registry.add("1", [(self.disk, RAW, None)])
        name = sha256(self.disk)
        self.registry.blobs[name] = bytes(len(self.disk))
        self.refuses(self.source(), "SHA-256 is ")
        self.registry.blobs[name] = self.disk[:-1]
        self.refuses(self.source(), "expected 4194304")
        self.registry.blobs[name] = self.disk + b"x"
        self.refuses(self.source(), "expected 4194304")
        del self.registry.blobs[name]
        self.refuses(self.source(), "answered 404")
        self.refuses(self.source("none"), "NAME_UNKNOWN no such thing; is the repository right")

    def test_hostile_layers_are_refused(self):
        boot = [("boot/vmlinuz", KERNEL), ("boot/initrd.img", INITRD)]
        bomb = gzip.compress(tar_of(boot + [("zeros", bytes(600 * MIB))], packed=False))
        rows = [("up", [("../etc/passwd", b"x")], "leads out"), ("root", [("/etc/passwd", b"x")], "absolute"),
                ("link", [("a", symlink("/etc")), ("a/passwd", b"x")], "symbolic link"),
                ("hard", [("a", hard_link("/etc/shadow"))], "absolute"),
                ("hard-up", [("a", hard_link("../../etc/shadow"))], "leads out"),
                ("whiteout", [("a/.wh...", b"")], "whiteout of no file"),
                ("no-kernel", [("etc/x", b"x")], "there is no kernel in the image; looked for /boot/kernel"),
                ("bomb", bomb, "no ratio of a container image"),
                ("cut", tar_of(boot)[:-40], "truncated"), ("noise", self.disk[:4096], "layer 1: ")]
        for tag, layer, text in rows:
            with self.subTest(tag):
                data = layer if isinstance(layer, bytes) else tar_of(boot * (tag != "no-kernel") + layer)
                self.registry.add(tag, [(data, LAYER, None)])
                self.refuses(self.source(tag), text)
        self.assertEqual(list((self.folder / "data/store/downloads").glob("rootfs-*")), [])

    def test_kairos_is_recognised(self):
        boot = [("boot/kernel", KERNEL), ("boot/initrd", INITRD)]
        for number, mark in enumerate((("etc/kairos-release", b"x"), ("etc/os-release", b'KAIROS_VERSION="3"\n'))):
            self.registry.add("1", [(tar_of(boot + [mark]), LAYER, None)])
            self.assertEqual(self.imports(self.source(), version=f"{number}")["kind"], "kairos")

    def test_mistakes_on_the_command_line(self):
        self.refuses("oci://r.example/UPPER", "expected oci://REGISTRY")
        self.refuses(self.source(), "pin an image of a registry", "--sha256", "00" * 32)
        self.refuses(self.source(), "expected REGISTRY=", "--mirror", "x")


if __name__ == "__main__":
    PROGRAM = str(Path(sys.argv.pop(1)) / "service" / "slipway")
    unittest.main()
