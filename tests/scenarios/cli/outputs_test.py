"""What a run leaves for other programs: disk images and captures, with small guests.

The disks and captures of a Linux guest are looked at in linux_test.py.
"""

import json
import shutil
import struct
import subprocess
import unittest

import support

QUICKSTART = support.QUICKSTART
SHORT = ('--quiet', '--set', 'end=200ms', '--set', 'timeline.0.at=50ms')
BLOCK = 512


class DiskImages(support.Case):
    def test_image_holds_what_the_guest_wrote_and_holes_elsewhere(self):
        """The worker's blocks carry their own number (scenarios/guests/pattern.h)."""
        self.expect_code(0, 'run', QUICKSTART, *SHORT, '--disk-images', 'out')
        [image] = (self.folder / 'out').iterdir()
        self.assertEqual(image.name, 'disk1.raw')
        self.assertEqual(image.stat().st_size, 16 << 20)
        self.assertLess(image.stat().st_blocks * 512, 2 << 20)
        content = image.read_bytes()
        written = 0
        for block in range(len(content) // BLOCK):
            _, sequence, number = struct.unpack_from('<QQQ', content, block * BLOCK)
            if sequence != 0:
                written += 1
                self.assertEqual(number, block)
        self.assertGreater(written, 8)

    @unittest.skipUnless(shutil.which('qemu-img'), 'no qemu-img: package qemu-utils')
    def test_image_is_what_qemu_takes_for_one(self):
        self.expect_code(0, 'run', QUICKSTART, *SHORT, '--disk-images', '.')
        told = subprocess.run(['qemu-img', 'info', '-f', 'raw', '--output=json', 'disk1.raw'],
                              cwd=self.folder, capture_output=True, check=True).stdout
        self.assertEqual(json.loads(told)['virtual-size'], 16 << 20)

    def test_run_is_the_same_with_and_without(self):
        plain = self.expect_code(0, 'run', QUICKSTART, *SHORT)
        again = self.expect_code(0, 'run', QUICKSTART, *SHORT, '--disk-images', 'out')
        self.assertEqual(plain.stdout, again.stdout)

    def test_image_that_was_there_is_replaced(self):
        self.write('disk1.raw', b'old')
        self.expect_code(0, 'run', QUICKSTART, *SHORT, '--disk-images', '.')
        self.assertEqual((self.folder / 'disk1.raw').stat().st_size, 16 << 20)
        self.assertEqual([path.name for path in self.folder.iterdir()], ['disk1.raw'])

    def test_where_no_image_can_be_is_said_before_the_run(self):
        self.write('file', b'')
        (self.folder / 'there/disk1.raw').mkdir(parents=True)
        for folder, why in (('file', 'is not a folder'), ('none/below', 'cannot be created'),
                            ('', 'give the path'), ('there', 'is a directory')):
            self.expect_mistake('run', QUICKSTART, '--disk-images', folder,
                                begins='--disk-images', mentions=why)
        self.expect_mistake('run', QUICKSTART, QUICKSTART, '--disk-images', 'out',
                            begins='--disk-images takes one scenario')


class Captures(support.Case):
    def test_run_without_adapters_has_none(self):
        self.expect_mistake('run', QUICKSTART, '--pcap', 'out', begins='--pcap: no VM of ',
                            mentions='network adapter')

    def test_frames_are_detail(self):
        self.expect_mistake('run', QUICKSTART, '--pcap', 'out', '--no-detail',
                            begins='--pcap: ', mentions='--no-detail')

    def test_trace_without_adapters_has_none(self):
        self.expect_code(0, 'run', QUICKSTART, *SHORT, '--trace', 'one.trace')
        self.expect_mistake('trace', 'pcap', 'one.trace', '--output', 'out.pcapng',
                            begins=r'one\.trace: no VM of this run has a network adapter')
        self.expect_mistake('trace', 'pcap', 'none.trace', '--output', 'out.pcapng',
                            begins=r'none\.trace: ')


if __name__ == '__main__':
    support.main()
