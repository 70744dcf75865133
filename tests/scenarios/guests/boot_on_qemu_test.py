"""Boots guests on another machine, QEMU, which is no Microsoft hypervisor: the way to 64-bit mode,
interrupt tables, console, exit port and the memory pattern must work there as well.

boot_on_qemu_test.py HELLO WORKER

Ends with 77, which meson counts as skipped, where a program that it needs is missing.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# The program, and the Debian package that has it.
NEEDED = (("qemu-system-x86_64", "qemu-system-x86"), ("objcopy", "binutils"))


def found_or_skipped():
    missing = [package for program, package in NEEDED if shutil.which(program) is None]
    if missing:
        print(f"boot-on-qemu is skipped; to run it: apt install {' '.join(missing)}")
        sys.exit(SKIPPED)
    return [shutil.which(program) for program, _ in NEEDED]


def boot(qemu, objcopy, image, place):
    # QEMU's multiboot loader takes 32-bit files only; the content is the same.
    narrow = place / (pathlib.Path(image).stem + ".elf32")
    subprocess.run([objcopy, "-O", "elf32-i386", image, narrow], check=True)
    command = [qemu, "-accel", "tcg", "-m", "128", "-kernel", narrow, "-display", "none"]
    command += ["-no-reboot", "-nodefaults", "-debugcon", "stdio"]
    command += ["-device", "isa-debug-exit,iobase=0xf4"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100)
    return run.returncode >> 1, run.stdout  # isa-debug-exit ends with 2 * code + 1


def expect(what, seen, wanted):
    if seen != wanted:
        sys.exit(f"{what}: expected {wanted!r}, saw {seen!r}")


def main():
    hello, worker = sys.argv[1:]
    qemu, objcopy = found_or_skipped()
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        code, text = boot(qemu, objcopy, hello, place)
        expect("hello", text, "hello: 64-bit mode\nhello: no Microsoft hypervisor found\n")
        expect("hello's exit code", code, 2)
        code, text = boot(qemu, objcopy, worker, place)
        expect(
            "worker",
            text,
            "worker: no Microsoft hypervisor found, memory pattern alone\n"
            "worker: pages written 100000\n",
        )
        expect("worker's exit code", code, 0)


main()
