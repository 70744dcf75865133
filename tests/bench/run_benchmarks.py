"""Runs every benchmark that has a bound and prints one table: figure, measured, bound, ok/MISSED.

    run_benchmarks.py BUILD_FOLDER [--only WORD]

Exit status 1 when a figure misses its bound or could not be measured.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent.parent
LOOP = 11  # instructions
PASSES = 30_000_000
TIMES = 7
LOOP_TIMES = 5
BOOTS = 5


def run(command, **more):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True,
                          text=True, **more).stdout


def google(program, *options):
    """Runs of a Google Benchmark program, repetitions apart, without their summaries."""
    report = json.loads(run([program, "--benchmark_format=json", *options]))
    return [entry for entry in report["benchmarks"] if entry["run_type"] == "iteration"]


def least(entries, prefix, key="cpu_time"):
    return min(entry[key] for entry in entries if entry["name"].startswith(prefix))


def events(build):
    entries = google(build / "tests/bench/bench_event_queue", "--benchmark_repetitions=3",
                     "--benchmark_min_time=0.1", "--benchmark_filter=/100?000$",
                     "--benchmark_enable_random_interleaving=true")
    for variant, what in (("queue", "event queue"), ("crowd", "one task of many runs"),
                          ("sleepers", "every task runs")):
        for count in (10_000, 100_000):
            ratio = (least(entries, f"{variant}/{count}") / least(entries, f"bare/{count}"))
            yield (f"{what} / std::priority_queue, {count} pending", ratio, "<=", 1.0, "x")


def many_guests(build):
    pages, peak, each = run([build / "tests/bench/bench_many_guests"]).split()
    yield ("16 guests of 64 GiB, 64 MiB touched: peak of the process", int(peak) / 2**20, "<",
           256.0, "MiB")
    yield (f"the same, for each of {pages} touched pages", float(each), "<", 40.0, "B")


def step_back(build):
    count, median, longest = run([build / "tests/bench/bench_step_back",
                                  ROOT / "scenarios/library/quickstart.yaml"]).split()
    yield (f"one step back in a trace of {count} events, longest of 105", float(longest), "<",
           200.0, "ms")
    yield ("the same, median", float(median), "<", 200.0, "ms")


def migration(build):
    entries = google(build / "tests/bench/bench_migration")
    yield ("live migration of 4 GiB, real stack, wall time",
           least(entries, "real_stack", "real_time"), "<=", 3.0, "ms")


def frames(build):
    entries = google(build / "tests/bench/bench_frames", "--benchmark_repetitions=3",
                     "--benchmark_min_time=0.3")
    for hosts, what in ((1, "one host"), (2, "two hosts and the wire")):
        yield (f"frames/s between two model guests, {what}",
               max(entry["items_per_second"] for entry in entries
                   if entry["name"].startswith(f"frames/{hosts}")), ">=", 200_000.0, "/s")


def storage(build):
    entries = google(build / "tests/bench/bench_storage", "--benchmark_repetitions=5",
                     "--benchmark_min_time=0.3")
    yield ("4-KiB requests/s of a small guest, ring to disk and back",
           max(entry["items_per_second"] for entry in entries), ">=", 100_000.0, "/s")


def seconds_until(line, command):
    """Wall time from the start of a program until it prints such a line; then it is ended."""
    begun = time.perf_counter()
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as program:
        for printed in program.stdout:
            if line in printed:
                took = time.perf_counter() - begun
                program.kill()
                return took
    raise RuntimeError(f"{command[0]} ended before it printed: {line}")


def linux_boot(build):
    kernel, initrd = (build / "images" / f"{name}-6.1-cloud" for name in ("vmlinuz", "initrd"))
    if not kernel.exists():
        raise RuntimeError(f"no {kernel}: ./dev images fetches it")
    line = "console=ttyS0 quiet panic=-1 part=hello"
    ours = [build / "hvsim", "guest", "run", kernel, "--initrd", initrd, "--append", line]
    qemu = ["qemu-system-x86_64", "-m", "256", "-display", "none", "-nodefaults", "-no-reboot",
            "-serial", "stdio", "-kernel", kernel, "-initrd", initrd, "-append", line]
    variants = {"ours": ours, "counted": [*qemu, "-accel", "tcg", "-icount", "shift=0"],
                "plain": [*qemu, "-accel", "tcg"]}
    took = {name: [] for name in variants}
    for _ in range(BOOTS):  # by turns
        for name, command in variants.items():
            took[name].append(seconds_until("guest: user space", command))
    least_of = {name: min(times) for name, times in took.items()}
    yield ("Linux to user space, wall time", least_of["ours"], None, None, "s")
    yield ("the same / QEMU's that counts instructions (icount)",
           least_of["ours"] / least_of["counted"], "<=", 0.8, "x")
    yield ("the same / QEMU's as it is", least_of["ours"] / least_of["plain"], "<=", 1.2, "x")


def loop_kernel(folder, mask, passes):
    """The multiboot kernel of the loop as a flat image."""
    unit, image = folder / "kernel.o", folder / f"kernel-{mask:x}-{passes}"
    run(["cc", "-c", f"-DMASK={mask}", f"-DCOUNT={passes}", "-o", unit,
         BENCH / "guest_loop_kernel.S"])
    run(["ld", "-Ttext", "0x100000", "-e", "start", "--oformat", "binary", "-o", image, unit])
    return image


def qemu_seconds(image):
    """Processor time of one run; the guest leaves through the debug port: an odd status."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["qemu-system-x86_64", "-accel", "tcg", "-icount", "shift=0", "-m", "256", "-display",
         "none", "-nodefaults", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
         "-kernel", str(image)], capture_output=True, text=True, timeout=300, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode % 2 == 0:
        raise RuntimeError("QEMU's guest did not reach its end: " + done.stderr.strip())
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def guest_loop(build):
    engine = build / "tests/bench/bench_guest_loop"
    with tempfile.TemporaryDirectory() as scratch:
        for mask, name in ((0x3ffffff, "64 MiB"), (0xfff, "4 KiB")):
            short, long = (loop_kernel(pathlib.Path(scratch), mask, passes)
                           for passes in (1, PASSES))
            started, whole, plain, cleared = [], [], [], []
            for _ in range(LOOP_TIMES):  # by turns: a busy moment hits all alike
                started.append(qemu_seconds(short))
                plain.append(float(run([engine, hex(mask), 0]).split()[0]))
                whole.append(qemu_seconds(long))
                cleared.append(float(run([engine, hex(mask), 10_000_000]).split()[0]))
            # The least of each by itself: a slow start-up taken off a fast run would be a speed
            # that QEMU never had.
            qemu = (min(whole) - min(started)) * 1e9 / (LOOP * (PASSES - 1))
            yield (f"guest loop, {name}: speed / QEMU's", qemu / min(plain), ">=", 1.0, "x")
            yield (f"guest loop, {name}, log cleared: speed / QEMU's", qemu / min(cleared), ">=",
                   0.85, "x")


