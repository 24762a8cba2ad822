"""When what was broken, and until when a bound that ran into it is put off: until all views were seen to agree again,
or RECOVERY_S after the fault's end, whichever is first; where Redis lost its data, as long as rebuilding may take.

A fault puts off only what it can reach: its target says which (JOURNAL.md)."""

from bisect import bisect_left, bisect_right

from .bounds import RECOVERY_S

_KINDS = ("core", "fanout", "watcher", "edge", "api", "redis", "observer")


class Calendar:
    def __init__(self, journal, bounds, edges, log):
        self.faults = journal.faults
        self._agreed = journal.agreed
        self._bounds, self._edges = bounds, edges
        self._data_losses = log.losses
        self._disturbed = {}
        self.all_disturbed = self._merge(lambda fault: True, edges.spans())

    def decision(self, edge=None):
        """What keeps the truth about a socket at `edge` from being decided. None: whichever edge; what ends because an
        edge has died is not put off by that."""
        return self._for(("decision", edge), ("core", "watcher", "redis"), edge)

    def delivery(self, session):
        """What keeps a decision from that observer, who may be slow himself."""
        return self._for(("delivery", session.edge, session.observer), ("core", "fanout", "redis"), session.edge,
                         session.observer)

    def recovered(self, end, most=RECOVERY_S):
        """By when what ended at `end` must have left no trace."""
        i = bisect_left(self._agreed, end)
        return min(end + most, self._agreed[i]) if i < len(self._agreed) else end + most

    def nearest(self, t, count=3):
        """For a violation's context."""
        return sorted(self.faults, key=lambda fault: _distance(fault, t))[:count]

    def _for(self, key, kinds, edge, observer=None):
        if key not in self._disturbed:
            self._disturbed[key] = self._merge(lambda fault: _reaches(fault.target, kinds, (edge, observer)),
                                               self._edges.spans(edge) if edge is not None else [])
        return self._disturbed[key]

    def _merge(self, concerns, edge_spans):
        spans = [(fault.begin, self.recovered(fault.end)) for fault in self.faults if concerns(fault)]
        spans += [(begin, self.recovered(end)) for begin, end in edge_spans]
        return Disturbances(spans + [(begin, self.recovered(end, self._bounds.rebuild_recovery))
                                     for begin, end in self._data_losses])


class Disturbances:
    """Times in which something was broken or recovering, merged."""

    def __init__(self, spans):
        self.spans = []
        for begin, end in sorted(spans):
            if self.spans and begin <= self.spans[-1][1]:
                self.spans[-1][1] = max(self.spans[-1][1], end)
            else:
                self.spans.append([begin, end])
        self._begins = [begin for begin, _ in self.spans]

    def put_off(self, deadline):
        """A deadline that something broken, or recovering, runs into."""
        i = bisect_right(self._begins, deadline) - 1
        return max(deadline, self.spans[i][1]) if i >= 0 else deadline

    def is_calm(self, t):
        i = bisect_right(self._begins, t) - 1
        return i < 0 or self.spans[i][1] <= t


def _reaches(target, kinds, who):
    """`kinds`: whose faults concern everybody; `who`: those of whom it is their own. Of a link, the one at its near end
    is who suffers."""
    near = target.split(">")[0]
    named = [kind for kind in _KINDS if kind in near]
    if not named or any(kind in named for kind in kinds):
        return True
    return any(name is not None and (near == name or (near.endswith("*") and name.startswith(near[:-1]))) for name in who)


def _distance(fault, t):
    if fault.begin <= t <= fault.end:
        return 0.0
    return min(abs(fault.begin - t), abs(fault.end - t))
