"""One run, from an empty folder to a whole journal."""

import collections
import time

from . import views
from .recorder import Recorder
from .schedule import Schedule
from .stalls import ThreadStalls
from .world import World

SHAPE = {"edges": 3, "cores": 2, "watchers": 2, "fanouts": 2, "apis": 2}
STALL_MOST_MS = 200
_WARM_UP_S = 3.0
_ARRIVAL_PATIENCE_S = 20.0
# Longer than anything that a connection may still have to wait for: the server closes a mute one after the TTL.
_CALM_PATIENCE_S = 12.0
_HOLD_S = 6.5  # between `quiet` and `end`: JOURNAL.md


class Disturbed(Exception):
    """A process of the run was kept from running: no bound can be held to."""


class Died(Exception):
    """A process that was not told to."""


class _Supervisor:
    """Looks at what must not happen meanwhile, not more often than worth it."""

    def __init__(self, world, stalls, tolerant):
        self._world, self._stalls, self._tolerant = world, stalls, tolerant
        self._asked_at = 0.0

    def __call__(self):
        if died := self._world.died():
            raise Died("\n".join(f"{name}: {self._world.service(name).log_tail(20)}" for name in died))
        if self._tolerant or time.monotonic() - self._asked_at < 1.0:
            return
        self._asked_at = time.monotonic()
        worst = {name: report["worst_stall_ms"] for name, report in self._world.report().items()}
        worst["nemesis"] = self._stalls.worst_ms
        name = max(worst, key=worst.get)
        if worst[name] > STALL_MOST_MS:
            raise Disturbed(f"{name} was kept from running for {worst[name]:.0f} ms")


class Run:
    """The frame of a run, as a context manager: a system that serves and a load whose views agree at its beginning, a
    whole journal at its end."""

    def __init__(self, world, tolerant, **load):
        """`tolerant`: a stall does not end it. `load`: as World.start_load has it."""
        self.world, self._tolerant, self._load = world, tolerant, load

    def __enter__(self):
        world = self.world.__enter__()
        try:
            self.stalls = ThreadStalls(world.journal)
            self.supervise = _Supervisor(world, self.stalls, self._tolerant)
            world.recorder = Recorder(world)
            world.start_load(**self._load)
            self._warm_up(self._load.get("arrive_s", 3.0) + _WARM_UP_S)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, kind, error, traceback):
        world = self.world
        try:
            if kind is None:
                self._quiet()
                print("\n".join(f"{name}: {report}" for name, report in world.report().items()))
                print(f"nemesis: worst stall {self.stalls.worst_ms:.0f} ms", flush=True)
            if world.recorder:
                world.recorder.stop()
            self.stalls.stop()
            if kind is None:
                world.recorder.note_states()
                world.journal.note("end")
                world.journal.close()
                # Whoever watches first: that the load leaves is no part of it.
                for child in [world.children["observers"], world.children["queries"], *world.loads]:
                    child.ask("stop")
        except BaseException as late_error:
            kind, error, traceback = type(late_error), late_error, late_error.__traceback__
            raise
        finally:
            world.__exit__(kind, error, traceback)

    def _warm_up(self, least_s):
        began = time.monotonic()
        self.wait(least_s)
        recovery_s, found = views.wait_agreement(self.world, began, least_s + _ARRIVAL_PATIENCE_S, self.supervise)
        assert recovery_s is not None, f"views do not agree before any fault: {found[:5]}"

    def wait(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.1)
            self.supervise()

    def _quiet(self):
        loads = self.world.loads
        for load in loads:
            load.ask("calm")
        deadline = time.monotonic() + _CALM_PATIENCE_S
        while any(load.ask("report")["unsettled"] for load in loads) and time.monotonic() < deadline:
            self.wait(0.1)
        recovery_s, found = views.wait_agreement(self.world, time.monotonic(), self.world.system.edge_death_s + 5.0,
                                                 self.supervise)
        if recovery_s is None:
            print(f"views do NOT agree at the end: {'; '.join(found[:10])}", flush=True)
        self.world.journal.note("quiet")
        self.wait(_HOLD_S)


def break_things(folder, chosen):
    """`chosen`: seed, minutes, users, rate, faults, by_name, disturbed_too. What was seen is for the checker to judge."""
    world = World(folder, chosen.seed, chosen.users, SHAPE)
    with Run(world, chosen.disturbed_too, rate=chosen.rate, by_name=chosen.by_name) as run:
        _say_how_it_went(_break_things(world, chosen, run.supervise))


def _break_things(world, chosen, supervise):
    schedule, phases = Schedule(world, chosen.seed, chosen.faults), []
    until = time.monotonic() + chosen.minutes * 60
    while time.monotonic() < until:
        phases.append(schedule.run_phase(supervise))
        print(f"{phases[-1].began_s:7.1f} s  {phases[-1]}", flush=True)
    missing = sorted(set(schedule.table) - schedule.alone)
    print(f"each fault alone: {'all' if not missing else 'not yet ' + ', '.join(missing)}", flush=True)
    return phases


def _say_how_it_went(phases):
    worst = collections.defaultdict(lambda: [0, 0.0])
    for phase in phases:
        name = phase.faults[0].key if len(phase.faults) == 1 else "pairs"
        worst[name][0] += 1
        worst[name][1] = max(worst[name][1], float("inf") if phase.recovery_s is None else phase.recovery_s)
    print("fault, times, worst recovery")
    for name, (times, recovery_s) in sorted(worst.items()):
        print(f"  {name:22} {times:4}  {max(0.0, recovery_s):6.2f} s", flush=True)
