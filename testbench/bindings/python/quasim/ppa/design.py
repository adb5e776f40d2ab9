"""The RTL of the unit, elaborated for one set of parameters, and its memories."""

import hashlib
import os
import pathlib
import re
from dataclasses import dataclass, field

from ..refusal import Refusal
from . import tools

TOP = "quasim_top"
DATAFLOWS = {"two_step": 1, "fused": 2, "both": 3}
SRAM_LEAST_WORDS = 16  # a memory of fewer words stays flip-flops
_PACKAGE = pathlib.Path(__file__).resolve().parent
_MODULE = re.compile(r"^module (\S+)\n(.*?)^end\n", re.M | re.S)
_ILLEGAL = re.compile(r"\b(\w+_must_be_\w+|\w+_is_fixed_at_\w+)\b")


def rtl_folder(given=None):
    """The RTL: given, beside the package in a build, or below the prefix of an installation."""
    places = [pathlib.Path(given)] if given is not None else [
        _PACKAGE.parents[1] / "rtl", _PACKAGE.parents[3].parent / "share/quasim/rtl"]
    for place in places:
        if (place / f"{TOP}.sv").is_file():
            return place.resolve()
    raise Refusal("", "--rtl", f"a folder with {TOP}.sv", " and ".join(map(str, places)))


def bench_folder(rtl):
    """The smoke bench: beside the package in a build, or below the prefix of an installation."""
    places = [_PACKAGE.parents[1] / "bench", _PACKAGE.parents[3].parent / "share/quasim/bench", rtl.parent / "testbench/tests/rtl"]
    for place in places:
        if (place / "quasim_smoke_tb.sv").is_file():
            return place.resolve()
    raise Refusal("", "--netlist-sim", "a folder with quasim_smoke_tb.sv", " and ".join(map(str, places)))


def sources(rtl, forms):
    """The RTL as a flow reads it; a module that the folder `forms` of it has too, "asic" or "fpga", is taken from there."""
    modules = [rtl / forms / path.name if (rtl / forms / path.name).is_file() else path for path in sorted(rtl.glob("quasim_*.sv"))]
    return [rtl / "generated/quasim_pkg.sv", rtl / "generated/quasim_regs.sv", *modules]


@dataclass(frozen=True)
class Parameters:
    """The parameters of the top; `more` are those that have no option of their own."""

    lanes: int
    max_channels: int
    conv_bits: int
    mult_bits: int
    bias_bits: int
    dataflow: str
    more: tuple = ()

    def settings(self):
        return {"LANES": self.lanes, "MaxChannels": self.max_channels, "ConvBits": self.conv_bits, "MultBits": self.mult_bits,
                "BiasBits": self.bias_bits, "Dataflows": DATAFLOWS[self.dataflow], **dict(self.more)}


@dataclass
class Memory:
    """A memory of the unit that becomes an SRAM."""

    module: str
    width: int
    words: int

    @property
    def bits(self):
        return self.width * self.words


@dataclass
class Design:
    """Elaborated modules by plain name, as RTLIL."""

    parameters: Parameters
    modules: dict  # name: text
    memories: dict = field(default_factory=dict)  # name: Memory

    @property
    def text(self):
        return "\n".join(self.modules.values()) + "\n"

    def fingerprint(self, name):
        """Of what a module holds, whatever lines it stood on and whatever numbers Yosys gave to what has no name."""
        text = re.sub(r"^\s*attribute \\(src|hdlname) .*\n", "", self.modules[name], flags=re.M)
        numbers = {}
        text = re.sub(r"\$[^\s$]*\$\S+", lambda match: numbers.setdefault(match[0], f"$unnamed{len(numbers)}"), text)
        return hashlib.sha256(text.encode()).hexdigest()


def noun(module):
    """The module's name in the sources."""
    return module.partition("__")[0]


def base_name(name):
    """quasim_spill of $paramod\\quasim_spill\\Width=s32'... and of $paramod$012ab\\quasim_spill."""
    words = name.lstrip("\\").split("\\")
    return (words[1] if words[0] == "$paramod" else words[-1]) if len(words) > 1 else words[0]


def elaborate(yosys, rtl, parameters, work, forms="asic"):
    """The design for one set of parameters, for standard cells or an FPGA; Refusal for parameters that the unit refuses. Modules are read when they are used, since a unit
    with a program as constants takes no parameters but its own, not even the defaults of its modules."""
    settings = " ".join(f"-set {name} {value}" for name, value in parameters.settings().items())
    script = work / "elaborate.ys"
    script.write_text("".join(f"read_verilog -defer -sv {os.fspath(path)!r}\n".replace("'", '"') for path in sources(rtl, forms))
                      + f"chparam {settings} {TOP}\nhierarchy -check -top {TOP}\nrename -top {TOP}\nwrite_rtlil elaborated.il\n")
    try:
        tools.run([yosys, "-q", "-s", script.name], work, "elaborate.log")
    except tools.Failed as failure:
        illegal = _ILLEGAL.search(failure.text)
        unknown = re.search(r"chparam.*?(\w+)|Module .*?doesn't have a parameter named `?\\?(\w+)", failure.text) if illegal is None else None
        if illegal is not None:
            raise Refusal("", "parameters", illegal[1].replace("_", " "), settings.replace("-set ", "")) from None
        if unknown is not None and unknown[2]:
            raise Refusal("", unknown[2], f"a parameter of {TOP}", "none of that name") from None
        raise Refusal(rtl, "RTL", "sources that Yosys elaborates", failure.text.strip().splitlines()[-1]) from None
    return named(work / "elaborated.il", parameters)


def named(path, parameters):
    """Gives the derived modules plain names and finds the memories."""
    text = path.read_text()
    chunks = {match[1]: match[0] for match in _MODULE.finditer(text)}
    attributes = {}
    for match in re.finditer(r"((?:^attribute .*\n)+)^module (\S+)\n", text, re.M):
        attributes[match[2]] = match[1]
    by_base = {}
    for name in chunks:
        by_base.setdefault(base_name(name), []).append(name)
    plain = {}
    memories = {}
    for base, names in by_base.items():
        for number, name in enumerate(sorted(names)):
            found = re.findall(r"^\s*memory width (\d+) size (\d+) ", chunks[name], re.M)
            is_memory = base.startswith("quasim_ram") and len(found) == 1 and int(found[0][1]) >= SRAM_LEAST_WORDS
            new = base if len(names) == 1 else f"{base}__{number + 1}"
            if is_memory:
                new = f"{base}__{found[0][1]}x{found[0][0]}" + ("" if f"{base}__{found[0][1]}x{found[0][0]}" not in memories else f"_{number}")
                memories[new] = Memory(new, int(found[0][0]), int(found[0][1]))
            plain[name] = new
    replaced = re.compile(r"^(\s*(?:module|cell) )(\S+)", re.M)
    modules = {plain[name]: replaced.sub(lambda m: m[1] + ("\\" + plain[m[2]] if m[2] in plain else m[2]), attributes.get(name, "") + chunk)
               for name, chunk in chunks.items()}
    return Design(parameters, modules, memories)
