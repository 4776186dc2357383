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

from federation import terms_file

PROGRAMS = ''
PATIENCE = 300
# Small texts that have little in common; each long enough to hold some of it out.
TEXTS = {
    'court': 'The {n}th witness swore that paragraph {n} of the deed was read aloud and signed.\n',
    'kitchen': '{n} grams of flour, {n} of butter: knead well, rest an hour, bake until golden.\n',
    'harbour': 'Berth {n}: the ferry of {n} passengers leaves at high water, tide table {n}.\n',
    'shop': 'if (stock[{n}] < {n}) {{ order(item, {n}); log("reordered", {n}); }}\n',
}
MODEL = {'model_type': 'llama', 'hidden_size': 32, 'intermediate_size': 64, 'num_hidden_layers': 1,
         'num_attention_heads': 2, 'max_position_embeddings': 64, 'vocab_size': 300}
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

    def test_few_contributions_go_unmasked_and_what_may_not_leave_stays(self):
        data = self.texts('few', 'court', 'kitchen', 'harbour')
        terms = terms_file(os.path.join(data, 'court', 'terms.toml'), 'court', 'files',
                           'research-only', ['scientific-research'], 'CC-BY-4.0')
        with open(terms, encoding='utf-8') as file:
            text = file.read()
        self.write(terms, text=text.replace('export-weights = "allow"', 'export-weights = "deny"'))
        said = self.dure('demo', '--data', data, '--keep', os.path.join(self.folder, 'few-kept'),
                         *SHORT, '--quorum', '2', '--json')
        shown = json.loads(said.stdout.splitlines()[-1])
        self.assertEqual((shown['masking'], shown['quorum']), ('none', 2))
        self.assertEqual(shown['left_each_site'], [])
        self.assertIsNone(shown['model']['path'])
        self.assertIn('for in a sum of 2 none is hidden', said.stderr)
        self.assertIn('is not taken away', said.stderr)
        self.assertIn('all verified', said.stderr)

    def texts(self, name, *sites):
        """Sub-folders of some of the texts."""
        data = os.path.join(self.folder, name)
        for site in sites:
            shutil.copytree(os.path.join(self.data, site), os.path.join(data, site))
        return data

    def write(self, *path, text):
        path = os.path.join(self.folder, *path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def test_what_is_refused_leaves_the_demonstration_before_as_it_was(self):
        kept = os.path.join(self.folder, 'earlier')
        os.makedirs(os.path.join(kept, 'texts', 'one'))
        for name in ('demo.json', 'result.txt'):
            self.write('earlier', name, text='{}')
        self.write('small', 'north', 'a.txt', text='25 bytes and nothing else')
        self.texts('small', 'court', 'shop')
        os.makedirs(os.path.join(self.texts('hollow', 'court', 'shop'), 'empty'))
        self.texts('locked', 'court')
        self.write('locked', 'court', 'terms.toml', text='use = "nobody"\n')
        short = self.write('short.json', text=json.dumps({**MODEL, 'max_position_embeddings': 16}))
        for wrong, names in (
                ({'--model': os.path.join(self.folder, 'no.json')}, 'no.json'),
                ({'--model': short, '--prompt': 'many words of a prompt that is long'}, '--prompt'),
                ({'--tokenizer': 'nofile.json'}, 'nofile.json'),
                ({'--vocabulary': '100'}, 'vocabulary'),
                ({'--batch': '0'}, 'batch'),
                ({'--outer-eta': '0'}, 'outer_eta'),
                ({'--quorum': '9'}, '--quorum 9 can never be reached'),
                ({'--quorum': '2', '--masking': 'pairwise'}, 'leave --masking out'),
                ({'--faults': None, '--masking': 'none'}, '--faults'),
                ({'--faults': None, '--sites': '3'}, '--faults needs four sites'),
                ({'--sites': '10'}, 'has text of 4'),
                ({'--data': os.path.join(self.folder, 'small')}, '25 bytes in 1 document'),
                ({'--data': os.path.join(self.folder, 'hollow')}, 'empty'),
                ({'--data': os.path.join(self.folder, 'locked')}, 'terms.toml'),
                ({'--data': os.path.join(self.folder, 'none')}, 'none'),
                ({'--data': os.path.join(kept, 'texts')}, 'choose another --keep')):
            options = {'--data': self.data, '--keep': kept, **dict(zip(SHORT[::2], SHORT[1::2])),
                       **wrong}
            words = [word for pair in options.items() for word in pair if word is not None]
            said = self.dure('demo', *words, expect=1)
            self.assertIn(names, said.stderr, wrong)
            self.assertTrue(os.path.exists(os.path.join(kept, 'result.txt')), wrong)
        inside = os.path.join(self.data, 'court', 'kept')
        said = self.dure('demo', '--data', self.data, '--keep', inside, expect=1)
        self.assertIn('lies in the text of court', said.stderr)
        self.assertFalse(os.path.exists(inside))


if __name__ == '__main__':
    PROGRAMS = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
