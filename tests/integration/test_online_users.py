"""GET /api/calls/online-users and can-call (CONTRACT C): who is listed, in which order, marked how."""

import datetime
import json

import pytest

from harness import http_client as http
from harness.tv import can_call, listed, online_users, say
from harness.users import new_user
from harness.waiting import eventually

SYSTEM = {"cores": 2, "HTTP_PRESENCE_TTL": 6, "ONLINE_FRESHNESS": 4, "HTTP_OFFLINE_DELAY_MS": 300}


def befriend(system, user, **contacts):
    """contacts: name -> whether a favourite."""
    for contact, favourite in contacts.items():
        system.redis().hset(f"presence:contacts:{user}", contact, f"{int(favourite)} 1701516645123")


def names(body):
    return [row["username"] for row in body["users"]]


def test_the_answer_has_the_shape_of_the_contract(system):
    user = new_user("tv")
    say(system, user)
    system.redis().hset(f"presence:account:{user}", mapping={"display_name": "Living \"room\"", "last_seen": "7000"})
    body = online_users(system, exclude_user=new_user("me"))
    assert list(body) == ["success", "users", "count", "contacts_only", "include_offline"]
    assert (body["success"], body["contacts_only"], body["include_offline"]) == (True, False, False)
    assert body["count"] == len(body["users"])
    row = next(row for row in body["users"] if row["username"] == user)
    assert list(row) == ["username", "display_name", "last_seen", "presence_status", "is_online", "is_favorite"]
    seen = datetime.datetime.fromisoformat(row.pop("last_seen").replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - seen).total_seconds()) < 60
    assert row == {"username": user, "display_name": 'Living "room"', "presence_status": "online", "is_online": True,
                   "is_favorite": False}
    system.redis().delete(f"presence:account:{user}")
    assert listed(system, user)["display_name"] == user


def test_favourites_come_first_then_who_is_online_then_by_name(system):
    me, prefix = new_user("me"), new_user("order")
    people = {f"{prefix}-{letter}": status for letter, status in
              zip("abcdef", ("away", "online", "busy", "online", "away", "online"))}
    for person, status in people.items():
        say(system, person, status)
    say(system, me)
    befriend(system, me, **{f"{prefix}-c": True, f"{prefix}-d": True, f"{prefix}-e": False})
    rows = [row for row in online_users(system, exclude_user=me)["users"] if row["username"].startswith(prefix)]
    assert [row["username"][-1] for row in rows] == ["d", "c", "b", "f", "a", "e"]
    assert [row["is_favorite"] for row in rows] == [True, True, False, False, False, False]
    assert me not in names(online_users(system, exclude_user=me))
    assert [name for name in names(online_users(system)) if name.startswith(prefix)] == [
        f"{prefix}-{letter}" for letter in "bdface"]


def test_contacts_only_lists_no_others(system):
    me, friend, absent, stranger = (new_user(name) for name in ("me", "friend", "absent", "stranger"))
    befriend(system, me, **{friend: False, absent: True})
    for user in (me, friend, stranger):
        say(system, user)
    body = online_users(system, exclude_user=me, contacts_only="true")
    assert (names(body), body["contacts_only"]) == ([friend], True)
    body = online_users(system, exclude_user=me, contacts_only="true", include_offline="true")
    assert (names(body), body["include_offline"]) == ([absent, friend], True)
    assert body["users"][0] == {"username": absent, "display_name": absent, "last_seen": None,
                                "presence_status": "offline", "is_online": False, "is_favorite": True}


def call(system, method, path, body=None):
    answer = http.request(system.api_address, method, path, json.dumps(body).encode() if body is not None else None,
                          {"Content-Type": "application/json"})
    assert answer.status == 200, answer
    return answer.json()


