"""Every planted bug is caught by the property that it names; the printed command shows it again.

The default is a run of a model guest, which costs little; for a bug that it does not reach, the
table names what does, or `plants/` has a run that an exploration found.
"""

import functools
import re

import support

QUICKSTART = support.QUICKSTART
MODEL = support.LIBRARY / 'explore-model.yaml'
REAL = support.LIBRARY / 'explore-real.yaml'
STORAGE = support.LIBRARY / 'explore-storage.yaml'
NETWORK = support.LIBRARY / 'network-migration.yaml'
SERVICES = support.LIBRARY / 'integration-services.yaml'
CALLS = support.LIBRARY / 'hypercalls.yaml'
FORBIDDEN = support.LIBRARY / 'forbidden.yaml'
HERE = support.ROOT / 'tests/scenarios/cli'

# So much I/O that some of it is on its way whenever something happens.
BUSY = ('--set', 'vms.web.guest.disk-interval=100us', '--set', 'vms.web.guest.blocks-per-write=64',
        '--set', 'end=800ms')

# plant: (scenario, options)
REACHED_BY = {
    # Only a migration that does not converge meets the limit.
    'migration.ignores-round-limit': (support.LIBRARY / 'memory-hungry.yaml', ()),
    # Only a migration that is aborted has a skeleton to take down.
    'migration.leaves-skeleton': (HERE / 'aborted.yaml', ()),
    # Only a loss of power tells a cache from a disk.
    'disk.flush-lies': (HERE / 'power-loss.yaml', ()),
    'storage.flush-does-nothing': (HERE / 'power-loss.yaml', ()),
    'storvsp.lying-flush': (HERE / 'power-loss.yaml', ()),
    # A block must be read, written and read again.
    'storage.stale-read': (QUICKSTART, BUSY),
    # Something must be in flight when the VM is suspended.
    'migration.quiesces-late': (QUICKSTART, (*BUSY, '--set', 'vms.web.guest.flush-every=4')),
    # Only a host that comes back reads its records.
    'migration.boot-overlooks-arrivals': (support.LIBRARY / 'owner-restarts.yaml', ()),
    # Only a VM that is turned off leaves a disk behind.
    'worker.keeps-disks': (support.LIBRARY / 'turned-off.yaml', ()),
    'migration.one-round-too-many': (support.LIBRARY / 'memory-hungry.yaml', ()),
    # Much I/O on a small disk, so that the rings wrap often.
    'memory.log-skips-host-writes': (STORAGE, ()),
    'vmbus.read-index-at-end': (STORAGE, ()),
    'vmbus.read-loses-wrapped-tail': (STORAGE, ()),
    # Every heartbeat must be answered, which explorations do not ask for.
    'heartbeat.before-negotiation': (QUICKSTART, ()),
    # Of adapters and switches.
    'netvsp.loses-frame': (NETWORK, ('--set', 'end=1500ms')),
    **{plant: (NETWORK, ()) for plant in (
        'netvsp.reuses-section', 'netvsp.completes-twice', 'netvsp.damages-sent',
        'netvsp.damages-received', 'netvsp.sends-twice', 'netvsp.hears-everything',
        'vswitch.lets-forged-pass')},
    # Of what a host asks a guest.
    'kvp.size-without-end': (SERVICES, ()),
    'storvsp.serves-early': (SERVICES, ()),
    'vmbus.contact-keeps-channels': (SERVICES, ()),
    # Only old hosts have the page.
    'vmbus.tells-the-neighbour': (support.LIBRARY / 'old-hosts.yaml', ()),
    'vmbus.mute-unload': (SERVICES, ('--set', 'platform=current', '--set', 'end=3s')),
    'vmbus.unload-answers-first': (SERVICES, ('--set', 'platform=current')),
    # Of what a guest asks its hypervisor.
    **{plant: (CALLS, ()) for plant in (
        'core.buffers-without-end', 'core.continuation-repeats', 'core.msr-privilege-ignored',
        'core.privilege-ignored', 'core.timer-lost-on-resume', 'core.timer-stays-enabled')},
    'core.hypercall-page-without-identity': (FORBIDDEN, ()),
    'core.intercept-halts': (FORBIDDEN, ()),
    # A guest that hears nothing is judged when it is moved.
    'core.event-page-unseen': (QUICKSTART, ()),
    # What one run leaves behind, only a second run in the same process can show.
    'runner.leaks-between-runs': (QUICKSTART, ('--twice',)),
}
# What only a processor with instructions of its own does, or does often enough.
REAL_GUEST = {
    'core.overlay-writes-through', 'core.reference-page-drifts', 'core.reference-page-writable',
    'core.restore-forgets-event-page', 'core.restore-forgets-hypercall-page',
    'core.rights-ignored', 'core.save-forgets-idle-time', 'memory.log-cuts-at-word',
    'memory.log-skips-overlays', 'memory.start-keeps-generation', 'vmbus.extra-signal',
    'vmbus.restore-forgets-doorbell',
}
# Not deterministic is an exit code of its own.
EXIT_CODES = {'MG-3': 3}


