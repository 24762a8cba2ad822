"""HTTP heartbeats while processes die, stand still, and Redis loses its data: what was answered 200 is not lost."""

import threading
import time

import pytest

from harness import http_client as http
from harness import redis_state
from harness.tv import OFFLINE_DELAY_S, SECONDS_FOR_MINUTES, TTL_S, heartbeat, heartbeats_at_once, listed, say
from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

SYSTEM = SECONDS_FOR_MINUTES


# Processes

def test_a_lost_acknowledgement_is_asked_for_again_and_changes_nothing(system):
    """Which of two cores is asked is chance: users come until some of it was asked of this one."""
    observer, count = system.observe(query="?statuses=full"), 0
    retried = system.apis[0].metric("zpresence_http_core_queries_retried_total")
    system.cores[0].arm("drop-ack", -1)
    while count < 8 or system.apis[0].metric("zpresence_http_core_queries_retried_total") == retried:
        user, count = new_user("acked"), count + 1
        assert count < 40, "the other core has been asked of all of them"
        say(system, user, "busy")
        observer.wait_statuses(user, ["busy"])


def test_a_core_that_dies_with_a_heartbeat_leaves_it_taken_once(system):
    observer, core = system.observe(query="?statuses=full"), system.cores[0]
    core.arm("after-script", 1)
    users = []
    while core.is_running() and len(users) < 30:
        users.append(new_user("between"))
        say(system, users[-1], "busy")
    assert core.wait_end() != 0
    for user in users:
        observer.wait_statuses(user, ["busy"])
    core.restart()


def test_with_one_of_two_cores_frozen_heartbeats_are_answered_in_time(system):
    say(system, new_user("before"))
    system.cores[0].freeze()
    began = time.monotonic()
    answers = heartbeats_at_once(system, [new_user("meanwhile") for _ in range(60)])
    assert time.monotonic() - began <= system.seconds("HTTP_DEADLINE_MS") + SLACK_S
    assert [answer.status for answer in answers] == [200] * 60


def test_a_core_that_wakes_up_late_undoes_nothing(system):
    """Both cores in turn: whichever has the offline under way is frozen with it."""
    observer = system.observe(query="?statuses=full")
    for core in system.cores:
        users = [new_user("late") for _ in range(6)]
        for user in users:
            say(system, user)
        core.freeze()
        for user in users:
            say(system, user, "offline")
            say(system, user, "busy")
        core.thaw()
        never("one is not busy", lambda users=users: any(observer.status(user) == "offline" for user in users),
              OFFLINE_DELAY_S + 0.6)
        assert {listed(system, user)["presence_status"] for user in users} == {"busy"}


def test_without_redis_503_comes_in_time_and_nothing_is_half_done(system):
    observer, user = system.observe(), new_user("unheard")
    system.redis_server.process.freeze()
    began = time.monotonic()
    answer = heartbeat(system, user)
    assert (answer.status, answer.json()["success"]) == (503, False)
    assert time.monotonic() - began <= system.seconds("HTTP_DEADLINE_MS") + SLACK_S
    system.redis_server.process.thaw()
    eventually("it is taken again", lambda: heartbeat(system, user).status == 200)
    observer.wait_status(user, "online")


