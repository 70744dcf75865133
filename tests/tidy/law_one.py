"""Law 1: one world, one seed. Nothing in the world reads a host clock, host randomness, a thread,
the environment, the order of a hash table or of addresses, or a host function whose result differs
between processors. A line that must be there says why: `// law 1: reason`."""

import re

from source import C_FAMILY, Finding, explained, files, read, without_comments

FOLDERS = ("sim/", "hypervisor/", "fault-injection/", "checkers/", "traces/")
MARK = "// law 1:"

TRANSCENDENTAL = (
    "a?(?:sin|cos|tan)h?|atan2|exp2?|expm1|log(?:2|10|1p|b)?|pow|cbrt|hypot|erfc?|[tl]gamma")

HOST_MATHS = "host transcendental function: its last digit differs between processors"

RULES = [(re.compile(pattern), text) for pattern, text in (
    (r"\bstd::chrono\b|\b(?:system|steady|high_resolution)_clock\b",
     "host clock; use the world's time"),
    (r"\b(?:gettimeofday|clock_gettime|timespec_get|clock_nanosleep|nanosleep|usleep)\b|"
     r"\bstd::(?:clock|time)\s*\(|(?<![\w.>:])time\s*\(\s*(?:nullptr|NULL|0|&\w+)\s*\)|"
     r"\b__?rdtscp?\b",
     "host clock; use the world's time"),
    (r"\brandom_device\b|\bmt19937|\bdefault_random_engine\b|\bstd::\w+_distribution\b|"
     r"\b(?:getrandom|arc4random\w*|drand48|random_shuffle)\b|(?<![\w.>:])s?rand\s*\(|"
     r"\bstd::(?:s?rand|shuffle)\s*\(",
     "randomness that is not the world's; use World::random()"),
    (r"\bstd::(?:jthread|thread|async)\b|\bpthread_create\b", "a thread; a world has none"),
    (r"\bthread_local\b", "a thread-local variable; a world has no globals"),
    (r"\b(?:secure_)?getenv\b|\benviron\b", "the environment is no input of a world"),
    (r"\bunordered_(?:multi)?(?:map|set)\b|\bstd::hash\s*<",
     "hash table: its order differs between libraries; use std::map or a sorted vector"),
    (r"\bstd::(?:multi)?(?:map|set)<\s*(?:const\s+)?[\w:]+(?:\s+const)?\s*\*",
     "ordered by address; order by something that has a meaning"),
    (r"\bstd::(?:" + TRANSCENDENTAL + r")[fl]?\s*\(",
     HOST_MATHS),
    (r"^\s*(?:inline\s+)?static\s+(?:inline\s+)?(?!const(?:expr|init|eval)?\b|assert\b)"
     r"[\w:<>,\s*&]+?\s[*&]?\w+\s*(?:=[^=].*|\{[^()]*\}\s*)?;",
     "mutable static: a world has no globals"),
)]

# The same functions without `std::`, where the word before does not make it a declaration.
BARE = re.compile(r"(?P<before>[\w\])]\s+)?(?<![\w.>:])(?:" + TRANSCENDENTAL + r")[fl]?\s*\(")
BEFORE_A_CALL = re.compile(r"\b(?:return|co_return|co_yield|co_await|throw|else|case)\s+$")


def bare_call(line):
    for match in BARE.finditer(line):
        before = line[:match.end("before")] if match.group("before") else ""
        if not before or BEFORE_A_CALL.search(before):
            return True
    return False


def check(root):
    findings = []
    for path in files(root, C_FAMILY):
        if not path.startswith(FOLDERS):
            continue
        text = read(root, path)
        lines = text.split("\n")
        for index, code in enumerate(without_comments(text).split("\n")):
            reasons = [why for pattern, why in RULES if pattern.search(code)]
            if not reasons and bare_call(code):
                reasons = [HOST_MATHS]
            if reasons and not explained(lines, index, MARK):
                findings.append(Finding(path, index + 1,
                                        f"law 1: {reasons[0]}; or say why with `{MARK} ...`"))
    return findings
