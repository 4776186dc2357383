"""Stands between a site and its trainer, and holds the training at its first step until a file is
there: that a training is seen under way is then no matter of who is quicker.

    pacer.py TRAINER GATE [the arguments that the site gives its trainer]
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys

PR_SET_PDEATHSIG = 1


def die_together():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Pacer:
    def __init__(self, trainer, gate, arguments):
        self.gate = gate
        at = arguments.index('--seat-fd') + 1
        self.site = socket.socket(fileno=int(arguments[at]))
        self.site.set_inheritable(False)  # or the site would wait for one that is gone
        self.seat, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        arguments[at] = str(theirs.fileno())
        self.trainer = subprocess.Popen([trainer, *arguments], close_fds=False,
                                        preexec_fn=die_together)
        theirs.close()
        self.asked = b''  # by the site: the line that it is at
        self.may_hold = False
        self.said = b''  # by the trainer, and not passed on
        self.step = b''  # what it said last; not empty: it is held

    def run(self):
        while True:
            ends = [self.site] if self.step else [self.site, self.seat]
            ready = select.select(ends, [], [], 0.1 if self.step else None)[0]
            goes_on = self.step and (ready or os.path.exists(self.gate))
            if goes_on:  # what a site says wants an answer
                self.step = b''
                self.trainer.send_signal(signal.SIGCONT)
            elif self.step:  # a site tells of it only now and then
                self.site.sendall(self.step)
            if self.site in ready and not self.from_site():
                return
            if goes_on:
                self.pass_on()
            if self.seat in ready and not self.from_trainer():
                return

    def from_site(self):
        asked = self.site.recv(1 << 16)
        self.seat.sendall(asked)
        *lines, self.asked = (self.asked + asked).split(b'\n')
        for line in lines:  # what is called off is held no more
            self.may_hold = json.loads(line).get('task') == 'train'
        return bool(asked)

    def from_trainer(self):
        said = self.seat.recv(1 << 16)
        self.said += said
        self.pass_on()
        return bool(said)

    def pass_on(self):
        while b'\n' in self.said and not self.step:
            line, self.said = self.said.split(b'\n', 1)
            trains = self.may_hold and json.loads(line).get('stage') == 'training'
            if trains and not os.path.exists(self.gate):
                self.trainer.send_signal(signal.SIGSTOP)
                self.step = line + b'\n'
            self.site.sendall(line + b'\n')


if __name__ == '__main__':
    if '--seat-fd' not in sys.argv:  # another rank of a gang
        os.execv(sys.argv[1], [sys.argv[1], *sys.argv[3:]])
    pacer = Pacer(sys.argv[1], sys.argv[2], sys.argv[3:])
    try:
        pacer.run()
    except (BrokenPipeError, ConnectionResetError):
        pass  # one end is gone, and the other will see it
    pacer.site.close()
    pacer.seat.close()
    pacer.trainer.send_signal(signal.SIGCONT)
    code = pacer.trainer.wait()
    sys.exit(code if code >= 0 else 1)
