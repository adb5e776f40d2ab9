""".npz: a zip archive of .npy members."""

from . import npy
from ..refusal import Refusal
from .tensors import Tensor
from .zips import INFLATED_LIMIT_BYTES, Archive

SUFFIX = ".npy"


def refuse_later(refusal):
    def refuse():
        raise refusal

    return refuse


def read(archive: Archive) -> dict:
    """{key: Tensor} of a whole archive. Members are unpacked one at a time, when they are asked for or described."""
    tensors = {}
    total_bytes = 0
    for name, member in archive.members.items():
        if not name.endswith(SUFFIX):
            raise Refusal(archive.file, name, "members that end in .npy", "another")
        total_bytes += 0 if member.stored else member.size_bytes
        if total_bytes > INFLATED_LIMIT_BYTES:
            raise Refusal(archive.file, name, f"at most {INFLATED_LIMIT_BYTES} bytes unpacked in all")
        key, file = name[: -len(SUFFIX)], f"{archive.file}:{name}"
        try:
            tensors[key] = npy.read(memoryview(archive.bytes_of(name)), file, key)
        except npy.ForeignDtype as refusal:  # beside those that are wanted, as in safetensors
            tensors[key] = Tensor(file, key, "another dtype", (), refuse_later(refusal))
    return tensors
