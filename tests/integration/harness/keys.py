"""The keys of the bus, made once for a test run: every system under test runs with BUS_SECURITY=curve, as people's do."""

import atexit
import functools
import pathlib
import shutil
import subprocess
import tempfile

from .build import binary

KINDS = ["ws-edge", "presence-core", "expiry-watcher", "fanout", "http-api"]

# With whom each kind talks: whose certificates it needs.
_PEERS = {
    "ws-edge": ["presence-core", "fanout"],
    "presence-core": ["ws-edge", "expiry-watcher", "http-api", "fanout"],
    "expiry-watcher": ["presence-core"],
    "fanout": ["presence-core", "ws-edge", "http-api"],
    "http-api": ["presence-core", "fanout"],
}


def make_keys(folder):
    """As `./zpresence keys FOLDER` does; returns what was said."""
    return subprocess.run([binary("zpresence-keys"), folder], check=True, capture_output=True, text=True).stdout


def give_keys(kind, source, folder):
    """Copies to `folder` what a process of that kind needs of the keys in `source`, and no more: its own secret, and
    the certificates of those it talks with."""
    folder = pathlib.Path(folder)
    folder.mkdir()
    for name in [f"{kind}_secret", *_PEERS[kind]]:
        shutil.copy2(pathlib.Path(source) / name, folder / name)
    return folder


@functools.cache
def _folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="zpresence-test-keys-"))
    atexit.register(shutil.rmtree, folder)
    make_keys(folder / "all")
    for kind in KINDS:
        give_keys(kind, folder / "all", folder / kind)
    return folder


def all_keys():
    """The folder that ./zpresence keys makes."""
    return _folder() / "all"


def keys_of(kind):
    """The folder of a process of that kind."""
    return _folder() / kind
