"""Hostile input to the analysis verbs: one line on stderr and exit 2, or a finding in the report; never a crash, never a file.

usage: hostile_test.py QUASIM VECTORS_DIR
"""
import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import checks  # noqa: E402
import commands  # noqa: E402
from checks import exit_code, expect  # noqa: E402


QUASIM = sys.argv[1]


def refused(*arguments, says="", **variables):
    checks.refused(commands.run(QUASIM, *arguments, **variables), [says])


def answered(*arguments, status, says):
    done = commands.run(QUASIM, *arguments)
    expect(done.returncode == status and says in done.stdout,
           f"{' '.join(map(str, done.args))}: exit {done.returncode}, expected {status} and '{says}': {done.stdout[:300]}{done.stderr[:300]}")


def main():
    layer = pathlib.Path(sys.argv[2]) / "bookmamba" / "layer05"
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
            refused("compare", d / bad, d / "small.npy", says=bad)
            refused("compare", d / "small.npy", d / bad, says=bad)
        refused("compare", d / "nothing", d / "nothing", says="present in both")
        refused("compare", d / "small.npy", d, says="")  # the directory holds broken files
        answered("compare", d / "small.npy", d / "other_shape.npy", status=1, says="DIFFERENT (shapes)")
        answered("compare", d / "empty.npy", d / "empty.npy", status=1, says="EMPTY")
        answered("compare", d / "nan.npy", d / "nan.npy", status=0, says="12")
        answered("compare", d / "some_nan.npy", d / "some_nan.npy", status=0, says="IDENTICAL (bitwise)")
        refused("compare", d / "small.npy", d / "small.npy", "-o", d / "nothing", says="directory")

        # outliers
        for bad in ("text.npy", "empty.npy", "nan.npy", "double.npy", "missing.npy"):
            refused("outliers", d / bad, says=bad.split(".")[0])
        answered("outliers", d / "some_nan.npy", status=0, says="FINDING: 1 NaN and 1 infinite")
        refused("outliers", d / "nothing", says="nothing")

        # bundles
        for verb in ("modes", "sweep", "report"):
            output = ("-o", d / "report.html") if verb == "report" else ()
            refused(verb, d / "nothing", *output, says="nothing")
            broken = d / ("broken_" + verb)
            shutil.copytree(layer, broken)
            (broken / "conv1d_input.npy").unlink()
            refused(verb, broken, *output, says="conv1d_input.npy")
        wrong = d / "wrong_golden"
        shutil.copytree(layer, wrong)
        np.save(wrong / "golden" / "two_step.seqlast.precise.half_even" / "conv1d_output_int8.npy", np.zeros((1, 2, 3), np.int8))
        for verb in ("outliers", "report"):
            refused(verb, wrong, *(("-o", d / "report.html") if verb == "report" else ()), says="shape")
        for option, value in (("--conv-bits", "8..99"), ("--conv-bits", "x"), ("--conv-scale", "-3"), ("--output-scale", "p0")):
            refused("sweep", layer, option, value, says=value)
        (d / "not.json").write_text("{")
        refused("report", layer, "-o", d / "report.html", "--certificate", d / "not.json", says="not.json")
        refused("report", layer, "-o", d / "report.html", "--chart-js", d / "text.npy", "--model", d / "nothing", says="conv1d_output_int8")
        refused("modes", layer, says="SAVE_INTERMEDIATE_VALUES", SAVE_INTERMEDIATE_VALUES="maybe")
        expect(not (d / "report.html").exists(), "report left a page behind")

        # the environment of the PyTorch flow
        done = commands.run(QUASIM, "modes", layer, SAVE_INTERMEDIATE_VALUES=1, INTERMEDIATE_VALUES_DIR=d / "saved")
        expect(done.returncode == 0, f"modes that saves: exit {done.returncode}: {done.stderr}")
        golden = layer / "golden" / "two_step.seqlast.precise.half_even"
        done = commands.run(QUASIM, "compare", d / "saved" / layer.name, golden, "--json")
        pairs = {t["name"]: t["identical"] for t in json.loads(done.stdout)["tensors"]}
        expect(pairs == {"conv1d_output_int8": True, "conv1d_q": True}, f"saved tensors against the golden: {pairs}")
    return exit_code(40)


if __name__ == "__main__":
    sys.exit(main())
