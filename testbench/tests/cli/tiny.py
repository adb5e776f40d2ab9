"""Layer bundles of a few channels, on which every verb takes milliseconds."""
import json
import pathlib
import shutil

import numpy as np

TWO_STEP = "two_step.seqlast.precise.half_even"


def make_bundle(directory, name=None, channels=4, taps=4, length=16, sequences=1, seed=0, **changes):
    """Writes a bundle without goldens and returns its path. `changes` are further keys of layer.json; None leaves one out."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    layer = {"format": "quasim.layer/1", "name": name if name is not None else directory.name, "channels": channels,
             "taps": taps, "input_scale": 0.03125, "weight_scale": 0.0078125, "bias_scale": 0.0078125, "output_scale": 0.04}
    layer.update(changes)
    (directory / "layer.json").write_text(json.dumps({k: v for k, v in layer.items() if v is not None}))
    np.save(directory / "conv1d_weight.npy", rng.integers(-128, 128, (channels, taps), dtype=np.int8))
    np.save(directory / "conv1d_bias.npy", rng.integers(-128, 128, (channels,), dtype=np.int8))
    np.save(directory / "conv1d_input.npy", rng.integers(-128, 128, (sequences, channels, length), dtype=np.int8))
    return directory


def group_scales(count, seed=0, conv_scale=True):
    """Scales of `count` groups, all different; every third has its own conv_scale."""
    rng = np.random.default_rng(seed)
    scales = []
    for g in range(count):
        # a group's output range goes with its convolution's, so that few outputs saturate
        x, w = np.float32(rng.uniform(0.01, 0.08)), np.float32(rng.uniform(0.005, 0.03))
        y = np.float32(x * w * rng.uniform(15, 40))
        entry = {"name": f"g{g}", "input_scale": float(x), "weight_scale": float(w), "bias_scale": float(np.float32(rng.uniform(0.002, 0.02))),
                 "output_scale": float(y)}
        if conv_scale and g % 3 == 1:
            entry["conv_scale"] = float(np.float32(y * rng.uniform(0.6, 1.4)))
        scales.append(entry)
    return scales


def make_grouped_bundle(directory, channel_group, groups=None, taps=4, length=24, sequences=2, seed=0, reach=24, **changes):
    """Writes a quasim.layer/2 bundle without goldens: channel_group [C] says which group each channel is of. Weights are within
    +-reach, which keeps the domains small. Returns its path."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    channel_group = np.asarray(channel_group, np.uint16)
    channels = len(channel_group)
    layer = {"format": "quasim.layer/2", "name": directory.name, "channels": channels, "taps": taps,
             "groups": groups if groups is not None else group_scales(int(channel_group.max()) + 1, seed), "activation": "silu"}
    layer.update(changes)
    (directory / "layer.json").write_text(json.dumps({k: v for k, v in layer.items() if v is not None}))
    np.save(directory / "channel_group.npy", channel_group)
    np.save(directory / "conv1d_weight.npy", rng.integers(-reach, reach + 1, (channels, taps)).astype(np.int8))
    np.save(directory / "conv1d_bias.npy", rng.integers(-128, 128, (channels,)).astype(np.int8))
    np.save(directory / "conv1d_input.npy", rng.integers(-128, 128, (sequences, channels, length)).astype(np.int8))
    return directory


def split_bundle(bundle, top):
    """A quasim.layer/1 bundle for each group of a /2 one, in the folder `top`. Returns {group: (path, channel numbers)}."""
    bundle, top = pathlib.Path(bundle), pathlib.Path(top)
    layer = json.loads((bundle / "layer.json").read_text())
    channel_group = np.load(bundle / "channel_group.npy")
    parts = {}
    for index, group in enumerate(layer["groups"]):
        mine = np.flatnonzero(channel_group == index)
        part = top / group["name"]
        part.mkdir(parents=True)
        one = {key: value for key, value in layer.items() if key not in ("groups", "activation")}
        one.update({key: value for key, value in group.items() if key != "name"})
        one.update(format="quasim.layer/1", name=f"{layer['name']}/{group['name']}", channels=len(mine))
        (part / "layer.json").write_text(json.dumps(one))
        for name in ("conv1d_weight", "conv1d_bias"):
            if (bundle / f"{name}.npy").exists():
                np.save(part / f"{name}.npy", np.load(bundle / f"{name}.npy")[mine])
        np.save(part / "conv1d_input.npy", np.ascontiguousarray(np.load(bundle / "conv1d_input.npy")[:, mine]))
        parts[group["name"]] = (part, mine)
    return parts


def tree_digest(directory):
    """Every file below a directory with its bytes, to see whether anything changed."""
    digest = {}
    for path in sorted(pathlib.Path(directory).rglob("*")):
        key = str(path.relative_to(directory))
        if path.is_symlink():
            digest[key] = ("link", str(path.readlink()))
        elif path.is_file():
            digest[key] = path.read_bytes()
        else:
            digest[key] = "directory" if path.is_dir() else "other"
    return digest


def copy_bundle(source, target):
    shutil.copytree(source, target, symlinks=True)
    return pathlib.Path(target)
