"""A client made by hand: a socket, the bytes as the test writes them, and what is answered, to the byte."""

import json
import select
import socket
import struct
from dataclasses import dataclass

from .waiting import PATIENCE_S

KEY = "dGhlIHNhbXBsZSBub25jZQ=="

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL, MASKED = 0x80, 0x80
_MASK = b"\x12\x34\x56\x78"


def head(target="/", headers="", *, method="GET", version="HTTP/1.1", host="Host: h\r\n", upgrade="Upgrade: websocket\r\n",
         connection="Connection: Upgrade\r\n", websocket_version="Sec-WebSocket-Version: 13\r\n",
         key=f"Sec-WebSocket-Key: {KEY}\r\n"):
    """A request head that is right but for what is given."""
    lines = f"{method} {target} {version}\r\n{host}{upgrade}{connection}{websocket_version}{key}{headers}\r\n"
    return lines.encode()


def frame(opcode, payload=b"", *, final=True, masked=True, reserved=0):
    first = (FINAL if final else 0) | reserved | opcode
    length = len(payload)
    if length < 126:
        size = bytes([length])
    elif length < 65536:
        size = b"\x7e" + struct.pack(">H", length)
    else:
        size = b"\x7f" + struct.pack(">Q", length)
    if not masked:
        return bytes([first]) + size + payload
    mask = (_MASK * (length // 4 + 1))[:length]
    data = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")
    return bytes([first, size[0] | MASKED]) + size[1:] + _MASK + data


@dataclass
class HttpAnswer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    def refusal(self):
        """The code of a refusal, whose body is held to its shape."""
        assert self.body.endswith(b"}\n") and self.body.count(b"\n") == 1, f"not one line: {self.body}"
        body = json.loads(self.body)
        assert set(body) == {"error", "code"} and body["error"]
        assert self.headers["content-type"] == "application/json"
        assert "close" in self.headers["connection"]
        return body["code"]


class RawClient:
    """Connected when constructed, from `source` where one is given (127.0.0.2: another address of this machine)."""

    def __init__(self, address, source=None):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), PATIENCE_S, (source, 0) if source else None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = b""

    def is_answered(self, within_s):
        return bool(self._bytes) or bool(select.select([self._socket], [], [], within_s)[0])

    def send(self, data):
        """What the server no longer takes is lost, as it is to a client that floods."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _receive(self):
        """False: the connection is over."""
        data = self._socket.recv(65536)
        self._bytes += data
        return bool(data)

    def _take(self, count):
        while len(self._bytes) < count:
            assert self._receive(), f"the connection ended within {self._bytes}"
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def rest(self):
        """Everything up to the end of the connection, which must not be a reset."""
        while self._receive():
            pass
        taken, self._bytes = self._bytes, b""
        return taken

    def _head(self):
        while b"\r\n\r\n" not in self._bytes:
            assert self._receive(), f"the connection ended within {self._bytes}"
        lines, self._bytes = self._bytes.split(b"\r\n\r\n", 1)
        first, *headers = lines.decode("latin-1").split("\r\n")
        names = [line.split(": ", 1)[0].lower() for line in headers]
        assert len(names) == len(set(names)), f"a header comes twice: {headers}"
        return HttpAnswer(int(first.split(" ")[1]), {n: line.split(": ", 1)[1] for n, line in zip(names, headers)}, b"")

    def answer(self):
        """The answer to its head, whatever it is, without its body."""
        return self._head()

    def refused(self):
        """The answer of a server that refuses, up to the end of the connection."""
        answer = self._head()
        answer.body = self.rest()
        return answer

    def shake_hands(self, target="/", headers=""):
        """As a client that is let in."""
        self.send(head(target, headers))
        return self.entered()

    def entered(self):
        answer = self._head()
        assert answer.status == 101, answer
        assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 1.3
        return answer

    def next_frame(self):
        first, size = self._take(2)
        assert size < MASKED, "a server does not mask"
        if size == 126:
            (size,) = struct.unpack(">H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._take(8))
        return first, self._take(size)

    def next_of(self, opcode):
        """The payload of the next frame of that opcode; others are passed over."""
        while True:
            first, payload = self.next_frame()
            if first == FINAL | opcode:
                return payload
            assert first != FINAL | CLOSE, f"closed: {payload}"

    def close_code(self):
        """Of the server's close frame, after which nothing comes but the end."""
        payload = self.next_of(CLOSE)
        (code,) = struct.unpack(">H", payload[:2])
        payload[2:].decode()
        assert self.rest() == b""
        return code

    def close(self):
        self._socket.close()
