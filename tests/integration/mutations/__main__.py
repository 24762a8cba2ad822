"""tests/mutations: see its --help."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from .table import MUTATIONS

_REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
_CLEAN, _VIOLATED, _STALLED = 0, 1, 3
_NOT_RUN = 2
_SHOWN_KINDS = 4

HELP = """Takes one mechanism after the other out of the code, builds that (preset "proof", in a copy of the tree), lets the
nemesis loose on it with the faults that the mechanism is there for, and has the checker judge. The checker must object
every time: a mutation that it lets pass is a mechanism that nothing proves. The unchanged code is run first, with the
faults of all, and must pass.

Prints a table, also as Markdown with --markdown. Exit code 0: every mutation was found, 1: not all, 2: it could not be
run."""


class NotRun(Exception):
    """What was asked for cannot be run."""


class Mutants:
    """A copy of the tree, with one build folder, in which one file at a time is changed."""

    def __init__(self, folder):
        self.folder = folder
        files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=_REPOSITORY,
                               capture_output=True, check=True).stdout.split(b"\0")
        for name in filter(None, (os.fsdecode(file) for file in files)):
            if (_REPOSITORY / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(_REPOSITORY / name, folder / name)
        self._unchanged = {name: (folder / name).read_text() for each in MUTATIONS
                           for name in [each.path, *(also[0] for also in each.also)]}
        self._run("cmake", "--preset", "proof")

    def build(self, mutation=None):
        """With `mutation` alone. Its text must stand there exactly once: a mutation that changes nothing proves nothing."""
        for name, text in self._unchanged.items():
            if (self.folder / name).read_text() != text:
                (self.folder / name).write_text(text)
        if mutation:
            for name, old, new in [(mutation.path, mutation.old, mutation.new), *mutation.also]:
                self._edit(mutation, self.folder / name, old, new)
        self._run("cmake", "--build", "--preset", "proof")

    @staticmethod
    def _edit(mutation, path, old, new):
        text = path.read_text()
        if text.count(old) != 1:
            raise NotRun(f"{mutation.name}: its text stands {text.count(old)} times in {path.name}")
        path.write_text(text.replace(old, new))

    def _run(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", file=sys.stderr)
            raise NotRun(f"{' '.join(command)} failed")

    def judge(self, faults, minutes, seed):
        """(exit code of the checker, {kind: count}) of one run."""
        kept = pathlib.Path(tempfile.mkdtemp(prefix="zpresence-mutant-")) / "run"
        command = [str(self.folder / "tests" / "nemesis"), "--minutes", f"{minutes:g}", "--seed", str(seed), "--faults", faults,
                   "--disturbed-too", "--keep", str(kept)]
        environment = {**os.environ, "ZPRESENCE_BUILD": str(self.folder / "build" / "proof")}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if not kept.exists():
            raise NotRun(ran.stderr.strip().splitlines()[-1])
        journal = kept / "attempt-1" / "journal"
        checked = subprocess.run([sys.executable, "-B", "-m", "checker", str(journal), "--json"],
                                 cwd=self.folder / "tests" / "integration", capture_output=True, text=True, check=False)
        shutil.rmtree(kept.parent)
        if checked.returncode not in (_CLEAN, _VIOLATED, _STALLED):
            # A process that died, or a journal that cannot be of a system that works.
            return _VIOLATED, {f"run that broke ({_why_broken(checked.stdout) or ran.stdout.strip().splitlines()[-1]})": 1}
        return checked.returncode, json.loads(checked.stdout)["counts"]


def _why_broken(said):
    return json.loads(said)["unusable"] if said.startswith("{") else None


def _text(counts):
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {kind}" for kind, count in ranked[:_SHOWN_KINDS]) or "nothing"


def _row(mutation, seconds, found, counts):
    return [mutation.name, mutation.what, mutation.faults.replace(",", ", "), _text(counts), "found" if found else "NOT FOUND",
            f"{seconds:.0f} s"]


def arguments(argv):
    parser = argparse.ArgumentParser(prog="tests/mutations", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="mutations:\n  " + "\n  ".join(f"{each.name:18} {each.what}" for each in MUTATIONS))
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; all where not given")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the nemesis (1)")
    parser.add_argument("--markdown", metavar="FILE", help="writes the table there")
    parser.add_argument("--no-control", action="store_true", help="does not run the unchanged code first")
    chosen = parser.parse_args(argv)
    unknown = set(chosen.names) - {each.name for each in MUTATIONS}
    if unknown:
        parser.error(f"no such mutation: {', '.join(sorted(unknown))}")
    return chosen


def main(argv):
    chosen = arguments(argv)
    mutations = [each for each in MUTATIONS if not chosen.names or each.name in chosen.names]
    rows = []
    with tempfile.TemporaryDirectory(prefix="zpresence-mutants-") as folder:
        mutants = Mutants(pathlib.Path(folder))
        if not chosen.no_control:
            mutants.build()
            faults = ",".join(dict.fromkeys(name for each in mutations for name in each.faults.split(",")))
            code, counts = mutants.judge(faults, 2.0, chosen.seed)
            print(f"unchanged: {_text(counts)}", flush=True)
            if counts:
                return _NOT_RUN
        for mutation in mutations:
            began = time.monotonic()
            mutants.build(mutation)
            _, counts = mutants.judge(mutation.faults, mutation.minutes, chosen.seed)
            rows.append(_row(mutation, time.monotonic() - began, bool(counts), counts))
            print("  ".join(rows[-1]), flush=True)
    if chosen.markdown:
        lines = ["| mutation | what it takes away | under | the checker found | |", "|---|---|---|---|---|"]
        lines += [f"| {' | '.join(row[:5])} |" for row in rows]
        pathlib.Path(chosen.markdown).write_text("\n".join(lines) + "\n")
    missed = [row[0] for row in rows if row[4] != "found"]
    print(f"mutations: {len(rows) - len(missed)} of {len(rows)} found" + (f"; not {', '.join(missed)}" if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except NotRun as error:
        print(f"mutations: {error}", file=sys.stderr)
        sys.exit(_NOT_RUN)
