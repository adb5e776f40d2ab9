"""Energy of an element: toggles of every net while a layer streams through the netlist, and what the library says a toggle costs."""

import re
from collections import Counter

from ..refusal import Refusal
from . import simulate
from .netlist import CLOCK

NOISE_SEED = 1
ENERGY_STEPS = 40
ERRORS = [
    "no wires and no clock tree: their capacitance, often half of a chip's, is not there",
    "gates without delay: glitches are not there either, and multipliers have many",
    "internal energy by pin, the mean over a table's conditions, at one slope (that of a gate that drives four of its like)",
    "registers are clocked in every cycle, as the netlist has no clock gates",
    "memories are not counted, and a slice of the layer stands for all of it",
    "leakage at the period of the slowest stage; the library's corner and temperature, no others",
    "simulated with two lanes: what is outside of the lanes is divided by the lanes that were asked for as if it did not grow with them",
]


def toggles(path):
    """({net: (rises, falls)}) of a value change dump; changes of vectors count by bit, under name[index]."""
    names, values, rises, falls = {}, {}, Counter(), Counter()
    initial = False
    with open(path) as file:
        for line in file:
            if line.startswith("$var"):
                words = line.split()
                names[words[3]] = (words[4], int(words[2]))
            elif line.startswith("$enddefinitions"):
                break
        for line in file:
            kind = line[0]
            if kind in "01xz":
                bits, code = kind, line[1:].strip()
            elif kind == "b":
                bits, code = line[1:].split()
            else:
                if line.startswith(("$dumpvars", "$dumpon", "$dumpoff", "$dumpall")):
                    initial = True
                elif line.startswith("$end"):
                    initial = False
                continue
            name, width = names[code]
            bits = bits.rjust(width, bits[0] if bits[0] in "xz" else "0")
            before = values.get(code)
            values[code] = bits
            if initial or before is None:
                continue
            for place, (old, new) in enumerate(zip(before, bits)):
                if old + new in ("01", "10"):
                    key = name if width == 1 else f"{name}[{width - 1 - place}]"
                    (rises if new == "1" else falls)[key] += 1
    return {name: (rises[name], falls[name]) for name in {*rises, *falls}}


def usual_slew(library):
    """The slope behind an inverter that drives four of its like."""
    inverter = library.inverter()
    load = 4 * inverter.capacitance(inverter.inputs[0])
    tables = [library.table(table) for timing in inverter.pins[inverter.outputs[0]].of("timing") for table in timing.groups
              if table.name in ("rise_transition", "fall_transition")]
    slew = 0.0
    for _ in range(4):
        slew = sum(table.at(load, slew) for table in tables) / len(tables) if tables else 0.0
    return slew


def of_stream(netlist, counts, cycles, period_s):
    """{module: joules a cycle} inside the lanes and outside, and the leakage apart."""
    library = netlist.library
    slew = usual_slew(library)
    volts2 = library.voltage ** 2
    lanes, shared = Counter(), Counter()
    leakage = 0.0
    for instance in netlist.instances:
        if instance.type in netlist.design.memories:
            continue
        cell = library.cell(instance.type)
        joules = 0.0
        for pin, net in instance.pins.items():
            if cell.is_clock(pin):
                rises = falls = cycles
                own_load = cell.capacitance(pin)
            else:
                rises, falls = counts.get(netlist.net_name(net), (0, 0))
                own_load = 0.0
            is_output = pin in cell.outputs
            load = netlist.load(net) if is_output else 0.0
            rise, fall = cell.energy(pin, load, slew)
            joules += (rises * rise + falls * fall) * library.energy_unit
            # a rise draws C V^2 from the supply; half of it is spent at once, half at the fall
            joules += rises * (load if is_output else own_load) * library.capacitance_unit * volts2
        leak = cell.leakage * library.leakage_unit * cycles * period_s
        leakage += leak
        in_lane = "gen_lane" in f"{instance.path}{instance.register or ''}"
        (lanes if in_lane else shared)[instance.module] += (joules + leak) / cycles
    return lanes, shared, leakage / cycles


def measure(measurement, bundle, quasim, work, asked_lanes, period_ns):
    """Energy of an element of a real layer and of random samples, by module."""
    results = {}
    for name, noise in (("real", None), ("random", NOISE_SEED)):
        folder = work / name
        passed, said, elements = simulate.layer(measurement, bundle, quasim, folder, steps=ENERGY_STEPS, noise=noise, dump="stream.vcd")
        dumped = re.search(r"DUMPED (\d+) cycles", (folder / "layer.log").read_text())
        if not passed or dumped is None:
            raise Refusal(bundle, "--energy", "a stream that passes on the netlist", said)
        cycles = int(dumped[1])
        counts = toggles(folder / "stream.vcd")
        if not any(counts.values()) or counts.get(CLOCK, (0, 0)) == (0, 0):
            raise Refusal(bundle, "--energy", "toggles of the clock and of the nets", f"{len(counts)} nets that toggle")
        lanes, shared, leakage = of_stream(measurement.netlist, counts, cycles, period_ns * 1e-9)
        simulated = measurement.parameters.lanes
        busy = elements / (cycles * simulated)  # lanes of the last group stand still
        rows = {module: (lanes[module] / simulated + shared[module] / asked_lanes) / busy for module in {*lanes, *shared}}
        results[name] = {"pj_per_element": round(sum(rows.values()) * 1e12, 4), "leakage_share": round(leakage / sum([*lanes.values(), *shared.values()]), 6),
                         "elements": elements, "cycles": cycles, "toggles": sum(rise + fall for rise, fall in counts.values()),
                         "modules": [{"module": module, "pj_per_element": round(joules * 1e12, 4)} for module, joules in sorted(rows.items(), key=lambda row: -row[1])]}
    return {"period_ns": round(period_ns, 3), "voltage": measurement.library.voltage, **results,
            "random_over_real": round(results["random"]["pj_per_element"] / results["real"]["pj_per_element"], 3), "errors": ERRORS}
