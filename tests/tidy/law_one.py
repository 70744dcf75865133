"""Law 1: one world, one seed. Nothing in the world reads a host clock, host randomness, a thread,
the environment, a host file, the order of a hash table or of addresses, or a host function whose
result differs between processors. A line that must be there says why: `// law 1: reason`; what
whole files are for says ALLOWED."""

import re

import scopes
from source import C_FAMILY, Finding, explained, files, read, without_comments

# What runs inside a world or says what a world is. The command line, exploring, shrinking and the
# debugger drive worlds from outside: they have clocks and processes.
FOLDERS = ("sim/", "hypervisor/", "fault-injection/", "checkers/", "traces/", "scenarios/guests/",
           "scenarios/language/", "scenarios/runner/")
MARK = "// law 1:"

# (rule, files, why they may)
ALLOWED = (
    ("static", ("scenarios/guests/lib/", "scenarios/guests/programs/"),
     "real guests: their statics lie in the guest's RAM, which the world makes, hashes and moves"),
    ("global", ("scenarios/guests/lib/", "scenarios/guests/programs/"),
     "real guests, as above"),
    ("asm", ("scenarios/guests/lib/", "scenarios/guests/programs/",
             "scenarios/guests/linux/programs/"),
     "real guests: their instructions run on the world's processors"),
    ("file", ("traces/file_reader.cpp", "traces/file_writer.cpp", "traces/file.hpp",
              "scenarios/language/parser.cpp"),
     "the files that a user names: the scenario, an input of the world, and its trace"),
    ("address", ("sim/cpu/unicorn/",),
     "the engine's translated code holds host addresses: where its memory, its functions and the "
     "call that is under way lie; none becomes state of a guest"),
    ("address", ("sim/memory/byte_storage.cpp",),
     "the kernel is asked by address which pages are backed; the answer is made page numbers"),
    ("file", ("sim/memory/byte_storage.cpp",),
     "which pages the kernel has backed: those it says nothing of are looked at by content"),
)

TRANSCENDENTAL = (
    "a?(?:sin|cos|tan)h?|atan2|exp2?|expm1|log(?:2|10|1p|b)?|pow|cbrt|hypot|erfc?|[tl]gamma")

HOST_MATHS = "host transcendental function: its last digit differs between processors"
HOST_CLOCK = "host clock; use the world's time"
HOST_FILE = "a host file is no input of a world"

# (name, pattern, what is wrong), line by line without comments and strings
RULES = [(name, re.compile(pattern), text) for name, pattern, text in (
    ("clock", r"\bstd::chrono\b|\b(?:system|steady|high_resolution)_clock\b|"
     r"#\s*include\s*<(?:chrono|ctime|time\.h|sys/time\.h)>", HOST_CLOCK),
    ("clock",
     r"\b(?:gettimeofday|clock_gettime|timespec_get|clock_nanosleep|nanosleep|usleep)\b|"
     r"\bstd::(?:clock|time)\s*\(|(?<![\w.>:])time\s*\(\s*(?:nullptr|NULL|0|&\w+)\s*\)|"
     r"\b__?rdtscp?\b|\b__builtin_(?:ia32_rdtscp?|readcyclecounter)\b", HOST_CLOCK),
    ("random",
     r"\brandom_device\b|\bmt19937|\bdefault_random_engine\b|\bstd::\w+_distribution\b|"
     r"\b(?:minstd_rand0?|knuth_b|ranlux\d+(?:_base|_48)?|mersenne_twister_engine|"
     r"linear_congruential_engine|subtract_with_carry_engine|discard_block_engine|"
     r"shuffle_order_engine|independent_bits_engine|seed_seq)\b|#\s*include\s*<random>|"
     r"\b(?:getrandom|getentropy|arc4random\w*|[dlm]rand48|random_shuffle)\b|"
     r"(?<![\w.>:])s?rand\s*\(|(?<!\w)::random\s*\(|\bsrandom\s*\(|"
     r"\bstd::(?:s?rand|shuffle|sample)\s*\(|\b__builtin_ia32_rd(?:rand|seed)\w*|"
     r"\b_rd(?:rand|seed)\d+_step\b",
     "randomness that is not the world's; use World::random()"),
    ("process", r"\b(?:getpid|getppid|gettid|pthread_self|get_id|gethostname|gethostid|uname|"
     r"getuid|sysconf|getauxval|sched_getcpu|hardware_concurrency)\s*\(",
     "who runs a world, and on what machine, is no input of it"),
    ("thread", r"\bstd::(?:jthread|thread|async|this_thread)\b|\bpthread_create\b|"
     r"#\s*include\s*<(?:thread|future)>", "a thread; a world has none"),
    ("thread", r"\bthread_local\b|\b__thread\b",
     "a thread-local variable; a world has no globals"),
    ("environment", r"\b(?:secure_)?getenv\b|\benviron\b",
     "the environment is no input of a world"),
    ("file",
     r"\bstd::i?fstream\b|\bf(?:re)?open\s*\(|(?<![\w.>])::open(?:at)?\s*\(", HOST_FILE),
    ("hash table", r"\bunordered_(?:multi)?(?:map|set)\b|\bstd::hash\s*<",
     "hash table: its order differs between libraries; use std::map or a sorted vector"),
    ("address", r"\b(?:reinterpret_cast|bit_cast)\s*<\s*(?:std::)?(?:u?intptr_t|u?int64_t|size_t|"
     r"ptrdiff_t|unsigned long|long)\s*>|\(\s*(?:std::)?u?intptr_t\s*\)\s*[\w(&*]|"
     r"\bstd::owner_less\b|\bfmt::ptr\b",
     "an address as a number: it differs between runs"),
    ("asm", r"\b(?:asm|__asm__|__asm)\b", "an instruction of the host: what it gives may differ"),
    ("maths", r"\b(?:std::|__builtin_)(?:" + TRANSCENDENTAL + r")[fl]?\s*\(", HOST_MATHS),
    ("static", r"^\s*(?:inline\s+)?static\s+(?:inline\s+)?(?!const(?:expr|init|eval)?\b|assert\b)"
     r"[\w:<>,\s*&]+?\s[*&]?\w+(?:\[[^\]]*\])*\s*(?:=[^=].*|\{[^()]*\}\s*)?;",
     "mutable static: a world has no globals"),
)]

