"""What the tests share: the committed layers, and the contract in numpy integers, written without the package."""

import json
import os
import pathlib

import numpy as np

VECTORS = pathlib.Path(os.environ.get("QUASIM_VECTORS", pathlib.Path(__file__).parents[3] / "vectors"))
LAYERS = sorted((VECTORS / "bookmamba").glob("layer*"))


def conv_acc(weight, x):
    """acc of a causal depthwise convolution: int8 [C, K] and [B, C, L] to int64 [B, C, L]."""
    taps = weight.shape[1]
    padded = np.pad(x.astype(np.int64), ((0, 0), (0, 0), (taps - 1, 0)))
    acc = np.zeros(x.shape, dtype=np.int64)
    for k in range(taps):
        acc += weight[None, :, k, None].astype(np.int64) * padded[:, :, k : k + x.shape[2]]
    return acc


def round_shift(p, shift, rounding):
    """p / 2^shift rounded to an integer by quotient and remainder."""
    quotient = p >> shift
    twice = 2 * (p - (quotient << shift))
    whole = np.int64(1) << shift
    tie_up = quotient % 2 == 1 if rounding == "half_even" else p >= 0
    return quotient + ((twice > whole) | ((twice == whole) & tie_up)) if shift > 0 else p


def stages(program, x):
    """All stages of a program on int8 [B, C, L]."""
    acc = conv_acc(program.weight, x)
    p = program.multiplier * acc + program.bias_words[None, :, None]
    limit = 1 << (program.conv_bits - 1)
    q = np.clip(round_shift(p, program.shift, program.rounding), -limit, limit - 1)
    return {"acc": acc, "p": p, "q": q, "out": program.silu_table[q + limit]}


def write_program(file, rng, channels, taps, conv_bits=8):
    """A random program file."""
    shift = int(rng.integers(0, 31))
    top = max(1, (1 << shift) >> 6)
    program = {
        "format": "quasim.program/1",
        "name": "random",
        "channels": channels,
        "taps": taps,
        "conv_bits": conv_bits,
        "mult_bits": 31,
        "bias_bits": 48,
        "rounding": ["half_even", "half_away"][int(rng.integers(0, 2))],
        "multiplier": int(rng.integers(0, top + 1)),
        "shift": shift,
        "weight": [int(v) for v in rng.integers(-128, 128, channels * taps)],
        "bias_words": [int(v) for v in rng.integers(-(1 << (shift + 7)), 1 << (shift + 7), channels)],
        "silu_table": [int(v) for v in rng.integers(-128, 128, 1 << conv_bits)],
    }
    file.write_text(json.dumps(program))
