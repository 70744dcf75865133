"""An unmodified Linux kernel as the guest: the scenarios of the library that start one, and what
other people's programs find in what such a run leaves: the disks, the frames, the guest's own log.

Needs the images that `./dev images` makes; where they are missing this test says so and is skipped,
and so is what needs a program that is not here.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

import support

SERVING = support.LIBRARY / 'linux-live-migration.yaml'
SAVED = support.LIBRARY / 'linux-serve-from-saved.yaml'
SERVICES = support.LIBRARY / 'linux-integration-services.yaml'
STORAGE = support.LIBRARY / 'linux-storage.yaml'
IMAGES = support.HVSIM.parent / 'images'
# Two kernels boot: most of a minute on a machine that does nothing else.
PATIENCE = 1200

# Classes of devices (spec C.7): who must have taken each.
DRIVERS = {
    '57164f39-9115-4e78-ab55-382f3bd5422d': 'hv_utils',    # heartbeat
    '9527e630-d0ae-497b-adce-e80ab0175caf': 'hv_utils',    # time synchronization
    '0e0b6031-5213-4934-818b-38d90ced39db': 'hv_utils',    # shutdown
    'a9a0f4e7-5a45-4d96-b827-8a841e8c03e6': 'hv_utils',    # key-value pairs
    '35fa2e29-ea23-4236-96ae-3a6ebacba440': 'hv_utils',    # VSS
    'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f': 'hv_storvsc',  # SCSI
    'f8615163-df3e-46c5-913f-f2d2f965ed0e': 'hv_netvsc',   # network
}


# Tools of file systems lie where not every user looks.
PATH = os.environ['PATH'] + ':/usr/sbin:/sbin'


def needs(program, package):
    return unittest.skipUnless(shutil.which(program, path=PATH), f'no {program}: package {package}')


@unittest.skipUnless((IMAGES / 'vmlinuz-6.1-cloud').exists(),
                     f'no Debian kernel in {IMAGES}: ./dev images fetches it')
class OneRun(unittest.TestCase):
    """One run of a scenario, which the tests of a class look at."""

    SCENARIO = None
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='hvsim-test-')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        done = support.hvsim('run', cls.SCENARIO, '--trace', 'one.trace', '--disk-images', '.',
                             *cls.OPTIONS, cwd=cls.folder, patience=PATIENCE)
        cls.output = done.stdout.decode()
        if done.returncode != 0:
            raise AssertionError(cls.output + done.stderr.decode())

    def tool(self, *command):
        """What a program of other people prints; it must not complain."""
        done = subprocess.run(command, cwd=self.folder, capture_output=True, check=False,
                              env={**os.environ, 'PATH': PATH})
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())
        return done.stdout.decode()

    def events(self, kind):
        shown = support.hvsim('trace', 'show', 'one.trace', '--json', '--type', kind,
                              cwd=self.folder)
        return [json.loads(line)['fields'] for line in shown.stdout.splitlines()]

    def count_of(self, *kinds):
        told = support.hvsim('trace', 'stat', 'one.trace', cwd=self.folder).stdout.decode()
        return sum(int(re.search(rf'^ *(\d+)  {kind}$', told, re.M)[1]) for kind in kinds)

    def file_in(self, image, path):
        """Bytes of a file in an ext4 image."""
        self.tool('debugfs', '-R', f'dump {path} dumped', image)
        return (self.folder / 'dumped').read_bytes()

    def says(self, vm):
        return re.findall(rf'^ *[\d.]+ ms  \S+ +{vm} says: (.*)$', self.output, re.M)

    def expect_devices_as_offered(self, vm):
        """The devices that the guest's kernel has are those that the bus offered, each with its
        driver."""
        has = {}
        for line in self.says(vm):
            device = re.fullmatch(r'guest: device (\d+) \{(\S+)\} \{\S+\} is driven by (\w+)', line)
            if device:
                has[int(device[1])] = device[2]
                self.assertEqual(device[3], DRIVERS[device[2]], line)
        [number] = {event['vm'] for event in self.events('vm.created') if event['name'] == vm}
        homes = {event['partition'] for event in self.events('vp.state') if event['vm'] == number}
        offered = {event['relid'] for event in self.events('vmbus.message')
                   if event['type'] == 'offer' and event['partition'] in homes}
        opened = {event['relid']: event['interface'].strip('{}').lower()
                  for event in self.events('vmbus.opened') if event['partition'] in homes}
        self.assertEqual(set(has), offered)
        self.assertEqual(has, opened)
        self.assertIn('guest: no driver complained', self.says(vm))


class Serving(OneRun):
    """A server and its client, whose frames and whose server's disk are looked at."""

    SCENARIO = SERVING
    OPTIONS = ('--pcap', '.')

    def frames(self, capture, which=''):
        """Numbers of the frames of which tshark says so."""
        told = self.tool('tshark', '-n', '-r', capture, '-o', 'tcp.check_checksum:TRUE', '-o',
                         'ip.check_checksum:TRUE', '-T', 'fields', '-e', 'frame.number', '-Y',
                         which or 'frame')
        return told.split()

    def test_no_request_of_a_client_fails_while_its_server_moves_ten_times(self):
        self.assertEqual(len(re.findall('migration of server completed', self.output)), 10)
        self.assertIn('guest: 200 of 200 requests were right', self.says('client'))
        self.assertRegex(self.output, r'guest: [1-9]\d* large files are right')
        self.assertNotIn('is wrong', self.output)

    def test_devices_of_both_guests_are_what_was_offered_and_no_driver_complains(self):
        self.expect_devices_as_offered('server')
        self.expect_devices_as_offered('client')

    @needs('tshark', 'tshark')
    def test_tshark_finds_every_frame_and_nothing_wrong_with_any(self):
        told = 0
        for capture in ('server.0.pcapng', 'client.0.pcapng'):
            told += len(self.frames(capture))
            self.assertEqual(self.frames(capture, '_ws.malformed || _ws.expert.group == Malformed '
                                         '|| tcp.checksum.status == Bad || tcp.flags.reset == 1 '
                                         '|| ip.checksum.status == Bad'), [])
            # Not because nobody looked.
            self.assertEqual(len(self.frames(capture, 'tcp && tcp.checksum.status != Good')), 0)
            self.assertGreater(len(self.frames(capture, 'tcp.checksum.status == Good')), 1000)
        self.assertEqual(told, self.count_of('nic.sent', 'nic.delivered'))

    @needs('tshark', 'tshark')
    def test_capture_knows_its_adapter_directions_and_hosts(self):
        fields = ('frame.interface_name', 'frame.packet_flags_direction', 'eth.src',
                  'frame.comment')
        lines = self.tool('tshark', '-n', '-r', 'server.0.pcapng', '-T', 'fields',
                          *(part for field in fields for part in ('-e', field))).splitlines()
        comments = []
        for line in lines:
            name, direction, source, comment = line.split('\t')
            self.assertEqual(name, 'server.0')
            outbound = source == '00:15:5d:00:01:00'
            self.assertEqual(int(direction, 0), 2 if outbound else 1, line)
            if comment:
                comments.append(comment)
        # A host where it got no frame and sent none is not in it.
        self.assertGreater(len(comments), 5)
        for number, comment in enumerate(comments):
            self.assertEqual(comment, f'server is on {"beta" if number % 2 else "alpha"}')

    def test_trace_holds_the_same_capture(self):
        done = support.hvsim('trace', 'pcap', 'one.trace', '--nic', 'server.0', cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, (self.folder / 'server.0.pcapng').read_bytes())

    @needs('tshark', 'tshark')
    @needs('debugfs', 'e2fsprogs')
    def test_log_on_the_servers_disk_has_every_request_that_was_on_the_wire(self):
        log = self.file_in('server-disk.raw', '/log').decode().split()
        asked = self.frames('server.0.pcapng', 'http.request')
        self.assertEqual(len(log), len(asked))
        self.assertEqual(log.count('url:/small'), 200)
        self.assertEqual(log[-1], 'url:/bye')

    @needs('debugfs', 'e2fsprogs')
    def test_files_on_the_servers_disk_are_those_that_it_served(self):
        small = self.file_in('server-disk.raw', '/small')
        self.assertEqual(small, ''.join(f'{n}\n' for n in range(1, 3601)).encode())
        sums = self.file_in('server-disk.raw', '/sums').decode()
        for name in ('small', 'large'):
            content = self.file_in('server-disk.raw', '/' + name)
            self.assertIn(f'{hashlib.sha256(content).hexdigest()}  {name}\n', sums)

    @needs('e2fsck', 'e2fsprogs')
    def test_fsck_is_clean_in_the_guest_and_outside(self):
        self.assertIn('guest: the file system is clean', self.says('server'))
        self.tool('e2fsck', '-fn', 'server-disk.raw')


