"""JWTs (CONTRACT section A, "Connect"): where a token may stand, what it says, when it ends, and that it is seen
nowhere. How tokens are attacked: test_token_attacks.py."""

import hashlib
import json
import re
import socket
import time

import pytest

from harness import http_client as http
from harness.inbox import PRESENCE_ERROR
from harness.tokens import SECRET, Handshake, connect_as, expect_refusal, forge, in_a_minute, make_token
from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

LEEWAY_S = 1
EXPIRY_TICK_S = 0.25  # services/ws-edge/token_expiry.c

SYSTEM = {"USE_AUTHENTICATION": True, "SECRET_KEY": SECRET, "JWT_LEEWAY": LEEWAY_S}


# Where it may stand

@pytest.mark.parametrize("place", ["header token", "header voicepingtoken", "bearer", "subprotocol", "query"])
def test_a_token_is_taken_from_every_place(system, place):
    user = new_user("placed")
    text = make_token({"uid": user, "exp": in_a_minute()})
    target, headers = "/?deviceId=tv", ""
    if place.startswith("header"):
        headers = f"{place.split()[1]}: {text}\r\n"
    elif place == "bearer":
        headers = f"Authorization: Bearer {text}\r\n"
    elif place == "subprotocol":
        headers = f"Sec-WebSocket-Protocol: {text}, tv\r\n"
    else:
        target = f"/?token={text}&deviceId=tv"
    handshake = Handshake(system, target, headers)
    with handshake.socket:
        assert handshake.status == 101
        eventually("online", lambda: system.bulk_status(user) == "online")
        assert text.encode() not in handshake.answer
    eventually("offline", lambda: system.bulk_status(user) == "offline")


def test_a_wrong_token_is_not_passed_over_for_a_right_one_further_down(system):
    right = make_token({"uid": new_user()})
    handshake = Handshake(system, f"/?token={right}", f"token: x\r\nSec-WebSocket-Protocol: {right}\r\n")
    assert handshake.refused() == "token_malformed"


def test_a_plain_user_id_is_no_token(system):
    expect_refusal(system, "alice", 401, "token_malformed")
    assert Handshake(system).refused() == "token_missing"


def test_a_client_that_names_no_device_has_one_that_does_not_show_its_token(system):
    user = new_user("nameless")
    text = make_token({"uid": user})
    handshake = Handshake(system, f"/?token={text}")
    device = "t-" + hashlib.sha256(text.encode()).hexdigest()[:16]
    with handshake.socket:
        eventually("its device", lambda: device in str(system.redis().hgetall(f"presence:meta:{user}")))


# What it says

@pytest.mark.parametrize("payload", [{"uid": "{}"}, {"user_id": "{}"}, {"userId": "{}"}, {"sub": "{}"}, {"id": "{}"}, "{}",
                                     {"id": "x", "sub": "y", "userId": "z", "user_id": "w", "uid": "{}"}])
def test_the_user_is_the_first_claim_or_the_payload_itself(system, payload):
    user = new_user("claimed")
    named = json.loads(json.dumps(payload).replace("{}", user))
    handshake = Handshake(system, headers=f"token: {forge({'alg': 'HS256', 'typ': 'JWT'}, named)}\r\n")
    with handshake.socket:
        assert handshake.status == 101
        eventually("online", lambda: system.bulk_status(user) == "online")


def test_a_user_id_may_be_an_integer(system):
    number = 10 ** 15 + int(new_user("n").rsplit("-", 1)[1])
    handshake = Handshake(system, headers=f"token: {make_token({'sub': 'no', 'uid': number})}\r\n")
    with handshake.socket:
        eventually("online", lambda: system.bulk_status(str(number)) == "online")


@pytest.mark.parametrize("user", ["", "x" * 129, "a\nb", "a\x00b", "\x7f"],
                         ids=["empty", "129 bytes", "line feed", "NUL", "DEL"])
def test_user_ids_keep_the_rules_of_plain_tokens(system, user):
    expect_refusal(system, make_token({"uid": user}), 400, "invalid_user_id")


@pytest.mark.parametrize("user", ["a:b", "with space", "it's \"quoted\"", "\U0001f600*", "y" * 128],
                         ids=["colon", "space", "quotes", "emoji", "128 bytes"])
