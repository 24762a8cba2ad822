"""The SmartTV overview's API, as its pages call it."""

import json
import urllib.parse

from . import http_client as http


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
