#!/usr/bin/env python3
"""Turns the tensors of PyTorch .pt / .pth files into .npy files that quasim reads.

usage: pt_to_npy.py FILE.pt... -o DIR
A file that holds one tensor becomes DIR/FILE.npy; a (nested) dict, list or state_dict becomes DIR/FILE/KEY.npy. bfloat16 is
widened to float32, which is exact. Files are loaded with weights_only=True, so that a file cannot run code.
Needs torch and numpy; nothing else of this project does.
"""
import argparse
import pathlib
import sys


def tensors_of(value, name):
    """(name, tensor) of everything inside a loaded object."""
    import torch
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from tensors_of(inner, f"{name}/{str(key).replace('/', '_')}")
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from tensors_of(inner, f"{name}/{index}")


def to_numpy(tensor):
    import torch
    tensor = tensor.detach().cpu().contiguous()
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.numpy()


def safe(name):
    """No part of a name may leave the output directory."""
    return "/".join(part if part not in ("", ".", "..") else "_" for part in name.split("/"))


def main():
    parser = argparse.ArgumentParser(description="PyTorch tensors to .npy")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    options = parser.parse_args()
    try:
        import numpy
        import torch
    except ImportError as error:
        print(f"pt_to_npy: {error}; install torch and numpy", file=sys.stderr)
        return 2
    written = 0
    for file in options.files:
        try:
            loaded = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a bad file
            print(f"pt_to_npy: {file}: cannot load: {str(error).splitlines()[0]}", file=sys.stderr)
            return 2
        for name, tensor in tensors_of(loaded, file.stem):
            target = options.output / (safe(name) + ".npy")
            target.parent.mkdir(parents=True, exist_ok=True)
            array = to_numpy(tensor)
            numpy.save(target, array)
            print(f"{target}: {array.dtype} {list(array.shape)}")
            written += 1
    if written == 0:
        print("pt_to_npy: expected at least one tensor; there is none", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
