"""A whole federation in a folder: consortium, aggregator, sites, runs, and what must hold of them.

Everything is looked at from outside: the command line, the log, files and exit codes.
"""

import errno
import functools
import glob
import hashlib
import itertools
import json
import os
import random
import select
import socket
import sqlite3
import subprocess
import sys
import time

from processes import PATIENCE, Daemon, Late, Programs, Waiting, until

PACER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'pacer.py')
CHUNK = 1 << 20
# One layer whose update is three chunks at 16 bits, so that a transfer can break in the middle.
MODEL = {'architectures': ['LlamaForCausalLM'], 'model_type': 'llama', 'hidden_size': 256,
         'intermediate_size': 1408, 'num_hidden_layers': 1, 'num_attention_heads': 4,
         'num_key_value_heads': 4, 'max_position_embeddings': 32, 'vocab_size': 257,
         'rms_norm_eps': 1e-5, 'rope_theta': 10000.0, 'hidden_act': 'silu',
         'tie_word_embeddings': True}
# Where no transfer has to break: a fifth of a test's time goes into the bytes of the other.
SMALL = {**MODEL, 'hidden_size': 64, 'intermediate_size': 176}


PORTS_EACH = 20
NEXT_PORT = itertools.count()


@functools.cache
def own_ports():
    """The first of this suite's ports, until its process ends: below those that connections and
    port 0 are given, and no other suite's, so that nobody takes one while its daemon is down."""
    claim = socket.socket(socket.AF_UNIX)
    for number in itertools.count(os.getpid()):
        try:
            claim.bind(f'\0dure-e2e-ports-{number % 1100}')
            return 10000 + PORTS_EACH * (number % 1100), claim
        except OSError as taken:
            if taken.errno != errno.EADDRINUSE:
                raise


def free_ports(count):
    first, ports = own_ports()[0], []
    while len(ports) < count:
        port = first + next(NEXT_PORT) % PORTS_EACH
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(('127.0.0.1', port)) != 0:
                ports.append(port)
    return ports


def blob_digest(path):
    """The name of a file's bytes as docs/decisions/0001 defines it, computed independently."""
    chunks = b''
    size = os.path.getsize(path)
    with open(path, 'rb') as file:
        while chunk := file.read(CHUNK):
            chunks += hashlib.sha256(chunk).digest()
    head = b'dure-blob-1\n' + size.to_bytes(8, 'little') + CHUNK.to_bytes(4, 'little')
    return hashlib.sha256(head + chunks).hexdigest()


def write_text(folder, seed):
    """Words enough for any number of tiny steps, different at every site."""
    os.makedirs(folder)
    chance = random.Random(seed)
    words = [''.join(chance.choice('abcdefghijklmnop') for _ in range(chance.randint(2, 7)))
             for _ in range(60)]
    for part in range(8):
        with open(f'{folder}/{part}.txt', 'w', encoding='ascii') as file:
            for _ in range(40):
                file.write(' '.join(chance.choice(words) for _ in range(12)) + '.\n')


def terms_file(path, member, dataset, use, purposes, licence):
    """Terms as an owner writes them, of Korean text that holds nobody's data; their path."""
    allowed = ['train', 'finetune', 'evaluate', 'export-weights', 'serve', 'publish-metrics']
    actions = '\n'.join(f'{each} = "allow"' for each in allowed)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'version = 1\nuse = "{use}"\npurposes = {json.dumps(purposes)}\n'
                   f'[actions]\n{actions}\n[licence]\ndata = "{licence}"\n'
                   '[territories]\nprocessing = ["*"]\nstorage = ["*"]\nexports = ["*"]\n'
                   '[personal]\nclass = "none"\nspecial = "no"\nbasis = "not-needed"\n'
                   f'[dataset]\ndataset = "{dataset}"\ncustodian = "{member}"\n'
                   f'rightsHolder = "{member}"\nmodality = "text"\nclassification = "clear"\n'
                   'languages = ["ko"]\n')
    return path


