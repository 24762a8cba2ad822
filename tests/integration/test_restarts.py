"""Each service killed and restarted while clients stay connected; and with two of a kind, either of them gone.

What happened meanwhile is seen afterwards, once, by everybody (DESIGN section 2: a core, fanout, watcher or api
dies). Observers stand at both edges but where said."""

import pytest

from harness import http_client as http
from harness.proof import come_and_go
from harness.users import new_user
from harness.waiting import eventually, never

SYSTEM = {"edges": 2}


def test_presence_core_killed_and_restarted(system):
    observers, steady, leaver = _observers_steady_and_leaver(system)
    system.cores[0].kill()
    newcomer = _change_while_it_is_down(system, leaver)
    never("changes are seen without a core", lambda: observers[0].status(newcomer.user), 0.7)
    system.cores[0].restart()
    _all_is_as_it_should_be(system, observers, steady, leaver, newcomer)


def test_fanout_killed_and_restarted(system):
    observers, steady, leaver = _observers_steady_and_leaver(system)
    system.fanouts[0].kill()
    newcomer = _change_while_it_is_down(system, leaver)
    eventually("Redis has it", lambda: system.bulk_status(newcomer.user) == "online")
    never("changes are seen without a fanout", lambda: observers[0].status(newcomer.user), 0.7)
    system.fanouts[0].restart()
    _all_is_as_it_should_be(system, observers, steady, leaver, newcomer)


def test_without_resync_a_restarted_fanout_has_no_listeners_and_with_it_it_has(system):
    observer = system.observe()
    system.edges[0].arm("no-resync", -1)
    system.fanouts[0].kill()
    system.fanouts[0].start()
    client = system.connect(new_user())
    eventually("Redis has it", lambda: system.bulk_status(client.user) == "online")
    never("it is seen online", lambda: observer.status(client.user) == "online", 2.0)
    system.edges[0].disarm()
    observer.wait_statuses(client.user, ["online"])


def test_expiry_watcher_killed_and_restarted(system):
    observers, steady, leaver = _observers_steady_and_leaver(system)
    system.watchers[0].kill()
    newcomer = _change_while_it_is_down(system, leaver)
    observers[0].wait_status(newcomer.user, "online")
    system.watchers[0].restart()
    _all_is_as_it_should_be(system, observers, steady, leaver, newcomer)


def test_http_api_killed_and_restarted(system):
    observers, steady, leaver = _observers_steady_and_leaver(system)
    system.apis[0].kill()
    newcomer = _change_while_it_is_down(system, leaver)
    observers[0].wait_status(newcomer.user, "online")
    with pytest.raises(OSError):
        http.get(system.api_address, "/health", timeout_s=1)
    system.apis[0].restart()
    _all_is_as_it_should_be(system, observers, steady, leaver, newcomer)


def test_ws_edge_killed_and_restarted(system):
    """Its own clients are cut and come back inside the grace; those of the other edge notice nothing."""
    observer = system.observe(0)
    steady, cut = system.connect(new_user("steady"), edge=0), system.connect(new_user("cut"), edge=1)
    for client in (steady, cut):
        observer.wait_status(client.user, "online")
    system.edges[1].kill()
    cut.wait_closed()
    with pytest.raises(OSError):
        system.connect(new_user(), edge=1)
    system.edges[1].restart()
    system.connect(cut.user, edge=1)
    come_and_go(system, [observer, system.observe(1)])
    never("somebody is seen offline",
          lambda: "offline" in observer.statuses(steady.user) + observer.statuses(cut.user), system.edge_death_s)
    assert steady.is_open() and observer.is_open()


def test_every_service_killed_at_once_and_restarted_ends_as_it_should(system):
    """All but the edges, whose sockets are the truth."""
    observers, steady, leaver = _observers_steady_and_leaver(system)
    gone = system.cores + system.fanouts + system.watchers + system.apis
    for service in gone:
        service.kill()
    newcomer = _change_while_it_is_down(system, leaver)
    for service in gone:
        service.start()
    system.wait_ready()
    _all_is_as_it_should_be(system, observers, steady, leaver, newcomer)


@pytest.fixture(scope="module")
def doubled(start_system):
    """Two of each: what one leaves, the other takes over."""
    return start_system(edges=2, cores=2, fanouts=2, watchers=2, apis=2)


@pytest.mark.parametrize("kind", ["presence-core", "fanout", "expiry-watcher"])
@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_with_two_of_a_kind_either_may_go_without_being_replaced(doubled, kind, how):
    for which in (0, 1):
        observers = [doubled.observe(0), doubled.observe(1)]
        steady = doubled.connect(new_user("steady"), edge=1)
        observers[0].wait_status(steady.user, "online")
        service = doubled.of_kind(kind)[which]
        getattr(service, how)()
        for _ in range(4):
            come_and_go(doubled, observers)
        assert observers[0].statuses(steady.user) == ["online"]
        doubled.heal()
        doubled.close_clients()


def _observers_steady_and_leaver(system):
    observers = [system.observe(0), system.observe(1)]
    steady = system.connect(new_user("steady"), edge=0)
    leaver = system.connect(new_user("leaver"), edge=1)
    for observer in observers:
        observer.wait_status(steady.user, "online")
        observer.wait_status(leaver.user, "online")
    return observers, steady, leaver


def _change_while_it_is_down(system, leaver):
    leaver.close()
    return system.connect(new_user("newcomer"), edge=0)


def _all_is_as_it_should_be(system, observers, steady, leaver, newcomer):
    for observer in observers:
        observer.wait_status(newcomer.user, "online")
        observer.wait_status(leaver.user, "offline")
        assert observer.statuses(steady.user) == ["online"]
        assert observer.is_open()
    come_and_go(system, observers)
    assert steady.is_open()
    for user, status in ((steady.user, "online"), (leaver.user, "offline"), (newcomer.user, "online")):
        assert system.bulk_status(user) == status
        assert bool(system.redis().exists(f"presence:user:{user}")) == (status == "online")
