#!/usr/bin/env python3
"""Debian's own installer, and a mirror of all that it loads and installs, kept in $SLIPWAY_CACHE.

The installer's packages (udebs) are Debian 12's. Not every mirror of the archive serves them all: what
is missing is packed from the ordinary packages of Debian 12 (PACKED), which hold the same programs,
or else taken from Debian 13, where it is scripts or programs that run with Debian 12's C library.
The ordinary packages are Debian 12's: a base system without the comforts, a kernel, both GRUBs.

    ready() -> folder with linux, initrd.gz, mirror/{debian,debian-security}
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

from debian_archive import ARCHIVE, Apt, add_file, fields, without_file, write_suite
from lab import LabError, run, say

CACHE = Path(os.environ.get("SLIPWAY_CACHE", "/var/cache/slipway"))
SUITE = "bookworm"
NEXT_SUITE = "trixie"
INSTALLER = "debian-installer-12-netboot-amd64"
KERNEL = "linux-image-cloud-amd64"
HERE = Path(__file__).resolve().parent
RECIPE = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in
                                 ("debian_mirror.py", "debian_archive.py"))).hexdigest()[:16]
UDEBS = "main/debian-installer"

# What no virtual host needs: other front ends, fonts, speech, radio, other file systems and disks.
UNNEEDED = re.compile(r"gtk|font|speakup|espeak|brltty|wireless|wpa|iw-|sound|btrfs|jfs|xfs|f2fs|hfs|"
                      r"reiser|zfs|multipath|nbd|pcmcia|ppp|firewire|mouse|speech|rescue|lilo|iscsi|"
                      r"ntfs|live-|dbg|network-console|openssh|libx|xserver|xkb|x11|cairo|pango|vte|"
                      r"keymaps|ekmap|ekbd|cros|depthcharge|edu-|charmaps|at-spi|libat|freetype|harfbuzz|"
                      r"gail|lvm|crypt|mdadm|-md|mdcfg|raid|matchbox|qrtr|rmtfs|libdrm|pixbuf|os-prober|"
                      r"cdrom|grub-mount|fuse|alsa|dbus|kickseed|kbd-chooser|simple-cdd|load-iso|iso-scan|"
                      r"driver-injection|kexec|dmidecode|systemd-boot|hdparm|strace|eject|fdisk|entropy|"
                      r"(ata|pata|sata|udf|isofs|loop|event|scsi-nic)-modules|kpartx|dmsetup|devio|pwgen|beep")

# udeb (without the kernel's version) -> ordinary packages, and which of their files it takes.
PACKED = {
    "e2fsprogs-udeb": (["e2fsprogs", "libext2fs2", "libcom-err2", "libss2"],
                       r"sbin/(mk|e2fsck|tune2fs|fsck)|/lib(ext2fs|e2p|com_err|ss)\.so"),
    "dosfstools-udeb": (["dosfstools"], r"sbin/"),
    "libparted2-udeb": (["libparted2"], r"/libparted\.so"),
    "parted-udeb": (["parted"], r"sbin/"),
    "libdevmapper1.02.1-udeb": (["libdevmapper1.02.1"], r"/libdevmapper\.so"),
    "ext4-modules": (["linux-image"], r"/(ext4|jbd2|mbcache|crc16)\.ko"),
    "scsi-modules": (["linux-image"], r"/virtio_(blk|scsi)\.ko"),
}

# The installed system: of the packages that debootstrap takes for important, those that it needs;
# what the installer's steps add; what the example template wants.
BASE = ["?priority(required)", "apt", "cpio", "debian-archive-keyring", "debconf-i18n", "fdisk", "gpgv",
        "ifupdown", "init", "iproute2", "iputils-ping", "isc-dhcp-client", "kmod", "netbase", "procps",
        "readline-common", "sensible-utils", "systemd", "systemd-sysv", "tasksel", "tasksel-data",
        "tzdata", "udev", "usr-is-merged", "whiptail",
        KERNEL, "initramfs-tools", "busybox", "zstd", "grub-efi-amd64", "grub-efi-amd64-bin", "grub-common",
        "console-setup", "keyboard-configuration", "locales", "sudo", "dosfstools", "util-linux-locales",
        "installation-report", "laptop-detect", "popularity-contest", "openssh-server", "curl"]
BIOS = ["grub-pc", "grub-pc-bin"]  # conflicts with GRUB for UEFI: another run of apt


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
    control.write_text(without_file(paragraph))
    run("dpkg-deb", "--root-owner-group", "-b", root, work / f"{name}.udeb")
    return work / f"{name}.udeb"


def runs_with_old_library(udeb, work):
    """False for a program that needs a newer C library than Debian 12's 2.36."""
    tree = work / "next-trees" / udeb.stem
    tree.parent.mkdir(exist_ok=True)
    run("dpkg-deb", "-x", udeb, tree)
    return not any(re.search(rb"GLIBC_2\.(3[7-9]|[4-9]\d)", path.read_bytes())
                   for path in tree.rglob("*") if path.is_file() and not path.is_symlink())


