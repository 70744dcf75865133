"""Every static library of the product has its link test, and nothing else has.

complete_test.py ROOT NAME...
"""

import pathlib
import re
import sys
import tempfile

FOLDERS = ('traces', 'sim', 'hypervisor', 'fault-injection', 'checkers', 'scenarios')
LIBRARY = re.compile(r'^(?:(\w+)_lib = )?.*\bstatic_library\(', re.MULTILINE)


def libraries(root):
    """Names of the libraries; `?` and the file for one that has no name of ours."""
    found = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob('meson.build')):
            for match in LIBRARY.finditer(path.read_text(encoding='utf-8')):
                found.append(match[1] or f'? in {path.relative_to(root)}')
    return found


def differences(root, named):
    """What is wrong, one line each."""
    found = libraries(root)
    return ([f'no link test: {name}' for name in found if name not in named] +
            [f'named, but no library: {name}' for name in named if name not in found])


def see_it_fail():
    """The rule itself, on a tree with one library that is named and two that are not."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / 'sim/a').mkdir(parents=True)
        (root / 'sim/a/meson.build').write_text(
            "a_lib = static_library(\n  'a')\nb_lib = static_library('b')\n"
            "others += static_library('c')\n")
        told = differences(root, ['a', 'gone'])
        expected = ['no link test: b', 'no link test: ? in sim/a/meson.build',
                    'named, but no library: gone']
        if told != expected:
            sys.exit(f'{told} instead of {expected}')


def main():
    """Exits with 1 and the list of what is wrong."""
    see_it_fail()
    told = differences(pathlib.Path(sys.argv[1]), sys.argv[2:])
    if told:
        sys.exit('\n'.join(told))


main()
