"""Where a model's short convolutions are."""

import re
from typing import Any, List, NamedTuple

from ..importer.layer import require_taps
from ..importer.layers import runs_text
from ..refusal import Refusal

LAYER = re.compile(r"(?:^|.*\.)(?:layers|blocks|h)\.(\d+)\.")


class Site(NamedTuple):
    """A convolution of a model."""

    index: int
    label: str  # layerNN, as in the bundles of quasim import
    path: str
    conv: Any  # torch.nn.Conv1d
    owner: Any  # the module whose forward calls it


def find_sites(model, layers=None) -> List[Site]:
    """The convolutions of the numbered layers of a model, or of those asked for. Raises Refusal for one that the unit cannot
    compute and for a layer that has none."""
    import torch

    modules = dict(model.named_modules())
    found = []
    for path, module in modules.items():
        match = LAYER.match(path)
        if match is not None and isinstance(module, torch.nn.Conv1d):
            found.append((int(match[1]), path, module, modules[path.rpartition(".")[0]]))
    have = sorted({index for index, *_ in found})
    for index in layers or ():
        if index not in have:
            raise Refusal("model", "layers", "layers with a convolution: " + (runs_text(have) or "none"), index)
    indices = [index for index, *_ in found]
    sites = [Site(index, f"layer{index:02d}" + (f".{path.rpartition('.')[2]}" if indices.count(index) > 1 else ""), path, conv, owner)
             for index, path, conv, owner in sorted(found, key=lambda one: one[:2]) if layers is None or index in layers]
    if not sites:
        raise Refusal("model", "convolution", "a torch.nn.Conv1d in a numbered layer", "none")
    for site in sites:
        require_unit_convolution(site)
    return sites


def require_unit_convolution(site):
    conv = site.conv
    if not conv.groups == conv.in_channels == conv.out_channels:
        raise Refusal("model", site.path, "as many groups as channels", f"{conv.groups} groups of {conv.in_channels} channels")
    for name in ("stride", "dilation"):
        if getattr(conv, name) != (1,):
            raise Refusal("model", site.path, f"{name} 1", getattr(conv, name)[0])
    require_taps("model", site.path, conv.kernel_size[0], conv.weight.shape)
