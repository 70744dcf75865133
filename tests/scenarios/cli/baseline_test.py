"""hvsim run --baseline and --record-baseline: figures held against recorded ones."""

import json
import re
import xml.etree.ElementTree

from support import QUICKSTART, Case, main

SHORT = ('--set', 'end=700ms', '--set', 'timeline.0.at=300ms')
# A slower link: more is dirtied while pages are on their way, and the VM stands still for longer.
SLOWER = 'networks.migration.bandwidth=2Gbit/s'


class Baseline(Case):
    """Each test has a scenario of its own, so that it can change."""

    def setUp(self):
        super().setUp()
        self.write('s.yaml', QUICKSTART.read_text())

    def run_it(self, code, *arguments):
        """Output of a run of the short scenario."""
        return self.expect_code(code, 'run', 's.yaml', '--quiet', *SHORT,
                                *arguments).stdout.decode()

    def record(self, *more):
        """base.json as data."""
        self.run_it(0, '--record-baseline', 'base.json', *more)
        return json.loads((self.folder / 'base.json').read_text())

    def slow_down(self):
        """The scenario keeps its name and gets slower: what a regression looks like."""
        text = QUICKSTART.read_text()
        slow = re.sub(r'bandwidth: \S+?(?=[,}\n])', 'bandwidth: 4Gbit/s', text)
        self.assertNotEqual(slow, text)
        self.write('s.yaml', slow)

    def edit(self, change):
        """Changes the file by hand."""
        data = json.loads((self.folder / 'base.json').read_text())
        change(data)
        self.write('base.json', json.dumps(data))

    def test_records_figures_in_a_stable_order(self):
        data = self.record()
        self.assertEqual(data['tolerance'], '5%')
        run, = data['runs']
        self.assertEqual((run['scenario'], run['seed']), ('quickstart', 1))
        figures = run['figures']
        for name in ('MI-5 downtime', 'MI-5 pages sent', 'MI-5 rounds', 'RB-4 signals',
                     'downtime-below downtime', 'virtual time'):
            self.assertIn(name, figures)
        # Until the last job ended, not until the world did.
        self.assertRegex(figures['virtual time'], r'^3\d\d')
        self.assertEqual(list(figures), sorted(figures))
        first = (self.folder / 'base.json').read_bytes()
        self.record()
        self.assertEqual((self.folder / 'base.json').read_bytes(), first)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ['base.json', 's.yaml'])

    def test_the_same_run_is_no_worse(self):
        count = len(self.record()['runs'][0]['figures'])
        out = self.run_it(0, '--baseline', 'base.json')
        self.assertIn(f'{count} of {count} figures are no worse than in base.json\n', out)
        self.assertNotIn('\nagain:', out)

    def test_a_worse_figure_fails_with_a_line_of_its_own(self):
        self.record()
        self.slow_down()
        out = self.run_it(1, '--baseline', 'base.json')
        self.assertNotIn('VIOLATED', out)
        worse = re.findall(r'^  WORSE     (.*?): (.*)$', out, re.M)
        self.assertIn('MI-5 downtime', dict(worse))
        self.assertRegex(dict(worse)['MI-5 downtime'],
                         r'^\S+ ms, recorded \S+ ms, at most \S+ ms \(tolerance 5%\)$')
        self.assertIn('virtual time', dict(worse))
        self.assertRegex(out.splitlines()[-1],
                         r'^again: hvsim run s\.yaml .*--baseline base\.json$')

    def test_a_tolerance_lets_pass_what_is_within_it(self):
        def raise_recorded(percent):
            """As if the recorded figure had been so many percent of the present one."""
            def change(data):
                figures = data['runs'][0]['figures']
                figures['MI-5 pages sent'] = real * percent // 100
            return change
        real = self.record()['runs'][0]['figures']['MI-5 pages sent']
        self.edit(raise_recorded(96))
        self.run_it(0, '--baseline', 'base.json')
        self.edit(raise_recorded(94))
        self.assertIn('WORSE     MI-5 pages sent', self.run_it(1, '--baseline', 'base.json'))
        out = self.run_it(1, '--baseline', 'base.json', '--tolerance', '1%')
        self.assertTrue(out.endswith(' --baseline base.json --tolerance 1%\n'), out)
        self.run_it(0, '--baseline', 'base.json', '--tolerance', '10%')
        self.edit(raise_recorded(200))
        self.assertIn('better    MI-5 pages sent', self.run_it(0, '--baseline', 'base.json'))

    def test_a_figure_may_have_a_tolerance_of_its_own_and_keeps_it(self):
        pages = self.record()['runs'][0]['figures']['MI-5 pages sent']
        def change(data):
            data['tolerance'] = '1%'
            figures = data['runs'][0]['figures']
            figures['MI-5 pages sent'] = {'value': pages - 100, 'tolerance': 100}
            figures['MI-5 downtime'] = {'value': '1ns', 'tolerance': '1s'}
        self.edit(change)
        self.run_it(0, '--baseline', 'base.json')
        figures = self.record()['runs'][0]['figures']
        self.assertEqual(figures['MI-5 pages sent'], {'value': pages, 'tolerance': 100})
        self.assertEqual(figures['MI-5 downtime']['tolerance'], '1s')
        self.edit(lambda data: data['runs'][0]['figures'].update(
            {'MI-5 pages sent': {'value': pages - 101, 'tolerance': 100}}))
        self.run_it(1, '--baseline', 'base.json')

    def test_runs_of_other_seeds_and_values_stand_beside_each_other(self):
        self.record()
        self.record('--seed', '2')
        data = self.record('--set', SLOWER)
        self.assertEqual(len(data['runs']), 3)
        self.run_it(0, '--baseline', 'base.json', '--seed', '2')
        text = self.expect_mistake('run', 's.yaml', *SHORT, '--seed', '3', '--baseline',
                                   'base.json', begins='--baseline base.json: has nothing of '
                                   'quickstart, seed 3')
        self.assertIn('it has quickstart, seed 1', text)

    def test_a_figure_that_is_gone_is_undecided_and_a_new_one_is_told(self):
        self.record()
        def change(data):
            figures = data['runs'][0]['figures']
            figures['MI-99 width'] = 12
            del figures['MI-5 rounds']
        self.edit(change)
        out = self.run_it(4, '--baseline', 'base.json')
        self.assertIn('  gone      MI-99 width: recorded 12, not measured in this run\n', out)
        self.assertRegex(out, r'\n  new       MI-5 rounds: \d+, not recorded\n')

    def test_another_scenario_s_baseline_is_a_mistake(self):
        self.record()
        self.write('other.yaml', QUICKSTART.read_text().replace('scenario: quickstart',
                                                                'scenario: other'))
        self.expect_mistake('run', 'other.yaml', '--baseline', 'base.json',
                            begins='--baseline base.json: is not of scenario other; it is of '
                            'quickstart$')

    def test_a_damaged_file_is_one_line_with_its_place(self):
        self.record()
        good = (self.folder / 'base.json').read_text()
        lines = good.splitlines(keepends=True)
        for name, text, begins in (
                ('cut', ''.join(lines[:12]), r'bad\.json:\d+:\d+: not JSON: '),
                ('empty', '', r'bad\.json:1:1: '),
                ('list', '[]', r'bad\.json:1:1: '),
                ('text', 'hello', r'bad\.json:1:1: '),
                ('bytes', '\x00\x01', r'bad\.json:1:1: '),
                ('version', good.replace('"hvsim-baseline": 1', '"hvsim-baseline": 2'),
                 r'bad\.json:2:21: this hvsim reads version 1'),
                ('percent', good.replace('"5%"', '"five"'), r'bad\.json:3:16: `five` is not'),
                ('value', re.sub(r'"virtual time": "[^"]*"', '"virtual time": "-7"', good),
                 r'bad\.json:\d+:\d+: `-7` is neither'),
                ('twice', good.replace('"MI-5 rounds"', '"MI-5 pages sent"'),
                 r'bad\.json:\d+:\d+: `MI-5 pages sent` again'),
                ('word', good.replace('"figures"', '"fugures"'), r'bad\.json:9:7: a run has no '
                 '`fugures`'),
                ('missing', good.replace('      "seed": 1,\n', ''), r'bad\.json:5:5: there is no '
                 '`seed`')):
            with self.subTest(name):
                self.write('bad.json', text)
                self.expect_mistake('run', 's.yaml', '--baseline', 'bad.json', begins=begins)
                self.expect_mistake('run', 's.yaml', '--record-baseline', 'bad.json',
                                    begins=begins)
        for end in range(len(good) - 3):  # cut anywhere: never a crash, always one line
            if end % 40 == 0:
                self.write('bad.json', good[:end])
                self.expect_mistake('run', 's.yaml', '--baseline', 'bad.json', begins=r'bad\.json:')

    def test_mistakes_cost_one_line(self):
        self.write('base.json', '{"hvsim-baseline": 1, "tolerance": "5%", "runs": []}')
        for arguments, begins in (
                (('--baseline', 'none.json'), '--baseline none.json: cannot be read: No such file'),
                (('--baseline', '.'), '--baseline .: is a directory'),
                (('--baseline', 'base.json', '--tolerance', '5'), '--tolerance 5: is not a perc'),
                (('--baseline', 'base.json', '--tolerance', '-5%'), '--tolerance -5%: is not a'),
                (('--baseline', 'base.json', '--tolerance', '101%'), '--tolerance 101%: is not a'),
                (('--tolerance', '5%'), '--tolerance is for --baseline'),
                (('--baseline', 'base.json', '--record-baseline', 'b.json'),
                 '--baseline and --rec'),
                (('--record-baseline', '.'), '--record-baseline .: is a directory'),
                (('--record-baseline', 'no/b.json'), '--record-baseline no/b.json: there is no f'),
                (('--record-baseline', 'b.json', '--plant', 'migration.forgets-final-set'),
                 '--record-baseline: not of a run with a planted bug'),
                (('--baseline', 'base.json'), '--baseline base.json: is not of scenario '
                 'quickstart; it is empty')):
            with self.subTest(arguments):
                self.expect_mistake('run', 's.yaml', *arguments, begins=begins)

    def test_a_run_that_fails_is_not_recorded(self):
        before = self.record()
        result = self.expect_code(1, 'run', 's.yaml', '--quiet', *SHORT, '--set',
                                  'expect.0.migrations-completed=2', '--record-baseline',
                                  'base.json')
        self.assertIn(b'nothing was recorded, because quickstart does not hold',
                      result.stderr)
        self.assertEqual(json.loads((self.folder / 'base.json').read_text()), before)

    def test_a_full_disk_leaves_the_old_file_alone(self):
        before = self.record()
        limits = ('bash', '-c', 'ulimit -f 0; trap "" XFSZ; exec "$@"', '-')
        result = self.hvsim('run', 's.yaml', '--quiet', *SHORT, '--seed', '5',
                            '--record-baseline', 'base.json', prefix=limits)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(result.stderr.count(b'\n'), 1, result.stderr)
        self.assertEqual(json.loads((self.folder / 'base.json').read_text()), before)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ['base.json', 's.yaml'])

    def test_programs_read_it_too(self):
        self.record()
        self.slow_down()
        report, = json.loads(self.run_it(1, '--baseline', 'base.json', '--format', 'json'))
        states = {one['figure']: one['state'] for one in report['baseline']['figures']}
        self.assertEqual(states['MI-5 downtime'], 'worse')
        self.assertIn('within', states.values())
        mi5 = next(one for one in report['properties'] if one['property'] == 'MI-5')
        self.assertGreater(mi5['figures']['downtime ns'], 0)
        suite = xml.etree.ElementTree.fromstring(
            self.run_it(1, '--baseline', 'base.json', '--format', 'junit'))[0]
        cases = {case.get('name'): case for case in suite.findall('testcase')}
        self.assertEqual(len(cases), int(suite.get('tests')))
        self.assertIsNotNone(cases['baseline: MI-5 downtime'].find('failure'))
        self.assertIsNotNone(cases['baseline: virtual time'].find('failure'))
        self.assertEqual(len(suite.findall('testcase/failure')), int(suite.get('failures')))


if __name__ == '__main__':
    main()
