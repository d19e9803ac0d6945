"""Wall clock, processor time and peak memory of a command or of a pipeline of commands."""

import resource
import subprocess
import threading
import time
from pathlib import Path


class Figures:
    def __init__(self, wall, cpu, peak):
        self.wall, self.cpu, self.peak = wall, cpu, peak  # seconds, seconds, octets


def descendants(pid):
    """The process and all below it."""
    found = [pid]
    for at in found:
        try:
            for task in Path(f"/proc/{at}/task").iterdir():
                found += [int(word) for word in (task / "children").read_text().split()]
        except OSError:
            pass  # it has ended
    return found


class Watch(threading.Thread):
    """Remembers VmHWM of every process below `pids` until stop()."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.high, self.ended = pids, {}, threading.Event()
        self.start()

    def look(self):
        for pid in self.pids:
            for each in descendants(pid):
                try:
                    status = Path(f"/proc/{each}/status").read_text()
                except OSError:
                    continue
                for line in status.splitlines():
                    if line.startswith("VmHWM:"):
                        self.high[each] = max(self.high.get(each, 0), int(line.split()[1]) * 1024)

    def run(self):
        while not self.ended.wait(0.02):
            self.look()

    def stop(self):
        self.ended.set()
        self.join()
        return sum(self.high.values())


def cpu_seconds():
    """Of all children that have ended, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(*pipeline):
    """Runs the commands joined by pipes until all have ended; raises unless each exits with 0. Returns
    the figures and what the last one printed."""
    started, used = time.monotonic(), cpu_seconds()
    children, source = [], subprocess.DEVNULL
    for words in pipeline:
        child = subprocess.Popen([str(word) for word in words], stdin=source, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE if words is pipeline[-1] else subprocess.DEVNULL)
        if source is not subprocess.DEVNULL:
            source.close()  # the child has it; it must see the end when its peer goes
        children.append(child)
        source = child.stdout
    watch = Watch([child.pid for child in children])
    printed, said = children[-1].communicate()
    for child in children:
        child.wait()
    wall = time.monotonic() - started
    cpu, peak = cpu_seconds() - used, watch.stop()
    for child, words in zip(children, pipeline):
        if child.returncode != 0:
            raise SystemExit(f"bench: {' '.join(map(str, words))}: exit {child.returncode}: {said.decode()[-500:]}")
    return Figures(wall, cpu, peak), printed.decode()
