"""The load: users who come and go, as a process of its own. Questions that it answers (nemesis/child.py):

    start    settings; answers when the first users are on their way
    settled  [user, status] of those with nothing under way and no change within `age_s`
    flicker  `connections` of them change status and back, `rounds` times in about `within_s`
    calm     no new churn: what is under way ends (mute connections are closed by the server)
    report   counts, CPU seconds, worst stall
    stop     the journal ends, then all connections do"""

import asyncio
import itertools
import pathlib
import random
import resource

from . import websocket
from .child import main
from .journal import Journal
from .stalls import LoopStalls, settle_memory
from .users import User

# What a churner does, by weight. Coming and leaving are one entry: which of them it is keeps the share of users online.
ACTIONS = {"come_or_leave": 34, "another_device": 12, "one_device_less": 10, "move": 18, "status": 20, "mute": 3,
           "refused": 3}
ONLINE_SHARE = 0.88
DEVICES_MOST = 3
_ABORTS = 0.4  # of those that end
_FLUSH_S = 0.5
_HEARTBEAT_TICK_S = 0.1


class Refused(websocket.Client):
    """A handshake without a token."""

    def __init__(self, load):
        super().__init__(websocket.request_head("", ""))
        self.counts = load.counts

    def refused(self, why):
        self.counts["refused_" + why] = self.counts.get("refused_" + why, 0) + 1


