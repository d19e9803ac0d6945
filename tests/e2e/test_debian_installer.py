#!/usr/bin/env python3
"""Debian's own installer reads the preseed that the example template renders, and partitions the disk
as it says. Stops when the base system would be fetched: what comes then is Debian's affair.

    test_debian_installer.py
"""

import json
import shutil

import debian_mirror
from disk import MIB, Disk, check, partitions
from host import Host
from lab import BOOT_ADDRESS, DHCP_ADDRESS, REPO, Lab, run, wait_until
from scenario import main
from server import PROGRAM

PORT = 8088
# The lab's LAN has neither a router nor a name server, which the installer would ask for. An emulated
# timer on a busy machine is late now and then, which the kernel would take for a broken board.
COMMAND_LINE = (f"auto=true priority=critical url=http://{BOOT_ADDRESS}:{PORT}/preseed interface=auto "
                f"netcfg/no_default_route=true netcfg/get_nameservers={DHCP_ADDRESS} "
                "DEBIAN_FRONTEND=text no_timer_check console=ttyS0,115200 ---")
HASH = "$6$slipway$YN9nnZ0rJcKrqhbFvTUWyJHqUZw7gH9TeNQYpGxbBHUBZ8xEOgWIBUYWYzB8dSdIvCL2GGBnC7yWHYSH8XBO2."


def inventory(lab, host):
    """The example profile and its template, with a mirror in the lab and this host."""
    folder = lab.folder / "inventory"
    examples = REPO / "deploy/examples/inventory"
    for kind in ("profiles", "hosts", "secrets", "templates"):
        (folder / kind).mkdir(parents=True)
    shutil.copy(examples / "profiles/debian-preseed.yaml", folder / "profiles")
    shutil.copy(examples / "templates/debian.preseed", folder / "templates")
    secret = folder / "secrets/palette-password-hash"
    secret.write_text(HASH + "\n")
    secret.chmod(0o600)
    (folder / "hosts/di.yaml").write_text(
        f'macs: ["{host.mac}"]\nprofile: debian-preseed\nuser_data:\n  variables:\n'
        f'    mirror: "{BOOT_ADDRESS}:{PORT}"\n    unsigned_mirror: true\n')
    settings = lab.folder / "slipway.yaml"
    settings.write_text(f"interfaces: [eth0]\ndata_dir: {lab.folder}/data\ninventory: {folder}\n")
    return settings


def serve(lab, host, mirror):
    """The rendered preseed and the mirror over HTTP; returns the server's log."""
    site = lab.folder / "www"
    site.mkdir()
    (site / "debian").symlink_to(mirror)
    (site / "preseed").write_text(lab.run("boot", PROGRAM, "-c", inventory(lab, host), "render",
                                          "--mac", host.mac, "config", "--reveal"))
    server = lab.start("boot", ["python3", "-u", "-m", "http.server", str(PORT), "--bind", BOOT_ADDRESS,
                                "--directory", site], "www")
    wait_until(lambda: "Serving" in server.log.read_text(), 10, "the web server to start")
    return server.log


def check_partitions(disk, folder):
    """What the recipe of the template asks for."""
    table = json.loads(run("sfdisk", "-J", disk.path))["partitiontable"]
    check(table["label"] == "gpt", f"the disk has a GPT, not {table['label']}")
    found = []
    for number, part in enumerate(partitions(disk.path)):
        piece = folder / f"part{number}"
        run("dd", f"if={disk.path}", f"of={piece}", "bs=1M", "conv=sparse", "status=none",
            "iflag=skip_bytes,count_bytes", f"skip={part['start']}", f"count={part['size']}")
        kind = run("blkid", "-p", "-o", "value", "-s", "TYPE", piece, check=False).strip()
        found.append((kind, part["size"] // MIB))
        if kind == "ext4":
            run("e2fsck", "-fp", piece, check=False)  # power was cut: the journal is replayed
            run("e2fsck", "-fn", piece)
        piece.unlink()
    kinds = [kind for kind, _ in found]
    check(kinds.count("ext4") == 2, f"/boot and / are ext4: {found}")
    boot, root = (size for kind, size in found if kind == "ext4")
    check(450 <= boot <= 550 and root > 2000, f"/boot has 512 MB and / the rest: {found}")


def story():
    mirror = debian_mirror.ready()
    with Lab("debian-installer") as lab:
        disk = Disk(lab.folder / "disk.img", 4096)
        host = Host(lab, "di", memory_mib=1536, disks=[disk])
        log = serve(lab, host, mirror / "mirror")
        host.power_on_kernel(mirror / "linux", mirror / "initrd.gz", COMMAND_LINE)
        wait_until(lambda: "GET /preseed " in log.read_text(), 1200, "the installer to fetch its preseed",
                   lambda: host.text()[-3000:])
        wait_until(lambda: "/InRelease" in log.read_text(), 1800, "the installer to partition the disk",
                   lambda: log.read_text()[-1000:] + host.text()[-3000:])
        host.cut_power()
        check_partitions(disk, lab.folder)


main(story)
