#!/usr/bin/env python3
"""Units that hold less than a program: the table folded at 0, and the whole program as constants (quasim emit-rtl).

  constants_test.py bench QUASIM VECTORS RTL    the kit's bench in Icarus on small layers; planted faults are found; refusals
  constants_test.py cosim QUASIM VECTORS RTL    co-simulation with stalls and certify --rtl of a real layer
"""
import json
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import bundles  # noqa: E402
import checks  # noqa: E402
from checks import expect  # noqa: E402
from commands import run  # noqa: E402

group, quasim, vectors, rtl = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
layer = vectors / "bookmamba/layer00"
LANES = 4
compared = 0


def good(*arguments):
    done = run(quasim, *arguments)
    expect(done.returncode == 0, f"quasim {' '.join(map(str, arguments))}: exit {done.returncode}: {done.stderr[-400:]}")
    return done


def refused(words, *arguments):
    checks.refused(run(quasim, *arguments), words)


def bench(kit, sources, *plusargs):
    """In the sources' own folder, because names in a list hold no spaces."""
    return run("bash", kit / "run_icarus.sh", "RTL=generated .", *plusargs, cwd=sources)


def passes(what, done):
    global compared
    lines = [line for line in done.stdout.splitlines() if line.startswith("PASS")]
    expect(done.returncode == 0 and lines, f"{what}: exit {done.returncode}: {done.stdout[-300:]} {done.stderr[-300:]}")
    compared += sum(int(line.split(": ")[1].split()[0]) * LANES for line in lines)


def planted(unit, target, file, before, after):
    shutil.copytree(unit, target)
    text = (target / file).read_text()
    expect(before in text, f"{file} has no {before!r}: the fault cannot be planted")
    (target / file).write_text(text.replace(before, after, 1))
    return target


def changed_digit(unit, target, file, mark, digit):
    """A copy of the unit in which one hexadecimal digit, counted from the low end, of the number after `mark` is another."""
    text = (unit / file).read_text()
    number = re.compile(r"'h[0-9A-F]+").search(text, text.index(mark))
    place = number.end() - 1 - digit
    return planted(unit, target, file, text[number.start():number.end()], text[number.start():place] + ("0" if text[place] != "0" else "1") + text[place + 1:number.end()])


