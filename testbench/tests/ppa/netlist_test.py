#!/usr/bin/env python3
"""The netlist, simulated and proved; every check must find the fault that is planted for it.

  netlist_test.py --narrow QUASIM DOCS_JSON    a unit of one narrow lane: document, layer in Icarus, one wrong gate
  netlist_test.py --smoke QUASIM               two lanes at default widths: smoke bench and a slice of a real layer, one wrong gate
  netlist_test.py --proof                      RTL = netlist by module; one wrong gate
  netlist_test.py --energy QUASIM VECTORS      energy of real and random samples
"""
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "testbench/tests/cli"), str(ROOT / "testbench/tests")]

from checks import exit_code, require  # noqa: E402
from quasim.ppa import command, equivalence, simulate  # noqa: E402
from quasim.ppa.command import library_of  # noqa: E402
from quasim.ppa.design import Parameters, bench_folder  # noqa: E402
from quasim.ppa.measure import Measurement  # noqa: E402
from quasim.ppa.synthesis import Mapper  # noqa: E402

RTL = ROOT / "rtl"
# A unit that is mapped and simulated in seconds: four bits of q, a table of sixteen entries.
NARROW = ["--lanes", "1", "--max-channels", "16", "--conv-bits", "4", "--mult-bits", "14", "--bias-bits", "28", "--dataflow", "two_step"]


def measurement_of(parameters, work):
    return Measurement(Mapper("fast", library_of(None), work), RTL, parameters, [], work, with_timing=False)


def narrow(work, quasim, docs):
    from json_test import Schema
    from tiny import make_bundle

    bundle = make_bundle(work / "layer", conv_bits=4, channels=6, length=24, conv_scale=0.5, input_scale=0.031)
    os.environ["QUASIM_COMMAND"] = quasim
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = command.main([*NARROW, "--netlist-sim", str(bundle), "--json", "--work", str(work / "kept"), "-o", str(work / "result.txt")])
    require(code == 0, f"quasim ppa ends with {code}: {said.getvalue()[-500:]}")
    document = json.loads(said.getvalue())
    found = Schema(pathlib.Path(docs).read_text()).problems(document)
    require(not found, f"docs/json.md: {found[:5]}")
    require("GE a lane" in (work / "result.txt").read_text(), "-o writes the table")
    modules = {row["module"]: row for row in document["modules"]}
    require({"quasim_conv_acc", "quasim_requant", "quasim_silu", "quasim_top"} <= set(modules), f"modules: {sorted(modules)}")
    require(abs(sum(row["ge"] for row in modules.values()) - document["ge"]) < 1, "the modules add up to the unit")
    require(document["flip_flops"] == sum(row["flip_flops"] for row in modules.values()) > 300, "flip-flops add up")
    require(document["sram_bits"] == 16 * (32 + 24 + 28) and document["sram_bits_per_channel"] == 84, f"SRAM bits: {document['sram_bits']}")
    ends = {stage["stage"] for stage in document["stages"]}
    require({"conv_acc.acc_q", "silu.gen_lane.out_q"} <= ends, f"stages: {sorted(ends)}")
    require(0.5 < document["slowest_stage_ns"] < 50 and document["stages"][0]["start"], "the slowest stage has a delay and a start")
    (run,) = document["netlist"]["runs"]
    require(run["passes"] and "PASS" in run["said"], f"the layer on the netlist: {run['said']}")

    # planted: gates of requant swapped one at a time until enough are found; an equivalent swap may not show
    parameters = Parameters(1, 16, 4, 14, 28, "two_step")
    (work / "fault").mkdir()
    measurement = measurement_of(parameters, work / "fault")
    found = 0
    for seed in range(1, 4):
        passed, _, _ = simulate.layer(measurement, bundle, quasim, work / f"fault{seed}", change=simulate.wrong_gate(measurement.netlist, seed))
        found += not passed
    require(found >= 1, f"of three netlists with a wrong gate in requant, {found} fail")


def smoke(work, quasim):
    bundle = ROOT / "vectors/bookmamba/layer00"
    parameters = Parameters(2, 64, 8, 24, 36, "both")
    measurement = measurement_of(parameters, work)
    passed, said = simulate.smoke(measurement, RTL, bench_folder(RTL), work)
    require(passed, f"smoke bench on the netlist: {said}")
    print(said)
    for dataflow in ("two_step", "fused"):
        passed, said, _ = simulate.layer(measurement, bundle, quasim, work / dataflow, dataflow=dataflow)
        require(passed, f"layer on the netlist, {dataflow}: {said}")
        print(said)
    # planted: one gate of requant swapped; an equivalent swap may not show, so that a second and a third follow it
    for seed in range(1, 4):
        passed, said = simulate.smoke(measurement, RTL, bench_folder(RTL), work, change=simulate.wrong_gate(measurement.netlist, seed))
        print(f"wrong gate {seed}: {said}")
        if not passed:
            break
    require(not passed, "three netlists with a wrong gate pass the smoke bench")


def proof(work):
    """Proves a narrow unit's modules; then swaps a gate of one of them in the mapped design."""
    parameters = Parameters(1, 16, 4, 14, 28, "two_step")
    measurement = measurement_of(parameters, work)
    rows = equivalence.all_modules(measurement.mapper, measurement.design, work)
    for row in rows:
        print(f"{row['module']}: {row['result']} (from {row['method']}, {row['seconds']} s)")
        require(row["result"] != "differs", f"{row['module']} differs")
    proved = {row["module"] for row in rows if row["result"] == "equal"}
    require({"quasim_requant", "quasim_silu", "quasim_spill", "quasim_sequencer"} <= proved, f"only {sorted(proved)} are proved")
    path = work / "mapped.json"
    mapped = json.loads(path.read_text())
    # both gates stay in use, so that both are read
    swap = {"NAND2X1": "NOR2X1", "NOR2X1": "NAND2X1"}
    victim = next(cell for cell in mapped["modules"]["quasim_spill"]["cells"].values() if cell["type"] in swap)
    victim["type"] = swap[victim["type"]]
    path.write_text(json.dumps(mapped))
    equivalence.prepare(measurement.mapper, measurement.design, work)
    others = [name for name in measurement.design.modules if name != "quasim_spill"]
    result = equivalence.prove(measurement.mapper, "quasim_spill", others, work, "rtl")
    require(result == "differs", f"a wrong gate in quasim_spill: {result}")


def energy_of(work, quasim, vectors):
    done = subprocess.run([quasim, "ppa", "--json", "--energy", pathlib.Path(vectors, "bookmamba/layer00"), "--work", work], capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"quasim ppa --energy ends with {done.returncode}: {done.stderr}")
    result = json.loads(done.stdout)["energy"]
    print(json.dumps({key: result[key]["pj_per_element"] for key in ("real", "random")}), result["random_over_real"])
    require(1 < result["real"]["pj_per_element"] < 10000, "energy of an element is some picojoules")
    require(result["random_over_real"] > 1, "random samples cost more than real ones")
    require(result["real"]["toggles"] > 10000 and len(result["errors"]) >= 5, "toggles were counted, sources of error are named")


def main():
    modes = {"--narrow": narrow, "--smoke": smoke, "--proof": proof, "--energy": energy_of}
    if len(sys.argv) < 2 or sys.argv[1] not in modes:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="quasim-netlist-") as directory:
        modes[sys.argv[1]](pathlib.Path(directory), *[os.path.abspath(word) for word in sys.argv[2:]])
    sys.exit(exit_code())


if __name__ == "__main__":
    main()
