"""One layer as the bundle format has it: int8 tensors, scales by group, and where they come from."""

import dataclasses
import json
from typing import Dict, List, Optional

import numpy as np

from ..registers import CONSTANT
from .checkpoint import FORMAT_ONE_GROUP
from ..refusal import Refusal

FORMAT_GROUPS = "quasim.layer/2"
DATAFLOWS = ("two_step", "fused")
ROUNDINGS = ("half_even", "half_away")
ACTIVATIONS = ("silu", "identity")
MOST_GROUPS = 1 << 16
FLOAT_FOLDER = "float"
LEAST_NORMAL = np.finfo(np.float32).tiny


def scale_of(file, key, value) -> np.float32:
    """value as a scale: the nearest fp32, finite, positive and normal. Raises Refusal otherwise."""
    expected = "a finite, positive, normal fp32 number"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating, np.integer)):
        raise Refusal(file, key, expected, value)
    try:
        with np.errstate(over="ignore"):
            number = np.float32(float(value))
    except OverflowError:
        raise Refusal(file, key, expected, value) from None
    if not np.isfinite(number) or number < LEAST_NORMAL:
        raise Refusal(file, key, expected, value)
    return number


@dataclasses.dataclass
class Group:
    """The scales of the channels that share them."""

    name: str
    input_scale: np.float32
    weight_scale: np.float32
    bias_scale: Optional[np.float32]
    output_scale: np.float32
    conv_scale: Optional[np.float32] = None

    def to_json(self):
        """The scales in the order of layer.json; a Python float holds every fp32 exactly."""
        scales = {name: getattr(self, name) for name in
                  ("input_scale", "weight_scale", "bias_scale", "output_scale", "conv_scale")}
        return {name: float(scale) for name, scale in scales.items() if scale is not None}


@dataclasses.dataclass
class Layer:
    """weight int8 [C, K], bias int8 [C] or None, input int8 [B, C, L] or None; channel c belongs to groups[channel_group[c]].
    floats: the fp32 tensors they were quantised from, by the names of the contract."""

    name: str
    weight: np.ndarray
    bias: Optional[np.ndarray]
    input: Optional[np.ndarray]
    groups: List[Group]
    channel_group: np.ndarray
    activation: str = "silu"
    conv_bits: Optional[int] = None
    dataflow: Optional[str] = None
    rounding: Optional[str] = None
    source: Dict = dataclasses.field(default_factory=dict)
    floats: Dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def channels(self) -> int:
        return self.weight.shape[0]

    @property
    def taps(self) -> int:
        return self.weight.shape[1]

    @property
    def format(self) -> str:
        """quasim.layer/1 where it can say all there is."""
        plain = len(self.groups) == 1 and self.activation == "silu"
        return FORMAT_ONE_GROUP if plain else FORMAT_GROUPS

    def to_json(self):
        """layer.json."""
        document = {"format": self.format, "name": self.name, "channels": self.channels, "taps": self.taps}
        if self.format == FORMAT_ONE_GROUP:
            document.update(self.groups[0].to_json())
        else:
            document["groups"] = [{"name": group.name, **group.to_json()} for group in self.groups]
            document["activation"] = self.activation
        for key in ("conv_bits", "dataflow", "rounding"):
            value = getattr(self, key)
            if value is not None:
                document[key] = int(value) if isinstance(value, np.integer) else value
        if self.source:
            document["source"] = self.source
        return utf8(document)

    def split(self) -> List["Layer"]:
        """One layer of one group for each group, its channels in their order."""
        if len(self.groups) == 1:
            return [self]
        layers = []
        for index, group in enumerate(self.groups):
            mine = np.flatnonzero(self.channel_group == index)
            layers.append(dataclasses.replace(
                self, name=f"{self.name}/{group.name}", weight=self.weight[mine],
                bias=None if self.bias is None else self.bias[mine],
                input=None if self.input is None else self.input[:, mine],
                groups=[group], channel_group=np.zeros(len(mine), np.uint16),
                source={**self.source, "group": group.name, "channels": runs_of(mine)},
                floats={key: values[:, mine] if key == "conv1d_input" else values[mine]
                        for key, values in self.floats.items()}))
        return layers

    def write(self, directory, force=False):
        """Writes the bundle: a folder that is there whole or not at all. A folder that holds something is refused; with
        force a bundle in it is replaced, goldens included, since they are the other layer's."""
        from .bundles import Bundles

        with Bundles(directory, force) as bundles:
            bundles.add(self)

    def write_files(self, folder):
        """The bundle's files into a folder that is there and empty."""
        np.save(folder / "conv1d_weight.npy", np.ascontiguousarray(self.weight))
        if self.bias is not None:
            np.save(folder / "conv1d_bias.npy", np.ascontiguousarray(self.bias))
        if self.input is not None:
            np.save(folder / "conv1d_input.npy", np.ascontiguousarray(self.input))
        if self.format == FORMAT_GROUPS:
            np.save(folder / "channel_group.npy", self.channel_group.astype(np.uint16))
        for key, values in self.floats.items():
            (folder / FLOAT_FOLDER).mkdir(exist_ok=True)
            np.save(folder / FLOAT_FOLDER / f"{key}.npy", np.ascontiguousarray(values, dtype=np.float32))
        (folder / "layer.json").write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")


def utf8(value):
    """JSON whose texts can be written: what is no Unicode in a file's name or key becomes U+FFFD."""
    if isinstance(value, dict):
        return {utf8(key): utf8(item) for key, item in value.items()}
    if isinstance(value, list):
        return [utf8(item) for item in value]
    return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if isinstance(value, str) else value


def runs_of(channels) -> List[List[int]]:
    """Ascending channel numbers as [first, last] runs."""
    breaks = np.flatnonzero(np.diff(channels) != 1)
    firsts = channels[np.concatenate(([0], breaks + 1))]
    lasts = channels[np.concatenate((breaks, [len(channels) - 1]))]
    return [[int(first), int(last)] for first, last in zip(firsts, lasts)]


def require_choice(file, key, value, choices):
    """Raises Refusal unless value is None or one of choices."""
    if value is not None and value not in choices:
        raise Refusal(file, key, " or ".join(choices), value)
    return value


def require_conv_bits(file, value):
    """Raises Refusal unless value is None or a width that the unit has."""
    low, high = CONSTANT["ConvBitsMin"], CONSTANT["ConvBitsMax"]
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if value is not None and not (whole and low <= value <= high):
        raise Refusal(file, "--conv-bits", f"an integer from {low} to {high}", value)
    return value


def require_taps(file, key, taps, shape):
    """Raises Refusal unless the unit has so many taps."""
    low, high = CONSTANT["TapsMin"], CONSTANT["TapsMax"]
    if not low <= taps <= high:
        raise Refusal(file, key, f"K from {low} to {high} taps", f"{taps}, in shape {list(shape)}")
