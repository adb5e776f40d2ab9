"""The layer program that becomes constants."""

import json
from dataclasses import dataclass

from ..refusal import Refusal
from ..registers import CONSTANT

FORMATS = ("quasim.program/1", "quasim.program/2")
ROUNDINGS = {"half_even": False, "half_away": True}

@dataclass
class Program:
    """A two_step program of one group, as `quasim compile -o` writes it."""

    name: str
    taps: int
    conv_bits: int
    multiplier: int
    shift: int
    half_away: bool
    weight: list
    bias_words: list
    table: list  # entry i is out at q = i - 2^(N-1)

    @property
    def channels(self):
        return len(self.bias_words)

    @property
    def mult_bits(self):
        return max(CONSTANT["MultBitsMin"], self.multiplier.bit_length())

    @property
    def bias_bits(self):
        return max(CONSTANT["BiasBitsMin"], *((word if word >= 0 else ~word).bit_length() + 1 for word in self.bias_words))

    def folded_table(self):
        """g by |q|, entry 0 for the least q, where out = max(q, 0) - g; None where the table is not such a one. The rule is that of
        StageProgram::folded_table. It stands here again because emit-rtl reads a program with Python alone, without the compiled part of
        the package; the tests of units of constants hold it against what `quasim compile` says."""
        half = 1 << (self.conv_bits - 1)
        out = dict(zip(range(-half, half), self.table))
        g = [-out[-size] for size in range(1, half + 1)]
        folds = (self.conv_bits <= CONSTANT["FoldConvBitsMax"] and out[0] == 0 and all(0 <= value < 1 << CONSTANT["FoldBits"] for value in g)
                 and all(out[size] == size - g[size - 1] for size in range(1, half)))
        return [g[-1], *g[:-1]] if folds else None


def read(path):
    """The program; Refusal where the file is none, or none that a unit can be made of."""
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise Refusal(path, "", "a layer program that can be read", error.strerror) from None
    except (ValueError, RecursionError) as error:
        raise Refusal(path, "", "a layer program (quasim compile -o)", error) from None
    format_ = data.get("format") if isinstance(data, dict) else "no object"
    if format_ not in FORMATS:
        raise Refusal(path, "format", " or ".join(FORMATS), format_)
    groups = data.get("groups", [data])
    if not isinstance(groups, list) or len(groups) != 1 or not isinstance(groups[0], dict):
        raise Refusal(path, "groups", "1, which is what a unit holds", len(groups) if isinstance(groups, list) else groups)
    stage = {**data, **groups[0]}
    if stage.get("dataflow", "two_step") != "two_step":
        raise Refusal(path, "dataflow", "two_step", stage["dataflow"])

    def field(key, kind, words):
        value = stage.get(key)
        values = value if kind is list else [value]
        if not isinstance(value, kind) or any(type(one) is not (str if kind is str else int) for one in values):
            raise Refusal(path, key, words, "none" if key not in stage else value)
        return value

    integer, integers = (lambda key: field(key, int, "an integer")), (lambda key: field(key, list, "a list of integers"))
    rounding = field("rounding", str, " or ".join(ROUNDINGS))
    if rounding not in ROUNDINGS:
        raise Refusal(path, "rounding", " or ".join(ROUNDINGS), rounding)
    program = Program(field("name", str, "a name"), integer("taps"), integer("conv_bits"), integer("multiplier"), integer("shift"), ROUNDINGS[rounding],
                      integers("weight"), integers("bias_words"), integers("silu_table"))
    check(path, program, integer("channels"))
    return program


def check(path, program, channels):
    """What is no program, or none that the unit can be built with, by name."""
    def between(key, value, low, high):
        if not low <= value <= high:
            raise Refusal(path, key, f"{low} to {high}" if low < high else low, value)

    between("taps", program.taps, CONSTANT["TapsMin"], CONSTANT["TapsMax"])
    between("channels", channels, program.channels, program.channels)
    between("entries of weight", len(program.weight), channels * program.taps, channels * program.taps)
    for weight in program.weight:
        between("weight", weight, -128, 127)
    between("conv_bits", program.conv_bits, CONSTANT["ConvBitsMin"], CONSTANT["ConvBitsMax"])
    between("multiplier", program.multiplier, 0, (1 << CONSTANT["MultBitsMax"]) - 1)
    between("shift", program.shift, 0, CONSTANT["ShiftMax"])
    between("bias_words", len(program.bias_words), 1, CONSTANT["MaxChannelsMax"])
    between("width of bias_words", program.bias_bits, CONSTANT["BiasBitsMin"], CONSTANT["BiasBitsMax"])
    between("entries of silu_table", len(program.table), 1 << program.conv_bits, 1 << program.conv_bits)
    for entry in program.table:
        between("silu_table", entry, -128, 127)
