"""The nemesis as CI runs it: some minutes of faults from a fixed seed, and the crash of a full edge; the checker judges
what everybody saw. On the release build with fault points, which tests/nemesis makes where it is missing.

ZPRESENCE_NEMESIS_MINUTES (5) and ZPRESENCE_NEMESIS_SEED (4) make it longer, or another one."""

import faulthandler
import os
import re
import subprocess

import pytest

from harness.system import REPOSITORY

MINUTES = float(os.environ.get("ZPRESENCE_NEMESIS_MINUTES", "5"))
SEED = os.environ.get("ZPRESENCE_NEMESIS_SEED", "4")
EDGE_CRASH_USERS = 5000
# A disturbed run ends, and is repeated: five at most.
ATTEMPTS = 5
pytestmark = pytest.mark.judges_stalls
BESIDE_S = 120  # of an attempt: arrival, the quiet at the end, the checker


def what_is_wrong(output):
    """In one line, which is all that a summary shows: who died, or what the checker found first."""
    telling = [line.strip() for line in output.splitlines() if re.search(r"\(invariant|^died|NOT agree|LATE|^disturbed", line)]
    return "; ".join(telling[:3]) or output.strip()[-300:]


def nemesis(folder, *arguments, within_s):
    """Its output, shown where it fails; journal and logs stay with pytest's folders."""
    faulthandler.cancel_dump_traceback_later()  # pytest.ini's is for a test that hangs
    environment = {**os.environ, "ZPRESENCE_BUILD": os.environ.get("ZPRESENCE_PROOF_BUILD", "")}
    done = subprocess.run([REPOSITORY / "tests" / "nemesis", "--seed", SEED, "--keep", folder / "nemesis", *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=environment, timeout=ATTEMPTS * within_s, check=False)
    print(done.stdout)
    assert done.returncode == 0, f"exit code {done.returncode}: {what_is_wrong(done.stdout)}"


def test_under_faults_alone_and_in_pairs_every_invariant_holds(tmp_path):
    nemesis(tmp_path, "--minutes", str(MINUTES), within_s=MINUTES * 60 + BESIDE_S)


def test_of_a_full_edge_that_crashes_whoever_comes_back_was_never_offline_and_the_others_are_in_time(tmp_path):
    nemesis(tmp_path, "--edge-crash", str(EDGE_CRASH_USERS), within_s=BESIDE_S)
