"""Blocks of SystemVerilog sources that repeat the ports or parameters of a module; the module's own list is their home.

A block lies between the lines `// [KIND of MODULE: scripts/emit_spec.py]` and `// [end]`. KIND is

  pins        in a bench of quasim_top: a signal for each port, under the bench's name for it; what the unit reads begins at 0
  wiring      between the parentheses of its instance: each port with that signal
  view        in the port list of a module of a bench: those signals, as inputs
  ports       in the port list of a checker: the module's ports under their own names, as inputs, for a bind with .*
  parameters  in the parameter list of a bench: the module's parameters with their defaults, but those that the bench declares itself
  values      between #( and ) of an instance: each parameter with the bench's parameter of that name
  map         in a module with these parameters: the functions of quasim_map_pkg that need them, without them
  told        likewise: a task that writes the parameters into a file, as the flags of a simulator name them

Of view and ports a block holds what the rest of its file names. Blocks and not an include: a bench is one file that any simulator
compiles without a path of includes, in a kit too.
"""
import re
import sys

from spec_emit.spec import ROOT, upper

BLOCK = re.compile(r"^( *)// \[(\w+) of (\w+): scripts/emit_spec\.py\]\n(.*?)^ *// \[end\]\n(?=\s*(\S))", re.M | re.S)
MARK = "scripts/emit_spec.py]"
PORT = re.compile(r"(input|output)\s+logic\s+(?:(signed)\s+)?(?:\[([^\]]*)\]\s*)?(\w+),?")
PARAMETER = re.compile(r"parameter\s+int\s+(\w+)\s*=\s*(.*?),?")
OF_UNIT = re.compile(r"function automatic ([^;()]+) (\w+)\(\s*input int index, input int lanes\b")
PLACES = ("rtl/checkers/*.sv", "testbench/**/*.sv", "docs/**/*.sv")
INSTANCE = re.compile(r"^ *quasim_top\b[^;]*?\(", re.M)
COLUMNS = 140
PREFIXES = (("s_axis_", "s_"), ("m_axis_", "m_"), ("s_axil_", ""))


class Refusal(Exception):
    """A block, or the list that it repeats, is not as it must be."""


def source_of(module):
    for path in (ROOT / f"rtl/generated/{module}.sv", ROOT / f"rtl/{module}.sv"):
        if path.is_file():
            return path
    raise Refusal(f"no module {module} in rtl")


class Module:
    """The lists of a module, as it is written or about to be."""

    def __init__(self, name, generated):
        self.source = str(source_of(name).relative_to(ROOT))
        self.generated = generated
        text = re.sub(r"//[^\n]*", "", generated.get(self.source) or (ROOT / self.source).read_text())
        self.lists = re.search(rf"^module {name}\b(?:\s*#\((.*?)\n\))? \((.*?)\n\);", text, re.M | re.S)
        if self.lists is None:
            raise Refusal(f"{self.source}: expected module {name} with its ports a line each")

    def entries(self, number, shape, what):
        for line in filter(None, map(str.strip, (self.lists[number] or "").splitlines())):
            entry = shape.fullmatch(line)
            if entry is None:
                raise Refusal(f"{self.source}: expected {what}; got {line!r}")
            yield entry

    def parameters(self):
        """[(name, default)]"""
        return [(entry[1], entry[2]) for entry in self.entries(1, PARAMETER, "a parameter a line, parameter int NAME = DEFAULT")]

    def ports(self):
        """[(direction, "signed" or "", range without brackets or "", name)]"""
        return [(entry[1], entry[2] or "", entry[3] or "", entry[4]) for entry in self.entries(2, PORT, "a port a line, input or output logic")]

    def map_functions(self):
        """[(type of the result, name)] of the functions of quasim_map_pkg that take the unit's parameters."""
        return OF_UNIT.findall(self.generated["rtl/generated/quasim_map_pkg.sv"])


def plain(spec, bits):
    """A range without constants of quasim_pkg, which a bench of another unit need not have."""
    value = {upper(name): str(number) for name, number in spec.value.items()}
    bits = re.sub(r"\bquasim_pkg::(\w+)", lambda match: value.get(match[1], match[0]), bits)
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


def pins(spec, module, indent, _):
    shapes = {}
    for direction, _, bits, name in module.ports():
        value = {"output": "", "input": " = '1" if name.endswith("wstrb") else " = '0"}[direction]
        shapes.setdefault(f"[{plain(spec, bits)}] " if bits else "", []).append(signal(name) + value)
    column = max(map(len, shapes))
    out = []
    for bits, names in shapes.items():
        out += filled(f"logic {bits:<{column}}", [name + "," for name in names[:-1]] + [names[-1] + ";"], indent)
    return out