def test_a_user_id_that_no_header_could_carry_comes_in_a_token(system, user):
    client = connect_as(system, user)
    client.wait_status(user, "online")
    assert system.bulk_status(user) == "online"


def test_the_role_is_kept_with_the_user_and_what_is_no_text_is_no_role(system):
    for role, kept in (("dashboard", "dashboard"), ("a role of theirs", "a role of theirs"), (7, None), (["admin"], None),
                       ("x" * 65, None), ("", None)):
        user = new_user("role")
        client = connect_as(system, user, role=role)
        client.wait_status(user, "online")
        assert system.redis().hget(f"presence:meta:{user}", "role") == kept


# When it ends

@pytest.mark.parametrize("query", ["", "?wire=array"])
def test_a_token_that_ends_while_its_bearer_is_connected_closes_the_connection(system, query):
    observer = connect_as(system, new_user("observer"))
    user = new_user("ending")
    before = system.edges[0].metric("zpresence_edge_tokens_expired_total")
    ends = int(time.time()) + 1
    client = connect_as(system, user, query=query, exp=ends)
    observer.wait_status(user, "online")
    frame = client.wait_frame(PRESENCE_ERROR)
    assert client.wait_closed() == 1008
    assert ends + LEEWAY_S <= time.time() <= ends + LEEWAY_S + EXPIRY_TICK_S + SLACK_S
    error = frame.message[4] if query else frame.message
    assert error["code"] == "token_expired"
    assert client.frames()[-1] is frame, "nothing is heard after it"
    observer.wait_statuses(user, ["online", "offline"])
    assert system.edges[0].metric("zpresence_edge_tokens_expired_total") == before + 1
    assert Handshake(system, headers=f"token: {make_token({'uid': user, 'exp': ends})}\r\n").refused() == "token_expired"


def test_the_end_of_one_token_leaves_the_users_other_connection(system):
    observer = connect_as(system, new_user("observer"))
    user = new_user("two-tokens")
    ending = connect_as(system, user, device="a", exp=int(time.time()) + 1)
    staying = connect_as(system, user, device="b", exp=in_a_minute())
    forever = connect_as(system, user, device="c")
    assert ending.wait_closed() == 1008
    never("anybody sees it offline", lambda: observer.status(user) == "offline", 0.3)
    assert staying.is_open() and forever.is_open()


def test_a_token_ends_while_the_edge_was_frozen(system):
    client = connect_as(system, new_user("frozen"), exp=int(time.time()) + 1)
    system.edges[0].freeze()
    time.sleep(1 + LEEWAY_S)
    system.edges[0].thaw()
    thawed = time.monotonic()
    assert client.wait_closed() == 1008
    assert time.monotonic() - thawed < EXPIRY_TICK_S + SLACK_S


# Roles

def test_with_the_audience_role_dashboards_hear_and_others_do_not(own_system):
    system = own_system(**SYSTEM, PRESENCE_AUDIENCE="role")
    dashboards = [connect_as(system, new_user(role), role=role) for role in ("web", "dashboard", "admin")]
    others = [connect_as(system, new_user("other"), **claims) for claims in
              ({}, {"role": "user"}, {"role": "Admin"}, {"role": ["admin"]}, {"role": "admin "})]
    user = new_user()
    client = connect_as(system, user, role="driver")
    for dashboard in dashboards:
        dashboard.wait_status(user, "online")
    client.close()
    for dashboard in dashboards:
        dashboard.wait_status(user, "offline")
    assert [other.frames() for other in others] == [[]] * len(others)
    assert system.edges[0].metric("zpresence_edge_watchers") == len(dashboards)


# Where it is seen: nowhere

def _redis_contents(redis):
    """Every key with every byte of its value, as Redis itself would move it to another."""
    return b"".join(key.encode() + (redis.dump(key) or b"") for key in redis.scan_iter("*", count=1000))


