"""python.package.groups: a layer of several groups against its groups, from numpy arrays to certificate."""

import pathlib
import tempfile
import unittest

import numpy as np

import quasim
import support

GROUPS = [("x", 5), ("B", 3), ("C", 2)]


def layer_of(rng):
    """A float layer whose groups differ in range, so that their scales do."""
    size = np.repeat([1.0, 0.2, 3.0], [count for _, count in GROUPS])
    weight = (rng.normal(size=(10, 4)) * size[:, None] * 0.3).astype(np.float32)
    bias = (rng.normal(size=10) * size).astype(np.float32)
    x = (rng.normal(size=(2, 10, 40)) * size[None, :, None]).astype(np.float32)
    return quasim.make_layer(weight, bias, x, name="mamba2", groups=GROUPS)


class Groups(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.top = pathlib.Path(cls.folder.name)
        layer = layer_of(np.random.default_rng(5))
        layer.write(cls.top / "layer")
        cls.alone = []
        for part in layer.split():
            part.write(cls.top / part.name)
            cls.alone.append(quasim.read_bundle(cls.top / part.name))
        cls.bundle = quasim.read_bundle(cls.top / "layer")
        cls.compiled = quasim.compile(cls.bundle)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_bundle_has_its_groups(self):
        groups = self.bundle.groups
        self.assertEqual([group.name for group in groups], [name for name, _ in GROUPS])
        self.assertEqual(self.bundle.channel_group.dtype, np.uint16)
        for index, (group, alone) in enumerate(zip(groups, self.alone)):
            np.testing.assert_array_equal(group.channels, np.flatnonzero(self.bundle.channel_group == index))
            np.testing.assert_array_equal(group.weight, self.bundle.weight[group.channels])
            np.testing.assert_array_equal(group.bias, self.bundle.bias[group.channels])
            np.testing.assert_array_equal(group.input, self.bundle.input[:, group.channels])
            for scale in ("input_scale", "weight_scale", "bias_scale", "output_scale", "conv_scale"):
                self.assertEqual(getattr(group, scale), getattr(alone, scale))
        with self.assertRaisesRegex(ValueError, r"groups: expected one.*got 3 \(x, B, C\)"):
            self.bundle.input_scale
        plain = self.alone[0]
        self.assertEqual((len(plain.groups), plain.groups[0].name), (1, ""))
        self.assertEqual(plain.channel_group.tolist(), [0] * 5)

    def test_program_is_that_of_its_groups(self):
        program = self.compiled.program
        self.assertTrue(self.compiled.exact)
        self.assertEqual(len(program.groups), 3)
        file = self.top / "program.json"
        program.write(file)
        again = quasim.read_program(file)
        points = 0
        for group, part, read in zip(self.bundle.groups, program.groups, again.groups):
            own = quasim.compile(self.alone[[g.name for g in self.bundle.groups].index(group.name)])
            points += own.points
            for value in ("multiplier", "shift", "mult_bits", "conv_bits", "rounding"):
                self.assertEqual(getattr(part, value), getattr(own.program, value), value)
                self.assertEqual(getattr(read, value), getattr(own.program, value), value)
            for value in ("weight", "bias_words", "silu_table"):
                np.testing.assert_array_equal(getattr(part, value), getattr(own.program, value))
        self.assertEqual(self.compiled.points, points)
        for value in ("multiplier", "shift", "silu_table"):
            with self.assertRaisesRegex(ValueError, "groups: expected 1"):
                getattr(program, value)
        with self.assertRaisesRegex(ValueError, "groups: expected 1"):
            program.axil_writes()

    def test_model_runs_each_channel_in_its_group(self):
        x = self.bundle.input
        result = quasim.Model(self.compiled.program).run(x, stages=["acc", "p", "q", "out"])
        compared = 0
        for group, part in zip(self.bundle.groups, self.compiled.program.groups):
            want = support.stages(part, x[:, group.channels])
            for stage in ("acc", "p", "q", "out"):
                np.testing.assert_array_equal(result[stage][:, group.channels], want[stage])
                compared += want[stage].size
        self.assertEqual(compared, 4 * x.size)

    def test_certificate_by_group_and_a_planted_fault(self):
        certificate = quasim.certify(self.bundle, self.compiled.program)
        self.assertTrue(certificate["passed"])
        self.assertEqual(list(certificate["groups"]), [name for name, _ in GROUPS])
        self.assertEqual(certificate["points"], sum(group["points"] for group in certificate["groups"].values()))
        file = self.top / "planted.json"
        self.compiled.program.write(file)
        text = file.read_text()
        old = f'"multiplier":{self.compiled.program.groups[1].multiplier}'
        self.assertEqual(text.count(old), 1)
        file.write_text(text.replace(old, f'"multiplier":{self.compiled.program.groups[1].multiplier + 9}'))
        certificate = quasim.certify(self.bundle, quasim.read_program(file))
        self.assertFalse(certificate["passed"])
        self.assertEqual([name for name, group in certificate["groups"].items() if not group["passed"]], ["B"])


if __name__ == "__main__":
    unittest.main()