class Storage(OneRun):
    """A file system that is written to while its VM moves."""

    SCENARIO = STORAGE

    def test_server_and_client_that_begin_with_saved_states_notice_no_move_either(self):
        done = support.hvsim('run', SAVED, '--boot-cache', 'states', cwd=self.folder,
                             patience=PATIENCE)
        output = done.stdout.decode()
        self.assertEqual(done.returncode, 0, output + done.stderr.decode())
        self.assertEqual(len(re.findall('migration of server completed', output)), 10, output)
        self.assertIn('guest: 60 of 60 requests were right', output)
        again = support.hvsim('run', SAVED, '--boot-cache', 'states', '--quiet',
                              cwd=self.folder, patience=PATIENCE)
        self.assertEqual(support.hash_in(again.stdout), support.hash_in(done.stdout))

    def test_its_own_drivers_serve_a_file_system_through_migrations_and_replay_does_too(self):
        self.assertEqual(len(re.findall('migration of web completed', self.output)), 4)
        self.assertIn('guest: 64 files are as they were written', self.says('web'))
        self.assertRegex(self.output, 'holds +twin-equal')
        replayed = support.hvsim('replay', 'one.trace', cwd=self.folder, patience=PATIENCE)
        self.assertEqual(replayed.returncode, 0, replayed.stdout + replayed.stderr)

    def test_devices_are_what_was_offered_and_no_driver_complains(self):
        self.expect_devices_as_offered('web')

    @needs('qemu-img', 'qemu-utils')
    def test_image_is_read_by_qemu_and_is_the_same_when_it_was_converted(self):
        told = json.loads(self.tool('qemu-img', 'info', '-f', 'raw', '--output=json', 'disk1.raw'))
        self.assertEqual(told['virtual-size'], 64 << 20)
        self.tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', 'disk1.raw', 'disk1.qcow2')
        self.assertIn('No errors were found', self.tool('qemu-img', 'check', 'disk1.qcow2'))
        self.tool('qemu-img', 'compare', '-f', 'raw', 'disk1.raw', 'disk1.qcow2')

    @needs('debugfs', 'e2fsprogs')
    def test_files_on_the_disk_are_those_that_the_guest_wrote(self):
        listed = self.tool('debugfs', '-R', 'ls -p /', 'disk1.raw')
        files = re.findall(r'^/\d+/100644/0/0/(\w+)/(\d+)/$', listed, re.M)
        self.assertEqual(sorted((name, int(size)) for name, size in files if name.isdigit()),
                         sorted((str(n), 128 << 10) for n in range(64)))
        self.assertEqual(self.file_in('disk1.raw', '/numbers'),
                         ''.join(f'{n}\n' for n in range(1, 10001)).encode())

    @needs('e2fsck', 'e2fsprogs')
    def test_fsck_is_clean_in_the_guest_and_outside(self):
        self.assertIn('guest: the file system is clean', self.says('web'))
        self.tool('e2fsck', '-fn', 'disk1.raw')


