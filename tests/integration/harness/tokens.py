"""JWTs for the tests: made by PyJWT, an implementation that is not ours; forgeries by hand."""

import base64
import hashlib
import hmac
import json
import socket
import time

import jwt

from .waiting import PATIENCE_S

SECRET = "a secret of the tests that is long enough for every one of the three hashes"

_HEAD = ("GET {target} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n")


def in_a_minute():
    return int(time.time()) + 60


def make_token(claims, key=SECRET, algorithm="HS256", **header):
    return jwt.encode(claims, key, algorithm, headers=header or None)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(header, payload, key=SECRET):
    """Any header over any payload (a text, or what becomes JSON), signed as HS256; key None: not signed."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    text = ".".join(base64url(part) for part in parts)
    signature = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest() if key is not None else b""
    return f"{text}.{base64url(signature)}"


def connect_as(system, user, edge=0, device="phone", query="", **claims):
    return system.connect(user, edge, query=query, subprotocols=[make_token({"uid": user, **claims}), device])


class Handshake:
    """A request head as it stands, and what is answered to it."""

    def __init__(self, system, target="/", headers="", edge=0):
        host, port = system.edges[edge].address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE_S)
        self.socket.sendall(_HEAD.format(target=target, headers=headers).encode())
        self.answer = b""
        while b"\r\n\r\n" not in self.answer:
            data = self.socket.recv(4096)
            if not data:
                break
            self.answer += data
        self.status = int(self.answer.split(b" ")[1])

    def refused(self):
        """The body, with the connection over; the code in it."""
        assert self.status != 101
        with self.socket:
            while data := self.socket.recv(4096):
                self.answer += data
        body = self.answer.split(b"\r\n\r\n", 1)[1]
        assert body.endswith(b"}\n") and body.count(b"\n") == 1, "one line"
        answer = json.loads(body)
        assert set(answer) == {"error", "code"}
        return answer["code"]


def refusals(system, code):
    edge = system.edges[0]
    return edge.metrics()[f'zpresence_edge_handshakes_total{{process="{edge.name}",result="{code}"}}']


def expect_refusal(system, text, status, code):
    """Wherever the token stands: that status and code, counted once, and no state."""
    users = system.edges[0].metric("zpresence_edge_users")
    before = refusals(system, code)
    handshakes = [Handshake(system, headers=f"token: {text}\r\n"), Handshake(system, headers=f"Authorization: Bearer {text}\r\n")]
    for handshake in handshakes:
        assert handshake.status == status, handshake.answer
        assert handshake.refused() == code
    if status == 401:
        assert b"\r\nWWW-Authenticate: Bearer\r\n" in handshakes[0].answer
    assert refusals(system, code) == before + len(handshakes)
    # At most: a user of the test before may still have been leaving.
    assert system.edges[0].metric("zpresence_edge_users") <= users
