"""Small faults of the kinds a designer makes, as edits of one place in a line of source.

mutants_of(path, text) lists every fault that this module can make in a file. A fault is local: one operator, one constant, one
name. Comments and strings are never touched. A fault that does not compile counts for nothing, so the rules need not be exact.
"""
import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Mutant:
    file: str
    line: int    # from 1
    column: int  # from 0
    kind: str
    old: str     # what stands at the column
    new: str

    def apply(self, text):
        """The file's text with the fault in it."""
        lines = text.split("\n")
        line = lines[self.line - 1]
        if not line.startswith(self.old, self.column):
            raise ValueError(f"{self.file}:{self.line}: expected '{self.old}' at column {self.column}")
        lines[self.line - 1] = line[: self.column] + self.new + line[self.column + len(self.old):]
        return "\n".join(lines)

    def name(self):
        return f"{self.file}:{self.line}:{self.column}: {self.old.strip() or self.old!r} -> {self.new.strip() or 'nothing'}"


def code_only(text, line_comment="//"):
    """The text with comments and strings blanked, every character in its place."""
    out = list(text)
    pattern = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
    for found in pattern.finditer(text):
        for i in range(found.start(), found.end()):
            if out[i] != "\n":
                out[i] = " "
    return "".join(out)


def closing(line, start):
    """Index behind the bracket that closes the one at `start`; None where the line ends first."""
    depth = 0
    for i in range(start, len(line)):
        depth += (line[i] in "([{") - (line[i] in ")]}")
        if depth == 0:
            return i + 1
    return None


def replace(kind, pattern, *replacements):
    """A rule: each match of `pattern` becomes each of `replacements`, which may be functions of the match."""
    compiled = re.compile(pattern)

    def rule(line):
        for found in compiled.finditer(line):
            for replacement in replacements:
                new = replacement(found) if callable(replacement) else found.expand(replacement)
                if new is not None and new != found.group(0):
                    yield kind, found.start(), found.group(0), new
    return rule


def conditions(line):
    """if (x): always and never."""
    for found in re.finditer(r"\bif (?:constexpr )?\(", line):
        end = closing(line, found.end() - 1)
        if end is not None:
            old = line[found.end() - 1: end]
            for new in ("(1 == 1)", "(1 == 0)"):
                yield "dropped condition", found.end() - 1, old, new


def choices(line):
    """a ? b : c with the two exchanged, and one of them always."""
    for found in re.finditer(r" \? ([^?:;]+?) : ([^?:;]+?)(?=[;)\]}]|,$|, |$)", line):
        if found.group(1).count("(") == found.group(1).count(")") and found.group(2).count("(") == found.group(2).count(")"):
            yield "exchanged choice", found.start(), found.group(0), f" ? {found.group(2)} : {found.group(1)}"


def exchanged(kind, *names):
    """Each of these words becomes the next one."""
    rules = []
    for i, name in enumerate(names):
        rules.append(replace(kind, rf"(?<![\w']){name}(?!\w)", names[(i + 1) % len(names)]))
    return rules


def part_exchanged(kind, *parts):
    """The same inside longer names: aw_full_q becomes w_full_q."""
    return [replace(kind, rf"(?<![A-Za-z]){part}(?=_)", parts[(i + 1) % len(parts)]) for i, part in enumerate(parts)]


def sized(found):
    """A sized literal one up, or one down where it is not 0; bits flip."""
    width, base, digits = int(found.group(1)), found.group(2), found.group(3).replace("_", "")
    value = int(digits, {"b": 2, "d": 10, "h": 16}[base])
    value = value + 1 if value + 1 < 1 << width else value - 1
    return f"{width}'{base}" + (format(value, "b") if base == "b" else format(value, "X") if base == "h" else str(value))


def decimal_up(found):
    return str(int(found.group(0)) + 1)


def decimal_down(found):
    return str(int(found.group(0)) - 1) if int(found.group(0)) > 0 else None


def moved_select(step):
    def move(found):
        high, low = int(found.group(1)) + step, int(found.group(2)) + step
        return f"[{high}:{low}]" if low >= 0 else None
    return move


