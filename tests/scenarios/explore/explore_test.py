"""hvsim explore, results and plants as their users see them."""

import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'cli'))

from support import HVSIM, LIBRARY, PATIENCE, Case, main, run_line  # noqa: E402

SCENARIO = (pathlib.Path(__file__).parent / 'moving.yaml').read_text() + '''
budget: {faults: 2, of: [network], from: 100ms, until: 1500ms}
'''
PLANT = 'memory.log-loses-a-page'


def children_of(process):
    """Process ids."""
    return [int(child) for child in
            pathlib.Path(f'/proc/{process}/task/{process}/children').read_text().split()]


class Explore(Case):
    """An empty folder with one scenario in it."""

    def setUp(self):
        super().setUp()
        self.write('moving.yaml', SCENARIO)

    def start(self, *arguments, **more):
        """hvsim explore in the background."""
        process = subprocess.Popen([HVSIM, 'explore', 'moving.yaml', *arguments], cwd=self.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def shown(self, results):
        """The line about seeds of `hvsim results show`."""
        text = self.hvsim('results', 'show', results).stdout.decode()
        return re.search(r'seeds +(.*)', text)[1]

    def test_says_that_there_is_nothing_to_find(self):
        out = self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..60').stdout.decode()
        self.assertIn('explored 60 seeds of 1 scenario', out)
        self.assertIn('no violation found', out)
        self.assertFalse((self.folder / 'findings').exists())

    def test_names_the_points_that_never_fired(self):
        out = self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..1').stdout.decode()
        self.assertRegex(out, r'buggify points that never fired: .*[a-z]+\.[a-z-]+')
        self.assertRegex(out, r'sometimes points that were never reached: .*[a-z]+\.[a-z-]+')

    def test_folder_that_only_starts_kernels_is_a_mistake(self):
        kernel = (pathlib.Path(__file__).resolve().parents[3]
                  / 'scenarios/library/linux-storage.yaml').read_text(encoding='utf-8')
        (self.folder / 'kernels').mkdir()
        (self.folder / 'kernels/one.yaml').write_text(kernel, encoding='utf-8')
        self.expect_mistake('explore', 'kernels', begins='kernels: every scenario in this folder')

    NEVER = """
faults:
  - {when: {event: migration.finished, outcome: in_doubt}, cut-link: migration}
  - {at: 310ms, slow-link: migration, lasts: 20ms}
"""

    def test_says_which_faults_never_struck(self):
        """What one of them waits for never comes."""
        self.write('moving.yaml', SCENARIO + self.NEVER)
        line = self.line_of(SCENARIO + self.NEVER, 'in_doubt')
        out = self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..9', '--no-mutants',
                               '--junit', 'o.xml').stdout.decode()
        said = f'fault cut-link in line {line} of moving.yaml never struck in 9 runs'
        self.assertIn('\n' + said + '\n', out)
        self.assertNotIn('slow-link', out)
        self.assertTrue(out.endswith('no violation found\n'), out)
        suite = xml.etree.ElementTree.parse(self.folder / 'o.xml').getroot()[0]
        skipped = [case[0].get('message') for case in suite if len(case)]
        self.assertEqual((suite.get('skipped'), suite.get('failures')), ('1', '0'))
        self.assertEqual(skipped, [said])
        self.assertEqual(len(suite), int(suite.get('tests')))

    def test_says_which_properties_were_never_decided(self):
        self.write('moving.yaml', SCENARIO.replace('expect:', 'expect:\n  - twin-equal: true'))
        for every, never in (('0', True), ('1', False)):
            out = self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..9', '--no-mutants',
                                   '--twin-every', every, '--junit', 'o.xml').stdout.decode()
            said = 'property twin-equal of moving.yaml was never decided in 9 runs: no run was'
            self.assertEqual(said in out, never, out)
            self.assertEqual(out.endswith('no violation found of what was decided\n'), never, out)
            suite = xml.etree.ElementTree.parse(self.folder / 'o.xml').getroot()[0]
            self.assertEqual(suite.get('skipped'), '1' if never else '0')

    @staticmethod
    def line_of(text, words):
        return text[:text.index(words)].count('\n') + 1

    def test_finds_a_planted_bug_and_leaves_a_file_that_fails_alone(self):
        result = self.expect_code(1, 'explore', 'moving.yaml', '--seeds', '1..200', '--plant',
                                  PLANT, '--twin-every', '0')
        out = result.stdout.decode()
        self.assertIn('does not hold in moving', out)
        command = out.rstrip('\n').splitlines()[-1].strip()
        self.assertRegex(command, r'^hvsim run findings/\d+\.yaml --plant')
        found = re.search(r'\n1\. (\S+) does not hold', out)[1]
        again = run_line('hvsim run findings/001.yaml --plant ' + PLANT, self.folder)
        self.assertEqual(again.returncode, 1, again.stderr)
        self.assertRegex(again.stdout.decode(), f'VIOLATED +{found} ')
        self.expect_code(0, 'replay', 'findings/001.trace')

    def test_the_time_that_is_given_bounds_shrinking_too(self):
        shutil.copy(LIBRARY / 'memory-hungry.yaml', self.folder)  # half a second a run
        began = time.monotonic()
        result = self.expect_code(1, 'explore', 'memory-hungry.yaml', '--time', '1s', '--plant',
                                  'migration.ignores-round-limit', '--twin-every', '0',
                                  '--shrink-limit', '1h')
        self.assertLess(time.monotonic() - began, 120)
        self.assertIn(b'Shrinking was ended by its limit', result.stdout)

    def test_keeps_numbers_of_findings_that_are_taken(self):
        for _ in range(2):
            self.expect_code(1, 'explore', 'moving.yaml', '--seeds', '1..40', '--plant', PLANT,
                             '--no-shrink')
        names = sorted(path.name for path in (self.folder / 'findings').glob('*.yaml'))
        self.assertGreaterEqual(len(names), 2)
        self.assertEqual(names[0], '001.yaml')

    def test_goes_on_with_what_is_missing(self):
        for last, runs in ((30, '30'), (50, '20'), (50, '0')):
            out = self.expect_code(0, 'explore', 'moving.yaml', '--seeds', f'1..{last}',
                                   '--no-mutants', '--results', 'r.db').stdout.decode()
            self.assertIn(f'explored {last} seeds of 1 scenario in {runs} runs', out)
        self.assertEqual(self.shown('r.db'), '50: 1..50')

    def test_keeps_findings_in_the_results(self):
        arguments = ['explore', 'moving.yaml', '--seeds', '1..40', '--plant', PLANT, '--no-shrink',
                     '--results', 'r.db']
        first = self.expect_code(1, *arguments).stdout.decode()
        again = self.expect_code(1, *arguments).stdout.decode()
        self.assertIn('in 0 runs', again)
        self.assertEqual(re.findall(r'\n(\d\. .*)', first), re.findall(r'\n(\d\. .*)', again))

    def test_a_known_finding_whose_file_is_gone_gets_a_new_one(self):
        arguments = ['explore', 'moving.yaml', '--seeds', '1..40', '--plant', PLANT, '--no-shrink',
                     '--results', 'r.db']
        self.expect_code(1, *arguments, '--findings', 'first')
        shutil.rmtree(self.folder / 'first')
        out = self.expect_code(1, *arguments, '--findings', 'second').stdout.decode()
        commands = re.findall(r'^   (hvsim run second/.*)$', out, re.M)
        self.assertEqual(len(commands), out.count('first in'))
        for command in commands:
            self.assertEqual(run_line(command, self.folder).returncode, 1, command)

    def test_what_a_neighbour_reached_is_new_all_the_same(self):
        (self.folder / 'two').mkdir()
        for name in ('a', 'b'):
            self.write(f'two/{name}.yaml', SCENARIO.replace('moving', name))
        self.expect_code(0, 'explore', 'two', '--seeds', '1..20', '--jobs', '1', '--results',
                         'r.db')
        states = re.findall(r'^  states +(\d+)', self.expect_code(
            0, 'results', 'show', 'r.db').stdout.decode(), re.M)
        self.assertEqual(len(states), 2)
        few, many = sorted(map(int, states))
        self.assertGreater(few, many // 2, states)

    def test_says_which_scenarios_were_not_run(self):
        (self.folder / 'many').mkdir()
        for name in 'abcdefgh':
            self.write(f'many/{name}.yaml', SCENARIO.replace('moving', name))
        out = self.expect_code(0, 'explore', 'many', '--time', '1ms', '--jobs', '1', '--junit',
                               'o.xml').stdout.decode()
        self.assertIn('many/h.yaml was not run', out)
        suite = xml.etree.ElementTree.parse(self.folder / 'o.xml').getroot()[0]
        skipped = [case.get('classname') for case in suite.findall('testcase')
                   if case.find('skipped') is not None and case.get('name') == 'not run']
        self.assertIn('h', skipped)
        passed = [case.get('classname') for case in suite.findall('testcase') if len(case) == 0]
        self.assertEqual(sorted(passed + skipped), list('abcdefgh'))
        self.assertEqual(int(suite.get('tests')), len(suite.findall('testcase')))

    def test_minutes_have_two_names(self):
        for minutes in ('10m', '10min'):
            self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '2', '--time', minutes)

    def test_shards_are_merged(self):
        for shard in (1, 2, 3):
            self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..40', '--shard',
                             f'{shard}/3', '--results', f'{shard}.db')
        self.expect_code(0, 'results', 'merge', 'all.db', '1.db', '2.db', '3.db')
        self.assertEqual(self.shown('all.db'), '40: 1..40')
        out = self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..40', '--results',
                               'all.db').stdout.decode()
        self.assertIn('in 0 runs', out)

    def test_two_on_one_results_file(self):
        first = self.start('--time', '60s', '--results', 'r.db')
        while not (self.folder / 'r.db').exists() or not children_of(first.pid):
            time.sleep(0.05)
        text = self.expect_mistake('explore', 'moving.yaml', '--results', 'r.db', begins='r.db: ')
        self.assertIn('another exploration is using this results file', text)
        first.send_signal(signal.SIGINT)
        self.assertEqual(first.wait(PATIENCE), 4)
        self.assertRegex(self.shown('r.db'), r'^\d+: (none|\d)')

    def test_ends_cleanly_on_ctrl_c(self):
        process = self.start('--time', '300s', '--results', 'r.db', '--jobs', '2')
        while len(children_of(process.pid)) < 2:
            time.sleep(0.05)
        workers = children_of(process.pid)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 4, err)
        self.assertIn(b'interrupted', out)
        seeds = int(re.search(rb'explored (\d+) seed', out)[1])
        self.assertEqual(int(self.shown('r.db').split(':')[0]), seeds)
        for worker in workers:
            self.assertFalse(pathlib.Path(f'/proc/{worker}').exists())

    def test_a_terminal_s_signals_reach_everybody_and_nothing_is_lost(self):
        """Ctrl-C and a closed terminal strike workers too: what is in the file is what was said."""
        for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(stop.name):
                # Under nohup it would be ignored, and whoever ignores it from the start is left so.
                process = self.start('--time', '300s', '--results', f'{stop.name}.db', '--jobs',
                                     '2', start_new_session=True,
                                     preexec_fn=lambda: signal.signal(signal.SIGHUP,
                                                                      signal.SIG_DFL))
                while len(children_of(process.pid)) < 2:
                    time.sleep(0.02)
                time.sleep(1)
                os.killpg(process.pid, stop)
                out, err = process.communicate(timeout=PATIENCE)
                self.assertEqual((process.returncode, err), (4, b''))
                self.assertNotIn(b'note: ', out)
                seeds = int(re.search(rb'explored (\d+) seed', out)[1])
                self.assertGreater(seeds, 0)
                self.assertEqual(int(self.shown(f'{stop.name}.db').split(':')[0]), seeds)

    def test_ctrl_c_while_shrinking_keeps_the_finding_as_it_was_found(self):
        process = self.start('--time', '300s', '--plant', PLANT, '--jobs', '1', '--results',
                             'r.db', start_new_session=True)
        while not (self.folder / 'findings').exists():  # made when shrinking is ordered
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (1, b''), out)
        names = [path.name for path in (self.folder / 'findings').iterdir()]
        self.assertIn('001.yaml', names)
        self.assertEqual([name for name in names if 'partial' in name], [])
        self.assertEqual(run_line('hvsim run findings/001.yaml --plant ' + PLANT,
                                  self.folder).returncode, 1)
        self.assertIn(b'001.yaml', self.hvsim('results', 'show', 'r.db').stdout)

    def test_workers_that_are_killed_again_and_again_lose_nothing(self):
        """Mutants and forked worlds among what they work on."""
        process = self.start('--seeds', '1..150', '--results', 'r.db', '--jobs', '2')
        killed = 0
        while process.poll() is None and killed < 5:
            time.sleep(0.2)
            for worker in children_of(process.pid)[:1]:
                os.kill(worker, signal.SIGKILL)
                killed += 1
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (0, b''), out)
        notes = [line for line in out.decode().splitlines() if line.startswith('note: ')]
        self.assertLessEqual(len(notes), killed)
        self.assertIn(b'explored 150 seeds', out)
        self.assertEqual(self.shown('r.db'), '150: 1..150')

    def test_forked_worlds_that_are_killed_are_no_crash(self):
        process = self.start('--time', '300s', '--jobs', '1')
        killed = 0
        while killed < 3:
            self.assertIsNone(process.poll())
            for worker in children_of(process.pid):
                for world in children_of(worker):
                    try:
                        os.kill(world, signal.SIGKILL)
                        killed += 1
                    except ProcessLookupError:
                        pass  # it was done first
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (4, b''), out)
        self.assertIn(b'no violation found', out)
        self.assertIn(b'note: a forked world was killed from outside in run ', out)

    def test_two_that_start_at_once_share_nothing_by_halves(self):
        """One results file: one works, the other says so. One folder: names of their own."""
        both = [self.start('--seeds', '1..40', '--no-mutants', '--results', 'r.db', '--jobs', '1')
                for _ in range(2)]
        ends = sorted((process.wait(PATIENCE), process.stderr.read().count(b'\n'))
                      for process in both)
        self.assertIn(ends, ([(0, 0), (2, 1)], [(0, 0), (0, 0)]))  # or one after the other
        self.assertEqual(self.shown('r.db'), '40: 1..40')
        both = [self.start('--seeds', '1..40', '--plant', PLANT, '--no-shrink', '--jobs', '1')
                for _ in range(2)]
        found = []
        for process in both:
            found += re.findall(rb'hvsim run (\S+)', process.communicate(timeout=PATIENCE)[0])
        self.assertEqual(len(found), len(set(found)), found)
        self.assertEqual(sorted(name.decode() for name in found),
                         sorted(f'findings/{path.name}' for path in
                                (self.folder / 'findings').glob('*.yaml')))

    def test_a_killed_worker_loses_nothing(self):
        process = self.start('--seeds', '1..150', '--results', 'r.db', '--jobs', '2',
                             '--no-mutants')
        while len(children_of(process.pid)) < 2:
            time.sleep(0.01)
        os.kill(children_of(process.pid)[0], signal.SIGKILL)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, err)
        notes = [line for line in out.decode().splitlines() if line.startswith('note: ')]
        self.assertEqual(len(notes), 1, out)
        self.assertRegex(notes[0], 'killed|without work')
        self.assertIn(b'explored 150 seeds of 1 scenario in 150 runs', out)
        self.assertEqual(self.shown('r.db'), '150: 1..150')

    def test_a_supervisor_that_is_killed_leaves_no_worker_and_no_lock(self):
        process = self.start('--time', '300s', '--results', 'r.db')
        while not children_of(process.pid):
            time.sleep(0.05)
        workers = children_of(process.pid)
        process.kill()
        process.wait()
        for _ in range(100):
            if not any(pathlib.Path(f'/proc/{worker}').exists() for worker in workers):
                break
            time.sleep(0.05)
        else:
            self.fail('workers live on')
        self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..20', '--results', 'r.db')
        self.assertRegex(self.shown('r.db'), r': 1\.\.')

    def test_a_full_disk_is_one_clear_line(self):
        limit = 32 * 1024
        result = self.hvsim('explore', 'moving.yaml', '--seeds', '1..60', '--results', 'r.db',
                            prefix=('prlimit', f'--fsize={limit}'))
        self.assertEqual(result.returncode, 2, result.stderr)
        both = (result.stdout + result.stderr).decode()
        self.assertEqual(both.count('r.db'), 1, both)
        again = self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..60', '--results',
                                 'r.db')
        self.assertIn(b'explored 60 seeds', again.stdout)
        self.assertEqual(self.shown('r.db'), '60: 1..60')

    def test_a_disk_that_fills_up_is_one_line_and_loses_nothing_that_was_saved(self):
        """The limit comes on while it works, as a disk fills: saving fails from then on."""
        process = self.start('--time', '300s', '--results', 'r.db', '--jobs', '1', '--no-mutants')
        while not (self.folder / 'r.db').exists() or not children_of(process.pid):
            time.sleep(0.02)
        limit = 8 * 1024
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (2, b''), out)
        notes = [line for line in out.decode().splitlines() if line.startswith('note: ')]
        self.assertEqual(len(notes), 1, out)
        self.assertRegex(notes[0], r'r\.db: results cannot be saved \(.*\)')
        said = int(re.search(rb'explored (\d+) seed', out)[1])
        shown = self.hvsim('results', 'show', 'r.db').stdout.decode()
        kept = re.search(r'seeds +(\d+)', shown)
        self.assertLessEqual(int(kept[1]) if kept else 0, said)
        self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..60', '--no-mutants',
                         '--results', 'r.db')
        self.assertRegex(self.shown('r.db'), r': 1\.\.')

    def test_a_finding_that_has_no_place_is_printed_whole(self):
        out = self.hvsim('explore', 'moving.yaml', '--seeds', '1..40', '--plant', PLANT,
                         '--no-shrink', prefix=('prlimit', '--fsize=64')).stdout.decode()
        self.assertIn('note: findings/001.yaml: cannot be written; what would be in it is printed '
                      'below', out)
        text = out.split('could not be written to findings/001.yaml:\n\n')[1]
        text = text.split('\n   hvsim run findings/001.yaml')[0]
        self.assertEqual([path.name for path in (self.folder / 'findings').iterdir()], [])
        self.write('findings/001.yaml', text)
        self.assertEqual(run_line('hvsim run findings/001.yaml --plant ' + PLANT,
                                  self.folder).returncode, 1)

    def test_numbers_that_make_no_sense_cost_one_line(self):
        huge = '99999999999999999999'
        for option, values in (
                ('--seeds', ('-1', '0', '1..0', '1.5', huge, '1..' + huge, '1...5')),
                ('--jobs', ('-1', '0', '1.5', 'two', '1025', huge)),
                ('--time', ('-3s', '0s', '3', 'soon', huge + 'h')),
                ('--shard', ('0/3', '-1/3', '4/3', '1/0', 'a/b', '1/' + huge)),
                ('--run-limit', ('-1s', '0s', '1', huge + 's')),
                ('--shrink-limit', ('-1s', '0s', 'x', huge + 's')),
                ('--memory-limit', ('-1GiB', '0B', '5', huge + 'TiB')),
                ('--twin-every', ('-1', '1.5', 'x', huge)),
                ('--twice-every', ('-1', '1.5', 'x', huge))):
            for value in values:
                with self.subTest(option=option, value=value):
                    self.expect_mistake('explore', 'moving.yaml', option, value,
                                        begins=re.escape(f'{option} {value}: is'))
        for option, values in (('--seeds', ('-1', '0', '1.5', 'x', huge)),
                               ('--ranges', ('-1', '0', '1.5', 'x', huge)),
                               ('--jobs', ('-1', '0', '1.5', 'x', huge))):
            for value in values:
                with self.subTest(command='hunt', option=option, value=value):
                    self.expect_mistake('plants', 'hunt', '--scenario', 'moving.yaml', option,
                                        value, begins=re.escape(f'{option} {value}: is'))
        for option, values in (('--time', ('-1s', '0s', '1', 'x', '0.1us', huge + 'h')),
                               ('--seed', ('-1', '1.5', 'x', huge))):
            for value in values:
                with self.subTest(command='shrink', option=option, value=value):
                    self.expect_mistake('shrink', 'moving.yaml', '-o', 'o.yaml', option, value,
                                        begins=re.escape(f'{option} {value}: is'))

    def test_a_run_that_needs_too_much_memory_is_a_finding(self):
        out = self.expect_code(70, 'explore', 'moving.yaml', '--seeds', '1..100000', '--time', '3s',
                               '--no-shrink', '--memory-limit', '1MiB').stdout.decode()
        self.assertIn('memory does not hold in moving', out)
        self.assertIn('limit 1 MiB', out)

    def test_reports_to_ci(self):
        result = self.expect_code(1, 'explore', 'moving.yaml', '--seeds', '1..40', '--plant',
                                  PLANT, '--no-shrink', '--junit', 'out.xml',
                                  env={'GITHUB_ACTIONS': 'true'})
        lines = [line for line in result.stdout.decode().splitlines() if line.startswith('::')]
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line,
                             r'^::error file=moving\.yaml,title=[^:,]+::.*hvsim run findings/')
        suite = xml.etree.ElementTree.parse(self.folder / 'out.xml').getroot()[0]
        self.assertEqual(int(suite.get('failures')), len(lines))
        self.assertEqual(len(suite.findall('testcase/failure')), len(lines))
        quiet = self.expect_code(0, 'explore', 'moving.yaml', '--seeds', '1..5', '--junit',
                                 'ok.xml')
        self.assertNotIn(b'::error', quiet.stdout)
        suite = xml.etree.ElementTree.parse(self.folder / 'ok.xml').getroot()[0]
        self.assertEqual((suite.get('failures'), suite.get('tests')), ('0', '1'))

    def test_the_same_seeds_find_the_same(self):
        def findings():
            out = self.expect_code(1, 'explore', 'moving.yaml', '--seeds', '1..40', '--plant',
                                   PLANT, '--no-shrink', '--no-mutants', '--jobs', '1',
                                   '--findings', '').stdout
            return re.findall(rb'\n(\d\. .*)', out)
        self.assertEqual(findings(), findings())

    def test_takes_folders(self):
        (self.folder / 'more/deep').mkdir(parents=True)
        self.write('more/deep/a.yaml', SCENARIO.replace('moving', 'deeper'))
        self.write('more/b.yaml', SCENARIO)
        out = self.expect_code(0, 'explore', 'more', '--seeds', '3').stdout.decode()
        self.assertIn('explored 6 seeds of 2 scenarios', out)

    def test_complains_about_mistakes_in_one_line(self):
        (self.folder / 'empty').mkdir()
        for arguments, begins in (
                (['--seeds', '7..3'], '--seeds 7..3: '), (['--seeds', 'x'], '--seeds x: '),
                (['--time', '3'], '--time 3: '), (['--shard', '3/2'], '--shard 3/2: '),
                (['--shard', '1'], '--shard 1: '), (['--plant', 'none'], '--plant none: '),
                (['--jobs', '0'], '--jobs 0: '), (['--results', 'no/r.db'], 'no/r.db: '),
                (['--memory-limit', '3'], '--memory-limit 3: '), (['--junit', '.'], '--junit .: ')):
            self.expect_mistake('explore', 'moving.yaml', *arguments, begins=begins)
        self.expect_mistake('explore', 'empty', begins='empty: ')
        self.expect_mistake('explore', 'none.yaml', begins='none.yaml')
        self.expect_mistake('results', 'show', 'none.db', begins='none.db: ')
        self.expect_mistake('results', 'merge', 'all.db', 'moving.yaml', begins='moving.yaml: ')

    def test_hunts_plants(self):
        result = self.expect_code(0, 'plants', 'hunt', PLANT, '--scenario', 'moving.yaml',
                                  '--seeds', '300', '--ranges', '3')
        row = next(line for line in result.stdout.decode().splitlines() if line.startswith(PLANT))
        self.assertRegex(row, PLANT + r' +3/3 +\d+ +\d+ +\d+ +\d+ +\S')


if __name__ == '__main__':
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
