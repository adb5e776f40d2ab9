#!/usr/bin/env python3
"""scripts/pt_to_npy.py: values, names, and one line for what it cannot convert. PyTorch files are read by a stand-in for torch here, so
that the test needs none: a module whose load() unpickles what the test has pickled.

  pt_to_npy_test.py SCRIPT
"""
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import checks  # noqa: E402
from checks import exit_code, expect  # noqa: E402

SCRIPT = pathlib.Path(sys.argv[1]).resolve()
STAND_IN = '''
import pickle
import numpy

bfloat16 = "bfloat16"


class Tensor:
    def __init__(self, array, dtype=None):
        self.array, self.dtype, self.is_quantized = array, dtype, False
    def detach(self):
        return self
    cpu = contiguous = detach
    def float(self):
        return Tensor(self.array.astype(numpy.float32))
    def numpy(self):
        if self.dtype == "float8":
            raise TypeError("Got unsupported ScalarType Float8_e4m3fn\\nmore")
        if self.dtype == "sparse":
            raise RuntimeError("can't convert sparse layout")
        return self.array


def load(file, map_location, weights_only):
    assert weights_only is True
    with open(file, "rb") as data:
        value = pickle.load(data)
    if value == "code":
        raise pickle.UnpicklingError("Weights only load failed. Re-running `torch.load` with `weights_only` set to `False`\\nmore")
    if value == "broken":
        raise RuntimeError("PytorchStreamReader failed\\nmore")
    return value
'''


