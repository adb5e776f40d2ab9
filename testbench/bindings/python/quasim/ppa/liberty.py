"""Liberty files: areas, functions, capacitances, energies, and the cells as Verilog. Reads what synthesis libraries hold, no more."""

import functools
import gzip
import pathlib
import re

from ..refusal import Refusal

LIMIT_BYTES = 256 << 20
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_CONTINUED = re.compile(r"\\[ \t]*\r?\n")
# A statement: a group `name (args) {`, a complex attribute `name (args)`, a simple one `name : value`, or the end of a group.
_STATEMENT = re.compile(r"""\s*(?:([\w.\-]+)\s*\(((?:[^()"]|"[^"]*")*)\)\s*(\{|;?)|([\w.\-]+)\s*:\s*("[^"]*"|[^;\n{}]*)\s*;?|(\})|;)""")
_CELL = re.compile(r"\bcell\s*\(\s*\"?([\w.$\-]+)\"?\s*\)\s*\{")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def text_of(path):
    """The text of a library, plain or packed by gzip."""
    path = pathlib.Path(path)
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as packed:
                data = packed.read(LIMIT_BYTES + 1)
    except (OSError, EOFError) as error:
        raise Refusal(path, "--liberty", "a liberty file that can be read", getattr(error, "strerror", None) or error) from None
    if len(data) > LIMIT_BYTES:
        raise Refusal(path, "--liberty", f"at most {LIMIT_BYTES} bytes")
    text = _CONTINUED.sub(" ", _COMMENT.sub(" ", data.decode("utf-8", "replace")))
    if not re.search(r"\blibrary\s*\(", text):
        raise Refusal(path, "--liberty", "a liberty file: library (NAME) { ... }")
    return text


def numbers(text):
    return [float(word) for word in _NUMBER.findall(text)]


class Group:
    """name (args) { attributes and groups }."""

    def __init__(self, name, args):
        self.name, self.args = name, [word.strip().strip('"') for word in args.split(",")] if args.strip() else []
        self.attributes, self.groups = {}, []

    def of(self, name):
        return [group for group in self.groups if group.name == name]

    def first(self, name):
        return next(iter(self.of(name)), None)

    def number(self, name, otherwise=None):
        found = _NUMBER.search(self.attributes.get(name, ""))
        return otherwise if found is None else float(found[0])


def parse_group(text, at, group):
    """Fills group with what stands from `at` to its closing brace; returns the place behind it."""
    while True:
        match = _STATEMENT.match(text, at)
        if match is None:
            raise ValueError(f"character {at} of a group {group.name}: {text[at:at + 40].strip()!r}")
        name, args, opening, attribute, value, closing = match.groups()
        at = match.end()
        if closing:
            return at
        if attribute is not None:
            group.attributes[attribute] = value.strip().strip('"')
        elif name is not None and opening == "{":
            inner = Group(name, args)
            at = parse_group(text, at, inner)
            group.groups.append(inner)
        elif name is not None:
            group.attributes[name] = args


def end_of_group(text, at):
    """The place behind the brace that closes the group whose contents begin at `at`."""
    depth = 1
    for match in re.compile(r'"[^"]*"|[{}]').finditer(text, at):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return match.end()
    raise ValueError("a group is not closed")


# ---- functions ----

def parse_function(text):
    """A liberty expression as nested tuples: ("!", a), ("&", a, b), ("|", a, b), ("^", a, b), a pin's name, or "0" and "1"."""
    tokens = re.findall(r"[\w\[\].]+|[!'()&*|+^]", text)
    place = 0

    def peek():
        return tokens[place] if place < len(tokens) else None

    def take():
        nonlocal place
        place += 1
        return tokens[place - 1]

    def primary():
        if peek() is None:
            raise ValueError(f"function {text!r} ends early")
        token = take()
        if token == "!":
            value = ("!", primary())
        elif token == "(":
            value = either()
            if peek() != ")":
                raise ValueError(f"function {text!r} lacks a parenthesis")
            take()
        else:
            value = token
        while peek() == "'":
            take()
            value = ("!", value)
        return value

    def exclusive():
        value = primary()
        while peek() == "^":
            take()
            value = ("^", value, primary())
        return value

    def both():
        value = exclusive()
        while peek() is not None and peek() not in (")", "|", "+"):
            if peek() in ("&", "*"):
                take()
            value = ("&", value, exclusive())
        return value

    def either():
        value = both()
        while peek() in ("|", "+"):
            take()
            value = ("|", value, both())
        return value

    value = either()
    if peek() is not None:
        raise ValueError(f"function {text!r} has {peek()!r} too much")
    return value


