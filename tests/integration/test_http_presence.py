"""HTTP heartbeats (CONTRACT C and D; the overview, "How Presence Sync Works"): when they show what, in every view, and
what is refused. What breaks on the way: test_http_presence_faults.py."""

import json
import time

import pytest

from harness import http_client as http
from harness.browser import Browser, serving
from harness.tv import (FRESHNESS_S, OFFLINE_DELAY_S, SECONDS_FOR_MINUTES, TTL_S, can_call,
                        heartbeats_at_once, listed, say)
from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

SYSTEM = SECONDS_FOR_MINUTES


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
    before = time.monotonic()
    say(system, user)
    after = time.monotonic()
    observer.wait_status(user, "online")
    eventually("it is not fresh any more", lambda: not listed(system, user)["is_online"])
    stale_at = time.monotonic()
    assert before + FRESHNESS_S - 0.1 <= stale_at <= after + FRESHNESS_S + SLACK_S
    offline = observer.wait_status(user, "offline")
    assert before + TTL_S - 0.3 <= offline.at <= after + TTL_S + SLACK_S
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


PAGE_DELAY_S = 3.0  # far above what a loaded machine takes from one page to the next
PAGE_BY_PAGE = {"HTTP_PRESENCE_TTL": 8, "ONLINE_FRESHNESS": 6, "HTTP_OFFLINE_DELAY_MS": int(PAGE_DELAY_S * 1000)}


def test_going_from_page_to_page_never_shows_offline(own_system):
    system = own_system(cores=2, apis=2, **PAGE_BY_PAGE)
    observer, user = system.observe(query="?statuses=full"), new_user("navigating")
    say(system, user)
    observer.wait_status(user, "online")
    with system.sampling_bulk([user]) as statuses:
        for i in range(6):
            say(system, user, "offline", api=i % 2)
            time.sleep(0.3 if i % 3 else 0.0)
            say(system, user, "online", api=(i // 2) % 2)
            assert listed(system, user)["is_online"]
        time.sleep(PAGE_DELAY_S + 0.5)
    assert statuses == {"online"}
    assert observer.statuses(user) == ["online"]


def test_unload_and_load_at_the_same_moment_stay_in_order(system):
    """Of one http-api: what it was told first, Redis hears first, though two connections said it."""
    observer, user = system.observe(), new_user("racing")
    say(system, user)
    observer.wait_status(user, "online")
    host, port = system.api_address.rsplit(":", 1)
    for _ in range(20):
        connections = []
        for status in ("offline", "online"):  # the one is sent before the other is connected: so the kernel has them in order
            connections.append(http.HTTPConnection(host, int(port), timeout=10))
            connections[-1].request("POST", "/api/calls/presence", json.dumps({"username": user, "status": status}),
                                    {"Content-Type": "application/json"})
        assert [connection.getresponse().status for connection in connections] == [200, 200]
        for connection in connections:
            connection.close()
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
    observer, api = system.observe(), system.apis[0]
    before, users = api.metric("zpresence_http_heartbeat_messages_total"), [new_user(f"storm{i}") for i in range(300)]
    answers = heartbeats_at_once(system, users)
    assert all(answer.status == 200 for answer in answers)
    messages = api.metric("zpresence_http_heartbeat_messages_total") - before
    assert messages < 200, messages
    for user in users:  # it may take so long that the first of them are offline again
        observer.wait(f"{user} is told of", lambda user=user: observer.updates(user))
        assert observer.statuses(user)[0] == "online"


# As the overview's call-monitor.js does: what a page does when it loads, is hidden, and is left. sendBeacon, because a
# fetch of a page that goes may go with it.
PAGE = """<!DOCTYPE html><title>tv</title><script>
const API = '%(api)s/api/calls/presence';
const body = (status) => JSON.stringify({username: '%(user)s', status});
window.loaded = fetch(API, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: body('online')});
addEventListener('pagehide', () => navigator.sendBeacon(API, body('offline')));
</script>"""


def test_a_browser_that_goes_from_page_to_page_is_never_offline_until_it_closes(own_system):
    system = own_system(**PAGE_BY_PAGE)
    observer, user = system.observe(), new_user("browsing")
    page = ("text/html", (PAGE % {"api": f"http://{system.api_address}", "user": user}).encode())
    with serving({"/1": page, "/2": page, "/blank": ("text/html", b"<title>blank</title>")}) as origin:
        browser = Browser()
        try:
            for i in range(4):
                browser.open(f"{origin}/{1 + i % 2}")
                assert browser.resolve("return (await window.loaded).status") == 200
                assert listed(system, user)["is_online"]
            never("it is offline", lambda: observer.status(user) == "offline", PAGE_DELAY_S + 0.5)
            browser.open(f"{origin}/blank")
            left_at = time.monotonic()
            offline = observer.wait_status(user, "offline")
            assert offline.at - left_at <= PAGE_DELAY_S + SLACK_S, "the beacon was heard"
            assert observer.statuses(user) == ["online", "offline"]
        finally:
            browser.end()
