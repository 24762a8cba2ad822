"""The load's users: what they want, what they have, and what each of their connections does and notes.

A user has devices; a device wants a connection at some edge and has at most one that counts: where the server ends it,
or its edge dies, it comes back after a while, on another edge. What everybody should see of a user follows from his
open connections (`shown`)."""

import msgpack

from . import websocket
from .tokens import token

STATUS, HEARTBEAT = 5, 30
_STATUS_FRAMES = {status: websocket.frame(websocket.BINARY, msgpack.packb({"messageType": STATUS, "status": status}))
                  for status in ("online", "away", "busy", "invisible")}
HEARTBEAT_FRAME = websocket.frame(websocket.BINARY, msgpack.packb({"messageType": HEARTBEAT}))

# A client that lost its connection waits `load.backoff_s`, at most, before it tries again; then longer, up to this.
_BACKOFF_MOST_S = 1.0
# Within that a clean close is answered, or the client goes without.
_CLOSE_PATIENCE_S = 3.0


def shown(statuses):
    """What is shown of a user with connections in these statuses (DESIGN section 3)."""
    if not statuses or "invisible" in statuses:
        return "offline"
    return min(statuses, key=("busy", "online", "away").index)


def basic(status):
    """As the bulk query and an observer without ?statuses=full have it."""
    return "online" if status in ("away", "busy") else status


class Connection(websocket.Client):
    """One attempt of one device, noted in the journal from `connect` to its end."""

    def __init__(self, load, device, edge):
        super().__init__(websocket.request_head(device.user.token, device.name))
        self.number = load.next_number()
        self.load, self.device, self.edge = load, device, edge
        self.status = "online"
        self.is_mute = self.is_closing = False

    def begin(self):
        host, port = self.load.addresses[self.edge].rsplit(":", 1)
        self.load.journal.note("connect", user=self.device.user.name, conn=self.number, edge=self.edge,
                               device=self.device.name, **{"from": self.load.source or host})
        return self.connect(host, int(port), self.load.source)

    def connection_made(self, transport):
        super().connection_made(transport)
        if self.is_closing:  # ended while it was on its way
            transport.abort()

    def opened(self):
        self.load.journal.note("open", conn=self.number, **({"edge": self.served_by} if self.served_by else {}))
        self.load.open_connections.add(self)
        self.device.on_opened(self)

    def refused(self, why):
        self.load.journal.note("refused", conn=self.number, why=why)
        self.device.on_lost(self, by_us=self.is_closing)

    def pinged(self, payload):
        if not self.is_mute and not self.is_closing:
            self.load.journal.life(self.number)
            self.send(websocket.frame(websocket.PONG, payload))

    @property
    def may_speak(self):
        return self.is_open and not self.is_mute and not self.is_closing and not self.is_over

    def heartbeat(self):
        if self.may_speak:
            self.load.journal.life(self.number)
            self.send(HEARTBEAT_FRAME)

    def set_status(self, status):
        self.load.journal.note("status", conn=self.number, status=status)
        self.status = status
        self.send(_STATUS_FRAMES[status])
        self.device.user.changed()

    def mute(self):
        self.load.journal.note("mute", conn=self.number)
        self.is_mute = True

    def end(self, how):
        """`how`: clean or abort."""
        if self.is_closing or self.is_over:
            return
        self.load.journal.note("close", conn=self.number, how=how)
        self.is_closing = True
        self.device.user.changed()
        if how == "abort" or not self.is_open:
            self.abort()
        else:
            self.close()
            self.load.loop.call_later(_CLOSE_PATIENCE_S, self.abort)

    def ended(self, code):
        self.load.journal.note("closed", conn=self.number, code=code)
        self.load.open_connections.discard(self)
        self.device.on_lost(self, by_us=self.is_closing)


class Device:
    def __init__(self, user, number):
        self.user, self.name = user, f"device-{number}"
        self.wanted = True
        self.connection = None  # the one that counts, open or on its way
        self._leaving = set()  # those that are being closed
        self._retry = None
        self._attempts = 0

    @property
    def is_open(self):
        return self.connection is not None and self.connection.is_open

    @property
    def is_settled(self):
        """Nothing is under way."""
        usual = self.is_open and not self.connection.is_mute and not self.connection.is_closing
        return not self._leaving and self._retry is None and (usual if self.wanted else self.connection is None)

    def connect(self, edge):
        load = self.user.load
        self._retry = None
        self.connection = Connection(load, self, edge)
        self.user.changed()
        load.spawn(self.connection.begin())

    def move(self, edge):
        """The new connection first; the old one is closed when that is open (on_opened)."""
        self._leaving.add(self.connection)
        self.connect(edge)

    def leave(self, how):
        self.wanted = False
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self.connection is not None:
            self._leaving.add(self.connection)
            self.connection.end(how)
            self.connection = None
        for connection in list(self._leaving):
            connection.end(how)
        self.user.forget_if_gone(self)

    def on_opened(self, connection):
        self.user.changed()
        self._attempts = 0
        for old in list(self._leaving):
            old.end("clean")

    def on_lost(self, connection, by_us):
        user, load = self.user, self.user.load
        user.changed()
        self._leaving.discard(connection)
        if connection is self.connection:
            self.connection = None
            if self.wanted and not by_us and connection.is_open and load.chance(load.gives_up):
                self.wanted = False
            if self.wanted:
                most_s = max(load.backoff_s, _BACKOFF_MOST_S)
                delay_s = min(most_s, load.backoff_s * 2 ** self._attempts) * load.random.uniform(0.1, 1.0)
                self._attempts += 1
                self._retry = load.loop.call_later(delay_s, self.connect, load.another_edge(connection.edge))
        user.forget_if_gone(self)

    @property
    def is_gone(self):
        return not self.wanted and self.connection is None and not self._leaving


class User:
    def __init__(self, load, name):
        self.load, self.name, self.token = load, name, token(name)
        self.devices = []
        self.changed_at = 0.0
        self._devices_made = 0

    def changed(self):
        self.changed_at = self.load.loop.time()

    def new_device(self, edge):
        self._devices_made += 1
        device = Device(self, self._devices_made)
        self.devices.append(device)
        device.connect(edge)

    def forget_if_gone(self, device):
        if device.is_gone and device in self.devices:
            self.devices.remove(device)

    @property
    def is_settled(self):
        return all(device.is_settled for device in self.devices)

    @property
    def shown(self):
        return shown([device.connection.status for device in self.devices if device.is_open])

    def open_devices(self):
        """Those that something may be done with."""
        return [device for device in self.devices if device.wanted and device.is_settled]
