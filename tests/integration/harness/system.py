"""The five real services and a private Redis, with durations short enough for tests.

`System(folder, edges=2, cores=2, PRESENCE_TTL=3)`: any number of each service, any setting of settings.def. A
service that is told where its peers are is told of all of them; `route` may have it find one of them elsewhere."""

import contextlib
import os
import pathlib
import threading

from . import bulk, redis_state
from . import http_client as http
from .build import BUILD, REPOSITORY, binary
from .child_client import ChildClient
from .event_source import EventSource
from .keys import keys_of
from .ports import free_port
from .process import Process, base_environment
from .python_client import PythonClient
from .redis_server import RedisServer
from .users import new_user
from .waiting import PATIENCE_S, SLACK_S, eventually

__all__ = ["BUILD", "REPOSITORY", "SHORT", "System", "binary"]

# Every duration of the system, scaled down. Tests read bounds from System.settings, never from here. The lease is
# longer than the second by which the service clock may jump after a pause: the jump alone must not end it.
SHORT = {
    "PRESENCE_TTL": 2,
    "PING_INTERVAL": 300,
    "EDGE_LEASE_MS": 1600,
    "RECONNECT_GRACE_MS": 1000,
    "CLOCK_TICK_MS": 50,
    "BEAT_INTERVAL_MS": 100,
    "PEER_TIMEOUT_MS": 600,
    "ACK_TIMEOUT_MS": 300,
    "ENDPOINT_REFRESH_MS": 200,
    "REORDER_WINDOW_MS": 20,
    "REDIS_TIMEOUT_MS": 1000,
    "HTTP_DEADLINE_MS": 1000,
    "HTTP_PRESENCE_TTL": 2,
    "ONLINE_FRESHNESS": 1,
    "HTTP_OFFLINE_DELAY_MS": 500,
    "RECONNECT_SPREAD_MS": 500,
    "DRAIN_MS": 2000,
    "STREAM_COMMENT_MS": 200,
    "STREAM_RETRY_MS": 50,
}

if os.environ.get("ZPRESENCE_TEST_DEBUG"):
    SHORT["DEBUG"] = "vp:*"


def direct(_service, _peer, port):
    """The route of every service to every peer, where no test says otherwise."""
    return port


