"""The one path: a client connects or closes, and through five processes and Redis others see it (DESIGN sections 1
to 3; the VoicePing guide, "How It Works", "WebSocket Events Reference", "Check Redis Data")."""

import json
import re
import time
from datetime import datetime

import pytest

from harness import bulk, redis_state
from harness.users import new_user
from harness.waiting import PATIENCE_S, eventually, never

SYSTEM = {"edges": 2}

# "At once": far below every deadline of the system, and no test of the machine's speed.
AT_ONCE_S = 1.0

ISO_8601_MS_Z = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.mark.parametrize("watching", ["python", "node"])
@pytest.mark.parametrize("acting", ["python", "node"])
def test_a_client_of_either_family_sees_another_come_and_go_at_once(system, watching, acting):
    watcher = system.connect(new_user("watcher"), family=watching)
    watcher.wait_status(watcher.user, "online")
    user = new_user("actor")

    actor = system.connect(user, family=acting)
    connected_at = time.monotonic()
    online = watcher.wait_status(user, "online")
    assert online.at - connected_at < AT_ONCE_S

    closing_at = time.monotonic()
    actor.close()
    offline = watcher.wait_status(user, "offline")
    assert offline.at - closing_at < AT_ONCE_S
    assert watcher.statuses(user) == ["online", "offline"]


def test_the_frame_is_to_the_byte_what_the_guide_describes(system):
    observer = system.observe()
    user = new_user()
    before_ms = int(time.time() * 1000)
    system.connect(user)
    frame = observer.wait_status(user, "online")

    assert list(frame.message) == ["messageType", "fromId", "toId", "status", "timestamp", "channelType"]
    timestamp = frame.message["timestamp"]
    assert ISO_8601_MS_Z.match(timestamp)
    assert before_ms - 2000 < _unix_ms(timestamp) < before_ms + PATIENCE_S * 1000
    assert frame.message == {
        "messageType": 31,
        "fromId": user,
        "toId": "",
        "status": "online",
        "timestamp": timestamp,
        "channelType": 1,
    }
    text = lambda value: bytes([0xA0 | len(value)]) + value.encode()  # noqa: E731
    assert frame.raw == (
        b"\x86" + text("messageType") + b"\x1f" + text("fromId") + text(user) + text("toId") + text("")
        + text("status") + text("online") + text("timestamp") + text(timestamp) + text("channelType") + b"\x01"
    )


def test_a_javascript_client_reads_the_frame_with_the_library_of_the_guide(system):
    watcher = system.connect(new_user("watcher"), family="node")
    user = new_user()
    system.connect(user)
    watcher.wait_status(user, "online")
    assert {"messageType": 31, "fromId": user, "status": "online"}.items() <= watcher.decoded[-1].items()


def test_a_broken_connection_is_offline_at_once_too(system):
    observer = system.observe()
    broken, killed = new_user("broken"), new_user("killed")
    of_this_process = system.connect(broken)
    of_its_own = system.connect(killed, family="node")
    for user in (broken, killed):
        observer.wait_status(user, "online")

    of_this_process.abort()
    of_its_own.kill()
    broken_at = time.monotonic()
    for user in (broken, killed):
        assert observer.wait_status(user, "offline").at - broken_at < AT_ONCE_S


def test_a_second_device_keeps_its_user_online(system):
    observer = system.observe()
    user = new_user()
    phone = system.connect(user, device="phone")
    observer.wait_status(user, "online")
    tablet = system.connect(user, device="tablet")

    phone.close()
    never("the user is seen offline", lambda: observer.status(user) == "offline", 1.0)
    tablet.close()
    observer.wait_statuses(user, ["online", "offline"])


def test_a_second_device_at_another_edge_keeps_its_user_online(system):
    observers = [system.observe(edge=0), system.observe(edge=1)]
    user = new_user()
    here, there = system.connect(user, edge=0, device="phone"), system.connect(user, edge=1, device="tablet")
    for observer in observers:
        observer.wait_status(user, "online")

    here.close()
    never("the user is seen offline", lambda: "offline" in [o.status(user) for o in observers], 1.0)
    there.close()
    for observer in observers:
        observer.wait_statuses(user, ["online", "offline"])


