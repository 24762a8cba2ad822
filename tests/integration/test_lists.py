"""Who is online, page by page; how many, as what, and where; and the bulk answer by GET."""

import threading
import urllib.parse

import pytest

from harness import http_client as http
from harness.users import new_user
from harness.waiting import eventually

SYSTEM = {"edges": 2, "apis": 2}


def page(system, query="", api=0):
    answer = http.get(system.apis[api].address, f"/api/presence/online{query}")
    assert answer.status == 200, answer
    return answer.json()


def pages(system, limit, extra="", between=lambda: None):
    """Every page until there is no next."""
    cursor, users = None, []
    while True:
        answer = page(system, f"?limit={limit}{extra}" + (f"&cursor={cursor}" if cursor else ""), api=len(users) % 2)
        users.append(answer["users"])
        cursor = answer["next"]
        if cursor is None:
            return users
        between()


def ids(listed):
    return [user["userId"] for users in listed for user in users]


def online(system, *users, **options):
    clients = [system.connect(user, **options) for user in users]
    for user in users:
        eventually("it is online", lambda user=user: system.bulk_status(user) == "online")
    return clients


def stats(system, api=0):
    answer = http.get(system.apis[api].address, "/api/presence/stats")
    assert answer.status == 200, answer
    return answer.json()


# The list


def test_everybody_online_is_listed_in_order_whatever_the_page_size(system):
    users = [new_user(name) for name in ("b", "a", "Z", "ü", "🎉", "a b", "%", "0")]
    for user in users:
        system.connect(user, subprotocols=[], query="?" + urllib.parse.urlencode({"token": user}))
    eventually("all are online", lambda: page(system)["total"] == len(users))
    expected = sorted(users, key=str.encode)
    for limit in (1, 3, len(users), 500):
        listed = pages(system, limit)
        assert ids(listed) == expected
        assert all(len(users_of) <= limit for users_of in listed) and listed[-1] != []
    keys = ("userId", "status", "lastSeen")
    eventually("both say the same", lambda: system.bulk(*users).json() ==  # but where a PONG comes in between
               {user["userId"]: {key: user[key] for key in keys} for user in page(system)["users"]})
    assert all(user["since"].endswith("Z") for user in page(system)["users"])


def test_statuses_are_basic_unless_asked_for(system):
    user = new_user("busy")
    online(system, user)[0].send({"messageType": 5, "status": "busy"})
    eventually("busy", lambda: page(system, "?statuses=full")["users"][0]["status"] == "busy")
    assert page(system)["users"][0]["status"] == "online"


def test_who_stays_is_listed_once_while_others_come_and_go(system):
    stay = [new_user("stay") for _ in range(12)]
    pass_by = [new_user(name) for name in ("aaa", "stay", "stay", "zzz")]
    online(system, *stay)
    passers = online(system, *pass_by)

    def between():
        if passers:
            passers.pop().close()

    listed = ids(pages(system, 2, between=between))
    assert [user for user in listed if user in stay] == sorted(stay)
    assert len(set(listed)) == len(listed)


def test_a_cursor_outlives_its_user(system):
    first, second = sorted([new_user("gone"), new_user("gone")])
    clients = {user: online(system, user)[0] for user in (first, second)}
    cursor = page(system, "?limit=1")["next"]
    clients[first].close()
    eventually("it is gone", lambda: page(system)["total"] == 1)
    rest = page(system, f"?limit=1&cursor={cursor}")
    assert ([user["userId"] for user in rest["users"]], rest["next"]) == ([second], None)


@pytest.mark.parametrize("query, code", [
    ("?limit=0", "invalid_limit"), ("?limit=501", "invalid_limit"), ("?limit=x", "invalid_limit"),
    ("?cursor=x", "invalid_cursor"), ("?cursor=00", "invalid_cursor"), ("?cursor=%f", "malformed_target"),
    ("?statuses=none", "invalid_statuses"),
])
def test_bad_questions_are_refused(system, query, code):
    refused = http.get(system.api_address, f"/api/presence/online{query}")
    assert (refused.status, refused.json()["code"]) == (400, code)
    assert refused.headers["access-control-allow-origin"] == "*"


def test_without_redis_the_list_says_so_in_time(own_system):
    system = own_system()
    system.redis_server.process.freeze()
    answer = http.get(system.api_address, "/api/presence/online")
    assert (answer.status, answer.json()["code"]) == (503, "unavailable")
    system.redis_server.process.thaw()
    eventually("it is answered again", lambda: http.get(system.api_address, "/api/presence/online").status == 200)


