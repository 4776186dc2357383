#!/usr/bin/env python3
"""Writes bench/gpu/README.md from what verify.sh measured.

    report.py FOLDER [README]    FOLDER holds figures.json, curve.json, tests.txt, and where there
                                 was a peer, torch-*.json and torch-curve.json
"""
import json
import os
import sys

PEAKS = (("H200", 989e12, 4.8e12), ("H100", 989e12, 3.35e12), ("A100", 312e12, 2.04e12))
WANTED = {"124 M": 1.15, "1.3 B": 1.05}  # times PyTorch
CURVE_APART_MAX = 0.05  # nats, mean over the last fifty steps


def load(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return None
    with open(path, encoding="utf-8") as file:
        return json.loads(file.read().strip().splitlines()[-1])


def limits_of(figures):
    """Arithmetic and bandwidth as the maker tells them; as measured where he does not."""
    for name, operations, bandwidth in PEAKS:
        if name in figures["device"]:
            return operations, bandwidth
    return figures["product_ops_s"], figures["copy_bytes_s"]


def share(kernel, operations, bandwidth):
    least = max(kernel["operations"] / operations, kernel["bytes"] / bandwidth)
    return least / kernel["seconds"]


def kernel_table(model, operations, bandwidth):
    lines = [f"### {model['name']}, batch {model['batch']}, T {model['sequence']}", "",
             "| Kernel | Bytes | Operations | Time | Share of its limit |", "|---|---|---|---|---|"]
    for kernel in sorted(model["kernels"], key=lambda k: -k["seconds"]):
        lines.append(f"| {kernel['name']} | {kernel['bytes'] / 1e6:.1f} MB | "
                     f"{kernel['operations'] / 1e9:.1f} G | {kernel['seconds'] * 1e6:.0f} us | "
                     f"{share(kernel, operations, bandwidth) * 100:.0f} % |")
    return lines + [""]


def training_rows(figures, folder, operations):
    rows = []
    for model in figures["models"]:
        utilisation = model["tokens_s"] * model["operations_per_token"] / operations
        name = model["name"].replace(" ", "")
        peer = load(folder, f"torch-{name}.json")
        wanted = WANTED[model["name"]]
        if peer is None:
            compared = "no PyTorch there"
        else:
            ratio = model["tokens_s"] / peer["tokens_s"]
            compared = f"{ratio:.2f} x {peer['engine']} ({'met' if ratio >= wanted else 'not met'})"
        rows.append(f"| {model['name']}, T {model['sequence']}, bf16 | {wanted} x PyTorch 2, "
                    f"50 % MFU | {model['tokens_s']:,.0f} tokens/s, {utilisation * 100:.1f} % MFU "
                    f"({'met' if utilisation >= 0.5 else 'not met'}) | {compared} |")
    return rows


def same_bits_rows(figures, folder):
    slow = load(folder, "same-bits.json")
    if slow is None:
        return []
    pairs = zip(figures["models"], slow["models"])
    ratios = [f"{a['name']}: {b['step_seconds'] / a['step_seconds']:.2f} x the time of a step"
              for a, b in pairs]
    return [f"| --same-bits | none | {', '.join(ratios)} | without it |"]


def power_line(folder):
    """What the card drew while it computed, of what it may."""
    path = os.path.join(folder, "power.csv")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        rows = [line.split(",") for line in file if line.count(",") == 2]
    samples = sorted((float(draw), int(clock), float(limit)) for clock, draw, limit in rows)
    if not samples:
        return []
    limit = samples[-1][2]
    busy = sorted(clock for draw, clock, _ in samples if draw >= 0.9 * limit)
    if not busy:
        return []
    return [f"At its power limit ({limit:.0f} W) in {len(busy)} of {len(samples)} samples; its "
            f"clock was then {busy[len(busy) // 2]} MHz (median), {max(c for _, c, _ in samples)} "
            f"at most.", ""]


def other_rows(figures, bandwidth):
    copy = figures["copy_bytes_s"]
    encode, decode = figures["encode_bytes_s"] / copy, figures["decode_bytes_s"] / copy
    read = figures["decoding_tokens_s"] * figures["decoding_bytes"] / bandwidth
    met = {True: "met", False: "not met"}
    return [
        f"| delta to int8 with error feedback, and back | 70 % of copy bandwidth | "
        f"{encode * 100:.0f} % and {decode * 100:.0f} % ({met[min(encode, decode) >= 0.7]}) | "
        f"copy: {copy / 1e12:.2f} TB/s |",
        f"| greedy decoding, 1.3 B, batch 1 | 60 % of the bandwidth limit | "
        f"{figures['decoding_tokens_s']:.0f} tokens/s, {read * 100:.1f} % ({met[read >= 0.6]}) | "
        f"{bandwidth / 1e12:.2f} TB/s |"]


def curve_row(folder):
    own, peer = load(folder, "curve.json"), load(folder, "torch-curve.json")
    if own is None or peer is None:
        return "| loss curve, 200 steps | PyTorch's in bf16 within noise | no PyTorch there | |"
    pairs = list(zip(own["losses"], peer["losses"]))[-50:]
    apart = sum(abs(a - b) for a, b in pairs) / len(pairs)
    return (f"| loss curve, 200 steps | PyTorch's in bf16 within {CURVE_APART_MAX} nats | "
            f"{apart:.4f} nats apart in the last fifty steps "
            f"({'met' if apart <= CURVE_APART_MAX else 'not met'}) | {peer['engine']} |")


def main(arguments):
    folder = arguments[0]
    here = os.path.dirname(os.path.abspath(__file__))
    readme = arguments[1] if len(arguments) > 1 else os.path.join(here, "README.md")
    figures = load(folder, "figures.json")
    operations, bandwidth = limits_of(figures)
    tests = os.path.join(folder, "tests.txt")
    lines = ["# Figures of the CUDA engine", "",
             f"Measured on {figures['device']} by `bench/gpu/verify.sh`, which writes this page. "
             f"Limits: {operations / 1e12:.0f} Tflop/s, {bandwidth / 1e12:.2f} TB/s; a large "
             f"product reached {figures['product_ops_s'] / 1e12:.0f} Tflop/s, a copy "
             f"{figures['copy_bytes_s'] / 1e12:.2f} TB/s.", "",
             "| Work | Wanted | Measured | Peer or limit |", "|---|---|---|---|"]
    lines += training_rows(figures, folder, operations) + other_rows(figures, bandwidth)
    lines += same_bits_rows(figures, folder) + [curve_row(folder), ""] + power_line(folder)
    if os.path.exists(tests):
        with open(tests, encoding="utf-8") as file:
            lines += ["Contract and gradient tests on the device:", "", "```",
                      file.read().strip(), "```", ""]
    lines += ["## Kernels", ""]
    for model in figures["models"]:
        lines += kernel_table(model, operations, bandwidth)
    with open(readme, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    print(f"report: {readme}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
