"""The Docker Engine of this machine: the one that runs, or one of ours, which ends with the tests, when no others need it
any more. Debian's client and docker-compose 1.29, whatever others are on the PATH.

What cannot run fails the tests; nothing is skipped."""

import ctypes
import fcntl
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BASE_IMAGE = "debian:bookworm-slim"

_DOCKER, _COMPOSE, _DOCKERD = "/usr/bin/docker", "/usr/bin/docker-compose", "/usr/sbin/dockerd"
_IPTABLES = "/usr/sbin/iptables"
_START_S, _STOP_S = 120, 60
# Held by every run while it needs the engine: shared, so that whoever gets it alone is the last.
_LOCK = "/run/lock/zpresence-compose-tests"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

# The classic builder and Compose 1.29 are what must do; no setting of ours leaks in.
ENVIRONMENT = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "HOME": os.environ.get("HOME", "/root"), "LANG": "C.UTF-8",
               "DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0", "COMPOSE_PARALLEL_LIMIT": "4"}


class Failed(AssertionError):
    """A command that did not do what it had to; its output is the message."""


def run(*arguments, within_s=60, check=True, stdin=subprocess.DEVNULL, **environment):
    """The completed command, its output as text."""
    done = subprocess.run([str(part) for part in arguments], cwd=REPOSITORY, env={**ENVIRONMENT, **environment},
                          stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          timeout=within_s, check=False)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout[-4000:]}")
    return done


def docker(*arguments, **options):
    """The output of `docker` with these arguments."""
    return run(_DOCKER, *arguments, **options).stdout.strip()


def docker_lines(*arguments):
    return [line for line in docker(*arguments).splitlines() if line]


def popen_docker(*arguments):
    return subprocess.Popen([_DOCKER, *arguments], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, preexec_fn=_die_with_the_tests)


def compose(*arguments, **options):
    return run(_COMPOSE, *arguments, **options).stdout


def _die_with_the_tests():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Engine:
    """Use as a context manager."""

    def __init__(self, folder):
        self._log_path = folder / "dockerd.log"
        self._daemon = self._lock = None
        self._firewall_before = ""

    def __enter__(self):
        assert os.geteuid() == 0, "the containers' tests start a Docker Engine and make a base image: they need root"
        for program in (_DOCKER, _COMPOSE, _DOCKERD):
            assert os.path.exists(program), f"{program} is not there: ./zpresence test compose installs it"
        self._lock = open(_LOCK, "w")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        if not self._answers():
            self._start()
        self._remove_what_a_killed_run_left()
        return self

    def __exit__(self, kind, value, traceback):
        if self._daemon:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._daemon.terminate()
            self._daemon.wait(_STOP_S)
            self._forget_firewall()
        self._lock.close()

    @staticmethod
    def _answers():
        return run(_DOCKER, "info", check=False).returncode == 0

    def _start(self):
        self._firewall_before = run(_IPTABLES + "-save").stdout
        with open(self._log_path, "ab") as log:
            self._daemon = subprocess.Popen([_DOCKERD], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=_die_with_the_tests)
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if time.monotonic() > deadline:
                raise Failed(f"no Docker Engine can be started:\n{self._log_path.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)
        if self._daemon.poll() is not None:  # another run was quicker
            self._daemon = None

    @staticmethod
    def _remove_what_a_killed_run_left():
        """Its containers would be started again with every engine."""
        for container in docker_lines("ps", "-a", "--filter", "name=^zptest", "--format", "{{.ID}} {{.Names}}"):
            number, name = container.split()
            if not os.path.exists(f"/proc/{re.match('zptest([0-9]+)', name)[1]}"):
                docker("rm", "-f", "-v", number)

    def _forget_firewall(self):
        """The engine leaves its rules, by which the kernel goes on tracking every connection of this machine."""
        run(_IPTABLES, "--policy", "FORWARD", "ACCEPT")
        for table in ("nat", "filter"):
            run(_IPTABLES, "--table", table, "--flush")
            run(_IPTABLES, "--table", table, "--delete-chain")
        if "\n-A" in self._firewall_before:
            with tempfile.TemporaryFile("w+") as rules:
                rules.write(self._firewall_before)
                rules.seek(0)
                run(_IPTABLES + "-restore", stdin=rules)

    @staticmethod
    def make_base_image():
        """What is there already is kept, and stays: it costs half a minute and is no test's own."""
        print(run(REPOSITORY / "docker" / "base-image", BASE_IMAGE, within_s=600, DOCKER=_DOCKER).stdout[-200:])
