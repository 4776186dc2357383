"""kill -9 at every named point of a round, of the real processes; after a restart all must hold.

    crash_test.py PROGRAMS (aggregator|site|three|masked)   DURE_E2E=all takes every point

`three`: three sites, unmasked, and a quorum of two, so that the others may go on without the one
that died.
`masked`: three sites under secure aggregation, all of which a sum needs.
"""

import os
import shutil
import sys
import tempfile
import traceback

import crash_points
from federation import Federation
from processes import PATIENCE, until

# The operator's new model, then three chunks of each site in each of two rounds.
CHUNKS_OF_MODEL = 6
CHUNKS_OF_SITE = 2 * 3
EVERY = 3  # of the points, in the suite that runs every time


class Suite:
    """One federation that lives through all cases, so that its log carries every scar."""

    def __init__(self, programs, role):
        self.role = role
        self.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        trio = role in ('three', 'masked')
        names = ['east', 'north', 'south'] if trio else ['north', 'south']
        self.federation = Federation(programs, self.folder, names)
        self.options = {} if role != 'three' else {'quorum': 2, 'lost_seconds': 1,
                                                   'join_seconds': 10, 'steps': 20}
        self.runs = []

    def cases(self):
        table = {'aggregator': crash_points.AGGREGATOR, 'site': crash_points.SITE,
                 'three': crash_points.THREE, 'masked': crash_points.MASKED}[self.role]
        if os.environ.get('DURE_E2E') == 'all':
            return table
        chosen = os.environ.get('DURE_E2E', '')
        if chosen:
            return [case for case in table if chosen in case[0]]
        return table[::EVERY]

    def victim(self, point):
        if point.startswith('aggregator.'):
            return self.federation.aggregator
        return self.federation.sites['north']

    def case(self, number, point, nth):
        federation, victim = self.federation, self.victim(point)
        run = f'{self.role}-{number}'
        self.runs.append(run)
        passed = f'{self.folder}/{run}.passed'
        federation.aggregator.stop()
        federation.aggregator.start(passed=passed)
        victim.stop()
        victim.start(crash_at=f'{point}:{nth}', passed=passed)
        # In the background: it may wait for an aggregator that died while it proposed.
        with federation.proposing(run, seed=number + 1, **self.options) as proposal:
            victim.wait_for_death()
            victim.start(passed=passed)
            answered = proposal.wait(PATIENCE) == 0
        if not answered:
            federation.propose(run, seed=number + 1, **self.options)
        federation.complete(run)
        closed = federation.check_run(run)
        federation.check_receipts(run, closed)
        for site in federation.sites.values():
            until(lambda site=site: site.log_has(f'{run}/1/0: ended'), f'{run} is over at the site')
        # A chunk that arrived is never sent again, whoever died.
        with open(passed, encoding='ascii') as names:
            arrived = names.read().split().count('aggregator.chunk-received')
        enough = CHUNKS_OF_MODEL + CHUNKS_OF_SITE * len(federation.sites)
        if self.role == 'masked':
            enough *= 2
        assert arrived <= enough, f'{arrived} chunks arrived where {enough} suffice'

    def run(self):
        federation = self.federation
        federation.start_sites()
        failures = []
        for number, (point, nth, _) in enumerate(self.cases()):
            try:
                self.case(number, point, nth)
                print(f'ok    {point}:{nth}', flush=True)
            except Exception:
                failures.append(point)
                print(f'FAIL  {point}:{nth}\n{traceback.format_exc()}{federation.logs()}',
                      flush=True)
        if not failures:
            federation.check_copies()
            federation.stop()
            federation.check_published(self.runs)
        return failures


def main():
    suite = Suite(os.path.abspath(sys.argv[1]), sys.argv[2])
    failures = ['not finished']
    try:
        failures = suite.run()
    finally:
        suite.federation.kill()
        if failures and os.environ.get('DURE_E2E_KEEP'):
            print(f'kept {suite.folder}')
        else:
            shutil.rmtree(suite.folder)
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
