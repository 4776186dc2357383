"""A federation of four sites whose rounds are masked, and what a test asks of them."""

import os
import re
import shutil
import tempfile
import unittest

from federation import SMALL, Federation
from processes import Late, until

SITES = ['east', 'north', 'south', 'west']
# With one site fewer than all: these runs go on without whoever is lost.
LOOSE = {'quorum': 3, 'lost_seconds': 1, 'join_seconds': 5, 'allow_differences': True}
# Where everybody comes back and is to be counted: whoever is slow is waited for.
PATIENT = {**LOOSE, 'lost_seconds': 30, 'join_seconds': 30}
RUNS_MAX = 5  # until the sites to be lost were in one
LEAVES = 'masking: leaves this site'
CHECKED = re.compile(r'masking: the sum of (\d) sites is what they sent')


class MaskingTest(unittest.TestCase):
    programs = ''
    sites = SITES
    model = SMALL

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='dure-e2e-')
        cls.federation = Federation(cls.programs, cls.folder, cls.sites, model=cls.model)
        cls.federation.start_sites()

    @classmethod
    def tearDownClass(cls):
        cls.federation.kill()
        shutil.rmtree(cls.folder)

    def lines(self, site, run):
        with open(self.federation.sites[site].log, encoding='utf-8') as log:
            return [line for line in log if f' {run}/' in line]

    def said(self, site, run, text):
        return any(text in line for line in self.lines(site, run))

    def closings(self, run):
        return [entry for entry in self.federation.entries('aggregator', run)
                if entry['type'] == 'round-closed']

    def settle(self, run):
        federation = self.federation
        line = federation.watch(run, lambda line: line.get('ended') or line['phase'] == 'paused',
                                'complete')
        if not line.get('ended'):  # the liar wore out its attempts
            federation.dure('run', 'resume', '--dir', federation.consortium, run)
        federation.complete(run)
        closed = federation.check_run(run)
        federation.check_receipts(run, closed)
        for event in closed:
            assert 'sums' in event, 'a masked round closes with sums'
            assert all('weight' not in each for each in event['submissions'])
            sums = event['sums']
            assert sums['steps'] == 2 * len(event['submissions']), sums
        return closed

    def arm(self, name, **how):
        """The site again, with what it is to do; it is there when the next run gathers."""
        site = self.federation.sites[name]
        site.stop()
        before = os.path.getsize(site.log)
        site.start(**how)

        def connected():
            with open(site.log, encoding='utf-8') as log:
                log.seek(before)
                return 'connected to' in log.read()
        until(connected, f'{name} is connected')
        return site

    def lose(self, run, names, crash_at=None, stop_at=None, **options):
        """A run in which these sites die, or stop, at that point; its name, and the sites.

        Whoever answers too late is left out of a round, and a run can end without it: then there
        is another, so that no site has to be quick."""
        for number in range(RUNS_MAX):
            lost = [self.arm(name, crash_at=crash_at, stop_at=stop_at) for name in names]
            others = [site for site in self.sites if site not in names]
            this = f'{run}-{number}'
            self.federation.propose(this, **options)

            def gone():
                return all(not site.running() or site.stopped() for site in lost)

            def over(this=this):
                return any(self.said(site, this, ': ended') for site in others)
            until(lambda: gone() or over(), lambda: f'{names} come to the point in {this}: '
                  + self.federation.logs())
            if gone():
                for site in lost:
                    if crash_at:
                        site.wait_for_death()
                return this, lost
        raise Late(f'{names} were left out of each of {RUNS_MAX} runs')

    def honest(self, name):
        """The daemon again, as everybody has it."""
        daemon = (self.federation.aggregator if name == 'aggregator'
                  else self.federation.sites[name])
        daemon.stop()
        daemon.start()

    def lied(self, name, lie, run, **options):
        """Starts a run while `name` lies; the file shows when it did."""
        told = f'{self.folder}/{run}.told'
        daemon = (self.federation.aggregator if name == 'aggregator'
                  else self.federation.sites[name])
        if name == 'aggregator':
            daemon.stop()
            daemon.start(lie=lie, told=told)
        else:
            self.arm(name, lie=lie, told=told)
        self.federation.propose(run, **{'join_seconds': 5, **options})
        until(lambda: os.path.exists(told), f'{lie} was told')
