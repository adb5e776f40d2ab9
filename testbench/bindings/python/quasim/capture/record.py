"""Inputs and outputs of a model's convolutions, once each, as numpy arrays and as layers."""

import dataclasses
import pathlib
from typing import Callable, Dict, List, Optional

import numpy as np

from ..importer.build import make_layer
from ..importer.quantise import conv_act
from ..refusal import Refusal
from .hook import Call, Hook
from .sites import Site, find_sites

# The environment of the PyTorch flow that users already have.
SAVE_VARIABLE = "SAVE_INTERMEDIATE_VALUES"
FOLDER_VARIABLE = "INTERMEDIATE_VALUES_DIR"
INTERMEDIATE_MODES = ("cuda", "floatsim")


def to_numpy(tensor) -> np.ndarray:
    """The values in numpy; bfloat16 as fp32, which is exact."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).contiguous().numpy()


@dataclasses.dataclass
class Captured:
    """One convolution: weight [C, K], bias [C] or None, its input x and the activated output, both [B, C, L]."""

    site: Site
    weight: np.ndarray
    bias: Optional[np.ndarray]
    x: np.ndarray
    out: np.ndarray
    activation: str

    def layer(self, name, **options):
        """The layer with its input, quantised; options are those of make_layer."""
        options.setdefault("activation", self.activation)
        return make_layer(self.weight, self.bias, self.x, name=name, **options)


class Recorder:
    """Keeps the first time steps of each convolution: a prefill and the tokens decoded after it."""

    def __init__(self, tokens: Optional[int]):
        self._tokens = tokens
        self._pieces: Dict[str, List[Call]] = {}

    def __call__(self, call: Call):
        pieces = self._pieces.setdefault(call.site.label, [])
        have = sum(piece.x.shape[-1] for piece in pieces)
        wanted = self._tokens is None or have < self._tokens
        if wanted and (not pieces or call.decode):
            pieces.append(call._replace(x=call.x.detach().clone(), out=call.out.detach().clone()))

    def captured(self, site: Site) -> Captured:
        pieces = self._pieces[site.label]
        x = np.concatenate([to_numpy(piece.x) for piece in pieces], axis=-1)
        out = np.concatenate([to_numpy(piece.out) for piece in pieces], axis=-1)
        if self._tokens is not None and x.shape[-1] < self._tokens:
            raise Refusal("model", site.label, f"a text of {self._tokens} tokens", f"{x.shape[-1]}")
        keep = slice(0, self._tokens)
        weight = to_numpy(site.conv.weight)[:, 0]
        bias = None if site.conv.bias is None else to_numpy(site.conv.bias)
        return Captured(site, weight, bias, x[..., keep], out[..., keep], pieces[0].activation)


def capture(model, run: Callable[[], None], layers=None, tokens=None) -> Dict[str, Captured]:
    """Runs the model by run() and returns what its convolutions saw first, by layer label. Raises Refusal where one was not run,
    and where the text has fewer time steps than tokens."""
    import torch

    sites = find_sites(model, layers)
    recorder = Recorder(tokens)
    with Hook(sites, recorder) as hook, torch.no_grad():
        run()
    hook.require_all()
    return {site.label: recorder.captured(site) for site in sites}


def save_intermediates(captured: Captured, layer, mode, folder):
    """Writes what the model itself computed, under the names of the contract: conv1d_raw and silu_raw in fp32, conv1d_input and
    conv1d_output_int8 on the layer's grid, as int8 (mode cuda) or as floats on it (mode floatsim); and, with floatsim, the intermediate
    value on its grid, conv1d_int8simulated."""
    if mode not in INTERMEDIATE_MODES:
        raise Refusal("", SAVE_VARIABLE, " or ".join(INTERMEDIATE_MODES), mode)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    scale = {name: np.array([getattr(group, name) for group in layer.groups], np.float32)[layer.channel_group][:, None]
             for name in ("input_scale", "output_scale")}
    out = captured.out.astype(np.float32)
    tensors = {"conv1d_input": (layer.input, scale["input_scale"]),
               "conv1d_output_int8": (np.clip(np.rint(out / scale["output_scale"]), -128, 127).astype(np.int8), scale["output_scale"])}
    raw = conv_act(captured.x, captured.weight, captured.bias, "identity")
    if mode == "floatsim":
        limit = 1 << ((layer.conv_bits or 8) - 1)
        conv_scale = np.array([group.conv_scale or group.output_scale for group in layer.groups], np.float32)[layer.channel_group][:, None]
        simulated = np.clip(np.rint(raw / conv_scale), -limit, limit - 1).astype(np.float32) * conv_scale
        np.save(folder / "conv1d_int8simulated.npy", simulated)
    np.save(folder / "conv1d_raw.npy", raw.astype(np.float32))
    np.save(folder / "silu_raw.npy", out)
    for name, (int8, step) in tensors.items():
        np.save(folder / f"{name}.npy", int8 if mode == "cuda" else int8.astype(np.float32) * step)
