"""quasim regress as a farm: plans, shards, interruption, merging, failures made small. The bench is a stand-in that answers at once."""

import contextlib
import io
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree
from unittest import mock

from quasim.ppa.design import bench_folder, rtl_folder
from quasim.regress import bins, command, runs, units

UNITS = units.units_of(bench_folder(rtl_folder()))

# Fails in sequence 37 where resets are allowed; in sequence 55 only behind sequence 54; in sequence 71 in another way where there is no
# traffic. Takes the time that it is told.
STAND_IN = r"""import os, sys, time
words = dict(word[1:].split("=") for word in sys.argv[1:] if "=" in word)
time.sleep(float(os.environ.get("STAND_IN_SECONDS", "0")))
seed, count = int(words["seed"]), int(words["sequences"])
for sequence in range(seed, seed + count):
    print("SEQUENCE", sequence)
    bad = os.environ.get("STAND_IN_FAULTS") and ((sequence == 37 and words.get("resets") != "0") or (sequence == 55 and seed < 55))
    if os.environ.get("STAND_IN_FAULTS") and sequence == 71:
        print("FAIL LANES=4 time 7: " + ("s_axil_rdata: got 5f, want ab" if words.get("traffic") == "0" or "steps" in words else "m_axis_tlast: got 0, want 1"))
        sys.exit(1)
    if bad:
        print("FAIL LANES=4 time 99:      m_axis_tdata: got 1, want 2")
        sys.exit(1)
if "wave" in words:
    open(words["wave"], "w").write("a waveform")
print("BIN tie.half_even.positive.odd", seed)
print("BIN clamp.q_low 0")
print(f"PASS LANES=4: {{count}} checks, {{count}} output beats, 0 ties, 0 clamps, 0 lanes of fused, {{10 * count}} cycles, 1 resets; "
      "writes 2 taken 3 refused, reads 4 and 5, 0 beside a write, 0 refused in a stream")
"""


class FarmTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) if hasattr(self, "enterContext") else None
        if self.folder is None:
            temporary = tempfile.TemporaryDirectory()
            self.addCleanup(temporary.cleanup)
            self.folder = pathlib.Path(temporary.name)
        self.bench = self.folder / "bench"
        self.bench.write_text(STAND_IN.replace("{{", "{").replace("}}", "}"))
        vvp = self.folder / "vvp"  # vvp -n PROGRAM -fst +...
        vvp.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} "$@"\n')
        vvp.chmod(0o755)
        path = mock.patch.dict(os.environ, {"PATH": f"{self.folder}:{os.environ['PATH']}"})
        path.start()
        self.addCleanup(path.stop)

    def regress(self, *arguments, faults="", code=0):
        """What it printed on stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.object(units, "build", lambda *_: self.bench), mock.patch.dict(os.environ, {"STAND_IN_FAULTS": faults}), \
                contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.assertEqual(command.main(list(map(str, arguments))), code, err.getvalue())
        return out.getvalue(), err.getvalue()

    def summary(self, folder):
        return json.loads((folder / "summary.json").read_text())

    def test_units_are_all_of_the_list_folded_ones_too(self):
        self.assertEqual(UNITS["folded_lanes_4"], {"LANES": 4, "MaxChannels": 12, "Dataflows": 1, "Folded": 1})
        self.assertEqual(UNITS["lanes_16"], {"LANES": 16})
        self.regress("--sequences", 2 * len(UNITS), "--per-run", 2, "-o", self.folder / "all")
        self.assertEqual(list(self.summary(self.folder / "all")["units"]), sorted(UNITS))

    def test_every_seed_is_run_once_whatever_the_shards(self):
        checked = 0
        generator = random.Random(5)
        for _ in range(200):
            plan = {"seed_base": generator.randrange(100), "sequences": generator.randrange(1, 300), "per_run": generator.randrange(1, 30),
                    "units": dict.fromkeys(list(UNITS)[: generator.randrange(1, 1 + len(UNITS))])}
            listed = command.planned_runs(plan)
            seeds = [seed for _, first, count in listed for seed in range(first, first + count)]
            self.assertEqual(seeds, list(range(plan["seed_base"], plan["seed_base"] + plan["sequences"])))
            shards = generator.randrange(1, 9)
            parts = [command.share(listed, plan, (i, shards)) for i in range(1, shards + 1)]
            self.assertEqual(sorted(run for part in parts for run in part), sorted(listed))
            checked += len(seeds)
        self.assertGreater(checked, 10000)

    def test_merged_shards_are_the_whole(self):
        self.regress("--sequences", 95, "--per-run", 4, "--jobs", 3, "-o", self.folder / "whole")
        for i in (1, 2, 3):
            self.regress("--sequences", 95, "--per-run", 4, "--shard", f"{i}/3", "-o", self.folder / f"part{i}")
        self.regress("--merge", *(self.folder / f"part{i}" for i in (1, 2, 3)), "-o", self.folder / "merged")
        self.assertEqual(self.summary(self.folder / "merged"), self.summary(self.folder / "whole"))
        self.assertEqual(self.summary(self.folder / "whole")["sequences"], 95)
        self.assertTrue(self.summary(self.folder / "whole")["complete"])
        # a shard that is missing is said
        self.regress("--merge", self.folder / "part1", self.folder / "part3", "-o", self.folder / "less")
        self.assertFalse(self.summary(self.folder / "less")["complete"])

    def test_parts_of_different_regressions_are_not_joined(self):
        self.regress("--sequences", 8, "-o", self.folder / "a")
        self.regress("--sequences", 9, "-o", self.folder / "b")
        _, said = self.regress("--merge", self.folder / "a", self.folder / "b", "-o", self.folder / "c", code=2)
        self.assertIn("parts of one regression", said)
        _, said = self.regress("--sequences", 9, "-o", self.folder / "a", code=2)
        self.assertIn("sequences: expected 9", said)

    def test_runs_of_others_are_refused(self):
        """Every file in runs/ is a run of the plan, under its name; a folder with other results takes no merge."""
        a, b = self.folder / "a", self.folder / "b"
        self.regress("--sequences", 8, "--per-run", 2, "-o", a)
        self.regress("--sequences", 8, "--per-run", 2, "--seed-base", 500, "-o", b)
        one = sorted((a / "runs").iterdir())[0]
        right = one.read_text()
        again = ("--sequences", 8, "--per-run", 2, "-o", a)

        def refused(*words, arguments=again):
            out, said = self.regress(*arguments, code=2)
            self.assertEqual((out, said.count("\n")), ("", 1), said)
            for word in words:
                self.assertIn(word, said)

        copy = one.with_name("copy of " + one.name)
        copy.write_text(right)
        refused(copy.name, "a run of this regression")
        copy.unlink()
        for change in ({"seed": 77}, {"sequences": 1000}, {"unit": "lanes_64"}, {"passed": "yes"}, {"passed": False}):
            one.write_text(json.dumps({**json.loads(right), **change}))
            refused(one.name)
        one.write_text(json.dumps({"format": "quasim.regress.run/1"}))
        refused(one.name)
        one.write_text(right)
        self.regress(*again)
        refused("plan.json", arguments=("--merge", a, "-o", b))
        refused("one of them", arguments=("--merge", a, "-o", a))
        for plan in ("[]", "null", "{}", '"x"', "no JSON"):
            (b / "plan.json").write_text(plan)
            refused("plan.json", arguments=("--sequences", 8, "--per-run", 2, "--seed-base", 500, "-o", b))
            refused("plan.json", arguments=("--merge", b, "-o", self.folder / "c"))
        self.assertFalse((self.folder / "c").exists())

    def test_an_edit_while_it_runs_ends_it(self):
        rtl = self.folder / "rtl"
        shutil.copytree(rtl_folder(), rtl)
        numbers = iter(range(3, 100))
        original = runs.run

        def edited(*arguments):
            if next(numbers) == 5:
                with open(rtl / "quasim_dot4.sv", "a", encoding="utf-8") as file:
                    file.write("// edited\n")
            return original(*arguments)

        words = ("--sequences", 20, "--per-run", 2, "-o", self.folder / "e", "--rtl", rtl)
        with mock.patch.object(runs, "run", edited):
            _, said = self.regress(*words, code=2)
        self.assertIn("stay as they are", said)
        self.assertEqual(len(list((self.folder / "e/runs").iterdir())), 3)
        _, said = self.regress(*words, code=2)
        self.assertIn("sources", said)

    def test_the_number_of_the_sources_has_what_they_include(self):
        rtl, bench = self.folder / "rtl", bench_folder(rtl_folder())
        shutil.copytree(rtl_folder(), rtl)
        seen = {units.number_of(rtl, bench)}
        top = rtl / "quasim_dot4.sv"
        plain = top.read_text()
        for text in ("// `include \"no.svh\"\n", "/* `include \"no.svh\" */\n"):
            top.write_text(text + plain)
            seen.add(units.number_of(rtl, bench))
        for text in ("`include \"no.svh\"\n", "`include `NAME\n"):
            top.write_text(text + plain)
            with self.assertRaises(ValueError):
                units.number_of(rtl, bench)
        top.write_text("`include \"a.svh\"\n" + plain)
        (rtl / "a.svh").write_text("`include \"b.svh\"\n")
        for text in ("", "// one\n"):
            (rtl / "b.svh").write_text(text)
            seen.add(units.number_of(rtl, bench))
        (rtl / "beside.v").write_text("module beside; endmodule\n")
        seen.add(units.number_of(rtl, bench))
        self.assertEqual(len(seen), 6)

    def test_a_simulator_that_breaks_is_no_result(self):
        for text in ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "import sys\nprint('vvp: version mismatch')\nsys.exit(1)\n"):
            self.bench.write_text(text)
            out, said = self.regress("--sequences", 2, "-o", self.folder / "broken", code=2)
            self.assertEqual((out, said.count("\n")), ("", 1), said)
            self.assertIn("vvp ended with", said)
            self.assertEqual(list((self.folder / "broken/runs").iterdir()), [])

    def test_goes_on_after_sigkill(self):
        script = ("import pathlib, sys\nfrom quasim.regress import command, units\n"
                  f"units.build = lambda *_: pathlib.Path({str(self.bench)!r})\nsys.exit(command.main(sys.argv[1:]))\n")
        words = [sys.executable, "-c", script, "--sequences", "60", "--per-run", "2", "-o", str(self.folder / "stopped")]
        process = subprocess.Popen(words, env={**os.environ, "STAND_IN_SECONDS": "0.05"}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        there = self.folder / "stopped/runs"
        deadline = time.monotonic() + 60
        while len(list(there.glob("*.json"))) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = len(list(there.glob("*.json")))
        self.assertTrue(5 <= before < 30, before)
        _, said = self.regress("--sequences", 60, "--per-run", 2, "-o", self.folder / "stopped")
        self.assertIn(f"{before} of 30 runs are there", said)
        self.regress("--sequences", 60, "--per-run", 2, "-o", self.folder / "whole")
        self.assertEqual(self.summary(self.folder / "stopped"), self.summary(self.folder / "whole"))

    def test_an_interrupt_leaves_no_false_result_and_no_process(self):
        script = ("import pathlib, sys\nfrom quasim.regress import command, units\n"
                  f"units.build = lambda *_: pathlib.Path({str(self.bench)!r})\nsys.exit(command.main(sys.argv[1:]))\n")
        words = [sys.executable, "-c", script, "--sequences", "60", "--per-run", "2", "--jobs", "2", "-o", str(self.folder / "stopped")]
        process = subprocess.Popen(words, env={**os.environ, "STAND_IN_SECONDS": "30"}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        mine = f"{self.folder}/bench"
        deadline = time.monotonic() + 60
        while self.running(mine) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 130)
        self.assertEqual(self.running(mine), 0)
        self.assertEqual(list((self.folder / "stopped/runs").glob("*.json")), [])

    @staticmethod
    def running(name):
        """Processes that have this word."""
        count = 0
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                count += name.encode() in path.read_bytes().split(b"\0")
        return count

    def test_a_budget_ends_early_and_is_not_complete(self):
        with mock.patch.dict(os.environ, {"STAND_IN_SECONDS": "0.3"}):
            self.regress("--sequences", 60, "--per-run", 2, "--budget", 1, "-o", self.folder / "short")
        summary = self.summary(self.folder / "short")
        self.assertFalse(summary["complete"])
        self.assertTrue(0 < summary["runs"] < 30)

    def test_a_failure_is_made_small_and_can_be_repeated(self):
        _, said = self.regress("--sequences", 60, "--per-run", 30, "--units", "lanes_4", "-o", self.folder / "bad", faults="yes", code=1)
        summary = self.summary(self.folder / "bad")
        self.assertEqual(summary["failed"], 1)
        failure = summary["failures"][0]["failure"]
        self.assertEqual((failure["seed"], failure["sequences"]), (37, 1))  # alone
        self.assertEqual(failure["options"], {"stalls": 0, "traffic": 0, "steps": 1, "accesses": 1})  # and it needs its resets
        self.assertEqual(failure["message"], "FAIL LANES=4 time 99: m_axis_tdata: got 1, want 2")
        self.assertIn(failure["reproduce"], said)
        self.assertEqual(failure["reproduce"], "quasim regress --replay lanes_4:37:1:stalls=0:traffic=0:steps=1:accesses=1")
        out, _ = self.regress("--replay", "lanes_4:37:1:stalls=0:traffic=0:steps=1:accesses=1", faults="yes", code=1)
        self.assertIn("FAIL LANES=4", out)
        suite = xml.etree.ElementTree.parse(self.folder / "bad/junit.xml").getroot()
        self.assertEqual((suite.get("tests"), suite.get("failures"), len(suite.findall("testcase/failure"))), ("2", "1", 1))
        self.assertIn(failure["reproduce"], (self.folder / "bad/index.html").read_text())

    def test_a_smaller_example_fails_in_the_same_way(self):
        self.regress("--sequences", 1, "--seed-base", 71, "--units", "lanes_4", "-o", self.folder / "other", faults="yes", code=1)
        failure = self.summary(self.folder / "other")["failures"][0]["failure"]
        self.assertEqual(failure["message"], "FAIL LANES=4 time 7: m_axis_tlast: got 0, want 1")
        self.assertEqual(failure["options"], {"resets": 0, "stalls": 0, "accesses": 1})  # without traffic, or with fewer steps, it is another
        self.assertEqual(runs.kind_of("time 12: got 0xab, want c"), runs.kind_of("time 7: got ff, want 3"))
        self.assertNotEqual(runs.kind_of("a bad address"), runs.kind_of("a dead address"))
        self.assertEqual(runs.complaint("x\nFATAL: quasim_top.sv:7: an assertion\n"), "FATAL: quasim_top.sv:7: an assertion")
        self.assertNotEqual(runs.kind_of("time 12: m_axis_tlast: got 1"), runs.kind_of("time 12: m_axis_tdata: got 1"))

    def test_a_full_disk_leaves_no_temporary_file(self):
        def half(path, text):
            path.write_bytes(text.encode()[:3])
            raise OSError(28, "No space left on device")

        with mock.patch.object(pathlib.Path, "write_text", half), self.assertRaises(OSError):
            runs.write_json(self.folder / "run.json", {})
        target = self.folder / "run.json"
        target.mkdir()
        with self.assertRaises(OSError):
            runs.write_json(target, {})
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".run")], [])

    def test_a_failure_that_needs_what_ran_before_keeps_it(self):
        self.regress("--sequences", 30, "--seed-base", 41, "--per-run", 30, "--units", "lanes_1", "-o", self.folder / "bad", faults="yes", code=1)
        failure = self.summary(self.folder / "bad")["failures"][0]["failure"]
        self.assertEqual((failure["seed"], failure["sequences"]), (54, 2))

    def test_wave_of_an_example(self):
        out, _ = self.regress("--replay", "lanes_4:1:1", "--wave", self.folder / "w.fst")
        self.assertEqual((self.folder / "w.fst").read_text(), "a waveform")
        self.assertIn("gtkwave", out)

    def test_a_bin_that_is_not_met_is_missing(self):
        self.regress("--sequences", 5, "-o", self.folder / "few")
        coverage = self.summary(self.folder / "few")["coverage"]
        self.assertIn("clamp.q_low", coverage["missing"])
        self.assertNotIn("tie.half_even.positive.odd", coverage["missing"])
        for group in set(bins.MEANING) - {"tie", "clamp"}:  # a group that nothing reported
            self.assertIn(group, coverage["missing"])

    def test_a_simulation_without_a_verdict_fails(self):
        self.bench.write_text("pass\n")
        document = runs.run(self.bench, "lanes_4", 1, 1)
        self.assertFalse(document["passed"])
        self.assertEqual(document["failure"]["message"], "it ended without a verdict")

    def test_bad_usage_is_one_line(self):
        cases = [("--shard", "3/2", "-o", "x"), ("--shard", "0/2", "-o", "x"), ("--sequences", "0", "-o", "x"), ("--jobs", "-1", "-o", "x"), (),
                 ("--units", "lanes_5", "-o", "x"), ("--units", "lanes_4,lanes_4", "-o", "x"), ("--replay", "lanes_4"), ("--wave", "w", "-o", "x"),
                 ("--replay", "lanes_4:1:1:speed=3"), ("--budget", "soon", "-o", "x"), ("--rtl", "/nowhere", "-o", "x"), ("--fast",),
                 ("--merge", self.folder / "none", "-o", self.folder / "x"), ("-o", ""), ("--rtl", "", "-o", "x"), ("--replay", "lanes_4:1", "--json"),
                 ("--replay", "lanes_4:1", "--wave", self.folder)]
        for case in cases:
            out, said = self.regress(*case, code=2)
            self.assertEqual((out, said.count("\n")), ("", 1), (case, said))
            self.assertTrue(said.startswith("quasim: "), said)


if __name__ == "__main__":
    unittest.main()
