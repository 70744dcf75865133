"""The example for CI: it is YAML, and its commands are commands that exist and do what it says."""

import re
import shlex
import shutil

import support

WORKFLOW = support.ROOT / '.github/workflows/explore.yml'


def lines_of(text):
    """What the steps run, by words."""
    return [shlex.split(line) for line in re.findall(r'^ +run: (.*)$', text, re.M)]


class Workflow(support.Case):
    """The file as it stands."""

    def setUp(self):
        super().setUp()
        self.text = WORKFLOW.read_text()

    def commands(self, *start):
        """The lines that start so."""
        return [line for line in lines_of(self.text) if tuple(line[:len(start)]) == start]

    def test_is_yaml(self):
        """Read by Python's library where that is there, and by ours."""
        # A YAML file that is no scenario: what is wrong with it begins at its first key.
        self.write('workflow.yaml', self.text)
        text = self.expect_mistake('run', 'workflow.yaml', begins=r'workflow\.yaml:\d+:1: ')
        self.assertIn('unknown key `name`', text)
        try:
            import yaml  # pylint: disable=import-outside-toplevel
        except ImportError:
            return
        jobs = yaml.safe_load(self.text)['jobs']
        for job in jobs.values():
            for step in job['steps']:
                self.assertTrue('run' in step or 'uses' in step, step)

    def test_calls_nothing_that_is_not_there(self):
        for line in lines_of(self.text):
            self.assertIn(line[0], ('apt-get', './dev', 'build/hvsim'))
        for line in self.commands('./dev'):
            self.assertIn(f'./dev {line[1]} ', (support.ROOT / 'dev').read_text())

    def test_explores_with_a_report_annotations_and_artifacts(self):
        """The very line, with one seed; paths as on a clean clone."""
        line, = self.commands('build/hvsim', 'explore')
        self.assertIn('scenarios/library/', line)
        shutil.copytree(support.LIBRARY, self.folder / 'scenarios/library')
        time = line.index('--time')
        self.assertRegex(line[time + 1], r'^\d+min$')
        line[time:time + 2] = ['--seeds', '1', '--jobs', '2', '--no-mutants']
        done = self.expect_code(0, *line[1:], env={'GITHUB_ACTIONS': 'true'})
        self.assertIn(b'no violation found', done.stdout)
        artifacts = self.text.rsplit('path: |\n', 1)[1].split()
        for name in ('explore.xml', 'results.db'):
            self.assertTrue((self.folder / name).exists())
            self.assertIn(name, artifacts)
        self.assertEqual(line[line.index('--findings') + 1] + '/', artifacts[-1])

    def test_runs_scenarios_of_the_library(self):
        line, = self.commands('build/hvsim', 'run')
        out = line.index('>')
        self.assertIn(f'path: {line[out + 1]}\n', self.text)
        arguments = [support.ROOT / word if word.endswith('.yaml') else word
                     for word in line[1:out]]
        self.assertIn(b'<testsuites>', self.expect_code(0, *arguments).stdout)


if __name__ == '__main__':
    support.main()
