#!/usr/bin/env python3
"""The rules of coverage on the committed result: whatever is taken from it, or explained in vain, is an error."""
import copy
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "coverage"))
import coverage  # noqa: E402
import page      # noqa: E402

DOCUMENT = json.loads(coverage.RESULT.read_text())
EXCEPTIONS = json.loads(coverage.EXCEPTIONS.read_text())


class CoverageTest(unittest.TestCase):
    def wrong(self, document=None, exceptions=None):
        return coverage.problems(document or DOCUMENT, EXCEPTIONS if exceptions is None else exceptions)

    def test_the_committed_result_is_whole(self):
        self.assertEqual(self.wrong(), [])
        self.assertGreater(len(DOCUMENT["bins"]), 500)
        self.assertGreater(sum(kinds[kind]["points"] for kinds in DOCUMENT["code"].values() for kind in ("line", "branch")), 150)
        self.assertTrue(all(run["replayed"] > 10000 and run["checks"] > 10000 for unit in DOCUMENT["units"].values() for run in unit["runs"]))
        missing = {path.name for path in coverage.sources()} - {pathlib.Path(file).name for file in DOCUMENT["code"]}
        self.assertEqual(missing, {"quasim_pkg.sv"})  # constants alone

    def test_any_bin_at_0_is_told(self):
        excepted = {one["text"] for one in EXCEPTIONS if one["kind"] == "bin"}
        told = 0
        for name in DOCUMENT["bins"]:
            document = copy.copy(DOCUMENT)
            document["bins"] = {**DOCUMENT["bins"], name: 0}
            self.assertEqual(self.wrong(document), [] if name in excepted else [f"bin {name}: never met"])
            told += 1
        self.assertGreater(told, 500)

    def test_a_group_that_nobody_reports_or_describes_is_told(self):
        document = copy.deepcopy(DOCUMENT)
        document["bins"] = {name: count for name, count in document["bins"].items() if not name.startswith("tie.")}
        self.assertIn("bins of tie: none reported", self.wrong(document))
        document["bins"]["weather.rain"] = 3
        self.assertTrue(any("weather.rain: of no group" in sentence for sentence in self.wrong(document)))

    def test_a_line_and_a_branch_that_are_not_covered_are_told(self):
        for kind in ("line", "branch"):
            document = copy.deepcopy(DOCUMENT)
            document["code"]["rtl/quasim_spill.sv"][kind]["missed"].append({"text": "new_text", "what": "if"})
            self.assertEqual(self.wrong(document), [f"rtl/quasim_spill.sv: {kind} not covered: new_text (if)"])
            document = copy.deepcopy(DOCUMENT)
            document["code"]["rtl/quasim_top.sv"][kind].update(points=10000, covered=100)
            self.assertTrue(any(sentence.startswith(f"{kind}: ") for sentence in self.wrong(document)))

    def test_an_exception_in_vain_is_told(self):
        for one in ({"kind": "bin", "text": "tie.half_even.positive.odd", "why": "w"}, {"kind": "line", "file": "rtl/quasim_top.sv", "text": "gone", "why": "w"}):
            self.assertEqual(len(self.wrong(exceptions=[*EXCEPTIONS, one])), 1)
        self.assertEqual(len(page.gone([{"kind": "line", "file": "rtl/quasim_top.sv", "text": "no such text", "why": "w"}], coverage.ROOT)), 1)
        for i in range(len(EXCEPTIONS)):  # and each of them is needed
            self.assertNotEqual(self.wrong(exceptions=EXCEPTIONS[:i] + EXCEPTIONS[i + 1:]), [])

    def test_a_measurement_that_says_otherwise_is_told(self):
        other = copy.deepcopy(DOCUMENT)
        self.assertEqual(coverage.same_result(other, DOCUMENT), [])
        other["bins"]["status.busy"] = 0
        other["code"]["rtl/quasim_top.sv"]["toggle"]["missed"].append({"text": "x", "what": "y"})
        self.assertEqual(len(coverage.same_result(other, DOCUMENT)), 2)

    def test_the_pages_say_it(self):
        for text in (page.markdown(DOCUMENT, EXCEPTIONS), page.html_page(DOCUMENT, EXCEPTIONS)):
            for word in (page.headline(DOCUMENT), *DOCUMENT["units"], *DOCUMENT["code"]):
                self.assertIn(word, text)
            self.assertNotIn("None of", text)

    def test_bad_usage_is_one_line(self):
        for words in (["--check"], ["--sequences", "0"], ["--units", ""], ["--units", "lanes_4,lanes_4"], ["--units", "lanes_5"]):
            done = subprocess.run([sys.executable, "-B", coverage.__file__, *words], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), f"{words}: {done.stderr}")
            self.assertTrue(done.stderr.startswith(f"coverage: {words[0]}: expected "), done.stderr)


if __name__ == "__main__":
    unittest.main()
