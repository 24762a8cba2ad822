"""The loss of an edge: killed, stopped, frozen (DESIGN section 2: leases, the grace, SIGTERM; the published bounds).

Observers stand at edge 0; what is lost is edge 1."""

import json
import time

import pytest

from harness.inbox import PRESENCE_ERROR
from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

SYSTEM = {"edges": 2}

# How long before its death an edge may have spoken last: a beat, a tick of the service clock, and the machine.
SPOKE_BEFORE_S = 0.5


def test_users_of_a_killed_edge_are_offline_after_lease_and_grace_and_not_before(system):
    observer = system.observe(edge=0)
    users = [new_user("lost") for _ in range(5)]
    clients = [system.connect(user, edge=1) for user in users]
    for user in users:
        observer.wait_status(user, "online")

    system.edges[1].kill()
    killed_at = time.monotonic()
    for client in clients:
        client.wait_closed()
    for user in users:
        offline = observer.wait_status(user, "offline")
        assert offline.at >= killed_at + _lease_and_grace_s(system) - SPOKE_BEFORE_S
        assert offline.at <= killed_at + system.edge_death_s + SLACK_S
        assert observer.statuses(user) == ["online", "offline"]
    assert {system.bulk_status(user) for user in users} == {"offline"}


def test_during_the_grace_of_a_killed_edge_its_users_are_online_everywhere(system):
    observer = system.observe(edge=0)
    client = system.connect(new_user("lost"), edge=1)
    observer.wait_status(client.user, "online")
    system.edges[1].kill()
    never(
        "the user is offline",
        lambda: observer.status(client.user) != "online" or system.bulk_status(client.user) != "online",
        _lease_and_grace_s(system) - SPOKE_BEFORE_S,
    )
    observer.wait_status(client.user, "offline")


@pytest.mark.parametrize("family", ["python", "node"])
def test_who_reconnects_to_another_edge_inside_the_grace_is_never_offline(system, family):
    observer = system.observe(edge=0)
    user = new_user("mover")
    client = system.connect(user, edge=1, family=family)
    observer.wait_status(user, "online")
    system.edges[1].kill()
    client.wait_closed()
    system.connect(user, edge=0, family=family)
    never("the user is seen offline", lambda: observer.status(user) == "offline", system.edge_death_s + SLACK_S)
    assert observer.statuses(user) == ["online"]
    assert system.bulk_status(user) == "online"


def test_who_reconnects_late_in_the_grace_is_never_offline(system):
    """Long after the lease has passed: it is the grace that holds the user."""
    observer = system.observe(edge=0)
    user = new_user("late")
    system.connect(user, edge=1)
    observer.wait_status(user, "online")
    system.edges[1].kill()
    never("the user is seen offline", lambda: observer.status(user) == "offline",
          _lease_and_grace_s(system) - SPOKE_BEFORE_S)
    system.connect(user, edge=0)
    never("the user is seen offline", lambda: observer.status(user) == "offline", 1 + SLACK_S)
    assert observer.statuses(user) == ["online"]


def test_who_reconnects_to_the_same_edge_after_its_restart_is_never_offline(system):
    observer = system.observe(edge=0)
    user = new_user("returner")
    system.connect(user, edge=1)
    observer.wait_status(user, "online")
    system.edges[1].kill()
    system.edges[1].start()
    _connect_as_soon_as_it_listens(system, user, edge=1)
    never("the user is seen offline", lambda: observer.status(user) == "offline", system.edge_death_s + SLACK_S)
    assert system.bulk_status(user) == "online"


@pytest.mark.parametrize("family", ["python", "node"])
def test_a_stopping_edge_tells_its_clients_when_to_come_back_and_closes_with_1001(system, family):
    clients = [system.connect(new_user(), edge=1, family=family) for _ in range(3)]
    for client in clients:
        client.wait_status(client.user, "online")
    edge = system.edges[1]
    edge.terminate()
    for client in clients:
        assert client.wait_closed() == 1001
        (farewell,) = client.frames(PRESENCE_ERROR)
        assert farewell is client.frames()[-1]
        assert list(farewell.message) == ["messageType", "code", "message", "reconnectAfterMs"]
        assert 0 <= farewell.message["reconnectAfterMs"] <= system.settings["RECONNECT_SPREAD_MS"]
    edge.stopped()


def test_clients_of_a_stopping_edge_are_told_to_come_back_at_different_times(own_system):
    system = own_system(RECONNECT_SPREAD_MS=60000)
    clients = [system.connect(new_user()) for _ in range(8)]
    system.edges[0].terminate()
    delays = {client.wait_frame(PRESENCE_ERROR).message["reconnectAfterMs"] for client in clients}
    assert len(delays) > 4
    system.edges[0].stopped()