def evaluate(function, values):
    """The function's value, 0 or 1, where values maps the names of pins to 0 or 1."""
    if isinstance(function, str):
        return int(function) if function in ("0", "1") else values[function]
    operator, *operands = function
    bits = [evaluate(operand, values) for operand in operands]
    if operator == "!":
        return 1 - bits[0]
    return {"&": bits[0] & bits[1], "|": bits[0] | bits[1], "^": bits[0] ^ bits[1]}[operator]


def verilog_of(function):
    if isinstance(function, str):
        return f"1'b{function}" if function in ("0", "1") else function
    operator, *operands = function
    texts = [verilog_of(operand) for operand in operands]
    return f"~({texts[0]})" if operator == "!" else f"({texts[0]}) {operator} ({texts[1]})"


def names_in(function):
    if isinstance(function, str):
        return set() if function in ("0", "1") else {function}
    return set().union(*(names_in(operand) for operand in function[1:]))


# ---- tables ----

class Table:
    """A lookup table over one or two variables; interpolates, and holds its edge values outside."""

    def __init__(self, group, template):
        variables = [template.attributes.get(f"variable_{n}") for n in (1, 2)] if template is not None else [None, None]
        self.variables = [name for name in variables if name is not None]
        self.axes = []
        for n in range(1, len(self.variables) + 1):
            text = group.attributes.get(f"index_{n}") or (template.attributes.get(f"index_{n}") if template is not None else "")
            self.axes.append(numbers(text or "0"))
        self.values = numbers(group.attributes.get("values", "0"))

    def at(self, load, slew):
        points = [load if "capacitance" in name else slew for name in self.variables]
        if not points:
            return self.values[0]
        places = [self._place(axis, point) for axis, point in zip(self.axes, points)]
        if len(places) == 1:
            (low, part), = places
            return self._between(self.values[low], self.values[min(low + 1, len(self.values) - 1)], part)
        (row, row_part), (column, column_part) = places
        width = len(self.axes[1])

        def value(r, c):
            return self.values[min(r, len(self.axes[0]) - 1) * width + min(c, width - 1)]

        return self._between(self._between(value(row, column), value(row, column + 1), column_part),
                             self._between(value(row + 1, column), value(row + 1, column + 1), column_part), row_part)

    @staticmethod
    def _between(a, b, part):
        return a + (b - a) * part

    @staticmethod
    def _place(axis, point):
        """Index of the left neighbour and the share of the way to the right one."""
        if len(axis) < 2 or point <= axis[0]:
            return 0, 0.0
        for low in range(len(axis) - 1):
            if point <= axis[low + 1]:
                return low, (point - axis[low]) / (axis[low + 1] - axis[low])
        return len(axis) - 1, 0.0


# ---- cells ----

