"""presence:log as it was read: what was decided, when, and what everybody was to be shown as at any time."""

from bisect import bisect_left, bisect_right

from .journal import OFFLINE

UNKNOWN = None  # data was lost and the user has had no transition since, or nobody knows whether it was


class TransitionLog:
    def __init__(self, journal, wall):
        self.rows = _without_repeats(journal.transitions)
        for row in self.rows:
            row.t = wall.monotonic(row.at)
        self.by_user = {}
        for row in self.rows:
            self.by_user.setdefault(row.user, []).append(row)
        self._times = {user: [row.t for row in rows] for user, rows in self.by_user.items()}
        self._read_epochs(journal, wall)
        self._by_decision = {}
        for row in self.rows:
            self._by_decision.setdefault((row.user, row.at), []).append(row)

    def _read_epochs(self, journal, wall):
        """An epoch's number is when it began (unix ms). Before that, since the last sight of another, data was lost."""
        last_seen, self.seqs_seen = {}, {}
        for t, _, epoch, seq, _ in journal.clock:
            last_seen[epoch] = t
            self.seqs_seen[epoch] = max(seq, self.seqs_seen.get(epoch, 0))
        for row in self.rows:
            last_seen[row.epoch] = max(row.t, last_seen.get(row.epoch, row.t))
        self.epochs = sorted(last_seen)
        self._begins = [wall.monotonic(epoch) for epoch in self.epochs]
        self.losses = [(min(last_seen[before], begin), begin)
                       for before, begin in zip(self.epochs, self._begins[1:])]

    def loss_between(self, begin, end):
        """The first loss of data (from, to) that touches [begin, end], or None."""
        return next((loss for loss in self.losses if loss[0] <= end and loss[1] >= begin), None)

    def _epoch_index(self, t):
        """UNKNOWN while data is being lost."""
        i = max(0, bisect_right(self._begins, t) - 1)
        if i < len(self.losses) and t > self.losses[i][0]:
            return UNKNOWN
        return i

    def status_at(self, user, t):
        """Shown status at t, or UNKNOWN. Who has never been in the log is offline."""
        return self._status_after(user, bisect_right(self._times.get(user, ()), t), t)

    def _status_after(self, user, count, t):
        index = self._epoch_index(t)
        if index is UNKNOWN:
            return UNKNOWN
        if count == 0:
            rows = self.by_user.get(user)
            if rows and rows[0].epoch == self.epochs[0]:
                return rows[0].was
            return OFFLINE if index == 0 else UNKNOWN
        row = self.by_user[user][count - 1]
        return row.to if row.epoch == self.epochs[index] else UNKNOWN

    def between(self, user, begin, end):
        """Transitions decided in [begin, end], by time."""
        times = self._times.get(user, ())
        return self.by_user[user][bisect_left(times, begin):bisect_right(times, end)] if times else []

    def statuses_between(self, user, begin, end):
        """All that was shown in [begin, end]; UNKNOWN among them where it is."""
        statuses = {self.status_at(user, begin), *(row.to for row in self.between(user, begin, end))}
        if self.loss_between(begin, end):
            statuses.add(UNKNOWN)
        return statuses

    def decided_at(self, user, at):
        """The transitions that carry exactly this time (unix ms)."""
        return self._by_decision.get((user, at), [])

    def last_at(self, user, t):
        """The newest transition up to t, or None."""
        count = bisect_right(self._times.get(user, ()), t)
        return self.by_user[user][count - 1] if count else None


def _without_repeats(rows):
    """By position. The log may have been read twice; that two rows of one position differ is found by log_rules."""
    seen, kept = set(), []
    for row in sorted(rows, key=lambda row: (row.epoch, row.seq)):
        key = (row.epoch, row.seq, row.user, row.was, row.to, row.at)
        if key not in seen:
            seen.add(key)
            kept.append(row)
    return kept
