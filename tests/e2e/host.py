"""Virtual hosts: QEMU without KVM, one processor, the firmware that a test asks for."""

import json
import re
import shutil
import socket
import threading
import time
import uuid as uuids

from lab import SCALE, LabError, tail

OVMF = "/usr/share/OVMF"
FIRMWARES = {
    "bios": "SeaBIOS and the iPXE ROM of the NIC",
    "uefi": "OVMF and its own PXE",
    "uefi-http": "OVMF and its own HTTP Boot",
    "uefi-rom": "OVMF and the iPXE ROM of the NIC",
    "uefi-secure": "OVMF and its own PXE, Secure Boot with Microsoft's keys",
    "uefi-secure-http": "the same and its own HTTP Boot",
    "uefi-secure-own-key": "OVMF and its own PXE, Secure Boot with Debian's test key instead of Microsoft's",
}


class Host:
    """One machine that keeps its disks and firmware variables from power-on to power-on."""

    def __init__(self, lab, name, number=1, firmware="bios", memory_mib=1024, disks=(), serial=None,
                 clock=None):
        if firmware not in FIRMWARES:
            raise LabError(f'no firmware "{firmware}": {", ".join(FIRMWARES)}')
        self.lab, self.name, self.firmware, self.memory_mib = lab, name, firmware, memory_mib
        self.disks = list(disks)
        self.clock = clock      # "2001-02-03T04:05:06": what its battery's clock shows at power-on
        self.mac = f"52:54:00:aa:00:{number:02x}"
        self.uuid = str(uuids.uuid5(uuids.NAMESPACE_DNS, f"{name}.slipway.test"))
        self.serial = serial or f"SN-{name.upper()}"
        self.console = None     # path of the console log of this power-on
        self.powered_at = None  # time.monotonic() of the last power-on
        self.ended = None       # why QEMU ended: guest-shutdown, guest-reset, host-signal ...
        self._tap = lab.new_tap()
        self._runs = 0
        self._process = None
        self._read_from = 0
        self._variables = lab.folder / f"{name}.vars.fd"
        if firmware != "bios":
            shutil.copy(f"{OVMF}/OVMF_VARS_4M{self._enrolled()}.fd", self._variables)

    def _enrolled(self):
        if not self.is_secure():
            return ""
        return ".snakeoil" if self.firmware.endswith("own-key") else ".ms"

    def is_secure(self):
        return self.firmware.startswith("uefi-secure")

    def power_on(self):
        """From the network first, then from the disks."""
        rom = "" if self.firmware in ("bios", "uefi-rom") else ",romfile="
        words = ["-netdev", f"tap,id=n0,ifname={self._tap},script=no,downscript=no",
                 "-device", f"virtio-net-pci,netdev=n0,mac={self.mac},bootindex=1{rom}"]
        if self.firmware.endswith("-http"):
            for version in ("IPv4", "IPv6"):
                words += ["-fw_cfg", f"name=opt/org.tianocore/{version}PXESupport,string=n"]
        self._start(words)

    def power_on_disk_only(self):
        """From the disks, with a NIC that leads nowhere but answers DHCP; the test images power off
        after their report when they find the asset tag."""
        self._start(["-netdev", "user,id=n0,restrict=on",
                     "-device", f"virtio-net-pci,netdev=n0,mac={self.mac},romfile=",
                     "-smbios", "type=3,asset=slipway-poweroff"])

    def power_on_stick(self, stick):
        """From this stick; the NIC can do nothing before an operating system drives it."""
        self._start(["-netdev", f"tap,id=n0,ifname={self._tap},script=no,downscript=no",
                     "-device", f"virtio-net-pci,netdev=n0,mac={self.mac},romfile=",
                     "-device", "qemu-xhci,id=usb", "-drive", f"if=none,id=stick,file={stick},format=raw",
                     "-device", "usb-storage,bus=usb.0,drive=stick,bootindex=1"])

    def power_on_kernel(self, kernel, initrd, command_line):
        """As a boot loader would have it: this kernel, with the lab's network."""
        self._start(["-netdev", f"tap,id=n0,ifname={self._tap},script=no,downscript=no",
                     "-device", f"virtio-net-pci,netdev=n0,mac={self.mac},romfile=",
                     "-kernel", kernel, "-initrd", initrd, "-append", command_line])

    def _start(self, network):
        if self._process and self._process.running():
            raise LabError(f"{self.name} is powered on already")
        self._runs += 1
        self._read_from = 0
        self.ended = None
        label = f"{self.name}-{self._runs}"
        self.console = self.lab.folder / f"{label}.console.log"
        monitor = self.lab.folder / f"{label}.qmp"
        # Before others: a guest kernel whose emulated timer is late gives up ("IO-APIC + timer doesn't work").
        # A small cache of translated code: where guest kernels change their own code, QEMU walks lists that grow
        # with it, for minutes (a live system's installation took 300 seconds with the default of 1 GiB, 70 so).
        words = ["nice", "-n", "-10", "qemu-system-x86_64", "-accel", "tcg,tb-size=64", "-smp", "1", "-m", self.memory_mib,
                 "-display", "none", "-vga", "none", "-monitor", "none", "-no-reboot",
                 "-serial", f"file:{self.console}", "-qmp", f"unix:{monitor},server=on,wait=off",
                 "-uuid", self.uuid,
                 "-smbios", f"type=1,manufacturer=Slipway,product=Lab,serial={self.serial},uuid={self.uuid}",
                 *self._firmware_words(), *network]
        if self.clock:
            words += ["-rtc", f"base={self.clock}"]
        for number, disk in enumerate(self.disks):
            words += disk.arguments(number)
        self._process = self.lab.start("lan", words, label)
        self.powered_at = time.monotonic()
        threading.Thread(target=self._watch, args=(monitor, self._process), daemon=True).start()

    def _firmware_words(self):
        if self.firmware == "bios":
            return ["-machine", "pc,graphics=off"]  # SeaBIOS and iPXE then talk on the serial line
        # The firmware that keeps its variables to itself needs System Management Mode for that.
        machine, code = ("q35,smm=on", "OVMF_CODE_4M.secboot") if self.is_secure() else ("q35", "OVMF_CODE_4M")
        secure = ["-global", "driver=cfi.pflash01,property=secure,value=on"] if self.is_secure() else []
        return ["-machine", machine, *secure,
                "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF}/{code}.fd",
                "-drive", f"if=pflash,format=raw,unit=1,file={self._variables}"]

    def _watch(self, monitor, process):
        """Keeps the reason for QEMU's end: a power off and a reset look the same from outside."""
        link = self._monitor = socket.socket(socket.AF_UNIX)
        while process.running():
            try:
                link.connect(str(monitor))
                break
            except OSError:
                time.sleep(0.05)
        try:
            link.sendall(b'{"execute": "qmp_capabilities"}\n')
            for line in link.makefile():
                event = json.loads(line)
                if event.get("event") == "SHUTDOWN":
                    self.ended = event["data"]["reason"]
        except OSError:
            pass  # QEMU was killed: there is no reason to keep

    def plug(self, plugged):
        """Pulls the network cable of a running host, or puts it back."""
        order = {"execute": "set_link", "arguments": {"name": "n0", "up": plugged}}
        self._monitor.sendall(json.dumps(order).encode() + b"\n")

    def is_on(self):
        return self._process is not None and self._process.running()

    def text(self):
        """What the console has shown since power-on."""
        try:
            return self.console.read_bytes().decode("utf-8", "replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    def wait_for(self, pattern, seconds):
        """Until the console shows `pattern` (a regular expression) behind the last thing waited for;
        returns the match."""
        deadline = time.monotonic() + seconds * SCALE
        while True:
            was_on = self.is_on()
            match = re.compile(pattern).search(self.text(), self._read_from)
            if match:
                self._read_from = match.end()
                return match
            if not was_on or time.monotonic() > deadline:
                why = "is off" if not was_on else f"did not show it in {seconds * SCALE:.0f} s"
                raise LabError(f"{self.name} {why}: wanted \"{pattern}\" on its console\n{tail(self.console)}")
            time.sleep(0.1)

    def wait_off(self, seconds, reason="guest-shutdown"):
        """Until the host has switched itself off; a reset instead is a failure."""
        deadline = time.monotonic() + seconds * SCALE
        while self.is_on():
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} is still on after {seconds * SCALE:.0f} s\n{tail(self.console)}")
            time.sleep(0.1)
        for _ in range(20):  # the monitor's thread may be a moment behind
            if self.ended:
                break
            time.sleep(0.05)
        if self.ended != reason:
            raise LabError(f"{self.name} ended by {self.ended}, not {reason}\n{tail(self.console)}")

    def cut_power(self):
        """As pulling the plug: what the guest has not flushed stays as it is."""
        if self._process:
            self._process.kill()
            self._process.child.wait()

    def guest_facts(self):
        """The lines of the test image's report, as (key, value) in order."""
        return re.findall(r"SLIPWAY-GUEST ([\w-]+)=(.*)", self.text())

    def boot_from_disk(self, seconds=300):
        """Boots with no network help until the guest has reported and switched itself off."""
        self.power_on_disk_only()
        self.wait_for("SLIPWAY-GUEST-DONE", seconds)
        self.wait_off(60)
        return self.guest_facts()
