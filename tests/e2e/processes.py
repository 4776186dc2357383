"""Real processes of Dure, started, watched and killed; every wait has a deadline and an event."""

import json
import os
import select
import signal
import struct
import subprocess
import time

# Seconds; far beyond what a healthy step takes. DURE_PATIENCE: how many times slower all is.
SLOWER = float(os.environ.get('DURE_PATIENCE', '1'))
PATIENCE = 120.0 * SLOWER


class Late(AssertionError):
    """Something that had to happen did not, in time."""


class Waiting:
    """How long what is waited for may stand still; while it moves, five times as long in all."""

    def __init__(self, seconds):
        self.seconds, self.mark = seconds, None
        self.end = time.monotonic() + 5 * seconds
        self.still = time.monotonic() + seconds

    def left(self):
        return min(self.still, self.end) - time.monotonic()

    def sees(self, mark):
        if mark != self.mark:
            self.mark, self.still = mark, time.monotonic() + self.seconds


def until(condition, what, seconds=PATIENCE, wake=None):
    """The first true value of `condition`, looked at when `wake` (a file) stirs or 50 ms pass."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    if wake is not None:
        poll.register(wake, select.POLLIN)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Late(f'after {seconds:.0f} s still not: {what() if callable(what) else what}')
        poll.poll(50)


class Clock:
    """The time of day as chosen processes take it to be; changed while they run."""

    def __init__(self, path):
        self.path = path
        with open(path, 'wb') as file:
            file.write(bytes(16))

    def jump(self, seconds, slept=0):
        with open(self.path, 'r+b') as file:
            file.write(struct.pack('<qq', int(seconds), int(slept)))


class Programs:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def dure(self, *arguments, expect=0, **environment):
        """Runs one command to its end; returns what it printed as JSON where it is JSON."""
        done = subprocess.run([self.path('dure-crashing'), *arguments, '--json'],
                              capture_output=True, text=True, timeout=PATIENCE, check=False,
                              stdin=subprocess.DEVNULL, env={**os.environ, **environment})
        if done.returncode != expect:
            raise AssertionError(f'dure {" ".join(arguments)} ended {done.returncode}, expected '
                                 f'{expect}: {done.stdout}{done.stderr}')
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        return lines[0] if len(lines) == 1 else lines


    def says(self, *arguments, expect=0):
        """What a command tells a person, on either stream."""
        done = subprocess.run([self.path('dure-crashing'), *arguments], capture_output=True,
                              text=True, timeout=PATIENCE, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode != expect:
            raise AssertionError(f'dure {" ".join(arguments)} ended {done.returncode}, expected '
                                 f'{expect}: {done.stdout}{done.stderr}')
        return done.stdout + done.stderr

    def fails(self, *arguments, expect):
        """Runs a command that must end with that code; what it said."""
        done = subprocess.run([self.path('dure-crashing'), *arguments, '--json'],
                              capture_output=True, text=True, timeout=PATIENCE, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode != expect:
            raise AssertionError(f'dure {" ".join(arguments)} ended {done.returncode}, expected '
                                 f'{expect}: {done.stdout}{done.stderr}')
        return done.stderr


def children(pid):
    """Process ids, of whichever thread started them; none of a process that is gone."""
    found = []
    tasks = f'/proc/{pid}/task'
    for task in os.listdir(tasks) if os.path.isdir(tasks) else ():
        try:
            with open(f'{tasks}/{task}/children', encoding='ascii') as listed:
                found += [int(child) for child in listed.read().split()]
        except OSError:
            continue  # the thread ended meanwhile
    return found


class Daemon:
    """`dure ... serve` as its own process; its log goes on across restarts."""

    def __init__(self, programs, arguments, log, program='dure-crashing'):
        self.programs, self.arguments, self.log = programs, arguments, log
        self.program = program
        self.process = None
        self.said = ''

    def start(self, crash_at=None, stop_at=None, passed=None, limit=None, clock=None, lie=None,
              told=None, hold_at=None, until_at=None):
        """Starts and waits for the ready line. A daemon that is to die early may never say it."""
        # glibc fills what is freed, so that a late reader falls over it instead of getting lucky.
        environment = {'MALLOC_PERTURB_': '165', **os.environ}
        if crash_at or stop_at:
            environment['DURE_CRASH_AT'] = crash_at or stop_at
            environment['DURE_CRASH_BY'] = 'stop' if stop_at else 'kill'
        if hold_at:
            environment['DURE_CRASH_AT'] = hold_at
            environment['DURE_HOLD_UNTIL'] = until_at
        if passed:
            environment['DURE_CRASH_LIST'] = passed
        if clock:
            environment['DURE_CLOCK'] = clock
        program = self.program
        if lie:
            program = 'dure-lying'
            environment['DURE_LIE'] = lie
            environment['DURE_LIE_TOLD'] = told
        before = None
        if limit is not None:
            def before():
                limit()
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                [self.programs.path(program), *self.arguments, '--json'],
                stdout=subprocess.PIPE, stderr=log, env=environment, preexec_fn=before)
        line = self._first_line()
        if not line and not crash_at:
            code = self.process.wait(PATIENCE)
            raise AssertionError(f'{self.arguments[:2]} did not start but ended {code}: '
                                 f'{self.tail()}')
        return bool(line)

    def _first_line(self):
        poll = select.poll()
        poll.register(self.process.stdout, select.POLLIN | select.POLLHUP)
        if not poll.poll(PATIENCE * 1000):
            raise Late(f'{self.arguments[:2]} is not ready: {self.tail()}')
        return self.process.stdout.readline().decode()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait_for_death(self, seconds=PATIENCE):
        """Waits until the process killed itself; anything but SIGKILL is a failure of its own."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Late(f'{self.arguments[:2]} lives on: the point was not passed; '
                       f'{self.tail()}') from None
        self.process.stdout.close()
        if code != -signal.SIGKILL:
            raise AssertionError(f'{self.arguments[:2]} ended {code}: {self.tail()}')

    def stopped(self):
        """Whether the process stands still (SIGSTOP)."""
        with open(f'/proc/{self.process.pid}/stat', encoding='ascii') as stat:
            return stat.read().rsplit(')', 1)[1].split()[0] == 'T'

    def wait_for_stop(self, seconds=PATIENCE):
        """Waits until the process stopped itself."""
        until(self.stopped, lambda: f'{self.arguments[:2]} stops: {self.tail()}', seconds)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        """As an operator does; it must end in order, whatever it is doing."""
        code = self._end(signal.SIGTERM)
        if -code in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
            raise AssertionError(f'{self.arguments[:2]} died by signal {-code} when told to stop: '
                                 f'{self.tail()}')
        return code

    def _end(self, number):
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return code

    def trainers(self):
        """Process ids of this daemon's trainers."""
        return children(self.process.pid)

    def tail(self, size=1500):
        with open(self.log, encoding='utf-8', errors='replace') as log:
            return log.read()[-size:]

    def log_has(self, text):
        return self.log_count(text) > 0

    def log_count(self, text):
        with open(self.log, encoding='utf-8', errors='replace') as log:
            return log.read().count(text)
