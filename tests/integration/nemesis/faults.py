"""The table of faults: what is done to what, for how long. `TABLE[name](world, random)` makes one Fault.

Who adds one: a maker in the file of its kind, *_faults.py, which notes nothing itself:
`begin` and `end` do the deed, the schedule writes the journal."""

from dataclasses import dataclass, field


@dataclass
class Fault:
    """`begin` to `end` takes `lasts_s`; `touches`: the processes that no other fault may touch meanwhile. `bound_s`:
    after its end, when all views have to agree again, beyond the 5 s of DESIGN invariant 10."""

    name: str
    target: str
    lasts_s: float
    begin: object
    end: object = lambda: None
    touches: set = field(default_factory=set)
    bound_s: float = 5.0
    watch: object = lambda: None  # called often while it lasts
    is_done: object = lambda: False  # True: it may end before its time
    key: str = ""  # its name in the table
    began_at: float = 0.0  # monotonic; of lasts_s the schedule makes afterwards what it was
    afterwards: object = None  # done once all views agreed without it: what was taken away for good comes back
    log: object = lambda: ""  # what it has to add to the progress line at its end

    def __str__(self):
        return f"{self.name} {self.target}".strip()


def edge_death_s(world):
    return world.system.edge_death_s


def table():
    """name -> maker, of all files."""
    from . import client_faults, link_faults, point_faults, redis_faults, service_faults

    return {**service_faults.TABLE, **redis_faults.TABLE, **link_faults.TABLE, **point_faults.TABLE, **client_faults.TABLE}
