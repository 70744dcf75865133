"""The command line: what it prints, where, and with which exit code."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ET

import support

QUICKSTART = support.QUICKSTART
# So long that the migration and its twin are in it, so short that it costs little.
SHORT = ('--set', 'end=200ms', '--set', 'timeline.0.at=50ms')
SANITIZED = b'__asan_init' in support.HVSIM.read_bytes()


class Run(support.Case):
    """hvsim run."""

    def test_quickstart_tells_its_story_and_judges(self):
        """The lines that the README promises."""
        out = self.expect_code(0, 'run', QUICKSTART).stdout.decode()
        for pattern in (r'^quickstart, seed 1$', r'^ +[\d.]+ ms  alpha +job \d+: start-vm web$',
                        r'^ +[\d.]+ ms  alpha +web says: worker: connected, VMBus 2\.4$',
                        r'^ +500\.000 ms  alpha +job \d+: move-vm web to beta$',
                        r'^ +[\d.]+ ms  alpha +round 0: \d+ pages',
                        r'^ +[\d.]+ ms  beta +web runs again \(live migration\) after [\d.]+ ms$',
                        r'^ +1200\.000 ms +the world ends$',
                        r'^  holds +MI-1 +memory and processors at resume equal',
                        r'^  holds +downtime-below .*: [\d.]+ ms \(bound 100\.000 ms\)$',
                        r'^  holds +twin-equal .*: \d+ digests compared$'):
            self.assertRegex(out, re.compile(pattern, re.M))
        last = out.splitlines()[-1]
        found = re.match(r'(\d+) of (\d+) properties hold; \d+ events, hash [0-9a-f]{32}$', last)
        self.assertTrue(found, last)
        self.assertEqual(found[1], found[2])
        self.assertEqual(len(re.findall(r'^  holds ', out, re.M)), int(found[1]))

    def test_the_readme_shows_a_real_run(self):
        """Every line of its transcript, hash included, is one that hvsim prints."""
        readme = (support.ROOT / 'README.md').read_text()
        transcript = next(block for block in readme.split('```') if 'properties hold' in block)
        out = self.expect_code(0, 'run', QUICKSTART).stdout.decode()
        printed = {line.rstrip() for line in out.splitlines()}
        for line in transcript.splitlines():
            if line.strip():
                self.assertIn(line.rstrip(), printed)

    def test_what_a_move_cost_is_told_alike_by_a_run_and_by_its_trace(self):
        """As text and as JSON; the parts add up to the whole, and that to what the story says."""
        out = self.expect_code(0, 'run', QUICKSTART, '--trace', 'moves.trace').stdout.decode()
        told = out.split('\nmoves\n')[1].split('\n\n')[0]
        self.assertEqual(self.expect_code(0, 'trace', 'moves', 'moves.trace').stdout.decode(),
                         told + '\n')
        result = self.expect_code(0, 'run', QUICKSTART, '--format', 'json')
        [move] = json.loads(result.stdout)[0]['moves']
        self.assertEqual((move['vm'], move['from'], move['to'], move['completed']),
                         ('web', 'alpha', 'beta', True))
        [view] = move['seen']
        self.assertEqual(sum(view['parts_ns'].values()), view['took_ns'])
        story = re.search(r'web runs again \(live migration\) after ([\d.]+) ms', out)
        self.assertAlmostEqual(view['took_ns'] / 1e6, float(story[1]), places=3)
        self.assertNotIn('\nmoves\n',
                         self.expect_code(0, 'run', QUICKSTART, '--quiet').stdout.decode())

    def test_a_rate_of_nothing_dirties_nothing(self):
        """Zero is a rate, and not the default; a real guest and its model agree."""
        text = QUICKSTART.read_text().split('timeline:')[0].replace(
            'dirty-rate: 40', 'dirty-rate: 0\n      stop-after: 100ms')
        for kind in ('program', 'model'):
            path = self.write(kind + '.yaml', text.replace('program: worker', kind + ': worker'))
            story = self.expect_code(0, 'run', path, '--set', 'end=200ms').stdout.decode()
            self.assertIn('web says: worker: pages written 0\n', story)

    def test_options_may_stand_before_the_file(self):
        """--set and --plant take one value each."""
        out = self.expect_code(0, 'run', '--set', 'description=other', *SHORT, '--seed', '7',
                               QUICKSTART).stdout.decode()
        self.assertTrue(out.startswith('quickstart, seed 7\nother\n'), out[:100])

    def test_a_stored_trace_takes_at_most_eight_bytes_per_event(self):
        """Detail, digests and header included."""
        out = self.expect_code(0, 'run', QUICKSTART, '--quiet', '--trace', 'q.trace').stdout
        events = int(re.search(rb'; (\d+) events, hash', out)[1])
        self.assertLessEqual((self.folder / 'q.trace').stat().st_size, 8 * events)

    def test_json_is_alone_on_stdout(self):
        """One document, and nothing on stderr."""
        result = self.expect_code(0, 'run', QUICKSTART, *SHORT, '--format', 'json')
        self.assertEqual(result.stderr, b'')
        [report] = json.loads(result.stdout)
        self.assertEqual((report['scenario'], report['seed'], report['exit_code']),
                         ('quickstart', 1, 0))
        self.assertRegex(report['hash'], '^[0-9a-f]{32}$')
        self.assertEqual({entry['verdict'] for entry in report['properties']}, {'holds'})
        for entry in report['properties']:
            self.assertTrue(entry['property'] and entry['statement'] and entry['measured'])

    def test_json_of_a_violation_says_where(self):
        """Exit code 1, event, time, explanation and the command that shows it again."""
        result = self.expect_code(1, 'run', QUICKSTART, *SHORT, '--set',
                                  'expect.1.downtime-below=1us', '--format', 'json')
        [report] = json.loads(result.stdout)
        self.assertEqual(report['exit_code'], 1)
        [violated] = [e for e in report['properties'] if e['verdict'] == 'violated']
        self.assertEqual(violated['property'], 'downtime-below')
        self.assertTrue(violated['explanation'])
        self.assertGreater(violated['time_ns'], 50_000_000)
        again = support.run_line(report['reproduce'], self.folder)
        self.assertEqual(again.returncode, 1)
        self.assertEqual(support.hash_in(again.stdout.rsplit(b'\nagain:', 1)[0]), report['hash'])

    def test_junit_counts_what_it_holds(self):
        """Two scenarios, one failure in each."""
        shutil.copy(QUICKSTART, self.folder / 'other.yaml')
        result = self.expect_code(1, 'run', QUICKSTART, 'other.yaml', *SHORT, '--set',
                                  'expect.1.downtime-below=1us', '--format', 'junit')
        root = ET.fromstring(result.stdout)
        self.assertEqual(len(root), 2)
        for suite in root:
            cases = suite.findall('testcase')
            self.assertEqual(int(suite.get('tests')), len(cases))
            self.assertGreater(len(cases), 6)
            self.assertEqual(int(suite.get('failures')), len(suite.findall('testcase/failure')))
            self.assertEqual((suite.get('failures'), suite.get('skipped'), suite.get('errors')),
                             ('1', '0', '0'))
            self.assertIn('again: hvsim run', suite.find('testcase/failure').text)

    def test_without_detail_checkers_say_unknown(self):
        """Exit code 4: undecided is not a pass."""
        result = self.expect_code(4, 'run', QUICKSTART, *SHORT, '--no-detail', '--quiet')
        self.assertRegex(result.stdout.decode(), re.compile(r'^  unknown ', re.M))
        self.assertIn('--no-detail', result.stdout.decode().splitlines()[-1])

    def test_twice_says_that_it_is_deterministic(self):
        """MG-3: both runs have the same events."""
        result = self.expect_code(0, 'run', QUICKSTART, *SHORT, '--twice', '--quiet')
        self.assertNotIn(b'NOT DETERMINISTIC', result.stdout)
        self.assertRegex(result.stdout.decode(), re.compile(r'^  holds +MG-3 ', re.M))

    def test_seed_of_the_command_line_goes_before_the_scenarios(self):
        """And another seed is another run."""
        def run(*more):
            return support.hash_in(self.expect_code(0, 'run', QUICKSTART, *SHORT, '--quiet',
                                                    *more).stdout)
        self.assertEqual(run(), run('--seed', '1'))
        self.assertNotEqual(run(), run('--seed', '2'))
        self.assertEqual(run('--seed', '2'), run('--set', 'seed=2'))


class SameHash(support.Case):
    """The same seed gives the same hash whatever the machine does."""

    def run_hash(self, *, env=None, prefix=()):
        """The hash of one run."""
        return support.hash_in(self.expect_code(0, 'run', QUICKSTART, '--quiet', env=env,
                                                prefix=prefix).stdout)

    def test_in_parallel_processes(self):
        """Two at once."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            first, second = pool.map(lambda _: self.run_hash(), range(2))
        self.assertEqual(first, second)

    def test_with_and_without_randomised_addresses(self):
        """Address-space randomisation must be on for this to say anything."""
        with open('/proc/sys/kernel/randomize_va_space', encoding='ascii') as state:
            self.assertNotEqual(state.read().strip(), '0')
        self.assertEqual(self.run_hash(), self.run_hash(prefix=('setarch', '-R')))

    def test_with_other_processor_features(self):
        """glibc picks other routines when FMA and AVX2 are hidden from it."""
        tunables = {'GLIBC_TUNABLES': 'glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-AVX512F,-ERMS'}
        self.assertEqual(self.run_hash(), self.run_hash(env=tunables))

    def test_in_another_environment(self):
        """Locale, time zone and the allocator's fill byte."""
        self.assertEqual(self.run_hash(), self.run_hash(
            env={'LC_ALL': 'de_DE.UTF-8', 'TZ': 'Asia/Tokyo', 'MALLOC_PERTURB_': '165'}))


