"""Makes a layer of a convolution: reads its tensors, quantises those that are floats, and finds every scale."""

import dataclasses
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from . import families
from .checkpoint import Checkpoint
from .groups import parts_of
from .layer import (ACTIVATIONS, DATAFLOWS, MOST_GROUPS, ROUNDINGS, Group, Layer, require_choice, require_conv_bits,
                    require_taps, scale_of)
from .layers import Found
from .quantise import ARITHMETICS, absmax_scale, as_float, conv_act, quantise
from ..refusal import Refusal
from .tensors import Tensor

INPUT_LAYOUTS = ("bcl", "blc")
MOST_CHANNELS = 1 << 24  # that a bundle may have
OWN_INPUT_KEYS = ("conv1d_input", "input")  # of a file that holds one layer


@dataclasses.dataclass
class Choices:
    """What the user decides. A scale is a number, or a number for each group by its name."""

    arith: str = "fp32"
    scales: Dict[str, object] = dataclasses.field(default_factory=dict)
    output_percentile: float = 1.0
    groups: Optional[List[Tuple[str, int]]] = None  # an empty list: one group, whatever the configuration says
    activation: Optional[str] = None
    conv_bits: Optional[int] = None
    dataflow: Optional[str] = None
    rounding: Optional[str] = None
    input_layout: str = "bcl"
    keep_floats: bool = True

    def validate(self):
        """Raises Refusal for a choice that does not exist."""
        require_choice("", "--arith", self.arith, ARITHMETICS)
        require_choice("", "--activation", self.activation, ACTIVATIONS)
        require_choice("", "--dataflow", self.dataflow, DATAFLOWS)
        require_choice("", "--rounding", self.rounding, ROUNDINGS)
        require_choice("", "--input-layout", self.input_layout, INPUT_LAYOUTS)
        require_conv_bits("", self.conv_bits)
        if not 0.5 <= self.output_percentile <= 1:
            raise Refusal("", "--output-percentile", "a share from 0.5 to 1", self.output_percentile)


class Operand(NamedTuple):
    """A tensor of the layer and its values in the axes of the contract."""

    tensor: Tensor
    values: np.ndarray


def read_layer(checkpoint: Checkpoint, found: Found, choices: Choices, name, bias=None, sample=None, scales=None) -> Layer:
    """The layer of a convolution. bias: where it is kept apart. sample: its input. scales: {scale: number or {group: number}}
    of a calibration; they come after the user's choices and before what the checkpoint has."""
    if checkpoint.bundle is not None:
        choices = choices_of_bundle(checkpoint, choices)
    if sample is None and found.index is None:
        key = next((key for key in OWN_INPUT_KEYS if key in checkpoint), None)
        sample = None if key is None else checkpoint.tensor(key)
    weight = weight_of(checkpoint.tensor(found.weight_key))
    channels = len(weight.values)
    if channels > MOST_CHANNELS:
        raise Refusal(weight.tensor.file, weight.tensor.key, f"at most {MOST_CHANNELS} channels", channels)
    if bias is None and found.bias_key is not None and found.bias_key in checkpoint:
        bias = checkpoint.tensor(found.bias_key)
    parts = parts_of(checkpoint, found, channels, bias is not None, choices.groups)
    if len(parts) > MOST_GROUPS:
        raise Refusal(weight.tensor.file, weight.tensor.key, f"at most {MOST_GROUPS} groups", len(parts))
    operands = {"weight": weight}
    if bias is not None:
        operands["bias"] = bias_of(bias, channels)
    if sample is not None:
        operands["input"] = input_of(sample, channels, choices.input_layout)
    builder = Builder(operands, choices, scales or {}, activation_of(checkpoint, choices))
    with np.errstate(all="ignore"):  # what becomes infinite is refused where it matters
        return builder.layer(name, parts, {"file": checkpoint.name, "key": found.weight_key})


