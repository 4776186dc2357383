"""What an owner's terms forbid does not happen, and what they ask for is owed.

    owners_test.py PROGRAMS [unittest arguments]
"""

import json
import os
import sys
import unittest

from federation import terms_file
from officers import OfficerCase
from processes import until


class Owners(OfficerCase):
    def test_what_terms_forbid_is_neither_measured_nor_tuned_and_what_they_ask_for_is_owed(self):
        self.begin(['north'])
        terms = terms_file(f'{self.folder}/reviews.toml', 'north', 'reviews', 'open',
                           ['scientific-research'], 'CC-BY-4.0')
        with open(terms, encoding='utf-8') as file:
            text = file.read()
        text = text.replace('publish-metrics = "allow"', 'publish-metrics = "deny"')
        text = text.replace('finetune = "allow"', 'finetune = "deny"')
        with open(terms, 'w', encoding='utf-8') as file:
            file.write(text.replace('[dataset]\n', '[withdrawal]\nallowed = false\n[dataset]\n') +
                       '[[duties]]\nkind = "report"\neveryDays = 90\n')
        north = self.all.sites['north']
        north.arguments[north.arguments.index('--terms') + 1] = terms
        north.start()
        self.all.propose('first', rounds=1)
        self.all.complete('first')
        answers = self.all.dure('model', 'evaluate', '--dir', self.all.consortium, '--run',
                                'first')['results']
        self.assertIn('terms:reviews#actions.publish-metrics', answers[0]['error'])
        with open(north.log, encoding='utf-8') as file:
            self.assertIn('terms:reviews#actions.publish-metrics', file.read())
        self.assertEqual(self.events(None, 'evaluation-reported'), [])
        owed = self.all.dure('duties', 'list', '--dir', self.all.home('north'))['duties']
        self.assertIn(('reviews', 'report', 'terms:reviews#duties'),
                      [(each['dataset'], each['kind'], each['rule']) for each in owed])
        digest = self.events('first', 'round-closed')[-1]['model']
        model = [f'{path}/{digest}' for path, _, files in os.walk(self.all.home('north'))
                 if digest in files][0]
        self.all.propose('tuned', rounds=1, **{'from': model})
        until(lambda: [each for each in self.events('tuned', 'admission-decided')
                       if not each['admit'] and 'terms:reviews#actions.finetune' in
                       each['decision']], 'the run is refused for fine-tuning')
        desk = self.all.officer('north')
        self.assertIn('withdrawal-not-allowed', self.all.fails(
            'withdraw', 'file', 'reviews', '--scope', 'future-rounds', '--dir', desk, expect=1))
        self.all.dure('withdraw', 'file', 'reviews', '--scope', 'future-rounds', '--ground',
                      'court', '--dir', desk)

    def test_other_terms_have_the_next_number_or_are_not_registered(self):
        self.begin(['north'])
        home, north = self.all.home('north'), self.all.sites['north']
        terms = terms_file(f'{self.folder}/reviews.toml', 'north', 'reviews', 'open',
                           ['scientific-research'], 'CC-BY-4.0')
        north.arguments[north.arguments.index('--terms') + 1] = terms
        north.start()
        until(lambda: north.log_has('lends reviews version 1'), 'it is on record')
        north.stop()
        with open(terms, encoding='utf-8') as file:
            other = file.read().replace('evaluate = "allow"', 'evaluate = "deny"')
        with open(terms, 'w', encoding='utf-8') as file:
            file.write(other)
        north.start()
        until(lambda: north.log_has('nothing is lent: '), 'the daemon lends nothing')
        self.assertTrue(north.log_has(f'{terms}: version = 1 does not fit'))
        north.stop()
        add = ['dataset', 'add', '--dir', home, '--data', f'{self.folder}/north-data', '--terms',
               terms]
        self.assertIn('write version = 2', self.all.fails(*add, expect=1))
        self.assertIn('version = 2(으)로', self.all.fails(*add, '--lang', 'ko', expect=1))
        for number, fits in ((1, False), (2, True)):
            with open(terms, 'w', encoding='utf-8') as file:
                file.write(other.replace('version = 1', 'version = 2').replace(
                    '[dataset]\n', f'[dataset]\nversion = {number}\n'))
            if fits:
                self.assertEqual(self.all.dure(*add)['version'], 2)
            else:
                self.assertIn('version = 1 of [dataset] does not fit',
                              self.all.fails(*add, expect=1))
        north.start()
        until(lambda: north.log_has('connected to'), 'the daemon is there')
        registered = self.events(None, 'dataset-registered')
        self.assertEqual([json.loads(each['terms'])['version'] for each in registered], [1, 2])


if __name__ == '__main__':
    OfficerCase.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