def test_users_of_a_stopped_edge_have_the_grace_and_then_are_offline(system):
    observer = system.observe(edge=0)
    stayer, mover = new_user("stayer"), new_user("mover")
    for user in (stayer, mover):
        system.connect(user, edge=1)
        observer.wait_status(user, "online")
    stopping_at = time.monotonic()
    system.edges[1].stop()
    stopped_at = time.monotonic()
    system.connect(mover, edge=0)

    grace_s = system.seconds("RECONNECT_GRACE_MS")
    offline = observer.wait_status(stayer, "offline")
    # In service time, which is a tick behind, or as long as a busy machine keeps the ticker waiting.
    assert offline.at >= stopping_at + grace_s - 4 * system.seconds("CLOCK_TICK_MS")
    assert offline.at <= stopped_at + grace_s + 1, "its lease did not end with it"
    never("the mover is seen offline", lambda: observer.status(mover) == "offline", 1.0)
    assert observer.statuses(mover) == ["online"]


def test_a_rolling_restart_of_all_edges_takes_nobody_offline(system):
    """One edge after the other; each client comes to the other edge when its own has said goodbye."""
    redis = system.redis()
    offline = redis.pubsub(ignore_subscribe_messages=True)
    offline.subscribe("presence:offline")
    eventually("subscribed", lambda: redis.pubsub_numsub("presence:offline")[0][1] >= 1)
    at_edge = [[system.connect(new_user("roller"), edge=edge) for _ in range(3)] for edge in (0, 1)]
    users = {client.user for clients in at_edge for client in clients}
    eventually("all are online", lambda: {system.bulk_status(user) for user in users} == {"online"})

    for leaving, other in ((0, 1), (1, 0)):
        system.edges[leaving].terminate()
        for client in at_edge[leaving]:
            client.wait_closed()
            at_edge[other].append(system.connect(client.user, edge=other))
        at_edge[leaving] = []
        system.edges[leaving].stopped()
        system.edges[leaving].restart()

    heard = []

    def one_of_ours_is_offline():
        message = offline.get_message(timeout=0.02)
        if message and json.loads(message["data"])["userId"] in users:
            heard.append(message["data"])
        return heard

    never("somebody is offline", one_of_ours_is_offline, system.edge_death_s)
    offline.close()
    assert {system.bulk_status(user) for user in users} == {"online"}


def test_an_edge_frozen_past_its_lease_keeps_its_sockets_and_announces_them_anew(system):
    observer = system.observe(edge=0)
    clients = [system.connect(new_user("held"), edge=1) for _ in range(3)]
    for client in clients:
        observer.wait_status(client.user, "online")
    edge = system.edges[1]
    leases_before = edge.metric("zpresence_edge_leases_total")

    edge.freeze()
    frozen_at = time.monotonic()
    for client in clients:
        assert observer.wait_status(client.user, "offline").at <= frozen_at + system.edge_death_s + SLACK_S
    edge.thaw()
    for client in clients:
        observer.wait_status(client.user, "online")
        assert client.is_open()
        assert observer.statuses(client.user) == ["online", "offline", "online"]
    assert edge.metric("zpresence_edge_leases_total") > leases_before
    never("a socket is closed", lambda: any(client.closed for client in clients), system.ttl_s + 1)
    for client in clients:
        client.close()
        observer.wait_status(client.user, "offline")


def test_an_edge_frozen_past_its_lease_but_back_inside_the_grace_is_never_noticed(own_system):
    system = own_system(edges=2, RECONNECT_GRACE_MS=4000)
    observer = system.observe(edge=0)
    client = system.connect(new_user("held"), edge=1)
    observer.wait_status(client.user, "online")
    edge = system.edges[1]
    leases_before = edge.metric("zpresence_edge_leases_total")

    edge.freeze()
    never("the user is seen offline", lambda: observer.status(client.user) == "offline",
          system.seconds("EDGE_LEASE_MS") + 0.5)
    edge.thaw()
    eventually("it has taken a new lease", lambda: edge.metric("zpresence_edge_leases_total") > leases_before)
    never("the user is seen offline", lambda: observer.status(client.user) == "offline", system.edge_death_s)
    assert client.is_open()
    assert observer.statuses(client.user) == ["online"]


def test_a_close_while_the_edge_had_lost_its_lease_is_told_when_it_is_back(system):
    observer = system.observe(edge=0)
    leaving, staying = (system.connect(new_user(name), edge=1, family="python") for name in ("leaving", "staying"))
    for client in (leaving, staying):
        observer.wait_status(client.user, "online")
    edge = system.edges[1]
    edge.freeze()
    leaving.kill()
    observer.wait_status(leaving.user, "offline")
    edge.thaw()
    observer.wait_statuses(staying.user, ["online", "offline", "online"])
    never("the dead client comes back", lambda: observer.status(leaving.user) == "online", 1.0)


def _lease_and_grace_s(system):
    return system.seconds("EDGE_LEASE_MS") + system.seconds("RECONNECT_GRACE_MS")


def _connect_as_soon_as_it_listens(system, user, edge):
    def connected():
        try:
            return system.connect(user, edge=edge)
        except OSError:
            return None

    return eventually("the edge takes connections", connected)
