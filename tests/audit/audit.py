#!/usr/bin/env python3
"""Makes the same runs in every build and under every circumstance named, and compares their hashes.

    audit.py [--seeds N] [--jobs N] NAME=HVSIM...

The first NAME=HVSIM is what the others are held against: it runs as it is, then without address
space randomisation, from another folder with another environment, and on a machine that is busy.
The runs are seeds 1..N of every scenario of the library, with what exploring draws for them.

Prints one line per circumstance. Exit status 1 when a hash differs (the first few are named) or a
run is missing, 2 for a mistake of the caller's.
"""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIBRARY = ROOT / "scenarios/library"
SHOWN = 5


def hashes_of(hvsim, options, before=(), **more):
    """Runs an exploration; {(scenario, run): hash}."""
    with tempfile.TemporaryDirectory() as scratch:
        listed = pathlib.Path(scratch) / "hashes"
        command = [*before, str(hvsim), "explore", str(LIBRARY), "--seeds", str(options.seeds),
                   "--no-mutants", "--no-shrink", "--twin-every", "0", "--twice-every", "0",
                   "--findings", "", "--run-limit", "10min", "--hashes", str(listed)]
        if options.jobs:
            command += ["--jobs", str(options.jobs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
        # 1: a property does not hold, which is no matter here.
        if done.returncode not in (0, 1):
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
        runs = {}
        for line in listed.read_text().splitlines():
            scenario, run, digest = line.split()
            runs[scenario, run] = digest
        return runs


@contextlib.contextmanager
def load():
    """Twice as many busy processes as there are processors."""
    spin = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def circumstances(builds, options):
    """Name and runs of each, the reference first."""
    (name, reference), *others = builds
    yield name, lambda: hashes_of(reference, options)
    yield f"{name}, addresses not randomised", lambda: hashes_of(reference, options,
                                                                 ("setarch", "-R"))
    elsewhere = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "TZ": "Asia/Kathmandu",
                 "LC_ALL": "C", "HVSIM_AUDIT": "x" * 10_000, "MALLOC_PERTURB_": "165",
                 "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"}
    yield f"{name}, other folder, environment and C library routines", lambda: hashes_of(
        reference, options, cwd="/", env=elsewhere)

    def busy():
        with load():
            return hashes_of(reference, options)
    yield f"{name}, busy machine", busy
    for other, program in others:
        yield other, lambda program=program: hashes_of(program, options)


def differences(expected, seen):
    for key in sorted(expected.keys() | seen.keys()):
        if expected.get(key) != seen.get(key):
            yield key, expected.get(key, "no run"), seen.get(key, "no run")


def audit(builds, options):
    reference, good = None, True
    for name, runs_of in circumstances(builds, options):
        begun = time.monotonic()
        runs = runs_of()
        took = time.monotonic() - begun
        if reference is None:
            reference = runs
            if not runs:
                print("no run was made")
                return False
            print(f"{name:60} {len(runs):6} runs {took:7.1f} s", flush=True)
            continue
        wrong = list(differences(reference, runs))
        verdict = f"{len(wrong)} DIFFER" if wrong else "same"
        print(f"{name:60} {len(runs):6} runs {took:7.1f} s  {verdict}", flush=True)
        for (scenario, run), expected, seen in wrong[:SHOWN]:
            print(f"    {scenario} run {run}: {expected} there, {seen} here")
        good = good and not wrong
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=25, help="of each scenario")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("builds", nargs="+", metavar="NAME=HVSIM")
    options = parser.parse_args()
    builds = []
    for build in options.builds:
        name, equals, program = build.partition("=")
        if not equals or not os.access(program, os.X_OK):
            parser.error(f"'{build}' is not NAME=HVSIM with a program that can be run")
        builds.append((name, pathlib.Path(program).resolve()))
    sys.exit(0 if audit(builds, options) else 1)


if __name__ == "__main__":
    main()
