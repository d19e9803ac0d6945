"""A LAN of its own in network namespaces, with the depot's plain DHCP server on it.

    lan   bridge br0, the hosts' taps
    dhcp  10.88.0.1: dnsmasq that leases addresses and knows nothing of PXE; or no DHCP server
    boot  10.88.0.2: where `slipway serve` runs, on a machine with a second leg: its default route
          leads elsewhere, and eth0 has a second address, as on a real depot's server

Nothing touches the machine's real network. All that a Lab starts is ended by process id and all that
it makes is removed at close(), at exit, on SIGTERM; what a killed run left behind, the next removes.
"""

import atexit
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
SCALE = max(1.0, float(os.environ.get("SLIPWAY_TEST_SCALE", "1")))
DHCP_ADDRESS = "10.88.0.1"
BOOT_ADDRESS = "10.88.0.2"

# The RA without a life time is for the iPXE of Debian's ROMs, which otherwise waits 16 seconds for
# an IPv6 router. no-ping: dnsmasq would try each address for 3 seconds first.
DNSMASQ = """\
port=0
interface=eth0
bind-interfaces
user=root
pid-file=
log-facility=-
log-dhcp
no-ping
dhcp-authoritative
dhcp-leasefile={folder}/leases
{leases}
enable-ra
dhcp-range=fd88:5117::,ra-only,64
ra-param=eth0,10,0
"""


LEASES = """\
dhcp-range={first},{last},255.255.255.0,{lease}
dhcp-option=3
"""


class LabError(Exception):
    """A step of a test did not happen; the text says which and shows the end of the log."""


def say(text):
    print(text, flush=True)


