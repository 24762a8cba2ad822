"""No process is started here, and no client."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def node_libraries():
    """Not needed, so that these tests run anywhere."""
