"""docs/finding-bugs.md: every transcript on it is what its command prints, figures apart.

    finding_bugs_page_test.py HVSIM ROOT --record      writes the transcripts anew
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'cli'))

from support import HVSIM, PATIENCE, ROOT, Case, main  # noqa: E402

PAGE = ROOT / 'docs/finding-bugs.md'
BLOCK = re.compile(r'```console\n\$ (?P<command>.*)\n(?P<output>(?:(?!```).*\n)*)```')


def output_of(command, folder):
    """What a shell in that folder prints."""
    if not (folder / 'bin').exists():
        (folder / 'bin').mkdir()
        (folder / 'bin/hvsim').symlink_to(HVSIM)
        (folder / 'scenarios').symlink_to(ROOT / 'scenarios')
    result = subprocess.run(command, shell=True, cwd=folder, check=False, timeout=PATIENCE,
                            capture_output=True,
                            env={**os.environ, 'PATH': f'{folder}/bin:{os.environ["PATH"]}'})
    return result.stdout.decode() + result.stderr.decode()


def plain(text):
    """Without figures, and with one blank in place of several."""
    lines = [' '.join(re.sub(r'\d+(\.\d+)?', '#', line).split()) for line in text.splitlines()]
    return '\n'.join(re.sub(r'\b#[0-9a-f#]*\b', '#', line) for line in lines)


class FindingBugs(Case):
    """The commands build on each other, so they run in one folder, in their order."""

    def test_the_page_shows_real_runs(self):
        """All of its transcripts."""
        blocks = list(BLOCK.finditer(PAGE.read_text()))
        self.assertGreater(len(blocks), 5)
        self.maxDiff = None
        for block in blocks:
            with self.subTest(block['command']):
                self.assertTrue(block['output'])
                printed = output_of(block['command'], self.folder)
                self.assertEqual(shape(block['output']), shape(printed))


def shape(text):
    """Hashes and figures are those of one build."""
    return plain(re.sub(r'\b[0-9a-f]{16,}\b', '#', text))


def record():
    """Runs the commands and puts what they print into the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        PAGE.write_text(BLOCK.sub(
            lambda block: f'```console\n$ {block["command"]}\n'
                          f'{output_of(block["command"], folder)}```', PAGE.read_text()))


if __name__ == '__main__':
    if sys.argv[3:] == ['--record']:
        record()
    else:
        main()