class Traces(support.Case):
    """A stored run: written once, then read in every way."""

    def record(self, name, *more, code=0):
        """Writes a trace; gives the hash of the run."""
        out = self.expect_code(code, 'run', QUICKSTART, *SHORT, '--quiet', '--trace', name,
                               *more).stdout
        self.assertEqual([f.name for f in self.folder.glob('*.partial')], [])
        return support.hash_in(out.rsplit(b'\nagain:', 1)[0])

    def test_replay_finds_the_same_run(self):
        """Event by event."""
        digest = self.record('a.trace', '--seed', '5')
        out = self.expect_code(0, 'replay', 'a.trace').stdout.decode()
        self.assertRegex(out, rf'^replayed \d+ events of quickstart, seed 5: identical, '
                              rf'hash {digest}\n$')

    def test_replay_needs_neither_the_scenario_nor_its_folder(self):
        """The trace holds all that decides the run."""
        shutil.copy(QUICKSTART, self.folder / 'q.yaml')
        self.expect_code(0, 'run', 'q.yaml', *SHORT, '--quiet', '--trace', 'a.trace')
        (self.folder / 'q.yaml').unlink()
        self.expect_code(0, 'replay', 'a.trace')

    def test_replay_of_a_planted_bug_passes(self):
        """The bug is part of the run; check judges it as the run was judged."""
        self.record('a.trace', '--plant', 'migration.forgets-final-set', code=1)
        self.expect_code(0, 'replay', 'a.trace')
        out = self.expect_code(1, 'check', 'a.trace').stdout.decode()
        self.assertRegex(out, re.compile(r'^  VIOLATED +MI-1 ', re.M))
        self.assertEqual(out.splitlines()[-1], 'again: hvsim check a.trace')

    def test_check_judges_in_every_format(self):
        """The same properties and the same hash as the run."""
        digest = self.record('a.trace')
        text = self.expect_code(0, 'check', 'a.trace').stdout
        self.assertEqual(support.hash_in(text), digest)
        [report] = json.loads(self.expect_code(0, 'check', 'a.trace', '--format', 'json').stdout)
        self.assertEqual(report['hash'], digest)
        junit = self.expect_code(0, 'check', 'a.trace', '--format', 'junit').stdout
        suite = ET.fromstring(junit)[0]
        self.assertEqual(int(suite.get('tests')), len(report['properties']))

    def test_check_judges_as_the_run_was_judged(self):
        """The same properties, verdicts and figures, the twin and the faults among them."""
        aborted = support.ROOT / 'tests/scenarios/cli/aborted.yaml'
        operators = self.write('operators.yaml', aborted.read_text().replace(
            'cut-link: migration', 'cancel-migration: migrating-vm\n  - at: 1s\n    '
            'wrong-order: web\n  - at: 100ms\n    lasts: 20ms\n    slow-io: disk1'))
        forgets = ('--plant', 'vmbus.restore-forgets-doorbell')
        for code, scenario, options in ((0, QUICKSTART, SHORT), (1, QUICKSTART, forgets),
                                        (0, aborted, ()), (0, operators, ()),
                                        (0, support.LIBRARY / 'source-dies-handover.yaml', ())):
            with self.subTest(scenario=scenario, options=options):
                run = self.hvsim('run', scenario, *options, '--quiet', '--trace', 'a.trace',
                                 '--format', 'json')
                check = self.hvsim('check', 'a.trace', '--format', 'json')
                self.assertEqual((run.returncode, check.returncode), (code, code))
                [told], [judged] = json.loads(run.stdout), json.loads(check.stdout)
                self.assertIn('twin-equal', [p['property'] for p in told['properties']])
                self.assertEqual(judged['properties'], told['properties'])
        self.assertIn('faults-struck', [p['property'] for p in told['properties']])

    def test_show_prints_and_filters(self):
        """Text with a heading, JSON lines, by type, by area, by node, by index, by count."""
        self.record('a.trace')
        def show(*more):
            out = self.expect_code(0, 'trace', 'show', 'a.trace', *more).stdout
            return out.decode().splitlines()
        self.assertTrue(show('--count', '1')[0].startswith('# '), 'heading')
        everything = [json.loads(line) for line in show('--json')]
        self.assertEqual([e['index'] for e in everything], list(range(everything[0]['index'],
                         everything[0]['index'] + len(everything))))
        phases = [json.loads(line) for line in show('--json', '--type', 'migration.phase')]
        self.assertEqual({e['event'] for e in phases}, {'migration.phase'})
        area = [json.loads(line) for line in show('--json', '--type', 'migration')]
        self.assertGreater(len(area), len(phases))
        self.assertTrue(all(e['event'].startswith('migration.') for e in area))
        beta = [json.loads(line) for line in show('--json', '--node', 'beta')]
        self.assertEqual({e['node_name'] for e in beta}, {'beta'})
        self.assertLess(len(beta), len(everything))
        self.assertEqual(len(show('--json', '--count', '7')), 7)
        self.assertEqual(json.loads(show('--json', '--from', '100', '--count', '1')[0])['index'],
                         100)
        self.expect_mistake('trace', 'show', 'a.trace', '--type', 'migration.fase',
                            begins='--type migration.fase: ', mentions='`migration.phase`')

    def test_stat_sums_up(self):
        """The counts are those of the events."""
        digest = self.record('a.trace')
        out = self.expect_code(0, 'trace', 'stat', 'a.trace').stdout.decode()
        self.assertIn(f'hash      {digest}\n', out)
        total = int(re.search(r'^events +(\d+) ', out, re.M)[1])
        rows = re.findall(r'^ +(\d+)  [a-z_0-9]+\.[a-z_0-9]+$', out, re.M)
        self.assertEqual(sum(map(int, rows)), total)

    def test_diff_finds_the_first_difference(self):
        """Same run: 0. Other seed: 3, and both sides of the first event that differs."""
        self.record('a.trace')
        self.record('b.trace')
        self.record('c.trace', '--seed', '2')
        self.assertEqual((self.folder / 'a.trace').read_bytes(),
                         (self.folder / 'b.trace').read_bytes())
        self.expect_code(0, 'trace', 'diff', 'a.trace', 'b.trace')
        out = self.expect_code(3, 'trace', 'diff', 'a.trace', 'c.trace').stdout.decode()
        self.assertIn('seed', out)
        self.assertRegex(out, r'differ')

    def test_two_runs_with_one_trace_path_leave_one_whole_trace(self):
        """The last to finish wins; nothing lies about, and nobody's file or link is touched."""
        self.write('own', 'untouched')
        (self.folder / 'a.trace.partial').symlink_to('own')
        with concurrent.futures.ThreadPoolExecutor() as pool:
            hashes = set(pool.map(
                lambda seed: support.hash_in(self.expect_code(
                    0, 'run', QUICKSTART, *SHORT, '--quiet', '--trace', 'a.trace', '--seed',
                    str(seed)).stdout), (1, 2)))
        replayed = self.expect_code(0, 'replay', 'a.trace').stdout
        self.assertIn(support.hash_in(replayed), hashes)
        self.assertEqual((self.folder / 'own').read_text(), 'untouched')
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ['a.trace', 'a.trace.partial', 'own'])

    def test_a_trace_that_cannot_be_created_is_known_before_anything_is_told(self):
        """One line: not even the heading of the story."""
        for path in ('/proc/x.trace', 'x' * 300):
            self.expect_mistake('run', QUICKSTART, *SHORT, '--trace', path, begins='--trace',
                                mentions=f'{path}: cannot be created: ')

    def test_an_unfinished_trace_leaves_nothing(self):
        """No place for it: no run, no file."""
        for path, words in (('no/such/folder/a.trace', 'no folder'), ('.', 'is a directory'),
                            ('', 'path of a file')):
            self.expect_mistake('run', QUICKSTART, *SHORT, '--trace', path, begins='--trace',
                                mentions=words)


