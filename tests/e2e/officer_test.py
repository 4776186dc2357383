"""What an officer relies on beside admissions: what a contribution must hold, data lent in several
parts, incidents, duties and suspensions, and shares by measurement.

    officer_test.py PROGRAMS [unittest arguments]
"""

import glob
import hashlib
import itertools
import json
import os
import shutil
import sys
import unittest

from federation import terms_file, write_text
from officers import REPORTS, OfficerCase
from processes import until


class SeveralDatasets(OfficerCase):
    def test_one_of_a_sites_two_datasets_is_refused_and_the_site_trains_on_the_other(self):
        self.begin(['north'])
        home = self.all.home('north')
        parts = {'open-reviews': ('open', ['scientific-research', 'commercial-service'], 'CC0-1.0'),
                 'study-notes': ('non-commercial', ['scientific-research'], 'CC-BY-NC-4.0')}
        for dataset, (use, purposes, licence) in parts.items():
            write_text(f'{self.folder}/{dataset}', seed=dataset)
            terms = terms_file(f'{self.folder}/{dataset}.toml', 'north', dataset, use, purposes,
                               licence)
            added = self.all.dure('dataset', 'add', '--dir', home, '--data',
                                  f'{self.folder}/{dataset}', '--terms', terms)
            self.assertEqual((added['dataset'], added['version']), (dataset, 1))
        # Nothing but the folder: what was added is what is lent.
        self.all.sites['north'].arguments = ['site', 'serve', '--dir', home, '--threads', '1']
        self.all.start_sites()
        self.all.propose('study', rounds=1)
        self.all.complete('study')
        self.all.propose('product', rounds=1, purpose='commercial-service',
                         beneficiary='for-profit')
        self.all.complete('product')
        self.all.check_run('product')
        decided = {each['dataset']: each['admit']
                   for each in self.events('product', 'admission-decided')}
        self.assertEqual(decided, {'open-reviews': True, 'study-notes': False})
        used = {run: [[one['dataset'] for one in each['datasets']]
                      for each in self.events(run, 'contribution-submitted')]
                for run in ('study', 'product')}
        self.assertEqual(used, {'study': [sorted(parts)], 'product': [['open-reviews']]})
        # What the trainer was shown: all of it to count and for the study, one for the product.
        self.assertEqual(len(glob.glob(f'{home}/work/*/tokens/*')), 2)
        lineage = self.all.dure('model', 'lineage', 'product', '--dir', home)
        behind = {used['dataset'] for each in lineage['rounds'] for one in each['contributed']
                  for used in one['datasets']}
        self.assertEqual(behind, {'open-reviews'})


class TextsOutside(OfficerCase):
    def test_texts_are_kept_with_their_salts_and_the_same_terms_are_registered_once(self):
        self.begin(['north'])
        home = self.all.home('north')
        text = 'Reviews, North'
        terms = terms_file(f'{self.folder}/reviews.toml', 'north', 'reviews', 'open',
                           ['scientific-research'], 'CC-BY-4.0')
        with open(terms, 'a', encoding='utf-8') as file:
            file.write(f'[[duties]]\nkind = "attribute"\ntext = "{text}"\n')
        north = self.all.sites['north']
        north.arguments[north.arguments.index('--terms') + 1] = terms
        north.start()
        self.all.propose('first', rounds=1)
        self.all.complete('first')
        north.stop()
        north.start()
        self.all.propose('second', rounds=1)
        self.all.complete('second')
        registered = self.events(None, 'dataset-registered')
        self.assertEqual([each['version'] for each in registered], [1])
        # What an auditor who is shown the private side computes.
        private = f'{home}/private/reviews-v1.private.json'
        with open(private, encoding='utf-8') as file:
            kept = {each['field']: each for each in json.load(file)}
        one = kept['duties[1].text']
        self.assertEqual(one['text'], text)
        commitment = hashlib.sha256(bytes.fromhex(one['salt']) + text.encode()).hexdigest()
        self.assertIn(commitment, json.dumps(registered[0]))
        self.assertNotIn(text, json.dumps(self.all.entries('aggregator')))
        # Erased: neither the text nor its salt is in anything that a daemon wrote, and the record
        # stays valid.
        os.remove(private)
        written = [f'{place}/{name}' for each in (home, self.all.home('aggregator'))
                   for place, _, names in os.walk(each) for name in names]
        for path in filter(os.path.isfile, [*written, north.log]):  # not the sockets
            with open(path, 'rb') as file:
                left = file.read()
            for secret in (text.encode(), one['salt'].encode(), bytes.fromhex(one['salt'])):
                self.assertNotIn(secret, left, path)
        self.assertTrue(self.all.dure('ledger', 'verify', '--full', '--dir', home)['intact'])


