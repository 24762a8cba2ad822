"""For each process and each way of repair: what breaks without it, and that it holds with it (DESIGN sections 2 and 4).

A fault point or a signal takes one thing away; the test shows the behaviour fail, gives the thing back, and shows it
hold. Observers stand at edge 0 but where said."""

import time

import pytest

from harness.proof import come_and_go
from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

SYSTEM = {"edges": 2}


# expiry-watcher and the sweep


def test_without_a_watcher_an_edge_death_goes_unnoticed_and_with_it_it_ends(system):
    observer = system.observe()
    client = system.connect(new_user("lost"), edge=1)
    observer.wait_status(client.user, "online")
    system.watchers[0].kill()
    system.edges[1].kill()
    never("it is seen offline", lambda: observer.status(client.user) == "offline", system.edge_death_s + SLACK_S)
    assert system.bulk_status(client.user) == "online"

    system.watchers[0].restart()
    observer.wait_status(client.user, "offline", system.edge_death_s + SLACK_S)
    assert system.bulk_status(client.user) == "offline"


def test_without_the_sweep_an_edge_death_goes_unnoticed_and_with_it_it_ends(system):
    observer = system.observe()
    client = system.connect(new_user("lost"), edge=1)
    observer.wait_status(client.user, "online")
    system.cores[0].arm("no-sweep", -1)
    system.edges[1].kill()
    never("it is seen offline", lambda: observer.status(client.user) == "offline", system.edge_death_s + SLACK_S)
    system.cores[0].disarm()
    observer.wait_status(client.user, "offline")


def test_two_watchers_end_each_presence_exactly_once(own_system):
    system = own_system(edges=2, watchers=3)
    observer = system.observe()
    users = [new_user("lost") for _ in range(20)]
    for user in users:
        system.connect(user, edge=1)
        observer.wait_status(user, "online")
    system.watchers[0].kill()
    system.edges[1].kill()
    for user in users:
        observer.wait_status(user, "offline")
    never("an end is repeated", lambda: any(len(observer.statuses(user)) != 2 for user in users), 1.0)


# The mirror key: PONGs, and hints of its expiry


@pytest.mark.parametrize("repair, other", [("no-sweep", "no-touch"), ("no-touch", "no-sweep")])
def test_a_mirror_deleted_by_hand_comes_back_by_pong_or_by_sweep_and_without_both_it_does_not(system, repair, other):
    redis, observer = system.redis(), system.observe()
    client = system.connect(new_user())
    observer.wait_status(client.user, "online")
    mirror = f"presence:user:{client.user}"
    takes_part = {"no-touch": system.edges[0], "no-sweep": system.cores[0]}

    takes_part[repair].arm(repair, -1)
    redis.delete(mirror)
    eventually("the mirror is back", lambda: redis.exists(mirror), 2 * system.seconds("PING_INTERVAL") + SLACK_S)

    takes_part[other].arm(other, -1)
    time.sleep(system.seconds("PING_INTERVAL"))  # what was under way has arrived
    redis.delete(mirror)
    never("the mirror is back", lambda: redis.exists(mirror), 3 * system.seconds("PING_INTERVAL"))
    assert system.bulk_status(client.user) == "online"

    takes_part[other].disarm()
    eventually("the mirror is back", lambda: redis.exists(mirror), 2 * system.seconds("PING_INTERVAL") + SLACK_S)
    assert observer.statuses(client.user) == ["online"]


