"""Invariant 8, and what Redis and the queries say at the end (invariant 10)."""

from ..bounds import RECOVERY_S
from ..journal import OFFLINE
from ..transitions import UNKNOWN
from ..violation import of_run, of_user


def check(run):
    for user, state in run.journal.states.items():
        shown = state["status"] != OFFLINE
        for kind, there, expected, key in (
            ("mirror", state["mirror"], shown, f"presence:user:{user}"),
            ("online-set", state["online"], shown, "a place in presence:online"),
            ("ends", state["ends"], state["has_ends_at"], "a place in presence:ends"),
        ):
            if bool(there) != bool(expected):
                yield of_user(run, kind, user, run.journal.end,
                              f"has {'' if there else 'not '}{key}; status {state['status']}, "
                              f"something of theirs has an ends_at: {state['has_ends_at']}")
    yield from _check_final(run)
    yield from _check_answering(run)


def _check_final(run):
    end = run.journal.end
    for user in run.timelines.connections:
        segment = run.truth.at(user, end)
        if segment is None:
            continue
        state = run.journal.states.get(user)
        status = state["status"] if state else OFFLINE
        # Where the log is wrong as well, agreement has found it.
        if status != segment.status and run.log.status_at(user, end) in (segment.status, UNKNOWN):
            yield of_user(run, "view", user, end, f"{status} in Redis at the end, {segment.status} by their sockets")


def _check_answering(run):
    errors = [answer for answer in run.journal.bulks
              if answer.users is None and answer.asked > run.journal.quiet + RECOVERY_S]
    if errors:
        yield of_run(run, "view", errors[0].asked,
                     f"{len(errors)} bulk queries asked later than {RECOVERY_S:g} s after the last fault had no answer")
