"""One layer's numbers: int8 in, int8 out, by the golden on a GPU or the untimed model on a CPU. No arithmetic of the unit is written here."""

import concurrent.futures
import os
import pathlib
import tempfile
from typing import Dict, List

import numpy as np

from ..importer.build import make_layer
from ..importer.layer import Layer, scale_of
from ..refusal import Refusal
from .configurations import Configuration

ROUNDING = {"two_step": "half_even", "fused": "half_away"}
TO_SSM = "ssm_input"
TO_PROJECTION = "conv1d_output_int8"


def layer_of(configuration: Configuration, site, weight, bias, scales, measured, config) -> Layer:
    """The int8 layer of a convolution: weight [C, K] and bias [C] floats; scales and measured are the layer's of a scales file."""
    label = site.label
    output = scales["output_scale"]
    if configuration.output_scale == "percentile":
        output = measured_of(measured, label, "output_percentile") / 127
    output = scale_of("scales", f"{label}.output_scale", np.float32(np.float64(output) * configuration.factor))
    conv = None
    if configuration.conv_scale == "own":
        conv = np.float32(measured_of(measured, label, "conv_absmax") / ((1 << (configuration.conv_bits - 1)) - 1))
    return make_layer(weight, bias, None, name=label, input_scale=scales["input_scale"], output_scale=output, conv_scale=conv,
                      conv_bits=configuration.conv_bits, dataflow=configuration.dataflow, config=config, keep_floats=False)


def measured_of(measured, label, name):
    try:
        return float(measured[label][name])
    except (KeyError, TypeError):
        raise Refusal("scales", f"measured.{label}.{name}", "what quasim calibrate measures", "none") from None




class Numbers:
    """A layer under a configuration. run(x) takes int8 x [B, C, L] of torch and returns {TO_PROJECTION: int8, TO_SSM: fp32 or none}."""

    def __init__(self, configuration, layer, device, golden=None):
        import torch

        if layer.activation != "silu":
            raise Refusal("model", layer.name, "activation silu", layer.activation)
        self.layer = layer
        group = layer.channel_group.astype(np.int64)
        self.input_scale, self.output_scale = (
            torch.from_numpy(np.array([getattr(one, name) for one in layer.groups], np.float32)[group]).to(device)
            for name in ("input_scale", "output_scale"))
        if len(layer.groups) == 1:  # one number: a tensor all the same, since torch multiplies by the inverse of a Python number
            self.input_scale, self.output_scale = self.input_scale[:1].clone(), self.output_scale[:1].clone()
        if golden is not None and configuration.mult_bits is None:
            self._parts = [(None, CudaPart(configuration, layer, device, golden))]  # all groups in one launch
        else:
            self._parts = [(None if len(layer.groups) == 1 else torch.from_numpy(np.flatnonzero(layer.channel_group == index)).to(device),
                            CpuPart(configuration, piece)) for index, piece in enumerate(layer.split())]
        self.differing = sum(part.differing for _, part in self._parts)

    def along(self, scale, channels_last):
        return scale if scale.numel() == 1 or channels_last else scale[:, None]

    def run(self, x, channels_last):
        """x int8, contiguous, [B, C, L] or, where channels_last, [B, L, C]; likewise what comes out."""
        import torch

        if self._parts[0][0] is None:
            return self._parts[0][1].run(x, channels_last)
        axis = 2 if channels_last else 1
        whole = {}
        for channels, part in self._parts:
            for name, values in part.run(x.index_select(axis, channels).contiguous(), channels_last).items():
                if name not in whole:
                    whole[name] = torch.empty(x.shape, dtype=values.dtype, device=x.device)
                whole[name].index_copy_(axis, channels, values)
        return whole

    def between_floats(self, x):
        """From floats x [B, L, C] to floats [B, L, C] of the same type in one launch, or None where there is no such launch."""
        return self._parts[0][1].between_floats(x) if len(self._parts) == 1 else None

    def close(self):
        for _, part in self._parts:
            part.close()


