"""DUPLICATE_LOGIN: a user's newest device has all older ones closed, wherever they are connected; exactly one stays,
and nobody who watches sees the user go (proto/WIRE.md, type 9)."""

import concurrent.futures
import time

import pytest

from harness.inbox import LOGIN_DUPLICATED
from harness.users import new_user
from harness.waiting import eventually, never

SYSTEM = {"edges": 3, "cores": 2, "DUPLICATE_LOGIN": "kick"}

CLOSE_LOGIN_DUPLICATED = 4009
EDGES = ["the same edge", "another edge"]


@pytest.fixture(scope="module")
def allowing(start_system):
    return start_system(edges=2)


def assert_kicked(client, **within):
    assert client.wait_closed(**within) == CLOSE_LOGIN_DUPLICATED
    assert len(client.frames(LOGIN_DUPLICATED)) == 1


def assert_stays(system, user, client, for_s=0.5):
    """It is open, and so is nobody else's business: what Redis has of the user is this one connection."""
    never("the newest device is closed", lambda: client.closed, for_s)
    assert client.frames(LOGIN_DUPLICATED) == []
    assert system.bulk_status(user) == "online"
    eventually("one connection in Redis", lambda: connections_of(system, user) == 1)


def connections_of(system, user):
    meta = system.redis().hgetall(f"presence:meta:{user}")
    letters = [value.split(" ")[2] for field, value in meta.items() if field.startswith("e/")]
    return sum(len(each) for each in letters if each != "-")


@pytest.mark.parametrize("where", EDGES)
def test_a_newer_device_has_the_older_one_closed(system, where):
    observer = system.observe(edge=2)
    user = new_user()
    older = system.connect(user, edge=0, device="phone")
    observer.wait_status(user, "online")
    newer = system.connect(user, edge=EDGES.index(where), device="tablet")
    assert_kicked(older)
    assert_stays(system, user, newer)
    assert observer.statuses(user) == ["online"]
    newer.close()
    observer.wait_statuses(user, ["online", "offline"])


def test_the_frame_says_it_in_the_form_of_the_client(system):
    user = new_user()
    older = system.connect(user, edge=0, query="?wire=array")
    system.connect(user, edge=1)
    assert_kicked(older)
    text = "this user has logged in on another device"
    assert older.frames(LOGIN_DUPLICATED)[0].message == [1, 9, 0, user, text]

    older = system.connect(user, edge=2)
    system.connect(user, edge=1)
    assert_kicked(older)
    message = older.frames(LOGIN_DUPLICATED)[0].message
    assert list(message.items()) == [("messageType", 9), ("toId", user), ("message", text)]


def test_the_same_device_takes_over_from_itself(system):
    user = new_user()
    older = system.connect(user, edge=0, device="phone")
    newer = system.connect(user, edge=1, device="phone")
    assert_kicked(older)
    assert_stays(system, user, newer)


def test_of_three_in_a_row_the_last_one_stays(system):
    user = new_user()
    first, second, third = (system.connect(user, edge=edge, device=f"device-{edge}") for edge in range(3))
    assert_kicked(first)
    assert_kicked(second)
    assert_stays(system, user, third)


def test_of_many_at_once_exactly_one_stays(system):
    """Whichever it is."""
    observer = system.observe()
    users = [new_user() for _ in range(4)]
    places = [(user, edge) for edge in (0, 1, 2, 0, 1, 2) for user in users]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(lambda place: system.connect(*place), places))
    for user in users:
        of_user = [client for client in clients if client.user == user]
        eventually("one is left", lambda of_user=of_user: sum(not client.closed for client in of_user) == 1)
        left = next(client for client in of_user if not client.closed)
        assert_stays(system, user, left, for_s=0.3)
        for client in of_user:
            if client is not left:
                assert_kicked(client)
        assert observer.statuses(user) == ["online"]


def test_a_status_of_the_older_device_goes_with_it(system):
    observer = system.observe(edge=2, query="?statuses=full")
    user = new_user()
    older = system.connect(user, edge=0)
    observer.wait_status(user, "online")
    older.send({"messageType": 5, "status": "busy"})
    observer.wait_status(user, "busy")
    system.connect(user, edge=1)
    observer.wait_statuses(user, ["online", "busy", "online"])


def test_a_kick_that_is_lost_is_said_again(system):
    user = new_user()
    older = system.connect(user, edge=0)
    eventually("it is stated", lambda: connections_of(system, user) == 1)
    system.edges[0].arm("drop-kicks", 3)
    newer = system.connect(user, edge=1)
    assert_kicked(older)
    assert_stays(system, user, newer)


def test_without_being_said_again_a_lost_kick_leaves_both(system):
    """What the repetition is for."""
    user = new_user()
    older = system.connect(user, edge=0)
    eventually("it is stated", lambda: connections_of(system, user) == 1)
    system.edges[0].arm("drop-kicks", -1)
    system.connect(user, edge=1)
    never("the older device is closed", lambda: older.closed, 0.6)
    system.edges[0].disarm()
    assert_kicked(older)


