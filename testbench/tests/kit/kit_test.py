#!/usr/bin/env python3
"""Tests of the hand-off kit from its reader's side.

  kit_test.py GROUP QUASIM PROJECT

GROUP: formats (every format of every stage against a model in NumPy), hostile (refusals), faults (planted errors are found), corner_faults (errors that only
a corner stream reaches are found),
small_layers (cuts of three real layers, verified by the kit's own bench in Icarus, one of them in Verilator too, alone in a directory),
fused (a kit of dataflow fused against a model in NumPy; its bench passes, and names a channel where a table or register is off by the least
that matters),
memory (a large input takes no more memory than a small one), whole_layers (small_layers with all channels and time steps).
"""
import csv
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import bundles  # noqa: E402
import checks  # noqa: E402
from checks import exit_code, expect  # noqa: E402

group, quasim, project = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
LAYERS = project / "vectors/bookmamba"
GOLDEN = "golden/two_step.seqlast.precise.half_even"
STAGES = {"x": (np.int8, 2), "acc": (np.int32, 8), "p": (np.int64, 16), "q": (np.int8, 2), "out": (np.int8, 2)}


def run(*arguments, cwd=None, env=None, timeout=900):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=timeout, check=False, cwd=cwd, env=env)


def cut_layer(target, layer, channels, steps, **changes):
    return bundles.cut_layer(target, LAYERS / layer, channels, steps, **changes)


def export(bundle, kit, *arguments):
    formats = () if "--format" in arguments else ("--format", "all")
    result = run(quasim, "export", bundle, "-o", kit, "--json", *formats, *arguments)
    expect(result.returncode == 0, f"export {bundle.name}: exit {result.returncode}: {result.stderr}")
    return json.loads(result.stdout)


def round_shift(p, shift, rounding):
    quotient, rest = p >> shift, p & ((1 << shift) - 1)
    half = (1 << shift) >> 1
    if shift == 0:
        return p
    tie_up = (quotient & 1) == 1 if rounding == "half_even" else p >= 0
    return quotient + ((rest > half) | ((rest == half) & tie_up))


def model(program, x):
    """All stages as [B, C, L] from the layer program alone."""
    weight = np.array(program["weight"], dtype=np.int64).reshape(program["channels"], program["taps"])
    bits = program["conv_bits"]
    padded = np.pad(x.astype(np.int64), ((0, 0), (0, 0), (program["taps"] - 1, 0)))
    acc = sum(weight[None, :, k:k + 1] * padded[:, :, k:k + x.shape[2]] for k in range(program["taps"]))
    p = acc * program["multiplier"] + np.array(program["bias_words"], dtype=np.int64)[None, :, None]
    q = np.clip(round_shift(p, program["shift"], program["rounding"]), -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    out = np.array(program["silu_table"], dtype=np.int8)[q + (1 << (bits - 1))]
    return {"x": x, "acc": acc, "p": p, "q": q, "out": out}


def from_hex(text, digits, lanes, dtype):
    rows = []
    for line in text.split():
        values = [int(line[i:i + digits], 16) for i in range(0, len(line), digits)][::-1]
        assert len(values) == lanes
        rows.append(values)
    unsigned = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}[np.dtype(dtype).itemsize]
    return np.array(rows, dtype=np.uint64).astype(unsigned).view(dtype)


