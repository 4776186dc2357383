"""The demonstration itself, short: what it prints, what it leaves behind, what it refuses.

    demo_test.py PROGRAMS [unittest arguments]
"""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAMS = ''
PATIENCE = 300
# Small texts that have little in common; each long enough to hold some of it out.
TEXTS = {
    'court': 'The {n}th witness swore that paragraph {n} of the deed was read aloud and signed.\n',
    'kitchen': '{n} grams of flour, {n} of butter: knead well, rest an hour, bake until golden.\n',
    'harbour': 'Berth {n}: the ferry of {n} passengers leaves at high water, tide table {n}.\n',
    'shop': 'if (stock[{n}] < {n}) {{ order(item, {n}); log("reordered", {n}); }}\n',
}
SHORT = ['--rounds', '2', '--steps', '8', '--batch', '4', '--vocabulary', '300']


class DemoTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        cls.data = os.path.join(cls.folder, 'data')
        for name, line in TEXTS.items():
            os.makedirs(os.path.join(cls.data, name))
            with open(os.path.join(cls.data, name, 'text.txt'), 'w', encoding='utf-8') as file:
                file.write(''.join(line.format(n=n) for n in range(600)))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def dure(self, *arguments, expect=0):
        done = subprocess.run([os.path.join(PROGRAMS, 'dure'), *arguments], text=True,
                              capture_output=True, timeout=PATIENCE, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, expect, f'{arguments}: {done.stdout}{done.stderr}')
        return done

    def demo(self, keep, *options, expect=0):
        return self.dure('demo', '--data', self.data, '--keep', os.path.join(self.folder, keep),
                         *options, expect=expect)

    def test_one_command_trains_measures_and_checks_a_shared_model(self):
        shown = json.loads(self.demo('kept', *SHORT, '--json').stdout.splitlines()[-1])
        self.assertEqual(shown['sites'], sorted(TEXTS))
        self.assertEqual((shown['rounds'], shown['steps']), (2, 8))
        self.assertEqual([each['round'] for each in shown['losses']], [1, 2])
        self.assertLess(shown['losses'][1]['loss'], shown['losses'][0]['loss'])
        self.assertGreater(shown['tokens'], 0)
        models = ['start', *(f'{site} alone' for site in sorted(TEXTS)), 'SHARED']
        cells = {(row['model'], row['site']): row for row in shown['evaluation']}
        self.assertEqual(sorted(cells), sorted((m, s) for m in models for s in TEXTS))
        for row in cells.values():
            self.assertAlmostEqual(row['perplexity_per_byte'], math.exp(row['nats_per_byte']))
        for site in TEXTS:
            self.assertLess(cells['SHARED', site]['nats_per_byte'],
                            cells['start', site]['nats_per_byte'])
        self.assertEqual(len(shown['left_each_site']), len(TEXTS), 'it is masked by default')
        for process in ('aggregator', *TEXTS, *(f'{site} trainer' for site in TEXTS)):
            self.assertGreater(shown['peak_rss_bytes'][process], 1 << 20)
        heads = {}
        for site in TEXTS:
            copy = os.path.join(self.folder, 'kept', 'sites', site)
            checked = json.loads(self.dure('ledger', 'verify', '--dir', copy, '--json').stdout)
            heads[site] = {'size': checked['size'], 'root': checked['root']}
        # It checked the first site's copy; every copy went on until its site was stopped.
        self.assertGreaterEqual(heads[shown['sites'][0]]['size'], shown['ledger']['size'])
        self.assertRegex(shown['ledger']['root'], '^[0-9a-f]{64}$')
        self.dure('model', 'generate', '--model', shown['model']['path'], '--prompt', 'if')

    def test_with_faults_a_site_is_killed_in_mid_upload_and_people_read_what_came_of_it(self):
        said = self.demo('faults', *SHORT, '--faults').stdout
        for wanted in ('shop was killed (SIGKILL) in the middle of its upload',
                       'the sum of 3 sites is what they sent', 'the sum of 4 sites', 'SHARED',
                       'court alone', 'all verified', 'Next:', 'ledger verify'):
            self.assertIn(wanted, said)
        self.assertRegex(said, '데이터셋 [a-z]+ v1의 .*않습니다', 'the refusal is in Korean too')
        self.assertNotIn('\x1b[', said, 'no terminal, no colours')

    def test_a_folder_that_is_no_federation_is_refused_with_the_reason(self):
        empty = os.path.join(self.folder, 'empty')
        os.makedirs(empty)
        said = self.dure('demo', '--data', empty, expect=1)
        self.assertIn(empty, said.stderr)

    def test_what_is_refused_leaves_the_demonstration_before_as_it_was(self):
        kept = os.path.join(self.folder, 'kept')
        os.makedirs(os.path.join(kept, 'texts', 'one'))
        for name in ('demo.json', 'result.txt'):
            with open(os.path.join(kept, name), 'w', encoding='ascii') as file:
                file.write('{}')
        for wrong, names in (
                (['--model', os.path.join(self.folder, 'no.json')], 'no.json'),
                (['--faults', '--sites', '3'], '--faults needs four sites'),
                (['--data', os.path.join(self.folder, 'none')], 'none'),
                (['--data', os.path.join(kept, 'texts')], 'choose another --keep')):
            said = self.dure('demo', '--keep', kept, *wrong, expect=1)
            self.assertIn(names, said.stderr)
            self.assertTrue(os.path.exists(os.path.join(kept, 'result.txt')), wrong)


if __name__ == '__main__':
    PROGRAMS = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
