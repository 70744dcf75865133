"""Sound traces that do not tell of the run that their headers describe: replay must see it."""

import os
import re
import subprocess

import support

RESEAL = os.environ['HVSIM_RESEAL']
SHORT = ('--set', 'end=200ms', '--set', 'timeline.0.at=50ms')


class Replay(support.Case):
    """Each test records a run and changes what its trace says."""

    def record(self, *more, code=0):
        """Writes a.trace; gives the hash of the run."""
        out = self.expect_code(code, 'run', support.QUICKSTART, *SHORT, '--quiet', '--trace',
                               'a.trace', *more).stdout
        return support.hash_in(out.rsplit(b'\nagain:', 1)[0])

    def reseal(self, *changes):
        """Writes b.trace with these changes. It is sound: every reader takes it."""
        subprocess.run([RESEAL, 'a.trace', 'b.trace', *changes], cwd=self.folder, check=True,
                       timeout=support.PATIENCE)
        self.expect_code(0, 'trace', 'stat', 'b.trace')

    def diverges(self):
        """Exit code 3; gives what is said of the first difference, as groups by name."""
        result = self.expect_code(3, 'replay', 'b.trace')
        self.assertEqual(result.stderr, b'')
        out = result.stdout.decode()
        found = re.match(r'DIVERGED after (?P<equal>\d+) equal events\n'
                         r'(?:  both      .*\n)*'
                         r'  trace     (?P<trace>.*)\n'
                         r'  this run  (?P<run>.*)\n'
                         r'(?P<fields>(?:  differs in .*\n)*)'
                         r'(?P<story>(?:what led to .*:\n(?:  .*\n)+)*)$', out)
        self.assertTrue(found, out)
        return found.groupdict()

    def test_an_unchanged_copy_replays(self):
        """Otherwise the tests below would pass for another reason."""
        digest = self.record()
        self.reseal()
        self.assertEqual((self.folder / 'a.trace').read_bytes(),
                         (self.folder / 'b.trace').read_bytes())
        out = self.expect_code(0, 'replay', 'b.trace').stdout.decode()
        self.assertIn(f'identical, hash {digest}', out)

    def test_another_build_is_a_note_and_no_obstacle(self):
        """The build is information: the replay decides."""
        digest = self.record()
        self.reseal('build', 'v0.0-elsewhere')
        result = self.expect_code(0, 'replay', 'b.trace')
        self.assertIn(f'identical, hash {digest}', result.stdout.decode())
        self.assertRegex(result.stderr.decode(),
                         r'^hvsim: note: recorded by build v0\.0-elsewhere, this is \S+.*\n$')

    def test_another_seed_shows_in_the_first_event(self):
        """Which names the seed."""
        self.record()
        self.reseal('seed', '77')
        difference = self.diverges()
        self.assertEqual(difference['equal'], '0')
        self.assertIn('world.started', difference['trace'])
        self.assertIn('seed=1 ', difference['trace'])
        self.assertIn('seed=77 ', difference['run'])
        self.assertIn('seed', difference['fields'])

    def test_a_planted_bug_that_is_absent_shows_where_it_acted(self):
        """Everything before that is equal."""
        self.record('--plant', 'migration.forgets-final-set', code=1)
        self.reseal('no-plants')
        difference = self.diverges()
        self.assertGreater(int(difference['equal']), 1000)
        self.assertIn('plant.fired', difference['trace'])
        self.assertNotIn('plant.fired', difference['run'])
        self.assertIn('  before it on the same node:\n', difference['story'])
        self.assertRegex(difference['story'], r'last decision, fault or verb:\n.* verb\.started .*'
                                              r'verb=move-vm')

    def test_another_word_of_a_guest_is_found(self):
        """One field of one event."""
        self.record()
        self.reseal('line', 'something else')
        difference = self.diverges()
        self.assertIn('something else', difference['trace'])
        self.assertIn('worker: ', difference['run'])
        self.assertRegex(difference['fields'], r'^  differs in line\b.*\n$')


if __name__ == '__main__':
    support.main()
