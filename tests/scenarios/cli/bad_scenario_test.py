"""Every mistake in a scenario file is one line: file:line:column, what, and what would be right."""

import resource

import support

TEXT = support.QUICKSTART.read_text()
# What a user would wait for an answer; of processor time, so that a busy machine fails nothing.
SECONDS = 2.0


def changed(old, new):
    """The quickstart with one change."""
    assert TEXT.count(old) >= 1, old
    return TEXT.replace(old, new, 1)


def with_fault(text):
    """The quickstart with one entry of faults."""
    return TEXT + 'faults:\n  - ' + text.replace('\n', '\n    ') + '\n'


GUEST = TEXT[TEXT.index('    guest:\n'):TEXT.index('    disks:')]
TIMELINE = TEXT[TEXT.index('timeline:\n'):TEXT.index('expect:')]
HOSTS = TEXT[TEXT.index('hosts:\n'):TEXT.index('networks:')]

# name: (content, line:column, words of the complaint)
BAD = {
    # Not a scenario at all
    'empty file': ('', '1:1', 'empty'),
    'comments only': ('\n# nothing\n\n', '1:1', 'empty'),
    'not YAML': ('a: [1,\nb: }\n', '2:4', 'not YAML'),
    'a list': ('- a\n', '1:1', 'mapping'),
    'a word': ('hello\n', '1:1', 'mapping'),
    'second document': (TEXT + '---\na: 1\n', '49:1', 'one scenario'),
    'second document without content': (TEXT + '---\n', '49:1', 'one scenario'),
    'unknown YAML version': ('%YAML 3.0\n---\n' + TEXT, '1:1', 'not YAML'),
    'tab as indentation': (changed('    host: alpha', '\thost: alpha'), '22:2', 'not YAML'),
    'NUL byte': (changed('web', 'w\0b'), '21:4', 'control character'),
    'NUL at the start': ('\0' + TEXT, '1:1', 'control character'),
    'NUL at the end': (TEXT + '\0', '49:1', 'control character'),
    'escape sequence': (changed('platform:', '\x1b[31mred:'), '6:1', 'control character'),
    'Latin-1 in a name': (changed('quickstart\nd', 'qu\xefck\nd').encode('latin-1'), '2:13',
                          'UTF-8'),
    'Latin-1 in a comment': (('# gr\xfc\xdfe\n' + TEXT).encode('latin-1'), '1:5', 'UTF-8'),
    'UTF-16': (TEXT.encode('utf-16'), '1:1', 'UTF-8'),
    'overlong UTF-8': (b'a: \xc0\xaf\n', '1:4', 'UTF-8'),
    'surrogate in UTF-8': (b'a: \xed\xa0\x80\n', '1:4', 'UTF-8'),
    'file of 10 MB': ('# ' + 'x' * 10_000_000 + '\n' + TEXT, '1:1', 'at most 1 MiB'),
    '300,000 values': ('a: [' + '1,' * 300_000 + '1]\n', r'1:\d+', 'at most 100000'),
    '75,000 unknown keys': (''.join(f'k{i}: 1\n' for i in range(75_000)), r'\d+:\d+', 'at most'),
    'cyclic alias': ('&a [*a]\n', '1:1', 'anchors'),
    'cyclic alias in a VM': (changed('  web:\n', '  web: &a\n    x: *a\n'), '21:8', 'anchors'),
    'anchor without alias': (changed('host: alpha', 'host: &x alpha'), '22:11', 'anchors'),
    'alias without anchor': (changed('host: alpha', 'host: *nope'), '22:11', 'not YAML'),
    'merge key': (changed('  web:\n', '  web:\n    <<: {a: 1}\n'), '22:5', 'unknown key `<<`'),
    'deep lists': ('a: ' + '[' * 100 + ']' * 100, '1:19', 'nested too deeply'),
    'deep unclosed lists': ('[' * 100_000, r'1:\d+', 'nested too deeply'),
    'deep unclosed mappings': ('{a: ' * 200_000, r'1:\d+', 'nested too deeply'),
    'deep mappings': (''.join(' ' * i + 'a:\n' for i in range(300)), '17:17', 'nested too'),
    'list as key': ('? [a]\n: b\n', '1:3', 'expected a name'),
    'value cut off': (TEXT[:TEXT.index('alpha, beta]') + 7], r'\d+:\d+', 'not YAML'),
    # Keys
    'unknown key': (changed('platform:', 'plattform:'), '6:1', 'did you mean `platform`?'),
    'unknown key in a VM': (changed('    memory: 64', '    memroy: 64'), '23:5',
                            'did you mean `memory`?'),
    'unknown key like no other': (changed('platform:', 'zzzzzzzzzzzzzz:'), '6:1',
                                  'known: scenario'),
    'key twice': (changed('seed: 1\n', 'seed: 1\nseed: 2\n'), '8:1', 'twice'),
    'line break in a key': (changed('platform:', r'"a\nb":'), '6:1', r'a\x0ab'),
    'line break in a value': (changed('host: alpha', r'host: "al\npha"'), '22:11', 'not a name'),
    'missing host of a VM': (changed('    host: alpha\n', ''), '22:5', '`host` is missing'),
    'missing end': (changed('end: 1200ms\n', ''), '2:1', '`end` is missing'),
    'VM without content': (changed('timeline:', '  db:\ntimeline:'), '35:3', '`host` is missing'),
    'guest without content': (changed(GUEST, '    guest:\n'), '24:5', 'expected a mapping'),
    'hosts without content': (changed(HOSTS, 'hosts:\n'), '10:1', 'expected a mapping'),
    'timeline without content': (changed(TIMELINE, 'timeline:\n'), '35:1', 'expected a list'),
    'seed without value': (changed('seed: 1\n', 'seed:\n'), '7:1', 'a whole number such as 10'),
    'list where a mapping belongs': (changed(HOSTS, 'hosts: [alpha, beta]\n'), '10:8', 'mapping'),
    'mapping where a list belongs': (changed('[alpha, beta]', '{a: b}'), '15:22',
                                     'a list of names'),
    # Names
    'host that does not exist': (changed('host: alpha', 'host: alfa'), '22:11',
                                 'did you mean `alpha`?'),
    'host name twice': (changed('  beta:', '  alpha:'), '12:3', '`alpha` is defined twice'),
    'VM name twice': (changed('timeline:', '  web: {host: beta, guest: {program: worker}}\n\n'
                              'timeline:'), '35:3', '`web` is defined twice'),
    'host twice in a network': (changed('[alpha, beta]', '[alpha, alpha]'), '15:30', 'twice'),
    'name with a space': (changed('  web:\n', '  my web:\n'), '21:3', 'not a name'),
    'name of 64 letters': (changed('  web:\n', '  ' + 'w' * 64 + ':\n'), '21:3', 'not a name'),
    'disk that does not exist': (changed('disks: [disk1]', 'disks: [disk2]'), '31:13',
                                 'did you mean `disk1`?'),
    'disk of two VMs': (changed('timeline:', '  db:\n    host: beta\n    guest: {program: worker}\n'
                                '    disks: [disk1]\ntimeline:'), '38:13', 'belongs to VM `web`'),
    'unknown platform': (changed('ws2012', 'ws2099'), '6:11', 'ws2008r2, ws2012'),
    'live migration before it was there': (changed('ws2012', 'ws2008'), '37:14',
                                           'ws2008r2 was the first'),
    'VM larger than its time': (changed('ws2012', 'ws2008r2').replace('  alpha: {memory: 4GiB}',
                                '  alpha: {memory: 128GiB}').replace('    memory: 64MiB',
                                '    memory: 65GiB'), '23:13', 'ws2008r2 has at most 64 GiB'),
    'unknown guest program': (changed('program: worker', 'program: wroker'), '25:16',
                              'did you mean `worker`?'),
    'program and model': (changed('program: worker', 'program: worker\n      model: dirtying'),
                          '25:7', 'a `program`, a `model` or a `kernel`'),
    # Quantities
    'wrong unit of a size': (changed('    memory: 64MiB', '    memory: 64MB'), '23:13',
                             'a size such as 64MiB'),
    'wrong unit of a duration': (changed('end: 1200ms', 'end: 1200msec'), '8:6',
                                 'a duration such as 500ms'),
    'wrong unit of a rate': (changed('10Gbit/s', '10GB/s'), '15:48', 'such as 10Gbit/s'),
    'wrong unit of a percentage': (changed('latency: 40us', 'loss: 0.1'), '15:64', '0.5%'),
    'duration without unit': (changed('end: 1200ms', 'end: 1200'), '8:6', 'such as 500ms'),
    'negative duration': (changed('at: 500ms', 'at: -500ms'), '36:9', 'cannot be negative'),
    'exponent': (changed('at: 500ms', 'at: 1e3ms'), '36:9', '`1e3ms` is not a duration'),
    'half a nanosecond': (changed('latency: 40us', 'latency: 0.5ns'), '15:67', 'not a duration'),
    'huge integer': (changed('seed: 1\n', 'seed: ' + '9' * 5000 + '\n'), '7:7', '9...'),
    'octal': (changed('seed: 1\n', 'seed: 010\n'), '7:7', '`010` is not a whole number'),
    'hexadecimal': (changed('seed: 1\n', 'seed: 0x10\n'), '7:7', 'not a whole number'),
    'fraction for a count': (changed('seed: 1\n', 'seed: 1.5\n'), '7:7', 'not a whole number'),
    'size beyond everything': (changed('    memory: 64MiB', '    memory: 99999999TiB'), '23:13',
                               'not a size'),
    'world of 11 years': (changed('end: 1200ms', 'end: 99999h'), '8:6', 'not a duration'),
    'world of no time': (changed('end: 1200ms', 'end: 0s'), '8:6', 'longer than 0'),
    'memory of no whole pages': (changed('    memory: 64MiB', '    memory: 67108865B'), '23:13',
                                 'multiple of 4KiB'),
    'VM larger than its host': (changed('    memory: 64MiB', '    memory: 8GiB'), '23:13',
                                'does not fit on host `alpha`'),
    'guest larger than its VM': (changed('working-set: 16MiB', 'working-set: 64MiB'), '26:20',
                                 'does not fit'),
    'disk of 1 KiB': (changed('size: 16MiB', 'size: 1KiB'), '18:17', 'at least 1MiB'),
    'bandwidth of nothing': (changed('10Gbit/s', '0bit/s'), '15:48', 'at least 1bit/s'),
    'loss of everything': (changed('latency: 40us', 'loss: 100%'), '15:64', 'cut-link'),
    'heartbeat without pause': (changed('heartbeat: 100ms', 'heartbeat: 0s'), '33:16', '1ms'),
    'VM larger than any': (changed('    memory: 64MiB', '    memory: 800TiB'), '23:13',
                           'at most 1TiB'),
    'host larger than any': (changed('  alpha: {memory: 4GiB}', '  alpha: {memory: 900TiB}'),
                             '11:19', 'at most 4TiB'),
    'host of no whole pages': (changed('  alpha: {memory: 4GiB}', '  alpha: {memory: 5000B}'),
                               '11:19', 'no multiple of 4KiB'),
    'working set of nothing': (changed('working-set: 16MiB', 'working-set: 0B'), '26:20',
                               'at least 4KiB'),
    'working set of no whole pages': (changed('working-set: 16MiB', 'working-set: 5000B'),
                                      '26:20', 'the nearest below is 4KiB'),
    'working set that nobody can count': (
        changed('    memory: 64MiB', '    memory: 3GiB').replace('working-set: 16MiB',
                                                                'working-set: 2GiB'),
        '26:20', 'at most 1024MiB'),
    'interval of nothing': (changed('disk-interval: 2ms', 'disk-interval: 0ms'), '28:22',
                            'at least 1us'),
    'interval of a nanosecond': (changed('disk-interval: 2ms', 'disk-interval: 1ns'), '28:22',
                                 'at least 1us'),
    'interval below a microsecond': (changed('disk-interval: 2ms', 'disk-interval: 999ns'),
                                     '28:22', 'at least 1us'),
    'interval between microseconds': (changed('disk-interval: 2ms', 'disk-interval: 1500ns'),
                                      '28:22', 'the nearest below is 1us'),
    'interval of hours': (changed('disk-interval: 2ms', 'disk-interval: 2h'), '28:22',
                          'at most 4294s'),
    'stop after a nanosecond': (changed('disk-interval: 2ms', 'stop-after: 1ns'), '28:19',
                                'at least 1us'),
    'stop after nothing': (changed('disk-interval: 2ms', 'stop-after: 0s'), '28:19',
                           'at least 1us'),
    'rate of a guest that heeds none': (changed('program: worker', 'program: hungry'), '27:19',
                                        '`hungry` takes no `dirty-rate`'),
    'values of a guest that heeds none': (changed('program: worker', 'program: hello'), r'\d+:\d+',
                                          'it takes none of these values'),
    'disk work of a model without': (changed('program: worker', 'model: dirtying'), r'\d+:\d+',
                                     'it takes working-set, dirty-rate'),
    '5000 VMs': (changed('timeline:', ''.join(
        f'  v{i}: {{host: beta, memory: 1MiB, guest: {{model: dirtying}}}}\n'
        for i in range(5000))
        + 'timeline:'), r'\d+:\d+', 'too many'),
    # Timeline
    'verb on a VM that does not exist': (changed('move-vm: web', 'move-vm: wob'), '37:14',
                                         'did you mean `web`?'),
    'unknown verb': (changed('move-vm:', 'mvoe-vm:'), '37:5', 'did you mean `move-vm`?'),
    'two verbs in one entry': (changed('    to: beta\n', '    to: beta\n    stop-vm: web\n'),
                               '36:5', 'two verbs'),
    'entry without verb': (changed('    move-vm: web\n', ''), '36:5', 'move-vm'),
    'entry without time': (changed('  - at: 500ms\n    move-vm', '  - move-vm'), '36:5',
                           '`at` is missing'),
    'step after the end': (changed('at: 500ms', 'at: 5s'), '36:9', 'has ended'),
    'move to nowhere': (changed('    to: beta\n', ''), '36:5', 'needs `to`'),
    'move to an unknown host': (changed('to: beta', 'to: bta'), '38:9', 'did you mean `beta`?'),
    'target of a verb that has none': (changed('move-vm: web', 'stop-vm: web'), '38:9',
                                       '`stop-vm` takes no `to`'),
    'disk of a verb that takes none': (changed('    to: beta\n', '    to: beta\n    disk: disk1\n'),
                                       '39:11', '`move-vm` takes no `disk`'),
    'no disk to add': (changed('move-vm: web\n    to: beta', 'add-disk: web'), '36:5',
                       'add-disk needs `disk`'),
    'a disk that does not exist': (changed('move-vm: web\n    to: beta',
                                           'add-disk: web\n    disk: dsk1'), '38:11',
                                   'did you mean `disk1`?'),
    'a key without a value': (changed('move-vm: web\n    to: beta',
                                      'set-key-value: web\n    key: role'), '36:5',
                              'set-key-value needs `value`'),
    'a key of a verb that takes none': (changed('move-vm: web\n    to: beta',
                                                'freeze-vm: web\n    key: role'), '38:10',
                                        '`freeze-vm` takes no `key`'),
    'an integration service that does not exist': (
        changed('    host: alpha\n', '    host: alpha\n    integration-services: [vs]\n'),
        r'\d+:\d+', 'did you mean `vss`?'),
    'frames of a guest without': (changed('disk-interval: 2ms', 'frame-interval: 2ms'), '28:23',
                                  '`worker` takes no `frame-interval`'),
    # Faults
    'fault without at and when': (with_fault('kill-host: alpha'), '50:5', 'either `at`'),
    'fault with at and when': (with_fault('kill-host: alpha\nat: 1ms\nwhen: {event: vm.state}'),
                               '50:5', 'either `at`'),
    'unknown fault': (with_fault('kil-host: alpha\nat: 1ms'), '50:5', 'did you mean `kill-host`?'),
    'two faults in one entry': (with_fault('kill-host: alpha\ncut-link: migration\nat: 1ms'),
                                '50:5', 'two faults'),
    'fault on an unknown host': (with_fault('kill-host: alpa\nat: 1ms'), '50:16',
                                 'did you mean `alpha`?'),
    'fault after the end': (with_fault('kill-host: alpha\nat: 2s'), '51:9', 'has ended'),
    'after without when': (with_fault('kill-host: alpha\nat: 1ms\nafter: 1ms'), '52:12', '`when`'),
    'unknown event': (with_fault('kill-host: alpha\nwhen: {event: migration.fase}'), '51:19',
                      'did you mean `migration.phase`?'),
    'trigger without event': (with_fault('kill-host: alpha\nwhen: {phase: commit}'), '51:11',
                              '`when` names an `event`'),
    'unknown field': (with_fault('kill-host: alpha\nwhen: {event: migration.phase, fase: commit}'),
                      '51:42', 'did you mean `phase`?'),
    'unknown value of a field': (with_fault('kill-host: alpha\n'
                                            'when: {event: migration.phase, phase: comit}'),
                                 '51:43', 'did you mean `commit`?'),
    'field twice': (with_fault('kill-host: alpha\nwhen: {event: vm.state, event: vm.state}'),
                    r'51:\d+', 'twice'),
    'unknown node of an event': (with_fault('kill-host: alpha\n'
                                            'when: {event: migration.phase, node: beat}'),
                                 '51:42', 'did you mean `beta`?'),
    'event of level 1': (with_fault('kill-host: alpha\nwhen: {event: ring.produced}'), '51:19',
                         'detail'),
    # Expectations
    'unknown expectation': (changed('runs-on: beta', 'run-on: beta'), '44:5',
                            'did you mean `runs-on`?'),
    'unknown host of an expectation': (changed('runs-on: beta', 'runs-on: gamma'), '44:14',
                                       'known: alpha, beta'),
    'expectation of false': (changed('panic: true', 'panic: false'), '46:21', 'expected true'),
    'two expectations in one entry': (changed('runs-on: beta', 'runs-on: beta\n    vm-off: true'),
                                      '44:5', 'two expectations'),
    'count for a duration': (changed('downtime-below: 100ms', 'downtime-below: 3'), '42:21',
                             'a duration such as 500ms'),
    'pattern over an unknown event': (TEXT + '  - never: {event: migration.finishd}\n', '49:20',
                                      'did you mean `migration.finished`?'),
    'condition on an unknown field': (TEXT + '  - never: {event: vm.state, where: "stat == off"}\n',
                                      '49:38', 'did you mean `state`?'),
    'condition that mixes kinds': (TEXT + '  - always: {event: migration.round, '
                                   'where: bytes < 20ms}\n', '49:53',
                                   'cannot compare a size with a duration'),
    'pattern without its events': (TEXT + '  - at-most: 3\n', '49:5', 'needs `of`'),
    # What a search needs
    'varied value that does not exist': (TEXT + 'vary:\n'
                                         '  - {value: vms.web.memry, choice: [1MiB]}\n', '50:13',
                                         'did you mean `memory`?'),
    'choice of the wrong kind': (TEXT + 'vary:\n  - {value: vms.web.memory, choice: [64]}\n',
                                 '50:38', 'a size such as 64MiB'),
    'choice that does not fit': (TEXT + 'vary:\n  - {value: vms.web.memory, choice: [8GiB]}\n',
                                 '50:38', 'does not fit on host'),
    'range upside down': (TEXT + 'vary:\n  - {value: end, range: [2s, 1s]}\n', '50:25',
                          'the lowest and the highest'),
    'budget of an unknown class': (TEXT + 'budget: {faults: 1, of: [netwrk], until: 1s}\n', '49:26',
                                   'did you mean `network`?'),
    'budget beyond the end': (TEXT + 'budget: {faults: 1, until: 2s}\n', '49:28', 'has ended'),
    'unknown point of trouble': (TEXT + 'buggify:\n  - {point: vmbus.x, chance: 5%}\n', '50:13',
                                 'there is no point'),
    'decision of five numbers': (TEXT + 'decisions:\n  - {stream: net.loss, '
                                 'operation: [1, 2, 3, 4, 5]}\n', '50:35', 'four at most'),
    'magnitude of nothing': (with_fault('delay-frames: migration\nat: 1ms\nby: 0ms'), '52:9',
                             'too little'),
    'no magnitude of a fault that has none': (with_fault('kill-host: alpha\nat: 1ms\nby: 0'),
                                              '52:9', 'takes no `by`'),
    'magnitude of a fault that has none': (with_fault('kill-host: alpha\nat: 1ms\nby: 3'), '52:9',
                                           'takes no `by`'),
}


def processor_time():
    """Of the programs run so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class BadScenario(support.Case):
    """One test per mistake, made from the table."""

    def refuse(self, content, place, words):
        """The complaint comes at once, before anything ran."""
        self.write('s.yaml', content)
        start = processor_time()
        self.expect_mistake('run', 's.yaml', '--trace', 'out.trace', begins=f's.yaml:{place}: ',
                            mentions=words)
        self.assertLess(processor_time() - start, SECONDS)


def add_tests():
    """A test method for every row of BAD."""
    for name, row in BAD.items():
        method = 'test_' + name.replace(' ', '_').replace(',', '').replace('-', '_')
        assert not hasattr(BadScenario, method), name
        setattr(BadScenario, method, lambda self, row=row: self.refuse(*row))


add_tests()

if __name__ == '__main__':
    support.main()
