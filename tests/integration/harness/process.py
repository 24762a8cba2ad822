"""One process under test: start, freeze, kill, restart, ask. Its output is a file, shown when a test fails.

A process belongs to the test run: it is ended by its own pid, and by the kernel should the test run itself die."""

import ctypes
import os
import re
import signal
import subprocess
import time

from . import http_client as http
from .keys import all_keys
from .waiting import PATIENCE_S, eventually

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

_SANITIZER_REPORT = re.compile(
    r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|runtime error:|Assertion .* failed|\[ASSERT\]"
)

SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=16:print_legend=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


def _die_with_the_test_run():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """`argv` with exactly `environment`; its stdout and stderr are appended to `log_path` over all its lives."""

    def __init__(self, name, argv, environment, log_path, admin_address=None):
        self.name = name
        self.argv = [str(part) for part in argv]
        self.environment = environment
        self.log_path = log_path
        self.admin_address = admin_address
        self.exit_codes_expected = {0}
        self._popen = None
        self._frozen = False
        self._armed = set()

    # Life

    def start(self):
        assert self._popen is None, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            self._popen = subprocess.Popen(
                self.argv,
                env=self.environment,
                cwd=self.log_path.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_the_test_run,
            )
        self._armed.clear()
        return self

    @property
    def pid(self):
        return self._popen.pid

    def is_running(self):
        return self._popen is not None and self._popen.poll() is None

    def wait_ready(self, within_s=PATIENCE_S):
        eventually(f"{self.name} is ready", lambda: self.is_ready() or self._gone(), within_s)
        assert self.is_running(), f"{self.name} ended with {self._popen.returncode} at its start\n{self.log_tail()}"
        return self

    def _gone(self):
        return self._popen.poll() is not None

    def is_ready(self):
        try:
            return http.get(self.admin_address, "/readyz", timeout_s=2).status == 200
        except OSError:
            return False

    def kill(self):
        """kill -9, and gone on return."""
        self._end(signal.SIGKILL)
        self._forget()

    def terminate(self):
        """SIGTERM; does not wait. `stopped` does."""
        self._popen.send_signal(signal.SIGTERM)

    def stopped(self, within_s=PATIENCE_S):
        """Waits for the end that `terminate` asked for, and holds the process to a clean exit code."""
        try:
            code = self._popen.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {within_s:g} s of SIGTERM\n{self.log_tail()}") from None
        self._forget()
        assert code in self.exit_codes_expected, f"{self.name} ended with {code}\n{self.log_tail()}"

    def stop(self):
        self.terminate()
        self.stopped()

    def wait_end(self, within_s=PATIENCE_S):
        """Waits for a process that ends by itself; returns its exit code (negative: signal)."""
        code = self._popen.wait(within_s)
        self._forget()
        return code

    def freeze(self):
        self._popen.send_signal(signal.SIGSTOP)
        self._frozen = True

    def thaw(self):
        self._popen.send_signal(signal.SIGCONT)
        self._frozen = False

    def restart(self):
        """After kill or stop: the same process again, on the same ports."""
        return self.start().wait_ready()

    def heal(self):
        """Back to how it was before a test: running, thawed, no fault armed."""
        ended_by_itself = self._popen.poll() if self._popen else None
        if ended_by_itself is not None:
            self._forget()
        if self._frozen:
            self.thaw()
        if self._popen is None:
            self.start()
        assert ended_by_itself is None, f"{self.name} ended by itself with {ended_by_itself}\n{self.log_tail()}"
        if self._armed:
            self.wait_ready()
            self.disarm()

    def _end(self, number):
        if self._popen.poll() is None:
            self._popen.send_signal(number)
            if self._frozen and number != signal.SIGKILL:
                self.thaw()
            self._popen.wait(PATIENCE_S)

    def _forget(self):
        self._popen = None
        self._frozen = False

    def abandon(self):
        """For teardown: whatever state it is in, nothing is left of it."""
        if self._popen is not None:
            self._end(signal.SIGKILL)
            self._forget()

    # Questions

    def arm(self, fault, times=1):
        answer = http.post(self.admin_address, f"/faults/{fault}?times={times}")
        assert answer.status == 200, f"{self.name}: fault {fault} is not there: {answer}"
        self._armed.add(fault)

    def disarm(self):
        for fault in list(self._armed):
            self.arm(fault, 0)
        self._armed.clear()

    def fault_hits(self, fault):
        """How often it has misbehaved there since it was started."""
        return http.get(self.admin_address, "/faults").json()[fault]["hits"]

    def metrics(self):
        """Every sample of /metrics: {'name{labels}': value}."""
        text = http.get(self.admin_address, "/metrics").body.decode()
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def metric(self, name, **labels):
        """Sum over the samples of one metric that have these labels; fails where there are none."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        values = [value for sample, value in self.metrics().items()
                  if sample.split("{")[0] == name and all(label in sample for label in wanted)]
        assert values, f"{self.name} has no metric {name} {wanted}"
        return sum(values)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines=60):
        return "\n".join(self.log().splitlines()[-lines:])

    def sanitizer_report(self):
        text = self.log()
        found = _SANITIZER_REPORT.search(text)
        return text[found.start() :][:4000] if found else None


def run_to_end(argv, environment, within_s=PATIENCE_S):
    """For a process that is expected to end by itself. Returns (exit code, stdout, stderr, seconds)."""
    began = time.monotonic()
    done = subprocess.run(
        [str(part) for part in argv],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=within_s,
        preexec_fn=_die_with_the_test_run,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - began


def base_environment():
    """What a process needs of ours; none of our own settings leaks in."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "ZPRESENCE_ENV_FILE": "/dev/null",
        "BUS_KEYS": str(all_keys()),
        **SANITIZER_ENVIRONMENT,
    }
