"""Who may include whom. Dependencies form a DAG; each folder of the second level is one library,
and an upward need is an interface that the lower library owns. A link test per library
(tests/link) finds upward calls; this finds what is header-only."""

import re

from source import C_FAMILY, Finding, files, read, without_comments

HYPERVISOR = ("hypervisor/core", "hypervisor/vmbus", "hypervisor/storage", "hypervisor/vsp",
              "hypervisor/migration", "hypervisor/management")
EVERYTHING = ("",)

# Library -> what it may include besides itself; an entry covers everything below it.
ALLOWED = {
    "traces": (),
    "sim/kernel": ("traces",),
    "sim/memory": ("traces", "sim/kernel"),
    "sim/net": ("traces", "sim/kernel"),
    "sim/disk": ("traces", "sim/kernel"),
    "sim/cpu": ("traces", "sim/memory/address.hpp"),
    "hypervisor/core": ("traces", "sim"),
    "hypervisor/vmbus": ("traces", "sim", "hypervisor/core"),
    "hypervisor/storage": ("traces", "sim"),
    "hypervisor/vsp": ("traces", "sim", "hypervisor/core", "hypervisor/vmbus",
                       "hypervisor/storage"),
    "hypervisor/migration": ("traces", "sim", "hypervisor/core", "hypervisor/vmbus",
                             "hypervisor/storage", "hypervisor/vsp"),
    "hypervisor/management": ("traces", "sim") + HYPERVISOR,
    "fault-injection": ("traces", "sim", "hypervisor/management", "hypervisor/core",
                        "hypervisor/vmbus"),
    "checkers": ("traces",),
    "scenarios": EVERYTHING,
    "tests": EVERYTHING,
}
TOPS = sorted({library.split("/")[0] for library in ALLOWED})

# Guests are programs of their own; their headers lie beside them.
OWN_RULES = ("scenarios/guests/",)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def covers(entry, path):
    return entry == "" or path == entry or path.startswith(entry + "/")


def library_of(path):
    """The longest known library that holds the path, or None."""
    known = [library for library in ALLOWED if covers(library, path)]
    return max(known, key=len) if known else None


def check(root):
    findings = []
    for path in files(root, C_FAMILY):
        if path.startswith(OWN_RULES) and not path.endswith((".cpp", ".hpp")):
            continue
        library = library_of(path)
        if library is None:
            findings.append(Finding(path, 1, "not in a library that tests/tidy/include_edges.py "
                                             "knows; add it there with what it may include"))
            continue
        code = without_comments(read(root, path), keep_strings=True)
        for number, line in enumerate(code.split("\n"), start=1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match.group(1)
            if target.split("/")[0] not in TOPS:
                findings.append(Finding(path, number, f'"{target}" is not a path from the project '
                                                      "root; write it as one"))
            elif not any(covers(entry, target) for entry in (library,) + ALLOWED[library]):
                allowed = ", ".join(ALLOWED[library]) or "nothing of ours"
                findings.append(Finding(path, number, f"{library} may not include {target}; it "
                                                      f"may include {allowed}"))
    return findings
