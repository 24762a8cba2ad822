"""PRESENCE_SUBSCRIBE (33) and UNSUBSCRIBE (34): what a client watches by name, what it is told of it, and the limits
(proto/WIRE.md, "Subscriptions")."""

import time

import msgpack
import pytest

from harness import bulk, http_client as http
from harness.inbox import PRESENCE_ERROR, PRESENCE_SNAPSHOT, PRESENCE_UPDATE
from harness.raw_client import BINARY, frame, head
from harness.tokens import SECRET, make_token
from harness.users import new_user
from harness.waiting import eventually, never

STATUS, CONNECTION_TEST, SUBSCRIBE, UNSUBSCRIBE = 5, 25, 33, 34
# Nobody hears anything without asking, so that all that comes was asked for.
SYSTEM = {"edges": 2, "cores": 2, "fanouts": 2, "PRESENCE_AUDIENCE": "none", "SNAPSHOT_PAGE": 5,
          "WATCHES_PER_CLIENT": 20, "WATCHES_MAX": 60, "GROUPS_PER_CLIENT": 3}


def subscribe(client, *users, **keys):
    client.send({"messageType": SUBSCRIBE, "userIds": list(users), **keys})


def watch(client, *users):
    """Subscribes, and waits until all have been named."""
    before = len(client.named())
    subscribe(client, *users)
    client.wait("all are named", lambda: len(client.named()) >= before + len(set(users)))
    return client.named()[before:]


def set_status(client, status):
    client.send({"messageType": STATUS, "status": status})


def refusal(client, message):
    before = len(client.frames(PRESENCE_ERROR))
    client.send(message)
    client.wait("it is refused", lambda: len(client.frames(PRESENCE_ERROR)) > before)
    return client.frames(PRESENCE_ERROR)[-1].message["code"]


def online(system, user, edge=0, **options):
    client = system.connect(user, edge=edge, **options)
    eventually("it is online", lambda: system.bulk_status(user) == "online")
    return client


def full_status(system, user):
    """Of all four; None while the user is offline, or nobody can say."""
    answer = http.get(system.api_address, "/api/presence/online?statuses=full&limit=500")
    page = answer.json()["users"] if answer.status == 200 else []
    return next((row["status"] for row in page if row["userId"] == user), None)


def counted(system, result):
    return sum(edge.metric("zpresence_edge_subscriptions_total", result=result) for edge in system.edges)


def watches(system):
    return sum(edge.metric("zpresence_edge_watches") for edge in system.edges)


@pytest.mark.parametrize("edge", [0, 1])
def test_whoever_is_on_the_list_is_named_with_who_is_offline_and_their_changes_follow(system, edge):
    here, gone, stranger, never_seen = new_user("here"), new_user("gone"), new_user("stranger"), new_user("unseen")
    client_here = online(system, here)
    online(system, gone).close()
    eventually("it is gone", lambda: system.bulk_status(gone) == "offline")
    watcher = system.connect(new_user("watcher"), edge=edge)
    rows = {row["userId"]: row for row in watch(watcher, here, gone, never_seen)}
    assert [rows[user]["status"] for user in (here, gone, never_seen)] == ["online", "offline", "offline"]
    assert rows[never_seen]["lastSeen"] is None
    assert rows[gone]["lastSeen"] == bulk.state(system.api_address, gone)["lastSeen"]
    set_status(client_here, "busy")
    online(system, stranger, edge=1).close()
    back = system.connect(gone, edge=1)
    watcher.wait_statuses(here, ["busy"])
    watcher.wait_statuses(gone, ["online"])
    back.close()
    watcher.wait_statuses(gone, ["online", "offline"])
    assert watcher.updates(stranger) == []
    watcher.check_alternation()


def test_a_new_list_takes_the_place_of_the_old_one(system):
    first, second, both = (new_user(name) for name in ("first", "second", "both"))
    clients = [online(system, user) for user in (first, second, both)]
    watcher = system.connect(new_user("watcher"))
    watch(watcher, first, both)
    assert [row["userId"] for row in watch(watcher, both, second)] == [both, second]
    for client in clients:
        set_status(client, "away")
    watcher.wait_status(second, "away")
    watcher.wait_status(both, "away")
    assert watcher.updates(first) == []


