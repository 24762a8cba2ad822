"""Windows of microseconds, which no kill ever hits, by fault points (common/runtime/fault.h): somebody dies between two
steps, or something arrives late or twice, and nobody sees anything of it."""

import pytest

from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

SYSTEM = {"edges": 2, "cores": 2}
LATE_S = 0.7  # LATE_ACK_MS, LATE_COPY_MS


def observers(system):
    return [system.observe(0), system.observe(1)]


def come_and_go(system, who, edge=1):
    client = system.connect(new_user("passer"), edge)
    for observer in who:
        observer.wait_status(client.user, "online")
    client.close()
    for observer in who:
        observer.wait_statuses(client.user, ["online", "offline"])
    return client.user


def hit(services, point):
    return sum(service.fault_hits(point) for service in services if service.is_running())


def test_an_acknowledgement_that_is_late_finds_everything_said_again_and_changes_nothing(system):
    who, edge = observers(system), system.edges[1]
    again = edge.metric("zpresence_edge_statements_again_total")
    for core in system.cores:
        core.arm("delay-ack", 2)
    user = come_and_go(system, who)
    eventually("it was said again", lambda: edge.metric("zpresence_edge_statements_again_total") > again)
    assert hit(system.cores, "delay-ack") > 0
    never("it is seen again", lambda: any(len(observer.statuses(user)) != 2 for observer in who), LATE_S + SLACK_S)
    eventually("nobody is kept", lambda: edge.metric("zpresence_edge_statements_waiting") == 0)


def test_statements_that_arrive_again_late_by_whichever_core_are_stale(system):
    who = observers(system)
    stale = sum(core.metric("zpresence_core_statements_stale_total") for core in system.cores)
    system.edges[1].arm("dup-batch", 1)
    user = come_and_go(system, who)  # what arrives again says that the user is there
    assert hit(system.edges, "dup-batch") == 1
    eventually("it has arrived", lambda: sum(core.metric("zpresence_core_statements_stale_total")
                                             for core in system.cores) > stale, LATE_S + SLACK_S)
    never("it is seen", lambda: any(observer.statuses(user) != ["online", "offline"] for observer in who), SLACK_S)
    assert system.bulk_status(user) == "offline"


def test_an_end_that_is_overlooked_is_noticed_by_what_cannot_be_written_or_by_silence(system):
    who = observers(system)
    client = system.connect(new_user("gone"), edge=1)
    for observer in who:
        observer.wait_status(client.user, "online")
    system.edges[1].arm("skip-close", 1)
    client.abort()
    eventually("it was overlooked", lambda: hit(system.edges, "skip-close") == 1)
    for observer in who:
        observer.wait_statuses(client.user, ["online", "offline"], system.ttl_s + 1.0 + SLACK_S)


def test_updates_that_were_numbered_and_not_sent_are_missed_and_made_good(system):
    who = observers(system)
    for fanout in system.fanouts:
        fanout.arm("drop-updates", 1)
    come_and_go(system, who)
    assert hit(system.fanouts, "drop-updates") > 0


@pytest.mark.parametrize("kind, point", [("presence-core", "before-ack"), ("fanout", "before-updates")])
def test_whoever_dies_within_a_transition_takes_nothing_with_him(own_system, kind, point):
    system = own_system(edges=2)
    who, service = observers(system), system.of_kind(kind)[0]
    service.arm(point, 1)
    client = system.connect(new_user("between"), edge=1)
    assert service.wait_end() != 0
    service.restart()
    for observer in who:
        observer.wait_statuses(client.user, ["online"])
    come_and_go(system, who)


def test_a_core_that_dies_with_what_a_tick_ended_leaves_it_in_the_log(system):
    observer = system.observe(0)
    client = system.connect(new_user("lost"), edge=1)
    observer.wait_status(client.user, "online")
    for core in system.cores:
        core.arm("after-tick", 1)
    system.edges[1].kill()
    dead = eventually("one has died", lambda: next((each for each in system.cores if not each.is_running()), None))
    dead.wait_end()
    observer.wait_statuses(client.user, ["online", "offline"])
    dead.restart()


def test_a_core_that_dies_at_the_beginning_of_an_epoch_leaves_it_to_the_other(system):
    observer = system.observe(0)
    client = system.connect(new_user("steady"), edge=1)
    observer.wait_status(client.user, "online")
    for core in system.cores:
        core.arm("after-epoch", 1)
    system.redis().flushall()
    dead = eventually("one has died", lambda: next((each for each in system.cores if not each.is_running()), None))
    dead.wait_end()
    eventually("everybody is there again", lambda: system.bulk_status(client.user) == "online")
    dead.restart()
    come_and_go(system, [observer], edge=0)
    assert observer.statuses(client.user) == ["online"]


def test_whoever_begins_an_epoch_says_so_also_where_another_answer_told_of_it_first(system):
    """What waits in a paused Redis behind the loss is answered at once: a tick, say, and then the core's question."""
    system.connect(new_user("steady"), edge=1)
    for _ in range(3):
        begun = sum(core.metric("zpresence_core_epochs_begun_total") for core in system.cores)
        before = system.redis().get("presence:epoch")
        system.redis().execute_command("CLIENT", "PAUSE", 300, "ALL")
        system.redis().flushall()  # waits, first of all
        eventually("an epoch has begun", lambda before=before: system.redis().get("presence:epoch") not in (None, before))
        eventually("it is rebuilt", lambda: all(core.metric("zpresence_core_rebuilding") == 0 for core in system.cores))
        assert sum(core.metric("zpresence_core_epochs_begun_total") for core in system.cores) == begun + 1


def test_an_edge_that_dies_with_its_new_lease_leaves_its_users_their_grace(system):
    observer = system.observe(0)
    client = system.connect(new_user("moving"), edge=1)
    observer.wait_status(client.user, "online")
    edge = system.edges[1]
    edge.kill()
    edge.environment["FAULTS"] = "after-join:1"
    try:
        edge.start()
        assert edge.wait_end() != 0
    finally:
        del edge.environment["FAULTS"]
    system.connect(client.user, edge=0)
    never("it is seen offline", lambda: observer.status(client.user) == "offline", system.edge_death_s)
    edge.restart()
