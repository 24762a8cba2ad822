"""The two clocks besides CLOCK_MONOTONIC: real time, in which decisions are dated, and service time, in which the
published bounds are (DESIGN section 2: "One clock")."""

from bisect import bisect_left, bisect_right

# Between two readings of service time that are further apart than this, nobody knows when it stood still.
READABLE_GAP_S = 1.0


class WallClock:
    """unix ms -> monotonic seconds. Real time is slewed while a run lasts, so the offset is measured over and over."""

    def __init__(self, journal):
        rows = [(row[0], row[4]) for row in journal.clock if row[4] is not None]
        rows.insert(0, (journal.begin, journal.run["unix_offset"]))
        self._times = [t + offset for t, offset in rows]  # unix seconds
        self._offsets = [offset for _, offset in rows]

    def monotonic(self, unix_ms):
        unix = unix_ms / 1000
        return unix - self._offsets[max(0, bisect_right(self._times, unix) - 1)]


class ServiceClock:
    """Service time as it was read, in seconds since the first reading. It begins anew where Redis lost its data."""

    def __init__(self, rows):
        self._t = [row[0] for row in rows]
        self._service = [0.0]
        for before, row in zip(rows, rows[1:]):
            passed = (row[1] - before[1]) / 1000
            if passed < 0:
                passed = min(row[1] / 1000, row[0] - before[0])
            self._service.append(self._service[-1] + passed)

    def _between(self, t, late):
        """Service time at t. In a gap between readings: what it may have been at most (`late`), or at least."""
        i = bisect_right(self._t, t) - 1
        if i < 0:
            return self._service[0] + (t - self._t[0])
        if i == len(self._t) - 1:
            return self._service[i] + (t - self._t[i])
        width = self._t[i + 1] - self._t[i]
        if width > READABLE_GAP_S:
            if t == self._t[i]:
                return self._service[i]
            return self._service[i + 1] if late else self._service[i]
        return self._service[i] + (self._service[i + 1] - self._service[i]) * (t - self._t[i]) / width

    def latest(self, since, seconds):
        """The monotonic time by which `seconds` of service time have surely passed since `since`."""
        return self._reach(self._between(since, late=True) + seconds, late=True)

    def earliest(self, since, seconds):
        """The monotonic time before which they surely have not."""
        return self._reach(self._between(since, late=False) + seconds, late=False)

    def _reach(self, service, late):
        i = bisect_left(self._service, service)
        if i == 0:
            return self._t[0] + (service - self._service[0])
        if i == len(self._service):
            return self._t[-1] + (service - self._service[-1])
        width = self._t[i] - self._t[i - 1]
        if width > READABLE_GAP_S:
            return self._t[i] if late else self._t[i - 1]
        part = (service - self._service[i - 1]) / (self._service[i] - self._service[i - 1])
        return self._t[i - 1] + width * part
