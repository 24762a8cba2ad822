"""What became of the edges: lost ones, whose sockets died, and silent ones, whose sockets live on but of which the
cores hear nothing, or hear it late."""

from dataclasses import dataclass


@dataclass
class Silence:
    begin: float
    end: float
    keeps_lease: bool  # heard late, or by some of the cores: its beats still renew the lease


class Edges:
    def __init__(self, journal):
        self._losses = {}  # edge -> [(begin, end)]
        self._silences = {}  # edge -> [Silence]
        for edge, phases in journal.edge_phases.items():
            self._read(edge, phases, journal.end)
        for fault in journal.faults:
            self._read_link(fault)
        for silences in self._silences.values():
            silences.sort(key=lambda silence: silence.begin)

    def _read(self, edge, phases, end):
        losses, silences, lost, frozen = [], [], None, None
        for t, phase in phases:
            if phase in ("lost", "thawed") and frozen is not None:
                silences.append(Silence(frozen, t, keeps_lease=False))
                frozen = None
            if phase == "lost" and lost is None:
                lost = t
            elif phase == "back" and lost is not None:
                losses.append((lost, t))
                lost = None
            elif phase == "frozen" and frozen is None:
                frozen = t
        if lost is not None:
            losses.append((lost, end))
        if frozen is not None:
            silences.append(Silence(frozen, end, keeps_lease=False))
        self._losses[edge], self._silences[edge] = losses, silences

    def _read_link(self, fault):
        """`ws-edge-1>presence-core` (all of them) or `ws-edge-1>presence-core-2`; of a link to one of several cores
        only the lease of one whose cores are all out of reach may end. A delay is shorter than a lease."""
        edge, arrow, peer = fault.target.partition(">")
        if not arrow or "core" not in peer:
            return
        keeps_lease = peer.rstrip("0123456789").endswith("-") or "delay" in fault.name
        self._silences.setdefault(edge, []).append(Silence(fault.begin, fault.end, keeps_lease))

    def losses_of(self, edge):
        return self._losses.get(edge, [])

    def silences_of(self, edge):
        return self._silences.get(edge, [])

    def spans(self, edge=None):
        """When it was lost or silent; of all edges, without one."""
        edges = self._silences.keys() | self._losses.keys() if edge is None else [edge]
        return [span for each in edges
                for span in [*self.losses_of(each), *((row.begin, row.end) for row in self.silences_of(each))]]

    def loss_between(self, edge, begin, end):
        """When `edge` was first lost in [begin, end], or None."""
        return next((lost for lost, _ in self.losses_of(edge) if begin <= lost <= end), None)
