"""Files as bytes and as JSON. Nothing here trusts what it reads."""

import errno
import json
import mmap
import os
import pathlib
import stat

from ..refusal import Refusal

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
JSON_LIMIT_BYTES = 64 << 20
JSON_MAX_DEPTH = 64


def map_file(path) -> memoryview:
    """The bytes of a regular file, not copied. Raises Refusal for anything else, for instance a Git LFS pointer."""
    path = pathlib.Path(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise Refusal(path, "file", "a file that can be opened", os.strerror(getattr(error, "errno", 0) or errno.EINVAL))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refusal(path, "file", "a regular file", "a folder" if stat.S_ISDIR(status.st_mode) else "a device, a pipe or a socket")
        if status.st_size == 0:
            raise Refusal(path, "file", "contents", "an empty file")
        view = memoryview(mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ))
    finally:
        os.close(descriptor)
    if bytes(view[: len(LFS_POINTER)]) == LFS_POINTER:
        raise Refusal(path, "file", "the tensors themselves", "a Git LFS pointer: fetch the file with `git lfs pull`")
    return view


def parse_json(data, file, constants=False):
    """Strict JSON: each key once, at most 64 levels, and no NaN or Infinity unless constants is set."""

    def each_key_once(pairs):
        names = dict(pairs)
        if len(names) != len(pairs):
            seen = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))
            raise Refusal(file, twice, "each key once", "it is there twice")
        return names

    def constant(word):
        if constants:
            return float(word)
        raise Refusal(file, "JSON", "numbers", word)

    if len(data) > JSON_LIMIT_BYTES:
        raise Refusal(file, "JSON", f"at most {JSON_LIMIT_BYTES} bytes", f"{len(data)} bytes")
    try:
        value = json.loads(bytes(data).decode("utf-8"), object_pairs_hook=each_key_once, parse_constant=constant)
    except Refusal:
        raise
    except RecursionError:
        raise Refusal(file, "JSON", f"at most {JSON_MAX_DEPTH} levels of nesting") from None
    except ValueError as error:
        raise Refusal(file, "JSON", "valid JSON", error) from None
    pending = [(value, 1)]
    while pending:
        inner, depth = pending.pop()
        if depth > JSON_MAX_DEPTH:
            raise Refusal(file, "JSON", f"at most {JSON_MAX_DEPTH} levels of nesting")
        if isinstance(inner, (dict, list)):
            pending.extend((item, depth + 1) for item in (inner.values() if isinstance(inner, dict) else inner))
    return value


def read_json(path, constants=False):
    """The JSON document in a file, which must be an object."""
    value = parse_json(map_file(path), path, constants)
    if not isinstance(value, dict):
        raise Refusal(path, "JSON", "an object", type(value).__name__)
    return value


def is_count(value) -> bool:
    """Whether value is a plain non-negative integer; True and False are not."""
    return type(value) is int and value >= 0