class CudaPart:
    """A layer, whatever its groups, by the golden's library on torch's pointers: its plan in mode baseline, its reference kernel in the
    others."""

    differing = 0

    def __init__(self, configuration, layer, device, golden):
        import torch

        from . import golden_library

        self._golden, self._plans = golden, {}
        self._mode = configuration.mode
        self._weight = torch.from_numpy(layer.weight).to(device).contiguous()
        self._bias = None if layer.bias is None else torch.from_numpy(layer.bias).to(device).contiguous()
        self._plan, self._unsupported = golden_library.Plan, golden_library.Unsupported
        self._channel_group = layer.channel_group
        self._groups = lambda layout: [golden_library.Params(
            input_scale=float(group.input_scale), weight_scale=float(group.weight_scale), bias_scale=float(group.bias_scale or 1),
            output_scale=float(group.output_scale), conv_scale=None if group.conv_scale is None else float(group.conv_scale),
            conv_bits=configuration.conv_bits, taps=layer.taps, dataflow=configuration.dataflow, math=configuration.math,
            rounding=ROUNDING[configuration.dataflow], layout=layout, output_mode=configuration.mode) for group in layer.groups]

    def run(self, x, channels_last):
        layout = "blc" if channels_last else "bcl"
        if self._mode != "baseline":
            return self._golden.run_groups(self._groups(layout), self._channel_group, x, self._weight, self._bias,
                                           want=(TO_PROJECTION, TO_SSM))
        return {TO_PROJECTION: self._plan_in(layout)(x)}

    def between_floats(self, x):
        if self._mode != "baseline":
            return None
        try:
            return self._plan_in("blc").floats(x)
        except self._unsupported:
            return None

    def _plan_in(self, layout):
        if layout not in self._plans:
            self._plans[layout] = self._plan(self._golden, self._groups(layout), self._weight, self._bias, self._channel_group)
        return self._plans[layout]

    def close(self):
        for plan in self._plans.values():
            plan.close()


class CpuPart:
    """A group on the processor: the compiled program on the fast untimed model in mode baseline; the golden's CPU twin in the others, and
    where no program equals it at every point."""

    def __init__(self, configuration, layer):
        import quasim

        if configuration.math != "precise":
            raise Refusal("", configuration.name, "a GPU: fast math is defined nowhere else", "the processor")
        self._layer, self._configuration = layer, configuration
        self._fast, self.differing = None, 0
        if configuration.mode == "baseline":
            with tempfile.TemporaryDirectory() as folder:
                layer.write(pathlib.Path(folder) / "layer")
                options = {} if configuration.mult_bits is None else {"mult_bits": configuration.mult_bits}
                try:
                    compiled = quasim.compile(quasim.read_bundle(pathlib.Path(folder) / "layer"), match="out", **options)
                except ValueError as error:
                    raise Refusal("", f"{configuration.name}, {layer.name}", "a layer that has a program", error) from None
            if compiled.differing_out == 0 or configuration.mult_bits is not None:
                self._fast, self.differing = quasim.FastModel(compiled.program), compiled.differing_out

    def run(self, x, channels_last):
        import torch

        if self._fast is not None:
            layout = "blc" if channels_last else "bcl"
            values = over_sequences(lambda piece: self._fast.run(piece, layout=layout), x.cpu().numpy())
            return {TO_PROJECTION: torch.from_numpy(values).to(x.device)}
        samples = (x.transpose(1, 2) if channels_last else x).cpu().contiguous().numpy()
        results = {name: torch.from_numpy(values).to(x.device) for name, values in self._twin(samples).items()}
        return {name: (values.transpose(1, 2).contiguous() if channels_last else values) for name, values in results.items()}

    def between_floats(self, x):
        return None

    def _twin(self, samples) -> Dict[str, np.ndarray]:
        import quasim

        group, configuration = self._layer.groups[0], self._configuration
        return quasim.twin(samples, self._layer.weight, self._layer.bias, input_scale=float(group.input_scale),
                           weight_scale=float(group.weight_scale), bias_scale=float(group.bias_scale or 1),
                           output_scale=float(group.output_scale), conv_scale=float(group.conv_scale or 0), conv_bits=configuration.conv_bits,
                           dataflow=configuration.dataflow, rounding=ROUNDING[configuration.dataflow], output_mode=configuration.mode,
                           tensors=[TO_PROJECTION] if configuration.mode == "baseline" else [TO_PROJECTION, TO_SSM])

    def close(self):
        pass


def over_sequences(run, samples):
    """run on pieces of the batch, one a processor."""
    workers = min(len(samples), os.cpu_count() or 1)
    if workers < 2:
        return run(samples)
    pieces: List[np.ndarray] = np.array_split(samples, workers)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(run, pieces)))
