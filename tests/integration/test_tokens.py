"""JWTs (CONTRACT section A, "Connect"): where a token may stand, what it says, how it is attacked, when it ends, and
that it is seen nowhere. Tokens are made by PyJWT, an implementation that is not ours; forgeries by hand."""

import base64
import hashlib
import hmac
import json
import re
import socket
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from harness import http_client as http
from harness.inbox import PRESENCE_ERROR
from harness.process import base_environment, run_to_end
from harness.system import binary
from harness.users import new_user
from harness.waiting import PATIENCE_S, SLACK_S, eventually, never

SECRET = "a secret of the tests that is long enough for every one of the three hashes"
LEEWAY_S = 1
EXPIRY_TICK_S = 0.25  # services/ws-edge/token_expiry.c

SYSTEM = {"USE_AUTHENTICATION": True, "SECRET_KEY": SECRET, "JWT_LEEWAY": LEEWAY_S}

HANDSHAKE = ("GET {target} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n")


def in_a_minute():
    return int(time.time()) + 60


def token(claims, key=SECRET, algorithm="HS256", **header):
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
    return system.connect(user, edge, query=query, subprotocols=[token({"uid": user, **claims}), device])


class Handshake:
    """A request head as it stands, and what is answered to it."""

    def __init__(self, system, target="/", headers="", edge=0):
        host, port = system.edges[edge].address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE_S)
        self.socket.sendall(HANDSHAKE.format(target=target, headers=headers).encode())
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


# Where it may stand

@pytest.mark.parametrize("place", ["header token", "header voicepingtoken", "bearer", "subprotocol", "query"])
def test_a_token_is_taken_from_every_place(system, place):
    user = new_user("placed")
    text = token({"uid": user, "exp": in_a_minute()})
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
    right = token({"uid": new_user()})
    handshake = Handshake(system, f"/?token={right}", f"token: x\r\nSec-WebSocket-Protocol: {right}\r\n")
    assert handshake.refused() == "token_malformed"


def test_a_plain_user_id_is_no_token(system):
    expect_refusal(system, "alice", 401, "token_malformed")
    assert Handshake(system).refused() == "token_missing"


def test_a_client_that_names_no_device_has_one_that_does_not_show_its_token(system):
    user = new_user("nameless")
    text = token({"uid": user})
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
    handshake = Handshake(system, headers=f"token: {token({'sub': 'no', 'uid': number})}\r\n")
    with handshake.socket:
        eventually("online", lambda: system.bulk_status(str(number)) == "online")


@pytest.mark.parametrize("user", ["", "x" * 129, "a\nb", "a\x00b", "\x7f"],
                         ids=["empty", "129 bytes", "line feed", "NUL", "DEL"])
def test_user_ids_keep_the_rules_of_plain_tokens(system, user):
    expect_refusal(system, token({"uid": user}), 400, "invalid_user_id")


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


# Attacks

