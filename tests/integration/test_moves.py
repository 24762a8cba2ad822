"""Who changes edges opens the new connection before closing the old one, and is never shown offline (DESIGN section 8,
invariant 1): whichever edge is the faster one to be heard, and whatever stood still meanwhile."""

import time

import pytest

from harness.users import new_user
from harness.waiting import SLACK_S, eventually

# An edge that is kept from running between its answer to a handshake and saying who came makes its mover late: by as much as
# a machine may stand still without a test being run again (harness/stalls.py), no harm comes of it.
SYSTEM = {"edges": 2, "cores": 2, "PRESENCE_TTL": 10, "PING_INTERVAL": 3000, "LEAVE_DELAY_MS": 200,
          "LEAVE_SETTLE_MS": 50}

USERS = 10
COMERS = 30  # so many that some of them are the first core's: which ones, ports decide


def test_who_moves_from_edge_to_edge_is_never_offline(system):
    observer, user = system.observe(), new_user("mover")
    client = system.connect(user, edge=0)
    observer.wait_status(user, "online")
    for move in range(50):
        newer = system.connect(user, edge=(move + 1) % 2)
        client.abort()
        client = newer
        time.sleep(0.02)
    client.close()
    observer.wait_statuses(user, ["online", "offline"])


def kill_cores(system):
    for core in system.cores:
        core.kill()


def freeze_one_core(system):
    system.cores[0].freeze()


def freeze_redis(system):
    system.redis_server.process.freeze()


@pytest.mark.parametrize("break_it", [kill_cores, freeze_one_core, freeze_redis])
def test_who_moves_while_nobody_listens_is_never_offline(system, break_it):
    observer = system.observe()
    users = [new_user("mover") for _ in range(USERS)]
    old = [system.connect(user, edge=i % 2) for i, user in enumerate(users)]
    for user in users:
        observer.wait_status(user, "online")
    break_it(system)
    new = [system.connect(user, edge=(i + 1) % 2) for i, user in enumerate(users)]
    for client in old:
        client.abort()
    time.sleep(1.0)
    heal(system, break_it)
    for client in new:
        client.close()
    for user in users:
        observer.wait_statuses(user, ["online", "offline"])


def heal(system, break_it):
    """And until every edge has said all that it had to say."""
    if break_it is freeze_redis:
        system.redis_server.process.thaw()
    system.heal()
    for edge in system.edges:
        eventually(f"{edge.name} has said all",
                   lambda edge=edge: edge.metric("zpresence_edge_statements_waiting") == 0)
    time.sleep(SLACK_S)


def test_beats_that_a_core_reads_late_do_not_prolong_the_lease_of_a_dead_edge(own_system):
    """They wait in the core that stood still, while the others have long read them."""
    system = own_system(edges=2, cores=2)
    observer, user = system.observe(edge=0), new_user("lost")
    system.connect(user, edge=1)
    observer.wait_status(user, "online")
    system.cores[0].freeze()
    time.sleep(1.0)
    system.edges[1].kill()
    killed_at = time.monotonic()
    time.sleep(system.seconds("EDGE_LEASE_MS") - 0.3)
    system.cores[0].thaw()
    assert observer.wait_status(user, "offline").at - killed_at <= system.edge_death_s + SLACK_S


def moves_seen_offline(system, frozen_s=0.3, rounds=3, movers=20):
    """Users move from edge to edge while the first core stands still; how many moves were shown as an offline."""
    observer = system.observe()
    users = [new_user("mover") for _ in range(movers)]
    clients = [system.connect(user, edge=0) for user in users]
    for user in users:
        observer.wait_status(user, "online")
    for move in range(rounds):
        system.cores[0].freeze()
        newer = [system.connect(user, edge=(move + 1) % 2) for user in users]
        for client in clients:
            client.abort()
        time.sleep(frozen_s)
        system.cores[0].thaw()
        clients = newer
        for edge in system.edges:
            eventually(f"{edge.name} has said all", lambda edge=edge: edge.metric("zpresence_edge_statements_waiting") == 0)
        time.sleep(SLACK_S)
    for user in users:
        assert observer.status(user) == "online"
    return sum(observer.statuses(user).count("offline") for user in users)


@pytest.mark.parametrize("cores", [1, 2])
def test_who_moves_while_a_core_stands_still_for_a_moment_is_never_offline(own_system, cores):
    assert moves_seen_offline(own_system(edges=2, cores=cores, PRESENCE_TTL=10, PING_INTERVAL=3000,
                                         LEAVE_DELAY_MS=100, LEAVE_SETTLE_MS=50)) == 0


def test_without_letting_leavers_wait_a_core_that_stood_still_shows_movers_offline(own_system):
    system = own_system(edges=2, cores=1, PRESENCE_TTL=10, PING_INTERVAL=3000)
    system.cores[0].arm("no-settling", -1)
    assert moves_seen_offline(system, rounds=6) > 0


