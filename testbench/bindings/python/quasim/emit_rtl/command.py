"""quasim emit-rtl: a unit with one layer's program as constants, on the command line."""

import argparse
import os
import pathlib
import shutil
import tempfile

from ..commands import AGREE, Parser, run_command
from ..ppa.design import rtl_folder
from ..refusal import Refusal
from ..registers import CONSTANT
from . import program as layer_program
from . import unit

MARK = "program.json"  # what tells a folder of ours from another
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
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="DIR", help="folder to write; an older unit there is replaced")
    parser.add_argument("--lanes", type=int, default=CONSTANT["LanesDefault"], metavar="N", help="int8 lanes a beat (default: %(default)s)")
    parser.add_argument("--rtl", type=pathlib.Path, metavar="DIR", help="other sources than those of this installation")
    return parser.parse_args(arguments)


def write(folder, texts):
    """The folder, whole or not at all; only a folder of ours is replaced."""
    if folder.exists() and not (folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir()))):
        raise Refusal(folder, "-o", "no folder yet, an empty one, or an older unit", "something else")
    if not folder.resolve().parent.is_dir():
        raise Refusal(folder, "-o", "a folder in a folder that is there")
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.resolve().parent))
    try:
        for name, text in texts.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_text(text)
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def run(arguments):
    options = parse_arguments(arguments)
    if not CONSTANT["LanesMin"] <= options.lanes <= CONSTANT["LanesMax"]:
        raise Refusal("", "--lanes", f"{CONSTANT['LanesMin']} to {CONSTANT['LanesMax']}", options.lanes)
    program = layer_program.read(options.program)
    texts, parameters = unit.files(rtl_folder(options.rtl), program, options.lanes)
    write(options.output, {**texts, MARK: options.program.read_text()})
    print(f"{options.output}: {len(texts)} files, {program.name}, " + " ".join(f"{name}={value}" for name, value in parameters.items()))
    return AGREE


def main(arguments=None):
    """Runs the command and returns its exit code; what is wrong is one line on stderr."""
    return run_command("emit-rtl", run, arguments)
