#!/usr/bin/env python3
"""Where can the deployed decode kernel leave the unit? Every output of a layer's input, run as decode, without a GPU.

  decode_streams.py BUNDLE… [--input FILE] [--random N [--seed S]] [--limit N] [--json FILE]

The unit equals fused.seqlast.fast.half_away: its output is a function of the sum. The deployed decode kernel (`update`) adds tap by tap. Its
fp32 additions are IEEE operations in fast math too, so y is evaluated here bit for bit. What follows y (expf, division) is the GPU's own
and the same for both kernels: the bundle's sweep shows it at 33 million y, so each step of the output lies between two neighbouring y of the
sweep. Where y of the decode kernel is at or beyond either of them, its output is known; where it lies between the two, `beside a step`, only
the GPU knows, and golden/fused.update.fast.half_away decides where the bundle has it.

--input takes another stream, int8 [B, C, L]; --random takes N random windows instead. Exit code 1 when the sweep or a committed output says
otherwise, 2 for bad input.
"""
import argparse
import json
import pathlib
import sys

import numpy as np

VARIANT = "fused.seqlast.fast.half_away"
DECODE = "fused.update.fast.half_away"
CHUNK = 1 << 20


class StreamError(Exception):
    pass


def fma(a, b, c):
    """fl(a*b + c) of fp32 numbers whose product has at most 53 bits: the sum is rounded to odd in fp64, then once to fp32."""
    product, c = a.astype(np.float64) * b, np.asarray(c, np.float64)
    total = product + c
    rest = total - product
    error = (product - (total - rest)) + (c - rest)
    even = (total.view(np.int64) & 1) == 0
    toward = np.where(error > 0, np.inf, -np.inf)
    return np.where((error != 0) & even, np.nextafter(total, toward), total).astype(np.float32)


