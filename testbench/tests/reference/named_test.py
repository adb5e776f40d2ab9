#!/usr/bin/env python3
"""A result names what it was compared with, a fallback is never taken for the real thing, every tensor of a golden counts, and a rule
that no input reaches is said to be reached nowhere.

  named_test.py QUASIM LAYER
"""
import json
import pathlib
import shutil
import sys
import tempfile

import numpy as np

from verbs import GOLDEN, exit_code, expect, layer, refused, run

import bundles  # beside the rooms; verbs has made it found


def only_layer(done):
    return json.loads(done.stdout)["layers"][0]


def test_reference_is_named(d, good):
    for verb in ("run", "cosim"):
        done = run(verb, good, "--json", "--require-golden")
        result = only_layer(done)
        expect(done.returncode == 0 and result["reference"] == "GPU golden" and result["reference_device"].startswith("a GPU")
               and result["program_target"] == "GPU sweep" and result["variant"] == bundles.TWO_STEP, f"{verb}: {result['reference']}")
        expect("GPU golden" in run(verb, good).stdout, f"{verb}: the table names the reference")
    for name, spoil in (("none", lambda b: shutil.rmtree(b / "golden")),
                        ("only_provenance", lambda b: [f.unlink() for f in (b / GOLDEN).glob("*.np[yz]")]),
                        ("misspelt", lambda b: (b / GOLDEN).rename(b / "golden" / "two_step.seqlast.precise.halfeven"))):
        bundle = d / name
        shutil.copytree(good, bundle)
        spoil(bundle)
        for verb in ("run", "cosim"):
            done = run(verb, bundle, "--json")
            result = only_layer(done)
            expect(done.returncode == 0 and result["reference"] == "CPU twin" and result["program_target"] == "CPU twin",
                   f"{name} {verb}: {result['reference']}, {result['program_target']}")
            expect("CPU twin" in done.stderr and ("halfeven" in done.stderr) == (name == "misspelt"), f"{name} {verb}: {done.stderr}")
            expect("CPU twin" in run(verb, bundle).stdout, f"{name} {verb}: the table names the twin")
        there = {"none": "no golden at all", "only_provenance": bundles.TWO_STEP, "misspelt": "halfeven"}[name]
        for verb in ("run", "cosim", "compile", "certify"):
            refused(name, ["--require-golden", there], verb, bundle, "--require-golden")
        result = only_layer(run("certify", bundle, "--json"))
        expect(result["target"] == "cpu_twin" and result["passed"], f"{name}: {result['target']}")
        expect("CPU twin" in run("certify", bundle).stdout, f"{name}: certify says whom the program equals")
        expect(only_layer(run("compile", bundle, "--json"))["origin"] == "CPU twin", f"{name}: compile says where the steps come from")
        shutil.rmtree(bundle)
    # A golden that the CPU twin wrote into the bundle is not a GPU's.
    bundle = d / "of_the_twin"
    shutil.copytree(good, bundle)
    shutil.rmtree(bundle / GOLDEN)
    expect(run("golden", bundle, "-o", bundle / GOLDEN).returncode == 0, "a golden of the twin is written")
    expect(only_layer(run("run", bundle, "--json"))["reference"] == "CPU twin", "a golden of the twin is called so")
    program = d / "program.json"
    run("compile", good, "-o", program)
    refused("of the twin", ["--require-golden", "CPU twin"], "run", bundle, "--require-golden", "--program", program)
    shutil.rmtree(bundle)


