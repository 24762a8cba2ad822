"""HTTP heartbeats (CONTRACT C and D; the overview, "How Presence Sync Works"): when they show what, in every view, and
that what was answered 200 is not lost. The overview's two and three minutes are 2 and 4 seconds here."""

import json
import threading
import time

import pytest

from harness import http_client as http
from harness import redis_state
from harness.browser import Browser, serving
from harness.tv import can_call, heartbeat, listed, say
from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

SYSTEM = {"edges": 2, "cores": 2, "apis": 2, "HTTP_PRESENCE_TTL": 4, "ONLINE_FRESHNESS": 2,
          "HTTP_OFFLINE_DELAY_MS": 800, "PRESENCE_TTL": 6,
          # So that only what was not broadcast is asked for again, and not what a loaded machine brings late.
          "REORDER_WINDOW_MS": 500}
FRESHNESS_S, TTL_S, OFFLINE_DELAY_S = 2.0, 4.0, 0.8


def get(system, path):
    answer = http.get(system.api_address, path)
    assert answer.status == 200, answer
    return answer.json()


def views(system, user, observer, full, stream):
    """What each view says of the user now, each in its own words."""
    row = listed(system, user, include_offline="true") or {}
    profile = get(system, f"/api/users/profile/{user}")["user"]
    page = {entry["userId"]: entry["status"] for entry in get(system, "/api/presence/online?statuses=full")["users"]}
    return {
        "listed": listed(system, user) is not None,
        "is_online": row.get("is_online", False),
        "presence_status": row.get("presence_status", "offline"),
        "bulk": system.bulk_status(user),
        "frames": observer.status(user) or "offline",
        "full frames": full.status(user) or "offline",
        "mirror": bool(system.redis().exists(f"presence:user:{user}")),
        "can be called": can_call(system, user)[0],
        "profile": (profile["presence_status"], profile["is_online"]),
        "bulk by GET": get(system, f"/api/presence/status?userIds={user}")[user]["status"],
        "page": page.get(user, "offline"),
        "stream": stream.status(user),
    }


def expected(status, fresh):
    basic = "offline" if status == "offline" else "online"
    is_online = status == "online" and fresh
    return {"listed": status != "offline", "is_online": is_online, "presence_status": status, "bulk": basic,
            "frames": basic, "full frames": status, "mirror": status != "offline", "can be called": is_online,
            "profile": (status, is_online), "bulk by GET": basic, "page": status, "stream": status}


def channel_statuses(lines, user):
    """What redis-cli heard on presence:updates about one user."""
    messages = [json.loads(line) for line in lines() if line.startswith("{")]
    return [message["status"] for message in messages if message["userId"] == user]


# At second 0 the first step happens. Each row: at which second, what is done then (what a client says), what every view
# shows from half a second later on: status, and whether it was heard of within the freshness.
TABLE = {
    "one heartbeat": [
        (0, "online", "online", True), (1, None, "online", True), (2.1, None, "online", False),
        (3, None, "online", False), (4.2, None, "offline", False)],
    "heartbeats go on": [
        (0, "online", "online", True), (1.5, "online", "online", True), (3, "online", "online", True),
        (4.5, "online", "online", True), (8.8, None, "offline", False)],
    "hidden, shown, in a call": [
        (0, "online", "online", True), (0.8, "away", "away", True), (1.6, "online", "online", True),
        (2.4, "busy", "busy", True), (4.6, None, "busy", False), (6.8, None, "offline", False)],
    "a socket closes in between": [
        (0, "online", "online", True), (0.5, "open", "online", True), (2.2, None, "online", True),
        (2.7, "close", "online", False), (4.3, None, "offline", False)],
    "a socket stays": [
        (0, "open", "online", True), (0.6, "busy", "busy", True), (4.9, None, "online", True),
        (5.4, "close", "offline", False)],
    "offline": [(0, "online", "online", True), (1, "offline", "online", True), (1.9, None, "offline", False)],
    "invisible": [
        (0, "online", "online", True), (0.8, "invisible", "offline", False), (1.6, "online", "online", True),
        (5.8, None, "offline", False)],
}


@pytest.mark.parametrize("story", TABLE)
def test_the_timing_table(system, story):
    observer, full, user = system.observe(), system.observe(query="?statuses=full"), new_user("tv")
    register = http.post_json(system.api_address, "/api/users/register", {"username": user})
    assert register.status == 200, register
    stream = system.stream("?statuses=full")
    with system.redis_server.cli_subscribed("presence:updates") as lines:
        client, began = None, time.monotonic()
        for at_s, does, status, fresh in TABLE[story]:
            time.sleep(max(0.0, began + at_s - time.monotonic()))
            if does == "open":
                client = system.connect(user)
            elif does == "close":
                client.close()
            elif does:
                say(system, user, does)
            wanted = expected(status, fresh)
            _eventually_shows(wanted, at_s, system, user, observer, full, stream)
        told = [frame.status for frame in observer.updates(user)]
        eventually("redis-cli has heard the same", lambda: channel_statuses(lines, user) == told)
        assert told == [status for i, status in enumerate(told) if i == 0 or told[i - 1] != status]


