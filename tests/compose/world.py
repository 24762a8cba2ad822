"""A stack of containers under the nemesis' load, and the journal of it: what tests/integration/nemesis has for processes.

Clients know the gateway only, which says by a number of its address which edge took them (X-Served-By). What becomes of the
edges, and who dies, is written down as Docker tells of it, whoever did it: a kill, docker-compose, or the engine itself
that starts a container again."""

import json
import re
import threading
import time
from types import SimpleNamespace

import redis

from engine import docker, popen_docker
from nemesis.child import Child
from nemesis.journal import Journal
from nemesis.tokens import SECRET
from nemesis.world import World
from stack import SERVICES, Container, served_by

# Short, but with room for a machine that runs the containers, their clients and an engine on two processors.
SETTINGS = {
    "PRESENCE_TTL": 9,
    "PING_INTERVAL": 3000,
    "EDGE_LEASE_MS": 3000,
    "RECONNECT_GRACE_MS": 4000,
    "PEER_TIMEOUT_MS": 1500,
    "ACK_TIMEOUT_MS": 500,
    "CLOCK_TICK_MS": 100,
    "BEAT_INTERVAL_MS": 300,
    "TICK_TIMEOUT_MS": 500,
    "RECONNECT_SPREAD_MS": 500,
    "ENDPOINT_REFRESH_MS": 1000,
    # As long as an edge that has answered a handshake may be kept waiting by this machine.
    "LEAVE_DELAY_MS": 500,
    "USE_AUTHENTICATION": True,
    "SECRET_KEY": SECRET,
    "PRESENCE_AUDIENCE": "role",
}

_LABEL = "com.docker.compose."


class _RedisOfTheStack(redis.Connection):
    """Looks for the container anew at each connection: its address may be another one after a restart."""

    stack = None

    def _connect(self):
        containers = self.stack.containers("redis")
        self.host = containers and containers[0].address("store") or "0.0.0.0"
        return super()._connect()


class StackWorld(World):
    """A `nemesis.world.World` of a Stack that runs."""

    def __init__(self, stack, folder, seed, users_count):
        self.stack, self.folder, self.seed = stack, folder, seed
        self.users = [f"user-{i}" for i in range(users_count)]
        self.journal_folder = folder / "journal"
        self.journal_folder.mkdir()
        self.journal = Journal(self.journal_folder / "run.jsonl")
        self.down, self.children, self.recorder = set(), {}, None
        gateway = SimpleNamespace(name="gateway", address=stack.address)
        bound_s = (SETTINGS["EDGE_LEASE_MS"] + SETTINGS["RECONNECT_GRACE_MS"]) / 1000 + 1.0
        self.system = SimpleNamespace(apis=[gateway], edge_death_s=bound_s)
        self._note_run()
        self.events = Events(stack, self.journal)

    def _note_run(self):
        settings = {name: value for name, value in SETTINGS.items() if name != "SECRET_KEY"}
        self.journal.note("run", settings=settings, seed=self.seed, unix_offset=time.time() - time.monotonic(),
                          edges=[each.process for each in self.stack.containers("ws-edge")], users=len(self.users))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        for child in self.children.values():
            child.end()
        self.events.end()
        self.journal.close()

    def start_load(self, **settings):
        addresses = {"gateway": self.stack.address}
        observers = [(f"observer-{i + 1}", "full" if i % 2 == 0 else "basic", [], "gateway") for i in range(3)]
        self.children["observers"] = Child("observers", self.folder / "observers.log", {
            "folder": str(self.journal_folder), "addresses": addresses, "observers": observers, "seed": self.seed})
        self.children["load-1"] = Child("load", self.folder / "load-1.log", {
            "journal": str(self.journal_folder / "load-1.jsonl"), "addresses": addresses, "users": self.users,
            "seed": self.seed, **settings})
        self.children["queries"] = Child("queries", self.folder / "queries.log", {
            "journal": str(self.journal_folder / "queries-1.jsonl"), "users": self.users, "rate": 4, "seed": self.seed,
            "addresses": [self.stack.address]})

    def open_redis(self, **options):
        connection = type("Connection", (_RedisOfTheStack,), {"stack": self.stack})
        password = (self.stack.secrets / "redis_operator").read_text()
        return redis.Redis(connection_pool=redis.ConnectionPool(
            connection_class=connection, port=6379, username="operator", password=password, decode_responses=True, **options))

    @property
    def measured(self):
        return []  # how they grow is the nemesis' to find out

    def service(self, name):
        return SimpleNamespace(log_tail=lambda lines: docker("logs", "--tail", lines, name.rsplit("-", 1)[1], check=False))

    def ask_bulk(self, api, users, timeout_s=3.0):
        return super().ask_bulk(api, users, timeout_s)

    def died(self):
        """Processes that ended otherwise than by a signal that somebody sent."""
        return self.events.died_by_themselves