SYSTEMVERILOG = [
    replace("comparison", r" == ", " != "),
    replace("comparison", r" != ", " == "),
    replace("comparison", r" >= ", " > ", " < "),
    replace("comparison", r"(?<=\w) < (?=[\w(])", " <= ", " > "),
    replace("comparison", r"(?<=\w) > (?=[\w(])", " >= "),
    replace("comparison", r"(?<=\() ?(\w+) <= ", lambda m: f"{m.group(1)} < "),
    replace("operator", r" & ", " | "),
    replace("operator", r" \| ", " & "),
    replace("operator", r" \^ ", " & "),
    replace("operator", r" \+ ", " - "),
    replace("operator", r" - ", " + "),
    replace("operator", r" \* ", " + "),
    replace("operator", r" / ", " * "),
    replace("operator", r" % ", " / "),
    replace("shift", r" << ", " >> "),
    replace("shift", r" >>> ", " >> ", " <<< "),
    replace("shift", r" >> ", " << "),
    replace("negation", r"~(?=[\w(])", ""),
    replace("negation", r"!(?=[\w(])", ""),
    replace("dropped condition", r"(?<![\w\]) ] )(?<!\w)(~?[\w.]+(?:\[[^\]]*\])?) & (~?[\w.]+(?:\[[^\]]*\])?)(?![\w\[])", r"\1", r"\2"),
    conditions,
    choices,
    replace("constant", r"(?<![\w'])(\d+)'([bdh])([0-9A-Fa-f_]+)", sized),
    replace("constant", r"'0\b", "'1"),
    replace("constant", r"'1\b", "'0"),
    replace("constant", r"(?<=[ (])\d+(?=[ );,])(?!')", decimal_up, decimal_down),
    replace("bit", r"\[(\d+):(\d+)\]", moved_select(1), moved_select(-1)),
    replace("bit", r"\[(\d+)\]", lambda m: f"[{int(m.group(1)) ^ 1}]"),
    replace("bit", r"\[(\w+)-1\]", r"[\1-2]"),
    replace("sign extension", r"\$signed\(", "$unsigned("),
    replace("one cycle off", r"(?<=[ (~])([a-z_]+)_q\b(?! <=)", r"\1_d"),
    replace("one cycle off", r"(?<=[ (~])([a-z_]+)_d\b(?! =)", r"\1_q"),
    replace("handshake", r"\b(push|pop|aw_take|w_take|ar_take|execute)\b(?! =)", "1'b1"),
    *exchanged("error answer", "RespOkay", "RespSlvErr"),
    *exchanged("tap order", "w0", "w1", "w2", "w3"),
    *exchanged("tap order", "x0", "x1", "x2", "x3"),
    *part_exchanged("wrong name", "aw", "w"),
    *part_exchanged("wrong name", "fetch", "acc", "product", "q", "out"),
    *part_exchanged("wrong name", "head", "tail"),
    *part_exchanged("wrong name", "write", "read"),
    *part_exchanged("wrong name", "awready", "wready"),
    *exchanged("wrong name", "windex_i", "rindex_i"),
    *exchanged("wrong name", "waddr_i", "raddr_i"),
    *exchanged("wrong name", "window_wgroup", "window_rgroup"),
    *exchanged("wrong name", "above", "below"),
    *exchanged("wrong name", "enable", "busy", "idle"),
    *exchanged("wrong name", "RdIdle", "RdDecode", "RdAccess", "RdCapture", "RdRespond"),
    replace("connection", r"(?<=_i)( *)\((\w+(?:\[[^\]]*\])?)\)", r"\1('0)", r"\1('1)"),
    replace("dropped statement", r"(?<=[ )])(\w+_q|\w+_q\[[^\]]*\]|\w+_d) <?= [^;]+;", ";"),
]

