"""Reads an exported model with the standard library alone and computes its loss by definition.

    read_export_test.py EXPORT_PROBE LOSS_PROBE FOLDER

EXPORT_PROBE writes FOLDER, LOSS_PROBE prints the engine's loss on it. Nothing here shares code
with either: names, shapes, padding and the mathematics of the model are written a second time.
"""
import array
import json
import math
import os
import shutil
import struct
import subprocess
import sys


def read_safetensors(path):
    with open(path, "rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(header_bytes))
        data = file.read()
    assert (8 + header_bytes) % 4096 == 0, "data must start at a page"
    metadata = header.pop("__metadata__")
    assert metadata == {"format": "pt"}, metadata
    end = 0
    tensors = {}
    for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
        begin, stop = tensor["data_offsets"]
        assert tensor["dtype"] == "F32" and begin == end, name
        end = stop
        assert stop - begin == 4 * math.prod(tensor["shape"]), name
        tensors[name] = (tensor["shape"], array.array("f", data[begin:stop]))
    assert end == len(data), "data must end with the file"
    return tensors


def expected_shapes(c):
    d, f, v = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    kv = d // c["num_attention_heads"] * c["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": [v, d], "model.norm.weight": [d]}
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = [v, d]
    for i in range(c["num_hidden_layers"]):
        for name, shape in {
            "input_layernorm": [d], "post_attention_layernorm": [d],
            "self_attn.q_proj": [d, d], "self_attn.k_proj": [kv, d], "self_attn.v_proj": [kv, d],
            "self_attn.o_proj": [d, d], "mlp.gate_proj": [f, d], "mlp.up_proj": [f, d],
            "mlp.down_proj": [d, f],
        }.items():
            shapes[f"model.layers.{i}.{name}.weight"] = shape
    return shapes


class Llama:
    def __init__(self, config, tensors):
        self.c, self.t = config, tensors
        self.head_dim = config["hidden_size"] // config["num_attention_heads"]

    def linear(self, name, x):
        (rows, columns), w = self.t[name]
        return [sum(w[r * columns + i] * x[i] for i in range(columns)) for r in range(rows)]

    def norm(self, name, x):
        w = self.t[name][1]
        scale = 1 / math.sqrt(sum(v * v for v in x) / len(x) + self.c["rms_norm_eps"])
        return [v * scale * w[i] for i, v in enumerate(x)]

    def rotate(self, x, position):
        half, out = self.head_dim // 2, []
        for head in range(len(x) // self.head_dim):
            part = x[head * self.head_dim:(head + 1) * self.head_dim]
            turned = [-v for v in part[half:]] + part[:half]
            for i in range(self.head_dim):
                angle = position * self.c["rope_theta"] ** (-2 * (i % half) / self.head_dim)
                out.append(part[i] * math.cos(angle) + turned[i] * math.sin(angle))
        return out

    def attend(self, prefix, rows):
        n, heads = self.head_dim, self.c["num_attention_heads"]
        group = heads // self.c["num_key_value_heads"]
        q = [self.rotate(self.linear(prefix + "q_proj.weight", x), t) for t, x in enumerate(rows)]
        k = [self.rotate(self.linear(prefix + "k_proj.weight", x), t) for t, x in enumerate(rows)]
        v = [self.linear(prefix + "v_proj.weight", x) for x in rows]
        out = []
        for t in range(len(rows)):
            joined = []
            for h in range(heads):
                at = h // group * n
                scores = [sum(q[t][h * n + i] * k[s][at + i] for i in range(n)) / math.sqrt(n)
                          for s in range(t + 1)]
                p = [math.exp(score - max(scores)) for score in scores]
                joined += [sum(p[s] * v[s][at + i] for s in range(t + 1)) / sum(p)
                           for i in range(n)]
            out.append(self.linear(prefix + "o_proj.weight", joined))
        return out

    def mlp(self, prefix, x):
        gate = self.linear(prefix + "gate_proj.weight", x)
        up = self.linear(prefix + "up_proj.weight", x)
        return self.linear(prefix + "down_proj.weight",
                           [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up)])

    def loss(self, inputs, targets):
        d, embedding = self.c["hidden_size"], self.t["model.embed_tokens.weight"][1]
        rows = [list(embedding[t * d:(t + 1) * d]) for t in inputs]
        add = lambda a, b: [x + y for x, y in zip(a, b)]
        for i in range(self.c["num_hidden_layers"]):
            layer = f"model.layers.{i}."
            normal = [self.norm(layer + "input_layernorm.weight", x) for x in rows]
            rows = list(map(add, rows, self.attend(layer + "self_attn.", normal)))
            normal = [self.norm(layer + "post_attention_layernorm.weight", x) for x in rows]
            rows = [add(x, self.mlp(layer + "mlp.", y)) for x, y in zip(rows, normal)]
        head = "model.embed_tokens.weight" if self.c["tie_word_embeddings"] else "lm_head.weight"
        total = 0.0
        for x, target in zip(rows, targets):
            logits = self.linear(head, self.norm("model.norm.weight", x))
            total += math.log(sum(math.exp(z) for z in logits)) - logits[target]
        return total


def main(export_probe, loss_probe, folder):
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([export_probe, folder], check=True)
    assert sorted(os.listdir(folder)) == ["config.json", "generation_config.json",
                                          "model.safetensors"]
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    assert config["architectures"] == ["LlamaForCausalLM"] and config["model_type"] == "llama"
    tensors = read_safetensors(os.path.join(folder, "model.safetensors"))
    shapes = {name: shape for name, (shape, _) in tensors.items()}
    assert shapes == expected_shapes(config), shapes
    vocab = config["vocab_size"]
    inputs = [i * i % vocab for i in range(12)]
    targets = [(i + 1) * (i + 1) % vocab for i in range(12)]
    expected = Llama(config, tensors).loss(inputs, targets)
    got = float(subprocess.run([loss_probe, folder], check=True, capture_output=True).stdout)
    shutil.rmtree(folder)
    print(f"loss by definition {expected:.6f}, by the engine {got:.6f}")
    assert abs(got - expected) < 1e-4 * expected
    assert not math.isclose(expected, 12 * math.log(vocab), rel_tol=1e-2), "the weights must matter"


if __name__ == "__main__":
    main(*sys.argv[1:])
