"""Invariant 9, and 1 and 2 in what is asked: an answer says what the log said at some time between the question and
the answer, and a bulk answer says what a single one says if nothing was decided in between.

A snapshot is an answer too: asked at the handshake, before the client sees that one answered, and offline of
everybody whom it does not name."""

from bisect import bisect_left

from ..bounds import CLOCK_S, STALL_S
from ..journal import OFFLINE
from ..transitions import UNKNOWN
from ..views import matches
from ..violation import of_user
from .false_offline import protection

# A single answer is compared with the bulk answers this near to it, this many each way.
_NEAR_S = 5.0
_MOST = 5


def check(run):
    compared = set()
    for violation, answer in _compare_singles(run):
        compared.add((violation.user, id(answer)))
        yield violation
    for what, answers in (("bulk", run.journal.bulks), ("single", run.journal.singles)):
        for answer in answers:
            for user, said in (answer.users or {}).items():
                if not matches(said, run.log.status_at(user, answer.asked)) and (user, id(answer)) not in compared:
                    yield from _check_one(run, what, user, said, answer.asked, answer.t)
    for view in run.views:
        yield from _check_snapshot(run, view)


def _check_snapshot(run, view):
    session, named = view.session, set()
    asked = session.begin - STALL_S
    for t, users, _ in session.snapshots:
        named.update(users)
        for user, said in users.items():
            yield from _check_one(run, "snapshot", user, said, asked, t)
    if view.complete_at is not None:
        for user in (run.timelines.connections.keys() | run.log.by_user.keys()) - named:
            # Who was told meanwhile, by a 31, had no need to be named.
            if not view.heard_between(user, asked, view.complete_at):
                yield from _check_one(run, "snapshot", user, OFFLINE, asked, view.complete_at)


def _check_one(run, what, user, said, asked, t):
    shown = run.log.statuses_between(user, asked - CLOCK_S, t + CLOCK_S)
    if any(each is not UNKNOWN and matches(said, each) for each in shown):
        return
    words = f"{what} says {said}, asked {t - asked:.3f} s before; the log: " \
            f"{', '.join(sorted(each or 'unknown' for each in shown))}"
    if said == OFFLINE:
        protected = protection(run, user, asked, t)
        if protected and _was_shown(run, user, protected[0], asked):
            yield of_user(run, "false-offline", user, t, words)
            return
    else:
        segment = run.truth.at(user, asked)
        if segment is not None and segment.status == OFFLINE and t < segment.end:
            yield of_user(run, "ghost", user, t, words)
            return
    if UNKNOWN not in shown:
        yield of_user(run, "answer", user, t, words)


def _was_shown(run, user, begin, end):
    """Who was not is late, not falsely offline."""
    return bool(run.log.statuses_between(user, begin, end) - {OFFLINE, UNKNOWN})


def _compare_singles(run):
    bulks = [answer for answer in run.journal.bulks if answer.users is not None]
    times = [answer.t for answer in bulks]
    for single in run.journal.singles:
        for user, said in (single.users or {}).items():
            for bulk in _near(bulks, times, single, user):
                if bulk.users[user] != said and not _changed_between(run, user, single, bulk):
                    yield _difference(run, user, single, bulk)
                    break


def _difference(run, user, single, bulk):
    """(violation, the answer that the log contradicts). Where that one is a ghost or a false offline, it is that."""
    wrong = single if matches(bulk.users[user], run.log.status_at(user, bulk.asked)) else bulk
    worse = [each for each in _check_one(run, "an answer", user, wrong.users[user], wrong.asked, wrong.t)
             if each.kind != "answer"]
    words = (f"bulk (asked at {bulk.asked - run.journal.begin:.3f}) says {bulk.users[user]}, single says "
             f"{single.users[user]}, and nothing was decided in between")
    return (worse or [of_user(run, "bulk-single", user, single.t, words)])[0], wrong


def _near(bulks, times, single, user):
    i = bisect_left(times, single.t)
    for answers in (bulks[max(0, i - _MOST):i][::-1], bulks[i:i + _MOST]):
        for answer in answers:
            if user in answer.users and abs(answer.t - single.t) < _NEAR_S:
                yield answer
                break


def _changed_between(run, user, one, other):
    begin, end = min(one.asked, other.asked) - CLOCK_S, max(one.t, other.t) + CLOCK_S
    return bool(run.log.between(user, begin, end) or run.log.loss_between(begin, end))
