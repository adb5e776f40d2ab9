"""Finds the convolutions of a checkpoint by the names and shapes of its tensors."""

import collections
import re
from typing import List, NamedTuple, Optional

from .checkpoint import Checkpoint
from ..refusal import Refusal
from .tensors import Tensor

# A parameter of a numbered layer whose module is some convolution: nn.Conv1d's `weight`, or `conv_w` as bookmamba has it.
WEIGHT_KEY = re.compile(
    r"(?:.*\.)?(?:layers|blocks|h)\.(?P<index>\d{1,6})\.(?P<module>(?:.*\.)?[^.]*conv[^.]*?)(?P<end>\.weight|_w)")
BIAS_ENDS = {".weight": ".bias", "_w": "_b"}
# A label is the last part of a folder's path.
FOLDER_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")
LONGEST_KEY = 1024  # of those that may name a convolution
MIXER = re.compile(r"(?:^|\.)mixers\.([^.]+)\.")
# One layer by itself: its weight, its bias, and what the keys of its scales begin with.
PLAIN_KEYS = (
    ("conv1d_weight", "conv1d_bias", ""),
    ("conv1d.weight", "conv1d.bias", "conv1d."),
    ("weight", "bias", ""),
    ("", None, None),
)


class Found(NamedTuple):
    """A convolution of a checkpoint."""

    index: Optional[int]  # the layer; None for a file of one layer
    label: str  # layerNN, or layerNN.MODULE where a layer has several convolutions
    weight_key: str
    bias_key: Optional[str]
    prefix: Optional[str]  # what the keys of its scales begin with; None where there can be none


def find_layers(checkpoint: Checkpoint, mixer=None, indices=None) -> List[Found]:
    """Every convolution by its layer, or those of the layers asked for, whose tensors alone are looked at. Raises Refusal where there is
    none, for a layer that is not there, and where a hybrid's mixer has to be chosen."""
    found = []
    mixers = {}  # by layer
    for key in checkpoint.keys():
        match = WEIGHT_KEY.fullmatch(key) if len(key) <= LONGEST_KEY else None
        if match is None:
            continue
        hybrid = MIXER.search(key)
        if hybrid is not None:
            mixers.setdefault(int(match["index"]), set()).add(hybrid.group(1))
            if mixer not in (None, hybrid.group(1)):
                continue
        stem = key[: -len(match["end"])]
        found.append(Found(int(match["index"]), match["module"], key, stem + BIAS_ENDS[match["end"]], stem + "."))
    names = sorted(set().union(*mixers.values()))
    if mixer is None and any(len(of_layer) > 1 for of_layer in mixers.values()):
        raise Refusal(checkpoint.name, "mixers", "--mixer, because layers hold several", ", ".join(names))
    if mixer is not None and mixer not in names:
        raise Refusal(checkpoint.name, "--mixer", "one of " + ", ".join(names) if names else "a hybrid checkpoint", mixer)
    if not found:
        found = plain_layer(checkpoint)
    found = choose(checkpoint, found, indices)
    found = label(checkpoint, sorted(one for one in found if one.index is None or may_be_depthwise(checkpoint[one.weight_key])))
    if not found:
        raise Refusal(checkpoint.name, "convolution", "keys as backbone.layers.N.mixer.conv1d.weight, or one named weight",
                      "neither; --key names the tensor")
    return found


def may_be_depthwise(entry) -> bool:
    """Whether it is a tensor [C, K] or [C, 1, K] by its rank; a layer that is read is checked further."""
    return isinstance(entry, Tensor) and len(entry.shape) in (2, 3)


def label(checkpoint, found):
    """The same with labels, each its own: layerNN, with the module where a layer has several convolutions, or the whole key where that is
    not enough. Raises Refusal for a key that cannot name a folder."""
    of_layer = collections.Counter(one.index for one in found)
    of_module = collections.Counter((one.index, one.label) for one in found)
    labelled = []
    for one in found:
        text = one.label
        if one.index is not None:
            text = f"layer{one.index:02d}" + (f".{one.label}" if of_layer[one.index] > 1 else "")
            if of_module[one.index, one.label] > 1:
                text = one.prefix[:-1]
        if not FOLDER_NAME.fullmatch(text):
            raise Refusal(checkpoint.file_of(one.weight_key), one.weight_key, "a name of letters, digits, _, - and ., since it names a folder; "
                          "--key takes any", text)
        labelled.append(one._replace(label=text))
    twice = [name for name, times in collections.Counter(one.label for one in labelled).items() if times > 1]
    if twice:
        raise Refusal(checkpoint.name, twice[0], "each convolution once", "two of that name: choose with --key")
    return labelled


def plain_layer(checkpoint):
    """The layer of a file that holds nothing but one, or nothing."""
    for weight, bias, prefix in PLAIN_KEYS:
        if weight in checkpoint:
            return [Found(None, "layer", weight, bias, prefix)]
    return []


def named_layer(checkpoint, key) -> Found:
    """The convolution whose weight the user names."""
    checkpoint.tensor(key)
    if key.endswith(".weight"):
        stem = key[: -len(".weight")]
        return Found(None, "layer", key, stem + ".bias", stem + ".")
    return Found(None, "layer", key, None, None)


def choose(checkpoint: Checkpoint, found: List[Found], indices) -> List[Found]:
    """Those of the layers asked for. Raises Refusal for one that is not there."""
    if indices is None:
        return found
    have = sorted({one.index for one in found if one.index is not None})
    for index in indices:
        if index not in have:
            raise Refusal(checkpoint.name, "--layers", "layers with a convolution: " + (runs_text(have) or "none has a number"),
                          index)
    return [one for one in found if one.index in indices]


def runs_text(numbers) -> str:
    """0, 1, 2, 5 as 0..2,5."""
    runs = []
    for n in numbers:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ",".join(str(a) if a == b else f"{a}..{b}" for a, b in runs)