class Events:
    """What Docker tells of the containers, as lines of the journal: `edge` for edges, `fault` for who ends."""

    def __init__(self, stack, journal):
        self._stack, self._journal = stack, journal
        self._names = {each.id: self._names_of_edge(each) for each in stack.containers("ws-edge")}
        self._faults = {}  # container id -> the fault that has begun with it
        self._numbers = 0
        self.died_by_themselves = []
        filters = [f"label={_LABEL}project={stack.project}", "type=container", "event=kill", "event=die", "event=start"]
        self._popen = popen_docker("events", "--format", "{{json .}}",
                                   *(option for each in filters for option in ("--filter", each)))
        self._thread = threading.Thread(target=self._read, name="events", daemon=True)
        self._thread.start()

    def end(self):
        self._popen.terminate()
        self._popen.wait()
        self._thread.join()
        self._popen.stdout.close()

    @staticmethod
    def _names_of_edge(container):
        """As its clients know it, and as the log does."""
        address = container.address("door")
        return ([served_by(address)] if address else []) + [container.process]

    def _read(self):
        for line in self._popen.stdout:
            event = json.loads(line)
            attributes = event["Actor"]["Attributes"]
            container = Container(event["Actor"]["ID"][:12], attributes["name"], attributes[_LABEL + "service"])
            if container.service in (*SERVICES, "redis"):
                getattr(self, "_on_" + event["Action"])(container, attributes)

    def _on_kill(self, container, attributes):
        if attributes["signal"] in ("9", "15"):
            self._begins(container, "stop")

    def _on_die(self, container, attributes):
        self._begins(container, "kill")
        code = int(attributes["exitCode"])
        if code not in (0, 137, 143):
            self.died_by_themselves.append(f"{container.process} (exit code {code})")
        # Who is not there does not come between anybody else; what needs Redis waits for it.
        if container.service != "redis":
            self._ends(container)

    def _on_start(self, container, _attributes):
        # As the nemesis has it: who comes, or comes back, is a disturbance too, however short.
        self._begins(container, "start")
        self._ends(container)
        if container.service == "ws-edge":
            self._names[container.id] = self._names_of_edge(container)
            self._note_edge(container, "back")

    def _begins(self, container, name):
        if container.id in self._faults:
            return
        if name != "start":
            self._note_edge(container, "lost")
        self._numbers += 1
        self._faults[container.id] = (self._numbers, name)
        self._note_fault(container, "begin")

    def _ends(self, container):
        if container.id in self._faults:
            self._note_fault(container, "end")
            del self._faults[container.id]

    def _note_fault(self, container, phase):
        number, name = self._faults[container.id]
        target = "redis" if container.service == "redis" else self._names.get(container.id, [container.process])[0]
        self._journal.note("fault", id=number, name=name, target=target, phase=phase, process=container.process)

    def _note_edge(self, container, phase):
        for name in self._names.get(container.id, ()):
            self._journal.note("edge", edge=name, phase=phase)


def measured(container, metric):
    """The sum of a metric over its samples, from the process' own endpoint."""
    text = container.exec("bash", "-c", "exec 3<>/dev/tcp/$HOSTNAME/9100; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3")
    return sum(float(value) for value in re.findall(rf"^{metric}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))