def test_accounts_and_contacts_as_pages_make_them(system):
    """Registered, befriended and listed by the API alone: both lists say the same of the same people."""
    me, favourite, friend, stranger, absent = (new_user(name) for name in ("me", "fav", "friend", "stranger", "absent"))
    for user in (me, favourite, friend, stranger, absent):
        call(system, "POST", "/api/users/register", {"username": user, "display_name": f"TV of {user}"})
    for user, is_favourite in ((favourite, True), (friend, False), (absent, True)):
        call(system, "POST", f"/api/users/{me}/contacts", {"contact": user, "is_favorite": is_favourite})
    say(system, friend)
    say(system, stranger)
    say(system, favourite, "busy")
    rows = online_users(system, exclude_user=me, contacts_only="true")["users"]
    assert [(row["username"], row["presence_status"], row["is_online"], row["is_favorite"]) for row in rows] == [
        (favourite, "busy", False, True), (friend, "online", True, False)]
    assert rows[0]["display_name"] == f"TV of {favourite}"
    rows = online_users(system, exclude_user=me, contacts_only="true", include_offline="true")["users"]
    contacts = call(system, "GET", f"/api/users/{me}/contacts")["contacts"]
    same = ("username", "display_name", "presence_status", "is_online", "is_favorite")
    assert [[row[key] for key in same] for row in rows] == [[row[key] for key in same] for row in contacts]
    assert [row["username"] for row in rows] == sorted((favourite, absent)) + [friend]
    assert stranger in names(online_users(system, exclude_user=me))
    call(system, "PATCH", f"/api/users/{me}/contacts/{friend}", {"is_favorite": True})
    assert listed(system, friend, exclude_user=me)["is_favorite"] is True
    call(system, "DELETE", f"/api/users/{me}/contacts/{friend}")
    assert listed(system, friend, exclude_user=me)["is_favorite"] is False


def test_a_heartbeat_is_a_sign_of_life_of_the_account_unless_its_user_hides(system):
    loud, hidden = new_user("loud"), new_user("hidden")
    for user in (loud, hidden):
        call(system, "POST", "/api/users/register", {"username": user})
    before = {user: system.redis().hget(f"presence:account:{user}", "last_seen") for user in (loud, hidden)}
    say(system, hidden, "invisible")
    say(system, loud, "away")
    first = call(system, "GET", "/api/users/active?limit=1")["users"][0]
    assert first["username"] == loud
    assert system.redis().hget(f"presence:account:{loud}", "last_seen") > before[loud]
    assert system.redis().hget(f"presence:account:{hidden}", "last_seen") == before[hidden]


def test_who_is_stale_is_online_in_neither_list(system):
    me, quiet = new_user("me"), new_user("quiet")
    for user in (me, quiet):
        call(system, "POST", "/api/users/register", {"username": user})
    call(system, "POST", f"/api/users/{me}/contacts", {"contact": quiet})
    say(system, quiet)

    def views():
        contact = call(system, "GET", f"/api/users/{me}/contacts")["contacts"][0]
        row = listed(system, quiet) or {"presence_status": "offline", "is_online": False}
        return [(view["presence_status"], view["is_online"]) for view in (contact, row)]

    assert views() == [("online", True)] * 2
    eventually("not heard from lately", lambda: views() == [("online", False)] * 2)
    eventually("gone", lambda: views() == [("offline", False)] * 2)


def test_include_offline_lists_registered_users_too(system):
    account, me = new_user("account"), new_user("me")
    system.redis().hset(f"presence:account:{account}", mapping={"display_name": "A", "last_seen": "1701516645123"})
    system.redis().hset(f"presence:meta:{account}", "account", "1")
    system.redis().zadd("presence:active", {account: 1701516645123})
    assert listed(system, account) is None
    row = listed(system, account, include_offline="true", exclude_user=me)
    assert (row["presence_status"], row["last_seen"], row["display_name"]) == ("offline", "2023-12-02T11:30:45.123Z", "A")
    say(system, account)
    assert listed(system, account)["is_online"]
    assert int(system.redis().hget(f"presence:account:{account}", "last_seen")) > 1701516645123
    assert system.redis().zscore("presence:active", account) > 1701516645123
    assert names(online_users(system, include_offline="true")).count(account) == 1