class Lists(support.Case):
    """hvsim list, schema, doctor and help."""

    def test_every_list_has_lines_with_a_name_and_a_sentence(self):
        """No name twice."""
        for what in ('checkers', 'plants', 'faults', 'verbs', 'events', 'guests'):
            with self.subTest(what=what):
                lines = self.expect_code(0, 'list', what).stdout.decode().splitlines()
                # Faults stand in classes, and the roles that they may name follow.
                if what == 'faults':
                    lines = [line.split(None, 1)[1] for line in lines[:lines.index('')]]
                names = [line.split()[0] for line in lines]
                self.assertEqual(len(names), len(set(names)))
                self.assertTrue(all(len(line.split()) > 2 for line in lines), lines)

    def test_every_plant_names_a_property_that_exists(self):
        """A bug without its property is caught by nobody."""
        properties = {line.split()[0] for line in
                      self.expect_code(0, 'list', 'checkers').stdout.decode().splitlines()}
        for line in self.expect_code(0, 'list', 'plants').stdout.decode().splitlines():
            with self.subTest(plant=line.split()[0]):
                self.assertIn(support.property_of(line), properties)

    def test_schema_is_json_and_knows_every_key_of_the_library(self):
        """draft 7, closed objects."""
        schema = json.loads(self.expect_code(0, 'schema').stdout)
        self.assertEqual(schema['$schema'], 'http://json-schema.org/draft-07/schema#')
        self.assertIs(schema['additionalProperties'], False)
        self.assertEqual(set(schema['required']), {'scenario', 'end', 'hosts', 'vms'})
        for file in support.LIBRARY.glob('*.yaml'):
            keys = set(re.findall(r'^([a-z-]+):', file.read_text(), re.M))
            self.assertLessEqual(keys, set(schema['properties']), file)

    def test_doctor_knows_the_engines(self):
        """Exit code 0 when the built-in ones work."""
        out = self.expect_code(0, 'doctor').stdout.decode()
        self.assertRegex(out, re.compile(r'^engine unicorn +ok$', re.M))
        self.assertRegex(out, re.compile(r'^engine model +ok$', re.M))

    def test_help_and_version_go_to_stdout(self):
        """And are no mistake."""
        for arguments in (('--help',), ('run', '--help'), ('trace', 'show', '--help'),
                          ('--version',)):
            result = self.expect_code(0, *arguments)
            self.assertTrue(result.stdout)
            self.assertEqual(result.stderr, b'')