class Counting(OfficerCase):
    def test_only_approved_code_of_bounded_updates_is_counted(self):
        self.begin(['north', 'south'])
        self.all.start_sites()
        with open(self.all.programs.path('dure-trainer'), 'rb') as program:
            code = hashlib.sha256(program.read()).hexdigest()
        until(lambda: self.all.dure('site', 'status', '--dir', self.all.home('north')),
              'the site answers')
        status = self.all.dure('site', 'status', '--dir', self.all.home('north'))
        self.assertEqual(status['code'], code)
        # Another trainer in one seat: the same program with a byte behind its end.
        other = f'{self.folder}/other-trainer'
        shutil.copy(self.all.programs.path('dure-trainer'), other)
        with open(other, 'ab') as program:
            program.write(b'\0')
        south = self.all.sites['south']
        south.stop()
        south.arguments += ['--trainer', other]
        south.start()
        self.all.propose('strict', rounds=1, quorum=1, code=code, norm_max=1000, passes_max=1000)
        self.all.complete('strict')
        self.all.check_run('strict', ['north'])
        self.assertTrue(south.log_has('the run approves other trainers'))
        said = self.events('strict', 'contribution-submitted')
        self.assertEqual([(each['site'], each['code']) for each in said], [('north', code)])
        self.assertTrue(0 < said[0]['norm'] <= 1000)
        proposed = self.events('strict', 'run-proposed')[0]
        self.assertEqual((proposed['bounds']['code'], proposed['bounds']['passes']),
                         ([code], 1000))
        # An update longer than the run allows is not even sent.
        self.all.propose('tight', rounds=1, quorum=1, norm_max=1e-9, deadline_seconds=5)
        until(lambda: self.all.sites['north'].log_has('counts none above'), 'north says why')
        self.all.dure('run', 'stop', '--dir', self.all.consortium, 'tight')
        self.assertEqual(self.events('tight', 'contribution-submitted'), [])


