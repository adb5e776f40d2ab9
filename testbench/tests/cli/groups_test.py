#!/usr/bin/env python3
"""Layers of several groups, quasim.layer/2, against the same groups as layers of their own, value by value: golden, compile, certify,
run, cosim, explain, sweep, report, and everything that is refused.

  groups_test.py QUASIM
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from tiny import TWO_STEP, group_scales, make_bundle, make_grouped_bundle, split_bundle

FUSED = "fused.seqlast.precise.half_away"


class Checks:
    """Counts comparisons and failures."""

    def __init__(self):
        self.compared, self.failures = 0, []

    def same(self, what, have, want):
        have, want = np.asarray(have), np.asarray(want)
        self.compared += max(have.size, want.size)
        if have.shape != want.shape or have.dtype != want.dtype or (have != want).any():
            self.failures.append(f"{what}: {have.shape} {have.dtype} against {want.shape} {want.dtype}"
                                 + (f", {int((have != want).sum())} differ" if have.shape == want.shape else ""))

    def true(self, what, holds, seen=""):
        self.compared += 1
        if not holds:
            self.failures.append(f"{what}: {str(seen)[:300]}")


class Command:
    """The command under test, in a folder of its own."""

    def __init__(self, quasim, top, checks):
        self.quasim, self.top, self.checks = quasim, top, checks

    def run(self, *arguments):
        return subprocess.run([self.quasim, *map(str, arguments)], capture_output=True, text=True, cwd=self.top, timeout=300, check=False)

    def json(self, *arguments, exit_code=0):
        done = self.run(*arguments, "--json")
        self.checks.true(f"quasim {' '.join(map(str, arguments[:3]))}: exit {exit_code}", done.returncode == exit_code,
                         f"exit {done.returncode}: {done.stderr}")
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"layers": []}

    def refused(self, what, arguments, says):
        done = self.run(*arguments)
        line = done.stderr.strip()
        fine = done.returncode == 2 and "\n" not in line and all(word in line for word in says) and not done.stdout
        self.checks.true(f"{what} is refused in one line with {says}", fine, f"exit {done.returncode}: {done.stdout[:80]} {line}")


def layouts():
    """{name: the group of each channel}: x, B, C one after the other; three that stride; 18 and 144 of Quamba2's kind."""
    rng = np.random.default_rng(7)
    many = np.arange(288) % 144
    rng.shuffle(many)
    return {"three": np.repeat([0, 1, 2], [9, 4, 4]), "strided": np.arange(13) % 3, "eighteen": (np.arange(54) // 2) % 18, "many": many}


def check_golden(quasim, checks, bundle, parts, variant, options):
    """Every tensor of the layer is that of its groups."""
    quasim.json("golden", bundle, *options, "-o", bundle / "golden" / variant)
    for part, channels in parts.values():
        quasim.json("golden", part, *options, "-o", part / "golden" / variant)
        for file in sorted((part / "golden" / variant).glob("*.npy")):
            whole = np.load(bundle / "golden" / variant / file.name)
            checks.same(f"{bundle.name}: {variant}: {file.name} of {part.name}", whole[:, channels], np.load(file))


def check_compile(quasim, checks, bundle, parts):
    """The program of the layer holds those of its groups. Returns its file."""
    program = bundle.with_suffix(".program.json")
    document = quasim.json("compile", bundle, "-o", program)
    written = json.loads(program.read_text())
    checks.true(f"{bundle.name}: format", written["format"] == "quasim.program/2" and len(written["groups"]) == len(parts), written["format"])
    checks.same(f"{bundle.name}: channel_group", np.array(written["channel_group"]), np.load(bundle / "channel_group.npy").astype(int))
    words, weight = np.array(written["bias_words"]), np.array(written["weight"]).reshape(len(written["bias_words"]), -1)
    for entry, group, (name, (part, channels)) in zip(document["layers"], written["groups"], parts.items()):
        one = quasim.json("compile", part, "-o", part / "program.json")["layers"][0]
        alone = json.loads((part / "program.json").read_text())
        checks.true(f"{bundle.name}: {name} is named", entry["group"] == name == group["name"], entry)
        for key in ("multiplier", "mult_bits", "exact", "points", "differing_out", "match"):
            checks.true(f"{bundle.name}: {name}: {key}", entry[key] == one[key], (entry[key], one[key]))
        stage = alone["groups"][0] if "groups" in alone else alone
        for key in ("multiplier", "shift", "silu_table", "conv_bits", "rounding", "turn", "guess", "near", "far"):
            checks.same(f"{bundle.name}: {name}: {key} of the program", np.array(group.get(key)), np.array(stage.get(key)))
        checks.same(f"{bundle.name}: {name}: bias words", words[channels], np.array(alone["bias_words"]))
        checks.same(f"{bundle.name}: {name}: weights", weight[channels], np.array(alone["weight"]).reshape(len(channels), -1))
    checks.true(f"{bundle.name}: width", written["mult_bits"] == max(e["mult_bits"] for e in document["layers"]), written["mult_bits"])
    return program


CERTIFIED = ("points", "compared", "differing", "differing_q", "differing_points", "unexplained", "causes", "target", "passed", "ties", "multiplier")


def check_certify(quasim, checks, bundle, parts, program, options=()):
    """Group by group as the layers alone."""
    document = quasim.json("certify", bundle, "--program", program, *options)
    checks.true(f"{bundle.name}: a certificate a group", [e["group"] for e in document["layers"]] == list(parts), document.get("format"))
    for entry, (name, (part, _)) in zip(document["layers"], parts.items()):
        alone = quasim.json("certify", part, *options)["layers"][0]
        for key in CERTIFIED:
            checks.true(f"{bundle.name}: {name}: {key} of the certificate", entry.get(key) == alone.get(key), (entry.get(key), alone.get(key)))
    (row,) = document["summary"]
    checks.true(f"{bundle.name}: one row", row["groups"] == len(parts) and row["passed"] and row["points"] == document["points"], row)


def check_streams(quasim, checks, bundle, parts, program, variant, verb):
    """Layer by group through the model, or the RTL and the model."""
    out = bundle.with_suffix("." + verb)
    options = ("-o", out, "--lanes", 4) if verb == "run" else ()
    document = quasim.json(verb, bundle, "--program", program, *options)
    checks.true(f"{bundle.name}: {verb}: a stream a group", [e["group"] for e in document["layers"]] == list(parts), document.get("verb"))
    whole = np.load(bundle / "conv1d_input.npy").size
    checks.true(f"{bundle.name}: {verb}: all elements", sum(e["elements"] for e in document["layers"]) == whole, whole)
    checks.true(f"{bundle.name}: {verb}: agrees", document["mismatches"] == 0 and document["compared"] >= whole, document.get("mismatches"))
    if verb == "run":
        for name in ("conv1d_output_int8", "conv1d_q") if variant == TWO_STEP else ("conv1d_output_int8",):
            checks.same(f"{bundle.name}: run -o: {name}", np.load(out / f"{name}.npy"), np.load(bundle / "golden" / variant / f"{name}.npy"))


def check_layers(quasim, checks, top):
    """All layouts through the verbs."""
    for number, (name, channel_group) in enumerate(layouts().items()):
        changes = {"three": {}, "strided": {"conv_bits": 9, "taps": 3}, "eighteen": {"dataflow": "fused"}, "many": {"reach": 6, "length": 5}}[name]
        variant = FUSED if name == "eighteen" else TWO_STEP
        groups = group_scales(int(channel_group.max()) + 1, number)
        if variant == FUSED:  # outputs with as few steps as the unit's tables hold
            groups = [{**group, "output_scale": float(np.float32(0.04 + 0.002 * g))} for g, group in enumerate(groups)]
        bundle = make_grouped_bundle(top / name, channel_group, groups, seed=number, **changes)
        parts = split_bundle(bundle, top / f"{name}_parts")
        if name == "many":  # the first dozen of 144 alone as well; the golden of all
            parts_checked = dict(list(parts.items())[:12])
            check_golden(quasim, checks, bundle, parts_checked, variant, ())
            program = bundle.with_suffix(".program.json")
            quasim.json("compile", bundle, "-o", program)
            certificate = quasim.json("certify", bundle, "--program", program)
            checks.true("many: 144 certificates", len(certificate["layers"]) == 144 and certificate["passed"], len(certificate["layers"]))
            check_streams(quasim, checks, bundle, parts, program, variant, "run")
            continue
        check_golden(quasim, checks, bundle, parts, variant, ())
        program = check_compile(quasim, checks, bundle, parts)
        check_certify(quasim, checks, bundle, parts, program)
        check_streams(quasim, checks, bundle, parts, program, variant, "run")
        if name == "three":  # what the unit that is built has; other parameters take a build of some seconds
            check_certify(quasim, checks, bundle, parts, program, ("--rtl",))
            check_streams(quasim, checks, bundle, parts, program, variant, "cosim")
        check_explain(quasim, checks, bundle, parts, variant)
    check_identity(quasim, checks, top)


def check_explain(quasim, checks, bundle, parts, variant):
    """Differences of a group are those of the layer alone; a place is told by the layer's channel."""
    document = quasim.json("explain", bundle)
    for entry, (name, (part, channels)) in zip(document["layers"], parts.items()):
        alone = quasim.json("explain", part)["layers"][0]
        for key in ("compared", "differing", "unexplained"):
            checks.true(f"{bundle.name}: {name}: explain {key}", entry[key] == alone[key], (entry[key], alone[key]))
    last = list(parts.items())[-1]
    channel = int(last[1][1][-1])
    (place,) = quasim.json("explain", bundle, "--element", f"1,{channel},5")["layers"]
    (alone,) = quasim.json("explain", last[1][0], "--element", f"1,{len(last[1][1]) - 1},5")["layers"]
    checks.true(f"{bundle.name}: the element's group and channel", place["group"] == last[0] and place["points"][0]["channel"] == channel, place)
    for key in ("x", "w", "acc", "exact_out", "golden_out", "causes"):
        checks.true(f"{bundle.name}: element {key}", place["points"][0][key] == alone["points"][0][key], key)
    # one wrong value in a tensor of the layer is found in its group, under the layer's channel
    tensor = np.load(bundle / "golden" / variant / "conv1d_output_int8.npy")
    tensor[0, channel, 7] ^= 32
    np.save(bundle.with_suffix(".npy"), tensor)
    document = quasim.json("explain", bundle, "--tensor", bundle.with_suffix(".npy"), exit_code=1)
    found = [(e["group"], p["channel"], p["time"]) for e in document["layers"] for p in e["points"] if not p["explained"]]
    checks.true(f"{bundle.name}: the wrong value", (last[0], channel, 7) in found and len(found) == 1, found)


def check_identity(quasim, checks, top):
    """Without an activation the table is the rounding to the output scale, and the golden equals it."""
    groups = group_scales(2, 5)
    bundle = make_grouped_bundle(top / "identity", [0, 1, 1, 0, 1], groups, activation="identity", taps=3)
    quasim.json("golden", bundle, "-o", bundle / "golden" / TWO_STEP)
    golden = {file.stem: np.load(file) for file in (bundle / "golden" / TWO_STEP).glob("*.npy")}
    scale = np.array([group["output_scale"] for group in groups], np.float32)[np.load(bundle / "channel_group.npy")][None, :, None]
    want = np.clip(np.rint(golden["conv1d_int8simulated"] / scale), -128, 127).astype(np.int8)
    checks.same("identity: round(u / s_y)", golden["conv1d_output_int8"], want)
    checks.same("identity: silu_raw is u", golden["silu_raw"], golden["conv1d_int8simulated"])
    quasim.json("compile", bundle, "-o", "identity.json")
    checks.true("identity: certified", quasim.json("certify", bundle, "--program", "identity.json", "--rtl")["passed"])
    checks.true("identity: run", quasim.json("run", bundle, "--program", "identity.json", "--lanes", "1")["mismatches"] == 0)
    explained = quasim.json("explain", bundle, "--variant", "fused.seqlast.precise.half_away")
    checks.true("identity: fused goldens are explained", explained["layers"] and explained["unexplained"] == 0, explained.get("unexplained"))
    quasim.refused("a fused program of identity", ("compile", bundle, "--target", "golden:" + FUSED), ("activation", "silu", "two_step"))
    # one group: the shorter format cannot say it, yet every verb takes it
    one = make_grouped_bundle(top / "plain_identity", [0, 0, 0], group_scales(1, 6), activation="identity")
    quasim.json("golden", one, "-o", one / "golden" / TWO_STEP)
    for verb in (("certify",), ("outliers",), ("modes",), ("sweep",), ("run", "--lanes", "1")):
        quasim.json(verb[0], one, *verb[1:])
    # what compile would refuse is said of its row, and no bundle is made of it
    swept = quasim.json("sweep", bundle, "--conv-bits", "8")["layers"]
    checks.true("identity: fused rows are refused", all("expected silu in dataflow fused" in row.get("refused", "") for layer in swept for row in layer["fused"])
                and not any("refused" in row for layer in swept for row in layer["points"]), swept[0]["fused"])
    row = swept[0]["fused"][0]["row"]
    checks.true("identity: the table says so", f"row {row} cannot be applied: activation" in quasim.run("sweep", bundle, "--conv-bits", "8").stdout)
    quasim.refused("a fused row of identity", ("sweep", bundle, "--conv-bits", "8", "--apply", row, "-o", "identity_fused"),
                   ("--apply", f"row {row} of identity/g0", "expected silu in dataflow fused"))
    checks.true("identity: nothing was written", not (top / "identity_fused").exists())
    quasim.json("sweep", bundle, "--conv-bits", "8", "--apply", 1, "-o", "identity_applied")
    quasim.json("compile", "identity_applied")


def check_planted(quasim, checks, top):
    """What is wrong in one group is seen there."""
    bundle = top / "three"
    golden = bundle / "golden" / TWO_STEP / "conv1d_output_int8.npy"
    kept = golden.read_bytes()
    tensor = np.load(golden)
    tensor[1, 10, 3] ^= 2
    np.save(golden, tensor)
    found = quasim.json("golden", bundle, exit_code=1)
    checks.true("a changed golden value", found["mismatches"] == 1, found.get("mismatches"))
    streamed = quasim.json("run", bundle, "--lanes", 4, exit_code=1)
    places = [(e["group"], d["channel"], d["time"]) for e in streamed["layers"] for d in e["differences"]]
    checks.true("is found by run, under the layer's channel", places == [("g1", 10, 3)], places)
    golden.write_bytes(kept)

    program = json.loads((top / "three.program.json").read_text())

    def certify(what, change, exit_code, wrong_groups):
        changed = json.loads(json.dumps(program))
        change(changed)
        (top / "planted.json").write_text(json.dumps(changed))
        document = quasim.json("certify", bundle, "--program", "planted.json", exit_code=exit_code)
        wrong = [e["group"] for e in document["layers"] if not e["passed"]]
        checks.true(what, wrong == wrong_groups, (wrong, wrong_groups))
        (row,) = document["summary"]
        checks.true(what + ": the summary", not row["passed"] and row["model_differing"] > 0, row)

    def exchange(groups):
        for key in ("multiplier", "shift"):
            groups[0][key], groups[2][key] = groups[2][key], groups[0][key]

    def entry(groups):
        table = groups[1]["silu_table"]
        table[140] += 1 if table[140] < 127 else -1

    certify("exchanged multipliers of two groups", lambda p: exchange(p["groups"]), 1, ["g0", "g2"])
    certify("one table entry of one group", lambda p: entry(p["groups"]), 1, ["g1"])

    def swap_channels(p):
        p["channel_group"][0], p["channel_group"][9] = p["channel_group"][9], p["channel_group"][0]

    def rename(p):
        p["groups"][1]["name"] = "B"

    for what, change, says in (("channels of two groups exchanged", swap_channels, ("planted.json", "channel_group", "g0")),
                               ("another name", rename, ("planted.json", "groups", "g1", "B")),
                               ("a group fewer", lambda p: p["groups"].pop(), ("planted.json", "channel")),
                               ("a group without channels", lambda p: p["groups"].append(p["groups"][0]), ("planted.json", "group 3")),
                               ("no channel_group", lambda p: p.pop("channel_group"), ("planted.json", "channel_group", "17")),
                               ("a group out of range", lambda p: p["channel_group"].__setitem__(2, 3), ("planted.json", "channel 2", "0 to 2", "3"))):
        changed = json.loads(json.dumps(program))
        change(changed)
        (top / "planted.json").write_text(json.dumps(changed))
        quasim.refused("a program with " + what, ("certify", bundle, "--program", "planted.json"), says)

    # a golden of other scales is stale, by group and key
    layer = json.loads((bundle / "layer.json").read_text())
    stale = json.loads(json.dumps(layer))
    stale["groups"][2]["input_scale"] *= 2
    (bundle / "layer.json").write_text(json.dumps(stale))
    quasim.refused("a golden of other scales", ("golden", bundle), ("stale", "groups[2].input_scale"))
    quasim.refused("a program of other scales", ("certify", bundle, "--program", "three.program.json"), ("three.program.json", "stale", "input_scale"))
    (bundle / "layer.json").write_text(json.dumps(layer))
    groups = np.load(bundle / "channel_group.npy")
    np.save(bundle / "channel_group.npy", np.roll(groups, 1))
    quasim.refused("a golden of another channel_group.npy", ("golden", bundle), ("stale", "channel_group.npy"))
    np.save(bundle / "channel_group.npy", groups)


def check_refusals(quasim, checks, top):
    """One line each, with file, key, what was expected and what was found."""
    good = make_grouped_bundle(top / "good", [0, 1, 2, 0, 1])

    def case(what, says, spoil):
        bundle = top / "spoilt"
        shutil.copytree(good, bundle)
        spoil(bundle)
        quasim.refused(what, ("golden", bundle), says)
        shutil.rmtree(bundle)

    def edit(change):
        def spoil(bundle):
            layer = json.loads((bundle / "layer.json").read_text())
            change(layer)
            (bundle / "layer.json").write_text(json.dumps(layer))
        return spoil

    def groups_of(values):
        return lambda bundle: np.save(bundle / "channel_group.npy", values)

    numbers = np.array([0, 1, 2, 0, 1], np.uint16)
    case("a group out of range", ("channel_group.npy", "channel 3", "0 to 2", "3"), groups_of(np.array([0, 1, 2, 3, 1], np.uint16)))
    case("the largest group number", ("channel_group.npy", "channel 0", "65535"), groups_of(np.array([65535, 1, 2, 0, 1], np.uint16)))
    case("a group without channels", ("channel_group.npy", "group 1", "at least one channel"), groups_of(np.array([0, 2, 2, 0, 2], np.uint16)))
    for dtype in (np.int8, np.uint8, np.int16, np.int32, np.int64, np.float32):
        case(f"{np.dtype(dtype)} groups", ("channel_group.npy", "dtype", "uint16", str(np.dtype(dtype))), groups_of(numbers.astype(dtype)))
    case("a channel too few", ("channel_group.npy", "shape", "5", "4"), groups_of(numbers[:4]))
    case("a channel too many", ("channel_group.npy", "shape", "5", "6"), groups_of(np.append(numbers, numbers[:1])))
    case("two axes", ("channel_group.npy", "shape"), groups_of(numbers[None]))
    case("no channel_group.npy", ("channel_group.npy", "missing"), lambda bundle: (bundle / "channel_group.npy").unlink())
    case("a truncated channel_group.npy", ("channel_group.npy",),
         lambda bundle: (bundle / "channel_group.npy").write_bytes((bundle / "channel_group.npy").read_bytes()[:-2]))
    for scale in ("input_scale", "weight_scale", "bias_scale", "output_scale"):
        case(f"no {scale}", ("layer.json", f"groups[1].{scale}"), edit(lambda layer, scale=scale: layer["groups"][1].pop(scale)))
    for scale in ("input_scale", "weight_scale", "bias_scale", "output_scale", "conv_scale"):
        for value in (0, -0.5, 1e-40, 1e39, "1", None, True, [0.1, 0.2]):
            says = ("layer.json",) if value == 1e39 else ("layer.json", f"groups[2].{scale}")  # no fp32 at all is no JSON here
            case(f"{scale} {value!r}", says, edit(lambda layer, scale=scale, value=value: layer["groups"][2].update({scale: value})))
    for word in ("relu", "", "SiLU", 3, None):
        case(f"activation {word!r}", ("layer.json", "activation", "silu or identity"), edit(lambda layer, word=word: layer.update(activation=word)))
    case("no groups", ("layer.json", "groups", "missing"), edit(lambda layer: layer.pop("groups")))
    for value in ([], {}, "x", 3, None):
        case(f"groups {value!r}", ("layer.json", "groups"), edit(lambda layer, value=value: layer.update(groups=value)))
    case("a group that is a number", ("layer.json", "groups[0]"), edit(lambda layer: layer["groups"].__setitem__(0, 3)))
    case("an unknown key of a group", ("layer.json", "groups[1].scale", "unknown"), edit(lambda layer: layer["groups"][1].update(scale=1.0)))
    case("the scales of a layer without groups", ("layer.json", "input_scale", "unknown"), edit(lambda layer: layer.update(input_scale=0.1)))
    case("a group twice", ("layer.json", "groups[1].name", "once", "g0"), edit(lambda layer: layer["groups"][1].update(name="g0")))
    for name in ("", ".", "..", "a/b", "a\nb", 3, None):
        case(f"a group called {name!r}", ("layer.json", "groups[2].name"), edit(lambda layer, name=name: layer["groups"][2].update(name=name)))
    case("too many groups", ("layer.json", "groups", "65536", "65537"),
         edit(lambda layer: layer.update(groups=[{**layer["groups"][0], "name": str(i)} for i in range(65537)])))
    case("groups in /1", ("layer.json", "input_scale", "missing"), edit(lambda layer: layer.update(format="quasim.layer/1")))
    case("another format", ("layer.json", "format", "quasim.layer/2"), edit(lambda layer: layer.update(format="quasim.layer/3")))
    case("conv_bits", ("layer.json", "conv_bits", "2 to 12"), edit(lambda layer: layer.update(conv_bits=13)))

    plain = make_bundle(top / "plain")
    np.save(plain / "channel_group.npy", np.zeros(4, np.uint16))
    quasim.refused("channel_group.npy beside /1", ("golden", plain), ("layer.json", "format", "quasim.layer/2", "channel_group.npy"))
    # what takes one group says how many there are, and which
    for verb in (("export", good, "-o", top / "kit"), ("bench", good)):
        quasim.refused(f"{verb[0]} of three groups", verb, ("layer.json", "groups", "3 (g0, g1, g2)", "--split-groups"))
    quasim.json("compile", good, "-o", "good.json")
    part = split_bundle(good, top / "good_parts")["g1"][0]
    quasim.refused("a program of three groups for one", ("run", part, "--program", "good.json"), ("good.json", "groups", "3"))
    quasim.json("compile", part, "-o", "part.json")
    quasim.refused("a program of one group for three", ("run", good, "--program", "part.json"), ("part.json", "groups"))
    quasim.refused("an element of no group", ("explain", good, "--element", "0,5,0"), ("element", "5"))
    for row in ("0", "x", "-1", "1.5"):
        quasim.refused(f"row {row}", ("sweep", good, "--apply", row, "-o", "applied"), ("--apply",))
    quasim.refused("a row that there is not", ("sweep", good, "--apply", "999", "-o", "applied"), ("--apply", "1 to", "999"))
    quasim.refused("--apply without -o", ("sweep", good, "--apply", "1"), ("--apply", "-o"))
    quasim.refused("--apply into the bundle", ("sweep", good, "--apply", "1", "-o", good), ("output", "empty", str(good)))
    quasim.refused("--apply of two bundles", ("sweep", good, part, "--apply", "1", "-o", "applied"), ("--apply", "one bundle"))
    quasim.refused("no jobs", ("certify", good, "--jobs", "0"), ("--jobs", "1 to"))


def check_sweep(quasim, checks, top):
    """Rows by group as alone; a row that is applied is the same row of the new bundle; the float reference is the float layer."""
    bundle = make_grouped_bundle(top / "swept", [0, 1, 0, 1, 1, 0], reach=100, length=200)
    rng = np.random.default_rng(3)
    scale = {key: np.array([g[key] for g in json.loads((bundle / "layer.json").read_text())["groups"]], np.float64)[np.load(bundle / "channel_group.npy")]
             for key in ("input_scale", "weight_scale", "bias_scale", "output_scale")}
    floats = {}
    (bundle / "float").mkdir()
    for name, key, axis in (("conv1d_weight", "weight_scale", 0), ("conv1d_bias", "bias_scale", 0), ("conv1d_input", "input_scale", 1)):
        values = np.load(bundle / f"{name}.npy").astype(np.float64)
        shape = [1] * values.ndim
        shape[axis] = -1
        floats[name] = ((values + rng.uniform(-0.5, 0.5, values.shape)) * scale[key].reshape(shape)).astype(np.float32)
        np.save(bundle / "float" / f"{name}.npy", floats[name])
    document = quasim.json("sweep", bundle)
    parts = split_bundle(bundle, top / "swept_parts")
    for entry, (name, (part, channels)) in zip(document["layers"], parts.items()):
        alone = quasim.json("sweep", part)["layers"][0]
        for have, want in zip(entry["points"] + entry["fused"], alone["points"] + alone["fused"]):
            for key in want:
                checks.true(f"sweep: {name}: row {want['row']}: {key}", have[key] == want[key], (have[key], want[key]))
        checks.true(f"sweep: {name}: float reference", all("float_sqnr_db" in p and "float_sqnr_db" not in q
                                                           for p, q in zip(entry["points"], alone["points"])))
        # the rounded layer against the float one, by numpy
        x, w, b = (floats["conv1d_input"][:, channels].astype(np.float64), floats["conv1d_weight"][channels].astype(np.float64),
                   floats["conv1d_bias"][channels].astype(np.float64))
        padded = np.concatenate([np.zeros((*x.shape[:2], 3)), x], axis=2)
        y = sum(w[:, k][None, :, None] * padded[:, :, k:k + x.shape[2]] for k in range(4)) + b[None, :, None]
        want = y / (1 + np.exp(-y))
        quasim.json("golden", part, "--dataflow", "two_step", "-o", part / "golden" / TWO_STEP)
        out = np.load(part / "golden" / TWO_STEP / "conv1d_output_int8.npy") * scale["output_scale"][channels][None, :, None]
        sqnr = 10 * np.log10((want ** 2).sum() / ((out - want) ** 2).sum())
        own = next((p for p in entry["points"] if (p["conv_bits"], p["conv_rule"], p["output_rule"]) == (8, "layer", "layer")), None)
        checks.true(f"sweep: {name}: float dB of the layer as it is", own and abs(own["float_sqnr_db"] - sqnr) < 0.02, (own, sqnr))
        # the recommended row is the narrowest that is near enough
        fused = next(p for p in entry["fused"] if p["output_rule"] == "layer")["sqnr_db"]
        near = [p for p in entry["points"] if p["output_rule"] == "layer" and p["sqnr_db"] >= fused - 0.1]
        best = min(near, key=lambda p: (p["conv_bits"], -p["sqnr_db"]))
        checks.true(f"sweep: {name}: recommendation", entry["recommendation"].startswith(f"{best['conv_bits']} bits at ")
                    and f"row {best['row']})" in entry["recommendation"] and "within 0.1 dB" in entry["recommendation"], entry["recommendation"])
    row = document["layers"][0]["points"][25]
    quasim.json("sweep", bundle, "--apply", row["row"], "-o", "applied")
    applied = json.loads((top / "applied" / "layer.json").read_text())
    checks.true("applied: width", applied["conv_bits"] == row["conv_bits"], applied.get("conv_bits"))
    again = quasim.json("sweep", "applied", "--conv-bits", row["conv_bits"], "--conv-scale", "layer", "--output-scale", "layer")
    for before, after in zip(document["layers"], again["layers"]):
        (point,) = after["points"]
        # a scale is rounded to fp32 when it is written; an element at a boundary may then fall on its other side
        for key, near in (("conv_scale", 1e-6), ("output_scale", 1e-6), ("sqnr_db", 1e-3), ("float_sqnr_db", 1e-3), ("conv_saturated", 1e-2)):
            want = before["points"][row["row"] - 1][key]
            checks.true(f"applied: {after['group']}: {key}", abs(point[key] - want) <= near * max(abs(want), 0.1), (point[key], want))
    checks.true("applied: certified", quasim.json("certify", "applied")["passed"])
    checks.same("applied: the weights", np.load(top / "applied" / "conv1d_weight.npy"), np.load(bundle / "conv1d_weight.npy"))
    fused_row = document["layers"][0]["fused"][0]["row"]
    quasim.json("sweep", bundle, "--apply", fused_row, "-o", "applied_fused")
    checks.true("applied: fused", json.loads((top / "applied_fused" / "layer.json").read_text())["dataflow"] == "fused")
    # /1 stays /1
    part = parts["g0"][0]
    quasim.json("sweep", part, "--apply", 3, "-o", "applied_plain")
    plain = json.loads((top / "applied_plain" / "layer.json").read_text())
    checks.true("applied: /1 stays /1", plain["format"] == "quasim.layer/1" and not (top / "applied_plain" / "channel_group.npy").exists(), plain)
    # scales that no golden takes
    for rule in ("--conv-scale", "--output-scale"):
        quasim.refused(f"a {rule} beyond fp32", ("sweep", part, "--conv-bits", "8", rule, "1e37", "--apply", 1, "-o", "applied_beyond"),
                       ("--apply", "row 1 of", "leave the range of fp32"))
        checks.true(f"a {rule} beyond fp32: nothing was written", not (top / "applied_beyond").exists())
        quasim.refused(f"{rule} pnan", ("sweep", part, rule, "pnan"), (f"{rule}: expected", "pnan"))
        quasim.refused(f"{rule} p101", ("sweep", part, rule, "p101"), (f"{rule}: expected", "p101"))
    # what is not finite is named with its place in the layer's file, in a group too
    places = {"conv1d_weight": (4, 2), "conv1d_bias": (4,), "conv1d_input": (1, 4, 7)}
    for (name, place), (word, value) in zip(places.items(), (("nan", np.nan), ("inf", np.inf), ("-inf", -np.inf))):
        spoilt = floats[name].copy()
        spoilt[place] = value
        np.save(bundle / "float" / f"{name}.npy", spoilt)
        quasim.refused(f"{word} in float/{name}", ("sweep", bundle), (f"float/{name}.npy: [{', '.join(map(str, place))}]: expected finite numbers; got {word}",))
        quasim.refused(f"{word} in float/{name}, report", ("report", bundle, "-o", "spoilt.html"), (f"float/{name}.npy", "finite"))
        np.save(bundle / "float" / f"{name}.npy", floats[name])
    quasim.json("golden", bundle, "-o", bundle / "golden" / TWO_STEP)
    raw = np.load(bundle / "golden" / TWO_STEP / "conv1d_raw.npy")
    for word, value in (("nan", np.nan), ("inf", np.inf)):
        spoilt = raw.copy()
        spoilt[1, 3, 17] = value
        np.save(bundle / "golden" / TWO_STEP / "conv1d_raw.npy", spoilt)
        for options in (("sweep", bundle), ("sweep", bundle, "--conv-bits", "8", "--conv-scale", "layer", "--output-scale", "layer"),
                        ("report", bundle, "-o", "spoilt.html")):
            quasim.refused(f"{word} in a golden, {options[0]}", options, (f"{TWO_STEP}/conv1d_raw.npy: [1, 3, 17]: expected finite numbers; got {word}",))
    shutil.rmtree(bundle / "golden")
    np.save(bundle / "float" / "conv1d_weight.npy", np.full_like(floats["conv1d_weight"], 3e38))
    quasim.refused("floats whose layer leaves fp32", ("sweep", bundle), ("float: channel 0", "range of fp32"))
    # a float tensor of another shape is refused
    np.save(bundle / "float" / "conv1d_weight.npy", floats["conv1d_weight"][:3])
    quasim.refused("float weights of another shape", ("sweep", bundle), ("float/conv1d_weight.npy", "shape"))


def check_whole_model(quasim, checks, top):
    """Many layers at a time say what they say one after the other; one that cannot be read costs nobody else."""
    layers = [make_grouped_bundle(top / "model" / f"layer{i:02}", np.arange(6) % (1 + i % 3), seed=i, reach=8) for i in range(9)]
    layers += [make_bundle(top / "model" / "layer09", channels=2, seed=9)]
    (top / "model" / "layer10").mkdir()
    paths = [*layers, top / "model" / "layer10"]
    slow = quasim.json("certify", *paths, exit_code=2)
    fast = quasim.json("certify", *paths, "--jobs", 3, exit_code=2)

    def without_times(document):
        for layer in document["layers"]:
            layer.pop("seconds")
        return document

    checks.true("jobs: the same document", without_times(slow) == without_times(fast))
    checks.true("jobs: a row a layer", [row["bundle"] for row in fast["summary"]] == [str(p) for p in layers], len(fast["summary"]))
    checks.true("jobs: the bundle that cannot be read", [f["bundle"] for f in fast["failed"]] == [str(paths[-1])] and not fast["passed"], fast["failed"])
    done = quasim.run("certify", *layers, "--jobs", 2, "-o", "model.json")
    table = done.stdout.splitlines()
    checks.true("jobs: one table", done.returncode == 0 and len([line for line in table if line.rstrip().endswith("yes")]) == len(layers), done.stdout[:400])
    written = json.loads((top / "model.json").read_text())
    checks.true("jobs: one file", written["passed"] and len(written["layers"]) == sum(row["groups"] for row in written["summary"]), written["format"])
    # one layer of many is wrong, and its row says so
    program = json.loads(quasim.run("compile", layers[4], "-o", "-").stdout)
    program["groups"][0]["multiplier"] += 64
    (top / "wrong.json").write_text(json.dumps(program))
    done = quasim.run("certify", layers[4], "--program", "wrong.json", "--summary")
    checks.true("jobs: a wrong layer", done.returncode == 1 and done.stdout.splitlines()[2].rstrip().endswith("NO"), done.stdout[:300])


def check_report(quasim, checks, top):
    """The page has a layer for each group, with its certificate."""
    bundle = top / "three"
    quasim.run("certify", bundle, "-o", "three.certificate.json")
    document = quasim.json("report", bundle, "--certificate", "three.certificate.json", "-o", "page.html")
    checks.true("report: three groups, proven", document["layers"] == 3 and "Proven for" in document["summary"]["sentences"][1], document.get("summary"))
    page = (top / "page.html").read_text()
    checks.true("report: their names", all(f'"three/g{g}"' in page for g in range(3)))


def main():
    quasim_path = str(pathlib.Path(sys.argv[1]).resolve())
    checks = Checks()
    with tempfile.TemporaryDirectory() as directory:
        top = pathlib.Path(directory)
        quasim = Command(quasim_path, top, checks)
        for part in (check_layers, check_planted, check_report, check_refusals, check_sweep, check_whole_model):
            part(quasim, checks, top)
        # the checks see what they should
        probe = Checks()
        probe.same("a planted difference", np.array([1, 2, 3], np.int8), np.array([1, 2, 4], np.int8))
        probe.same("a planted dtype", np.array([1], np.int8), np.array([1], np.int16))
        probe.true("a planted falsehood", False)
        checks.true("planted faults are noticed", len(probe.failures) == 3, probe.failures)
    for failure in checks.failures[:40]:
        print("FAIL", failure)
    print(f"{checks.compared} values and figures compared, {len(checks.failures)} differ")
    return 1 if checks.failures or checks.compared == 0 else 0


sys.exit(main())
