"""docs/architecture.md: every line of the quickstart's story has its row, every row its files."""

import re

import support

PAGE = support.ROOT / 'docs/architecture.md'
TIMED = re.compile(r'^ *\d+\.\d{3} ms  \S* +(.*)$')


def rows():
    """(first cell, last cell) of the table of the story."""
    text = PAGE.read_text().split('## The story of a run')[1].split('\n## ')[0]
    lines = [line for line in text.splitlines() if line.startswith('| ')]
    return [(cells[0], cells[-1])
            for cells in (line.strip('| ').split(' | ') for line in lines[1:])]


def pattern(said):
    """`...` stands for anything, `n` for a number, `MI-1` and `downtime-below` for their like."""
    text = re.escape(said).replace(r'\.\.\.', '.+')
    text = re.sub(r'(?<!\w)n(?!\w)', r'\\d+', text)
    text = text.replace('MI\\-1', r'[A-Z]{2}-\d+').replace('downtime\\-below', '[a-z-]+')
    return re.compile(re.sub(r'(\\ )+', ' +', text))


def names(cell):
    """The quoted parts of a cell."""
    return re.findall(r'`([^`]+)`', cell)


class Story(support.Case):
    """The page beside the run."""

    def lines(self):
        """What the run prints, without times and nodes."""
        out = self.expect_code(0, 'run', support.QUICKSTART).stdout.decode()
        for line in out.splitlines():
            timed = TIMED.match(line)
            text = timed[1] if timed else line.strip()
            if text:
                yield text

    def test_every_line_has_a_row(self):
        """And the other way round: no row is about what does not happen."""
        patterns = {said: pattern(said) for first, _ in rows() for said in names(first)}
        self.assertGreater(len(patterns), 20)
        met = set()
        for line in self.lines():
            fits = [said for said, regex in patterns.items() if regex.fullmatch(line)]
            self.assertTrue(fits, f'no row of {PAGE.name} for: {line}')
            met.update(fits)
        self.assertEqual(set(patterns) - met, set(), 'rows without a line')

    def test_every_file_is_there(self):
        """A name without a folder lies beside the one before it."""
        for first, cell in rows():
            folder = None
            self.assertTrue(names(cell), first)
            for name in names(cell):
                if '/' in name:
                    folder = (support.ROOT / name).parent
                self.assertIsNotNone(folder, name)
                path = folder / name.rsplit('/', 1)[-1]
                self.assertTrue(path.is_file(), f'{first}: {path}')

    def test_every_event_of_the_third_column_is_told(self):
        """Names of events in the table are those that story.cpp turns into lines."""
        story = (support.ROOT / 'scenarios/runner/story.cpp').read_text()
        text = PAGE.read_text().split('## The story of a run')[1].split('\n## ')[0]
        events = re.findall(r'\(`([a-z]+)\.([a-z]+)`\)', text)
        self.assertTrue(events)
        for area, word in events:
            self.assertIn(f'ev::{area.capitalize()}{word.capitalize()}>', story)


if __name__ == '__main__':
    support.main()
