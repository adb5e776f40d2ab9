""".npy: a magic number, a header that is a Python dictionary of three keys, the elements."""

import re

from ..refusal import Refusal
from .tensors import DTYPES, Tensor, check_shape, from_bytes, size_bytes

MAGIC = b"\x93NUMPY"
HEADER_LIMIT_BYTES = 1 << 16
DESCRIPTIONS = {dtype.str: name for name, dtype in DTYPES.items() if name != "bfloat16"}
DESCRIPTIONS.update({text.replace("|", "<"): name for text, name in list(DESCRIPTIONS.items())})  # a byte has no order: cnpy writes '<i1'
ENTRY = re.compile(r"\s*'(\w+)'\s*:\s*('[^']*'|True|False|\([\d\s,]*\))\s*(,|(?=\}))")
HEADER_BEGIN, HEADER_END = re.compile(r"\s*\{"), re.compile(r"\s*\}\s*")


class ForeignDtype(Refusal):
    """Elements that are no tensor of a layer."""


def header_end(view, file):
    """(where the text of the header begins, where the elements begin)."""
    if len(view) < len(MAGIC) + 6 or bytes(view[: len(MAGIC)]) != MAGIC:
        raise Refusal(file, "npy magic", "a NumPy .npy file")
    if view[6] not in (1, 2, 3):
        raise Refusal(file, "npy version", "1, 2 or 3", view[6])
    begin = 10 if view[6] == 1 else 12
    length = int.from_bytes(view[8:begin], "little")
    if length > min(HEADER_LIMIT_BYTES, len(view) - begin):
        raise Refusal(file, "npy header", "a complete header", f"{len(view) - begin} of {length} bytes")
    return begin, begin + length


def header_entries(text) -> dict:
    """The three entries of a header, {} where it is none. Goes through the text once: \\s* never meets \\s*."""
    entries, place = {}, HEADER_BEGIN.match(text)
    for _ in range(3):
        place = place and ENTRY.match(text, place.end())
        if place:
            entries[place[1]] = place[2]
    return entries if place and HEADER_END.fullmatch(text, place.end()) else {}


def parse_header(view, file):
    """(dtype name, shape, where the elements begin)."""
    begin, end = header_end(view, file)
    header = header_entries(bytes(view[begin:end]).decode("latin-1"))
    if set(header) != {"descr", "fortran_order", "shape"}:
        raise Refusal(file, "npy header", "descr, fortran_order and shape", "another text")
    dtype = DESCRIPTIONS.get(header["descr"].strip("'"))
    if dtype is None:
        raise ForeignDtype(file, "dtype", "bool, an integer or a float, little-endian", header["descr"])
    if header["fortran_order"] != "False":
        raise Refusal(file, "fortran_order", "False (C order)", header["fortran_order"])
    digits = re.findall(r"\d+", header["shape"])
    if any(len(n) > 19 for n in digits):
        raise Refusal(file, "shape", "extents below 2^63", header["shape"])
    return dtype, check_shape(file, "shape", [int(n) for n in digits]), end


def read(view, file, key) -> Tensor:
    """The tensor of a whole .npy file."""
    dtype, shape, begin = parse_header(view, file)
    want = size_bytes(dtype, shape)
    if len(view) - begin != want:
        raise Refusal(file, "data", f"{want} bytes for {dtype} {list(shape)}", len(view) - begin)
    return Tensor(str(file), key, dtype, shape, lambda: from_bytes(view[begin:], dtype, shape))
