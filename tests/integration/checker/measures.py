"""What a run shows where it does not fail: how much was watched, how late, and how fast it recovered. Seconds."""

from bisect import bisect_right

from .rules import growth
from .truth import Truth
from .views import as_seen, matches

_LATE_SHARES = (0.5, 0.99)


def measure(run):
    journal = run.journal
    stale_calm, stale_all = staleness(run)
    closes = {}
    for connection in journal.connections.values():
        if connection.closed and not connection.close:
            closes[str(connection.closed[1])] = closes.get(str(connection.closed[1]), 0) + 1
    segments = sum(len(segments) for segments in run.truth.segments.values())
    return {
        "duration_s": journal.end - journal.begin,
        "lines": journal.lines,
        "users": len(run.timelines.connections),
        "connections": len(journal.connections),
        "observers": len({session.observer for session in journal.sessions}),
        "observer_sessions": len(journal.sessions),
        "user_seconds": _user_seconds(run),
        "frames": sum(len(session.frames) for session in journal.sessions),
        "answers": sum(len(answer.users or ()) for answer in journal.bulks + journal.singles),
        "answers_refused": sum(answer.users is None for answer in journal.bulks + journal.singles),
        "transitions": len(run.log.rows),
        "epochs": len(run.log.epochs),
        "faults": len(journal.faults),
        "closed_by_server": closes,
        "ends_judged": _ends_judged(run),
        "growth_judged": growth.judged(run),
        "segments_judged": segments,
        "segments_too_short": run.truth.unsettled,
        "users_judged_at_end": sum(run.truth.at(user, journal.end) is not None for user in run.timelines.connections),
        "worst_staleness_calm_s": max(stale_calm, default=None),
        "worst_staleness_s": max(stale_all, default=None),
        **{f"staleness_calm_p{share * 100:g}_s": _share(stale_calm, share) for share in _LATE_SHARES},
        **_recovery(run),
        "worst_stall_ms": max((ms for _, ms, _ in journal.stalls), default=0),
    }


def _user_seconds(run):
    """Seconds of users who were there and must not be shown offline, while somebody watched."""
    watched = run.journal.sessions
    begin, end = min(session.begin for session in watched), max(session.end for session in watched)
    return sum(max(0.0, min(until, end) - max(since, begin))
               for protection in run.timelines.protected.values() for since, until in protection.parts)


def _ends_judged(run):
    """How many ends of a user's last connection were judged: the user stayed away until the bound. Faults put it
    off: where few ends are judged, they have left no calm in between."""
    judged, every = 0, 0
    for user, spans in run.timelines.spans.items():
        connects = [each.connect for each in run.timelines.connections[user]]
        for span in spans:
            if span.ended >= run.journal.end or any(other.ended > span.ended and other.connection.connect <= span.ended
                                                    for other in spans):
                continue
            every += 1
            i = bisect_right(connects, span.ended)
            judged += span.gone_by < (connects[i] if i < len(connects) else run.journal.end)
    return f"{judged} of {every}"


def staleness(run):
    """From the decision to the frame, of what was decided while the observer was there; calm, and all."""
    calm, every = [], []
    for session in run.journal.sessions:
        for t, user, status, at in session.frames:
            rows = run.log.decided_at(user, at)
            if rows and rows[0].t > session.begin and any(matches(status, row.to) for row in rows):
                every.append(t - rows[0].t)
                if run.calendar.all_disturbed.is_calm(rows[0].t):
                    calm.append(t - rows[0].t)
    return calm, every


def _share(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def _recovery(run):
    """For each fault that others leave alone: from its end until every view, Redis and observers, showed what the
    sockets said all the while. Whose edge is lost at that moment, or who is silent, has a bound of their own."""
    worst, worst_fault = 0.0, None
    faults, truth = run.calendar.faults, Truth(run.journal, run.timelines, run.calendar, at_once=True)
    for fault in faults:
        until = min([each.begin for each in faults if each.begin > fault.end] + [run.journal.end])
        if any(each.begin <= fault.end < each.end for each in faults):
            continue
        took = _time_to_agree(run, truth, fault.end, until)
        if took > worst:
            worst, worst_fault = took, f"{fault.name} {fault.target} ({fault.id})"
    return {"worst_recovery_s": worst, "worst_recovery_fault": worst_fault}


def _time_to_agree(run, truth, t, until):
    worst = 0.0
    views = [view for view in run.views if view.session.begin <= t < view.session.end]
    for user in truth.segments:
        segment = truth.around(user, t)
        if segment is None:
            continue
        for row_t, status in _shown_from(run, user, t, min(until, segment.end)):
            if status == segment.status:
                worst = max(worst, row_t - t)
                break
        for view in views:
            expected = as_seen(segment.status, view.session.is_full)
            if view.belief_at(user, t) in (None, expected):
                continue
            seen = view.first_belief(user, expected, t)
            if seen is not None and seen < min(until, segment.end):
                worst = max(worst, seen - t)
    return worst


def _shown_from(run, user, t, until):
    yield t, run.log.status_at(user, t)
    for row in run.log.between(user, t, until):
        yield row.t, row.to
