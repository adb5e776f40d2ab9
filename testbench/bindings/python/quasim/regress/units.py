"""The units that sequences run through, and the program that Icarus makes of a unit and its bench."""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

from ..refusal import Refusal

TOP = "quasim_smoke_tb"
BENCH_FILES = ("quasim_monitor.sv", "quasim_smoke_tb.sv")
BENCH_LIST = "smoke_benches.txt"


def units_of(bench):
    """{name: parameters other than the bench's defaults} of the units that the bench's folder lists."""
    lines = [line.split() for line in (bench / BENCH_LIST).read_text().splitlines() if not line.startswith("#")]
    return {name.lstrip("+"): {key: int(value) for key, value in (word.split("=") for word in words)} for name, *words in lines}


def tool(name, package):
    path = shutil.which(name)
    if path is None:
        raise Refusal("", name, f"the program {name}; install {package}", "none on PATH")
    return path


def sources(rtl, bench):
    """What a simulation is made of, in the order of compilation. Any RTL with a quasim_top of the same ports will do."""
    packages = [rtl / "generated/quasim_pkg.sv", rtl / "generated/quasim_map_pkg.sv"]
    own_registers = [rtl / "generated/quasim_regs.sv"] if (rtl / "generated/quasim_regs.sv").is_file() else []
    modules = sorted(path for path in rtl.iterdir() if path.suffix in (".sv", ".v"))
    files = [*packages, *own_registers, *modules, *(bench / name for name in BENCH_FILES)]
    for file in files:
        if not file.is_file():
            raise Refusal("", str(rtl), f"the file {file.name}", "none")
    return files


INCLUDE = re.compile(r"`include[ \t]*(?:[\"<]([^\">\n]+)[\">])?")
COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.S)


def included(rtl, files):
    """The files that sources include, and those that these include: all in the RTL's folder or beside the file that names them."""
    found, waiting = [], list(files)
    while waiting:
        file = waiting.pop()
        for name in INCLUDE.findall(COMMENT.sub(" ", file.read_text(errors="replace"))):
            there = next((path for path in (file.parent / name, rtl / name) if name and path.is_file()), None)
            if there is None:
                raise Refusal(file, f'`include "{name}"', f"a file in {rtl}", "none")
            if there not in found:
                found.append(there)
                waiting.append(there)
    return sorted(found)


def text_number(files):
    """A number of everything that the sources say."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def number_of(rtl, bench):
    """That of a unit's sources, with all that they may include."""
    files = sources(rtl, bench)
    return text_number([*files, *included(rtl, files)])


def require_number(rtl, bench, number):
    """Raises Refusal where the sources are not those that the number is of."""
    if number_of(rtl, bench) != number:
        raise Refusal("", str(rtl), "sources that stay as they are while they are simulated", "an edit: begin again in a new folder")


def cache_folder():
    """Where built units are kept, as for co-simulation."""
    for variable, tail in (("QUASIM_UNIT_CACHE", ""), ("XDG_CACHE_HOME", "quasim/units"), ("HOME", ".cache/quasim/units")):
        if os.environ.get(variable):
            return pathlib.Path(os.environ[variable]).absolute() / tail
    raise Refusal("", "QUASIM_UNIT_CACHE", "a directory to keep built units in", "none")


def build(unit, rtl, bench):
    """The program of a unit, for vvp: four-valued, so that an unknown value at a pin is a difference. Built once for every text of the
    sources, by whichever process comes first."""
    files, number = sources(rtl, bench), number_of(rtl, bench)
    icarus = tool("iverilog", "the Debian package iverilog")
    flags = ["-g2012", "-I", str(rtl), *(f"-P{TOP}.{name}={value}" for name, value in units_of(bench)[unit].items()), "-s", TOP]
    version = subprocess.run([icarus, "-V"], capture_output=True, text=True, check=False).stdout.split("\n", 1)[0]
    program = cache_folder() / f"bench_{hashlib.sha256(chr(10).join([number, version, *flags]).encode()).hexdigest()[:32]}.vvp"
    program.parent.mkdir(parents=True, exist_ok=True)
    with open(program.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.is_file():
            new = program.with_suffix(".new")
            done = subprocess.run([icarus, *flags, "-o", str(new), *map(str, files)], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                said = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line]
                raise Refusal("", str(rtl), f"RTL and bench that Icarus builds (unit {unit})", (said or ["it said nothing"])[0])
            require_number(rtl, bench, number)
            os.replace(new, program)
    return program
