"""A consortium of real daemons in a temporary folder, and what the kernel says about them."""
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 900  # seconds; only a broken round takes so long


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """A process whose messages are kept with the time at which they came."""

    def __init__(self, name, command, cwd):
        self.name = name
        self.lines = []
        self.arrived = threading.Condition()
        self.process = subprocess.Popen(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stderr:
            now = time.monotonic()
            with self.arrived:
                # Without the daemon's own time of day, which counts in seconds.
                self.lines.append((now, line.rstrip().partition(" ")[2]))
                self.arrived.notify_all()

    def cpu(self):
        """User and system seconds of the daemon itself, without its trainer."""
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = text.rsplit(")", 1)[1].split()
        return int(fields[11]) / TICKS, int(fields[12]) / TICKS

    def rss_anon(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        return 0

    def wait_for(self, wanted, since):
        """The first line, from index `since`, that `wanted(line)`; (time, index after it)."""
        end = time.monotonic() + PATIENCE
        at = since
        with self.arrived:
            while True:
                while at < len(self.lines):
                    when, line = self.lines[at]
                    at += 1
                    if wanted(line):
                        return when, at
                if self.process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{self.name} is stuck: {self.lines[-5:]}")
                self.arrived.wait(1)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Stage:
    """One aggregator and its sites, each with the bench's trainer in its seat."""

    def __init__(self, bin_dir, folder, sites):
        self.dure = str(bin_dir / "dure")
        self.dir = folder
        self.consortium = folder / "consortium"
        self.sites = []
        try:
            self._found(bin_dir, sites)
        except BaseException:
            self.stop()
            raise

    def _found(self, bin_dir, sites):
        address, enrol = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.run("consortium", "init", "--dir", self.consortium, "--name", "bench",
                 "--address", address, "--enrol-address", enrol)
        charter = self.consortium / "aggregator" / "constitution" / "charter.toml"
        charter.write_text(charter.read_text().replace("unmasked_by_vote = true",
                                                       "unmasked_by_vote = false"))
        self.aggregator = Daemon("aggregator", [
            self.dure, "aggregator", "serve", "--dir", str(self.consortium / "aggregator"),
            "--listen", address, "--listen-enrol", enrol], self.dir)
        if not self.aggregator.process.stdout.readline():
            raise SystemExit(f"the aggregator did not start: {self.aggregator.lines}")
        for i in range(sites):
            name = f"site-{i}"
            data = self.dir / "data" / name
            data.mkdir(parents=True)
            # As much as a site must hold, though this stand-in reads none of it.
            (data / "text.txt").write_text("A site has text; this stand-in reads none.\n" * 50)
            said = self.run("invite", "--dir", self.consortium, "--member", name,
                            "--site", name, "--role", "member")
            self.run("site", "enrol", json.loads(said)["invitation"], "--dir", self.dir / name)
            site = Daemon(name, [
                self.dure, "site", "serve", "--dir", str(self.dir / name), "--data", str(data),
                "--terms", "open",
                "--trainer", str(bin_dir / "bench_trainer"), "--threads", "1"], self.dir)
            self.sites.append(site)
            site.wait_for(lambda line: line.startswith("connected"), 0)

    def run(self, *arguments):
        done = subprocess.run([self.dure, *map(str, arguments), "--json"], cwd=self.dir, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise SystemExit(f"dure {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    @property
    def daemons(self):
        return [self.aggregator, *self.sites]

    def armed(self, round_number):
        return all((self.dir / "data" / site.name / f"armed-{round_number}").exists()
                   for site in self.sites)

    def stop(self):
        for daemon in [*self.sites, getattr(self, "aggregator", None)]:
            if daemon is not None:
                daemon.stop()
