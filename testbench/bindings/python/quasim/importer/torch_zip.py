"""What torch.save writes: a zip archive of data.pkl, which says what is there, and data/N, the bytes of each storage."""

import math
from typing import NamedTuple

import numpy as np

from .pickles import Global, Reader, describe
from ..refusal import Refusal
from .tensors import DTYPES, MAX_RANK, Tensor, check_shape, from_bytes
from .zips import Archive

PICKLE = "data.pkl"
STORAGES = {
    "BoolStorage": "bool", "ByteStorage": "uint8", "CharStorage": "int8", "ShortStorage": "int16", "IntStorage": "int32",
    "LongStorage": "int64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "FloatStorage": "float32",
    "DoubleStorage": "float64",
}
INERT = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
# How files begin that torch.save or torch.jit.save wrote in other formats.
OLDER_STREAM = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
DEEPEST_NESTING = 64
MOST_ENTRIES = 200_000
LONGEST_KEY = 1024


class Storage(NamedTuple):
    """The elements that tensors are views of."""

    member: str
    dtype: str
    length_elems: int


class View(NamedTuple):
    """A tensor as the pickle describes it."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


def arity(low, high):
    """Marks a function with the number of arguments that it takes."""

    def mark(function):
        function.arity = (low, high)
        return function

    return mark


@arity(0, 0)
def ordered_dict():
    return {}


@arity(6, 7)
def rebuild_tensor(storage, offset, shape, strides, _requires_grad, _hooks, _metadata=None):
    return View(storage, offset, shape, strides)


@arity(3, 3)
def rebuild_parameter(data, _requires_grad, _hooks):
    return data


@arity(1, 1)
def as_tuple(items):
    if not isinstance(items, tuple) or len(items) > MAX_RANK:
        raise ValueError(f"a shape of at most {MAX_RANK} axes")
    return items


@arity(1, 2)
def device(*_name):
    return None


ALLOWED = {
    Global("collections", "OrderedDict"): ordered_dict,
    Global("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    Global("torch._utils", "_rebuild_parameter"): rebuild_parameter,
    Global("torch", "Size"): as_tuple,
    Global("torch", "device"): device,
    **{Global("torch", name): None for name in (*STORAGES, *INERT)},
}


def looks_like(archive: Archive) -> bool:
    """Whether torch.save wrote the archive."""
    return any(name == PICKLE or name.endswith("/" + PICKLE) for name in archive.members)


class TorchFile:
    """An archive of torch.save."""

    def __init__(self, archive: Archive):
        self._archive = archive
        self._file = archive.file
        pickles = [name for name in archive.members if name.split("/")[-1] == PICKLE and name.count("/") <= 1]
        if len(pickles) != 1:
            raise Refusal(self._file, PICKLE, "one pickle of a state dict", f"{len(pickles)}")
        self._prefix = pickles[0][: -len(PICKLE)]
        for name in ("constants.pkl", "code/"):
            if any(member.startswith(self._prefix + name) for member in archive.members):
                raise Refusal(self._file, self._prefix + name, "a state dict, as torch.save writes it", "a TorchScript program")
        if self._prefix + "byteorder" in archive.members:
            order = bytes(archive.bytes_of(self._prefix + "byteorder"))
            if order != b"little":
                raise Refusal(self._file, "byteorder", "little", order)
        self._pickle = pickles[0]

    def entries(self) -> dict:
        """{key: Tensor or number} of everything in the file, nested dictionaries joined with dots."""
        data = self._archive.bytes_of(self._pickle)
        reader = Reader(data, f"{self._file}:{self._pickle}", ALLOWED, self._storage)
        try:
            value = reader.run()
        except Refusal:
            raise
        except (ValueError, TypeError) as error:
            raise Refusal(self._file, self._pickle, "a state dict", error) from None
        return self._flatten(value)

    def _storage(self, identity):
        well_formed = isinstance(identity, tuple) and len(identity) == 5 and identity[0] == "storage"
        if not well_formed or not isinstance(identity[1], Global) or identity[1].name not in STORAGES:
            raise Refusal(self._file, "storage", "an identity of torch.save", describe(identity))
        _, kind, key, _, length_elems = identity
        if not isinstance(key, str) or len(key) > LONGEST_KEY:
            raise Refusal(self._file, "storage", "the name of a member", describe(key))
        member = f"{self._prefix}data/{key}"
        if member not in self._archive.members:
            raise Refusal(self._file, "storage", "a member with its bytes", f"no {member}")
        if type(length_elems) is not int or length_elems < 0:
            raise Refusal(self._file, member, "a number of elements", length_elems if type(length_elems) is int else describe(length_elems))
        dtype = STORAGES[kind.name]
        want = length_elems * DTYPES[dtype].itemsize
        have = self._archive.members[member]
        if have.size_bytes != want or not have.stored:
            raise Refusal(self._file, member, f"{want} stored bytes for {length_elems} of {dtype}",
                          f"{have.size_bytes}{'' if have.stored else ', compressed'}")
        return Storage(member, dtype, length_elems)

    def _flatten(self, value):
        entries = {}
        pending = [("", value, 0)]
        visited = 0
        while pending:
            key, inner, depth = pending.pop()
            visited += 1
            items = len(inner) if isinstance(inner, (dict, list, tuple)) else 0
            if depth > DEEPEST_NESTING or visited + len(pending) + items > MOST_ENTRIES or len(key) > LONGEST_KEY:
                raise Refusal(self._file, key[:LONGEST_KEY], f"at most {DEEPEST_NESTING} levels, {MOST_ENTRIES} entries and keys of "
                                               f"{LONGEST_KEY} characters")
            if isinstance(inner, View):
                self._add(entries, key, self._tensor(key, inner))
            elif isinstance(inner, (int, float)):
                self._add(entries, key, inner)
            elif isinstance(inner, dict):
                pending.extend((f"{key}.{name}" if key else str(name), item, depth + 1) for name, item in inner.items())
            elif isinstance(inner, (list, tuple)) and not isinstance(inner, (Global, Storage)):
                pending.extend((f"{key}.{n}" if key else str(n), item, depth + 1) for n, item in enumerate(inner))
        return entries

    def _add(self, entries, key, value):
        if key in entries:
            raise Refusal(self._file, key, "each key once", "it is there twice")
        entries[key] = value

    def _tensor(self, key, view):
        storage, offset, shape, strides = view
        if not isinstance(storage, Storage):
            raise Refusal(self._file, key, "a tensor with a storage", describe(storage))
        shape = check_shape(self._file, key, shape)
        strides = check_shape(self._file, key, strides)
        length_elems = math.prod(shape)
        last = offset + sum((n - 1) * step for n, step in zip(shape, strides)) if type(offset) is int else -1
        inside = length_elems == 0 or (last < storage.length_elems and length_elems <= storage.length_elems)
        if type(offset) is not int or offset < 0 or len(strides) != len(shape) or not inside:
            raise Refusal(self._file, key, f"a view of the {storage.length_elems} elements of its storage",
                          f"shape {list(shape)}, strides {list(strides)}, offset {describe_offset(offset)}")
        return Tensor(str(self._file), key, storage.dtype, shape, lambda: self._read(storage, offset, shape, strides))

    def _read(self, storage, offset, shape, strides):
        elements = from_bytes(self._archive.bytes_of(storage.member), storage.dtype, (storage.length_elems,))
        if math.prod(shape) == 0:
            return np.zeros(shape, elements.dtype)
        steps = [step * elements.itemsize for step in strides]
        return np.lib.stride_tricks.as_strided(elements[offset:], shape, steps, writeable=False)


def describe_offset(offset):
    return offset if type(offset) is int else describe(offset)
