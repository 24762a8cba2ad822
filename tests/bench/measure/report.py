"""The lines as a table for people (Markdown, which reads well on a terminal too) and as JSON for machines."""

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess

from .bench import Line
from .subject import REPOSITORY

# So much of a core used by others, or more, and a number is marked: it was not measured in quiet.
QUIET_CORES = 0.15


def machine():
    cpu = next(line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
               if line.startswith("model name"))
    memory_kb = int(pathlib.Path("/proc/meminfo").read_text().split("\n", 1)[0].split()[1])
    with open("/etc/os-release") as file:
        system = next(line.split("=", 1)[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME="))
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{os.cpu_count()} cores of {cpu}, {memory_kb / 1048576:.0f} GB, {system}, Linux {kernel}"


def commit():
    def git(*words):
        return subprocess.run(["git", "-C", REPOSITORY, *words], capture_output=True, check=False).stdout.decode().strip()

    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (" with changes" if git("status", "--porcelain", "--untracked-files=no") else "")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


class Kept:
    """What was measured in this checkout, the newest of each row and subject: a run that is cut short, or that measures
    some rows anew when the machine has become quiet, loses nothing."""

    def __init__(self, path):
        self._path = path
        self._lines = [Line(**line) for line in json.loads(path.read_text())] if path.exists() else []

    def keep(self, lines):
        new = {(line.row, line.subject) for line in lines}
        self._lines = [line for line in self._lines if (line.row, line.subject) not in new] + lines
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps([dataclasses.asdict(line) for line in self._lines]))
        beside.replace(self._path)

    def lines(self, rows, subjects):
        """In the order of the table."""
        return sorted(self._lines, key=lambda line: (rows.index(line.row), subjects.index(line.subject)))


class Report:
    def __init__(self, lines, failures, quick):
        self.lines, self.failures, self.quick = lines, failures, quick
        self.machine = machine()

    def as_json(self):
        def plain(line):
            fields = dataclasses.asdict(line)
            cpu = {kind: {"median": statistics.median(cost for cost, _ in costs),
                          "kernel_share": statistics.median(share for _, share in costs)} for kind, costs in line.cpu.items()}
            return {**fields, "cpu": cpu, "median": line.median, "met": line.met}

        return {"machine": self.machine, "quick": self.quick,
                "lines": [plain(line) for line in self.lines], "failures": self.failures}

    def as_text(self):
        parts = [f"Machine: {self.machine}.", *self._when(), ""]
        if self.quick:
            parts += ["A quick run: it shows that every row can be measured, and no number is to be believed.", ""]
        parts += ["| row | what | of | target | measured | rounds |  |", "|---|---|---|---|---|---|---|"]
        parts += [self._row(line) for line in self.lines]
        parts += ["", "Where the CPU went, a median per kind of process; in brackets how much of it was in the kernel; `load` is the "
                  "generator, which counts for no row:", ""]
        parts += [f"- **{line.row}**, {line.subject} ({line.cpu_unit}): {self._cpu(line)}" for line in self.lines if line.cpu]
        parts += ["", "Beside the numbers:", ""]
        parts += [f"- **{line.row}**, {line.subject}: {note}." for line in self.lines for note in line.notes]
        parts += [f"- NOT MEASURED: {failure}" for failure in self.failures]
        return "\n".join(parts) + "\n"

    def _when(self):
        """Which commit was measured, and when: of each row where they are not all the same."""
        rows = {}
        for line in self.lines:
            rows.setdefault((line.commit, line.time[:10]), []).append(line.row)
        if len(rows) == 1:
            return [f"Commit {commit}, {day}." for commit, day in rows]
        return [f"Commit {commit}, {day}: {', '.join(dict.fromkeys(names))}." for (commit, day), names in rows.items()]

    def _row(self, line):
        spread = ", ".join(_number(value, line.digits) for value in line.values)
        target = "" if line.target is None else f"{'≥' if line.at_least else '≤'} {_number(line.target, None)} {line.unit}"
        verdict = {None: "", True: "met", False: "**missed**"}[None if self.quick else line.met]
        noise = max(line.others_cores, default=0)
        if noise >= QUIET_CORES:
            verdict = f"{verdict} (noise: others took {noise:.2f} cores)".strip()
        return (f"| {line.row} | {line.what} | {line.subject} | {target} | {_number(line.median, line.digits)} {line.unit} | "
                f"{spread} | {verdict} |")

    @staticmethod
    def _cpu(line):
        kinds = [(statistics.median(cost for cost, _ in costs), statistics.median(share for _, share in costs), kind)
                 for kind, costs in line.cpu.items()]
        return ", ".join(f"{kind} {cost:.{3 if cost < 1 else 1}f} ({share * 100:.0f} %)"
                         for cost, share, kind in sorted(kinds, reverse=True))


def _number(value, digits):
    return f"{value:,.{digits}f}" if digits is not None else f"{value:,g}"
