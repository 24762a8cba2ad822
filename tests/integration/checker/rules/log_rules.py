"""Invariants 4 and 5 in presence:log: no number is missing, and each user's transitions follow each other."""

from ..journal import OFFLINE
from ..violation import of_run, of_user


def check(run):
    yield from _check_numbers(run)
    for user, rows in run.log.by_user.items():
        for before, row in zip([None, *rows], rows):
            if before is not None and before.epoch != row.epoch:
                before = None  # what was lost in between nobody knows
            if before is not None and before.to == OFFLINE == row.to:
                yield of_user(run, "double-offline", user, row.t,
                              f"offline at seq {before.seq} and again at seq {row.seq}, never online in between")
            elif row.was == row.to or (before is not None and before.to != row.was):
                yield of_user(run, "log-chain", user, row.t,
                              f"seq {row.seq} is {row.was}->{row.to}, before it was {before.to if before else '?'}")


def _check_numbers(run):
    """Within an epoch. The end of an epoch whose data was lost may be missing; that of the last one may not."""
    before = None
    for row in run.log.rows:
        if before is not None and before.epoch == row.epoch and row.seq != before.seq + 1:
            yield of_run(run, "log-hole", row.t, f"seq {before.seq} is followed by {row.seq} in epoch {row.epoch}")
        before = row
    last_epoch = run.log.epochs[-1]
    seen = run.log.seqs_seen.get(last_epoch, 0)
    if before is not None and before.epoch == last_epoch and before.seq < seen:
        yield of_run(run, "log-hole", run.journal.end, f"the log ends at seq {before.seq}, presence:seq was {seen}")