class Cell:
    """A cell: area, pins with direction and capacitance, functions of the outputs, the flip-flop inside if there is one."""

    def __init__(self, name, group, library):
        self.name, self.group, self.library = name, group, library
        self.area = group.number("area", 0.0)
        states = [one.number("value", 0.0) for one in group.of("leakage_power")]
        self.leakage = group.number("cell_leakage_power", sum(states) / len(states) if states else 0.0)
        self.pins = {pin.args[0]: pin for pin in group.of("pin")}
        self.inputs = [name for name, pin in self.pins.items() if pin.attributes.get("direction") == "input"]
        self.outputs = [name for name, pin in self.pins.items() if pin.attributes.get("direction") == "output"]
        self.ff = group.first("ff")
        self.is_latch = group.first("latch") is not None
        self._energy = {}

    @property
    def is_ff(self):
        return self.ff is not None

    @property
    def is_inverter(self):
        if len(self.inputs) != 1 or len(self.outputs) != 1 or self.is_ff or self.is_latch:
            return False
        function = self.function(self.outputs[0])
        return function is not None and [evaluate(function, {self.inputs[0]: value}) for value in (0, 1)] == [1, 0]

    @property
    def usable(self):
        return self.group.attributes.get("dont_use", "false").lower() != "true"

    def capacitance(self, pin):
        group = self.pins[pin]
        return max(group.number("capacitance", 0.0), group.number("rise_capacitance", 0.0), group.number("fall_capacitance", 0.0))

    def max_load(self, pin):
        return self.pins[pin].number("max_capacitance")

    def function(self, pin):
        text = self.pins[pin].attributes.get("function")
        return None if text is None else parse_function(text)

    def is_clock(self, pin):
        return self.ff is not None and pin in names_in(parse_function(self.ff.attributes["clocked_on"]))

    def energy(self, pin, load, slew):
        """Internal energy of a rise and a fall of the pin, in the library's unit of energy; (0, 0) where it has none. The mean over
        the conditions, since the file says nothing of how often each holds."""
        if pin not in self._energy:
            self._energy[pin] = [[self.library.table(table) for group in self.pins[pin].of("internal_power") for table in group.of(kind)
                                  if group.attributes.get("related_pg_pin", "VDD") not in ("VSS", "GND")]
                                 for kind in ("rise_power", "fall_power")]
        return tuple(sum(table.at(load, slew) for table in tables) / len(tables) if tables else 0.0 for tables in self._energy[pin])

    def verilog(self, random_start=True):
        """The cell as a module: its functions, and a flip-flop that begins with a random bit or an unknown one."""
        state = {}
        lines = []
        if self.ff is not None:
            plain, inverted = (self.ff.args + ["", ""])[:2]
            state = {plain: "state_q", inverted: "~state_q"}
            lines += self._flip_flop(random_start)
        elif self.is_latch:
            raise Refusal("", self.name, "a cell without latches")
        for pin in self.outputs:
            function = self.function(pin)
            if function is None:
                raise Refusal("", f"{self.name}.{pin}", "a function in the liberty file")
            lines.append(f"  assign {pin} = {substituted(verilog_of(function), state)};")
        ports = ", ".join([f"input {pin}" for pin in self.inputs] + [f"output {pin}" for pin in self.outputs])
        return "\n".join([f"module {self.name} ({ports});", *lines, "endmodule", ""])

    def _flip_flop(self, random_start):
        ff = self.ff.attributes
        clock = parse_function(ff["clocked_on"])
        edge = "negedge" if isinstance(clock, tuple) else "posedge"
        (clock_pin,) = names_in(clock)
        events, branches = [f"{edge} {clock_pin}"], []
        for kind, value in (("clear", "1'b0"), ("preset", "1'b1")):
            if kind in ff:
                condition = parse_function(ff[kind])
                (pin,) = names_in(condition)
                events.append(f"{'negedge' if isinstance(condition, tuple) else 'posedge'} {pin}")
                branches.append(f"if ({verilog_of(condition)}) state_q <= {value}; else ")
        return ["  reg state_q;", *(["  initial state_q = $random;"] if random_start else []),
                f"  always @({' or '.join(events)}) {''.join(branches)}state_q <= {verilog_of(parse_function(ff['next_state']))};"]


def substituted(text, names):
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda match: f"({names[match[0]]})" if match[0] in names else match[0], text)


UNITS = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}


def unit_of(text, otherwise):
    """1ns, 10ps, 1nW as a number of seconds, watts ..."""
    match = re.match(r"\s*([\d.]+)\s*([fpnum]?)[a-zA-Z]*", text or "")
    return otherwise if match is None else float(match[1]) * UNITS[match[2]]


