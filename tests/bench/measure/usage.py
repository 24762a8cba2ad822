"""What processes have used: CPU by /proc/<pid>/stat (user and system) and the scheduler's own count in ns, memory by
/proc/<pid>/status; and what else this machine did meanwhile, which is the noise of a measurement."""

import os
import pathlib
import signal
import subprocess
import time
from dataclasses import dataclass

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Spent:
    """CPU seconds of one process over a window."""

    cpu_s: float
    user_s: float
    system_s: float

    def __add__(self, other):
        return Spent(self.cpu_s + other.cpu_s, self.user_s + other.user_s, self.system_s + other.system_s)


def _read(pid):
    """All threads together. The scheduler counts in ns, the ticks of `stat` only say how much of it was in the kernel."""
    scheduled_ns = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        scheduled_ns += int((task / "schedstat").read_text().split()[0])
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return Spent(scheduled_ns / 1e9, int(fields[11]) / _TICKS_PER_S, int(fields[12]) / _TICKS_PER_S)


def resident_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no resident memory")


def _machine():
    """Seconds that the processors were busy, and that the host took away."""
    fields = [int(field) / _TICKS_PER_S for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return user + nice + system + irq + softirq, steal


class Window:
    """From its making to `end()`: what each of `pids` ({name: pid}) used, and what was used by nobody of them."""

    # Where set, perf looks at the processes of every window, and disturbs it: PATH of the data, {} its number.
    profile = None
    _profiles = 0

    def __init__(self, pids):
        self._perf = self._start_perf(pids) if self.profile else None
        self._pids = dict(pids)
        self._before = {name: _read(pid) for name, pid in self._pids.items()}
        self._machine = _machine()
        self._began = time.monotonic()

    def end(self):
        self.seconds = time.monotonic() - self._began
        busy, steal = (after - before for after, before in zip(_machine(), self._machine))
        self.spent = {}
        for name, pid in self._pids.items():
            now, before = _read(pid), self._before[name]
            self.spent[name] = Spent(now.cpu_s - before.cpu_s, now.user_s - before.user_s, now.system_s - before.system_s)
        self.others_cores = max(0.0, (busy - sum(spent.cpu_s for spent in self.spent.values())) / self.seconds)
        self.steal_cores = steal / self.seconds
        if self._perf:
            self._perf.send_signal(signal.SIGINT)
            self._perf.wait(60)
        return self

    @classmethod
    def _start_perf(cls, pids):
        cls._profiles += 1
        return subprocess.Popen(["perf", "record", "-q", "-F", "499", "-g", "-o", cls.profile.format(cls._profiles), "-p",
                                 ",".join(map(str, pids.values()))], stderr=subprocess.DEVNULL)

    def cpu_s(self, names):
        return sum(self.spent[name].cpu_s for name in names)
