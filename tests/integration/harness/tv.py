"""The SmartTV overview's API, as its pages call it, with seconds for its minutes."""

import json
import threading
import urllib.parse

from . import http_client as http

FRESHNESS_S, TTL_S, OFFLINE_DELAY_S = 2.0, 4.0, 0.8
SECONDS_FOR_MINUTES = {
    "edges": 2, "cores": 2, "apis": 2, "HTTP_PRESENCE_TTL": 4, "ONLINE_FRESHNESS": 2, "HTTP_OFFLINE_DELAY_MS": 800,
    "PRESENCE_TTL": 6,
    # So that only what was not broadcast is asked for again, and not what a loaded machine brings late.
    "REORDER_WINDOW_MS": 500}


def heartbeat(system, user, status=None, socket_id=None, api=0, timeout_s=10):
    """POST /api/calls/presence: the answer."""
    body = {"username": user}
    if status is not None:
        body["status"] = status
    if socket_id is not None:
        body["socket_id"] = socket_id
    return http.post(system.apis[api].address, "/api/calls/presence", json.dumps(body).encode(),
                     {"Content-Type": "application/json"}, timeout_s)


def say(system, user, status=None, socket_id=None, api=0):
    """A heartbeat that must be taken."""
    answer = heartbeat(system, user, status, socket_id, api)
    assert answer.status == 200, answer
    assert answer.json()["success"] is True


def heartbeats_at_once(system, users, threads=60):
    """One of each user, from that many threads: the answers."""
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


def online_users(system, api=0, **query):
    """GET /api/calls/online-users: its body."""
    answer = http.get(system.apis[api].address, "/api/calls/online-users?" + urllib.parse.urlencode(query))
    assert answer.status == 200, answer
    return answer.json()


def listed(system, user, **query):
    """What the list says of one user; None where it does not name them."""
    return next((row for row in online_users(system, **query)["users"] if row["username"] == user), None)


def can_call(system, callee, caller="somebody"):
    answer = http.get(system.api_address, "/api/calls/can-call?" + urllib.parse.urlencode({"caller": caller, "callee": callee}))
    assert answer.status == 200, answer
    body = answer.json()
    assert body["success"] is True
    return body["allowed"], body["reason"]
