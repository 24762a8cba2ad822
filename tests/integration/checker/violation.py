"""A violation, and the context that is needed to look into it."""

from dataclasses import dataclass, field

_AROUND_S = 30.0
_SHORTLY_S = 10.0
_MOST = 6

# kind -> the invariant of DESIGN section 8 that it breaks.
KINDS = {
    "false-offline": 1,
    "ghost": 2,
    "duplicate": 3,
    "order": 4,
    "log-hole": 4,
    "log-chain": 4,
    "double-offline": 5,
    "stale-change": 6,
    "wrong-status": 6,
    "device-closed": 7,
    "mirror": 8,
    "online-set": 8,
    "ends": 8,
    "bulk-single": 9,
    "answer": 9,
    "late-online": 10,
    "lost": 10,
    "view": 10,
    "unfounded": 10,
    "unprompted-close": 1,
    "trace": 11,
    "growth": 12,
}


@dataclass
class Violation:
    kind: str
    t: float  # monotonic seconds; `at_s` of the report is since the run's begin
    user: str | None
    text: str
    context: dict = field(default_factory=dict)

    @property
    def invariant(self):
        return KINDS[self.kind]


def of_user(run, kind, user, t, text, **more):
    """With the user's connections, transitions and the faults near t."""
    begin = run.journal.begin
    context = {
        "connections": [_connection(each, begin) for each in _near(run.timelines.connections.get(user, []), t)],
        "transitions": [f"{row.t - begin:.3f} {row.epoch}/{row.seq} {row.was}->{row.to} {row.reason} {row.edge}"
                        for row in run.log.between(user, t - _AROUND_S, t + _AROUND_S)[-2 * _MOST:]],
        "faults": faults_near(run, t),
        **more,
    }
    return Violation(kind, t, user, text, context)


def of_run(run, kind, t, text, **more):
    return Violation(kind, t, None, text, {"faults": faults_near(run, t), **more})


def faults_near(run, t):
    begin = run.journal.begin
    return [f"{fault.begin - begin:.3f}..{fault.end - begin:.3f} {fault.name} {fault.target} ({fault.id})"
            for fault in run.calendar.nearest(t)]


def _near(connections, t):
    """Those that were there shortly before t or then, and the next."""
    before = [each for each in connections if each.connect <= t]
    there = [each for each in before if _end(each) > t - _SHORTLY_S]
    return (there or before)[-_MOST:] + [each for each in connections if each.connect > t][:1]


def _end(connection):
    return min((event[0] for event in (connection.refused, connection.close, connection.closed) if event),
               default=float("inf"))


def _connection(connection, begin):
    parts = [f"{connection.conn} at {connection.edge}: connect {connection.connect - begin:.3f}"]
    if connection.opened is not None:
        parts.append(f"open {connection.opened - begin:.3f}")
    parts += [f"{status} {t - begin:.3f}" for t, status in connection.statuses[-3:]]
    if connection.lives:
        parts.append(f"last life {connection.lives[-1] - begin:.3f}")
    if connection.mute is not None:
        parts.append(f"mute {connection.mute - begin:.3f}")
    for name in ("refused", "close", "closed"):
        event = getattr(connection, name)
        if event is not None:
            parts.append(f"{name} {event[0] - begin:.3f} ({event[1]})")
    return ", ".join(parts)
