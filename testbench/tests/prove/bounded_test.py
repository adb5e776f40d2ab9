#!/usr/bin/env python3
"""Where many points differ, certify and explain count them all, explain a sample, say so, and end soon; and explain finds what a tensor
is before it calls its places unexplained.

  bounded_test.py QUASIM LAYER
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import bundles  # noqa: E402
from checks import exit_code, expect  # noqa: E402

quasim, layer = sys.argv[1], pathlib.Path(sys.argv[2])
FUSED = "fused.seqlast.precise.half_away"
PATIENCE_S = 120  # of a machine that others use too; alone it is a few seconds


def run(*arguments):
    start = time.monotonic()
    done = subprocess.run([quasim, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    done.seconds = time.monotonic() - start
    return done


def only_layer(done):
    return json.loads(done.stdout)["layers"][0]


def test_many_differences(d):
    """Step tables that belong to another output_scale, with a provenance that says otherwise: nearly every point differs."""
    bundle = bundles.cut_layer(d / "wrong", layer, 5, 16)
    file = bundle / "layer.json"
    params = json.loads(file.read_text())
    params["output_scale"] *= 2
    file.write_text(json.dumps(params))
    for golden in (bundle / "golden").iterdir():
        bundles.stamp(bundle, golden.name)
    done = run("certify", bundle, "--json")
    result = only_layer(done)
    expect(done.returncode == 1 and not result["passed"], f"certify: exit {done.returncode}")
    expect(result["differing_points"] > 100000, f"all are counted: {result['differing_points']}")
    expect(0 < result["unexplained"] <= result["examined"] <= 3 * 4096, f"a sample: {result['examined']}, {result['unexplained']}")
    told = run("certify", bundle)
    expect(f"{result['examined']} of {result['differing_points']}" in told.stdout, "the table says that it is a sample")
    # The twin's differing points are few and all of them are explained: the two are counted apart from the sweep's.
    for limit in (0, 3, 20):
        done = run("explain", bundle, "--limit", limit)
        expect(done.returncode == 1 and len(done.stdout.splitlines()) == limit + 1, f"--limit {limit}: {len(done.stdout.splitlines())} lines")
        expect("sample" in done.stdout, "explain says that it is a sample")
    result = only_layer(run("explain", bundle, "--json", "--limit", 3))
    expect(result["differing"] > 50000 and result["examined"] < 5000 and len(result["points"]) == 3
           and not any(p["explained"] for p in result["points"]), f"explain: {result['differing']}, {result['examined']}")
    result = only_layer(run("explain", bundle, "--json", "--examine", 5, "--limit", 100))
    expect(result["examined"] == 5 == len(result["points"]), f"--examine 5: {result['examined']}")


def test_tiny_scale(d):
    """A legal layer whose every output saturates."""
    bundle = bundles.cut_layer(d / "tiny", layer, 64, 16, output_scale=1e-8)
    for verb in ("compile", "certify", "explain", "run"):
        done = run(verb, bundle)
        expect(done.returncode in (0, 1) and not done.stderr.count("\n") > 1, f"output_scale 1e-8, {verb}: exit {done.returncode} {done.stderr}")
        print(f"output_scale 1e-8, {verb}: exit {done.returncode} after {done.seconds:.1f} s")


def test_tensor_of_the_other_dataflow(d):
    bundle = bundles.cut_layer(d / "other", layer, 64, 64)
    tensor = bundle / "golden" / "fused.seqlast.fast.half_away" / "conv1d_output_int8.npy"
    done = run("explain", bundle, "--tensor", tensor, "--json")
    result = only_layer(done)
    expect(done.returncode == 0 and result["unexplained"] == 0, f"a fused tensor: exit {done.returncode}, {result['unexplained']} unexplained")
    expect("made by dataflow fused" in result["note"], f"a fused tensor is recognised: {result['note']!r}")
    wrong = np.load(tensor)
    wrong[0, 3, 9] ^= 0x40
    np.save(d / "wrong.npy", wrong)
    done = run("explain", bundle, "--tensor", d / "wrong.npy", "--json")
    points = only_layer(done)["points"]
    expect(done.returncode == 1 and [(p["channel"], p["time"], p["explained"]) for p in points if not p["explained"]] == [(3, 9, False)],
           f"a fault in a fused tensor: exit {done.returncode}")
    point = points[0]
    x, w = np.load(bundle / "conv1d_input.npy")[0, 3, 6:10], np.load(bundle / "conv1d_weight.npy")[3]
    expect(point["x"] == x.tolist() and point["w"] == w.tolist() and point["acc"] == int(x.astype(int) @ w.astype(int)), "samples and weights")
    expect(point["tensor_out"] == int(wrong[0, 3, 9]) and not any("golden" in key for key in point), f"a user's tensor is not a golden: {list(point)}")
    for arguments in (("--tensor", d / "wrong.npy"), ()):
        done = run("explain", bundle, *arguments, "--element", "0,3,9", "--json")
        point, = only_layer(done)["points"]
        expect((point["sequence"], point["channel"], point["time"]) == (0, 3, 9) and point["x"] == x.tolist() and point["w"] == w.tolist(),
               f"--element {arguments}")
        expect(done.returncode == (1 if arguments else 0), f"--element {arguments}: exit {done.returncode}")
    for text in ("", "0", "0,3", "0,3,9,1", "a,b,c", "0,64,0", "1,0,0", "0,0,64", "-1,0,0", "0,3,9 ", "99999999999999999999,0,0"):
        done = run("explain", bundle, "--element=" + text)
        expect(done.returncode == 2 and len(done.stderr.splitlines()) == 1,
               f"--element {text!r}: exit {done.returncode} {done.stderr!r}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        d = pathlib.Path(folder)
        test_many_differences(d)
        test_tiny_scale(d)
        test_tensor_of_the_other_dataflow(d)
    return exit_code(25)


sys.exit(main())