def returns_seen_offline(system, frozen_s=1.5):
    """Users leave while the core stands still, and have come back, elsewhere, when it goes on; how many were shown as an
    offline."""
    observer = system.observe()
    users = [new_user("back") for _ in range(20)]
    clients = [system.connect(user, edge=0) for user in users]
    for user in users:
        observer.wait_status(user, "online")
    system.cores[0].freeze()
    for client in clients:
        client.abort()
    time.sleep(frozen_s)
    for user in users:
        system.connect(user, edge=1)
    time.sleep(0.1)
    system.cores[0].thaw()
    for edge in system.edges:
        eventually(f"{edge.name} has said all", lambda edge=edge: edge.metric("zpresence_edge_statements_waiting") == 0)
    time.sleep(SLACK_S)
    return sum(observer.statuses(user).count("offline") for user in users)


LONG_AWAY = {"edges": 2, "cores": 1, "PRESENCE_TTL": 20, "PING_INTERVAL": 6000, "EDGE_LEASE_MS": 4000}


def test_what_a_core_reads_long_after_it_was_said_of_who_left_is_not_believed(own_system):
    """It stood still for longer than its edge waited, and nobody could tell it who has come back."""
    assert returns_seen_offline(own_system(**LONG_AWAY)) == 0


def test_without_that_who_came_back_is_shown_offline(own_system):
    system = own_system(**LONG_AWAY)
    system.cores[0].arm("no-voiding", -1)
    assert returns_seen_offline(system) > 0


def test_a_silent_core_is_passed_over_at_once(own_system):
    """Who comes while their core stands still is seen long before that core would be given up."""
    system = own_system(edges=1, cores=2, PEER_TIMEOUT_MS=5000, ACK_TIMEOUT_MS=4000, PRESENCE_TTL=20, PING_INTERVAL=3000)
    observer = system.observe()
    system.cores[0].freeze()
    users = [new_user("comer") for _ in range(COMERS)]
    came_at = {}
    for user in users:
        system.connect(user)
        came_at[user] = time.monotonic()
    for user in users:
        assert observer.wait_status(user, "online").at - came_at[user] < 1.0
    assert system.edges[0].metric("zpresence_edge_cores_passed_over_total") > 0
    system.cores[0].thaw()


def test_without_passing_over_who_comes_waits_for_the_silent_core(own_system):
    system = own_system(edges=1, cores=2, PEER_TIMEOUT_MS=5000, ACK_TIMEOUT_MS=4000, PRESENCE_TTL=20, PING_INTERVAL=3000)
    observer = system.observe()
    system.edges[0].arm("no-passing-over", -1)
    system.cores[0].freeze()
    users = [new_user("comer") for _ in range(COMERS)]
    for user in users:
        system.connect(user)
    time.sleep(2.0)
    assert any(observer.status(user) is None for user in users)
    system.cores[0].thaw()
    for user in users:
        observer.wait_status(user, "online")


def test_who_is_back_while_redis_stands_still_never_left(own_system):
    """A user leaves, and is back on the same edge, while Redis stands still: when it goes on, it finds both."""
    system = own_system(edges=1, cores=2, PRESENCE_TTL=10, PING_INTERVAL=3000)
    observer = system.observe()
    users = [new_user("back") for _ in range(USERS)]
    clients = [system.connect(user) for user in users]
    for user in users:
        observer.wait_status(user, "online")
    for stands_still_s in (0.8, 2.5):
        system.redis_server.process.freeze()
        for client in clients:
            client.abort()
        time.sleep(stands_still_s)
        clients = [system.connect(user) for user in users]
        time.sleep(0.1)
        system.redis_server.process.thaw()
        eventually("all is said", lambda: system.edges[0].metric("zpresence_edge_statements_waiting") == 0)
        time.sleep(SLACK_S)
    assert {user: observer.statuses(user) for user in users} == {user: ["online"] for user in users}


def test_what_waited_in_a_redis_that_stood_still_is_void(own_system):
    """Who came and left meanwhile is not shown for a moment when it goes on."""
    system = own_system(edges=1, cores=2, PRESENCE_TTL=10, PING_INTERVAL=3000, REDIS_TIMEOUT_MS=5000)
    observer = system.observe()
    users = [new_user("passing") for _ in range(USERS)]
    system.redis_server.process.freeze()
    clients = [system.connect(user) for user in users]
    time.sleep(1.2 * system.seconds("ACK_TIMEOUT_MS"))
    for client in clients:
        client.close()
    time.sleep(1.2 * system.seconds("ACK_TIMEOUT_MS"))
    system.redis_server.process.thaw()
    eventually("all is said", lambda: system.edges[0].metric("zpresence_edge_statements_waiting") == 0)
    time.sleep(SLACK_S)
    assert {user: observer.statuses(user) for user in users} == {user: [] for user in users}
    assert sum(core.metric("zpresence_core_batches_late_total") for core in system.cores) > 0