def quickstart(build):
    command = [build / "hvsim", "run", ROOT / "scenarios/library/quickstart.yaml"]
    plain, traced = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(TIMES):
            for times, more in ((plain, []), (traced, ["--trace", f"{scratch}/quickstart.trace"])):
                begun = time.perf_counter()
                run(command + more)
                times.append(time.perf_counter() - begun)
    yield ("quickstart, wall time", min(plain), "<", 2.0, "s")
    yield ("quickstart, what a trace adds", (min(traced) / min(plain) - 1) * 100, "<=", 25.0, "%")


def seeds(build):
    library = ROOT / "scenarios/library"
    for file, guest, count, bound in (("explore-model", "256 MiB model worker", 200, 300.0),
                                      ("explore-real", "small worker on Unicorn", 20, 30.0)):
        printed = run([build / "tests/bench/bench_seeds", library / f"{file}.yaml", count, TIMES])
        best, _, resident = printed.split()
        yield (f"seeds/s and core, two-host migration, {guest}", float(best), ">=", bound, "/s")
        yield (f"largest resident set of it, {count * TIMES} seeds", int(resident) / 1024,
               None, None, "MB")


def holds(measured, relation, bound):
    return {"<": measured < bound, "<=": measured <= bound, ">=": measured >= bound}[relation]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--only", help="parts whose name has this word")
    options = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    bad = 0
    print(f"{'figure':68} {'measured':>12} {'bound':>12}")
    for part in (events, many_guests, step_back, migration, frames, storage, guest_loop, linux_boot,
                 quickstart, seeds):
        if options.only and options.only not in part.__name__:
            continue
        try:
            for figure, measured, relation, bound, unit in part(options.build):
                if relation is None:
                    limit, verdict = "", ""
                else:
                    good = holds(measured, relation, bound)
                    limit, verdict = f"{relation} {bound:g} {unit}", "ok" if good else "MISSED"
                    bad += not good
                print(f"{figure:68} {measured:9.3f} {unit:2} {limit:>12} {verdict}", flush=True)
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as problem:
            bad += 1
            detail = (getattr(problem, "stderr", "") or "").strip()
            print(f"{part.__name__:68} not measured: {problem} {detail} MISSED", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
