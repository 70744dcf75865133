"""The microkernel is small and links no device (spec A1, A2).

usage: check_size.py ARCHIVE [--instrumented]: sums code and read-only data of the static library,
and looks at what its objects need from outside. What a sanitizer adds to the code is not the
microkernel's: an instrumented archive is measured, but only a plain one is held to the limit.
"""

import re
import subprocess
import sys

LIMIT = 1 << 20
# Namespaces and prefixes of ours that the microkernel may use: itself, the simulation core, traces.
OWN = ("hv::", "sim::", "traces::")
# Parts of the simulation that are devices or carry I/O.
FORBIDDEN = ("sim::Network", "sim::Nic", "sim::Stream", "sim::SharedDisk", "sim::Link",
             "vmbus::", "vsp::", "storage::", "migration::", "management::", "cluster::")


def code_and_constants(archive):
    """Bytes of allocated sections that are not written to, each COMDAT section once."""
    text = subprocess.run(["readelf", "-SW", archive], check=True, capture_output=True,
                          text=True).stdout
    total = 0
    seen = set()
    pattern = re.compile(r"\]\s+(\S+)\s+PROGBITS\s+\S+\s+\S+\s+([0-9a-f]+)\s+\S+\s+([A-Za-z]*)\s")
    for name, size, flags in pattern.findall(text):
        is_shared = "G" in flags
        if "A" not in flags or "W" in flags or (is_shared and name in seen):
            continue
        if is_shared:
            seen.add(name)
        total += int(size, 16)
    return total


def needed_symbols(archive):
    lines = subprocess.run(["nm", "-C", archive], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    defined, undefined = set(), set()
    for line in lines:
        match = re.match(r"^(?:[0-9a-f]{16})?\s+([A-Za-z])\s+(.*)$", line)
        if match:
            (undefined if match[1] == "U" else defined).add(match[2])
    return undefined - defined


def main(archive, is_instrumented):
    size = code_and_constants(archive)
    print(f"code and read-only data: {size} bytes of at most {LIMIT}")
    if size == 0 or (size >= LIMIT and not is_instrumented):
        sys.exit("the microkernel is not smaller than 1 MiB, or it could not be measured")
    needed = needed_symbols(archive)
    ours = {s for s in needed if re.match(r"^[a-z_]+::", s) and not s.startswith("std::")}
    devices = sorted(s for s in needed if any(f in s for f in FORBIDDEN))
    strangers = sorted(s for s in ours
                       if not s.startswith(OWN + ("operator", "__gnu", "__cxxabiv1::")))
    if not any(s.startswith("sim::World::") for s in needed):
        sys.exit("no use of sim::World found: nm's output was not understood")
    if devices or strangers:
        sys.exit("the microkernel reaches for " + ", ".join(devices + strangers))


if __name__ == "__main__":
    main(sys.argv[1], "--instrumented" in sys.argv[2:])