# The figures


def test_statuses_sockets_and_changes_are_counted(system):
    users = [new_user("counted") for _ in range(5)]
    first = online(system, *users[:3], edge=0)
    second = online(system, *users[3:], edge=1)
    third = system.connect(users[0], device="second", edge=1)
    first[0].send({"messageType": 5, "status": "busy"})
    second[0].send({"messageType": 5, "status": "away"})
    wanted = {"usersOnline": 5, "byStatus": {"online": 3, "away": 1, "busy": 1}, "sockets": 6,
              "edges": [{"name": "ws-edge-1", "sockets": 3, "users": 3}, {"name": "ws-edge-2", "sockets": 3, "users": 3}],
              "rebuilding": False}
    for api in (0, 1):
        eventually("all is counted", lambda api=api: {key: stats(system, api)[key] for key in wanted} == wanted)
    answer = stats(system)
    assert answer["transitionsPerSecond"] > 0 and answer["ageMs"] < 2000
    assert (answer["epoch"], answer["seq"]) == (int(system.redis().get("presence:epoch")),
                                                int(system.redis().get("presence:seq")))
    for client in [*first, *second, third]:
        client.close()
    eventually("none is left", lambda: (stats(system)["byStatus"], stats(system)["sockets"]) ==
               ({"online": 0, "away": 0, "busy": 0}, 0))


def test_counts_are_exact_after_data_were_lost(own_system):
    system = own_system()
    users = [new_user("rebuilt") for _ in range(3)]
    clients = online(system, *users)
    clients[0].send({"messageType": 5, "status": "busy"})
    eventually("counted", lambda: stats(system)["byStatus"] == {"online": 2, "away": 0, "busy": 1})
    before = stats(system)["epoch"]
    system.redis().flushall()
    eventually("counted again", lambda: not stats(system)["rebuilding"] and stats(system)["epoch"] > before and
               stats(system)["byStatus"] == {"online": 2, "away": 0, "busy": 1})
    assert system.redis().smembers("presence:busy") == {users[0]}


def test_an_edge_that_is_gone_is_not_counted(own_system):
    system = own_system(edges=2)
    eventually("two edges", lambda: len(stats(system)["edges"]) == 2)
    system.edges[1].kill()
    eventually("one edge", lambda: [edge["name"] for edge in stats(system)["edges"]] == ["ws-edge-1"])


def test_without_a_core_there_are_no_figures(own_system):
    system = own_system()
    system.cores[0].kill()
    eventually("it says so", lambda: http.get(system.api_address, "/api/presence/stats").status == 503)
    assert http.get(system.api_address, "/api/presence/stats").json()["code"] == "unavailable"


# The bulk answer by GET


def test_get_answers_as_post_does(system):
    here, never = new_user("here"), new_user("never,was")
    online(system, here)
    def by_get():
        return http.get(system.api_address, f"/api/presence/status?userIds={here}&userId={urllib.parse.quote(never)}")

    assert by_get().status == 200 and by_get().headers["access-control-allow-origin"] == "*"
    eventually("both say the same", lambda: by_get().json() == system.bulk(here, never).json())  # but where a PONG comes
    encoded = http.get(system.api_address, f"/api/presence/status?{urllib.parse.urlencode({'userIds': f'{here},b'})}")
    assert list(encoded.json()) == [here, "b"]
    assert http.get(system.api_address, "/api/presence/status?userIds=a,b,a&userIds=b").json().keys() == {"a", "b"}
    assert http.get(system.api_address, "/api/presence/status?userIds=").json() == {}


@pytest.mark.parametrize("query, status, code", [
    ("", 400, "user_ids_missing"),
    ("?userIds=a,,b", 400, "invalid_user_id"),
    ("?userIds=%0A", 400, "invalid_user_id"),
    ("?userIds=%", 400, "malformed_target"),
    ("?userIds=" + ",".join(f"u{i}" for i in range(1001)), 413, "too_many_user_ids"),
])
def test_bad_bulk_questions_are_refused(system, query, status, code):
    refused = http.get(system.api_address, f"/api/presence/status{query}")
    assert (refused.status, refused.json()["code"]) == (status, code)


def test_lists_are_answered_while_many_ask(system):
    online(system, *[new_user("crowd") for _ in range(20)])
    failures = []

    def ask():
        for path in ("/api/presence/online?limit=3", "/api/presence/stats", "/api/presence/status?userIds=a,b") * 10:
            if http.get(system.api_address, path).status != 200:
                failures.append(path)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