def _attacks():
    user, good = "mallory", {"alg": "HS256", "typ": "JWT"}
    claims = {"uid": user}
    right = token(claims)
    head, payload, signature = right.split(".")
    raw = base64.urlsafe_b64decode(signature + "=")
    other = base64url(json.dumps({"uid": "victim"}).encode())
    last = signature[-1]
    not_canonical = next(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                         if c != last and base64.urlsafe_b64decode(signature[:-1] + c + "=") == raw)
    wrong, malformed, algorithm = "token_wrong_signature", "token_malformed", "token_wrong_algorithm"
    return {
        "none": (forge({"alg": "none"}, claims, None), algorithm),
        "none-signed": (forge({"alg": "none"}, claims), algorithm),
        "None": (forge({"alg": "None"}, claims, None), algorithm),
        "hs384": (token(claims, algorithm="HS384"), algorithm),
        "no-algorithm": (forge({"typ": "JWT"}, claims), malformed),
        "critical": (forge({**good, "crit": ["exp"]}, claims), malformed),
        "not-signed": (forge(good, claims, None), wrong),
        "another-secret": (token(claims, "guess"), wrong),
        "empty-secret": (forge(good, claims, ""), wrong),
        "altered-payload": (f"{head}.{other}.{signature}", wrong),
        "altered-header": (f"{base64url(json.dumps(good, indent=1).encode())}.{payload}.{signature}", wrong),
        "truncated": (f"{head}.{payload}.{base64url(raw[:-1])}", wrong),
        "truncated-to-16": (f"{head}.{payload}.{base64url(raw[:16])}", wrong),
        "lengthened": (f"{head}.{payload}.{base64url(raw + b'0')}", wrong),
        "padded": (f"{right}=", malformed),
        "trailing-bits": (f"{head}.{payload}.{signature[:-1]}{not_canonical}", malformed),
        "one-dot": (f"{head}.{payload}", malformed),
        "three-dots": (f"{right}.", malformed),
        "five-parts": (f"{right}.{payload}.{signature}", malformed),
        "no-json": (forge(good, b"mallory"), malformed),
        "said-twice": (forge(good, b'{"uid":"mallory","uid":"victim"}'), malformed),
        "header-said-twice": (forge(b'{"alg":"none","alg":"HS256"}', claims), malformed),
        "unknown-claims": (token({"name": user, "role": "admin"}), "token_without_user"),
        "no-claims": (token({}), "token_without_user"),
        "user-is-a-list": (token({"uid": [user]}), "token_without_user"),
        "expired": (token({**claims, "exp": int(time.time()) - 60}), "token_expired"),
        "exp-0": (token({**claims, "exp": 0}), "token_expired"),
        "early": (token({**claims, "nbf": int(time.time()) + 3600}), "token_not_yet_valid"),
        "exp-is-a-string": (forge(good, {**claims, "exp": "1999999999"}), "token_invalid_time"),
        "exp-is-null": (forge(good, {**claims, "exp": None}), "token_invalid_time"),
        "nbf-is-a-string": (forge(good, {**claims, "nbf": "0"}), "token_invalid_time"),
    }


ATTACKS = _attacks()


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_counted_and_leaves_no_state(system, attack):
    text, code = ATTACKS[attack]
    expect_refusal(system, text, 401, code)
    for victim in ("mallory", "victim"):
        state = system.bulk(victim).json()[victim]
        assert (state["status"], state["lastSeen"]) == ("offline", None)
        assert not system.redis().exists(f"presence:user:{victim}", f"presence:meta:{victim}")


def test_a_token_of_4_kb_is_taken_and_one_beyond_the_head_is_not(system):
    user = new_user("long")
    text = token({"uid": user, "filler": "x" * 3000})
    assert len(text) > 4000
    client = system.connect(user, subprotocols=[text, "phone"])
    client.wait_status(user, "online")
    long = token({"uid": user, "filler": "x" * 6200})
    assert Handshake(system, headers=f"token: {long}\r\n").refused() == "head_too_large"


# Public keys

@pytest.fixture(scope="module")
def key_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


