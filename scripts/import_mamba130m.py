#!/usr/bin/env python3
"""Turn the convolution of mamba-130m's first layer, kept as text files, into a layer bundle.

  import_mamba130m.py TEXT_DIR -o BUNDLE_DIR

TEXT_DIR holds conv1d_weight.txt [C, K], conv1d_bias.txt [C] and conv1d_input.txt [C, L] in fp32. Scales are the absolute maximum
of each tensor / 127; output_scale is that of silu(conv(x)). Each tensor is quantised as clamp_8(round_half_even(value / scale)), the
division in fp32. The input is real text through the embedding but without the model's RMSNorm, so input_scale is larger than the
model's own.
"""
import argparse
import json
import pathlib
import struct
import sys

TAPS_MAX = 4


def fp32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def read_matrix(path):
    rows = [[fp32(float(word)) for word in line.split()] for line in path.read_text().splitlines() if line.strip()]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(f"{path}: expected rows of equal length")
    return rows


def absmax_scale(values):
    return fp32(fp32(max(abs(v) for v in values)) / 127.0)


def quantise(values, scale):
    # Division of two fp32 in double, then to fp32: correctly rounded, because 53 >= 2*24 + 2. round() is half to even.
    return bytes(max(-128, min(127, round(fp32(v / scale)))) & 255 for v in values)


def write_npy(path, shape, data):
    header = "{'descr': '|i1', 'fortran_order': False, 'shape': (" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + "), }"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def silu_maximum(weight, bias, samples):
    import math
    largest = 0.0
    taps = len(weight[0])
    for w, b, x in zip(weight, bias, samples):
        padded = [0.0] * (taps - 1) + x
        for t in range(len(x)):
            y = b + sum(w[k] * padded[t + k] for k in range(taps))
            largest = max(largest, abs(y / (1 + math.exp(-y))))
    return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text_dir", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    args = parser.parse_args()
    try:
        weight, samples = (read_matrix(args.text_dir / f"conv1d_{name}.txt") for name in ("weight", "input"))
        bias = [v for row in read_matrix(args.text_dir / "conv1d_bias.txt") for v in row]
    except (OSError, ValueError) as error:
        sys.stderr.write(f"import_mamba130m: {error}\n")
        return 2
    if not len(weight) == len(bias) == len(samples) or not 2 <= len(weight[0]) <= TAPS_MAX:
        sys.stderr.write("import_mamba130m: expected weight [C, K], bias [C] and input [C, L] of one C, K 2 to 4\n")
        return 2
    flat = {"weight": sum(weight, []), "bias": bias, "input": sum(samples, [])}
    scales = {name: absmax_scale(values) for name, values in flat.items()}
    shapes = {"weight": (len(weight), len(weight[0])), "bias": (len(bias),), "input": (1, len(samples), len(samples[0]))}
    args.output.mkdir(parents=True, exist_ok=True)
    for name, values in flat.items():
        write_npy(args.output / f"conv1d_{name}.npy", shapes[name], quantise(values, scales[name]))
    layer = {
        "format": "quasim.layer/1",
        "name": "mamba-130m/layer00",
        "channels": len(weight),
        "taps": len(weight[0]),
        "input_scale": scales["input"],
        "weight_scale": scales["weight"],
        "bias_scale": scales["bias"],
        "output_scale": fp32(silu_maximum(weight, bias, samples) / 127.0),
        "source": {"model": "state-spaces/mamba-130m, layer 0 (Apache-2.0)", "input": "ten tokens, without RMSNorm",
                   "scales": "absolute maxima / 127"},
    }
    (args.output / "layer.json").write_text(json.dumps(layer, indent=1) + "\n")
    print(f"import_mamba130m: {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
