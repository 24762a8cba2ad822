"""GET /api/presence/stream: what is, then what changes, nothing lost and nothing twice, whatever breaks in between."""

import pathlib
import socket
import time
import urllib.parse

import pytest

from harness import http_client as http
from harness.browser import Browser, serving
from harness.users import new_user
from harness.waiting import eventually

SYSTEM = {"edges": 2, "apis": 2, "cores": 2, "fanouts": 2}


def listeners(system):
    return sum(fanout.metric("zpresence_fanout_listeners") for fanout in system.fanouts)


def counted(system, name, api=0):
    return system.apis[api].metric(name)


# What is, and what changes


def test_the_present_state_comes_first_then_changes(system):
    here, gone = new_user("here"), new_user("gone")
    client = system.connect(here)
    eventually("it is online", lambda: system.bulk_status(here) == "online")
    stream = system.stream(f"?userIds={here},{gone}").wait_ready()
    assert stream.resets() == ["new"]
    states = {event.data["userId"]: event for event in stream.of_type("presence")}
    assert {user: event.data["status"] for user, event in states.items()} == {here: "online", gone: "offline"}
    assert all("from" not in event.data and event.id == "" for event in states.values())
    assert states[here].data["timestamp"].endswith("Z") and states[gone].data["timestamp"] is None
    ready = stream.of_type("ready")[0]
    assert ready.data == {"users": 2}
    epoch, seq = map(int, ready.id.split("-"))

    client.close()
    stream.wait_status(here, "offline")
    change = stream.of_type("presence")[-1]
    assert change.id == f"{epoch}-{change.data['seq']}" and change.data["seq"] > seq
    assert (change.data["from"], change.data["status"]) == ("online", "offline")
    explained = http.get(system.api_address, f"/api/presence/explain/{here}").json()
    assert change.data["timestamp"] == explained["since"] and change.data["seq"] == explained["seq"]


def test_all_statuses_for_who_asks_and_online_for_who_does_not(system):
    user = new_user("moody")
    basic, full = system.stream().wait_ready(), system.stream("?statuses=full").wait_ready()
    client = system.connect(user)
    full.wait_status(user, "online")
    for status, shown in (("away", "away"), ("busy", "busy"), ("invisible", "offline"), ("online", "online")):
        client.send({"messageType": 5, "status": status})
        full.wait_status(user, shown)
    full.wait(f"all of {user}", lambda: full.statuses(user) == ["online", "away", "busy", "offline", "online"])
    basic.wait(f"all of {user}", lambda: basic.statuses(user) == ["online", "offline", "online"])


def test_a_stream_of_some_hears_of_no_others(system):
    mine, other = new_user("mine"), new_user("other,with,commas")
    some = system.stream(f"?userIds={mine}").wait_ready()
    one = system.stream(f"?userId={urllib.parse.quote(other)}").wait_ready()
    everybody = system.stream().wait_ready()
    system.connect(other, subprotocols=[], query="?" + urllib.parse.urlencode({"token": other}))
    everybody.wait_status(other, "online")
    one.wait_status(other, "online")
    system.connect(mine, edge=1)
    everybody.wait_status(mine, "online")
    some.wait_status(mine, "online")
    assert {event.data["userId"] for event in some.of_type("presence")} == {mine}
    assert {event.data["userId"] for event in one.of_type("presence")} == {other}


def test_a_large_state_comes_whole_and_changes_meanwhile_are_not_lost(own_system):
    system = own_system(STREAM_BYTES_MAX=16384)  # less than the state, and more than the changes at once
    users = [new_user("many") for _ in range(150)]
    clients = [system.connect(user) for user in users]
    eventually("all are online", lambda: system.redis().zcard("presence:online") == len(users))
    streams = [system.stream() for _ in range(5)]
    for client in clients[::3]:
        client.close()
    for stream in streams:
        stream.wait("the truth", lambda stream=stream: {u for u in users if stream.status(u) == "online"} ==
                    {user for i, user in enumerate(users) if i % 3})
    assert counted(system, "zpresence_http_streams_cut_total") == 0


# Resuming


def with_a_gap(system, stream, user, apis=(0,), by_query=False, **options):
    """`user` comes and goes while nobody hears: what a stream that resumes is told."""
    last = stream.last_event_id
    stream.close()
    client = system.connect(user)
    eventually("it is online", lambda: system.bulk_status(user) == "online")
    client.send({"messageType": 5, "status": "busy"})
    eventually("it is busy", lambda: system.redis().hget(f"presence:meta:{user}", "status") == "b")
    client.close()
    eventually("it is offline", lambda: system.bulk_status(user) == "offline")
    if by_query:
        return system.stream(f"?statuses=full&lastEventId={last}", apis=apis, **options)
    return system.stream("?statuses=full", apis=apis, last_event_id=last, **options)


