#!/usr/bin/env python3
"""Area and delay of each module against ceilings.json, with the system's Yosys and OpenSTA in osu018.

  ceilings.py --check [UNIT...]      fails where a module is larger or slower than its ceiling, or has none; then again with one module
                                     inflated, which must be found
  ceilings.py --update [UNIT...]     writes ceilings some percent above what is measured

UNIT: narrow (seconds) or default (minutes); both where none is named. One lane stands for all.
"""
import json
import pathlib
import shutil
import sys
import tempfile

from quasim.ppa.command import library_of
from quasim.ppa.design import Parameters
from quasim.ppa.measure import Measurement
from quasim.ppa.synthesis import Mapper
from quasim.registers import CONSTANT

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FILE = HERE / "ceilings.json"
SLACK = {"ge": 1.05, "ns": 1.12}  # ABC does not find the same netlist when names or neighbours change
UNITS = {
    "narrow": Parameters(1, 16, 4, 14, 28, "two_step"),
    "default": Parameters(1, 64, CONSTANT["ConvBitsDefault"], CONSTANT["MultBitsDefault"], CONSTANT["BiasBitsDefault"], "both"),
}
INFLATED = "quasim_spill"


def measured(mapper, rtl, parameters):
    """{module: {"ge", "ns"}} of a unit."""
    rows = Measurement(mapper, rtl, parameters, [], mapper.work).modules()
    return {row["module"]: {"ge": row["ge"], "ns": row["slowest_ns"]} for row in rows}


def problems(modules, ceilings):
    found = []
    for name, row in modules.items():
        ceiling = ceilings.get(name)
        if ceiling is None:
            found.append(f"{name} has no ceiling")
            continue
        for key, unit in (("ge", "GE"), ("ns", "ns")):
            if row[key] is not None and (ceiling[key] is None or row[key] > ceiling[key]):
                found.append(f"{name} has {row[key]:g} {unit}; at most {ceiling[key]} are allowed")
    return found + [f"{name} has a ceiling and is not in the unit" for name in ceilings if name not in modules]


def inflate(rtl, target):
    """A copy of the RTL in which one module holds its payload five times."""
    shutil.copytree(rtl, target)
    file = target / f"{INFLATED}.sv"
    text = file.read_text()
    place = text.rindex("endmodule")
    more = ("\n  (* keep *) logic [4*Width-1:0] fault_q;\n  always_ff @(posedge clk_i) begin\n"
            "    if (valid_i) fault_q <= {4{data_i}} ^ {fault_q[4*Width-2:0], valid_i};\n  end\n\n")
    file.write_text(text[:place] + more + text[place:])
    return target


def main():
    mode, names = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:] or list(UNITS)
    if mode not in ("--check", "--update") or not set(names) <= set(UNITS):
        sys.exit(__doc__)
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    found, compared = [], 0
    with tempfile.TemporaryDirectory(prefix="quasim-ceilings-") as directory:
        work = pathlib.Path(directory)
        mapper = Mapper("fast", library_of(None), work)
        for name in names:
            if mode == "--check" and name not in known:
                sys.exit(f"ceilings.json has nothing for {name}: ceilings.py --update {name}")
            modules = measured(mapper, ROOT / "rtl", UNITS[name])
            if mode == "--update":
                known[name] = {"parameters": UNITS[name].settings(), "modules": {
                    module: {key: None if value is None else round(value * SLACK[key], 1 if key == "ge" else 2) for key, value in row.items()}
                    for module, row in sorted(modules.items())}}
                continue
            found += [f"{name}: {problem}" for problem in problems(modules, known[name]["modules"])]
            compared += 2 * len(modules)
        if mode == "--check":
            faults = problems(measured(mapper, inflate(ROOT / "rtl", work / "rtl"), UNITS[names[0]]), known[names[0]]["modules"])
            named = [line for line in faults if line.startswith(INFLATED)]
            found += [] if named else [f"{INFLATED} was inflated and nobody noticed; found {faults}"]
            print(f"planted: {''.join(named[:1])}")
    if mode == "--update":
        FILE.write_text(json.dumps({"library": mapper.library.name, **{key: value for key, value in known.items() if key != "library"}}, indent=1) + "\n")
        print(f"ceilings: {' and '.join(names)} written")
        return
    print(f"ceilings: {compared} comparisons")
    if found or compared == 0:
        sys.exit("\n".join(found) or "ceilings: nothing was measured")


if __name__ == "__main__":
    main()