def main():
    with tempfile.TemporaryDirectory() as name:
        d = pathlib.Path(name)
        (d / "modules").mkdir()
        (d / "modules/torch.py").write_text(STAND_IN)
        sys.path.insert(0, str(d / "modules"))
        import torch

        def run(*arguments, torch_there=True, **options):
            environment = {**os.environ, "PYTHONPATH": str(d / "modules") if torch_there else ""}
            options.setdefault("stdout", subprocess.PIPE)
            return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], stderr=subprocess.PIPE, text=True, env=environment, check=False, **options)

        def refused(label, words, *arguments, **options):
            before = sorted(map(str, d.rglob("*.npy")))
            done = run(*arguments, **options)
            checks.refused(done, words, label)
            expect(sorted(map(str, d.rglob("*.npy"))) == before and not list(d.rglob("*.tmp.*")), f"{label}: something was written")

        def save(file, value):
            (d / file).parent.mkdir(exist_ok=True)
            with open(d / file, "wb") as out:
                pickle.dump(value, out)
            return d / file

        def safetensors(file, header, data=b""):
            text = header if isinstance(header, bytes) else json.dumps(header).encode()
            (d / file).write_bytes(struct.pack("<Q", len(text)) + text + data)
            return d / file

        a, b = np.arange(6, dtype=np.int8).reshape(2, 3), np.linspace(0, 1, 4, dtype=np.float32)
        tensor = torch.Tensor
        done = run(save("lone.pt", tensor(a)), save("dict.pt", {"w": tensor(b), "deep": [tensor(a), {"x": tensor(b, "bfloat16")}]}), "-o", d / "out")
        expect(done.returncode == 0 and len(done.stdout.splitlines()) == 4, f"values: {done.stderr}")
        for file, value in (("lone", a), ("dict/w", b), ("dict/deep/0", a), ("dict/deep/1/x", b)):
            expect(np.array_equal(np.load(d / "out" / (file + ".npy")), value), file)
        done = run(save("odd.pt", {"..": tensor(a), "a/b": tensor(b), "v1.0": tensor(a)}), "-o", d / "odd")
        expect(done.returncode == 0 and {p.name for p in (d / "odd/odd").iterdir()} == {"_.npy", "a_b.npy", "v1.0.npy"}, f"odd keys: {done.stderr}")

        # two tensors for one file
        refused("two keys", ["'a/b'", "'a_b'", "a_b.npy"], save("two.pt", {"a/b": tensor(a), "a_b": tensor(b)}), "-o", d / "x")
        refused("two odd keys", ["'..'", "'.'"], save("dots.pt", {"..": tensor(a), ".": tensor(b)}), "-o", d / "x")
        refused("a number and its text", ["'0'"], save("zero.pt", {0: tensor(a), "0": tensor(b)}), "-o", d / "x")
        refused("two files", ["one/same.pt", "two/same.pt"], save("one/same.pt", tensor(a)), save("two/same.pt", tensor(b)), "-o", d / "x")
        refused("a later file is bad", ["broken.pt"], d / "lone.pt", save("broken.pt", "broken"), "-o", d / "x")

        # what cannot be loaded or converted
        refused("code", ["code.pt", "state_dict", "run code"], save("code.pt", "code"), "-o", d / "x")
        expect("weights_only" not in run(d / "code.pt", "-o", d / "x").stderr, "advises to switch the protection off")
        refused("float8", ["'f'", "float32"], save("float8.pt", {"f": tensor(a, "float8")}), "-o", d / "x")
        refused("sparse", ["'s'"], save("sparse.pt", {"s": tensor(a, "sparse")}), "-o", d / "x")
        refused("nothing", ["none"], save("nothing.pt", {"epoch": 3}), "-o", d / "x")
        nested = tensor(a)
        for _ in range(100):
            nested = [nested]
        refused("deep", ["nesting"], save("nested.pt", nested), "-o", d / "x")
        refused("missing", ["nowhere.pt", "No such file"], d / "nowhere.pt", "-o", d / "x")
        refused("a directory", ["modules"], d / "modules", "-o", d / "x")
        refused("no torch", ["lone.pt", "torch"], d / "lone.pt", "-o", d / "x", torch_there=False)
        refused("output inside a file", ["cannot write"], d / "lone.pt", "-o", d / "lone.pt")
        refused("a name that is too long", ["too long"], save("long.pt", {"k" * 300: tensor(a)}), "-o", d / "x")
        with open("/dev/full", "wb") as full:
            done = run(d / "lone.pt", "-o", d / "full", stdout=full)
        expect(done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "standard output" in done.stderr, f"a full stdout: {done.stderr}")

        # safetensors, without torch
        bits = np.array([0x3F80, 0xC000], np.uint16)
        data = a.tobytes() + b.tobytes() + bits.tobytes()
        good = {"__metadata__": {"format": "pt"}, "a": {"dtype": "I8", "shape": [2, 3], "data_offsets": [0, 6]},
                "b.weight": {"dtype": "F32", "shape": [4], "data_offsets": [6, 22]}, "h": {"dtype": "BF16", "shape": [2], "data_offsets": [22, 26]}}
        done = run(safetensors("m.safetensors", good, data), "-o", d / "safe", torch_there=False)
        expect(done.returncode == 0, f"safetensors: {done.stderr}")
        for file, value in (("a", a), ("b.weight", b), ("h", np.array([1, -2], np.float32))):
            expect(np.array_equal(np.load(d / "safe/m" / (file + ".npy")), value), f"safetensors {file}")
        done = run(safetensors("renamed.pt", good, data), "-o", d / "renamed", torch_there=False)
        expect(done.returncode == 0, f"safetensors called .pt: {done.stderr}")
        entry = good["a"]
        for label, header in (("cut", good), ("offsets", {"a": {**entry, "data_offsets": [0, 7]}}), ("beyond", {"a": {**entry, "data_offsets": [20, 26]}}),
                              ("negative", {"a": {**entry, "shape": [-2, -3]}}), ("dtype", {"a": {**entry, "dtype": "F8_E4M3"}}), ("no dtype", {"a": {}}),
                              ("list", [1]), ("text", b"{not json"), ("deep", b"[" * 100000), ("shape", {"a": {**entry, "shape": "23"}}),
                              ("huge", {"a": {**entry, "shape": [2**40, 2**40]}})):
            refused(f"safetensors {label}", ["bad.safetensors"], safetensors("bad.safetensors", header, data[:10] if label in ("cut", "beyond") else data), "-o", d / "x")
        (d / "tiny.safetensors").write_bytes(b"abc")
        refused("safetensors tiny", ["tiny"], d / "tiny.safetensors", "-o", d / "x")
        refused("safetensors two keys", ["both"], safetensors("both.safetensors", {"a/b": entry, "a_b": entry}, data), "-o", d / "x")
    return exit_code(50)


sys.exit(main())
