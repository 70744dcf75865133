"""hvsim completion and hvsim man: what a shell completes, and whether the page is sound roff."""

import re
import shutil
import subprocess

import support


class Bash(support.Case):
    """Asks the script as bash does."""

    def completions(self, *words):
        """What bash offers for the last word."""
        line = ' '.join(f"'{word}'" for word in words)
        script = (self.expect_code(0, 'completion', 'bash').stdout.decode()
                  + f'\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMPREPLY=()\n_hvsim\n'
                  + 'printf "%s\\n" "${COMPREPLY[@]}"\n')
        done = subprocess.run(['bash', '-c', script], check=True, capture_output=True,
                              cwd=self.folder)
        self.assertEqual(done.stderr, b'')
        return done.stdout.decode().split()

    def test_offers_commands(self):
        found = self.completions('hvsim', '')
        for command in ('run', 'trace', 'list', 'doctor'):
            self.assertIn(command, found)

    def test_offers_a_command_below_another(self):
        self.assertEqual(self.completions('hvsim', 'trace', 'sho'), ['show'])

    def test_offers_the_options_of_a_command(self):
        found = self.completions('hvsim', 'run', '--')
        self.assertIn('--seed', found)
        self.assertIn('--record-baseline', found)
        self.assertNotIn('--until', found)

    def test_offers_the_values_of_an_option(self):
        found = self.completions('hvsim', 'run', '--format', '')
        self.assertEqual(sorted(found), ['json', 'junit', 'text'])

    def test_offers_files_where_files_are_meant(self):
        self.write('mine.yaml', '')
        self.assertEqual(self.completions('hvsim', 'run', 'mi'), ['mine.yaml'])
        self.assertEqual(self.completions('hvsim', 'mi'), [])


class OtherShells(support.Case):
    """The scripts of the others; a shell that is here reads its own."""

    def test_name_every_command_and_option(self):
        for shell in ('zsh', 'fish'):
            script = self.expect_code(0, 'completion', shell).stdout
            for word in (b'run', b'replay', b'trace', b'doctor', b'seed', b'junit'):
                self.assertIn(word, script)
            if shutil.which(shell):
                subprocess.run([shell, '-n'], input=script, check=True)

    def test_another_shell_is_a_mistake(self):
        self.expect_code(2, 'completion', 'csh')


class ManPage(support.Case):
    """hvsim(1)."""

    def test_is_about_every_command(self):
        page = self.expect_code(0, 'man').stdout.decode()
        for command in ('run', 'replay', 'trace show', 'doctor'):
            self.assertIn(f'\n.SS {command}\n', page)
        self.assertIn('\\fB\\-\\-format\\fR', page)
        self.assertIn('\n.SH EXIT STATUS\n', page)

    def test_has_requests_that_roff_knows_and_no_stray_escape(self):
        page = self.expect_code(0, 'man').stdout.decode()
        self.assertTrue(page.startswith('.TH HVSIM 1 '))
        for line in page.splitlines():
            if line.startswith(('.', "'")):
                self.assertRegex(line, r'^\.(TH|SH|SS|TP|PP|B|br)( |$)')
            for escape in re.findall(r'\\(..?)', line):
                self.assertRegex(escape, r'^(-|e|&|f[BIR])')
        if shutil.which('groff'):
            done = subprocess.run(['groff', '-man', '-ww', '-Tutf8'], input=page.encode(),
                                  capture_output=True, check=True)
            self.assertEqual(done.stderr, b'')


if __name__ == '__main__':
    support.main()
