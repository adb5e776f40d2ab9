"""python.package.errors: every mistake is a ValueError with one line."""

import json
import pathlib
import shutil
import tempfile
import unittest

import numpy as np
import quasim
import support


class Errors(unittest.TestCase):
    def setUp(self):
        self.bundle = quasim.read_bundle(support.LAYERS[0])
        self.program = quasim.open_program(support.LAYERS[0])
        self.model = quasim.Model(self.program)

    def refused(self, contains, call, *arguments, **options):
        with self.assertRaises(ValueError) as caught:
            call(*arguments, **options)
        text = str(caught.exception)
        self.assertNotIn("\n", text)
        self.assertIn(contains, text)

    def test_files(self):
        self.refused("/nonexistent", quasim.read_bundle, "/nonexistent")
        self.refused("/nonexistent", quasim.read_program, "/nonexistent")
        self.refused("/nonexistent", quasim.open_program, "/nonexistent")
        self.refused("no_such_tensor", self.bundle.golden, "no_such_tensor")
        self.refused("tensor", self.bundle.golden, "../../conv1d_weight")
        self.refused("variant", self.bundle.golden, "conv1d_q", "nonsense")
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory) / "layer"
            shutil.copytree(support.LAYERS[0], copy)
            (copy / "layer.json").write_text("{")
            self.refused("layer.json", quasim.read_bundle, copy)

    def test_stale(self):
        """What was made from another state of the layer is refused here as by the command."""
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory) / "layer"
            shutil.copytree(support.LAYERS[0], copy)
            file = copy / "layer.json"
            layer = json.loads(file.read_text())
            file.write_text(json.dumps({**layer, "output_scale": 2 * layer["output_scale"]}))
            stale = quasim.read_bundle(copy)
            self.refused("steps.npz: stale: it was made with output_scale", quasim.compile, stale)
            self.refused("stale", quasim.open_program, copy)
            self.refused("stale", stale.golden, "conv1d_output_int8")
            self.refused("program: stale", quasim.certify, stale, self.program)
            file.write_text(json.dumps({**layer, "name": "another name"}, indent=3))
            self.assertTrue(quasim.certify(quasim.read_bundle(copy), self.program)["passed"])
            shutil.rmtree(copy / "golden")
            bare = quasim.read_bundle(copy)
            self.refused("no golden at all", bare.golden, "conv1d_output_int8")
            self.refused("no golden at all", quasim.compile, bare, require_golden=True)
            self.refused("no golden at all", quasim.certify, bare, self.program, require_golden=True)
            bias = np.load(copy / "conv1d_bias.npy")
            bias[7] ^= 1
            np.save(copy / "conv1d_bias.npy", bias)
            self.refused("conv1d_bias.npy", quasim.certify, quasim.read_bundle(copy), self.program)

    def test_arrays(self):
        channels = self.program.channels
        self.refused("expected int8", self.model.run, np.zeros((1, channels, 4), dtype=np.int16))
        self.refused("expected int8", self.model.run, np.zeros((channels, 4), dtype=np.int8))
        self.refused("channels", self.model.run, np.zeros((1, 3, 4), dtype=np.int8))
        self.refused("at least one", self.model.run, np.zeros((1, channels, 0), dtype=np.int8))
        x = np.zeros((2, channels, 4), dtype=np.int8)
        self.refused("one sequence", self.model.run, x, continues=True)
        self.refused("stages", self.model.run, x, stages=["y"])
        self.refused("history", setattr, self.model, "history", np.zeros((channels, 4), dtype=np.int8))
        self.refused("history", setattr, self.model, "history", np.zeros((channels, 3), dtype=np.int32))

    def test_beats(self):
        x = np.zeros((1, 3, 4), dtype=np.int8)
        self.refused("lanes", quasim.encode_beats, x, 0)
        self.refused("lanes", quasim.encode_beats, x, 129)
        self.refused("beats", quasim.decode_beats, np.zeros((5, 2), dtype=np.int8), (1, 3, 4))
        self.refused("shape", quasim.decode_beats, np.zeros((5, 2), dtype=np.int8), (1, 0, 4))
        self.refused("lanes", quasim.beat_marks, (1, 3, 4), -1)

    def test_shapes_that_no_memory_holds(self):
        """Products that overflow, and views of one element that look huge: refused by name, nothing is written."""
        none = np.zeros((0, 4), dtype=np.int8)
        for shape in ((2**40,) * 3, (2**62, 2, 2), (1, 2**63 - 1, 1), (2**32, 1, 2**32), (2**21, 2**21, 2**22)):
            self.refused("shape", quasim.decode_beats, none, shape)
            self.refused("shape", quasim.beat_marks, shape, 4)
        for shape in ((2**64, 1, 1), (1, 1, -1), (1, 1), (1, 1, 1, 1), (1, 1, 1.5), (1, 1, "3"), 7, None, (2**200, 1, 1)):
            self.refused("shape", quasim.decode_beats, none, shape)
            self.refused("shape", quasim.beat_marks, shape, 4)
        for lanes in (-1, 0, 129, 2**64, 1.5, "4", None):
            self.refused("lanes", quasim.beat_marks, (1, 3, 4), lanes)
        one = np.zeros((), dtype=np.int8)
        huge = np.broadcast_to(one, (1, self.program.channels, 2**46))
        self.refused("memory", self.model.run, huge)
        self.refused("memory", quasim.encode_beats, huge, 4)
        self.refused("channels", self.model.run, np.broadcast_to(one, (1, 2**56, 4)))
        self.refused("one sequence", self.model.run, np.broadcast_to(one, (2**50, self.program.channels, 4)), continues=True)
        self.refused("beats", quasim.decode_beats, np.broadcast_to(one, (2**56, 4)), (1, 3, 4))
        self.refused("memory", quasim.decode_beats, np.broadcast_to(one, (2**54, 4)), (1, 4, 2**54))
        self.refused("history", setattr, self.model, "history", np.broadcast_to(one, (2**60, 3)))

    def test_words(self):
        self.refused("target", quasim.compile, self.bundle, target="nonsense")
        self.refused("mult_bits", quasim.compile, self.bundle, mult_bits=32)
        self.refused("", quasim.compile, self.bundle, match="nonsense")
        self.refused("", quasim.compile, self.bundle, domain="nonsense")
        self.refused("", quasim.certify, self.bundle, self.program, domain="nonsense")
        other = quasim.read_bundle(support.LAYERS[1])
        self.refused("weights", quasim.certify, other, self.program)


if __name__ == "__main__":
    unittest.main()
