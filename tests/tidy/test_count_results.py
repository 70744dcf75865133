#!/usr/bin/env python3
"""The summary line must not be kinder than the tests."""

import json
import os
import subprocess
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
        return str(self.of_log(*programs)[0])

    def of_log(self, *programs):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "testlog.json")
            with open(path, "w", encoding="utf-8") as log:
                for result, output in programs:
                    line = {"name": "x", "result": result, "stdout": output}
                    log.write(json.dumps(line) + "\n")
            return count_results.of_log(path)

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

    def test_says_which_program_was_skipped_and_why(self):
        self.assertEqual(self.of_log(("SKIP", "apt install it\n"))[1],
                         ["skipped: x: apt install it"])

    def test_a_test_that_lacks_a_program_is_skipped_aloud(self):
        test = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                            "../scenarios/guests/boot_on_qemu_test.py")
        done = subprocess.run([sys.executable, test, "hello", "worker"], env={"PATH": ""},
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 77)
        self.assertEqual(done.stdout, "boot-on-qemu is skipped; to run it: "
                                      "apt install qemu-system-x86 binutils\n")

    def test_a_run_without_tests_failed(self):
        self.assertEqual(self.summary(), "0 passed, 1 failed")

    def test_a_missing_log_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            totals, _ = count_results.of_log(os.path.join(folder, "none.json"))
        self.assertEqual(str(totals), "0 passed, 1 failed")


if __name__ == "__main__":
    unittest.main()