def test_a_client_of_one_edge_sees_the_clients_of_another(system):
    observer = system.observe(edge=1)
    user = new_user()
    client = system.connect(user, edge=0)
    observer.wait_status(user, "online")
    client.close()
    observer.wait_status(user, "offline")


def test_a_client_hears_its_own_user_like_any_other(system):
    user = new_user()
    observer = system.observe()
    first = system.connect(user, device="phone")
    first.wait_status(user, "online")
    first.close()
    observer.wait_status(user, "offline")
    again = system.connect(user)
    again.wait_statuses(user, ["online"])
    assert observer.wait_status(user, "online").raw == again.updates(user)[0].raw


def test_the_server_chooses_the_device_as_subprotocol_so_that_no_token_is_echoed(system):
    assert system.connect(new_user(), device="device-7").subprotocol == "device-7"
    assert system.connect(new_user(), device="device-8", family="node").subprotocol == "device-8"


def test_the_bulk_query_says_what_observers_have_seen(system):
    observer = system.observe()
    user, stranger = new_user(), new_user("stranger")
    client = system.connect(user)
    observer.wait_status(user, "online")
    answer = system.bulk(user, stranger)
    assert answer.status == 200
    online = answer.json()
    assert online[user]["status"] == "online"
    assert online[stranger] == {"userId": stranger, "status": "offline", "lastSeen": None}
    assert ISO_8601_MS_Z.match(online[user]["lastSeen"])

    client.close()
    observer.wait_status(user, "offline")
    offline = system.bulk(user).json()[user]
    assert offline["status"] == "offline"
    assert _unix_ms(offline["lastSeen"]) >= _unix_ms(online[user]["lastSeen"])


def test_last_seen_stays_what_it_was_when_the_user_went_offline(system):
    observer = system.observe()
    user = new_user()
    before_ms = time.time() * 1000
    client = system.connect(user)
    observer.wait_status(user, "online")
    client.close()
    observer.wait_status(user, "offline")
    after_ms = time.time() * 1000
    first = system.bulk(user).json()[user]["lastSeen"]
    assert before_ms - 1 <= _unix_ms(first) <= after_ms + 1
    never("last seen changes", lambda: bulk.state(system.api_address, user)["lastSeen"] not in (first, None), 0.5)


def test_redis_shows_what_the_guide_tells_people_to_look_at(system):
    observer = system.observe()
    redis_cli = system.redis_server.cli
    client = system.connect("123")
    observer.wait_status("123", "online")

    value = redis_cli("GET", "presence:user:123")
    assert re.fullmatch(r"\d{13}", value)
    assert abs(int(value) - time.time() * 1000) < system.ttl_s * 1000
    assert 0 <= int(redis_cli("TTL", "presence:user:123")) <= system.ttl_s
    assert redis_cli("PING") == "PONG"
    assert "presence:user:123" in redis_cli("KEYS", "presence:user:*").splitlines()

    client.close()
    observer.wait_status("123", "offline")
    assert redis_cli("GET", "presence:user:123") == ""
    assert redis_cli("TTL", "presence:user:123") == "-2"
    assert "presence:user:123" not in redis_cli("KEYS", "presence:user:*").splitlines()


def test_with_the_settings_of_the_guide_the_ttl_counts_down_from_six_minutes(own_system):
    system = own_system(PRESENCE_TTL=360, PING_INTERVAL=120000)
    client = system.observe()
    assert 350 <= int(system.redis_server.cli("TTL", f"presence:user:{client.user}")) <= 360


def test_keys_lists_all_online_users_and_nobody_else(system):
    eventually("users of earlier tests are gone", lambda: not system.redis().keys("presence:user:*"))
    users = {new_user() for _ in range(3)}
    clients = [system.connect(user) for user in users]
    keys = lambda: set(system.redis().keys("presence:user:*"))  # noqa: E731
    eventually("all are there", lambda: keys() == {f"presence:user:{user}" for user in users})
    for client in clients:
        client.close()
    eventually("none is left", lambda: not keys())