def key_pair(algorithm):
    private = rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(serialization.Encoding.PEM,
                                               serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_tokens_of_a_private_key_are_taken_and_those_that_misuse_the_public_one_are_not(own_system, key_folder, algorithm):
    private, public = key_pair(algorithm)
    stranger, _ = key_pair(algorithm)
    file = key_folder / f"{algorithm}.pem"
    file.write_text(public)
    system = own_system(USE_AUTHENTICATION=True, JWT_ALGORITHM=algorithm, SECRET_KEY_FILE=str(file))
    user = new_user("signed")
    client = system.connect(user, subprotocols=[token({"uid": user, "exp": in_a_minute()}, private, algorithm), "phone"])
    client.wait_status(user, "online")
    claims, right = {"uid": "mallory"}, "token_wrong_signature"
    other = "ES256" if algorithm == "RS256" else "RS256"
    expect_refusal(system, forge({"alg": "HS256"}, claims, public), 401, "token_wrong_algorithm")
    expect_refusal(system, forge({"alg": algorithm}, claims, public), 401, right)
    expect_refusal(system, forge({"alg": "none"}, claims, None), 401, "token_wrong_algorithm")
    expect_refusal(system, forge({"alg": algorithm}, claims, None), 401, right)
    expect_refusal(system, token(claims, stranger, algorithm), 401, right)
    expect_refusal(system, token(claims, key_pair(other)[0], other), 401, "token_wrong_algorithm")
    text, _, signature = token(claims, private, algorithm).rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    for altered in (raw[:-1], raw + b"0", b"\0" * len(raw), b""):
        expect_refusal(system, f"{text}.{base64url(altered)}", 401, right)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_longer_hashes_are_taken_where_they_are_configured(own_system, key_folder, algorithm):
    """With a secret from a file; the line end behind it is the editor's."""
    file = key_folder / f"{algorithm}.secret"
    file.write_text(SECRET + "\n")
    system = own_system(USE_AUTHENTICATION=True, JWT_ALGORITHM=algorithm, SECRET_KEY_FILE=str(file))
    user = new_user("hashed")
    client = system.connect(user, subprotocols=[token({"uid": user}, algorithm=algorithm), "phone"])
    client.wait_status(user, "online")
    expect_refusal(system, token({"uid": user}), 401, "token_wrong_algorithm")


@pytest.mark.parametrize("settings, word", [
    ({}, "SECRET_KEY"),
    ({"SECRET_KEY": ""}, "SECRET_KEY"),
    ({"SECRET_KEY": "hunter2", "SECRET_KEY_FILE": "/dev/null"}, "both"),
    ({"SECRET_KEY_FILE": "/nowhere/hunter2"}, "No such file"),
    ({"SECRET_KEY_FILE": "/"}, "directory"),
    ({"SECRET_KEY_FILE": "/dev/null"}, "empty"),
    ({"SECRET_KEY_FILE": "/dev/zero"}, "too large"),
    ({"SECRET_KEY": "hunter2", "JWT_ALGORITHM": "RS256"}, "PEM"),
    ({"SECRET_KEY": "hunter2", "JWT_ALGORITHM": "ES256"}, "PEM"),
    ({"SECRET_KEY": key_pair("RS256")[1]}, "PEM"),
    ({"SECRET_KEY": key_pair("RS256")[1], "JWT_ALGORITHM": "ES256"}, "P-256"),
    ({"SECRET_KEY": key_pair("ES256")[1], "JWT_ALGORITHM": "RS256"}, "RSA"),
])
def test_a_key_that_cannot_be_used_stops_the_edge_with_one_clear_line_that_does_not_show_it(settings, word):
    code, _, error, seconds = run_to_end([binary("ws-edge")], {**base_environment(), "WS_LISTEN": "127.0.0.1:0",
                                                               "CORE_ENDPOINTS": "tcp://127.0.0.1:1",
                                                               "FANOUT_ENDPOINTS": "tcp://127.0.0.1:1",
                                                               "USE_AUTHENTICATION": "true", **settings})
    assert code == 1 and seconds < 5
    (line,) = [line for line in error.splitlines() if "ERROR" in line]
    assert word in line
    assert "hunter2" not in error and "BEGIN PUBLIC" not in error.replace("(-----BEGIN PUBLIC KEY-----)", "")


def test_a_short_secret_is_warned_of_and_not_shown(own_system):
    system = own_system(USE_AUTHENTICATION=True, SECRET_KEY="hunter2")
    assert "auth.key_short" in system.edges[0].log()
    assert "hunter2" not in system.logs()


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
    assert Handshake(system, headers=f"token: {token({'uid': user, 'exp': ends})}\r\n").refused() == "token_expired"


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
        made.append(token({"uid": new_user("secretive"), "jti": f"unmistakable-{len(made)}", **claims}, key))
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
