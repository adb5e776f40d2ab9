"""quasim regress on the real bench: clean on the RTL, and each planted fault fails, with a waveform and a line that repeats it."""

import contextlib
import io
import json
import os
import pathlib
import shlex
import shutil
import sys
import tempfile
import unittest

from quasim.regress import command

RTL = pathlib.Path(os.environ["QUASIM_RTL"])
# File, text, what takes its place: one fault each, of the datapath, the pipeline, the bus, the registers and reset.
FAULTS = [
    ("quasim_dot4.sv", "x0 = 32'($signed(samples_i[7:0]))", "x0 = 32'($signed(samples_i[15:8]))"),
    ("quasim_conv_acc.sv", "history = fetch_forward_i ? forward_q : stored;", "history = stored;"),
    ("quasim_conv_acc.sv", "if (fetch_first_i) history = '0;", ""),
    ("quasim_requant.sv", "half_away_i ? ~negative : floor[0]", "half_away_i ? floor[0] : ~negative"),
    ("quasim_requant.sv", "{negative, {(ConvBits-1){~negative}}}", "{negative, {(ConvBits-2){~negative}}, 1'b0}"),
    ("quasim_sequencer.sv", "acc_ready     = ~acc_valid_q | product_ready", "acc_ready     = 1'b1"),
    ("quasim_sequencer.sv", "s_ready_o     = enable_i & fetch_ready", "s_ready_o     = enable_i & fetch_ready & (group_q != 1)"),
    ("quasim_spill.sv", "load_tail = push & head_valid_q & ~pop", "load_tail = 1'b0"),
    ("quasim_silu.sv", "^ {1'b1, {(ConvBits-1){1'b0}}}", "^ {1'b0, {(ConvBits-1){1'b0}}}"),
    ("quasim_spill.sv", "if (load_head) head_q <= data_i", "if (push) head_q <= data_i"),
    ("quasim_sequencer.sv", "q_last_q <= product_last_q", "q_last_q <= acc_last_q"),
    ("quasim_sequencer.sv", "acc_en_o & (group_q == fetch_group_q)", "1'b0"),
    ("quasim_axil.sv", "execute | (b_valid_q & ~bready_i)", "execute"),
    ("quasim_axil.sv", "    r_data_d   = r_data_q;", "    r_data_d   = memory_word_i;"),
    ("quasim_axil.sv", "(w_strb_q == '1)", "w_strb_q[0]"),
    ("quasim_counter.sv", "32'(count_q >> 32)", "32'(count_q)"),
    ("quasim_counter.sv", "count_q + 64'(step_i)", "{count_q[63:32], count_q[31:0] + 32'(step_i)}"),
    ("quasim_window.sv", "if (low_of_pair) low_word_q <= wdata_i;", "if (write_i != '0) low_word_q <= wdata_i;"),
    ("quasim_window.sv", "access_i & read_memory_o & idle_i", "access_i & read_memory_o"),
    ("generated/quasim_regs.sv", "(waddr_i == TapsAddr) & idle_i", "(waddr_i == TapsAddr)"),
]


def regress(*arguments):
    """(exit code, stdout, stderr)"""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command.main(list(map(str, arguments)))
    return code, out.getvalue(), err.getvalue()


class BenchTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        os.environ["QUASIM_UNIT_CACHE"] = str(self.folder / "built")

    def test_the_rtl_is_clean_in_every_unit(self):
        code, out, err = regress("--sequences", 250, "--per-run", 10, "-o", self.folder / "clean")
        self.assertEqual(code, 0, out + err)
        summary = json.loads((self.folder / "clean/summary.json").read_text())
        self.assertEqual((summary["failed"], summary["sequences"], summary["complete"]), (0, 250, True))
        self.assertTrue(all(unit["checks"] > 100000 for unit in summary["units"].values()), summary["units"])
        print(out, file=sys.stderr)

    def test_each_fault_fails_and_can_be_repeated(self):
        for number, (file, old, new) in enumerate(FAULTS):
            rtl = self.folder / f"rtl{number}"
            shutil.copytree(RTL, rtl)
            text = (rtl / file).read_text()
            self.assertEqual(text.count(old), 1, (file, old))
            (rtl / file).write_text(text.replace(old, new))
            results = self.folder / f"fault{number}"
            code, out, err = regress("--rtl", rtl, "--units", "lanes_4", "--sequences", 120, "--per-run", 20, "--budget", 60, "-o", results)
            self.assertEqual(code, 1, (file, old, out, err))
            failure = json.loads((results / "summary.json").read_text())["failures"][0]["failure"]
            self.assertGreater((results / failure["wave"]).stat().st_size, 1000)
            self.assertIn(failure["reproduce"], err)
            words = shlex.split(failure["reproduce"])
            self.assertEqual(words[:2], ["quasim", "regress"])
            words = [word if word != words[-1] else str(self.folder / "again.fst") for word in words[2:]]
            code, out, err = regress(*words)
            self.assertEqual((code, failure["message"] in " ".join(out.split())), (1, True), (out, failure["message"]))
            print(f"{file}: {failure['message']}: {failure['reproduce']}", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