def test_unsubscribe_takes_users_off_the_list_or_ends_it(system):
    stays, goes = new_user("stays"), new_user("goes")
    clients = {user: online(system, user) for user in (stays, goes)}
    watcher, witness = (system.connect(new_user(name)) for name in ("watcher", "witness"))
    watch(witness, stays, goes)
    before = watches(system)
    watch(watcher, stays, goes)
    eventually("two are watched", lambda: watches(system) == before + 2)
    watcher.send({"messageType": UNSUBSCRIBE, "userIds": [goes, "whom nobody watches"]})
    eventually("one is watched", lambda: watches(system) == before + 1)
    for user in (goes, stays):
        set_status(clients[user], "away")
        witness.wait_status(user, "away")
    watcher.wait_status(stays, "away")
    assert watcher.updates(goes) == []
    watcher.send({"messageType": UNSUBSCRIBE})
    eventually("nobody is watched", lambda: watches(system) == before)
    for user in (goes, stays):
        set_status(clients[user], "busy")
        witness.wait_status(user, "busy")
    never("it is told", lambda: watcher.status(stays) == "busy", 0.3)


def test_a_long_list_comes_in_pages_in_its_order(system):
    users = [new_user(f"user{i:02}") for i in range(17)]
    clients = [online(system, user, edge=i % 2) for i, user in enumerate(users[::4])]
    watcher = system.connect(new_user("watcher"))
    wanted = list(reversed(users))
    rows = watch(watcher, *wanted, *wanted[:2])  # two of them twice
    assert [row["userId"] for row in rows] == wanted
    assert [len(frame.rows) for frame in watcher.frames(PRESENCE_SNAPSHOT)] == [5, 5, 5, 2]
    assert {row["userId"] for row in rows if row["status"] == "online"} == {client.user for client in clients}


def test_a_list_of_nobody_is_answered_by_one_empty_frame(system):
    watcher = system.connect(new_user("watcher"))
    subscribe(watcher)
    assert watcher.wait_frame(PRESENCE_SNAPSHOT).message == {"messageType": 32, "users": []}


def test_integers_are_ids_and_arrays_are_answered_in_arrays(system):
    number = 10_000_000 + time.time_ns() % 1_000_000
    watched = online(system, str(number))
    watcher = system.connect(new_user("watcher"), query="?wire=array")
    watcher.send([1, SUBSCRIBE, watcher.user, "", {"userIds": [number, "x" * 128]}])
    frame = watcher.wait_frame(PRESENCE_SNAPSHOT)
    assert frame.message[:4] == [0, 32, 0, watcher.user]
    assert frame.message[4]["totalOnline"] == 1
    assert [(row["userId"], row["status"]) for row in frame.rows] == [(str(number), "online"), ("x" * 128, "offline")]
    set_status(watched, "away")
    assert isinstance(watcher.wait_status(str(number), "away").message, list)


def test_who_subscribes_reads_all_four_statuses(own_system):
    system = own_system(PRESENCE_AUDIENCE="all")
    watched = online(system, new_user("watched"))
    watcher = system.connect(new_user("watcher"))
    set_status(watched, "busy")  # no news in the basic form
    eventually("it is busy", lambda: full_status(system, watched.user) == "busy")
    assert [row["status"] for row in watch(watcher, watched.user)] == ["busy"]
    set_status(watched, "away")
    watcher.wait_statuses(watched.user, ["away"])
    stranger = online(system, new_user("stranger"))
    set_status(watched, "online")
    watcher.wait_status(watched.user, "online")
    assert watcher.updates(stranger.user) == [], "the list took the place of everybody"


