"""Clients of the Python `websockets` library, driven from tests without async: one thread runs their loop."""

import asyncio
import contextlib
import threading

import msgpack
import websockets

from .inbox import Inbox
from .waiting import PATIENCE_S


class _Loop:
    """The event loop of all Python clients, in a thread that starts with the first client."""

    _loop = None

    @classmethod
    def run(cls, coroutine, within_s=PATIENCE_S):
        if cls._loop is None:
            cls._loop = asyncio.new_event_loop()
            threading.Thread(target=cls._loop.run_forever, name="clients", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(coroutine, cls._loop).result(within_s)


class _Protocol(websockets.WebSocketClientProtocol):
    """As the library has it, but that it notes the PINGs and can be told not to answer them."""

    def __init__(self, *args, owner, **kwargs):
        super().__init__(*args, **kwargs)
        self._owner = owner

    async def pong(self, data=b""):
        self._owner.pings.append(bytes(data))
        self._owner.notify()
        if self._owner.answers_pings:
            await super().pong(data)


class PythonClient(Inbox):
    """Connected when constructed. `answers_pings` False withholds every PONG. `tls`: the SSLContext of a wss URL."""

    def __init__(self, url, user, device="device-1", query="", headers=None, subprotocols=None, answers_pings=True, tls=None):
        super().__init__()
        self.user = user
        self.answers_pings = answers_pings
        self.pings = []
        self.closed = False
        offered = [user, device] if subprotocols is None else subprotocols
        self._socket = _Loop.run(self._connect(url + "/" + query, offered, headers, tls))

    async def _connect(self, url, subprotocols, headers, tls):
        socket = await websockets.connect(
            url,
            ssl=tls,
            subprotocols=subprotocols or None,
            extra_headers=headers,
            ping_interval=None,
            close_timeout=5,
            open_timeout=PATIENCE_S,
            create_protocol=lambda *a, **k: _Protocol(*a, owner=self, **k),
        )
        self._reader = asyncio.ensure_future(self._read(socket))
        return socket

    async def _read(self, socket):
        try:
            async for data in socket:
                self.receive(data)
        except websockets.ConnectionClosed:
            pass
        self.closed = True
        self.notify()

    @property
    def subprotocol(self):
        return self._socket.subprotocol

    def header(self, name):
        """Of the answer to the handshake; None: it is not there."""
        return self._socket.response_headers.get(name)

    @property
    def close_code(self):
        return self._socket.close_code

    @property
    def close_reason(self):
        return self._socket.close_reason

    def send(self, message):
        self.send_bytes(msgpack.packb(message))

    def send_bytes(self, data):
        _Loop.run(self._socket.send(data))

    def try_send_bytes(self, data):
        """For one whom the server may close at any moment."""
        with contextlib.suppress(websockets.ConnectionClosed):
            self.send_bytes(data)

    def ping(self, data=b"hello"):
        """A PING of the client's own: an inbound frame like any other."""
        _Loop.run(self._ping(data))

    async def _ping(self, data):
        await self._socket.ping(data)

    def close(self):
        """A clean close: the closing handshake is complete on return."""
        _Loop.run(self._socket.close())

    def abort(self):
        """The connection breaks without a close frame."""
        _Loop.run(self._abort())

    async def _abort(self):
        self._socket.transport.abort()

    def stop_reading(self):
        """From now on nothing is taken from the kernel: what the server sends piles up there."""
        _Loop.run(self._set_reading(False))

    def resume_reading(self):
        _Loop.run(self._set_reading(True))

    async def _set_reading(self, reads):
        transport = self._socket.transport
        if reads:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def wait_closed(self, within_s=PATIENCE_S):
        self.wait("the connection is closed", lambda: self.closed, within_s)
        return self.close_code

    def is_open(self):
        return not self.closed

    def end(self):
        if not self.closed:
            self.close()