class Federation:
    def __init__(self, programs, folder, names, relay=None, votes=False, clock=None,
                 model=None):
        """With a relay everybody finds the aggregator behind it; without votes no run needs one;
        the aggregator may have a clock of its own."""
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.programs = Programs(programs)
        listen, enrol = free_ports(2)
        if relay:
            relay.target = listen
        self.address = f'127.0.0.1:{relay.port if relay else listen}'
        self.consortium = f'{folder}/consortium'
        own, door = f'127.0.0.1:{listen}', f'127.0.0.1:{enrol}'
        self.dure('consortium', 'init', '--dir', self.consortium, '--name', 'trial', '--address',
                  self.address, '--enrol-address', door)
        if not votes:
            charter = f'{self.consortium}/aggregator/constitution/charter.toml'
            with open(charter, encoding='ascii') as file:
                text = file.read()
            with open(charter, 'w', encoding='ascii') as file:
                file.write(text.replace('unmasked_by_vote = true', 'unmasked_by_vote = false'))
        self.aggregator = Daemon(self.programs, [
            'aggregator', 'serve', '--dir', f'{self.consortium}/aggregator', '--listen', own,
            '--listen-enrol', door, '--threads', '1'], f'{folder}/aggregator.log')
        self.aggregator.start(clock=clock)
        self.sites = {}
        for name in names:
            self.admit(name)
        with open(f'{folder}/model.json', 'w', encoding='ascii') as file:
            json.dump(model or MODEL, file)
        self.rounds = {}

    def dure(self, *arguments, **options):
        return self.programs.dure(*arguments, **options)

    def fails(self, *arguments, expect):
        """What a command that must fail says."""
        return self.programs.fails(*arguments, expect=expect)

    def says(self, *arguments, **options):
        """What a command tells a person, on either stream."""
        return self.programs.says(*arguments, **options)

    def invite(self, name, role='member', member=None, house='private'):
        return self.dure('invite', '--dir', self.consortium, '--member', member or name, '--site',
                         name, '--role', role, '--house', house)['invitation']

    def officer(self, member, house='private'):
        """The folder of a new officer of a member."""
        return self.admit(f'{member}-desk', 'officer', member=member, house=house)

    def trust_the_log(self):
        """It is written to at once after a start, although no site holds a copy that it could be
        compared with: an empty one is not shown for ten seconds."""
        self.aggregator.arguments.append('--alone')

    def admit(self, name, role='member', terms='open', **options):
        invitation = self.invite(name, role, **options)
        home = f'{self.folder}/{name}'
        self.dure('site', 'enrol', invitation, '--dir', home)
        if role == 'member':
            self.seat(name, terms)
        return home

    def seat(self, name, terms='open'):
        """The daemon of a site that has enrolled, with text of its own."""
        home = self.home(name)
        write_text(f'{self.folder}/{name}-data', seed=name)
        self.sites[name] = Daemon(self.programs, [
            'site', 'serve', '--dir', home, '--data', f'{self.folder}/{name}-data',
            '--terms', terms, '--threads', '1'], f'{self.folder}/{name}.log')

    def home(self, name):
        return f'{self.consortium}/aggregator' if name == 'aggregator' else f'{self.folder}/{name}'

    def hold(self, *names):
        """Of sites that have not started: their trainings stand still at a step (pacer.py)."""
        for name in names:
            program = f'{self.folder}/{name}-pacer'
            with open(program, 'w', encoding='utf-8') as file:
                file.write(f"#!/bin/sh\nexec '{sys.executable}' -BIS '{PACER}' "
                           f"'{self.programs.path('dure-trainer')}' '{self.gate(name)}' \"$@\"\n")
            os.chmod(program, 0o755)
            self.sites[name].arguments += ['--trainer', program]

    def gate(self, name):
        return f'{self.folder}/{name}-trains'

    def let_train(self, name):
        """It goes on, and no later one is held, unless again."""
        with open(self.gate(name), 'w', encoding='ascii'):
            pass

    def hold_again(self, name):
        if os.path.exists(self.gate(name)):
            os.remove(self.gate(name))

    def training(self, run, name):
        """Waits until the site trains, with one that is held."""
        assert '--trainer' in self.sites[name].arguments, f'{name} may be quicker than this look'
        self.watch(run, lambda line: any(
            each['site'] == name and each['state'] == 'training' and each['step'] >= 1
            for each in line['sites']), f'{name} is training')

    def start_sites(self, *names):
        for name in names or self.sites:
            self.sites[name].start()

    def _proposal(self, run, rounds=2, sites=(), quorum=None, steps=2, lane='int16', **options):
        self.rounds[run] = rounds
        arguments = ['run', 'start', '--dir', self.consortium, '--name', run, '--model',
                     f'{self.folder}/model.json', '--rounds', str(rounds), '--steps', str(steps),
                     '--batch', '2', '--lane', lane, '--quorum',
                     str(quorum or len(sites or self.sites))]
        there = len(sites or self.sites)
        if there >= 3 and (quorum or there) < 3:
            options.setdefault('masking', 'none')  # two are no secure sum
        for site in sites or self.sites:
            arguments += ['--site', site]
        for key, value in options.items():
            arguments.append('--' + key.replace('_', '-'))
            if value is not True:
                arguments.append(str(value))
        return arguments

    def propose(self, run, **options):
        return self.dure(*self._proposal(run, **options))

    def proposing(self, run, **options):
        """The same as a process under way."""
        return subprocess.Popen(
            [self.programs.path('dure-crashing'), *self._proposal(run, **options), '--json'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def show(self, run):
        return self.dure('run', 'show', '--dir', self.consortium, run)

    def watch(self, run, wanted, what, seconds=PATIENCE):
        """The first progress line that `wanted` accepts, across restarts of the aggregator. A run
        that goes on is waited for: a busy machine may be slow, but nothing stands still on it."""
        waiting = Waiting(seconds)
        line = None
        while waiting.left() > 0:
            with subprocess.Popen([self.programs.path('dure-crashing'), 'run', 'watch', '--dir',
                                   self.consortium, run, '--json'], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as watch:
                try:
                    for line in self._lines(watch, waiting):
                        if wanted(line):
                            return line
                        waiting.sees(self._advance(line))
                finally:
                    watch.kill()
        raise Late(f'run {run}: {seconds:.0f} s without progress, or far longer in all, and still '
                   f'not: {what}; last seen {line}\n' + self.logs())

    @staticmethod
    def _advance(line):
        """What changes when the run gets on."""
        return [line.get(key) for key in ('round', 'attempt', 'phase', 'ended')] + [
            (each['site'], each['state'], each['step'], each['bytes_up'], each['bytes_down'])
            for each in line.get('sites', [])]

    @staticmethod
    def _lines(watch, waiting):
        """What it says; read without Python's buffer, of whose lines the poll would not know."""
        rest = b''
        poll = select.poll()
        poll.register(watch.stdout, select.POLLIN | select.POLLHUP)
        while (left := waiting.left()) > 0 and poll.poll(left * 1000):
            piece = os.read(watch.stdout.fileno(), 1 << 16)
            if not piece:
                return
            *lines, rest = (rest + piece).split(b'\n')
            yield from map(json.loads, lines)

    def complete(self, run, seconds=PATIENCE):
        return self.watch(run, lambda line: line.get('ended') == 'complete', 'complete', seconds)

    def logs(self):
        parts = [f'--- aggregator\n{self.aggregator.tail()}']
        parts += [f'--- {name}\n{site.tail()}' for name, site in self.sites.items()]
        return '\n'.join(parts)

    def entries(self, name, run=None):
        arguments = ['ledger', 'show', '--dir', self.home(name)]
        found = self.dure(*arguments, *(['--run', run] if run else []))
        return found if isinstance(found, list) else [found]

    def stop(self):
        for daemon in [*self.sites.values(), self.aggregator]:
            daemon.stop()

    def kill(self):
        for daemon in [*self.sites.values(), self.aggregator]:
            daemon.kill()

    # What must hold -----------------------------------------------------------------------------

    def check_run(self, run, sites=None):
        """Counted once, every round closed once, receipts valid, the same model everywhere."""
        sites = list(sites or self.sites)
        entries = self.entries('aggregator', run)
        closed = [entry['event'] for entry in entries if entry['type'] == 'round-closed']
        rounds = [event['round'] for event in closed]
        assert rounds == list(range(self.rounds[run])), f'{run}: closed rounds are {rounds}'
        self.check_said_once(run, entries)
        submitted = {}
        for entry in entries:
            if entry['type'] == 'contribution-submitted':
                submitted[entry['index']] = entry['event']
        counted = set()
        for event in closed:
            seen = [each['site'] for each in event['submissions']]
            assert len(seen) == len(set(seen)), f'{run}: a site is counted twice: {event}'
            for each in event['submissions']:
                said = submitted[each['index']]
                assert (said['site'], said['round'], said['attempt']) == (
                    each['site'], event['round'], event['attempt']), f'{run}: {each} is not {said}'
                assert said['contribution'] not in counted, f'{run}: counted twice: {said}'
                counted.add(said['contribution'])
        model = closed[-1]['model']
        assert self.show(run)['base']['model'] == model, f'{run}: the aggregator has another model'
        for site in sites:
            path = f'{self.home(site)}/blobs/blobs/{model}'
            until(lambda path=path: os.path.exists(path), f'{site} holds the model of {run}')
            assert blob_digest(path) == model, f'{run}: {site} holds other bytes than its name says'
        return closed

    @staticmethod
    def check_said_once(run, entries):
        """An append that a crash had repeated made no second entry."""
        said = set()
        for entry in entries:
            event = entry['event']
            what = (entry['type'], event.get('round'), event.get('attempt'), event.get('site'),
                    event.get('dataset'), event.get('submission'), event.get('model'))
            once = entry['type'] != 'evaluation-reported'
            assert not once or what not in said, f'{run}: the log says {what} twice'
            said.add(what)

    def check_receipts(self, run, closed):
        """Every contribution that was counted left a receipt that anybody can check."""
        vkey = self.dure('ledger', 'head', '--dir', self.home('aggregator'))['vkey']
        for event in closed:
            for each in event['submissions']:
                stem = f'{self.home(each["site"])}/receipts/{run}-{event["round"]}-'
                name = f'{stem}{event["attempt"]}'
                until(lambda name=name: os.path.exists(f'{name}.tlog-proof'),
                      f'{name} is kept')
        for site in self.sites:
            for proof in glob.glob(f'{self.home(site)}/receipts/{run}-*.tlog-proof'):
                self.dure('ledger', 'check', '--receipt', proof, '--entry',
                          proof.removesuffix('.tlog-proof') + '.entry', '--vkey', vkey)

    def check_copies(self, sites=None):
        """Every copy of the log verifies from its first byte, and is a prefix of the log."""
        held = {}
        for name in [*(sites or self.sites), 'aggregator']:
            assert self.dure('ledger', 'verify', '--dir', self.home(name))['intact'] is True
            held[name] = [entry['leaf'] for entry in self.entries(name)]
        whole = held['aggregator']  # read last: it may have grown meanwhile
        for name, leaves in held.items():
            assert leaves == whole[:len(leaves)], f'{name} holds another log'

    def check_published(self, runs, sites=None):
        """After the daemons ended: what each site itself takes for its model of every run."""
        for run in runs:
            closed = [entry['event'] for entry in self.entries('aggregator', run)
                      if entry['type'] == 'round-closed']
            for site in sites or self.sites:
                with sqlite3.connect(f'{self.home(site)}/site.db') as store:
                    row = store.execute('SELECT value FROM entry WHERE name = ?',
                                        (f'run/{run}/model',)).fetchone()
                assert row is not None, f'{site} has published no model of {run}'
                published = bytes(row[0])[8:40].hex()
                assert published == closed[-1]['model'], f'{site} ends {run} with another model'

    def contribution_bytes(self, run):
        return 2 * self.show(run)['parameters']
