"""Trainers that die or hang, and a budget of time: the real processes, seen from outside.

    trainer_test.py PROGRAMS [unittest arguments]
"""

import os
import signal
import sys
import unittest
import unittest.mock

from faults import SITES, FaultTest
from processes import children, until


# How a program in the trainer's seat begins.
SEAT = """#!/usr/bin/python3
import json, socket, sys
seat = socket.socket(fileno=int(sys.argv[sys.argv.index('--seat-fd') + 1])).makefile('rw')
def say(**event):
    seat.write(json.dumps(event) + chr(10))
    seat.flush()
"""

# Prepares, and gives up every training unasked.
UNWILLING = SEAT + """
say(kind='ready', version=1, trainer='unwilling', protections=[])
for line in seat:
    asked = json.loads(line)
    if asked.get('task') == 'prepare':
        say(kind='prepared', id=asked['id'], documents=9, train_tokens=999, held_out_tokens=9)
    elif asked['kind'] == 'task':
        say(kind='error', id=asked['id'], code='cancelled', message='as I was told')
"""

# Says that it has trained, and goes on cutting its result short and making it long again.
LYING = SEAT + """
import os, shutil, threading
def cut(held, size):
    while True:
        os.ftruncate(held, 4096)
        os.ftruncate(held, size)
say(kind='ready', version=1, trainer='lying', protections=[])
for line in seat:
    asked = json.loads(line)
    if asked.get('task') == 'prepare':
        say(kind='prepared', id=asked['id'], documents=9, train_tokens=999, held_out_tokens=9)
    elif asked['kind'] == 'task':
        made = asked['output_path']
        shutil.copyfile(asked['model_path'], made)
        held = os.open(made, os.O_RDWR)
        threading.Thread(target=cut, args=(held, os.path.getsize(made)), daemon=True).start()
        say(kind='done', id=asked['id'], steps=2, tokens=256)
"""

# Gives back what it got but for the last number, after a moment, and says of the first round that
# accelerators were busy for so long, of the second what cannot be, and of others nothing.
ACCELERATED = SEAT + """
import os, shutil, struct, time
said = [1.25, 1e9]
say(kind='ready', version=1, trainer='accelerated', protections=[])
for line in seat:
    asked = json.loads(line)
    if asked.get('task') == 'prepare':
        say(kind='prepared', id=asked['id'], documents=9, train_tokens=999, held_out_tokens=9)
    elif asked.get('task') == 'train':
        time.sleep(0.2)
        shutil.copyfile(asked['model_path'], asked['output_path'])
        with open(asked['output_path'], 'r+b') as made:
            made.seek(-4 * (1 + asked['round']), os.SEEK_END)  # no two rounds give the same
            made.write(struct.pack('<f', 0.01))
        busy = {'accelerator_seconds': said[asked['round']]} if asked['round'] < 2 else {}
        say(kind='done', id=asked['id'], steps=2, tokens=128, **busy)
    elif asked['kind'] == 'task':
        say(kind='error', id=asked['id'], code='invalid', message='I only train')
"""


