#!/usr/bin/env python3
"""Turns the tensors of PyTorch .pt / .pth files and of .safetensors files into .npy files that quasim reads.

usage: pt_to_npy.py FILE... -o DIR
A file that holds one tensor becomes DIR/FILE.npy; a (nested) dict, list or state_dict becomes DIR/FILE/KEY.npy. bfloat16 is
widened to float32, which is exact. PyTorch files are loaded with weights_only=True, so that a file cannot run code. Nothing is
written where two tensors would get one file, or where a tensor has a type that .npy does not know. Each file appears whole.
Needs numpy, torch for PyTorch files, and nothing of this project: it may be copied to where the model is. Exit code 2, and one line,
for bad input.
"""
import argparse
import json
import os
import pathlib
import struct
import sys
import tempfile

try:
    import numpy
except ImportError:
    print("pt_to_npy: numpy is missing; install it", file=sys.stderr)
    sys.exit(2)

SAFETENSORS_TYPES = {"BOOL": "|b1", "I8": "|i1", "U8": "|u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8",
                     "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2"}
SAFETENSORS_HEADER_LIMIT = 100 << 20


class BadInput(Exception):
    """Says in one line what is wrong with a file."""


def one_line(error):
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def widened(bits):
    """bfloat16, given as its 16 bits, as float32."""
    return (bits.astype(numpy.uint32) << 16).view(numpy.float32)


def safetensors_of(file):
    """(key, array) of everything in a .safetensors file: eight bytes of length, a JSON header, the data."""
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else SAFETENSORS_HEADER_LIMIT + 1
    if length > min(SAFETENSORS_HEADER_LIMIT, len(data) - 8):
        raise BadInput("expected a safetensors header; the file is truncated or something else")
    try:
        header = json.loads(data[8:8 + length])
        entries = [(key, entry["dtype"], entry["shape"], *entry["data_offsets"]) for key, entry in header.items() if key != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput("expected a safetensors header of dtype, shape and data_offsets") from error
    for key, dtype, shape, begin, end in entries:
        if dtype not in SAFETENSORS_TYPES:
            raise BadInput(f"{key!r}: .npy has no dtype {dtype}; convert it to float32 before saving")
        values = numpy.dtype(SAFETENSORS_TYPES[dtype])
        sizes = [begin, end, *(shape if isinstance(shape, list) else [None])]
        if not all(isinstance(n, int) and 0 <= n < 2**48 for n in sizes):
            raise BadInput(f"{key!r}: expected sizes and offsets that are not negative")
        count = 1
        for extent in shape:
            count *= extent
        if end - begin != count * values.itemsize or 8 + length + end > len(data):
            raise BadInput(f"{key!r}: expected {count * values.itemsize} bytes of data inside the file")
        array = numpy.frombuffer(data, values, count, 8 + length + begin).reshape(shape)
        yield key, widened(array) if dtype == "BF16" else array


def torch_values(file):
    """What torch finds in the file."""
    try:
        import torch
    except ImportError as error:
        raise BadInput("PyTorch files need torch, which is not installed; save the tensors as .safetensors instead, or install it") from error
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a bad file
        if "weights_only" in str(error) or "Unsupported" in str(error):
            # torch's own text asks to switch the protection off, which lets the file run code
            raise BadInput("holds objects other than tensors, which are not loaded because they could run code; "
                           "save its state_dict() instead") from error
        raise BadInput(f"is no PyTorch file that can be loaded: {one_line(error)}") from error


def torch_tensors_of(value, keys, depth=0):
    """(keys, array) of every tensor inside a loaded object."""
    import torch
    if depth > 64:
        raise BadInput("expected at most 64 levels of nesting")
    if isinstance(value, torch.Tensor):
        try:
            tensor = value.detach().cpu().contiguous()
            if tensor.is_quantized:
                tensor = tensor.int_repr()
            if tensor.dtype == torch.bfloat16:
                tensor = tensor.float()
            yield keys, tensor.numpy()
        except (TypeError, RuntimeError, NotImplementedError) as error:
            name = "/".join(keys) or "the tensor"
            raise BadInput(f"{name!r}: .npy cannot hold a tensor like this ({one_line(error)}); make it dense and float32 before saving") from error
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from torch_tensors_of(inner, [*keys, str(key)], depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from torch_tensors_of(inner, [*keys, str(index)], depth + 1)


def tensors_of(file):
    """(keys, array); a lone tensor of a PyTorch file has no keys."""
    try:
        with open(file, "rb") as head:
            start = head.read(9)
        if file.suffix == ".safetensors" or start[8:9] == b"{":
            return [([key], array) for key, array in safetensors_of(file)]
        return list(torch_tensors_of(torch_values(file), []))
    except BadInput as error:
        raise BadInput(f"{file}: {error}") from error
    except OSError as error:
        raise BadInput(f"{file}: cannot read: {error.strerror}") from error


def part_of_name(key):
    """A key as one part of a path: it may not leave the output directory."""
    part = key.replace("/", "_").replace("\0", "_")
    return part if part not in ("", ".", "..") else "_"


def write(target, array):
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name + ".tmp.", delete=False) as scratch:
            try:
                numpy.save(scratch, array)
                scratch.close()
                os.chmod(scratch.name, 0o666 & ~UMASK)
                os.replace(scratch.name, target)
            except BaseException:
                os.unlink(scratch.name)
                raise
    except OSError as error:
        raise BadInput(f"{target}: cannot write: {error.strerror}") from error


def convert(files, output):
    planned = {}  # target -> (where it comes from, array)
    for file in files:
        for keys, array in tensors_of(file):
            target = output.joinpath(*map(part_of_name, [file.stem, *keys]))
            target = target.with_name(target.name + ".npy")
            source = f"{file}" + (f", {'/'.join(keys)!r}" if keys else "")
            if target in planned:
                raise BadInput(f"{planned[target][0]} and {source} would both be written to {target}; rename one")
            planned[target] = source, array
    if not planned:
        raise BadInput("expected at least one tensor; there is none")
    for target, (_, array) in planned.items():
        write(target, array)
        print(f"{target}: {array.dtype} {list(array.shape)}")


UMASK = os.umask(0)
os.umask(UMASK)


def main():
    parser = argparse.ArgumentParser(description="PyTorch and safetensors tensors to .npy")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    options = parser.parse_args()
    try:
        convert(options.files, options.output)
        sys.stdout.flush()
    except BadInput as error:
        print("pt_to_npy: " + " ".join(str(error).split("\n")), file=sys.stderr)
        return 2
    except OSError as error:  # standard output
        print(f"pt_to_npy: standard output: cannot write: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