@unittest.skipIf(SANITIZED, 'sanitizers need all address space themselves')
class LittleMemory(support.Case):
    """A machine, or a `ulimit -v`, that has not enough memory: one line that says what would be
    right, whichever part notices first."""

    ALLOCATOR = 'hvsim: this machine has not enough memory; fewer or smaller VMs'
    ENGINE = 'unicorn: this machine has no memory for another processor with 64 MiB of RAM; smaller'

    def under(self, mebibytes, *scenario):
        """Exit code and the only line on stderr, if any."""
        result = self.hvsim('run', *scenario, '--quiet',
                            prefix=('prlimit', f'--as={mebibytes << 20}'))
        lines = result.stderr.decode().splitlines()
        self.assertLessEqual(len(lines), 1, lines)
        return result.returncode, ''.join(lines)

    def test_for_the_engine(self):
        """It reserves much and must not end the process in its own way."""
        for mebibytes in (300, 700, 1000):
            with self.subTest(mebibytes):
                code, line = self.under(mebibytes, QUICKSTART, *SHORT)
                self.assertEqual(code, 2)
                self.assertTrue(line.startswith(self.ENGINE), line)

    def test_for_a_guest(self):
        """Its 64 MiB come before its engine."""
        code, line = self.under(80, QUICKSTART, *SHORT)
        self.assertEqual(code, 2)
        self.assertTrue(line.startswith(self.ALLOCATOR), line)

    def test_for_less_and_less(self):
        """Wherever it gives out, the answer is one of the two."""
        for mebibytes in range(1600, 60, -110):
            code, line = self.under(mebibytes, QUICKSTART, *SHORT)
            with self.subTest(mebibytes):
                said = line.startswith(self.ALLOCATOR) or line.startswith(self.ENGINE)
                self.assertEqual((code, said), (2, True) if line else (0, False), line)


