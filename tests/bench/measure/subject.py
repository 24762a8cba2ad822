"""What is measured: something that clients connect to, made of processes."""

import os
import pathlib
import shutil
import socket
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BUILD = REPOSITORY / "build" / "release"
sys.path.insert(0, str(REPOSITORY / "tests" / "integration"))
os.environ["ZPRESENCE_BUILD"] = str(BUILD)  # for the harness, which makes the keys of the bus

from harness import http_client as http  # noqa: E402
from harness.process import Process, base_environment  # noqa: E402
from harness.waiting import eventually  # noqa: E402

__all__ = ["BUILD", "REPOSITORY", "Process", "Subject", "base_environment", "eventually", "free_ports", "http"]

# Below the range from which the kernel takes the ports of outgoing connections, of which a load needs them all.
_PORTS_FIRST, _PORTS_LAST = 21000, 32000
_next_port = _PORTS_FIRST


def free_ports(count):
    """The first of `count` consecutive free ports, none of them given before."""
    global _next_port
    while _next_port + count <= _PORTS_LAST:
        first, _next_port = _next_port, _next_port + count
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError(f"no free ports between {_PORTS_FIRST} and {_PORTS_LAST}")


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Subject:
    """Use as a context manager: what starts with it ends with it, and its folder is removed."""

    name = ""
    wire = "presence"
    watcher_path = "/?statuses=full"
    user_path = "/"

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zpresence-bench-"))
        self.parts = []  # Process, in the order of their start

    @property
    def addresses(self):
        """Where clients connect."""
        raise NotImplementedError

    @property
    def front(self):
        """The names of the processes that hold clients' sockets."""
        raise NotImplementedError

    def token(self, number, watcher):
        raise NotImplementedError

    def start(self):
        raise NotImplementedError

    @property
    def pids(self):
        return {part.name: part.pid for part in self.parts if part.is_running()}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.abandon()
            raise
        return self

    def __exit__(self, kind, _value, _traceback):
        try:
            if kind is None:
                for part in self.parts:
                    assert part.is_running(), f"{part.name} ended during the measurement\n{part.log_tail()}"
        finally:
            self.abandon()

    def abandon(self):
        for part in reversed(self.parts):
            part.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)