def run(*command, check=True, **options):
    """Runs a command to its end and returns what it printed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def tail(path, lines=40):
    """The last lines of a console log, without the terminal's escape sequences."""
    if path is None:
        return "(was never powered on)"
    try:
        data = Path(path).read_bytes()[-20000:].decode("utf-8", "replace")
    except OSError:
        return f"({path}: no such file)"
    data = re.sub(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1bc", "", data).replace("\r", "")
    return "\n".join(data.splitlines()[-lines:])


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A child that is ended by its id and whose output goes to a file."""

    def __init__(self, command, log, stdout=None):
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                          stdout=stdout or out, stderr=out,
                                          preexec_fn=_die_with_parent)

    def running(self):
        return self.child.poll() is None

    def kill(self, number=signal.SIGKILL):
        if self.running():
            self.child.send_signal(number)

    def stop(self, grace=5):
        """SIGTERM, then SIGKILL after `grace` seconds; returns the exit status."""
        self.kill(signal.SIGTERM)
        try:
            return self.child.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.child.wait()


class Lab:
    def __init__(self, name="lab", pcap=bool(os.environ.get("SLIPWAY_E2E_PCAP")), lease="1h"):
        """`lease` is None on a LAN without a DHCP server."""
        if os.geteuid() != 0:
            raise LabError("the lab needs root for network namespaces: run it with sudo")
        self.name = name
        self.lease = lease
        self.tag = f"slw{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"slipway-{name}.", dir="/var/tmp"))
        self.processes = []
        self.taps = 0
        self.closed = False
        self.failed = False
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        _remove_stale()
        self._make_network()
        if pcap:
            self.start("lan", ["tcpdump", "-i", "br0", "-U", "-w", self.folder / "lan.pcap"], "tcpdump")
        self._start_dhcp()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.failed = kind is not None
        self.close()

    def netns(self, where):
        return f"{self.tag}-{where}"

    def command(self, where, words):
        return ["ip", "netns", "exec", self.netns(where), *words]

    def start(self, where, words, log, **options):
        """Starts a program in a namespace; its log is FOLDER/LOG.log."""
        process = Process(self.command(where, words), self.folder / f"{log}.log", **options)
        self.processes.append(process)
        return process

    def run(self, where, *words, **options):
        return run(*self.command(where, words), **options)

    def new_tap(self):
        """A tap in the bridge, for one virtual host; it lives as long as the lab."""
        self.taps += 1
        tap = f"tap{self.taps}"
        self.run("lan", "ip", "tuntap", "add", "dev", tap, "mode", "tap")
        self.run("lan", "ip", "link", "set", tap, "master", "br0", "up")
        return tap

    def _make_network(self):
        for where in ("lan", "dhcp", "boot"):
            run("ip", "netns", "add", self.netns(where))
            self.run(where, "ip", "link", "set", "lo", "up")
        # No snooping: a fresh bridge would hold router solicitations back.
        self.run("lan", "ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0",
                 "mcast_snooping", "0")
        self.run("lan", "ip", "link", "set", "br0", "up")
        for where, address in (("dhcp", DHCP_ADDRESS), ("boot", BOOT_ADDRESS)):
            self.run("lan", "ip", "link", "add", where, "type", "veth", "peer", "name", "eth0",
                     "netns", self.netns(where))
            self.run("lan", "ip", "link", "set", where, "master", "br0", "up")
            self.run(where, "ip", "address", "add", f"{address}/24", "dev", "eth0")
            self.run(where, "ip", "link", "set", "eth0", "up")
            # Or captures show a wrong checksum in every packet of ours.
            self.run(where, "ethtool", "-K", "eth0", "tx", "off")
        self.run("dhcp", "ip", "address", "add", "fd88:5117::1/64", "dev", "eth0", "nodad")
        self._make_second_leg()

    def _make_second_leg(self):
        self.run("boot", "ip", "address", "add", "10.88.0.202/24", "dev", "eth0")
        self.run("boot", "ip", "link", "add", "office0", "type", "veth", "peer",
                 "name", "office1")
        self.run("boot", "ip", "address", "add", "192.0.2.2/24", "dev", "office0")
        for leg in ("office0", "office1"):
            self.run("boot", "ip", "link", "set", leg, "up")
        self.run("boot", "ip", "route", "add", "default", "via", "192.0.2.1", "dev", "office0")

    def give_other_leases(self, first, last):
        """The DHCP server forgets what it gave, and gives addresses of another range: a host that renews
        its lease is refused and has to take another."""
        self.dhcp.stop()
        (self.folder / "leases").unlink(missing_ok=True)
        self._start_dhcp(first, last)

    def _start_dhcp(self, first="10.88.0.100", last="10.88.0.199"):
        settings = self.folder / "dnsmasq.conf"
        leases = LEASES.format(first=first, last=last, lease=self.lease) if self.lease else ""
        settings.write_text(DNSMASQ.format(folder=self.folder, leases=leases))
        self.dhcp = self.start("dhcp", ["dnsmasq", "--keep-in-foreground", f"--conf-file={settings}"],
                               "dnsmasq")
        wait_until(lambda: ("DHCP, IP range" if self.lease else "router advertisement") in self.dhcp.log.read_text(), 10, "dnsmasq to start")

    def close(self):
        if self.closed:
            return
        self.closed = True
        for process in reversed(self.processes):
            process.stop()
        for where in ("lan", "dhcp", "boot"):
            run("ip", "netns", "delete", self.netns(where), check=False)
        if self.failed:
            self._keep_logs()
        if os.environ.get("SLIPWAY_E2E_KEEP"):
            say(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _keep_logs(self):
        kept = Path(os.environ.get("SLIPWAY_E2E_LOGS", "/var/tmp/slipway-e2e-logs")) / self.name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for log in sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*.pcap")):
            shutil.copy(log, kept)
            if log.suffix == ".log":
                say(f"----- {log.name}\n{tail(log)}")
        say(f"----- whole logs: {kept}")


def _remove_stale():
    """Namespaces and folders of labs whose process is gone."""
    for line in run("ip", "netns", "list").splitlines():
        match = re.match(r"slw(\d+)-\w+", line)
        if match and not Path(f"/proc/{match[1]}").exists():
            run("ip", "netns", "delete", line.split()[0], check=False)


def wait_until(condition, seconds, what, detail=lambda: ""):
    """Polls until `condition()` is true and returns its value; else raises, saying `what`."""
    deadline = time.monotonic() + seconds * SCALE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds * SCALE:.0f} s in vain for {what}\n{detail()}")
        time.sleep(0.1)