@pytest.mark.parametrize("by_query", [False, True])
def test_a_stream_goes_on_where_it_was(system, by_query):
    user = new_user("missed")
    stream = with_a_gap(system, system.stream("?statuses=full").wait_ready(), user, by_query=by_query)
    stream.wait(f"all of {user}", lambda: stream.statuses(user) == ["online", "busy", "offline"])
    assert stream.resets() == []
    assert [event.id.split("-")[1] for event in stream.of_type("presence")] == [
        str(event.data["seq"]) for event in stream.of_type("presence")]


def test_it_goes_on_at_another_http_api(system):
    user = new_user("moved")
    stream = with_a_gap(system, system.stream("?statuses=full", apis=(0,)).wait_ready(), user, apis=(1,))
    stream.wait(f"all of {user}", lambda: stream.statuses(user) == ["online", "busy", "offline"])
    assert stream.resets() == []


def test_an_http_api_that_is_killed_loses_nothing(system):
    user, stream = new_user("survivor"), system.stream("?statuses=full").wait_ready()
    system.apis[0].kill()
    client = system.connect(user)
    client.wait_status(user, "online")
    client.close()
    system.apis[0].restart()
    stream.wait(f"all of {user}", lambda: stream.statuses(user) == ["online", "offline"])
    assert stream.resets() == ["new"] and stream.connections == 2


def test_whoever_missed_too_much_begins_again(system):
    user = new_user("long-away")
    stream = system.stream("?statuses=full").wait_ready()
    last = stream.last_event_id
    stream.close()
    observer = system.observe()
    for _ in range(3):
        client = system.connect(user)
        observer.wait_status(user, "online")
        client.close()
        observer.wait_status(user, "offline")
    system.redis().xtrim("presence:log", maxlen=1, approximate=False)
    stream = system.stream("?statuses=full", last_event_id=last).wait_ready()
    assert stream.resets() == ["log-trimmed"]
    assert stream.status(observer.user) == "online"


@pytest.mark.parametrize("last", ["1-1", "nonsense", "9007199254740992-5"])
def test_an_id_that_is_none_of_ours_begins_again(system, last):
    stream = system.stream(last_event_id=last).wait_ready()
    assert len(stream.resets()) == 1


def test_without_redis_a_stream_resumes_with_the_state_that_is_known(own_system):
    system = own_system(REDIS_TIMEOUT_MS=20000)
    user, keeper = new_user("known"), system.stream().wait_ready()
    client = system.connect(user)
    keeper.wait_status(user, "online")
    old = f"{keeper.last_event_id.split('-')[0]}-0"
    system.redis_server.process.freeze()
    stream = system.stream(last_event_id=old).wait_ready()
    assert stream.resets() == ["unavailable"] and stream.status(user) == "online"
    system.redis_server.process.thaw()
    client.close()
    stream.wait_status(user, "offline")


# What it costs others


def test_nothing_is_sent_to_an_http_api_without_streams(own_system):
    system = own_system(apis=2)
    assert listeners(system) == 0
    stream = system.stream().wait_ready()
    assert listeners(system) == 1
    client = system.connect(new_user("audience"))
    stream.wait_status(client.user, "online")
    client.close()
    stream.wait_status(client.user, "offline")
    stream.close()
    eventually("it is noticed at the next comments", lambda: listeners(system) == 0)
    assert counted(system, "zpresence_http_streams") == 0
    observer = system.observe()  # else the edge could be told of the next one by the view that it has just asked for
    sent = system.fanouts[0].metric("zpresence_fanout_updates_sent_total")
    client = system.connect(new_user("unheard"))  # an edge that listens gets its own copy, and no http-api any
    observer.wait_status(client.user, "online")
    assert system.fanouts[0].metric("zpresence_fanout_updates_sent_total") == sent + 1


def test_a_reader_that_does_not_read_is_cut_and_nobody_else_notices(own_system):
    system = own_system(STREAM_BYTES_MAX=32768, HTTP_TIMEOUT=60, MESSAGES_PER_SECOND=0)
    good = system.stream("?statuses=full").wait_ready()
    host, port = system.api_address.rsplit(":", 1)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect((host, int(port)))
    slow.sendall(b"GET /api/presence/stream?statuses=full HTTP/1.1\r\nHost: x\r\n\r\n")
    eventually("both are open", lambda: counted(system, "zpresence_http_streams") == 2)
    client = system.connect(new_user("chatty"))
    said = 0

    def talk():
        nonlocal said
        for _ in range(50):
            said += 1
            client.send({"messageType": 5, "status": "busy" if said % 2 else "away"})
            time.sleep(0.006)
        return counted(system, "zpresence_http_streams_cut_total") == 1

    eventually("the slow one is cut", talk, within_s=60)
    eventually("and gone", lambda: counted(system, "zpresence_http_streams") == 1)
    slow.close()
    last = "busy" if said % 2 else "away"
    good.wait_status(client.user, last)
    assert good.connections == 1