class IntegrationServices(OneRun):
    """What a host asks of the daemons that Debian has for it."""

    SCENARIO = SERVICES

    def timed(self, kind):
        shown = support.hvsim('trace', 'show', 'one.trace', '--json', '--type', kind,
                              cwd=self.folder)
        return [json.loads(line) for line in shown.stdout.splitlines()]

    def time_of(self, kind, **fields):
        """When the only event of this kind with these fields happened."""
        [time] = [event['time_ns'] for event in self.timed(kind)
                  if fields.items() <= event['fields'].items()]
        return time

    def test_a_guest_that_is_frozen_writes_nothing_and_goes_on_where_it_was(self):
        frozen = self.time_of('verb.finished', verb='freeze-vm')
        wants = self.time_of('guest.log', line='guest: begins to write second')
        thaw = self.time_of('verb.started', verb='thaw-vm')
        wrote = self.time_of('guest.log', line='guest: has written second')
        self.assertLess(frozen, wants)
        self.assertLess(wants, thaw)
        self.assertLess(thaw, wrote)
        writes = [event['time_ns'] for event in self.timed('disk.write')]
        self.assertEqual([time for time in writes if frozen <= time < thaw], [])
        asked = self.time_of('verb.started', verb='freeze-vm')
        # What was written before is brought to the disk by the freeze; what waited, by the thaw.
        self.assertTrue([time for time in writes if asked < time < frozen])
        self.assertTrue([time for time in writes if thaw < time < wrote])

    def test_pairs_go_both_ways(self):
        ended = {event['verb']: event['detail'] for event in self.events('verb.finished')}
        self.assertEqual(ended['get-key-value'], 'operations')
        self.assertEqual(ended['list-key-values'], 'owner, write')
        self.assertIn('guest: has role=primary owner=operations', self.says('web'))
        self.assertIn('guest: has owner=operations write=second', self.says('web'))

    @needs('debugfs', 'e2fsprogs')
    @needs('e2fsck', 'e2fsprogs')
    def test_the_disk_has_what_was_written_and_is_clean(self):
        self.assertEqual(self.file_in('disk1.raw', '/log'), b'first\nsecond\n')
        self.tool('e2fsck', '-fn', 'disk1.raw')

    def test_devices_are_what_was_offered_and_no_driver_complains(self):
        self.expect_devices_as_offered('web')


