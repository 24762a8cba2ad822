"""Accounts of the SmartTV overview: register, profile, sessions, who was active, contacts (CONTRACT section C)."""

import concurrent.futures
import datetime
import json
import re
import time
import urllib.parse

import pytest

from harness import http_client as http
from harness.users import new_user
from harness.waiting import eventually

SYSTEM = {"cores": 2, "SESSIONS_PER_USER": 2, "CONTACTS_PER_USER": 3, "DISPLAY_NAME_MAX": 20, "METADATA_MAX": 64,
          "DEBUG": "vp:*"}

JSON = {"Content-Type": "application/json"}


def call(system, method, path, body=None, headers=JSON):
    text = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body
    return http.request(system.api_address, method, path, text, headers)


def ok(answer):
    """The members of a good answer."""
    body = answer.json()
    assert (answer.status, body["success"]) == (200, True), (answer.status, body)
    return body


def refused(answer):
    body = answer.json()
    assert body["success"] is False and body["error"], body
    return answer.status, body["code"]


def segment(user):
    return urllib.parse.quote(user, safe="")


def register(system, user, **fields):
    return ok(call(system, "POST", "/api/users/register", {"username": user, **fields}))


def profile(system, user):
    return ok(call(system, "GET", f"/api/users/profile/{segment(user)}"))["user"]


def contacts_of(user, contact=None):
    return f"/api/users/{segment(user)}/contacts" + (f"/{segment(contact)}" if contact else "")


def registered(system, name="user"):
    user = new_user(name)
    register(system, user)
    return user


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# Register and profile


def test_register_creates_then_updates_and_says_which(system):
    user = new_user("tv")
    first = register(system, user, display_name="Ünïcödé", device_type="tablet", metadata={"model": "X", "n": [1, None]})
    assert (first["created"], first["message"]) == (True, "User registered")
    assert list(first["user"]) == ["username", "display_name", "device_type", "metadata", "created_at", "last_seen",
                                   "total_sessions", "presence_status", "is_online", "since", "presence_last_seen"]
    second = register(system, user, metadata=None)
    assert (second["created"], second["message"]) == (False, "User updated")
    for field in ("username", "display_name", "device_type", "metadata", "created_at"):
        assert second["user"][field] == first["user"][field]
    assert second["user"]["metadata"] == {"model": "X", "n": [1, None]}
    assert second["user"]["total_sessions"] == 0


def test_register_has_the_defaults_of_the_overviews_service(system):
    user = new_user("tv")
    account = register(system, user)["user"]
    assert (account["display_name"], account["device_type"], account["metadata"]) == (user, "smarttv", {})
    assert (account["presence_status"], account["is_online"], account["since"]) == ("offline", False, None)


def test_a_body_may_come_as_plain_text(system):
    user = new_user("tv")
    ok(call(system, "POST", "/api/users/register", json.dumps({"username": user}).encode(),
            {"Content-Type": "text/plain;charset=UTF-8"}))
    assert profile(system, user)["username"] == user


def test_a_profile_is_changed_in_what_is_given(system):
    user = registered(system)
    path = f"/api/users/profile/{user}"
    answer = ok(call(system, "PUT", path, {"display_name": "Living room", "username": "ignored"}))
    assert answer["message"] == "Profile updated successfully"
    assert answer["user"]["display_name"] == "Living room"
    ok(call(system, "PUT", path, {"metadata": {"a": 1}}))
    account = profile(system, user)
    assert (account["display_name"], account["metadata"], account["device_type"]) == ("Living room", {"a": 1}, "smarttv")
    ok(call(system, "PUT", path, {"display_name": ""}))
    assert profile(system, user)["display_name"] == user


def test_asking_for_a_profile_is_a_sign_of_life_of_the_account_only(system):
    observer, user = system.observe(), registered(system)
    before = moment(profile(system, user)["last_seen"])
    time.sleep(0.02)
    account = profile(system, user)
    assert moment(account["last_seen"]) > before
    assert (account["presence_status"], account["presence_last_seen"]) == ("offline", None)
    assert observer.statuses(user) == []


