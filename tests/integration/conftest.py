"""Fixtures: the systems under test, and what happens around every test. How to write a test: README.md."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

pytest_plugins = ["harness.stalls"]
pytest.register_assert_rewrite("harness")

from harness.child_client import NODE_FOLDER  # noqa: E402
from harness.instance import Instance  # noqa: E402
from harness.raw_client import RawClient  # noqa: E402
from harness.system import System  # noqa: E402

# Who starts the tests in the background may have had SIGINT ignored. What they start would inherit that, and no shell traps
# what it was started to ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)

KEEP_FILES = bool(os.environ.get("ZPRESENCE_TEST_KEEP"))


@pytest.fixture(scope="session")
def runs_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="zpresence-test-"))
    yield folder
    if KEEP_FILES:
        print(f"\nkept: {folder}")
    else:
        shutil.rmtree(folder)


def _new_folder(runs_folder):
    return pathlib.Path(tempfile.mkdtemp(dir=runs_folder))


@pytest.fixture(scope="module")
def system(request, runs_folder):
    """One system for all tests of a file, sized and set by the file's SYSTEM. Tests use users of their own
    (new_user) and may break what they like: it is healed after each."""
    with System(_new_folder(runs_folder), **getattr(request.module, "SYSTEM", {})) as shared:
        yield shared


@pytest.fixture(scope="module")
def start_system(runs_folder):
    """For module fixtures: start_system(edges=2, PRESENCE_TTL=3), a further system for some tests of a file."""
    yield from _system_starter(runs_folder)


@pytest.fixture
def own_system(runs_folder):
    """own_system(edges=2, PRESENCE_TTL=3): a system for this test alone, ended and checked after it."""
    yield from _system_starter(runs_folder)


def _system_starter(runs_folder):
    started = []

    def start(**settings):
        system = System(_new_folder(runs_folder), **settings)
        started.append(system)
        return system.__enter__()

    yield start
    for system in started:
        if system in System.running:
            system.__exit__(None, None, None)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """One instance of ./zpresence for those tests of a file that leave it as they found it."""
    instance = Instance(tmp_path_factory.mktemp("up"))
    try:
        instance.succeed("up", "-d")
        yield instance
    finally:
        instance.end()


@pytest.fixture
def fresh(tmp_path):
    """An instance that is not up yet."""
    instance = Instance(tmp_path)
    yield instance
    instance.end()


@pytest.fixture
def neighbour(tmp_path_factory):
    """Another one on the same machine, not up yet either."""
    instance = Instance(tmp_path_factory.mktemp("neighbour"))
    yield instance
    instance.end()


@pytest.fixture
def connect_raw():
    """connect_raw(edge, source="127.0.0.2"): a client made by hand, closed after the test."""
    clients = []

    def connect(edge, source=None):
        clients.append(RawClient(edge.address, source))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture(autouse=True)
def clean_slate():
    """After each test: its clients closed, each of them having seen statuses alternate; every process up again."""
    yield
    for system in list(System.running):
        try:
            system.close_clients()
        finally:
            system.heal()


@pytest.fixture(scope="session", autouse=True)
def node_libraries():
    """The libraries of the Node client, as package-lock.json pins them."""
    lock, installed = NODE_FOLDER / "package-lock.json", NODE_FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=NODE_FOLDER, check=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what every process of the systems under test has printed last."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for system in System.running:
            for process in system.services + [system.redis_server.process]:
                state = "running" if process.is_running() else "not running"
                report.sections.append((f"{process.name} ({state})", process.log_tail(100)))
