#!/usr/bin/env python3
"""What golden_bundles.py writes of a layer of groups, with the CPU twin in the place of the GPU, and what the command makes of it:
tensors of the whole layer, and a sweep for each group that its certificate is held against.

  bundles_test.py TWIN_LIBRARY QUASIM
"""
import ctypes
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "cuda_golden" / "python"), str(ROOT / "testbench" / "tests" / "cli")]
import golden_bundles  # noqa: E402
import quasim_golden as qg  # noqa: E402
from tiny import TWO_STEP, make_grouped_bundle  # noqa: E402


class StandIn:
    """qg.Golden by the CPU twin's C functions."""

    def __init__(self, library):
        self.lib = ctypes.CDLL(str(library))
        self.lib.quasim_twin_error.restype = ctypes.c_char_p

    def check(self, status):
        if status:
            raise qg.GoldenError(self.lib.quasim_twin_error().decode())

    def provenance(self):
        return {"device": "a stand-in for a GPU"}

    def run(self, params, x, w, b=None, want=("conv1d_output_int8",)):
        c_params = params.to_c(*x.shape)
        outputs = {name: np.empty(x.shape, qg.OUTPUT_DTYPES[name]) for name in want}
        given = {"input": x, "weight": w, "bias": b, **outputs}
        tensors = qg._CTensors(**{name: value.ctypes.data for name, value in given.items() if value is not None})
        self.check(self.lib.quasim_twin_run(ctypes.byref(c_params), ctypes.byref(tensors)))
        return outputs

    def run_groups(self, groups, channel_group, x, w, b=None, want=("conv1d_output_int8",)):
        outputs = {name: np.empty(x.shape, qg.OUTPUT_DTYPES[name]) for name in want}
        for index, params in enumerate(groups):
            mine = np.flatnonzero(channel_group == index)
            part = self.run(params, np.ascontiguousarray(x[:, mine]), np.ascontiguousarray(w[mine]),
                            None if b is None else np.ascontiguousarray(b[mine]), want)
            for name, values in part.items():
                outputs[name][:, mine] = values
        return outputs

    def sweep(self, params):
        limit = params.taps * 16384
        q, out = (np.empty((256, 2 * limit + 1), dtype) for dtype in (np.int16, np.int8))
        c_params = params.to_c()
        self.check(self.lib.quasim_twin_sweep(ctypes.byref(c_params), -limit, limit, -128, 256, ctypes.c_void_p(q.ctypes.data),
                                              ctypes.c_void_p(out.ctypes.data)))
        return q, out


def main():
    library, quasim = sys.argv[1:3]
    failures, compared = [], 0
    with tempfile.TemporaryDirectory() as directory:
        top = pathlib.Path(directory)
        bundle = make_grouped_bundle(top / "layer", [0, 1, 0, 1, 1], taps=2)
        qg.Golden = lambda _: StandIn(library)
        sys.argv[1:] = [str(bundle), "--variant", TWO_STEP, "--steps", TWO_STEP]
        if golden_bundles.main() != 0:
            failures.append("golden_bundles.py failed")
        golden = bundle / "golden" / TWO_STEP
        for file in ("conv1d_output_int8.npy", "provenance.json", "g0/steps.npz", "g0/provenance.json", "g1/steps.npz", "g1/provenance.json"):
            compared += 1
            if not (golden / file).exists():
                failures.append(f"{file} is missing")

        def certify(exit_code):
            done = subprocess.run([quasim, "certify", bundle, "--require-golden", "--json"], capture_output=True, text=True, check=False)
            if done.returncode != exit_code:
                failures.append(f"certify: exit {done.returncode} for {exit_code}: {done.stderr}")
            return json.loads(done.stdout) if done.stdout else {"layers": []}, done.stderr

        document, _ = certify(0)
        for entry in document["layers"]:
            compared += sum(entry["compared"].values())
            if entry["target"] != "gpu" or entry["differing"]["cpu_twin vs gpu"] or "steps.npz" not in entry["hashes"]:
                failures.append(f"{entry['group']}: held against {entry['target']}, {entry['differing']}")
        if len(document["layers"]) != 2:
            failures.append(f"{len(document['layers'])} certificates")
        done = subprocess.run([quasim, "golden", bundle], capture_output=True, text=True, check=False)
        compared += 1
        if done.returncode != 0 or "conv1d_output_int8" not in done.stdout:
            failures.append(f"golden: exit {done.returncode}: {done.stdout} {done.stderr}")

        # planted: the groups' sweeps exchanged, and a scale that was changed since
        for a, b in (("g0", "other"), ("g1", "g0"), ("other", "g1")):
            (golden / a).rename(golden / b)
        _, said = certify(2)
        compared += 1
        if "stale" not in said or "g0/steps.npz" not in said:
            failures.append(f"exchanged sweeps: {said}")
        for a, b in (("g0", "other"), ("g1", "g0"), ("other", "g1")):
            (golden / a).rename(golden / b)
        layer = json.loads((bundle / "layer.json").read_text())
        layer["groups"][1]["output_scale"] *= 1.5
        (bundle / "layer.json").write_text(json.dumps(layer))
        _, said = certify(2)
        compared += 1
        if "stale" not in said or "g1/steps.npz" not in said or "output_scale" not in said:
            failures.append(f"another scale: {said}")
    for failure in failures:
        print("FAIL", failure)
    print(f"{compared} values and figures compared, {len(failures)} failures")
    return 1 if failures or compared == 0 else 0


sys.exit(main())
