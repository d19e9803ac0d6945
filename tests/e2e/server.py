"""`slipway serve` in the lab, the settings and the inventory it serves, and its command line."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from pathlib import Path

from lab import BOOT_ADDRESS, REPO, SCALE, LabError, run, tail, wait_until

BUILD = Path(os.environ.get("SLIPWAY_BUILD", REPO / "build" / "dev"))
PROGRAM = BUILD / "service" / "slipway"
AGENT = BUILD / "agent" / "slipway-agent"

SETTINGS = """\
interfaces: [eth0]
data_dir: {data}
inventory: {inventory}
installer: {installer}
unknown_hosts: {unknown_hosts}
"""

PROFILE = """\
name: {name}
version: 1.0.0
type: full
installer: {{kind: flash, image: {image}}}
format: cloud-init
requirements: {requirements}
disk: {{select: {select}, erase: {erase}}}
burn_in: {burn_in}
layers:
  - name: os
    kind: os
    user_data:
      stages:
        initramfs:
          - users:
              palette: {{groups: [sudo], passwd: palette}}
            files:
              - path: /etc/palette/site.txt
                permissions: 0644
                content: |
                  staged for {name}
finish: poweroff
"""

SITE = """\
name: {name}
stylus:
  site:
    paletteEndpoint: api.example.com
    hostName: {host_name}
    tags: {{region: north}}
network: {network}
"""

STATIC = "{type: static, ipAddress: 10.4.2.10, mask: 24, gateway: 10.4.2.1, nameserver: 10.4.2.1}"


class Slipway:
    """`assets` is the folder that assets.py made: store/ with the images, installer/."""

    def __init__(self, lab, assets, unknown_hosts="discover"):
        self.lab = lab
        self.folder = lab.folder / "slipway"
        self.inventory = self.folder / "inventory"
        self.data = self.folder / "data"
        self.settings = self.folder / "slipway.yaml"
        for kind in ("profiles", "sites", "hosts"):
            (self.inventory / kind).mkdir(parents=True)
        self.data.mkdir()
        # Links cost no time and no space; a stored file never changes.
        run("cp", "-a", "--link", assets / "store", self.data / "store")
        self.settings.write_text(SETTINGS.format(
            data=self.data, inventory=self.inventory, installer=assets / "installer",
            unknown_hosts=unknown_hosts))
        self.process = None
        self._lines = queue.Queue()

    def add_profile(self, name, image, requirements="{memory: 256MiB, cpus: 1}",
                    select="[{type: virtio}]", erase="none", burn_in="{}"):
        text = PROFILE.format(name=name, image=image, requirements=requirements, select=select,
                              erase=erase, burn_in=burn_in)
        (self.inventory / "profiles" / f"{name}.yaml").write_text(text)

    def add_site(self, name, network="{type: dhcp}", host_name="edge-h1"):
        text = SITE.format(name=name, network=network, host_name=host_name)
        (self.inventory / "sites" / f"{name}.yaml").write_text(text)

    def add_host(self, host, profile=None, site=None, more=""):
        lines = [f'macs: ["{host.mac}"]', f"serial: {host.serial}"]
        if profile:
            lines.append(f"profile: {profile}")
        if site:
            lines.append(f"site: {site}")
        (self.inventory / "hosts" / f"{host.name}.yaml").write_text("\n".join(lines) + "\n" + more)

    def start(self, seconds=20):
        """Starts the service and waits until it says that it is ready."""
        self.process = self.lab.start("boot", [PROGRAM, "serve", "-c", self.settings], "slipway",
                                      stdout=subprocess.PIPE)
        threading.Thread(target=self._read, args=(self.process.child.stdout,), daemon=True).start()
        deadline = time.monotonic() + seconds * SCALE
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                line = ""
            if line.startswith("ready"):
                return
            if not line and not self.process.running():
                break
        raise LabError(f"slipway serve is not ready\n{tail(self.process.log)}")

    def _read(self, pipe):
        for line in pipe:
            self._lines.put(line.decode("utf-8", "replace"))

    def stop(self):
        return self.process.stop()

    def kill(self):
        """As a crash: SIGKILL, no last word to the disk or to anyone."""
        self.process.kill()
        self.process.child.wait()

    def cli(self, *words, check=True):
        """Runs `slipway WORDS -c SETTINGS` beside the server."""
        return self.lab.run("boot", PROGRAM, *words, "-c", self.settings, check=check)

    def show(self, host):
        """What `host show` says, as a dictionary; empty while the host is not known."""
        try:
            answer = json.loads(self.cli("host", "show", host.mac, "--json"))
        except (LabError, json.JSONDecodeError):
            return {}
        return answer.get("host", answer)

    def arm(self, host, why="an end-to-end test"):
        self.cli("host", "arm", host.name, "--why", why)

    def wait_state(self, host, state, seconds):
        """Until `host show` tells `state`; returns all that it tells."""
        def there():
            shown = self.show(host)
            return shown if shown.get("state") == state else None
        return wait_until(there, seconds, f"{host.name} to be {state}",
                          lambda: f"now: {self.show(host)}\n{tail(host.console)}")

    def wait_written(self, host, octets, seconds):
        """Until the host has written at least `octets`, in the middle of the write."""
        def there():
            shown = self.show(host)
            if shown.get("state") in ("installed", "failed"):
                raise LabError(f"{host.name} was {shown['state']} before it could be caught writing: {shown}")
            return shown.get("step") == "write" and shown.get("done_octets", 0) >= octets
        wait_until(there, seconds, f"{host.name} to write {octets} octets",
                   lambda: f"now: {self.show(host)}\n{tail(host.console)}")

    def stored_chunks(self, image):
        """The manifest of `image` and the path of its data in this server's own store. The data is
        made a file of its own first, so that a test may damage it."""
        about = json.loads(self.cli("image", "show", image, "--json"))
        manifest = json.loads(self._blob(about["manifest_sha256"]).read_text())
        data = self._blob(about["data_sha256"])
        private = data.with_suffix(".private")
        shutil.copy2(data, private)
        private.rename(data)
        return manifest, data

    def _blob(self, digest):
        return self.data / "store" / "blobs" / "sha256" / digest[:2] / digest
