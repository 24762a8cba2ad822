"""What the rows share: sizes, rounds, and the lines that come out."""

import dataclasses
import statistics
import sys
import time

from .load import Fleet
from .subject import BUILD
from .usage import Window, resident_kb


@dataclasses.dataclass
class Sizes:
    rounds: int = 3
    floor_s: float = 5
    still_s: float = 1  # memory that has not grown for so long has settled
    memory_from: int = 2000
    memory_to: int = 15000
    memory_to_gateway: int = 9000  # HAProxy takes 9,700 where a process may open 20,000 files
    connects: int = 5000
    connects_per_second: int = 1000
    ping_sockets: int = 10000
    ping_sockets_gateway: int = 9000
    ping_interval_ms: int = 2000
    ping_s: float = 10
    storm: int = 1000
    storm_peer: int = 500
    watchers: int = 300
    changers: int = 200
    changes_per_second: int = 100
    changes_s: float = 15
    list_watchers: int = 1000
    listed: int = 500  # as many as one may name, and as are in a group
    list_changers: int = 100
    list_changes_per_second: int = 10000
    flood_users: int = 4000
    flood_warm_s: float = 2
    flood_s: float = 5
    bulk_users: int = 9000
    bulk_connections: int = 16
    bulk_s: float = 5
    large_edges: int = 4
    large_small: int = 2000
    large_sockets: int = 60000
    large_interval_ms: int = 12000
    large_s: float = 24
    idle_edges: int = 3
    idle_sockets: int = 49998
    idle_s: float = 120
    movers: int = 10000
    grace_ms: int = 10000
    spread_ms: int = 5000
    outbox_updates: int = 16384  # a quarter of what it is by default: filled in a quarter of the time


# Two minutes, for whether every row can be measured: nothing here is to be believed as a number.
QUICK = Sizes(rounds=1, floor_s=0.3, still_s=0.2, memory_from=200, memory_to=1000, memory_to_gateway=1000, connects=300, ping_sockets=600,
              ping_sockets_gateway=600, ping_interval_ms=500, ping_s=1, storm=100, storm_peer=50, watchers=30,
              changes_s=1.5, list_watchers=50, listed=50, list_changers=20, flood_users=300, flood_warm_s=0.3, flood_s=1, bulk_users=500, bulk_s=1, large_edges=2,
              large_small=200, large_sockets=1200, large_interval_ms=1000, large_s=1.5, idle_edges=2, idle_sockets=1000,
              idle_s=2, movers=500, grace_ms=2500, spread_ms=500, outbox_updates=2048)


@dataclasses.dataclass
class Line:
    """One line of the table: what a row found out about one subject."""

    row: str
    subject: str
    what: str
    unit: str
    target: float = None  # at most, or at least where `at_least`
    at_least: bool = False
    values: list = dataclasses.field(default_factory=list)  # one a round
    notes: list = dataclasses.field(default_factory=list)
    cpu: dict = dataclasses.field(default_factory=dict)  # kind of process: [one a round], in cpu_unit
    cpu_unit: str = ""
    others_cores: list = dataclasses.field(default_factory=list)  # what else ran on this machine, one a window
    digits: int = 1
    commit: str = ""
    time: str = ""

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def met(self):
        if self.target is None:
            return None
        return self.median >= self.target if self.at_least else self.median <= self.target

    def add_window(self, window, divided_by, unit):
        """Where the CPU went in that window: each kind of process, per operation."""
        self.cpu_unit = unit
        self.others_cores.append(window.others_cores)
        kinds = {}
        for name, spent in window.spent.items():
            kind = name.rsplit("-", 1)[0] if name[-1].isdigit() else name
            kinds[kind] = kinds[kind] + spent if kind in kinds else spent
        for kind, spent in kinds.items():
            ticks = spent.user_s + spent.system_s
            kernel = spent.system_s / ticks if ticks else 0
            self.cpu.setdefault(kind, []).append((spent.cpu_s / divided_by, kernel))


class CannotMeasure(RuntimeError):
    pass


class Bench:
    def __init__(self, sizes, profile=None):
        self.sizes = sizes
        self.profile = profile
        self.commit = ""
        self.lines = []

    def line(self, row, subject_name, what, unit, **more):
        line = Line(row, subject_name, what, unit, **more)
        self.lines.append(line)
        return line

    def fleet(self, subject, users, watchers=0, processes=1):
        return Fleet(str(BUILD / "bin" / "bench-load"), subject.folder, subject, users, watchers, processes)

    def rounds(self):
        return range(self.sizes.rounds)

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def floor(self, subject):
        """CPU seconds a second of the whole subject while nothing is asked of it."""
        window = Window(subject.pids)
        time.sleep(self.sizes.floor_s)
        window.end()
        return window.cpu_s(subject.pids) / window.seconds


def settle(fleet, still_s=0.3, within_s=60):
    """Until no watcher hears anything any more; returns how much they have heard."""
    deadline, before = time.monotonic() + within_s, None
    while True:
        updates = fleet.loads[0].command(f"wait seconds={still_s}")["updates"]
        if updates == before:
            return updates
        if time.monotonic() > deadline:
            raise CannotMeasure("watchers hear ever more")
        before = updates


def settled_memory_kb(subject, still_s):
    """{name: kB} once no process grows any more, or at the end of our patience: one that collects garbage never rests."""
    deadline, before = time.monotonic() + 15 * still_s, None
    while True:
        now = {name: resident_kb(pid) for name, pid in subject.pids.items()}
        if now == before or time.monotonic() > deadline:
            return now
        before = now
        time.sleep(still_s)


def all_of(subject, fleet):
    return Window({**subject.pids, **fleet.pids})
