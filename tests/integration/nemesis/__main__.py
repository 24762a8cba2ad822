"""tests/nemesis: see its --help."""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time

from .edge_crash import crash_an_edge
from .faults import table
from .run import Died, Disturbed, break_things
from .verdict import STALLED, judge

_ATTEMPTS = 5

HELP = """Runs zpresence (release build with fault points: preset "proof") under a steady load, breaks its parts, one at a
time and in random pairs that overlap, writes down what everybody saw, and has the checker judge it.

Progress is a line for each fault: what, to whom, for how long, and how long after its end all views agreed again.
The exit code is the checker's; 1 also where a process died that was not told to. An attempt in which a process of the run
was kept from running for more than 200 ms is repeated, as no bound can be held to; the fifth goes on and is judged."""


def arguments(argv):
    parser = argparse.ArgumentParser(prog="tests/nemesis", description=HELP,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="faults:\n  " + "\n  ".join(table()))
    parser.add_argument("--minutes", type=float, default=5.0, metavar="N", help="how long faults are injected (5)")
    parser.add_argument("--seed", type=int, metavar="S", help="repeats the same faults in the same order; printed")
    parser.add_argument("--users", type=int, default=500, metavar="N", help="of the load (500)")
    parser.add_argument("--rate", type=float, default=25.0, metavar="R", help="changes a second (25)")
    parser.add_argument("--faults", default="", metavar="NAME,...", help="only these; all where not given")
    parser.add_argument("--edge-crash", type=int, metavar="N",
                        help="instead: N users on one edge, which is killed; half of them come back on the other")
    parser.add_argument("--by-name", action="store_true",
                        help="nobody watches everybody: all observers name their users, so that edges do")
    parser.add_argument("--keep", metavar="FOLDER", help="keeps journal and logs there; it must not exist")
    parser.add_argument("--disturbed-too", action="store_true",
                        help="goes on where a stall was measured, and judges what there is")
    chosen = parser.parse_args(argv)
    chosen.faults = [name for name in chosen.faults.split(",") if name]
    unknown = [name for name in chosen.faults if name not in table()]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}")
    if chosen.keep and pathlib.Path(chosen.keep).exists():
        parser.error(f"{chosen.keep} exists already")
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1_000_000)
    return chosen


def attempt(chosen, folder):
    """(exit code, whether it was disturbed)."""
    try:
        crash_an_edge(folder, chosen) if chosen.edge_crash else break_things(folder, chosen)
    except Disturbed as disturbed:
        print(f"disturbed: {disturbed}", flush=True)
        return STALLED, True
    except Died as died:
        print(f"died, and was not told to: {died}", flush=True)
        return 1, False
    code = judge(folder / "journal", chosen.disturbed_too)
    return code, code == STALLED


def main(argv):
    chosen = arguments(argv)
    what = (f"an edge with {chosen.edge_crash} users crashes" if chosen.edge_crash else
            f"{chosen.minutes:g} minutes, {chosen.users} users, {chosen.rate:g} changes/s")
    print(f"nemesis: seed {chosen.seed}, {what}", flush=True)
    folder = pathlib.Path(chosen.keep or tempfile.mkdtemp(prefix="zpresence-nemesis-")).resolve()
    for number in range(1, _ATTEMPTS + 1):
        began = time.monotonic()
        # Better than no verdict: what nobody did wrong on a machine that stood still, nobody did wrong.
        chosen.disturbed_too = chosen.disturbed_too or number == _ATTEMPTS
        code, is_disturbed = attempt(chosen, folder / f"attempt-{number}")
        print(f"nemesis: attempt {number} of at most {_ATTEMPTS}: exit code {code} after {time.monotonic() - began:.0f} s",
              flush=True)
        if not is_disturbed:
            break
    if code == 0 and not chosen.keep:
        shutil.rmtree(folder)
    else:
        print(f"nemesis: journal and logs are in {folder}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
