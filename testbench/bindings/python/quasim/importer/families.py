"""What only a model's config.json says: where the channels of one convolution belong to different tensors, and the activation.

Sizes are never taken from here: a split is believed only where it adds up to the channels that the weight has.
"""

from .files import is_count

# The key of the convolution's activation where it is not hidden_act; None where a family has always SiLU.
ACTIVATION_KEYS = {"nemotron_h": "mamba_hidden_act", "zamba": "hidden_mamba_act", "zamba2": None}
IDENTITY_FAMILIES = ("lfm2", "lfm2_moe", "lfm2_vl", "lfm3", "recurrent_gemma")
SILU_NAMES = ("silu", "swish")


def text_part(config):
    """The language model's part of a configuration."""
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) else config


def product(config, *keys):
    """The product of integers in a configuration, or None where one is missing."""
    total = 1
    for key in keys:
        if not is_count(config.get(key)):
            return None
        total *= config[key]
    return total


def first(*values):
    """The first value that is there."""
    return next((value for value in values if value is not None), None)


def channel_split(config, channels):
    """[(name, channels)] of a convolution over concatenated tensors: x, B, C of Mamba-2, q, k, v of a gated delta net.
    None where the configuration names no such split of so many channels."""
    if config is None:
        return None
    config = text_part(config)
    ssm = config.get("ssm_cfg") if isinstance(config.get("ssm_cfg"), dict) else {}
    if ssm.get("layer") == "Mamba2":
        ssm = {"expand": 2, "ngroups": 1, "d_state": 128, "d_model": config.get("d_model"), **ssm}
        wide, groups, states = product(ssm, "d_model", "expand"), product(ssm, "ngroups"), product(ssm, "d_state")
    else:
        wide = first(product(config, "mamba_d_ssm"), product(config, "mamba_num_heads", "mamba_head_dim"),
                     product(config, "mamba_expand", "hidden_size"), product(config, "expand", "hidden_size"))
        groups = first(*(product(config, key) for key in ("mamba_n_groups", "mamba_ngroups", "n_groups")))
        states = first(*(product(config, key) for key in ("mamba_d_state", "ssm_state_size", "state_size")))
    if None not in (wide, groups, states) and 0 < wide and wide + 2 * groups * states == channels:
        return [("x", wide), ("B", groups * states), ("C", groups * states)]
    keys = product(config, "linear_num_key_heads", "linear_key_head_dim")
    values = product(config, "linear_num_value_heads", "linear_value_head_dim")
    if None not in (keys, values) and 2 * keys + values == channels:
        return [("q", keys), ("k", keys), ("v", values)]
    return None


def activation(config):
    """(activation, key that says so): silu, identity, or a word that this project has no function for."""
    if config is None:
        return "silu", None
    config = text_part(config)
    family = config.get("model_type")
    if family in IDENTITY_FAMILIES:
        return "identity", "model_type"
    key = ACTIVATION_KEYS.get(family, "hidden_act") if isinstance(family, str) else "hidden_act"
    word = config.get(key, "silu") if key is not None else "silu"
    return ("silu" if word in SILU_NAMES else word), key
