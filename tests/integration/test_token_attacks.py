"""JWTs (CONTRACT section A, "Connect"): how a token is attacked, and which keys there are."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from harness.process import base_environment, run_to_end
from harness.system import binary
from harness.tokens import SECRET, Handshake, base64url, expect_refusal, forge, in_a_minute, make_token
from harness.users import new_user

SYSTEM = {"USE_AUTHENTICATION": True, "SECRET_KEY": SECRET}


# Forgeries

def _attacks():
    user, good = "mallory", {"alg": "HS256", "typ": "JWT"}
    claims = {"uid": user}
    right = make_token(claims)
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
        "hs384": (make_token(claims, algorithm="HS384"), algorithm),
        "no-algorithm": (forge({"typ": "JWT"}, claims), malformed),
        "critical": (forge({**good, "crit": ["exp"]}, claims), malformed),
        "not-signed": (forge(good, claims, None), wrong),
        "another-secret": (make_token(claims, "guess"), wrong),
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
        "unknown-claims": (make_token({"name": user, "role": "admin"}), "token_without_user"),
        "no-claims": (make_token({}), "token_without_user"),
        "user-is-a-list": (make_token({"uid": [user]}), "token_without_user"),
        "expired": (make_token({**claims, "exp": int(time.time()) - 60}), "token_expired"),
        "exp-0": (make_token({**claims, "exp": 0}), "token_expired"),
        "early": (make_token({**claims, "nbf": int(time.time()) + 3600}), "token_not_yet_valid"),
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
    text = make_token({"uid": user, "filler": "x" * 3000})
    assert len(text) > 4000
    client = system.connect(user, subprotocols=[text, "phone"])
    client.wait_status(user, "online")
    long = make_token({"uid": user, "filler": "x" * 6200})
    assert Handshake(system, headers=f"token: {long}\r\n").refused() == "head_too_large"


# Keys

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
    client = system.connect(user, subprotocols=[make_token({"uid": user, "exp": in_a_minute()}, private, algorithm), "phone"])
    client.wait_status(user, "online")
    claims, right = {"uid": "mallory"}, "token_wrong_signature"
    other = "ES256" if algorithm == "RS256" else "RS256"
    expect_refusal(system, forge({"alg": "HS256"}, claims, public), 401, "token_wrong_algorithm")
    expect_refusal(system, forge({"alg": algorithm}, claims, public), 401, right)
    expect_refusal(system, forge({"alg": "none"}, claims, None), 401, "token_wrong_algorithm")
    expect_refusal(system, forge({"alg": algorithm}, claims, None), 401, right)
    expect_refusal(system, make_token(claims, stranger, algorithm), 401, right)
    expect_refusal(system, make_token(claims, key_pair(other)[0], other), 401, "token_wrong_algorithm")
    text, _, signature = make_token(claims, private, algorithm).rpartition(".")
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
    client = system.connect(user, subprotocols=[make_token({"uid": user}, algorithm=algorithm), "phone"])
    client.wait_status(user, "online")
    expect_refusal(system, make_token({"uid": user}), 401, "token_wrong_algorithm")


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
