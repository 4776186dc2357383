"""Four institutions with different terms, and an officer each: what the record makes of them.

    four_institutions_test.py PROGRAMS [unittest arguments]

The tests are one story, in order. The licences are real ones; the texts are made up.
"""

import csv
import glob
import hashlib
import json
import shutil
import sys
import tempfile
import unittest

from federation import SMALL, Federation, terms_file
from processes import until

PROGRAMS = ''

COMMERCIAL = ['product-development', 'commercial-service']
RESEARCH = ['statistics', 'scientific-research', 'public-archiving', 'public-service',
            'safety-evaluation', 'benchmark']
# Who lends what: house, dataset, licence, use, purposes.
INSTITUTIONS = {
    'portal': ('private', 'reviews', 'CC0-1.0', 'open', RESEARCH + COMMERCIAL),
    'telecom': ('private', 'dialogue', 'CC-BY-NC-4.0', 'non-commercial', RESEARCH),
    'institute': ('public', 'nli', 'CC-BY-SA-4.0', 'commercial-allowed', RESEARCH + COMMERCIAL),
    'university': ('academic', 'theses', 'LicenseRef-KOGL-1', 'commercial-allowed',
                   RESEARCH + COMMERCIAL),
}
HOUSE_RULES = '''policy "H Energy" ko "H 에너지" version 1 effective 2026-09-01

rule H1 forbid train
  title "Energy data waits for the regulator"
     ko "에너지 데이터는 규제 기관을 기다린다"
  when run.sector exists and run.sector is energy
  because "Run {run.id} is in the sector {run.sector}."
       ko "학습 {run.id}의 분야는 {run.sector}입니다."
end
'''
NO_LICENCE_SAID = 'expandedlicensing_NoAssertionLicense'  # a word of SPDX
FORMATS = ['prov', 'spdx', 'cyclonedx', 'model-card', 'eu-summary', 'kr-overview', 'odrl',
           'croissant', 'csv']


