"""A pytest plugin for machines that stand still now and then, as virtual ones do: a test that failed while its machine was
measured to be kept from running is run again, and the end of the run says so. No bound can be held to by who does not run.

What fails while the machine ran has failed. A test with attempts of its own is marked `judges_stalls`."""

import pathlib
import subprocess
import sys

import pytest
from _pytest.runner import runtestprotocol

# As for the nemesis: up to this, a process may be late without being wrong.
STALL_MS = 200
ATTEMPTS = 3
_PROGRAM = pathlib.Path(__file__).with_name("stall_watch.py")


class _Watch:
    """stall_watch.py, a process of its own: this one's oversleeps may be due to what it does itself."""

    def __init__(self):
        self._process = subprocess.Popen([sys.executable, "-B", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def take_worst_ms(self):
        """The longest stall since the last call. A stall that lasts is waited for: it belongs to who failed in it."""
        self._process.stdin.write(b"?")
        return float(self._process.stdout.readline())

    def end(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def pytest_configure(config):
    config.addinivalue_line("markers", "judges_stalls: has attempts of its own where the machine stands still")
    config.stall_watch, config.run_again = _Watch(), []


def pytest_unconfigure(config):
    config.stall_watch.end()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    hooks = item.ihook
    hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in range(1, ATTEMPTS + 1):
        item.config.stall_watch.take_worst_ms()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        stall_ms = item.config.stall_watch.take_worst_ms()
        failed = [report for report in reports if report.failed]
        if not failed or stall_ms < STALL_MS or attempt == ATTEMPTS or item.get_closest_marker("judges_stalls"):
            break
        first_line = str(getattr(failed[0].longrepr, "reprcrash", failed[0].longrepr)).splitlines()[0]
        item.config.run_again.append(f"{item.nodeid}: kept from running for {stall_ms:.0f} ms; it failed with: {first_line}")
        _forget_failed_fixtures(item)
    for report in reports:
        hooks.pytest_runtest_logreport(report=report)
    hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _forget_failed_fixtures(item):
    """What failed to start for a whole file would else stay failed."""
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        for definition in definitions:
            if definition.cached_result and definition.cached_result[2]:
                definition.cached_result = None


def pytest_terminal_summary(terminalreporter, config):
    if config.run_again:
        terminalreporter.section("run again, as the machine stood still")
        for line in config.run_again:
            terminalreporter.line(line)
