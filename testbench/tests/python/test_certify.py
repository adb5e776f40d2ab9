"""python.package.certify: certificates, and the planted fault that one must find."""

import json
import pathlib
import tempfile
import unittest

import quasim
import support


class Certify(unittest.TestCase):
    def test_compiled_program_passes(self):
        bundle = quasim.read_bundle(support.LAYERS[0])
        compiled = quasim.compile(bundle)
        certificate = quasim.certify(bundle, compiled.program)
        self.assertTrue(certificate["passed"])
        self.assertEqual(certificate["model_differing"], 0)
        self.assertEqual(certificate["unexplained"], 0)
        self.assertEqual(certificate["points"], compiled.points)
        self.assertIn("model vs gpu", certificate["pairs"])
        for pair in certificate["pairs"].values():
            self.assertEqual(pair["points"], compiled.points)
        self.assertGreater(compiled.points, 1000000)

    def test_wrong_table_entry_is_found(self):
        bundle = quasim.read_bundle(support.LAYERS[0])
        program = quasim.compile(bundle).program
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory) / "program.json"
            program.write(file)
            text = json.loads(file.read_text())
            text["silu_table"][130] += 1
            file.write_text(json.dumps(text))
            certificate = quasim.certify(bundle, quasim.read_program(file))
        self.assertFalse(certificate["passed"])
        self.assertGreater(certificate["model_differing"], 0)
        self.assertGreater(certificate["pairs"]["model vs gpu"]["differing_out"], 0)
        self.assertEqual(certificate["pairs"]["model vs gpu"]["differing_q"], 0)

    def test_program_of_match_out_need_not_equal_q(self):
        """The recipe is the command's: a program that was compiled to match out passes where q differs."""
        bundle = quasim.read_bundle(support.LAYERS[8])
        compiled = quasim.compile(bundle, match="out")
        certificate = quasim.certify(bundle, compiled.program)
        self.assertEqual((certificate["match"], certificate["target"]), ("out", "gpu"))
        self.assertTrue(certificate["passed"])
        self.assertGreater(certificate["pairs"]["model vs gpu"]["differing_q"], 0)
        self.assertEqual(certificate["ties"], 0)

    def test_target_exact_differs_from_golden_where_the_oracle_does(self):
        bundle = quasim.read_bundle(support.LAYERS[0])
        program = quasim.compile(bundle, target="exact", mult_bits=31).program
        certificate = quasim.certify(bundle, program)
        self.assertEqual((certificate["target"], certificate["passed"]), ("oracle", True))
        pairs = certificate["pairs"]
        self.assertEqual(pairs["model vs oracle"]["differing_out"], 0)
        self.assertEqual(pairs["model vs gpu"]["differing_out"], pairs["oracle vs gpu"]["differing_out"])


if __name__ == "__main__":
    unittest.main()
