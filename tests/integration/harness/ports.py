"""Free ports outside of the kernel's ephemeral range, so that a port is still ours when its process is restarted."""

import os
import random
import socket

_FIRST, _LAST = 10000, 32000
_random = random.Random(os.urandom(8))
_given = set()


def free_port():
    for _ in range(1000):
        port = _random.randint(_FIRST, _LAST)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError(f"no free port between {_FIRST} and {_LAST}")


def is_listened_on(address):
    host, port = address.rsplit(":", 1)
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
