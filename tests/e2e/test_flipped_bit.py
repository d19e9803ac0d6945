#!/usr/bin/env python3
"""One bit of one stored chunk is wrong: the write stops, the chunk is named, nothing can boot."""

from disk import check
from scenario import Scenario, main


def flip_bit(path, offset):
    with open(path, "r+b") as data:
        data.seek(offset)
        octet = data.read(1)[0]
        data.seek(offset)
        data.write(bytes([octet ^ 0x10]))


def story():
    with Scenario("flipped-bit") as s:
        host = s.host()
        s.prepare(host)
        manifest, data = s.slipway.stored_chunks(s.image_name)
        number = len(manifest["chunks"]) * 2 // 3
        chunk = manifest["chunks"][number]
        flip_bit(data, chunk["stored_offset"] + chunk["stored_length"] // 2)
        s.slipway.arm(host)
        host.power_on()
        shown = s.slipway.wait_state(host, "failed", 240)
        check(shown["reason"] == "chunk-digest-mismatch", f"the reason is chunk-digest-mismatch: {shown}")
        check(f"chunk {number}" in shown["detail"], f"chunk {number} is named: {shown['detail']}")
        disk = host.disks[0]
        check(disk.has_no_table(), "LBA 0 and LBA 1 are empty")
        wrong = disk.read(chunk["raw_offset"], chunk["raw_length"])
        check(not any(wrong), f"nothing of chunk {number} reached the disk")
        host.cut_power()


main(story)
