"""Who may call what over HTTP: tokens and API keys, area by area, on the real endpoints; and that neither shows up
anywhere. The matrix of areas, roles and owners: tests/unit/http-api/http_server_test.c."""

import json
import time

import pytest

from harness import http_client as http
from harness.process import base_environment, run_to_end
from harness.system import binary
from harness.tokens import SECRET, make_token
from harness.users import new_user
from harness.waiting import eventually

READ_KEY, OPS_KEY = "the-key-of-a-dashboard-0123456789", "the-key-of-an-operator-0123456789"

STATUS = "/api/presence/status"
OPS = ("/api/ops/services", "/api/ops/health", "/metrics", "/metrics/all", "/api/presence/explain/x")
OPEN = ("/health", "/api/openapi.json", "/")

SYSTEM = {"USE_AUTHENTICATION": True, "SECRET_KEY": SECRET, "HTTP_AUTH_READ": "jwt", "HTTP_AUTH_WRITE": "jwt",
          "HTTP_AUTH_OPS": "jwt", "JWT_LEEWAY": 1, "DEBUG": "vp:*"}


def bearer(**claims):
    return {"Authorization": f"Bearer {make_token({'uid': 'somebody', **claims})}"}


def ask_status(system, headers):
    return http.post(system.api_address, STATUS, b'{"userIds": ["x"]}', headers)


def get(system, path, headers=None):
    return http.get(system.api_address, path, headers)


def test_what_is_open_stays_open(system):
    for path in OPEN:
        assert get(system, path).status in (200, 503), path


def test_without_a_token_nothing_else_is_served(system):
    for answer in [ask_status(system, {})] + [get(system, path) for path in OPS]:
        assert answer.status == 401
        assert answer.json()["code"] == "token_missing"
        assert answer.headers["www-authenticate"] == 'Bearer realm="zpresence"'


def test_the_token_of_the_edges_reads_and_only_a_role_sees_ops(system):
    eventually("bulk answers", lambda: ask_status(system, bearer()).status == 200)
    for path in OPS:
        refused = get(system, path, bearer(role="dashboard"))
        assert (refused.status, refused.json()["code"]) == (403, "forbidden"), path
        eventually(f"{path} is shown to an admin",
                   lambda path=path: get(system, path, bearer(role="admin")).status == 200)


def write(system, method, path, body, headers):
    return http.request(system.api_address, method, path, json.dumps(body).encode() if body is not None else None, headers)


# Every write: method, path, and body of the user whose it is.
WRITES = [
    ("POST", "/api/calls/presence", lambda user: {"username": user}),
    ("POST", "/api/users/register", lambda user: {"username": user}),
    ("PUT", "/api/users/profile/{}", lambda user: {"display_name": "Bob"}),
    ("POST", "/api/users/session/start", lambda user: {"username": user}),
    ("POST", "/api/users/{}/contacts", lambda user: {"contact": "friend"}),
    ("POST", "/api/users/{}/contacts/friend", lambda user: {"is_favorite": True}),
    ("PATCH", "/api/users/{}/contacts/friend", lambda user: {"is_favorite": False}),
    ("DELETE", "/api/users/{}/contacts/friend", lambda user: None),
]


def test_a_user_writes_what_is_their_own_and_an_admin_anybodys(system):
    user, other = new_user("own"), new_user("other")
    for name in (user, other, "friend"):
        eventually("registered", lambda name=name: write(system, "POST", "/api/users/register", {"username": name},
                                                         bearer(uid=name)).status == 200)
    for method, path, body in WRITES:
        target, called = path.format(user), f"{method} {path}"
        assert write(system, method, target, body(user), {}).status == 401, called
        refused = write(system, method, target, body(user), bearer(uid=other))
        assert (refused.status, refused.json()["code"], refused.json()["success"]) == (403, "not_yours", False), called
        assert write(system, method, target, body(user), bearer(uid=user)).status == 200, called
    for method, path, body in WRITES[:-1]:
        answer = write(system, method, path.format(other), body(other), bearer(role="admin"))
        assert answer.status in (200, 404), (method, path, answer)  # 404: a contact that is none


def test_whoever_knows_a_session_may_end_it(system):
    user = new_user("own")
    started = eventually("started", lambda: _if_200(write(system, "POST", "/api/users/session/start", {"username": user},
                                                          bearer(uid=user))))
    body = {"session_token": started.json()["session_token"]}
    assert write(system, "POST", "/api/users/session/end", body, {}).status == 401
    assert write(system, "POST", "/api/users/session/end", body, bearer()).status == 200


def test_a_body_that_names_two_users_is_nobodys(system):
    user = new_user("own")
    body = b'{"username": "somebody", "username": "%s"}' % user.encode()
    for headers in (bearer(), bearer(uid=user)):
        assert http.post(system.api_address, "/api/calls/presence", body, headers).json()["code"] == "not_yours"
    assert system.redis().exists(f"presence:meta:{user}") == 0