def on_the_bench(d):
    cut = bundles.cut_layer(d / "cut", layer, 10, 12)
    program, kit, unit = d / "program.json", d / "a kit", d / "a unit"
    compiled = json.loads(good("compile", cut, "-o", program, "--json").stdout)["layers"][0]
    expect(compiled["folded"] is True and "not_folded" not in compiled, f"compile says of a table that folds: {compiled}")
    good("export", cut, "-o", kit, "--program", program, "--lanes", LANES, "--folded", "--format", "hex,npy")
    good("emit-rtl", program, "-o", unit, "--lanes", LANES)
    passes("a folded unit", bench(kit, rtl, "+stream=directed", "+stall_out=200"))
    passes("the constants", bench(kit, unit, "+stream=directed", "+stall_out=200"))
    passes("the constants", bench(kit, unit, "+stream=real", "+stall_in=200"))
    for number, wrong in enumerate((
            planted(rtl, d / "fold_sign", "quasim_silu.sv", "(negative ? '0 : SampleBits'(size))", "SampleBits'(size)"),
            planted(rtl, d / "fold_size", "quasim_silu.sv", "+ SizeBits'(negative)", ""),
            changed_digit(unit, d / "bias", "quasim_bias_rom.sv", "(Lane == 1)", 6),
            changed_digit(unit, d / "table", "quasim_table_port.sv", "Content =", 3),
            planted(unit, d / "multiplier", "quasim_multiply_add.sv", "+ (acc <<< ", "- (acc <<< "),
            planted(unit, d / "shift", "quasim_requant.sv", "FixedShift = 6'h1", "FixedShift = 6'h0"))):
        done = bench(kit, wrong, "+stream=directed")
        expect(done.returncode != 0 and "FAIL" in done.stdout, f"planted fault {number} ({wrong.name}) is not found: {done.stdout[-200:]} {done.stderr[-200:]}")
    again = (unit / "quasim_bias_rom.sv").read_text()
    good("emit-rtl", program, "-o", unit, "--lanes", LANES)
    expect(again == (unit / "quasim_bias_rom.sv").read_text(), "emit-rtl writes another unit the second time")

    # A table that does not fold is refused by name wherever a folded unit is asked for.
    other = bundles.cut_layer(d / "other", layer, 4, 4, conv_scale=0.06)
    full = d / "full.json"
    compiled = json.loads(good("compile", other, "--target", "exact", "-o", full, "--json").stdout)["layers"][0]
    expect(compiled["folded"] is False and "full table is needed" in compiled["not_folded"], f"compile says of a table that does not fold: {compiled}")
    words = ("silu_table", "q = ", "full table is needed")
    refused(words, "export", other, "-o", d / "no", "--program", full, "--folded")
    refused(words, "cosim", other, "--program", full, "--folded")
    refused(words, "certify", other, "--program", full, "--rtl", "--folded")
    refused(("--folded", "--rtl"), "certify", other, "--folded")
    refused(("conv_bits",), "run", bundles.cut_layer(d / "wide", layer, 4, 4, conv_bits=10), "--folded")

    # What emit-rtl does not take.
    fused = d / "fused.json"
    good("compile", bundles.cut_layer(d / "fused", layer, 4, 4, dataflow="fused", rounding="half_away"), "--target", "exact", "-o", fused)
    refused(("dataflow", "two_step", "fused"), "emit-rtl", fused, "-o", d / "none")
    refused(("absent.json",), "emit-rtl", d / "absent.json", "-o", d / "none")
    refused((str(cut), "an older unit and nothing else"), "emit-rtl", program, "-o", cut)
    mine = d / "mine"
    mine.mkdir()
    shutil.copy(program, mine)
    (mine / "notes.txt").write_text("years")
    refused((str(mine), "nothing else"), "emit-rtl", program, "-o", mine)
    refused((str(mine), "what is read"), "emit-rtl", mine / "program.json", "-o", mine)
    refused(("empty name",), "emit-rtl", program, "-o", "")
    expect(sorted(path.name for path in mine.iterdir()) == ["notes.txt", "program.json"], "emit-rtl takes a folder of somebody else's")
    (unit / "notes.txt").write_text("years")
    refused((str(unit), "notes.txt"), "emit-rtl", program, "-o", unit, "--lanes", LANES)
    (unit / "notes.txt").unlink()
    refused(("--lanes", "0"), "emit-rtl", program, "-o", d / "none", "--lanes", 0)
    whole = json.loads(program.read_text())
    for key, value, words in (("silu_table", whole["silu_table"][:-1], ("256", "255")), ("channels", 11, ("10", "11")), ("taps", 5, ("2 to 4", "5")),
                              ("weight", whole["weight"][:-1], ("40", "39")), ("weight", [128, *whole["weight"][1:]], ("-128 to 127", "128")),
                              ("multiplier", 3.7, ("an integer", "3.7")), ("shift", "9", ("an integer",)), ("bias_words", [True] * 10, ("a list of integers",)),
                              ("rounding", "up", ("half_even or half_away", "up")), ("format", "quasim.program/9", ("quasim.program/1",)), ("name", None, ("a name",))):
        (d / "broken.json").write_text(json.dumps({**whole, key: value}))
        refused((key, *words), "emit-rtl", d / "broken.json", "-o", d / "none")
    for text in ("[]", "null", "no JSON", "[" * 100000):
        (d / "broken.json").write_text(text)
        refused(("broken.json",), "emit-rtl", d / "broken.json", "-o", d / "none")
    expect(not (d / "none").exists(), "a refused emit-rtl leaves a folder")


def in_cosimulation(d):
    """A real layer in the folded unit, and in the unit of its constants, with full table too."""
    global compared
    program, unit = d / "program.json", d / "unit"
    good("compile", layer, "-o", program)
    good("emit-rtl", program, "-o", unit)
    other = bundles.cut_layer(d / "other", layer, 40, 60, conv_scale=0.06)
    full, full_unit = d / "full.json", d / "full_unit"
    good("compile", other, "--target", "exact", "-o", full)
    good("emit-rtl", full, "-o", full_unit)
    for what, arguments in (("folded", (layer, "--folded")), ("constants", (layer, "--program", program, "--rtl", unit)),
                            ("constants, full table", (other, "--program", full, "--rtl", full_unit))):
        done = good("cosim", *arguments, "--stall-in", 0.2, "--stall-out", 0.3, "--json")
        for row in json.loads(done.stdout or '{"layers": []}')["layers"]:
            for pair in ("rtl_vs_golden", "rtl_vs_systemc"):
                expect(row[pair]["compared"] == row["elements"] and row[pair]["mismatches"] == 0, f"{what}: {pair}: {row[pair]}")
                compared += row[pair]["compared"]
    certified = json.loads(good("certify", layer, "--rtl", "--folded", "--json").stdout or "{}")
    expect(certified.get("differing", {}).get("model vs rtl") == 0, f"certify --rtl --folded: {certified.get('differing')}")
    compared += certified.get("points", 0)


with tempfile.TemporaryDirectory() as folder:
    {"bench": on_the_bench, "cosim": in_cosimulation}[group](pathlib.Path(folder))
sys.exit(checks.exit_code(values_compared=compared))
