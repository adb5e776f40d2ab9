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