def make_layer(weight, bias=None, input=None, *, name="layer", input_scale=None, weight_scale=None, bias_scale=None,
               output_scale=None, conv_scale=None, config=None, **choices) -> Layer:
    """A layer of numpy arrays: weight [C, K] or [C, 1, K], bias [C] or None, input [B, C, L] or [C, L] or None, each int8 or
    float. Floats are quantised by the absolute maximum unless their scale is given; the output's scale is measured on the
    input unless it is given. config: the model's configuration, which may say how the channels divide. choices are the fields
    of Choices. layer.write(directory) makes the bundle."""
    arrays = {key: values for key, values in (("weight", weight), ("bias", bias), ("input", input)) if values is not None}
    checkpoint = Checkpoint.of_arrays(arrays, name)
    checkpoint.config, checkpoint.config_file = config, "config"
    scales = {"input_scale": input_scale, "weight_scale": weight_scale, "bias_scale": bias_scale, "output_scale": output_scale,
              "conv_scale": conv_scale}
    decided = Choices(scales={key: value for key, value in scales.items() if value is not None}, **choices)
    decided.validate()
    return read_layer(checkpoint, Found(None, name, "weight", "bias", None), decided, name)


def choices_of_bundle(checkpoint, choices) -> Choices:
    """The user's choices, with those of the bundle where the user has none."""
    said = {key: checkpoint.bundle[key] for key in ("conv_bits", "dataflow", "rounding")
            if getattr(choices, key) is None and key in checkpoint.bundle}
    merged = dataclasses.replace(choices, **said)
    merged.validate()
    return merged


def activation_of(checkpoint, choices):
    """silu or identity. Raises Refusal for any other that the configuration names."""
    if choices.activation is not None:
        return choices.activation
    word, key = families.activation(checkpoint.config)
    if word not in ACTIVATIONS:
        raise Refusal(checkpoint.config_file, key, "an activation silu, or --activation", word)
    return word


def require_int8_or_float(tensor):
    if tensor.dtype != "int8" and not tensor.is_float:
        raise Refusal(tensor.file, tensor.key, "int8 or a float of 16 bits or more", tensor.describe())


def weight_of(tensor) -> Operand:
    """A weight as [C, K]."""
    if len(tensor.shape) == 3 and tensor.shape[1] != 1:
        raise Refusal(tensor.file, tensor.key, "a depthwise weight [C, 1, K]: as many groups as channels", tensor.describe())
    if len(tensor.shape) not in (2, 3) or 0 in tensor.shape:
        raise Refusal(tensor.file, tensor.key, "a weight [C, K] or [C, 1, K]", tensor.describe())
    require_taps(tensor.file, tensor.key, tensor.shape[-1], tensor.shape)
    require_int8_or_float(tensor)
    return Operand(tensor, tensor.array().reshape(tensor.shape[0], tensor.shape[-1]))


def bias_of(tensor, channels) -> Operand:
    """A bias as [C]."""
    if tensor.shape != (channels,):
        raise Refusal(tensor.file, tensor.key, f"a bias [C] = [{channels}]", tensor.describe())
    require_int8_or_float(tensor)
    return Operand(tensor, tensor.array())


def input_of(tensor, channels, layout) -> Operand:
    """An input as [B, C, L]."""
    require_int8_or_float(tensor)
    values = tensor.array()
    if values.ndim == 2:
        values = values[None]
    if values.ndim == 3 and layout == "blc":
        values = values.transpose(0, 2, 1)
    if values.ndim != 3 or values.shape[1] != channels or 0 in values.shape:
        raise Refusal(tensor.file, tensor.key, f"an input [B, C, L] or [C, L] with C = {channels}", tensor.describe())
    return Operand(tensor, values)


