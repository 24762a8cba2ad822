"""Every limit of a client, each reached: what he is answered, that it is counted, that others do not notice, and that
it ends when he does."""

import contextlib
import re
import time

import msgpack
import pytest

from harness.inbox import PRESENCE_ERROR
from harness.raw_client import BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, frame, head
from harness.users import new_user
from harness.waiting import eventually, never

# Those made by hand do not answer PINGs, and are to stay.
LASTING = {"PRESENCE_TTL": 30}
SYSTEM = {"apis": 0, **LASTING}

STATUS, CONNECTION_TEST, CONNECTION_ACK = 5, 25, 26

HERE, THERE = "127.0.0.2", "127.0.0.3"  # two addresses of this machine


def handshakes(edge, result):
    return edge.metric("zpresence_edge_handshakes_total", result=result)


def shaken(connect_raw, edge, source=None, user=None, headers=""):
    client = connect_raw(edge, source)
    client.send(head(headers=f"Authorization: Bearer {user or new_user('limited')}\r\n{headers}"))
    return client


def expect_refused(edge, client, status, code):
    answer = client.refused()
    assert (answer.status, answer.refusal()) == (status, code)
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    assert handshakes(edge, code) >= 1
    if status in (429, 431, 503):
        assert f"edge.handshake.limited code={code} from=127.0.0." in edge.log()


# Handshakes per address and second

def test_handshakes_of_one_address_are_limited_and_of_others_not(own_system, connect_raw):
    per_second = 5
    system = own_system(**LASTING, apis=0, HANDSHAKES_PER_ADDRESS=per_second)
    edge = system.edges[0]
    began, entered, refused = time.monotonic(), 0, 0
    while refused < 5:
        client = shaken(connect_raw, edge, HERE)
        with contextlib.suppress(AssertionError):
            client.entered()
            entered += 1
            continue
        refused += 1
    seconds = time.monotonic() - began
    assert per_second <= entered <= per_second * (1 + seconds) + 1
    assert handshakes(edge, "too_many_handshakes") == refused
    shaken(connect_raw, edge, THERE).entered()

    time.sleep(1.2)  # as Retry-After says
    shaken(connect_raw, edge, HERE).entered()


def test_who_is_refused_for_the_rate_is_told_before_his_head_is_read(own_system, connect_raw):
    system = own_system(**LASTING, apis=0, HANDSHAKES_PER_ADDRESS=1)
    edge = system.edges[0]
    refused = None
    for _ in range(10):
        silent = connect_raw(edge, HERE)
        if handshakes(edge, "too_many_handshakes") > 0:
            refused = silent
            break
    expect_refused(edge, refused, 429, "too_many_handshakes")


# Sockets

def test_sockets_of_one_address_are_limited_and_of_others_not(own_system, connect_raw):
    system = own_system(**LASTING, apis=0, SOCKETS_PER_ADDRESS=3)
    edge = system.edges[0]
    clients = [shaken(connect_raw, edge, HERE) for _ in range(3)]
    for client in clients:
        client.entered()
    expect_refused(edge, shaken(connect_raw, edge, HERE), 429, "too_many_sockets_of_address")
    shaken(connect_raw, edge, THERE).entered()
    connect_raw(edge, HERE)  # who only knocks is no socket
    clients[0].close()
    eventually("one has left", lambda: edge.metric("zpresence_edge_sockets") == 3)
    shaken(connect_raw, edge, HERE).entered()
    clients[1].send(frame(CLOSE, b"\x03\xe8"))
    clients[1].rest()
    eventually("one more has left", lambda: edge.metric("zpresence_edge_sockets") == 3)
    shaken(connect_raw, edge, HERE).entered()
    expect_refused(edge, shaken(connect_raw, edge, HERE), 429, "too_many_sockets_of_address")


def test_sockets_of_one_user_are_limited_and_of_others_not(own_system, connect_raw):
    system = own_system(**LASTING, apis=0, SOCKETS_PER_USER=2)
    edge, user = system.edges[0], new_user("collector")
    clients = [shaken(connect_raw, edge, user=user, headers=f"device_id: d{i}\r\n") for i in range(2)]
    for client in clients:
        client.entered()
    expect_refused(edge, shaken(connect_raw, edge, user=user, headers="device_id: d2\r\n"), 429, "too_many_sockets_of_user")
    shaken(connect_raw, edge).entered()
    clients[0].close()
    eventually("one has left", lambda: edge.metric("zpresence_edge_sockets") == 2)
    shaken(connect_raw, edge, user=user).entered()


