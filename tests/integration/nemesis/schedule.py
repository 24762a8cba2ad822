"""What happens when, from the seed: faults alone, each once before any comes again, and random pairs that overlap.

A phase is one or two faults; after it everything is given the time to agree again, which is the recovery that is
measured, and a calm moment."""

import random
import time
from dataclasses import dataclass

from . import views
from .faults import table

# Every so many faults alone, a pair.
_ALONE_PER_PAIR = 2
_CALM_S = (0.1, 1.0)
_WATCH_S = 0.02
# What is taken away for good stays away far longer than every lease, grace and timeout.
_REMOVED_S = 8.0
# Views that do not agree by then are not waited for any longer.
_PATIENCE_S = 25.0


@dataclass
class Phase:
    """What was seen of it: `recovery_s` from the end of the last fault to the first moment at which all views agreed,
    None where they did not within the patience."""

    faults: list
    began_s: float
    recovery_s: float
    disagreements: list

    @property
    def bound_s(self):
        return max(fault.bound_s for fault in self.faults)

    @property
    def is_late(self):
        return self.recovery_s is None or self.recovery_s > self.bound_s

    def __str__(self):
        what = " + ".join(f"{fault} {fault.lasts_s:.1f} s{_with(fault.log())}" for fault in self.faults)
        if self.recovery_s is None:
            return f"{what}: views did NOT agree within {_PATIENCE_S:g} s: {'; '.join(self.disagreements[:5])}"
        late = f", LATE (bound {self.bound_s:g} s)" if self.is_late else ""
        return f"{what}: views agreed {max(0.0, self.recovery_s):.1f} s later{late}"


def _with(text):
    return f" ({text})" if text else ""


class Schedule:
    """`names`: the faults to choose from, all where empty."""

    def __init__(self, world, seed, names=()):
        self.world = world
        self.random = random.Random(seed)
        self.table = {name: make for name, make in table().items() if not names or name in names}
        self.began = time.monotonic()
        self.alone = set()
        self._numbers = 0
        self._deck = []
        self._since_pair = 0

    def next_faults(self):
        """One fault, or two that do not touch the same processes."""
        if self._since_pair == _ALONE_PER_PAIR and len(self.table) > 1:
            self._since_pair = 0
            for _ in range(20):
                pair = [self._make(name) for name in self.random.sample(list(self.table), 2)]
                if not pair[0].touches & pair[1].touches:
                    return pair
        self._since_pair += 1
        if not self._deck:
            self._deck = list(self.table)
            self.random.shuffle(self._deck)
        name = self._deck.pop()
        self.alone.add(name)
        return [self._make(name)]

    def _make(self, name):
        fault = self.table[name](self.world, self.random)
        fault.key = name
        return fault

    def run_phase(self, supervise):
        """`supervise` is called often, and ends the run by an exception."""
        faults = self.next_faults()
        began = time.monotonic()
        ended = self._play(faults, supervise)
        recovery_s, found = views.wait_agreement(self.world, ended, _PATIENCE_S, supervise)
        if any(fault.afterwards for fault in faults):
            again_s, found_again = self._bring_back(faults, ended, supervise)
            recovery_s = None if recovery_s is None or again_s is None else max(recovery_s, again_s)
            found = found or found_again
        self._pass(self.random.uniform(*_CALM_S), supervise)
        return Phase(faults, began - self.began, recovery_s, found)

    def _bring_back(self, faults, since, supervise):
        """What was taken away comes back, and all have to agree again."""
        self._pass(max(0.0, since + _REMOVED_S - time.monotonic()), supervise)
        for fault in faults:
            if fault.afterwards:
                self._numbers += 1
                self._note(self._numbers, fault, "begin", "return")
                fault.afterwards()
                self._note(self._numbers, fault, "end", "return")
        return views.wait_agreement(self.world, time.monotonic(), _PATIENCE_S, supervise)

    def _play(self, faults, supervise):
        """Returns when the last one ended."""
        at, steps = time.monotonic(), []
        for i, fault in enumerate(faults):
            begin = at + (self.random.uniform(0, max(0.2, faults[0].lasts_s)) if i else 0.0)
            self._numbers += 1
            steps += [(begin, self._numbers, "begin", fault), (begin + fault.lasts_s, self._numbers, "end", fault)]
        active = []
        for due, number, phase, fault in sorted(steps, key=lambda step: step[:2]):
            while time.monotonic() < due:
                for each in active:
                    each.watch()
                if phase == "end" and fault.is_done():
                    break
                self._pass(min(_WATCH_S, max(0.0, due - time.monotonic())), supervise)
            if phase == "begin":
                self._note(number, fault, phase)
                active.append(fault)
                fault.began_at = time.monotonic()
                fault.begin()
            else:
                fault.end()
                fault.lasts_s = time.monotonic() - fault.began_at
                active.remove(fault)
                self._note(number, fault, phase)
        return time.monotonic()

    def _note(self, number, fault, phase, name=None):
        self.world.journal.note("fault", id=number, name=name or fault.name, target=fault.target, phase=phase, fault=fault.key)

    @staticmethod
    def _pass(seconds, supervise):
        supervise()
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
            supervise()
