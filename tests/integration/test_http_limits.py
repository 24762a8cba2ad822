"""What the HTTP API bears: sizes, rates, slow and silent clients, requests with two ends; each refusal in JSON, with a
code, and counted."""

import concurrent.futures
import json
import re
import socket
import time

import pytest

from harness import http_client as http
from harness.waiting import SLACK_S, eventually

STATUS = "/api/presence/status"
SYSTEM = {"HTTP_TIMEOUT": 1, "HTTP_HEAD_MAX": 2048, "HTTP_TARGET_MAX": 512, "BODY_MAX": 4096, "DEBUG": "vp:*"}


class Raw:
    """A socket to http-api, and what is answered to it."""

    def __init__(self, system, data=b"", source=None):
        host, port = system.api_address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10,
                                               source_address=(source, 0) if source else None)
        self.send(data)

    def send(self, data):
        if data:
            self.socket.sendall(data)

    def read_to_end(self):
        data = b""
        try:
            while piece := self.socket.recv(65536):
                data += piece
        except ConnectionResetError:
            pass
        finally:
            self.socket.close()
        return data

    def answer(self):
        """Status, headers and the JSON of the first answer."""
        data = b""
        while b"\r\n\r\n" not in data or len(data.split(b"\r\n\r\n", 1)[1]) < _length(data):
            piece = self.socket.recv(65536)
            if not piece:
                break
            data += piece
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        return int(lines[0].split()[1]), headers, json.loads(body[:_length(data)] or b"null")

    def is_closed(self):
        try:
            self.socket.setblocking(False)
            return self.socket.recv(65536) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True


def _length(data):
    found = re.search(rb"content-length: (\d+)", data, re.I)
    return int(found.group(1)) if found else 0


def refused(system, data):
    status, headers, body = Raw(system, data).answer()
    assert headers["content-type"] == "application/json"
    assert body["error"] and body["code"]
    return status, body["code"]


def count(system, status):
    return system.apis[0].metric("zpresence_http_refusals_total", status=str(status))


def test_a_target_over_its_limit_is_414(system):
    before = count(system, 414)
    assert refused(system, b"GET /api/x?userIds=" + b"a" * 600 + b" HTTP/1.1\r\nHost: h\r\n\r\n") == (414, "target_too_long")
    assert count(system, 414) == before + 1


def test_a_head_over_its_limit_is_431(system):
    before = count(system, 431)
    head = b"GET /health HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 2048 + b"\r\n\r\n"
    assert refused(system, head) == (431, "head_too_large")
    many = b"".join(b"X-%d: a\r\n" % i for i in range(300))
    assert refused(system, b"GET /health HTTP/1.1\r\nHost: h\r\n" + many + b"\r\n") == (431, "head_too_large")
    assert count(system, 431) == before + 2


