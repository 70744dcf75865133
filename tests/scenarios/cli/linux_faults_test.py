"""A Linux server under load whose migration meets a fault: a host dies or the network is cut, in
each phase. What must be right afterwards is the specification's (spec G.2): before the durable
commit the VM belongs to the source, after it to the target, and it lives as long as its owner does.

Each run is `linux-owner-restarts.yaml` with another fault. A keeper that loses its host is started
again when the host is back; it replays its journal, and the client that had lost it goes on.

What is accepted of the keeper's disk:
- When its guest put it away, Debian's `e2fsck -fn` finds nothing at all.
- As it is when the power goes, on a copy of which `e2fsck -E journal_only` has replayed the
  journal, and done nothing else, `e2fsck -fn` finds nothing at all.

The tests of `Some` run with all others; those of `All` with `./dev linux`. Needs the images that
`./dev images` makes.
"""

import json
import os
import re
import shutil
import subprocess
import unittest

import support

SCENARIO = support.LIBRARY / 'linux-owner-restarts.yaml'
IMAGES = support.HVSIM.parent / 'images'
PATIENCE = 1200
# Tools of file systems lie where not every user looks.
PATH = os.environ['PATH'] + ':/usr/sbin:/sbin'

# When the fault strikes.
PHASES = {
    'preflight': 'when: {event: migration.phase, phase: preflight}, after: 10us',
    'setup': 'when: {event: migration.phase, phase: setup}, after: 10us',
    'precopy': 'when: {event: migration.phase, phase: precopy}, after: 20ms',
    'stop_and_copy': 'when: {event: migration.phase, phase: stop_and_copy}, after: 60us',
    'handover': 'when: {event: migration.phase, phase: handover}, after: 20us',
    'commit': 'when: {event: migration.phase, phase: commit}, after: 300us',
    'ceded': 'when: {event: migration.commit, step: ceded}, after: 100us',
    'resume': 'when: {event: migration.phase, phase: resume}, after: 5us',
    'cleanup': 'when: {event: migration.commit, step: acknowledged}, after: 200us',
}
TROUBLES = {
    'source': 'kill-host: alpha, lasts: 500ms',
    'target': 'kill-host: beta, lasts: 500ms',
    'link': 'cut-link: migration, lasts: 1s',
}
# When the VM's owner is the host that dies. The commit takes two flushes: 300 us after its phase
# began the source has not ceded the VM yet; 100 us after it has, the target is about to commit,
# which a source that dies does not keep it from.
DIES = {
    'source': ('preflight', 'setup', 'precopy', 'stop_and_copy', 'handover', 'commit'),
    'target': ('resume', 'cleanup'),
    'link': (),
}


def dies(trouble, phase):
    return phase in DIES[trouble]


def scenario_of(trouble, phase, again=True):
    """The library's scenario with another fault. A keeper that dies is started again, or not."""
    text = SCENARIO.read_text(encoding='utf-8').split('\ntimeline:\n')[0]
    lines = [text, 'timeline:', '  - {at: 9860ms, move-vm: keeper, to: beta}']
    if again and dies(trouble, phase):
        lines += ['  - {at: 12500ms, start-vm: keeper}']
    lines += ['faults:', f'  - {{{PHASES[phase]}, {TROUBLES[trouble]}}}',
              'expect:', '  - survives-with-owner: true']
    return '\n'.join(lines) + '\n'


@unittest.skipUnless((IMAGES / 'vmlinuz-6.1-cloud').exists(),
                     f'no Debian kernel in {IMAGES}: ./dev images fetches it')
@unittest.skipUnless(shutil.which('e2fsck', path=PATH), 'no e2fsck: package e2fsprogs')
class Faults(support.Case):
    """How one run is judged."""

    def run_one(self, trouble, phase):
        self.write('one.yaml', scenario_of(trouble, phase))
        done = self.expect_code(0, 'run', 'one.yaml', '--disk-images', '.', '--trace', 'one.trace',
                                patience=PATIENCE)
        output = done.stdout.decode()
        self.assertRegex(output, r'holds +faults-struck ')
        self.expect_finished(output)
        self.e2fsck('-fn', 'keeper-disk.raw')
        if dies(trouble, phase):
            self.expect_recovered(output)
            self.expect_sound_when_the_power_goes(trouble, phase)
        else:
            self.assertNotIn('guest: lost the keeper', output)
            self.assertEqual(self.says(output, 'keeper').count('guest: serving'), 0, output)

    def expect_finished(self, output):
        """The client got all it wanted, right, and the guests put everything away."""
        client, keeper = self.says(output, 'client'), self.says(output, 'keeper')
        self.assertIn('guest: all 12 acknowledged writes are there', client, output)
        self.assertTrue([line for line in client if re.match(r'guest: [1-9]\d* large files', line)])
        self.assertIn('guest: the file system is clean', keeper, output)
        for line in client + keeper:
            self.assertNotRegex(line, 'wrong|damaged|failed|is answered with|ran back by')

    def expect_recovered(self, output):
        """The client says that it lost its server, and that it has it again."""
        client, keeper = self.says(output, 'client'), self.says(output, 'keeper')
        lost = [n for n, line in enumerate(client) if line.startswith('guest: lost the keeper')]
        self.assertEqual(len(lost), 1, output)
        self.assertLess(lost[0], client.index('guest: the keeper is back'))
        self.assertIn('guest: files are as they were', keeper)
        # Once when it had the journal replayed, once when it had finished.
        self.assertEqual(keeper.count('guest: the file system is clean'), 2, output)

    def expect_sound_when_the_power_goes(self, trouble, phase):
        shown = self.expect_code(0, 'trace', 'show', 'one.trace', '--json', '--type', 'node.killed')
        [killed] = [json.loads(line)['time_ns'] for line in shown.stdout.splitlines()]
        end = f'end={killed + 1_000_000}ns'
        (self.folder / 'power').mkdir()
        self.write('power.yaml', scenario_of(trouble, phase, again=False))
        self.expect_code(0, 'run', 'power.yaml', '--set', end, '--disk-images', 'power', '--quiet',
                         patience=PATIENCE)
        image = 'power/keeper-disk.raw'
        self.e2fsck('-y', '-E', 'journal_only', image)
        self.e2fsck('-fn', image)

    def e2fsck(self, *arguments):
        done = subprocess.run(['e2fsck', *arguments], cwd=self.folder, capture_output=True,
                              check=False, env={**os.environ, 'PATH': PATH})
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())

    @staticmethod
    def says(output, vm):
        return re.findall(rf'^ *[\d.]+ ms  \S+ +{vm} says: (.*)$', output, re.M)


class Some(Faults):
    """One of each kind."""


class All(Faults):
    """Every trouble in every phase."""


def add_tests():
    for trouble in TROUBLES:
        for phase in PHASES:
            def holds(self, trouble=trouble, phase=phase):
                self.run_one(trouble, phase)
            name = f'test_{trouble}_in_{phase}'
            setattr(All, name, holds)
            if (trouble, phase) in SAMPLE:
                setattr(Some, name, holds)


SAMPLE = [('link', 'stop_and_copy'), ('source', 'commit'), ('target', 'handover'),
          ('target', 'ceded')]
add_tests()

if __name__ == '__main__':
    support.main()
