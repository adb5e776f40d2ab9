"""python.package.import_layers: the numbers of imported layers against formulas written without the package."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import checkpoints
import numpy as np
import quasim
import support
from quasim import importer
from quasim.importer import command

SHARED = pathlib.Path(__file__).parents[4] / "shared/data/bookmamba"
CONV = "backbone.layers.0.mixer.conv1d."


def absmax(values, kind):
    """Quamba's quantisation: (absolute maximum, at least 1e-5) / 127 and the division in the values' own arithmetic."""
    values = values.astype(kind)
    scale = kind(max(abs(float(v)) for v in values.reshape(-1)))
    scale = kind(max(scale, kind(1e-5)) / kind(127))
    quotients = [float(kind(v / scale)) for v in values.reshape(-1)]
    return np.array([max(-128, min(127, round(q))) for q in quotients], np.int8).reshape(values.shape), np.float32(scale)


def silu_of_convolution(x, weight, bias):
    """In double, one element at a time."""
    out = np.empty(x.shape)
    for c, t in np.ndindex(x.shape):
        y = float(bias[c]) + sum(float(weight[c, k]) * float(x[c, t - 3 + k]) for k in range(4) if t - 3 + k >= 0)
        out[c, t] = y / (1 + np.exp(-y))
    return out


class Layers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rng = np.random.default_rng(7)

    def file(self, name, data):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def run_import(self, *arguments):
        """Runs the command, which must succeed, and returns what it printed as JSON."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = command.main([*map(str, arguments), "--json"])
        self.assertEqual((code, err.getvalue()), (0, ""))
        return json.loads(out.getvalue())["layers"]

    def bundle(self, folder):
        """layer.json and the tensors of a bundle."""
        tensors = {path.stem: np.load(path) for path in folder.glob("*.npy")}
        return json.loads((folder / "layer.json").read_text()), tensors

    def test_quamba_keeps_its_numbers(self):
        compared = 0
        for bias in (True, False):
            entries = checkpoints.quamba(self.rng, 3, 10, bias=bias)
            out = self.folder / f"out{bias}"
            rows = self.run_import(self.file("pytorch_model.bin", checkpoints.torch_file(entries)), "-o", out)
            self.assertEqual([row["bundle"] for row in rows], [str(out / f"layer0{n}") for n in range(3)])
            for index in range(3):
                prefix = f"backbone.layers.{index}.mixer.conv1d."
                layer, tensors = self.bundle(out / f"layer0{index}")
                np.testing.assert_array_equal(tensors["conv1d_weight"], entries[prefix + "weight"])
                names = ["input_scale", "weight_scale", "output_scale"] + (["bias_scale"] if bias else [])
                for name in names:
                    self.assertEqual(layer[name], entries[prefix + name])
                    compared += 1
                self.assertEqual("bias_scale" in layer, bias)
                self.assertEqual("conv1d_bias" in tensors, bias)
                if bias:
                    np.testing.assert_array_equal(tensors["conv1d_bias"], entries[prefix + "bias"])
                self.assertEqual((layer["format"], layer["channels"], layer["taps"]), ("quasim.layer/1", 10, 4))
                self.assertEqual(layer["source"]["key"], prefix + "weight")
        self.assertEqual(compared, 3 * 4 + 3 * 3)

    def test_one_named_layer_is_the_folder_itself(self):
        file = self.file("m.bin", checkpoints.torch_file(checkpoints.quamba(self.rng, 3, 10)))
        self.run_import(file, "--layers", "1", "-o", self.folder / "one")
        self.assertEqual(self.bundle(self.folder / "one")[0]["name"], "m/layer01")
        self.run_import(file, "--layers", "0,2", "-o", self.folder / "two")
        self.assertEqual(sorted(path.name for path in (self.folder / "two").iterdir()), ["layer00", "layer02"])

    def test_floats_are_quantised_by_absmax(self):
        compared = 0
        for kind, arith in ((np.float32, "fp32"), (np.float16, "fp32"), (np.float16, "fp16"), (np.float32, "fp16"), (np.float64, "fp32")):
            weight = (self.rng.standard_normal((12, 1, 4)) * 0.3).astype(kind)
            bias = (self.rng.standard_normal(12) * 0.2).astype(kind)
            x = self.rng.standard_normal((12, 9)).astype(np.float32)
            np.save(self.folder / "x.npy", x)
            file = self.file("m.bin", checkpoints.torch_file({CONV + "weight": weight, CONV + "bias": bias}))
            out = self.folder / f"{kind.__name__}{arith}"
            self.run_import(file, "--input", self.folder / "x.npy", "--arith", arith, "-o", out)
            layer, tensors = self.bundle(out)
            arithmetic = {"fp32": np.float32, "fp16": np.float16}[arith]
            for name, values, used in (("weight", weight[:, 0], arithmetic), ("bias", bias, arithmetic), ("input", x[None], np.float32)):
                want, scale = absmax(values, used)
                np.testing.assert_array_equal(tensors[f"conv1d_{name}"], want, err_msg=f"{name} {kind} {arith}")
                self.assertEqual(np.float32(layer[f"{name}_scale"]), scale)
                compared += want.size
            output = np.abs(silu_of_convolution(x, weight[:, 0].astype(np.float32), bias.astype(np.float32))).max()
            self.assertAlmostEqual(layer["output_scale"], output / 127, delta=1e-6 * output)
            np.testing.assert_array_equal(np.load(out / "float/conv1d_weight.npy"), weight[:, 0].astype(np.float32))
        self.assertEqual(compared, 5 * (48 + 12 + 108))

    def test_bfloat16_is_exact(self):
        values = checkpoints.BFloat16(self.rng.standard_normal((12, 1, 4)))
        file = self.file("m.safetensors", checkpoints.safetensors({CONV + "weight": values}))
        self.run_import(file, "--input-scale", "0.1", "--output-scale", "0.1", "-o", self.folder / "out")
        want, scale = absmax(values.values[:, 0], np.float32)
        layer, tensors = self.bundle(self.folder / "out")
        np.testing.assert_array_equal(tensors["conv1d_weight"], want)
        self.assertEqual(layer["weight_scale"], float(scale))
        self.assertNotIn("conv1d_bias", tensors)

    def test_zeros_are_given_a_scale(self):
        file = self.file("m.safetensors", checkpoints.safetensors({CONV + "weight": np.zeros((3, 1, 4), np.float32)}))
        self.run_import(file, "--input-scale", "0.1", "--output-scale", "0.1", "-o", self.folder / "out")
        layer, tensors = self.bundle(self.folder / "out")
        self.assertEqual(np.float32(layer["weight_scale"]), np.float32(np.float32(1e-5) / np.float32(127)))
        self.assertFalse(tensors["conv1d_weight"].any())

    def test_given_scales_win(self):
        entries = checkpoints.quamba(self.rng, 1, 10)
        file = self.file("m.bin", checkpoints.torch_file(entries))
        x = self.rng.standard_normal((2, 10, 7)).astype(np.float32)
        np.save(self.folder / "x.npy", x)
        scales = self.file("scales.json", json.dumps({"format": "quasim.scales/1", "layers": {"layer00": {"output_scale": 0.07, "input_scale": 0.2}}}))
        self.run_import(file, "--input", self.folder / "x.npy", "--scales", scales, "--output-scale", "0.5", "--conv-scale", "0.03",
                        "--conv-bits", "10", "--dataflow", "fused", "--rounding", "half_away", "-o", self.folder / "out")
        layer, tensors = self.bundle(self.folder / "out")
        fp32 = lambda value: float(np.float32(value))
        self.assertEqual((layer["output_scale"], layer["input_scale"], layer["conv_scale"], layer["weight_scale"]),
                         (fp32(0.5), fp32(0.2), fp32(0.03), entries[CONV + "weight_scale"]))
        self.assertEqual((layer["conv_bits"], layer["dataflow"], layer["rounding"]), (10, "fused", "half_away"))
        want = np.clip(np.rint(x / np.float32(0.2)), -128, 127)
        np.testing.assert_array_equal(tensors["conv1d_input"], want)
        self.assertEqual(layer["source"]["scales"], {"output_scale": "given", "conv_scale": "given", "input_scale": "calibrated",
                                                      "weight_scale": "checkpoint", "bias_scale": "checkpoint"})

    def test_output_percentile(self):
        weight, x = self.rng.standard_normal((4, 4)).astype(np.float32), self.rng.standard_normal((4, 500)).astype(np.float32)
        np.savez(self.folder / "m.npz", weight=weight, input=x)
        for share in (1.0, 0.9995, 0.9):
            out = self.folder / str(share)
            self.run_import(self.folder / "m.npz", "--input", self.folder / "m.npz", "--output-percentile", share, "-o", out)
            magnitudes = np.sort(np.abs(silu_of_convolution(x, weight, np.zeros(4))).reshape(-1))
            at = share * (magnitudes.size - 1)
            low = int(at)
            want = magnitudes[low] + (at - low) * (magnitudes[min(low + 1, magnitudes.size - 1)] - magnitudes[low])
            self.assertAlmostEqual(self.bundle(out)[0]["output_scale"], want / 127, delta=1e-6)

    def test_hugging_face_names(self):
        """Layer numbers and keys as the families of transformers have them, hybrids with layers that have no convolution."""
        weight = self.rng.standard_normal((6, 1, 4)).astype(np.float32)
        for names in (["backbone.layers.{}.mixer.conv1d"], ["model.layers.{}.mamba.conv1d"], ["model.layers.{}.linear_attn.conv1d"],
                      ["model.layers.{}.mamba_decoder.mamba.conv1d"], ["layers.{}.mixer.conv1d"], ["model.language_model.layers.{}.linear_attn.conv1d"],
                      ["model.layers.{}.temporal_block.conv_1d"], ["model.layers.{}.conv.conv"], ["transformer.h.{}.mixer.conv1d"]):
            entries = {}
            for index in (1, 12):
                entries.update({name.format(index) + ".weight": weight + index for name in names})
                entries.update({name.format(index) + ".bias": weight[:, 0, 0] for name in names})
            entries["model.layers.0.self_attn.q_proj.weight"] = np.zeros((6, 6), np.float32)
            entries["vision.layers.0.conv.weight"] = np.zeros((6, 3, 4, 4), np.float32)
            found = importer.find_layers(importer.Checkpoint([self.file("m.safetensors", checkpoints.safetensors(entries))]))
            self.assertEqual([(one.label, one.weight_key, one.bias_key in entries) for one in found],
                             [(f"layer{index:02d}", names[0].format(index) + ".weight", True) for index in (1, 12)])
        entries = {f"model.layers.3.self_attn.{name}_conv1d.weight": weight for name in "qkv"}
        found = importer.find_layers(importer.Checkpoint([self.file("m.safetensors", checkpoints.safetensors(entries))]))
        self.assertEqual([one.label for one in found], [f"layer03.self_attn.{name}_conv1d" for name in "kqv"])

    def test_mixer_of_a_hybrid(self):
        first, second = (checkpoints.quamba(self.rng, 1, 6, mixer=f"mixers.{name}") for name in ("W4A8", "W8A8"))
        file = self.file("m.bin", checkpoints.torch_file({**first, **second}))
        self.run_import(file, "--mixer", "W8A8", "-o", self.folder / "out")
        np.testing.assert_array_equal(self.bundle(self.folder / "out")[1]["conv1d_weight"], second["backbone.layers.0.mixers.W8A8.conv1d.weight"])

    # groups

    def assert_groups(self, folder, by_channel, names=("input_scale", "weight_scale", "bias_scale", "output_scale")):
        """The scales of every channel of a grouped bundle."""
        layer, tensors = self.bundle(folder)
        self.assertEqual(layer["format"], "quasim.layer/2")
        group_of = tensors["channel_group"]
        self.assertEqual((group_of.dtype, group_of.shape), (np.uint16, (layer["channels"],)))
        self.assertEqual(set(group_of.tolist()), set(range(len(layer["groups"]))))
        got = np.array([[layer["groups"][g][name] for name in names] for g in group_of], np.float32)
        np.testing.assert_array_equal(got, by_channel)
        return layer, tensors

    def test_quamba2(self):
        compared = 0
        for trial in range(6):
            entries, by_channel = checkpoints.quamba2(self.rng, ssd_groups=1 + trial % 2)
            out = self.folder / f"out{trial}"
            self.run_import(self.file("m.bin", checkpoints.torch_file(entries)), "-o", out)
            layer, tensors = self.assert_groups(out, by_channel)
            np.testing.assert_array_equal(tensors["conv1d_weight"], entries[CONV + "weight"])
            self.assertEqual(layer["activation"], "silu")
            compared += by_channel.size
        self.assertGreater(compared, 1500)

    def test_split_groups(self):
        entries, by_channel = checkpoints.quamba2(self.rng)
        file = self.file("m.bin", checkpoints.torch_file(entries))
        channels = len(by_channel)
        x = self.rng.integers(-128, 128, (2, channels, 5)).astype(np.int8)
        np.save(self.folder / "x.npy", x)
        rows = self.run_import(file, "--split-groups", "--input", self.folder / "x.npy", "-o", self.folder / "split")
        seen = []
        for row in rows:
            layer, tensors = self.bundle(pathlib.Path(row["bundle"]))
            self.assertEqual(layer["format"], "quasim.layer/1")
            mine = [c for first, last in layer["source"]["channels"] for c in range(first, last + 1)]
            scales = [layer[name] for name in ("input_scale", "weight_scale", "bias_scale", "output_scale")]
            np.testing.assert_array_equal(by_channel[mine], np.tile(np.float32(scales), (len(mine), 1)))
            np.testing.assert_array_equal(tensors["conv1d_weight"], entries[CONV + "weight"][mine])
            np.testing.assert_array_equal(tensors["conv1d_bias"], entries[CONV + "bias"][mine])
            np.testing.assert_array_equal(tensors["conv1d_input"], x[:, mine])
            seen += mine
        self.assertEqual(sorted(seen), list(range(channels)))
        self.assertGreater(len(rows), 20)

    def test_quamba2_with_one_output_scale_each(self):
        entries, _ = checkpoints.quamba2(self.rng, ssd_groups=1)
        for name in ("x_head_group_range", "x_dim_group_range"):
            del entries[CONV + name]
        entries[CONV + "x_out_scales"] = np.array([0.25], np.float32)
        file = self.file("m.bin", checkpoints.torch_file(entries))
        want = np.array([[entries[CONV + n.format(g)] for n in ("{}_scale", "w{}_scale", "b{}_scale")] +
                         [float(entries[CONV + f"{g}_out_scales"][0])] for g, n in (("x", 48), ("B", 4), ("C", 4)) for _ in range(n)], np.float32)
        self.run_import(file, "--groups", "x:48,B:4,C:4", "-o", self.folder / "a")
        self.assert_groups(self.folder / "a", want)
        self.file("config.json", json.dumps({"d_model": 24, "ssm_cfg": {"layer": "Mamba2", "d_state": 4}}))
        self.run_import(file, "-o", self.folder / "b")
        self.assert_groups(self.folder / "b", want)

    def test_groups_of_configurations(self):
        """x, B, C of Mamba-2's families and q, k, v of a gated delta net; each group is quantised by itself."""
        weight = self.rng.standard_normal((24, 1, 4)).astype(np.float32)
        x = self.rng.standard_normal((24, 30)).astype(np.float32) * np.arange(1, 25, dtype=np.float32)[:, None]
        np.save(self.folder / "x.npy", x)
        xbc, qkv = [("x", 16), ("B", 4), ("C", 4)], [("q", 4), ("k", 4), ("v", 16)]
        for n, (config, want) in enumerate((
            ({"model_type": "mamba2", "expand": 2, "hidden_size": 8, "n_groups": 2, "state_size": 2,
              "time_step_limit": [0.0, float("inf")]}, xbc),
            ({"model_type": "bamba", "mamba_expand": 2, "hidden_size": 8, "mamba_n_groups": 1, "mamba_d_state": 4}, xbc),
            ({"model_type": "falcon_h1", "mamba_d_ssm": 16, "mamba_expand": 7, "hidden_size": 8, "mamba_n_groups": 1, "mamba_d_state": 4}, xbc),
            ({"model_type": "nemotron_h", "mamba_num_heads": 4, "mamba_head_dim": 4, "n_groups": 1, "ssm_state_size": 4, "hidden_size": 9, "expand": 2}, xbc),
            ({"model_type": "zamba2", "mamba_expand": 2, "hidden_size": 8, "mamba_ngroups": 1, "mamba_d_state": 4, "hidden_act": "gelu"}, xbc),
            ({"model_type": "qwen3_next", "linear_num_key_heads": 2, "linear_key_head_dim": 2, "linear_num_value_heads": 4, "linear_value_head_dim": 4,
              "hidden_act": "silu"}, qkv),
            ({"text_config": {"model_type": "qwen3_5", "linear_num_key_heads": 2, "linear_key_head_dim": 2, "linear_num_value_heads": 4,
                              "linear_value_head_dim": 4}}, qkv),
        )):
            self.file(f"{n}/config.json", json.dumps(config))
            file = self.file(f"{n}/model.safetensors", checkpoints.safetensors({CONV + "weight": weight}))
            out = self.folder / f"out{n}"
            self.run_import(file, "--input", self.folder / "x.npy", "-o", out)
            layer, tensors = self.bundle(out)
            self.assertEqual([group["name"] for group in layer["groups"]], [name for name, _ in want])
            self.assertEqual(tensors["channel_group"].tolist(), [g for g, (_, size) in enumerate(want) for _ in range(size)])
            begin = 0
            for group, (_, size) in zip(layer["groups"], want):
                mine = slice(begin, begin + size)
                for name, values, got in (("weight", weight[mine, 0], tensors["conv1d_weight"][mine]), ("input", x[None, mine], tensors["conv1d_input"][:, mine])):
                    int8, scale = absmax(values, np.float32)
                    np.testing.assert_array_equal(got, int8)
                    self.assertEqual(np.float32(group[name + "_scale"]), scale)
                begin += size
            self.run_import(file, "--input", self.folder / "x.npy", "--groups", "one", "-o", self.folder / f"one{n}")
            self.assertEqual(self.bundle(self.folder / f"one{n}")[0]["format"], "quasim.layer/1")
        self.file("config.json", json.dumps({"model_type": "mamba2", "expand": 2, "hidden_size": 9, "n_groups": 2, "state_size": 2}))
        file = self.file("model.safetensors", checkpoints.safetensors({CONV + "weight": weight}))
        self.run_import(file, "--input", self.folder / "x.npy", "-o", self.folder / "other")
        self.assertEqual(self.bundle(self.folder / "other")[0]["format"], "quasim.layer/1")  # the sum is not 24: no split is believed

    def test_scales_by_group(self):
        file = self.file("m.safetensors", checkpoints.safetensors({CONV + "weight": np.ones((6, 1, 4), np.float32)}))
        self.run_import(file, "--groups", "a:2,b:4", "--input-scale", "0.5", "--output-scale", "a=0.25,b=0.125", "-o", self.folder / "out")
        layer, _ = self.bundle(self.folder / "out")
        self.assertEqual([(g["name"], g["input_scale"], g["output_scale"]) for g in layer["groups"]], [("a", 0.5, 0.25), ("b", 0.5, 0.125)])

    def test_identity(self):
        weight, x = self.rng.standard_normal((6, 1, 3)).astype(np.float32), self.rng.standard_normal((6, 40)).astype(np.float32)
        np.save(self.folder / "x.npy", x)
        self.file("config.json", json.dumps({"model_type": "lfm2"}))
        file = self.file("model.safetensors", checkpoints.safetensors({"model.layers.0.conv.conv.weight": weight}))
        self.run_import(file, "--input", self.folder / "x.npy", "-o", self.folder / "out")
        layer, _ = self.bundle(self.folder / "out")
        y = max(abs(sum(float(weight[c, 0, k]) * float(x[c, t - 2 + k]) for k in range(3) if t - 2 + k >= 0)) for c in range(6) for t in range(40))
        self.assertEqual((layer["format"], layer["activation"], layer["taps"]), ("quasim.layer/2", "identity", 3))
        self.assertAlmostEqual(layer["groups"][0]["output_scale"], y / 127, delta=1e-6)

    # plain files

    def test_plain_files(self):
        weight, bias = self.rng.standard_normal((6, 4)).astype(np.float32), self.rng.standard_normal(6).astype(np.float32)
        x = self.rng.standard_normal((3, 6, 20)).astype(np.float32)
        for name, values in (("w", weight), ("b", bias), ("x", x)):
            np.save(self.folder / f"{name}.npy", values)
        np.savez(self.folder / "named.npz", conv1d_weight=weight, conv1d_bias=bias, conv1d_input=x)
        self.run_import(self.folder / "w.npy", "--bias", self.folder / "b.npy", "--input", self.folder / "x.npy", "-o", self.folder / "npy")
        self.run_import(self.folder / "named.npz", "--input", self.folder / "named.npz", "-o", self.folder / "npz")
        one, two = self.bundle(self.folder / "npy"), self.bundle(self.folder / "npz")
        for name in ("conv1d_weight", "conv1d_bias", "conv1d_input"):
            np.testing.assert_array_equal(one[1][name], two[1][name])
        np.testing.assert_array_equal(one[1]["conv1d_weight"], absmax(weight, np.float32)[0])
        for key in ("input_scale", "weight_scale", "bias_scale", "output_scale"):
            self.assertEqual(one[0][key], two[0][key])
        np.savez(self.folder / "int8.npz", weight=np.ones((6, 4), np.int8), weight_scale=np.float32(0.5), input_scale=np.float32(0.25), output_scale=0.125)
        self.run_import(self.folder / "int8.npz", "-o", self.folder / "int8")
        layer, _ = self.bundle(self.folder / "int8")
        self.assertEqual((layer["weight_scale"], layer["input_scale"], layer["output_scale"]), (0.5, 0.25, 0.125))

    def test_arrays(self):
        """make_layer on arrays against the command on the same arrays in a file."""
        weight, bias, x = (self.rng.standard_normal(shape).astype(np.float32) for shape in ((6, 1, 4), (6,), (2, 6, 20)))
        np.savez(self.folder / "m.npz", weight=weight, bias=bias, input=x)
        self.run_import(self.folder / "m.npz", "--input", self.folder / "m.npz", "--arith", "fp16", "--conv-bits", 9, "-o", self.folder / "file")
        quasim.make_layer(weight, bias, x, arith="fp16", conv_bits=9).write(self.folder / "arrays")
        file, arrays = self.bundle(self.folder / "file"), self.bundle(self.folder / "arrays")
        self.assertEqual(set(file[1]), set(arrays[1]))
        for name, values in file[1].items():
            np.testing.assert_array_equal(arrays[1][name], values)
        for key in ("channels", "taps", "input_scale", "weight_scale", "bias_scale", "output_scale", "conv_bits"):
            self.assertEqual(arrays[0][key], file[0][key])
        layer = quasim.make_layer(np.ones((6, 4), np.int8), weight_scale=0.5, input_scale=0.25, output_scale=0.125)
        self.assertEqual(layer.to_json()["weight_scale"], 0.5)
        for arguments, options, words in (((np.ones((6, 4), np.int8),), {}, "weight_scale"), ((np.ones((6, 5)),), {}, "K from 2 to 4"),
                                          ((np.ones((6, 4)), np.ones(5)), {}, "bias"), ((np.full((6, 4), np.nan),), {}, "finite"),
                                          ((np.ones((6, 4), object),), {}, "float"), ((np.ones((6, 4)),), {"arith": "fp8"}, "--arith")):
            with self.assertRaisesRegex(ValueError, words):
                quasim.make_layer(*arguments, **options)

    def test_bundle_with_other_scales(self):
        """A row of a sweep, applied: the tensors and the rest of layer.json stay as they are."""
        source = support.LAYERS[0]
        self.run_import(source, "--conv-bits", "10", "--conv-scale", "0.0119", "-o", self.folder / "out")
        before, tensors = self.bundle(source)
        after, same = self.bundle(self.folder / "out")
        for name, values in tensors.items():
            np.testing.assert_array_equal(same[name], values)
        self.assertEqual(len(same), 3)
        self.assertEqual((after.pop("conv_bits"), after.pop("conv_scale")), (10, float(np.float32(0.0119))))
        del before["source"], after["source"]
        self.assertEqual(after, before)
        self.run_import(self.folder / "out", "--output-scale", "0.0625", "-o", self.folder / "again")
        again, _ = self.bundle(self.folder / "again")
        self.assertEqual((again["conv_bits"], again["conv_scale"], again["output_scale"]), (10, float(np.float32(0.0119)), 0.0625))

    def test_inputs_of_several_layers(self):
        entries = checkpoints.quamba(self.rng, 2, 6)
        file = self.file("m.bin", checkpoints.torch_file(entries))
        inputs = [self.rng.integers(-128, 128, (1, 6, 9)).astype(np.int8) for _ in range(2)]
        np.savez(self.folder / "x.npz", layer00_conv1d_input=inputs[0], layer01_conv1d_input=inputs[1], token_ids=np.arange(9))
        for index in range(2):
            (self.folder / f"captured/layer0{index}").mkdir(parents=True)
            np.save(self.folder / f"captured/layer0{index}/conv1d_input.npy", inputs[index])
        for n, where in enumerate(("x.npz", "captured")):
            self.run_import(file, "--input", self.folder / where, "-o", self.folder / f"out{n}")
            for index in range(2):
                np.testing.assert_array_equal(self.bundle(self.folder / f"out{n}/layer0{index}")[1]["conv1d_input"], inputs[index])

    # real layers

    @unittest.skipUnless(SHARED.exists(), "the data of bookmamba is not beside the checkout")
    def test_bookmamba_in_both_arithmetics(self):
        weights = sorted(SHARED.glob("weights_*.pt"))
        int8 = {}
        for arith in ("fp32", "fp16"):
            self.run_import(*weights, "--arith", arith, "--input-scale", "1", "--output-scale", "1", "-o", self.folder / arith)
            int8[arith] = np.concatenate([np.load(self.folder / arith / f"layer{n:02d}" / f"conv1d_{name}.npy").reshape(-1)
                                          for n in range(12) for name in ("weight", "bias")])
        self.assertEqual(int8["fp32"].size, 61440)
        self.assertEqual(int((int8["fp32"] != int8["fp16"]).sum()), 786)
        for n, committed in enumerate(support.LAYERS):
            layer, tensors = self.bundle(self.folder / "fp32" / f"layer{n:02d}")
            want = json.loads((committed / "layer.json").read_text())
            for name in ("weight", "bias"):
                np.testing.assert_array_equal(tensors[f"conv1d_{name}"], np.load(committed / f"conv1d_{name}.npy"))
                self.assertEqual(layer[f"{name}_scale"], want[f"{name}_scale"])


if __name__ == "__main__":
    unittest.main()
