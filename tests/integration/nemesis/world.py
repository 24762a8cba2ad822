"""What a run has: the system under test, its links, the load, the observers, who asks, and the journal of the run."""

import json
import pathlib
import time

import redis

from harness import http_client as http
from harness.system import System

from .child import Child
from .journal import Journal
from .links import Links
from .tokens import SECRET

# Short, and the lease longer than the second by which the service clock may jump after a pause.
SETTINGS = {
    "WATCHES_PER_CLIENT": 1000,
    "PRESENCE_TTL": 3,
    "PING_INTERVAL": 800,
    "EDGE_LEASE_MS": 2000,
    "RECONNECT_GRACE_MS": 1500,
    "PEER_TIMEOUT_MS": 1000,
    "ACK_TIMEOUT_MS": 400,
    "CLOCK_TICK_MS": 50,
    "BEAT_INTERVAL_MS": 150,
    "TICK_TIMEOUT_MS": 400,
    "RECONNECT_SPREAD_MS": 500,
    # As long as a process of a run may be kept from running (a longer stall voids it): an edge that answers a handshake
    # and then has to wait for the machine must still be the first to be heard.
    "LEAVE_DELAY_MS": 200,
    # Low: whatever comes in one burst is coalesced, what comes alone is not.
    "COALESCE_ABOVE": 2,
    "USE_AUTHENTICATION": True,
    "SECRET_KEY": SECRET,
    "PRESENCE_AUDIENCE": "role",
}

_BULK_MOST = 1000  # BULK_MAX_IDS
FLICKER_S = 2.5
_FLICKERS = 3


class World:
    """Use as a context manager. `shape`: how many of each service."""

    def __init__(self, folder, seed, users_count, shape, settings=None):
        self.folder = pathlib.Path(folder)
        self.seed = seed
        self.users = [f"user-{i}" for i in range(users_count)]
        (self.folder / "processes").mkdir(parents=True)
        self.journal_folder = self.folder / "journal"
        self.journal_folder.mkdir()
        self.links = Links()
        self.system = System(self.folder / "processes", route=self.links.route, **shape,
                             **{**SETTINGS, **(settings or {})})
        self.journal = Journal(self.journal_folder / "run.jsonl")
        self.down = set()  # services that are not to run now
        self.mortal = set()  # those that may die of a fault point
        self.children = {}
        self.observers = []  # (name, statuses, watches, edge at first)
        self.recorder = None  # once it is started: what faults ask before they lose data

    def __enter__(self):
        started = False
        self._note_run()
        try:
            self.links.start(self._log("proxy"))
            self.system.__enter__()
            started = True
            return self
        finally:
            if not started:
                self.links.end()

    def __exit__(self, kind, value, traceback):
        try:
            for child in self.children.values():
                child.end()
            self.system.__exit__(kind, value, traceback)
        finally:
            self.links.end()
            self.journal.close()

    def _log(self, name):
        return self.folder / "processes" / f"{name}.log"

    def _note_run(self):
        system = self.system
        settings = {name: value for name, value in system.settings.items() if name != "SECRET_KEY"}
        self.journal.note(
            "run", settings=settings, seed=self.seed, unix_offset=time.time() - time.monotonic(),
            edges=[service.name for service in system.edges], cores=[service.name for service in system.cores],
            fanouts=[service.name for service in system.fanouts],
            watchers=[service.name for service in system.watchers], apis=[service.name for service in system.apis],
            users=len(self.users), links=self.links.names)

    def start_load(self, processes=1, by_name=False, **settings):
        """`settings`: as load.Load has them, for each of that many processes, between which the users are divided. The
        observers first: they see everybody come. `by_name`: all of them watch by name, and no edge hears of everybody."""
        edges = {edge.name: edge.address for edge in self.system.edges}
        names = list(edges)
        self.observers = [(f"observer-{i + 1}", "full" if i % 2 == 0 else "basic", [], names[i % len(names)])
                          for i in range(len(names) + 1)]
        watches = [*self.users, *(name for name, *_ in self.observers), "observer-by-name"]
        if by_name:
            self.observers = [(name, "full", watches, edge) for name, _, _, edge in self.observers]
        if len(watches) <= SETTINGS["WATCHES_PER_CLIENT"]:
            self.observers.append(("observer-by-name", "full", watches, names[0]))
        self.children["observers"] = Child("observers", self._log("observers"), {
            "folder": str(self.journal_folder), "addresses": edges, "observers": self.observers, "seed": self.seed})
        for i in range(processes):
            name = f"load-{i + 1}"
            self.children[name] = Child("load", self._log(name), {
                "journal": str(self.journal_folder / f"{name}.jsonl"), "addresses": edges,
                "users": self.users[i::processes], "source": f"127.0.0.{2 + i}",
                "seed": self.seed % 1000 * processes + i + 1, **settings})
        self.children["queries"] = Child("queries", self._log("queries"), {
            "journal": str(self.journal_folder / "queries-1.jsonl"), "users": self.users, "rate": 4, "seed": self.seed,
            "addresses": [api.address for api in self.system.apis]})

    @property
    def loads(self):
        return [child for name, child in self.children.items() if name.startswith("load")]

    def flicker(self, connections):
        """That many of them change status and back, some times in about FLICKER_S."""
        for load in self.loads:
            load.ask("flicker", connections=connections // len(self.loads), rounds=_FLICKERS, within_s=FLICKER_S)

    def settled(self, age_s):
        """{user: status} of those who have not changed for that long and have nothing under way."""
        return {user: status for load in self.loads for user, status in load.ask("settled", age_s=age_s)}

    # What is read beside it

    def open_redis(self, **options):
        return redis.Redis(host="127.0.0.1", port=self.system.redis_server.port, decode_responses=True, **options)

    @property
    def measured(self):
        """Processes whose size is noted."""
        return [*self.system.services, self.system.redis_server.process]

    # Services

    def service(self, name):
        return next(service for service in self.system.services if service.name == name)

    def note_edge(self, service, phase):
        if service in self.system.edges:
            self.journal.note("edge", edge=service.name, phase=phase)

    def kill(self, service):
        self.down.add(service.name)
        self.note_edge(service, "lost")
        service.kill()

    def terminate(self, service):
        self.down.add(service.name)
        self.note_edge(service, "lost")
        service.stop()

    def bring_back(self, service):
        """Started, not waited for: what happens until it is ready is part of the recovery."""
        service.start()
        self.down.discard(service.name)
        self.note_edge(service, "back")

    def freeze(self, service):
        self.note_edge(service, "frozen")
        service.freeze()

    def thaw(self, service):
        service.thaw()
        self.note_edge(service, "thawed")

    def has_died(self, service):
        """Of a fault point, as it was told to."""
        self.down.add(service.name)
        self.note_edge(service, "lost")
        service.wait_end()

    def died(self):
        """Names of services that ended without being told to."""
        return [service.name for service in self.system.services
                if service.name not in self.down | self.mortal and not service.is_running()]

    # How it stands

    def ask_bulk(self, api, users, timeout_s=1.0):
        """{user: status}, or None where it cannot say."""
        statuses = {}
        for first in range(0, len(users), _BULK_MOST):
            body = json.dumps({"userIds": users[first:first + _BULK_MOST]}).encode()
            try:
                answer = http.post(api.address, "/api/presence/status", body, {"Content-Type": "application/json"}, timeout_s)
            except (OSError, http.HTTPException):
                return None
            if answer.status != 200:
                return None
            statuses.update({user: state["status"] for user, state in answer.json().items()})
        return statuses

    def report(self):
        return {name: child.ask("report") for name, child in self.children.items()}
