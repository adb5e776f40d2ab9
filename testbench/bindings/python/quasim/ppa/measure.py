"""One measurement: parameters in, a document of areas, memories and delays out."""

import pathlib
from collections import Counter

from .design import SRAM_LEAST_WORDS, elaborate, noun
from .memories import ACCESS_GATES, SETUP_GATES, MemoryModel
from .netlist import Netlist
from .timing import Timing
from . import tools

LANE_MODULES = ("quasim_conv_acc", "quasim_requant", "quasim_silu")


class Measurement:
    """Everything about one set of parameters: the design, its netlist, and what was measured."""

    def __init__(self, mapper, rtl, parameters, macros, work, with_timing=True):
        self.mapper, self.parameters, self.work = mapper, parameters, pathlib.Path(work)
        self.library = mapper.library
        self.design = elaborate(mapper.yosys, rtl, parameters, self.work)
        self.mapped = mapper.map(self.design)
        self.netlist = Netlist(self.design, self.mapped, self.library)
        self.buffers = self.netlist.buffer_heavy_nets(mapper.load)
        self.memory_model = MemoryModel(self.design, self.library, macros)
        self.stages = []
        if with_timing:
            self.stages = Timing(self.netlist, self.memory_model, mapper.liberty, mapper.load, mapper.driver, self.work,
                                 rtl / "quasim.sdc").stages

    def modules(self):
        """A row a module of the sources: its own cells, without those of modules inside it."""
        gate = self.library.nand2().area
        area, flip_flops, cells = Counter(), Counter(), Counter()
        for instance in self.netlist.instances:
            if instance.type in self.design.memories:
                continue
            cell = self.library.cell(instance.type)
            area[instance.module] += cell.area
            cells[instance.module] += 1
            flip_flops[instance.module] += cell.is_ff
        count = Counter()
        for name, number in self.netlist.instance_count.items():
            count[noun(name)] += number
        count["buffers"] = 1
        rows = [{"module": name, "instances": count[name], "ge": round(area[name] / gate, 1), "ge_per_lane": round(area[name] / gate / self.parameters.lanes, 1),
                 "flip_flops": flip_flops[name], "cells": cells[name],
                 "slowest_ns": max((round(stage["ns"], 3) for stage in self.stages if stage["module"] == name), default=None)}
                for name in sorted(area, key=lambda name: -area[name])]
        return rows

    def sram(self):
        """The memories, their bits and, where macros were given, their area."""
        count = Counter(instance.type for instance in self.netlist.instances if instance.type in self.design.memories)
        rows = []
        for name, number in sorted(count.items()):
            memory = self.design.memories[name]
            row = {"memory": noun(name), "words": memory.words, "width": memory.width, "instances": number, "bits": number * memory.bits}
            if name in self.memory_model.chosen:
                macro, tiles = self.memory_model.chosen[name]
                row.update(macro=macro.name, macros=number * tiles, area_um2=round(number * tiles * macro.area, 1),
                           used_share=round(memory.bits / (tiles * macro.words * macro.width), 3))
            rows.append(row)
        return rows

    def document(self):
        modules, sram = self.modules(), self.sram()
        ge = sum(row["ge"] for row in modules)
        lanes = self.parameters.lanes
        gate = self.library.nand2()
        bits = sum(row["bits"] for row in sram)
        access, setup = self.memory_model.access, self.memory_model.setup
        scale = self.library.time_unit / 1e-9
        document = {
            "flow": {"name": self.mapper.flow, "yosys": self.mapper.version, "options": self.mapper.options,
                     "sta": tools.version("sta") if self.stages else None, "library": self.library.name,
                     "liberty": [path.name for path in self.library.paths], "gate_equivalent": gate.name, "gate_area": gate.area},
            "lanes": lanes, "max_channels": self.parameters.max_channels, "dataflow": self.parameters.dataflow,
            "parameters": self.parameters.settings(),
            "ge": round(ge), "ge_per_lane": round(ge / lanes, 1),
            "flip_flops": sum(row["flip_flops"] for row in modules),
            "buffers": self.buffers,
            "sram_bits": bits, "sram_bits_per_channel": round(bits / self.parameters.max_channels, 2),
            "slowest_stage_ns": round(self.stages[0]["ns"], 3) if self.stages else None,
            "slowest_stage": self.stages[0]["stage"] if self.stages else None,
            "modules": modules,
            "stages": [{"stage": stage["stage"], "module": stage["module"], "ns": round(stage["ns"], 3), "endpoints": stage["endpoints"],
                        "start": stage.get("start"), "end": stage["end"]} for stage in self.stages],
            "sram": sram,
            "assumptions": self.assumptions(access * scale, setup * scale, bool(self.memory_model.chosen)),
        }
        return document

    def assumptions(self, access, setup, macros):
        gate = self.library.nand2()
        lines = [
            "post-synthesis: cells of the library, no placement, no wires, no clock tree, no scan, no power grid; an ideal clock without skew or jitter",
            f"a gate equivalent is the area of {gate.name}, the least two-input NAND of {self.library.name}, {gate.area:g}; cells alone, without room for wires",
            f"each module is mapped by itself and once: what crosses a module is not optimised; {self.mapper.driver.name} drives every input, "
            "every output is loaded as by four of its inputs",
            f"nets that cross modules get trees of {self.library.buffer().name} where their load asks for it; they are the row `buffers`",
            f"memories of {SRAM_LEAST_WORDS} words and more are SRAM and no part of the gate equivalents; smaller ones are flip-flops",
        ]
        if macros:
            lines.append("SRAM: the fewest square micrometres of the macros given, tiled in width and words; without decoders and multiplexers between "
                         "tiles, BIST or power rings; access and setup from the macro's file at the middle of its tables")
        else:
            lines.append(f"SRAM timing: none given (--sram); assumed {access:.2f} ns from clock to output and {setup:.2f} ns setup, as {ACCESS_GATES} and "
                         f"{SETUP_GATES} gates that drive four of their like")
        lines += ["a delay is clock to clock: from the launching edge through the register or memory and the logic to the setup of the end point; "
                  "streams and bus have the whole cycle for themselves outside (rtl/quasim.sdc)",
                  "registers that hold a layer's configuration have two cycles into the datapath (rtl/quasim.sdc says why)"]
        return lines
