"""python.capture.*: what the hook takes from running models against what they computed. Skipped where torch is not installed; the
families of transformers where that is not."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest

import numpy as np

try:
    import torch
    from torch import nn
except ImportError:
    torch = None
try:
    import transformers
except ImportError:
    transformers = None

QUASIM = os.environ.get("QUASIM")


def functional_model(functions, **options):
    """A model whose modelling module calls causal_conv1d_fn and causal_conv1d_update by name, with a state in front of x on request."""
    module = types.ModuleType("a_modelling_module")
    module.__dict__.update(functions, torch=torch, nn=nn)
    exec(
        """
class Mixer(nn.Module):
    def __init__(self, channels, taps, activation="silu"):
        super().__init__()
        self.conv1d = nn.Conv1d(channels, channels, taps, groups=channels, padding=taps - 1)
        self.activation, self.taps, self.state = activation, taps, None
    def forward(self, hidden_states, ahead=0):
        x = hidden_states.transpose(1, 2)
        weight = self.conv1d.weight.squeeze(1)
        if self.state is not None and x.shape[-1] == 1:
            return causal_conv1d_update(x, self.state, weight, self.conv1d.bias, activation=self.activation).transpose(1, 2)
        self.state = torch.nn.functional.pad(x, (self.taps, 0))[..., -self.taps:].clone()
        x = torch.nn.functional.pad(x, (ahead, 0))
        out = causal_conv1d_fn(x, weight, self.conv1d.bias, activation=self.activation)
        return out[..., ahead:].transpose(1, 2)
