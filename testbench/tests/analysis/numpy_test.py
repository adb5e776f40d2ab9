"""compare and outliers against numpy: the same figures on random and on real tensors, differences found where they were planted.

usage: numpy_test.py QUASIM VECTORS_DIR
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

SEED = 20250607
PERCENTS = (50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99)


class Counter:
    def __init__(self, quiet=False):
        self.quiet = quiet
        self.compared = 0
        self.failed = 0

    def same(self, what, got, want, relative=1e-12):
        self.compared += 1
        got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
        if got.shape != want.shape or not np.allclose(got, want, rtol=relative, atol=1e-15, equal_nan=True):
            self.failed += 1
            if not self.quiet:
                print(f"FAILED: {what}: quasim {got}, numpy {want}")


def run(quasim, expected_exit, *arguments):
    done = subprocess.run([quasim, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != expected_exit:
        raise SystemExit(f"quasim {arguments}: exit {done.returncode}, expected {expected_exit}: {done.stderr}")
    return json.loads(done.stdout)


def check_side(counter, name, side, values):
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    for figure, want in (("min", finite.min()), ("max", finite.max())):
        counter.same(f"{name} {figure}", side[figure], want, 0)
    spread = np.abs(finite).max()
    counter.same(f"{name} mean", side["mean"] / spread, finite.mean() / spread, 1e-11)
    counter.same(f"{name} std", side["std"], finite.std(), 1e-11)
    counter.same(f"{name} nan", side.get("nan", 0), np.isnan(values).sum())
    counter.same(f"{name} infinite", side.get("infinite", 0), np.isinf(values).sum())


def check_compare(counter, quasim, directory, name, a, b):
    np.save(directory / "a.npy", a)
    np.save(directory / "b.npy", b)
    x, y = a.astype(np.float64), b.astype(np.float64)
    both = np.isfinite(x) & np.isfinite(y)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    differ = not same.all() and (np.abs(x - y)[both].max() >= 1e-6 or not same[~both].all())
    got = run(quasim, 1 if differ else 0, "compare", directory / "a.npy", directory / "b.npy", "--json")["tensors"][0]
    check_side(counter, name + " a", got["a"], a)
    check_side(counter, name + " b", got["b"], b)
    counter.same(name + " matches", got["exact_matches"], same.sum())
    counter.same(name + " unordered", got["unordered"], (~both & ~same).sum())
    difference = np.abs(x[both] - y[both])
    larger = np.maximum(np.abs(x[both]), np.abs(y[both]))
    relative = np.divide(difference, larger, out=np.zeros_like(difference), where=larger > 0)
    counter.same(name + " max absolute", got["max_absolute"], difference.max(), 0)
    counter.same(name + " mean absolute", got["mean_absolute"], difference.mean())
    counter.same(name + " max relative", got["max_relative"], relative.max(), 0)
    counter.same(name + " mean relative", got["mean_relative"], relative.mean())
    counter.same(name + " histogram total", sum(row["count"] for row in got["histogram"]), both.sum())
    if got["step"] == "integer step" and difference.max() < 256:
        steps = np.rint(x[both] - y[both]).astype(int)
        for row in got["histogram"]:
            counter.same(f"{name} histogram {row['from']}", row["count"], (steps == row["from"]).sum())
    # The ten largest, equal ones in order of index.
    magnitude = np.where(both, np.abs(x - y), 0).ravel()
    order = np.lexsort((np.arange(magnitude.size), -magnitude))[:10]
    order = order[magnitude[order] > 0]
    counter.same(name + " number listed", len(got["largest"]), len(order))
    for listed, flat in zip(got["largest"], order):
        counter.same(name + " index", listed["index"], np.unravel_index(flat, x.shape))
        counter.same(name + " value of a", listed["a"], x.ravel()[flat], 0)
        counter.same(name + " value of b", listed["b"], y.ravel()[flat], 0)


def check_outliers(counter, name, got, values):
    values = values.astype(np.float64)
    finite = values[np.isfinite(values)]
    magnitude = np.abs(finite)
    low, median, high = np.percentile(finite, (25, 50, 75))
    check_side(counter, name, got, values)
    counter.same(name + " median", got["median"], median)
    counter.same(name + " quartiles", got["quartiles"], (low, high))
    counter.same(name + " percentiles", got["magnitude_percentiles"], list(zip(PERCENTS, np.percentile(magnitude, PERCENTS))))
    outside = [((finite < low - k * (high - low)) | (finite > high + k * (high - low))).sum() for k in (1.5, 3)]
    counter.same(name + " outliers", (got["outliers"]["mild"], got["outliers"]["extreme"]), (outside[0] - outside[1], outside[1]))
    counter.same(name + " signs", [got["signs"][key] for key in ("positive", "negative", "zero")],
                 [(finite > 0).sum(), (finite < 0).sum(), (finite == 0).sum()])
    for row in got["ranges"]:
        upper = magnitude <= row["to"] * magnitude.max()
        inside = upper if row["from"] == 0 else upper & (magnitude > row["from"] * magnitude.max())
        counter.same(f"{name} range {row['to']}", row["count"], inside.sum())
    flat = np.where(np.isfinite(values), np.abs(values), -1).ravel()
    order = np.lexsort((np.arange(flat.size), -flat))[:20]
    for listed, index in zip(got["largest"], order):
        counter.same(name + " index", listed["index"], np.unravel_index(index, values.shape))
        counter.same(name + " value", listed["value"], values.ravel()[index], 0)
    if values.ndim == 3:
        counter.same(name + " channel maxima", got["channel_maxima"], np.where(np.isfinite(values), np.abs(values), 0).max(axis=(0, 2)), 0)
    clip = np.percentile(magnitude, 99.95)
    counter.same(name + " clip suggested", "clip" in got, clip > 0 and magnitude.max() / clip > 2)
    if "clip" in got:
        counter.same(name + " clip", (got["clip"]["value"], got["clip"]["scale"]), (clip, clip / 127))


def random_tensor(random, dtype, shape):
    dtype = np.dtype(dtype)
    if dtype == bool:
        return random.random(shape) < 0.3
    if dtype.kind == "f":
        return (random.standard_t(3, shape) * 4).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def random_checks(counter, quasim, directory, random):
    shape = (2, 37, 1013)
    for dtype in ("int8", "int16", "int32", "float16", "float32", "bool"):
        a, b = random_tensor(random, dtype, shape), random_tensor(random, dtype, shape)
        check_compare(counter, quasim, directory, dtype, a, b)
        np.save(directory / "a.npy", a)
        check_outliers(counter, dtype, run(quasim, 0, "outliers", directory / "a.npy", "--json")["tensors"][0], a)
    floats = random_tensor(random, "float32", shape)
    check_compare(counter, quasim, directory, "int8 with float32", random_tensor(random, "int8", shape), floats)
    holes = floats.copy()
    holes.ravel()[random.integers(0, holes.size, 50)] = np.nan
    holes.ravel()[random.integers(0, holes.size, 50)] = np.inf
    check_compare(counter, quasim, directory, "float32 with NaN", floats, holes)
    np.save(directory / "a.npy", holes)
    check_outliers(counter, "float32 with NaN", run(quasim, 0, "outliers", directory / "a.npy", "--json")["tensors"][0], holes)
    for _ in range(5):  # one planted difference each
        planted = floats.copy()
        at = tuple(random.integers(0, extent) for extent in shape)
        planted[at] += 1.5
        check_compare(counter, quasim, directory, "planted", floats, planted)


def real_checks(counter, quasim, directory, vectors):
    layers = sorted(vectors.glob("bookmamba/*/layer.json"))
    for layer in (layers[0].parent, layers[-1].parent):
        golden = layer / "golden"
        two_step = np.load(golden / "two_step.seqlast.precise.half_even" / "conv1d_output_int8.npy")
        fused = np.load(golden / "fused.seqlast.fast.half_away" / "conv1d_output_int8.npy")
        check_compare(counter, quasim, directory, layer.name + " two dataflows", two_step, fused)
        got = run(quasim, 0, "outliers", layer, "--json")["layers"][0]
        for stage in got["stages"]:
            file = layer / "conv1d_input.npy" if stage["origin"] == "bundle" else layer / stage["origin"] / (stage["name"] + ".npy")
            if file.exists():
                check_outliers(counter, f"{layer.name} {stage['name']}", stage, np.load(file))


def archive_checks(counter, quasim, directory, random):
    """A .npz against a directory of the same arrays, one element changed, one array missing."""
    arrays = {"x": random_tensor(random, "int8", (2, 3, 50)), "y": random_tensor(random, "float32", (7,))}
    np.savez_compressed(directory / "archive.npz", **arrays)
    (directory / "side").mkdir()
    changed = arrays["x"].copy()
    changed[1, 2, 3] ^= 1
    np.save(directory / "side" / "x.npy", changed)
    np.save(directory / "side" / "z.npy", changed)
    got = run(quasim, 1, "compare", directory / "archive.npz", directory / "side", "--json")
    counter.same("archive: different", got["summary"]["different"], 1)
    counter.same("archive: index", got["tensors"][0]["largest"][0]["index"], (1, 2, 3))
    for key, want in (("only_in_a", ["y"]), ("only_in_b", ["z"])):
        counter.same("archive: " + key, got[key] == want, True)


def planted_fault_checks(counter, quasim, directory, random):
    """The checks of this file notice one element that differs from what quasim was given."""
    values = random_tensor(random, "float32", (2, 5, 400))
    np.save(directory / "a.npy", values)
    got = run(quasim, 0, "outliers", directory / "a.npy", "--json")["tensors"][0]
    values.ravel()[np.abs(values).argmax()] *= 1.001
    probe = Counter(quiet=True)
    check_outliers(probe, "planted", got, values)
    counter.same("a planted fault is noticed", probe.failed > 0, True)


def main():
    quasim, vectors = sys.argv[1], pathlib.Path(sys.argv[2])
    counter, random = Counter(), np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        random_checks(counter, quasim, directory, random)
        real_checks(counter, quasim, directory, vectors)
        archive_checks(counter, quasim, directory, random)
        planted_fault_checks(counter, quasim, directory, random)
    print(f"{counter.compared} figures compared with numpy (seed {SEED}), {counter.failed} differ")
    return 1 if counter.failed or counter.compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
