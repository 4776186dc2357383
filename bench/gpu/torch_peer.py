#!/usr/bin/env python3
"""The same models in PyTorch 2 on the same GPU: compiled, flash attention, bf16, fused AdamW.

    torch_peer.py speed --vocab V --dim D --layers L --heads H --kv-heads K --ffn F
                        --sequence T --batch B [--steps 10] [--checkpoint]
    torch_peer.py curve FOLDER     the training that `bench_gpu --curve FOLDER` wrote down

Prints one JSON object; ends with 3 where there is no PyTorch or no GPU.
"""
import argparse
import array
import json
import os
import sys
import time


def build(torch, c):
    nn, functional = torch.nn, torch.nn.functional
    head = c["dim"] // c["heads"]
    kv = c["kv_heads"] * head
    positions = torch.arange(c["sequence"], dtype=torch.float32)
    angles = torch.outer(positions, c["theta"] ** (-torch.arange(0, head, 2) / head))
    cos = torch.cat([angles.cos()] * 2, 1).cuda()
    sin = torch.cat([angles.sin()] * 2, 1).cuda()

    def rotate(x):
        low, high = x.chunk(2, -1)
        return (x * cos + torch.cat((-high, low), -1) * sin).to(x.dtype)

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention_norm = nn.RMSNorm(c["dim"], eps=c["eps"])
            self.qkv = nn.Linear(c["dim"], c["dim"] + 2 * kv, bias=False)
            self.out = nn.Linear(c["dim"], c["dim"], bias=False)
            self.mlp_norm = nn.RMSNorm(c["dim"], eps=c["eps"])
            self.gate_up = nn.Linear(c["dim"], 2 * c["ffn"], bias=False)
            self.down = nn.Linear(c["ffn"], c["dim"], bias=False)

        def forward(self, x):
            batch, length, dim = x.shape
            q, k, v = self.qkv(self.attention_norm(x)).split([dim, kv, kv], -1)
            q, k, v = (t.view(batch, length, -1, head).transpose(1, 2) for t in (q, k, v))
            repeats = c["heads"] // c["kv_heads"]
            k, v = rotate(k).repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1)
            mixed = functional.scaled_dot_product_attention(rotate(q), k, v, is_causal=True)
            x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, dim))
            gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, -1)
            return x + self.down(functional.silu(gate) * up)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(c["vocab"], c["dim"])
            nn.init.normal_(self.embedding.weight, std=0.02)
            self.layers = nn.ModuleList(Layer() for _ in range(c["layers"]))
            self.norm = nn.RMSNorm(c["dim"], eps=c["eps"])

        def forward(self, tokens, targets):
            x = self.embedding(tokens)
            for layer in self.layers:
                if c["checkpoint"]:
                    x = torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)
                else:
                    x = layer(x)
            logits = functional.linear(self.norm(x), self.embedding.weight)
            rows = logits.view(-1, c["vocab"]).float()
            return functional.cross_entropy(rows, targets.reshape(-1))

    return Model().cuda()


def optimizer_of(torch, model, rate):
    """No decay on norms and the embedding, as in dure."""
    decayed = [p for n, p in model.named_parameters() if p.dim() > 1 and "embedding" not in n]
    rest = [p for n, p in model.named_parameters() if p.dim() == 1 or "embedding" in n]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), eps=1e-8, fused=True)


def step(torch, model, optimizer, inputs, targets):
    with torch.autocast("cuda", torch.bfloat16):
        loss = model(inputs, targets)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def speed(torch, options):
    c = {"vocab": options.vocab, "dim": options.dim, "layers": options.layers,
         "heads": options.heads, "kv_heads": options.kv_heads, "ffn": options.ffn,
         "sequence": options.sequence, "theta": 10000.0, "eps": 1e-5,
         "checkpoint": options.checkpoint}
    torch.manual_seed(1)
    model = build(torch, c)
    optimizer = optimizer_of(torch, model, 1e-4)
    compiled = torch.compile(model)
    shape = (options.batch, options.sequence)
    text = torch.randint(0, options.vocab, (shape[0] * shape[1] + 1,), device="cuda")
    seconds = []
    for _ in range(options.steps + 3):
        begin = time.perf_counter()
        loss = step(torch, compiled, optimizer, text[:-1].view(shape), text[1:].view(shape))
        seconds.append(time.perf_counter() - begin)
    steady = sorted(seconds[3:])[options.steps // 2]
    return {"engine": "torch " + torch.__version__, "tokens_s": shape[0] * shape[1] / steady,
            "step_seconds": steady, "loss": loss}


def place(torch, model, c, flat):
    """The flat vector in the order of dure's layout: Hugging Face's names, neighbours together."""
    at = 0

    def fill(parameter):
        nonlocal at
        count = parameter.numel()
        with torch.no_grad():
            parameter.copy_(flat[at:at + count].view(parameter.shape))
        at += count

    fill(model.embedding.weight)
    for layer in model.layers:
        fill(layer.attention_norm.weight)
        fill(layer.qkv.weight)
        fill(layer.out.weight)
        fill(layer.mlp_norm.weight)
        fill(layer.gate_up.weight)
        fill(layer.down.weight)
    fill(model.norm.weight)
    assert at == flat.numel(), "the file holds another model"


def curve(torch, options):
    with open(os.path.join(options.folder, "config.json"), encoding="utf-8") as file:
        hf = json.load(file)
    c = {"vocab": hf["vocab_size"], "dim": hf["hidden_size"], "layers": hf["num_hidden_layers"],
         "heads": hf["num_attention_heads"], "kv_heads": hf["num_key_value_heads"],
         "ffn": hf["intermediate_size"], "sequence": hf["max_position_embeddings"],
         "theta": hf["rope_theta"], "eps": hf["rms_norm_eps"], "checkpoint": False}
    model = build(torch, c)
    weights, tokens = array.array("f"), array.array("I")
    for name, numbers in (("weights.f32", weights), ("tokens.u32", tokens)):
        with open(os.path.join(options.folder, name), "rb") as file:
            numbers.frombytes(file.read())
    place(torch, model, c, torch.tensor(weights))
    optimizer = optimizer_of(torch, model, 1e-3)
    rows = torch.tensor(tokens).view(-1, c["sequence"] + 1).long().cuda()
    losses = []
    for begin in range(0, rows.shape[0], 16):
        batch = rows[begin:begin + 16]
        losses.append(step(torch, model, optimizer, batch[:, :-1], batch[:, 1:]))
    return {"engine": "torch " + torch.__version__, "losses": losses}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    fast = verbs.add_parser("speed")
    for name in ("vocab", "dim", "layers", "heads", "kv-heads", "ffn", "sequence", "batch"):
        fast.add_argument("--" + name, type=int, required=True)
    fast.add_argument("--steps", type=int, default=10)
    fast.add_argument("--checkpoint", action="store_true")
    verbs.add_parser("curve").add_argument("folder")
    options = parser.parse_args()
    try:
        import torch  # not needed to say that it is missing
        import torch.utils.checkpoint
    except ImportError:
        print("torch_peer: PyTorch is not installed", file=sys.stderr)
        return 3
    if not torch.cuda.is_available():
        print("torch_peer: PyTorch finds no GPU", file=sys.stderr)
        return 3
    result = speed(torch, options) if options.verb == "speed" else curve(torch, options)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