def test_a_mirror_that_expired_under_a_live_connection_is_hinted_restored_and_counted(system):
    redis, observer = system.redis(), system.observe()
    client = system.connect(new_user())
    observer.wait_status(client.user, "online")
    mirror = f"presence:user:{client.user}"
    system.edges[0].arm("no-touch", -1)
    hints = system.watchers[0].metric("zpresence_watcher_hints_total")
    restored = system.cores[0].metric("zpresence_core_mirrors_restored_total")

    def expire_now():
        redis.pexpire(mirror, 1)
        time.sleep(0.01)
        redis.exists(mirror)  # a look at an expired key is what makes Redis expire it, and say so

    expire_now()
    eventually("the mirror is back", lambda: redis.exists(mirror))
    eventually("it was hinted", lambda: system.watchers[0].metric("zpresence_watcher_hints_total") > hints)
    eventually("it was counted", lambda: system.cores[0].metric("zpresence_core_mirrors_restored_total") > restored)

    system.watchers[0].kill()
    expire_now()
    never("the mirror is back without a watcher", lambda: redis.exists(mirror), 1.0)
    assert system.bulk_status(client.user) == "online"
    assert observer.statuses(client.user) == ["online"]

    system.watchers[0].restart()
    eventually("the mirror is back", lambda: redis.exists(mirror))


def test_a_mirror_written_by_hand_makes_nobody_online(system):
    user = new_user("forged")
    system.redis().set(f"presence:user:{user}", "1", px=60000)
    assert system.bulk_status(user) == "offline"
    system.redis().delete(f"presence:user:{user}")


# core -> fanout: a lost broadcast


def test_a_lost_broadcast_is_repaired_by_the_beacon_when_nothing_follows(system):
    observer = system.observe()
    system.cores[0].arm("drop-pub", 1)
    user = new_user("dropped")
    system.connect(user)
    observer.wait_statuses(user, ["online"])


def test_a_lost_broadcast_is_repaired_when_the_next_one_shows_the_gap(own_system):
    """Several times, each far faster than the beacons, so that it is the gap that tells the fanout."""
    system = own_system(BEAT_INTERVAL_MS=3000, EDGE_LEASE_MS=4000, PEER_TIMEOUT_MS=7000)
    observer = system.observe()
    for _ in range(4):
        system.cores[0].arm("drop-pub", 1)
        dropped, next_one = new_user("dropped"), new_user("next")
        system.connect(dropped)
        eventually("the first is in Redis", lambda user=dropped: system.bulk_status(user) == "online")
        system.connect(next_one)
        began = time.monotonic()
        observer.wait_statuses(dropped, ["online"])
        observer.wait_statuses(next_one, ["online"])
        assert time.monotonic() - began < 1


def test_without_gap_repair_a_lost_broadcast_is_never_seen(system):
    observer = system.observe()
    system.fanouts[0].arm("no-gap-repair", -1)
    system.cores[0].arm("drop-pub", 1)
    user, next_one = new_user("dropped"), new_user("next")
    system.connect(user)
    eventually("it is online in Redis", lambda: system.bulk_status(user) == "online")
    system.connect(next_one)
    observer.wait_status(next_one, "online")
    never("it is seen online", lambda: observer.status(user) == "online", 1.5)


def test_with_every_broadcast_lost_all_transitions_are_still_seen(system):
    observers = [system.observe(0), system.observe(1)]
    system.cores[0].arm("drop-pub", -1)
    users = [new_user("dropped") for _ in range(10)]
    clients = [system.connect(user) for user in users]
    for observer in observers:
        for user in users:
            observer.wait_status(user, "online")
    for client in clients:
        client.close()
    for observer in observers:
        for user in users:
            observer.wait_statuses(user, ["online", "offline"])


# edge -> core: a lost acknowledgement, a lost statement


def test_a_lost_acknowledgement_changes_nothing_for_observers(system):
    observer = system.observe()
    # Else the acknowledgement could be that of the leaving of who was here in the test before.
    eventually("only the observer is there", lambda: system.redis().zrange("presence:online", 0, -1) == [observer.user])
    again = system.edges[0].metric("zpresence_edge_statements_again_total")
    system.cores[0].arm("drop-ack", 1)
    client = system.connect(new_user())
    observer.wait_status(client.user, "online")
    eventually("the statement was sent again",
               lambda: system.edges[0].metric("zpresence_edge_statements_again_total") > again)
    client.close()
    observer.wait_statuses(client.user, ["online", "offline"])


