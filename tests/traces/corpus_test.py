"""The corpus holds, and its check notices what does not belong."""

import pathlib
import shutil
import sys
import tempfile
import unittest

from corpus import Corpus

HVSIM = sys.argv[1]
FOLDER = pathlib.Path(sys.argv[2]) / 'traces/corpus'
SAMPLE = 'bounds-and-invited-trouble'


class TheCorpus(unittest.TestCase):
    """As it stands in the tree."""

    def test_holds_and_replays(self):
        self.assertEqual(Corpus(HVSIM, FOLDER).check(), [])

    def test_is_not_empty(self):
        self.assertGreaterEqual(len(list(FOLDER.glob('*.yaml'))), 9)
        self.assertGreaterEqual(len(list(FOLDER.glob('*.trace'))), 6)


class TheCheck(unittest.TestCase):
    """On a corpus of one scenario and its trace, with something wrong about it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='hvsim-corpus-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for suffix in ('.yaml', '.trace'):
            shutil.copy(FOLDER / (SAMPLE + suffix), self.folder)
        self.corpus = Corpus(HVSIM, self.folder)
        self.scenario = self.folder / (SAMPLE + '.yaml')

    def change(self, old, new):
        """Of the scenario's text."""
        text = self.scenario.read_text()
        self.assertIn(old, text)
        self.scenario.write_text(text.replace(old, new))

    def expect(self, *parts):
        """One complaint with these parts."""
        wrong = self.corpus.check()
        self.assertEqual(len(wrong), 1, wrong)
        for part in parts:
            self.assertIn(part, wrong[0])

    def test_is_content_with_a_sound_one(self):
        self.assertEqual(self.corpus.check(), [])

    def test_refuses_files_that_it_does_not_know(self):
        (self.folder / 'notes.txt').write_text('hello')
        self.expect('notes.txt: neither')

    def test_refuses_folders(self):
        (self.folder / 'more.yaml').mkdir()
        self.expect('more.yaml: neither')

    def test_wants_to_know_what_was_wrong(self):
        (self.folder / (SAMPLE + '.trace')).unlink()
        self.change('# Fixed by: ', '# ')
        self.expect('the second `# Fixed by: `')

    def test_notices_a_property_that_breaks(self):
        (self.folder / (SAMPLE + '.trace')).unlink()
        self.change('runs-on: beta', 'runs-on: alpha')
        self.expect(f'{SAMPLE}.yaml: exit code 1', 'VIOLATED  runs-on')

    def test_notices_another_scenario_than_the_trace_s(self):
        self.change('at: 100ms', 'at: 101ms')
        self.expect(f'{SAMPLE}.trace: is of another', '--record')

    def test_notices_a_trace_without_a_scenario(self):
        (self.folder / (SAMPLE + '.trace')).rename(self.folder / 'other.trace')
        self.expect('other.trace: there is no scenario other.yaml')

    def test_notices_a_damaged_trace(self):
        trace = self.folder / (SAMPLE + '.trace')
        trace.write_bytes(trace.read_bytes()[:-40])
        self.expect(f'{SAMPLE}.trace: exit code 2')

    def test_records_anew_what_was_meant_to_change(self):
        self.change('at: 100ms', 'at: 101ms')
        self.assertEqual(self.corpus.record([]), [])
        self.assertEqual(self.corpus.check(), [])
        self.assertEqual(len(list(self.folder.iterdir())), 2)

    def test_keeps_the_old_trace_when_a_property_breaks(self):
        before = (self.folder / (SAMPLE + '.trace')).read_bytes()
        self.change('runs-on: beta', 'runs-on: alpha')
        wrong = self.corpus.record([])
        self.assertEqual(len(wrong), 1)
        self.assertIn('not recorded, exit code 1', wrong[0])
        self.assertEqual((self.folder / (SAMPLE + '.trace')).read_bytes(), before)
        self.assertEqual(len(list(self.folder.iterdir())), 2)
        self.assertIn('there is no none.yaml', self.corpus.record(['none'])[0])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
