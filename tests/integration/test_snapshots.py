"""PRESENCE_SNAPSHOT (32): who is not offline, at connect, page by page, to those who asked or whose role says so; and
with the changes that come meanwhile, what a client believes in the end is right (proto/WIRE.md, type 32)."""

import contextlib
import itertools
import random
import re
import threading
import time

import pytest

from harness.inbox import PRESENCE_SNAPSHOT
from harness.tokens import SECRET, make_token
from harness.users import new_user
from harness.waiting import eventually, never

PAGE = 5
SYSTEM = {"edges": 2, "cores": 2, "SNAPSHOT_PAGE": PAGE}

ISO_8601_MS_Z = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def frames_of(client):
    return client.frames(PRESENCE_SNAPSHOT)


def ids(client):
    return [user["userId"] for user in client.named()]


def believed_present(client):
    return {user for user, status in client.believed().items() if status != "offline"}


def shown(system):
    return set(system.redis().zrange("presence:online", 0, -1))


def wait_listed(client, users):
    client.wait("all are listed", lambda: set(users) <= set(ids(client)))


def has_reached(client, user):
    frames = frames_of(client)
    return bool(frames) and any(row["userId"] == user for row in frames[-1].rows)


def bring(system, count, name="user", **options):
    users = [new_user(f"{name}{i:03}") for i in range(count)]
    for i, user in enumerate(users):
        system.connect(user, edge=i % len(system.edges), **options)
    eventually("all are online", lambda: set(users) <= shown(system))
    return users


def sources_of(system, user):
    return [field for field in system.redis().hkeys(f"presence:meta:{user}") if field.startswith("e/")]


def waiting(system):
    return sum(edge.metric("zpresence_edge_snapshots_waiting") for edge in system.edges)


@pytest.mark.parametrize("edge", [0, 1])
def test_everybody_who_is_online_is_listed_exactly_once(system, edge):
    users = bring(system, 23)
    client = system.connect(new_user("dashboard"), edge, query="?snapshot=1")
    wait_listed(client, users)
    assert [user for user in ids(client) if user in users] == sorted(users)
    assert len(set(ids(client))) == len(ids(client))
    assert max(len(frame.rows) for frame in frames_of(client)) == PAGE
    eventually("it has settled", lambda: waiting(system) == 0)


def test_a_frame_is_what_the_guide_describes(system):
    (user,) = bring(system, 1)
    before = time.time()
    client = system.connect(new_user("dashboard"), query="?snapshot=1")
    wait_listed(client, [user])
    for frame in frames_of(client):
        assert list(frame.message) == ["messageType", "users"]
        assert frame.message["messageType"] == 32
    row = next(row for row in client.named() if row["userId"] == user)
    assert list(row) == ["userId", "status", "lastSeen"]
    assert row["status"] == "online"
    assert ISO_8601_MS_Z.match(row["lastSeen"])
    shown_at = time.strptime(row["lastSeen"][:19], "%Y-%m-%dT%H:%M:%S")
    assert abs(time.mktime(shown_at) - time.timezone - before) < 5


def test_an_array_names_devices_and_how_many_there_are(system):
    users = bring(system, 3, device="phone")
    system.connect(users[0], edge=1, device="tablet")
    eventually("two devices", lambda: len(sources_of(system, users[0])) == 2)
    client = system.connect(new_user("dashboard"), query="?snapshot=1&wire=array")
    wait_listed(client, users)
    for frame in frames_of(client):
        channel, kind, sender, receiver, payload = frame.message
        assert (channel, kind, sender, receiver) == (0, 32, 0, client.user)
        assert list(payload) == ["timestamp", "totalOnline", "users"]
        assert abs(payload["timestamp"] / 1000 - time.time()) < 10
        assert payload["totalOnline"] >= 3
    rows = {row["userId"]: row for row in client.named()}
    assert list(rows[users[0]]) == ["userId", "status", "lastSeen", "deviceId"]
    assert [rows[user]["deviceId"] for user in users] == ["tablet", "phone", "phone"]
    assert abs(rows[users[0]]["lastSeen"] / 1000 - time.time()) < 10


@pytest.mark.parametrize(("query", "seen"), [("", "online"), ("&statuses=full", "busy")])
@pytest.mark.parametrize("wire", ["", "&wire=array"])
def test_statuses_are_as_the_client_reads_them(system, wire, query, seen):
    user, hidden = new_user(), new_user("hidden")
    system.connect(user).send({"messageType": 5, "status": "busy"})
    system.connect(hidden).send({"messageType": 5, "status": "invisible"})
    eventually("one is busy, one hidden", lambda: user in shown(system) and hidden not in shown(system) and
               system.redis().hget(f"presence:meta:{user}", "status") == "b")
    client = system.connect(new_user("dashboard"), query="?snapshot=1" + wire + query)
    wait_listed(client, [user])
    assert [row["status"] for row in client.named() if row["userId"] == user] == [seen]
    assert hidden not in ids(client)


