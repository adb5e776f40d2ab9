"""Floats to int8 by the absolute maximum, and the other way round where a scale has to be measured."""

import numpy as np

from ..refusal import Refusal

INT8 = np.iinfo(np.int8)
ARITHMETICS = {"fp32": np.float32, "fp16": np.float16}
# Quamba's lower bound of an absolute maximum: what a tensor of zeros is given.
LEAST_ABSMAX = 1e-5


def require_finite(file, key, values):
    """Raises Refusal that names the first element which is NaN or infinite."""
    finite = np.isfinite(values)
    if not finite.all():
        where = np.unravel_index(int(np.argmin(finite)), values.shape)
        raise Refusal(file, key, "finite values", f"{values[where]} at {[int(n) for n in where]}")


def as_float(file, key, values, arith="fp32"):
    """values in the arithmetic that quantises them. Raises Refusal where they are not finite in it."""
    with np.errstate(over="ignore"):
        cast = values.astype(ARITHMETICS[arith])
    require_finite(file, key, cast)
    return cast


def absmax_scale(values) -> np.float32:
    """(largest magnitude, but at least 1e-5) / 127, in the arithmetic of values; then fp32, which is exact."""
    kind = values.dtype.type
    largest = max(np.max(np.abs(values), initial=kind(0)), kind(LEAST_ABSMAX))
    return np.float32(kind(largest) / kind(INT8.max))


def quantise(values, scale) -> np.ndarray:
    """clamp_8(round_half_even(values / scale)); the division in the arithmetic of values."""
    with np.errstate(over="ignore"):
        return np.clip(np.rint(values / values.dtype.type(scale)), INT8.min, INT8.max).astype(np.int8)


def conv_act(x, weight, bias, activation) -> np.ndarray:
    """The activated causal depthwise convolution of floats, in float64: x [B, C, L], weight [C, K], bias [C] or None."""
    taps = weight.shape[1]
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (taps - 1, 0)))
    y = np.zeros(x.shape) if bias is None else np.broadcast_to(bias.astype(np.float64)[:, None], x.shape).copy()
    for k in range(taps):
        y += weight[:, k, None].astype(np.float64) * padded[:, :, k : k + x.shape[2]]
    if activation == "identity":
        return y
    return y / (1 + np.exp(-np.maximum(y, -700.0)))
