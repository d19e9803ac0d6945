#!/usr/bin/env python3
"""An image for Kairos on a larger disk: its last partition and file system go up to the disk's end,
its GUIDs are new, the host's document is in COS_OEM, and a content that only fits after the growth is in
COS_PERSISTENT, where Kairos binds it to /opt. Stock tools look at the disk afterwards."""

import random
import re

import assets
from disk import check, partitions, sha256_of
from lab import run
from scenario import Scenario, main
from server import PROGRAM

MIB = 1 << 20
PROFILE = """\
name: edge
version: 1.0.0
type: full
installer: {kind: flash, image: grown@1}
format: kairos
disk: {select: [{type: virtio}], new_guids: true, grow: true}
layers:
  - name: os
    kind: os
    user_data:
      stages:
        initramfs:
          - files:
              - path: /etc/palette/site.txt
                permissions: 0644
                content: staged for Kairos
content: [{image: bundle@1, path: /opt/spectrocloud/content}]
finish: poweroff
"""


def ext4(folder, label, mib, content):
    """A file system with one file `kept`."""
    tree, path = folder / label, folder / f"{label}.ext4"
    tree.mkdir()
    (tree / "kept").write_text(content)
    run("mke2fs", "-q", "-t", "ext4", "-L", label, "-d", tree, path, f"{mib}M")
    return path.read_bytes()


def make_image(folder):
    """The tiny image with two more partitions: COS_OEM and, last, COS_PERSISTENT."""
    path = folder / "grown.img"
    run("cp", "--sparse=always", assets.image("tiny"), path)
    with open(path, "r+b") as out:
        out.truncate(path.stat().st_size + 100 * MIB)
    run("sgdisk", "-e", "-n", "0:0:+16M", "-c", "3:oem", "-n", "0:0:+64M", "-c", "4:persistent", path)
    oem, last = partitions(path)[-2:]
    with open(path, "r+b") as out:
        for partition, octets in ((oem, ext4(folder, "COS_OEM", 16, "by the image\n")),
                                  (last, ext4(folder, "COS_PERSISTENT", 64, "data\n"))):
            out.seek(partition["start"])
            out.write(octets)
    return path


def at(disk, partition):
    """How e2fsprogs are told to look into a part of a file."""
    return f"{disk.path}?offset={partition['start']}"


def text_in(disk, partition, name):
    return run("debugfs", "-R", f"cat {name}", at(disk, partition))


def check_table(disk, image):
    problems = run("sgdisk", "--verify", disk.path, check=False)
    check("No problems found" in problems, f"sgdisk finds no problem in the table:\n{problems}")
    wanted, found = partitions(image), partitions(disk.path)
    check([each["name"] for each in found] == ["bios", "esp", "oem", "persistent"],
          f"the partitions are the image's, without cidata: {found}")
    for old, new in zip(wanted, found):
        check(old["uuid"] != new["uuid"], f"{new['name']} has a GUID of its own")
        check(old["start"] == new["start"] and old["type"] == new["type"], f"{new['name']} is where it was")
    end = found[-1]["start"] + found[-1]["size"]
    check(disk.octets - 3 * MIB < end < disk.octets, f"the last partition ends at the disk's end, not at {end}")
    return found


def check_file_systems(disk, found):
    oem, last = found[-2:]
    for partition in (oem, last):
        run("e2fsck", "-f", "-n", at(disk, partition))  # exit status 0: clean
    facts = dict(re.findall(r"^(Block count|Block size): *(\d+)$", run("dumpe2fs", "-h", at(disk, last)), re.M))
    octets = int(facts["Block count"]) * int(facts["Block size"])
    room = last["size"]
    check(room - octets < 8 * MIB, f"the file system fills its partition: {octets} of {room} octets")
    check(text_in(disk, last, "/kept") == "data\n", "what was in the file system is still there")
    check(text_in(disk, oem, "/kept") == "by the image\n", "and in COS_OEM")
    document = text_in(disk, oem, "/99_slipway.yaml")
    check(document.startswith("#cloud-config"), f"the document is a #cloud-config: {document[:80]}")
    check("staged for Kairos" in document and "api.example.com" in document, "it is this host's document")
    about = run("debugfs", "-R", "stat /99_slipway.yaml", at(disk, oem))
    check(re.search(r"Mode: +0600", about) is not None, f"only root may read it:\n{about}")


def import_bundle(s):
    """Two parts of 45 MiB; the file system of the image has 64."""
    parts = [s.lab.folder / f"bundle-{number}.zst" for number in (1, 2)]
    for number, part in enumerate(parts):
        part.write_bytes(random.Random(number).randbytes(45 * MIB))
    run(PROGRAM, "image", "import", *parts, "--kind", "content", "--name", "bundle", "--version", "1",
        "-c", s.slipway.settings)
    return parts


def check_content(disk, persistent, parts):
    for part in parts:
        found = part.with_suffix(".found")
        name = f"/.state/opt.bind/spectrocloud/content/{part.name}"
        run("debugfs", "-R", f"dump {name} {found}", at(disk, persistent))
        check(found.exists() and sha256_of(found) == sha256_of(part), f"{name} is on the disk, octet for octet")


def story():
    with Scenario("grown") as s:
        image = make_image(s.lab.folder)
        run(PROGRAM, "image", "import", image, "--name", "grown", "--version", "1", "-c", s.slipway.settings)
        parts = import_bundle(s)
        host = s.host(disks=[s.disk("h1-disk", mib=700)])
        host.disks[0].fill("of an older installation")
        (s.slipway.inventory / "profiles" / "edge.yaml").write_text(PROFILE)
        s.slipway.add_site("store-0042")
        s.slipway.add_host(host, "edge", "store-0042")
        s.slipway.start()
        s.slipway.arm(host)
        s.install(host)
        found = check_table(host.disks[0], image)
        check_file_systems(host.disks[0], found)
        check_content(host.disks[0], found[-1], parts)


main(story)
