#!/usr/bin/env python3
"""Who may include whom (HACKING.md), and where each library has its home."""

import fnmatch
import re
import sys

from source import REPO, blank, files, line_of

# What a folder may include: folders, or single headers of a folder.
FOLDERS = {
    "base": ["base"],
    "dhcp": ["base", "dhcp"],
    "tftp": ["base", "tftp"],
    "http": ["base", "http"],
    "images": ["base", "images"],
    "images/import": ["base", "images", "images/import"],
    "provisioning": ["base", "images", "provisioning", "dhcp/client.hpp", "dhcp/policy.hpp",
                     "dhcp/lease.hpp",  # which leases are given, and that the store keeps them
                     "tftp/files.hpp", "http/message.hpp", "http/route.hpp"],
    "agent": ["base", "images", "agent", "http/client.hpp", "http/message.hpp"],
    # images/import brings libcurl, which the agent must not link: service/ alone uses it.
    "service": ["base", "dhcp", "tftp", "http", "images", "images/import", "provisioning", "service",
                "agent/initramfs/scripts.hpp"],  # what `installer build` packs
}

# Headers of a library -> the files that may include them. A new home is one line, with a reason.
ASIO = ["*/server.*", "*/transfer.*", "tftp/transfers.*",  # the ports that transfers share
        "http/connection.*", "http/client.*", "base/spawn.hpp",
        "service/*", "agent/*", "images/chunks.cpp"]  # the last: its thread pool
LIBRARIES = {
    "yaml-cpp/": ["provisioning/yaml.cpp", "provisioning/yaml_emit.cpp"],  # becomes Value at once
    "soci/": ["provisioning/store*"],
    "sqlite3.h": ["provisioning/store*"],  # what SOCI does not reach: pragmas, error codes
    "archive": ["images/extract.cpp", "images/stage.cpp", "images/iso.cpp", "images/cpio.cpp",
                "images/archive.hpp",      # the deleters that the four share
                "images/import/archive_feed.*", "images/import/archive_tree.cpp",
                "images/import/layers.cpp"],  # layers of container images
    "curl/": ["images/import/web.cpp"],    # https, proxies, authorities: of this one wrapper only
    # QEMU packs the clusters of qcow2 with raw deflate or zstd, one by one.
    "zstd.h": ["images/stage.cpp", "images/chunks.cpp", "images/qcow2.cpp"],
    "zlib.h": ["images/qcow2.cpp"],
    "openssl/": ["base/crypto.cpp", "images/signature.cpp", "http/tls.cpp",
                 "http/tls_identity.cpp"],  # makes keys and certificates
    "liburing": ["images/block_device.cpp"],
    "qrencode.h": ["provisioning/qr.cpp"],
    "blkid/": ["agent/disks.cpp"],
    "spdlog/": ["base/log.cpp"],
    "CLI/": ["service/*"],
    "boost/json": ["*.cpp", "base/json.hpp"],
    "boost/url": ["*.cpp"],
    "boost/beast": ["http/connection.cpp", "http/client.cpp"],
    "boost/asio": ASIO,
    "boost/system": ASIO,
}

# Of the C library and the kernel; everything else with a folder in its name is a library.
SYSTEM = re.compile(r"^(sys|linux|net|netinet|netpacket|arpa|asm|scsi)/|^[^/]+$")


def folder_of(path):
    """The folder of the table that `path` lies in: the innermost."""
    return max((folder for folder in FOLDERS if path.startswith(folder + "/")), key=len, default=None)


def named(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def library_of(header):
    found = [prefix for prefix in LIBRARIES if header.startswith(prefix)]
    return max(found, key=len, default=None)


def mistake(path, quoted, header):
    """Why `path` may not include `header`, or None."""
    if quoted:
        folder = folder_of(path)
        allowed = FOLDERS[folder]
        if header in allowed or folder_of(header) in allowed:
            return None
        return f"{folder}/ may not include {header}; it may: {', '.join(allowed)}"
    library = library_of(header)
    if library:
        homes = LIBRARIES[library]
        return None if named(path, homes) else f"<{header}> belongs into {', '.join(homes)}"
    if SYSTEM.match(header):
        return None
    return f"<{header}> has no home: add a line to the table, with a reason"


def check(path, text):
    """All mistakes of one file, as (line, text)."""
    clean = blank(text, strings=False)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', clean, re.M):
        why = mistake(path, match[1] == '"', match[2])
        if why:
            yield line_of(text, match.start()), why


def main():
    wrong = 0
    for file in files():
        path = str(file.relative_to(REPO))
        for line, why in check(path, file.read_text()):
            wrong += 1
            print(f"{path}:{line}: {why}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