def test_a_head_far_over_its_limit_is_refused_by_the_library_and_closed(system):
    """libmicrohttpd's own words, as the head does not fit into a connection's memory: nothing of ours sees it."""
    answer = Raw(system, b"GET /health HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 200000 + b"\r\n\r\n").read_to_end()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert http.get(system.api_address, "/api/nothing").status == 404


def test_a_body_over_its_limit_is_413_announced_or_not(system):
    before = count(system, 413)
    announced = b"POST /api/presence/status HTTP/1.1\r\nHost: h\r\nContent-Length: 4097\r\n\r\n"
    assert refused(system, announced) == (413, "body_too_large")  # before a byte of it came
    chunks = b"".join(b"400\r\n" + b"x" * 1024 + b"\r\n" for _ in range(5)) + b"0\r\n\r\n"
    assert refused(system, b"POST /api/presence/status HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                   + chunks) == (413, "body_too_large")
    assert count(system, 413) == before + 2


@pytest.mark.parametrize("headers", [
    b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 3\r\nContent-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", b"Content-Length : 3\r\n"])
def test_a_request_that_may_be_read_in_two_ways_is_400_and_ends_the_connection(system, headers):
    smuggled = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
    data = Raw(system, b"POST /api/presence/status HTTP/1.1\r\nHost: h\r\n" + headers + b"\r\n" + smuggled).read_to_end()
    assert data.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"malformed_head"' in data
    assert data.count(b"HTTP/1.1 ") == 1  # what stands behind it is no request


def test_a_client_that_asks_too_often_is_429_and_the_next_one_is_not(own_system):
    system = own_system(HTTP_REQUESTS_PER_CLIENT=20)
    statuses = [http.get(system.api_address, "/health").status for _ in range(80)]
    assert statuses[:20].count(429) == 0
    assert 429 in statuses
    answer = eventually("refused", lambda: _if_status(http.get(system.api_address, "/health"), 429))
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "rate_limited"
    status, _, _ = Raw(system, b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n", source="127.0.0.2").answer()
    assert status != 429
    time.sleep(1)
    assert http.get(system.api_address, "/health").status != 429


def test_behind_a_trusted_proxy_each_client_has_its_own_rate(own_system):
    system = own_system(HTTP_REQUESTS_PER_CLIENT=5, TRUSTED_PROXIES="127.0.0.1")

    def ask(client):
        return http.get(system.api_address, "/api/nothing", {"X-Forwarded-For": client}).status

    for client, other_spelling in (("203.0.113.1",) * 2, ("203.0.113.2",) * 2,
                                   ("1.1.1.1, 203.0.113.3", "9.9.9.9, 203.0.113.3")):  # what a client writes itself is nothing
        served, began = 0, time.monotonic()
        while ask((client, other_spelling)[served % 2]) != 429:
            served += 1
        assert 5 <= served <= 5 + 5 * (time.monotonic() - began) + 1


def test_a_head_that_drips_in_is_ended(system):
    before = system.apis[0].metric("zpresence_http_slow_heads_total")
    slow = Raw(system, b"GET /health HTTP/1.1\r\nHost: h\r\n")
    began = time.monotonic()
    while not slow.is_closed():
        assert time.monotonic() - began < 1 + 0.25 + SLACK_S + 1
        try:
            slow.send(b"A")
        except OSError:
            break
        time.sleep(0.1)
    assert time.monotonic() - began > 0.9
    assert system.apis[0].metric("zpresence_http_slow_heads_total") == before + 1


def test_a_body_that_drips_in_is_ended(system):
    before = system.apis[0].metric("zpresence_http_requests_cut_total")
    slow = Raw(system, b"POST /api/presence/status HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n")
    began = time.monotonic()
    while not slow.is_closed():
        assert time.monotonic() - began < 4
        try:
            slow.send(b" ")
        except OSError:
            break
        time.sleep(0.1)
    assert system.apis[0].metric("zpresence_http_requests_cut_total") == before + 1


def test_a_request_that_falls_silent_is_ended_and_counted(system):
    before = system.apis[0].metric("zpresence_http_requests_timed_out_total")
    silent = Raw(system, b"POST /api/presence/status HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n{")
    eventually("closed", silent.is_closed, within_s=4)
    assert system.apis[0].metric("zpresence_http_requests_timed_out_total") == before + 1


def test_a_connection_that_is_used_again_and_again_lives_on(system):
    connection = Raw(system)
    for _ in range(8):  # for longer than HTTP_TIMEOUT
        connection.send(b"GET /api/nothing HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.answer()[0] == 404
        time.sleep(0.3)
    connection.socket.close()


ASK_A_CORE = [
    ("GET", "/api/presence/online"), ("POST", "/api/calls/presence", b'{"username": "a"}'),
    ("GET", "/api/calls/online-users"), ("GET", "/api/calls/can-call?caller=a&callee=b"),
    ("POST", "/api/users/register", b'{"username": "a"}'), ("GET", "/api/users/profile/a"),
    ("POST", "/api/users/session/start", b'{"username": "a"}'), ("GET", "/api/users/active"),
    ("GET", "/api/users/a/contacts"), ("DELETE", "/api/users/a/contacts/b"),
]


def test_slow_clients_and_a_paused_core_hold_nobody_up(own_system):
    system = own_system(HTTP_TIMEOUT=10)
    slow = [Raw(system, b"POST /api/presence/status HTTP/1.1\r\nHost: h\r\nContent-Length: 400\r\n\r\n{")
            for _ in range(100)] + [Raw(system, b"GET /hea") for _ in range(100)]
    system.cores[0].freeze()
    for path, within_s in (("/health", 1), ("/api/openapi.json", 1), ("/", 1)):
        began = time.monotonic()
        assert http.get(system.api_address, path).status in (200, 503)
        assert time.monotonic() - began < within_s
    began = time.monotonic()
    assert system.bulk("123").status == 500
    assert http.get(system.api_address, "/api/presence/explain/123").status == 503
    assert time.monotonic() - began < 2 * system.seconds("HTTP_DEADLINE_MS") + SLACK_S
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(ASK_A_CORE)) as pool:
        answers = list(pool.map(lambda call: http.request(system.api_address, *call), ASK_A_CORE))
    assert [answer.status for answer in answers] == [503] * len(ASK_A_CORE), answers
    assert time.monotonic() - began < system.seconds("HTTP_DEADLINE_MS") + SLACK_S, "they waited for each other"
    system.cores[0].thaw()
    eventually("it answers again", lambda: system.bulk("123").status == 200)
    for client in slow:
        client.socket.close()


def test_at_its_limit_of_connections_who_comes_next_waits_for_a_place(own_system):
    system = own_system(HTTP_CONNECTIONS_MAX=4, HTTP_TIMEOUT=1)
    holders = [Raw(system, b"GET /hea") for _ in range(4)]
    began = time.monotonic()
    late = Raw(system, b"GET /api/nothing HTTP/1.1\r\nHost: h\r\n\r\n")
    assert late.answer()[0] == 404  # once the slow ones are ended
    assert time.monotonic() - began < 1 + 0.25 + SLACK_S + 1
    for holder in holders:
        holder.socket.close()


def test_pages_and_answers_carry_what_browsers_need_to_be_told(system):
    page = http.get(system.api_address, "/").headers
    policy = page["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "frame-ancestors 'none'" in policy
    assert page["x-frame-options"] == "DENY"
    assert page["referrer-policy"] == "no-referrer"
    for path in ("/", "/health", "/api/nothing", "/metrics", "/api/openapi.json"):
        headers = http.get(system.api_address, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def _if_status(answer, status):
    return answer if answer.status == status else None
