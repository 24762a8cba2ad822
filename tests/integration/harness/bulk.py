"""The bulk query, of whatever answers it at an address: a process, the launcher's gateway, one of a compose project."""

from . import http_client as http


def ask(address, *users):
    """The answer, as an HTTP answer."""
    return http.post_json(address, "/api/presence/status", {"userIds": list(users)})


def states(address, *users):
    """{user: {"userId", "status", "lastSeen"}}; None where it cannot say."""
    answer = ask(address, *users)
    return answer.json() if answer.status == 200 else None


def state(address, user):
    """What it says of one user; all of it None where it cannot say."""
    return (states(address, user) or {}).get(user, {"userId": user, "status": None, "lastSeen": None})


def online(address, *users):
    """Those who are, in its order; None where it cannot say."""
    answer = states(address, *users)
    return None if answer is None else [user for user, state in answer.items() if state["status"] == "online"]