def test_the_65th_socket_of_a_user_is_refused_and_the_64_stay(system, connect_raw):
    edge, user = system.edges[0], new_user("collector")
    observer = system.observe()
    clients = [shaken(connect_raw, edge, user=user) for _ in range(64)]
    for client in clients:
        client.entered()
    expect_refused(edge, shaken(connect_raw, edge, user=user), 429, "too_many_sockets_of_user")
    observer.wait_status(user, "online")
    for client in clients:
        client.send(frame(BINARY, msgpack.packb({"messageType": CONNECTION_TEST, "payload": "still here"})))
    for client in clients:
        while msgpack.unpackb(client.next_of(BINARY))["messageType"] != CONNECTION_ACK:
            pass
    assert observer.statuses(user) == ["online"]


def test_where_the_newest_login_closes_the_others_there_is_room_for_it(own_system):
    system = own_system(**LASTING, apis=0, SOCKETS_PER_USER=1, DUPLICATE_LOGIN="kick")
    user = new_user("mover")
    for device in ("phone", "tablet", "laptop"):
        newest = system.connect(user, device=device)
    never("the newest is closed", lambda: newest.closed, 0.3)


def test_a_full_edge_says_503(own_system, connect_raw):
    system = own_system(**LASTING, apis=0, SOCKETS_MAX=2)
    edge = system.edges[0]
    for _ in range(2):
        shaken(connect_raw, edge).entered()
    client = shaken(connect_raw, edge)
    expect_refused(edge, client, 503, "too_many_connections")


def test_an_edge_takes_no_more_sockets_than_its_descriptors_suffice_for(own_system, connect_raw):
    """So that the one too many is told, rather than left waiting in the kernel."""
    system = own_system(**LASTING, apis=0, HANDSHAKES_PER_ADDRESS=0, SOCKETS_PER_ADDRESS=0)
    edge = system.edges[0]
    edge.stop()
    edge.argv = ["/usr/bin/prlimit", "--nofile=200", *edge.argv]
    edge.restart()
    assert "edge.sockets_limited setting=SOCKETS_MAX value=18700 descriptors=200 taken=100" in edge.log()
    for _ in range(100):
        shaken(connect_raw, edge).entered()
    expect_refused(edge, shaken(connect_raw, edge), 503, "too_many_connections")
    assert edge.metric("zpresence_edge_accept_pauses_total") == 0


# Messages

def test_messages_of_one_client_are_limited(own_system, connect_raw):
    per_second, burst = 5, 10
    system = own_system(**LASTING, apis=0, MESSAGES_PER_SECOND=per_second)
    edge = system.edges[0]
    bystander, observer = system.connect(new_user("bystander")), system.observe()
    chatter = system.connect(new_user("chatter"))
    observer.wait_status(chatter.user, "online")

    def say(count):
        for number in range(count):
            chatter.try_send_bytes(msgpack.packb({"messageType": CONNECTION_TEST, "payload": number}))

    def errors():
        return [error.message["code"] for error in chatter.frames(PRESENCE_ERROR)]

    began = time.monotonic()
    say(burst + 6)
    chatter.wait_frame(PRESENCE_ERROR)
    never("it is told again", lambda: len(errors()) > 1, 0.3)
    answered = len(chatter.frames(CONNECTION_ACK))
    assert burst <= answered <= burst + per_second * (time.monotonic() - began) + 1
    assert errors() == ["rate_limited"]
    assert edge.metric("zpresence_edge_messages_total", kind="rate_limited") == burst + 6 - answered
    bystander.send({"messageType": CONNECTION_TEST, "payload": 1})
    bystander.wait_frame(CONNECTION_ACK)

    time.sleep(burst / per_second + 0.3)  # calm again: nothing is held against it
    say(burst + 6)
    chatter.wait("it is told a second time", lambda: errors() == ["rate_limited"] * 2)
    assert chatter.is_open()

    say(2 * burst)
    assert chatter.wait_closed() == 1008
    assert errors() == ["rate_limited"] * 2
    assert edge.metric("zpresence_edge_clients_dismissed_total", reason="flood") == 1
    assert chatter.close_reason == "too many messages"
    assert said_of(edge, "edge.client.flood", chatter.user)
    observer.wait_status(chatter.user, "offline")
    assert bystander.is_open()


def said_of(edge, event, user):
    """Whether the log says that event of that user, and where from."""
    return re.search(rf"{re.escape(event)}\b.* connection=\S+ user={re.escape(user)} from=127\.0\.0\.1\b", edge.log())


@pytest.mark.parametrize("flood", [
    frame(PING, b"x"), frame(PONG), frame(CONTINUATION, b"", final=False)
], ids=["PINGs", "PONGs", "fragments"])
def test_frames_that_are_no_messages_are_limited_too(own_system, connect_raw, flood):
    messages_per_second = 5
    system = own_system(**LASTING, apis=0, MESSAGES_PER_SECOND=messages_per_second)
    edge = system.edges[0]
    client = shaken(connect_raw, edge)
    client.entered()
    client.send(frame(BINARY, b"", final=False) + flood * (messages_per_second * 10 * 2 + 20))
    code = None
    while code is None:
        first, payload = client.next_frame()
        if first == FINAL | CLOSE:
            code = int.from_bytes(payload[:2], "big")
    assert code == 1008
    assert edge.metric("zpresence_edge_protocol_failures_total", code=1008) == 1
    assert re.search(r"edge\.client\.failed code=1008 connection=\S+ user=\S+ from=127\.0\.0\.1$", edge.log(), re.MULTILINE)