def test_a_profile_shows_the_presence_of_its_websockets(system):
    observer, user = system.observe(query="?statuses=full"), registered(system)
    client = system.connect(user)
    observer.wait_status(user, "online")
    account = profile(system, user)
    assert (account["presence_status"], account["is_online"]) == ("online", True)
    assert abs((moment(account["since"]) - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 60
    client.send({"messageType": 5, "status": "busy"})
    observer.wait_status(user, "busy")
    account = profile(system, user)
    assert (account["presence_status"], account["is_online"]) == ("busy", False)


def test_an_invisible_user_is_offline_to_the_byte(system):
    observer, user, friend = system.observe(query="?statuses=full"), registered(system), registered(system)
    ok(call(system, "POST", contacts_of(friend), {"contact": user}))
    client = system.connect(user)
    observer.wait_status(user, "online")
    client.close()
    observer.wait_status(user, "offline")
    def said():
        account = profile(system, user)
        del account["last_seen"]  # the account's own
        listed = ok(call(system, "GET", contacts_of(friend)))["contacts"][0]
        del listed["last_seen"]
        return json.dumps(account), json.dumps(listed)

    offline = said()
    hidden = system.connect(user, query="?statuses=full")
    observer.wait_status(user, "online")
    hidden.send({"messageType": 5, "status": "invisible"})
    observer.wait_status(user, "offline")
    gone = said()
    assert '"presence_status": "offline"' in gone[0] and '"is_online": false' in gone[0]
    strip = re.compile(r'"(since|presence_last_seen)": "[^"]*"')
    assert [strip.sub("", text) for text in gone] == [strip.sub("", text) for text in offline]
    hidden.send({"messageType": 5, "status": "invisible"})
    time.sleep(0.1)
    assert said() == gone
    hidden.close()
    time.sleep(0.1)
    assert said() == gone


# Sessions


def test_a_session_starts_counts_and_ends(system):
    observer, user = system.observe(), registered(system)
    started = ok(call(system, "POST", "/api/users/session/start",
                      {"username": user, "session_type": "game", "room_name": "family-room"}))
    assert list(started) == ["success", "session_token", "username", "session_type", "room_name"]
    assert (started["username"], started["session_type"], started["room_name"]) == (user, "game", "family-room")
    token = started["session_token"]
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert system.redis().hget(f"presence:session:{token}", "username") == user
    account = profile(system, user)
    assert (account["total_sessions"], account["presence_status"]) == (1, "offline")
    for _ in range(2):  # who asks twice is told so twice
        ended = ok(call(system, "POST", "/api/users/session/end", {"session_token": token}))
        assert ended["message"] == "Session ended successfully"
    assert observer.statuses(user) == []


def test_the_overviews_own_example_registers_the_user_that_it_names(system):
    user = new_user("HI20E")
    started = ok(call(system, "POST", "/api/users/session/start", {"username": user}))
    assert (started["session_type"], started["room_name"]) == ("video_call", None)
    assert profile(system, user)["total_sessions"] == 1


def test_beyond_the_limit_the_oldest_session_ends(system):
    user = registered(system)
    tokens = []
    for _ in range(3):
        tokens.append(ok(call(system, "POST", "/api/users/session/start", {"username": user}))["session_token"])
        time.sleep(0.005)
    assert len(set(tokens)) == 3
    ends = [call(system, "POST", "/api/users/session/end", {"session_token": token}) for token in tokens]
    assert refused(ends[0]) == (404, "session_unknown")
    assert [end.status for end in ends[1:]] == [200, 200]
    assert sum(core.metric("zpresence_core_sessions_displaced_total") for core in system.cores) >= 1
    assert profile(system, user)["total_sessions"] == 3


def test_a_session_ends_by_itself(own_system):
    system = own_system(SESSION_TTL=1)
    token = ok(call(system, "POST", "/api/users/session/start", {"username": "tv"}))["session_token"]
    eventually("Redis forgets it", lambda: not system.redis().exists(f"presence:session:{token}"), 3)
    assert refused(call(system, "POST", "/api/users/session/end", {"session_token": token})) == (404, "session_unknown")


def test_a_token_is_never_logged(system):
    user = registered(system)
    token = ok(call(system, "POST", "/api/users/session/start", {"username": user}))["session_token"]
    ok(call(system, "POST", "/api/users/session/end", {"session_token": token}))
    system.wait_log("/api/users/session/end")
    assert token not in system.logs()
    assert token[:16] not in system.logs()


# Active


def test_active_is_newest_first_and_bounded(system):
    users = []
    for _ in range(4):
        users.append(registered(system))
        time.sleep(0.002)
    profile(system, users[0])
    answer = ok(call(system, "GET", "/api/users/active?limit=3"))
    assert answer["count"] == 3
    assert [user["username"] for user in answer["users"]] == [users[0], users[3], users[2]]
    assert "metadata" not in answer["users"][0]
    assert ok(call(system, "GET", "/api/users/active"))["count"] <= 50
    for limit in ("0", "201", "x", "-1", ""):
        assert refused(call(system, "GET", f"/api/users/active?limit={limit}")) == (400, "invalid_limit")


# Contacts


def test_contacts_are_added_changed_listed_and_removed(system):
    observer, user = system.observe(), registered(system, "owner")
    first, second, third = (registered(system, name) for name in ("a", "b", "c"))
    for contact in (first, second):
        added = ok(call(system, "POST", contacts_of(user), {"contact": contact}))["contact"]
        assert (added["username"], added["is_favorite"]) == (contact, False)
    ok(call(system, "POST", contacts_of(user, third)))
    system.connect(second)
    observer.wait_status(second, "online")
    changed = ok(call(system, "PATCH", contacts_of(user, third), {"is_favorite": True}))["contact"]
    assert changed["is_favorite"] is True
    listed = ok(call(system, "GET", contacts_of(user)))
    assert listed["count"] == 3
    assert [c["username"] for c in listed["contacts"]] == [third, second, first]
    assert [c["is_online"] for c in listed["contacts"]] == [False, True, False]
    assert all("metadata" not in c and c["added_at"] for c in listed["contacts"])
    assert ok(call(system, "GET", contacts_of(user, third)))["contact"] == listed["contacts"][0]
    ok(call(system, "DELETE", contacts_of(user, third)))
    assert refused(call(system, "DELETE", contacts_of(user, third))) == (404, "contact_unknown")
    assert [c["username"] for c in ok(call(system, "GET", contacts_of(user)))["contacts"]] == [second, first]


def test_a_user_of_websockets_alone_can_be_a_contact(system):
    observer, user = system.observe(), registered(system)
    system.connect("a/ws user", subprotocols=[], query="?" + urllib.parse.urlencode({"token": "a/ws user"}))
    observer.wait_status("a/ws user", "online")
    assert refused(call(system, "POST", contacts_of(user), {"contact": new_user("never")})) == (
        404, "contact_user_unknown")
    ok(call(system, "POST", contacts_of(user), {"contact": "a/ws user", "is_favorite": True}))
    contact = ok(call(system, "GET", contacts_of(user, "a/ws user")))["contact"]
    assert (contact["presence_status"], contact["created_at"], contact["is_favorite"]) == ("online", None, True)


def test_contacts_are_limited_and_counted(system):
    user = registered(system)
    for _ in range(3):
        ok(call(system, "POST", contacts_of(user), {"contact": registered(system)}))
    assert refused(call(system, "POST", contacts_of(user), {"contact": registered(system)})) == (
        400, "too_many_contacts")
    assert sum(core.metric("zpresence_core_accounts_refused_total", limit="contacts") for core in system.cores) >= 1


# Refusals


@pytest.mark.parametrize("method, path, body, expected", [
    ("POST", "/api/users/register", b"{", (400, "invalid_json")),
    ("POST", "/api/users/register", b"", (400, "invalid_json")),
    ("POST", "/api/users/register", b"[]", (400, "body_not_object")),
    ("POST", "/api/users/register", b"{}", (400, "username_missing")),
    ("POST", "/api/users/register", {"username": None}, (400, "username_missing")),
    ("POST", "/api/users/register", {"username": ""}, (400, "invalid_field")),
    ("POST", "/api/users/register", {"username": 5}, (400, "invalid_field")),
    ("POST", "/api/users/register", {"username": "u" * 129}, (400, "invalid_field")),
    ("POST", "/api/users/register", {"username": "a\nb"}, (400, "invalid_field")),
    ("POST", "/api/users/register", {"username": "a\0b"}, (400, "invalid_field")),
    ("POST", "/api/users/register", {"username": "u", "display_name": 1}, (400, "invalid_field")),
    ("POST", "/api/users/register", {"username": "u", "display_name": "ü" * 11}, (413, "field_too_large")),
    ("POST", "/api/users/register", {"username": "u", "device_type": "d" * 65}, (400, "invalid_field")),
    ("POST", "/api/users/register", {"username": "u", "metadata": "text"}, (400, "invalid_field")),
    ("POST", "/api/users/register", {"username": "u", "metadata": {"a": "x" * 57}}, (413, "field_too_large")),
    ("GET", "/api/users/profile/nobody-at-all", None, (404, "user_unknown")),
    ("PUT", "/api/users/profile/nobody-at-all", {"display_name": "x"}, (404, "user_unknown")),
    ("GET", "/api/users/profile/a%00b", None, (400, "invalid_user_id")),
    ("GET", "/api/users/profile/%zz", None, (400, "malformed_target")),
    ("DELETE", "/api/users/profile/somebody", None, (405, "method_not_allowed")),
    ("POST", "/api/users/session/start", {}, (400, "username_missing")),
    ("POST", "/api/users/session/start", {"username": "u", "session_type": ""}, (400, "invalid_field")),
    ("POST", "/api/users/session/start", {"username": "u", "room_name": "r" * 129}, (400, "invalid_field")),
    ("POST", "/api/users/session/end", {}, (400, "session_token_missing")),
    ("POST", "/api/users/session/end", {"session_token": "HI20E_1234567890"}, (404, "session_unknown")),
    ("POST", "/api/users/session/end", {"session_token": "0" * 64}, (404, "session_unknown")),
    ("GET", "/api/users/nobody-at-all/contacts", None, (404, "user_unknown")),
    ("POST", "/api/users/nobody-at-all/contacts", {"contact": "x"}, (404, "user_unknown")),
    ("POST", "/api/users/u/contacts", {}, (400, "field_missing")),
    ("POST", "/api/users/u/contacts", {"contact": "u"}, (400, "contact_is_self")),
    ("POST", "/api/users/u/contacts", {"contact": "x", "is_favorite": "yes"}, (400, "invalid_field")),
    ("PATCH", "/api/users/u/contacts/x", {}, (400, "field_missing")),
    ("PATCH", "/api/users/u/contacts", {}, (405, "method_not_allowed")),
    ("GET", "/api/users/nothing", None, (404, "not_found")),
])
def test_what_is_refused_is_refused_in_the_overviews_envelope(system, method, path, body, expected):
    answer = call(system, method, path, body)
    assert refused(answer) == expected
    if expected[0] == 405:
        assert method not in answer.headers["allow"]


@pytest.mark.parametrize("name", ["a/b", "ünïcödé", "a b", "100%", "*", "../x", "🎉", "contacts", "session", "{a}=b"])
def test_any_user_id_has_an_account(system, name):
    user, friend = new_user(name), registered(system)
    register(system, user, display_name="x")
    assert profile(system, user)["username"] == user
    ok(call(system, "POST", contacts_of(user), {"contact": friend}))
    assert ok(call(system, "GET", contacts_of(user)))["contacts"][0]["username"] == friend


def test_browsers_of_any_origin_may_call_with_each_method(system):
    for path, method in (("/api/users/register", "POST"), ("/api/users/profile/x", "PUT"),
                         ("/api/users/x/contacts/y", "PATCH"), ("/api/users/x/contacts/y", "DELETE")):
        preflight = http.request(system.api_address, "OPTIONS", path, headers={
            "Origin": "https://tv.example", "Access-Control-Request-Method": method})
        assert preflight.status == 204
        assert method in preflight.headers["access-control-allow-methods"]


# Failures


def test_a_core_that_wakes_up_late_changes_nothing(system):
    """Half of these writes are asked of a core that stands still, and then of the other. When the first wakes up it carries
    them out once more, long after newer ones."""
    users = [registered(system) for _ in range(12)]
    friend, fresh = registered(system), [new_user("fresh") for _ in range(12)]
    writes = [("/api/users/register", {"username": user, "display_name": "old"}) for user in fresh]
    writes += [("/api/users/session/start", {"username": user}) for user in users]
    writes += [(contacts_of(user), {"contact": friend}) for user in users]
    asleep, retried = system.cores[0], system.apis[0].metric("zpresence_http_core_queries_retried_total")
    carried_out = asleep.metric("zpresence_core_script_calls_total")
    asleep.freeze()
    with concurrent.futures.ThreadPoolExecutor(len(writes)) as pool:
        answers = list(pool.map(lambda write: ok(call(system, "POST", *write)), writes))
    assert all(answer["created"] for answer in answers[:12])
    assert system.apis[0].metric("zpresence_http_core_queries_retried_total") >= retried + 6
    for user in fresh:
        ok(call(system, "PUT", f"/api/users/profile/{user}", {"display_name": "new"}))
    for user in users:
        ok(call(system, "DELETE", contacts_of(user, friend)))
    asleep.thaw()
    eventually("the core has carried out what waited for it",
               lambda: asleep.metric("zpresence_core_script_calls_total") >= carried_out + 6)
    time.sleep(0.3)
    assert {profile(system, user)["display_name"] for user in fresh} == {"new"}
    for user in users:
        assert profile(system, user)["total_sessions"] == 1
        assert ok(call(system, "GET", contacts_of(user)))["contacts"] == []
        assert system.redis().zcard(f"presence:sessions:{user}") == 1


def test_accounts_survive_a_restart_of_redis(own_system):
    system = own_system()
    register(system, "tv", display_name="Kept", metadata={"k": 1})
    register(system, "mum")
    ok(call(system, "POST", contacts_of("tv"), {"contact": "mum", "is_favorite": True}))
    token = ok(call(system, "POST", "/api/users/session/start", {"username": "tv"}))["session_token"]
    time.sleep(1.2)  # AOF, everysec
    system.redis_server.process.kill()
    system.redis_server.start()
    eventually("it answers", lambda: call(system, "GET", "/api/users/profile/tv").status == 200)
    account = profile(system, "tv")
    assert (account["display_name"], account["metadata"], account["total_sessions"]) == ("Kept", {"k": 1}, 1)
    assert ok(call(system, "GET", contacts_of("tv")))["contacts"][0]["is_favorite"] is True
    ok(call(system, "POST", "/api/users/session/end", {"session_token": token}))
    assert system.redis().ttl("presence:meta:tv") == -1


def test_while_presence_is_rebuilt_it_is_not_said(own_system):
    """After a loss of data an edge that does not announce is waited for until its lease is over: accounts can be written,
    and nobody is said to be offline who may not be."""
    system = own_system(EDGE_LEASE_MS=4000)  # several calls come within it
    eventually("all is well", lambda: call(system, "POST", "/api/users/register", {"username": "tv"}).status == 200)
    system.edges[0].freeze()
    system.redis().flushall()

    def not_said():
        answer = call(system, "POST", "/api/users/register", {"username": "tv"})
        return answer.status == 200 and answer.json()["user"]["presence_status"] is None and answer.json()["user"]

    account = eventually("it is rebuilding", not_said)
    assert (account["is_online"], account["since"], account["presence_last_seen"]) == (None, None, None)
    assert refused(call(system, "GET", "/api/users/profile/tv")) == (503, "rebuilding")
    assert refused(call(system, "GET", "/api/users/tv/contacts")) == (503, "rebuilding")
    assert refused(call(system, "GET", "/api/users/active")) == (503, "rebuilding")
    system.edges[0].thaw()
    eventually("it is said again", lambda: call(system, "GET", "/api/users/profile/tv").status == 200)
    assert profile(system, "tv")["presence_status"] == "offline"


def test_without_redis_it_says_so_in_time(own_system):
    system = own_system()
    system.redis_server.process.freeze()
    assert refused(call(system, "GET", "/api/users/profile/tv")) == (503, "unavailable")
    assert refused(call(system, "POST", "/api/users/register", {"username": "tv"})) == (503, "unavailable")
    system.redis_server.process.thaw()
    eventually("it answers again", lambda: call(system, "POST", "/api/users/register", {"username": "tv"}).status == 200)


def test_switched_off_it_keeps_nothing(own_system):
    system = own_system(PRESENCE_ENABLED=False)
    for method, path, body in (("POST", "/api/users/register", {"username": "tv"}),
                               ("GET", "/api/users/profile/tv", None), ("GET", "/api/users/active", None),
                               ("POST", "/api/users/session/start", {"username": "tv"}),
                               ("POST", "/api/users/session/end", {"session_token": "0" * 64}),
                               ("GET", "/api/users/tv/contacts", None)):
        assert refused(call(system, method, path, body)) == (503, "presence_disabled")
    assert system.redis().keys("presence:account:*") == []


def test_no_more_users_are_registered_than_allowed(own_system):
    system = own_system(ACCOUNTS_MAX=2)
    register(system, "a")
    ok(call(system, "POST", "/api/users/session/start", {"username": "b"}))
    assert refused(call(system, "POST", "/api/users/register", {"username": "c"})) == (503, "too_many_accounts")
    assert refused(call(system, "POST", "/api/users/session/start", {"username": "c"})) == (503, "too_many_accounts")
    assert register(system, "a")["created"] is False
