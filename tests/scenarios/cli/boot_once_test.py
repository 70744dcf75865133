"""VMs that begin with a saved state: the folder saves time and decides nothing, and every command
works with such scenarios."""

import os
import unittest

import support

SCENARIO = """
scenario: once
end: 400ms
hosts: {alpha: {memory: 1GiB}, beta: {memory: 1GiB}}
networks: {lan: {hosts: [alpha, beta]}}
storage: {disk1: {size: 4MiB}}
vms:
  web:
    host: alpha
    memory: 64MiB
    guest: {program: worker, working-set: 1MiB, disk-interval: 1ms, flush-every: 50}
    disks: [disk1]
    boot-once: {until: 'heartbeat open'}
timeline:
  - {at: 100ms, move-vm: web, to: beta}
expect:
  - survives-with-owner: true
  - twin-equal: true
"""


class BootOnce(support.Case):
    def setUp(self):
        super().setUp()
        self.write('once.yaml', SCENARIO)

    def run_with(self, folder, *options, file='once.yaml'):
        done = support.hvsim('run', file, '--boot-cache', folder, '--quiet', *options,
                             cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        return done

    def states(self, folder):
        return sorted((self.folder / folder).glob('*'))

    def the_state(self, folder):
        [state] = self.states(folder)
        self.assertEqual(state.suffix, '.saved')
        return state

    def test_two_processes_make_the_same_state_whatever_the_seed(self):
        one = self.run_with('one')
        self.run_with('two', '--seed', '77')
        self.assertEqual(self.the_state('one').name, self.the_state('two').name)
        self.assertEqual(self.the_state('one').read_bytes(), self.the_state('two').read_bytes())
        self.assertEqual(one.stderr, b'')

    def test_run_from_the_folder_equals_the_one_that_made_the_state(self):
        made = self.run_with('states', '--twice')
        inode = self.the_state('states').stat().st_ino
        kept = self.run_with('states')
        self.assertEqual(support.hash_in(kept.stdout), support.hash_in(made.stdout))
        self.assertEqual(self.the_state('states').stat().st_ino, inode)

    def test_damaged_state_is_noticed_and_made_again(self):
        made = self.run_with('states')
        state = self.the_state('states')
        sound = state.read_bytes()
        for damaged in (sound[:1000], b'', sound[:200] + b'?' + sound[201:], b'x' * len(sound)):
            state.write_bytes(damaged)
            done = self.run_with('states')
            self.assertEqual(support.hash_in(done.stdout), support.hash_in(made.stdout))
            self.assertRegex(done.stderr.decode(), r'^hvsim: saved state .*; it is made again\n$')
            self.assertEqual(state.read_bytes(), sound)

    def test_folder_that_cannot_be_written_costs_time_only(self):
        made = self.run_with('states')
        self.write('file', 'no folder')
        done = self.run_with('file/below')
        self.assertEqual(support.hash_in(done.stdout), support.hash_in(made.stdout))
        self.assertEqual(done.stderr, b'')

    def test_folder_keeps_the_last_32(self):
        folder = self.folder / 'states'
        folder.mkdir()
        for number in range(40):
            old = folder / f'old-{number}.saved'
            old.write_text('old')
            os.utime(old, (number, number))
        (folder / 'notes.txt').write_text('mine')
        self.run_with('states')
        names = [path.name for path in self.states('states')]
        self.assertEqual(len([name for name in names if name.endswith('.saved')]), 32)
        self.assertIn('old-39.saved', names)
        self.assertNotIn('old-0.saved', names)
        self.assertIn('notes.txt', names)

    def test_its_trace_is_replayed_checked_and_stepped_through(self):
        self.run_with('states', '--trace', 'one.trace')
        for command in (['replay', 'one.trace'], ['check', 'one.trace']):
            done = support.hvsim(*command, '--boot-cache', 'states', cwd=self.folder)
            self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        # The header is not compressed: the state is one of the world's inputs.
        self.assertIn(b'saved state of web', (self.folder / 'one.trace').read_bytes())

    def test_search_and_shrinking_begin_with_it_too(self):
        done = support.hvsim('explore', 'once.yaml', '--seeds', '1..4', '--jobs', '2',
                             '--boot-cache', 'states', cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        self.the_state('states')
        done = support.hvsim('shrink', 'once.yaml', '--plant', 'migration.forgets-final-set',
                             '-o', 'small.yaml', '--time', '5s', '--boot-cache', 'states',
                             cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        self.assertIn('boot-once', (self.folder / 'small.yaml').read_text(encoding='utf-8'))

    def refused(self, *changes):
        text = SCENARIO
        for old, new in changes:
            text = text.replace(old, new)
        self.write('wrong.yaml', text)
        done = support.hvsim('run', 'wrong.yaml', '--boot-cache', 'states', cwd=self.folder)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertEqual(done.stdout, b'')
        self.assertEqual(done.stderr.count(b'\n'), 1, done.stderr)
        return done.stderr.decode()

    def test_mistakes_are_one_line_with_their_place(self):
        never = self.refused(("'heartbeat open'", "'good morning', within: 20ms"))
        self.assertRegex(never,
                         r"^wrong\.yaml:13:16: VM `web` is to say `good morning` within 20ms, "
                         r"alone; it does not say it; the last it says is `worker: ")
        self.assertRegex(self.refused(('end: 400ms', 'end: 20ms'), ('at: 100ms', 'at: 10ms'),
                                      ('heartbeat open', 'writes so far 50')),
                         r'^wrong\.yaml:13:16: VM `web` begins with .* the world has ended')
        empty = self.refused(("'heartbeat open'", "''"))
        self.assertRegex(empty, r'^wrong\.yaml:13:\d+: every line')
        self.assertRegex(self.refused(('program: worker', 'model: worker')),
                         r'^wrong\.yaml:13:\d+: a model guest says nothing')


if __name__ == '__main__':
    support.main()
