"""The bulk HTTP query and what stands beside it (CONTRACT section B; the guide, "HTTP API Reference")."""

import pytest

from harness import http_client as http
from harness.users import new_user
from harness.waiting import eventually

STATUS = "/api/presence/status"
JSON = {"Content-Type": "application/json"}


def ask(system, body, headers=JSON):
    return http.post(system.api_address, STATUS, body, headers)


def test_the_answer_has_the_shape_of_the_guide(system):
    online, gone = system.observe(), new_user("gone")
    client = system.connect(gone)
    online.wait_status(gone, "online")
    client.close()
    online.wait_status(gone, "offline")
    answer = system.bulk(online.user, gone, "nobody")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    states = answer.json()
    assert {state["userId"]: state["status"] for state in states.values()} == {
        online.user: "online", gone: "offline", "nobody": "offline"}
    for user, state in states.items():
        assert list(state) == ["userId", "status", "lastSeen"]
        assert state["userId"] == user
    assert states["nobody"]["lastSeen"] is None


def test_ids_may_be_strings_or_integers_in_any_order_and_twice(system):
    observer = system.observe()
    system.connect("4711")
    observer.wait_status("4711", "online")
    answer = ask(system, b'{"userIds": [4711, "4711", "x", 4711, "x"]}')
    assert answer.status == 200
    assert {user: state["status"] for user, state in answer.json().items()} == {"4711": "online", "x": "offline"}


def test_an_empty_list_has_an_empty_answer(system):
    answer = ask(system, b'{"userIds": []}')
    assert (answer.status, answer.json()) == (200, {})


def test_ids_with_any_characters_come_back_as_they_were(system):
    ids = ["ünïcödé", "a b", 'quote"', "back\\slash", "日本", "🎉", "a/b", "<script>"]
    answer = system.bulk(*ids)
    assert answer.status == 200
    assert list(answer.json()) == ids
    observer = system.observe()
    system.connect(observer.user, device="other")
    assert system.bulk(observer.user).json()[observer.user]["status"] == "online"


@pytest.mark.parametrize("body", [b"{}", b'{"userIds": "123"}', b'{"userIds": {"0": "123"}}', b'{"userIds": null}',
                                  b'{"users": ["123"]}', b"[]", b'"123"'])
def test_without_an_array_of_ids_400_says_so(system, body):
    answer = ask(system, body)
    assert answer.status == 400
    assert answer.json()["error"] == "userIds must be an array"


@pytest.mark.parametrize("body", [b"", b"{", b"userIds=123", b'{"userIds": ["123"]', b"\xff\xfe", b'{"userIds": [1,]}'])
def test_what_is_not_json_is_400(system, body):
    answer = ask(system, body)
    assert answer.status == 400
    assert answer.json()["error"] == "Invalid JSON"


def test_the_content_type_does_not_matter(system):
    assert ask(system, b'{"userIds": ["1"]}', {"Content-Type": "text/plain"}).status == 200
    assert ask(system, b'{"userIds": ["1"]}', {}).status == 200


def test_a_thousand_ids_are_answered_and_one_more_is_413(system):
    ids = [f"user-of-many-{i}" for i in range(1000)]
    answer = system.bulk(*ids)
    assert answer.status == 200
    assert list(answer.json()) == ids
    assert system.bulk(*ids, "one-more").status == 413


def test_a_body_over_the_limit_is_413(system):
    answer = ask(system, b'{"userIds": ["' + b"x" * 300000 + b'"]}')
    assert answer.status == 413
    assert "error" in answer.json()


def test_other_methods_are_405_and_name_the_right_one(system):
    for method in ("PATCH", "PUT", "DELETE"):
        answer = http.request(system.api_address, method, STATUS)
        assert answer.status == 405
        assert answer.headers["allow"] == "POST, GET, HEAD, OPTIONS"


def test_unknown_paths_are_404_in_json(system):
    answer = http.get(system.api_address, "/api/nothing")
    assert answer.status == 404
    assert "error" in answer.json()


def test_browsers_of_any_origin_may_ask(system):
    origin = {"Origin": "https://dashboard.example"}
    answer = ask(system, b'{"userIds": []}', {**JSON, **origin})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert ask(system, b"{", {**JSON, **origin}).headers["access-control-allow-origin"] == "*"

    preflight = http.request(system.api_address, "OPTIONS", STATUS, headers={
        **origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
    assert preflight.status in (200, 204)
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "content-type" in preflight.headers["access-control-allow-headers"].lower()


def test_only_listed_origins_may_ask_where_they_are_listed(own_system):
    system = own_system(CORS_ORIGINS="https://a.example,https://b.example")
    body = b'{"userIds": []}'
    for origin in ("https://a.example", "https://b.example"):
        assert ask(system, body, {"Origin": origin}).headers["access-control-allow-origin"] == origin
    for origin in ("https://c.example", "https://a.example.evil", "null"):
        assert "access-control-allow-origin" not in ask(system, body, {"Origin": origin}).headers


def test_without_redis_500_says_so_in_the_words_of_the_guide_and_health_too(system):
    eventually("all is well", lambda: http.get(system.api_address, "/health").status == 200)
    system.redis_server.process.stop()
    answer = eventually("an error", lambda: _if_status(system.bulk("123"), 500))
    body = answer.json()
    assert body["error"] == "Failed to fetch presence status"
    assert isinstance(body["details"], str) and body["details"]
    eventually("health says so", lambda: http.get(system.api_address, "/health").status == 503)
    system.redis_server.start()
    eventually("it answers again", lambda: system.bulk("123").status == 200)
    eventually("health is good again", lambda: http.get(system.api_address, "/health").status == 200)


def test_without_a_core_500_comes_within_the_deadline(system):
    system.cores[0].freeze()
    answer = http.post_json(system.api_address, STATUS, {"userIds": ["123"]}, system.seconds("HTTP_DEADLINE_MS") + 2)
    assert answer.status == 500
    assert answer.json()["error"] == "Failed to fetch presence status"
    system.cores[0].thaw()
    eventually("it answers again", lambda: system.bulk("123").status == 200)


def test_health_is_json_and_counts_the_services(system):
    answer = eventually("all is well", lambda: _if_status(http.get(system.api_address, "/health"), 200))
    kinds = [service.name.rsplit("-", 1)[0] for service in system.services]
    assert answer.json()["services"] == {kind: kinds.count(kind) for kind in kinds}


def test_the_first_page_says_what_runs(system):
    page = http.get(system.api_address, "/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    for service in system.services:
        eventually(f"{service.name} is named", lambda name=service.name: name in _first_page(system))


def test_metrics_are_prometheus_text(system):
    for service in system.services:
        answer = http.get(service.admin_address, "/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        assert "# TYPE zpresence_bus_messages_received_total counter" in answer.body.decode()
        assert http.get(service.admin_address, "/healthz").status == 200


def test_presence_switched_off_accepts_and_pings_sockets_and_keeps_no_state(own_system):
    system = own_system(PRESENCE_ENABLED=False)
    client = system.connect(new_user())
    client.wait("PINGs come", lambda: len(client.pings) >= 2)
    assert client.is_open()
    assert client.frames() == []
    assert system.redis().keys("presence:user:*") == []
    assert system.redis().keys("presence:meta:*") == []
    answer = system.bulk(client.user)
    assert answer.status == 503
    assert answer.json()["error"] == "Presence is disabled"


def _if_status(answer, status):
    return answer if answer.status == status else None


def _first_page(system):
    return http.get(system.api_address, "/").body.decode()
