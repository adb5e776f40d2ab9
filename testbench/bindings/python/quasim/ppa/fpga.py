"""FPGA resources by Yosys: LUTs, DSPs, block RAMs; no placement and no timing."""

import json
import re
from collections import Counter

from ..refusal import Refusal
from . import tools
from .design import TOP, elaborate, noun

# Without wide multiplexers, which cost more LUTs than they save here, and with the newer mapper where Yosys offers it.
FAMILIES = {**{family: f"synth_xilinx -family {family} -nowidelut -abc9" for family in ("xc7", "xcup", "xcu")}, "ecp5": "synth_ecp5 -abc9 -nowidelut",
            "ice40": "synth_ice40 -dsp -abc9"}
# What each kind of primitive counts as.
KINDS = [("dsp", r"DSP48\w*|MULT18X18D|ALU54B|SB_MAC16"), ("lut_ram", r"RAM\d+X\w+|RAM\d+M\w*|TRELLIS_DPR16X4"),
         ("block_ram", r"RAMB\d+\w*|DP16KD|SB_RAM\w+|URAM\w*"), ("shift_lut", r"SRL\w+"), ("carry", r"CARRY\d|CCU2C|SB_CARRY"),
         ("lut", r"LUT\d(_\d)?|LUT4|SB_LUT4"), ("mux", r"MUXF\d|PFUMX|L6MUX21"), ("flip_flop", r"FD[A-Z]+|TRELLIS_FF|SB_DFF\w*")]

# How many LUTs a memory in LUTs takes; those not named take one.
LUTS_OF_RAM = {"RAM32M": 4, "RAM32M16": 8, "RAM64M": 4, "RAM64M8": 8, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4,
               "RAM256X1D": 8, "RAM512X1S": 8, "TRELLIS_DPR16X4": 4}


def kind_of(primitive):
    for kind, pattern in KINDS:
        if re.fullmatch(pattern, primitive):
            return kind
    return None


def resources(rtl, parameters, family, yosys, work):
    """Resources by module and in all, from a hierarchical synthesis."""
    if family not in FAMILIES:
        raise Refusal("", "--fpga", " or ".join(FAMILIES), family)
    work.mkdir(exist_ok=True)
    design = elaborate(yosys, rtl, parameters, work, forms="fpga")
    (work / "fpga.il").write_text(design.text)
    (work / "fpga.ys").write_text(f"read_rtlil fpga.il\n{FAMILIES[family]} -top {TOP}\nwrite_json fpga.json\n")
    try:
        tools.run([yosys, "-q", "-s", "fpga.ys"], work, "fpga.log")
    except tools.Failed as failure:
        raise Refusal("", "--fpga", f"a synthesis for {family}", failure.text.strip().splitlines()[-1]) from None
    modules = json.loads((work / "fpga.json").read_text())["modules"]
    modules = {name: module for name, module in modules.items() if name in design.modules}
    total, rows = Counter(), {}

    def visit(name, times):
        own = rows.setdefault(noun(name), Counter())
        own["instances"] += times
        for cell in modules[name]["cells"].values():
            kind = cell["type"].lstrip("\\")
            if kind in modules:
                visit(kind, times)
            elif kind_of(kind) is not None:
                count = times * LUTS_OF_RAM.get(kind, 1)
                own[kind_of(kind)] += count
                total[kind_of(kind)] += count

    visit(TOP, 1)
    lanes = design.parameters.lanes
    return {"family": family, "command": FAMILIES[family], "lanes": lanes, **{kind: total[kind] for kind, _ in KINDS},
            "dsp_per_lane": round(total["dsp"] / lanes, 2), "lut_per_lane": round((total["lut"] + total["lut_ram"] + total["shift_lut"]) / lanes, 1),
            "modules": [{"module": name, **{kind: own[kind] for kind in ("instances", *(kind for kind, _ in KINDS))}} for name, own in
                        sorted(rows.items(), key=lambda row: -row[1]["lut"])],
            "assumptions": ["Yosys alone: no placement, no routing, no timing; vendors' tools pack LUTs and DSPs differently",
                            "memories as Yosys maps them: block RAM, LUT RAM or flip-flops"]}
