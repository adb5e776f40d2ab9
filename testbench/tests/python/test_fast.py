"""python.package.fast: the untimed model and the CPU twin over whole tensors, against the scalar model and the committed goldens."""

import pathlib
import tempfile
import unittest

import numpy as np
import quasim
import support

TWIN_TENSORS = ("conv1d_raw", "conv1d_q", "conv1d_int8simulated", "conv1d_output_int8")


def scales_of(bundle):
    return {name: float(getattr(bundle, name)) for name in ("input_scale", "weight_scale", "bias_scale", "output_scale")}


class Fast(unittest.TestCase):
    def test_fast_model_equals_the_scalar_model(self):
        rng = np.random.default_rng(11)
        compared = 0
        with tempfile.TemporaryDirectory() as folder:
            for n in range(12):
                file = pathlib.Path(folder) / "program.json"
                support.write_program(file, rng, int(rng.integers(1, 9)), 2 + n % 3, [8, 6, 10, 12][n % 4])
                program = quasim.read_program(file)
                x = rng.integers(-128, 128, (3, program.channels, 75), dtype=np.int8)
                want = quasim.Model(program).run(x)["out"]
                np.testing.assert_array_equal(quasim.FastModel(program).run(x), want)
                np.testing.assert_array_equal(quasim.FastModel(program).run(x.transpose(0, 2, 1).copy().transpose(0, 2, 1)), want)
                turned = np.ascontiguousarray(x.transpose(0, 2, 1))
                np.testing.assert_array_equal(quasim.FastModel(program).run(turned, layout="blc"), want.transpose(0, 2, 1))
                compared += 3 * x.size
        self.assertGreater(compared, 10000)

    def test_real_layer_equals_its_goldens(self):
        bundle = quasim.read_bundle(support.LAYERS[0])
        out = quasim.FastModel(quasim.compile(bundle).program).run(bundle.input)
        np.testing.assert_array_equal(out, bundle.golden("conv1d_output_int8"))
        fast = quasim.FastModel(quasim.compile(bundle).program)
        for length in (1, 15, 16, 75, bundle.input.shape[2]):  # whole tiles of the turned bytes, and parts of them
            turned = np.ascontiguousarray(bundle.input[:, :, :length].transpose(0, 2, 1))
            np.testing.assert_array_equal(fast.run(turned, layout="blc"), out[:, :, :length].transpose(0, 2, 1))
        got = quasim.twin(bundle.input, bundle.weight, bundle.bias, **scales_of(bundle), tensors=list(TWIN_TENSORS))
        for name in TWIN_TENSORS:
            np.testing.assert_array_equal(got[name], bundle.golden(name), err_msg=name)
        other = out.copy()
        other[0, 5, 7] += 1  # a planted fault
        with self.assertRaises(AssertionError):
            np.testing.assert_array_equal(other, bundle.golden("conv1d_output_int8"))

    def test_modes_carry_what_the_contract_says(self):
        bundle = quasim.read_bundle(support.LAYERS[1])
        x = np.ascontiguousarray(bundle.input[:, :, :64])
        scale = np.float32(bundle.output_scale)
        for dataflow, rounding in (("two_step", "half_even"), ("fused", "half_away")):
            run = lambda mode: quasim.twin(x, bundle.weight, bundle.bias, **scales_of(bundle), dataflow=dataflow, rounding=rounding, output_mode=mode,
                                           tensors=["conv1d_output_int8", "silu_raw", *(["ssm_input"] if mode != "baseline" else [])])
            base = run("baseline")["conv1d_output_int8"]
            for mode in ("fp32_ssm_input", "float_sim_int8"):
                got = run(mode)
                np.testing.assert_array_equal(got["conv1d_output_int8"], base)
                np.testing.assert_array_equal(got["ssm_input"], base.astype(np.float32) * scale)
            floats = run("fp32")
            np.testing.assert_array_equal(floats["ssm_input"], floats["silu_raw"])
            self.assertGreater(np.count_nonzero(floats["ssm_input"] != base.astype(np.float32) * scale), x.size // 2)

    def test_refusals(self):
        bundle = quasim.read_bundle(support.LAYERS[0])
        fast = quasim.FastModel(quasim.open_program(support.LAYERS[0]))
        x = np.zeros((1, bundle.channels, 4), np.int8)
        twin = lambda x=x, weight=bundle.weight, bias=bundle.bias, **more: quasim.twin(x, weight, bias, **{**scales_of(bundle), **more})
        for words, call in (
            ("x: expected int8", lambda: fast.run(x.astype(np.float32))),
            ("expected 1024 channels; got 3", lambda: fast.run(x[:, :3])),
            ("expected 1024 channels; got 4", lambda: fast.run(x, layout="blc")),
            ("layout: expected bcl, blc; got 'lbc'", lambda: fast.run(x, layout="lbc")),
            ("weight: expected 3 channels", lambda: twin(x=x[:, :3])),
            ("bias: expected 1024 channels; got 7", lambda: twin(bias=bundle.bias[:7])),
            ("output_mode: expected baseline", lambda: twin(output_mode="none")),
            ("dataflow: expected fused, two_step", lambda: twin(dataflow="three")),
            ("tensors: expected", lambda: twin(tensors=["conv"])),
            ("output_scale", lambda: twin(output_scale=0.0)),
            ("conv_bits", lambda: twin(conv_bits=13)),
            ("at least one element", lambda: twin(x=x[:, :, :0])),
        ):
            with self.assertRaisesRegex(ValueError, words) as caught:
                call()
            self.assertNotIn("\n", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