def wiring(_, module, indent, __):
    lines, last = [], module.ports()[-1][3]
    interfaces = {}
    for _, _, _, name in module.ports():
        interfaces.setdefault(next((prefix for prefix, _ in PREFIXES if name.startswith(prefix)), ""), []).append(name)
    for names in interfaces.values():
        lines += filled("", [f".{name}({signal(name)})" + ("" if name == last else ",") for name in names], indent)
    return lines


def inputs(ports, indent, rest):
    """Those of the ports (sign, range, name) that the rest of the file names, as inputs; the last has a comma where others follow."""
    words = set(re.findall(r"\w+", rest))
    named = [(" ".join(filter(None, [sign, f"[{bits}]" if bits else ""])), name) for sign, bits, name in ports if name in words]
    column = max(len(shape) for shape, _ in named)
    lines = [f"{indent}input logic {shape:<{column}} {name}," if column else f"{indent}input logic {name}," for shape, name in named]
    return lines[:-1] + [lines[-1][:-1] if rest.closes else lines[-1]]


def view(spec, module, indent, rest):
    return inputs([("", plain(spec, bits) if bits else "", signal(name)) for _, _, bits, name in module.ports()], indent, rest)


def seen(_, module, indent, rest):
    return inputs([port[1:] for port in module.ports()], indent, rest)


def declared(_, module, indent, rest):
    """Aligned with those that the file declares itself."""
    column = max(len(name) for name, _ in module.parameters())
    own = re.findall(r"\bparameter\s+int\s+(\w+)", rest)
    lines = [f"{indent}parameter int {name:<{column}} = {default}," for name, default in module.parameters() if name not in own]
    return lines[:-1] + [lines[-1][:-1] if rest.closes else lines[-1]]


def values(_, module, indent, __):
    names = [name for name, _ in module.parameters()]
    return filled("", [f".{name}({name}){'' if name == names[-1] else ','}" for name in names], indent)


def unit_map(spec, module, indent, _):
    arguments = ", ".join(["index", *spec.parameter])
    lines = []
    for result, name in module.map_functions():
        lines += [f"{indent}function automatic {result} unit_{name}(input int index);",
                  f"{indent}  unit_{name} = {name}({arguments});", f"{indent}endfunction"]
    return lines


def told(_, module, indent, __):
    names = [name for name, _ in module.parameters()]
    return [f"{indent}task automatic tell_parameters(input integer file);",
            f'{indent}  $fdisplay(file, "parameters {" ".join(name + "=%0d" for name in names)}",',
            f"{indent}            {', '.join(names)});", f"{indent}endtask"]


class Rest(str):
    """A file without its blocks, binds and comments; closes: whether a list ends with the block in question."""

    closes = False


KINDS = {"pins": pins, "wiring": wiring, "view": view, "ports": seen, "parameters": declared, "values": values, "map": unit_map, "told": told}


def fill(spec, text, generated):
    """A source with its blocks as they should be."""
    found = [match[2] for match in BLOCK.finditer(text)]
    if len(found) != text.count(MARK):
        raise Refusal(f"{text.count(MARK)} lines name {MARK[:-1]}, but {len(found)} of them begin a block that ends in // [end]")
    for kind in found:
        if kind not in KINDS:
            raise Refusal(f"no block is of the kind {kind}; there are {', '.join(KINDS)}")
    rest = Rest(re.sub(r"//[^\n]*|^bind [^;]*;", "", BLOCK.sub("", text), flags=re.M))

    def block(match):
        rest.closes = match[5] == ")"
        lines = KINDS[match[2]](spec, Module(match[3], generated), match[1], rest)
        return "\n".join([f"{match[1]}// [{match[2]} of {match[3]}: scripts/emit_spec.py]", *lines, f"{match[1]}// [end]", ""])
    return BLOCK.sub(block, text)


def texts(spec, generated):
    """{path: what it should hold} of every source with a block. An instance of quasim_top without one is refused. generated: {path: text} of
    what is written beside them."""
    out = {}
    for path in sorted(path for place in PLACES for path in ROOT.glob(place)):
        text = path.read_text()
        name = str(path.relative_to(ROOT))
        try:
            if MARK in text:
                out[name] = fill(spec, text, generated)
        except Refusal as refusal:
            sys.exit(f"emit_spec: {name}: {refusal}")
        if INSTANCE.search(text) and "// [wiring of quasim_top:" not in text:
            sys.exit(f"emit_spec: {name} wires quasim_top by hand; scripts/spec_emit/blocks.py tells how a bench is wired")
    return out


def sources(names):
    """The files whose port lists the blocks of those files repeat."""
    return sorted({source_of(match[3]) for name in names for match in BLOCK.finditer((ROOT / name).read_text())})
