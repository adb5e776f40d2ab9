"""RTL against netlist, module by module: registers are cut, and ABC compares the logic between them for every input."""

import json
import re
import subprocess
import time

from . import tools
from .design import noun
from .netlist import register_names

TIME_LIMIT_S = 120
# How the RTL becomes gates for the comparison. `rtl`: bit by bit and nothing else. `words`: as the synthesis does it up to its gates,
# with its own adders and multipliers; for logic that no prover relates otherwise. What is compared then is all that follows.
GOLD = {"rtl": "proc\nopt_clean\nmemory_map\n", "words": "synth -noabc -run coarse:check\n"}
TO_GATES = "dffunmap\nopt_clean\ntechmap\nsimplemap\ndffunmap\nsimplemap\naigmap\nopt_clean\n"


def script(name, others, method):
    boxes = "".join(f"blackbox {other}\n" for other in others)
    return f"""read_rtlil design.il
{boxes}{GOLD[method]}{TO_GATES}write_json gold.json
design -reset
read_json mapped.json
read_rtlil boxes.il
{boxes}read_verilog cells_of_proof.v
flatten {name}
proc
opt_clean
{TO_GATES}write_json gate.json
"""


class Logic:
    """A module between its registers: inputs and outputs by name, and the AND gates and inverters from the ones to the others.
    Registers and inner modules are cut: what they put out is an input here."""

    def __init__(self, module):
        registers = register_names(module)
        self.inputs, self.outputs, self.gates, self.registers = {}, {}, {}, set()
        for port, description in module["ports"].items():
            for index, bit in enumerate(description["bits"]):
                if description["direction"] == "input":
                    self.inputs[bit] = f"{port}[{index}]"
                else:
                    self.outputs[f"{port}[{index}]"] = bit
        for cell_name, cell in module["cells"].items():
            kind, pins = cell["type"], cell["connections"]
            if kind in ("$_AND_", "$_NOT_"):
                self.gates[pins["Y"][0]] = [pins[pin][0] for pin in ("A", "B") if pin in pins]
            elif kind.startswith("$_DFF"):
                name = registers.get(pins["Q"][0])
                if name is None:
                    raise tools.Failed("comparison", f"a register without a name, {cell_name}")
                self.registers.add(name)
                self.inputs[pins["Q"][0]] = f"register {name}"
                self.outputs.update({f"next {name}": pins["D"][0], **self._asynchronous(kind, name, pins)})
            elif kind.startswith("$"):
                raise tools.Failed("comparison", f"{kind} is no gate")
            else:
                for port, bits in pins.items():
                    for index, bit in enumerate(bits):
                        if cell["port_directions"][port] == "output":
                            self.inputs[bit] = f"{cell_name}.{port}[{index}]"
                        else:
                            self.outputs[f"{cell_name}.{port}[{index}]"] = bit

    def _asynchronous(self, kind, name, pins):
        """When a register is set and cleared, as outputs; never is "0"."""
        reset = re.fullmatch(r"\$_DFF_P([NP])([01])_", kind)
        both = re.fullmatch(r"\$_DFFSR_P([NP])([NP])_", kind)
        conditions = {"set": "0", "clear": "0"}
        if reset is not None:
            conditions["set" if reset[2] == "1" else "clear"] = self._active(pins["R"][0], reset[1])
        elif both is not None:
            conditions = {"set": self._active(pins["S"][0], both[1]), "clear": self._active(pins["R"][0], both[2])}
        elif kind != "$_DFF_P_":
            raise tools.Failed("comparison", f"{kind} is no register that is known here")
        return {f"{condition} {name}": bit for condition, bit in conditions.items()}

    def _active(self, bit, polarity):
        """The bit, or its inverse where it acts when it is 0."""
        if polarity == "P":
            return bit
        if isinstance(bit, str):
            return "0" if bit == "1" else "1"
        self.gates[f"not{bit}"] = [bit]
        return f"not{bit}"

    def has_unknown(self):
        """Whether anything is x: what a read beyond the last row gives, say, for which the netlist may have any value."""
        return any(bit == "x" for bits in [self.outputs.values(), *self.gates.values()] for bit in bits)

    def _net(self, bit, place, prefix):
        if bit in ("0", "1", "x", "z"):
            return "one" if bit == "1" else "zero"
        return place[self.inputs[bit]] if bit in self.inputs else f"{prefix}{bit}"

    def _values(self, place, prefix):
        """The gates, with nets that begin so."""
        return [line for bit, operands in self.gates.items()
                for line in (f".names {' '.join(self._net(operand, place, prefix) for operand in operands)} {prefix}{bit}",
                             "11 1" if len(operands) == 2 else "0 1")]

    def _unknown(self, bit):
        return "one" if bit == "x" else f"u{bit}" if bit in self.gates else "zero"

    def _unknowns(self, place, prefix):
        """Where each gate puts out x: net u of it. An AND does not where an operand is 0."""
        lines = []
        for bit, operands in self.gates.items():
            if len(operands) == 1:
                lines += [f".names {self._unknown(operands[0])} u{bit}", "1 1"]
            else:
                pairs = " ".join(f"{self._unknown(operand)} {self._net(operand, place, prefix)}" for operand in operands)
                lines += [f".names {pairs} u{bit}", "1-1- 1", "1-01 1", "011- 1"]
        return lines

    def blif(self, name, inputs, outputs, gold):
        """Inputs and outputs in a common order, under numbers; an output that is x in `gold` is 0."""
        place = {text: f"i{number}" for number, text in enumerate(inputs)}
        lines = [f".model {name}", ".inputs " + " ".join(place[text] for text in inputs), ".outputs " + " ".join(f"o{n}" for n in range(len(outputs))),
                 ".names zero", ".names one", "1", *self._values(place, "n")]
        masked = gold.has_unknown()
        if masked:
            lines += [*gold._values(place, "g"), *gold._unknowns(place, "g")]
        for number, text in enumerate(outputs):
            unknown = gold._unknown(gold.outputs[text]) if masked else "zero"
            lines += [f".names {self._net(self.outputs[text], place, 'n')} {unknown} o{number}", "10 1"]
        return "\n".join([*lines, ".end", ""])


