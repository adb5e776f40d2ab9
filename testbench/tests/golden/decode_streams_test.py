#!/usr/bin/env python3
"""decode_streams.py: its fp32 sums are those of a GPU, what it calls known is, and what contradicts it is named.

  decode_streams_test.py PROJECT
"""
import fractions
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

project = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(project / "cuda_golden/python"))
import decode_streams as streams  # noqa: E402
sys.path.insert(0, str(project / "testbench/tests"))
from checks import exit_code, expect  # noqa: E402

LAYERS = project / "vectors/bookmamba"


def test_fma():
    """Against rational arithmetic; half of the sums are aimed at the middle between two fp32 numbers."""
    random = np.random.default_rng(7)
    n = 4000
    a = random.standard_normal(n).astype(np.float32) * np.exp2(random.integers(-20, 20, n)).astype(np.float32)
    b = random.integers(-128, 128, n).astype(np.float32)
    c = random.standard_normal(n).astype(np.float32) * np.exp2(random.integers(-40, 40, n)).astype(np.float32)
    halves = np.arange(n) % 2 == 0  # c is a power of two with a*b half a unit of its last place, more or less
    a[halves] = np.where(random.integers(0, 2, halves.sum()) == 0, np.float32(2.0) ** -24, np.nextafter(np.float32(2.0) ** -24, np.float32(1)))
    b[halves], c[halves] = 1, (1 + random.integers(0, 1 << 23, halves.sum()) * 2.0 ** -23).astype(np.float32)
    got = streams.fma(a, b, c)
    ties = 0
    for i in range(n):
        exact = fractions.Fraction(float(a[i])) * int(b[i]) + fractions.Fraction(float(c[i]))
        near = [float(v) for v in (np.nextafter(got[i], np.float32(-np.inf)), got[i], np.nextafter(got[i], np.float32(np.inf)))]
        apart = [abs(fractions.Fraction(v) - exact) for v in near]
        best = min(apart)
        ties += apart.count(best) > 1
        even = int(np.float32(got[i]).view(np.int32)) & 1 == 0
        expect(apart[1] == best and (apart.count(best) == 1 or even), f"fma of {a[i]!r} {b[i]!r} {c[i]!r}: {got[i]!r}")
    expect(ties > 100, f"only {ties} ties were drawn")


def test_windows_of_the_gpu():
    """The windows in docs/orders.json, found among all 2^32 of each channel on an H100: both y, and the outputs that are known."""
    rows = [row for row in json.loads((project / "docs/orders.json").read_text())
            if row["variant"] == streams.VARIANT and row["against"] == "update"]
    expect(len(rows) == 12, f"{len(rows)} layers in docs/orders.json")
    for row in rows:
        layer = streams.Layer(LAYERS / row["layer"])
        at = row["examples"]
        y_unit, y, unit, decode, beside = layer.compare(np.array([e["x"] for e in at], np.int8), np.array([e["channel"] for e in at]))
        for i, e in enumerate(at):
            expect([float(y_unit[i]), float(y[i])] == e["y"], f"{row['layer']}: {e}: y {y_unit[i]!r} and {y[i]!r}")
            expect(int(unit[i]) == e["out"][0], f"{row['layer']}: {e}: unit {unit[i]}")
            expect(beside[i] or int(decode[i]) == e["out"][1], f"{row['layer']}: {e}: decode {decode[i]} is called known")


def run(*words):
    return subprocess.run([sys.executable, str(project / "cuda_golden/python/decode_streams.py"), *map(str, words)], capture_output=True, text=True)


def links(target, layer):
    """A bundle of links to another's files."""
    for file in (p for p in layer.rglob("*") if p.is_file()):
        place = target / file.relative_to(layer)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(file)
    return target


def test_command(work):
    layer = LAYERS / "layer00"
    done = run(layer, "--json", work / "rows.json")
    row = json.loads((work / "rows.json").read_text())[0] if done.returncode == 0 else {}
    expect(done.returncode == 0 and row["outputs"] == 262144 and row["known"] + row["beside_a_step"] >= row["outputs"], f"{done.returncode} {done.stderr}")
    committed = next(r for r in json.loads((project / "docs/decode_streams.json").read_text()) if r["layer"] == "layer00")
    expect(row == committed, f"docs/decode_streams.json has {committed}, the command {row}")
    expect(row.get("differ") == 0 and 0 < row.get("beside_a_step", 0) < 100 and row.get("y_differ", 0) > 50000, f"layer00: {row}")

    # A committed output of the decode kernel decides what lies beside a step, and is held against the rest.
    open_ = [e for e in row["examples"] if e["decode"] is None]
    expect(len(open_) == row["beside_a_step"], "not every open output is listed")
    for name, place, status in (("decided", tuple(open_[0][k] for k in ("sequence", "channel", "time")), 0), ("contradicted", (0, 5, 100), 1)):
        bundle = links(work / name / "layer00", layer)
        golden = np.load(layer / f"golden/{streams.VARIANT}/conv1d_output_int8.npy").copy()
        golden[place] += 1
        (bundle / f"golden/{streams.DECODE}").mkdir(exist_ok=True)
        committed = bundle / f"golden/{streams.DECODE}/conv1d_output_int8.npy"
        committed.unlink(missing_ok=True)
        np.save(committed, golden)
        done = run(bundle, "--json", work / "rows.json")
        expect(done.returncode == status, f"{name}: exit {done.returncode}: {done.stderr}")
        if status == 0:
            row = json.loads((work / "rows.json").read_text())[0]
            expect(row["known"] == row["outputs"] and row["differ"] == 1 and row["largest"] == 1, f"{name}: {row}")
        else:
            expect(streams.DECODE in done.stderr and len(done.stderr.splitlines()) == 1, f"{name}: {done.stderr}")

    # A sweep that is none of y: one step of one bias value moved.
    bundle = links(work / "bent/layer00", layer)
    sweep = bundle / f"golden/{streams.VARIANT}/steps.npz"
    arrays = dict(np.load(sweep))
    arrays["out_acc"] = arrays["out_acc"].copy()
    arrays["out_acc"][arrays["out_offset"][100] + 50] += 3
    sweep.unlink()
    np.savez(sweep, **arrays)
    done = run(bundle)
    expect(done.returncode == 1 and "no function of y" in done.stderr, f"a bent sweep: exit {done.returncode}: {done.stderr}")

    expect(run(layer, "--random", 100000, "--seed", 5).returncode == 0, "--random")
    np.save(work / "x.npy", np.zeros((1, 3, 5), np.int8))
    for words in ((work / "absent",), (layer, "--input", work / "absent.npy"), (layer, "--input", work / "x.npy")):
        done = run(*words)
        expect(done.returncode == 2 and len(done.stderr.splitlines()) == 1, f"{words}: exit {done.returncode}: {done.stderr}")


def main():
    test_fma()
    test_windows_of_the_gpu()
    with tempfile.TemporaryDirectory() as folder:
        test_command(pathlib.Path(folder))
    return exit_code()


sys.exit(main())
