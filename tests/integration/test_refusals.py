"""What a client is refused for, row by row as CONTRACT section A ("Refusals") and proto/WIRE.md have it: each by bytes
that break one rule, and each counted with its reason. And that a request head carries nothing past the front door."""

import re
import time

import msgpack
import pytest

from harness.inbox import PRESENCE_ERROR
from harness.raw_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, head
from harness.system import REPOSITORY
from harness.users import new_user
from harness.waiting import SLACK_S, eventually

HANDSHAKE_TIMEOUT_S = 0.8
GARBAGE_MAX = 3

SYSTEM = {"HANDSHAKE_TIMEOUT": int(HANDSHAKE_TIMEOUT_S * 1000), "GARBAGE_MAX": GARBAGE_MAX}

TOKEN = "token: u\r\n"


def handshakes(edge, result):
    return edge.metric("zpresence_edge_handshakes_total", result=result)


def failures(edge, code):
    return edge.metric("zpresence_edge_protocol_failures_total", code=code)


# Before the upgrade

HEADS = {
    # name: (bytes, status, code)
    "a bare LF": (b"GET / HTTP/1.1\nHost: h\n\n", 400, "malformed_request"),
    "a bare LF behind good lines": (head(headers="token: u\n"), 400, "malformed_request"),
    "a bare CR": (head(headers="token: a\rb\r\n"), 400, "malformed_request"),
    "no colon": (head(headers="nonsense\r\n"), 400, "malformed_request"),
    "a blank before the colon": (head(headers="token : u\r\n"), 400, "malformed_request"),
    "no name": (head(headers=": u\r\n"), 400, "malformed_request"),
    "a control byte": (head(headers="token: a\x01b\r\n"), 400, "malformed_request"),
    "a NUL": (head(headers="token: a\x00b\r\n"), 400, "malformed_request"),
    "a DEL": (head(headers="token: a\x7fb\r\n"), 400, "malformed_request"),
    "a folded line": (head(headers="token: a\r\n b\r\n"), 400, "malformed_request"),
    "a line folded by a tab": (head(headers="token: a\r\n\tb\r\n"), 400, "malformed_request"),
    "no host": (head(headers=TOKEN, host=""), 400, "malformed_request"),
    "HTTP/1.0": (head(headers=TOKEN, version="HTTP/1.0"), 400, "malformed_request"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed_request"),
    "binary noise": (bytes(range(256)), 400, "malformed_request"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_request"),
    "a bad escape": (head("/?token=%zz"), 400, "invalid_target"),
    "a body": (head(headers=TOKEN + "Content-Length: 5\r\n") + b"hello", 400, "unexpected_body"),
    "a chunked body": (head(headers=TOKEN + "Transfer-Encoding: chunked\r\n"), 400, "unexpected_body"),
    "POST": (head(headers=TOKEN, method="POST"), 405, "method_not_allowed"),
    "no upgrade": (head(headers=TOKEN, upgrade=""), 426, "upgrade_required"),
    "another upgrade": (head(headers=TOKEN, upgrade="Upgrade: h2c\r\n"), 426, "upgrade_required"),
    "no connection": (head(headers=TOKEN, connection=""), 426, "upgrade_required"),
    "no version": (head(headers=TOKEN, websocket_version=""), 426, "unsupported_version"),
    "version 8": (head(headers=TOKEN, websocket_version="Sec-WebSocket-Version: 8\r\n"), 426, "unsupported_version"),
    "no key": (head(headers=TOKEN, key=""), 400, "invalid_key"),
    "a short key": (head(headers=TOKEN, key="Sec-WebSocket-Key: YWJj\r\n"), 400, "invalid_key"),
    "no token": (head(), 401, "token_missing"),
    "an empty token": (head("/?token=", "token: \r\n"), 401, "token_missing"),
    "a user of 129 bytes": (head(headers=f"token: {'u' * 129}\r\n"), 400, "invalid_user_id"),
    "a user with a line end": (head("/?token=a%0d%0ab"), 400, "invalid_user_id"),
    "a user with a NUL": (head("/?token=a%00"), 400, "invalid_user_id"),
    "a user that is not UTF-8": (head("/?token=%ff%fe"), 400, "invalid_user_id"),
    "a device of 65 bytes": (head(headers=TOKEN + f"device_id: {'d' * 65}\r\n"), 400, "invalid_device"),
    "a device with a line end": (head("/?token=u&deviceId=a%0ab"), 400, "invalid_device"),
    "8193 bytes": (head(headers=TOKEN + "x: " + "x" * (8193 - len(head(headers=TOKEN + "x: \r\n"))) + "\r\n"), 431,
                   "head_too_large"),
    "64 KB": (b"GET /" + b"x" * 65536, 431, "head_too_large"),
}
# Of two, the one behind us might go by the other.
ONCE = ["Host", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "Origin", "token", "voicepingtoken", "Authorization",
        "device_id", "deviceid", "Content-Length", "Transfer-Encoding"]


def expect_refusal(edge, client, status, code, before):
    answer = client.refused()
    assert (answer.status, answer.refusal()) == (status, code)
    assert handshakes(edge, code) == before + 1
    return answer


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_breaks_a_rule_is_refused(system, connect_raw, name):
    data, status, code = HEADS[name]
    edge = system.edges[0]
    before = handshakes(edge, code)
    users = edge.metric("zpresence_edge_users")
    client = connect_raw(edge)
    client.send(data)
    answer = expect_refusal(edge, client, status, code, before)
    if status == 426:
        assert answer.headers["sec-websocket-version"] == "13"
        assert answer.headers["upgrade"] == "websocket"
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if status == 405:
        assert answer.headers["allow"] == "GET"
    assert edge.metric("zpresence_edge_users") <= users  # at most: a user of the test before may still have been leaving


@pytest.mark.parametrize("name", ONCE)
def test_a_header_that_must_come_once_may_not_come_twice(system, connect_raw, name):
    edge = system.edges[0]
    before = handshakes(edge, "duplicate_header")
    client = connect_raw(edge)
    first = f"{name}: 0\r\n"
    there_already = name in ("Host", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key")
    client.send(head(headers=(first if there_already else first + first.upper())))
    expect_refusal(edge, client, 400, "duplicate_header", before)


def test_a_head_that_just_fits_is_not_refused(system, connect_raw):
    client = connect_raw(system.edges[0])
    filler = 8192 - len(head(headers=TOKEN + "x: \r\n"))
    client.shake_hands(headers=f"{TOKEN}x: {'x' * filler}\r\n")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", head()[:-2]])
def test_a_slow_head_is_closed_at_its_deadline(system, connect_raw, sent):
    edge = system.edges[0]
    before = handshakes(edge, "slow")
    began = time.monotonic()
    client = connect_raw(edge)
    client.send(sent)
    time.sleep(HANDSHAKE_TIMEOUT_S / 2)
    client.send(b"x" if sent else b"")  # a byte now and then gains nothing
    assert client.rest() == b""
    took_s = time.monotonic() - began
    assert HANDSHAKE_TIMEOUT_S - 0.05 <= took_s <= HANDSHAKE_TIMEOUT_S + SLACK_S
    assert handshakes(edge, "slow") == before + 1


def test_what_clients_are_refused_for_is_written_down(system):
    text = (REPOSITORY / "proto" / "WIRE.md").read_text()
    metrics = system.edges[0].metrics()
    results = {re.search('result="([^"]*)"', name)[1] for name in metrics if name.startswith("zpresence_edge_handshakes_total")}
    codes = {re.search('code="([^"]*)"', name)[1] for name in metrics if "protocol_failures_total" in name}
    assert [code for code in results - {"accepted", "failed"} if f"`{code}`" not in text] == []
    assert [code for code in codes if f"| {code} |" not in text] == []


# After the upgrade

FRAMES = {
    # name: (bytes, close code)
    "an unmasked message": (frame(BINARY, b"x", masked=False), 1002),
    "an unmasked PONG": (frame(PONG, b"voiceping", masked=False), 1002),
    "an unmasked close": (frame(CLOSE, b"\x03\xe8", masked=False), 1002),
    "reserved bit 1": (frame(BINARY, b"x", reserved=0x40), 1002),
    "reserved bit 2": (frame(BINARY, b"x", reserved=0x20), 1002),
    "reserved bit 3": (frame(PING, b"x", reserved=0x10), 1002),
    **{f"opcode {opcode}": (frame(opcode, b"x"), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "a message within a message": (frame(BINARY, b"x", final=False) + frame(BINARY, b"x"), 1002),
    "a PING in fragments": (frame(PING, b"x", final=False), 1002),
    "a PING of 126 bytes": (frame(PING, b"x" * 126), 1002),
    "a length that could be shorter": (b"\x82\xfe\x00\x05\x12\x34\x56\x78hello", 1002),
    "a length of 2^63": (b"\x82\xff\x80" + bytes(7) + b"\x12\x34\x56\x78", 1002),
    "a close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "a close code that is never sent": (frame(CLOSE, b"\x03\xee"), 1002),  # 1006
    "a close code of nobody": (frame(CLOSE, b"\x00\x01"), 1002),
    "a close reason that is not UTF-8": (frame(CLOSE, b"\x03\xe8\xff\xfe"), 1007),
    "a close reason cut within a character": (frame(CLOSE, b"\x03\xe8\xe2\x82"), 1007),
    "text": (frame(TEXT, b"hello"), 1003),
    "text in fragments": (frame(TEXT, b"hello", final=False), 1003),
    "16385 bytes": (frame(BINARY, b"x" * 16385), 1009),
    "a claim of 2^62 bytes": (b"\x82\xff\x40" + bytes(7) + b"\x12\x34\x56\x78", 1009),
    "16385 bytes in fragments": (frame(BINARY, b"x" * 16384, final=False) + frame(CONTINUATION, b"x"), 1009),
}


@pytest.mark.parametrize("cut", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_breaks_a_rule_ends_the_connection(system, connect_raw, name, cut):
    data, code = FRAMES[name]
    edge = system.edges[0]
    before = failures(edge, code)
    client = connect_raw(edge)
    client.shake_hands(headers=f"token: {new_user('breaker')}\r\n")
    if cut:
        for at in range(min(len(data), 20)):
            client.send(data[at : at + 1])
        data = data[20:]
    client.send(data)
    assert client.close_code() == code
    assert failures(edge, code) == before + 1


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_breaks_a_rule_may_be_cut_anywhere_in_its_head(system, connect_raw, name):
    """libwebsockets must not be the first to find out: it ends the connection without a close frame."""
    data, code = FRAMES[name]
    for cut in range(1, min(len(data), 14)):
        client = connect_raw(system.edges[0])
        client.shake_hands(headers=f"token: {new_user('breaker')}\r\n")
        client.send(data[:cut])
        time.sleep(0.01)
        client.send(data[cut:])
        assert client.close_code() == code, f"cut after {cut} bytes"


def test_a_good_close_is_echoed(system, connect_raw):
    for payload in (b"", b"\x03\xe8", b"\x0b\xb8" + "auf Wiedersehen, mañana 😀".encode(), b"\x13\x87"):
        client = connect_raw(system.edges[0])
        client.shake_hands(headers=f"token: {new_user('polite')}\r\n")
        client.send(frame(CLOSE, payload))
        echoed = client.next_of(CLOSE)
        assert echoed[:2] == payload[:2]
        assert client.rest() == b""


GARBAGE = {
    "nothing": b"",
    "a reserved byte": b"\xc1",
    "two values": msgpack.packb({"messageType": 30}) * 2,
    "a cut value": msgpack.packb({"messageType": 30, "payload": "hello"})[:-1],
    "a claim of 4 billion elements": b"\xdd\xff\xff\xff\xff\x01\x1e",
    "a claim of 4 billion bytes": b"\x82\xabmessageType\x1e\xa7payload\xdb\xff\xff\xff\xffx",
    "a thousand arrays in each other": b"\x91" * 1000 + b"\x01",
    "no type": msgpack.packb({"status": "away"}),
    "a type that is no number": msgpack.packb({"messageType": "30"}),
    "a number": b"\x1e",
    "an array too short": msgpack.packb([1, 30, 0, 0]),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_answered_with_35_and_then_closed_with_1007(system, connect_raw, name):
    edge = system.edges[0]
    counted = edge.metric("zpresence_edge_messages_total", kind="garbage")
    dismissed = edge.metric("zpresence_edge_clients_dismissed_total", reason="garbage")
    client = connect_raw(edge)
    client.shake_hands("/?statuses=full", f"Authorization: Bearer {new_user('garbler')}\r\n")
    client.send(frame(BINARY, GARBAGE[name]))
    while (message := msgpack.unpackb(client.next_of(BINARY)))["messageType"] != PRESENCE_ERROR:
        pass
    assert message["code"] == "invalid_message"
    client.send(frame(BINARY, GARBAGE[name]) * GARBAGE_MAX)
    assert client.close_code() == 1007
    assert edge.metric("zpresence_edge_messages_total", kind="garbage") == counted + GARBAGE_MAX + 1
    assert edge.metric("zpresence_edge_clients_dismissed_total", reason="garbage") == dismissed + 1


# Nothing is smuggled past the front door

def test_a_second_request_behind_the_first_is_frames_not_a_request(system, connect_raw):
    victim, user = new_user("smuggled"), new_user("smuggler")
    client = connect_raw(system.edges[0])
    client.send(head(headers=f"token: {user}\r\n") + head(headers=f"token: {victim}\r\n"))
    client.entered()
    assert client.close_code() == 1002, "'G' is no frame"
    assert not system.redis().exists(f"presence:meta:{victim}")


def test_a_request_behind_a_refused_one_is_not_read(system, connect_raw):
    edge = system.edges[0]
    victim = new_user("smuggled")
    accepted = handshakes(edge, "accepted")
    for refused in (head(), b"GET / HTTP/1.1\nHost: h\n\n", head(headers="Content-Length: 200\r\n"), head(method="POST")):
        client = connect_raw(edge)
        client.send(refused + head(headers=f"token: {victim}\r\n"))
        client.refused().refusal()
    assert handshakes(edge, "accepted") == accepted
    assert not system.redis().exists(f"presence:meta:{victim}")


# The head that libwebsockets is given has names of its own; none of a client's reaches it.
PRIVATE = [
    "X-Zpresence-User: {victim}\r\n", "X-User-Id: {victim}\r\n", "X-Forwarded-User: {victim}\r\n",
    "X-Forwarded-For: 10.0.0.1\r\n", "Forwarded: for=10.0.0.1\r\n", "X-Original-URL: /?token={victim}\r\n",
    "Connection: keep-alive, token\r\n", "Keep-Alive: timeout=5\r\n", "Upgrade-Insecure-Requests: 1\r\n",
    "Sec-WebSocket-Accept: AAAA\r\n", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n", "Expect: 100-continue\r\n", "Range: bytes=0-1\r\n",
    "Cookie: token={victim}\r\n", "Content-Length: 0\r\n", "sec-websocket-protocol:\r\n", "token_: {victim}\r\n",
    "to-ken: {victim}\r\n", "Proxy-Authorization: Bearer {victim}\r\n",
]


@pytest.mark.parametrize("line", PRIVATE)
def test_a_header_that_looks_private_changes_nothing(system, connect_raw, line):
    victim, user = new_user("victim"), new_user("sender")
    client = connect_raw(system.edges[0])
    answer = client.shake_hands(headers=f"token: {user}\r\n" + line.format(victim=victim))
    assert set(answer.headers) == {"upgrade", "connection", "sec-websocket-accept"}
    eventually("its user is online", lambda: system.redis().exists(f"presence:user:{user}"))
    assert not system.redis().exists(f"presence:meta:{victim}")


@pytest.mark.parametrize("offered", ["user, dev\tice", "user, dev ice", "user, d\u00e9vice"])
def test_a_subprotocol_that_could_not_be_echoed_is_refused(system, connect_raw, offered):
    client = connect_raw(system.edges[0])
    client.send(head(headers=f"Sec-WebSocket-Protocol: {offered}\r\n"))
    assert client.refused().status == 400


def test_what_a_query_decodes_to_is_never_part_of_a_header(system, connect_raw):
    user = new_user("decoded")
    client = connect_raw(system.edges[0])
    answer = client.shake_hands(f"/?token={user}&deviceId=a%3a%20b%3b%2c&x=%0d%0aSet-Cookie:%20a=b")
    assert set(answer.headers) == {"upgrade", "connection", "sec-websocket-accept"}