class Model(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.layers = nn.ModuleList(Mixer(6, 4, **options) for _ in range(3))
    def forward(self, x, ahead=0):
        for layer in self.layers:
            x = layer(x, ahead)
        return x
""",
        module.__dict__,
    )
    sys.modules[module.__name__] = module
    return module.Model(**options)


def functions():
    silu = lambda y, activation: nn.functional.silu(y) if activation else y

    def causal_conv1d_fn(x, weight, bias=None, activation=None, **_):
        y = nn.functional.conv1d(x, weight[:, None], bias, padding=weight.shape[1] - 1, groups=len(weight))
        return silu(y[..., : x.shape[-1]], activation)

    def causal_conv1d_update(x, state, weight, bias=None, activation=None):
        state.copy_(torch.cat([state, x], -1)[..., 1:])
        return silu((state * weight).sum(-1, keepdim=True) + (0 if bias is None else bias[:, None]), activation)

    return {"causal_conv1d_fn": causal_conv1d_fn, "causal_conv1d_update": causal_conv1d_update}


def activated(x, weight, bias):
    """silu(causal convolution) by torch."""
    weight, bias = torch.from_numpy(weight)[:, None], None if bias is None else torch.from_numpy(bias)
    y = nn.functional.conv1d(torch.from_numpy(x), weight, bias, padding=weight.shape[-1] - 1, groups=len(weight))
    return nn.functional.silu(y[..., : x.shape[-1]]).numpy()


@unittest.skipIf(torch is None, "torch is not installed")
class Capture(unittest.TestCase):
    def setUp(self):
        from quasim import capture, importer

        self.capture, self.refusal = capture, importer.Refusal
        torch.manual_seed(0)

    def test_functions_of_a_module(self):
        compared = 0
        for ahead in (0, 3, 4):
            model = functional_model(functions())
            before = dict(vars(sys.modules["a_modelling_module"]))
            x = torch.randn(2, 9, 6)
            with torch.no_grad():
                want = model(x)
            got = self.capture.capture(model, lambda: model(x, ahead))
            self.assertEqual(list(got), ["layer00", "layer01", "layer02"])
            np.testing.assert_array_equal(got["layer00"].x, x.numpy().transpose(0, 2, 1))
            for one, after in zip(got.values(), [*list(got.values())[1:], None]):
                np.testing.assert_allclose(one.out, activated(one.x, one.weight, one.bias), rtol=0, atol=1e-6)
                np.testing.assert_array_equal(one.out, after.x if after else want.numpy().transpose(0, 2, 1))
                compared += one.out.size
            self.assertEqual(dict(vars(sys.modules["a_modelling_module"])), before)  # everything is put back
        self.assertEqual(compared, 3 * 3 * 2 * 6 * 9)

    def test_named_arguments_of_newer_hooks(self):
        """What a pre-hook with named arguments is called with, as torch 2 does; a state in front is then cut off all the same."""
        model = functional_model(functions())
        hook = self.capture.Hook(self.capture.find_sites(model), lambda call: None)
        hook._before_owner(self.capture.find_sites(model)[0], model.layers[0], (), {"hidden_states": torch.zeros(1, 5, 6)})
        self.assertEqual(list(hook._length.values()), [5])
        hook._before_owner(self.capture.find_sites(model)[0], model.layers[0], ())
        self.assertEqual(hook._length, {})

    def test_decoded_tokens_follow_the_prefill(self):
        model = functional_model(functions())
        x = torch.randn(1, 12, 6)

        def run():
            model(x[:, :8])
            for t in range(8, 12):
                model(x[:, t : t + 1])

        got = self.capture.capture(model, run, layers=[0], tokens=11)
        np.testing.assert_array_equal(got["layer00"].x, x.numpy().transpose(0, 2, 1)[..., :11])
        np.testing.assert_allclose(got["layer00"].out, activated(got["layer00"].x, got["layer00"].weight, got["layer00"].bias), rtol=0, atol=1e-6)

    def test_modules_whose_activation_serves_others_too(self):
        """conv1d and act as modules, as older versions have them; act is called on the gate while the convolution's output waits."""

        class Mixer(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1d, self.act = nn.Conv1d(6, 6, 4, groups=6, padding=3), nn.SiLU()

            def forward(self, x):
                raw = self.conv1d(x.transpose(1, 2))
                gate = self.act(x)
                return self.act(raw.transpose(1, 2))[:, : x.shape[1]] * gate

        model = nn.Module()
        model.layers = nn.ModuleList([Mixer()])
        x = torch.randn(2, 9, 6)
        got = self.capture.capture(model, lambda: model.layers[0](x), tokens=5)["layer00"]
        np.testing.assert_array_equal(got.x, x.numpy().transpose(0, 2, 1)[..., :5])
        np.testing.assert_allclose(got.out, activated(got.x, got.weight, got.bias), rtol=0, atol=1e-6)  # another length, other vectors
        with self.capture.Hook(self.capture.find_sites(model), lambda call: torch.ones_like(call.out)), torch.no_grad():
            np.testing.assert_array_equal(model.layers[0](x).numpy(), nn.functional.silu(x).numpy())

    def test_once_each(self):
        model = functional_model(functions())
        first, second = torch.randn(1, 8, 6), torch.randn(1, 8, 6)
        got = self.capture.capture(model, lambda: (model(first), model(second)))
        np.testing.assert_array_equal(got["layer00"].x, first.numpy().transpose(0, 2, 1))

    def test_replaced_output_is_what_the_model_goes_on_with(self):
        for ahead in (0, 4):
            model = functional_model(functions())
            x = torch.randn(1, 8, 6)
            seen = []
            with self.capture.Hook(self.capture.find_sites(model), lambda call: seen.append(call.x) or torch.full_like(call.out, 0.5)), torch.no_grad():
                out = model(x, ahead)
            self.assertTrue(bool((out == 0.5).all()))
            self.assertTrue(bool((seen[1] == 0.5).all()))

    def test_decode_with_the_units_numbers(self):
        """Eight tokens at once and four more one by one, against twelve at once; three in front are shorter than the taps reach."""
        from quasim.evaluate import configurations, replace

        for ahead in (8, 2):
            model = functional_model(functions())
            x = torch.randn(2, 12, 6)
            sites = self.capture.find_sites(model)
            observers = self.capture.observe(model, [lambda: model(x)], "absmax")
            scales = {label: one.scales() for label, one in observers.items()}
            make = lambda: replace.Replacement(sites, configurations.standard()["two_step"], scales, None, "cpu")
            for layer in model.layers:
                layer.state = None
            with make(), torch.no_grad():
                whole = model(x)
            for layer in model.layers:
                layer.state = None
            with make() as replacement, torch.no_grad():
                pieces = [model(x[:, :ahead])] + [model(x[:, t : t + 1]) for t in range(ahead, 12)]
                replacement._history.clear()
                with self.assertRaisesRegex(self.refusal, "one token behind a sequence"):
                    model(x[:, :1])
            replacement.require_all()
            self.assertTrue(torch.equal(torch.cat(pieces, 1), whole))
            self.assertFalse(torch.equal(whole, model(x)))

    def test_refusals(self):
        model = functional_model(functions())
        run = lambda: model(torch.randn(1, 8, 6))
        for words, call in (
            ("layers.*0..2.*got 5", lambda: self.capture.capture(model, run, layers=[5])),
            ("layer00.*text of 9 tokens; got 8", lambda: self.capture.capture(model, run, tokens=9)),
            ("all 3 convolutions; got 0", lambda: self.capture.capture(model, lambda: None)),
            ("all 3 convolutions; got 1: none of layer01, layer02", lambda: self.capture.capture(model, lambda: model.layers[0](torch.randn(1, 8, 6)))),
            ("recipe", lambda: self.capture.calibrate(model, [run], "nothing")),
            ("in_proj", lambda: self.capture.calibrate(model, [run], "quamba1")),
            ("convolution", lambda: self.capture.find_sites(nn.Linear(2, 2))),
        ):
            with self.assertRaisesRegex(self.refusal, words):
                call()
        with self.assertRaisesRegex(self.refusal, "activation silu; got gelu"):
            other = functional_model({**functions()}, activation="gelu")
            self.capture.capture(other, lambda: other(torch.randn(1, 8, 6)))
        for words, conv in (("groups", nn.Conv1d(6, 6, 4, groups=3)), ("K from 2 to 4", nn.Conv1d(6, 6, 7, groups=6)),
                            ("dilation", nn.Conv1d(6, 6, 4, groups=6, dilation=2)), ("stride", nn.Conv1d(6, 6, 4, groups=6, stride=2))):
            model.layers[1].conv1d = conv
            with self.assertRaisesRegex(self.refusal, "layers.1.conv1d.*" + words):
                self.capture.find_sites(model)

    def test_calibration(self):
        model = functional_model(functions())
        batches = [torch.randn(1, 40, 6) for _ in range(3)]
        runs = lambda: (lambda x=x: model(x) for x in batches)
        got = self.capture.calibrate(model, runs(), "absmax", layers=[0])
        x = np.concatenate([batch.numpy() for batch in batches])
        self.assertEqual(np.float32(got["layer00"]["input_scale"]), np.float32(np.abs(x).max() / np.float32(127)))
        got = self.capture.calibrate(model, runs(), "percentile", layers=[0])
        value = None
        for batch in batches:
            seen = np.quantile(np.abs(batch.numpy()).astype(np.float64), 0.9995)
            value = seen if value is None else value + 0.01 * (seen - value)
        self.assertAlmostEqual(got["layer00"]["input_scale"], value / 127, delta=1e-6)


@unittest.skipIf(torch is None or transformers is None, "torch and transformers are not installed")
class Families(unittest.TestCase):
    def setUp(self):
        from quasim import capture

        self.capture = capture
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        torch.manual_seed(0)

    def models(self):
        small = dict(hidden_size=32, vocab_size=64)
        yield "mamba", transformers.MambaForCausalLM(transformers.MambaConfig(num_hidden_layers=2, state_size=4, **small)), [0, 1]
        yield "mamba2", transformers.Mamba2ForCausalLM(transformers.Mamba2Config(
            num_hidden_layers=2, state_size=4, num_heads=8, head_dim=8, n_groups=2, expand=2, chunk_size=8, **small)), [0, 1]
        yield "jamba", transformers.JambaForCausalLM(transformers.JambaConfig(
            num_hidden_layers=4, mamba_d_state=4, num_attention_heads=4, num_key_value_heads=2, intermediate_size=32, attn_layer_period=2,
            attn_layer_offset=1, num_experts=2, use_mamba_kernels=False, **small)), [0, 2]

    def test_tensors_are_what_the_model_computed(self):
        ids = torch.randint(0, 64, (1, 24))
        compared = 0
        for name, model, layers in self.models():
            model.eval()
            with torch.no_grad():
                want = model(ids, use_cache=False).logits
            got = self.capture.capture(model, lambda: model(ids, use_cache=False))
            self.assertEqual(list(got), [f"layer{n:02d}" for n in layers], name)
            for one in got.values():
                np.testing.assert_array_equal(one.out, activated(one.x, one.weight, one.bias), err_msg=name)
                compared += one.out.size
            # its own outputs put in its place change nothing, zeros do
            with self.capture.Hook(self.capture.find_sites(model), lambda call: call.out.clone()), torch.no_grad():
                self.assertTrue(torch.equal(model(ids, use_cache=False).logits, want), name)
            with self.capture.Hook(self.capture.find_sites(model), lambda call: torch.zeros_like(call.out)), torch.no_grad():
                self.assertFalse(torch.equal(model(ids, use_cache=False).logits, want), name)
            scales = self.capture.calibrate(model, [lambda: model(ids, use_cache=False)], "quamba1")
            self.assertEqual(list(scales), list(got))
        self.assertGreater(compared, 5000)

    def test_the_units_numbers_by_group(self):
        """Mamba2 with the unit's numbers in it: every int8 value of x, B and C against quasim.Model with the group's own program."""
        import quasim
        from quasim.evaluate import configurations, replace

        name, model, _ = list(self.models())[1]
        self.assertEqual(name, "mamba2")
        model.eval()
        for layer in model.backbone.layers:
            layer.mixer.conv1d.weight.data *= 8
        ids = torch.randint(0, 64, (2, 24))
        run = lambda: model(ids, use_cache=False)
        scales = self.capture.calibrate(model, [run], "absmax")
        replacement = replace.Replacement(self.capture.find_sites(model), configurations.standard()["two_step"], scales, None, "cpu", model.config.to_dict())
        calls, inner = [], replacement._hook._handler
        replacement._hook._handler = lambda call: calls.append((call.site.label, call.x.clone(), inner(call))) or calls[-1][2]
        with replacement, torch.no_grad():
            run()
        compared = 0
        self.assertEqual(len(calls), 2)
        for label, x, out in calls:
            layer = replacement.layers[label]
            self.assertEqual([group.name for group in layer.groups], ["x", "B", "C"])
            for index, piece in enumerate(layer.split()):
                piece.write(self.folder / label / piece.groups[0].name)
                program = quasim.compile(quasim.read_bundle(self.folder / label / piece.groups[0].name), match="out").program
                mine = np.flatnonzero(layer.channel_group == index)
                group = piece.groups[0]
                int8 = np.clip(np.rint(x.numpy()[:, mine] / np.float32(group.input_scale)), -128, 127).astype(np.int8)
                want = quasim.Model(program).run(int8)["out"].astype(np.float32) * np.float32(group.output_scale)
                np.testing.assert_array_equal(out.numpy()[:, mine], want)
                compared += want.size
        self.assertEqual(compared, 2 * 2 * (64 + 2 * 2 * 4) * 24)

    def test_files_that_transformers_writes(self):
        """save_pretrained in shards, safetensors and PyTorch, with the config.json beside them: every tensor, and the layers' groups."""
        from quasim import importer

        compared = 0
        for name, model, layers in self.models():
            for kind, safe in (("safetensors", True), ("bin", False)):
                folder = self.folder / f"{name}.{kind}"
                model.to(torch.bfloat16).save_pretrained(folder, safe_serialization=safe, max_shard_size="20KB")
                checkpoint = importer.Checkpoint([folder])
                state = model.state_dict()
                for key in checkpoint.keys():
                    if key not in state:  # transformers 5 holds a layer's experts in one tensor and writes them one by one
                        self.assertIn(".experts.", key)
                        continue
                    np.testing.assert_array_equal(checkpoint.tensor(key).array(), state[key].float().numpy(), err_msg=key)
                    compared += 1
                found = importer.find_layers(checkpoint)
                self.assertEqual([one.index for one in found], layers)
                choices = importer.Choices(scales={"input_scale": 0.1, "output_scale": 0.1})
                layer = importer.read_layer(checkpoint, found[0], choices, name)
                self.assertEqual([group.name for group in layer.groups], ["x", "B", "C"] if name == "mamba2" else ["all"])
        self.assertGreater(compared, 100)

    @unittest.skipUnless(QUASIM, "QUASIM does not name the command")
    def test_from_the_model_to_the_rtl(self):
        np.save(self.folder / "ids.npy", np.random.default_rng(9).integers(0, 64, 96))
        environment = {**os.environ, "SAVE_INTERMEDIATE_VALUES": "floatsim", "INTERMEDIATE_VALUES_DIR": str(self.folder / "values")}
        programs = 0
        for name, model, layers in self.models():
            model.save_pretrained(self.folder / name)
            result = subprocess.run([sys.executable, "-m", "quasim.capture", self.folder / name, "--ids", self.folder / "ids.npy", "--tokens", "32",
                                     "--recipe", "absmax", "--samples", "2", "--split-groups", "-o", self.folder / f"{name}_layers"], env=environment, capture_output=True,
                                    text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            written = json.loads((self.folder / f"{name}_layers/scales.json").read_text())
            self.assertEqual(written["source"]["samples"], 2)
            scales = written["layers"]
            self.assertEqual(list(scales), [f"layer{n:02d}" for n in layers])
            bundles = sorted(path.parent for path in (self.folder / f"{name}_layers").rglob("layer.json"))
            self.assertEqual(len(bundles), len(layers) * (3 if name == "mamba2" else 1))
            grid = np.load(self.folder / f"values/layer{layers[0]:02d}/conv1d_output_int8.npy")
            raw, silu, simulated = (np.load(self.folder / f"values/layer{layers[0]:02d}/{tensor}.npy") for tensor in ("conv1d_raw", "silu_raw", "conv1d_int8simulated"))
            np.testing.assert_allclose(raw / (1 + np.exp(-raw)), silu, rtol=1e-4, atol=1e-6)
            inside = np.abs(raw) < 0.9 * np.abs(simulated).max()
            self.assertLess(np.abs(simulated - raw)[inside].max(), 0.51 * np.diff(np.unique(simulated)).max())
            self.assertEqual(grid.dtype, np.float32)
            for bundle in bundles[:3]:
                program = self.folder / f"program{programs}.json"
                for arguments in (["compile", bundle, "-o", program], ["certify", bundle, "--program", program], ["cosim", bundle, "--program", program]):
                    done = subprocess.run([QUASIM, *map(str, arguments)], capture_output=True, text=True, check=False)
                    self.assertEqual(done.returncode, 0, done.stderr)
                programs += 1
        self.assertEqual(programs, 7)


if __name__ == "__main__":
    unittest.main()
