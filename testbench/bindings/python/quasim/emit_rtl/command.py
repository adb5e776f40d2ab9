"""quasim emit-rtl: a unit with one layer's program as constants, on the command line."""

import argparse
import pathlib
import shutil
import tempfile

from ..commands import AGREE, Parser, named_path, run_command
from ..importer.bundles import put
from ..outputs import real, require_unread
from ..ppa.design import rtl_folder
from ..refusal import Refusal
from ..registers import CONSTANT
from . import program as layer_program
from . import unit

MARK = "program.json"  # the program that the unit was made of, beside it
TOP_FILE = "quasim_top.sv"
DESCRIPTION = """Writes the RTL of a unit of two_step whose multiplier, shift, rounding, bias words and table are those of a layer program, as
constants. It has the ports, the register map and the timing of quasim_top; weights and histories are loaded as ever, writes of
the rest are taken and change nothing."""
EPILOG = """Examples:
  quasim emit-rtl program.json -o unit                        the unit of 16 lanes
  quasim cosim layer00 --program program.json --rtl unit      is it the program?
  quasim ppa --rtl unit --max-channels 1024 --dataflow two_step --set Folded=1 --program program.json

Exit code: 0 done, 2 bad input or usage."""


def parse_arguments(arguments):
    parser = Parser(prog="quasim emit-rtl", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("program", type=pathlib.Path, metavar="PROGRAM", help="a layer program of two_step (quasim compile -o)")
    parser.add_argument("-o", "--output", type=named_path, required=True, metavar="DIR", help="folder to write; an older unit there is replaced")
    parser.add_argument("--lanes", type=int, default=CONSTANT["LanesDefault"], metavar="N", help="int8 lanes a beat (default: %(default)s)")
    parser.add_argument("--rtl", type=named_path, metavar="DIR", help="other sources than those of this installation")
    return parser.parse_args(arguments)


def write(folder, texts):
    """The folder, whole or not at all. Only a folder that holds an older unit and nothing else is replaced, and none in which one stands."""
    target = real(folder)
    if target.exists():
        if not target.is_dir():
            raise Refusal(folder, "-o", "a folder", "a file")
        if target == pathlib.Path.cwd():
            raise Refusal(folder, "-o", "another folder than the one that you are in")
        held = {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir()}
        strange = sorted(held if held and TOP_FILE not in held else held - set(texts))
        if strange:
            raise Refusal(folder, "-o", "no folder yet, an empty one, or an older unit and nothing else", f"one that holds {strange[0]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            unit_folder = temporary / "unit"
            for name, text in texts.items():
                (unit_folder / name).parent.mkdir(parents=True, exist_ok=True)
                (unit_folder / name).write_text(text)
            put(unit_folder, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise Refusal(folder, "-o", "a place that can be written", error.strerror or error) from None


def run(arguments):
    options = parse_arguments(arguments)
    if not CONSTANT["LanesMin"] <= options.lanes <= CONSTANT["LanesMax"]:
        raise Refusal("", "--lanes", f"{CONSTANT['LanesMin']} to {CONSTANT['LanesMax']}", options.lanes)
    require_unread(options.output, [options.program, options.rtl])
    program = layer_program.read(options.program)
    texts, parameters = unit.files(rtl_folder(options.rtl), program, options.lanes)
    write(options.output, {**texts, MARK: options.program.read_text()})
    print(f"{options.output}: {len(texts)} files, {program.name}, " + " ".join(f"{name}={value}" for name, value in parameters.items()))
    return AGREE


def main(arguments=None):
    """Runs the command and returns its exit code; what is wrong is one line on stderr."""
    return run_command("emit-rtl", run, arguments)
