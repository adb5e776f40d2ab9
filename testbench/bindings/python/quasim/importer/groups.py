"""Which channels of a convolution share scales, and the scales that a checkpoint has for them."""

from typing import Dict, List, NamedTuple

import numpy as np

from . import families
from .layer import MOST_GROUPS, scale_of
from ..refusal import Refusal

SCALES = ("input_scale", "weight_scale", "bias_scale", "output_scale", "conv_scale")
# Quamba2's names of a group's scales, by the tensor that the group belongs to.
QUAMBA2_SCALES = {name: {"input_scale": f"{name}_scale", "weight_scale": f"w{name}_scale", "bias_scale": f"b{name}_scale"}
                  for name in ("x", "B", "C")}
HEAD_RANGES, CHANNEL_RANGES = "x_head_group_range", "x_dim_group_range"


class Part(NamedTuple):
    """Channels that share scales, and those scales that the checkpoint has."""

    name: str
    channels: np.ndarray
    scales: Dict[str, np.float32]


def is_quamba2(checkpoint, found) -> bool:
    """Whether the convolution has scales by tensor and group."""
    return found.prefix is not None and found.prefix + "wx_scale" in checkpoint


def parts_of(checkpoint, found, channels, has_bias, asked) -> List[Part]:
    """The groups of a layer: Quamba2's, those that the user asked for ([] is one), or the configuration's."""
    if is_quamba2(checkpoint, found):
        return quamba2_parts(checkpoint, found, channels, has_bias, asked)
    split = families.channel_split(checkpoint.config, channels) if asked is None else asked
    scales = stored_scales(checkpoint, found, {name: name for name in SCALES}, has_bias)
    if not split or (asked is None and scales):
        return [Part("all", np.arange(channels), scales)]
    return [Part(name, numbers, scales) for name, numbers in consecutive(checkpoint.name, split, channels)]


def consecutive(file, split, channels):
    """[(name, channel numbers)] of groups that follow each other. Raises Refusal unless they are the whole."""
    sizes = [size for _, size in split]
    if sum(sizes) != channels or min(sizes) < 1 or len(split) > MOST_GROUPS:
        raise Refusal(file, "--groups", f"groups of {channels} channels in all", " + ".join(map(str, sizes)))
    if len({name for name, _ in split}) != len(split):
        raise Refusal(file, "--groups", "each name once", ", ".join(name for name, _ in split))
    ends = np.cumsum(sizes)
    return [(name, np.arange(end - size, end)) for (name, size), end in zip(split, ends)]


def stored_scales(checkpoint, found, names, has_bias):
    """{scale: fp32} of those that stand beside the weight. A layer without a bias has no use for its scale."""
    scales = {}
    for scale, name in names.items():
        key = (found.prefix or "") + name
        if found.prefix is not None and key in checkpoint and (has_bias or scale != "bias_scale"):
            scales[scale] = scale_of(checkpoint.file_of(key), key, checkpoint.number(key))
    return scales


