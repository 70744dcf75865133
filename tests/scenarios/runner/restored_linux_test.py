"""A Linux that was restored takes the course of one that was never saved.

Needs the images that `./dev images` makes; where they are missing this test says so and is skipped.
"""

import os
import pathlib
import subprocess
import sys
import unittest

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
IMAGES = pathlib.Path(sys.argv[2]).resolve()


@unittest.skipUnless((IMAGES / 'vmlinuz-6.1-cloud').exists(),
                     f'no Debian kernel in {IMAGES}: ./dev images fetches it')
class RestoredLinux(unittest.TestCase):
    def test_takes_the_course_of_one_that_was_never_saved(self):
        done = subprocess.run([PROGRAM, '--gtest_filter=BootOnce.Linux*'], capture_output=True,
                              env={**os.environ, 'HVSIM_IMAGES': str(IMAGES)}, check=False)
        output = done.stdout.decode() + done.stderr.decode()
        self.assertEqual(done.returncode, 0, output)
        self.assertIn('[  PASSED  ] 1 test', output)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=2)