def test_who_does_not_ask_gets_none(system):
    bring(system, 2)
    client = system.observe()
    never("a snapshot comes", lambda: frames_of(client), 0.3)


@pytest.mark.parametrize(("wire", "empty"), [
    ("", {"messageType": 32, "users": []}),
    ("&wire=array", [0, 32, 0, "first", {"timestamp": None, "totalOnline": 0, "users": []}]),
])
def test_of_nobody_comes_one_empty_frame(own_system, wire, empty):
    """Its own user is not stated yet."""
    system = own_system(STATEMENT_DELAY_MS=1000)
    client = system.connect("first", query="?snapshot=1" + wire)
    message = client.wait_frame(PRESENCE_SNAPSHOT).message
    if wire:
        message[4]["timestamp"] = None
    assert message == empty
    client.wait_status("first", "online")
    assert len(frames_of(client)) == 1


def test_without_presence_there_is_none(own_system):
    system = own_system(PRESENCE_ENABLED=False)
    client = system.connect(new_user(), query="?snapshot=1")
    never("a snapshot comes", lambda: frames_of(client), 0.3)


@pytest.mark.parametrize("audience", ["all", "role"])
def test_roles_of_dashboards_get_it_without_asking(own_system, audience):
    system = own_system(USE_AUTHENTICATION=True, SECRET_KEY=SECRET, PRESENCE_AUDIENCE=audience)

    def connect_as(user, **claims):
        token = make_token({"uid": user, **claims})
        return system.connect(user, subprotocols=[token, "device"])

    connect_as("anna")
    eventually("anna is online", lambda: "anna" in shown(system))
    for role in ("web", "dashboard", "admin"):
        wait_listed(connect_as(new_user(), role=role), ["anna"])
    others = [connect_as(new_user(), role="phone"), connect_as(new_user())]
    never("a snapshot comes to others", lambda: any(frames_of(other) for other in others), 0.3)


def test_what_changes_meanwhile_is_right_in_the_end(system):
    """Users come and go all the time while dashboards of every form connect, through both edges."""
    stable = bring(system, 12)
    flapping = [new_user(f"flap{i:02}") for i in range(12)]
    enough = threading.Event()

    def flap(users, seed):
        chance, there = random.Random(seed), {}
        while not enough.is_set():
            user = chance.choice(users)
            if user in there:
                there.pop(user).close()
            else:
                there[user] = system.connect(user, edge=chance.randrange(2))

    flappers = [threading.Thread(target=flap, args=(flapping[i::3], i)) for i in range(3)]
    for flapper in flappers:
        flapper.start()
    forms = itertools.cycle(["", "&wire=array", "&statuses=full", "&wire=array&statuses=full"])
    dashboards = [system.connect(new_user("dashboard"), i % 2, query="?snapshot=1" + next(forms)) for i in range(24)]
    enough.set()
    for flapper in flappers:
        flapper.join()
    for dashboard in dashboards:
        wait_listed(dashboard, stable)
        dashboard.wait("it believes what is", lambda dashboard=dashboard: believed_present(dashboard) == shown(system))
    if not any(edge.metric("zpresence_edge_snapshots_again_total") for edge in system.edges):
        assert all(ids(dashboard).count(user) == 1 for dashboard in dashboards for user in stable)
    eventually("all have settled", lambda: waiting(system) == 0)


def test_a_core_that_dies_in_the_middle_is_replaced_by_another(own_system):
    system = own_system(cores=2, SNAPSHOT_PAGE=1)
    users = bring(system, 40)

    def caught_under_way():
        client = system.connect(new_user("dashboard"), query="?snapshot=1")
        client.wait("it has begun", lambda: frames_of(client))
        for core in system.cores:
            core.freeze()
        if len(client.named()) < len(users):
            return client
        for core in system.cores:
            core.thaw()
        return None

    client = eventually("a snapshot is caught under way", caught_under_way)
    system.cores[0].kill()
    system.cores[1].thaw()
    wait_listed(client, users)
    assert [user for user in ids(client) if user in users] == sorted(users)
    system.cores[0].restart()