def quamba2_parts(checkpoint, found, channels, has_bias, asked):
    """x by ssd group, group of heads and group of channels within a head; B and C by ssd group."""
    stored = {name: stored_scales(checkpoint, found, names, has_bias) for name, names in QUAMBA2_SCALES.items()}
    outputs = {name: output_scales(checkpoint, found, name) for name in QUAMBA2_SCALES}
    if found.prefix + HEAD_RANGES not in checkpoint:
        return quamba2_plain_parts(checkpoint, found, channels, stored, outputs, asked)
    heads, inner = ranges(checkpoint, found, HEAD_RANGES, 2), ranges(checkpoint, found, CHANNEL_RANGES, 3)
    file, key = checkpoint.file_of(found.prefix + HEAD_RANGES), found.prefix + HEAD_RANGES
    if inner.shape[:2] != heads.shape or outputs["x"].shape != inner.shape:
        raise Refusal(file, key, "ranges and output scales of one shape [g, heads, channels]",
                      f"{list(heads.shape)}, {list(inner.shape)} and {list(outputs['x'].shape)}")
    ssd_groups, heads_each, head_size = len(heads), int(heads[0, -1]), int(inner[0, 0, -1])
    wide = ssd_groups * heads_each * head_size
    states, rest = divmod(channels - wide, 2 * ssd_groups)
    said = asked or families.channel_split(checkpoint.config, channels)
    if min(heads_each, head_size) < 1 or (heads[:, -1] != heads_each).any() or (inner[..., -1] != head_size).any() or states < 1 or rest or (said and said[0][1] != wide):
        raise Refusal(file, key, f"group ranges of an x that leaves B and C their part of {channels} channels",
                      f"{ssd_groups} x {heads_each} heads x {head_size} channels")
    own = [("x", wide), ("B", ssd_groups * states), ("C", ssd_groups * states)]
    if asked is not None and asked != own:
        raise Refusal("", "--groups", "nothing, or what the layer's ranges say: " + ",".join(f"{name}:{size}" for name, size in own),
                      ",".join(f"{name}:{size}" for name, size in asked) or "one")
    parts = []
    for g in range(ssd_groups):
        for h, (first_head, last_head) in enumerate(zip([0, *heads[g]], heads[g])):
            for d, (first, last) in enumerate(zip([0, *inner[g, h]], inner[g, h])):
                rows = (g * heads_each + np.arange(first_head, last_head)) * head_size
                mine = (rows[:, None] + np.arange(first, last)).reshape(-1)
                if len(mine):
                    parts.append(part(found, file, f"x{g}.{h}.{d}", mine, stored["x"], outputs["x"][g, h, d], "x"))
    for name, begin in (("B", wide), ("C", wide + ssd_groups * states)):
        require_shape(file, found.prefix + f"{name}_out_scales", outputs[name], (ssd_groups,))
        for g in range(ssd_groups):
            mine = np.arange(begin + g * states, begin + (g + 1) * states)
            parts.append(part(found, file, f"{name}{g}", mine, stored[name], outputs[name][g], name))
    return parts


def quamba2_plain_parts(checkpoint, found, channels, stored, outputs, asked):
    """x, B and C where Quamba2 keeps one output scale for each: the split is the configuration's or the user's."""
    split = asked or families.channel_split(checkpoint.config, channels)
    if not split or [name for name, _ in split] != list(QUAMBA2_SCALES):
        raise Refusal(checkpoint.name, "--groups", f"--groups x:N,B:N,C:N of {channels} channels, or a config.json that says them")
    parts = []
    for name, mine in consecutive(checkpoint.name, split, channels):
        key = f"{found.prefix}{name}_out_scales"
        if outputs[name].size != 1:
            raise Refusal(checkpoint.file_of(key), key, f"one output scale, where {HEAD_RANGES} is not there", f"shape {list(outputs[name].shape)}")
        parts.append(part(found, checkpoint.file_of(key), name, mine, stored[name], outputs[name].reshape(()), name))
    return parts


def part(found, file, name, channels, scales, output_scale, tensor):
    key = f"{found.prefix}{tensor}_out_scales"
    return Part(name, channels, {**scales, "output_scale": scale_of(file, key, output_scale)})


def output_scales(checkpoint, found, name):
    tensor = checkpoint.tensor(f"{found.prefix}{name}_out_scales")
    values = tensor.array()
    if not tensor.is_float or values.size == 0:
        raise Refusal(tensor.file, tensor.key, "output scales", tensor.describe())
    return values


def ranges(checkpoint, found, name, rank):
    """Ends of consecutive ranges along the last axis."""
    tensor = checkpoint.tensor(found.prefix + name)
    if tensor.dtype not in ("int32", "int64") or len(tensor.shape) != rank or 0 in tensor.shape:
        raise Refusal(tensor.file, tensor.key, f"an integer tensor of {rank} axes", tensor.describe())
    ends = tensor.array().astype(np.int64)
    if (np.diff(ends, axis=-1, prepend=0) < 0).any() or (ends > 1 << 24).any():
        raise Refusal(tensor.file, tensor.key, "group ranges that ascend from 0", ends.reshape(-1).tolist())
    return ends


def require_shape(file, key, values, shape):
    if values.shape != shape:
        raise Refusal(file, key, f"shape {list(shape)}", list(values.shape))
