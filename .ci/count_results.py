#!/usr/bin/env python3
"""Adds up the tests of several meson runs.

    count_results.py TESTLOG.json...

A GoogleTest program counts as its tests, any other as one. A program that ended badly although no
test of it failed (a crash, a leak at exit, a time-out) is one failure, and so is a log that is
missing: its build failed. Prints the programs that failed and those that were skipped, then, as the
last line, `N passed, N failed` (and `, N skipped`); exits with 1 when anything failed.
"""

import json
import os
import re
import sys
from dataclasses import dataclass

PASSED = re.compile(r"^\[  PASSED  \] (\d+) tests?\.", re.MULTILINE)
FAILED = re.compile(r"^\[  FAILED  \] (\d+) tests?, listed below", re.MULTILINE)
SKIPPED = re.compile(r"^\[  SKIPPED \] (\d+) tests?, listed below", re.MULTILINE)


@dataclass
class Totals:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def number(pattern, text):
    match = pattern.search(text)
    return int(match.group(1)) if match else 0


def of_program(result, output):
    """Totals of one program: meson's verdict on it and what it printed."""
    totals = Totals(number(PASSED, output), number(FAILED, output), number(SKIPPED, output))
    good = result in ("OK", "EXPECTEDFAIL")
    if result == "SKIP":
        totals.skipped = max(totals.skipped, 1)
    elif not good and totals.failed == 0:
        totals.failed = 1
    elif good and totals == Totals():
        totals.passed = 1
    return totals


def of_log(path):
    """Totals of one run, and a remark on each program that failed or was skipped."""
    if not os.path.exists(path):
        return Totals(failed=1), [f"failed: {path}: no results; the build failed"]
    totals = Totals()
    remarks = []
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            program = json.loads(line)
            output = program.get("stdout") or ""
            counted = of_program(program["result"], output)
            totals.add(counted)
            if counted.failed:
                remarks.append(f"failed: {program['name']}: {program['result']}")
            elif program["result"] == "SKIP":
                why = (output.strip().splitlines() or ["it does not say why"])[-1]
                remarks.append(f"skipped: {program['name']}: {why}")
    if totals == Totals():
        return Totals(failed=1), [f"failed: {path}: no test ran"]
    return totals, remarks


def main(paths):
    totals = Totals()
    for path in paths:
        counted, remarks = of_log(path)
        totals.add(counted)
        for remark in remarks:
            print(remark, file=sys.stderr)
    sys.stderr.flush()
    print(totals)
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