class Usage(support.Case):
    """A wrong command line is one line too."""

    def test_commands(self):
        """Missing, unknown, incomplete."""
        for arguments, words in (((), 'subcommand'), (('rnu',), 'did you mean `run`?'),
                                 (('run',), 'FILE'), (('trace',), 'subcommand'),
                                 (('list',), 'WHAT'), (('list', 'frobs'), 'frobs'),
                                 (('replay',), 'TRACE'), (('trace', 'diff', 'a'), 'RIGHT'),
                                 (('run', QUICKSTART, '--frob'), '--frob'),
                                 (('run', QUICKSTART, '--format', 'xml'), 'xml')):
            with self.subTest(arguments=arguments):
                self.expect_mistake(*arguments, begins='hvsim: ', mentions=words)

    def test_values(self):
        """Each names the option."""
        for option, value, words in (
                ('--seed', '-1', 'whole number'), ('--seed', '1.5', 'whole number'),
                ('--seed', '010', 'whole number'), ('--seed', '9' * 20, 'whole number'),
                ('--set', 'seed', 'key=value'), ('--set', '=3', 'key=value'),
                ('--set', 'a.=3', 'a path'), ('--set', '..=3', 'a path'),
                ('--set', 'vms.wob.memory=64MiB', '`wob`'),
                ('--set', 'migratoin.round-limit=3', 'did you mean `migration`?'),
                ('--set', 'vms.web.memry=64MiB', 'did you mean `memory`?'),
                ('--set', 'vms.web.memory=65', '`65` is not a size'),
                ('--set', 'vms.web.memory=', 'is not a size'),
                ('--set', 'vms=3', 'expected a mapping'),
                ('--set', 'timeline.3.at=1s', 'no entry `3`'),
                ('--set', 'timeline.0.at=-1s', 'cannot be negative'),
                ('--set', 'seed.x=3', 'nothing stands below'),
                ('--set', 'end=0s', 'longer than 0'),
                ('--set', 'frob=1', 'unknown key `frob`'),
                ('--plant', 'disk.torn-sectr', 'did you mean `disk.torn-sector`?'),
                ('--plant', 'z' * 30, 'hvsim list plants')):
            with self.subTest(option=option, value=value):
                self.expect_mistake('run', QUICKSTART, option, value, begins=option + ' ',
                                    mentions=words)

    def test_pipes(self):
        """Whoever reads a file says of a pipe that it is none, and waits for nobody."""
        os.mkfifo(self.folder / 'pipe')
        for command in (('run', 'pipe'), ('check', 'pipe'), ('explore', 'pipe'),
                        ('shrink', 'pipe', '-o', 'new.yaml'), ('debug', 'pipe'),
                        ('replay', 'pipe'), ('trace', 'show', 'pipe'), ('trace', 'stat', 'pipe'),
                        ('trace', 'diff', 'pipe', 'pipe'), ('results', 'show', 'pipe'),
                        ('results', 'merge', 'new.db', 'pipe'),
                        ('explore', QUICKSTART, '--results', 'pipe')):
            with self.subTest(command=command):
                self.expect_mistake(*command, begins='pipe: ', mentions='is not a plain file')
        self.expect_mistake('run', QUICKSTART, '--baseline', 'pipe', begins='--baseline pipe: ',
                            mentions='is not a plain file')

    def test_numbers(self):
        """Nothing wraps and nothing is cut off, wherever a number is asked for."""
        self.write('empty.trace', '')
        show = ('trace', 'show', 'empty.trace')
        for command, option in ((('run', QUICKSTART), '--seed'), (show, '--from'),
                                (show, '--count')):
            for value in ('-5', '-1', '+3', '1.5', '010', '1e3', '0x10', '3x', 'x', ' 3',
                          '9' * 20, str(2 ** 64)):
                with self.subTest(option=option, value=value):
                    self.expect_mistake(*command, f'{option}={value}', begins=option + ' ',
                                        mentions='whole number')
        # The value may stand apart, and then looks like an option.
        self.expect_mistake(*show, '--from', '-5', begins='--from -5: ', mentions='whole number')

    def test_files(self):
        """That do not exist, are folders, cannot be named."""
        (self.folder / 'folder').mkdir()
        for path, words in (('none.yaml', 'cannot be read'), ('folder', 'is a directory'),
                            ('a\nb.yaml', 'cannot be read'), ('', 'cannot be read')):
            with self.subTest(path=path):
                self.expect_mistake('run', path, begins='', mentions=words)

    def test_a_full_disk_is_noticed(self):
        """Half a report is not a report."""
        if not os.path.exists('/dev/full'):
            self.fail('this machine has no /dev/full')
        with open('/dev/full', 'wb') as full:
            result = subprocess.run([support.HVSIM, 'list', 'events'], check=False, stdout=full,
                                    stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count(b'\n'), 1)


if __name__ == '__main__':
    support.main()
