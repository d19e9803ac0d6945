#!/usr/bin/env python3
"""Debian's own installer and a mirror of the packages that it loads, kept in $SLIPWAY_CACHE.

apt fetches and verifies everything. Not every mirror serves the installer's packages (udebs); those
in PACKED are then packed from the ordinary packages of the same release, which hold the same
programs and modules. The mirror that the installer sees has one component and an unsigned Release,
so the installer is told to take it (debian-installer/allow_unauthenticated).

    ready() -> folder with linux, initrd.gz, mirror/dists, mirror/pool
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import LabError, run, say

CACHE = Path(os.environ.get("SLIPWAY_CACHE", "/var/cache/slipway"))
ARCHIVE = os.environ.get("SLIPWAY_MIRROR", "http://deb.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITE = "trixie"
INSTALLER = "debian-installer-13-netboot-amd64"
RECIPE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]

# What no virtual host needs: other front ends, fonts, speech, radio, other file systems and disks.
UNNEEDED = re.compile(r"gtk|font|speakup|espeak|brltty|wireless|wpa|iw-|sound|btrfs|jfs|xfs|f2fs|hfs|"
                      r"reiser|zfs|multipath|nbd|pcmcia|ppp|firewire|mouse|speech|rescue|lilo|iscsi|"
                      r"ntfs|live-|dbg|network-console|openssh|libx|xserver|xkb|x11|cairo|pango|vte|"
                      r"keymaps|ekmap|cros|depthcharge|edu-|charmaps|at-spi|libat|freetype|harfbuzz|"
                      r"gail|lvm|crypt|mdadm|-md|mdcfg|raid|matchbox|qrtr|rmtfs|libdrm|pixbuf")

# udeb (without the kernel's version) -> ordinary packages, and which of their files it takes.
PACKED = {
    "e2fsprogs-udeb": (["e2fsprogs", "libext2fs2t64", "libcom-err2", "libss2"],
                       r"sbin/(mk|e2fsck|tune2fs|fsck)|/lib(ext2fs|e2p|com_err|ss)\.so"),
    "ext4-modules": (["linux-image"], r"/(ext4|jbd2|mbcache|crc16)\.ko"),
    "scsi-modules": (["linux-image"], r"/virtio_(blk|scsi)\.ko"),
}


class Apt:
    """apt with sources and lists of its own."""

    def __init__(self, folder):
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        sources = folder / "sources.list"
        sources.write_text(f"deb [signed-by={KEYRING}] {ARCHIVE} {SUITE} main main/debian-installer\n")
        settings = [f"Dir::State={folder}/state", f"Dir::Cache={folder}/cache",
                    f"Dir::Etc::sourcelist={sources}", "Dir::Etc::sourceparts=-",
                    "Dir::State::status=/dev/null", "APT::Architecture=amd64",
                    "APT::Architectures=amd64", "APT::Sandbox::User=root", "Acquire::Languages=none",
                    "Acquire::GzipIndexes=false"]
        self.options = [word for setting in settings for word in ("-o", setting)]
        self.folder = folder
        run("apt-get", *self.options, "-q", "update")

    def packages(self):
        """The paragraphs of the udebs' index, by name."""
        index, = (self.folder / "state/lists").glob("*_main_debian-installer_binary-amd64_Packages")
        return {fields(text)["Package"]: text for text in index.read_text().split("\n\n") if text.strip()}

    def download(self, names, folder, all_of_them=True):
        folder.mkdir(exist_ok=True)
        run("apt-get", *self.options, "-q", "download", *names, cwd=folder, check=all_of_them)


def fields(paragraph):
    return dict(re.findall(r"^(\S+): (.*)$", paragraph, re.M))


def is_wanted(name, kernel):
    other_kernel = re.search(r"-modules-|^kernel-image-", name) and f"-{kernel}-di" not in name
    return not other_kernel and not UNNEEDED.search(name)


def unpack_installer(package, work, folder):
    """Takes kernel and initrd out of the package; returns the kernel's version and the names of the
    packages that are in the initrd."""
    run("dpkg-deb", "-x", package, work / "netboot")
    images, = work.glob("netboot/usr/lib/debian-installer/images/*/amd64/text/debian-installer/amd64")
    for name in ("linux", "initrd.gz"):
        shutil.copy(images / name, folder / name)
    tree = work / "initrd"
    tree.mkdir()
    subprocess.run(f"zcat {images}/initrd.gz | cpio -i -d --quiet --no-absolute-filenames '*lib/modules/*' "
                   "var/lib/dpkg/status", shell=True, check=True, cwd=tree)
    kernel = next(path.name for path in tree.glob("**/modules/*") if path.name.endswith("amd64"))
    status = (tree / "var/lib/dpkg/status").read_text()
    return kernel, set(re.findall(r"^Package: (.*)$", status, re.M))


