"""Invariants 2, 6 and 10: once a user's sockets have been as they are for long enough, Redis shows it (Truth says from
when on), and a little later so does every observer."""

from ..bounds import AT_ONCE_S, CLOCK_S, DELIVERY_S
from ..journal import OFFLINE
from ..transitions import UNKNOWN
from ..views import as_seen
from ..violation import of_user


def check(run):
    """One violation a user and segment: where Redis is wrong, who sees it cannot be right."""
    views = sorted(run.views, key=lambda view: view.session.begin)
    for user, segments in run.truth.segments.items():
        for segment in segments:
            wrong = _wrong_in_log(run, user, segment)
            if wrong is None:
                wrong = _wrong_at_observers(run, views, user, segment)
            if wrong is not None:
                yield wrong


def _wrong_in_log(run, user, segment):
    shown = run.log.status_at(user, segment.settled)
    if shown is not UNKNOWN and shown != segment.status:
        return of_user(run, _kind(segment.status, shown), user, segment.settled,
                       f"{shown} in Redis, {segment.settled - segment.begin:.3f} s after {_words(segment)}")
    for row in run.log.between(user, segment.settled, segment.end - CLOCK_S):
        # That it is offline is judged by false_offline.
        if row.to in (segment.status, OFFLINE) or _comes_right(run, user, segment, row):
            continue
        return of_user(run, "stale-change", user, row.t,
                       f"became {row.to} ({row.reason}, seq {row.seq}) {row.t - segment.begin:.3f} s after "
                       f"{_words(segment)}")
    return None


def _comes_right(run, user, segment, row):
    """Who is there may be announced anew connection by connection, after a fault; who is gone may not."""
    if segment.status == OFFLINE and not segment.hidden:
        return False
    by = run.calendar.decision(row.edge).put_off(row.t)
    return by > row.t and (by >= segment.end or run.log.status_at(user, by) in (UNKNOWN, segment.status))


def _wrong_at_observers(run, views, user, segment):
    wrong, first = {}, None
    for view in views:
        if view.session.begin > segment.end:
            break
        found = _wrong_belief(run, view, user, segment)
        if found is not None:
            wrong[view.session.observer] = found[1]
            first = found[0] if first is None else min(first, found[0])
    if not wrong:
        return None
    # Redis knew, and it did not arrive. Where nobody knows what Redis said, who is shown too long is a ghost.
    in_log = run.log.status_at(user, first)
    kind = "ghost" if in_log is UNKNOWN and segment.status == OFFLINE else "lost"
    told = ", ".join(f"{observer}: {seen}" for observer, seen in sorted(wrong.items()))
    return of_user(run, kind, user, first, f"{told}; {first - segment.begin:.3f} s after {_words(segment)}")


def _wrong_belief(run, view, user, segment):
    """(t, status): when it had to be right, or when it became wrong again and stayed so; None where all is well."""
    session, by = view.session, _must_know_by(run, view.session, segment)
    until, expected = min(segment.end, session.end), as_seen(segment.status, session.is_full)
    if by >= until:
        return None
    belief = view.belief_at(user, by)
    if belief not in (None, expected):
        return by, belief
    t, belief = view.last_word(user, until) or (by, expected)
    if t <= by or belief == expected or run.calendar.delivery(session).put_off(t + DELIVERY_S) >= until:
        return None
    # Whoever is wrong as Redis is was found there.
    return (t, belief) if run.log.status_at(user, until) in (UNKNOWN, segment.status) else None


def _must_know_by(run, session, segment):
    delivery = run.calendar.delivery(session)
    by = delivery.put_off(segment.settled + DELIVERY_S)
    if session.begin > segment.begin:
        by = max(by, delivery.put_off(session.begin + AT_ONCE_S + DELIVERY_S))
    return by


def _kind(truth, shown):
    if truth == OFFLINE:
        return "ghost"
    return "late-online" if shown == OFFLINE else "wrong-status"


def _words(segment):
    return "the last socket was to be gone or hidden" if segment.status == OFFLINE else f"{segment.status} was certain"