class Load:
    """Settings: `journal` (path), `addresses` (edge name -> host:port), `source` (address or None), `users` (names),
    `rate` (actions a second), `arrive_s` (for all first connections), `heartbeat_s` (between two of one connection),
    `gives_up` (share of connections lost that do not come back), `backoff_s` (before the others do, at most), `seed`,
    `home` (edge of all first connections)."""

    def __init__(self, journal, addresses, users, rate, seed, source=None, arrive_s=3.0, heartbeat_s=5.0, gives_up=0.08,
                 backoff_s=0.3, home=None):
        settle_memory()
        self.journal = Journal(pathlib.Path(journal))
        self.loop = asyncio.get_running_loop()
        self.stalls = LoopStalls(self.journal)
        self.random = random.Random(seed)
        self.addresses, self.source, self.rate, self.gives_up, self.home = addresses, source, rate, gives_up, home
        self.heartbeat_s, self.backoff_s = heartbeat_s, backoff_s
        self.users = [User(self, name) for name in users]
        self.open_connections = set()
        self.counts = {}
        self._numbers = itertools.count(seed * 10_000_000 + 1)
        self._tasks = set()
        self._churning = asyncio.ensure_future(self._arrive_and_churn(arrive_s))
        self._beside = [asyncio.ensure_future(self._flush()), asyncio.ensure_future(self._heartbeats())]

    def next_number(self):
        return next(self._numbers)

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def chance(self, share):
        return self.random.random() < share

    def any_edge(self):
        return self.random.choice(list(self.addresses))

    def another_edge(self, edge):
        return self.random.choice([name for name in self.addresses if name != edge] or [edge])

    # What goes on

    async def _arrive_and_churn(self, within_s):
        pause_s = within_s / max(1, len(self.users))
        began = self.loop.time()
        for i, user in enumerate(self.users):
            user.new_device(self.home or self.any_edge())
            await asyncio.sleep(max(0.0, began + i * pause_s - self.loop.time()))
        if self.rate > 0:
            await self._churn()

    async def _churn(self):
        """A steady rate: what a stall held up is not made up for."""
        names, weights = list(ACTIONS), list(ACTIONS.values())
        due = self.loop.time()
        while True:
            due = max(self.loop.time(), due + self.random.expovariate(self.rate))
            await asyncio.sleep(due - self.loop.time())
            name = self.random.choices(names, weights)[0]
            if getattr(self, "_" + name)():
                self.counts[name] = self.counts.get(name, 0) + 1

    async def _flush(self):
        while True:
            await asyncio.sleep(_FLUSH_S)
            self.journal.flush()

    async def _heartbeats(self):
        """Each open connection one every `heartbeat_s`, on average, beside its PONGs."""
        while True:
            await asyncio.sleep(_HEARTBEAT_TICK_S)
            count = len(self.open_connections) * _HEARTBEAT_TICK_S / self.heartbeat_s
            count = int(count) + self.chance(count % 1)
            for connection in self.random.sample(list(self.open_connections), min(count, len(self.open_connections))):
                connection.heartbeat()

    # Churn: each does one thing, if there is somebody to do it

    def _somebody(self, devices_least=1):
        """(user, his devices that something may be done with), or None where chance finds none."""
        for _ in range(20):
            user = self.random.choice(self.users)
            devices = user.open_devices()
            if len(devices) >= devices_least:
                return user, devices
        return None

    def _come_or_leave(self):
        there = sum(bool(user.devices) for user in self.users)
        if there < ONLINE_SHARE * len(self.users):
            user = self.random.choice([user for user in self.users if not user.devices])
            user.new_device(self.any_edge())
            return True
        found = self._somebody()
        if found:
            for device in list(found[0].devices):
                device.leave(self._how())
        return bool(found)

    def _how(self):
        return "abort" if self.chance(_ABORTS) else "clean"

    def _another_device(self):
        found = self._somebody()
        if not found or len(found[0].devices) >= DEVICES_MOST:
            return False
        found[0].new_device(self.any_edge())
        return True

    def _one_device_less(self):
        found = self._somebody(devices_least=2)
        if found:
            self.random.choice(found[1]).leave(self._how())
        return bool(found)

    def _move(self):
        found = self._somebody()
        if found:
            device = self.random.choice(found[1])
            device.move(self.another_edge(device.connection.edge))
        return bool(found)

    def _status(self):
        found = self._somebody()
        if found:
            connection = self.random.choice(found[1]).connection
            connection.set_status(self.random.choices(("online", "away", "busy", "invisible"), (5, 3, 3, 1))[0])
        return bool(found)

    def _mute(self):
        found = self._somebody()
        if found:
            self.random.choice(found[1]).connection.mute()
            found[0].changed()
        return bool(found)

    def _refused(self):
        host, port = self.addresses[self.any_edge()].rsplit(":", 1)
        self.spawn(Refused(self).connect(host, int(port), self.source))
        return True

    # Questions

    def settled(self, age_s):
        before = self.loop.time() - age_s
        return [[user.name, user.shown] for user in self.users if user.changed_at < before and user.is_settled]

    def flicker(self, connections, rounds, within_s):
        there = [connection for connection in self.open_connections if connection.status != "invisible"]
        for connection in self.random.sample(there, min(connections, len(there))):
            self.spawn(self._flicker(connection, rounds, within_s))

    async def _flicker(self, connection, rounds, within_s):
        usual = connection.status
        other = "busy" if usual == "online" else "online"
        pause_s = within_s / (2 * rounds)
        for status in [other, usual] * rounds:
            await asyncio.sleep(self.random.uniform(0, 2 * pause_s))
            if not connection.may_speak:
                return
            connection.set_status(status)

    def calm(self):
        self._churning.cancel()

    def report(self):
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {"counts": self.counts, "cpu_s": used.ru_utime + used.ru_stime, "worst_stall_ms": self.stalls.worst_ms,
                "open": len(self.open_connections), "unsettled": sum(not user.is_settled for user in self.users)}

    def stop(self):
        self.calm()
        self.journal.close()
        for user in self.users:
            for device in list(user.devices):
                device.leave("clean")


def handlers():
    load = []

    def start(**settings):
        load.append(Load(**settings))

    return {"start": start, "settled": lambda age_s: load[0].settled(age_s), "flicker": lambda **how: load[0].flicker(**how),
            "calm": lambda: load[0].calm(), "report": lambda: load[0].report(), "stop": lambda: load[0].stop()}


if __name__ == "__main__":
    main(handlers)
