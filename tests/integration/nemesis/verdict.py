"""The checker's verdict on a journal: the one place from which it is called."""

import pathlib
import subprocess
import sys

_FOLDER = pathlib.Path(__file__).resolve().parents[1]


STALLED = 3


def judge(journal_folder, despite_stalls):
    """Prints what the checker says; returns its exit code."""
    options = ["--despite-stalls"] if despite_stalls else []
    return subprocess.run([sys.executable, "-B", "-m", "checker", str(journal_folder), *options], cwd=_FOLDER,
                          check=False).returncode
