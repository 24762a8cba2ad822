"""Those who watch, as a process of its own: dashboards at every edge, and one without a role who watches all users by
name, each with a journal and a view. Questions:

    start    settings
    pause    `name` reads nothing until `resume`, and is heard of all the while
    resume   `name`
    compare  what each observer's view has otherwise than `expected` ([user, status]...); None: it cannot say yet
    report, stop"""

import asyncio
import datetime
import pathlib
import random
import resource

import msgpack

from . import websocket
from .child import main
from .journal import Journal
from .stalls import LoopStalls, settle_memory
from .tokens import token
from .users import HEARTBEAT_FRAME, basic

UPDATE, SNAPSHOT, SUBSCRIBE = 31, 32, 33
# WIRE.md: a page of a snapshot that has fewer users than SNAPSHOT_PAGE (its default) is the last one.
_PAGE_USERS = 100
_FLUSH_S = 0.5
_RETRY_S = (0.05, 0.4)
# Who does not read sends no PONG: often enough for every TTL.
_HEARTBEAT_S = 0.4


def unix_ms(timestamp):
    """Of the map form's ISO 8601 text."""
    return round(datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp() * 1000)


class Observer:
    """Connects, and again whenever the connection is gone, first at `home`, then on any edge."""

    def __init__(self, name, statuses, watches, home, folder, addresses, seed):
        self.name, self.statuses, self.watches, self.addresses = name, statuses, watches, addresses
        self.journal = Journal(pathlib.Path(folder) / f"{name}.jsonl")
        self.random = random.Random(seed)
        self.view, self.is_complete, self.over = {}, False, False
        self.frames_count = 0
        self.connection = None
        self.paused = None  # while it does not read: what goes on meanwhile
        self.connect(home)

    def connect(self, edge):
        if not self.over:
            self.connection = ObserverConnection(self, edge)
            host, port = self.addresses[edge].rsplit(":", 1)
            self.task = asyncio.ensure_future(self.connection.connect(host, int(port), small_buffers=True))

    def again(self):
        self.is_complete = False
        if not self.over:
            asyncio.get_running_loop().call_later(self.random.uniform(*_RETRY_S), self.connect,
                                                  self.random.choice(list(self.addresses)))

    def on_open(self, edge):
        self.journal.note("watching", observer=self.name, statuses=self.statuses, edge=edge)
        self.view, self.is_complete = {}, False
        if self.watches:
            self.connection.send(websocket.frame(websocket.BINARY, msgpack.packb(
                {"messageType": SUBSCRIBE, "userIds": self.watches})))

    def on_lost(self):
        self.journal.note("lost")
        self.again()

    def on_message(self, payload):
        message = msgpack.unpackb(payload)
        if message["messageType"] == UPDATE:
            user, status = message["fromId"], message["status"]
            self.journal.note("frame", user=user, status=status, at=unix_ms(message["timestamp"]))
            self.view[user] = status
            self.frames_count += 1
        elif message["messageType"] == SNAPSHOT:
            users = {row["userId"]: row["status"] for row in message["users"]}
            self.view.update(users)
            # A list names everybody on it.
            last = self.watches[-1] in users if self.watches else len(users) < _PAGE_USERS
            self.journal.note("snapshot", users=users, last=last)
            self.is_complete = self.is_complete or last

    def pause(self):
        """One that is connecting goes on reading: there is nothing to be late with."""
        if self.connection.is_open:
            self.connection.transport.pause_reading()
            self.paused = asyncio.ensure_future(self._say_it_is_there(self.connection))

    def resume(self):
        if self.paused:
            self.paused.cancel()
            self.paused = None
            self.connection.transport.resume_reading()

    @staticmethod
    async def _say_it_is_there(connection):
        while True:
            connection.send(HEARTBEAT_FRAME)
            await asyncio.sleep(_HEARTBEAT_S)

    def differences(self, expected):
        if not self.is_complete:
            return None
        as_seen = basic if self.statuses == "basic" else str
        return [user for user, status in expected if self.view.get(user, "offline") != as_seen(status)]


class ObserverConnection(websocket.Client):
    def __init__(self, observer, edge):
        role = None if observer.watches else "dashboard"
        super().__init__(websocket.request_head(token(observer.name, role), "dashboard",
                                                "?statuses=full" if observer.statuses == "full" else ""))
        self.observer, self.edge = observer, edge

    def opened(self):
        self.observer.on_open(self.served_by or self.edge)

    def refused(self, why):
        self.observer.again()

    def pinged(self, payload):
        self.send(websocket.frame(websocket.PONG, payload))

    def received(self, payload):
        self.observer.on_message(payload)

    def ended(self, code):
        self.observer.on_lost()


class Observers:
    """`observers`: [name, statuses, watches, edge]...; each is also the name of its journal. `watches`: users, by name;
    none: everybody."""

    def __init__(self, folder, addresses, observers, seed):
        settle_memory()
        self.observers = {name: Observer(name, statuses, watches, edge, folder, addresses, seed + i)
                          for i, (name, statuses, watches, edge) in enumerate(observers)}
        self.stalls = LoopStalls(next(iter(self.observers.values())).journal)
        self.flushing = asyncio.ensure_future(self._flush())

    async def _flush(self):
        while True:
            await asyncio.sleep(_FLUSH_S)
            for observer in self.observers.values():
                observer.journal.flush()

    def compare(self, expected):
        return {name: observer.differences(expected) for name, observer in self.observers.items()}

    def report(self):
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {"frames": sum(observer.frames_count for observer in self.observers.values()),
                "cpu_s": used.ru_utime + used.ru_stime, "worst_stall_ms": self.stalls.worst_ms}

    def stop(self):
        for observer in self.observers.values():
            observer.over = True
            observer.journal.close()
            observer.connection.close()


def handlers():
    made = []

    def start(**settings):
        made.append(Observers(**settings))

    return {"start": start, "pause": lambda name: made[0].observers[name].pause(),
            "resume": lambda name: made[0].observers[name].resume(), "compare": lambda expected: made[0].compare(expected),
            "report": lambda: made[0].report(), "stop": lambda: made[0].stop()}


if __name__ == "__main__":
    main(handlers)
