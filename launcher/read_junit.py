"""read_junit.py FILE: what a JUnit report says, for test.sh: a line "passed N", and "failed NAME: WHY" for each test
that failed, had an error or did not run. A ctest program that holds cmocka tests counts as many as it says it ran."""

import re
import sys
import xml.etree.ElementTree as ElementTree

CMOCKA_COUNTS = re.compile(r"^\[  PASSED  \] (\d+) test\(s\)", re.MULTILINE)
CMOCKA_FAILURE = re.compile(r"^\[  FAILED  \] (?!\d+ test)(\S.*)$", re.MULTILINE)


def main(path):
    passed = 0
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"failed no report: {error}")
        return
    for case in cases:
        name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
        name = case.get("name") if case.get("classname") == case.get("name") else name
        output = case.findtext("system-out") or ""
        inner_passed = sum(map(int, CMOCKA_COUNTS.findall(output)))
        bad = next((e for e in map(case.find, ("failure", "error", "skipped")) if e is not None), None)
        if bad is None and case.get("status", "run") == "run":
            passed += inner_passed or 1
            continue
        inner_failed = sorted(set(CMOCKA_FAILURE.findall(output)))
        passed += inner_passed
        if inner_failed:
            for inner in inner_failed:
                print(f"failed {name}: {inner}")
        else:
            why = "" if bad is None else f": {bad.tag} {(bad.get('message') or '').splitlines()[:1]}"
            print(f"failed {name}{why}")
    print(f"passed {passed}")


main(sys.argv[1])