def test_a_socket_is_always_fresh_and_who_hides_is_not_listed(system):
    observer, socket, hidden = system.observe(), new_user("socket"), new_user("hidden")
    system.connect(socket)
    observer.wait_status(socket, "online")
    assert listed(system, socket)["is_online"]
    say(system, hidden, "invisible")
    assert listed(system, hidden) is None
    row = listed(system, hidden, include_offline="true")
    assert row is None or row["presence_status"] == "offline"


def test_a_thousand_are_listed_and_beyond_it_says_that_it_was_cut(own_system):
    system = own_system(HTTP_PRESENCE_TTL=60)
    redis, now = system.redis(), 10**6
    for i in range(1001):
        redis.hset(f"presence:meta:u{i:04}", mapping={"status": "o", "since": "5", "seq": "1",
                                                      "http/default": f"5 {now} o [[\"default\",\"\",5]]"})
        redis.set(f"presence:user:u{i:04}", "5")
        redis.zadd("presence:online", {f"u{i:04}": 0})
        redis.zadd("presence:ends", {f"u{i:04}": now})
    redis.hset("presence:contacts:me", "u1000", "1 5")
    body = online_users(system, exclude_user="me")
    assert (body["count"], body["truncated"]) == (1000, True)
    assert names(body)[:2] == ["u1000", "u0000"], "favourites are never cut"
    redis.flushall()


@pytest.mark.parametrize("query, code", [
    ("?contacts_only=perhaps", "invalid_flag"), ("?include_offline=2", "invalid_flag"),
    ("?contacts_only=true", "username_missing"), ("?exclude_user=" + "u" * 129, "invalid_user_id"),
    ("?exclude_user=a%00b", "invalid_user_id"), ("?exclude_user=%zz", "malformed_target"),
])
def test_bad_questions_are_refused(system, query, code):
    answer = http.get(system.api_address, "/api/calls/online-users" + query)
    assert (answer.status, answer.json()["success"], answer.json()["code"]) == (400, False, code)


def test_only_who_is_online_can_be_called(system):
    observer, user = system.observe(), new_user("callee")
    assert can_call(system, user) == (False, "offline")
    for status, allowed in (("online", True), ("away", False), ("busy", False)):
        say(system, user, status)
        assert can_call(system, user) == (allowed, status)
    say(system, user)
    eventually("nobody has heard of it lately", lambda: can_call(system, user) == (False, "stale"))
    system.connect(user)
    observer.wait_status(user, "online")
    eventually("it has a socket now", lambda: can_call(system, user) == (True, "online"))
    assert can_call(system, user, caller=user) == (False, "self")


@pytest.mark.parametrize("query", ["", "?caller=a", "?callee=a", "?caller=&callee=a"])
def test_a_call_has_two_ends(system, query):
    answer = http.get(system.api_address, "/api/calls/can-call" + query)
    assert (answer.status, answer.json()["code"]) == (400, "username_missing")


def test_without_redis_or_while_it_is_rebuilt_503_says_so(system):
    system.redis_server.process.freeze()
    for path in ("/api/calls/online-users", "/api/calls/can-call?caller=a&callee=b"):
        answer = http.get(system.api_address, path)
        assert (answer.status, answer.json()["success"]) == (503, False)
    system.redis_server.process.thaw()
    eventually("it is answered again", lambda: http.get(system.api_address, "/api/calls/online-users").status == 200)


def test_presence_switched_off_says_so(own_system):
    system = own_system(PRESENCE_ENABLED=False)
    for method, path in (("POST", "/api/calls/presence"), ("GET", "/api/calls/online-users"),
                         ("GET", "/api/calls/can-call?caller=a&callee=b")):
        answer = http.request(system.api_address, method, path, b'{"username": "a"}' if method == "POST" else None)
        assert (answer.status, answer.json()["code"]) == (503, "presence_disabled")
