"""python.package.model: the model against numpy integers and against the committed goldens."""

import pathlib
import tempfile
import unittest

import numpy as np
import quasim
import support


def random_model(rng, channels, taps, conv_bits=8):
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "program.json"
        support.write_program(file, rng, channels, taps, conv_bits)
        return quasim.Model(quasim.read_program(file))


class Model(unittest.TestCase):
    def assert_stages(self, got, want):
        self.assertEqual(set(got), set(want))
        for name, array in want.items():
            np.testing.assert_array_equal(got[name], array, err_msg=name)
        return sum(array.size for array in want.values())

    def test_random_programs_equal_numpy(self):
        rng = np.random.default_rng(1)
        compared = 0
        for n in range(30):
            channels, taps, conv_bits = int(rng.integers(1, 9)), 2 + n % 3, [8, 2, 10, 12][n % 4]
            model = random_model(rng, channels, taps, conv_bits)
            x = rng.integers(-128, 128, (3, channels, 17), dtype=np.int8)
            x[rng.random(x.shape) < 0.1] = -128
            got = model.run(x, stages=["acc", "p", "q", "out"])
            self.assertEqual(got["q"].dtype, np.int8 if conv_bits <= 8 else np.int16)
            compared += self.assert_stages(got, support.stages(model.program, x))
        self.assertGreater(compared, 10000)

    def test_history_continues(self):
        rng = np.random.default_rng(2)
        model = random_model(rng, 5, 4)
        x = rng.integers(-128, 128, (1, 5, 20), dtype=np.int8)
        want = support.stages(model.program, x)["out"]
        model.run(x[:, :, :7])
        np.testing.assert_array_equal(model.history, x[0, :, 4:7])
        np.testing.assert_array_equal(model.run(x[:, :, 7:8], continues=True)["out"], want[:, :, 7:8])
        other = quasim.Model(model.program)
        other.history = model.history
        np.testing.assert_array_equal(other.run(x[:, :, 8:], continues=True)["out"], want[:, :, 8:])

    def test_strided_input(self):
        rng = np.random.default_rng(3)
        model = random_model(rng, 6, 3)
        x = rng.integers(-128, 128, (2, 9, 6), dtype=np.int8).transpose(0, 2, 1)
        np.testing.assert_array_equal(model.run(x)["out"], support.stages(model.program, x)["out"])

    def test_real_layers_equal_their_golden(self):
        compared = 0
        for layer in support.LAYERS[:3]:
            bundle = quasim.read_bundle(layer)
            compiled = quasim.compile(bundle)
            self.assertTrue(compiled.exact, layer.name)
            got = quasim.Model(compiled.program).run(bundle.input)
            want = {"q": bundle.golden("conv1d_q"), "out": bundle.golden("conv1d_output_int8")}
            compared += self.assert_stages(got, want)
            self.assert_stages(got, {name: support.stages(compiled.program, bundle.input)[name] for name in want})
        self.assertGreater(compared, 1000000)

    def test_bundle_has_its_files(self):
        bundle = quasim.read_bundle(support.LAYERS[0])
        np.testing.assert_array_equal(bundle.weight, np.load(support.LAYERS[0] / "conv1d_weight.npy"))
        np.testing.assert_array_equal(bundle.bias, np.load(support.LAYERS[0] / "conv1d_bias.npy"))
        np.testing.assert_array_equal(bundle.input, np.load(support.LAYERS[0] / "conv1d_input.npy"))
        self.assertEqual((bundle.channels, bundle.taps), bundle.weight.shape)
        self.assertEqual(bundle.golden("conv1d_raw").dtype, np.float32)

    def test_program_file_round_trip(self):
        program = quasim.open_program(support.LAYERS[0])
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory) / "program.json"
            program.write(file)
            for again in (quasim.read_program(file), quasim.open_program(file)):
                self.assertEqual((again.multiplier, again.shift), (program.multiplier, program.shift))
                np.testing.assert_array_equal(again.bias_words, program.bias_words)
                np.testing.assert_array_equal(again.silu_table, program.silu_table)


if __name__ == "__main__":
    unittest.main()
