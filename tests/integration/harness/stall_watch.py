"""A process that does nothing but sleep, and writes a line for each oversleep, `<began> <ms>`: how long this machine was kept
from running. The first line says that it has begun. Its only argument: from how many ms on.

Who hardly ever runs is let run first: a busy machine would keep the processes under test waiting, and not this one. So it
is nicer than they are."""

import os
import sys
import time

_LOOK_S = 0.02
_NICER = 10


def measure(least_ms):
    os.nice(_NICER)
    print(f"{time.monotonic():.3f} 0", flush=True)
    while True:
        began = time.monotonic()
        time.sleep(_LOOK_S)
        over_ms = (time.monotonic() - began - _LOOK_S) * 1000
        if over_ms >= least_ms:
            print(f"{began:.3f} {over_ms:.0f}", flush=True)


if __name__ == "__main__":
    measure(float(sys.argv[1]))
