#!/usr/bin/env python3
"""Turn a bookmamba capture into layer bundles.

  import_bookmamba.py CAPTURE_DIR -o vectors/bookmamba

CAPTURE_DIR holds activations.npz (per layer: fp32 weight [C,K] and bias [C], fp16 conv input [C,L]) and meta.json (the
calibrated scales). Each tensor is quantised as clamp_8(round_half_even(value / scale)), the division in fp32.
"""
import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile

import numpy as np


def quantise(values, scale):
    return np.clip(np.rint(values.astype(np.float32) / np.float32(scale)), -128, 127).astype(np.int8)


def fp32(value):
    """The JSON number whose nearest fp32 is the scale; exact, because a double holds every fp32."""
    return float(np.float32(value))


def write_bundle(directory, index, capture, scales):
    prefix = f"layer{index:02d}_"
    weight = capture[prefix + "conv1d_weight_f32"]
    channels, taps = weight.shape
    meta = {
        "format": "quasim.layer/1",
        "name": f"bookmamba/layer{index:02d}",
        "channels": channels,
        "taps": taps,
        "input_scale": fp32(scales["input"]),
        "weight_scale": fp32(scales["weight"]),
        "bias_scale": fp32(scales["bias"]),
        "output_scale": fp32(scales["output_max"]),
        "source": {
            "model": "bookmamba: Mamba-1, 24.5 M parameters, 12 layers, d_model 512, d_conv 4, trained on public-domain books",
            "input": "one held-out passage of 256 tokens",
            "scales": "calibrated absolute maxima / 127 (output_scale = output_max)",
            "output_p9995": fp32(scales["output_p9995"]),
            "conv_absmax": scales["conv_absmax"],
            "silu_absmax": scales["silu_absmax"],
        },
    }
    np.save(directory / "conv1d_weight.npy", quantise(weight, scales["weight"]))
    np.save(directory / "conv1d_bias.npy", quantise(capture[prefix + "conv1d_bias_f32"], scales["bias"]))
    np.save(directory / "conv1d_input.npy", quantise(capture[prefix + "conv1d_input_f32"], scales["input"])[None])
    (directory / "layer.json").write_text(json.dumps(meta, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    args = parser.parse_args()
    try:
        capture = np.load(args.capture / "activations.npz")
        scales = json.loads((args.capture / "meta.json").read_text())["scales"]
    except (OSError, KeyError, ValueError) as error:
        sys.stderr.write(f"import_bookmamba: {args.capture}: {error}\n")
        return 2
    args.output.mkdir(parents=True, exist_ok=True)
    for index, layer_scales in enumerate(scales):
        target = args.output / f"layer{index:02d}"
        temporary = pathlib.Path(tempfile.mkdtemp(dir=args.output))
        write_bundle(temporary, index, capture, layer_scales)
        os.chmod(temporary, 0o755)
        target.mkdir(exist_ok=True)
        for item in temporary.iterdir():
            os.replace(item, target / item.name)
        shutil.rmtree(temporary)
        print(f"import_bookmamba: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