class Governing(OfficerCase):
    def test_incidents_duties_and_suspensions_are_read_by_the_rules(self):
        self.begin(['north', 'south', 'west'])
        north, south, west = [self.all.officer(each) for each in ('north', 'south', 'west')]
        self.all.start_sites()
        with open(f'{self.folder}/p7.policy', 'w', encoding='utf-8') as file:
            file.write(REPORTS)
        with open(f'{self.folder}/bad.policy', 'w', encoding='utf-8') as file:
            file.write(REPORTS + 'case "Alone" asks export-weights\n'
                       '  given grant.status is active\n  expect admit\nend\n')
        self.assertIn('nothing was proposed', self.all.fails(
            'policy', 'propose', f'{self.folder}/bad.policy', '--dir', north, expect=1))
        proposal = self.all.dure('policy', 'propose', f'{self.folder}/p7.policy', '--dir',
                                 north)['index']
        self.vote(proposal, north, south, west)
        self.all.propose('first', rounds=1)
        self.all.complete('first')
        self.all.dure('model', 'evaluate', '--dir', self.all.consortium, '--run', 'first')
        model = self.all.check_run('first')[-1]['model']
        asked = ['grant', 'request', '--model', model, '--kind', 'export', '--dir', north]

        incident = self.all.dure('incident', 'report', 'data-exposed', '--about', 'south', '--dir',
                                 south)['index']
        refused = self.all.dure(*asked, expect=3)
        self.assertIn('P6.7', [each['rule'] for each in refused['decision']['reasons']])
        self.assertIn('foreign-incident', self.all.fails(
            'incident', 'close', str(incident), '--cause', 'false-alarm', '--dir', north,
            expect=1))
        self.all.dure('incident', 'close', str(incident), '--cause', 'false-alarm', '--dir', south)
        listed = self.all.dure('incident', 'list', '--dir', north)['incidents']
        self.assertEqual([(each['entry'], each['status']) for each in listed],
                         [(incident, 'closed')])

        granted = self.all.dure(*asked)
        self.assertTrue(granted['granted'])
        # A copy that could not be brought up at once says so, and is a moment behind.
        report = until(lambda: [
            each for each in self.all.dure('duties', 'list', '--language', 'ko', '--dir',
                                           south)['duties']
            if each['rule'] == 'P7.1'], 'the duty is listed')
        self.assertEqual([(each['who'], each['status'], each['text']) for each in report],
                         [('north', 'open', '모델을 어디에 쓰는지 보고하십시오.')])
        evidence = f'{self.folder}/report.txt'
        with open(evidence, 'w', encoding='utf-8') as file:
            file.write('benchmarks')
        done = ['duties', 'done', str(report[0]['decision']), '--number',
                str(report[0]['number']), '--evidence', evidence, '--dir']
        self.assertIn('foreign-duty', self.all.fails(*done, south, expect=1))
        self.all.dure(*done, north)
        until(lambda: 'P7.1' not in [
            each['rule'] for each in self.all.dure('duties', 'list', '--dir', south)['duties']],
            'the duty is done')
        self.assertTrue(os.path.exists(evidence + '.salt.json'))
        quota = self.all.dure('quota', '--dir', south)['datasets']
        self.assertEqual({each['dataset']: each['rounds'] for each in quota},
                         {'north': 1, 'south': 1, 'west': 1})

        proposal = self.all.dure('member', 'suspend', 'south', '--dir', north)['index']
        refused = self.all.fails('vote', str(proposal), 'no', '--dir', south, expect=1)
        self.assertIn('south has no voice in its own suspension', str(refused))
        self.vote(proposal, north, west)
        until(lambda: 'suspended' in [
            each['status'] for each in self.all.dure('member', 'list', '--dir', north)['members']
            if each['member'] == 'south'], 'the member is suspended')
        self.all.propose('second', rounds=1, quorum=1)
        self.all.complete('second')
        decided = {each['site']: each['admit']
                   for each in self.events('second', 'admission-decided')}
        self.assertEqual(decided, {'north': True, 'south': False, 'west': True})
        self.assertTrue(self.all.dure('ledger', 'verify', '--full', '--dir', south)['intact'])

    def test_a_run_that_is_stopped_before_its_vote_is_over_is_voted_on_no_more(self):
        self.begin(['north', 'south', 'west'], votes=True)
        desk = self.all.officer('north')
        self.all.propose('shown', rounds=1, masking='none')

        def listed():
            runs = self.all.dure('run', 'list', '--dir', self.all.consortium)['runs']
            return [(each['run'], each['phase'], each['reason']) for each in runs]

        until(lambda: listed() == [('shown', 'proposing', 'waiting-for-vote')], 'it waits')
        proposal = self.all.dure('tally', '--dir', desk)['proposals'][0]
        self.assertEqual((proposal['subject'], proposal['state']), ('run shown', 'open'))
        self.all.dure('run', 'stop', '--dir', self.all.consortium, 'shown')
        until(lambda: listed() == [('shown', 'ended', 'stopped')], 'it has ended')
        until(lambda: [each['reason'] for each in self.events('shown', 'run-halted')]
              == ['stopped'], 'the record says so')
        tally = until(lambda: [each for each in self.all.dure('tally', '--dir', desk)['proposals']
                               if each['state'] == 'stopped'], 'the count says so')
        self.assertEqual(tally[0]['proposal'], proposal['proposal'])
        self.assertIn('there is nothing to vote on', self.all.fails(
            'vote', str(proposal['proposal']), 'yes', '--dir', desk, expect=1))

    def test_an_owners_no_keeps_its_data_out_of_a_run_that_the_others_approved(self):
        self.begin(['north', 'south', 'west'], votes=True)
        desks = {name: self.all.officer(name) for name in ('north', 'south', 'west')}
        self.all.start_sites()
        self.all.propose('shown', rounds=1, quorum=2, masking='none')
        proposal = until(lambda: self.all.dure('tally', '--dir', desks['north'])['proposals'],
                         'it is on the record')[0]['proposal']
        for name, choice in (('west', 'no'), ('north', 'yes'), ('south', 'yes')):
            self.all.dure('vote', str(proposal), choice, '--dir', desks[name])
        self.all.complete('shown')
        decided = {each['site']: each['admit']
                   for each in self.events('shown', 'admission-decided')}
        self.assertEqual(decided, {'north': True, 'south': True, 'west': False})
        why = ['why', 'west', 'west', '0', '--dir', desks['south']]
        self.assertIn('The owner of dataset west voted no to run shown', self.all.says(*why))
        self.assertIn('학습 shown에 반대표를 던졌으므로', self.all.says(*why, '--lang', 'ko'))
        self.assertEqual(self.all.says('why', 'west', 'west', 'shown/0', '--dir', desks['south']),
                         self.all.says(*why))
        self.assertTrue(self.all.sites['west'].log_has(
            'this member voted no to the run, so west stays out of it'))
        self.assertTrue(self.all.dure('ledger', 'verify', '--full', '--dir',
                                      desks['west'])['intact'])

    def test_a_formula_is_voted_and_a_rule_of_anothers_name_is_refused(self):
        self.begin(['north', 'south'])
        north, south = self.all.officer('north'), self.all.officer('south')
        self.all.start_sites()
        formula = 'share formula: tokens 40, steps 20, rounds 30, evaluations 10, cap 50'
        with open(f'{self.folder}/formula.txt', 'w', encoding='utf-8') as file:
            file.write(formula.replace('40', '41') + '\n')
        propose = ['policy', 'propose', f'{self.folder}/formula.txt', '--dir', north]
        self.assertIn('the first four sum to 100', self.all.fails(*propose, expect=1))
        with open(f'{self.folder}/formula.txt', 'w', encoding='utf-8') as file:
            file.write(formula + '\n')
        self.vote(self.all.dure(*propose)['index'], north, south)
        self.all.propose('first', rounds=1)
        self.all.complete('first')
        computed = self.all.dure('share', 'compute', 'first', '--dir', south)
        self.assertEqual(computed['formula'], formula)

        with open(f'{self.folder}/p7.policy', 'w', encoding='utf-8') as file:
            file.write(REPORTS)
        self.vote(self.all.dure('policy', 'propose', f'{self.folder}/p7.policy', '--dir',
                                north)['index'], north, south)
        with open(f'{self.folder}/p8.policy', 'w', encoding='utf-8') as file:
            file.write(REPORTS.replace('P7 Reports', 'P8 Reports'))
        said = self.all.says('policy', 'propose', f'{self.folder}/p8.policy', '--dir', north,
                             expect=1)
        self.assertRegex(said, r'p8.policy:\d+: rule P7.1 is also in "P7 Reports", which is in')
        self.assertIn('give the rule another name', said)

    def vote(self, proposal, *desks):
        for desk in desks:
            self.all.dure('vote', str(proposal), 'yes', '--dir', desk)
        until(lambda: [each for each in self.events(None, 'policy-adopted')
                       if each['proposal'] == proposal], 'the vote has ended')