def test_a_core_that_dies_before_it_decided_leaves_it_to_another(system):
    """It dies between the statement and the decision: the statement comes again, to another core. Users are spread
    over the cores, so several log in: the statement of one of them is what this core dies of."""
    observer = system.observe(edge=2)
    users = [new_user() for _ in range(12)]
    older = [system.connect(user, edge=0) for user in users]
    for user in users:
        observer.wait_status(user, "online")
    dying = system.cores[0]
    dying.arm("after-script", 1)
    newer = [system.connect(user, edge=1) for user in users]
    eventually("the core has died", lambda: not dying.is_running())
    dying.wait_end()
    dying.restart()
    for client in older:
        assert_kicked(client)
    for user, client in zip(users, newer, strict=True):
        assert_stays(system, user, client, for_s=0.1)
        assert observer.statuses(user) == ["online"]


def test_an_older_login_whose_statement_comes_late_does_not_win(system):
    """The older device's edge cannot reach a core for a while; the newer one's can."""
    user = new_user()
    observer = system.observe(edge=2)
    for core in system.cores:
        core.freeze()
    older = system.connect(user, edge=0)
    newer = system.connect(user, edge=1)
    system.edges[0].freeze()
    for core in system.cores:
        core.thaw()
    observer.wait_status(user, "online")
    system.edges[0].thaw()
    assert_kicked(older)
    assert_stays(system, user, newer)
    assert observer.statuses(user) == ["online"]


def test_an_edge_that_lost_its_lease_announces_no_new_login(system):
    """Edge 0 stood still until its users were on their grace: what it announces then is as old as it is."""
    observer = system.observe(edge=2)
    stays, goes = new_user("stays"), new_user("goes")
    staying, going = system.connect(stays, edge=0), system.connect(goes, edge=0)
    for user in (stays, goes):
        observer.wait_status(user, "online")
    system.edges[0].freeze()
    newer = system.connect(goes, edge=1)
    eventually("the lease is over", lambda: len(system.redis().zrangebyscore(
        "presence:edges", system.redis().hget("presence:clock", "now"), "+inf")) == 2)
    system.edges[0].thaw()
    assert_kicked(going)
    assert_stays(system, goes, newer)
    assert_stays(system, stays, staying)
    assert observer.statuses(goes) == ["online"]


def test_a_kick_does_not_wait_for_a_beat(own_system):
    system = own_system(edges=2, DUPLICATE_LOGIN="kick", BEAT_INTERVAL_MS=3000, PEER_TIMEOUT_MS=9000, EDGE_LEASE_MS=9000)
    user = new_user()
    older = system.connect(user, edge=0)
    eventually("it is stated", lambda: connections_of(system, user) == 1)
    time.sleep(0.5)  # no beat that began before is under way
    system.connect(user, edge=1)
    assert_kicked(older, within_s=1.0)


def test_data_loss_leaves_the_newest(own_system):
    """Everything is forgotten while the older device's kick cannot be heard: both are announced again."""
    system = own_system(edges=2, DUPLICATE_LOGIN="kick")
    user = new_user()
    system.edges[0].arm("drop-kicks", 5)
    older = system.connect(user, edge=0)
    newer = system.connect(user, edge=1)
    system.redis().flushall()
    assert_kicked(older)
    assert_stays(system, user, newer)


def test_a_kicked_client_that_does_not_read_is_closed_all_the_same(system):
    """Nothing of it is left after its silence, though it never took its last frame."""
    user = new_user()
    before = system.edges[0].metric("zpresence_edge_sockets")
    older = system.connect(user, edge=0)
    older.stop_reading()
    newer = system.connect(user, edge=1)
    eventually("its socket is gone", lambda: system.edges[0].metric("zpresence_edge_sockets") == before)
    assert_stays(system, user, newer)
    older.abort()


def test_kicks_are_counted_by_who_found_out(system):
    user = new_user()

    def counted():
        metrics, name = system.edges[0].metrics(), system.edges[0].name
        return [metrics[f'zpresence_edge_logins_duplicated_total{{process="{name}",by="{by}"}}'] for by in ("edge", "core")]

    by_edge, by_core = counted()
    clients = [system.connect(user, edge=0), system.connect(user, edge=0), system.connect(user, edge=1)]
    for client in clients[:2]:
        assert_kicked(client)
    assert counted() == [by_edge + 1, by_core + 1]


def test_allow_is_the_default_and_closes_nobody(allowing):
    user = new_user()
    clients = [allowing.connect(user, edge=edge, device=f"d{edge}{i}") for edge in (0, 1) for i in range(2)]
    never("somebody is closed", lambda: any(client.closed for client in clients), 0.5)
    eventually("four connections", lambda: connections_of(allowing, user) == 4)
    assert allowing.redis().keys("presence:kicks:*") == []
    assert allowing.cores[0].metric("zpresence_core_kicks_total") == 0