def plants():
    """(name, property) of every planted bug."""
    listed = support.hvsim('list', 'plants', cwd=support.ROOT).stdout.decode().splitlines()
    return [(line.split()[0], support.property_of(line)) for line in listed]


PLANTS = plants()


class Plants(support.Case):
    """One test per planted bug."""

    def test_the_table_names_bugs_that_exist(self):
        """A renamed plant must not lose its scenario."""
        found = {path.name.removesuffix('.yaml') for path in (HERE / 'plants').glob('*.yaml')}
        named = set(REACHED_BY) | REAL_GUEST | found
        self.assertLessEqual(named, {name for name, _ in PLANTS})

    def test_there_are_plants(self):
        """The tests below are made from the list."""
        self.assertGreater(len(PLANTS), 140)

    def test_every_checker_has_a_bug_that_it_must_catch(self):
        """A checker that nobody can make fail proves nothing."""
        listed = support.hvsim('list', 'checkers', cwd=support.ROOT).stdout.decode().splitlines()
        numbered = {line.split()[0] for line in listed if re.match(r'[A-Z]{2}-\d', line)}
        self.assertGreater(len(numbered), 60)
        self.assertLessEqual(numbered | {'twin-equal'}, {prop for _, prop in PLANTS})

    def caught(self, plant, prop):
        """Its property is violated; once more from the printed command; and not without the bug."""
        scenario, options = reached_by(plant)
        code = EXIT_CODES.get(prop, 1)
        violated = re.compile(rf'^  VIOLATED +{prop} ', re.M)
        out = self.expect_code(code, 'run', scenario, *options, '--plant', plant,
                               '--quiet').stdout.decode()
        self.assertRegex(out, violated)
        last = out.splitlines()[-1]
        self.assertRegex(last, r'^again: hvsim run ')
        self.assertIn(f' --plant {plant}', last)
        again = support.run_line(last.removeprefix('again: '), self.folder)
        self.assertEqual(again.returncode, code, again.stderr.decode())
        # The command tells the story too; the properties and the hash are the same to the letter.
        self.assertTrue(again.stdout.decode().endswith(out), again.stdout.decode()[-1500:])
        self.assertNotRegex(without_plant(scenario, options), violated)


def reached_by(plant):
    """(scenario, options) of a run in which the bug is caught."""
    found = HERE / 'plants' / (plant + '.yaml')
    if plant in REACHED_BY:
        return REACHED_BY[plant]
    if found.exists():
        return (found, ())
    return (REAL if plant in REAL_GUEST else MODEL, ())


@functools.lru_cache(maxsize=None)
def without_plant(scenario, options):
    """The same run without the bug."""
    result = support.hvsim('run', scenario, *options, '--quiet', cwd=support.ROOT)
    # Undecided, where a fault of the found run struck that a twin cannot repeat.
    expected = (1,) if '--plant' in options else (0, 4)
    assert result.returncode in expected, result.stdout.decode() + result.stderr.decode()
    return result.stdout.decode()


def add_tests():
    """A test method for every plant."""
    for name, prop in PLANTS:
        method = 'test_' + re.sub(r'\W', '_', name)
        assert not hasattr(Plants, method), name
        setattr(Plants, method,
                lambda self, name=name, prop=prop: self.caught(name, prop))


add_tests()

if __name__ == '__main__':
    support.main()
