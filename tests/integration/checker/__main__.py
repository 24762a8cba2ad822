"""python3 -m checker FOLDER [--json] [--despite-stalls], from tests/integration. Exit code: 0 no violation, 1 some, 2 the
journal is not usable, 3 the run was stalled and is to be repeated."""

import argparse
import json
import sys

from . import check


def main(argv):
    parser = argparse.ArgumentParser(prog="checker", description=__doc__)
    parser.add_argument("folder", help="the journal (JOURNAL.md)")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    parser.add_argument("--despite-stalls", action="store_true", help="judges a run that was stalled like any other")
    arguments = parser.parse_args(argv)
    report = check(arguments.folder, arguments.despite_stalls)
    print(json.dumps(report.as_json(), indent=1) if arguments.json else report.as_text())
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
