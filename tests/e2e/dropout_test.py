"""The dropout sweep: a site is lost at every phase of a masked round and at every chunk it uploads.

    dropout_test.py PROGRAMS [unittest arguments]

Killed or stopped, one site or more than a sum can do without. The sum over whoever is left is
exact, because each of them checks it against what it sent itself, or there is none and nothing was
released; and when the lost come back the run completes at all sites. A few cases by default; all
of them, for every site, with DURE_E2E=all.
"""

import itertools
import os
import sys
import unittest

from masked import LOOSE, SITES, MaskingTest

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
    'site.after-masking-persist/checked:1',
]
ALL = os.environ.get('DURE_E2E') == 'all'


class DropoutTest(MaskingTest):
    number = 0

    def lose(self, names, point, how, **options):
        """One round in which these sites are lost at that point; the run then completes."""
        DropoutTest.number += 1
        run = f'lost-{DropoutTest.number}'
        lost = [self.federation.sites[name] for name in names]
        for site in lost:
            site.stop()
            site.start(**{'crash_at' if how == 'kill' else 'stop_at': point})
        with self.federation.proposing(run, steps=2, seed=DropoutTest.number, rounds=1,
                                       deadline_seconds=15, **{**LOOSE, **options}) as proposal:
            for site in lost:
                if how == 'kill':
                    site.wait_for_death()
                else:
                    site.wait_for_stop()
            assert proposal.wait(60) == 0
        return run, lost

    def back(self, run, lost, how):
        for site in lost:
            if how == 'kill':
                site.start()
            else:
                site.go_on()
        for event in self.settle(run):
            assert len(event['submissions']) >= 3, 'a sum of fewer than its threshold'

    def test_any_site_may_be_lost_at_any_point(self):
        chosen = list(itertools.product(POINTS, ('kill', 'stop'), SITES)) if ALL else [
            ('site.mid-upload:3', 'stop', 'east'),
            ('site.after-masking-persist/surviving:1', 'stop', 'south')]
        for point, how, name in chosen:
            with self.subTest(point=point, how=how, site=name):
                run, lost = self.lose([name], point, how)
                self.back(run, lost, how)

    def test_with_too_few_left_there_is_no_sum_until_they_are_back(self):
        points = POINTS if ALL else ['site.mid-upload:2', 'site.after-masking-persist/surviving:1']
        for point in points:
            with self.subTest(point=point):
                run, lost = self.lose(['north', 'west'], point, 'kill')
                assert not self.closings(run), 'two of four made a sum'
                self.back(run, lost, 'kill')


if __name__ == '__main__':
    MaskingTest.programs = sys.argv.pop(1)
    unittest.main(verbosity=2)
