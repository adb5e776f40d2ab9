"""Scales of inputs and outputs from text, as Quamba finds them and in plainer ways."""

import functools
import json
from typing import Callable, Dict, Iterable, NamedTuple

import numpy as np

from ..importer.layer import scale_of
from ..importer.quantise import LEAST_ABSMAX
from ..outputs import write_text
from ..refusal import Refusal
from .hook import Hook
from .record import to_numpy
from .sites import find_sites

INT8_MAX = np.float32(127)


class Recipe(NamedTuple):
    """How a recipe looks at inputs and outputs: None for the largest magnitude, or the share of magnitudes that a scale covers."""

    input_share: float
    output_share: float
    whole_projection: bool  # the input's scale from all of in_proj's output, gate included
    step: float  # how far a percentile moves towards each further sample's


RECIPES = {
    "quamba1": Recipe(None, 0.9995, True, 0.01),
    "absmax": Recipe(None, None, False, 0),
    "percentile": Recipe(0.9995, 0.9995, False, 0.01),
}


class Magnitude:
    """The magnitude that a scale covers, over samples."""

    def __init__(self, share, step):
        self._share = share
        self._step = np.float32(step)
        self.value = None

    def update(self, values):
        magnitudes = np.abs(values.astype(np.float32))
        if self._share is None:
            seen = np.float32(max(magnitudes.max(), LEAST_ABSMAX))
            self.value = seen if self.value is None else max(self.value, seen)
        else:
            seen = np.float32(np.quantile(magnitudes, self._share))
            self.value = seen if self.value is None else np.float32(self.value + self._step * (seen - self.value))

    def scale(self, label, name):
        if self.value is None:
            raise Refusal("model", label, f"a sample that reaches the {name}", "none")
        return scale_of("model", f"{label}.{name}", np.float32(self.value / INT8_MAX))


class Observer:
    """What one layer shows: the scales of a recipe, and beside them the magnitudes that other recipes and widths need."""

    def __init__(self, site, rule):
        self._site, self._rule = site, rule
        self.input = Magnitude(rule.input_share, rule.step)
        self.output = Magnitude(rule.output_share, rule.step)
        percentile = RECIPES["percentile"]
        self._measured = {"input_absmax": Magnitude(None, 0), "conv_absmax": Magnitude(None, 0), "output_absmax": Magnitude(None, 0),
                          "output_percentile": Magnitude(percentile.output_share, percentile.step)}

    def see(self, call):
        x, out = to_numpy(call.x), to_numpy(call.out)
        if not self._rule.whole_projection:
            self.input.update(x)
        self.output.update(out)
        seen = {"input_absmax": x, "conv_absmax": to_numpy(convolved(self._site.conv, call.x)), "output_absmax": out, "output_percentile": out}
        for name, values in seen.items():
            self._measured[name].update(values)

    def scales(self):
        label = self._site.label
        return {"input_scale": float(self.input.scale(label, "input_scale")), "output_scale": float(self.output.scale(label, "output_scale"))}

    def measured(self):
        return {name: float(magnitude.value) for name, magnitude in self._measured.items()}


def convolved(conv, x):
    """The causal convolution of x [B, C, L] before its activation."""
    import torch

    bias = None if conv.bias is None else conv.bias.to(x.dtype)
    y = torch.nn.functional.conv1d(x, conv.weight.to(x.dtype), bias, padding=conv.kernel_size[0] - 1, groups=conv.groups)
    return y[..., : x.shape[-1]]


def calibrate(model, runs: Iterable[Callable[[], None]], recipe="absmax", layers=None, progress=None) -> Dict[str, Dict[str, float]]:
    """{layer label: {"input_scale", "output_scale"}} over runs, each of which runs the model on one sample. progress(n) is
    called after each."""
    return {label: observer.scales() for label, observer in observe(model, runs, recipe, layers, progress).items()}


def observe(model, runs: Iterable[Callable[[], None]], recipe="absmax", layers=None, progress=None) -> Dict[str, Observer]:
    """{layer label: Observer} after the runs; like calibrate, which returns their scales."""
    import torch

    if recipe not in RECIPES:
        raise Refusal("", "recipe", ", ".join(RECIPES), recipe)
    rule = RECIPES[recipe]
    sites = find_sites(model, layers)
    observers = {site.label: Observer(site, rule) for site in sites}
    handles = []
    if rule.whole_projection:
        for site in sites:
            projection = getattr(site.owner, "in_proj", None)
            if projection is None:
                raise Refusal("model", site.path, "a module in_proj beside it, as the recipe needs", "none")
            handles.append(projection.register_forward_hook(functools.partial(see_projection, observers[site.label].input)))
    try:
        with Hook(sites, lambda call: observers[call.site.label].see(call)) as hook, torch.no_grad():
            for count, run in enumerate(runs, 1):
                run()
                if progress is not None:
                    progress(count)
    finally:
        for handle in handles:
            handle.remove()
    hook.require_all()
    for observer in observers.values():
        observer.scales()  # refuses what is no scale
    return observers


def see_projection(magnitude, _module, _arguments, output):
    magnitude.update(to_numpy(output))


def write_scales(path, scales, measured=None, **source):
    """Writes the file that quasim import --scales and quasim evaluate read; it is there whole or not at all."""
    document = {"format": "quasim.scales/1", "layers": scales, **({"measured": measured} if measured else {}), **({"source": source} if source else {})}
    write_text(path, json.dumps(document, indent=1) + "\n")
