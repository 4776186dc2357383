"""Runs a program in a Slurm cluster of one node, on this machine's loopback, in its own folder.

    slurm_cluster.py PROGRAM [ARGUMENTS...]     ends as the program does; 77: no cluster can be had
"""

import os
import pwd
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

PROGRAMS = ('munged', 'slurmctld', 'slurmd', 'srun', 'sinfo', 'squeue', 'scontrol', 'scancel')
PATIENCE = 60.0
SKIPPED = 77


def obstacle():
    """Why no cluster can be started here; empty: it can."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f'Slurm is not installed: no {", ".join(missing)} (Debian: slurm-wlm, munge)'
    if os.getuid() != 0:
        return 'slurmd starts tasks for any user, so this runs as root only'
    return ''


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('127.0.0.1', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.daemons = []
        os.chmod(folder, 0o755)  # munge wants the way to its socket to be open
        for name in ('state', 'spool'):
            os.makedirs(f'{folder}/{name}')
        with open(f'{folder}/munge.key', 'wb') as key:
            os.fchmod(key.fileno(), 0o600)
            key.write(os.urandom(1024))
        self.conf = f'{folder}/slurm.conf'
        with open(self.conf, 'w', encoding='ascii') as conf:
            conf.write('\n'.join(self.settings()) + '\n')
        os.environ['SLURM_CONF'] = self.conf

    def settings(self):
        host = socket.gethostname().split('.')[0]
        user = pwd.getpwuid(os.getuid()).pw_name
        controller, node = free_ports(2)
        folder = self.folder
        return [
            'ClusterName=trial', f'SlurmctldHost={host}(127.0.0.1)',
            f'SlurmctldPort={controller}', f'SlurmdPort={node}', 'AuthType=auth/munge',
            f'AuthInfo=socket={folder}/munge.socket', f'SlurmUser={user}', f'SlurmdUser={user}',
            f'StateSaveLocation={folder}/state', f'SlurmdSpoolDir={folder}/spool',
            f'SlurmctldPidFile={folder}/slurmctld.pid', f'SlurmdPidFile={folder}/slurmd.pid',
            'ProctrackType=proctrack/pgid', 'TaskPlugin=task/none', 'MpiDefault=none',
            'SwitchType=switch/none', 'ReturnToService=2', 'KillWait=2',
            'SlurmdParameters=config_overrides', 'SelectType=select/cons_tres',
            'SelectTypeParameters=CR_Core',
            f'NodeName={host} NodeAddr=127.0.0.1 NodeHostname={host} CPUs={os.cpu_count()} '
            'State=UNKNOWN',
            f'PartitionName=train Nodes={host} Default=YES MaxTime=INFINITE State=UP']

    def start(self):
        """Empty when it is up, else why not."""
        folder = self.folder
        self.run('munged', '--foreground', '--force', f'--key-file={folder}/munge.key',
                 f'--socket={folder}/munge.socket', f'--pid-file={folder}/munge.pid',
                 f'--log-file={folder}/munge.log', f'--seed-file={folder}/munge.seed')
        if not self.until(lambda: os.path.exists(f'{folder}/munge.socket')):
            return f'munged does not start: {self.said("munged")}'
        self.run('slurmctld', '-D', '-c')
        self.run('slurmd', '-D')
        if not self.until(lambda: 'idle' in self.state()):
            return f'the node is {self.state()}: {self.said("slurmctld")}{self.said("slurmd")}'
        return ''

    def run(self, *command):
        with open(f'{self.folder}/{command[0]}.out', 'ab') as out:
            self.daemons.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                                 stderr=out))

    def until(self, condition):
        """False: a minute passed, or a daemon ended."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            ended = [daemon for daemon in self.daemons if daemon.poll() is not None]
            if ended or time.monotonic() > deadline:
                return False
            select.select([], [], [], 0.1)
        return True

    @staticmethod
    def state():
        done = subprocess.run(['sinfo', '--noheader', '--format=%T'], capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        return done.stdout.strip()

    def said(self, name):
        with open(f'{self.folder}/{name}.out', encoding='utf-8', errors='replace') as out:
            return f'\n--- {name}\n{out.read()[-1500:]}'

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def main(command):
    os.environ['PATH'] = os.environ.get('PATH', '/usr/bin:/bin') + ':/usr/sbin:/sbin'
    why = obstacle()
    if why:
        print(f'skipped: {why}')
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix='dure-slurm-', ignore_cleanup_errors=True) as folder:
        cluster = Cluster(folder)
        try:
            why = cluster.start()
            if why:
                print(f'no cluster: {why}')
                return 1
            return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
        finally:
            cluster.stop()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