def _eventually_shows(wanted, at_s, *where):
    deadline = time.monotonic() + 0.5 + SLACK_S
    while (seen := views(*where)) != wanted:
        assert time.monotonic() < deadline, {key: (seen[key], wanted[key]) for key in wanted if seen[key] != wanted[key]} | {"at": at_s}
        time.sleep(0.02)


def test_the_seconds_are_exact(system):
    """is_online until ONLINE_FRESHNESS, listed until HTTP_PRESENCE_TTL: not before, and not much later."""
    observer, user = system.observe(), new_user("exact")
    say(system, user)
    said_at = time.monotonic()
    observer.wait_status(user, "online")
    eventually("it is not fresh any more", lambda: not listed(system, user)["is_online"])
    assert FRESHNESS_S - 0.1 <= time.monotonic() - said_at <= FRESHNESS_S + SLACK_S
    offline = observer.wait_status(user, "offline")
    assert TTL_S - 0.3 <= offline.at - said_at <= TTL_S + SLACK_S
    observer.wait_statuses(user, ["online", "offline"])


def test_a_status_set_through_http_arrives_at_watchers_and_the_reverse(system):
    observer, full, user = system.observe(), system.observe(edge=1, query="?statuses=full"), new_user("both")
    repairs = system.fanouts[0].metric("zpresence_fanout_replays_total")
    for status in ("online", "away", "busy", "online"):
        say(system, user, status, api=1)
        full.wait_status(user, status)
    observer.wait_statuses(user, ["online"])
    client = system.connect(user)
    client.send({"messageType": 5, "status": "busy"})
    full.wait_status(user, "busy")
    eventually("the list says so", lambda: listed(system, user)["presence_status"] == "busy")
    client.close()
    full.wait_status(user, "online")
    say(system, user, "offline")
    full.wait_status(user, "offline")
    assert full.statuses(user) == ["online", "away", "busy", "online", "busy", "online", "offline"]
    observer.wait_statuses(user, ["online", "offline"])
    assert system.fanouts[0].metric("zpresence_fanout_replays_total") == repairs, "all of it was broadcast"


