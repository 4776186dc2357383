#!/usr/bin/env python3
"""Training speed beside PyTorch: the same model, batch and threads, in the same run, taking turns.

    compare.py BENCH_TRAIN [--precision fp32,bf16] [--rounds 3] [--steps 5] [--threads 2] [--json]

BENCH_TRAIN is the built program. PyTorch is Debian's: apt-get install python3-torch
libopenblas0-openmp (`./run peers`), run by /usr/bin/python3; the default pthread OpenBLAS is half
as fast on two cores, and the reference BLAS, which is what a bare python3-torch finds, takes half a
minute a step: with that the script refuses to compare. Its model is written as one would for
PyTorch 1.13 on CPU, which has no fused attention there: fused QKV and gate/up products, batched
matrix products for attention, softmax and cross-entropy from torch, AdamW with foreach, clipping;
in bf16 its forward runs under autocast. Which bf16 instructions the processor has is said beside.
Each side runs in its own process and sides take turns, so that a busy machine hurts both alike;
each takes two steps to warm up, then reports its best median, and tokens per second of processor
time too (with one thread that is fair even when others use the machine). Exit status 1 if the
built-in engine is not faster; 2 if there is nothing fair to compare with.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import time

CHILD_SECONDS_MAX = 60  # of one side's turn; a few seconds each on two idle cores

MODEL = {"vocab": 4096, "dim": 384, "layers": 6, "heads": 6, "ffn": 1024,
         "sequence": 256, "batch": 8}


def build(torch):
    nn, functional = torch.nn, torch.nn.functional
    dim, heads, ffn, length = MODEL["dim"], MODEL["heads"], MODEL["ffn"], MODEL["sequence"]
    head_dim = dim // heads

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(dim))

        def forward(self, x):
            return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight

    positions = torch.arange(length, dtype=torch.float32)
    angles = torch.outer(positions, 10000.0 ** (-torch.arange(0, head_dim, 2) / head_dim))
    cos, sin = torch.cat([angles.cos()] * 2, 1), torch.cat([angles.sin()] * 2, 1)
    mask = torch.full((length, length), float("-inf")).triu(1)

    def rotate(x):
        low, high = x.chunk(2, -1)
        return x * cos + torch.cat((-high, low), -1) * sin

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention_norm, self.mlp_norm = Norm(), Norm()
            self.qkv = nn.Linear(dim, 3 * dim, bias=False)
            self.out = nn.Linear(dim, dim, bias=False)
            self.gate_up = nn.Linear(dim, 2 * ffn, bias=False)
            self.down = nn.Linear(ffn, dim, bias=False)

        def forward(self, x):
            batch = x.shape[0]
            qkv = self.qkv(self.attention_norm(x)).view(batch, length, 3, heads, head_dim)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            q, k = rotate(q) * head_dim ** -0.5, rotate(k)
            scores = torch.baddbmm(mask, q.reshape(-1, length, head_dim),
                                   k.reshape(-1, length, head_dim).transpose(1, 2))
            mixed = torch.bmm(scores.softmax(-1), v.reshape(-1, length, head_dim))
            mixed = mixed.view(batch, heads, length, head_dim).transpose(1, 2)
            x = x + self.out(mixed.reshape(batch, length, dim))
            gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, -1)
            return x + self.down(functional.silu(gate) * up)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(MODEL["vocab"], dim)
            nn.init.normal_(self.embedding.weight, std=0.02)
            self.layers = nn.ModuleList(Layer() for _ in range(MODEL["layers"]))
            self.norm = Norm()

        def forward(self, tokens, targets):
            x = self.embedding(tokens)
            for layer in self.layers:
                x = layer(x)
            logits = functional.linear(self.norm(x), self.embedding.weight)
            return functional.cross_entropy(logits.view(-1, MODEL["vocab"]), targets.view(-1))

    return Model()


def run_torch(threads, steps, precision):
    import torch  # only in the child process

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = build(torch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), foreach=True)
    text = torch.randint(0, MODEL["vocab"], (MODEL["batch"] * MODEL["sequence"] + 1,))
    shape = (MODEL["batch"], MODEL["sequence"])
    seconds = []
    for step in range(steps + 2):
        if step == 2:
            processor = time.process_time()
        begin = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = model(text[:-1].view(shape), text[1:].view(shape))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        seconds.append(time.perf_counter() - begin)
    processor = time.process_time() - processor
    steady = sorted(seconds[2:])
    tokens = shape[0] * shape[1]
    print(json.dumps({
        "engine": "torch " + torch.__version__, "threads": threads,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_second": round(tokens / steady[len(steady) // 2], 1),
        "best": round(tokens / steady[0], 1),
        "tokens_per_processor_second": round(tokens * steps / processor, 1),
        "first_step_seconds": round(seconds[0], 4),
        "loss": round(value, 4)}))


def child(command, threads):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=environment,
                            timeout=CHILD_SECONDS_MAX)
    return json.loads(result.stdout.strip().splitlines()[-1])


def missing_peer():
    """What keeps PyTorch from being a fair peer here, or None."""
    if subprocess.run(["/usr/bin/python3", "-c", "import importlib.util, sys; "
                       "sys.exit(importlib.util.find_spec('torch') is None)"]).returncode != 0:
        return "python3-torch is not installed"
    found = [os.path.realpath(path) for path in glob.glob("/usr/lib/*/libblas.so.3")]
    if not any("openblas" in path for path in found):
        return "PyTorch would use " + (found[0] if found else "no BLAS")
    return None


def instructions():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return [each for each in ("amx_bf16", "avx512_bf16") if each in flags]


def compare(options, precision):
    count = ["--threads", str(options.threads), "--steps", str(options.steps),
             "--precision", precision]
    ours = [options.bench, "--model", "small", "--batch", str(MODEL["batch"]),
            "--sequence", str(MODEL["sequence"])] + count
    theirs = ["/usr/bin/python3", os.path.abspath(__file__), "torch"] + count
    results = {"dure": [], "torch": []}
    for _ in range(options.rounds):
        results["dure"].append(child(ours, options.threads))
        results["torch"].append(child(theirs, options.threads))
    report = {"figure": "train", "precision": precision, "instructions": instructions()}
    for name, figure in (("", "tokens_per_second"), ("processor_", "tokens_per_processor_second")):
        best = {side: max(run[figure] for run in runs) for side, runs in results.items()}
        report |= {f"{side}_{figure}": value for side, value in best.items()}
        report[name + "ratio"] = round(best["dure"] / best["torch"], 3)
    return report | {"runs": results}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", help="the built bench_train, or 'torch' for PyTorch alone")
    parser.add_argument("--precision", default="fp32", help="fp32, bf16 or both with a comma")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.bench == "torch":
        run_torch(options.threads, options.steps, options.precision)
        return 0
    if missing := missing_peer():
        print(f"compare: {missing} (./run peers installs it)", file=sys.stderr)
        return 2
    reports = [compare(options, precision) for precision in options.precision.split(",")]
    for report in reports:
        if options.json:
            print(json.dumps(report))
            continue
        print(f"{report['precision']}\n  dure  {report['dure_tokens_per_second']:8.0f} tokens/s\n"
              f"  torch {report['torch_tokens_per_second']:8.0f} tokens/s\n  ratio "
              f"{report['ratio']:8.2f}; by processor time {report['processor_ratio']:.2f}")
    return 0 if all(report["ratio"] > 1 for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
