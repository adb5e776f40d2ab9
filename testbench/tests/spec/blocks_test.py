#!/usr/bin/env python3
"""What benches and checkers repeat of a module's ports and parameters is emitted: a stale repetition is refused by name, and --update mends it.

  blocks_test.py ROOT
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import exit_code, require  # noqa: E402

ROOT = pathlib.Path(sys.argv[1]).resolve()
PATTERNS = ("scripts/*.py", "scripts/spec_emit/*.py", "model/spec/**/*.*", "rtl/**/*.*", "docs/*.md", "docs/**/*.sv", "testbench/**/*.sv")
BENCHES = ("testbench/tests/rtl/quasim_smoke_tb.sv", "testbench/bindings/dpi/example/quasim_dpi_bench.sv", "testbench/kit/files/quasim_kit_tb.sv", "docs/timing/timing_tb.sv")


def main():
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        for path in (path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.is_file()):
            copy = tree / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)

        def emit(mode):
            return subprocess.run([sys.executable, "-B", str(tree / "scripts/emit_spec.py"), mode], capture_output=True, text=True, check=False)

        def stale(what, name, *words):
            done = emit("--check")
            require(done.returncode == 1 and name in done.stderr and done.stderr.count("\n") == 1 and all(word in done.stderr for word in words),
                   f"{what}: expected one line that names {name} {words}; exit {done.returncode}, {done.stderr!r}")

        def edit(name, before, after):
            text = (tree / name).read_text()
            require(text.count(before) == 1, f"{name} holds {before!r} {text.count(before)} times")
            (tree / name).write_text(text.replace(before, after))

        def mended(what):
            require(emit("--update").returncode == 0 and emit("--check").returncode == 0, f"{what}: --update does not mend it")

        whole = {path: path.read_bytes() for path in tree.rglob("*.sv")}
        require(emit("--check").returncode == 0, "the sources are stale")
        for bench in BENCHES[::2]:
            edit(bench, ".m_axis_tkeep(m_tkeep)", ".m_axis_tkeep()")
            stale("a pin that is left open", bench, "emit_spec.py --update")
            mended(bench)
        for checker, before, after in (("spill", "input logic             busy_o,\n", ""),
                                       ("ram", "input logic [Width-1:0]    rdata_o", "input logic                rdata_o")):
            edit(f"rtl/checkers/quasim_{checker}_checker.sv", before, after)
            stale("a port that is not the module's", f"quasim_{checker}_checker.sv", "emit_spec.py --update")
            mended(checker)
        require(whole == {path: path.read_bytes() for path in tree.rglob("*.sv")}, "--update leaves another text than it found")

        # A new pin reaches every bench, a new field the checker, both in one go.
        edit("rtl/quasim_top.sv", "  input  logic                                     rst_ni,\n", "  input  logic                                     rst_ni,\n  output logic [3:0]                               irq_o,\n")
        stale("a new pin", "docs/timing/timing_tb.sv")
        mended("a new pin")
        for bench in BENCHES:
            text = (tree / bench).read_text()
            require(".irq_o(irq)" in text and "[3:0]" in text, f"{bench} does not have the new pin")
        edit("model/spec/quasim_spec.json", '"name": "HalfAway"', '"name": "AwayFromZero"')
        mended("a field of another name")
        edit("rtl/checkers/quasim_regs_checker.sv", "{23'd0, requant_half_away_o, 2'd0", "{23'd0, requant_away_from_zero_o, 2'd0")
        mended("a checker that follows")
        require("input logic                                     requant_away_from_zero_o," in (tree / "rtl/checkers/quasim_regs_checker.sv").read_text(), "the checker lacks the port")

        # A new parameter reaches the bench, its unit and its monitor.
        last = "  parameter int Folded      = quasim_pkg::FOLDED_DEFAULT"
        edit("rtl/quasim_top.sv", last + "\n", last + ",\n  parameter int Extra       = 3\n")
        stale("a new parameter", "testbench/tests/rtl/quasim_monitor.sv")
        mended("a new parameter")
        for bench, passed_on in ((BENCHES[0], 2), ("testbench/tests/rtl/quasim_monitor.sv", 0)):
            text = (tree / bench).read_text()
            require("parameter int Extra       = 3" in text and text.count(".Extra(Extra)") == passed_on, f"{bench} does not have the new parameter")
        for place in ("unit_window_bits = window_bits(index, LANES, ", ".LANES(LANES), .MaxChannels(MaxChannels)"):
            bench = BENCHES[0] if place.startswith(".") else "testbench/tests/rtl/quasim_monitor.sv"
            (tree / bench).write_text((tree / bench).read_text().replace(place, place.replace("LANES", "4", 1)))
            stale("a parameter that is not passed on", bench, "emit_spec.py --update")
            mended("a parameter that is not passed on")

        # What cannot be emitted, and blocks that are none: nobody would see that they are stale.
        spill = "rtl/checkers/quasim_spill_checker.sv"
        for before, after, *words in (("  // [end]\n", "", "1 lines", "0 of them"), ("  // [end]\n", "  // [ end]\n", "1 lines", "0 of them"),
                                      ("[ports of quasim_spill:", "[port of quasim_spill:", "kind port", "ports"),
                                      ("[ports of quasim_spill:", "[ports of quasim_spell:", "no module quasim_spell"),
                                      ("[ports of quasim_spill:", "[ports quasim_spill:", "1 lines", "0 of them")):
            edit(spill, before, after)
            stale("a block that is none", spill, *words)
            (tree / spill).write_bytes(whole[tree / spill])
        (tree / "testbench/new_tb.sv").write_text("module new_tb;\n  quasim_top #(\n    .LANES(4)\n  ) dut (\n    .clk_i(clk)\n  );\nendmodule\n")
        stale("a bench that is wired by hand", "testbench/new_tb.sv", "by hand")
        (tree / "testbench/new_tb.sv").unlink()
        edit("rtl/quasim_spill.sv", "  output logic             busy_o", "  output wire              busy_o")
        stale("a port of another kind", "rtl/quasim_spill.sv", "busy_o")
    sys.exit(exit_code())


if __name__ == "__main__":
    main()