def pack(name, paragraph, kernel, apt, work):
    """A udeb made of files of ordinary packages, with the control fields of the archive's own."""
    packages, pattern = PACKED[name.replace(f"-{kernel}-di", "")]
    debs = work / "debs"
    names = [f"linux-image-{kernel}" if each == "linux-image" else each for each in packages]
    missing = [each for each in names if not list(debs.glob(f"{each}_*"))]
    if missing:
        apt.download(missing, debs)
    root = work / f"pack-{name}"
    for each in names:
        deb, = debs.glob(f"{each}_*")
        whole = work / f"whole-{each}"
        if not whole.exists():
            run("dpkg-deb", "-x", deb, whole)
        for path in whole.rglob("*"):
            if re.search(pattern, str(path)) and not path.is_dir():
                target = root / path.relative_to(whole)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target, follow_symlinks=False)
    control = root / "DEBIAN/control"
    control.parent.mkdir()
    control.write_text(re.sub(r"^(Filename|Size|MD5sum|SHA256|Description-md5): .*\n", "", paragraph + "\n",
                              flags=re.M).strip() + "\n")
    run("dpkg-deb", "--root-owner-group", "-b", root, work / f"{name}.udeb")
    return work / f"{name}.udeb"


def build(folder):
    with tempfile.TemporaryDirectory(prefix="slipway-di.", dir="/var/tmp") as scratch:
        work = Path(scratch)
        say("fetching Debian's installer and its packages")
        apt = Apt(work / "apt")
        apt.download([INSTALLER], work)
        kernel, present = unpack_installer(next(work.glob(f"{INSTALLER}_*")), work, folder)
        index = apt.packages()
        names = [name for name in index if is_wanted(name, kernel) and
                 not (name in present and "-modules-" in name)]
        apt.download(names, work / "udebs", all_of_them=False)
        found = {path.name.split("_")[0]: path for path in (work / "udebs").glob("*.udeb")}
        for name in names:
            if name not in found and name.replace(f"-{kernel}-di", "") in PACKED:
                say(f"packing {name}, which {ARCHIVE} does not serve")
                found[name] = pack(name, index[name], kernel, apt, work)
        make_mirror(folder / "mirror", index, found, present)


def make_mirror(mirror, index, found, present):
    known = set(found) | present
    for name in known & set(index):
        known |= set(re.split(r",\s*", re.sub(r" \(.*?\)", "", fields(index[name]).get("Provides", ""))))
    paragraphs = []
    for name, path in sorted(found.items()):
        data = path.read_bytes()
        target = mirror / "pool" / f"{name}.udeb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        paragraphs.append(paragraph_of(index[name], known, target.relative_to(mirror), data))
    suite = mirror / "dists" / SUITE
    listing = suite / "main/debian-installer/binary-amd64/Packages"
    listing.parent.mkdir(parents=True)
    listing.write_text("\n".join(paragraphs))
    text = listing.read_bytes()
    (suite / "Release").write_text(
        f"Origin: Debian\nLabel: Debian\nSuite: stable\nCodename: {SUITE}\nVersion: 13\n"
        "Architectures: amd64\nComponents: main\nSHA256:\n"
        f" {hashlib.sha256(text).hexdigest()} {len(text)} main/debian-installer/binary-amd64/Packages\n")
    # By these the installer finds out which architectures and suites the mirror has.
    archive = suite / "main/binary-amd64"
    archive.mkdir()
    (archive / "Release").write_text("Archive: stable\nOrigin: Debian\nComponent: main\nArchitecture: amd64\n")
    (mirror / "dists/stable").symlink_to(SUITE)


def paragraph_of(paragraph, known, path, data):
    """The index' own paragraph, of this file, and without what this mirror leaves out."""
    def depends(match):
        kept = [each for each in re.split(r",\s*", match[1]) if re.split(r"[ (]", each)[0] in known]
        return f"Depends: {', '.join(kept)}\n" if kept else ""
    text = re.sub(r"^(Filename|Size|MD5sum|SHA256): .*\n", "", paragraph.strip() + "\n", flags=re.M)
    text = re.sub(r"^Depends: (.*)\n", depends, text, flags=re.M)
    return text + f"Filename: {path}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"


def ready():
    """Makes what is missing and returns the folder."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f"debian-installer-{RECIPE}"
    with open(CACHE / "debian-installer.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        build(part)
        part.rename(folder)
    return folder


if __name__ == "__main__":
    try:
        say(f"ready: {ready()}")
    except LabError as error:
        sys.exit(f"debian_mirror: {error}")
