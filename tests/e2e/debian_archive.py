"""Reading Debian's archive by apt, and writing a small one of what was read.

apt fetches and verifies everything. The archive that is written has one component and unsigned
Release files; whoever installs from it has to be told so (`unsigned_mirror` of the example template).
"""

import email.utils
import hashlib
import os
import re
import shutil

from lab import run

ARCHIVE = os.environ.get("SLIPWAY_MIRROR", "http://deb.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Apt:
    """apt with sources, lists and an empty system of its own. `components` as in sources.list."""

    def __init__(self, folder, suite, components):
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        sources = folder / "sources.list"
        sources.write_text(f"deb [signed-by={KEYRING}] {ARCHIVE} {suite} {components}\n")
        settings = [f"Dir::State={folder}/state", f"Dir::Cache={folder}/cache",
                    f"Dir::Etc::sourcelist={sources}", "Dir::Etc::sourceparts=-",
                    "Dir::State::status=/dev/null", "APT::Architecture=amd64",
                    "APT::Architectures=amd64", "APT::Sandbox::User=root", "Acquire::Languages=none",
                    "Acquire::GzipIndexes=false", "Acquire::Retries=3"]
        self.options = [word for setting in settings for word in ("-o", setting)]
        self.folder = folder
        run("apt-get", *self.options, "-q", "update")

    def packages(self, component):
        """The paragraphs of a component's index, by package; of several versions the first."""
        index, = (self.folder / "state/lists").glob(f"*_{component.replace('/', '_')}_binary-amd64_Packages")
        found = {}
        for text in index.read_text().split("\n\n"):
            if text.strip():
                found.setdefault(fields(text)["Package"], text)
        return found

    def download(self, names, folder, all_of_them=True):
        folder.mkdir(exist_ok=True)
        run("apt-get", *self.options, "-q", "download", *names, cwd=folder, check=all_of_them)

    def download_closed(self, wanted, folder):
        """Packages with all that they depend on, as apt chooses for an empty system."""
        run("apt-get", *self.options, "-q", "-y", "--no-install-recommends", "--download-only",
            "install", *wanted)
        folder.mkdir(exist_ok=True)
        for path in (self.folder / "cache/archives").glob("*.deb"):
            shutil.copy(path, folder)


def fields(paragraph):
    return dict(re.findall(r"^(\S+): (.*)$", paragraph, re.M))


def add_file(mirror, path, name):
    """Puts a package into the pool; returns what an index says of the file."""
    target = mirror / "pool" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
    data = target.read_bytes()
    return (f"Filename: {target.relative_to(mirror)}\nSize: {len(data)}\n"
            f"SHA256: {hashlib.sha256(data).hexdigest()}\n")


def without_file(paragraph):
    """An index paragraph without what it says of the file."""
    return re.sub(r"^(Filename|Size|MD5sum|SHA256|Description-md5): .*\n", "", paragraph.strip() + "\n", flags=re.M)


def write_suite(mirror, suite, version, indexes):
    """dists/SUITE with an index for each component and architecture: {path below it: its paragraphs}."""
    folder = mirror / "dists" / suite
    lines = []
    for path, paragraphs in sorted(indexes.items()):
        text = "".join(f"{each}\n" for each in paragraphs)  # debootstrap overlooks one without an empty line behind
        target = folder / path / "Packages"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        # By this file the installer finds out which architectures and suites a mirror has.
        (target.parent / "Release").write_text(
            "Archive: stable\nOrigin: Debian\nComponent: main\nArchitecture: amd64\n")
        data = text.encode()
        lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}/Packages\n")
    (folder / "Release").write_text(
        f"Origin: Debian\nLabel: Debian\nSuite: {suite}\nCodename: {suite}\nVersion: {version}\n"
        f"Date: {email.utils.formatdate(usegmt=True)}\n"
        f"Architectures: amd64\nComponents: main\nSHA256:\n{''.join(lines)}")
