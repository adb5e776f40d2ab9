"""safetensors: the length of the header (u64), the header (JSON), the bytes of every tensor without a gap."""

import json
import os

import numpy as np

from .files import is_count, parse_json
from ..refusal import Refusal
from .tensors import DTYPES as NUMPY_DTYPES
from .tensors import Tensor, check_shape, from_bytes, size_bytes

LENGTH_BYTES = 8
HEADER_LIMIT_BYTES = 100_000_000
DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "I32": "int32", "U32": "uint32",
    "I64": "int64", "U64": "uint64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
}
# Known to the format and not to numpy: a checkpoint may hold some beside the tensors that are wanted.
OTHER_DTYPES = ("F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2", "F8_E8M0", "C64")


def looks_like(view) -> bool:
    """Whether a file begins as a safetensors file does."""
    return len(view) > LENGTH_BYTES and bytes(view[LENGTH_BYTES : LENGTH_BYTES + 1]) == b"{"


def read(view, file) -> dict:
    """{key: Tensor} of a whole file, every entry of the header checked."""
    if len(view) < LENGTH_BYTES:
        raise Refusal(file, "header", "8 bytes of length", f"{len(view)} bytes")
    length = int.from_bytes(view[:LENGTH_BYTES], "little")
    available = len(view) - LENGTH_BYTES
    if length > min(available, HEADER_LIMIT_BYTES):
        raise Refusal(file, "header", f"a length of at most {min(available, HEADER_LIMIT_BYTES)}, the bytes that follow",
                      f"{length}: the file is truncated or no safetensors file")
    header = parse_json(view[LENGTH_BYTES : LENGTH_BYTES + length], file)
    if not isinstance(header, dict):
        raise Refusal(file, "header", "a JSON object", type(header).__name__)
    data = view[LENGTH_BYTES + length :]
    tensors, spans = {}, []
    for key, entry in header.items():
        if key == "__metadata__":
            continue
        begin, end = offsets_of(entry, key, file)
        shape = check_shape(file, key, entry.get("shape"))
        dtype = entry.get("dtype")
        if not isinstance(dtype, str) or dtype not in (*DTYPES, *OTHER_DTYPES):
            raise Refusal(file, key, "a dtype of safetensors", dtype)
        if dtype in OTHER_DTYPES:
            tensors[key] = unreadable(file, key, dtype, shape)
        else:
            want = size_bytes(DTYPES[dtype], shape)
            if end - begin != want:
                raise Refusal(file, key, f"{want} bytes for {dtype} {list(shape)}", f"{end - begin}")
            tensors[key] = tensor(file, key, DTYPES[dtype], shape, data, begin, end)
        if end > len(data):
            raise Refusal(file, key, f"data that ends within the {len(data)} bytes of the file",
                          f"an end at {end}: the file is truncated")
        spans.append((begin, end, key))
    position = 0
    for begin, end, key in sorted(spans):
        if begin != position:
            raise Refusal(file, key, f"data from byte {position} on, without gap or overlap", f"a begin at {begin}")
        position = end
    if position != len(data):
        raise Refusal(file, "data", f"{position} bytes, as the header says", f"{len(data)}")
    return tensors


def offsets_of(entry, key, file):
    if not isinstance(entry, dict):
        raise Refusal(file, key, "an object with dtype, shape and data_offsets", entry)
    offsets = entry.get("data_offsets")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(is_count, offsets)) or offsets[0] > offsets[1]:
        raise Refusal(file, key, "data_offsets of a begin and an end", offsets)
    return offsets


def tensor(file, key, dtype, shape, data, begin, end):
    return Tensor(str(file), key, dtype, shape, lambda: from_bytes(data[begin:end], dtype, shape))


def unreadable(file, key, dtype, shape):
    def refuse():
        raise Refusal(file, key, "int8 or a float of 16 bits or more", dtype)

    return Tensor(str(file), key, dtype, shape, refuse)


def write(path, tensors):
    """Writes numpy arrays by key; the file is there whole or not at all."""
    names = {NUMPY_DTYPES[dtype]: name for name, dtype in DTYPES.items() if dtype != "bfloat16"}
    header, position, blobs = {}, 0, []
    for key, values in sorted(tensors.items()):
        blob = np.ascontiguousarray(values).tobytes()
        header[key] = {"dtype": names[values.dtype], "shape": list(values.shape), "data_offsets": [position, position + len(blob)]}
        position += len(blob)
        blobs.append(blob)
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    temporary = f"{path}.part"
    with open(temporary, "wb") as file:
        file.write(len(text).to_bytes(LENGTH_BYTES, "little") + text)
        for blob in blobs:
            file.write(blob)
    os.replace(temporary, path)