def test_the_redis_channels_carry_each_transition_once(system):
    redis = system.redis()
    listening = redis.pubsub(ignore_subscribe_messages=True)
    listening.subscribe("presence:updates", "presence:online", "presence:offline")
    eventually("subscribed", lambda: redis.pubsub_numsub("presence:offline")[0][1] == 1)

    user = new_user()
    before_ms = time.time() * 1000
    client = system.connect(user)
    heard = []

    def take():
        message = listening.get_message(timeout=0.05)
        if message and json.loads(message["data"])["userId"] == user:
            heard.append((message["channel"], json.loads(message["data"]), message["data"]))
        return heard

    eventually("online on two channels", lambda: len(take()) == 2)
    client.close()
    eventually("offline on two channels", lambda: len(take()) == 4)
    never("a fifth message", lambda: len(take()) > 4, 0.5)
    listening.close()

    assert sorted((channel, message["status"]) for channel, message, _ in heard) == [
        ("presence:offline", "offline"), ("presence:online", "online"),
        ("presence:updates", "offline"), ("presence:updates", "online")]
    for _, message, text in heard:
        assert list(message) == ["type", "userId", "status", "timestamp"]
        assert message["type"] == "presence_update"
        assert before_ms - 1 <= message["timestamp"] <= time.time() * 1000 + 1
        assert text == json.dumps(message, separators=(",", ":"))


def test_subscribe_in_redis_cli_prints_the_updates(system):
    """As an operator would: redis-cli SUBSCRIBE presence:updates."""
    with system.redis_server.cli_subscribed("presence:updates") as lines:
        user = new_user()
        system.connect(user)
        line = eventually("redis-cli prints it", lambda: next((l for l in lines() if user in l), None))
    assert json.loads(line)["status"] == "online"


def test_many_users_at_once_are_each_seen_coming_and_going_once(system):
    observers = [system.observe(edge=0), system.observe(edge=1)]
    users = [new_user("crowd") for _ in range(60)]
    clients = [system.connect(user, edge=i % 2) for i, user in enumerate(users)]
    for client in clients:
        client.close()
    for observer in observers:
        for user in users:
            observer.wait_statuses(user, ["online", "offline"])


def test_all_views_of_redis_agree_while_users_come_and_go(system):
    clients = [system.connect(new_user("crowd"), edge=i % 2) for i in range(30)]
    for client in clients[::2]:
        client.abort()
    redis = system.redis()
    eventually("they agree", lambda: not redis_state.broken_in_views(redis))
    assert redis_state.broken_in_log(redis) == []
    expected = {client.user for client in clients[1::2]}
    eventually("and name who is there", lambda: set(redis.zrange("presence:online", 0, -1)) == expected)


def test_a_bulk_answer_equals_the_single_answers(system):
    users = [system.connect(new_user(), edge=i % 2).user for i in range(5)] + [new_user("stranger")]
    eventually("all are online", lambda: [system.bulk_status(user) for user in users[:5]] == ["online"] * 5)
    statuses = {user: state["status"] for user, state in system.bulk(*users).json().items()}
    assert statuses == {user: system.bulk_status(user) for user in users}


def test_a_quick_reconnect_ends_online_whatever_was_seen_in_between(system):
    observer = system.observe()
    user = new_user("flapper")
    client = system.connect(user)
    for _ in range(10):
        client.abort()
        client = system.connect(user)
    observer.wait_status(user, "online")
    eventually("the bulk answer agrees", lambda: system.bulk_status(user) == "online")
    never("it is seen offline in the end", lambda: observer.status(user) == "offline", 1.0)


def _unix_ms(iso_8601):
    return int(datetime.fromisoformat(iso_8601.replace("Z", "+00:00")).timestamp() * 1000)
