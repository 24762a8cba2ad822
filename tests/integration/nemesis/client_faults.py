"""A client who watches and does not read, while statuses change and change back: what waits for it cancels out."""

from .faults import Fault
from .world import FLICKER_S

_SAVED = "zpresence_edge_frames_coalesced_total"
# Enough to fill what the kernel keeps for it (services/ws-edge/front_door.c) in the time.
_CONNECTIONS = 200


def _slow_observer(world, random):
    # Those who are told away and busy: to the others a flicker is none.
    full = [(name, watches) for name, statuses, watches, _ in world.observers if statuses == "full"]
    name = random.choice([name for name, watches in full if not watches] or [name for name, _ in full])
    edges, before = world.system.edges, []

    def saved():
        return sum(edge.metric(_SAVED) for edge in edges)

    def begin():
        before.append(saved())
        world.children["observers"].ask("pause", name=name)
        world.flicker(_CONNECTIONS)
    return Fault("slow", name, random.uniform(FLICKER_S, FLICKER_S + 1.5), begin, lambda: world.children["observers"].ask("resume", name=name),
                 {name, *(edge.name for edge in edges)}, log=lambda: f"{saved() - before[0]:g} frames saved")


TABLE = {"slow-observer": _slow_observer}
