"""Invariants 1 and 7: nobody is shown offline while a socket of theirs is open.

Judged when it was decided: by the log's time of a transition. What a frame says beside the log is judged by its `at`;
what answers and snapshots say, in answers.py."""

from ..bounds import CLOCK_S
from ..journal import OFFLINE
from ..violation import of_user

# A user is said to be taken offline by the close of a device if it came so shortly before.
_BY_THE_CLOSE_S = 2.0


def check(run):
    for row in run.log.rows:
        if row.to != OFFLINE:
            continue
        protected = protection(run, row.user, row.t, row.t)
        if protected:
            kind = "device-closed" if _is_by_close_of_another(run, row) else "false-offline"
            yield of_user(run, kind, row.user, row.t,
                          f"offline was decided ({row.reason}, seq {row.seq}) {row.t - protected[0]:.3f} s after a "
                          f"socket was there that lasted {protected[1] - row.t:.3f} s longer{_absence(run, row)}",
                          seen_by=sorted(run.told_offline.get((row.user, row.at), ())))


def _absence(run, row):
    """Whoever was really away before is told offline late; whoever moved was never away."""
    absence_s = run.timelines.absence_before(row.user, row.t)
    return "" if absence_s is None else f"; before that, none for {absence_s:.3f} s"


def protection(run, user, begin, end):
    """The protected time around all of [begin, end], if it has lasted long enough for the user to be known."""
    around = run.timelines.protection(user, begin)
    if around and begin - around[0] > run.bounds.known_after and end + CLOCK_S < around[1]:
        return around
    return None


def _is_by_close_of_another(run, row):
    """A device was closed, another one had been open before and still was."""
    connections = run.timelines.connections[row.user]
    closes = [each.close[0] for each in connections if each.close and each.close[0] <= row.t + CLOCK_S]
    if not closes or row.t - max(closes) > _BY_THE_CLOSE_S or row.reason != "closed":
        return False
    return any(begin + run.bounds.known_after < max(closes) and row.t < end
               for span in run.timelines.spans[row.user] for begin, end in span.covered)
