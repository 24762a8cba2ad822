"""Every bound and every tolerance that a verdict rests on, in seconds, and where each comes from.

Published bounds are those of DESIGN section 2 and are computed from the run's settings. What is not published is
stated here, once."""

# settings.def: what a run that does not say otherwise has.
DEFAULTS = {
    "PRESENCE_TTL": 360,
    "EDGE_LEASE_MS": 5000,
    "RECONNECT_GRACE_MS": 10000,
    "OFFLINE_DEBOUNCE_MS": 0,
    "STATEMENT_DELAY_MS": 2,
    "LEAVE_DELAY_MS": 50,
    "BEAT_INTERVAL_MS": 1000,
    "CLOCK_TICK_MS": 500,
}

# A scheduler stall beyond this voids the run (issue 4); up to this, a process may be late without being wrong.
STALL_S = 0.2
# DESIGN section 8, invariant 10: all views agree this long after the last fault.
RECOVERY_S = 5.0
# "At once" (DESIGN section 2), where nothing is broken: the second that every published bound grants.
AT_ONCE_S = 1.0
# What a loaded machine may add between a decision and its frame (tests/integration/harness/waiting.py, SLACK_S).
DELIVERY_S = 0.7
# How well two readings of a clock agree: `at` is cut to a millisecond, offsets are measured between two calls.
CLOCK_S = 0.003
# Beyond this, real time jumped, and what was decided when cannot be told.
CLOCKS_AGREE_S = 0.05
# What is lost and when is written by different processes: how far apart their lines may be.
SAME_MOMENT_S = 1.0


class Bounds:
    def __init__(self, settings):
        def seconds(name):
            value = float(settings.get(name, DEFAULTS[name]))
            return value if name == "PRESENCE_TTL" else value / 1000

        self.ttl = seconds("PRESENCE_TTL")
        self.lease = seconds("EDGE_LEASE_MS")
        self.grace = seconds("RECONNECT_GRACE_MS")
        # How long a connection must have been open to be known: a statement's delay (five times that after a message
        # in which many left), and its way to Redis on a machine that may stall for STALL_S. It is granted to whoever
        # was not connected just before; who moves (opens the new connection before closing the old one) is granted
        # nothing.
        self.known_after = 5 * seconds("STATEMENT_DELAY_MS") + STALL_S
        # Invariant 1: a sign of life inside this keeps a user from being shown offline.
        self.life = self.ttl - 1.0
        # Ghosts, in service time.
        self.close_gone = seconds("LEAVE_DELAY_MS") + seconds("OFFLINE_DEBOUNCE_MS") + AT_ONCE_S
        self.mute_gone = self.ttl + 1.0
        self.edge_gone = self.lease + self.grace + 1.0
        # The least that a lost edge's users have, in service time. A lease may have been renewed a beat before the edge
        # froze, and service time is up to a tick behind; an edge that says goodbye has the grace alone.
        tick = seconds("CLOCK_TICK_MS")
        self.grace_kept = max(0.0, self.grace - tick - STALL_S)
        self.lease_kept = max(0.0, self.lease - seconds("BEAT_INTERVAL_MS") - tick - STALL_S)
        # After lost data nothing is told before every edge that held a lease has announced, or its lease has passed.
        self.rebuild_recovery = max(RECOVERY_S, self.lease + AT_ONCE_S)
