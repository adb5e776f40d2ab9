#!/usr/bin/env python3
"""spec.limits.one_home: a limit of model/spec/quasim_spec.json is written nowhere else.

Two shapes are looked for in every text file of the project: the range itself ("1 to 128", "2 ... 12"), and a line of code that
compares the thing a limit is of with the limit's number (lanes > 128). Generated files, the tests' own inputs and vectors are
left out. What must quote a limit, because it has to be read or compiled alone, is listed in QUOTES with the constants it quotes:
there the number must be the specification's.

  limits_test.py [ROOT]
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[3]).resolve()
sys.path.insert(0, str(ROOT / "scripts"))
from spec_emit.spec import load  # noqa: E402

# what a limit is of, as a line of code names it: (pattern, least, greatest)
LIMITS = [
    (r"lanes", "LanesMin", "LanesMax"),
    (r"max_?channels", None, "MaxChannelsMax"),
    (r"conv_?bits", "ConvBitsMin", "ConvBitsMax"),
    (r"mult_?bits", "MultBitsMin", "MultBitsMax"),
    (r"bias_?bits", "BiasBitsMin", "BiasBitsMax"),
    (r"taps", "TapsMin", "TapsMax"),
    (r"shift(_?bits)?\b", None, "ShiftMax"),
]
# (file, text with constants in braces, how often)
QUOTES = [
    ("README.md", "K tap ({TapsMin} to {TapsMax})", 1),
    ("docs/exactness.md", "Every S from 0 to {ShiftMax}", 1),
    ("CHANGELOG.md", "{LanesMin} to {LanesMax}\n  lanes", 1),
    ("docs/own_layer.md", "K from {TapsMin} to {TapsMax}", 1),
    ("docs/own_layer.md", "K, {TapsMin} to {TapsMax}", 1),
    ("docs/own_layer.md", "K outside {TapsMin} to {TapsMax}", 1),
    ("docs/own_layer.md", "N, {ConvBitsMin} to {ConvBitsMax}", 1),
    ("docs/golden.md", "conv_bits from {ConvBitsMin} to {ConvBitsMax}", 1),
    ("scripts/import_mamba130m.py", "K {TapsMin} to {TapsMax}", 1),
    ("scripts/import_mamba130m.py", "TAPS_MAX = {TapsMax}", 1),
    # says that the number is fixed
    ("rtl/quasim_conv_acc.sv", "quasim_pkg::TAPS_MAX != {TapsMax}", 1),
    # stands alone: a C interface that needs no header of this project
    ("testbench/bindings/dpi/quasim_dpi.h", "QUASIM_DPI_LANES_MAX = {LanesMax}", 1),
    ("testbench/bindings/dpi/quasim_dpi_pkg.sv", "QUASIM_DPI_LANES_MAX  = {LanesMax}", 1),
    # stands alone: the golden builds where there is nothing but nvcc
    ("cuda_golden/include/quasim_golden.h", "K, {TapsMin} to {TapsMax}", 1),
    ("cuda_golden/include/quasim_golden.h", "{ConvBitsMin} to {ConvBitsMax}", 1),
    ("cuda_golden/src/host/kernel_args.hpp", "kTapsMax = {TapsMax}", 1),
    ("cuda_golden/src/host/params_check.cpp", "p.taps < {TapsMin} || p.taps > {TapsMax}", 1),
    ("cuda_golden/src/host/params_check.cpp", "expected {TapsMin} to {TapsMax}", 1),
    ("cuda_golden/src/host/params_check.cpp", "p.conv_bits < {ConvBitsMin} || p.conv_bits > {ConvBitsMax}", 1),
    ("cuda_golden/src/host/params_check.cpp", "expected {ConvBitsMin} to {ConvBitsMax}", 1),
]
SKIPPED = ("vectors/", "testbench/tests/", "cuda_golden/bench/", "model/spec/quasim_spec.json", "model/spec/generated/", "rtl/generated/", "docs/register_map.md",
           "docs/img/", "docs/timing/", "docs/mutation/")
GENERATED_BLOCK = re.compile(r"<!-- parameters: scripts/emit_spec.py -->.*?<!-- end -->", re.S)


def patterns(value):
    """[(what, compiled pattern)] of the limits."""
    out = []
    for name, low, high in LIMITS:
        first = value[low] if low else 0
        if value[high] - first > 1:
            out.append((f"{low or 0} to {high}", re.compile(rf"(?<![\w.]){first} ?(?:to|\.\.\.?|…|–|through) ?{value[high]}(?![\w.])")))
        for limit in (low, high):
            # 1 and 2 are too common to be taken for a limit where nothing but a name stands beside them
            if limit and value[limit] > 2:
                number = rf"{value[limit]}[uUlL]*(?![\w.'])"
                out.append((limit, re.compile(rf"(?i)(?:{name})\w*\)? *(?:<|>|<=|>=|==|!=|=|,) *(?-i:{number})|(?<![\w.']){value[limit]} *[<>]=? *\w*(?:{name})")))
                out.append((limit, re.compile(rf"(?i)(?:constexpr|parameter|localparam|const)\b.*(?:{name})\w* *= *(?-i:{number})")))
    return out


def find(text, value):
    """[(line number, limit, line)] of the limits that a text writes."""
    lines = text.splitlines()
    return [(number, what, line.strip()) for number, line in enumerate(lines, 1) for what, pattern in patterns(value) if pattern.search(line)]


def files():
    """Those that git knows or would take; where the sources are no clone, or there is no git, all but builds."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        names = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"], check=True,
                               capture_output=True, text=True).stdout.split()
    else:
        names = [str(path.relative_to(ROOT)) for path in sorted(ROOT.rglob("*"))]
        names = [name for name in names if not name.startswith(("build", ".")) and "__pycache__" not in name]
    return [name for name in names if not name.startswith(SKIPPED) and (ROOT / name).is_file()]