# Over the whole text: a type may be broken into lines.
POINTER = (r"(?:(?:const\s+)?[\w:]+(?:<[\w:,\s]*>)?(?:\s+const)?\s*\*|"
           r"std::(?:shared_ptr|unique_ptr|weak_ptr|reference_wrapper)\s*<)")
BY_ADDRESS = re.compile(
    r"\bstd::(?:(?:multi)?(?:map|set)|less|greater|priority_queue)\s*<\s*"
    r"(?:std::(?:pair|tuple)\s*<\s*(?:[\w:]+\s*,\s*)*)?" + POINTER)
ORDERED = "ordered by address; order by something that has a meaning"

# Among the strings.
PATHS = re.compile(r"""["(](?:/dev/(?:u?random|hwrng|rtc)|/proc/|/sys/|/etc/)""")

# The same functions without `std::`, where the word before does not make it a declaration.
BARE = re.compile(r"(?P<before>[\w\])]\s+)?(?<![\w.>:])(?:" + TRANSCENDENTAL + r")[fl]?\s*\(")
BEFORE_A_CALL = re.compile(r"\b(?:return|co_return|co_yield|co_await|throw|else|case)\s+$")


def bare_call(line):
    for match in BARE.finditer(line):
        before = line[:match.end("before")] if match.group("before") else ""
        if not before or BEFORE_A_CALL.search(before):
            return True
    return False


def line_of(text, offset):
    return text.count("\n", 0, offset)


def wrong_lines(text):
    """(line from 0, rule, what is wrong) of every breach in one file."""
    code = without_comments(text)
    for index, line in enumerate(code.split("\n")):
        for name, pattern, why in RULES:
            if pattern.search(line):
                yield index, name, why
        if bare_call(line):
            yield index, "maths", HOST_MATHS
    for match in BY_ADDRESS.finditer(code):
        yield line_of(code, match.start()), "address", ORDERED
    for offset in scopes.mutable_globals(code):
        yield line_of(code, offset), "global", "mutable global: a world has no globals"
    for match in PATHS.finditer(without_comments(text, keep_strings=True)):
        yield line_of(text, match.start()), "file", HOST_FILE


def allowed(path, rule):
    return any(rule == name and path.startswith(paths) for name, paths, _ in ALLOWED)


def check(root):
    findings = []
    for path in files(root, C_FAMILY):
        if not path.startswith(FOLDERS):
            continue
        text = read(root, path)
        lines = text.split("\n")
        told = set()  # one finding per line
        for index, rule, why in wrong_lines(text):
            if index in told or allowed(path, rule) or explained(lines, index, MARK):
                continue
            told.add(index)
            findings.append(Finding(path, index + 1,
                                    f"law 1: {why}; or say why with `{MARK} ...`"))
    return findings