def test_a_reader_that_does_not_read_does_not_keep_an_http_api_from_stopping(own_system):
    system = own_system(HTTP_TIMEOUT=60, MESSAGES_PER_SECOND=0, DRAIN_MS=500)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    host, port = system.api_address.rsplit(":", 1)
    slow.connect((host, int(port)))
    slow.sendall(b"GET /api/presence/stream?statuses=full HTTP/1.1\r\nHost: x\r\n\r\n")
    quiet = system.stream(reconnects=False).wait_ready()
    client = system.connect(new_user("chatty"))

    def talk():
        for turn in range(100):
            client.send({"messageType": 5, "status": "away" if turn % 2 else "busy"})
            time.sleep(0.006)
        return counted(system, "zpresence_http_stream_events_total") >= 800  # more than the kernel keeps

    eventually("enough is said", talk, within_s=60)
    began = time.monotonic()
    system.apis[0].stop()
    assert time.monotonic() - began < 5
    slow.close()
    quiet.close()
    system.apis[0].restart()


def test_comments_keep_a_quiet_stream_open_and_move_its_id(own_system):
    system = own_system(HTTP_TIMEOUT=1)
    quiet = system.stream(f"?userIds={new_user('never')}").wait_ready()
    first = quiet.last_event_id
    client = system.connect(new_user("somebody"))
    eventually("its id moves", lambda: quiet.last_event_id != first)
    quiet.wait("comments", lambda: quiet.comments >= 12, within_s=10)
    assert quiet.connections == 1 and quiet.statuses(client.user) == []


# Limits and refusals


def test_streams_and_their_ids_are_limited(own_system):
    system = own_system(STREAMS_MAX=2, STREAM_IDS_MAX=3)
    streams = [system.stream().wait_ready(), system.stream("?userIds=a,b,c").wait_ready()]
    refused = http.get(system.api_address, "/api/presence/stream")
    assert (refused.status, refused.json()["code"]) == (503, "too_many_streams")
    assert refused.headers["access-control-allow-origin"] == "*" and refused.headers["retry-after"] == "5"
    assert counted(system, "zpresence_http_streams_refused_total") == 1
    refused = http.get(system.api_address, "/api/presence/stream?userIds=a,b,c,d")
    assert (refused.status, refused.json()["code"], refused.json()["details"]) == (413, "too_many_user_ids", "at most 3")
    streams[0].close()
    eventually("there is room", lambda: counted(system, "zpresence_http_streams") == 1)
    system.stream().wait_ready()


@pytest.mark.parametrize("query, code", [
    ("?userIds=", "user_ids_missing"),
    ("?userIds", "user_ids_missing"),
    ("?userIds=a,,b", "invalid_user_id"),
    ("?userIds=a%00", "invalid_user_id"),
    ("?userIds=%ff", "invalid_user_id"),
    ("?userIds=%f", "malformed_target"),
    ("?statuses=some", "invalid_statuses"),
    ("?lastEventId=%f", "malformed_target"),
])
def test_bad_questions_are_refused(system, query, code):
    refused = http.get(system.api_address, f"/api/presence/stream{query}")
    assert (refused.status, refused.json()["code"]) == (400, code)


def test_the_head_says_what_follows(system):
    answer = http.request(system.api_address, "HEAD", "/api/presence/stream", headers={"Origin": "http://a.example"})
    assert answer.status == 200 and answer.body == b""
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"
    refused = http.post(system.api_address, "/api/presence/stream")
    assert refused.status == 405 and refused.headers["allow"] == "GET, HEAD, OPTIONS"


def test_disabled_presence_has_no_stream(own_system):
    system = own_system(PRESENCE_ENABLED=False)
    refused = http.get(system.api_address, "/api/presence/stream")
    assert (refused.status, refused.json()["code"]) == (503, "presence_disabled")


# In a browser


def test_a_browser_follows_without_any_library(own_system):
    """Another origin's page in Chromium; its EventSource comes back by itself, with nothing lost and nothing twice."""
    system = own_system()
    stays, comes = new_user("stays"), new_user("comes")
    system.connect(stays)
    eventually("it is online", lambda: system.bulk_status(stays) == "online")
    page = (pathlib.Path(__file__).parent / "pages" / "event_source.html").read_bytes()
    stream = f"http://{system.api_address}/api/presence/stream?userIds={stays},{comes}"
    path = "/page?stream=" + urllib.parse.quote(stream, safe="")
    with serving({path: ("text/html", page)}) as origin:
        browser = Browser()
        try:
            browser.open(origin + path)
            shows = "return [...document.querySelectorAll('li')].map((item) => item.textContent).sort()"
            browser.wait("the state", f"return ({shows.replace('return ', '')}).join() === arguments[0]",
                         f"{comes}: offline,{stays}: online")
            client = system.connect(comes)
            browser.wait("it comes", "return known.get(arguments[0]) === 'online'", comes)
            assert browser.run("return lastId.split('-').length") == 2
            system.apis[0].kill()
            client.close()
            eventually("it goes, unheard", lambda: system.redis().zscore("presence:online", comes) is None)
            system.apis[0].restart()
            browser.wait("it has gone", "return known.get(arguments[0]) === 'offline'", comes)
            log = browser.run("return log")
            assert log.count("reset") == 1 and log[-2:] == [f"{comes} online", f"{comes} offline"]
            assert log.count(f"{stays} online") == 1
        finally:
            browser.end()
