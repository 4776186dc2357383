#!/usr/bin/env python3
"""round.py BIN_DIR [--params 1M,10M,100M] [--lane int8,int16] [--masking none,pairwise]
         [--rounds N] [--json]

One federated round over the real daemons on loopback, mutual TLS, no training: from the instant
at which every site's trainer is done to the instant at which the last site says that it holds the
new model, derived by itself and found equal to the logged one. Beside it stands what this machine
can copy, hash and send at most, measured in the same run."""
import argparse
import itertools
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

import limits
from stage import PATIENCE, Stage

VOCABULARY = 259  # of the bytes tokenizer
SHAPES = {  # parameters: width, layers; the feed-forward width makes up the rest
    "1M": (128, 5), "10M": (384, 6), "25M": (512, 8), "100M": (768, 14), "400M": (1024, 32)}
DONE = ("idle", "ended")


def config_of(params):
    width, layers = SHAPES[params]
    wanted = int(params[:-1]) * 1_000_000
    fixed = VOCABULARY * width + layers * (4 * width * width + 2 * width) + width
    ffn = max(1, round((wanted - fixed) / (3 * layers * width)))
    heads = width // 64
    count = fixed + 3 * layers * width * ffn
    return count, {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": VOCABULARY, "hidden_size": width, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": heads, "intermediate_size": ffn,
        "max_position_embeddings": 128, "rope_theta": 10000.0, "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0,
        "torch_dtype": "float32"}


class Sampler:
    """The largest anonymous memory of any of these daemons since the last look."""

    def __init__(self, daemons):
        self.daemons = daemons
        self.peak = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()

    def _sample(self):
        while not self.over.wait(0.02):
            try:
                self.peak = max(self.peak, *(daemon.rss_anon() for daemon in self.daemons))
            except OSError:
                return

    def take(self):
        peak, self.peak = self.peak, 0
        return peak

    def stop(self):
        self.over.set()
        self.thread.join()


def phase_of(line):
    said = line.split(": ", 1)[1].split(" (")[0] if ": " in line else ""
    return "" if ":" in said else said  # a sentence is no phase


def await_quiet(stage, still=0.7):
    """Until no daemon has worked for a while: a round's files are made ready during training."""
    before, since = None, time.monotonic()
    while time.monotonic() - since < still:
        time.sleep(0.1)
        now = sum(sum(daemon.cpu()) for daemon in stage.daemons)
        if before is None or now - before > 0.03:
            before, since = now, time.monotonic()


def measure_round(stage, number, samplers, seen):
    end = time.monotonic() + PATIENCE
    while not stage.armed(number):
        if time.monotonic() > end:
            raise SystemExit("the sites did not finish training")
        time.sleep(0.02)
    await_quiet(stage)  # training takes hours; what the daemons do meanwhile is over by then
    os.sync()  # what the trainers wrote is no part of the round
    time.sleep(0.5)
    for sampler in samplers:
        sampler.take()
    before = [daemon.cpu() for daemon in stage.daemons]
    begin = time.monotonic()
    (stage.dir / "data" / f"go-{number}").touch()
    last = begin
    phases = {}
    for i, site in enumerate(stage.sites):
        _, seen[i] = site.wait_for(lambda line: phase_of(line) == "encoding", seen[i])
        when, seen[i] = site.wait_for(lambda line: phase_of(line) == "deriving", seen[i])
        when, seen[i] = site.wait_for(lambda line: phase_of(line) in DONE, seen[i])
        last = max(last, when)
    after = [daemon.cpu() for daemon in stage.daemons]
    for site in stage.sites:
        for when, line in site.lines:
            if when >= begin and phase_of(line) and when <= last:
                name = phase_of(line)
                phases[name] = round(max(phases.get(name, 0), when - begin), 3)
    spent = [sum(b) - sum(a) for a, b in zip(before, after)]
    return {"round": number, "seconds": round(last - begin, 3),
            "aggregator_cpu_s": round(spent[0], 2), "sites_cpu_s": round(sum(spent[1:]), 2),
            "aggregator_system_s": round(after[0][1] - before[0][1], 2),
            "aggregator_rss_anon_mib": round(samplers[0].take() / 2**20, 1),
            "site_rss_anon_mib": round(samplers[1].take() / 2**20, 1),
            "last_site_enters_s": phases}


def measure(bin_dir, folder, params, lane, masking, rounds, site_count):
    count, config = config_of(params)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    stage = Stage(bin_dir, folder, site_count)
    try:
        samplers = [Sampler([stage.aggregator]), Sampler(stage.sites)]
        stage.run("run", "start", "--dir", stage.consortium, "--name", "bench", "--model",
                  folder / "config.json", "--lane", lane, "--rounds", rounds, "--steps", 1,
                  "--masking", masking, "--schedule", "constant", "--quorum", site_count,
                  "--join-seconds", PATIENCE, "--deadline-seconds", PATIENCE)
        seen = [0] * site_count
        measured = [measure_round(stage, i, samplers, seen) for i in range(rounds)]
        for sampler in samplers:
            sampler.stop()
    finally:
        stage.stop()
    return {"params": params, "parameters": count, "lane": lane, "masking": masking,
            "sites": site_count, "rounds": measured, "load_average": os.getloadavg()[0],
            "limits": limits.measure(folder)}


def show(result):
    print(f"{result['sites']} sites x {result['parameters']:,} parameters, {result['lane']}, "
          f"masking {result['masking']}"
          f"   (load average {result['load_average']:.1f})")
    for one in result["rounds"]:
        print(f"  round {one['round']}: {one['seconds']:7.3f} s, aggregator "
              f"{one['aggregator_cpu_s']:.2f} core-s ({one['aggregator_system_s']:.2f} in the "
              f"kernel), {one['aggregator_rss_anon_mib']:.0f} MiB anonymous; sites "
              f"{one['sites_cpu_s']:.2f} core-s, the largest "
              f"{one['site_rss_anon_mib']:.0f} MiB")
        print("    last site enters: " +
              ", ".join(f"{name} {when:.3f}" for name, when in one["last_site_enters_s"].items()))
    print("  limits of this machine now: " +
          ", ".join(f"{name} {value}" for name, value in result["limits"].items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin_dir", type=pathlib.Path)
    parser.add_argument("--params", default="1M,10M,100M", help="of " + ", ".join(SHAPES))
    parser.add_argument("--lane", default="int8", help="int4, int8, int16, or some with commas")
    parser.add_argument("--masking", default="none", help="none, pairwise or both with a comma")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    for params in options.params.split(","):
        for lane, masking in itertools.product(options.lane.split(","),
                                               options.masking.split(",")):
            with tempfile.TemporaryDirectory(prefix="dure-bench-") as folder:
                results.append(measure(options.bin_dir.resolve(), pathlib.Path(folder) / "stage",
                                       params, lane, masking, options.rounds, options.sites))
            if not options.json:
                show(results[-1])
    if options.json:
        json.dump(results, sys.stdout)
        print()


if __name__ == "__main__":
    main()
