"""GET /api/presence/explain/<userId>: "why was I offline at 10:32?" has an answer, out of the log and what is connected."""

import datetime
import urllib.parse

import pytest

from harness import http_client as http
from harness.users import new_user
from harness.waiting import eventually

SYSTEM = {"edges": 2}


def explain(system, user, query=""):
    return http.get(system.api_address, f"/api/presence/explain/{urllib.parse.quote(user, safe='')}{query}")


def story(system, user):
    """The transitions as (from, to, reason, edge), oldest first."""
    answer = explain(system, user)
    assert answer.status == 200, answer
    return [(step["from"], step["to"], step["reason"], step["edge"]) for step in reversed(answer.json()["transitions"])]


def test_a_day_of_a_user_is_told_with_reasons_and_edges(system):
    observer, user = system.observe(query="?statuses=full"), new_user("told")
    phone = system.connect(user, edge=0, device="phone")
    observer.wait_status(user, "online")
    laptop = system.connect(user, edge=1, device="laptop")
    laptop.send({"messageType": 5, "status": "busy"})
    observer.wait_status(user, "busy")
    answer = explain(system, user).json()
    assert (answer["userId"], answer["status"]) == (user, "busy")
    assert {(c["device"], c["status"], c["edge"], c["state"]) for c in answer["connections"]} == {
        ("phone", "online", "ws-edge-1", "leased"), ("laptop", "busy", "ws-edge-2", "leased")}
    for connection in answer["connections"]:
        opened = datetime.datetime.fromisoformat(connection["openedAt"].replace("Z", "+00:00"))
        assert abs((datetime.datetime.now(datetime.timezone.utc) - opened).total_seconds()) < 60
    laptop.close()
    observer.wait_status(user, "online")
    phone.close()
    observer.wait_status(user, "offline")
    silent = system.connect(user, edge=0, answers_pings=False)
    observer.wait_status(user, "online")
    silent.wait_closed()
    observer.wait_status(user, "offline")
    assert story(system, user) == [
        ("offline", "online", "connected", "ws-edge-1"),
        ("online", "busy", "status-set", "ws-edge-2"),
        ("busy", "online", "closed", "ws-edge-2"),
        ("online", "offline", "closed", "ws-edge-1"),
        ("offline", "online", "connected", "ws-edge-1"),
        ("online", "offline", "pong-timeout", "ws-edge-1"),
    ]
    answer = explain(system, user).json()
    assert answer["connections"] == []
    assert answer["log"]["complete"] is True
    assert [step["at"] for step in answer["transitions"]] == sorted(
        (step["at"] for step in answer["transitions"]), reverse=True)
    assert all(step["meaning"] for step in answer["transitions"])


def test_a_lost_edge_is_named_as_the_reason(system):
    observer, user = system.observe(edge=0), new_user("lost")
    system.connect(user, edge=1, device="tablet")
    observer.wait_status(user, "online")
    system.edges[1].kill()
    eventually("the connection is on its grace",
               lambda: [c["state"] for c in explain(system, user).json()["connections"]] == ["ends"])
    assert explain(system, user).json()["connections"][0]["endsInMs"] > 0
    observer.wait_status(user, "offline")
    assert story(system, user)[-1][:3] == ("online", "offline", "edge-lost")


def test_what_the_log_lost_is_said_to_be_missing(own_system):
    system = own_system(LOG_MAX=100)
    observer, user = system.observe(), new_user("old")
    system.connect(user)
    observer.wait_status(user, "online")
    system.redis().xtrim("presence:log", maxlen=0, approximate=False)
    answer = explain(system, user).json()
    assert (answer["status"], answer["transitions"], answer["log"]["complete"]) == ("online", [], False)


def test_limits_and_bad_questions(system):
    observer, user = system.observe(), new_user("many")
    for _ in range(4):
        client = system.connect(user)
        observer.wait_status(user, "online")
        client.close()
        observer.wait_status(user, "offline")
    answer = explain(system, user, "?limit=3").json()
    assert len(answer["transitions"]) == 3 and answer["log"]["complete"] is False
    for query, code in (("?limit=0", "invalid_limit"), ("?limit=101", "invalid_limit"), ("?limit=x", "invalid_limit"),
                        ("?limit=%zz", "malformed_target")):
        refused = explain(system, user, query)
        assert (refused.status, refused.json()["code"]) == (400, code)


@pytest.mark.parametrize("path, status, code", [
    ("/api/presence/explain/", 404, "not_found"),
    ("/api/presence/explain/a/b", 404, "not_found"),
    ("/api/presence/explain/%00", 400, "invalid_user_id"),
    ("/api/presence/explain/a%00b", 400, "invalid_user_id"),
    ("/api/presence/explain/a%0Ab", 400, "invalid_user_id"),
    ("/api/presence/explain/%ff", 400, "invalid_user_id"),
    ("/api/presence/explain/%2", 400, "malformed_target"),
    ("/api/presence/explain/" + "u" * 129, 400, "invalid_user_id"),
])
def test_who_is_nobody_is_refused(system, path, status, code):
    answer = http.get(system.api_address, path)
    assert (answer.status, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("name", ["a/b", "ünïcödé", "a b", "100%", "*", "../x", "🎉"])
def test_any_user_id_can_be_asked_for(system, name):
    observer, user = system.observe(), new_user(name)
    system.connect(user, subprotocols=[], query="?" + urllib.parse.urlencode({"token": user}))
    observer.wait_status(user, "online")
    answer = explain(system, user)
    assert (answer.status, answer.json()["userId"], answer.json()["status"]) == (200, user, "online")


def test_without_redis_it_says_so_in_time(own_system):
    system = own_system()
    system.redis_server.process.freeze()
    answer = explain(system, "anybody")
    assert (answer.status, answer.json()["code"]) == (503, "unavailable")
    system.redis_server.process.thaw()
    eventually("it is answered again", lambda: explain(system, "anybody").status == 200)