class Library:
    """One library, or several of the same process joined."""

    def __init__(self, paths):
        self.paths = [pathlib.Path(path) for path in paths]
        texts = [text_of(path) for path in self.paths]
        self._cell_text, heads = {}, []
        for path, text in zip(self.paths, texts):
            try:
                heads.append(self._read(text))
            except ValueError as error:
                raise Refusal(path, "--liberty", "a liberty file", error) from None
        self.head = heads[0]
        self._templates = {group.args[0]: group for head in heads for group in head.groups if group.name.endswith("_template") or group.name == "power_lut_template"}
        self._cells, self._merged = {}, self._joined(texts)
        self.name = self.head.args[0] if self.head.args else "library"
        if not self._cell_text:
            raise Refusal(self.paths[0], "--liberty", "cells", "none")
        capacitance = re.split(r"[,\s]+", self.head.attributes.get("capacitive_load_unit", "1,pf").strip())
        self.capacitance_unit = float(capacitance[0]) * UNITS[capacitance[1].strip('"')[0].lower()]
        self.time_unit = unit_of(self.head.attributes.get("time_unit"), 1e-9)
        self.leakage_unit = unit_of(self.head.attributes.get("leakage_power_unit"), 1e-9)
        self.voltage = self.head.number("nom_voltage", 1.0)
        # internal_power is in units of capacitance times voltage squared
        self.energy_unit = self.capacitance_unit * unit_of(self.head.attributes.get("voltage_unit"), 1.0) ** 2

    def _read(self, text):
        """The library's own attributes and templates; cells stay text until they are asked for."""
        rest, at = [], 0
        for match in _CELL.finditer(text):
            if match.start() < at:
                continue
            rest.append(text[at:match.start()])
            at = end_of_group(text, match.end())
            self._cell_text[match[1]] = text[match.end():at]
        rest.append(text[at:])
        outer = "".join(rest)
        opening = re.search(r"\blibrary\s*\(([^)]*)\)\s*\{", outer)
        head = Group("library", opening[1])
        parse_group(outer, opening.end(), head)
        return head

    def _joined(self, texts):
        """One text with the cells and templates of all, for tools that read one file."""
        if len(texts) == 1:
            return texts[0]
        first, at = texts[0], texts[0].rindex("}")
        known = set(re.findall(r"\b\w+_template\s*\(\s*\"?([\w]+)", first))
        extra = []
        for text in texts[1:]:
            for match in re.finditer(r"\b\w+_template\s*\(\s*\"?(\w+)\"?\s*\)\s*\{|" + _CELL.pattern, text):
                if match[1] is None or match[1] not in known:
                    extra.append(text[match.start():end_of_group(text, match.end())])
                    known.add(match[1])
        return first[:at] + "\n".join(extra) + "\n}\n"

    @property
    def text(self):
        return self._merged

    def __contains__(self, name):
        return name in self._cell_text

    def cell(self, name) -> Cell:
        if name not in self._cells:
            group = Group("cell", name)
            try:
                parse_group(self._cell_text[name], 0, group)
            except ValueError as error:
                raise Refusal(self.paths[0], name, "a cell", error) from None
            self._cells[name] = Cell(name, group, self)
        return self._cells[name]

    def table(self, group):
        return Table(group, self._templates.get(group.args[0]) if group.args else None)

    def gates(self, function_of):
        """Cells of one output that compute what function_of(values of the inputs) computes, smallest area first; the number of
        inputs is function_of's."""
        inputs = function_of.__code__.co_argcount
        found = []
        for name, text in self._cell_text.items():
            if len(re.findall(r"\bfunction\s*:", text)) != 1 or re.search(r"\b(ff|latch|statetable)\s*\(", text) or "three_state" in text:
                continue
            cell = self.cell(name)
            if not cell.usable or len(cell.inputs) != inputs or len(cell.outputs) != 1:
                continue
            function = cell.function(cell.outputs[0])
            rows = [[row >> i & 1 for i in range(inputs)] for row in range(1 << inputs)]
            if all(evaluate(function, dict(zip(cell.inputs, row))) == function_of(*row) for row in rows):
                found.append(cell)
        if not found:
            raise Refusal(self.paths[0], "--liberty", "an inverter, a buffer and a NAND of two inputs")
        return sorted(found, key=lambda cell: (cell.area, cell.name))

    @functools.lru_cache(maxsize=None)  # a search through every cell
    def nand2(self):
        return self.gates(lambda a, b: 1 - (a & b))[0]

    def strong(self, cells):
        """The cell whose input is nearest four times the smallest's: a usual driver."""
        least = min(cell.capacitance(cell.inputs[0]) for cell in cells)
        return min(cells, key=lambda cell: abs(cell.capacitance(cell.inputs[0]) - 4 * least))

    @functools.lru_cache(maxsize=None)  # a search through every cell
    def inverter(self):
        return self.strong(self.gates(lambda a: 1 - a))

    @functools.lru_cache(maxsize=None)  # a search through every cell
    def buffer(self):
        """The buffer that can drive most."""
        cells = [cell for cell in self.gates(lambda a: a) if not re.search(r"clk|dly|delay", cell.name, re.I)]
        return max(cells or self.gates(lambda a: a), key=lambda cell: (cell.max_load(cell.outputs[0]) or 0.0, -cell.area))
