"""python.package.registers: the map against the generated C header."""

import pathlib
import re
import unittest

from quasim import registers

HEADER = pathlib.Path(__file__).parents[3] / "rtl/generated/quasim_regs.h"


def upper(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


class Registers(unittest.TestCase):
    def test_every_constant_is_that_of_the_header(self):
        header = dict(re.findall(r"#define\s+QUASIM_(\w+)\s+\(?(0x[0-9A-Fa-f]+|-?\d+)", HEADER.read_text()))
        want = {upper(name): value for name, value in registers.CONSTANT.items()}
        want.update({"REG_" + upper(name): offset for name, offset in registers.OFFSET.items()})
        for (register, field), bits in registers.FIELD.items():
            want[f"{upper(register)}_{upper(field)}_LSB"] = bits.lsb
            want[f"{upper(register)}_{upper(field)}_WIDTH"] = bits.width
        for name, window in registers.WINDOW.items():
            want[f"{upper(name)}_BASE"] = window.base
            want[f"{upper(name)}_BYTES"] = window.size_bytes
        want.update({"ID_WORD": registers.ID_WORD, "VERSION_WORD": registers.VERSION_WORD})
        self.assertEqual({name: int(value, 0) for name, value in header.items()}, want)
        self.assertGreater(len(want), 50)

    def test_fields(self):
        field = registers.FIELD["Requant", "HalfAway"]
        self.assertEqual(field.at(1), 0x100)
        self.assertEqual(field.of(0x1FF), 1)
        with self.assertRaises(ValueError):
            field.at(2)


if __name__ == "__main__":
    unittest.main()