def test_a_lost_acknowledgement_is_made_good_by_sending_again_and_without_it_it_is_not(system):
    """What is not acknowledged the edge has to keep: here a user who has long gone."""
    observer = system.observe(edge=0)
    edge, core = system.edges[1], system.cores[0]
    users_kept = lambda: edge.metric("zpresence_edge_users")  # noqa: E731

    def close_with_a_lost_acknowledgement():
        client = system.connect(new_user("gone"), edge=1)
        observer.wait_status(client.user, "online")
        eventually("its statement is acknowledged", lambda: edge.metric("zpresence_edge_statements_waiting") == 0)
        core.arm("drop-ack", 1)
        client.close()
        observer.wait_statuses(client.user, ["online", "offline"])

    eventually("nobody is kept", lambda: users_kept() == 0)
    close_with_a_lost_acknowledgement()
    eventually("nobody is kept", lambda: users_kept() == 0)

    edge.arm("no-resend", -1)
    close_with_a_lost_acknowledgement()
    never("it is forgotten", lambda: users_kept() == 0, 1.5)
    edge.kill()


@pytest.mark.parametrize("resending", [True, False])
def test_a_statement_lost_with_its_core_arrives_because_it_is_sent_again(own_system, resending):
    """The core is frozen, takes the statement into its kernel buffers, and dies with it."""
    system = own_system(PEER_TIMEOUT_MS=3000, EDGE_LEASE_MS=3000)
    observer = system.observe()
    if not resending:
        system.edges[0].arm("no-resend", -1)
    core = system.cores[0]
    sent = system.edges[0].metric("zpresence_edge_statements_total")
    core.freeze()
    client = system.connect(new_user("lost"))
    eventually("the statement has left", lambda: system.edges[0].metric("zpresence_edge_statements_total") > sent)
    never("it is seen online", lambda: observer.status(client.user) == "online", 0.2)
    core.kill()
    core.restart()
    if resending:
        observer.wait_statuses(client.user, ["online"])
    else:
        never("it is seen online", lambda: observer.status(client.user) == "online", 2.5)


# presence-core: dies between the script and its effects


def test_a_core_that_dies_between_script_and_broadcast_loses_nothing(system):
    observers = [system.observe(0), system.observe(1)]
    core = system.cores[0]
    core.arm("after-script", 1)
    client = system.connect(new_user("between"))
    assert core.wait_end() != 0
    assert system.redis().get(f"presence:user:{client.user}"), "the script had run"
    assert [observer.status(client.user) for observer in observers] == [None, None]
    core.restart()
    for observer in observers:
        observer.wait_status(client.user, "online")
    client.close()
    for observer in observers:
        observer.wait_statuses(client.user, ["online", "offline"])


def test_without_gap_repair_what_a_core_took_with_it_is_never_seen(system):
    observer = system.observe()
    core = system.cores[0]
    # Else the core could die of what is still to be said of those of the test before.
    eventually("only the observer is there", lambda: system.redis().zrange("presence:online", 0, -1) == [observer.user])
    system.fanouts[0].arm("no-gap-repair", -1)
    core.arm("after-script", 1)
    client = system.connect(new_user("between"))
    core.wait_end()
    core.restart()
    never("it is seen online", lambda: observer.status(client.user) == "online", 1.5)
    assert system.bulk_status(client.user) == "online"