def compare(gold, gate, work, log):
    """What ABC says of the two, for every input. Where `gold` puts out x, `gate` may put out anything; x goes through gates as in a
    simulator, which knows no more than that it is 0 or 1."""
    inputs = sorted(set(gold.inputs.values()) | set(gate.inputs.values()))
    outputs = sorted(set(gold.outputs) & set(gate.outputs))
    nothing = [text for text in outputs if gold.outputs[text] == "x"]
    if nothing:
        raise tools.Failed("comparison", f"the RTL gives {nothing[0]} no value at all")
    (work / "gold.blif").write_text(gold.blif("gold", inputs, outputs, gold))
    (work / "gate.blif").write_text(gate.blif("gate", inputs, outputs, gold))
    return tools.run([tools.find("yosys-abc"), "-c", f"cec -T {TIME_LIMIT_S} gold.blif gate.blif"], work, log, timeout=2 * TIME_LIMIT_S)


def prove(mapper, name, others, work, method):
    """'equal', or why not: 'differs', 'no answer within ...', 'registers do not match', 'not compared: ...'."""
    (work / "prove.ys").write_text(script(name, others, method))
    try:
        tools.run([mapper.yosys, "-q", "-s", "prove.ys"], work, f"{name}.{method}.log", timeout=TIME_LIMIT_S)
        gold, gate = (Logic(json.loads((work / f"{side}.json").read_text())["modules"][name]) for side in ("gold", "gate"))
        said = compare(gold, gate, work, f"{name}.{method}.cec.log")
    except subprocess.TimeoutExpired:
        return f"no answer within {TIME_LIMIT_S} s"
    except tools.Failed as failure:
        return "not compared: " + failure.text.strip().splitlines()[-1]
    only = gold.registers ^ gate.registers
    if "Networks are equivalent" in said:
        return "equal" if not gate.registers - gold.registers else f"registers do not match: {len(only)}, as {sorted(only)[0]}"
    if "NOT EQUIVALENT" in said:
        return "differs" if not only else f"registers do not match: {len(only)}, as {sorted(only)[0]}"
    return f"no answer within {TIME_LIMIT_S} s" if "UNDECIDED" in said.upper() else "not compared: " + said.strip()[-200:]


def prepare(mapper, design, work):
    """What every proof reads beside design.il and mapped.json."""
    (work / "cells_of_proof.v").write_text("".join(mapper.library.cell(name).verilog(random_start=False) for name in sorted(cells_of(work))))
    (work / "boxes.il").write_text("\n".join(design.modules[name] for name in design.memories) + "\n")


def all_modules(mapper, design, work):
    """A row for each module: whether its netlist equals its RTL, and how that was shown."""
    rows = []
    prepare(mapper, design, work)
    for name in sorted(set(design.modules) - set(design.memories)):
        start = time.monotonic()
        method, result = "rtl", "not compared"
        for method in GOLD:
            result = prove(mapper, name, [other for other in design.modules if other != name], work, method)
            if result in ("equal", "differs"):
                break
        rows.append({"module": noun(name), "variant": name, "method": method, "result": result, "seconds": round(time.monotonic() - start, 1)})
    return rows


def cells_of(work):
    """Cells of the library that the mapped modules use."""
    return set(re.findall(r'"type": "(\w+)"', (work / "mapped.json").read_text())) & set(re.findall(r"\bcell\s*\(\s*\"?([\w.$\-]+)", (work / "cells.lib").read_text()))
