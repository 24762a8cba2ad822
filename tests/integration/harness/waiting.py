"""Waiting is waiting for a condition with a deadline. Time itself is waited for only to show that nothing happens."""

import time

# How long a slow, shared machine may take for something that has no published bound. Never a bound under test.
PATIENCE_S = 20.0
# What a loaded machine may add to a published bound: scheduling, sanitizers, several test processes on two cores.
SLACK_S = 0.7

POLL_S = 0.02


def eventually(what, condition, within_s=PATIENCE_S):
    """Returns the first true value of condition(); fails, naming `what` and the last value, after within_s."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within_s:g} s; last seen {value!r}")
        time.sleep(POLL_S)


def never(what, condition, during_s):
    """Holds only if condition() stays false for all of during_s: for showing that nothing happens."""
    deadline = time.monotonic() + during_s
    while time.monotonic() < deadline:
        value = condition()
        assert not value, f"{what}: happened ({value!r}), {deadline - time.monotonic():.2f} s too early"
        time.sleep(POLL_S)
