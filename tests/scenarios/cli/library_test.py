"""The library of scenarios: each file holds as it stands, and each phase has its troubles."""

import re

import support

TROUBLES = ('link-cut', 'source-dies', 'target-dies')


class Library(support.Case):
    """What a user who runs the whole library sees."""

    def phases(self):
        """Those that an ordinary migration goes through, from its trace."""
        self.expect_code(0, 'run', support.QUICKSTART, '--quiet', '--trace', 'q.trace')
        shown = self.expect_code(0, 'trace', 'show', 'q.trace', '--type', 'migration.phase')
        return set(re.findall(r'\bphase=(\w+)', shown.stdout.decode()))

    def test_every_phase_has_a_file_for_every_trouble(self):
        """A phase that the code learns to enter needs three files."""
        phases = self.phases()
        self.assertGreaterEqual(len(phases), 8, phases)
        for phase in phases:
            for trouble in TROUBLES:
                path = support.LIBRARY / f'{trouble}-{phase.replace("_", "-")}.yaml'
                self.assertTrue(path.is_file(), path.name)


def add_tests():
    """One test per file, so that a failure names it."""
    paths = sorted(support.LIBRARY.glob('*.yaml'))
    assert paths, support.LIBRARY
    for path in paths:
        if re.search(r'^ *kernel:', path.read_text(encoding='utf-8'), re.MULTILINE):
            continue  # linux_test.py
        def holds(self, path=path):
            out = self.expect_code(0, 'run', path, '--quiet').stdout.decode()
            counts = re.search(r'^(\d+) of (\d+) properties hold; ', out, re.M)
            self.assertTrue(counts, out)
            self.assertEqual(counts[1], counts[2], out)
            # A trigger that never comes would make a scenario of trouble one without.
            if path.name.startswith(TROUBLES):
                self.assertRegex(out, r'holds +faults-struck ')
        setattr(Library, 'test_' + path.stem.replace('-', '_') + '_holds', holds)


add_tests()

if __name__ == '__main__':
    support.main()
