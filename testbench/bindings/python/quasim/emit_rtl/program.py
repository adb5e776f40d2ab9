"""The layer program that becomes constants."""

import json
from dataclasses import dataclass

from ..refusal import Refusal
from ..registers import CONSTANT


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
        groups = data.get("groups") or [data]
        if len(groups) != 1:
            raise Refusal(path, "groups", "1, which is what a unit holds", len(groups))
        stage = {**data, **groups[0]}
        if stage.get("dataflow", "two_step") != "two_step":
            raise Refusal(path, "dataflow", "two_step", stage["dataflow"])
        program = Program(str(data["name"]), int(data["taps"]), int(stage.get("conv_bits", CONSTANT["ConvBitsDefault"])), int(stage["multiplier"]), int(stage["shift"]),
                          {"half_even": False, "half_away": True}[stage["rounding"]], [int(word) for word in data["weight"]],
                          [int(word) for word in data["bias_words"]], [int(entry) for entry in stage["silu_table"]])
    except OSError as error:
        raise Refusal(path, "", "a layer program that can be read", error.strerror) from None
    except Refusal:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(path, "", "a layer program (quasim compile -o)", f"{type(error).__name__}: {error}") from None
    check(path, program)
    return program


def check(path, program):
    """What the unit cannot be built with, by name."""
    def between(key, value, low, high):
        if not low <= value <= high:
            raise Refusal(path, key, f"{low} to {high}", value)

    between("conv_bits", program.conv_bits, CONSTANT["ConvBitsMin"], CONSTANT["ConvBitsMax"])
    between("multiplier", program.multiplier, 0, (1 << CONSTANT["MultBitsMax"]) - 1)
    between("shift", program.shift, 0, CONSTANT["ShiftMax"])
    between("bias_words", len(program.bias_words), 1, CONSTANT["MaxChannelsMax"])
    between("width of bias_words", program.bias_bits, CONSTANT["BiasBitsMin"], CONSTANT["BiasBitsMax"])
    between("entries of silu_table", len(program.table), 1 << program.conv_bits, 1 << program.conv_bits)
    for entry in program.table:
        between("silu_table", entry, -128, 127)
