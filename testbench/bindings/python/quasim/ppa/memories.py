"""Memories: how many bits, which SRAM macros hold them, and what timing is assumed of them."""

import math
import re
from dataclasses import dataclass

from ..refusal import Refusal
from .liberty import Library
from .netlist import CLOCK, identifier

# Where no macro is given: a read as long as this many, and a setup of so many, NAND gates that drive four of their like.
ACCESS_GATES, SETUP_GATES = 12, 3


@dataclass
class Macro:
    """An SRAM of a library."""

    name: str
    words: int
    width: int
    ports: int
    area: float
    access: float  # clock to output, in the time unit of its library, at a middling load
    setup: float
    capacitance: float


def read_macros(paths):
    macros = []
    for path in paths:
        library = Library([path])
        for name in library._cell_text:
            cell = library.cell(name)
            memory = cell.group.first("memory")
            shape = re.search(r"(\d+)x(\d+)", name)
            if memory is not None:
                words, width = 1 << int(memory.number("address_width")), int(memory.number("word_width"))
            elif shape:
                words, width = int(shape[1]), int(shape[2])
            else:
                raise Refusal(path, name, "an SRAM whose words and width the file tells")
            macros.append(_macro(library, cell, words, width))
    return macros


def _macro(library, cell, words, width):
    access, setup, clocks, capacitance = 0.0, 0.0, 0, 0.0
    for bus in [*cell.group.of("bus"), *cell.group.of("pin")]:
        is_test = re.search("bist", bus.args[0], re.I) is not None  # a clock of the self-test is no port
        clocks += bus.attributes.get("clock", "").lower() == "true" and not is_test
        capacitance = max(capacitance, bus.number("capacitance", 0.0))
        for owner in (bus, *bus.of("pin")):
            for timing in owner.of("timing"):
                kind = timing.attributes.get("timing_type", "")
                for table in timing.groups:
                    if kind.startswith("setup") and table.name.endswith("_constraint"):
                        setup = max(setup, _middle(library, table))
                    elif kind in ("rising_edge", "falling_edge") and table.name in ("cell_rise", "cell_fall"):
                        access = max(access, _middle(library, table))
    scale = library.time_unit / 1e-9
    return Macro(cell.name, words, width, max(1, clocks), cell.area, access * scale, setup * scale, capacitance * library.capacitance_unit)


def _middle(library, group):
    """A table's value at the middle of its axes."""
    table = library.table(group)
    axes = [axis[len(axis) // 2] for axis in table.axes]
    if not axes:
        return table.values[0]
    by_name = dict(zip(["load" if "capacitance" in name else "slew" for name in table.variables], axes))
    if len(table.variables) == 2 and "capacitance" not in "".join(table.variables):
        return table.values[len(table.values) // 2]
    return table.at(by_name.get("load", 0.0), by_name.get("slew", 0.0))


def tiling(memory, macros):
    """(macro, how many) of least area that hold a memory of one read and one write port a cycle."""
    ports = 1 if re.search(r"1rw|1p", memory.module) else 2
    fitting = [macro for macro in macros if macro.ports >= ports]
    if not fitting:
        raise Refusal("", "--sram", f"a macro of {ports} ports for {memory.module}", ", ".join(macro.name for macro in macros))
    return min(((macro, math.ceil(memory.width / macro.width) * math.ceil(memory.words / macro.words)) for macro in fitting),
               key=lambda choice: choice[0].area * choice[1])


class MemoryModel:
    """Timing and area of the memories of a design."""

    def __init__(self, design, library, macros):
        self.library, self.macros = library, macros
        self.chosen = {name: tiling(memory, macros) for name, memory in design.memories.items()} if macros else {}
        gate = library.nand2()
        pin = gate.pins[gate.outputs[0]]
        load = 4 * gate.capacitance(gate.inputs[0])
        delays = [library.table(table).at(load, 0.0) for timing in pin.of("timing") for table in timing.groups if table.name in ("cell_rise", "cell_fall")]
        gate_delay = max(delays, default=0.0)
        self.access, self.setup = ACCESS_GATES * gate_delay, SETUP_GATES * gate_delay

    def timing(self, name):
        """(clock to output, setup) in the time unit of the cells."""
        if name not in self.chosen:
            return self.access, self.setup
        macro, _ = self.chosen[name]
        scale = 1e-9 / self.library.time_unit
        return macro.access * scale, macro.setup * scale

    def liberty(self, netlist):
        """The memories as cells for static timing, a pin a bit."""
        library = self.library
        unit = f"{library.time_unit / 1e-12:g}ps" if library.time_unit < 1e-9 else f"{library.time_unit / 1e-9:g}ns"
        lines = ["library (quasim_memories) {", "  delay_model : table_lookup;", f'  time_unit : "{unit}";',
                 f"  capacitive_load_unit (1, {'ff' if library.capacitance_unit < 5e-13 else 'pf'});", '  voltage_unit : "1V"; current_unit : "1uA";',
                 '  pulling_resistance_unit : "1kohm"; leakage_power_unit : "1nW";',
                 *(f"  {threshold}_{edge} : {percent};" for edge in ("rise", "fall") for threshold, percent in
                   (("input_threshold_pct", 50), ("output_threshold_pct", 50), ("slew_lower_threshold_pct", 20), ("slew_upper_threshold_pct", 80)))]
        seen = {}
        for instance in netlist.instances:
            if instance.type in netlist.design.memories:
                seen.setdefault(instance.type, set()).update(instance.pins)
        capacitance = netlist.ports_of.memory_capacitance
        for name, pins in sorted(seen.items()):
            access, setup = self.timing(name)
            lines.append(f"  cell ({name}) {{ area : 0;")
            for pin in sorted(pins):
                label = identifier(pin)
                if pin == CLOCK:
                    lines.append(f"    pin ({label}) {{ direction : input; clock : true; capacitance : {capacitance:.6g}; }}")
                elif netlist.ports_of.is_output(name, pin):
                    lines.append(f'    pin ({label}) {{ direction : output; timing () {{ related_pin : "{CLOCK}"; timing_type : rising_edge; '
                                 f'cell_rise (scalar) {{ values ("{access:.6g}"); }} cell_fall (scalar) {{ values ("{access:.6g}"); }} '
                                 f'rise_transition (scalar) {{ values ("{access / 10:.6g}"); }} fall_transition (scalar) {{ values ("{access / 10:.6g}"); }} }} }}')
                else:
                    lines.append(f'    pin ({label}) {{ direction : input; capacitance : {capacitance:.6g}; timing () {{ related_pin : "{CLOCK}"; '
                                 f'timing_type : setup_rising; rise_constraint (scalar) {{ values ("{setup:.6g}"); }} '
                                 f'fall_constraint (scalar) {{ values ("{setup:.6g}"); }} }} }}')
            lines.append("  }")
        return "\n".join([*lines, "}", ""])
