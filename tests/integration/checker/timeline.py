"""What each client did, and what follows from it for its user:

covered   times in which the connection must keep its user from being shown offline (invariant 1)
gone_by   when it must no longer count at all (invariant 2: the ghost bounds)
between   in neither: whatever is shown is right

All times are monotonic seconds; bounds in service time are turned by ServiceClock."""

from bisect import bisect_right
from dataclasses import dataclass, field

from .bounds import AT_ONCE_S, SAME_MOMENT_S, STALL_S
from .journal import INVISIBLE

# Close codes by which the server says why it ended a connection that its client wanted: silence, or its own end.
GOING_AWAY = 1001


@dataclass
class Span:
    """A connection, judged."""

    connection: object
    covered: list = field(default_factory=list)  # [(begin, end)], ascending
    suspended: list = field(default_factory=list)  # [(begin, end)]: its edge is silent so long that it counts as lost
    gone_by: float = float("inf")
    ended: float = float("inf")  # when its end began
    why: str = "open"  # open, close, closed (by the server), mute, edge-lost, refused


class Timelines:
    """The spans of every user, and the times in which a user is protected."""

    def __init__(self, journal, bounds, service, edges, calendar, log):
        self._journal, self._bounds, self._service = journal, bounds, service
        self._edges, self._calendar, self._log = edges, calendar, log
        by_user = {}
        for connection in journal.connections.values():
            by_user.setdefault(connection.user, []).append(connection)
        self.connections, self.spans, self.protected = by_user, {}, {}
        self._span_of = {}
        for user, connections in by_user.items():
            connections.sort(key=lambda connection: connection.connect)
            opens = sorted(each.opened for each in connections if each.opened is not None)
            spans = [self._judge(each, opens) for each in connections if not each.is_answered_refusal]
            self.spans[user] = spans
            self._span_of.update((span.connection.conn, span) for span in spans)
            self.protected[user] = _Protection(spans, journal.end)

    def protection(self, user, t):
        """(begin, end) of the protected time around t, or None."""
        protection = self.protected.get(user)
        return protection.around(t) if protection else None

    def absence_before(self, user, t):
        """How long the user was unprotected before the protected time around t; None: ever since the run began."""
        return self.protected[user].absence_before(t)

    def span_of(self, connection):
        return self._span_of[connection.conn]

    def _judge(self, connection, opens):
        span = Span(connection)
        self._find_end(span)
        if connection.opened is not None:
            covered = [(connection.opened, min(span.ended, self._journal.end))]
            covered = self._without_silence_of_client(connection, covered)
            span.covered = self._without_silence_of_edge(span, covered)
            self._add_grace(span, opens)
        return span

    # The end of a connection

    def _find_end(self, span):
        connection = span.connection
        lost = self._loss_that_ends(connection)
        if lost is not None:
            span.ended, span.why = lost, "edge-lost"
            span.gone_by = self._edge_gone_by(lost)
        elif connection.close is not None:
            span.ended, span.why = connection.close[0], "close"
            span.gone_by = self._close_gone_by(connection.edge, span.ended)
        elif connection.refused is not None:
            span.ended, span.why = connection.refused[0], "refused"
            span.gone_by = self._close_gone_by(connection.edge, span.ended)
        elif connection.closed is not None and (not connection.lives or connection.closed[1] != GOING_AWAY):
            # Whoever ended it began before the client saw it.
            span.ended, span.why = connection.closed[0] - STALL_S, "closed"
            span.gone_by = self._close_gone_by(connection.edge, connection.closed[0])
            if connection.closed[1] is None and connection.lives:  # broken: silence may be all that the edge sees
                span.gone_by = max(span.gone_by, self._mute_gone_by(connection))
        elif connection.closed is not None or self._is_silent_for_good(connection):
            # 1001 claims silence: true if there was some.
            span.ended, span.why = connection.lives[-1] + self._bounds.life, "mute"
            span.gone_by = self._mute_gone_by(connection)
        if connection.lives and connection.lives[-1] + self._bounds.life < min(span.ended, self._journal.end):
            # However it ended: it had been silent before.
            span.gone_by = min(span.gone_by, self._mute_gone_by(connection))

    def _loss_that_ends(self, connection):
        """When its edge was lost under it, or None. An edge that is stopped closes its sockets a while later."""
        since = connection.opened if connection.opened is not None else connection.connect
        over = min([event[0] for event in (connection.close, connection.refused, connection.closed) if event]
                   or [self._journal.end])
        slack = 0.0 if connection.close and connection.close[0] == over else SAME_MOMENT_S
        lost = self._edges.loss_between(connection.edge, since, over + slack)
        return None if lost is None else min(lost, over)

    def _is_silent_for_good(self, connection):
        return bool(connection.lives) and connection.lives[-1] + self._bounds.life < self._journal.end

    def _edge_gone_by(self, lost):
        return self._calendar.decision().put_off(self._service.latest(lost, self._bounds.edge_gone))

    def _close_gone_by(self, edge, closed):
        """At once, where nothing is broken."""
        return self._told_by(edge, closed, self._service.latest(closed, self._bounds.close_gone))

    def _mute_gone_by(self, connection):
        """Silence is counted in listened time: an edge that did not run may not call its clients silent."""
        last = connection.lives[-1]
        unheard = sum(min(silence.end, self._journal.end) - max(silence.begin, last)
                      for silence in self._edges.silences_of(connection.edge)
                      if silence.end > last and silence.begin < last + self._bounds.mute_gone)
        by = self._service.latest(last, self._bounds.mute_gone) + max(0.0, unheard)
        told = self._told_by(connection.edge, last + self._bounds.life, by)
        # An edge that wakes meanwhile announces the socket again, until it has listened to the silence for long enough.
        wakes = any(last < silence.end < by and not silence.keeps_lease
                    for silence in self._edges.silences_of(connection.edge))
        return max(told, self._calendar.decision(connection.edge).put_off(by)) if wakes else told

    def _told_by(self, edge, since, bound):
        """By when `edge` has said what ended at `since`. One that dies before it could say so is a lost edge; and so,
        past that bound, is one that stays silent."""
        by = self._calendar.decision(edge).put_off(bound)
        lost = self._edges.loss_between(edge, since, by)
        if lost is not None:
            return max(self._calendar.decision().put_off(bound), self._edge_gone_by(lost))
        for silence in self._edges.silences_of(edge):
            if not silence.keeps_lease and silence.begin <= by and silence.end > since:
                gone = self._edge_gone_by(silence.begin)
                if gone < silence.end:
                    by = min(by, max(gone, since))
        return by

    def known_by(self, since):
        """When the cores have surely heard what an edge that nothing happens to has to say since then."""
        return self._calendar.decision().put_off(since + self._bounds.known_after)

    # What protects

    def _without_silence_of_client(self, connection, covered):
        """From TTL - 1 s after a sign of life to the next one, nothing is promised."""
        life, lives, kept = self._bounds.life, connection.lives, []
        for begin, end in covered:
            i = bisect_right(lives, begin)
            while i < len(lives) and lives[i] <= end:
                if lives[i] - lives[i - 1] > life:
                    kept.append((begin, lives[i - 1] + life))
                    begin = lives[i]
                i += 1
            kept.append((begin, min(end, lives[i - 1] + life)))
        return [(begin, end) for begin, end in kept if begin < end]

    def _without_silence_of_edge(self, span, covered):
        """An edge that is not heard cannot say who has come; who was there is kept by its lease, and then the grace."""
        connection = span.connection
        for _, back in self._edges.losses_of(connection.edge):
            if back <= connection.opened:
                # A new edge holds no lease before a core has heard it.
                covered = _cut(covered, back, self.known_by(back))
        for silence in self._edges.silences_of(connection.edge):
            back = self._calendar.recovered(silence.end)
            kept_until = float("inf") if silence.keeps_lease else self._kept_until(silence)
            if self.known_by(connection.opened) >= silence.begin:
                # One that may have lost its lease must join again before it can say anything.
                lease_until = self._service.earliest(silence.begin, self._bounds.lease_kept)
                held = silence.keeps_lease or lease_until > silence.end
                heard = silence.end if held else self.known_by(silence.end)
                if connection.opened <= heard:
                    covered = _cut(covered, connection.opened, back)
                continue
            if kept_until < silence.end:
                covered = _cut(covered, kept_until, back)
                self._suspend(span, silence)
        return covered

    def _kept_until(self, silence):
        """Lost data takes the grace away: then it is the lease that is waited for. So it does where the edge fell silent
        before it had said everything again."""
        until = self._service.earliest(silence.begin, self._bounds.lease_kept + self._bounds.grace_kept)
        loss = self._log.loss_between(silence.begin - AT_ONCE_S, min(until, silence.end))
        if loss is None:
            return until
        return min(until, max(loss[0], self._service.earliest(silence.begin, self._bounds.lease_kept)))

    def _suspend(self, span, silence):
        """Past the bound of a lost edge everybody has seen its users offline, until it is heard again."""
        gone = self._edge_gone_by(silence.begin)
        if gone < silence.end and span.ended > silence.end:
            span.suspended.append((gone, silence.end))

    def _add_grace(self, span, opens):
        """Users of a lost edge have the grace to appear elsewhere; once they have, that is what counts. Who closed
        while it was stopping wanted to go; of whom it had no time to speak, nobody knows."""
        if span.connection.close is not None or self.known_by(span.connection.opened) >= span.ended:
            return
        if span.why != "edge-lost" or not span.covered or span.covered[-1][1] < span.ended:
            return
        until = self._service.earliest(span.ended, self._bounds.grace_kept)
        for silence in self._edges.silences_of(span.connection.edge):
            # One that dies before it is heard again was lost when it fell silent: the grace runs from there.
            if not silence.keeps_lease and silence.end <= span.ended <= self.known_by(silence.end):
                until = min(until, self._kept_until(silence))
        i = bisect_right(opens, span.ended)
        if i < len(opens):
            until = min(until, opens[i])
        loss = self._log.loss_between(span.ended, until)
        if loss is not None:
            until = min(until, max(loss[0], span.ended))
        span.covered[-1] = (span.covered[-1][0], max(span.ended, until))


