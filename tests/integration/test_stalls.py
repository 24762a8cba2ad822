"""What becomes of tests that fail while the machine stands still (harness/stalls.py)."""

import os
import subprocess
import sys

from harness.system import REPOSITORY
from harness.waiting import PATIENCE_S

CONFTEST = f"""
import sys
sys.path.insert(0, {str(REPOSITORY / "tests" / "integration")!r})
pytest_plugins = ["harness.stalls"]
"""

# The machine that stands still is the process that measures it.
TESTS = """
import signal, threading
import pytest

attempts = {"file": 0, "test": 0}

def stand_still(config):
    # until after whoever fails in it has failed
    watch = config.stall_watch._process
    watch.send_signal(signal.SIGSTOP)
    threading.Timer(0.4, watch.send_signal, [signal.SIGCONT]).start()

@pytest.fixture(scope="module")
def system(request):
    attempts["file"] += 1
    if attempts["file"] == 1:
        stand_still(request.config)
        raise AssertionError("it does not start")

def test_whose_system_does_not_start_at_first(system):
    pass

def test_that_fails_once(request):
    attempts["test"] += 1
    if attempts["test"] == 1:
        stand_still(request.config)
        raise AssertionError("once")

def test_that_fails_while_the_machine_runs():
    raise AssertionError("always")

def test_that_fails_however_often(request):
    stand_still(request.config)
    raise AssertionError("always")

@pytest.mark.judges_stalls
def test_that_judges_itself(request):
    stand_still(request.config)
    raise AssertionError("always")
"""


def test_they_are_run_again_and_others_are_not(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_of_these.py").write_text(TESTS)
    done = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=tmp_path, env=os.environ,
                          capture_output=True, text=True, timeout=3 * PATIENCE_S, check=False)
    assert "3 failed, 2 passed" in done.stdout, done.stdout
    again = [line.split(":")[2] for line in done.stdout.splitlines() if "kept from running for" in line]
    assert again == ["test_whose_system_does_not_start_at_first", "test_that_fails_once", *["test_that_fails_however_often"] * 2]
