"""Files that fit a head and a screen, and text that means the same on every machine."""

import re

from source import CODE, TEXT, Finding, files, read

LINES_MAX = 500
COLUMNS_MAX = 100
# Data: as long and as wide as what it describes.
DATA = (".schema",)
SCRIPTS = ("dev", ".ci/run")

# In two pieces, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.~$}])/(?:wor" + r"k|roo" + r"t|hom" + r"e)/")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|\b(?:not |un)"
                        r"implemented\b|\bstu" + r"bs?\b")
IDLE_TEST = re.compile(r"\bGTEST_SK" + r"IP\b|\bDISABLE" + r"D_|EXPECT_TRUE\(tru" + r"e\)|"
                       r"\bSUCCEE" + r"D\(\)")


def check_size(root):
    """Length of files and of lines."""
    findings = []
    for path in code_files(root):
        lines = read(root, path).split("\n")
        count = len(lines) - (1 if lines[-1] == "" else 0)
        if path.endswith(DATA):
            continue
        if count > LINES_MAX:
            findings.append(Finding(path, count, f"{count} lines are more than {LINES_MAX}: "
                                                 "usually two concepts; split it"))
        for number, line in enumerate(lines, start=1):
            if len(line) > COLUMNS_MAX:
                findings.append(Finding(path, number, f"{len(line)} columns are more than "
                                                      f"{COLUMNS_MAX}"))
    return findings


def check_paths(root):
    """Paths of one machine."""
    return search(root, files(root, TEXT), MACHINE_PATH,
                  "path of one machine; write it relative to the project")


def check_words(root):
    """Code that says of itself that it is not done, and tests that do not test."""
    unfinished = search(root, code_files(root), UNFINISHED, "says that it is not finished")
    tests = [path for path in files(root, CODE) if path.startswith("tests/")]
    return unfinished + search(root, tests, IDLE_TEST, "a test that does not test")


def code_files(root):
    return files(root, CODE) + [path for path in files(root, ("",)) if path in SCRIPTS]


def search(root, paths, pattern, text):
    findings = []
    for path in paths:
        for number, line in enumerate(read(root, path).split("\n"), start=1):
            if pattern.search(line):
                findings.append(Finding(path, number, text))
    return findings
