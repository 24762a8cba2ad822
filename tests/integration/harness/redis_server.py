"""A private redis-server as the project runs it: AOF every second, no eviction, keyspace events asked for."""

import contextlib
import shutil
import subprocess
import threading

import redis

from .ports import free_port
from .process import Process, base_environment
from .waiting import eventually


class RedisServer:
    def __init__(self, folder):
        assert shutil.which("redis-server"), "redis-server is not installed"
        self.port = free_port()
        data = folder / "redis"
        data.mkdir()
        argv = ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--dir", data, "--save", "",
                "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
                "--notify-keyspace-events", "Ex", "--daemonize", "no", "--loglevel", "notice"]
        self.process = Process("redis", argv, base_environment(), folder / "redis.log")

    def start(self):
        self.process.start()
        self._client = redis.Redis(host="127.0.0.1", port=self.port, decode_responses=True, socket_timeout=5)
        eventually("redis answers", self._answers)
        return self

    def _answers(self):
        try:
            return self._client.ping()
        except redis.exceptions.RedisError:
            return False

    def client(self):
        return self._client

    def cli(self, *arguments):
        """What the guide tells people to type: redis-cli, its raw output."""
        done = subprocess.run(["redis-cli", "-p", str(self.port), *map(str, arguments)],
                              capture_output=True, timeout=10, check=True)
        return done.stdout.decode().rstrip("\n")

    @contextlib.contextmanager
    def cli_subscribed(self, channel):
        """redis-cli SUBSCRIBE, as a person runs it; gives a function that returns the lines printed so far."""
        lines = []
        child = subprocess.Popen(["redis-cli", "-p", str(self.port), "SUBSCRIBE", channel], stdout=subprocess.PIPE)
        reader = threading.Thread(target=lambda: lines.extend(_stripped_lines(child.stdout)), daemon=True)
        try:
            reader.start()
            eventually("redis-cli has subscribed", lambda: self.client().pubsub_numsub(channel)[0][1] > 0)
            yield lambda: list(lines)
        finally:
            child.kill()
            child.wait()
            reader.join()
            child.stdout.close()


def _stripped_lines(stream):
    for line in stream:
        yield line.decode().rstrip("\n")
