"""The checker's verdict on a journal: the one place from which it is called."""

import pathlib
import subprocess
import sys

_FOLDER = pathlib.Path(__file__).resolve().parents[1]


def judge(journal_folder):
    """Prints what the checker says; returns its exit code."""
    return subprocess.run([sys.executable, "-B", "-m", "checker", str(journal_folder)], cwd=_FOLDER,
                          check=False).returncode
