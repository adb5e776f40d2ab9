"""Scales of inputs and outputs from text, as Quamba finds them and in plainer ways."""

import functools
import json
import pathlib
from typing import Callable, Dict, Iterable, NamedTuple

import numpy as np

from ..importer.layer import scale_of
from ..importer.quantise import LEAST_ABSMAX
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
        self._value = None

    def update(self, values):
        magnitudes = np.abs(values.astype(np.float32))
        if self._share is None:
            seen = np.float32(max(magnitudes.max(), LEAST_ABSMAX))
            self._value = seen if self._value is None else max(self._value, seen)
        else:
            seen = np.float32(np.quantile(magnitudes, self._share))
            self._value = seen if self._value is None else np.float32(self._value + self._step * (seen - self._value))

    def scale(self, label, name):
        if self._value is None:
            raise Refusal("model", label, f"a sample that reaches the {name}", "none")
        return scale_of("model", f"{label}.{name}", np.float32(self._value / INT8_MAX))


def calibrate(model, runs: Iterable[Callable[[], None]], recipe="absmax", layers=None, progress=None) -> Dict[str, Dict[str, float]]:
    """{layer label: {"input_scale", "output_scale"}} over runs, each of which runs the model on one sample. progress(n) is
    called after each."""
    import torch

    if recipe not in RECIPES:
        raise Refusal("", "recipe", ", ".join(RECIPES), recipe)
    rule = RECIPES[recipe]
    sites = find_sites(model, layers)
    inputs = {site.label: Magnitude(rule.input_share, rule.step) for site in sites}
    outputs = {site.label: Magnitude(rule.output_share, rule.step) for site in sites}

    def see(call):
        if not rule.whole_projection:
            inputs[call.site.label].update(to_numpy(call.x))
        outputs[call.site.label].update(to_numpy(call.out))

    handles = []
    if rule.whole_projection:
        for site in sites:
            projection = getattr(site.owner, "in_proj", None)
            if projection is None:
                raise Refusal("model", site.path, "a module in_proj beside it, as the recipe needs", "none")
            handles.append(projection.register_forward_hook(functools.partial(see_projection, inputs[site.label])))
    try:
        with Hook(sites, see) as hook, torch.no_grad():
            for count, run in enumerate(runs, 1):
                run()
                if progress is not None:
                    progress(count)
    finally:
        for handle in handles:
            handle.remove()
    hook.require_all()
    return {site.label: {"input_scale": float(inputs[site.label].scale(site.label, "input_scale")),
                         "output_scale": float(outputs[site.label].scale(site.label, "output_scale"))} for site in sites}


def see_projection(magnitude, _module, _arguments, output):
    magnitude.update(to_numpy(output))


def write_scales(path, scales, **source):
    """Writes the file that quasim import --scales reads."""
    document = {"format": "quasim.scales/1", "layers": scales, **({"source": source} if source else {})}
    pathlib.Path(path).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
