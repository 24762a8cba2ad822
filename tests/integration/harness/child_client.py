"""A client that is a process of its own, so that it can be frozen and killed: Node `ws`, or Python `websockets`.

Both speak JSON lines. Out: {"event": "open", "subprotocol"}, {"event": "frame", "base64", "message"},
{"event": "ping", "payload"}, {"event": "close", "code"}, {"event": "failed", "reason"}. In: {"send": base64},
{"close": true}."""

import base64
import json
import pathlib
import signal
import subprocess
import sys
import threading

import msgpack

from .inbox import Inbox
from .process import _die_with_the_test_run, base_environment
from .waiting import PATIENCE_S

_HERE = pathlib.Path(__file__).resolve().parent
NODE_FOLDER = _HERE.parent / "node"

FAMILIES = {
    "node": ["node", str(NODE_FOLDER / "client.js")],
    "python": [sys.executable, str(_HERE / "child_client_main.py")],
}


class ChildClient(Inbox):
    """Connected when constructed."""

    def __init__(self, family, url, user, device="device-1", query=""):
        super().__init__()
        self.user = user
        self.pings = []
        self.decoded = []  # as the client's own MessagePack library read them
        self.subprotocol = None
        self.close_code = None
        self.closed = False
        self._opened = False
        self._errors = []
        options = json.dumps({"url": url + "/" + query, "subprotocols": [user, device]})
        self._popen = subprocess.Popen(
            FAMILIES[family] + [options],
            env=base_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_die_with_the_test_run,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait("the child client is connected", lambda: self._opened or self.closed)
        assert self._opened, f"the {family} client did not connect: {self._errors}"

    def _read(self):
        for line in self._popen.stdout:
            self._take(json.loads(line))
        self._errors.append(self._popen.stderr.read().decode())
        self.closed = True
        self.notify()

    def _take(self, event):
        kind = event["event"]
        if kind == "open":
            self.subprotocol = event["subprotocol"]
            self._opened = True
        elif kind == "frame":
            self.decoded.append(event["message"])
            self.receive(base64.b64decode(event["base64"]))
        elif kind == "ping":
            self.pings.append(event["payload"].encode())
        elif kind == "close":
            self.close_code = event["code"]
            self.closed = True
        elif kind == "failed":
            self._errors.append(event["reason"])
        self.notify()

    def _command(self, command):
        self._popen.stdin.write(json.dumps(command).encode() + b"\n")
        self._popen.stdin.flush()

    def send(self, message):
        self._command({"send": base64.b64encode(msgpack.packb(message)).decode()})

    def close(self):
        """A clean close: the closing handshake is complete on return."""
        self._command({"close": True})
        self.wait_closed()

    def wait_closed(self, within_s=PATIENCE_S):
        self.wait("the connection is closed", lambda: self.closed, within_s)
        return self.close_code

    def is_open(self):
        return not self.closed

    def freeze(self):
        """Neither reads, nor answers, nor closes; its sockets stay open."""
        self._popen.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._popen.send_signal(signal.SIGCONT)

    def kill(self):
        """kill -9: the kernel closes its socket for it."""
        self._popen.kill()
        self._popen.wait(PATIENCE_S)

    def end(self):
        self.kill()
        self._reader.join(PATIENCE_S)
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