# Redis


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_redis_restarted_with_its_data_takes_nobody_offline(system, how):
    observers = [system.observe(0), system.observe(1)]
    clients = [system.connect(new_user("steady"), edge=i % 2) for i in range(6)]
    users = [client.user for client in clients]
    for user in users:
        observers[0].wait_status(user, "online")
    redis = system.redis_server
    if how == "SIGTERM":
        redis.process.stop()
    else:
        redis.process.kill()

    newcomer = system.connect(new_user("newcomer"))
    eventually("the state is out of reach", lambda: system.bulk(users[0]).status == 500)
    never("a newcomer is seen without Redis", lambda: observers[0].status(newcomer.user), 0.5)

    with system.sampling_bulk(users) as answers:
        redis.start()
        observers[0].wait_status(newcomer.user, "online")
        eventually("all are online in the bulk answer", lambda: _bulk_statuses(system, users) == {"online"})
    assert set(answers) <= {"online"}, "a bulk answer said offline of somebody who was connected all the time"
    eventually("the mirrors are there", lambda: all(system.redis().exists(f"presence:user:{u}") for u in users))

    clients[0].close()
    for observer in observers:
        observer.wait_statuses(users[0], ["online", "offline"])
        for user in users[1:]:
            assert observer.statuses(user) == ["online"]
    assert all(client.is_open() for client in clients[1:] + observers)


def test_what_happened_while_redis_was_away_is_seen_when_it_is_back(system):
    observer = system.observe()
    leaver = system.connect(new_user("leaver"))
    observer.wait_status(leaver.user, "online")
    system.redis_server.process.stop()
    leaver.close()
    passer = system.connect(new_user("passer"))
    passer.close()
    arrival = system.connect(new_user("arrival"))
    system.redis_server.start()
    observer.wait_statuses(leaver.user, ["online", "offline"])
    observer.wait_status(arrival.user, "online")
    eventually("who came and went is offline", lambda: system.bulk_status(passer.user) == "offline")
    assert observer.status(passer.user) in (None, "offline")


@pytest.mark.parametrize("frozen", ["redis", "presence-core", "expiry-watcher"])
def test_silence_is_not_counted_while_nobody_listens(system, frozen):
    """Longer than lease and grace, and than the TTL: the service clock stands still, so nobody goes offline."""
    observers = [system.observe(0), system.observe(1)]
    client = system.connect(new_user("steady"), edge=1)
    observers[0].wait_status(client.user, "online")
    paused = system.redis_server.process if frozen == "redis" else system.of_kind(frozen)[0]
    paused.freeze()
    never("it is seen offline", lambda: observers[0].status(client.user) == "offline",
          max(system.edge_death_s, system.ttl_s) + 0.5)
    paused.thaw()
    never("it is seen offline", lambda: observers[0].status(client.user) == "offline", system.edge_death_s)
    assert client.is_open()
    assert observers[0].statuses(client.user) == ["online"]
    come_and_go(system, observers)


def test_after_flushall_everybody_comes_back_and_nobody_is_told_a_lie(system):
    observers = [system.observe(0), system.observe(1)]
    clients = [system.connect(new_user("steady"), edge=i % 2) for i in range(8)]
    users = [client.user for client in clients]
    for user in users:
        observers[0].wait_status(user, "online")

    with system.sampling_bulk(users) as answers:
        system.redis().flushall()
        eventually("all are online in the bulk answer", lambda: _bulk_statuses(system, users) == {"online"})
        eventually("the mirrors are back", lambda: all(system.redis().exists(f"presence:user:{u}") for u in users))
    assert set(answers) <= {"online"}, "a bulk answer said offline of somebody who was connected all the time"
    come_and_go(system, observers)
    never("somebody is seen offline", lambda: any("offline" in o.statuses(u) for o in observers for u in users),
          system.edge_death_s)
    for observer in observers:
        for user in users:
            assert observer.statuses(user) == ["online"]
    clients[0].close()
    for observer in observers:
        observer.wait_status(users[0], "offline")


def test_without_announcing_users_do_not_survive_flushall(own_system):
    system = own_system(edges=2)
    observer = system.observe(0)
    client = system.connect(new_user("forgotten"), edge=1)
    observer.wait_status(client.user, "online")
    system.edges[1].arm("no-announce", -1)
    system.redis().flushall()
    observer.wait_status(client.user, "offline")
    eventually("the bulk answer agrees", lambda: system.bulk_status(client.user) == "offline")
    assert client.is_open()


def _bulk_statuses(system, users):
    answer = system.bulk(*users)
    return {state["status"] for state in answer.json().values()} if answer.status == 200 else None