@unittest.skipUnless((IMAGES / 'vmlinuz-6.1-cloud').exists(),
                     f'no Debian kernel in {IMAGES}: ./dev images fetches it')
class CommandLine(support.Case):
    def test_guest_run_shows_the_console_and_every_device_has_its_driver(self):
        done = support.hvsim('guest', 'run', 'vmlinuz-6.1-cloud', '--initrd', 'initrd-6.1-cloud',
                             '--append', 'console=ttyS0 quiet panic=-1 part=hello',
                             cwd=self.folder)
        output = done.stdout.decode()
        self.assertEqual(done.returncode, 0, output + done.stderr.decode())
        drivers = re.findall(r'guest: device \d+ \S+ \S+ is driven by (\w+)', output)
        self.assertEqual(sorted(drivers), ['hv_storvsc'] + 5 * ['hv_utils'], output)
        self.assertEqual(done.stderr, b'hvsim: the guest switched itself off\n')

    @needs('lz4', 'lz4')
    def test_vmlinux_of_the_same_kernel_boots_as_its_bzimage_does(self):
        image = (IMAGES / 'vmlinuz-6.1-cloud').read_bytes()
        # The set-up header says where the packed kernel lies; it is lz4's legacy format, and the
        # kernel's length behind it.
        offset, length = struct.unpack_from('<II', image, 0x248)
        begin = (image[0x1F1] + 1) * 512 + offset
        done = subprocess.run(['lz4', '-dc'], input=image[begin:begin + length - 4],
                              capture_output=True, check=True)
        self.write('vmlinux', done.stdout)
        booted = []
        for kernel in ('vmlinux', 'vmlinuz-6.1-cloud'):
            run = self.hvsim('guest', 'run', kernel, '--initrd', 'initrd-6.1-cloud', '--append',
                             'console=ttyS0 quiet panic=-1 nokaslr part=hello')
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            booted.append(re.findall(r'guest: device .*', run.stdout.decode()))
        self.assertEqual(len(booted[0]), 6)
        self.assertEqual(booted[0], booted[1])

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
