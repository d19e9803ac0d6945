#!/usr/bin/env python3
"""What every end-to-end test starts from, made once a build: the installer and a store with the
test images. CTest runs this as the fixture `e2e_assets`.

    BUILD/tests/e2e/assets/{installer,store,stamp}     images themselves: tests/e2e/image/build
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import REPO, LabError, run, say
from server import AGENT, BUILD, PROGRAM

FOLDER = BUILD / "tests" / "e2e" / "assets"
IMAGES = {"debian": "debian-edge@12.5", "tiny": "tiny@1", "tiny4k": "tiny4k@1"}


def image(kind):
    """The raw image `debian`, `tiny` or `tiny4k`, built at need."""
    done = subprocess.run([REPO / "tests/e2e/image/build", kind], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise LabError(f"building the {kind} image failed")
    return Path(done.stdout.strip().splitlines()[-1])


def live():
    """The folder with the live system that installs itself: kernel, initrd, rootfs.squashfs, live.iso."""
    done = subprocess.run([REPO / "tests/e2e/live/build"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise LabError("building the live system failed")
    return Path(done.stdout.strip().splitlines()[-1])


def stamp(images):
    digest = hashlib.sha256("\n".join(map(str, images.values())).encode())
    for path in (PROGRAM, AGENT, *sorted((REPO / "agent/initramfs").iterdir())):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def ready():
    """Makes what is missing and returns the folder."""
    for program in (PROGRAM, AGENT):
        if not program.exists():
            raise LabError(f"{program} is not built: cmake --preset dev && cmake --build --preset dev")
    images = {kind: image(kind) for kind in IMAGES}
    wanted = stamp(images)
    kept = FOLDER / "stamp"
    if kept.exists() and kept.read_text() == wanted:
        return FOLDER
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    say("building the installer")
    run(PROGRAM, "installer", "build", "--agent", AGENT, "-o", FOLDER / "installer")
    import_images(images)
    kept.write_text(wanted)
    return FOLDER


def import_images(images):
    with tempfile.TemporaryDirectory(prefix="slipway-import.") as scratch:
        settings = Path(scratch) / "slipway.yaml"
        inventory = Path(scratch) / "inventory"
        inventory.mkdir()
        settings.write_text(f"interfaces: [lo]\ndata_dir: {FOLDER}\ninventory: {inventory}\n")
        for kind, name in IMAGES.items():
            say(f"importing {name}")
            name, version = name.split("@")
            run(PROGRAM, "image", "import", f"{images[kind]}.zst", "--name", name,
                "--version", version, "-c", settings)


if __name__ == "__main__":
    try:
        say(f"ready: {ready()}")
    except LabError as error:
        sys.exit(f"assets: {error}")
