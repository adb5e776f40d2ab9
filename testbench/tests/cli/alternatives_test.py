#!/usr/bin/env python3
"""Where no program equals the target, compile names targets that have one, and they do.
  alternatives_test.py QUASIM SOURCE_DIR"""
import json
import pathlib
import subprocess
import sys
import tempfile

quasim, source = sys.argv[1], pathlib.Path(sys.argv[2])
LAYER = source / "vectors/bookmamba/layer01"  # over the full domain its two_step golden has no exact program


def compiled(*more):
    with tempfile.TemporaryDirectory() as top:
        done = subprocess.run([quasim, "compile", LAYER, "--domain", "full", "--json", "-o", pathlib.Path(top) / "p.json", *more],
                              capture_output=True, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    (layer,) = json.loads(done.stdout)["layers"]
    assert layer["exact"] == (done.returncode == 0), layer
    return layer


closest = compiled()
assert not closest["exact"] and closest["differing_out"] == 1, closest
names = [other["target"] for other in closest["alternatives"]]
assert names == ["exact", "golden:fused.seqlast.precise.half_away"], names
for other in closest["alternatives"]:
    layer = compiled("--target", other["target"])
    assert layer["exact"] and layer["mult_bits"] == other["mult_bits"] and layer["alternatives"] == [], (other, layer)
text = subprocess.run([quasim, "compile", LAYER, "--domain", "full"], capture_output=True, check=False, text=True).stdout
for other in closest["alternatives"]:
    assert f"--target {other['target']} has one, of {other['mult_bits']} multiplier bits" in text, text
print(f"alternatives: {len(names)} named, each compiled and exact")
