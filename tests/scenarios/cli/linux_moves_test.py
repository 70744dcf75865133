"""Linux guests that are moved under load, at one of the instants that an exploration draws."""

import re
import unittest

import support

DISK = support.LIBRARY / 'linux-moves-disk.yaml'
NETWORK = support.LIBRARY / 'linux-moves-network.yaml'
IMAGES = support.HVSIM.parent / 'images'
PATIENCE = 1200


@unittest.skipUnless((IMAGES / 'vmlinuz-6.1-cloud').exists(),
                     f'no Debian kernel in {IMAGES}: ./dev images fetches it')
class Moves(support.Case):
    def run_one(self, code, *arguments):
        return self.expect_code(code, 'run', *arguments, patience=PATIENCE).stdout.decode()

    def expect_clock(self, output):
        """It was judged between the moves and after them."""
        found = re.search(r'holds +clock-within .*: at most ([\d.]+) ms in (\d+) of', output)
        self.assertTrue(found, output)
        self.assertLess(float(found[1]), 1)
        self.assertGreater(int(found[2]), 10)
        # Of a guest that began with a saved state, too.
        self.assertRegex(output, r'holds +IC-6 .*, 2 moves')

    def test_guest_that_writes_equals_its_twin_and_knows_the_time(self):
        output = self.run_one(0, DISK)
        self.assertRegex(output, r'holds +twin-equal .*: [1-9]\d* digests compared')
        self.expect_clock(output)

    def test_server_loses_no_acknowledged_write_and_knows_the_time(self):
        self.expect_clock(self.run_one(0, NETWORK))

    def test_clock_that_nobody_sets_after_a_pause_is_found(self):
        output = self.run_one(1, NETWORK, '--plant', 'timesync.forgets-after-pause', '--quiet')
        self.assertRegex(output, r'VIOLATED +clock-within ')
        self.assertRegex(output, r'the clock of VM 1 is [\d.]+ ms behind its host\'s')


if __name__ == '__main__':
    support.main()
