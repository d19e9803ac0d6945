#!/usr/bin/env python3
"""`slipway image import` from http and https, out of a server that breaks off, stalls, lies and redirects.

    test_import_network.py BUILD
"""

import gzip
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from web_source import Page, Source, make_authority

PROGRAM = None
MIB = 1 << 20


class Network(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-import."))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "slipway.yaml").write_text("interfaces: [lo]\ndata_dir: data\ninventory: inventory\n")
        make_authority(self.folder)
        self.image = random.Random(5).randbytes(4 * MIB) + bytes(4 * MIB)
        self.source = Source(self.folder)
        self.addCleanup(self.source.close)

    def page(self, path="/edge.img", **rest):
        self.source.pages[path] = Page(**{"content": self.image, **rest})
        return self.source.pages[path]

    def environment(self, **rest):
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {**kept, **rest}

    def words(self, source, *more, version="1"):
        return [PROGRAM, "-c", str(self.folder / "slipway.yaml"), "image", "import", source, "--name", "edge",
                "--version", version, "--ca", str(self.folder / "ca.pem"), *map(str, more)]

    def run_import(self, source, *more, env=None, **rest):
        return subprocess.run(self.words(source, *more, **rest), capture_output=True, text=True, timeout=200,
                              env=env or self.environment())

    def imports(self, source, *more, **rest):
        done = self.run_import(source, *more, **rest)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"raw_sha256: {hashlib.sha256(self.image).hexdigest()}", done.stdout)
        self.assertEqual(self.left_over(), [])
        return done

    def refuses(self, source, text, *more, **rest):
        done = self.run_import(source, *more, **rest)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(text, done.stderr)
        said = [line for line in done.stderr.splitlines() if line.startswith("slipway: ")]
        self.assertEqual(len(said), 1, done.stderr)
        self.assertEqual(self.listed(), [])

    def listed(self):
        text = subprocess.run([PROGRAM, "--json", "-c", str(self.folder / "slipway.yaml"), "image", "list"],
                              check=True, capture_output=True, text=True).stdout
        return json.loads(text)["images"]

    def left_over(self):
        return list((self.folder / "data/store/downloads").glob("*"))

    def wait_for_part(self, octets):
        """Until what the server sent has arrived."""
        for _ in range(600):
            if sum(part.stat().st_size for part in self.left_over() for part in part.glob("*.img")) >= octets:
                return
            time.sleep(0.1)
        self.fail("the part does not grow")

    def test_content_decides_and_the_name_is_kept(self):
        self.page("/edge.img", content=gzip.compress(self.image))
        done = self.imports(self.source.url("/edge.img?key=1"))
        self.assertIn('"name":"edge.img"', done.stdout.replace(" ", ""))
        self.assertEqual(len(self.listed()), 1)

    def test_a_broken_connection_goes_on_where_it_stopped(self):
        for fraction in (0, 50, 99):
            with self.subTest(fraction):
                cut = len(self.image) * fraction // 100
                page = self.page(cuts=[cut, cut + 1000])
                self.imports(self.source.url("/edge.img"), version=f"{fraction}")
                self.assertEqual(page.sent, len(self.image))
                self.assertEqual(len(page.asked), 3)

    def test_a_killed_import_goes_on_and_was_never_visible(self):
        for fraction in (0, 50, 99):
            with self.subTest(fraction):
                stop = len(self.image) * fraction // 100
                page = self.page(hold_at=stop)
                running = subprocess.Popen(self.words(self.source.url("/edge.img"), version=f"k{fraction}"),
                                           stderr=subprocess.DEVNULL, env=self.environment())
                self.assertTrue(page.held.wait(60))
                self.wait_for_part(stop)
                running.kill()
                running.wait()
                self.assertNotIn(f"k{fraction}", [each["version"] for each in self.listed()])
                page.hold_at = None
                self.imports(self.source.url("/edge.img"), version=f"k{fraction}")
                self.assertLessEqual(page.sent, len(self.image) + MIB)

    def test_a_source_that_changes_is_fetched_anew(self):
        old = bytes(len(self.image))
        new = Page(content=self.image, etag='"two"')
        page = self.page(content=old, cuts=[5 * MIB], then=new)
        self.imports(self.source.url("/edge.img"))
        self.assertEqual(page.asked, [None, f"bytes={5 * MIB}-"])
        self.assertEqual(new.sent, len(self.image))

    def test_a_source_that_ignores_the_condition_is_found_out(self):
        new = Page(content=self.image, etag='"two"')
        self.page(content=bytes(len(self.image)), cuts=[5 * MIB], then=new)
        new.etag = '"one"'  # the condition holds, so a part is sent; only its length gives it away
        new.content = self.image + bytes(512)
        done = self.run_import(self.source.url("/edge.img"), "--sha256",
                               hashlib.sha256(new.content).hexdigest())
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_source_without_ranges_or_versions_is_fetched_anew(self):
        for number, rest in enumerate(({"ranges": False}, {"etag": ""})):
            with self.subTest(rest):
                page = self.page(cuts=[3 * MIB], **rest)
                self.imports(self.source.url("/edge.img"), version=f"{number}")
                self.assertEqual(page.sent, len(self.image) + 3 * MIB)

    def test_a_digest_lets_a_part_without_a_version_go_on(self):
        page = self.page(cuts=[3 * MIB], etag="")
        self.imports(self.source.url("/edge.img"), "--sha256", hashlib.sha256(self.image).hexdigest())
        self.assertEqual(page.sent, len(self.image))

    def test_errors_that_pass_are_tried_again(self):
        page = self.page(errors=[503, 429])
        self.imports(self.source.url("/edge.img"))
        self.assertEqual(len(page.asked), 3)

    def test_a_stalled_source_is_asked_again(self):
        whole = Page(content=self.image)
        self.page(hold_at=2 * MIB, then=whole)
        self.imports(self.source.url("/edge.img"), "--patience", 2)
        self.assertEqual(whole.sent, len(self.image) - 2 * MIB)

    def test_it_gives_up_and_says_what_is_kept(self):
        self.page(cuts=[MIB] + [0] * 20)
        self.refuses(self.source.url("/edge.img"), "given up after 5 tries; what came is kept")
        self.page(length=len(self.image) + 10)
        self.refuses(self.source.url("/edge.img?lies"), "the source changes while it is fetched")

    def test_what_another_try_would_not_mend_is_refused_at_once(self):
        self.page(no_length=True)
        self.page("/gone", errors=[404])
        self.page("/forbidden", errors=[403])
        self.page("/huge", length=1 << 41)
        self.page("/absurd", length=1 << 43)
        url = self.source.url
        for path, text in (("/edge.img", "does not say where the file ends"), ("/gone", "answered 404"),
                           ("/forbidden", "answered 403"), ("/huge", "no room: "), ("/absurd", "more than the 4.0 TiB")):
            with self.subTest(path):
                self.refuses(url(path), text)
                self.assertEqual(len(self.source.pages[path].asked), 1)
        self.refuses(url("/edge.img").replace("https://", "https://user:word@"), "user name and password")

    def test_a_digest_must_match_and_nothing_stays(self):
        self.page()
        self.refuses(self.source.url("/edge.img"), "SHA-256 is ", "--sha256", "00" * 32)
        self.assertEqual(self.left_over(), [])

    def test_a_digest_beside_the_file_is_not_fetched(self):
        self.page()
        beside = self.page("/edge.img.sha256", content=b"00" * 32)
        self.imports(self.source.url("/edge.img"), "--sha256", hashlib.sha256(self.image).hexdigest())
        self.assertEqual(beside.asked, [])

    def test_an_unknown_authority_is_refused_with_the_remedy(self):
        self.page()
        words = self.words(self.source.url("/edge.img"))
        at = words.index("--ca")
        done = subprocess.run(words[:at] + words[at + 2:], capture_output=True, text=True, env=self.environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn("--ca FILE", done.stderr)
        self.assertEqual(self.listed(), [])

    def test_redirects(self):
        other = Source()
        self.addCleanup(other.close)
        other.pages["/edge.img"] = Page(content=self.image)
        self.page()
        self.page("/moved", redirect="/edge.img")
        self.page("/loop", redirect="/loop")
        self.page("/down", redirect=other.url("/edge.img"))
        self.page("/file", redirect="file:///etc/passwd")
        self.imports(self.source.url("/moved"), version="moved")  # this machine was named first: allowed
        for path, text in (("/loop", "more than 5 redirects"), ("/down", "from https to http"),
                           ("/file", "only http:// and https://")):
            with self.subTest(path):
                done = self.run_import(self.source.url(path))
                self.assertEqual(done.returncode, 1)
                self.assertIn(text, done.stderr)
        self.assertEqual(len(self.source.pages["/loop"].asked), 6)
        self.assertEqual(other.pages["/edge.img"].asked, [])

    def test_no_redirect_leads_to_this_machine(self):
        """The proxy stands for a foreign server, which it also plays."""
        inside = Source()
        self.addCleanup(inside.close)
        inside.pages["/edge.img"] = Page(content=self.image)
        foreign = Source(pages={"/far": Page(redirect=inside.url("/edge.img")),
                                "/name": Page(redirect=f"http://localhost:{inside.port}/edge.img"),
                                "/edge.img": Page(content=self.image)})
        self.addCleanup(foreign.close)
        proxy = f"http://127.0.0.1:{foreign.port}"
        for number, no_proxy in enumerate(("127.0.0.1,localhost", "")):
            env = self.environment(http_proxy=proxy, no_proxy=no_proxy)
            for path in ("/far", "/name"):
                with self.subTest((path, no_proxy)):
                    self.refuses("http://depot.example" + path, "a redirect leads to ", env=env)
        self.assertEqual(inside.pages["/edge.img"].asked, [])
        self.imports("http://depot.example/edge.img", env=self.environment(http_proxy=proxy))

    def test_proxies(self):
        proxy = Source()
        self.addCleanup(proxy.close)
        self.page()
        address = f"http://127.0.0.1:{proxy.port}"
        target = f"127.0.0.1:{self.source.port}"
        rows = (((), {"https_proxy": address}, 1), ((), {"HTTPS_PROXY": address, "NO_PROXY": "127.0.0.0/8"}, 0),
                (("--proxy", address), {"no_proxy": "*"}, 1), ((), {"http_proxy": address}, 0))
        for number, (words, env, tunnels) in enumerate(rows):
            with self.subTest(words + tuple(env)):
                proxy.tunnels.clear()
                self.imports(self.source.url("/edge.img"), *words, version=f"{number}",
                             env=self.environment(**env))
                self.assertEqual(proxy.tunnels, [target] * tunnels)

    def test_one_process_fetches_a_url(self):
        page = self.page(hold_at=MIB)
        first = subprocess.Popen(self.words(self.source.url("/edge.img")), stderr=subprocess.DEVNULL,
                                 env=self.environment())
        try:
            self.assertTrue(page.held.wait(60))
            self.refuses(self.source.url("/edge.img"), "another process is fetching it")
        finally:
            first.kill()
            first.wait()


if __name__ == "__main__":
    PROGRAM = str(Path(sys.argv.pop(1)) / "service" / "slipway")
    unittest.main()
