"""The dropout sweep: a site is lost at every phase of a masked round and at every chunk it uploads.

    dropout_test.py PROGRAMS [unittest arguments]

Killed or stopped, for a moment or for good, one site or more than a sum can do without. The sum
over whoever is left is exact, because each of them checks it against what it sent itself, or there
is none and nothing was released; and when the lost come back the run completes at all sites. A few
cases by default; all of them, for every site, with DURE_E2E=all.
"""

import contextlib
import itertools
import json
import os
import sys
import unittest

from federation import CHUNK, MODEL
from masked import LOOSE, SITES, MaskingTest
from processes import until

# In the order of a round. An upload here has four chunks.
POINTS = [
    'site.after-masking-persist/examining:1',
    'site.after-masking-persist/advertised:1',
    'site.after-masking-persist/shared:1',
    'site.after-masking-persist/agreeing:1',
    'site.after-masking-persist/masking:1',
    'site.masked:1',  # 0 % of the upload
    'site.mid-upload:1',
    'site.mid-upload:2',
    'site.mid-upload:3',
    'site.uploaded:1',
    'site.after-masking-persist/surviving:1',
    'site.after-masking-persist/revealed:1',
    'site.after-masking-persist/opened:1',
    # Not /checked: whoever is the last to check is done at once and never passes that.
    'site.sum-checked:1',
]
# Killed and started again at once; killed, or stopped, until the others have closed the round.
HOW = ['back', 'gone', 'stopped']
ALL = os.environ.get('DURE_E2E') == 'all'


class DropoutTest(MaskingTest):
    model = MODEL
    number = 0

    @contextlib.contextmanager
    def case(self, names, **what):
        """A subtest after which the sites are as the next one wants them, whatever came of it."""
        with self.subTest(**what):
            try:
                yield
            except BaseException:
                for name in names:
                    self.federation.sites[name].kill()
                    self.federation.sites[name].start()
                raise

    def lose_at(self, names, point, how, **options):
        """One round in which these sites are lost at that point."""
        DropoutTest.number += 1
        return self.lose(f'lost-{DropoutTest.number}', names,
                         **{'stop_at' if how == 'stopped' else 'crash_at': point},
                         **{'seed': DropoutTest.number, 'rounds': 1, 'deadline_seconds': 6,
                            **LOOSE, **options})

    def back(self, run, lost, how):
        for site in lost:
            if how == 'stopped':
                site.go_on()
            else:
                site.start()
        return self.settle(run)

    def test_any_site_may_be_lost_at_any_point(self):
        chosen = list(itertools.product(POINTS, HOW, SITES)) if ALL else [
            ('site.mid-upload:3', 'gone', 'east'),
            ('site.after-masking-persist/surviving:1', 'stopped', 'south')]
        for point, how, name in chosen:
            with self.case([name], point=point, how=how, site=name):
                run, lost = self.lose_at([name], point, how)
                if how != 'back':
                    self.closed_without(run)
                closed = self.back(run, lost, how)
                assert len(closed[0]['submissions']) >= 3, 'a sum of fewer than its threshold'

    @unittest.skipUnless(ALL, 'minutes long')
    def test_an_upload_of_a_hundred_chunks_may_end_after_the_first_and_before_the_last(self):
        # Parameters of 18 bits in 111 chunks: 1 % and 99 % of the upload.
        self.use({**MODEL, 'hidden_size': 1024, 'intermediate_size': 2816, 'num_hidden_layers': 4})
        self.addCleanup(self.use, MODEL)
        for chunk, (how, name) in itertools.product((1, 110), zip(HOW, SITES)):
            with self.case([name], chunk=chunk, how=how, site=name):
                run, lost = self.lose_at([name], f'site.mid-upload:{chunk}', how,
                                         deadline_seconds=600, join_seconds=60)
                bytes_sent = self.federation.show(run)['parameters'] * 18 // 8 + 32
                assert bytes_sent // CHUNK == 110, 'another model, other chunks'
                if how != 'back':
                    self.closed_without(run)
                closed = self.back(run, lost, how)
                assert len(closed[0]['submissions']) >= 3, 'a sum of fewer than its threshold'

    def use(self, model):
        with open(f'{self.folder}/model.json', 'w', encoding='ascii') as file:
            json.dump(model, file)

    def closed_without(self, run):
        """The others finish. Where attempts ran out meanwhile, somebody lets them try again."""
        federation = self.federation
        federation.watch(run, lambda line: line.get('ended') or line['phase'] == 'paused', 'an end')
        if not self.closings(run):
            federation.dure('run', 'resume', '--dir', federation.consortium, run)
        federation.complete(run)

    def abandoned(self, run):
        return any(entry['type'] == 'round-abandoned'
                   for entry in self.federation.entries('aggregator', run))

    def test_with_too_few_left_there_is_no_sum_until_they_are_back(self):
        points = POINTS if ALL else ['site.mid-upload:2', 'site.after-masking-persist/surviving:1']
        for point in points:
            with self.case(['north', 'west'], point=point):
                run, lost = self.lose_at(['north', 'west'], point, 'gone')
                until(lambda run=run: self.federation.show(run).get('waiting')
                      or self.abandoned(run), 'the others can do nothing')
                assert not self.closings(run), 'two of four made a sum'
                self.back(run, lost, 'gone')


if __name__ == '__main__':
    MaskingTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
