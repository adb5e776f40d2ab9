#!/usr/bin/env python3
"""v / (1 + exp(-v)) against v * sigmoid(v): in how many int8 outputs does the way of writing SiLU in fp32 matter?

  silu_forms.py BUNDLE…      (needs torch with a GPU)

Per layer: the 2^8 entries of the two_step table, and every (acc, bias) of fused. Both forms are torch's fp32 operations on the GPU.
"""
import json
import pathlib
import sys

import torch


def int8_of(v, scale, half_even):
    ratio = v / scale
    rounded = torch.round(ratio) if half_even else torch.sign(ratio) * torch.floor(torch.abs(ratio) + 0.5)
    return rounded.clamp(-128, 127).to(torch.int8)


def forms(v):
    return v / (1 + torch.exp(-v)), v * torch.sigmoid(v)


def main():
    print("| layer | table entries | differ | fused points | differ |\n|---|---|---|---|---|")
    for path in map(pathlib.Path, sys.argv[1:]):
        meta = json.loads((path / "layer.json").read_text())
        f32 = lambda v: torch.tensor(v, dtype=torch.float32, device="cuda")
        s_y, s_c = f32(meta["output_scale"]), f32(meta.get("conv_scale", meta["output_scale"]))
        u = torch.arange(-128, 128, device="cuda").to(torch.float32) * s_c
        a, b = forms(u)
        table = int((int8_of(a, s_y, True) != int8_of(b, s_y, True)).sum())
        limit = meta["taps"] * 16384
        acc = torch.arange(-limit, limit + 1, device="cuda", dtype=torch.float64)
        s_wx = (f32(meta["weight_scale"]) * f32(meta["input_scale"])).double()
        points = differ = 0
        for bias in range(-128, 128):
            y = (s_wx * acc + (f32(meta["bias_scale"]) * bias).double()).float()
            a, b = forms(y)
            differ += int((int8_of(a, s_y, False) != int8_of(b, s_y, False)).sum())
            points += y.numel()
        print(f"| {path.name} | 256 | {table} | {points} | {differ} |", flush=True)
    return 0 if len(sys.argv) > 1 else 2


if __name__ == "__main__":
    sys.exit(main())
