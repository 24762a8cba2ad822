"""What an observer believed of a user at any time, from the frames and the snapshot of one connection."""

from bisect import bisect_right

from .journal import OFFLINE, VISIBLE


def as_seen(status, is_full):
    """Basic clients know online and offline only (proto/WIRE.md)."""
    return "online" if status in VISIBLE and not is_full else status


def matches(seen, status):
    """Whether `seen`, from a client or an answer that may be basic, can stand for `status`."""
    return seen == status or (seen == "online" and status in VISIBLE)


class View:
    """Takes the newest word on each user, of 31 and 32 alike. Whom a whole snapshot does not name is offline; without
    a snapshot, an observer is taken to know what was shown when it came."""

    def __init__(self, session, log):
        self.session = session
        self._log = log
        self.complete_at = next((t for t, _, last in session.snapshots if last), None)
        self._beliefs = {}
        words = [(t, user, status) for t, user, status, _ in session.frames]
        for t, users, _ in session.snapshots:
            words += [(t, user, status) for user, status in users.items()]
        words.sort(key=lambda word: word[0])
        for t, user, status in words:
            times, statuses = self._beliefs.setdefault(user, ([], []))
            times.append(t)
            statuses.append(status)

    def last_word(self, user, t):
        """(t, status): what it was told last, up to t, or None."""
        times, statuses = self._beliefs.get(user, ((), ()))
        i = bisect_right(times, t)
        return (times[i - 1], statuses[i - 1]) if i else None

    def belief_at(self, user, t):
        """None where it cannot have one."""
        word = self.last_word(user, t)
        if word is not None:
            return word[1]
        if not self.session.snapshots:
            status = self._log.status_at(user, self.session.begin)
            return None if status is None else as_seen(status, self.session.is_full)
        return OFFLINE if self.complete_at is not None and t >= self.complete_at else None

    def first_belief(self, user, status, since):
        """When it first believed so, from `since` on; None: never."""
        if self.belief_at(user, since) == status:
            return since
        times, statuses = self._beliefs.get(user, ((), ()))
        for i in range(bisect_right(times, since), len(times)):
            if statuses[i] == status:
                return times[i]
        return None

    def heard_between(self, user, begin, end):
        times, _ = self._beliefs.get(user, ((), ()))
        return bisect_right(times, end) > bisect_right(times, begin)
