"""Small bundles for tests, cut from real layers, and what a golden or a record of theirs was made from."""
import hashlib
import json
import pathlib
import shutil

import numpy as np

TWO_STEP = "two_step.seqlast.precise.half_even"
FILES = ("layer.json", "conv1d_input.npy", "conv1d_weight.npy", "conv1d_bias.npy")


def hashes(bundle):
    files = [pathlib.Path(bundle) / name for name in FILES]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


def layer_parameters(bundle):
    layer = json.loads((pathlib.Path(bundle) / "layer.json").read_text())
    parameters = {key: layer[key] for key in ("channels", "taps")}
    for key in ("input_scale", "weight_scale", "bias_scale", "conv_scale", "output_scale"):
        value = layer.get(key, layer["output_scale"] if key == "conv_scale" else None)
        if value is not None:
            parameters[key] = float(np.float32(value))
    parameters["conv_bits"] = layer.get("conv_bits", 8)
    return parameters


def stamp(bundle, variant=TWO_STEP, device="a GPU that a test stands for"):
    """Writes provenance.json of golden/VARIANT."""
    made_from = {"variant": variant, "inputs_sha256": hashes(bundle), "layer_parameters": layer_parameters(bundle), "device": device}
    (pathlib.Path(bundle) / "golden" / variant / "provenance.json").write_text(json.dumps(made_from, indent=1) + "\n")


def cut_layer(target, source, channels, steps, **changes):
    """The first channels and time steps of a layer, with its goldens where they stay true: without changes of layer.json."""
    target, source = pathlib.Path(target), pathlib.Path(source)
    target.mkdir(parents=True)
    params = json.loads((source / "layer.json").read_text())
    params.update(channels=channels, **changes)
    (target / "layer.json").write_text(json.dumps(params))
    np.save(target / "conv1d_weight.npy", np.load(source / "conv1d_weight.npy")[:channels].copy())
    np.save(target / "conv1d_bias.npy", np.load(source / "conv1d_bias.npy")[:channels].copy())
    np.save(target / "conv1d_input.npy", np.load(source / "conv1d_input.npy")[:, :channels, :steps].copy())
    if changes:
        return target
    for golden in sorted((source / "golden").glob("*/provenance.json")):
        variant = golden.parent.name
        (target / "golden" / variant).mkdir(parents=True)
        for file in golden.parent.glob("*.npy"):
            np.save(target / "golden" / variant / file.name, np.load(file)[:, :channels, :steps].copy())
        if (golden.parent / "steps.npz").exists():
            shutil.copy(golden.parent / "steps.npz", target / "golden" / variant)
        stamp(target, variant)
    return target