class TrainerTest(FaultTest):
    def test_trainer_killed_while_it_trains(self):
        federation = self.found(SITES[:2])
        federation.hold('north')
        federation.start_sites()
        federation.propose('trainer')
        federation.training('trainer', 'north')
        killed = federation.sites['north'].trainers()
        self.assertEqual(len(killed), 1)
        os.kill(killed[0], 9)
        federation.let_train('north')
        self.settle(federation, 'trainer')
        self.assertTrue(federation.sites['north'].log_has('training ended'))

    def test_trainer_that_dies_every_time_is_given_up_and_the_record_says_so(self):
        federation = self.found(SITES[:2])
        federation.hold('north')
        federation.start_sites()
        federation.propose('deaths', quorum=1, rounds=1)
        federation.training('deaths', 'north')

        def settled():
            for pid in federation.sites['north'].trainers():
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass
            return federation.show('deaths')['phase'] == 'ended'

        until(settled, lambda: 'the run is complete' + federation.logs())
        closed = self.settle(federation, 'deaths')
        self.assertEqual(self.counted(closed[0]), ['east'])
        self.assertEqual(closed[0]['excluded'],
                         [{'site': 'north', 'reason': 'trainer-unavailable'}])

    def test_trainer_that_stops_unasked_every_time_is_given_up(self):
        federation = self.found(SITES[:2])
        program = f'{self.folder}/unwilling'
        with open(program, 'w', encoding='ascii') as file:
            file.write(UNWILLING)
        os.chmod(program, 0o755)
        federation.sites['north'].arguments += ['--trainer', program]
        federation.start_sites()
        federation.propose('unwilling', quorum=1, rounds=1)
        closed = self.settle(federation, 'unwilling')
        self.assertEqual(closed[0]['excluded'],
                         [{'site': 'north', 'reason': 'trainer-unavailable'}])

    def test_a_result_that_is_cut_short_while_it_is_read_does_not_end_the_site(self):
        federation = self.found(SITES[:2])
        program = f'{self.folder}/lying'
        with open(program, 'w', encoding='ascii') as file:
            file.write(LYING)
        os.chmod(program, 0o755)
        north = federation.sites['north']
        north.arguments += ['--trainer', program]
        federation.start_sites()
        federation.propose('cut', quorum=1, rounds=3, steps=2)
        closed = self.settle(federation, 'cut')
        self.assertEqual(len(closed), 3)
        for event in closed:
            self.assertIn('east', self.counted(event))
        self.assertEqual(north.stop(), 0, north.tail())

    def accelerated(self, run, sites, **options):
        """What the contributions of that run say of a site whose trainer says its seconds."""
        federation = self.found(sites)
        program = f'{self.folder}/accelerated'
        with open(program, 'w', encoding='ascii') as file:
            file.write(ACCELERATED)
        os.chmod(program, 0o755)
        federation.sites['north'].arguments += ['--trainer', program]
        federation.start_sites()
        federation.propose(run, rounds=3, steps=2, **options)
        self.settle(federation, run)
        said = [entry['event'] for entry in federation.entries('east', run)
                if entry['type'] == 'contribution-submitted']
        return federation, {(each['site'], each['round']): each.get('acceleratorSeconds')
                            for each in said}

    def test_time_on_accelerators_is_on_record_where_a_trainer_says_what_can_be(self):
        federation, said = self.accelerated('busy', SITES[:2], masking='none')
        self.assertEqual(said, {**{('north', i): None for i in (1, 2)}, ('north', 0): 2,
                                **{('east', i): None for i in range(3)}})
        self.assertTrue(federation.sites['north'].log_has('not told: the trainer says 1000000000'))

    def test_time_on_accelerators_of_a_masked_contribution_is_not_told(self):
        _, said = self.accelerated('hidden', SITES)
        self.assertEqual(set(said.values()), {None})

    def test_trainer_that_hangs_costs_its_site_one_round_at_most(self):
        federation = self.found(SITES[:2])
        federation.sites['north'].arguments += ['--rank-patience', '2']
        federation.hold('north')
        federation.start_sites()
        federation.propose('hangs', quorum=1, steps=120, join_seconds=60, deadline_seconds=20)
        federation.training('hangs', 'north')
        os.kill(federation.sites['north'].trainers()[0], signal.SIGSTOP)
        federation.let_train('north')
        closed = self.settle(federation, 'hangs')
        self.assertIn('east', self.counted(closed[0]))
        self.assertEqual(sorted(self.counted(closed[1])), SITES[:2])

    def test_trainer_that_hangs_where_nobody_can_be_missed_is_replaced_and_the_run_ends(self):
        self.hang_where_nobody_can_be_missed(SITES[:2], masking='none')

    def test_trainer_that_hangs_in_a_masked_round_is_replaced_and_the_run_ends(self):
        self.hang_where_nobody_can_be_missed(SITES)

    def hang_where_nobody_can_be_missed(self, sites, **options):
        """One hangs; the round waits for it, and closes with everybody at the first attempt."""
        federation = self.found(sites)
        federation.sites['north'].arguments += ['--rank-patience', '4']
        federation.hold('north')
        federation.start_sites()
        federation.propose('awaited', **options)
        federation.training('awaited', 'north')
        hung = federation.sites['north'].trainers()[0]
        os.kill(hung, signal.SIGSTOP)
        federation.let_train('north')
        closed = self.settle(federation, 'awaited')
        self.assertEqual([sorted(self.counted(event)) for event in closed], [sites] * 2)
        self.assertEqual([event['attempt'] for event in closed], [0, 0])
        self.assertTrue(federation.sites['north'].log_has(
            f'training ended: the trainer (process {hung}) hangs'))

    def test_a_site_that_could_never_train_declines_and_is_not_admitted(self):
        federation = self.found(SITES[:2])
        federation.sites['north'].arguments += ['--device', 'cuda']
        with unittest.mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES=''):
            federation.start_sites()
        federation.propose('hopeless', quorum=1)
        closed = self.settle(federation, 'hopeless', SITES[:1])
        self.assertEqual([self.counted(event) for event in closed], [['east']] * 2)
        entries = federation.entries('east', 'hopeless')
        admitted = [entry['event']['site'] for entry in entries
                    if entry['type'] == 'admission-decided']
        self.assertEqual(set(admitted), {'east'})
        self.assertTrue(federation.sites['north'].log_has('declined, --device cuda'))

    def test_a_time_budget_alone_trains(self):
        federation = self.found(SITES[:2])
        federation.start_sites()
        federation.propose('timed', steps=0, seconds=1, weighting='equal')
        closed = self.settle(federation, 'timed')
        self.assertEqual([sorted(self.counted(event)) for event in closed], [SITES[:2]] * 2)
        steps = [entry['event']['steps'] for entry in federation.entries('east', 'timed')
                 if entry['type'] == 'contribution-submitted']
        self.assertEqual(len(steps), 4)
        for count in steps:
            self.assertGreater(count, 1)

    def test_trainer_ends_with_the_site_that_was_killed(self):
        federation = self.found(SITES[:2])
        federation.hold('north')
        federation.start_sites()
        federation.propose('orphan', rounds=1)
        federation.training('orphan', 'north')
        pacer = federation.sites['north'].trainers()[0]
        trainer, = children(pacer)
        with open(f'/proc/{trainer}/cmdline', encoding='utf-8') as line:
            arguments = line.read().split('\0')
        readable = [path for flag, path in zip(arguments, arguments[1:]) if flag == '--read']
        self.assertTrue(readable)
        for path in readable:
            self.assertFalse(os.path.exists(f'{path}/lock'), 'it could hold the next daemon off')
        home, data = (os.path.abspath(path) for path in (
            federation.home('north'), f'{federation.folder}/north-data'))
        self.assertEqual(sorted(readable), sorted([data, f'{home}/runs/orphan/given']))
        writable = [path for flag, path in zip(arguments, arguments[1:]) if flag == '--write']
        self.assertEqual(sorted({os.path.dirname(path) for path in writable}),
                         [f'{home}/runs/orphan', f'{home}/work'])
        federation.sites['north'].kill()
        until(lambda: not alive(pacer) and not alive(trainer), 'the trainer ended')
        federation.let_train('north')
        federation.sites['north'].start()
        self.settle(federation, 'orphan')


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
            return stat.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


if __name__ == '__main__':
    FaultTest.programs = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