def udebs(apt, kernel, present, work):
    """The installer's packages: {name: (index paragraph, file)}."""
    index = apt.packages(UDEBS)
    names = [name for name in index if is_wanted(name, kernel) and name not in present]
    apt.download(names, work / "udebs", all_of_them=False)
    found = {name: (index[name], path) for name, path in by_name(work / "udebs").items()}
    for name in set(names) - set(found):
        if name.replace(f"-{kernel}-di", "") in PACKED:
            say(f"packing {name}, which {ARCHIVE} does not serve")
            found[name] = index[name], pack(name, index[name], kernel, apt, work)
    missing = sorted(set(names) - set(found))
    if missing:
        say(f"taking Debian 13's packages for {len(missing)} that {ARCHIVE} does not serve")
        newer = Apt(work / "next-apt", NEXT_SUITE, UDEBS)
        index = newer.packages(UDEBS)
        newer.download([name for name in missing if name in index], work / "next", all_of_them=False)
        for name, path in by_name(work / "next").items():
            if runs_with_old_library(path, work):
                found[name] = index[name], path
    return found


def by_name(folder):
    return {path.name.split("_")[0]: path for path in folder.glob("*deb")}


def build(folder):
    with tempfile.TemporaryDirectory(prefix="slipway-di.", dir="/var/tmp") as scratch:
        work = Path(scratch)
        say("fetching Debian's installer and its packages")
        apt, ordinary = Apt(work / "apt", SUITE, f"main {UDEBS}"), Apt(work / "ordinary", SUITE, "main")
        ordinary.download([INSTALLER], work)
        kernel, present = unpack_installer(next(work.glob(f"{INSTALLER}_*")), work, folder)
        found = udebs(apt, kernel, present, work)
        say("fetching the packages of the base system")
        ordinary.download_closed(BASE, work / "base")
        ordinary.download_closed(BIOS, work / "base")
        make_mirror(folder / "mirror", found, present, ordinary.packages("main"), work / "base")


def make_mirror(root, found, present, ordinary, debs):
    mirror = root / "debian"
    known = set(found) | present
    for paragraph, _ in found.values():
        known |= set(re.split(r",\s*", re.sub(r" \(.*?\)", "", fields(paragraph).get("Provides", ""))))
    installer = [restricted(paragraph, known) + add_file(mirror, path, f"{name}.udeb")
                 for name, (paragraph, path) in sorted(found.items())]
    base = [without_file(ordinary[name]) + add_file(mirror, path, f"{name}.deb")
            for name, path in sorted(by_name(debs).items())]
    write_suite(mirror, SUITE, 12, {f"{UDEBS}/binary-amd64": installer,
                                    "main/binary-amd64": base})
    write_suite(mirror, f"{SUITE}-updates", 12, {"main/binary-amd64": []})
    write_suite(root / "debian-security", f"{SUITE}-security", 12, {"main/binary-amd64": []})


def restricted(paragraph, known):
    """An installer package's paragraph without what this mirror leaves out."""
    def depends(match):
        kept = [each for each in re.split(r",\s*", match[1]) if re.split(r"[ (]", each)[0] in known]
        return f"Depends: {', '.join(kept)}\n" if kept else ""
    return re.sub(r"^Depends: (.*)\n", depends, without_file(paragraph), flags=re.M)


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