def test_with_no_core_it_waits_for_one(own_system):
    system = own_system()
    users = bring(system, 3)
    system.cores[0].freeze()
    client = system.connect(new_user("dashboard"), query="?snapshot=1")
    never("a snapshot comes", lambda: frames_of(client), 1.0)
    system.cores[0].thaw()
    wait_listed(client, users)
    assert system.edges[0].metric("zpresence_edge_snapshot_pages_again_total") > 0


def test_while_rebuilding_it_waits(own_system):
    """Redis has lost everything, and one edge is still to announce its users: nobody is told of the others alone."""
    system = own_system(edges=2, EDGE_LEASE_MS=4000)
    users = bring(system, 6)
    system.edges[1].freeze()
    system.redis().flushall()
    core = system.cores[0]
    eventually("it is rebuilding", lambda: core.metric("zpresence_core_rebuilding") == 1)
    client = system.connect(new_user("dashboard"), query="?snapshot=1")
    never("a snapshot comes", lambda: frames_of(client), 0.5)
    assert core.metric("zpresence_core_rebuilding") == 1
    system.edges[1].thaw()
    wait_listed(client, users)


@contextlib.contextmanager
def crowd_of(system, count):
    """Users of the longest ids that Redis has, though no edge: for the size alone."""
    redis, users = system.redis(), [f"{i:06}-".ljust(128, "x") for i in range(count)]
    parts = [users[begin : begin + 5000] for begin in range(0, count, 5000)]
    for part in parts:
        pipeline = redis.pipeline(transaction=False)
        pipeline.zadd("presence:online", {user: 0 for user in part})
        for user in part:
            pipeline.hset(f"presence:meta:{user}", mapping={"status": "o", "since": "1765535445123", "seq": "1"})
        pipeline.execute()
    try:
        yield users
    finally:
        for part in parts:
            redis.zrem("presence:online", *part)
            redis.delete(*(f"presence:meta:{user}" for user in part))


def wait_stuck(edge):
    frames = []

    def stands():
        frames.append(edge.metric("zpresence_edge_snapshot_frames_total"))
        return frames[-1] > 0 and len(frames) > 10 and len(set(frames[-10:])) == 1

    eventually("no more is asked for", stands)
    return frames[-1]


def test_a_client_that_does_not_read_is_asked_for_no_more(own_system):
    """Back-pressure: pages are asked for as they are read; a bystander loses nothing; then all comes, once."""
    system = own_system(SNAPSHOT_PAGE=500, PRESENCE_AUDIENCE="none", PRESENCE_TTL=60, PING_INTERVAL=20000)
    with crowd_of(system, 30000) as users:
        client = system.connect(new_user("dashboard"), query="?snapshot=1")
        client.stop_reading()
        assert wait_stuck(system.edges[0]) < len(users) * 190 / 32768, "it was the client that held it up"
        bystander = system.connect(new_user("bystander"), query="?snapshot=1")
        eventually("the bystander has it all", lambda: has_reached(bystander, users[-1]), 30)
        client.resume_reading()
        eventually("so has the slow one", lambda: has_reached(client, users[-1]), 30)
        for each in (client, bystander):
            received = [user for user in ids(each) if len(user) == 128]
            assert received == users, f"{len(received)} of {len(users)}"
        assert max(len(frame.raw) for frame in frames_of(client)) <= 32768
        eventually("it is over", lambda: waiting(system) == 0)


def test_a_kicked_client_whose_connection_is_full_is_closed_all_the_same(own_system):
    """It cannot be told why; nothing of it is left after its silence."""
    system = own_system(SNAPSHOT_PAGE=500, PRESENCE_AUDIENCE="none", DUPLICATE_LOGIN="kick", PRESENCE_TTL=3)
    with crowd_of(system, 30000):
        user = new_user("dashboard")
        stuck = system.connect(user, query="?snapshot=1")
        stuck.stop_reading()
        wait_stuck(system.edges[0])
        newer = system.connect(user)
        eventually("it is gone", lambda: system.edges[0].metric("zpresence_edge_sockets") == 1)
        assert not newer.closed
        stuck.abort()


def test_a_client_that_leaves_in_the_middle_leaves_nothing(own_system):
    system = own_system(SNAPSHOT_PAGE=1, SNAPSHOTS_MAX=1)
    users = bring(system, 30)
    for core in system.cores:
        core.freeze()
    leaving = [system.connect(new_user("leaving"), query="?snapshot=1") for _ in range(5)]
    staying = system.connect(new_user("dashboard"), query="?snapshot=1")
    eventually("all wait", lambda: waiting(system) == 6)
    for client in leaving:
        client.abort()
    eventually("one waits", lambda: waiting(system) == 1)
    for core in system.cores:
        core.thaw()
    wait_listed(staying, users)
    eventually("nobody waits", lambda: waiting(system) == 0)
