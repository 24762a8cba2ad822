"""One home of ./zpresence: what a user of the launcher does, and what is there then."""

import contextlib
import os
import pathlib
import signal
import subprocess

from . import bulk
from .build import BUILD, REPOSITORY
from .ports import free_port
from .process import base_environment
from .system import SHORT

NAMES = ["gateway", "ws-edge-1", "http-api-1", "fanout-1", "presence-core-1", "expiry-watcher-1", "redis"]
START_S = 120


class Instance:
    """One home of the launcher. Every process that it ever starts carries `mark` in its environment."""

    def __init__(self, folder, **settings):
        self.home = folder / "home"
        self.port = free_port()
        self.mark = f"ZPRESENCE_TEST_HOME={self.home}"
        self.environment = {
            **base_environment(),
            **{name: str(value) for name, value in SHORT.items()},
            "PRESENCE_TTL": "30",
            "BUS_KEYS": "",  # its own
            "ZPRESENCE_TEST_HOME": str(self.home),
            "ZPRESENCE_BUILD": str(BUILD),
            "ZPRESENCE_HOME": str(self.home),
            "ZPRESENCE_BIND": "127.0.0.1",
            "PORT": str(self.port),
            **settings,
        }
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"ws://{self.address}"

    def run(self, *arguments, **settings):
        return subprocess.run([REPOSITORY / "zpresence", *arguments], env={**self.environment, **settings},
                              cwd=self.home.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=START_S)

    @contextlib.contextmanager
    def runs(self, *arguments, **options):
        """A command, while it runs; killed where what is done meanwhile fails, so that nobody waits for it."""
        with subprocess.Popen([REPOSITORY / "zpresence", *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                              **options) as running:
            try:
                yield running
            except BaseException:
                running.kill()
                raise

    def succeed(self, *arguments, **settings):
        done = self.run(*arguments, **settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ps(self):
        """name -> (pid or None, address: where it has clients, else its admin address)"""
        return {name: (None if pid == "-" else int(pid), admin if address == "-" else address)
                for name, pid, address, admin in self.ps_rows()}

    def ps_rows(self):
        rows = [line.split(" ") for line in self.succeed("ps").splitlines()]
        assert all(len(row) == 4 for row in rows), rows
        return rows

    def pid(self, name):
        return self.ps()[name][0]

    def processes(self):
        """pid -> command line of everything alive that the launcher started for this home."""
        found = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                pass  # it ended, or is a zombie
        return found

    def keeper(self, name):
        return int((self.home / "run" / name / "keeper").read_text().split()[0])

    def kept_port(self, name):
        return int((self.home / "ports" / name).read_text())

    def runs_builds_of_its_own(self):
        """Programs that a test may replace, in the folder that is returned."""
        bin_folder = self.home.parent / "build" / "bin"
        bin_folder.mkdir(parents=True)
        for program in (BUILD / "bin").iterdir():
            (bin_folder / program.name).symlink_to(program)
        self.environment["ZPRESENCE_BUILD"] = str(bin_folder.parent)
        return bin_folder

    def bulk(self, *users):
        return bulk.ask(self.address, *users)

    def bulk_status(self, user):
        return bulk.state(self.address, user)["status"]

    def end(self):
        self.run("down")
        left = self.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == {}


def replace(program, script):
    """With a shell script, whose settings are accepted; it tells none."""
    program.unlink()
    program.write_text(f'#!/bin/sh\n[ $# = 0 ] || exit 0\n{script}\n')
    program.chmod(0o755)


def one_line(done):
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    return line


def one_note(done):
    """The word more that a command had to say, though it succeeded."""
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    return line
