"""Signs of life: what keeps a silent-looking client online, and what does not (DESIGN section 2; the guide,
"Detection Mechanism", "Test with Mobile App", "Monitor Server Logs")."""

import time

import pytest

from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

SYSTEM = {"DEBUG": "vp:*"}

HEARTBEAT_MAP = {"messageType": 30}
HEARTBEAT_ARRAY = [1, 30, 0, "", None]
UNKNOWN_TYPE = {"messageType": 77, "toId": "somebody"}


def test_each_sign_of_life_alone_keeps_a_user_online_and_silence_does_not(system):
    """Side by side, for several TTLs: each client gives one kind of sign and withholds all others."""
    observer = system.observe()
    signs = {
        "pong": None,  # the library's answer to a PING
        "heartbeat": lambda client: client.send(HEARTBEAT_MAP),
        "heartbeat-array": lambda client: client.send(HEARTBEAT_ARRAY),
        "unknown-type": lambda client: client.send(UNKNOWN_TYPE),
        "ping-of-its-own": lambda client: client.ping(),
        "connection-test": lambda client: client.send({"messageType": 25, "payload": "x"}),
    }
    users = {sign: new_user(sign) for sign in signs}
    clients = {sign: system.connect(users[sign], answers_pings=sign == "pong") for sign in signs}
    silent = system.connect(new_user("silent"), answers_pings=False)
    for user in [*users.values(), silent.user]:
        observer.wait_status(user, "online")

    mirror_missing = set()
    until = time.monotonic() + 3 * system.ttl_s
    while time.monotonic() < until:
        for sign, give in signs.items():
            if give:
                give(clients[sign])
        time.sleep(system.ttl_s / 5)
        mirror_missing |= {u for u in users.values() if not system.redis().exists(f"presence:user:{u}")}

    for sign, user in users.items():
        assert observer.statuses(user) == ["online"], f"{sign} does not keep a user online"
        assert system.bulk_status(user) == "online"
        assert clients[sign].is_open()
    assert not mirror_missing
    assert observer.statuses(silent.user) == ["online", "offline"]
    assert silent.wait_closed()


@pytest.mark.parametrize("family", ["python", "node"])
def test_a_frozen_process_is_offline_after_the_ttl_and_not_before_it(system, family):
    observer = system.observe()
    user = new_user("frozen")
    client = system.connect(user, family=family)
    observer.wait_status(user, "online")
    client.wait("a PING came", lambda: client.pings)

    client.freeze()
    frozen_at = time.monotonic()
    # The last PONG may have left up to one PING interval before the freeze.
    earliest_life_at = frozen_at - system.seconds("PING_INTERVAL")
    offline = observer.wait_status(user, "offline")
    assert offline.at >= earliest_life_at + system.ttl_s - 1
    assert offline.at <= frozen_at + system.ttl_s + 1 + SLACK_S
    assert observer.statuses(user) == ["online", "offline"]
    assert system.bulk_status(user) == "offline"


def test_without_liveness_a_frozen_client_stays_online_and_with_it_it_ends(system):
    observer = system.observe()
    edge = system.edges[0]
    edge.arm("no-liveness", -1)
    client = system.connect(new_user("frozen"), answers_pings=False)
    observer.wait_status(client.user, "online")
    never("it is seen offline", lambda: observer.status(client.user) == "offline", system.ttl_s + 1 + SLACK_S)
    assert system.bulk_status(client.user) == "online"
    edge.disarm()
    observer.wait_status(client.user, "offline", system.ttl_s + 1 + SLACK_S)


def test_last_seen_of_a_frozen_client_is_its_last_sign_of_life(system):
    observer = system.observe()
    client = system.connect(new_user())
    observer.wait_status(client.user, "online")
    client.wait("it has answered PINGs", lambda: len(client.pings) >= 2)
    client.answers_pings = False
    silent_from_ms = time.time() * 1000
    observer.wait_status(client.user, "offline")
    last_seen_ms = int(system.redis().hget(f"presence:meta:{client.user}", "lastSeen"))
    assert silent_from_ms - 1000 * system.seconds("PING_INTERVAL") - 1000 < last_seen_ms <= silent_from_ms + 200


def test_the_ping_carries_the_constant_payload_in_both_families(system):
    ours = system.connect(new_user())
    theirs = system.connect(new_user(), family="node")
    for client in (ours, theirs):
        client.wait("a PING came", lambda client=client: len(client.pings) >= 2)
        assert set(client.pings) == {b"voiceping"}


def test_pings_come_at_the_interval(system):
    client = system.connect(new_user())
    client.wait("first PING", lambda: client.pings)
    began, interval = time.monotonic(), system.seconds("PING_INTERVAL")
    client.wait("five more PINGs", lambda: len(client.pings) >= 6)
    assert 3 * interval <= time.monotonic() - began <= 5 * interval + SLACK_S


def test_each_pong_refreshes_the_mirror(system):
    redis = system.redis()
    client = system.connect(new_user())
    key = f"presence:user:{client.user}"
    first = eventually("the mirror is there", lambda: redis.get(key))
    eventually("it rises with a PONG", lambda: int(redis.get(key)) > int(first))
    ttls = []
    never("its TTL runs low", lambda: ttls.append(redis.pttl(key)) or ttls[-1] < 1000 * (system.ttl_s - 1), system.ttl_s)


def test_the_log_says_what_the_guide_tells_people_to_look_for(system):
    observer = system.observe()
    user = "123"
    client = system.connect(user)
    observer.wait_status(user, "online")
    system.wait_log("User 123 marked as online")
    system.wait_log("[PONG DETECTED] User 123 responded to PING - refreshing presence")
    system.wait_log("Presence refreshed for 123 via PONG")
    client.close()
    observer.wait_status(user, "offline")
    system.wait_log("User 123 marked as offline")


def test_without_debug_those_lines_are_not_there(own_system):
    quiet = own_system(DEBUG="")
    client = quiet.observe()
    client.wait("PINGs came", lambda: len(client.pings) >= 3)
    client.close()
    eventually("it is offline", lambda: quiet.bulk_status(client.user) == "offline")
    assert "PONG DETECTED" not in quiet.logs()
    assert "marked as" not in quiet.logs()


def test_a_ping_interval_beyond_a_third_of_the_ttl_is_overruled_with_a_warning(own_system):
    """The guide's PRESENCE_TTL=90 with its PING_INTERVAL=120000, scaled: PINGs go out every TTL/3."""
    scaled = own_system(PRESENCE_TTL=2, PING_INTERVAL=60000)
    client = scaled.observe()
    client.wait("PINGs come", lambda: len(client.pings) >= 3, 3 * scaled.ttl_s)
    assert "PING_INTERVAL" in scaled.edges[0].log()
    assert client.statuses(client.user) == ["online"]
