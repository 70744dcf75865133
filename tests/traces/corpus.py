"""The corpus of regressions: its rules, its check, and how its traces are recorded.

corpus.py HVSIM FOLDER                    checks everything
corpus.py HVSIM FOLDER --record [NAME...] records the traces of these scenarios, or those that exist
"""

import os
import pathlib
import re
import subprocess
import sys

LARGEST = 100_000
KNOWN = ('.yaml', '.trace')


def hash_in(output):
    """The hash at the end of a report or of a replay; None when there is none."""
    found = re.findall(r'\bhash ([0-9a-f]{32})$', output, re.M)
    return found[-1] if found else None


class Corpus:
    """One folder of scenarios and traces."""

    def __init__(self, hvsim, folder):
        self.hvsim = pathlib.Path(hvsim).resolve()
        self.folder = pathlib.Path(folder)

    def run(self, *arguments):
        """hvsim in the folder, so that no path of a machine gets into a trace."""
        return subprocess.run([self.hvsim, *arguments], cwd=self.folder, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)

    def check(self):
        """What is wrong, one text each."""
        wrong = []
        hashes = {}
        for path in sorted(self.folder.iterdir()):
            if path.suffix == '.yaml' and path.is_file():
                hashes[path.stem] = self.check_scenario(path, wrong)
            elif path.name != 'README.md' and (path.suffix not in KNOWN or not path.is_file()):
                wrong.append(f'{path.name}: neither a scenario (.yaml) nor a trace (.trace); '
                             'README.md says what may be here')
        for path in sorted(self.folder.glob('*.trace')):
            self.check_trace(path, hashes, wrong)
        return wrong

    def check_scenario(self, path, wrong):
        """Runs it; gives the hash of the run."""
        lines = path.read_text(encoding='utf-8').splitlines()
        if len(lines) < 2 or not re.match(r'# \S.{20,}', lines[0]) or \
                not re.match(r'# Fixed by: \S', lines[1]):
            wrong.append(f'{path.name}: the first line must say what was wrong, the second '
                         '`# Fixed by: ` and the subject of a commit')
        done = self.run('run', path.name, '--quiet')
        if done.returncode != 0:
            told = [line for line in (done.stdout + done.stderr).splitlines()
                    if not line.startswith(('  holds ', 'properties of ')) and line]
            wrong.append(f'{path.name}: exit code {done.returncode}\n' + '\n'.join(told))
        return hash_in(done.stdout)

    def check_trace(self, path, hashes, wrong):
        """Replays it; it must be of the scenario as it stands."""
        if path.stem not in hashes:
            wrong.append(f'{path.name}: there is no scenario {path.stem}.yaml that it is of')
            return
        if path.stat().st_size >= LARGEST:
            wrong.append(f'{path.name}: {path.stat().st_size} bytes; traces here are smaller '
                         f'than {LARGEST}')
        done = self.run('replay', path.name)
        if done.returncode != 0:
            wrong.append(f'{path.name}: exit code {done.returncode}; if this was meant: '
                         f'./dev corpus --record {path.stem}\n{done.stdout}{done.stderr}'.rstrip())
        elif hash_in(done.stdout) != hashes[path.stem]:
            wrong.append(f'{path.name}: is of another {path.stem}.yaml; '
                         f'./dev corpus --record {path.stem}')

    def record(self, names):
        """Writes traces; gives what went wrong. A trace is replaced only by a run that holds."""
        wrong = []
        for name in names or sorted(path.stem for path in self.folder.glob('*.trace')):
            scenario, trace = self.folder / f'{name}.yaml', self.folder / f'{name}.trace'
            if not scenario.is_file():
                wrong.append(f'{name}: there is no {name}.yaml in {self.folder}')
                continue
            part = f'{name}.trace.{os.getpid()}.partial'
            done = self.run('run', scenario.name, '--quiet', '--trace', part)
            if done.returncode == 0:
                os.replace(self.folder / part, trace)
                print(f'{trace.name}: {trace.stat().st_size} bytes, hash {hash_in(done.stdout)}')
                continue
            (self.folder / part).unlink(missing_ok=True)
            wrong.append(f'{scenario.name}: not recorded, exit code {done.returncode}\n'
                         + done.stdout[-600:] + done.stderr)
        return wrong


def main(arguments):
    """Exit code: 0 all is well, 1 something is wrong, 2 wrong usage."""
    if len(arguments) < 2 or (len(arguments) > 2 and arguments[2] != '--record'):
        print(__doc__, file=sys.stderr)
        return 2
    corpus = Corpus(*arguments[:2])
    wrong = corpus.record(arguments[3:]) if len(arguments) > 2 else corpus.check()
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
