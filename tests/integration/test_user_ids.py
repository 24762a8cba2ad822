"""A user id is any text: whatever it looks like, it is itself and nothing else in Redis keys, JSON, frames, logs and
metrics. And nobody speaks for another user."""

import json
import re
import threading
import time
from urllib.parse import quote

import msgpack
import pytest

from harness.inbox import PRESENCE_ERROR
from harness.raw_client import BINARY, FINAL, PING, frame
from harness.users import new_user
from harness.waiting import SLACK_S, eventually

SYSTEM = {"edges": 2, "DEBUG": "vp:*"}

IDS = [
    "a:b", ":", "presence:user:a", "presence:clock", "seq", "with  two spaces", " leading", "trailing ", '"quoted"', "it's",
    "*", "?", "[a-z]", "{tag}", "emoji 😀", "👩‍👩‍👧‍👦", "日本語", "é" * 64, "😀" * 32, "x" * 128, "\\", "\\n", "a\\\"b", "%s%n%x",
    "%41", "a+b", "a&b=c", "a,b;c|d", "<script>alert(1)</script>", "null", "true", "0", "-1", "007", "1e3", "__proto__", "userIds",
    "../../etc/passwd", "$(id)`id`", "'; DROP TABLE users; --", "*1\\r\\n$8\\r\\nFLUSHALL", "return redis.call('FLUSHALL')",
    'x" level=ERROR event=forged', 'x"} 1', "1 0 o a/b", "1700000000000-1", "e/0123456789abcdef", "http/default", "t-0123456789abcdef",
    "\u202egnitset", "a\u200bb", "a\u2028b", "\ufeffbom",
]

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARN|ERROR) [a-z-]+-\d [a-z_.]+( [ -~]*)?")


def connect(system, user, edge=0, **options):
    """A token of any bytes can only stand in the query, percent-encoded, as a browser would send it."""
    query = f"?token={quote(user, safe='')}&deviceId={quote(user[:16], safe='')}" + options.pop("query", "")
    return system.connect(user, edge, query=query, subprotocols=[], **options)


def keys_of(redis):
    return {key for key in redis.scan_iter("*", count=1000) if key.startswith(("presence:user:", "presence:meta:"))}


def samples(system):
    """What the metrics have names and labels for: never a user."""
    return {process.name: sorted(process.metrics()) for process in system.services}


@pytest.mark.parametrize("user", IDS)
def test_any_text_is_a_user(system, user):
    redis = system.redis()
    observers = [system.observe(edge=1, query="?statuses=full"), system.observe(query="?wire=array")]
    bystander = system.connect(new_user("bystander"))
    for observer in observers:
        observer.wait_status(bystander.user, "online")
    updates = redis.pubsub()
    updates.subscribe("presence:updates")
    redis.delete(f"presence:meta:{user}")
    before, samples_before = keys_of(redis), samples(system)

    client = connect(system, user)
    for observer in observers:
        observer.wait_status(user, "online")
    assert keys_of(redis) - before == {f"presence:user:{user}", f"presence:meta:{user}"}
    assert redis.zscore("presence:online", user) is not None
    assert any(user in redis.smembers(key) for key in redis.keys("presence:edge:*"))
    answer = system.bulk(user, bystander.user).json()
    assert set(answer) == {user, bystander.user}
    assert (answer[user]["userId"], answer[user]["status"]) == (user, "online")

    client.send({"messageType": 5, "status": "busy"})
    observers[0].wait_status(user, "busy")
    client.close()
    for observer in observers:
        observer.wait_status(user, "offline")
        assert observer.statuses(bystander.user) == ["online"]
    assert keys_of(redis) - before == {f"presence:meta:{user}"}
    assert system.bulk(user).json()[user]["status"] == "offline"

    told = []

    def heard():
        message = updates.get_message(ignore_subscribe_messages=True)
        if message:
            told.append(json.loads(message["data"]))
        return [update["status"] for update in told if update["userId"] == user] == ["online", "offline"]

    eventually("the channel has told both", heard)
    updates.close()
    assert samples(system) == samples_before