class System:
    """Use as a context manager: what starts with it ends with it, and the end is checked.

    `route(service, peer, port)` gives the port of 127.0.0.1 at which that service finds that peer, which listens on
    `port`: "ws-edge-1", and "presence-core-2", "presence-core-2/pub", "fanout-1" or "redis"."""

    running = []  # every System that is up, for the report of a failed test

    def __init__(self, folder, edges=1, cores=1, watchers=1, fanouts=1, apis=1, route=direct, **settings):
        self.folder = pathlib.Path(folder)
        self.settings = {**SHORT, **settings}
        self.redis_server = RedisServer(self.folder)
        self.clients = []
        self._route = route
        self._core_ports = [(free_port(), free_port()) for _ in range(cores)]
        self._fanout_ports = [free_port() for _ in range(fanouts)]
        self._common = {**base_environment(), **{name: _as_text(value) for name, value in self.settings.items()}}
        self.cores = [self._service("presence-core", i, CORE_LISTEN=f"tcp://127.0.0.1:{router}",
                                    CORE_PUB_LISTEN=f"tcp://127.0.0.1:{pub}")
                      for i, (router, pub) in enumerate(self._core_ports)]
        self.fanouts = [self._service("fanout", i, FANOUT_LISTEN=f"tcp://127.0.0.1:{port}")
                        for i, port in enumerate(self._fanout_ports)]
        self.watchers = [self._service("expiry-watcher", i) for i in range(watchers)]
        self.edges, self.apis = [], []
        for i in range(edges):
            address = f"127.0.0.1:{free_port()}"
            self.edges.append(self._service("ws-edge", i, WS_LISTEN=address))
            self.edges[i].address = address
        for i in range(apis):
            address = f"127.0.0.1:{free_port()}"
            self.apis.append(self._service("http-api", i, HTTP_LISTEN=address))
            self.apis[i].address = address

    def _service(self, kind, index, **own):
        name = f"{kind}-{index + 1}"
        admin = f"127.0.0.1:{free_port()}"
        environment = {**self._common, "BUS_KEYS": str(keys_of(kind)), **self._peers(name), **own,
                       "PROCESS_NAME": name, "ADMIN_LISTEN": admin}
        return Process(name, [binary(kind)], environment, self.folder / f"{name}.log", admin)

    def _peers(self, service):
        """Where that service finds the others, as settings."""

        def endpoints(peer, ports):
            routed = (self._route(service, peer.format(i + 1), port) for i, port in enumerate(ports))
            return ",".join(f"tcp://127.0.0.1:{port}" for port in routed)

        return {
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self._route(service, "redis", self.redis_server.port)),
            "CORE_ENDPOINTS": endpoints("presence-core-{}", [router for router, _ in self._core_ports]),
            "CORE_PUB_ENDPOINTS": endpoints("presence-core-{}/pub", [pub for _, pub in self._core_ports]),
            "FANOUT_ENDPOINTS": endpoints("fanout-{}", self._fanout_ports),
        }

    @property
    def services(self):
        return self.cores + self.fanouts + self.watchers + self.edges + self.apis

    def of_kind(self, kind):
        return [service for service in self.services if service.name.rsplit("-", 1)[0] == kind]

    # Settings in seconds, for bounds

    def seconds(self, name):
        value = self.settings[name]
        return float(value) if name in ("PRESENCE_TTL", "HTTP_PRESENCE_TTL", "ONLINE_FRESHNESS") else value / 1000

    @property
    def ttl_s(self):
        return self.seconds("PRESENCE_TTL")

    @property
    def edge_death_s(self):
        """DESIGN section 2: after an edge crash its users are offline within lease + grace + 1 s."""
        return self.seconds("EDGE_LEASE_MS") + self.seconds("RECONNECT_GRACE_MS") + 1.0

    # Life

    def __enter__(self):
        self.running.append(self)
        try:
            self.redis_server.start()
            for service in self.services:
                service.start()
            self.wait_ready()
        except BaseException:
            self.abandon()
            raise
        return self

    def __exit__(self, kind, value, traceback):
        if kind is not None:
            self.abandon()
            return
        try:
            self.end()
        finally:
            self.abandon()

    def wait_ready(self, within_s=PATIENCE_S):
        for service in self.services:
            service.wait_ready(within_s)

    def heal(self):
        """After a test that broke something on purpose: everything up, as at the start."""
        if not self.redis_server.process.is_running():
            self.redis_server.process.heal()
        for service in self.services:
            service.heal()
        self.wait_ready()

    def end(self):
        """Everybody is gone and nothing is left of them; then SIGTERM for all: clean exit codes, no sanitizer report."""
        self.close_clients()
        if all(process.is_running() for process in self.services + [self.redis_server.process]):
            self.check_at_rest()
        alive = [service for service in self.services if service.is_running()]
        last = [service for service in alive if service in self.cores]
        for group in ([service for service in alive if service not in last], last):
            for service in group:
                service.terminate()
            for service in group:
                service.stopped()
        self.check_sanitizers()

    def check_at_rest(self):
        for service in self.services:
            service.disarm()
        redis, within_s = self.redis(), self.edge_death_s + self.ttl_s + self.seconds("HTTP_PRESENCE_TTL") + SLACK_S
        eventually("nothing is left of anybody", lambda: not redis_state.left_over(redis), within_s)
        for edge in self.edges:
            eventually(f"{edge.name} keeps nobody", lambda edge=edge: edge.metric("zpresence_edge_users") == 0)
        assert redis_state.broken_in_views(redis) == []
        assert redis_state.broken_in_log(redis) == []

    def check_sanitizers(self):
        for service in self.services:
            report = service.sanitizer_report()
            assert report is None, f"{service.name}: {report}"

    def abandon(self):
        for client in self.clients:
            client.end()
        self.clients = []
        for service in self.services + [self.redis_server.process]:
            service.abandon()
        if self in self.running:
            self.running.remove(self)

    # Clients

    def connect(self, user, edge=0, family=None, **options):
        """A client of `user` at that edge: of Python's websockets in this process (family None), or as a process of
        its own, of family "python" or "node". Closed after the test."""
        url = self.ws_url(edge)
        if family:
            client = ChildClient(family, url, user, **options)
        else:
            client = PythonClient(url, user, **options)
        self.clients.append(client)
        return client

    def observe(self, edge=0, **options):
        """A client that has heard that it is online itself: from here on it hears everything."""
        client = self.connect(new_user("observer"), edge, **options)
        client.wait_status(client.user, "online")
        return client

    def stream(self, query="", apis=(0,), **options):
        """An EventSource at these http-apis, in turn. Closed after the test."""
        source = EventSource([self.apis[i].address for i in apis], f"/api/presence/stream{query}", **options)
        self.clients.append(source)
        return source

    def close_clients(self):
        clients, self.clients = self.clients, []
        for client in clients:
            client.end()
        for client in clients:
            client.check_alternation()

    # Addresses and state

    def ws_url(self, edge=0):
        return f"ws://{self.edges[edge].address}"

    @property
    def api_address(self):
        return self.apis[0].address

    def redis(self):
        return self.redis_server.client()

    def bulk(self, *users):
        """The bulk answer, as an HTTP answer."""
        return bulk.ask(self.api_address, *users)

    @contextlib.contextmanager
    def sampling_bulk(self, users):
        """Asks for all of `users`, over and over; gives the growing set of statuses that answers named. Errors name
        none."""
        statuses, enough = set(), threading.Event()

        def sample():
            while not enough.wait(0.02):
                with contextlib.suppress(OSError, http.HTTPException):
                    answer = self.bulk(*users)
                    if answer.status == 200:
                        statuses.update(state["status"] for state in answer.json().values())

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            yield statuses
        finally:
            enough.set()
            sampler.join()

    def bulk_status(self, user):
        """What the bulk query says of one user now; None where it cannot say."""
        return bulk.state(self.api_address, user)["status"]

    def logs(self):
        return "".join(service.log() for service in self.services)

    def wait_log(self, text, within_s=PATIENCE_S):
        eventually(f"a log line with {text!r}", lambda: text in self.logs(), within_s)


def _as_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
