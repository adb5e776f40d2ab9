#!/usr/bin/env python3
"""The replay of recorded pins through the Verilated unit: every output pin that is recorded wrongly is told by its name."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "coverage"))
import coverage  # noqa: E402
from quasim.regress import units  # noqa: E402

UNIT = "small_lanes_2"
# Where a recorded line has each output: its word, and the first and the last character in it (-1: all). Payload counts where its valid bit is set.
VALID_M, VALID_B, VALID_R = 1, 5, 9
PINS = {"s_axis_tready": (6, 0, 0, None), "m_axis_tvalid": (6, 1, 1, None), "m_axis_tlast": (6, 2, 2, VALID_M), "s_axil_awready": (6, 3, 3, None),
        "s_axil_wready": (6, 4, 4, None), "s_axil_bvalid": (6, 5, 5, None), "s_axil_bresp": (6, 6, 7, VALID_B), "s_axil_arready": (6, 8, 8, None),
        "s_axil_rvalid": (6, 9, 9, None), "s_axil_rresp": (6, 10, 11, VALID_R), "m_axis_tdata": (7, 0, -1, VALID_M), "m_axis_tkeep": (8, 0, -1, VALID_M),
        "s_axil_rdata": (9, 0, -1, VALID_R)}


class ReplayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="quasim-replay-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = pathlib.Path(cls.scratch.name)
        flags = [f"-P{units.TOP}.{key}={value}" for key, value in units.units_of(coverage.BENCH)[UNIT].items()]
        coverage.run(["iverilog", "-g2012", *flags, "-s", units.TOP, "-o", "bench.vvp", *units.sources(coverage.RTL, coverage.BENCH)], cls.folder, "iverilog")
        coverage.run(["vvp", "-n", "bench.vvp", "+pins=pins.txt", "+seed=1", "+sequences=1"], cls.folder, "vvp")
        cls.lines = (cls.folder / "pins.txt").read_text().splitlines()
        coverage.build_replay(UNIT, cls.lines[0].split()[1:], cls.folder)

    def replay(self, lines):
        (self.folder / "changed.txt").write_text("\n".join(lines) + "\n")
        return subprocess.run([self.folder / "built/replay", "changed.txt", "code.dat"], cwd=self.folder, capture_output=True, text=True, check=False)

    def test_what_was_recorded_is_what_the_unit_does(self):
        done = self.replay(self.lines)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^cycles \d+ compared \d+ differing 0$")

    def test_each_pin_that_is_recorded_wrongly_is_told(self):
        for pin, (word, first, last, valid) in PINS.items():
            for end in {first, last}:
                number = next(i for i, line in enumerate(self.lines) if i > 200 and re.match("[01]{10} ", line) and (valid is None or line.split()[6][valid] == "1")
                              and re.match("[0-9a-f]", line.split()[word][end]))
                words = self.lines[number].split()
                text = list(words[word])
                text[end] = f"{int(text[end], 16) ^ 1:x}"
                words[word] = "".join(text)
                done = self.replay([*self.lines[:number], " ".join(words), *self.lines[number + 1:]])
                self.assertEqual(done.returncode, 1, f"{pin}: {done.stdout}{done.stderr}")
                self.assertIn(f"line {number + 1}: {pin} is ", done.stderr)
                self.assertIn("differing 1", done.stdout)

    def test_a_line_that_is_cut_is_refused(self):
        done = self.replay([*self.lines[:300], self.lines[300][:20]])
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("line 301: expected the pins of a cycle", done.stderr)


if __name__ == "__main__":
    unittest.main()
