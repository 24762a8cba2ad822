"""A lean WebSocket client for asyncio (RFC 6455): hundreds of them must not cost what the system under test needs.

`Client` is a Protocol; subclasses say what to do in `opened`, `refused`, `pinged`, `received` and `ended`. Frames of
the client are masked with zeros, which RFC 6455 allows and which costs nothing. Servers' fragments are not expected
(zpresence sends none)."""

import asyncio
import re
import socket
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_FINAL, _MASKED, _NO_MASK = 0x80, 0x80, b"\0\0\0\0"
_HEAD_MAX_BYTES = 4096
# Of a client with `small_buffers`. Its segment size bounds what the server's kernel keeps for it, too.
_RECEIVE_BYTES, _SEGMENT_BYTES = 4096, 536
_SERVED_BY = re.compile(rb"\r\nx-served-by: *([^\r]+)\r\n", re.IGNORECASE)

NORMAL, GOING_AWAY = 1000, 1001


def request_head(token, device, query=""):
    """With `token` empty no subprotocol is offered: a handshake that is refused."""
    protocols = f"Sec-WebSocket-Protocol: {token}, {device}\r\n" if token else ""
    return (f"GET /{query} HTTP/1.1\r\nHost: nemesis\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"{protocols}\r\n").encode()


def frame(opcode, payload=b""):
    """A whole frame of a client."""
    length = len(payload)
    if length < 126:
        return bytes((_FINAL | opcode, _MASKED | length)) + _NO_MASK + payload
    assert length < 65536
    return bytes((_FINAL | opcode, _MASKED | 126)) + struct.pack(">H", length) + _NO_MASK + payload


class Client(asyncio.Protocol):
    """One connection, from its request head to its end. Exactly one of `opened` and `refused` is called, and after
    `opened`, at the end, `ended`."""

    def __init__(self, head):
        self._head = head
        self._bytes = b""
        self._close_code = None
        self.served_by = None  # the edge, where a gateway names it
        self.transport = None
        self.is_open = False
        self.is_over = False

    # For subclasses

    def opened(self):
        pass

    def refused(self, why):
        pass

    def pinged(self, payload):
        pass

    def received(self, payload):
        pass

    def ended(self, code):
        """`code`: of the server's close frame, None where none came."""

    # What may be asked of it

    async def connect(self, host, port, source=None, within_s=5.0, small_buffers=False):
        """Tries once; how it goes is told by `opened` and `refused`. `small_buffers`: as little as possible is under way
        while it does not read."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(self._dial(loop, host, port, source, small_buffers), within_s)
        except (OSError, asyncio.TimeoutError) as error:
            self._refuse(type(error).__name__)
            return
        loop.call_later(within_s, self._give_up)

    async def _dial(self, loop, host, port, source, small_buffers):
        dialled = socket.socket()
        try:
            dialled.setblocking(False)
            if small_buffers:
                dialled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
                dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
            if source:
                dialled.bind((source, 0))
            await loop.sock_connect(dialled, (host, port))
            await loop.create_connection(lambda: self, sock=dialled)
        except BaseException:
            dialled.close()
            raise

    def send(self, data):
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def close(self, code=NORMAL):
        self.send(frame(CLOSE, struct.pack(">H", code)))

    def abort(self):
        if self.transport is not None:
            self.transport.abort()

    # asyncio

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self._head)

    def data_received(self, data):
        # A lone PING is what comes most of the time.
        if self.is_open and not self._bytes and data[0] == _FINAL | PING and data[1] == len(data) - 2:
            self.pinged(data[2:])
            return
        self._bytes += data
        if not self.is_open and not self._take_head():
            return
        while (taken := self._take_frame()) is not None:
            self._dispatch(*taken)

    def connection_lost(self, error):
        if self.is_open and not self.is_over:
            self.is_over = True
            self.ended(self._close_code)
        else:
            self._refuse(type(error).__name__ if error else "closed")

    def _take_head(self):
        end = self._bytes.find(b"\r\n\r\n")
        if end < 0:
            if len(self._bytes) > _HEAD_MAX_BYTES:
                self._refuse("endless head")
            return False
        status = self._bytes[9:12].decode("latin-1")
        if status != "101":
            self._refuse(status)
            return False
        if named := _SERVED_BY.search(self._bytes[:end + 2]):
            self.served_by = named[1].decode("latin-1")
        self._bytes = self._bytes[end + 4:]
        self.is_open = True
        self.opened()
        return True

    def _take_frame(self):
        """(opcode, payload) of the next whole frame, None where there is none."""
        have = len(self._bytes)
        if have < 2:
            return None
        length, start = self._bytes[1], 2
        if length == 126:
            length, start = int.from_bytes(self._bytes[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(self._bytes[2:10], "big"), 10
        if have < start + length:
            return None
        taken = self._bytes[0] & 0x0F, self._bytes[start:start + length]
        self._bytes = self._bytes[start + length:]
        return taken

    def _dispatch(self, opcode, payload):
        if opcode == PING:
            self.pinged(payload)
        elif opcode == BINARY:
            self.received(payload)
        elif opcode == CLOSE:
            self._close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None
            self.send(frame(CLOSE, payload[:2]))

    def _refuse(self, why):
        if not self.is_open and not self.is_over:
            self.is_over = True
            self.refused(why)
            self.abort()

    def _give_up(self):
        self._refuse("no answer")
