"""Runs hvsim in a folder of its own and says what came of it."""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

HVSIM = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(sys.argv[2]).resolve()
LIBRARY = ROOT / 'scenarios/library'
QUICKSTART = LIBRARY / 'quickstart.yaml'
# Generous: the sanitizer build on a busy machine.
PATIENCE = 240


def hvsim(*arguments, cwd, env=None, prefix=(), patience=PATIENCE):
    """Runs hvsim; the result's stdout and stderr are bytes."""
    command = [*prefix, HVSIM, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, timeout=patience, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})


def run_line(line, cwd):
    """Runs a command line that hvsim printed, as a user would paste it into a shell."""
    path = f'{HVSIM.parent}:{os.environ["PATH"]}'
    if HVSIM.name != 'hvsim':
        line = shlex.quote(str(HVSIM)) + line.removeprefix('hvsim')
    return subprocess.run(line, shell=True, cwd=cwd, capture_output=True, timeout=PATIENCE,
                          check=False, env={**os.environ, 'PATH': path})


def hash_in(output):
    """The hash in the last lines of a report."""
    return output.decode().rsplit('hash ', 1)[1].split()[0]


def property_of(line):
    """What a line of `hvsim list plants` ends with: `RB-3` of `[RB-3]` or of `[packets (RB-3)]`."""
    return re.search(r'[\[(]([\w-]+)\)?\]$', line)[1]


class Case(unittest.TestCase):
    """A test with an empty folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='hvsim-test-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        """Puts a file into the folder."""
        data = content.encode() if isinstance(content, str) else content
        (self.folder / name).write_bytes(data)
        return name

    def hvsim(self, *arguments, **more):
        """Runs hvsim in the folder."""
        return hvsim(*arguments, cwd=self.folder, **more)

    def expect_code(self, code, *arguments, **more):
        """Runs hvsim in the folder; fails unless it ends with this exit code."""
        result = self.hvsim(*arguments, **more)
        self.assertEqual(result.returncode, code, f'{arguments}: {result.stderr.decode()}'
                         f'{result.stdout.decode()[-1500:]}')
        return result

    def expect_mistake(self, *arguments, begins, mentions=''):
        """One line on stderr that begins so, nothing on stdout, exit code 2, no new file."""
        before = sorted(self.folder.rglob('*'))
        result = self.expect_code(2, *arguments)
        text = result.stderr.decode()  # it must be UTF-8 whatever the input was
        self.assertEqual(result.stdout, b'')
        self.assertEqual(text.count('\n'), 1, text)
        self.assertTrue(text.endswith('\n'), text)
        self.assertRegex(text, '^' + begins)
        self.assertIn(mentions, text)
        self.assertTrue(text.rstrip('\n').isprintable(), repr(text))
        self.assertEqual(sorted(self.folder.rglob('*')), before)
        return text


def main():
    """Runs the tests of the calling module; the first two arguments are ours."""
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
