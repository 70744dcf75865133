"""Prints the path of the static Unicorn archive, or says in one line why it cannot be used.

The engine knows the layout of one build of the library; a different one would give wrong results.
"""
import hashlib
import subprocess
import sys

EXPECTED = "da138c8966024ebe686883310753b580e6a22ac108771f67f11aae074749cce6"


def main() -> int:
    compiler = sys.argv[1:]
    asked = subprocess.run(compiler + ["-print-file-name=libunicorn.a"],
                           capture_output=True, text=True, check=True)
    path = asked.stdout.strip()
    if path == "libunicorn.a":
        print("unicorn: no static library; install libunicorn-dev (Debian 12)", file=sys.stderr)
        return 1
    with open(path, "rb") as archive:
        digest = hashlib.sha256(archive.read()).hexdigest()
    if digest != EXPECTED:
        print(f"unicorn: {path} has SHA-256 {digest}, but this engine needs Debian 12's "
              f"2.0.1.post1-1+b1 ({EXPECTED})", file=sys.stderr)
        return 1
    print(path)
    return 0


sys.exit(main())
