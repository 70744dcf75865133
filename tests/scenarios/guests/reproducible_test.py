"""Builds a guest again from a copy of its sources in another place and compares the bytes.

reproducible_test.py COMPILER SOURCE_DIR IMAGE PROGRAM LIBRARY_FILE... -- FLAG...
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile


def main():
    compiler, source, image, program, *rest = sys.argv[1:]
    end = rest.index("--")
    names, flags = [pathlib.Path(path).name for path in rest[:end]], rest[end + 1 :]
    with tempfile.TemporaryDirectory() as place:
        copy = pathlib.Path(place) / "a place of another length" / "guests"
        shutil.copytree(source, copy)
        again = copy / "again.elf"
        inputs = [copy / "programs" / f"{program}.c", *(copy / "lib" / name for name in names)]
        subprocess.run(
            [compiler, *flags, "-T", copy / "lib" / "guest.ld", "-o", again, *inputs], check=True
        )
        if again.read_bytes() != pathlib.Path(image).read_bytes():
            sys.exit(f"{program}: other bytes when built in another place")


main()
