#!/usr/bin/env python3
"""The tree's own rules as a test.

    tidy.py ROOT [CHECK...]      without names: all checks

Prints one line per finding, `FILE:LINE: what is wrong`, and exits with 1 when there is any.
"""

import sys

sys.dont_write_bytecode = True  # the source tree stays clean

import include_edges
import law_one
import layout
import packages
import unique_names

CHECKS = {
    "law-1": law_one.check,
    "include-edges": include_edges.check,
    "size": layout.check_size,
    "paths": layout.check_paths,
    "words": layout.check_words,
    "packages": packages.check,
    "unique-names": unique_names.check,
}


def main(arguments):
    unknown = [name for name in arguments[1:] if name not in CHECKS]
    if not arguments or unknown:
        print(f"usage: tidy.py ROOT [CHECK...]; checks are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    findings = []
    for name in arguments[1:] or CHECKS:
        findings += CHECKS[name](arguments[0])
    for finding in sorted(findings):
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