class Valuing(OfficerCase):
    def test_leave_one_out_is_measured_recorded_and_recomputed(self):
        self.begin(['north', 'south'])
        desk = self.all.officer('north')
        self.all.start_sites()
        self.all.propose('valued', rounds=1, steps=8, valuation='individual')
        self.all.complete('valued')
        until(lambda: self.events_of('coalitions-made'), 'the parts are on record')
        parts = self.events_of('coalitions-made')[0]['coalitions']
        self.assertEqual(sorted(each['of'] for each in parts), [['north'], ['south']])
        self.assertNotEqual(parts[0]['model'], parts[1]['model'])
        plan = self.all.dure('withdraw', 'plan', 'north', '--dir', desk)
        self.assertEqual([(each['of'], each['model']) for each in plan['models_of_parts']],
                         [(each['of'], each['model']) for each in parts if each['of'] == ['north']])
        compute = ['share', 'compute', 'valued', '--method', 'leave-one-out', '--dir', desk]
        self.assertIn('not-measured', self.all.fails(*compute, expect=1))
        measured = self.all.dure('share', 'measure', 'valued', '--dir', self.all.consortium)
        self.assertEqual(measured['models'], 3)
        losses = {}
        for each in self.events_of('evaluation-reported'):
            losses[(each['model'], each['site'])] = each['nll'] / each['bytes']
        self.assertEqual(len(losses), 6)
        # Computed here once more, from the entries alone.
        round_ = self.events_of('round-closed')[0]
        loss = {model: sum(int(losses[(model, site)] * 1e6) for site in ('north', 'south')) * 500
                for model in [round_['model'], *(each['model'] for each in parts)]}
        gains = {without: max(0, loss[each['model']] - loss[round_['model']])
                 for without in ('north', 'south')
                 for each in parts if without not in each['of']}
        if not sum(gains.values()):
            self.assertIn('no-gain', self.all.fails(*compute, expect=1))
            return
        made = self.all.dure(*compute, '--log')
        self.assertEqual(sum(each['share_ppm'] for each in made['shares']), 1000000)
        for each in made['shares']:
            due = gains[each['member']] * 1e6 / sum(gains.values())
            self.assertLess(abs(each['share_ppm'] - due), 2)
        until(lambda: len(self.all.entries('south')) > made['entry'], 'south has followed')
        again = self.all.dure('share', 'recompute', str(made['entry']), '--dir',
                              self.all.home('south'))
        self.assertTrue(again['holds'])
        self.assertEqual(again['recomputed'], made['shares'])

    def test_group_shapley_is_measured_recorded_and_recomputed(self):
        self.begin([])
        houses = {'lab': 'public', 'clinic': 'public', 'firm': 'private', 'campus': 'academic'}
        for site, house in houses.items():
            self.all.admit(site, house=house)
        desk = self.all.officer('lab', house='public')
        self.all.start_sites()
        self.all.propose('grouped', rounds=1, steps=8, valuation='group', masking='none')
        self.all.complete('grouped')
        until(lambda: self.events_of('coalitions-made'), 'the parts are on record')
        parts = {tuple(each['of']): each['model']
                 for each in self.events_of('coalitions-made')[0]['coalitions']}
        self.assertEqual(sorted(parts), [
            ('academic',), ('academic', 'private'), ('academic', 'public'), ('private',),
            ('private', 'public'), ('public',)])
        compute = ['share', 'compute', 'grouped', '--method', 'group-shapley', '--dir', desk]
        self.assertIn('not-measured', self.all.fails(*compute, expect=1))
        self.assertIn('not-declared', self.all.fails(
            *compute[:4], 'leave-one-out', '--dir', desk, expect=1))
        measured = self.all.dure('share', 'measure', 'grouped', '--dir', self.all.consortium)
        self.assertEqual(measured['models'], 8)
        round_ = self.events_of('round-closed')[0]
        parts[()] = self.events_of('round-opened')[0]['baseModel']
        parts[('academic', 'private', 'public')] = round_['model']
        losses = {}
        for each in self.events_of('evaluation-reported'):
            losses.setdefault(each['model'], []).append(each['nll'] / each['bytes'])
        loss = {part: sum(losses[model]) / len(houses) for part, model in parts.items()}
        # The Shapley value as Shapley wrote it: the mean over every order of joining.
        gains = dict.fromkeys(set(houses.values()), 0.0)
        orders = list(itertools.permutations(gains))
        for order in orders:
            for at, house in enumerate(order):
                before, after = sorted(order[:at]), sorted(order[:at + 1])
                gains[house] += (loss[tuple(before)] - loss[tuple(after)]) / len(orders)
        gains = {house: max(0.0, gain) for house, gain in gains.items()}
        self.assertGreater(sum(gains.values()), 0)
        made = self.all.dure(*compute, '--log')
        self.assertEqual(sum(each['share_ppm'] for each in made['shares']), 1000000)
        for each in made['shares']:
            house = houses[each['member']]
            due = gains[house] / list(houses.values()).count(house) / sum(gains.values()) * 1e6
            self.assertLess(abs(each['share_ppm'] - due), 200)
            self.assertLessEqual(each['low_ppm'], each['share_ppm'])
            self.assertLessEqual(each['share_ppm'], each['high_ppm'])
        explained = self.all.dure('share', 'explain', 'grouped', '--method', 'group-shapley',
                                  '--dir', desk)
        self.assertEqual(len(explained['rounds'][0]['parts']), 8)
        self.assertEqual(explained['shares'], made['shares'])
        until(lambda: len(self.all.entries('firm')) > made['entry'], 'firm has followed')
        again = self.all.dure('share', 'recompute', str(made['entry']), '--dir',
                              self.all.home('firm'))
        self.assertTrue(again['holds'])
        self.assertEqual(again['recomputed'], made['shares'])
        # What hides single updates, or makes nothing of parts, is refused before it begins.
        for options, reason in ((dict(masking='pairwise'), 'masking hides single updates'),
                                (dict(masking='none', merge='median', weighting='equal'),
                                 'says nothing of a part')):
            said = self.all.fails(*self.all._proposal('no', valuation='group', **options), expect=1)
            self.assertIn(reason, said)

    def events_of(self, kind):
        return [each['event'] for each in self.all.entries('aggregator') if each['type'] == kind]


if __name__ == '__main__':
    OfficerCase.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
