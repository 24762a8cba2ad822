"""Fixtures of the containers' tests: an engine, images, and stacks of containers. What every test may use of the other
tests, clients and the nemesis' load among it, is in tests/integration."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
pytest_plugins = ["harness.stalls"]
pytest.register_assert_rewrite("harness")

from engine import Engine  # noqa: E402
from stack import Images, Stack  # noqa: E402


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    with Engine(tmp_path_factory.mktemp("engine")) as running:
        running.make_base_image()
        yield running


@pytest.fixture(scope="session")
def images(engine):
    with Images() as built:
        yield built


@pytest.fixture(scope="module")
def stack(request, images, tmp_path_factory):
    """One stack for all tests of a file, sized and set by the file's STACK."""
    with Stack(images, tmp_path_factory.mktemp("stack"), **request.module.STACK) as running:
        yield running