def test_silence_is_not_counted_while_nobody_ticks(system):
    observer, user = system.observe(), new_user("waiting")
    say(system, user)
    observer.wait_status(user, "online")
    system.watchers[0].freeze()
    time.sleep(TTL_S + 0.5)
    assert observer.status(user) == "online"
    assert listed(system, user)["is_online"], "nor does it count against the freshness"
    system.watchers[0].thaw()
    never("it is offline at once", lambda: observer.status(user) == "offline", 1.0)
    observer.wait_status(user, "offline")


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_no_accepted_write_is_lost_when_http_api_is_restarted_under_load(system, how):
    users, accepted, lock, enough = [new_user(f"load{i}") for i in range(40)], {}, threading.Lock(), threading.Event()

    def write(own_users):
        number = 0
        while not enough.is_set():
            number += 1
            status = ("online", "away", "busy")[number % 3]
            for user in own_users:
                try:
                    if heartbeat(system, user, status).status == 200:
                        with lock:
                            accepted[user] = status
                    else:
                        _take_back(accepted, user, lock)
                except (OSError, http.HTTPException):
                    _take_back(accepted, user, lock)

    writers = [threading.Thread(target=write, args=(users[i::8],)) for i in range(8)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            time.sleep(0.4)
            getattr(system.apis[0], how)()
            time.sleep(0.1)
            system.apis[0].restart()
        eventually("most have been accepted", lambda: len(accepted) > 30)
    finally:
        enough.set()
        for writer in writers:
            writer.join()
    redis = system.redis()
    letters = {"online": "o", "away": "a", "busy": "b"}
    assert {user: redis.hget(f"presence:meta:{user}", "status") for user in accepted} == {
        user: letters[status] for user, status in accepted.items()}
    assert redis_state.broken_in_log(redis) == []


def _take_back(accepted, user, lock):
    """Not acknowledged: it may have been taken or not; only the next answer says how the user stands."""
    with lock:
        accepted.pop(user, None)


def test_one_of_two_apis_is_enough(system):
    observer, user = system.observe(), new_user("other")
    say(system, user, api=0)
    observer.wait_status(user, "online")
    system.apis[0].kill()
    say(system, user, "online", api=1)
    time.sleep(TTL_S - 1)
    say(system, user, "online", api=1)
    never("it is offline", lambda: observer.status(user) == "offline", 1.5)


# Redis loses its data


def test_who_was_heard_comes_back_after_redis_lost_its_data(system):
    observer = system.observe(query="?statuses=full")
    users = {new_user("kept"): "online", new_user("kept"): "busy", new_user("kept"): "away"}
    gone, hidden = new_user("gone"), new_user("hidden")
    for i, (user, status) in enumerate(users.items()):
        say(system, user, status, api=i % 2)
        observer.wait_status(user, status)
    say(system, gone, api=0)
    say(system, gone, "offline", api=1)
    say(system, hidden, "invisible")
    observer.wait_status(gone, "offline")
    for user in users:
        say(system, user, users[user])
    said_at = time.monotonic()
    system.redis().flushall()
    eventually("the data is rebuilt", lambda: system.bulk_status(next(iter(users))) == "online")
    for user, status in users.items():
        assert listed(system, user)["presence_status"] == status
        assert len(observer.statuses(user)) == 1, "watchers notice nothing"
    assert observer.statuses(gone) == ["online", "offline"]
    assert observer.statuses(hidden) == []
    # More than one question: somebody of an earlier test may end between two of them.
    eventually("what Redis has agrees", lambda: redis_state.broken_in_views(system.redis()) == [])
    for user in users:
        offline = observer.wait_status(user, "offline")
        assert TTL_S - 1.0 <= offline.at - said_at <= TTL_S + 1.5 + SLACK_S, "its age was not forgotten"


def test_the_rebuilding_waits_for_an_api_that_is_slow(system):
    """Edges announce at once; an http-api that stands still for a moment has its lease's time, and nobody sees a gap."""
    observer, user = system.observe(), new_user("slow")
    say(system, user, api=1)
    observer.wait_status(user, "online")
    system.apis[1].freeze()
    system.redis().flushall()
    never("the data is said to be complete", lambda: system.bulk_status(user) is not None, 0.6)
    system.apis[1].thaw()
    eventually("it is, with them", lambda: system.bulk_status(user) == "online", system.seconds("EDGE_LEASE_MS"))
    assert observer.statuses(user) == ["online"]


def test_restarting_redis_without_data_is_the_same(own_system):
    system = own_system(cores=2, apis=2, HTTP_PRESENCE_TTL=6, ONLINE_FRESHNESS=5)
    observer, user = system.observe(), new_user("kept")
    say(system, user, api=1)
    observer.wait_status(user, "online")
    system.redis_server.process.kill()
    for path in (system.folder / "redis").rglob("*"):
        if path.is_file():
            path.unlink()
    time.sleep(1.0)
    system.redis_server.start()
    eventually("the data is rebuilt", lambda: system.bulk_status(user) == "online")
    assert observer.statuses(user) == ["online"]
    observer.wait_status(user, "offline")


def test_without_announcing_they_would_be_lost(system):
    observer, user = system.observe(), new_user("lost")
    say(system, user)
    observer.wait_status(user, "online")
    for api in system.apis:
        api.arm("no-announce", -1)
    system.redis().flushall()
    observer.wait_status(user, "offline", 3.0)