class Layer:
    """One layer with the steps of its output over y."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.meta = json.loads(self.read("layer.json").read_text())
        if "groups" in self.meta:
            raise StreamError(f"{path}: layer.json: groups: expected one group; a sweep of several has a folder each")
        self.w = np.load(self.read("conv1d_weight.npy"))
        self.b = np.load(self.read("conv1d_bias.npy")) if self.meta.get("bias", True) else np.zeros(len(self.w), np.int8)
        scale = {key: np.float32(self.meta[key]) for key in ("input_scale", "weight_scale", "bias_scale")}
        self.s_wx, self.s_b = scale["weight_scale"] * scale["input_scale"], scale["bias_scale"]
        self.find_steps(np.load(self.read(f"golden/{VARIANT}/steps.npz")))

    def read(self, name):
        if not (self.path / name).is_file():
            raise StreamError(f"{self.path / name}: not found")
        return self.path / name

    def y_of_sum(self, acc, bias):
        return fma(np.broadcast_to(self.s_wx, np.shape(acc)), np.asarray(acc, np.float32), self.s_b * np.asarray(bias, np.float32))

    def find_steps(self, sweep):
        """below[i] is the greatest y of the sweep before the i-th step of the output, above[i] the least one after it."""
        offset, acc, value = (sweep[f"out_{name}"] for name in ("offset", "acc", "value"))
        edges = {}
        for i, bias in enumerate(sweep["bias"]):
            steps = slice(offset[i], offset[i + 1])
            if steps.start == steps.stop:
                continue
            before = np.concatenate([sweep["out_first"][i:i + 1], value[steps][:-1]])
            last, first = self.y_of_sum(acc[steps] - 1, bias), self.y_of_sum(acc[steps], bias)
            for edge in zip(before.tolist(), value[steps].tolist(), last, first):
                low, high = edges.get(edge[:2], (-np.inf, np.inf))
                edges[edge[:2]] = (max(low, edge[2]), min(high, edge[3]))
        order = sorted(edges.items(), key=lambda item: item[1])
        if not order:
            raise StreamError(f"{self.path}: golden/{VARIANT}/steps.npz: no step of the output")
        self.below, self.above = (np.array([item[1][side] for item in order], np.float32) for side in (0, 1))
        self.values = np.array([order[0][0][0]] + [item[0][1] for item in order], np.int8)
        chained = all(first[0][1] == second[0][0] for first, second in zip(order, order[1:]))
        if not chained or (self.below >= self.above).any() or (self.above[:-1] > self.below[1:]).any():
            raise ArithmeticError(f"{self.path}: golden/{VARIANT}/steps.npz: the output is no function of y")

    def output(self, y):
        """The output at y, and where y lies between the two sides of a step."""
        rank = np.searchsorted(self.above, y, side="right")
        return self.values[rank], rank != np.searchsorted(self.below, y, side="left")

    def compare(self, x, channel):
        """Windows x [N, K], oldest sample first, of the channels: both y, both outputs, and which of them lie beside a step."""
        w, bias = self.w[channel].astype(np.float32), self.b[channel].astype(np.float32)
        y_unit = self.y_of_sum((x.astype(np.int32) * self.w[channel]).sum(1), bias)
        folded, samples = self.s_wx * w, x.astype(np.float32)
        # As nvcc contracts it under --use_fast_math: the first product is rounded, the bias's is not.
        y = fma(np.broadcast_to(self.s_b, bias.shape), bias, folded[:, 0] * samples[:, 0])
        for k in range(1, w.shape[1]):
            y = fma(folded[:, k], samples[:, k], y)
        unit, unit_open = self.output(y_unit)
        decode, decode_open = self.output(y)
        return y_unit, y, unit, decode, unit_open | decode_open


def stream_windows(x, taps):
    """Windows, channels and places [sequence, channel, time] of a stream, in pieces."""
    sequences, channels, length = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (taps - 1, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps, axis=2)
    rows = max(1, CHUNK // length)
    for b in range(sequences):
        for c in range(0, channels, rows):
            piece = windows[b, c:c + rows]
            channel = np.repeat(np.arange(c, c + len(piece)), length)
            time = np.tile(np.arange(length), len(piece))
            yield piece.reshape(-1, taps), channel, np.stack([np.full_like(time, b), channel, time], 1)


def random_windows(count, channels, taps, seed):
    random = np.random.default_rng(seed)
    for begin in range(0, count, CHUNK):
        n = min(CHUNK, count - begin)
        channel = random.integers(0, channels, n)
        yield random.integers(-128, 128, (n, taps), dtype=np.int8), channel, np.stack([np.full(n, -1), channel, np.full(n, -1)], 1)


def compare_layer(layer, pieces, limit, unit_golden=None, decode_golden=None):
    """differ: None where outputs beside a step are left open."""
    row = {"layer": layer.path.name, "outputs": 0, "y_differ": 0, "known": 0, "beside_a_step": 0, "differ": 0, "largest": 0, "examples": []}
    for x, channel, place in pieces:
        y_unit, y, unit, decode, beside = layer.compare(x, channel)
        at = tuple(place.T)
        if unit_golden is not None and (unit != unit_golden[at]).any():
            raise ArithmeticError(f"{layer.path}: golden/{VARIANT}: the committed output is not that of the committed sweep")
        if decode_golden is not None:
            if (decode != decode_golden[at])[~beside].any():
                raise ArithmeticError(f"{layer.path}: golden/{DECODE}: the committed output is not that of the sweep away from its steps")
            decode = decode_golden[at]
        apart = np.abs(unit.astype(int) - decode)
        open_ = beside & (decode_golden is None)
        row["outputs"] += len(x)
        row["y_differ"] += int((y != y_unit).sum())
        row["known"] += int((~open_).sum())
        row["beside_a_step"] += int(beside.sum())
        row["differ"] += int((apart[~open_] != 0).sum())
        row["largest"] = max(row["largest"], int(apart[~open_].max(initial=0)))
        for i in np.flatnonzero(beside | (apart != 0))[:max(0, limit - len(row["examples"]))]:
            row["examples"].append({"sequence": int(place[i, 0]), "channel": int(channel[i]), "time": int(place[i, 2]), "x": x[i].tolist(),
                                    "w": layer.w[channel[i]].tolist(), "y": [float(y_unit[i]), float(y[i])], "unit": int(unit[i]),
                                    "decode": None if open_[i] else int(decode[i])})
    return row


def compare_bundle(path, options):
    layer = Layer(path)
    taps, channels = layer.meta["taps"], len(layer.w)
    if options.random:
        return compare_layer(layer, random_windows(options.random, channels, taps, options.seed), options.limit)
    x = np.load(options.input if options.input else layer.read("conv1d_input.npy"))
    if x.dtype != np.int8 or x.ndim != 3 or x.shape[1] != channels:
        raise StreamError(f"{options.input or path / 'conv1d_input.npy'}: expected int8 [B, {channels}, L]; got {x.dtype} {list(x.shape)}")
    goldens = [None, None]
    for i, variant in enumerate((VARIANT, DECODE) if options.input is None else ()):
        committed = layer.path / f"golden/{variant}/conv1d_output_int8.npy"
        goldens[i] = np.load(committed) if committed.is_file() else None
    return compare_layer(layer, stream_windows(x, taps), options.limit, *goldens)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=pathlib.Path, metavar="BUNDLE")
    parser.add_argument("--input", type=pathlib.Path)
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    rows = []
    print("| layer | outputs | fp32 y differs | beside a step | int8 known | of these differ | largest |\n|---|---|---|---|---|---|---|")

    def show(name, row):
        print(f"| {name} | {row['outputs']:,} | {100 * row['y_differ'] / row['outputs']:.1f}% | {row['beside_a_step']} | {row['known']:,} | "
              f"{row['differ']} | {row['largest']} |", flush=True)

    for path in options.bundles:
        rows.append(compare_bundle(path, options))
        show(rows[-1]["layer"], rows[-1])
    show("all", {**{key: sum(row[key] for row in rows) for key in ("outputs", "y_differ", "beside_a_step", "known", "differ")},
                 "largest": max(row["largest"] for row in rows)})
    for row in rows:
        for at in row["examples"]:
            print(f"{row['layer']} sequence {at['sequence']} channel {at['channel']} time {at['time']}: x {at['x']} w {at['w']}: "
                  f"y {at['y'][0]:.9g} and {at['y'][1]:.9g}, unit {at['unit']}, decode " + ("?" if at["decode"] is None else str(at["decode"])))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if rows and all(row["outputs"] for row in rows) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ArithmeticError as error:
        print(f"decode_streams.py: {error}", file=sys.stderr)
        sys.exit(1)
    except (StreamError, OSError, ValueError, KeyError) as error:
        print(f"decode_streams.py: {error}", file=sys.stderr)
        sys.exit(2)
