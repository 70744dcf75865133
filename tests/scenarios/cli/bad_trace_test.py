"""Damaged and foreign traces: one line on stderr, exit code 2 and nothing written."""

import random

import support

VERSION_AT = 8  # behind the magic; traces/file.hpp
DIGEST_AT = 12
READERS = (('trace', 'stat'), ('trace', 'show'), ('check',), ('replay',))


class BadTrace(support.Case):
    """Each test damages copies of one short trace."""

    trace = b''

    def setUp(self):
        super().setUp()
        if not BadTrace.trace:
            # What it says of the properties does not matter here.
            self.hvsim('run', support.QUICKSTART, '--set', 'end=30ms', '--set',
                       'timeline.0.at=25ms', '--quiet', '--trace', 'a.trace')
            BadTrace.trace = (self.folder / 'a.trace').read_bytes()

    def refuse(self, data, readers=READERS, mentions=''):
        """No reader takes this file."""
        self.write('bad.trace', data)
        for reader in readers:
            with self.subTest(reader=reader):
                if reader == ('trace', 'show'):
                    # It prints events while it reads; those before the damage were sound.
                    result = self.expect_code(2, *reader, 'bad.trace')
                    complaint = result.stderr.decode()
                    self.assertEqual(complaint.count('\n'), 1)
                    self.assertTrue(complaint.startswith('bad.trace: '), complaint)
                    self.assertIn(mentions, complaint)
                else:
                    self.expect_mistake(*reader, 'bad.trace', begins=r'bad\.trace: ',
                                        mentions=mentions)

    def test_the_whole_trace_is_read_by_all(self):
        """Otherwise the tests below would pass for another reason."""
        self.write('good.trace', self.trace)
        self.expect_code(0, 'trace', 'stat', 'good.trace')
        self.expect_code(0, 'trace', 'show', 'good.trace')
        self.expect_code(0, 'replay', 'good.trace')

    def test_a_flipped_bit_is_noticed_wherever_it_is(self):
        """60 places, drawn from a seed, and the borders."""
        draw = random.Random(4711)
        size = len(self.trace)
        places = [0, VERSION_AT, DIGEST_AT, 28, 29, 33, 37, size - 1]
        places += [draw.randrange(size) for _ in range(52)]
        for number, place in enumerate(places):
            damaged = bytearray(self.trace)
            damaged[place] ^= 1 << draw.randrange(8)
            with self.subTest(byte=place):
                self.refuse(damaged, [READERS[number % len(READERS)]])

    def test_a_truncated_trace_is_noticed_wherever_it_ends(self):
        """40 lengths, drawn from a seed, and the borders."""
        draw = random.Random(4712)
        size = len(self.trace)
        lengths = [0, 1, VERSION_AT, DIGEST_AT, 28, size - 1]
        lengths += [draw.randrange(size) for _ in range(34)]
        for number, length in enumerate(lengths):
            with self.subTest(length=length):
                self.refuse(self.trace[:length], [READERS[number % len(READERS)]])

    def test_bytes_behind_the_end_are_noticed(self):
        """A trace ends behind its footer."""
        self.refuse(self.trace + b'\0')
        self.refuse(self.trace + self.trace)

    def test_another_schema_version_is_refused_by_name(self):
        """The complaint says which version it is and which one this build reads."""
        version = int.from_bytes(self.trace[VERSION_AT:DIGEST_AT], 'little')
        for other in (version + 1, 0, 0xffffffff):
            damaged = bytearray(self.trace)
            damaged[VERSION_AT:DIGEST_AT] = other.to_bytes(4, 'little')
            self.refuse(damaged, mentions=str(other))
            self.refuse(damaged, mentions=f'{version}')

    def test_the_same_version_with_another_schema_is_refused(self):
        """A developer who forgot to count the version up."""
        damaged = bytearray(self.trace)
        damaged[DIGEST_AT] ^= 1
        self.refuse(damaged, mentions='schema')

    def test_things_that_are_no_traces(self):
        """A scenario, nothing, a folder, no file."""
        for content in (support.QUICKSTART.read_bytes(), b'', b'\0' * 4096):
            self.refuse(content)
        (self.folder / 'folder').mkdir()
        for reader in READERS:
            self.expect_mistake(*reader, 'folder', begins='folder: ')
            self.expect_mistake(*reader, 'none.trace', begins=r'none\.trace: ')

    def test_both_sides_of_a_comparison_are_checked(self):
        """trace diff reads two files."""
        self.write('good.trace', self.trace)
        self.write('bad.trace', self.trace[:-1])
        for pair in (('good.trace', 'bad.trace'), ('bad.trace', 'good.trace')):
            self.expect_mistake('trace', 'diff', *pair, begins=r'bad\.trace: ')


if __name__ == '__main__':
    support.main()
