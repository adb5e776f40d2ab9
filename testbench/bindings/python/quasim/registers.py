"""The register map and the widths, as model/spec/quasim_spec.json has them.

    registers.OFFSET["Control"]              0x10
    registers.FIELD["Control", "Enable"]     Field(lsb=0, width=1)
    registers.WINDOW["Weight"]               Window(base=0x10000, size_bytes=0x10000)
    registers.CONSTANT["PipelineLatency"]    6
"""

import json
import pathlib
from typing import NamedTuple


class Field(NamedTuple):
    """Bits lsb + width - 1 to lsb of a register."""

    lsb: int
    width: int

    def of(self, word: int) -> int:
        """The field's value in a register word."""
        return word >> self.lsb & ((1 << self.width) - 1)

    def at(self, value: int) -> int:
        """A register word with the field set to value and all else 0. Raises ValueError when it does not fit."""
        if not 0 <= value < 1 << self.width:
            raise ValueError(f"field: expected 0 to {(1 << self.width) - 1}; got {value}")
        return value << self.lsb


class Window(NamedTuple):
    """A memory window: byte address and length."""

    base: int
    size_bytes: int


_spec = json.loads((pathlib.Path(__file__).parent / "quasim_spec.json").read_text())
_identification = _spec["identification"]

CONSTANT = {entry["name"]: entry["value"] for entry in _spec["constants"]}
OFFSET = {register["name"]: int(register["offset"], 0) for register in _spec["registers"]}
FIELD = {
    (register["name"], field["name"]): Field(field["lsb"], field["width"])
    for register in _spec["registers"]
    for field in register["fields"]
}
WINDOW = {window["name"]: Window(int(window["base"], 0), int(window["bytes"], 0)) for window in _spec["windows"]}
ID_WORD = int(_identification["id"], 0)
VERSION_WORD = (
    _identification["version_major"] << 16 | _identification["version_minor"] << 8 | _identification["version_patch"]
)
