"""The load generator of tests/bench/load, as an object; and several of them as one fleet."""

import json
import selectors
import subprocess
import time

# Each generator has source addresses of its own: limits count by address, and ports are as many for each.
SOURCES_EACH = 16
ANSWER_MARGIN_S = 15


class LoadError(RuntimeError):
    pass


class Load:
    def __init__(self, program, number, folder, subject, first_number, watchers, users):
        """Clients 0 to watchers-1 watch, the next `users` do not; user ids are numbered from first_number."""
        self.number, self.first_number = number, first_number
        self.watchers, self.users = watchers, users
        lines = folder / f"users-{number}"
        with open(lines, "w") as file:
            for index in range(watchers + users):
                file.write(subject.token(first_number + index, index < watchers) + "\n")
        with open(folder / f"load-{number}.log", "ab") as log:
            self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._unread = b""
        self.command(f"users {lines} first_number={first_number}")

    @property
    def pid(self):
        return self._process.pid

    def aim(self, addresses):
        self.command(f"targets {','.join(addresses)} source=127.0.{self.number + 1}.1 sources={SOURCES_EACH}")

    def start(self, line, timeout_s=60):
        """Says it; `finish` waits for the answer."""
        self._deadline = time.monotonic() + timeout_s + ANSWER_MARGIN_S
        self._line = line
        self._process.stdin.write(f"{line} timeout={timeout_s:g}\n".encode())

    def finish(self, must=True):
        while b"\n" not in self._unread:
            if not self._selector.select(max(0, self._deadline - time.monotonic())):
                raise LoadError(f"no answer to: {self._line}")
            got = self._process.stdout.read(65536)
            if not got:
                raise LoadError(f"the load generator ended during: {self._line}")
            self._unread += got
        line, self._unread = self._unread.split(b"\n", 1)
        answer = json.loads(line)
        if must and not answer["ok"]:
            raise LoadError(f"{self._line}: {answer['error']} ({_short(answer)})")
        return answer

    def command(self, line, timeout_s=60, must=True):
        self.start(line, timeout_s)
        return self.finish(must)

    def end(self):
        if self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._selector.close()
        self._process.stdout.close()


def _short(answer):
    return {key: value for key, value in answer.items()
            if key in ("open", "opened", "failed", "updates", "failures", "seen", "invalid") and value}


class Fleet:
    """One or several generators that drive one subject. Watchers are all at the first one; users are split evenly.
    Use as a context manager."""

    def __init__(self, program, folder, subject, users, watchers=0, processes=1):
        self.subject, self.users, self.watchers = subject, users, watchers
        self.loads = []
        share, first_number = users // processes, 0
        try:
            for number in range(processes):
                mine = watchers if number == 0 else 0
                load = Load(program, number, folder, subject, first_number, mine, share)
                self.loads.append(load)
                # Several generators: each for the addresses that are its own, where there are as many.
                addresses = subject.addresses
                load.aim([addresses[number]] if processes == len(addresses) else addresses)
                first_number += mine + share
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for load in self.loads:
            load.end()

    @property
    def pids(self):
        return {f"load-{load.number + 1}": load.pid for load in self.loads}

    def first_user(self):
        """The number of the first user who does not watch."""
        return self.watchers

    # Opening and closing

    def _range(self, load, first, count):
        return f"first={load.watchers + first} count={count}"

    def open_watchers(self, count=None, more="", first=0):
        count = self.watchers if count is None else count
        line = f"open first={first} count={count} path={self.subject.watcher_path} wire={self.subject.wire} {more}"
        return checked_open(self.loads[0].command(line, 120), count)

    def open_users(self, count, per_second=0, window=64, first=0, more="", timeout_s=180):
        """`count` of all generators together, those from `first` of each."""
        share, n = count // len(self.loads), len(self.loads)
        for load in self.loads:
            load.start(f"open {self._range(load, first, share)} per_second={per_second / n} window={max(1, window // n)} "
                       f"path={self.subject.user_path} wire={self.subject.wire} {more}", timeout_s)
        return [checked_open(load.finish(), share) for load in self.loads]

    def close_users(self, count, first=0, per_second=0, window=256):
        n = len(self.loads)
        for load in self.loads:
            load.start(f"close {self._range(load, first, count // n)} window={window} per_second={per_second / n}", 120)
        for load in self.loads:
            load.finish()

    # Everything else

    def all(self, line, timeout_s=60):
        for load in self.loads:
            load.start(line, timeout_s)
        return [load.finish() for load in self.loads]

    def clear(self):
        self.all("clear")

    def total(self, name):
        return sum(answer[name] for answer in self.all("report"))

    def wait_updates(self, count, timeout_s=60, must=True):
        return self.loads[0].command(f"wait for=updates count={count}", timeout_s, must)

    def pause(self, seconds):
        return self.all(f"wait seconds={seconds}", seconds + 30)


def checked_open(answer, count):
    if answer["failed"]:
        raise LoadError(f"{answer['failed']} of {count} clients were not let in: {answer['failures']}")
    return answer
