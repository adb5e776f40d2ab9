#!/usr/bin/env python3
"""cosim.units.on_demand: units of other parameters and of somebody else's RTL, built when they are asked for.

  units_test.py QUASIM VECTORS RTL
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import bundles  # noqa: E402
import checks  # noqa: E402
import commands  # noqa: E402
from checks import expect  # noqa: E402

quasim, vectors, rtl = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
layer = vectors / "bookmamba/layer00"
compared = 0


def run(*arguments, **variables):
    return commands.run(quasim, *arguments, **variables)


def agrees(what, done, elements):
    """Exit code 0, every element compared three ways, no difference."""
    global compared
    expect(done.returncode == 0, f"{what}: exit {done.returncode}: {done.stderr[-400:]}")
    if done.returncode != 0:
        return
    for row in json.loads(done.stdout)["layers"]:
        expect(row["elements"] == elements, f"{what}: {row['elements']} elements, expected {elements}")
        for pair in ("systemc_vs_golden", "rtl_vs_golden", "rtl_vs_systemc"):
            expect(row[pair]["compared"] == elements and row[pair]["mismatches"] == 0, f"{what}: {pair}: {row[pair]}")
            compared += row[pair]["compared"]


def random_layer(target, channels, steps, **parameters):
    """A bundle of noise with the scales of a real layer."""
    random = np.random.default_rng(channels)
    target.mkdir()
    params = {**json.loads((layer / "layer.json").read_text()), "name": target.name, "channels": channels, **parameters}
    (target / "layer.json").write_text(json.dumps(params))
    for name, shape in (("weight", (channels, params["taps"])), ("bias", (channels,)), ("input", (1, channels, steps))):
        np.save(target / f"conv1d_{name}.npy", random.integers(-128, 128, shape, dtype=np.int8))
    return target


def planted(target, file, before, after):
    """A copy of the RTL with one text replaced."""
    shutil.copytree(rtl, target)
    text = (target / file).read_text()
    expect(text.count(before) == 1, f"{file} has {before!r} {text.count(before)} times: the fault cannot be planted")
    (target / file).write_text(text.replace(before, after))
    return target


def kept_units(d, cut):
    """A cache and an RTL under awkward names; a library of which half is there is built again."""
    shutil.copytree(rtl, d / "my own rtl")
    words = (quasim, "cosim", cut, "--lanes", 4, "--rtl", "my own rtl", "--json")
    agrees("a relative cache", commands.run(*words, cwd=d, QUASIM_UNIT_CACHE="kept"), 24 * 60)
    # CMake would take these names apart, and remove folders of other names.
    other = d / "semi"
    other.mkdir()
    (other / "mine").write_text("kept")
    for sign in (";", "[", "\\"):
        (d / f"rtl{sign}x").symlink_to(rtl)
        checks.refused(run("cosim", cut, "--lanes", 4, "--rtl", d / f"rtl{sign}x"), ("expected a path without",), f"RTL with {sign} in its name")
    checks.refused(run("cosim", cut, "--lanes", 4, QUASIM_UNIT_CACHE=f"{other};cache"), ("expected a path without",), "a cache with ; in its name")
    expect((other / "mine").read_text() == "kept", "a folder beside the cache is removed")
    library, = (d / "kept").glob("*.so")
    library.write_bytes(library.read_bytes()[: library.stat().st_size // 2])
    again = commands.run(*words, cwd=d, QUASIM_UNIT_CACHE="kept")
    agrees("half a library", again, 24 * 60)
    expect("building" in again.stderr, "half a library is taken for whole")
    expect("building" not in commands.run(*words, cwd=d, QUASIM_UNIT_CACHE="kept").stderr, "a library that is whole is built again")
    refused = run("cosim", cut, "--lanes", 2, QUASIM_UNIT_CACHE=d / "none")
    checks.refused(refused, ("lanes", "1, 4, 16 or 64"), "two lanes")
    expect(not (d / "none").exists(), "a unit is built for lanes that are refused")


def compilers_in(folder):
    """Names of the processes that work below a folder."""
    names = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "cwd").startswith(str(folder)):
                names.append((process / "comm").read_text().strip())
    return names


def ended_build(d, cut):
    """A signal while a unit is built ends the compilers too, and leaves nothing but the log."""
    cache = d / "ended"
    temporary = d / "temporary"
    temporary.mkdir()
    process = subprocess.Popen([quasim, "cosim", cut, "--lanes", "64"], env={**os.environ, "QUASIM_UNIT_CACHE": str(cache), "TMPDIR": str(temporary)}, stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while "cc1plus" not in compilers_in(cache) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    expect("cc1plus" in compilers_in(cache), "no compiler was seen")
    time.sleep(1)  # they have read their sources
    process.send_signal(signal.SIGTERM)
    expect(process.wait(30) == -signal.SIGTERM, f"a build that is ended: {process.returncode}")
    time.sleep(0.5)
    expect(not compilers_in(cache), f"go on after the command that started them: {compilers_in(cache)}")
    expect(not list(temporary.iterdir()), f"a build that is ended leaves {list(temporary.iterdir())}")
    expect([path.suffix for path in cache.iterdir()] == [".log"], f"a build that is ended leaves {sorted(path.name for path in cache.iterdir())}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        d = pathlib.Path(folder)
        # Another width of q, beside the default's in one call, and more channels than the default unit has.
        usual, bits10 = random_layer(d / "usual", 20, 40), random_layer(d / "bits10", 20, 40, conv_bits=10)
        agrees("two widths in one call", run("cosim", usual, bits10, usual, "--stall-out", 0.2, "--json"), 20 * 40)
        done = run("certify", bits10, "--rtl", "--json")
        expect(done.returncode == 0 and json.loads(done.stdout)["differing"].get("model vs rtl") == 0, f"certify --rtl {bits10}: exit {done.returncode}: {done.stderr[-300:]}")
        agrees("12,288 channels", run("cosim", random_layer(d / "wide", 12288, 2), "--json"), 12288 * 2)
        done = run("cosim", usual, bits10, "--trace", d / "waves.fst")
        expect(done.returncode == 2 and "--trace" in done.stderr and not (d / "waves.fst").exists(), f"--trace over two units: {done.returncode} {done.stderr}")

        # Somebody else's RTL: what is right agrees, what is wrong is found, an edit is seen at once, what cannot be built is said in one line.
        cut = bundles.cut_layer(d / "cut", layer, 24, 60)
        copy = shutil.copytree(rtl, d / "copy")
        agrees("a copy of the RTL", run("cosim", cut, "--rtl", copy, "--json"), 24 * 60)
        wrong = planted(d / "wrong", "quasim_dot4.sv", "x0 = 32'($signed(samples_i[7:0]))", "x0 = 32'($signed(samples_i[15:8]))")
        done = run("cosim", cut, "--rtl", wrong, "--stall-in", 0.1, "--json")
        expect(done.returncode == 1 and json.loads(done.stdout)["layers"][0]["rtl_vs_systemc"]["mismatches"] > 0, f"RTL with a fault: exit {done.returncode}: {done.stderr[-300:]}")
        stale = copy / "quasim_dot4.sv"
        stale.write_text((wrong / "quasim_dot4.sv").read_text())
        expect(run("cosim", cut, "--rtl", copy, "--json").returncode == 1, "RTL that was edited after a run: its older state was used")
        certified = run("certify", cut, "--rtl", copy, "--json")
        expect(certified.returncode == 0 and json.loads(certified.stdout)["differing"]["model vs rtl"] == 0, f"certify --rtl DIR, whose requant and silu are whole: {certified.returncode} {certified.stderr[-300:]}")
        # What the RTL includes belongs to it.
        held = (rtl / "quasim_dot4.sv").read_text()
        expect(held.count("$signed(samples_i[7:0])") == 1, "quasim_dot4.sv has changed: the header cannot be planted")
        stale.write_text('`include "mine/first.svh"\n' + held.replace("$signed(samples_i[7:0])", "$signed(`FIRST)"))
        (copy / "mine").mkdir()
        for bits, code in (("samples_i[7:0]", 0), ("samples_i[15:8]", 1)):
            (copy / "mine/first.svh").write_text(f"`define FIRST {bits}\n")
            done = run("cosim", cut, "--rtl", copy, "--json")
            expect(done.returncode == code, f"RTL whose header says {bits}: exit {done.returncode}: {done.stderr[-300:]}")
        (copy / "mine/first.svh").unlink()
        checks.refused(run("cosim", cut, "--rtl", copy), ("quasim_dot4.sv", "mine/first.svh"), "a header that is not there")
        checks.refused(run("cosim", cut, "--rtl", ""), ("--rtl", "empty name"), "RTL without a name")
        stale.write_text(held)
        (copy / "quasim_spill.sv").write_text("module quasim_spill; this is no Verilog\n")
        empty = d / "empty"
        empty.mkdir()
        for what, words, arguments in (
                ("RTL that cannot be built", (str(copy), "quasim_spill.sv:1", "syntax error"), ("cosim", cut, "--rtl", copy)),
                ("a directory without RTL", (str(empty), "none"), ("cosim", cut, "--rtl", empty)),
                ("no directory", (str(d / "absent"),), ("cosim", cut, "--rtl", d / "absent"))):
            checks.refused(run(*arguments), words, what)

        kept_units(d, cut)
        ended_build(d, cut)

        # Nowhere to keep a unit.
        checks.refused(run("cosim", cut, "--rtl", wrong, QUASIM_UNIT_CACHE="/dev/null/units"), ("/dev/null/units",), "no place for a unit")
    return checks.exit_code(elements_compared=compared)


if __name__ == "__main__":
    sys.exit(main())
