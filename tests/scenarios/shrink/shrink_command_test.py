"""hvsim shrink as its users see it."""

import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'cli'))

from support import HVSIM, PATIENCE, QUICKSTART, Case, hash_in, main, run_line  # noqa: E402

PLANT = 'migration.forgets-final-set'


class Shrink(Case):
    """An empty folder."""

    def shrunk(self, *arguments):
        """The output of a shrinking into min.yaml."""
        out = self.expect_code(0, 'shrink', *arguments, '-o', 'min.yaml').stdout.decode()
        self.assertEqual([path.name for path in self.folder.glob('*.partial')], [])
        return out

    def test_the_last_line_shows_the_violation_again(self):
        """Causes, instant, and a command that fails with the new file alone."""
        out = self.shrunk(QUICKSTART, '--plant', PLANT)
        self.assertRegex(out, '^MI-1 is still violated: ')
        self.assertRegex(out, re.compile(r'^1 cause left after \d+ runs, nothing more can be '
                                         r'dropped:$', re.M))
        self.assertRegex(out, re.compile(r'^  step move-vm web to beta at ', re.M))
        self.assertIn('inevitable from the first event on', out)
        again = run_line(out.splitlines()[-1], self.folder)
        self.assertEqual(again.returncode, 1, again.stderr)
        self.assertIn(b'VIOLATED  MI-1', again.stdout)
        text = (self.folder / 'min.yaml').read_text()
        self.assertTrue(text.startswith('# Violates MI-1: '), text)
        self.assertLess(len(text.splitlines()), 35)

    def test_a_trace_shrinks_like_the_run_that_made_it(self):
        """Seed, values and planted bugs come from the trace."""
        self.expect_code(1, 'run', QUICKSTART, '--plant', PLANT, '--trace', 'fails.trace',
                         '--quiet')
        out = self.shrunk('fails.trace', '--property', 'MI-1')
        self.assertIn('--plant ' + PLANT, out.splitlines()[-1])
        self.expect_mistake('shrink', 'fails.trace', '-o', 'other.yaml', '--seed', '2',
                            begins='a trace has its own seed')

    def test_a_minimal_scenario_fails_the_same_way_elsewhere(self):
        """Another folder and name, another program file, no environment, other addresses."""
        self.shrunk(QUICKSTART, '--plant', PLANT)
        elsewhere = self.folder / 'clone/of it'
        elsewhere.mkdir(parents=True)
        shutil.copy(self.folder / 'min.yaml', elsewhere / 'found.yaml')
        shutil.copy(HVSIM, elsewhere / 'program')
        property_line = r'\n  VIOLATED  (MI-1) .*\n +(at .*)\n'
        told = set()
        at_home = self.expect_code(1, 'run', 'min.yaml', '--plant', PLANT).stdout.decode()
        told.add((hash_in(at_home.rsplit('\nagain:', 1)[0].encode()),
                  *re.search(property_line, at_home).groups()))
        # Addresses are drawn anew each time; where the machine lets us, they are also not drawn.
        layouts = [[], [], ['setarch', '--addr-no-randomize']]
        for layout in layouts:
            if layout and subprocess.run([*layout, 'true'], capture_output=True,
                                         check=False).returncode != 0:
                continue
            there = subprocess.run(
                ['env', '-i', *layout, './program', 'run', 'found.yaml', '--plant', PLANT],
                cwd=elsewhere, capture_output=True, check=False, timeout=PATIENCE)
            self.assertEqual(there.returncode, 1, there.stderr)
            out = there.stdout.decode()
            told.add((hash_in(out.rsplit('again:', 1)[0].encode()),
                      *re.search(property_line, out).groups()))
        self.assertEqual(len(told), 1, told)

    def test_mistakes_cost_one_line(self):
        """And leave no file."""
        self.expect_mistake('shrink', QUICKSTART, begins='hvsim shrink: give the new file')
        self.expect_mistake('shrink', QUICKSTART, '-o', 'min.yaml', begins='.*violates nothing')
        self.expect_mistake('shrink', QUICKSTART, '-o', 'min.yaml', '--property', 'RB-3',
                            begins='.*does not violate RB-3')
        self.expect_mistake('shrink', QUICKSTART, '-o', '.', begins='-o .: is a directory')
        self.expect_mistake('shrink', QUICKSTART, '-o', 'no/min.yaml',
                            begins='-o no/min.yaml: there is no folder no')
        self.expect_mistake('shrink', QUICKSTART, '-o', 'min.yaml', '--time', 'soon',
                            begins='--time soon: is no duration')
        self.write('mine.yaml', QUICKSTART.read_text())
        self.expect_mistake('shrink', 'mine.yaml', '-o', 'mine.yaml',
                            begins='-o mine.yaml: is the input itself')

    def test_a_full_disk_leaves_the_old_file_alone(self):
        """The file that was there is what is there."""
        self.write('min.yaml', 'precious')
        limits = ('bash', '-c', 'ulimit -f 0; trap "" XFSZ; exec "$@"', '-')
        result = self.hvsim('shrink', QUICKSTART, '--plant', PLANT, '-o', 'min.yaml',
                            prefix=limits)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual((self.folder / 'min.yaml').read_text(), 'precious')
        self.assertEqual([path.name for path in self.folder.iterdir()], ['min.yaml'])


if __name__ == '__main__':
    main()
