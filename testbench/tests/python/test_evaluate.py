"""python.capture.evaluate: a small random model with the unit's numbers in it. Skipped where torch is not installed."""

import io
import json
import os
import pathlib
import signal
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import numpy as np
import quasim

try:
    import torch
except ImportError:
    torch = None

SHAPE = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4, "conv_kernel": 4, "expand": 2, "time_step_rank": 2}
ROWS = "fp32,mode3,two_step,two_step_mode1,two_step_mode2,fused,fused_mode1,fused_mode2,two_step_larger,two_step_10bit_own"
TEXT = "It was a bright cold day in April. " * 40


def command(module, arguments):
    """(exit code, stdout, stderr) of a command of the package."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = module.main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


@unittest.skipIf(torch is None, "torch is not installed")
class Evaluate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from quasim.bookmamba import model
        from quasim.capture import calibrate_command
        from quasim.evaluate import command as evaluate_command

        torch.manual_seed(0)
        torch.set_num_threads(1)
        cls.commands = calibrate_command, evaluate_command
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.model = model.Mamba(SHAPE).eval()
        for layer in cls.model.backbone.layers:  # a random convolution hardly does anything: make it do something
            layer.mixer.conv1d.weight.data *= 6
            layer.mixer.in_proj.weight.data *= 4
        model.save(cls.model, cls.folder / "model", np.float32)
        np.save(cls.folder / "ids.npy", np.random.default_rng(5).integers(0, 64, 2000))
        code, _, err = command(calibrate_command, [cls.folder / "model", "--ids", cls.folder / "ids.npy", "--skip", 1000, "--tokens", 50, "--recipe",
                                                   "absmax", "-o", cls.folder / "scales.json"])
        assert code == 0, err

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def evaluate(self, folder, *more, rows=ROWS):
        return command(self.commands[1], [self.folder / "model", "--ids", self.folder / "ids.npy", "--tokens", 32, "--sequences", 8, "--batch", 2,
                                          "--scales", self.folder / "scales.json", "--configurations", rows, "-o", folder, *more])

    def parts(self, row):
        """A row by its name, the model's convolutions and the scales file."""
        from quasim.capture import find_sites
        from quasim.evaluate import configurations

        document = json.loads((self.folder / "scales.json").read_text())
        return configurations.standard()[row], find_sites(self.model), document

    def replaced(self, row):
        """What went into and came out of every convolution under a row."""
        from quasim.evaluate import replace

        configuration, sites, document = self.parts(row)
        replacement = replace.Replacement(sites, configuration, document["layers"], document["measured"], "cpu")
        calls, inner = [], replacement._hook._handler

        def keep(call):
            out = inner(call)
            calls.append((call.site.label, call.x.detach().clone(), out.detach().clone()))
            return out

        replacement._hook._handler = keep
        with replacement, torch.no_grad():
            self.model(torch.from_numpy(np.load(self.folder / "ids.npy")[None, :40]))
        return calls, replacement.layers

    def test_calibration(self):
        """The scales file against the model's own tensors, and the percentile's moving update by hand."""
        from quasim import capture

        scales = json.loads((self.folder / "scales.json").read_text())
        ids = torch.from_numpy(np.load(self.folder / "ids.npy")[1000:])[None]
        pieces = [ids[:, begin : begin + 50] for begin in range(0, 1000, 50)]
        captured = [capture.capture(self.model, lambda piece=piece: self.model(piece)) for piece in pieces]
        for label, layer in scales["layers"].items():
            x, out = (np.concatenate([getattr(one[label], name) for one in captured]) for name in ("x", "out"))
            self.assertEqual(np.float32(layer["input_scale"]), np.float32(np.abs(x).max() / np.float32(127)))
            self.assertEqual(np.float32(layer["output_scale"]), np.float32(np.abs(out).max() / np.float32(127)))
            y = np.concatenate([np.abs(conv_of(one[label])).max(keepdims=True).ravel() for one in captured]).max()
            self.assertAlmostEqual(scales["measured"][label]["conv_absmax"], y, delta=1e-5)
            value = None
            for one in captured:
                seen = np.quantile(np.abs(one[label].out), 0.9995)
                value = seen if value is None else value + 0.01 * (seen - value)
            self.assertAlmostEqual(scales["measured"][label]["output_percentile"], value, delta=1e-5)
        whole = []
        handle = self.model.backbone.layers[0].mixer.in_proj.register_forward_hook(lambda _m, _a, out: whole.append(float(out.detach().abs().max())))
        got = capture.calibrate(self.model, [lambda: self.model(pieces[0])], "quamba1", layers=[0])["layer00"]
        handle.remove()
        self.assertEqual(np.float32(got["input_scale"]), np.float32(whole[0]) / np.float32(127))

    def test_replaced_layers_equal_the_scalar_model(self):
        """Every int8 value that the model goes on with, against quasim.Model with the layer's program."""
        compared = 0
        for row in ("two_step", "fused", "two_step_10bit_own", "two_step_larger"):
            calls, layers = self.replaced(row)
            self.assertEqual(len(calls), 2)
            for label, x, out in calls:
                layer = layers[label]
                layer.write(self.folder / "bundle" / row / label)
                compiled = quasim.compile(quasim.read_bundle(self.folder / "bundle" / row / label), match="out")
                self.assertTrue(compiled.exact, f"{row} {label}")
                program = compiled.program
                scale = np.float32(layer.groups[0].input_scale)
                int8 = np.clip(np.rint(x.numpy() / scale), -128, 127).astype(np.int8)
                want = quasim.Model(program).run(int8)["out"].astype(np.float32) * np.float32(layer.groups[0].output_scale)
                np.testing.assert_array_equal(out.numpy(), want, err_msg=f"{row} {label}")
                self.assertGreater(np.unique(want).size, 20)
                compared += want.size
                want[0, 3, 5] += np.float32(layer.groups[0].output_scale)  # a planted fault of one step
                with self.assertRaises(AssertionError):
                    np.testing.assert_array_equal(out.numpy(), want)
        self.assertEqual(compared, 4 * 2 * 64 * 40)

    def test_mode_3_takes_two_paths(self):
        """The SSM sees floats that are on no grid, x_proj the int8 grid."""
        seen = []
        handles = [layer.mixer.x_proj.register_forward_hook(lambda _m, arguments, _o: seen.append(arguments[0].detach().clone()))
                   for layer in self.model.backbone.layers]
        calls, layers = self.replaced("mode3")
        for handle in handles:
            handle.remove()
        for (label, _, out), projected in zip(calls, seen):
            scale = np.float32(layers[label].groups[0].output_scale)
            self.assertGreater(np.count_nonzero(out.numpy() / scale != np.rint(out.numpy() / scale)), out.numel() // 2)
            grid = np.clip(np.rint(out.numpy() / scale), -128, 127) * scale
            np.testing.assert_allclose(projected.numpy(), grid.transpose(0, 2, 1), rtol=1e-6, atol=1e-7)

    def test_runs(self):
        """All rows: modes 0, 1 and 2 say the same everywhere, others do not; the files are whole; a second call runs nothing."""
        folder = self.folder / "runs"
        code, out, err = self.evaluate(folder, "--program-bits", "5", "--json")
        self.assertEqual(code, 0, err)
        document = json.loads(out)
        runs = {run["configuration"]["name"]: run for run in document["runs"]}
        self.assertEqual(list(runs), [*ROWS.split(","), "two_step_m5", "fused_m5"])
        for flow in ("two_step", "fused"):
            for mode in ("mode1", "mode2"):
                change = runs[f"{flow}_{mode}"]["against"][flow]
                self.assertEqual((change["choices_differ"], change["choices"]), (0, 8 * 32))
                self.assertEqual(runs[f"{flow}_{mode}"]["measures"]["choices_sha256"], runs[flow]["measures"]["choices_sha256"])
                self.assertTrue(change["top1"]["noise"] and change["loss"]["noise"])
        self.assertGreater(runs["two_step"]["against"]["fp32"]["choices_differ"], 0)
        self.assertGreater(runs["two_step_m5"]["points_unlike_golden"], 0)
        self.assertEqual(runs["two_step"]["points_unlike_golden"], 0)
        base = runs["fp32"]["measures"]
        with torch.no_grad():
            ids = torch.from_numpy(np.load(self.folder / "ids.npy")[: 8 * 32 + 1])
            logits = self.model(ids[:-1].view(8, 32))
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[1:])
        self.assertAlmostEqual(base["loss"]["value"], float(loss), places=5)
        self.assertEqual(base["top1"]["successes"], int((logits.argmax(-1).flatten() == ids[1:]).sum()))
        page = (folder / "index.html").read_text()
        self.assertIn("two_step_10bit_own", page)
        self.assertNotIn("://", page)
        with mock.patch("quasim.evaluate.runs.answer", side_effect=AssertionError("run again")):
            self.assertEqual(self.evaluate(folder, "--program-bits", "5")[0], 0)
        code, _, err = self.evaluate(folder, "--skip", 3)
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertIn("settings: expected those of this run", err)

    def test_the_package_of_the_gpu_is_left_alone_on_a_processor(self):
        from quasim.bookmamba import model

        ids = torch.from_numpy(np.load(self.folder / "ids.npy")[:40]).view(1, 40)
        with torch.no_grad():
            plain = self.model(ids)
            with mock.patch.object(model, "package_convolution", side_effect=AssertionError("it has no kernel for a processor")):
                self.assertTrue(torch.equal(self.model(ids), plain))

    def test_says_how_long_it_will_take(self):
        """What is left, from the batches that ran; said once, where it is long."""
        from quasim.evaluate import runs

        now = 100.0
        pace = runs.Pace(40, lambda: now)
        self.assertIsNone(pace.seconds_left())
        pace.skip(9)
        pace.ran()  # starts the clock
        now += 30
        pace.ran()
        self.assertIsNone(pace.seconds_left(), "one batch says little")
        now += 30
        pace.ran()
        self.assertEqual(pace.seconds_left(), 28 * 30.0)
        pace.skip(28)
        self.assertEqual(pace.seconds_left(), 0.0)
        self.assertEqual([runs.spoken(seconds) for seconds in (0.2, 1, 29, 61, 600, 5000, 10000)],
                         ["a moment", "about 1 second", "about 29 seconds", "about 1 minute", "about 10 minutes", "about 83 minutes", "about 3 hours"])
        code, _, err = self.evaluate(self.folder / "paced", rows="fp32,two_step")
        self.assertEqual((code, err), (0, ""))
        with mock.patch.multiple(runs, LONG_SECONDS=0, MEASURED_SECONDS=0):
            code, _, err = self.evaluate(self.folder / "long", rows="fp32,two_step")
        self.assertEqual(code, 0)
        self.assertRegex(err, r"^evaluate: [a-z0-9 ]+ left of 2 configurations on 8 sequences; --sequences N takes fewer, .*\n$")

    def test_goes_on_after_a_kill(self):
        """A process killed in the third of four batches; the next one answers the last two, and the result is the same."""
        from quasim.evaluate import runs

        whole, cut = self.folder / "whole", self.folder / "cut"
        self.assertEqual(self.evaluate(whole, rows="two_step")[0], 0)
        original, count = runs.answer, [0]

        def counted(*arguments):
            count[0] += 1
            if count[0] == 3 and os.getpid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments)

        parent = os.getpid()
        with mock.patch.object(runs, "answer", counted), mock.patch.object(runs, "KEEP_SECONDS", 0):
            child = os.fork()
            if child == 0:
                self.evaluate(cut, rows="two_step")
                os._exit(0)
            self.assertEqual(os.waitpid(child, 0)[1], signal.SIGKILL)
            self.assertTrue((cut / "two_step.part.npz").exists())
            self.assertFalse((cut / "two_step.json").exists())
            self.assertEqual(self.evaluate(cut, rows="two_step")[0], 0)
        self.assertEqual(count[0], 2)
        results = [json.loads((folder / "two_step.json").read_text()) for folder in (whole, cut)]
        for result in results:
            result.pop("seconds")
        self.assertEqual(*results)
        self.assertFalse((cut / "two_step.part.npz").exists())

    def test_faults_are_seen(self):
        """What must change the answers does: a wrong scale, a lost bias, a convolution that is not replaced."""
        from quasim.capture import find_sites
        from quasim.evaluate import configurations, numerics, replace
        from quasim.importer import Refusal

        _, sites, document = self.parts("two_step")
        configuration = configurations.standard()["two_step"]
        ids = torch.from_numpy(np.load(self.folder / "ids.npy")[None, :40])

        def logits(**changes):
            scales = json.loads(json.dumps(document["layers"]))
            scales["layer01"]["output_scale"] *= changes.get("factor", 1)
            replacement = replace.Replacement(sites, configuration, scales, document["measured"], "cpu")
            with replacement, torch.no_grad():
                out = self.model(ids)
            replacement.require_all()
            return out

        right = logits()
        self.assertTrue(torch.equal(right, logits()))
        self.assertFalse(torch.equal(right, logits(factor=1.1)))
        original = numerics.make_layer
        with mock.patch.object(numerics, "make_layer", lambda weight, bias, *rest, **more: original(weight, None, *rest, **more)):
            self.assertFalse(torch.equal(right, logits()))
        with self.assertRaisesRegex(Refusal, "all 2 convolutions; got 1: none of layer01"):
            with replace.Replacement(sites, configuration, document["layers"], document["measured"], "cpu") as half, torch.no_grad():
                self.model.backbone.layers[0](torch.zeros(1, 5, 32))
            half.require_all()
        self.assertEqual(len(find_sites(self.model)), 2)

    def test_runners_agree(self):
        """The project's own Mamba against transformers', fp32, same file."""
        from quasim.capture import models

        try:
            import transformers  # noqa: F401
        except ImportError:
            self.skipTest("transformers is not installed")
        ids = torch.from_numpy(np.load(self.folder / "ids.npy")[:80].reshape(2, 40))
        with torch.no_grad():
            own, other = (models.load(self.folder / "model", runner).logits(ids) for runner in models.RUNNERS)
        self.assertLess(float((own - other).abs().max()), 1e-4)
        rows = "two_step,fp32"
        found = [self.evaluate(self.folder / f"by_{runner}", "--runner", runner, "--json", rows=rows) for runner in models.RUNNERS]
        measures = [[run["measures"]["top1"]["successes"] for run in json.loads(out)["runs"]] for _, out, _ in found]
        self.assertLessEqual(max(abs(a - b) for a, b in zip(*measures)), 2)

    def test_lambada(self):
        """The last word is right when all of its tokens are the model's first choices, worked out token by token."""
        from quasim.capture import texts
        from quasim.evaluate import measure

        rng = np.random.default_rng(3)
        passages = [texts.Passage(rng.integers(0, 64, n), rng.integers(0, 64, 1 + n % 2)) for n in (3, 9, 5, 4, 8, 7)]
        with torch.no_grad():
            for n in (1, 4):  # some that are right
                given = list(passages[n].given)
                word = []
                for _ in range(2):
                    word.append(int(self.model(torch.tensor([given + word]))[0, -1].argmax()))
                passages[n] = texts.Passage(passages[n].given, np.array(word))
        (batch,) = measure.passage_batches(passages)
        got = measure.answer(self.model, batch, "cpu").right
        order = sorted(range(6), key=lambda i: len(passages[i].given) + len(passages[i].word))
        want = []
        for n in order:
            whole = torch.from_numpy(np.concatenate(passages[n]))[None]
            choices = self.model(whole)[0].argmax(-1).numpy()
            begin = len(passages[n].given)
            want.append(all(choices[begin - 1 + k] == token for k, token in enumerate(passages[n].word)))
        self.assertEqual(list(got), want)
        self.assertGreaterEqual(sum(want), 2)

    def test_refusals(self):
        scales, ids = self.folder / "scales.json", self.folder / "ids.npy"
        from quasim.capture import command as capture

        calibrate, evaluate = self.commands
        folder = self.folder / "refused"
        folder.mkdir()
        bare = json.loads(scales.read_text())
        del bare["measured"], bare["layers"]["layer01"]
        (folder / "bare.json").write_text(json.dumps(bare))
        whole = json.loads(scales.read_text())
        del whole["measured"]
        (folder / "unmeasured.json").write_text(json.dumps(whole))
        np.save(folder / "far.npy", np.full(500, 64))
        np.save(folder / "floats.npy", np.zeros(500))
        (folder / "latin").write_bytes(b"\xff\xfe abc")
        (folder / "broken.xz").write_bytes(b"no xz")
        base = [self.folder / "model", "--ids", ids, "--tokens", 32, "--sequences", 2, "-o", folder / "out"]
        some = [*base, "--scales", scales, "--configurations"]
        compared = 0
        for words, module, arguments in (
            ("--text: expected one of", evaluate, [self.folder / "model", "-o", folder / "out"]),
            ("--scales: expected the file", evaluate, base),
            ("--configurations: expected fp32", evaluate, [*some, "nothing"]),
            ("--program-bits: expected a width from 2 to 31; got 32", evaluate, [*some, "fp32", "--program-bits", "32"]),
            ("--program-bits: expected whole numbers", evaluate, [*some, "fp32", "--program-bits", "x"]),
            ("layer01: expected scales of every layer", evaluate, [*base, "--scales", folder / "bare.json", "--configurations", "two_step"]),
            ("measured.layer00.conv_absmax", evaluate, [*base, "--scales", folder / "unmeasured.json", "--configurations", "two_step_9bit_own"]),
            ("expected a GPU: fast math", evaluate, [*some, "deployed"]),
            ("--device: expected cpu or cuda", evaluate, [*some, "fp32", "--device", "tpu"]),
            ("--dtype", evaluate, [*some, "fp32", "--dtype", "int8"]),
            ("--runner", evaluate, [*some, "fp32", "--runner", "none"]),
            ("--batch: expected at least 1", evaluate, [*some, "fp32", "--batch", "0"]),
            ("at least 33 tokens; got 0", evaluate, [*some, "fp32", "--skip", 5000]),
            ("0 to 63; got 64 to 64", evaluate, [self.folder / "model", "--ids", folder / "far.npy", *base[3:], "--configurations", "fp32"]),
            ("whole numbers; got float64", evaluate, [self.folder / "model", "--ids", folder / "floats.npy", *base[3:], "--configurations", "fp32"]),
            ("tokenizer.json", evaluate, [*some, "fp32", "--lambada", folder / "latin"]),
            ("a folder with config.json", evaluate, [folder / "missing", *base[1:], "--configurations", "fp32"]),
            ("evaluate --help", evaluate, ["--nonsense"]),
            ("recipe: expected quamba1", calibrate, [self.folder / "model", "--ids", ids, "--recipe", "best", "-o", folder / "s.json"]),
            ("--samples: expected at least 1", calibrate, [self.folder / "model", "--ids", ids, "--samples", "0", "-o", folder / "s.json"]),
            ("--samples: expected at least 1", capture, [self.folder / "model", "--ids", ids, "--samples", "0", "-o", folder / "c"]),
            ("-o: expected a file", calibrate, [self.folder / "model", "--ids", ids, "-o", folder]),
            ("layers with a convolution: 0..1; got 7", calibrate, [self.folder / "model", "--ids", ids, "--layers", "7", "-o", folder / "s.json"]),
            ("at least 5000 tokens; got 2000", calibrate, [self.folder / "model", "--ids", ids, "--tokens", 5000, "-o", folder / "s.json"]),
        ):
            code, out, err = command(module, arguments)
            self.assertEqual((code, out, err.count("\n")), (2, "", 1), f"{words}: {err}")
            self.assertIn(words, err)
            compared += 1
        from quasim.capture import texts
        from quasim.importer import Refusal

        for words, file in (("UTF-8; got byte 0", "latin"), ("an .xz file", "broken.xz"), ("a file that can be opened", "nowhere")):
            with self.assertRaisesRegex((Refusal, OSError), words):
                texts.read_text(folder / file)
            compared += 1
        self.assertEqual(compared, 27)
        self.assertFalse((folder / "s.json").exists())


def conv_of(one):
    """The convolution of what was captured, before SiLU, in float64."""
    padded = np.pad(one.x.astype(np.float64), ((0, 0), (0, 0), (one.weight.shape[1] - 1, 0)))
    y = sum(one.weight[:, k, None] * padded[:, :, k : k + one.x.shape[2]] for k in range(one.weight.shape[1]))
    return y + (0 if one.bias is None else one.bias[:, None])


if __name__ == "__main__":
    unittest.main()
