"""Processes killed, frozen, stopped, taken away: one of a kind, or all of it."""

from .faults import Fault, edge_death_s



def _bound_s(world, service):
    return edge_death_s(world) if service in world.system.edges else 5.0


def _kill(kind, least_s, most_s):
    def make(world, random):
        service = random.choice(world.system.of_kind(kind))
        return Fault("kill", service.name, random.uniform(least_s, most_s), lambda: world.kill(service),
                     lambda: world.bring_back(service), {service.name}, _bound_s(world, service))
    return make


def _remove(kind):
    """For good: all others have to agree without it before it comes back."""
    def make(world, random):
        service = random.choice(world.system.of_kind(kind))
        return Fault("remove", service.name, 0.0, lambda: world.kill(service), touches={service.name},
                     bound_s=_bound_s(world, service), afterwards=lambda: world.bring_back(service))
    return make


def _freeze(kind, least_s, most_s):
    def make(world, random):
        service = random.choice(world.system.of_kind(kind))
        return Fault("freeze", service.name, random.uniform(least_s, most_s), lambda: world.freeze(service),
                     lambda: world.thaw(service), {service.name}, _bound_s(world, service))
    return make


def _all(kind, begin, end, name, least_s, most_s):
    def make(world, random):
        services = world.system.of_kind(kind)
        return Fault(name, f"{kind}-*", random.uniform(least_s, most_s),
                     lambda: [getattr(world, begin)(service) for service in services],
                     lambda: [getattr(world, end)(service) for service in services],
                     {service.name for service in services})
    return make


def _drain(kind):
    """SIGTERM: it says goodbye, and comes back after a while."""
    def make(world, random):
        service = random.choice(world.system.of_kind(kind))
        return Fault("drain", service.name, random.uniform(0.2, 4.0), lambda: world.terminate(service),
                     lambda: world.bring_back(service), {service.name}, _bound_s(world, service))
    return make


TABLE = {
    "kill-edge": _kill("ws-edge", 0.2, 5.0),
    "kill-core": _kill("presence-core", 0.1, 3.0),
    "kill-fanout": _kill("fanout", 0.1, 3.0),
    "kill-watcher": _kill("expiry-watcher", 0.1, 3.0),
    "kill-api": _kill("http-api", 0.1, 3.0),
    "kill-all-cores": _all("presence-core", "kill", "bring_back", "kill", 0.3, 4.0),
    "kill-all-fanouts": _all("fanout", "kill", "bring_back", "kill", 0.3, 3.0),
    "kill-all-watchers": _all("expiry-watcher", "kill", "bring_back", "kill", 0.3, 5.0),
    "freeze-edge": _freeze("ws-edge", 0.3, 6.0),
    "freeze-core": _freeze("presence-core", 0.3, 5.0),
    "freeze-fanout": _freeze("fanout", 0.3, 5.0),
    "freeze-watcher": _freeze("expiry-watcher", 0.3, 5.0),
    "freeze-api": _freeze("http-api", 0.3, 3.0),
    "freeze-all-cores": _all("presence-core", "freeze", "thaw", "freeze", 0.5, 5.0),
    "freeze-all-watchers": _all("expiry-watcher", "freeze", "thaw", "freeze", 0.5, 6.0),
    "drain-edge": _drain("ws-edge"),
    "drain-core": _drain("presence-core"),
    "drain-fanout": _drain("fanout"),
    "remove-edge": _remove("ws-edge"),
    "remove-core": _remove("presence-core"),
    "remove-fanout": _remove("fanout"),
    "remove-watcher": _remove("expiry-watcher"),
}
