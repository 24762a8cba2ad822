"""One process loses its link to another, or to all of a kind, while all others keep theirs."""

from .faults import Fault, edge_death_s


def _link(name, mode, least_s, most_s, amount=lambda random: 0.0):
    def make(world, random):
        groups = world.links.groups
        targets = sorted(groups)
        if mode == "throttle":
            # Whether an edge keeps its lease through a trickle to all cores nobody can say, so nobody could judge it.
            targets = [target for target in targets if not (target.startswith("ws-edge") and target.endswith("-core"))]
        target = random.choice(targets)
        service, peers = target.split(">")
        is_edge = service.startswith("ws-edge")
        # An edge that reaches no core is to everybody else one that stands still: its beats do not arrive.
        isolates = is_edge and peers == "presence-core" and mode in ("cut", "stall")
        how_much = amount(random)

        def begin():
            if isolates:
                world.note_edge(world.service(service), "frozen")
            world.links.set(groups[target], mode, how_much)

        def end():
            world.links.set(groups[target], "pass")
            if isolates:
                world.note_edge(world.service(service), "thawed")
        return Fault(name, target, random.uniform(least_s, most_s), begin, end, {service},
                     edge_death_s(world) if is_edge else 5.0)
    return make


TABLE = {
    "link-cut": _link("link-cut", "cut", 0.1, 5.0),
    "link-stall": _link("link-stall", "stall", 0.3, 6.0),
    "link-delay": _link("link-delay", "delay", 2.0, 6.0, lambda random: random.uniform(0.02, 0.5)),
    "link-throttle": _link("link-throttle", "throttle", 2.0, 6.0, lambda random: random.uniform(2000, 50000)),
}