def test_everybody_may_be_watched_where_everybody_hears_all_without_asking(own_system):
    system = own_system(PRESENCE_AUDIENCE="all")
    present = online(system, new_user("present"))
    watcher = system.connect(new_user("watcher"))
    watcher.send({"messageType": UNSUBSCRIBE})
    eventually("taken", lambda: counted(system, "taken") == 1)
    witness = system.connect(new_user("witness"))
    present_too = online(system, new_user("present"))
    witness.wait_status(present_too.user, "online")  # it is no news to the edge any more
    watcher.send({"messageType": SUBSCRIBE, "all": True})
    watcher.wait("both are named", lambda: {present.user, present_too.user} <= {row["userId"] for row in watcher.named()})
    assert watcher.updates(present_too.user) == []
    set_status(present, "busy")
    watcher.wait_status(present.user, "busy")


def test_elsewhere_everybody_is_for_dashboards(own_system):
    system = own_system(PRESENCE_AUDIENCE="role", USE_AUTHENTICATION="true", SECRET_KEY=SECRET)

    def connect(**claims):
        return system.connect(make_token({"uid": new_user("watcher"), **claims}))

    assert refusal(connect(), {"messageType": SUBSCRIBE, "all": True}) == "forbidden"
    dashboard = connect(role="dashboard")
    dashboard.wait_frame(PRESENCE_SNAPSHOT)
    dashboard.send({"messageType": SUBSCRIBE, "all": True})
    dashboard.wait("a second snapshot", lambda: len(dashboard.frames(PRESENCE_SNAPSHOT)) == 2)
    assert dashboard.frames(PRESENCE_ERROR) == []