CPP = [
    replace("comparison", r" == ", " != "),
    replace("comparison", r" != ", " == "),
    replace("comparison", r" < ", " <= "),
    replace("comparison", r" <= ", " < "),
    replace("comparison", r" > ", " >= "),
    replace("comparison", r" >= ", " > "),
    replace("operator", r" \+ ", " - "),
    replace("operator", r" - ", " + "),
    replace("operator", r" \* ", " + "),
    replace("operator", r" \+= ", " -= ", " = "),
    replace("operator", r" -= ", " += "),
    replace("operator", r" % ", " / "),
    replace("operator", r" && ", " || "),
    replace("operator", r" \|\| ", " && "),
    replace("operator", r" & ", " | "),
    replace("operator", r" \| ", " & "),
    replace("shift", r" << (?=[\w(])", " >> "),
    replace("shift", r" >> (?=[\w(])", " << "),
    replace("negation", r"!(?=[\w(])", ""),
    replace("negation", r"(?<=[ (=,])-(?=[a-z])", ""),
    replace("dropped condition", r"(?<=\()([^()&|]+|[^()&|]*\([^()]*\)[^()&|]*) && ([^()&|]+|[^()&|]*\([^()]*\)[^()&|]*)(?=\))", r"\1", r"\2"),
    conditions,
    choices,
    replace("constant", r"(?<![\w.])\d+(?![\w.'])(?=[ ;,)\]}])", decimal_up, decimal_down),
    replace("constant", r"(?<![\w.])0\.5(?![\w])", "0.25"),
    replace("one off", r"(?<=[\w)]) \+ 1(?=[ ;,)\]])", ""),
    replace("one off", r"(?<=[\w)]) - 1(?=[ ;,)\]])", ""),
    replace("sign extension", r"\bstd::int8_t\b(?=>\()", "std::uint8_t"),
    *exchanged("wrong name", "std::min", "std::max"),
    *exchanged("wrong name", "floor_quotient", "ceil_quotient"),
    *exchanged("wrong name", "MPFR_RNDD", "MPFR_RNDU"),
    *exchanged("wrong name", "lower", "upper"),
    *exchanged("wrong name", "min_of_bits", "max_of_bits"),
    *exchanged("wrong name", "low", "high"),
    *exchanged("wrong name", "first", "last"),
    *exchanged("wrong name", "acc_min", "acc_max"),
    *exchanged("wrong name", "at_least", "at_most"),
    *exchanged("wrong name", "kHalfEven", "kHalfAway"),
    *exchanged("wrong name", "std::lower_bound", "std::upper_bound"),
    *exchanged("wrong name", "true", "false"),
    *part_exchanged("wrong name", "differing", "points"),
    replace("wrong name", r"\bdiffering_q\b", "differing_out"),
    replace("dropped statement", r"^ +(?:\+\+[\w.>-]+|[\w.>()\[\]-]+ (?:[-+|&]=|=) [^;]+|[\w.]+\.push_back\([^;]*\));$", lambda m: " " * (len(m.group(0)) - len(m.group(0).lstrip())) + ";"),
    replace("dropped statement", r"\b(break|continue);", ";"),
]

# Declarations and connections that no fault of these kinds can be made in, or none that compiles.
SKIPPED = {
    ".sv": re.compile(r"^\s*(input|output|module|import|typedef|endmodule|package|else begin|end)\b|^\s*[a-zA-Z_]\w*( #\()?$"),
    ".cpp": re.compile(r"^\s*(#|using |namespace |template|throw |return std::string|std::cout)|std::to_string|InputError|static_assert"),
}
SKIPPED[".hpp"] = SKIPPED[".cpp"]


def mutants_of(file, text):
    suffix = file[file.rindex("."):]
    rules = SYSTEMVERILOG if suffix == ".sv" else CPP
    found, seen = [], set()
    for number, line in enumerate(code_only(text).split("\n"), 1):
        if SKIPPED[suffix].search(line):
            continue
        in_reset = suffix == ".sv" and re.search(r"_q +<= ('0|\d+'d\d+|1'b0|Rd|Resp)", line)
        for rule in rules:
            for kind, column, old, new in rule(line):
                if (number, column, old, new) in seen:
                    continue
                seen.add((number, column, old, new))
                found.append(Mutant(file, number, column, "reset value" if in_reset else kind, old, new))
    return found
