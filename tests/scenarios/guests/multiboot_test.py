"""A multiboot kernel of our own: `hvsim guest run` and QEMU start it, and it says the same on both.
Files that are no kernels cost one line.

multiboot_test.py HVSIM KERNEL
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HVSIM, KERNEL = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
MODULE = bytes(range(256)) * 20 + b'end'
SUM = 0
for byte in MODULE:
    SUM = (SUM * 31 + byte) & 0xFFFFFFFF
SAID = f"""\
multiboot: entered
multiboot: protected, no paging
multiboot: about 63 MiB above the first
multiboot: told one two=three
multiboot: the map has this place
multiboot: a module of {len(MODULE)} bytes on a page, sum {SUM}, in the map
"""
CODE = 5


class Multiboot(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='hvsim-test-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / 'module').write_bytes(MODULE)

    def run_in_folder(self, *command):
        return subprocess.run(command, cwd=self.folder, capture_output=True, timeout=100,
                              check=False)

    def hvsim(self, kernel, *options):
        return self.run_in_folder(HVSIM, 'guest', 'run', kernel, '--memory', '64MiB', *options)

    def test_is_started_with_command_line_module_and_map(self):
        done = self.hvsim(KERNEL, '--initrd', 'module', '--append', 'one two=three')
        self.assertEqual(done.stdout.decode(), SAID, done.stderr)
        self.assertEqual(done.returncode, CODE)

    @unittest.skipUnless(shutil.which('qemu-system-x86_64'), 'no QEMU: apt install qemu-system-x86')
    def test_says_the_same_on_qemu(self):
        done = self.run_in_folder(
            'qemu-system-x86_64', '-accel', 'tcg', '-m', '64', '-kernel', KERNEL, '-initrd',
            'module', '-append', 'one two=three', '-display', 'none', '-nodefaults', '-no-reboot',
            '-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4')
        self.assertEqual(done.stdout.decode(), SAID, done.stderr)
        self.assertEqual(done.returncode >> 1, CODE)  # isa-debug-exit ends with 2 * code + 1

    def test_what_is_no_kernel_costs_one_line(self):
        image = KERNEL.read_bytes()
        huge = bytearray(image)
        table = int.from_bytes(image[28:32], 'little')
        huge[table + 20:table + 24] = b'\xff\xff\xff\xff'  # the first segment's size in memory
        for name, content, why in (
                ('notes', b'not a kernel', 'is not a Linux kernel'),
                ('short', image[:60], 'is not a Linux kernel|ends in'),
                ('cut', image[:4200], 'ends inside a segment'),
                ('huge', bytes(huge), 'needs more memory than the VM has')):
            (self.folder / name).write_bytes(content)
            done = self.hvsim(name)
            self.assertEqual(done.returncode, 2, name)
            self.assertEqual(done.stdout, b'')
            self.assertRegex(done.stderr.decode(), rf'^[^\n]*kernel `{name}` ({why})[^\n]*\n$')


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
