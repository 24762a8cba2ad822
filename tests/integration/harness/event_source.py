"""An event stream, read as a browser's EventSource does (HTML standard 9.2): it comes back by itself, naming the last
id. Holds what a page would know, and checks that a page is never told what it knows."""

import contextlib
import http.client
import json
import threading
import time
from dataclasses import dataclass

from .waiting import PATIENCE_S


@dataclass
class Event:
    at: float  # time.monotonic() of arrival
    type: str
    data: dict
    id: str  # the last id when it was dispatched
    connection: int


class EventSource:
    """`addresses`: tried in turn, as behind a gateway. `reconnects` False: the first connection is the last."""

    def __init__(self, addresses, path="/api/presence/stream", last_event_id=None, reconnects=True):
        self.addresses, self.path, self.reconnects = list(addresses), path, reconnects
        self.last_event_id = last_event_id
        self.events, self.comments, self.broken, self.retry_ms = [], 0, [], None
        self.connections, self.connection_status = 0, None
        self._known, self._changed, self._enough = {}, threading.Condition(), threading.Event()
        self._connection = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # What a page sees

    def status(self, user):
        with self._changed:
            return self._known.get(user, "offline")

    def statuses(self, user):
        """Every status that an event named, in order."""
        with self._changed:
            return [event.data["status"] for event in self.events
                    if event.type == "presence" and event.data["userId"] == user]

    def of_type(self, kind):
        with self._changed:
            return [event for event in self.events if event.type == kind]

    def resets(self):
        return [event.data["reason"] for event in self.of_type("reset")]

    def wait(self, what, condition, within_s=PATIENCE_S):
        deadline = time.monotonic() + within_s
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, f"{what}: not within {within_s:g} s; {self}"
                self._changed.wait(min(left, 0.1))
        return self

    def wait_ready(self, times=1):
        return self.wait("ready", lambda: len(self.of_type("ready")) >= times)

    def wait_status(self, user, status):
        return self.wait(f"{user} {status}", lambda: self.status(user) == status)

    def __repr__(self):
        return f"<EventSource {self.path} connections={self.connections} known={self._known} last={self.events[-5:]}>"

    # Life

    def end(self):
        self._enough.set()
        connection = self._connection
        with contextlib.suppress(OSError, AttributeError):  # the server may have cut it just now
            connection.sock.shutdown(2)
        self._thread.join(PATIENCE_S)

    close = end

    def check_alternation(self):
        assert self.broken == [], self.broken

    def _run(self):
        turn = 0
        while not self._enough.is_set():
            address = self.addresses[turn % len(self.addresses)]
            turn += 1
            self._connect(address)
            if not self.reconnects:
                return
            self._enough.wait(0.05)

    def _connect(self, address):
        host, port = address.rsplit(":", 1)
        headers = {"Accept": "text/event-stream"}
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        self._connection = connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
        try:
            connection.request("GET", self.path, headers=headers)
            response = connection.getresponse()
            with self._changed:
                self.connection_status = response.status
                self.connections += response.status == 200
                self._changed.notify_all()
            if response.status == 200:
                self._read(response)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass  # it comes back; the last: closed by `end` while it was being read
        finally:
            connection.close()

    def _read(self, response):
        identity, kind, data = self.last_event_id or "", "", []
        while True:
            line = response.readline()
            if not line:
                return
            text = line.decode().rstrip("\n")
            name, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if text == "":
                self._dispatch(identity, kind, data)
                kind, data = "", []
            elif name == "":
                self.comments += 1
            elif name == "id":
                identity = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif name == "retry":
                self.retry_ms = int(value)

    def _dispatch(self, identity, kind, data):
        with self._changed:
            self.last_event_id = identity
            if data:
                event = Event(time.monotonic(), kind, json.loads("\n".join(data)), identity, self.connections)
                self.events.append(event)
                self._learn(event)
            self._changed.notify_all()

    def _learn(self, event):
        if event.type == "reset":
            self._known.clear()
        elif event.type == "presence":
            user, status, known = event.data["userId"], event.data["status"], self._known
            if "from" in event.data and (known.get(user, "offline") != event.data["from"] or
                                         status == event.data["from"]):
                self.broken.append(f"{user} was {known.get(user, 'offline')} before {event}")
            known[user] = status