def test_every_tensor_counts(d, good):
    def spoilt(name, change):
        bundle = d / "tensor"
        if bundle.exists():
            shutil.rmtree(bundle)
        shutil.copytree(good, bundle)
        values = np.load(bundle / GOLDEN / name)
        np.save(bundle / GOLDEN / name, change(values))
        return bundle

    def one(index, value):
        def change(values):
            values[index] = value(values[index])
            return values
        return change

    where = (0, 7, 5)
    for verb in ("run", "cosim"):
        done = run(verb, spoilt("conv1d_q.npy", one(where, lambda q: q ^ 1)), "--json")
        result = only_layer(done)
        found = [(d["what"], d["sequence"], d["channel"], d["time"], abs(d["left"] - d["right"])) for d in result["differences"]]
        expect(done.returncode == 1 and result["systemc_q_vs_golden"]["mismatches"] == 1 and result["systemc_q_vs_golden"]["compared"] == 512
               and result["systemc_vs_golden"]["mismatches"] == 0 and found == [("q of SystemC vs golden", *where, 1)],
               f"{verb}: a flipped bit of q: exit {done.returncode}, {found}")
        expect("q of SystemC vs golden" in run(verb, d / "tensor").stdout, f"{verb}: the difference in q is described")
    f32 = np.float32
    up, down = f32(np.inf), f32(-np.inf)

    def ulps(count):
        def move(value):
            for _ in range(abs(count)):
                value = np.nextafter(value, up if count > 0 else down)
            return value
        return move

    loud = tuple(np.argwhere(np.abs(np.load(good / GOLDEN / "silu_raw.npy")) > 0.1)[0])
    for name, change, code, says in (
            ("conv1d_raw.npy", one(loud, ulps(1)), 1, None), ("conv1d_int8simulated.npy", one(loud, ulps(-1)), 1, None),
            ("silu_raw.npy", one(loud, ulps(1)), 0, None), ("silu_raw.npy", one(loud, ulps(30)), 1, None),
            ("silu_raw.npy", one(loud, lambda v: f32(np.nan)), 1, "NaN"), ("conv1d_raw.npy", one(loud, lambda v: f32(np.nan)), 1, "NaN"),
            ("conv1d_int8simulated.npy", one(loud, lambda v: f32(np.nan)), 1, "NaN"), ("silu_raw.npy", np.zeros_like, 1, None),
            ("conv1d_raw.npy", np.zeros_like, 1, None), ("silu_raw.npy", lambda v: np.full_like(v, np.nan), 1, "512"),
            ("conv1d_q.npy", one(loud, lambda q: q ^ 1), 1, None), ("conv1d_output_int8.npy", one(loud, lambda o: o ^ 1), 1, None)):
        done = run("golden", spoilt(name, change))
        expect(done.returncode == code and (says is None or says in done.stdout), f"golden with {name} spoilt: exit {done.returncode}, expected {code}:\n{done.stdout}")
    done = run("golden", good, "--json")
    tensors = {t["tensor"]: t for t in only_layer(done)["tensors"]}
    expect(done.returncode == 0 and len(tensors) == 5 and tensors["conv1d_raw"]["differing"] == 0 and tensors["silu_raw"]["largest_ulps"] <= 2,
           f"the golden as it is: {tensors}")


def test_ties(d, good):
    """Scales that are powers of two: every odd accumulator is a tie of y/s_c = acc/2."""
    for verb in ("run", "cosim"):
        expect(only_layer(run(verb, good, "--json"))["ties"] == 0, f"{verb}: a real layer reaches no tie")
        expect("ties" in run(verb, good).stdout, f"{verb}: the table has a column for ties")
    expect(only_layer(run("certify", good, "--json"))["ties"] == 0, "certify: a real layer reaches no tie")
    bundle = bundles.cut_layer(d / "ties", layer, 16, 8, input_scale=1.0, weight_scale=1.0, bias_scale=2.0, conv_scale=2.0, output_scale=1.0,
                               conv_bits=12)
    x, w = (np.load(bundle / f"conv1d_{n}.npy").astype(np.int64) for n in ("input", "weight"))
    x, w = x // 32, w // 32
    np.save(bundle / "conv1d_input.npy", x.astype(np.int8))
    np.save(bundle / "conv1d_weight.npy", w.astype(np.int8))
    np.save(bundle / "conv1d_bias.npy", np.zeros(16, np.int8))
    padded = np.pad(x, ((0, 0), (0, 0), (3, 0)))
    acc = sum(w[None, :, k, None] * padded[:, :, k:k + 8] for k in range(4))
    certificate = only_layer(run("certify", bundle, "--json"))
    low = min(128 * -np.abs(w).sum(1))
    expect(certificate["passed"] and certificate["ties"] > 0 and low < 0, f"certify: {certificate['ties']} ties")
    done = run("run", bundle, "--json")
    odd = int(np.count_nonzero(acc % 2))
    expect(odd > 20 and only_layer(done)["ties"] == odd, f"run: {only_layer(done)['ties']} ties, expected {odd}")


def test_the_other_dataflow(d, good):
    """The deployed golden is named, has no q and no ties; a program of one dataflow is not run as the other."""
    fused = "fused.seqlast.fast.half_away"
    two_step, other = d / "two_step.json", d / "fused.json"
    run("compile", good, "-o", two_step)
    expect(run("compile", good, "--target", "golden:" + fused, "-o", other).returncode == 0, "a fused program")
    for verb in ("run", "cosim"):
        done = run(verb, good, "--variant", fused, "--json", "--require-golden")
        result = only_layer(done)
        expect(done.returncode == 0 and (result["reference"], result["variant"]) == ("GPU golden", fused)
               and result["systemc_q_vs_golden"]["compared"] == 0 and result["ties"] == 0, f"{verb} fused: exit {done.returncode} {done.stderr}")
        refused("a two_step program as fused", ["two_step.json", "dataflow", "fused"], verb, good, "--variant", fused, "--program", two_step)
        refused("a fused program as two_step", ["fused.json", "dataflow", "two_step"], verb, good, "--program", other)


def main():
    with tempfile.TemporaryDirectory() as folder:
        d = pathlib.Path(folder)
        good = bundles.cut_layer(d / "good", layer, 32, 16)
        test_reference_is_named(d, good)
        test_every_tensor_counts(d, good)
        test_ties(d, good)
        test_the_other_dataflow(d, good)
    return exit_code(60)


sys.exit(main())
