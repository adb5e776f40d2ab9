"""Tensors of a file, known by dtype and shape and read when they are asked for."""

import math
from typing import Callable, NamedTuple, Tuple

import numpy as np

from ..refusal import Refusal

# Every dtype that is read, and how its bytes become numpy. bfloat16 is the upper half of a float32: widening is exact.
DTYPES = {
    "bool": np.dtype("?"),
    "uint8": np.dtype("u1"),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "uint16": np.dtype("<u2"),
    "int32": np.dtype("<i4"),
    "uint32": np.dtype("<u4"),
    "int64": np.dtype("<i8"),
    "uint64": np.dtype("<u8"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<u2"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
}
FLOATS = ("float16", "bfloat16", "float32", "float64")
MAX_RANK = 32


class Tensor(NamedTuple):
    """One tensor: where it is, what it is, and how to read it."""

    file: str
    key: str
    dtype: str
    shape: Tuple[int, ...]
    read: Callable[[], np.ndarray]

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    def array(self) -> np.ndarray:
        """The values; bfloat16 as float32."""
        values = self.read()
        if self.dtype == "bfloat16":
            values = (values.reshape(-1).astype(np.uint32) << 16).view(np.float32).reshape(values.shape)
        return values

    def describe(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


def tensor_of(values, name="array") -> Tensor:
    """A numpy array as a tensor."""
    values = np.asarray(values)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    dtype = next((name for name, kind in DTYPES.items() if kind == values.dtype and name != "bfloat16"), None)
    if dtype is None:
        raise Refusal("", name, "bool, an integer or a float", values.dtype)
    return Tensor("", name, dtype, values.shape, lambda: values)


def size_bytes(dtype: str, shape) -> int:
    """Bytes of a tensor; exact, however large the extents are."""
    return DTYPES[dtype].itemsize * math.prod(shape)


def check_shape(file, key, shape):
    """Raises Refusal unless shape is a list or tuple of at most 32 non-negative integers. Returns it as a tuple."""
    if not isinstance(shape, (list, tuple)) or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
        raise Refusal(file, key, "a shape of non-negative integers", shape if isinstance(shape, (list, tuple)) else type(shape).__name__)
    if len(shape) > MAX_RANK:
        raise Refusal(file, key, f"at most {MAX_RANK} axes", len(shape))
    return tuple(shape)


def from_bytes(view, dtype: str, shape) -> np.ndarray:
    """The array in a buffer of exactly its size."""
    return np.frombuffer(view, DTYPES[dtype]).reshape(shape)