def unquoted(name, text, value):
    """The text without what it may quote, or exits where a quote has another number."""
    for file, template, count in QUOTES:
        if file == name:
            quote = template.format(**value)
            if text.count(quote) != count:
                sys.exit(f"limits: {file}: expected '{quote}' {count} time(s), as the specification says; found {text.count(quote)}")
            text = text.replace(quote, "")
    return GENERATED_BLOCK.sub("", text)


def plant(value):
    """Every shape, planted: each must be found. Returns how many."""
    lines = [f"if (lanes < 1 || lanes > {value['LanesMax']}) throw;",
             f"inline constexpr int kLanesMax = {value['LanesMax']};",
             f"parameter int MAX_CHANNELS_LIMIT = {value['MaxChannelsMax']};",
             f"if (MaxChannels > {value['MaxChannelsMax']}) begin",
             f"require_range(\"bias_bits\", config.bias_bits, {value['BiasBitsMin']}, {value['BiasBitsMax']});",
             f"assert conv_bits <= {value['ConvBitsMax']}",
             f"if (program.taps > {value['TapsMax']}) refuse();",
             f"shift_bits > {value['ShiftMax']}",
             f"| `MultBits` | {value['MultBitsMin']} … {value['MultBitsMax']} |",
             f"K, {value['TapsMin']} to {value['TapsMax']}",
             f"S, 0 to {value['ShiftMax']}",
             f"{value['LanesMax']} >= lanes"]
    for line in lines:
        if not find(line, value):
            sys.exit(f"limits: planted and not found: {line}")
    for line in ("taps << 14", "lanes = 16", "bias[c] = 128", "x0 - 128", "shift <= kShiftMax", "p - 2 to the left"):
        if find(line, value):
            sys.exit(f"limits: found where there is none: {line}")
    return len(lines)


def main():
    value = load().value
    planted = plant(value)
    read, found = 0, []
    for name in files():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        read += 1
        found += [f"{name}:{number}: {what}: {line}" for number, what, line in find(unquoted(name, text, value), value)]
    if found:
        sys.exit("limits: a limit of model/spec/quasim_spec.json is written a second time\n" + "\n".join(found))
    if read < 100:
        sys.exit(f"limits: only {read} files read")
    print(f"limits: {read} files, {len(QUOTES)} quotes as the specification has them; {planted} planted limits found")


main()
