"""hvsim replay: identical, and up to an event. cli/replay_test.py has what differs."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'cli'))

from support import QUICKSTART, Case, main  # noqa: E402

SHORT = ('--set', 'end=200ms', '--set', 'timeline.0.at=50ms')


class Replay(Case):
    """A folder with run.trace, a short quickstart."""

    def setUp(self):
        super().setUp()
        self.expect_code(0, 'run', QUICKSTART, *SHORT, '--quiet', '--trace', 'run.trace')

    def test_the_same_run_is_identical(self):
        """To the last event."""
        out = self.expect_code(0, 'replay', 'run.trace').stdout.decode()
        self.assertRegex(out, r'^replayed \d+ events of quickstart, seed 1: identical, hash ')

    def test_until_an_event_tells_what_led_to_it(self):
        """By number, instant and pattern."""
        out = self.expect_code(0, 'replay', 'run.trace', '--until', '300').stdout.decode()
        self.assertRegex(out, r'^replayed 301 events .*: identical so far\n#300 ')
        out = self.expect_code(0, 'replay', 'run.trace', '--until',
                               'migration.phase phase=commit').stdout.decode()
        self.assertIn('phase=commit', out.splitlines()[1])
        self.assertIn('  before it on the same node:', out)
        self.assertRegex(out.splitlines()[-1], r'verb\.started .*verb=move-vm')
        self.expect_code(0, 'replay', 'run.trace', '--until', '60ms')

    def test_until_what_does_not_come_is_a_mistake(self):
        """One line each."""
        for until, text in (('99999999', 'no such event'), ('vm.stat', 'there is no event'),
                            ('node.killed', 'no such event')):
            self.expect_mistake('replay', 'run.trace', '--until', until, begins='.*',
                                mentions=text)


if __name__ == '__main__':
    main()