class FourInstitutions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.all = Federation(PROGRAMS, cls.folder, [], model=SMALL)
        cls.addClassCleanup(cls.all.kill)
        cls.desks = {}
        for member, (house, dataset, licence, use, purposes) in INSTITUTIONS.items():
            terms = terms_file(f'{cls.folder}/{member}.toml', member, dataset, use, purposes,
                               licence)
            cls.all.admit(member, terms=terms, house=house)
            cls.desks[member] = cls.all.officer(member, house)
        cls.all.start_sites()
        for member, (_, dataset, *_) in INSTITUTIONS.items():
            until(lambda m=member, d=dataset: cls.all.sites[m].log_has(f'lends {d}'),
                  f'{member} lends {dataset}')

    def dure(self, *arguments, **options):
        return self.all.dure(*arguments, **options)

    def closed(self, run):
        return [entry['event'] for entry in self.all.entries('aggregator', run)
                if entry['type'] == 'round-closed']

    def counted(self, run):
        return [sorted(each['site'] for each in event['submissions'])
                for event in self.closed(run)]

    def test_1_a_commercial_run_is_refused_the_non_commercial_dataset_with_every_reason(self):
        self.all.propose('product', rounds=1, quorum=3, purpose='commercial-service',
                         beneficiary='for-profit')
        self.all.complete('product')
        self.assertEqual(self.counted('product'), [['institute', 'portal', 'university']])
        said = self.dure('why', 'telecom', 'dialogue', 'product', '0', '--dir',
                         self.desks['telecom'])
        self.assertTrue(said['replays'])
        decision = said['decision']
        self.assertEqual(decision['outcome'], 'deny')
        rules = {reason['rule'] for reason in decision['reasons']}
        # Its use class, its purposes and its licence each say no, and each is named.
        self.assertLessEqual({'P2.1', 'P2.3', 'terms:dialogue#use', 'terms:dialogue#purposes',
                              'terms:dialogue#licence.data'}, rules)
        for reason in decision['reasons']:
            self.assertTrue(reason['because']['en'] and reason['because']['ko'], reason)
            self.assertTrue(reason['facts'], reason)

    def test_2_a_vote_changes_the_rules(self):
        with open(f'{self.folder}/house.policy', 'w', encoding='utf-8') as file:
            file.write(HOUSE_RULES)
        entry = self.dure('policy', 'propose', f'{self.folder}/house.policy', '--dir',
                          self.desks['institute'])['index']
        for desk in self.desks.values():
            self.dure('vote', str(entry), 'yes', '--dir', desk)
        adopted = [each['event'] for each in self.all.entries('aggregator')
                   if each['type'] == 'policy-adopted']
        self.assertEqual([each['proposal'] for each in adopted], [entry])
        self.all.propose('grid', rounds=1, quorum=1, sector='energy')
        until(lambda: [each for each in self.all.entries('aggregator', 'grid')
                       if each['type'] == 'admission-decided'], 'the run was decided about')
        self.dure('run', 'stop', '--dir', self.all.consortium, 'grid')
        decided = [json.loads(each['event']['decision'])
                   if isinstance(each['event']['decision'], str) else each['event']['decision']
                   for each in self.all.entries('aggregator', 'grid')
                   if each['type'] == 'admission-decided']
        for decision in decided:
            self.assertEqual(decision['outcome'], 'deny')
            self.assertEqual([reason['rule'] for reason in decision['reasons']], ['H1'])

    def test_3_a_withdrawal_during_a_run_takes_the_dataset_out_of_every_later_round(self):
        self.all.propose('shared', rounds=5, quorum=2, steps=150)
        self.all.watch('shared', lambda line: line['round'] >= 1, 'a round closed')
        self.dure('site', 'leave', '--dir', self.all.home('telecom'), '--run', 'shared')
        entry = self.dure('withdraw', 'file', 'theses', '--scope', 'future-rounds',
                          '--ground', 'consent', '--dir',
                          self.desks['university'])['index']
        self.all.complete('shared')
        entries = self.all.entries('aggregator', 'shared')
        closings = {each['event']['round']: each for each in entries
                    if each['type'] == 'round-closed'}
        self.assertEqual(sorted(closings), [0, 1, 2, 3, 4])
        for each in closings.values():
            used = 'university' in [one['site'] for one in each['event']['submissions']]
            self.assertFalse(used and each['index'] > entry, each)
        self.assertEqual(self.counted('shared')[0], sorted(INSTITUTIONS))
        self.assertEqual(self.counted('shared')[-1], ['institute', 'portal'])
        evidence = closings[4]['index']
        self.dure('withdraw', 'close', str(entry), '--evidence', str(evidence), '--dir',
                  self.desks['university'])
        listed = self.dure('dataset', 'list', '--dir', self.desks['university'])['datasets']
        self.assertEqual([each['status'] for each in listed if each['dataset'] == 'theses'],
                         [f'withdrawn at entry {entry}, case closed'])

    def test_4_serving_is_refused_because_of_one_dataset_three_rounds_back(self):
        model = self.closed('shared')[-1]['model']
        lineage = self.dure('model', 'lineage', 'shared', '--dir', self.desks['portal'])
        self.assertEqual(lineage['model'], model)
        asked = ['grant', 'request', '--model', model, '--kind', 'serve', '--dir',
                 self.desks['portal'], '--purpose']
        self.assertTrue(self.dure(*asked, 'scientific-research')['granted'])
        refused = self.dure(*asked, 'commercial-service', expect=3)
        self.assertFalse(refused['granted'])
        blamed = {reason['rule'].split('#')[0] for reason in refused['decision']['reasons']
                  if reason['rule'].startswith('terms:')}
        self.assertEqual(blamed, {'terms:dialogue'})
        back = [round_['round'] for round_ in lineage['rounds']
                if any(used['dataset'] == 'dialogue' for one in round_['contributed']
                       for used in one['datasets'])]
        self.assertTrue(back and max(back) <= 1, back)

    def test_5_every_export_is_made_recorded_and_made_again_from_another_copy(self):
        exports = {}
        for kind in FORMATS:
            out = f'{self.folder}/{kind}'
            made = self.dure('export', kind, 'shared', '--dir', self.desks['institute'],
                             '--out', out)
            exports[kind] = made
            self.assertTrue(made['does_not_prove'], kind)
            for file in made['files']:
                with open(f'{out}/{file["name"]}', 'rb') as given:
                    self.assertEqual(hashlib.sha256(given.read()).hexdigest(), file['sha256'])
            entry = [each for each in self.all.entries('aggregator')
                     if each['index'] == made['entry']][0]
            self.assertEqual(entry['type'], 'disclosure-exported')
            self.assertEqual((entry['event']['kind'], entry['event']['file'],
                              entry['event']['templateVersion']),
                             (kind, made['sha256'], made['template']))
        size = max(made['as_of'] for made in exports.values())
        until(lambda: len(self.all.entries('portal')) > size, 'the site has followed')
        for kind, made in exports.items():
            again = self.dure('export', kind, 'shared', '--no-log', '--as-of', str(made['as_of']),
                              '--dir', self.all.home('portal'), '--out',
                              f'{self.folder}/{kind}-again')
            self.assertEqual(again['sha256'], made['sha256'], kind)
        self.check_files()

    def check_files(self):
        """What each format asks of every file of its kind."""
        def load(pattern):
            files = glob.glob(f'{self.folder}/{pattern}')
            self.assertTrue(files, pattern)
            for name in files:
                with open(name, encoding='utf-8') as file:
                    yield json.load(file)
        datasets = {each[1] for each in INSTITUTIONS.values()}
        for prov in load('prov/*.json'):
            for relation, ends in {'used': ('activity', 'entity'),
                                   'wasGeneratedBy': ('entity', 'activity'),
                                   'wasAttributedTo': ('entity', 'agent')}.items():
                for each in prov[relation].values():
                    for end in ends:
                        self.assertIn(each[f'prov:{end}'], prov[end])
        for spdx in load('spdx/*.json'):
            graph = {each.get('spdxId', each.get('@id')): each for each in spdx['@graph']}
            packages = [each for each in graph.values()
                        if each['type'] == 'dataset_DatasetPackage']
            self.assertEqual(len(packages), len(datasets))
            for each in graph.values():
                if each['type'] == 'Relationship':
                    self.assertIn(each['from'], graph)
                    self.assertTrue(all(to in graph or to == NO_LICENCE_SAID
                                        for to in each['to']), each)
        for cyclonedx in load('cyclonedx/*.json'):
            self.assertEqual((cyclonedx['bomFormat'], cyclonedx['specVersion']),
                             ('CycloneDX', '1.6'))
        self.assertEqual(len(list(load('odrl/*.json'))), len(datasets))
        for croissant in load('croissant/*.json'):
            self.assertIn(croissant['@type'], ('sc:Dataset', 'Dataset'))
            self.assertTrue(croissant['conformsTo'])
        with open(f'{self.folder}/csv/contributions.csv', encoding='utf-8', newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), sum(len(each) for each in self.counted('shared')))
        whole = {each['index']: each['leaf'] for each in self.all.entries('aggregator')}
        for row in rows:
            self.assertEqual(row['leaf_hash'], whole[int(row['ledger_index'])])
        for name, absent in (('eu-summary', 'not recorded'), ('kr-overview', '기록 없음')):
            text = ''
            for path in glob.glob(f'{self.folder}/{name}/*'):
                with open(path, encoding='utf-8') as file:
                    text += file.read()
            self.assertIn(absent, text)
            for dataset in datasets:
                self.assertIn(dataset, text)

    def test_6_shares_recompute_and_single_gains_are_refused(self):
        made = self.dure('share', 'compute', 'shared', '--log', '--dir', self.desks['institute'])
        self.assertEqual(sum(each['share_ppm'] for each in made['shares']), 1000000)
        again = self.dure('share', 'recompute', str(made['entry']), '--dir', self.desks['portal'])
        self.assertTrue(again['holds'])
        self.assertEqual(again['recomputed'], made['shares'])
        self.dure('share', 'compute', 'shared', '--method', 'leave-one-out', '--dir',
                  self.desks['portal'], expect=1)

    def test_7_a_withdrawal_of_more_than_future_rounds_changes_the_models_terms(self):
        model = self.closed('shared')[-1]['model']
        asked = ['grant', 'request', '--model', model, '--kind', 'serve', '--dir',
                 self.desks['portal']]
        self.dure('withdraw', 'file', 'nli', '--scope', 'retire-models', '--dir',
                  self.desks['institute'])
        refused = self.dure(*asked, expect=3)
        self.assertFalse(refused['granted'])
        self.assertIn('terms:nli#actions.serve',
                      [reason['rule'] for reason in refused['decision']['reasons']])

    def test_8_every_copy_holds_and_agrees(self):
        for desk in self.desks.values():
            self.assertTrue(self.dure('ledger', 'verify', '--full', '--dir', desk)['intact'])
        self.all.check_copies()
        for site in self.all.sites:
            self.assertEqual(glob.glob(f'{self.all.home(site)}/evidence/*'), [])


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop(1)
    unittest.main(verbosity=2)