def test_no_user_id_forges_a_line_of_a_log(system):
    """After those above: every line of every process is one event, in printable ASCII."""
    observer = system.observe()
    client = connect(system, 'z" level=ERROR 2026 event=forged')
    observer.wait_status(client.user, "online")
    client.close()
    system.wait_log("User z\\x22\\x20level=ERROR\\x202026\\x20event=forged marked as offline")
    for process in system.services:
        # What stands behind the last line end may be a line that is being written.
        for line in process.log().split("\n")[:-1]:
            assert LOG_LINE.fullmatch(line), f"{process.name}: {line!r}"


@pytest.mark.parametrize("user", ["a\nb", "a\x00b", "a\x7fb", "a\u0085b", "\x1b[31m", "x" * 129, "é" * 65, ""])
def test_what_is_no_text_is_no_user(system, connect_raw, user):
    client = connect_raw(system.edges[0])
    client.send(f"GET /?token={quote(user, safe='')} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    assert client.refused().status == (400 if user else 401)


# Nobody speaks for another

TYPES = [5, 9, 15, 16, 25, 26, 30, 31, 32, 33, 34, 35]


@pytest.mark.parametrize("kind", TYPES)
def test_no_message_touches_another_user(system, kind):
    observer = system.observe(query="?statuses=full")
    victim, liar = system.connect(new_user("victim")), system.connect(new_user("liar"))
    absent = new_user("absent")
    for client in (victim, liar):
        observer.wait_status(client.user, "online")
    redis = system.redis()
    numbers = redis.hgetall(f"presence:meta:{victim.user}")
    for other in (victim.user, absent):
        payload = {"type": "presence_update", "userId": other, "status": "busy", "timestamp": 1}
        for status in ("busy", "offline", "away"):
            liar.send({"messageType": kind, "fromId": other, "toId": other, "userId": other, "status": status, "users": [payload]})
            liar.send([1, kind, other, other, status])
            liar.send([1, kind, other, other, {"status": status, "userId": other, "fromId": other}])
    liar.send({"messageType": 5, "fromId": victim.user, "status": "busy"})
    observer.wait_status(liar.user, "busy")
    assert observer.statuses(victim.user) == ["online"]
    assert observer.statuses(absent) == []
    assert redis.hgetall(f"presence:meta:{victim.user}") == numbers
    assert not redis.exists(f"presence:meta:{absent}")
    assert victim.frames(PRESENCE_ERROR) == []


def test_a_heartbeat_in_anothers_name_keeps_him_not_alive(system, connect_raw):
    observer = system.observe()
    victim, liar = new_user("victim"), system.connect(new_user("liar"))
    dead = connect_raw(system.edges[0])
    dead.shake_hands(headers=f"token: {victim}\r\n")  # and never answers a PING
    observer.wait_status(victim, "online")
    began, enough = time.monotonic(), threading.Event()

    def lie():
        while not enough.wait(0.1):
            liar.send({"messageType": 30, "fromId": victim, "userId": victim})
            liar.send([1, 30, victim, victim, "online"])

    lying = threading.Thread(target=lie)
    lying.start()
    try:
        observer.wait_status(victim, "offline")
    finally:
        enough.set()
        lying.join()
    assert time.monotonic() - began <= system.ttl_s + 1 + SLACK_S
    assert observer.status(liar.user) == "online"


def test_an_answer_names_the_user_of_the_connection(system, connect_raw):
    victim, liar = new_user("victim"), new_user("liar")
    client = connect_raw(system.edges[0])
    client.shake_hands(headers=f"token: {liar}\r\n")
    client.send(frame(BINARY, msgpack.packb([1, 25, victim, victim, "hello"])))
    while True:
        first, payload = client.next_frame()
        if first == FINAL | BINARY and msgpack.unpackb(payload)[1] == 26:
            break
        assert first in (FINAL | BINARY, FINAL | PING)
    assert msgpack.unpackb(payload) == [1, 26, 0, liar, "hello"]
