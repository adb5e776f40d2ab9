"""Mamba-1 as transformers defines it (kind "mamba"), with the same names of its tensors, for training and evaluation."""

import json
import math
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ..importer.checkpoint import Checkpoint
from ..refusal import Refusal
from ..importer.safetensors import write as write_safetensors
from .scan import selective_scan

try:
    from causal_conv1d import causal_conv1d_fn as package_convolution
except ImportError:
    package_convolution = None


def causal_conv1d_fn(x, weight, bias=None, activation=None):
    """silu of the causal depthwise convolution of x [B, C, L]: on a GPU the package causal_conv1d where it is installed, which knows no
    other device, and torch's operations elsewhere."""
    if package_convolution is not None and x.is_cuda:
        return package_convolution(x, weight, bias, activation=activation)
    weight, bias = weight.to(x.dtype), None if bias is None else bias.to(x.dtype)
    taps, steps = weight.shape[1], x.shape[2]
    if torch.is_grad_enabled() and weight.requires_grad:  # the gradient of a depthwise conv1d is slow on a GPU
        padded = functional.pad(x, (taps - 1, 0))
        y = sum(padded[..., k : k + steps] * weight[:, k, None] for k in range(taps))
        y = y if bias is None else y + bias[:, None]
    else:
        y = functional.conv1d(x, weight[:, None], bias, padding=taps - 1, groups=len(weight))[..., :steps]
    return functional.silu(y) if activation else y


KIND = "mamba"
CONFIGURATION = ("vocab_size", "hidden_size", "num_hidden_layers", "state_size", "conv_kernel", "expand", "time_step_rank")
STEP_RANGE = (0.001, 0.1)
STEP_FLOOR = 1e-4


class RMSNorm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)).to(x.dtype)


class Mixer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config["hidden_size"]
        self.inner = int(config["expand"] * width)
        self.states, self.rank, taps = config["state_size"], config["time_step_rank"], config["conv_kernel"]
        self.in_proj = nn.Linear(width, 2 * self.inner, bias=config.get("use_bias", False))
        self.conv1d = nn.Conv1d(self.inner, self.inner, taps, groups=self.inner, padding=taps - 1, bias=config.get("use_conv_bias", True))
        self.x_proj = nn.Linear(self.inner, self.rank + 2 * self.states, bias=False)
        self.dt_proj = nn.Linear(self.rank, self.inner)
        step = torch.exp(torch.rand(self.inner) * math.log(STEP_RANGE[1] / STEP_RANGE[0]) + math.log(STEP_RANGE[0])).clamp(min=STEP_FLOOR)
        self.dt_proj.bias.data = step + torch.log(-torch.expm1(-step))  # softplus of it is step
        nn.init.uniform_(self.dt_proj.weight, -(self.rank**-0.5), self.rank**-0.5)
        self.A_log = nn.Parameter(torch.log(torch.arange(1, self.states + 1).float()).repeat(self.inner, 1))
        self.D = nn.Parameter(torch.ones(self.inner))
        self.out_proj = nn.Linear(self.inner, width, bias=config.get("use_bias", False))

    def forward(self, hidden_states):
        x, gate = self.in_proj(hidden_states).chunk(2, -1)
        x = causal_conv1d_fn(x.transpose(1, 2), self.conv1d.weight.squeeze(1), self.conv1d.bias, activation="silu").transpose(1, 2)
        step, b, c = self.x_proj(x).split([self.rank, self.states, self.states], -1)
        step = functional.softplus(functional.linear(step, self.dt_proj.weight.to(step.dtype)).float() + self.dt_proj.bias.float())
        y = selective_scan(x, step, -torch.exp(self.A_log.float()), b, c) + x.float() * self.D.float()
        return self.out_proj((y * functional.silu(gate.float())).to(x.dtype))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm = RMSNorm(config["hidden_size"], config.get("layer_norm_epsilon", 1e-5))
        self.mixer = Mixer(config)

    def forward(self, x):
        return x + self.mixer(self.norm(x))


class Backbone(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embeddings = nn.Embedding(config["vocab_size"], config["hidden_size"])
        nn.init.normal_(self.embeddings.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm_f = RMSNorm(config["hidden_size"], config.get("layer_norm_epsilon", 1e-5))
        for layer in self.layers:
            layer.mixer.out_proj.weight.data /= math.sqrt(len(self.layers))


class Mamba(nn.Module):
    """A language model; forward(ids [B, L]) gives the logits [B, L, vocabulary]. Embeddings and head share their weight."""

    def __init__(self, config):
        super().__init__()
        self.config = dict(config)
        self.backbone = Backbone(config)

    @property
    def vocabulary(self):
        return self.config["vocab_size"]

    def forward(self, ids):
        x = self.backbone.embeddings(ids)
        for layer in self.backbone.layers:
            x = layer(x)
        return functional.linear(self.backbone.norm_f(x), self.backbone.embeddings.weight.to(x.dtype))


def configuration(path, document):
    """The configuration of a folder's config.json, checked. Raises Refusal."""
    if document is None or document.get("model_type") != KIND:
        raise Refusal(path, "model_type", KIND, None if document is None else document.get("model_type"))
    document = dict(document)
    if document.get("time_step_rank") == "auto":
        document["time_step_rank"] = math.ceil(document["hidden_size"] / 16)
    for key in CONFIGURATION:
        value = document.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise Refusal(path, key, "a whole number above 0", value)
    if document.get("hidden_act", "silu") not in ("silu", "swish"):
        raise Refusal(path, "hidden_act", "silu", document["hidden_act"])
    if not document.get("tie_word_embeddings", True):
        raise Refusal(path, "tie_word_embeddings", "true", document["tie_word_embeddings"])
    return document


def load(folder) -> Mamba:
    """The model of a folder, or of a list of files with a config.json beside them, in fp32."""
    paths = [folder] if isinstance(folder, (str, pathlib.Path)) else list(folder)
    checkpoint = Checkpoint(paths)
    model = Mamba(configuration(checkpoint.config_file or paths[0], checkpoint.config)).eval()
    state = {}
    for key, values in model.state_dict().items():
        tensor = checkpoint.tensor(key)
        if tensor.shape != tuple(values.shape):
            raise Refusal(tensor.file, key, f"shape {list(values.shape)}, as config.json says", list(tensor.shape))
        state[key] = torch.from_numpy(np.array(tensor.array(), np.float32))
    model.load_state_dict(state)
    return model


def save(model, folder, dtype=np.float16):
    """Writes config.json and model.safetensors; a tokenizer is the caller's."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: values.detach().float().cpu().numpy().astype(dtype) for key, values in model.state_dict().items()}
    write_safetensors(folder / "model.safetensors", tensors)
    config = {"architectures": ["MambaForCausalLM"], "model_type": KIND, "intermediate_size": int(model.config["expand"] * model.config["hidden_size"]),
              "use_bias": False, "use_conv_bias": True, "hidden_act": "silu", "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True,
              "torch_dtype": np.dtype(dtype).name, **model.config}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