REFUSED = {
    "a group without a name": ({"messageType": SUBSCRIBE, "groupIds": [""]}, "invalid_subscription"),
    "a group of 129 bytes": ({"messageType": SUBSCRIBE, "userIds": ["a"], "groupIds": ["g" * 129]}, "invalid_subscription"),
    "one group too many": ({"messageType": SUBSCRIBE, "groupIds": [1, 2, 3, 4]}, "too_many_groups"),
    "nobody named": ({"messageType": SUBSCRIBE}, "invalid_subscription"),
    "an empty id": ({"messageType": SUBSCRIBE, "userIds": ["a", ""]}, "invalid_subscription"),
    "an id that is none": ({"messageType": SUBSCRIBE, "userIds": ["a", None]}, "invalid_subscription"),
    "an id of 129 bytes": ({"messageType": SUBSCRIBE, "userIds": ["a" * 129]}, "invalid_subscription"),
    "a control character": ({"messageType": SUBSCRIBE, "userIds": ["a\n"]}, "invalid_subscription"),
    "one too many": ({"messageType": SUBSCRIBE, "userIds": [f"u{i}" for i in range(21)]}, "too_many_watches"),
    "everybody": ({"messageType": SUBSCRIBE, "all": True}, "forbidden"),
    "unsubscribe from one too many": ({"messageType": UNSUBSCRIBE, "userIds": ["u"] * 21}, "too_many_watches"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told_counted_and_changes_nothing(system, name):
    message, code = REFUSED[name]
    watched = online(system, new_user("watched"))
    watcher = system.connect(new_user("watcher"))
    watch(watcher, watched.user)
    before, taken = watches(system), counted(system, "taken")
    assert refusal(watcher, message) == code
    assert watches(system) == before and counted(system, "taken") == taken
    set_status(watched, "away")
    watcher.wait_statuses(watched.user, ["away"])


def test_where_presence_is_disabled_nobody_can_be_watched(own_system):
    system = own_system(PRESENCE_ENABLED=False)
    watcher = system.connect(new_user("watcher"))
    assert refusal(watcher, {"messageType": SUBSCRIBE, "userIds": ["a"]}) == "presence_disabled"
    assert watcher.is_open()


def test_the_limits_of_a_client_and_of_an_edge_are_counted_and_said_in_the_log(own_system):
    system = own_system(PRESENCE_AUDIENCE="none", WATCHES_PER_CLIENT=20, WATCHES_MAX=60)
    clients = [system.connect(new_user("watcher")) for _ in range(4)]

    def ids(name, count):
        return [f"{name}{i}" for i in range(count)]

    assert refusal(clients[0], {"messageType": SUBSCRIBE, "userIds": ids("a", 21)}) == "too_many_watches"
    log = system.edges[0].log()
    assert "edge.subscription.limited code=too_many_watches" in log and f"user={clients[0].user} from=127.0.0.1" in log
    for client in clients[1:3]:
        watch(client, *ids(client.user, 20))
    watch(clients[3], *ids("b", 15))
    time.sleep(1.1)  # one line a second
    assert refusal(clients[0], {"messageType": SUBSCRIBE, "userIds": ids("c", 6)}) == "server_full"
    assert "edge.subscription.limited code=server_full" in system.edges[0].log()
    assert (counted(system, "too_many_watches"), counted(system, "server_full")) == (1, 1)
    watch(clients[3], *ids("c", 20))  # in place of its 15
    clients[1].close()
    eventually("there is room again", lambda: watches(system) == 40)
    watch(clients[0], *ids("d", 20))


def test_whom_nobody_watches_on_an_edge_costs_it_nothing(own_system):
    system = own_system(edges=2, PRESENCE_AUDIENCE="none")
    assert sum(fanout.metric("zpresence_fanout_listeners") for fanout in system.fanouts) == 0
    watcher = system.connect(new_user("watcher"), edge=1)
    watch(watcher, "somebody")
    eventually("one edge listens", lambda: system.fanouts[0].metric("zpresence_fanout_listeners") == 1)
    watcher.close()
    eventually("none does", lambda: system.fanouts[0].metric("zpresence_fanout_listeners") == 0)


def test_who_does_not_read_costs_its_list_and_is_told_the_newest_of_each_when_it_does(own_system, connect_raw):
    system = own_system(PRESENCE_AUDIENCE="none", PRESENCE_TTL=60, MESSAGES_PER_SECOND=0, OUTBOX_UPDATES_MAX=16,
                        SNAPSHOT_PAGE=5)
    edge = system.edges[0]
    changers = [online(system, new_user("changer")) for _ in range(20)]
    users = [changer.user for changer in changers]
    deaf = connect_raw(edge)
    deaf.send(head(headers=f"Authorization: Bearer {new_user('deaf')}\r\n"))
    deaf.entered()
    deaf.send(frame(BINARY, msgpack.packb({"messageType": SUBSCRIBE, "userIds": users})))

    def change(status):
        for changer in changers:
            set_status(changer, status)

    def coalesced():
        change("busy")
        time.sleep(0.02)  # two changes, and not one statement of both
        change("away")
        time.sleep(0.02)
        return edge.metric("zpresence_edge_frames_coalesced_total") > 3000

    eventually("its socket is full, and changes are coalesced", coalesced, 60)
    change("online")
    for user in users:
        eventually("the core has it", lambda user=user: full_status(system, user) == "online")
    told, pages = {}, 0
    while pages < 4 or any(told[user] != "online" for user in users):
        message = msgpack.unpackb(deaf.next_of(BINARY))
        if message["messageType"] == PRESENCE_SNAPSHOT:
            pages += 1
            told.update((row["userId"], row["status"]) for row in message["users"])
        else:
            assert told[message["fromId"]] != message["status"], "the same twice"
            told[message["fromId"]] = message["status"]
    assert edge.metric("zpresence_edge_slow_clients_closed_total") == 0


@pytest.mark.parametrize("victim", ["cores", "fanouts", "redis"])
def test_after_a_failure_a_list_is_told_what_happened_meanwhile(own_system, victim):
    system = own_system(edges=2, cores=2, fanouts=2, PRESENCE_AUDIENCE="none")
    stays, goes, comes = new_user("stays"), new_user("goes"), new_user("comes")
    online(system, stays, edge=1)
    going = online(system, goes, edge=1)
    watcher = system.connect(new_user("watcher"))
    watch(watcher, stays, goes, comes)
    victims = [system.redis_server.process] if victim == "redis" else getattr(system, victim)
    for process in victims:
        process.kill()
    going.close()
    coming = system.connect(comes, edge=1)
    for process in victims:
        process.start()
    watcher.wait_status(goes, "offline")
    watcher.wait_status(comes, "online")
    set_status(coming, "busy")
    watcher.wait_statuses(comes, ["online", "busy"])
    assert watcher.statuses(stays) == [], "nothing happened to it"
    watcher.check_alternation()


def test_while_no_core_answers_a_list_waits_and_is_named_then(own_system):
    system = own_system(PRESENCE_AUDIENCE="none")
    present = online(system, new_user("present"))
    watcher = system.connect(new_user("watcher"))
    system.cores[0].freeze()
    subscribe(watcher, present.user)
    never("it is named", lambda: watcher.named(), 0.5)
    system.cores[0].thaw()
    watcher.wait("it is named", lambda: [row["status"] for row in watcher.named()] == ["online"])
    assert watcher.frames(PRESENCE_UPDATE) == []


def test_many_who_wait_for_the_same_pages_share_them_and_miss_nothing(own_system):
    """They all ask while nobody answers; those whom they watch change at every moment of their being named."""
    system = own_system(edges=2, PRESENCE_AUDIENCE="none", SNAPSHOT_PAGE=3, SNAPSHOTS_MAX=1, MESSAGES_PER_SECOND=0)
    users = [online(system, new_user("user")) for _ in range(8)]
    watchers = [system.connect(new_user("watcher"), edge=1) for _ in range(40)]
    edge = system.edges[1]
    system.cores[0].freeze()
    for watcher in watchers:
        subscribe(watcher, *(user.user for user in users))
    eventually("all wait", lambda: edge.metric("zpresence_edge_snapshots_waiting") == len(watchers))
    system.cores[0].thaw()
    statuses = ("away", "busy", "online")
    for i in range(30):
        for j, user in enumerate(users):
            set_status(user, statuses[(i + j) % 3])
    final = {user.user: statuses[(29 + j) % 3] for j, user in enumerate(users)}
    for watcher in watchers:
        watcher.wait("it believes what is", lambda watcher=watcher: watcher.believed() == final)
        assert sorted({row["userId"] for row in watcher.named()}) == sorted(final)
        watcher.check_alternation()
    assert edge.metric("zpresence_edge_snapshot_pages_shared_total") > len(watchers)


def test_a_client_that_is_closed_for_being_slow_with_a_page_under_way_harms_nobody(own_system, connect_raw):
    system = own_system(PRESENCE_AUDIENCE="none", OUTBOX_BYTES_MAX=1024, MESSAGES_PER_SECOND=0, PRESENCE_TTL=60)
    edge = system.edges[0]
    both = frame(BINARY, msgpack.packb({"messageType": SUBSCRIBE, "userIds": ["a", "b"]})) + \
        frame(BINARY, msgpack.packb({"messageType": CONNECTION_TEST, "payload": "x" * 400}))
    slow = connect_raw(edge)
    slow.send(head(headers=f"Authorization: Bearer {new_user('slow')}\r\n"))
    slow.entered()

    def closed():
        slow.send(200 * both)
        return edge.metric("zpresence_edge_slow_clients_closed_total") == 1

    eventually("who does not read its answers is closed", closed, 60)
    eventually("no page is under way", lambda: edge.metric("zpresence_edge_snapshots_waiting") == 0)
    watch(system.connect(new_user("watcher")), "a")
    assert watches(system) == 1


def test_an_edge_that_stops_with_lists_being_named_ends_cleanly(own_system):
    system = own_system(PRESENCE_AUDIENCE="none", SNAPSHOT_PAGE=1, SNAPSHOTS_MAX=2, RECONNECT_SPREAD_MS=0)
    watchers = [system.connect(new_user("watcher")) for _ in range(20)]
    for watcher in watchers:
        subscribe(watcher, *(f"user{i}" for i in range(200)))
    eventually("some are named", lambda: sum(len(watcher.named()) for watcher in watchers) > 20)
    system.edges[0].stop()
    assert [len(watcher.named()) < 200 for watcher in watchers].count(True) > 0, "pages were under way"
    for watcher in watchers:
        watcher.wait("it was told", lambda watcher=watcher: watcher.closed)
        assert watcher.close_code == 1001
