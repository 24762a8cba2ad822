"""Processes of the run besides the system under test: the load, the observers, who asks over HTTP, the proxy.

One talks to its parent in JSON lines: a question on stdin, one answer on stdout for each. It ends with its stdin, and
with its parent. `Child` is the parent's side, `answer_questions` the child's."""

import asyncio
import ctypes
import json
import pathlib
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_FOLDER = pathlib.Path(__file__).resolve().parents[1]
_LINE_MAX_BYTES = 1 << 24


def _die_with_the_run():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """`python3 -m nemesis.<module>`, whose first question is `settings`. Started by the main thread, with which it
    dies. Any thread may ask."""

    def __init__(self, module, log_path, settings):
        self.name = module
        self._lock = threading.Lock()
        with open(log_path, "ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-B", "-m", f"nemesis.{module}"], cwd=_FOLDER, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, preexec_fn=_die_with_the_run)
        self.ask("start", **settings)

    @property
    def pid(self):
        return self._popen.pid

    def ask(self, question, **keys):
        with self._lock:
            self._popen.stdin.write(json.dumps({"ask": question, **keys}).encode() + b"\n")
            self._popen.stdin.flush()
            line = self._popen.stdout.readline()
        assert line, f"{self.name} has ended"
        answer = json.loads(line)
        assert "error" not in answer, f"{self.name}, asked {question}: {answer['error']}"
        return answer["answer"]

    def end(self):
        self._popen.stdin.close()
        try:
            self._popen.wait(10)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._popen.stdout.close()


async def answer_questions(handlers):
    """Until stdin ends: `handlers[question](**keys)`, a function or a coroutine function, gives the answer."""
    reader = asyncio.StreamReader(limit=_LINE_MAX_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        question = json.loads(line)
        try:
            answer = handlers[question.pop("ask")](**question)
            said = {"answer": await answer if asyncio.iscoroutine(answer) else answer}
        except Exception as error:  # whatever it is, the parent has to know
            said = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(said, separators=(",", ":")) + "\n")
        sys.stdout.flush()


def main(make_handlers):
    """The whole of a child: `make_handlers()` is called within its loop."""

    async def run():
        await answer_questions(make_handlers())

    asyncio.run(run())
