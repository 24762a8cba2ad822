"""The build under test."""

import os
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("ZPRESENCE_BUILD") or REPOSITORY / "build" / "asan").resolve()


def binary(kind):
    path = BUILD / "bin" / kind
    assert path.exists(), f"{path} is not built (ZPRESENCE_BUILD names the build folder)"
    return path
