"""An unmodified Linux kernel as the guest: the scenarios of the library that start one.

Needs the images that `./dev images` makes; where they are missing this test says so and is skipped.
"""

import re
import subprocess
import unittest

import support

SERVING = support.LIBRARY / 'linux-live-migration.yaml'
STORAGE = support.LIBRARY / 'linux-storage.yaml'
IMAGES = support.HVSIM.parent / 'images'


@unittest.skipUnless((IMAGES / 'vmlinuz-6.1-cloud').exists(),
                     f'no Debian kernel in {IMAGES}: ./dev images fetches it')
class Linux(support.Case):
    def run_storage(self, *options):
        return support.hvsim('run', STORAGE, *options, cwd=self.folder)

    def test_no_request_of_a_client_fails_while_its_server_moves_ten_times(self):
        done = support.hvsim('run', SERVING, cwd=self.folder)
        output = done.stdout.decode()
        self.assertEqual(done.returncode, 0, output + done.stderr.decode())
        self.assertEqual(len(re.findall('migration of server completed', output)), 10, output)
        self.assertIn('guest: 200 of 200 requests were right', output)
        self.assertRegex(output, r'guest: [1-9]\d* large files are right')
        self.assertNotIn('is wrong', output)

    def test_its_own_drivers_serve_a_file_system_through_migrations_and_replay_does_too(self):
        done = self.run_storage('--trace', 'one.trace')
        output = done.stdout.decode()
        self.assertEqual(done.returncode, 0, output + done.stderr.decode())
        self.assertEqual(len(re.findall('migration of web completed', output)), 4, output)
        self.assertIn('64 files are as they were written', output)
        self.assertNotIn('drivers complained', output)
        self.assertRegex(output, 'holds +twin-equal')
        replayed = support.hvsim('replay', 'one.trace', cwd=self.folder)
        self.assertEqual(replayed.returncode, 0, replayed.stdout + replayed.stderr)

    def test_guest_run_shows_the_console_and_every_device_has_its_driver(self):
        done = support.hvsim('guest', 'run', 'vmlinuz-6.1-cloud', '--initrd', 'initrd-6.1-cloud',
                             '--append', 'console=ttyS0 quiet panic=-1 part=hello',
                             cwd=self.folder)
        output = done.stdout.decode()
        self.assertEqual(done.returncode, 0, output + done.stderr.decode())
        drivers = re.findall(r'guest: device \{[0-9a-f-]+\} is driven by (\w+)', output)
        self.assertEqual(sorted(drivers), ['hv_storvsc'] + 5 * ['hv_utils'], output)
        self.assertEqual(done.stderr, b'hvsim: the guest switched itself off\n')

    def test_guest_that_goes_on_is_undecided(self):
        done = support.hvsim('guest', 'run', 'vmlinuz-6.1-cloud', '--limit', '50ms',
                             cwd=self.folder)
        self.assertEqual(done.returncode, 4)
        self.assertEqual(done.stderr.count(b'\n'), 1)

    def test_kernel_that_is_not_there_is_one_line_with_its_place(self):
        text = STORAGE.read_text(encoding='utf-8').replace('vmlinuz-6.1-cloud', 'vmlinuz-none')
        (self.folder / 'missing.yaml').write_text(text, encoding='utf-8')
        done = support.hvsim('run', 'missing.yaml', cwd=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.decode(),
                         r'^missing\.yaml:\d+:\d+: kernel `vmlinuz-none` .*\n$')

    def test_file_that_is_no_kernel_is_one_line(self):
        text = STORAGE.read_text(encoding='utf-8').replace('vmlinuz-6.1-cloud', 'notes.txt')
        (self.folder / 'wrong.yaml').write_text(text, encoding='utf-8')
        (self.folder / 'notes.txt').write_text('not a kernel')
        done = support.hvsim('run', 'wrong.yaml', cwd=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.decode(),
                         r'^wrong\.yaml:\d+:\d+: .*is not a Linux kernel.*\n$')


class Images(unittest.TestCase):
    def test_firmware_is_read_by_the_compiler_of_its_makers(self):
        source = support.ROOT / 'scenarios/guests/firmware/dsdt.asl'
        done = subprocess.run(['iasl', '-f', '-p', '/dev/null', source], capture_output=True,
                              check=False)
        self.assertIn(b'0 Warnings', done.stdout + done.stderr)


if __name__ == '__main__':
    support.main()
