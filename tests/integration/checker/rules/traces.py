"""Invariant 11: who was only ever refused is nowhere: not in the log, at an observer, in an answer or in Redis."""

from ..journal import OFFLINE
from ..violation import of_user


def check(run):
    strangers = {user for user, connections in run.timelines.connections.items()
                 if all(each.is_answered_refusal for each in connections)}
    if not strangers:
        return
    found = {}
    for t, user, where in _mentions(run):
        if user in strangers and user not in found:
            found[user] = (t, where)
    for user, (t, where) in found.items():
        yield of_user(run, "trace", user, t, f"was only ever refused, and is in {where}")


def _mentions(run):
    for row in run.log.rows:
        yield row.t, row.user, f"the log (seq {row.seq}, {row.reason})"
    for session in run.journal.sessions:
        for t, user, status, _ in session.frames:
            yield t, user, f"a frame at {session.observer} ({status})"
        for t, users, _ in session.snapshots:
            for user in users:
                yield t, user, f"a snapshot at {session.observer}"
    for answer in run.journal.bulks + run.journal.singles:
        for user, status in (answer.users or {}).items():
            if status != OFFLINE:
                yield answer.t, user, f"an answer ({status})"
    for user, state in run.journal.states.items():
        if state["status"] != OFFLINE or state["mirror"] or state["ends"] or state["online"] or state.get("meta"):
            yield run.journal.end, user, "Redis"
