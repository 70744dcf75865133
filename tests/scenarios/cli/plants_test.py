"""Every planted bug is caught by the property that it names; the printed command shows it again.

The default is the quickstart; for a bug that it does not reach, the table names what does.
"""

import functools
import re

import support

QUICKSTART = support.QUICKSTART
HERE = support.ROOT / 'tests/scenarios/cli'

# So much I/O that some of it is on its way whenever something happens.
BUSY = ('--set', 'vms.web.guest.disk-interval=100us', '--set', 'vms.web.guest.blocks-per-write=64',
        '--set', 'end=800ms')

# plant: (scenario, options)
REACHED_BY = {
    # Only a migration that does not converge meets the limit.
    'migration.ignores-round-limit': (support.LIBRARY / 'memory-hungry.yaml', ()),
    # Only a migration that is aborted has a skeleton to take down.
    'migration.leaves-skeleton': (HERE / 'aborted.yaml', ()),
    # Only a loss of power tells a cache from a disk.
    'disk.flush-lies': (HERE / 'power-loss.yaml', ()),
    'storage.flush-does-nothing': (HERE / 'power-loss.yaml', ()),
    'storvsp.lying-flush': (HERE / 'power-loss.yaml', ()),
    # A block must be read, written and read again.
    'storage.stale-read': (QUICKSTART, BUSY),
    # Something must be in flight when the VM is suspended.
    'migration.quiesces-late': (QUICKSTART, (*BUSY, '--set', 'vms.web.guest.flush-every=4')),
    # The fence is a second line of defence: nobody meets it unless the first one fails.
    'disk.write-ignores-epoch': (QUICKSTART,
                                 ('--plant', 'migration.source-resumes-after-commit')),
    # What one run leaves behind, only a second run in the same process can show.
    'runner.leaks-between-runs': (QUICKSTART, ('--twice',)),
}
# Not deterministic is an exit code of its own.
EXIT_CODES = {'MG-3': 3}


def plants():
    """(name, property) of every planted bug."""
    listed = support.hvsim('list', 'plants', cwd=support.ROOT).stdout.decode().splitlines()
    return [(line.split()[0], support.property_of(line)) for line in listed]


PLANTS = plants()


class Plants(support.Case):
    """One test per planted bug."""

    def test_the_table_names_bugs_that_exist(self):
        """A renamed plant must not lose its scenario."""
        self.assertLessEqual(set(REACHED_BY), {name for name, _ in PLANTS})

    def test_there_are_plants(self):
        """The tests below are made from the list."""
        self.assertGreater(len(PLANTS), 40)

    def test_every_checker_has_a_bug_that_it_must_catch(self):
        """A checker that nobody can make fail proves nothing."""
        listed = support.hvsim('list', 'checkers', cwd=support.ROOT).stdout.decode().splitlines()
        numbered = {line.split()[0] for line in listed if re.match(r'[A-Z]{2}-\d', line)}
        self.assertGreater(len(numbered), 20)
        self.assertLessEqual(numbered | {'twin-equal'}, {prop for _, prop in PLANTS})

    def caught(self, plant, prop):
        """Its property is violated; once more from the printed command; and not without the bug."""
        scenario, options = REACHED_BY.get(plant, (QUICKSTART, ()))
        code = EXIT_CODES.get(prop, 1)
        violated = re.compile(rf'^  VIOLATED +{prop} ', re.M)
        out = self.expect_code(code, 'run', scenario, *options, '--plant', plant,
                               '--quiet').stdout.decode()
        self.assertRegex(out, violated)
        last = out.splitlines()[-1]
        self.assertRegex(last, r'^again: hvsim run ')
        self.assertIn(f' --plant {plant}', last)
        again = support.run_line(last.removeprefix('again: '), self.folder)
        self.assertEqual(again.returncode, code, again.stderr.decode())
        # The command tells the story too; the properties and the hash are the same to the letter.
        self.assertTrue(again.stdout.decode().endswith(out), again.stdout.decode()[-1500:])
        self.assertNotRegex(without_plant(scenario, options), violated)


@functools.lru_cache(maxsize=None)
def without_plant(scenario, options):
    """The same run without the bug."""
    result = support.hvsim('run', scenario, *options, '--quiet', cwd=support.ROOT)
    expected = 1 if '--plant' in options else 0
    assert result.returncode == expected, result.stdout.decode() + result.stderr.decode()
    return result.stdout.decode()


def add_tests():
    """A test method for every plant."""
    for name, prop in PLANTS:
        method = 'test_' + re.sub(r'\W', '_', name)
        assert not hasattr(Plants, method), name
        setattr(Plants, method,
                lambda self, name=name, prop=prop: self.caught(name, prop))


add_tests()

if __name__ == '__main__':
    support.main()