class Builder:
    """Quantises the operands of one layer, group by group."""

    def __init__(self, operands, choices, calibrated, activation):
        self._operands = operands
        self._choices = choices
        self._calibrated = calibrated
        self._activation = activation
        self._origins = {}
        self._int8 = {name: np.empty(operand.values.shape, np.int8) for name, operand in operands.items()}
        self._floats = {name: np.empty(operand.values.shape, np.float32) for name, operand in operands.items()}

    def layer(self, name, parts, source) -> Layer:
        channel_group = np.zeros(len(self._operands["weight"].values), np.uint16)
        groups = []
        self._require_known_groups(parts)
        for index, part in enumerate(parts):
            channel_group[part.channels] = index
            groups.append(self._group(part))
        floats = {f"conv1d_{key}": self._floats[key] for key, operand in self._operands.items() if operand.tensor.is_float}
        source.update({key: operand.tensor.dtype for key, operand in self._operands.items()})
        if "input" in self._operands:
            source["input_file"] = self._operands["input"].tensor.file
        source["scales"] = {scale: next(iter(by_group.values())) if len(set(by_group.values())) == 1 else by_group
                            for scale, by_group in self._origins.items()}
        choices = self._choices
        return Layer(name, self._int8["weight"], self._int8.get("bias"), self._int8.get("input"), groups, channel_group,
                     self._activation, choices.conv_bits, choices.dataflow, choices.rounding, source,
                     floats if choices.keep_floats else {})

    def _require_known_groups(self, parts):
        names = {part.name for part in parts}
        for option, scales in ((None, self._choices.scales), ("--scales", self._calibrated)):
            for scale, value in scales.items():
                for group in value if isinstance(value, dict) else ():
                    if group not in names:
                        raise Refusal("", f"{option}: {scale}" if option else "--" + scale.replace("_", "-"), "groups of " + ", ".join(sorted(names)),
                                      group)

    def _group(self, part) -> Group:
        scales = {"bias_scale": None}
        for name in self._operands:
            scales[name + "_scale"] = self._quantise(name, part)
        if "input" not in self._operands:
            scales["input_scale"] = self._require("input_scale", part, "--input-scale, or --input to measure it")
        known = self._known("output_scale", part)
        scales["output_scale"] = self._measured_output(part) if known is None else known
        scales["conv_scale"] = self._known("conv_scale", part)
        return Group(part.name, **scales)

    def _known(self, scale, part):
        """The scale that somebody gave: the user, a calibration, or the checkpoint. None where nobody did."""
        for origin, scales in (("given", self._choices.scales), ("calibrated", self._calibrated), ("checkpoint", part.scales)):
            value = scales.get(scale)
            if isinstance(value, dict):
                value = value.get(part.name)
            if value is not None:
                self._note(scale, part, origin)
                return scale_of("", scale, value)
        return None

    def _note(self, scale, part, origin):
        self._origins.setdefault(scale, {})[part.name] = origin

    def _require(self, scale, part, options):
        known = self._known(scale, part)
        if known is None:
            tensor = self._operands["weight"].tensor
            what = "a scale in the checkpoint, " if tensor.dtype == "int8" else "a calibration of this float layer: "
            raise Refusal(tensor.file, f"{tensor.key} ({scale})", what + options, f"none; the weight is {tensor.describe()}")
        return known

    def _values(self, name, part):
        values = self._operands[name].values
        return values[:, part.channels] if name == "input" else values[part.channels]

    def _quantise(self, name, part):
        """Fills in the int8 values of a tensor's channels and returns their scale."""
        tensor = self._operands[name].tensor
        values = self._values(name, part)
        scale = self._known(name + "_scale", part)
        if tensor.is_float:
            arith = self._choices.arith if scale is None and name != "input" else "fp32"
            exact = as_float(tensor.file, tensor.key, values, arith)
            if scale is None:
                scale = absmax_scale(exact)
                self._note(name + "_scale", part, f"absmax {arith}")
            int8 = quantise(exact, scale)
            real = as_float(tensor.file, tensor.key, values)
        else:
            if scale is None:
                scale = self._require(name + "_scale", part, f"--{name}-scale")
            int8 = values
            real = values.astype(np.float32) * scale
        for target, source in ((self._int8, int8), (self._floats, real)):
            if name == "input":
                target[name][:, part.channels] = source
            else:
                target[name][part.channels] = source
        return scale

    def _measured_output(self, part):
        """The scale of the output: the largest magnitude, or a percentile of it, of the float layer on its input."""
        if "input" not in self._operands:
            return self._require("output_scale", part, "--output-scale, or --input to measure it")
        bias = self._floats["bias"][part.channels] if "bias" in self._floats else None
        output = conv_act(self._floats["input"][:, part.channels], self._floats["weight"][part.channels], bias, self._activation)
        magnitude = np.quantile(np.abs(output).astype(np.float32), self._choices.output_percentile)
        self._note("output_scale", part, "absmax" if self._choices.output_percentile == 1 else f"percentile {self._choices.output_percentile}")
        tensor = self._operands["input"].tensor
        return scale_of(tensor.file, "output_scale", np.float32(magnitude) / np.float32(127))