def test_going_from_page_to_page_never_shows_offline(system):
    observer, user = system.observe(query="?statuses=full"), new_user("navigating")
    say(system, user)
    observer.wait_status(user, "online")
    with system.sampling_bulk([user]) as statuses:
        for i in range(6):
            say(system, user, "offline", api=i % 2)
            time.sleep(0.3 if i % 3 else 0.0)
            say(system, user, "online", api=(i // 2) % 2)
            assert listed(system, user)["is_online"]
        time.sleep(OFFLINE_DELAY_S + 0.5)
    assert statuses == {"online"}
    assert observer.statuses(user) == ["online"]


def test_unload_and_load_at_the_same_moment_stay_in_order(system):
    """Of one http-api: what it was told first, Redis hears first, though two connections said it."""
    observer, user = system.observe(), new_user("racing")
    say(system, user)
    observer.wait_status(user, "online")
    for _ in range(20):
        threads = [threading.Thread(target=heartbeat, args=(system, user, status)) for status in ("offline", "online")]
        for thread in threads:
            thread.start()
            time.sleep(0.004)
        for thread in threads:
            thread.join()
    never("it is offline", lambda: observer.status(user) == "offline", OFFLINE_DELAY_S + 0.5)


def test_explain_shows_who_speaks_through_http_and_how_it_ended(system):
    observer, user = system.observe(), new_user("explained")
    say(system, user, "busy", socket_id="socket-7")
    observer.wait_status(user, "online")

    def explain():
        return http.get(system.api_address, f"/api/presence/explain/{user}").json()

    [connection] = explain()["connections"]
    assert (connection["source"], connection["connection"], connection["status"], connection["state"]) == (
        "http/socket-7", "socket-7", "busy", "ends")
    assert connection["openedAt"] and 0 < connection["endsInMs"] <= TTL_S * 1000
    say(system, user, "offline", socket_id="socket-7")
    assert 0 < explain()["connections"][0]["endsInMs"] <= OFFLINE_DELAY_S * 1000
    observer.wait_status(user, "offline")
    say(system, user)
    observer.wait_status(user, "online")
    observer.wait_status(user, "offline")
    assert [step["reason"] for step in reversed(explain()["transitions"])] == [
        "http-heartbeat", "http-offline", "http-heartbeat", "ttl-expired"]
    assert all(step["meaning"] for step in explain()["transitions"])


@pytest.mark.parametrize("body, code", [
    (b"", "invalid_json"), (b"{", "invalid_json"), (b"[]", "body_not_object"), (b'"x"', "body_not_object"),
    (b"{}", "username_missing"), (b'{"username": ""}', "username_missing"), (b'{"username": null}', "username_missing"),
    (b'{"username": 7}', "invalid_user_id"), (b'{"username": "a\\nb"}', "invalid_user_id"),
    (b'{"username": "a\\u0000b"}', "invalid_user_id"), (b'{"username": "' + b"u" * 129 + b'"}', "invalid_user_id"),
    (b'{"username": "u", "status": "gone"}', "invalid_status"), (b'{"username": "u", "status": 1}', "invalid_status"),
    (b'{"username": "u", "socket_id": "a b"}', "invalid_socket_id"),
    (b'{"username": "u", "socket_id": "' + b"s" * 65 + b'"}', "invalid_socket_id"),
])
def test_what_is_no_heartbeat_is_refused(system, body, code):
    answer = http.post(system.api_address, "/api/calls/presence", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.json()["success"], answer.json()["code"]) == (400, False, code)
    assert answer.json()["error"]


def test_refusals_before_any_endpoint_have_the_overviews_envelope_too(system):
    for method, path, status in (("GET", "/api/calls/presence", 405), ("GET", "/api/calls/nothing", 404),
                                 ("POST", "/api/users/nothing", 404)):
        answer = http.request(system.api_address, method, path)
        assert (answer.status, answer.json()["success"]) == (status, False)
    assert "success" not in http.get(system.api_address, "/api/nothing").json()


def test_a_beacon_is_taken_and_other_origins_may_call(system):
    user = new_user("beacon")
    answer = http.post(system.api_address, "/api/calls/presence", json.dumps({"username": user}).encode(),
                       {"Content-Type": "text/plain;charset=UTF-8", "Origin": "http://tv.example"})
    assert (answer.status, answer.json()) == (200, {"success": True, "message": "Presence updated"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert listed(system, user)["presence_status"] == "online"


def test_one_user_has_at_most_sixteen_clients(system):
    user = new_user("many")
    for i in range(20):
        say(system, user, socket_id=f"s{i}")
    fields = [field for field in system.redis().hkeys(f"presence:meta:{user}") if field.startswith("http/")]
    assert sorted(fields) == sorted(f"http/s{i}" for i in range(4, 20))


def test_a_storm_travels_in_few_messages(system):
    api = system.apis[0]
    before, users = api.metric("zpresence_http_heartbeat_messages_total"), [new_user(f"storm{i}") for i in range(300)]
    answers = _all_at_once(system, users)
    assert all(answer.status == 200 for answer in answers)
    messages = api.metric("zpresence_http_heartbeat_messages_total") - before
    assert messages < 200, messages
    assert {state["status"] for state in system.bulk(*users).json().values()} == {"online"}


def _all_at_once(system, users, threads=60):
    answers, left, lock = [], list(users), threading.Lock()

    def work():
        while True:
            with lock:
                if not left:
                    return
                user = left.pop()
            answer = heartbeat(system, user)
            with lock:
                answers.append(answer)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return answers


# As the overview's call-monitor.js does: what a page does when it loads, is hidden, and is left. sendBeacon, because a
# fetch of a page that goes may go with it.
PAGE = """<!DOCTYPE html><title>tv</title><script>
const API = '%(api)s/api/calls/presence';
const body = (status) => JSON.stringify({username: '%(user)s', status});
window.loaded = fetch(API, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: body('online')});
addEventListener('pagehide', () => navigator.sendBeacon(API, body('offline')));
</script>"""


def test_a_browser_that_goes_from_page_to_page_is_never_offline_until_it_closes(system):
    observer, user = system.observe(), new_user("browsing")
    page = ("text/html", (PAGE % {"api": f"http://{system.api_address}", "user": user}).encode())
    with serving({"/1": page, "/2": page, "/blank": ("text/html", b"<title>blank</title>")}) as origin:
        browser = Browser()
        try:
            for i in range(4):
                browser.open(f"{origin}/{1 + i % 2}")
                assert browser.resolve("return (await window.loaded).status") == 200
                assert listed(system, user)["is_online"]
            never("it is offline", lambda: observer.status(user) == "offline", OFFLINE_DELAY_S + 0.5)
            browser.open(f"{origin}/blank")
            left_at = time.monotonic()
            offline = observer.wait_status(user, "offline")
            assert offline.at - left_at <= OFFLINE_DELAY_S + SLACK_S, "the beacon was heard"
            assert observer.statuses(user) == ["online", "offline"]
        finally:
            browser.end()


# What goes wrong on the way


def test_a_lost_acknowledgement_is_asked_for_again_and_changes_nothing(system):
    observer, users = system.observe(query="?statuses=full"), [new_user("acked") for _ in range(8)]
    retried = system.apis[0].metric("zpresence_http_core_queries_retried_total")
    system.cores[0].arm("drop-ack", -1)
    for user in users:
        say(system, user, "busy")
        observer.wait_statuses(user, ["busy"])
    assert system.apis[0].metric("zpresence_http_core_queries_retried_total") > retried


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
    answers = _all_at_once(system, [new_user("meanwhile") for _ in range(60)])
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
    for _ in range(3):
        time.sleep(0.4)
        getattr(system.apis[0], how)()
        time.sleep(0.1)
        system.apis[0].restart()
    time.sleep(0.4)
    enough.set()
    for writer in writers:
        writer.join()
    assert len(accepted) > 30
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
    assert redis_state.broken_in_views(system.redis()) == []
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
