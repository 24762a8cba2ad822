"""The system under test as `./zpresence up` has it: release binaries, default settings but those named here, the Redis
and the gateway configured by the launcher's own functions. Started directly and not by `up`, so that nothing of it can
outlive the benchmark: the kernel ends these processes with it."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import shlex
import subprocess

from .subject import BUILD, REPOSITORY, Process, Subject, base_environment, eventually, free_ports

# As `up` starts them, and how many ports each has: first the one of its clients, last its admin endpoint.
_PORTS = {"presence-core": 3, "expiry-watcher": 1, "fanout": 2, "http-api": 2, "ws-edge": 2}

# Clients prove who they are, and only dashboards hear everybody: what the targets speak of. Who asks over HTTP is one address.
_SETTINGS = {"USE_AUTHENTICATION": "true", "PRESENCE_AUDIENCE": "role", "HTTP_REQUESTS_PER_CLIENT": "0", "LOG_LEVEL": "warn"}


class Zpresence(Subject):
    name = "zpresence"

    def __init__(self, edges=1, cores=1, gateway=False, **settings):
        super().__init__()
        self.gateway = gateway
        self.name = "zpresence through HAProxy" if gateway else "zpresence"
        self._key = secrets.token_hex(32)
        self._settings = {**_SETTINGS, "SECRET_KEY": self._key, **{name: str(value) for name, value in settings.items()}}
        self._counts = {"presence-core": cores, "expiry-watcher": 1, "fanout": 1, "http-api": 1, "ws-edge": edges}
        self._ports = {f"{kind}-{i + 1}": free_ports(_PORTS[kind]) for kind, n in self._counts.items() for i in range(n)}
        self._ports.update(redis=free_ports(1), gateway=free_ports(1))
        self.gateway_port = free_ports(1)

    # Addresses and tokens

    def _of_kind(self, kind):
        return [f"{kind}-{i + 1}" for i in range(self._counts[kind])]

    @property
    def addresses(self):
        if self.gateway:
            return [f"127.0.0.1:{self.gateway_port}"]
        return [f"127.0.0.1:{self._ports[name]}" for name in self.front]

    @property
    def front(self):
        return self._of_kind("ws-edge")

    @property
    def api_port(self):
        return self._ports["http-api-1"]

    @property
    def bulk_port(self):
        return self.gateway_port if self.gateway else self.api_port

    def part(self, name):
        return next(part for part in self.parts if part.name == name)

    def token(self, number, watcher):
        claims = {"sub": f"u{number:07d}", **({"role": "dashboard"} if watcher else {})}
        signed = _base64({"alg": "HS256", "typ": "JWT"}) + "." + _base64(claims)
        signature = hmac.new(self._key.encode(), signed.encode(), hashlib.sha256).digest()
        return signed + "." + base64.urlsafe_b64encode(signature).decode().rstrip("=")

    # Life

    def start(self):
        self._write_configuration()
        self._start("redis", ["redis-server", self.folder / "redis.conf"], None)
        eventually("redis answers", self._redis_answers)
        for name in (name for kind in _PORTS for name in self._of_kind(kind)):
            kind, first = name.rsplit("-", 1)[0], self._ports[name]
            self._start(name, [BUILD / "bin" / kind], first + _PORTS[kind] - 1)
        for part in self.parts[1:]:
            part.wait_ready()
        if self.gateway:
            self._start("gateway", ["haproxy", "-db", "-f", self.folder / "haproxy.cfg"], self._ports["gateway"])
            self.part("gateway").wait_ready()

    def _start(self, name, argv, admin_port):
        environment = {**base_environment(), **self._settings, **self._own_settings(name)}
        admin = f"127.0.0.1:{admin_port}" if admin_port else None
        self.parts.append(Process(name, argv, environment, self.folder / f"{name}.log", admin).start())

    def _own_settings(self, name):
        kind, first = name.rsplit("-", 1)[0], self._ports[name]
        listen = f"127.0.0.1:{first}"
        # As the launcher has it: the gateway says who its clients are.
        own = {"ws-edge": {"WS_LISTEN": listen, "TRUSTED_PROXIES": "127.0.0.1"},
               "http-api": {"HTTP_LISTEN": listen, "TRUSTED_PROXIES": "127.0.0.1"},
               "fanout": {"FANOUT_LISTEN": f"tcp://{listen}"},
               "presence-core": {"CORE_LISTEN": f"tcp://{listen}", "CORE_PUB_LISTEN": f"tcp://127.0.0.1:{first + 1}"}}
        cores = [self._ports[core] for core in self._of_kind("presence-core")]
        return {
            "PROCESS_NAME": name,
            "ADMIN_LISTEN": f"127.0.0.1:{first + _PORTS.get(kind, 1) - 1}",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self._ports["redis"]),
            "CORE_ENDPOINTS": ",".join(f"tcp://127.0.0.1:{port}" for port in cores),
            "CORE_PUB_ENDPOINTS": ",".join(f"tcp://127.0.0.1:{port + 1}" for port in cores),
            "FANOUT_ENDPOINTS": ",".join(f"tcp://127.0.0.1:{self._ports[fanout]}" for fanout in self._of_kind("fanout")),
            **own.get(kind, {}),
        }

    def _write_configuration(self):
        """redis.conf and haproxy.cfg, by the functions with which `up` writes them."""
        for name, first in self._ports.items():
            (self.folder / "ports").mkdir(exist_ok=True)
            (self.folder / "ports" / name).write_text(f"{first}\n")
        parts = ("say", "settings", "packages", "build", "ports", "processes", "redis", "haproxy")
        script = ["set -u", f"ROOT={shlex.quote(str(REPOSITORY))}"]
        script += [f"source \"$ROOT/launcher/{part}.sh\"" for part in parts]
        script += ["load_settings", "write_redis_conf", f"write_haproxy_cfg {' '.join(self._ports)}"]
        environment = {**os.environ, **self._settings, "PORT": str(self.gateway_port), "ZPRESENCE_BIND": "127.0.0.1",
                       "ZPRESENCE_HOME": str(self.folder), "ZPRESENCE_BUILD": str(BUILD), "ZPRESENCE_REDIS": "private",
                       "ZPRESENCE_ENV_FILE": "/dev/null", "REDIS_PASSWORD": ""}
        subprocess.run(["bash", "-c", "\n".join(script)], env=environment, check=True, timeout=30)

    def _redis_answers(self):
        asked = subprocess.run(["redis-cli", "-p", str(self._ports["redis"]), "PING"], capture_output=True, timeout=5,
                               check=False)
        return asked.stdout.strip() == b"PONG"


def _base64(value):
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")
