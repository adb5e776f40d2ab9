"""Blocks of SystemVerilog sources that repeat the ports of a module; the module's port list is their home.

A block lies between the lines `// [KIND of MODULE: scripts/emit_spec.py]` and `// [end]`. KIND is

  pins      in a bench of quasim_top: a signal for each port, under the bench's name for it; what the unit reads begins at 0
  wiring    between the parentheses of its instance: each port with that signal
  view      in the port list of a module of a bench: those signals, as inputs
  ports     in the port list of a checker: the module's ports under their own names, as inputs, for a bind with .*

Of the last two a block holds what the rest of its file names. Blocks and not an include: a bench is one file that any simulator
compiles without a path of includes, in a kit too.
"""
import re
import sys

from spec_emit.spec import ROOT, upper

BLOCK = re.compile(r"^( *)// \[(\w+) of (\w+): scripts/emit_spec\.py\]\n(.*?)^ *// \[end\]\n(?=\s*(\S\S))", re.M | re.S)
PORT = re.compile(r"(input|output)\s+logic\s+(?:(signed)\s+)?(?:\[([^\]]*)\]\s*)?(\w+),?")
PLACES = ("rtl/checkers/*.sv", "testbench/**/*.sv", "docs/**/*.sv")
INSTANCE = re.compile(r"^ *quasim_top\b[^;]*?\(", re.M)
COLUMNS = 140
PREFIXES = (("s_axis_", "s_"), ("m_axis_", "m_"), ("s_axil_", ""))


def source_of(module):
    return next(path for path in (ROOT / f"rtl/generated/{module}.sv", ROOT / f"rtl/{module}.sv") if path.is_file())


def ports_of(module, generated):
    """[(direction, "signed" or "", range without brackets or "", name)] of a module, as it is written or about to be."""
    source = source_of(module)
    text = re.sub(r"//[^\n]*", "", generated.get(str(source.relative_to(ROOT))) or source.read_text())
    listed = re.search(rf"^module {module}\b(?:\s*#\(.*?\n\))? \((.*?)\n\);", text, re.M | re.S)[1]
    ports = []
    for line in filter(None, map(str.strip, listed.splitlines())):
        port = PORT.fullmatch(line) or sys.exit(f"emit_spec: {source.relative_to(ROOT)}: expected a port a line, input or output logic; got {line!r}")
        ports.append((port[1], port[2] or "", port[3] or "", port[4]))
    return ports


def plain(spec, bits):
    """A range without constants of quasim_pkg, which a bench of another unit need not have."""
    for constant in spec.constants:
        bits = re.sub(rf"\bquasim_pkg::{upper(constant['name'])}\b", str(constant["value"]), bits)
    high, low = bits.split(":")
    return f"{int(eval(high))}:{low}" if re.fullmatch(r"[\d*/+-]+", high) else bits  # numbers and signs alone


def signal(port):
    """A bench's name for a pin."""
    for prefix, short in PREFIXES:
        if port.startswith(prefix):
            return short + port[len(prefix):]
    return re.sub(r"(_n)?_?[io]$", r"\1", port)


def filled(head, words, indent):
    """Words in lines of COLUMNS at most, those after the first line aligned with it."""
    lines = [indent + head]
    for word in words:
        if len(lines[-1]) + len(word) > COLUMNS and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append(indent + " " * len(head))
        lines[-1] += word + " "
    return [line.rstrip() for line in lines]


def pins(spec, ports, indent, _):
    shapes = {}
    for direction, _, bits, name in ports:
        value = {"output": "", "input": " = '1" if name.endswith("wstrb") else " = '0"}[direction]
        shapes.setdefault(f"[{plain(spec, bits)}] " if bits else "", []).append(signal(name) + value)
    column = max(map(len, shapes))
    out = []
    for bits, names in shapes.items():
        out += filled(f"logic {bits:<{column}}", [name + "," for name in names[:-1]] + [names[-1] + ";"], indent)
    return out


def wiring(_, ports, indent, __):
    lines, last = [], ports[-1][3]
    interfaces = {}
    for _, _, _, name in ports:
        interfaces.setdefault(next((prefix for prefix, _ in PREFIXES if name.startswith(prefix)), ""), []).append(name)
    for names in interfaces.values():
        lines += filled("", [f".{name}({signal(name)})" + ("" if name == last else ",") for name in names], indent)
    return lines


def inputs(ports, indent, rest):
    """Those of the ports (sign, range, name) that the rest of the file names, as inputs; the last has a comma where others follow."""
    named = [(" ".join(filter(None, [sign, f"[{bits}]" if bits else ""])), name) for sign, bits, name in ports if re.search(rf"\b{name}\b", rest)]
    column = max(len(shape) for shape, _ in named)
    lines = [f"{indent}input logic {shape:<{column}} {name}," if column else f"{indent}input logic {name}," for shape, name in named]
    return lines[:-1] + [lines[-1][:-1] if rest.closes else lines[-1]]


def view(spec, ports, indent, rest):
    return inputs([("", plain(spec, bits) if bits else "", signal(name)) for _, _, bits, name in ports], indent, rest)


def seen(_, ports, indent, rest):
    return inputs([port[1:] for port in ports], indent, rest)


class Rest(str):
    """A file without its blocks, binds and comments; closes: whether a port list ends with the block in question."""

    closes = False


KINDS = {"pins": pins, "wiring": wiring, "view": view, "ports": seen}


def fill(spec, text, generated):
    """A source with its blocks as they should be."""
    rest = Rest(re.sub(r"//[^\n]*|^bind [^;]*;", "", BLOCK.sub("", text), flags=re.M))

    def block(match):
        rest.closes = match[5] == ");"
        lines = KINDS[match[2]](spec, ports_of(match[3], generated), match[1], rest)
        return "\n".join([f"{match[1]}// [{match[2]} of {match[3]}: scripts/emit_spec.py]", *lines, f"{match[1]}// [end]", ""])
    return BLOCK.sub(block, text)


def texts(spec, generated):
    """{path: what it should hold} of every source with a block. An instance of quasim_top without one is refused. generated: {path: text} of
    what is written beside them."""
    out = {}
    for path in sorted(path for place in PLACES for path in ROOT.glob(place)):
        text = path.read_text()
        name = str(path.relative_to(ROOT))
        if "scripts/emit_spec.py]" in text:
            out[name] = fill(spec, text, generated)
        if INSTANCE.search(text) and "// [wiring of quasim_top:" not in text:
            sys.exit(f"emit_spec: {name} wires quasim_top by hand; scripts/spec_emit/blocks.py tells how a bench is wired")
    return out


def sources(names):
    """The files whose port lists the blocks of those files repeat."""
    return sorted({source_of(match[3]) for name in names for match in BLOCK.finditer((ROOT / name).read_text())})
