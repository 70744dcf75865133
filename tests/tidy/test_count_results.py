#!/usr/bin/env python3
"""The summary line must not be kinder than the tests."""

import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".ci"))

import count_results

GOOD = "[==========] 3 tests from 2 test suites ran. (4 ms total)\n[  PASSED  ] 3 tests.\n"
BAD = "[  PASSED  ] 2 tests.\n[  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.B\n"
SOME_SKIPPED = "[  PASSED  ] 2 tests.\n[  SKIPPED ] 4 tests, listed below:\n"


class Counting(unittest.TestCase):
    def summary(self, *programs):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "testlog.json")
            with open(path, "w", encoding="utf-8") as log:
                for result, output in programs:
                    line = {"name": "x", "result": result, "stdout": output}
                    log.write(json.dumps(line) + "\n")
            return str(count_results.of_log(path)[0])

    def test_adds_the_tests_of_a_program(self):
        self.assertEqual(self.summary(("OK", GOOD), ("OK", GOOD)), "6 passed, 0 failed")

    def test_counts_other_programs_as_one(self):
        self.assertEqual(self.summary(("OK", ""), ("FAIL", "")), "1 passed, 1 failed")

    def test_counts_failed_tests(self):
        self.assertEqual(self.summary(("FAIL", BAD)), "2 passed, 1 failed")

    def test_counts_a_program_that_failed_though_its_tests_did_not(self):
        self.assertEqual(self.summary(("FAIL", GOOD)), "3 passed, 1 failed")

    def test_counts_crashes_and_timeouts(self):
        self.assertEqual(self.summary(("TIMEOUT", "[ RUN      ] A.B\n"), ("INTERRUPT", "")),
                         "0 passed, 2 failed")

    def test_counts_skipped_tests(self):
        self.assertEqual(self.summary(("OK", SOME_SKIPPED), ("SKIP", "")),
                         "2 passed, 0 failed, 5 skipped")

    def test_a_run_without_tests_failed(self):
        self.assertEqual(self.summary(), "0 passed, 1 failed")

    def test_a_missing_log_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            totals, _ = count_results.of_log(os.path.join(folder, "none.json"))
        self.assertEqual(str(totals), "0 passed, 1 failed")


if __name__ == "__main__":
    unittest.main()
