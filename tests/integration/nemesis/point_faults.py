"""Fault points of the build (common/runtime/fault.h): windows of microseconds, which no kill ever hits."""

import contextlib
import time

from .faults import Fault, edge_death_s

# Who has not died of its fault point by then does not meet it.
_PATIENCE_S = 4.5


def _point(point, kind, times_most, lasts_s=(1.0, 3.0), flickers=0):
    """Armed at one of a kind, for that many times at most; disarmed at the end. `flickers`: connections that change status
    all the while, so that what comes late is older than what is there."""
    def make(world, random):
        service = random.choice(world.system.of_kind(kind))
        times = random.randint(1, times_most)
        hits = []

        def begin():
            hits.append(service.fault_hits(point))
            service.arm(point, times)
            world.flicker(flickers)

        def end():
            hits.append(service.fault_hits(point))
            service.disarm()
        return Fault(point, service.name, random.uniform(*lasts_s), begin, end, {service.name},
                     log=lambda: f"hit {hits[1] - hits[0]} times")
    return make


class _Deadly:
    """Armed at `services`, until one dies there; it is started again at the end. `provocation`, where it
    takes more than load to come by, is begun then, goes on when `watch` finds that it is time, and is ended first."""

    def __init__(self, world, point, services, provocation=None):
        self.world, self.point, self.services, self.provocation = world, point, services, provocation
        self.dead = []

    def begin(self):
        for service in self.services:
            service.arm(self.point, 1)
            self.world.mortal.add(service.name)
        if self.provocation:
            self.provocation.begin()

    def watch(self):
        if self.provocation:
            self.provocation.watch()
        for service in self.services:
            if service not in self.dead and not service.is_running():
                self.world.has_died(service)
                self.dead.append(service)
                self._spare_the_others()

    def _spare_the_others(self):
        for service in self.services:
            if service.is_running():
                with contextlib.suppress(OSError):  # it dies of the same transition in this moment
                    service.disarm()

    def end(self):
        if self.provocation:
            self.provocation.end()
        self.watch()
        for service in self.services:
            self.world.mortal.discard(service.name)
            if service in self.dead:
                self.world.bring_back(service)
            else:
                service.disarm()

    def is_done(self):
        return bool(self.dead)

    def log(self):
        return "hit" if self.dead else "not hit"


class _LeaseLost:
    """The edge stands still for longer than its lease, and then joins again."""

    def __init__(self, world, edge):
        self.world, self.edge, self.thaws_at = world, edge, None

    def begin(self):
        self.world.freeze(self.edge)
        self.thaws_at = time.monotonic() + self.world.system.seconds("EDGE_LEASE_MS") + 0.7

    def watch(self):
        if self.thaws_at and time.monotonic() > self.thaws_at:
            self.end()

    def end(self):
        if self.thaws_at:
            self.world.thaw(self.edge)
            self.thaws_at = None


class _EdgeLost:
    """After lease and grace the sweep has somebody to end."""

    def __init__(self, world, edge):
        self.world, self.edge = world, edge

    def begin(self):
        self.world.kill(self.edge)

    def watch(self):
        pass

    def end(self):
        self.world.bring_back(self.edge)


class _DataLost:
    def __init__(self, world):
        self.world = world

    def begin(self):
        self.world.recorder.read_log()
        self.world.system.redis().flushall()

    def watch(self):
        pass

    def end(self):
        pass


def _fault(world, deadly, also_touches=()):
    services = deadly.services
    target = services[0].name if len(services) == 1 else services[0].name.rsplit("-", 1)[0] + "-*"
    return Fault(deadly.point, target, _PATIENCE_S, deadly.begin, deadly.end,
                 {*(service.name for service in services), *also_touches}, edge_death_s(world), deadly.watch, log=deadly.log,
                 is_done=deadly.is_done)


def _deadly(point, kind):
    def make(world, random):
        return _fault(world, _Deadly(world, point, [random.choice(world.system.of_kind(kind))]))
    return make


def _before_updates(world, _random):
    return _fault(world, _Deadly(world, "before-updates", world.system.fanouts))  # whichever has listeners


def _after_join(world, random):
    edge = random.choice(world.system.edges)
    return _fault(world, _Deadly(world, "after-join", [edge], _LeaseLost(world, edge)))


def _after_tick(world, random):
    edge = random.choice(world.system.edges)
    cores = world.system.cores  # whichever is asked to tick
    return _fault(world, _Deadly(world, "after-tick", cores, _EdgeLost(world, edge)), [edge.name])


def _after_epoch(world, _random):
    return _fault(world, _Deadly(world, "after-epoch", world.system.cores, _DataLost(world)), ["redis"])


TABLE = {
    "point-drop-pub": _point("drop-pub", "presence-core", 30),
    "point-drop-ack": _point("drop-ack", "presence-core", 20),
    "point-delay-ack": _point("delay-ack", "presence-core", 20),
    "point-dup-batch": _point("dup-batch", "ws-edge", 10, (2.0, 5.0), flickers=100),
    "point-skip-close": _point("skip-close", "ws-edge", 20, (2.0, 5.0)),
    "point-drop-updates": _point("drop-updates", "fanout", 20),
    "point-after-script": _deadly("after-script", "presence-core"),
    "point-before-ack": _deadly("before-ack", "presence-core"),
    "point-after-tick": _after_tick,
    "point-after-epoch": _after_epoch,
    "point-after-join": _after_join,
    "point-before-updates": _before_updates,
}
