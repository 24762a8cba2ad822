"""What people have today, measured by the same rows: a presence server made of ws and redis, and one of Socket.IO with
its Redis adapter (tests/bench/peers). Each with a Redis of its own that persists as ours does."""

import shutil
import socket
import subprocess

from .subject import REPOSITORY, Process, Subject, base_environment, eventually, free_ports

FOLDER = REPOSITORY / "tests" / "bench" / "peers"


def install():
    """The packages that package-lock.json pins. Returns what went wrong; "" where nothing did."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not installed"
    marker, lock = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
    if marker.exists() and marker.stat().st_mtime >= lock.stat().st_mtime:
        return ""
    done = subprocess.run(["npm", "--prefix", FOLDER, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
                          capture_output=True, timeout=300, check=False)
    return done.stderr.decode().strip() if done.returncode else ""


class _Peer(Subject):
    program = ""

    def __init__(self, PING_INTERVAL=120000):
        super().__init__()
        self._ping_interval_ms = PING_INTERVAL
        self._redis_port, self.bulk_port = free_ports(1), free_ports(1)

    @property
    def addresses(self):
        return [f"127.0.0.1:{self.bulk_port}"]

    @property
    def front(self):
        return ["node"]

    def token(self, number, watcher):
        return f"u{number:07d}"

    def start(self):
        data = self.folder / "redis"
        data.mkdir()
        redis = ["redis-server", "--bind", "127.0.0.1", "--port", self._redis_port, "--dir", data, "--save", "",
                 "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]
        self.parts.append(Process("redis", redis, base_environment(), self.folder / "redis.log").start())
        eventually("redis answers", lambda: _listens(self._redis_port))
        environment = {**base_environment(), "NODE_ENV": "production", "PORT": str(self.bulk_port),
                       "REDIS_URL": f"redis://127.0.0.1:{self._redis_port}", "PRESENCE_TTL": "360",
                       "PING_INTERVAL": str(self._ping_interval_ms)}
        node = Process("node", [shutil.which("node"), FOLDER / self.program], environment, self.folder / "node.log")
        self.parts.append(node.start())
        eventually(f"{self.program} listens", lambda: _listens(self.bulk_port))


class WsPeer(_Peer):
    name = "ws + redis"
    program = "ws-presence.js"
    watcher_path = "/?watch=1"


class SocketIoPeer(_Peer):
    name = "Socket.IO + Redis adapter"
    program = "socketio-presence.js"
    wire = "socketio"
    user_path = "/socket.io/?EIO=4&transport=websocket"
    watcher_path = "/socket.io/?EIO=4&transport=websocket&watch=1"


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
