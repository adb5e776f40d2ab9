#!/usr/bin/env python3
"""Compares the CPU twin with the goldens and step tables that a GPU made. Needs no GPU.

  twin_report.py BUNDLE… [--library libquasim_golden_twin_c.so] [--json FILE]

For every BUNDLE/golden/VARIANT of math precise: each committed tensor against the twin's, value by value, and steps.npz against
the twin's complete enumeration. Prints a Markdown table; lists the differing (bias, acc) points. Exit 1 when a tensor other
than silu_raw differs anywhere, or when nothing was compared.
"""
import argparse
import ctypes
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import quasim_golden as qg  # noqa: E402
from golden_bundles import Bundle  # noqa: E402


class Twin:
    def __init__(self, library):
        self.lib = ctypes.CDLL(str(library))
        self.lib.quasim_twin_error.restype = ctypes.c_char_p

    def check(self, status):
        if status:
            raise qg.GoldenError(self.lib.quasim_twin_error().decode())

    def run(self, params, bundle, want):
        c_params = params.to_c(*bundle.x.shape)
        outputs = {name: np.empty(bundle.x.shape, qg.OUTPUT_DTYPES[name]) for name in want}
        given = {"input": bundle.x, "weight": bundle.w, "bias": bundle.b, **outputs}
        tensors = qg._CTensors(**{name: value.ctypes.data for name, value in given.items() if value is not None})
        self.check(self.lib.quasim_twin_run(ctypes.byref(c_params), ctypes.byref(tensors)))
        return outputs

    def sweep(self, params):
        limit = params.taps * 16384
        q = np.empty((256, 2 * limit + 1), np.int16) if params.dataflow == "two_step" else None
        out = np.empty((256, 2 * limit + 1), np.int8)
        c_params = params.to_c()
        self.check(self.lib.quasim_twin_sweep(ctypes.byref(c_params), -limit, limit, -128, 256,
                                              ctypes.c_void_p(None if q is None else q.ctypes.data), ctypes.c_void_p(out.ctypes.data)))
        return {"q": q, "out": out}


def ulps(a, b):
    """Distance in units in the last place between two fp32 arrays."""
    def ordered(v):
        bits = v.view(np.int32).astype(np.int64)
        return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    return np.abs(ordered(a) - ordered(b))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=pathlib.Path)
    parser.add_argument("--library", dest="shared_object", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    twin = Twin(options.shared_object)
    rows, failures, compared = [], 0, 0
    print("| layer | variant | what | values | twin differs | largest |\n|---|---|---|---|---|---|")

    def row(bundle, variant, what, values, differing, largest, points=()):
        nonlocal compared
        compared += int(values)
        rows.append({"layer": bundle.path.name, "variant": variant, "what": what, "values": int(values),
                     "differing": int(differing), "largest": largest, "points": list(points)})
        print(f"| {bundle.path.name} | {variant} | {what} | {values} | {differing} | {largest} |")

    for path in options.bundles:
        bundle = Bundle(path)
        for directory in sorted((path / "golden").iterdir()):
            params = qg.Params.from_layer(bundle.meta, directory.name)
            if params.math != "precise":
                continue
            names = [p.stem for p in sorted(directory.glob("*.npy"))]
            if names:
                mine = twin.run(params, bundle, names)
                for name in names:
                    gpu = np.load(directory / f"{name}.npy")
                    differing = np.count_nonzero(gpu != mine[name])
                    largest = f"{int(ulps(gpu, mine[name]).max())} ulp" if gpu.dtype == np.float32 else f"{int(np.abs(gpu.astype(int) - mine[name]).max())}"
                    row(bundle, directory.name, name, gpu.size, differing, largest)
                    failures += bool(differing) and name != "silu_raw"
            if (directory / "steps.npz").exists():
                steps = np.load(directory / "steps.npz")
                swept = twin.sweep(params)
                for stage in ("q", "out"):
                    if f"{stage}_first" not in steps:
                        continue
                    low, high = int(steps["acc_min"][0]), int(steps["acc_max"][0])
                    gpu = qg.expand_steps(*(steps[f"{stage}_{part}"] for part in ("first", "offset", "acc", "value")), low, high)
                    where = np.argwhere(gpu != swept[stage])
                    points = [{"bias": int(i) - 128, "acc": int(j) + low, "gpu": int(gpu[i, j]), "twin": int(swept[stage][i, j])} for i, j in where]
                    row(bundle, directory.name, f"steps of {stage}", gpu.size, len(points),
                        f"{max((abs(p['gpu'] - p['twin']) for p in points), default=0)}", points)
    for r in rows:
        for p in r["points"][:64]:
            print(f"  {r['layer']} {r['variant']} {r['what']}: bias {p['bias']} acc {p['acc']}: GPU {p['gpu']}, twin {p['twin']}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\n{compared} values compared, {sum(r['differing'] for r in rows if r['what'] != 'silu_raw')} integers differ.")
    return 1 if failures or not compared else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (qg.GoldenError, OSError, ValueError) as error:
        sys.exit(f"twin_report.py: {error}")
