"""Verbs that need the guest: what becomes of them when guest, VM or moment are not right."""

import re

import support

WORLD = """\
scenario: asked
platform: ws2012
seed: 1
end: 600ms
hosts:
  alpha: {memory: 1GiB}
  beta: {memory: 1GiB}
networks:
  migration: {hosts: [alpha, beta], bandwidth: 10Gbit/s, latency: 40us}
storage:
  disk1: {size: 4MiB}
  disk2: {size: 4MiB}
vms:
  web:
    host: alpha
    memory: 64MiB
    guest: {program: PROGRAM}
    disks: [disk1]
    integration-services: [SERVICES]
    speed: 50
timeline:
"""
ALL = 'time-synchronization, shutdown, key-value-pair-exchange, vss'


class GuestVerbs(support.Case):
    """Each job ends with one line that says why."""

    def jobs(self, *steps, program='services', services=ALL, code=0):
        """The lines of the story about jobs that did not complete, and all of the story."""
        text = WORLD.replace('PROGRAM', program).replace('SERVICES', services)
        text += ''.join(f'  - {{at: {200 + 50 * at}ms, {step}}}\n' for at, step in enumerate(steps))
        out = self.expect_code(code, 'run', self.write('asked.yaml', text)).stdout.decode()
        return re.findall(r'job \d+: (\S+ (?:refused|failed): .*)', out), out

    def test_what_a_vm_is_not_offered_is_refused(self):
        """A job needs its service."""
        ended, _ = self.jobs('set-key-value: web, key: a, value: b', 'freeze-vm: web',
                             'shutdown-vm: web', services='')
        self.assertEqual(ended, [
            'set-key-value refused: the VM is not offered key-value pair exchange',
            'freeze-vm refused: the VM is not offered the backup service (VSS)',
            'shutdown-vm refused: the VM is not offered the shutdown service'])

    def test_what_a_guest_does_not_use_fails(self):
        """`worker` opens no channel for it."""
        ended, _ = self.jobs('get-key-value: web, key: a', 'shutdown-vm: web', program='worker')
        self.assertEqual(ended, [
            'get-key-value failed: the guest does not use key-value pair exchange',
            'shutdown-vm failed: the guest does not use the shutdown service'])

    def test_a_frozen_vm_stays_where_it_is(self):
        """A backup reads its disks here; after the thaw it may go."""
        ended, out = self.jobs('freeze-vm: web', 'move-vm: web, to: beta', 'freeze-vm: web',
                               'thaw-vm: web', 'move-vm: web, to: beta', 'thaw-vm: web')
        self.assertEqual(ended, ['move-vm refused: the guest is frozen for a backup',
                                 'freeze-vm refused: the guest is frozen already',
                                 'thaw-vm refused: the guest is not frozen'])
        self.assertRegex(out, r'beta +job \d+: thaw-vm')

    def test_a_key_that_is_not_there_is_said_so(self):
        """A pair that was removed is gone."""
        ended, _ = self.jobs('set-key-value: web, key: a, value: b',
                             'remove-key-value: web, key: a', 'get-key-value: web, key: a',
                             'remove-key-value: web, key: a')
        self.assertEqual(ended, ['get-key-value failed: there is no such key',
                                 'remove-key-value failed: there is no such key'])

    def test_a_key_that_is_too_long_is_no_crash(self):
        """The protocol takes 255 UTF-16 units."""
        ended, _ = self.jobs('set-key-value: web, key: ' + 'k' * 300 + ', value: b')
        self.assertEqual(ended, [
            'set-key-value failed: key or value is longer than key-value pair exchange takes'])

    def test_disks_come_once_and_go_once(self):
        """A disk that the VM has cannot come, one that it has not cannot go."""
        ended, _ = self.jobs('add-disk: web, disk: disk1', 'add-disk: web, disk: disk2',
                             'add-disk: web, disk: disk2', 'remove-disk: web, disk: disk2',
                             'remove-disk: web, disk: disk2')
        self.assertEqual(ended, ['add-disk refused: the VM has that disk',
                                 'add-disk refused: the VM has that disk',
                                 'remove-disk refused: the VM has no such disk'])

    def test_a_vm_that_is_off_is_asked_nothing(self):
        """It went off at the first request."""
        ended, _ = self.jobs('shutdown-vm: web', 'shutdown-vm: web', 'freeze-vm: web')
        self.assertEqual(ended, ['shutdown-vm refused: the VM is not running',
                                 'freeze-vm refused: the VM is not running'])

    def test_disks_stay_as_they_were_left_when_the_vm_starts_again(self):
        """The configuration follows, on another host too."""
        _, out = self.jobs('remove-disk: web, disk: disk1', 'add-disk: web, disk: disk2',
                           'move-vm: web, to: beta', 'stop-vm: web', 'start-vm: web')
        self.assertEqual(out.count('disk found, blocks 8192'), 3, out)
        self.assertNotIn('VIOLATED', out)


if __name__ == '__main__':
    support.main()
