"""Invariants 3 and 4, and that every frame stands for something that was decided.

A frame is matched to the log's transition by user, status and `at`. One kind has no transition of its own: where a
fanout or an edge finds a user missing from a fresh view, it tells offline with the time of finding. That is right
if the log said offline by then, or had lost the user with its data."""

from ..bounds import CLOCK_S
from ..journal import OFFLINE
from ..transitions import UNKNOWN
from ..views import matches
from ..violation import of_user
from .false_offline import protection


def check(run):
    for session in run.journal.sessions:
        yield from _check_session(run, session)


def _check_session(run, session):
    last_status, last_position = {}, {}
    for t, user, status, at in session.frames:
        if last_status.get(user) == status:
            yield of_user(run, "duplicate", user, t, f"{session.observer} was told {status} twice in a row")
        last_status[user] = status
        before = last_position.get(user, (0, 0))
        position = _position(run, session, user, status, at, before)
        if position is None:
            yield from _check_unmatched(run, session, t, user, status, at)
        elif position <= before:
            yield of_user(run, "order", user, t,
                          f"{session.observer} was told {status} of {_text(position)} after {_text(before)}")
        else:
            last_position[user] = position


def _text(position):
    return "{}/{}".format(*position)


def _position(run, session, user, status, at, before):
    """(epoch, seq) of the transition that the frame tells of, or None. Of several in one millisecond: the next."""
    positions = [(row.epoch, row.seq) for row in run.log.decided_at(user, at)
                 if (row.to == status if session.is_full else matches(status, row.to))]
    return next((position for position in positions if position > before), positions[-1] if positions else None)


def _check_unmatched(run, session, t, user, status, at):
    decided = run.wall.monotonic(at)
    seen = f"{t - run.journal.begin:.3f}"
    shown = run.log.statuses_between(user, min(decided, t) - CLOCK_S, t)
    if any(each is not UNKNOWN and matches(status, each) for each in shown):
        return
    if status == OFFLINE and protection(run, user, decided, decided):
        yield of_user(run, "false-offline", user, decided, f"{session.observer} was told offline in a frame, while a "
                      f"socket was there and the log said {_words(shown)}", frame_seen=seen)
    elif UNKNOWN not in shown:
        yield of_user(run, "unfounded", user, decided,
                      f"{session.observer} was told {status} while the log said {_words(shown)}", frame_seen=seen)


def _words(shown):
    return ", ".join(sorted(each or "unknown" for each in shown))