class _Protection:
    """Times in which a user may not be shown offline: covered by some connection without a gap, and not hidden."""

    def __init__(self, spans, end):
        covered = _merged(sorted(part for span in spans for part in span.covered))
        for begin, until in _hidden(spans, end):
            covered = _cut(covered, begin, until)
        self.parts = covered
        self._begins = [begin for begin, _ in covered]

    def around(self, t):
        i = bisect_right(self._begins, t) - 1
        return self.parts[i] if i >= 0 and t < self.parts[i][1] else None

    def absence_before(self, t):
        i = bisect_right(self._begins, t) - 1
        return self.parts[i][0] - self.parts[i - 1][1] if i > 0 else None


def _hidden(spans, end):
    """While a connection is invisible, from when it says so until it says otherwise, or may not count any more."""
    for span in spans:
        statuses = span.connection.statuses
        for i, (t, status) in enumerate(statuses):
            if status == INVISIBLE:
                until = statuses[i + 1][0] if i + 1 < len(statuses) else min(span.gone_by, end)
                yield t, until


def _merged(parts):
    """Of sorted ones; those that touch become one."""
    merged = []
    for begin, end in parts:
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _cut(parts, begin, end):
    """Without [begin, end]."""
    kept = []
    for part in parts:
        if part[1] <= begin or part[0] >= end:
            kept.append(part)
            continue
        kept += [(a, b) for a, b in ((part[0], begin), (end, part[1])) if a < b]
    return kept