def test_a_token_is_seen_in_no_log_metric_frame_or_key_on_no_path(own_system):
    system = own_system(**SYSTEM, DEBUG="vp:*", HANDSHAKE_TIMEOUT=500, GARBAGE_MAX=0)
    redis = system.redis()
    redis.config_set("list-compress-depth", 0)
    heard = redis.pubsub()
    heard.psubscribe("*")
    observer = connect_as(system, new_user("observer"))
    made = []

    def secret_token(key=SECRET, **claims):
        made.append(make_token({"uid": new_user("secretive"), "jti": f"unmistakable-{len(made)}", **claims}, key))
        return made[-1]

    # Those who come in: every place, and every way to go.
    leaving = [system.connect("x", subprotocols=[secret_token(), "phone"]),
               system.connect("x", headers={"token": secret_token()}),
               system.connect("x", headers={"voicepingtoken": secret_token()}),
               system.connect("x", headers={"Authorization": f"Bearer {secret_token()}"})]
    nameless = [Handshake(system, f"/?token={secret_token()}"),
                Handshake(system, headers=f"Sec-WebSocket-Protocol: {secret_token()}\r\n")]
    ending = system.connect("x", subprotocols=[secret_token(exp=int(time.time()) + 1), "phone"])
    garbled = system.connect("x", subprotocols=[secret_token(), "phone"])
    eventually("all are in", lambda: system.edges[0].metric("zpresence_edge_users") == 9)
    garbled.send_bytes(made[-1].encode())
    assert garbled.wait_closed() == 1007
    text_frame = Handshake(system, headers=f"token: {secret_token()}\r\n")
    text_frame.socket.sendall(b"\x81\x83\x00\x00\x00\x00abc")

    # Those who do not.
    for headers in (f"token: {secret_token()[:-2]}\r\n", f"token: {secret_token('guess')}\r\n",
                    f"token: {secret_token(exp=1)}\r\n", f"token: {secret_token()}\r\ndevice_id: {'d' * 65}\r\n",
                    f"token: {secret_token()}\r\nHost: again\r\n", f"token: {secret_token()}\r\n folded\r\n",
                    f"token: {secret_token(filler='x' * 8192)}\r\n"):
        assert Handshake(system, headers=headers).status >= 400
    assert Handshake(system, f"/?token={secret_token()}%zz").status == 400
    assert http.get(system.edges[0].address, f"/?token={secret_token()}").status == 426
    assert http.get(system.edges[0].address, "/", {"Authorization": f"Bearer {secret_token()}"}).status == 426
    assert http.get(system.api_address, f"/?token={secret_token()}", {"token": secret_token()}).status in (200, 404)
    with socket.create_connection(system.edges[0].address.rsplit(":", 1)) as slow:
        slow.sendall(f"GET /?token={secret_token()} HTTP/1.1\r\ntoken: {secret_token()}\r\n".encode())
        assert slow.recv(1) == b""
    assert ending.wait_closed() == 1008
    while_connected = _redis_contents(redis)
    for client in leaving:
        client.close()
    for handshake in [*nameless, text_frame]:
        handshake.socket.close()
    eventually("they are gone", lambda: system.edges[0].metric("zpresence_edge_users") == 1)

    channels = []
    while message := heard.get_message(timeout=0.2):
        channels.append(repr(message))
    assert any("online" in message for message in channels)
    seen = {
        "logs": system.logs() + system.redis_server.process.log(),
        "metrics": "".join(http.get(service.admin_address, path).body.decode()
                           for service in system.services for path in ("/metrics", "/readyz", "/healthz")),
        "frames": repr([frame.raw for frame in observer.frames()]),
        "channels": "".join(channels),
        "keys": repr(while_connected + _redis_contents(redis)),
        "pages": "".join(http.get(system.api_address, path).body.decode() for path in ("/", "/health", "/metrics")),
    }
    assert "edge.handshake.refused" in seen["logs"], "debug logging is on"
    assert len(made) > 20
    for text in made:
        for part in text.split("."):
            # The header is the same for all tokens, and no secret; of the rest not even a piece.
            pieces = re.findall(r".{1,24}", part) if part != text.split(".")[0] else [part]
            for place, contents in seen.items():
                assert not [piece for piece in pieces if len(piece) >= 16 and piece in contents], place
    for place, contents in seen.items():
        assert SECRET not in contents, place
        assert "unmistakable" not in contents, place