def test_a_stream_ends_with_its_token(system):
    token = make_token({"uid": "somebody", "exp": int(time.time()) + 2})
    path = f"/api/presence/stream?token={token}"
    began = time.monotonic()
    answer = http.get(system.api_address, path)  # returns when the stream has ended
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
    assert 1 < time.monotonic() - began < 6
    assert http.get(system.api_address, path).json()["code"] == "token_expired"


def test_who_is_invisible_is_not_told_of_to_a_user(system):
    user = new_user("hidden")
    client = system.connect(user, subprotocols=[make_token({"uid": user}), "phone"])
    client.send({"messageType": 5, "status": "invisible"})
    path = f"/api/presence/explain/{user}"
    eventually("an admin sees why", lambda: "invisible" in get(system, path, bearer(role="admin")).body.decode())
    assert get(system, path, bearer(uid=user)).status == 403
    assert "invisible" not in ask_status(system, bearer()).body.decode()


def test_a_token_ends_here_when_it_ends_at_the_edges(system):
    now = time.time()
    assert ask_status(system, bearer(exp=int(now) - 3)).json()["code"] == "token_expired"
    assert ask_status(system, bearer(nbf=int(now) + 60)).json()["code"] == "token_not_yet_valid"
    headers = bearer(exp=int(now) + 1)
    assert ask_status(system, headers).status != 401
    eventually("the token has ended", lambda: ask_status(system, headers).status == 401, within_s=5)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJ1aWQiOiJib2IifQ.",
                                   make_token({"uid": "bob"}, algorithm="HS512"), make_token({"uid": "bob"}, "other" * 9)])
def test_forged_tokens_are_refused(system, token):
    answer = ask_status(system, {"Authorization": f"Bearer {token}"})
    assert answer.status == 401
    assert answer.json()["code"].startswith("token_")


def test_preflights_of_browsers_need_no_token(system):
    answer = http.request(system.api_address, "OPTIONS", STATUS, headers={
        "Origin": "https://a.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-api-key"})
    assert answer.status == 204
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert "authorization" in allowed and "x-api-key" in allowed
    for path in OPS:  # pages of other origins have no business there
        assert http.request(system.api_address, "OPTIONS", path).status == 405


def test_the_first_page_shows_what_runs_to_operators_only(system):
    everybody = eventually("all is well", lambda: _containing(get(system, "/").body.decode(), "All is well"))
    assert "ws-edge-1" not in everybody and "127.0.0.1" not in everybody
    assert "ws-edge-1" in get(system, "/", bearer(role="admin")).body.decode()


def test_keys_open_their_areas_and_show_up_nowhere(own_system, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(f"# who: what for\ndashboard:read:{READ_KEY}\noperator:ops+read:{OPS_KEY}\n")
    system = own_system(HTTP_AUTH_READ="apikey", HTTP_AUTH_OPS="apikey", API_KEYS_FILE=keys, DEBUG="vp:*")
    eventually("the key reads", lambda: ask_status(system, {"X-API-Key": READ_KEY}).status == 200)
    assert ask_status(system, {"Authorization": f"Bearer {OPS_KEY}"}).status == 200
    for path in OPS:
        assert get(system, path).json()["code"] == "api_key_missing"
        assert get(system, path, {"X-API-Key": READ_KEY[:-1]}).json()["code"] == "api_key_wrong"
        assert get(system, path, {"X-API-Key": READ_KEY}).json()["code"] == "forbidden"
        eventually(f"{path} is shown", lambda path=path: get(system, path, {"X-API-Key": OPS_KEY}).status == 200)
    seen = system.logs() + get(system, "/metrics/all", {"X-API-Key": OPS_KEY}).body.decode()
    for secret in (READ_KEY, OPS_KEY, READ_KEY[:-1]):
        assert secret not in seen
    assert system.apis[0].metric("zpresence_http_refusals_total", status="401") >= 2 * len(OPS)


def test_tokens_show_up_nowhere(system):
    headers = bearer(role="admin")
    token = headers["Authorization"].split()[1]
    get(system, "/api/ops/services", headers)
    get(system, f"/api/presence/explain/x?token={token}")
    assert token not in system.logs()
    assert token.split(".")[2] not in system.logs()


@pytest.mark.parametrize("settings, named", [
    ({"HTTP_AUTH_READ": "jwt"}, "SECRET_KEY"), ({"HTTP_AUTH_OPS": "apikey"}, "API_KEYS"),
    ({"HTTP_AUTH_OPS": "apikey", "API_KEYS": "name:all:secret-that-is-shown"}, "API_KEYS"),
    ({"HTTP_AUTH_OPS": "basic"}, "HTTP_AUTH_OPS"), ({"TRUSTED_PROXIES": "10.0.0.0/99"}, "TRUSTED_PROXIES")])
def test_settings_that_cannot_be_used_end_the_process_with_a_line(settings, named):
    environment = {**base_environment(), "HTTP_LISTEN": "127.0.0.1:0", **settings}
    code, out, err, _ = run_to_end([binary("http-api"), "--check-config"], environment)
    assert code == 2
    assert named in out + err
    assert "secret-that-is-shown" not in out + err


def _if_200(answer):
    return answer if answer.status == 200 else None


def _containing(text, wanted):
    return text if wanted in text else None
