"""What everybody should see of a user, from their sockets alone: segments of time with one effective status
(DESIGN section 3: busy > online > away, invisible hides), and from when on every view must show it."""

from bisect import bisect_right
from dataclasses import dataclass

from .bounds import AT_ONCE_S
from .journal import INVISIBLE, OFFLINE

_GONE, _UNSURE = None, "?"


@dataclass
class Segment:
    begin: float
    end: float
    status: str
    settled: float  # from here on Redis must say so
    hidden: bool = False  # offline, and there


class Truth:
    """Segments in which the status is certain and which last until they must be seen; `unsettled` counts the others.
    Users who were only ever refused have none. `at_once`: who closes is gone in that moment, to measure from there."""

    def __init__(self, journal, timelines, calendar, at_once=False):
        self._calendar, self._at_once, self._known_by = calendar, at_once, timelines.known_by
        self.segments, self.unsettled, self._begins = {}, 0, {}
        for user, spans in timelines.spans.items():
            self.segments[user] = self._segments(spans, journal.begin, journal.end) if spans else []
            self._begins[user] = [segment.begin for segment in self.segments[user]]

    def at(self, user, t):
        """The settled segment around t, or None where nothing is certain (yet)."""
        segment = self.around(user, t)
        return segment if segment is not None and segment.settled <= t else None

    def around(self, user, t):
        """The segment around t, settled by then or not, or None."""
        segments = self.segments.get(user)
        i = bisect_right(self._begins[user], t) - 1 if segments else -1
        return segments[i] if i >= 0 and t <= segments[i].end else None

    def _segments(self, spans, begin, end):
        segments, states = [], {}
        since, status = begin, OFFLINE
        settled, hidden = begin, False
        for t, changes in _grouped(point for i, span in enumerate(spans) for point in self._points(i, span, end)):
            states.update(changes)
            new = _effective(states)
            if new == status:
                continue
            self._keep(segments, Segment(since, t, status, settled, hidden))
            since, status = t, new
            settled, hidden = self._settled(t, states, spans), new == OFFLINE and INVISIBLE in states.values()
        self._keep(segments, Segment(since, end, status, settled, hidden))
        return segments

    def _keep(self, segments, segment):
        if segment.status is _UNSURE:
            return
        if segment.settled < segment.end:
            segments.append(segment)
        elif segment.begin < segment.end:
            self.unsettled += 1

    def _settled(self, t, states, spans):
        """`gone_by` has all that a ghost is granted; who is there must be seen at once."""
        edges = {spans[i].connection.edge for i, state in states.items() if state is not _GONE}
        return max((self._calendar.decision(edge).put_off(t + AT_ONCE_S) for edge in edges), default=t)

    def _points(self, i, span, end):
        """(t, i, state): a status while the connection counts for sure, _GONE while it surely does not."""
        connection = span.connection
        yield connection.connect, i, _UNSURE
        statuses = [(connection.connect, "online"), *((t, status if self._is_heard(span, t) else _UNSURE)
                                                      for t, status in connection.statuses)]
        for begin, until in span.covered:
            yield begin, i, [status for t, status in statuses if t <= begin][-1]
            for t, status in statuses:
                if begin < t < until:
                    yield t, i, status
            if until < end:
                yield until, i, _UNSURE
        for begin, until in span.suspended:
            yield begin, i, _GONE
            yield until, i, _UNSURE
        gone = span.ended if self._at_once and span.why in ("close", "closed", "refused") else span.gone_by
        if gone < end:
            yield gone, i, _GONE

    def _is_heard(self, span, t):
        """What an edge was told just before it was lost, it may have had no time to say."""
        return span.why != "edge-lost" or self._known_by(t) < span.ended


def _grouped(points):
    """(t, {i: state}) by time; of one time and connection the last counts."""
    rows, now, changes = sorted(points, key=lambda point: point[0]), None, {}
    for t, i, state in rows:
        if t != now and changes:
            yield now, changes
            changes = {}
        now = t
        changes[i] = state
    if changes:
        yield now, changes


def _effective(states):
    shown = set(states.values()) - {_GONE}
    if _UNSURE in shown:
        return _UNSURE
    if INVISIBLE in shown:
        return OFFLINE
    return next((status for status in ("busy", "online", "away") if status in shown), OFFLINE)
