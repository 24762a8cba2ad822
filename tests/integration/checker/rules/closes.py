"""The other way to break invariant 1: to close the socket of a client that is there, and then to call it offline."""

from ..bounds import CLOCK_S
from ..timeline import GOING_AWAY
from ..violation import of_user


def check(run):
    """Closed as silent (1001), or without a word, while nothing was broken, TTL - 1 s or less after a sign of life."""
    for connection in run.journal.connections.values():
        if connection.closed is None or connection.opened is None or connection.close is not None:
            continue
        t, code = connection.closed
        i = max(0, _last_life_before(connection.lives, t))
        silent_s = t - connection.lives[i]
        if (code in (None, GOING_AWAY) and silent_s + CLOCK_S < run.bounds.life
                and run.calendar.all_disturbed.is_calm(t) and run.timelines.span_of(connection).why != "edge-lost"):
            yield of_user(run, "unprompted-close", connection.user, t,
                          f"connection {connection.conn} was ended by the server (code {code}) {silent_s:.3f} s after "
                          "a sign of life, while nothing was broken")


def _last_life_before(lives, t):
    i = len(lives) - 1
    while i > 0 and lives[i] > t:
        i -= 1
    return i