def check_stream(kit, name, lanes, wanted, conv_bits):
    manifest = json.loads((kit / "manifest.json").read_text())
    stream = manifest["streams"][name]
    sequences, channels, length, groups = (stream[k] for k in ("sequences", "channels", "length", "groups"))
    folder = kit / "vectors" / name
    expect(stream["beats"] == sequences * length * groups and groups == -(-channels // lanes), f"{name}: beats")
    for stage, (dtype, digits) in STAGES.items():
        if stage == "q" and conv_bits > 8:
            dtype, digits = np.int16, 4
        npy = np.load(folder / f"{stage}.npy")
        expect(npy.dtype == dtype and npy.shape == (sequences, length, groups, lanes), f"{name}/{stage}.npy: {npy.dtype} {npy.shape}")
        got = npy.reshape(sequences, length, groups * lanes)[:, :, :channels].transpose(0, 2, 1)
        expect(np.array_equal(got, wanted[stage]), f"{name}/{stage}: differs from the model")
        expect(not npy.reshape(sequences, length, -1)[:, :, channels:].any(), f"{name}/{stage}: dead lanes")
        beats = npy.reshape(-1, lanes)
        expect(np.array_equal(np.fromfile(folder / f"{stage}.bin", dtype=dtype).reshape(-1, lanes), beats), f"{name}/{stage}.bin")
        expect(np.array_equal(from_hex((folder / f"{stage}.hex").read_text(), digits, lanes, dtype), beats), f"{name}/{stage}.hex")
        mem = (folder / f"{stage}.mem").read_text()
        expect(mem == "@0\n" + (folder / f"{stage}.hex").read_text(), f"{name}/{stage}.mem")
        with open(folder / f"{stage}.csv", encoding="ascii") as rows:
            count = 0
            for row in csv.DictReader(rows):
                row = {key: int(value) for key, value in row.items()}
                count += 1
                if beats[row["beat"], row["lane"]] != row["value"] or got[row["sequence"], row["channel"], row["time"]] != row["value"]:
                    expect(False, f"{name}/{stage}.csv: {row}")
                    break
            expect(count == sequences * channels * length, f"{name}/{stage}.csv: {count} rows")
    flags = np.load(folder / "flags.npy")
    first = np.zeros_like(flags)
    first[:, 0, :] |= 1
    first[:, -1, -1] |= 2
    expect(np.array_equal(flags, first), f"{name}/flags.npy")
    expect([int(line, 16) for line in (folder / "flags.hex").read_text().split()] == flags.ravel().tolist(), f"{name}/flags.hex")
    counters = [int(line, 16) for line in (folder / "counters.hex").read_text().split()]
    expect(counters[0] == counters[2] == stream["beats"] and counters[6] == int(np.isin(wanted["out"], (-128, 127)).sum()),
           f"{name}/counters.hex: {counters}")


CORNERS = ("corner_even", "corner_away", "corner_whole")


def program_of_writes(kit, stream, layer):
    """The program that a corner stream's writes load, read from them alone."""
    writes = [(int(line[:8], 16), int(line[8:], 16)) for line in (kit / f"vectors/{stream}/axil_writes.hex").read_text().split()]
    words = dict(writes)

    def window(base, count):
        return [words[base + 4 * i] for i in range(count)]

    channels, taps, requant, entries = words[0x20], words[0x24], words[0x2C], 1 << layer["conv_bits"]
    pairs = window(0x20000, 2 * channels)
    return {"channels": channels, "taps": taps, "conv_bits": layer["conv_bits"], "multiplier": words[0x28], "shift": requant & 63,
            "rounding": "half_away" if requant & 256 else "half_even",
            "weight": [w for word in window(0x10000, channels) for w in np.frombuffer(word.to_bytes(4, "little"), dtype=np.int8)[:taps]],
            "bias_words": [low | (high - (high >> 31 << 32)) << 32 for low, high in zip(pairs[::2], pairs[1::2])],
            "silu_table": np.array(window(0x4000, entries // 4), dtype="<u4").view(np.int8).tolist()}


def check_corners(kit, lanes, layer):
    """Each corner is what its own program gives, holds what it promises, and the README counts the same."""
    manifest = json.loads((kit / "manifest.json").read_text())
    rows = {cells[0]: cells[1:] for cells in ([cell.strip() for cell in line.strip("|").split("|")]
                                              for line in (kit / "README.md").read_text().splitlines() if line.startswith("|"))}
    order = rows[""]
    expect(order == list(manifest["streams"]) and len(order) == 2 + len(CORNERS), f"README: streams {order}")
    taps, low, high = set(), -(1 << (layer["conv_bits"] - 1)), (1 << (layer["conv_bits"] - 1)) - 1
    for name in order:
        if name in CORNERS:
            program = program_of_writes(kit, name, layer)
            x = np.load(kit / f"vectors/{name}/x.npy")
            stages = model(program, x.reshape(*x.shape[:2], -1)[:, :, :layer["channels"]].transpose(0, 2, 1))
            check_stream(kit, name, lanes, stages, layer["conv_bits"])
            taps.add(program["taps"])
        else:
            program = layer
            x = np.load(kit / f"vectors/{name}/x.npy")
            stages = model(program, x.reshape(*x.shape[:2], -1)[:, :, :layer["channels"]].transpose(0, 2, 1))
        p, shift = stages["p"], program["shift"]
        tie = (p & ((1 << shift) - 1)) == (1 << shift) >> 1 if shift else np.zeros(p.shape, dtype=bool)
        odd = (p >> shift) & 1 == 1
        rounded = round_shift(p, shift, program["rounding"])
        wanted = {"taps K": program["taps"], "tie rule": program["rounding"], "shift S": shift, "outputs compared": p.size,
                  "of accumulators other than 0": np.count_nonzero(stages["acc"]),
                  "ties, p > 0, above an even number": np.count_nonzero(tie & (p > 0) & ~odd), "ties, p > 0, above an odd number": np.count_nonzero(tie & (p > 0) & odd),
                  "ties, p < 0, above an even number": np.count_nonzero(tie & (p < 0) & ~odd), "ties, p < 0, above an odd number": np.count_nonzero(tie & (p < 0) & odd),
                  "entries of silu_table met": f"{np.unique(stages['q']).size} of {high - low + 1}", "clamps of q at the low end": np.count_nonzero(rounded < low),
                  "clamps of q at the high end": np.count_nonzero(rounded > high), "outputs of -128": np.count_nonzero(stages["out"] == -128),
                  "outputs of 127": np.count_nonzero(stages["out"] == 127)}
        expect({what: rows[what][order.index(name)] for what in wanted} == {what: str(value) for what, value in wanted.items()}, f"README: {name}: {wanted} {rows}")
        if name not in CORNERS:
            continue
        expect(np.unique(stages["q"]).size == high - low + 1 and (rounded < low).any() and (rounded > high).any() and np.ptp(stages["out"].astype(int)) == 255,
               f"{name}: entries and clamps")
        expect(shift == 0 or all((tie & side & part).any() for side in (p > 0, p < 0) for part in (odd, ~odd)), f"{name}: ties")
        expect(program["rounding"] == ("half_away" if name == "corner_away" else "half_even") and (shift == 0) == (name == "corner_whole"), f"{name}: rules")
    expect(taps == {2, 3, 4}, f"corners: taps {taps}")


def check_program_files(kit, program, work):
    weight = np.array(program["weight"], dtype=np.int8).reshape(program["channels"], program["taps"])
    words = {"weight": [int.from_bytes(row.tobytes(), "little") for row in weight],
             "bias": [b & ((1 << program["bias_bits"]) - 1) for b in program["bias_words"]],
             "silu_table": [b & 255 for b in program["silu_table"]]}
    for name, want in words.items():
        text = {form: (kit / f"memory/{name}.{form}").read_text() for form in ("hex", "mem", "coe", "mif")}
        expect([int(w, 16) for w in text["hex"].split()] == want, f"{name}.hex")
        expect(text["mem"] == "@0\n" + text["hex"], f"{name}.mem")
        vector = text["coe"].split("memory_initialization_vector=")[1].strip().rstrip(";")
        expect([int(w, 16) for w in vector.split(",")] == want, f"{name}.coe")
        rows = re.findall(r"^\s+([0-9a-f]+) : ([0-9a-f]+);", text["mif"], re.M)
        expect([(int(a, 16), int(w, 16)) for a, w in rows] == list(enumerate(want)), f"{name}.mif")
        expect(f"DEPTH={len(want)};" in text["mif"], f"{name}.mif: depth")
    writes = [(int(line[:8], 16), int(line[8:], 16)) for line in (kit / "config/axil_writes.hex").read_text().split()]
    with open(kit / "config/axil_writes.csv", encoding="ascii") as rows:
        table = [(int(r["address"], 16), int(r["data"], 16)) for r in csv.DictReader(rows)]
    expect(table == writes, "axil_writes.csv")
    expect([d for a, d in writes if 0x10000 <= a < 0x20000] == words["weight"], "writes: weights")
    expect(writes[0] == (0x10, 0) and writes[-1] == (0x10, 1) and (0x28, program["multiplier"]) in writes, "writes: registers")
    # the header, compiled by a C compiler, says the same
    (work / "header.c").write_text("""#include <stdio.h>
#include "quasim_layer.h"
int main(void) {
  printf("%d %d %u %d %d\\n", QUASIM_LAYER_CHANNELS, QUASIM_LAYER_TAPS, QUASIM_LAYER_MULTIPLIER, QUASIM_LAYER_SHIFT, QUASIM_LAYER_WRITES);
  for (int i = 0; i < QUASIM_LAYER_CHANNELS * QUASIM_LAYER_TAPS; ++i) printf("%d ", quasim_layer_weight[i]);
  for (int i = 0; i < QUASIM_LAYER_CHANNELS; ++i) printf("%lld ", (long long)quasim_layer_bias[i]);
  for (int i = 0; i < 1 << QUASIM_LAYER_CONV_BITS; ++i) printf("%d ", quasim_layer_silu_table[i]);
  for (int i = 0; i < QUASIM_LAYER_WRITES; ++i) printf("%u %u ", quasim_layer_writes[i][0], quasim_layer_writes[i][1]);
}
""")
    built = run("cc", "-Wall", "-Werror", "-I", kit / "include", work / "header.c", "-o", work / "header")
    expect(built.returncode == 0, f"quasim_layer.h: {built.stderr}")
    want = [program["channels"], program["taps"], program["multiplier"], program["shift"], len(writes), *program["weight"],
            *program["bias_words"], *program["silu_table"], *(word for write in writes for word in write)]
    expect([int(w) for w in run(work / "header").stdout.split()] == want, "quasim_layer.h: values")


def test_formats(work):
    cases = [("layer01", 40, 13, 16, {}), ("layer05", 7, 5, 3, {}), ("layer02", 5, 6, 1, {"conv_bits": 10})]
    for layer, channels, steps, lanes, changes in cases:
        bundle = cut_layer(work / f"{layer}.{lanes}", layer, channels, steps, **changes)
        kit = work / f"kit.{layer}.{lanes}"
        summary = export(bundle, kit, "--lanes", lanes)
        program = json.loads((kit / "program/program.json").read_text())
        bits = changes.get("conv_bits", 8)
        check_stream(kit, "real", lanes, model(program, np.load(bundle / "conv1d_input.npy")), bits)
        windows = np.load(kit / "vectors/directed/x.npy")
        windows = windows.reshape(*windows.shape[:2], -1)[:, :, :channels].transpose(0, 2, 1)
        stages = model(program, windows)
        check_stream(kit, "directed", lanes, stages, bits)
        check_corners(kit, lanes, program)
        # every line of steps.csv is true of the vectors
        covered = 0
        with open(kit / "vectors/directed/steps.csv", encoding="ascii") as rows:
            for row in csv.DictReader(rows):
                if not row["below_window"]:
                    continue
                covered += 1
                channel, level = int(row["channel"]), int(row["q_level"])
                for side in ("below", "above"):
                    window = int(row[side + "_window"])
                    if stages["acc"][window, channel, -1] != int(row[side + "_acc"]):
                        expect(False, f"steps.csv: {row}")
                    if (stages["q"][window, channel, -1] >= level) != (side == "above"):
                        expect(False, f"steps.csv: wrong side: {row}")
        expect(covered == summary["q_steps_covered"] > 0, f"steps.csv: {covered} covered")
        if not changes:
            expect(summary["golden_compared"] == channels * steps and summary["golden_differing"] == 0, "golden")
        check_program_files(kit, program, work)
        sums = run("sha256sum", "-c", "--quiet", "SHA256SUMS", cwd=kit)
        expect(sums.returncode == 0, f"sha256sum -c: {sums.stdout}{sums.stderr}")
        again = run(quasim, "export", "--check", kit, "--json")
        expect(again.returncode == 0 and json.loads(again.stdout)["intact"], "--check of a new kit")
        first = (kit / "SHA256SUMS").read_bytes()
        export(bundle, kit, "--lanes", lanes)  # replaces the kit, and gives the same one
        expect((kit / "SHA256SUMS").read_bytes() == first, "a second export gives another kit")
        expect([p for p in work.iterdir() if ".tmp." in p.name] == [], "something temporary is left")
    subset = work / "subset"
    export(work / "layer01.16", subset, "--format", "npy,csv", "--stages", "x,out", "--steps", "4", "--no-directed")
    names = {str(p.relative_to(subset / "vectors")) for p in (subset / "vectors").rglob("*") if p.is_file()}
    expect(names == {"real/counters.hex"} | {f"real/{s}.{f}" for s in ("x", "out", "flags") for f in ("npy", "csv")}, f"subset: {names}")
    expect(np.load(subset / "vectors/real/x.npy").shape == (1, 4, 3, 16), "subset: shape")
    expect(not (subset / "tb/quasim_kit_tb.sv").exists(), "a kit without hex has a bench")


def test_hostile(work):
    bundle = cut_layer(work / "layer", "layer01", 16, 8)

    def refused(name, words, *arguments):
        checks.refused(run(quasim, "export", *arguments), words, name)

    precious = work / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    refused("not a kit", ["precious", "not a kit"], bundle, "-o", precious)
    expect((precious / "thesis.txt").read_text() == "years", "a directory was overwritten")
    (work / "file").write_text("x")
    refused("a file", ["file", "directory"], bundle, "-o", work / "file")
    refused("inside a file", ["file"], bundle, "-o", work / "file/kit")
    kit = work / "kit"
    export(bundle, kit)
    (kit / "notes.txt").write_text("mine")
    refused("an alien file", ["notes.txt"], bundle, "-o", kit)
    expect((kit / "notes.txt").exists() and (kit / "manifest.json").exists(), "a kit with an alien file was touched")
    (kit / "notes.txt").unlink()
    (work / "link").symlink_to(kit)
    refused("a link", ["link"], bundle, "-o", work / "link")
    # what a manifest lists is not for that reason ours to delete
    import hashlib

    def hand_made(name, files):
        directory = work / name
        entries = []
        for path, text in files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
            entries.append({"path": path, "bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()})
        manifest = json.dumps({"format": "quasim.kit/1", "files": entries})
        (directory / "manifest.json").write_text(manifest)
        sums = [f"{hashlib.sha256(manifest.encode()).hexdigest()}  manifest.json"] + [f"{e['sha256']}  {e['path']}" for e in entries]
        (directory / "SHA256SUMS").write_text("\n".join(sums) + "\n")
        return directory

    for path in ("thesis.txt", "docs/thesis.pdf", "src/main.c", "vectors/a/b/c.csv"):
        directory = hand_made("by_hand_" + path.replace("/", "_"), {path: "years"})
        refused(f"a manifest by hand that lists {path}", [path], bundle, "-o", directory)
        expect((directory / path).read_text() == "years", f"{path} was deleted")
    for path, spoil in (("README.md", lambda p: p.write_text(p.read_text() + "my notes\n")), ("rtl/zz_evil.sv", lambda p: p.write_text("module zz; endmodule\n")),
                        ("tb/link.sv", lambda p: p.symlink_to(work / "precious/thesis.txt")), ("vectors/mine", lambda p: p.mkdir())):
        edited = work / ("edited_" + path.replace("/", "_"))
        shutil.copytree(kit, edited)
        spoil(edited / path)
        refused(f"a kit with {path} of yours", [path], bundle, "-o", edited)
        expect(os.path.lexists(edited / path), f"{path} was deleted")
        result = run(quasim, "export", "--check", edited)
        expect(result.returncode == 1 and path in result.stdout, f"--check misses {path}: {result.stdout}")
    swapped = work / "swapped"
    shutil.copytree(kit, swapped)
    (swapped / "tb").rename(work / "outside")
    (swapped / "tb").symlink_to(work / "outside")
    result = run(quasim, "export", "--check", swapped)
    expect(result.returncode == 1 and "tb: is a link" in result.stdout, f"--check follows a link out of the kit: {result.stdout}")
    for name in ("manifest.json", "SHA256SUMS", "rtl/quasim_top.sv"):
        linked = work / ("linked_" + name.replace("/", "_"))
        shutil.copytree(kit, linked)
        (linked / name).rename(work / "elsewhere")
        (linked / name).symlink_to(work / "elsewhere")
        result = run(quasim, "export", "--check", linked)
        expect(result.returncode == 1 and name in result.stdout, f"--check follows a link: {result.stdout}")
    fake = work / "fake"
    fake.mkdir()
    for text in ("", "{}", '{"format": "quasim.kit/1"}', '{"format": "quasim.kit/1", "files": []}', '{"format": "quasim.kit/1", "files": [1]}',
                 '{"format": "quasim.kit/1", "files": [{"path": "../x", "bytes": 1, "sha256": ""}]}', "[" * 10000):
        (fake / "manifest.json").write_text(text)
        refused(f"manifest {text[:30]}", ["fake"], bundle, "-o", fake)
        result = run(quasim, "export", "--check", fake)
        expect(result.returncode == 1 and result.stdout, f"--check with manifest {text[:30]}: exit {result.returncode}")
    (work / "empty").mkdir()
    expect(run(quasim, "export", bundle, "-o", work / "empty", "--format", "npy").returncode == 0, "an empty directory is refused")
    for words, arguments in [(["format"], ("--format", "hex,gif")), (["format"], ("--format", "")), (["format"], ("--format", "hex,,npy"))]:
        refused(str(arguments), words, bundle, "-o", work / "none", *arguments)
    refused("usage", ["--lanes"], bundle, "-o", work / "none", "--lanes", "0")
    refused("usage", ["--lanes"], bundle, "-o", work / "none", "--lanes", "129")
    refused("usage", ["--stages"], bundle, "-o", work / "none", "--stages", "y")
    refused("usage", ["--steps"], bundle, "-o", work / "none", "--steps", "0")
    refused("no output", ["output"], bundle)
    refused("no bundle", ["BUNDLE"], "-o", work / "none")
    refused("two bundles", ["BUNDLE"], bundle, bundle, "-o", work / "none")
    refused("check and bundle", ["--check"], bundle, "--check", kit)
    refused("check of nothing", ["nowhere"], "--check", work / "nowhere")
    refused("program", ["nothing.json"], bundle, "-o", work / "none", "--program", "nothing.json")
    golden = bundle / GOLDEN / "conv1d_output_int8.npy"
    good = golden.read_bytes()
    np.save(golden, np.zeros((1, 16, 7), np.int8))
    refused("golden shape", ["conv1d_output_int8"], bundle, "-o", work / "none")
    bent = bytearray(good)
    bent[-1] ^= 1
    golden.write_bytes(bytes(bent))
    result = run(quasim, "export", bundle, "-o", work / "differs", "--json")
    expect(result.returncode == 1 and json.loads(result.stdout)["golden_differing"] == 1, "a golden that differs")
    source = bundle / "conv1d_input.npy"
    for name, array in [("rank", np.zeros((16, 8), np.int8)), ("dtype", np.zeros((1, 16, 8), np.int16)), ("empty", np.zeros((1, 16, 0), np.int8)),
                        ("channels", np.zeros((1, 15, 8), np.int8))]:
        np.save(source, array)
        refused(f"input {name}", ["conv1d_input.npy"], bundle, "-o", work / "none")
    source.unlink()
    refused("no input", ["conv1d_input.npy"], bundle, "-o", work / "none", "--no-directed")
    golden.write_bytes(good)
    expect(export(bundle, work / "directed_only")["elements"] > 0, "directed vectors need no input")

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    result = subprocess.run([quasim, "export", bundle, "-o", work / "none"], capture_output=True, text=True, check=False, preexec_fn=limited)
    expect(result.returncode == 2 and "cannot write" in result.stderr and len(result.stderr.splitlines()) == 1,
           f"a disk that refuses: exit {result.returncode}: {result.stderr}")
    expect(not (work / "none").exists() and not [p for p in work.iterdir() if ".tmp." in p.name], "a refused export left something")


def bench(kit, tool, *plusargs, build=None):
    """The kit's own script, with nothing in the environment but the search path."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": tempfile.gettempdir()}
    if build:
        env["BUILD"] = str(build)
    return run("bash", kit / f"run_{tool}.sh", *plusargs, cwd="/", env=env, timeout=1500)


def flip(file, position):
    data = bytearray(file.read_bytes())
    data[position % len(data)] ^= 1
    file.write_bytes(bytes(data))


def replace(old, new):
    """What puts `new` for the first `old` of a file."""
    def spoil(path):
        text = path.read_text()
        assert text.count(old) >= 1, f"{path}: {old}"
        path.write_text(text.replace(old, new, 1))
    return spoil


def small_kit(work):
    """A kit, and {path: content} of its files."""
    kit = work / "kit"
    export(cut_layer(work / "layer", "layer03", 20, 12), kit)
    files = [entry["path"] for entry in json.loads((kit / "manifest.json").read_text())["files"]]
    return kit, {name: (kit / name).read_bytes() for name in (*files, "manifest.json", "SHA256SUMS")}


def check_planted(kit, good, planted):
    """Of each (file, what spoils it, stream) the bench says FAIL."""
    for name, spoil, stream in planted:
        spoil(kit / name)
        result = bench(kit, "icarus", f"+stream={stream}")
        expect(result.returncode != 0 and "FAIL" in result.stdout and "PASS" not in result.stdout,
               f"the bench misses an error in {name}: {result.stdout}")
        (kit / name).write_bytes(good[name])


HALF_UP = ("rtl/quasim_requant.sv", replace("half_away_i ? ~negative : floor[0]", "1'b1"))


def test_corner_faults(work):
    """What the layer's own program cannot tell: the tie rules, S = 0, K, a clamp, an entry of the table."""
    kit, good = small_kit(work)
    planted = [
        (*HALF_UP, "corner_away"),
        ("rtl/quasim_requant.sv", replace("half_away_i ? ~negative : floor[0]", "floor[0]"), "corner_away"),
        ("rtl/quasim_requant.sv", replace("half_away_i ? ~negative : floor[0]", "half_away_i ? ~negative : 1'b0"), "corner_even"),
        ("rtl/quasim_requant.sv", replace("shifted = {p, 1'b0};", "shifted = {p, p[0]};"), "corner_whole"),
        ("rtl/quasim_settings.sv", replace("2'(TapsMax - taps_i)", "2'd0"), "corner_away"),
        ("rtl/quasim_settings.sv", replace("2'(TapsMax - taps_i)", "{1'b0, taps_i[0]}"), "corner_whole"),
        ("rtl/quasim_requant.sv", replace("apart | over)", "apart)"), "corner_even"),
    ]
    writes = good["vectors/corner_whole/axil_writes.hex"].split()
    table = next(i for i, line in enumerate(writes) if line.startswith(b"00004000"))
    planted += [("vectors/corner_whole/axil_writes.hex", lambda path, at=at: flip(path, 17 * (table + at // 4) + 15 - 2 * (at % 4)), "corner_whole")
                for at in (0, 127, 128, 255)]
    for stream in ("corner_even", "corner_away", "corner_whole"):
        expect(bench(kit, "icarus", f"+stream={stream}").returncode == 0, f"{stream} fails without a fault")
    check_planted(kit, good, planted)
    print(f"{len(planted)} planted errors")


def test_faults(work):
    kit, good = small_kit(work)

    # a bit in any file, or a file that is gone, is named
    for name, data in good.items():
        flip(kit / name, len(data) // 2)
        result = run(quasim, "export", "--check", kit)
        expect(result.returncode == 1 and name in result.stdout, f"--check misses a bit in {name}: {result.stdout}")
        (kit / name).unlink()
        result = run(quasim, "export", "--check", kit)
        expect(result.returncode == 1 and name in result.stdout + result.stderr, f"--check misses that {name} is gone")
        (kit / name).write_bytes(data)
    expect(run(quasim, "export", "--check", kit).returncode == 0, "--check after restoring")

    # what the bench reads or compiles makes it fail
    expect(bench(kit, "icarus").returncode == 0, "the bench fails without a fault")
    for tool in ("icarus", "verilator"):  # a misspelt plusarg would leave everything at its default
        for word in ("+seeds=3", "+stal_in=500", "+wave", "+all", "beats=3"):
            result = bench(kit, tool, word)
            expect(result.returncode == 2 and result.stderr.count("\n") == 1 and "PASS" not in result.stdout, f"{tool} takes {word}: {result.stderr}")
    result = bench(kit, "icarus", "+stream=directed", "+beats=40", f"+wave={work / 'kit.fst'}")
    expect(result.returncode == 0 and (work / "kit.fst").stat().st_size > 1000, f"no waveform: {result.stdout}{result.stderr}")
    beats = {"x": 33, "flags": 3, "out": 33}

    def digit(name, line, column):
        width = beats[name]
        return lambda path: flip(path, line * width + column)

    planted = [
        ("vectors/real/x.hex", digit("x", 4, 30), "real"),
        ("vectors/real/out.hex", digit("out", 9, 30), "real"),
        ("vectors/real/flags.hex", digit("flags", 6, 1), "real"),
        ("vectors/real/counters.hex", lambda path: flip(path, 4 * 9 + 7), "real"),
        ("vectors/directed/x.hex", digit("x", 300 * 8 + 6, 30), "directed"),  # the newest sample of a window
        ("vectors/directed/out.hex", digit("out", 100, 31), "directed"),
        ("config/axil_writes.hex", lambda path: flip(path, 4 * 17 + 10), "directed"),   # the multiplier
        ("tb/quasim_layer_pkg.sv", replace("CHANNELS = 20", "CHANNELS = 21"), "real"),
        ("rtl/quasim_dot4.sv", replace("x0 = 32'($signed(samples_i[7:0]))", "x0 = 32'($signed(samples_i[15:8]))"), "real"),
        ("rtl/quasim_requant.sv", replace("{negative, {(ConvBits-1){~negative}}}", "{negative, {(ConvBits-2){~negative}}, 1'b0}"), "directed"),
        ("rtl/quasim_silu.sv", replace("^ {1'b1, {(ConvBits-1){1'b0}}}", "^ {1'b0, {(ConvBits-1){1'b0}}}"), "real"),
        (*HALF_UP, "corner_even"),
    ]
    # half up: no tie is reached by the layer's own program, so only a corner stream tells
    HALF_UP[1](kit / HALF_UP[0])
    for stream in ("real", "directed"):
        result = bench(kit, "icarus", f"+stream={stream}")
        expect(result.returncode == 0, f"half up is seen without a corner stream: {result.stdout}")
    (kit / HALF_UP[0]).write_bytes(good[HALF_UP[0]])
    check_planted(kit, good, planted)
    for name in ("vectors/real/x.hex", "vectors/real/out.hex", "vectors/real/flags.hex", "vectors/real/counters.hex", "config/axil_writes.hex"):
        (kit / name).write_bytes(b"".join(line + b"\n" for line in good[name].split()[:2]))
        result = bench(kit, "icarus", "+stream=real")
        expect(result.returncode != 0 and "FAIL" in result.stdout, f"the bench misses that {name} is short: {result.stdout}")
        (kit / name).unlink()
        result = bench(kit, "icarus", "+stream=real")
        expect(result.returncode != 0 and "FAIL" in result.stdout, f"the bench misses that {name} is gone: {result.stdout}")
        (kit / name).write_bytes(good[name])
    # the thresholds of one channel moved by one accumulator, the least that matters
    program = json.loads((kit / "program/program.json").read_text())
    lines = (kit / "config/axil_writes.hex").read_text().split()
    at = next(i for i, line in enumerate(lines) if int(line[:8], 16) == 0x20000 + 8 * 7)
    low = (int(lines[at][8:], 16) + program["multiplier"]) & 0xFFFFFFFF
    lines[at] = lines[at][:8] + f"{low:08x}"
    (kit / "config/axil_writes.hex").write_text("\n".join(lines) + "\n")
    result = bench(kit, "icarus", "+stream=directed")
    expect(result.returncode != 0 and "(channel 7" in result.stdout, f"the directed vectors miss a moved threshold: {result.stdout}")
    (kit / "config/axil_writes.hex").write_bytes(good["config/axil_writes.hex"])
    print(f"{len(good)} files, {len(planted)} planted errors, 10 short or missing files, 1 moved threshold")


def fused_model(program, x):
    """All stages as [B, C, L]. For out the rank is the count of thresholds at most u, with no guess; q is 256*u + guess."""
    group = program["groups"][0]
    weight = np.array(program["weight"], dtype=np.int64).reshape(program["channels"], program["taps"])
    padded = np.pad(x.astype(np.int64), ((0, 0), (0, 0), (program["taps"] - 1, 0)))
    acc = sum(weight[None, :, k:k + 1] * padded[:, :, k:k + x.shape[2]] for k in range(program["taps"]))
    p = acc * group["multiplier"] + np.array(program["bias_words"], dtype=np.int64)[None, :, None]
    thresholds = list(group["near"])
    for low in group["far"]:
        thresholds.append(thresholds[-1] + (low - thresholds[-1]) % 65536)
    u = np.clip(p, 0, 2 ** 22 - 1)
    # Rows after the last rank hold the largest u, which is no step.
    thresholds = np.array(thresholds, dtype=np.int64)
    rank = np.searchsorted(thresholds[thresholds < 2 ** 22 - 1], u, side="right")
    base, slope = np.array(group["guess"], dtype=np.int64).T
    cell, place = u // (2 ** 22 // len(base)), u % (2 ** 22 // len(base)) // (2 ** 17 // len(base))
    q = 256 * u + (base[cell] + slope[cell] * place // 32) // 2
    return {"x": x, "acc": acc, "p": p, "q": q, "out": (np.abs(rank - group["turn"]) - group["turn"]).astype(np.int8)}


def test_fused(work):
    channels, steps, lanes = 5, 10, 4
    bundle = cut_layer(work / "layer", "layer03", channels, steps)
    kit = work / "kit"
    summary = export(bundle, kit, "--variant", "fused.seqlast.fast.half_away", "--lanes", lanes)
    expect(summary["golden_compared"] == channels * steps and summary["golden_differing"] == 0, f"golden: {summary}")
    program = json.loads((kit / "program/program.json").read_text())
    compared = 0
    for name in ("real", "directed"):
        tensors = {}
        for stage in STAGES:
            beats = np.load(kit / f"vectors/{name}/{stage}.npy")
            with open(kit / f"vectors/{name}/{stage}.csv", encoding="ascii") as rows:
                expect(all(beats.reshape(-1, lanes)[int(row["beat"]), int(row["lane"])] == int(row["value"]) for row in csv.DictReader(rows)),
                       f"{name}/{stage}.csv")
            tensors[stage] = beats.reshape(*beats.shape[:2], -1)[:, :, :channels].transpose(0, 2, 1)
        wanted = fused_model(program, tensors["x"])
        for stage, want in wanted.items():
            expect(np.array_equal(tensors[stage], want), f"{name}/{stage}: differs from the model")
            compared += want.size
    # The directed vectors stand on both sides of every step that the weights reach.
    expect(summary["out_steps_covered"] > 400, f"steps: {summary}")
    result = bench(kit, "icarus")
    expect(result.returncode == 0 and len(re.findall(r"^PASS ", result.stdout, re.M)) == 6, f"the bench: {result.stdout}{result.stderr}")
    corner = json.loads((kit / "manifest.json").read_text())["streams"]["corner"]["coverage"]
    expect(corner["taps"] != program["taps"] and corner["guess_cells_met"] == corner["guess_cells"] and corner["clamped_low"] > 0 and corner["clamped_high"] > 0
           and corner["thresholds_guessed"] > 100, f"corner: {corner}")
    # What the registers hold, off by the least that matters. M is 128, so one accumulator is 128 in a threshold. The directed vectors tell, and name
    # the channel.
    writes = kit / "config/axil_writes.hex"
    good = writes.read_text()
    lines = good.split()
    found = 0
    regs = {key: int(value, 16) for key, value in re.findall(r"(\w+) = 32'h([0-9a-f]+)", (kit / "tb/quasim_layer_pkg.sv").read_text())}
    group = program["groups"][0]

    def word(address, change):
        at = next(i for i, line in enumerate(lines) if int(line[:8], 16) == address)
        changed = lines[at][:8] + f"{change(int(lines[at][8:], 16)) & 0xFFFFFFFF:08x}"
        return "\n".join([*lines[:at], changed, *lines[at + 1:]]) + "\n"

    middle = len(group["guess"]) * 2 // 3
    turn_at = next(int(line[:8], 16) for line in lines if int(line[8:], 16) == (2 | group["turn"] << 8) and int(line[:8], 16) < 0x100)
    for what, text in (("the base K of a cell", word(regs["GUESS_BASE"] + 4 * middle, lambda v: v + 4)),
                       ("the slope G of a cell", word(regs["GUESS_BASE"] + 4 * middle, lambda v: v & 511)),
                       ("a near threshold one accumulator up", word(regs["NEAR_BASE"] + 4 * 9, lambda v: v + 128)),
                       ("a near threshold one accumulator down", word(regs["NEAR_BASE"] + 4 * 12, lambda v: v - 128)),
                       ("a far threshold one accumulator up", word(regs["TABLE_BASE"] + 4 * 20, lambda v: v + 128)),
                       ("the far threshold beside it, one accumulator down", word(regs["TABLE_BASE"] + 4 * 20, lambda v: v - (128 << 16))),
                       ("turn one more", word(turn_at, lambda v: v + 256)), ("turn one less", word(turn_at, lambda v: v - 256)),
                       ("dataflow two_step", word(turn_at, lambda v: v - 1))):
        writes.write_text(text)
        result = bench(kit, "icarus", "+stream=directed")
        expect(result.returncode != 0 and "(channel " in result.stdout and "PASS" not in result.stdout, f"the kit misses {what}: {result.stdout}{result.stderr}")
        found += "(channel " in result.stdout
    writes.write_text(good)
    print(f"{compared} values against the model, {found} faults found")


def test_layers(work, channels, steps, all_lanes, stalled):
    """Three real layers; the kit alone in a directory of its own, the bundle gone."""
    for number, (layer, lanes) in enumerate((("layer01", 16), ("layer05", all_lanes[0]), ("layer11", all_lanes[1]))):
        bundle = cut_layer(work / f"bundle{number}", layer, channels, steps)
        made = work / "made"
        summary = export(bundle, made, "--format", "hex", "--lanes", lanes)
        expect(summary["golden_compared"] == channels * steps, f"{layer}: golden")
        kit = work / f"alone{number}" / "kit"
        kit.parent.mkdir()
        shutil.move(made, kit)
        shutil.rmtree(bundle)
        for tool in ("icarus", "verilator") if number == 0 or not stalled else ("icarus",):  # a build by Verilator takes half a minute
            result = bench(kit, tool)
            passes = re.findall(r"^PASS .*", result.stdout, re.M)
            expect(result.returncode == 0 and len(passes) == 10 and "FAIL" not in result.stdout, f"{layer} {tool}: {result.stdout}{result.stderr}")
            print(layer, tool, *passes, sep="\n  ")
        if not stalled:
            result = bench(kit, "verilator", "+stream=real", "+beats=50", f"+wave={work / f'{layer}.fst'}")
            expect(result.returncode == 0 and (work / f"{layer}.fst").stat().st_size > 1000, f"{layer}: no waveform: {result.stdout}{result.stderr}")
        else:
            for seed in range(3):
                result = bench(kit, "icarus", "+stream=real", "+stall_in=500", "+stall_out=700", f"+seed={seed}")
                expect(result.returncode == 0 and "PASS" in result.stdout, f"{layer} seed {seed}: {result.stdout}")
        # somebody's own implementation is a list of files
        rtl = " ".join(str(f) for f in [kit / "rtl/quasim_pkg.sv", *sorted(f for f in (kit / "rtl").glob("*.sv") if f.name != "quasim_pkg.sv")])
        result = bench(kit, "icarus", f"RTL={rtl}", "+stream=real", "+beats=50")
        expect(result.returncode == 0 and "PASS" in result.stdout, f"{layer} RTL=list: {result.stdout}{result.stderr}")


def test_memory(work):
    """192 MiB of input; the process may hold no good part of it."""
    bundle = cut_layer(work / "layer", "layer04", 1024, 8)
    shutil.rmtree(bundle / "golden")
    np.lib.format.open_memmap(bundle / "conv1d_input.npy", mode="w+", dtype=np.int8, shape=(2, 1024, 96 * 1024)).flush()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    summary = export(bundle, work / "kit", "--format", "bin", "--stages", "out", "--no-directed")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    expect(summary["elements"] == 2 * 1024 * 96 * 1024, "elements")
    expect((work / "kit/vectors/real/out.bin").stat().st_size == summary["elements"], "out.bin")
    expect(before < 50 * 1024 and peak_mb < 100, f"{peak_mb:.0f} MB resident")
    print(f"{summary['elements']} elements, {peak_mb:.0f} MB resident, {summary['seconds']:.2f} s")


def main():
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        if group == "small_layers":
            test_layers(work, 32, 64, (8, 3), True)
        elif group == "whole_layers":
            test_layers(work, 1024, 256, (16, 16), False)
        else:
            {"formats": test_formats, "hostile": test_hostile, "faults": test_faults, "corner_faults": test_corner_faults, "fused": test_fused, "memory": test_memory}[group](work)
    return exit_code()


sys.exit(main())
