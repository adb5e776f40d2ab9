"""Hostile input to the analysis verbs: one line on stderr and exit 2, or a finding in the report; never a crash, never a file.

usage: analysis_hostile_test.py QUASIM VECTORS_DIR
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np


class Cases:
    def __init__(self, quasim):
        self.quasim = quasim
        self.count = 0
        self.failed = 0

    def fail(self, arguments, why):
        self.failed += 1
        print(f"FAILED: quasim {' '.join(map(str, arguments))}: {why}")

    def run(self, arguments, environment=None):
        self.count += 1
        return subprocess.run([self.quasim, *map(str, arguments)], capture_output=True, text=True, timeout=60, env=environment)

    def refused(self, *arguments, says="", environment=None):
        done = self.run(arguments, environment)
        lines = done.stderr.strip().splitlines()
        if done.returncode != 2:
            self.fail(arguments, f"exit {done.returncode}, expected 2")
        elif len(lines) != 1 or says not in lines[0]:
            self.fail(arguments, f"expected one line with '{says}', got {lines}")
        elif done.stdout:
            self.fail(arguments, "wrote to stdout")

    def answered(self, *arguments, exit_code, says):
        done = self.run(arguments)
        if done.returncode != exit_code or says not in done.stdout:
            self.fail(arguments, f"exit {done.returncode}, expected {exit_code} and '{says}': {done.stdout[:300]}{done.stderr[:300]}")


def main():
    cases, vectors = Cases(sys.argv[1]), pathlib.Path(sys.argv[2])
    layer = vectors / "bookmamba" / "layer05"
    with tempfile.TemporaryDirectory() as name:
        d = pathlib.Path(name)
        np.save(d / "small.npy", np.zeros((2, 3), np.int8))
        np.save(d / "other_shape.npy", np.zeros((3, 2), np.int8))
        np.save(d / "empty.npy", np.zeros((0, 4, 5), np.float32))
        np.save(d / "nan.npy", np.full((3, 4), np.nan, np.float32))
        np.save(d / "some_nan.npy", np.array([1, np.nan, np.inf, 3], np.float32))
        np.save(d / "fortran.npy", np.asfortranarray(np.zeros((3, 4), np.float32)))
        np.save(d / "complex.npy", np.zeros(3, np.complex64))
        np.save(d / "double.npy", np.zeros(3, np.float64))
        (d / "text.npy").write_text("this is not a tensor\n" * 10)
        (d / "text.npz").write_text("neither is this\n" * 10)
        (d / "no_bytes.npy").write_bytes(b"")
        (d / "short.npy").write_bytes((d / "small.npy").read_bytes()[:-1])
        (d / "nothing").mkdir()

        # compare
        for bad in ("text.npy", "text.npz", "no_bytes.npy", "short.npy", "fortran.npy", "complex.npy", "missing.npy"):
            cases.refused("compare", d / bad, d / "small.npy", says=bad)
            cases.refused("compare", d / "small.npy", d / bad, says=bad)
        cases.refused("compare", d / "nothing", d / "nothing", says="present in both")
        cases.refused("compare", d / "small.npy", d, says="")  # the directory holds broken files
        cases.answered("compare", d / "small.npy", d / "other_shape.npy", exit_code=1, says="DIFFERENT (shapes)")
        cases.answered("compare", d / "empty.npy", d / "empty.npy", exit_code=1, says="EMPTY")
        cases.answered("compare", d / "nan.npy", d / "nan.npy", exit_code=0, says="12")
        cases.answered("compare", d / "some_nan.npy", d / "some_nan.npy", exit_code=0, says="IDENTICAL (bitwise)")
        cases.refused("compare", d / "small.npy", d / "small.npy", "-o", d / "nothing", says="directory")

        # outliers
        for bad in ("text.npy", "empty.npy", "nan.npy", "double.npy", "missing.npy"):
            cases.refused("outliers", d / bad, says=bad.split(".")[0])
        cases.answered("outliers", d / "some_nan.npy", exit_code=0, says="FINDING: 1 NaN and 1 infinite")
        cases.refused("outliers", d / "nothing", says="nothing")

        # bundles
        for verb in ("modes", "sweep", "report"):
            output = ("-o", d / "report.html") if verb == "report" else ()
            cases.refused(verb, d / "nothing", *output, says="nothing")
            broken = d / ("broken_" + verb)
            shutil.copytree(layer, broken)
            (broken / "conv1d_input.npy").unlink()
            cases.refused(verb, broken, *output, says="conv1d_input.npy")
        wrong = d / "wrong_golden"
        shutil.copytree(layer, wrong)
        np.save(wrong / "golden" / "two_step.seqlast.precise.half_even" / "conv1d_output_int8.npy", np.zeros((1, 2, 3), np.int8))
        for verb in ("outliers", "report"):
            cases.refused(verb, wrong, *(("-o", d / "report.html") if verb == "report" else ()), says="shape")
        for option, value in (("--conv-bits", "8..99"), ("--conv-bits", "x"), ("--conv-scale", "-3"), ("--output-scale", "p0")):
            cases.refused("sweep", layer, option, value, says=value)
        (d / "not.json").write_text("{")
        cases.refused("report", layer, "-o", d / "report.html", "--certificate", d / "not.json", says="not.json")
        cases.refused("report", layer, "-o", d / "report.html", "--chart-js", d / "text.npy", "--model", d / "nothing", says="conv1d_output_int8")
        cases.refused("modes", layer, says="SAVE_INTERMEDIATE_VALUES", environment={"SAVE_INTERMEDIATE_VALUES": "maybe"})
        cases.count += 1
        if (d / "report.html").exists():
            cases.fail(("report",), "left a page behind")

        # the environment of the PyTorch flow
        cases.count += 1
        subprocess.run([cases.quasim, "modes", str(layer)], check=True, capture_output=True,
                       env={"SAVE_INTERMEDIATE_VALUES": "1", "INTERMEDIATE_VALUES_DIR": str(d / "saved")})
        golden = layer / "golden" / "two_step.seqlast.precise.half_even"
        done = cases.run(("compare", d / "saved" / layer.name, golden, "--json"))
        pairs = {t["name"]: t["identical"] for t in json.loads(done.stdout)["tensors"]}
        if pairs != {"conv1d_output_int8": True, "conv1d_q": True}:
            cases.fail(("modes",), f"saved tensors against the golden: {pairs}")
    print(f"{cases.count} cases, {cases.failed} failed")
    return 1 if cases.failed or cases.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
