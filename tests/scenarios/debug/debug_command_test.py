"""hvsim debug: every command through --command, and as a script on standard input."""

import json
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'cli'))

from support import HVSIM, PATIENCE, QUICKSTART, Case, main  # noqa: E402

SHORT = ('--set', 'end=200ms', '--set', 'timeline.0.at=50ms')


class Debug(Case):
    """A folder with run.trace, a short quickstart."""

    def setUp(self):
        super().setUp()
        self.expect_code(0, 'run', QUICKSTART, *SHORT, '--quiet', '--trace', 'run.trace')

    def debug(self, *commands):
        """Output lines of commands."""
        return self.expect_code(0, 'debug', 'run.trace', '--command',
                                '; '.join(commands)).stdout.decode().splitlines()

    def stored(self, index):
        """An event's line as the trace has it."""
        out = self.expect_code(0, 'trace', 'show', 'run.trace', '--from', str(index), '--count',
                               '1').stdout.decode()
        return [line for line in out.splitlines() if not line.startswith('#')][0].strip()

    def assert_at(self, line, index):
        """The line tells of this event."""
        self.assertRegex(line, rf'^#{index} ')
        self.assertIn(self.stored(index).split(None, 2)[2], line)

    def test_where_is_the_first_event(self):
        """And its line is the trace's."""
        self.assert_at(self.debug('where')[0], 0)

    def test_steps_go_on_and_back(self):
        """By one and by many."""
        lines = self.debug('step', 'step 499', 'reverse-step', 'rs 399', 's')
        for line, index in zip(lines, (1, 500, 499, 100, 101)):
            self.assert_at(line, index)
        self.assertEqual(self.debug('rs')[0], 'this is the first event')

    def test_goto_takes_numbers_and_instants(self):
        """Forward and back."""
        lines = self.debug('goto 300', 'goto 20', 'goto 60ms', 'goto 50ms')
        self.assert_at(lines[0], 300)
        self.assert_at(lines[1], 20)
        self.assertRegex(lines[2], r'^#\d+ +6\d\.\d+ ms')
        self.assertRegex(lines[3], r'^#\d+ +50\.000000 ms .* verb.started .*verb=move-vm')

    def test_until_finds_events_instants_and_the_end(self):
        """Patterns, expressions of properties, and what lies behind is refused."""
        lines = self.debug('until migration.phase phase=commit',
                           'until migration.finished where blackout > 0ms', 'until 150ms',
                           'until end')
        self.assertIn('phase=commit', lines[0])
        self.assertIn('migration.finished', lines[1])
        self.assertRegex(lines[2], r'^#\d+ +1[5-9]\d\.\d+ ms')
        self.assertRegex(lines[3], r'^the world has ended after \d+ events$')
        self.assertEqual(len(lines), 4)  # not a word of another hash
        self.expect_code(2, 'debug', 'run.trace', '--command', 'goto 100; until 50')

    def test_breaks_stop_runs_in_both_directions(self):
        """break, breaks, delete, continue, reverse-continue."""
        lines = self.debug('break migration.phase phase=commit', 'b migration.finished', 'breaks',
                           'continue', 'c', 'reverse-continue', 'delete 1', 'rc', 'c')
        self.assertEqual(lines[0], 'break 1 at migration.phase phase=commit')
        self.assertEqual(lines[2:4],
                         ['  1  migration.phase phase=commit', '  2  migration.finished'])
        self.assertIn('phase=commit', lines[4])
        self.assertIn('migration.finished', lines[5])
        self.assertEqual(lines[6], lines[4])
        self.assertEqual(lines[7], 'no break matched before')
        self.assert_at(lines[8], 0)
        self.assertEqual(lines[9], lines[5])

    def test_events_and_why_tell_what_came_before(self):
        """The trace's own lines."""
        lines = self.debug('goto 300', 'events 3')
        self.assertEqual([line.split() for line in lines[1:]],
                         [self.stored(index).split()[1:] for index in (298, 299, 300)])
        lines = self.debug('until migration.phase phase=commit', 'why')
        self.assertIn('  before it on the same node:', lines)
        self.assertRegex(lines[-1], r'verb\.started .*verb=move-vm')

    def test_a_violation_stops_the_run(self):
        """until violation, break violation, properties."""
        self.expect_code(1, 'run', QUICKSTART, *SHORT, '--quiet', '--trace', 'run.trace',
                         '--plant', 'migration.forgets-final-set')
        lines = self.debug('until violation', 'rs', 'properties', 's', 'properties')
        self.assertEqual(lines[0], 'VIOLATED MI-1 at this event')
        self.assertIn('memory.digest', lines[1])
        verdicts = [line.split()[0] for line in lines if ' MI-1 ' in line]
        self.assertEqual(verdicts[-2:], ['unknown', 'VIOLATED'] if 'unknown' in verdicts
                         else ['holds', 'VIOLATED'])
        self.assertEqual(self.debug('break violation MI-1', 'c')[1], lines[0])

    def test_every_component_can_be_inspected(self):
        """As text and as JSON."""
        for topic in ('world', 'nodes', 'hosts', 'vms', 'partitions', 'vp web', 'synic web',
                      'channels web', 'rings web', 'disks', 'links', 'jobs', 'queue 3',
                      'nodes alpha', 'vms web', 'disks disk1', 'links migration/alpha', 'jobs 2',
                      'vp web@alpha 0'):
            with self.subTest(topic):
                text = self.debug('goto 40ms', 'inspect ' + topic)[1:]
                self.assertTrue(text)
                data = json.loads('\n'.join(self.debug('goto 40ms', 'inspect --json ' + topic)[1:]))
                self.assertTrue(data)

    def test_what_is_inspected_is_what_is(self):
        """Some of it, known from the scenario and the story."""
        def look(place, topic):
            return json.loads('\n'.join(self.debug(place, 'inspect --json ' + topic)[1:]))
        self.assertEqual(look('goto 40ms', 'vms web')['host'], 'alpha')
        self.assertEqual(look('goto 150ms', 'vms web')['host'], 'beta')
        rings = look('goto 40ms', 'rings web')
        self.assertTrue(rings)
        for ring in rings:
            self.assertLess(ring['write index'], ring['data bytes'])
        times = [entry['time'] for entry in look('goto 40ms', 'queue 5')]
        self.assertTrue(1 <= len(times) <= 5, times)
        self.assertEqual(look('until migration.phase phase=precopy', 'vms web')['state'], 'running')
        self.assertEqual(look('goto 40ms', 'channels web')['version'], '2.4')

    def test_guest_code_and_memory(self):
        """The disassembly's bytes are those of the memory."""
        lines = self.debug('goto 40ms', 'disassemble web 0 3', 'inspect --json vp web')
        found = re.match(r'=> +(0x)?([0-9a-f]+):? +((?:[0-9a-f]{2} ?)+)', lines[1])
        self.assertTrue(found, lines[1])
        state = json.loads('\n'.join(lines[4:]))
        self.assertEqual(int(found[2], 16), int(state['registers']['rip'], 16))
        code = found[3].split() if ' ' in found[3].strip() else re.findall('..', found[3])
        for space in ('gva', 'gpa'):  # the guest maps its memory one to one
            dump = self.debug('goto 40ms', f'memory web {space} {found[2]} 16')[1]
            self.assertEqual(dump.split('|')[0].split()[1:][:len(code)], code)
        unmapped = self.debug('goto 40ms', 'memory web gpa ffff00000000 16')[1]
        self.assertIn(' -- ', unmapped)

    def test_checkpoints_are_listed(self):
        """The first is the first event."""
        lines = self.debug('until end', 'checkpoints')
        self.assertEqual(lines[1].split(), ['event', 'ms', 'of', 'work'])
        self.assertEqual(lines[2].split()[0], '0')

    def test_help_names_everything(self):
        """All commands, one command, all topics."""
        text = '\n'.join(self.debug('help'))
        for name in ('reverse-step', 'until', 'inspect', 'memory', 'quit'):
            self.assertIn('  ' + name, text)
        self.assertEqual(len(self.debug('help step')), 1)
        self.assertIn('rings', '\n'.join(self.debug('help inspect')))

    def test_quit_ends_and_the_rest_is_not_done(self):
        """In the middle of a script too."""
        self.assertEqual(len(self.debug('where', 'quit', 'where')), 1)

    def test_mistakes_cost_one_line(self):
        """Each says what would be right."""
        for command, text in (('stap', 'did you mean `step`'),
                              ('goto 300; inspect vmss', 'did you mean `vms`'),
                              ('goto 300; inspect vms mail', 'there are web'),
                              ('inspect vms', 'still being built'), ('step many', 'is no count'),
                              ('break migratoin.phase', 'did you mean `migration.phase`'),
                              ('delete 7', 'there is no break 7'), ('until', 'until what'),
                              ('memory web 100', 'write: memory VM gpa|gva'),
                              ('goto 300; disassemble mail', 'there is no VM `mail`'),
                              ('where now', 'takes nothing')):
            with self.subTest(command):
                result = self.expect_code(2, 'debug', 'run.trace', '--command', command)
                self.assertEqual(result.stderr.count(b'\n'), 1)
                self.assertIn(text, result.stderr.decode())

    def test_a_script_on_standard_input(self):
        """The same commands, line by line."""
        result = subprocess.run([HVSIM, 'debug', 'run.trace'], cwd=self.folder, check=False,
                                input=b'step 9\nrs 4; where\n', capture_output=True,
                                timeout=PATIENCE)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.decode().splitlines()
        self.assertRegex(lines[0], r'^quickstart, seed 1, \d+ events;')
        self.assert_at(lines[1], 9)
        self.assert_at(lines[2], 5)
        self.assertEqual(lines[2], lines[3])

    def test_a_terminal_completes_and_remembers(self):
        """Tab, an empty line, the arrow up."""
        ours, theirs = pty.openpty()
        # libedit keeps copies of lines, made by wcsdup; a leak of ours still counts.
        (pathlib.Path(self.folder) / 'libedit').write_text('leak:wcsdup\n')
        process = subprocess.Popen([HVSIM, 'debug', 'run.trace'], cwd=self.folder, stdin=theirs,
                                   stdout=theirs, stderr=theirs, start_new_session=True,
                                   env={**os.environ, 'TERM': 'xterm', 'LSAN_OPTIONS':
                                        'suppressions=libedit:print_suppressions=0'})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(theirs)
        self.addCleanup(os.close, ours)

        def read_until(wanted):
            text, deadline = '', time.monotonic() + PATIENCE
            while wanted not in text:
                ready, _, _ = select.select([ours], [], [], max(0, deadline - time.monotonic()))
                self.assertTrue(ready, text)
                text += os.read(ours, 4096).decode(errors='replace')
            return text
        read_until('(#0 0s) ')
        os.write(ours, b'wher\t\n')
        self.assertIn('world.started', read_until('(#0 0s) '))
        os.write(ours, b'step 5\n')
        read_until('(#5 ')
        os.write(ours, b'\n')  # again
        read_until('(#10 ')
        os.write(ours, b'\x1b[A\n')  # the last line of the history
        read_until('(#15 ')
        os.write(ours, b'nonsense\n')
        read_until('(#15 ')
        os.write(ours, b'quit\n')
        self.assertEqual(process.wait(PATIENCE), 0)


if __name__ == '__main__':
    main()
