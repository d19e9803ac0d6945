"""What the test programs share: a lab with a server, one host or several, and the usual claims."""

import sys
import time
import traceback

import assets
from disk import Disk, check, check_image_on_disk, read_cidata
from host import Host
from lab import Lab, LabError, say
from server import Slipway


class Scenario:
    """A lab with a prepared server. `image` is tiny or debian: what the profile `edge` writes."""

    def __init__(self, name, image="tiny", unknown_hosts="discover", lease="1h"):
        self.image = assets.image(image)
        folder = assets.ready()
        self.lab = Lab(name, lease=lease)
        self.slipway = Slipway(self.lab, folder, unknown_hosts)
        self.image_name = assets.IMAGES[image]
        self.hosts = 0

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.lab.__exit__(*what)

    def host(self, firmware="bios", memory_mib=1024, disks=None, **disk_options):
        """A host with, unless `disks` says otherwise, one empty disk of 2 GiB."""
        self.hosts += 1
        name = f"h{self.hosts}"
        if disks is None:
            disks = [self.disk(f"{name}-disk", **disk_options)]
        return Host(self.lab, name, self.hosts, firmware, memory_mib, disks)

    def disk(self, name, mib=2048, **options):
        return Disk(self.lab.folder / f"{name}.img", mib, **options)

    def prepare(self, host, network="{type: dhcp}", about_host="", **profile):
        """An inventory in which `host` is assigned, and a server that serves it."""
        self.slipway.add_profile("edge", self.image_name, **profile)
        self.slipway.add_site("store-0042", network)
        self.slipway.add_host(host, "edge", "store-0042", about_host)
        self.slipway.start()

    def install(self, host, seconds=420):
        """From power-on to power-off; the server must have acknowledged the success by then."""
        host.power_on()
        host.wait_off(seconds)
        shown = self.slipway.show(host)
        check(shown.get("state") == "installed", f"{host.name} is installed, not {shown}")

    def check_disk(self, host):
        """The disk holds the image and the seed of this host; returns the seed's files."""
        disk = host.disks[0]
        cidata = check_image_on_disk(disk, self.image)
        seed = read_cidata(disk, cidata, self.lab.folder)
        check({"user-data", "meta-data", "network-config"} <= set(seed),
              f"the seed has its three files, not only {sorted(seed)}")
        check(seed["user-data"].startswith("#cloud-config"), "user-data is a #cloud-config")
        check("palette" in seed["user-data"], "user-data holds the profile's user")
        check("instance-id:" in seed["meta-data"], "meta-data holds an instance-id")
        return seed

    def check_tiny_guest(self, host, seed):
        """The tiny system boots from the disk alone and finds the seed there."""
        facts = dict(host.boot_from_disk(120))
        check("tiny" in facts, "the tiny system booted")
        check(facts.get("instance", "") in seed["meta-data"] and facts.get("instance"),
              f"the guest finds this arming's instance-id, not {facts.get('instance')}")

    def check_debian_guest(self, host, address):
        """Debian boots from the disk alone and stock cloud-init applied what the inventory says."""
        facts = host.boot_from_disk(400)
        check(("hostname", "edge-h1") in facts, f"cloud-init set the host name edge-h1: {facts}")
        user = next((value for key, value in facts if key == "user" and value.startswith("palette ")), "")
        check("sudo" in user and user.endswith("password=P"),
              f"the user palette is in sudo and has a password: {facts}")
        check(("file", "/etc/palette/site.txt content=staged for edge|") in facts,
              f"the profile's file is there: {facts}")
        nic = next((value for key, value in facts if key == "address"), "")
        check(nic.startswith(address) and nic.endswith(f"mac={host.mac}"),
              f"the NIC {host.mac} has {address}: {facts}")
        done = next((value for key, value in facts if key == "cloud-init"), "")
        check("DataSourceNoCloud" in done and '"errors":[]' in done,
              f"cloud-init took the NoCloud seed without an error: {done}")
        return facts


def main(story):
    """Runs one test program: exit 0 and its seconds, or 1 and the claim that is not true."""
    started = time.monotonic()
    try:
        story()
    except LabError as error:
        say(f"FAILED: {error}")
        sys.exit(1)
    except Exception:
        say(f"FAILED: {traceback.format_exc()}")
        sys.exit(1)
    say(f"passed in {time.monotonic() - started:.0f} s")
