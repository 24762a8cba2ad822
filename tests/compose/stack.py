"""One compose project with a name, a port, settings and secrets of its own, and what can be asked of its containers."""

import ipaddress
import json
import os
import subprocess
import zlib
from dataclasses import dataclass

from engine import ENVIRONMENT, REPOSITORY, Failed, compose, docker, docker_lines, run
from harness import bulk
from harness import http_client as http
from harness.ports import free_port
from harness.waiting import eventually

SERVICES = ("presence-core", "expiry-watcher", "fanout", "http-api", "ws-edge")
TARGETS = ("gateway", "redis", *SERVICES, "keys", "prometheus")

_BUILD_S, _UP_S, _DOWN_S, _READY_S = 900, 240, 240, 120

# As the guide has it, comments and all: the .env of one machine must do here too.
GUIDE_ENV = """\
# Presence Configuration
PRESENCE_ENABLED=true           # Enable/disable presence system (default: true)
PRESENCE_TTL=360                # Time in seconds before marking offline (default: 360 = 6 minutes)
PING_INTERVAL=120000            # Ping interval in milliseconds (default: 120000 = 2 minutes)

# Redis Configuration (required for presence)
REDIS_HOST=localhost
REDIS_PORT=6379
REDIS_PASSWORD=                 # Leave empty if no password

# Server Configuration
USE_AUTHENTICATION=false        # Set to true if using JWT auth
SECRET_KEY=your-secret-key      # Required if USE_AUTHENTICATION=true
"""


class Images:
    """Built for these tests alone, under a name of their own, and removed with all that the build left. A context manager."""

    def __init__(self):
        self.prefix = f"zptest{os.getpid()}"

    def __enter__(self):
        try:
            # The stage that compiles is given a name, or it would stay behind as a nameless image.
            for target in ("build", *TARGETS):
                docker("build", "-f", "docker/Dockerfile", "--target", target, "-t", self.name(target), ".", within_s=_BUILD_S)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, traceback):
        run("/usr/bin/docker", "rmi", *map(self.name, ("build", *TARGETS)), check=False, within_s=_DOWN_S)

    def name(self, target):
        return f"{self.prefix}/{target}"


@dataclass(frozen=True)
class Container:
    id: str  # the short one, which is also its host name
    name: str
    service: str

    @property
    def process(self):
        """What its process calls itself."""
        return f"{self.service}-{self.id}"

    def exec(self, *command, check=True):
        return docker("exec", self.id, *command, check=check)

    def inspect(self):
        return json.loads(docker("inspect", self.id))[0]

    def address(self, network):
        """In the project's network of that name; None: it has none now."""
        networks = self.inspect()["NetworkSettings"]["Networks"]
        return next((each["IPAddress"] or None for name, each in networks.items() if name.endswith("_" + network)), None)

    def addresses(self):
        return [each["IPAddress"] for each in self.inspect()["NetworkSettings"]["Networks"].values()]

    def kill(self):
        """kill -9 of its first process, from outside: not `docker kill`, after which it would not be started again."""
        run("/bin/kill", "-9", eventually(f"{self.name} runs", lambda: self.inspect()["State"]["Pid"]))

    def log(self, lines="all"):
        return docker("logs", "--tail", lines, self.id)


def served_by(address):
    """What the gateway calls the edge at that address."""
    return f"edge-{zlib.crc32(ipaddress.ip_address(address).packed):016X}"


class Stack:
    """Use as a context manager: up and serving within, without a trace behind it. `scale`: service -> how many."""

    count = 0

    def __init__(self, images, folder, scale=None, **settings):
        Stack.count += 1
        self.project = f"{images.prefix}x{Stack.count}"
        self.folder, self.scale = folder, dict(scale or {})
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"ws://{self.address}"
        self.secrets, self.certificates = folder / "secrets", folder / "certs"
        self.certificates.mkdir()
        env_file = folder / "env"
        env_file.write_text(GUIDE_ENV + "".join(f"{name}={_as_text(value)}\n" for name, value in settings.items()))
        self._environment = {
            "PORT": str(self.port), "ZPRESENCE_BIND": "127.0.0.1", "ZPRESENCE_IMAGES": images.prefix,
            "ZPRESENCE_ENV_FILE": str(env_file), "ZPRESENCE_SECRETS": str(self.secrets),
            "ZPRESENCE_CERTS": str(self.certificates), "COMPOSE": f"docker-compose -p {self.project} --env-file {env_file}",
        }
        self._options = ["-p", self.project, "--env-file", env_file]

    def __enter__(self):
        run(REPOSITORY / "docker" / "make-secrets", **self._environment)
        try:
            self.up(**self.scale)
            self.wait_serving()
        except BaseException as error:
            print(f"{type(error).__name__} while {self.project} came up:\n{self.logs()}")
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, traceback):
        if kind is not None:
            print(self.logs())
        # The engine may take a moment to notice that nobody is in a network any more.
        eventually(f"{self.project} is removed", self._is_removed, _DOWN_S)

    def _is_removed(self):
        try:
            return self.compose("--profile", "ops", "down", "--volumes", "--remove-orphans", "--timeout", "5",
                                within_s=_DOWN_S) is not None
        except Failed as failed:
            print(failed)
            return False

    def compose(self, *arguments, within_s=_UP_S):
        return compose(*self._options, *arguments, within_s=within_s, **self._environment)

    def up(self, *arguments, **scale):
        """Every service as `scale` has it: {"ws-edge": 3}; those that it does not name, as they are."""
        self.scale.update(scale)
        options = [option for service, count in self.scale.items() for option in ("--scale", f"{service}={count}")]
        self.compose("up", "-d", "--no-build", "--no-recreate", *options, *arguments)

    def roll(self, within_s, *services):
        """docker/roll, as a process that is still running."""
        return subprocess.Popen(["timeout", str(within_s), REPOSITORY / "docker" / "roll", *services], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**ENVIRONMENT, **self._environment})

    def wait_serving(self, within_s=_READY_S):
        """Healthy, with every process that is meant to be there, past the rebuilding after a start of Redis, and so as each
        http-api, which take turns, sees it."""
        wanted = {service: self.scale.get(service, 1) for service in SERVICES}
        turns = range(2 * wanted["http-api"])
        eventually(f"{self.project} serves {wanted}",
                   lambda: all(self._health() == ("ok", wanted, False) and self._answers() for _ in turns), within_s)

    def _health(self):
        try:
            health = http.get(self.address, "/health", timeout_s=3).json()
        except (OSError, http.HTTPException, ValueError):
            return None
        return health.get("status"), health.get("services"), health.get("rebuilding")

    def _answers(self):
        try:
            return all(self.bulk("nobody").status == 200 for _ in range(2))
        except (OSError, http.HTTPException):
            return False

    def containers(self, *services):
        """Those that run, of these services or of all, oldest number first."""
        rows = docker_lines("ps", "--filter", f"label=com.docker.compose.project={self.project}", "--format",
                            '{{.ID}} {{.Names}} {{.Label "com.docker.compose.service"}}')
        found = [Container(*row.split()) for row in rows]
        return sorted((each for each in found if not services or each.service in services),
                      key=lambda each: (each.service, int(each.name.rsplit("_", 1)[1])))

    def one(self, service):
        return self.containers(service)[0]

    def logs(self):
        return self.compose("logs", "--no-color", "--tail", "40")

    def bulk(self, *users):
        return bulk.ask(self.address, *users)

    def online(self, *users):
        return bulk.online(self.address, *users)


def _as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)