def test_without_a_limit_messages_pass(own_system):
    system = own_system(**LASTING, apis=0, MESSAGES_PER_SECOND=0)
    chatter = system.connect(new_user("chatter"))
    for number in range(1000):
        chatter.send({"messageType": CONNECTION_TEST, "payload": number})
    chatter.wait("all are answered", lambda: len(chatter.frames(CONNECTION_ACK)) == 1000)
    assert chatter.frames(PRESENCE_ERROR) == []


def test_sizes_are_as_configured(own_system, connect_raw):
    system = own_system(**LASTING, apis=0, MESSAGE_MAX=1000, HANDSHAKE_MAX=600, GARBAGE_MAX=0)
    edge = system.edges[0]
    client = shaken(connect_raw, edge)
    client.entered()
    client.send(frame(BINARY, b"x" * 1001))
    assert client.close_code() == 1009
    assert "edge.client.failed code=1009" in edge.log()
    client = connect_raw(edge)
    client.send(head(headers="x: " + "x" * 600 + "\r\n"))
    expect_refused(edge, client, 431, "head_too_large")
    client = shaken(connect_raw, edge)
    client.entered()
    client.send(frame(BINARY, b"\xc1"))
    assert client.close_code() == 1007
    assert "edge.client.garbage" in edge.log()


def test_a_limit_that_is_reached_again_and_again_is_said_once(own_system, connect_raw):
    system = own_system(**LASTING, apis=0, SOCKETS_PER_ADDRESS=1)
    edge = system.edges[0]
    shaken(connect_raw, edge, HERE).entered()
    for _ in range(5):
        expect_refused(edge, shaken(connect_raw, edge, HERE), 429, "too_many_sockets_of_address")
    assert handshakes(edge, "too_many_sockets_of_address") == 5
    lines = [line for line in edge.log().splitlines() if "too_many_sockets_of_address" in line]
    assert len(lines) == 1 and f"from={HERE}" in lines[0] and " WARN " in lines[0]


# What waits for a client

def test_who_does_not_read_is_closed_and_the_others_hear_everything(own_system, connect_raw):
    system = own_system(**LASTING, apis=0, OUTBOX_UPDATES_MAX=256, COALESCE_ABOVE=64, MESSAGES_PER_SECOND=0)
    edge = system.edges[0]
    bystander = system.observe(query="?statuses=full")
    deaf = connect_raw(edge)
    deaf.send(head(target="/?statuses=full", headers=f"Authorization: Bearer {new_user('deaf')}\r\n"))
    deaf.entered()
    users = [new_user("changer") for _ in range(20)]
    changers = [shaken(connect_raw, edge, user=user) for user in users]
    for client in changers:
        client.entered()

    def change(status):
        for client in changers:
            client.send(frame(BINARY, msgpack.packb({"messageType": STATUS, "status": status})))

    def closed():
        change("busy")
        time.sleep(0.02)  # as fast as the bystander, which is Python too, can read
        change("away")
        time.sleep(0.02)
        return edge.metric("zpresence_edge_slow_clients_closed_total")

    assert eventually("who does not read is closed", closed, 60) == 1
    assert "edge.client.slow" in edge.log()
    eventually("it is gone", lambda: edge.metric("zpresence_edge_sockets") == len(users) + 1)
    change("online")
    for user in users:
        bystander.wait_status(user, "online")
    assert not bystander.closed


# Origins

def origin(text):
    return f"Origin: {text}\r\n"


def test_pages_of_other_origins_are_refused(own_system, connect_raw):
    system = own_system(**LASTING, apis=0, WS_ORIGINS="https://a.example, http://b.example:8080")
    edge = system.edges[0]
    for allowed in (origin("https://a.example"), origin("http://b.example:8080"), ""):
        shaken(connect_raw, edge, headers=allowed).entered()
    refused = ["http://a.example", "https://a.example:8443", "https://a.example.evil", "https://evil", "null", "*", "",
               "https://a.example, http://b.example:8080", "https://A.example"]
    for text in refused:
        expect_refused(edge, shaken(connect_raw, edge, headers=origin(text)), 403, "origin_not_allowed")
    assert handshakes(edge, "origin_not_allowed") == len(refused)


@pytest.mark.parametrize("text", ["https://anywhere.example", "null", "chrome-extension://abc"])
def test_by_default_pages_of_all_origins_may_connect(system, connect_raw, text):
    shaken(connect_raw, system.edges[0], headers=origin(text)).entered()
