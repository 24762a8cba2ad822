"""A process that does nothing but sleep, and so knows for how long this machine kept processes from running: whatever it
sleeps longer than it meant to. Each byte on its standard input is answered with a line: the longest oversleep since the last
answer, in ms. It ends with its input, so that it outlives nobody.

Who hardly ever runs is let run first: a busy machine would keep the processes under test waiting, and not this one. So it
is nicer than they are."""

import os
import select
import signal
import sys
import time

_LOOK_S = 0.02
_NICER = 10


def measure():
    os.nice(_NICER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which are still to be told
    worst_ms, began = 0.0, time.monotonic()
    while True:
        asked, _, _ = select.select([sys.stdin], [], [], _LOOK_S)
        ended = time.monotonic()
        worst_ms, began = max(worst_ms, (ended - began - _LOOK_S) * 1000), ended
        if asked:
            if not os.read(sys.stdin.fileno(), 1):
                return
            answer, worst_ms = f"{worst_ms:.0f}", 0.0
            print(answer, flush=True)


if __name__ == "__main__":
    measure()
