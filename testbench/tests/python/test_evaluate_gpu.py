"""python.gpu.evaluate: the model's numbers on a GPU against those of the processor. Skipped without a GPU and the golden's library."""

import dataclasses
import json
import pathlib
import tempfile
import types
import unittest

import numpy as np

try:
    import torch
except ImportError:
    torch = None

from quasim.evaluate import golden_library

SHAPE = {"vocab_size": 64, "hidden_size": 64, "num_hidden_layers": 2, "state_size": 16, "conv_kernel": 4, "expand": 2, "time_step_rank": 4}


def golden():
    try:
        return golden_library.Golden()
    except (OSError, golden_library.GoldenError):
        return None


@unittest.skipUnless(torch is not None and torch.cuda.is_available() and golden() is not None, "no GPU, or no library of the golden")
class Gpu(unittest.TestCase):
    def setUp(self):
        from quasim.bookmamba import model

        torch.manual_seed(0)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        self.model = model.Mamba(SHAPE).eval()
        for layer in self.model.backbone.layers:
            layer.mixer.conv1d.weight.data *= 6
            layer.mixer.in_proj.weight.data *= 4
        self.ids = torch.randint(0, 64, (3, 50))
        self.golden = golden()

    def test_scan_equals_its_definition(self):
        from quasim.bookmamba import scan

        compared = 0
        make = lambda *shape: torch.randn(*shape, device="cuda", dtype=torch.float32)
        for sequences, steps, channels, states in ((1, 1, 32, 16), (2, 37, 96, 16), (3, 64, 32, 4)):
            inputs = [make(sequences, steps, channels), torch.rand(sequences, steps, channels, device="cuda") * 0.1, -torch.rand(channels, states, device="cuda") * 8,
                      make(sequences, steps, states), make(sequences, steps, states)]
            weight = make(sequences, steps, channels)
            found = []
            for run in (scan.selective_scan, scan.scan_by_steps):
                leaves = [values.clone().requires_grad_() for values in inputs]
                y = run(*leaves)
                (y * weight).sum().backward()
                found.append([y.detach(), *(leaf.grad for leaf in leaves)])
            for one, other in zip(*found):
                self.assertLess(float((one - other).norm() / other.norm().clamp(min=1e-6)), 1e-4)
                compared += one.numel()
        self.assertGreater(compared, 10000)

    def test_grid_equals_its_definition(self):
        """Both ways over every layout, float and arrangement of scales, ties and clamps among the values: the kernel on the GPU, torch's
        operations on the processor."""
        from quasim.evaluate import grid

        generator = torch.Generator().manual_seed(3)
        compared = ties = 0
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            for shape in ((2, 37, 96), (1, 3, 2500), (3, 1, 1)):
                for scale in (torch.tensor([0.0625]), torch.tensor([0.0371]), torch.rand(shape[2], generator=generator) * 0.1 + 0.01,
                              torch.rand(shape[1], 1, generator=generator) * 0.1 + 0.01):
                    wide = torch.randn(shape[0], shape[1], 2 * shape[2], generator=generator).to(dtype) * 4
                    wide[..., ::3] = torch.round(wide[..., ::3] * 32) / 32  # halves of the first scale
                    for x in (wide.chunk(2, -1)[1], wide[..., : shape[2]].transpose(1, 2).contiguous().transpose(1, 2)):
                        want = grid.to_grid(x, scale)
                        found = grid.to_grid(x.cuda(), scale.cuda())
                        self.assertTrue(found.is_contiguous())
                        self.assertTrue(torch.equal(found.cpu(), want), f"{dtype} {shape} {list(scale.shape)}")
                        ties += int((torch.div(x, scale).frac().abs() == 0.5).sum())
                        back = grid.from_grid(want.cuda(), scale.cuda(), dtype)
                        self.assertTrue(torch.equal(back.cpu(), grid.from_grid(want, scale, dtype)), f"{dtype} {shape} {list(scale.shape)}")
                        compared += 2 * want.numel()
        last = torch.arange(-128, 128, dtype=torch.int8).view(1, 2, 128)[..., -1:]  # a decoded token, as a view
        self.assertEqual(grid.from_grid(last.cuda(), torch.tensor([0.5]).cuda(), torch.float32).cpu().flatten().tolist(), [-0.5, 63.5])
        self.assertGreater(compared, 100_000)
        self.assertGreater(ties, 1000)

    def test_floats_equal_the_three_steps(self):
        """The plan that reads and writes floats against to_grid, the plan on int8 and from_grid, on slices of wider tensors as a model has
        them; and what it does not take, which goes the other way."""
        from quasim.capture import find_sites, observe
        from quasim.evaluate import configurations, numerics, replace

        observers = observe(self.model, [lambda: self.model(self.ids)], "absmax")
        scales = {label: one.scales() for label, one in observers.items()}
        measured = {label: one.measured() for label, one in observers.items()}
        site = find_sites(self.model)[0]
        weight, bias = site.conv.weight.detach().numpy()[:, 0], site.conv.bias.detach().numpy()
        in_one, in_three = (replace.Replacement.__new__(replace.Replacement) for _ in range(2))
        compared = 0
        for name in ("two_step", "fused", "deployed"):
            row = configurations.standard()[name]
            layer = numerics.layer_of(row, site, weight, bias, scales[site.label], measured, None)
            numbers = numerics.Numbers(row, layer, "cuda", self.golden)
            in_one._numbers = in_three._numbers = {site.label: numbers}
            in_one._decodes, in_three._decodes, in_three._history = False, True, {}
            for dtype in (torch.float32, torch.float16, torch.bfloat16):
                wide = (torch.randn(3, 70, 256, device="cuda") * 2).to(dtype)
                wide[0, 0, :4] = torch.tensor([float("inf"), -float("inf"), 0.0, -0.0])
                for x in (wide[..., :128], wide[:, 2:, 128:], wide[1:2, :, 64:192], wide[..., :128].contiguous()):
                    self.assertIsNotNone(numbers.between_floats(x))
                    call = types.SimpleNamespace(site=site, x=x.transpose(1, 2), activation="silu", decode=False)
                    one, three = in_one._replace(call), in_three._replace(call)
                    self.assertEqual(one.dtype, dtype)
                    self.assertTrue(torch.equal(one, three), f"{name} {dtype} {list(x.shape)}")
                    compared += one.numel()
                self.assertIsNone(numbers.between_floats(wide[..., 1:129]))  # begins beside four elements
            self.assertIsNone(numbers.between_floats(wide[..., :128].double()))
            self.assertIsNone(numbers.between_floats(wide[:1, :, :128].expand(3, -1, -1)))
            numbers.close()
        self.assertGreater(compared, 500_000)
        row = configurations.standard()["two_step_mode1"]
        numbers = numerics.Numbers(row, numerics.layer_of(row, site, weight, bias, scales[site.label], measured, None), "cuda", self.golden)
        self.assertIsNone(numbers.between_floats(wide[..., :128]))
        numbers.close()

    def test_gpu_numbers_equal_the_processor(self):
        """Every value that every layer puts out, in every row that both devices have: plans and reference kernel against untimed model and
        twin; mode fp32 within the two expf."""
        from quasim.capture import find_sites, observe
        from quasim.evaluate import configurations, numerics

        observers = observe(self.model, [lambda: self.model(self.ids)], "absmax")
        scales = {label: one.scales() for label, one in observers.items()}
        measured = {label: one.measured() for label, one in observers.items()}
        site = find_sites(self.model)[0]
        weight, bias = site.conv.weight.detach().numpy()[:, 0], site.conv.bias.detach().numpy()
        x = torch.randint(-128, 128, (3, 128, 65), dtype=torch.int8)
        compared = rows = 0
        for row in configurations.standard().values():
            if row.dataflow is None or row.math != "precise":
                continue
            layer = numerics.layer_of(row, site, weight, bias, scales[site.label], measured, None)
            gpu = numerics.Numbers(row, layer, "cuda", self.golden)
            cpu = numerics.Numbers(row, layer, "cpu")
            for channels_last in (False, True):
                samples = x.transpose(1, 2).contiguous() if channels_last else x
                one, other = gpu.run(samples.cuda(), channels_last), cpu.run(samples, channels_last)
                self.assertEqual(set(one), set(other))
                for name in one:
                    first, second = one[name].cpu().numpy(), other[name].numpy()
                    if row.mode == "fp32":
                        np.testing.assert_allclose(first.astype(np.float64), second, rtol=1e-6, atol=1 if name == numerics.TO_PROJECTION else 1e-7)
                    else:
                        off = np.count_nonzero(first != second)
                        self.assertLessEqual(off, 1, f"{row.name} {name}")  # the two expf may part on an edge of fused
                    compared += first.size
            gpu.close()
            rows += 1
        self.assertEqual(rows, 22)
        self.assertGreater(compared, 1_000_000)

    def test_groups(self):
        """A layer whose channels carry different scales, all groups in one launch, against each group alone and against the processor."""
        from quasim.capture import find_sites, observe
        from quasim.evaluate import configurations, numerics

        observers = observe(self.model, [lambda: self.model(self.ids)], "absmax")
        scales = {label: one.scales() for label, one in observers.items()}
        measured = {label: one.measured() for label, one in observers.items()}
        site = find_sites(self.model)[0]
        weight, bias = site.conv.weight.detach().numpy()[:, 0], site.conv.bias.detach().numpy()
        x = torch.randint(-128, 128, (2, 128, 65), dtype=torch.int8)
        compared = rows = 0
        for name in ("two_step", "fused", "deployed", "two_step_mode1", "fused_mode2"):
            row = configurations.standard()[name]
            one = numerics.layer_of(row, site, weight, bias, scales[site.label], measured, None)
            groups = [dataclasses.replace(one.groups[0], name=part, output_scale=np.float32(one.groups[0].output_scale * factor))
                      for part, factor in (("x", 1), ("B", 0.75), ("C", 1.5))]
            for of_channel in (np.arange(128) % 3, np.arange(128) * 3 // 128):
                layer = dataclasses.replace(one, groups=groups, channel_group=of_channel.astype(np.uint16))
                numbers = numerics.Numbers(row, layer, "cuda", self.golden)
                cpu = None if row.math == "fast" else numerics.Numbers(row, layer, "cpu")
                for channels_last in (False, True):
                    samples = x.transpose(1, 2).contiguous() if channels_last else x
                    whole = numbers.run(samples.cuda(), channels_last)
                    for index, piece in enumerate(layer.split()):
                        alone = numerics.Numbers(row, piece, "cuda", self.golden)
                        mine = torch.from_numpy(np.flatnonzero(of_channel == index))
                        axis = 2 if channels_last else 1
                        part = alone.run(samples.index_select(axis, mine).contiguous().cuda(), channels_last)
                        self.assertEqual(set(part), set(whole))
                        for tensor, values in part.items():
                            self.assertTrue(torch.equal(values, whole[tensor].index_select(axis, mine.cuda())), f"{name} {tensor}")
                            compared += values.numel()
                        alone.close()
                    if cpu is not None:
                        for tensor, values in cpu.run(samples, channels_last).items():
                            off = int((values != whole[tensor].cpu()).sum())
                            self.assertLessEqual(off, 1, f"{name} {tensor}")  # the two expf may part on an edge of fused
                            compared += values.numel()
                numbers.close()
                rows += 1
        self.assertEqual(rows, 10)
        self.assertGreater(compared, 500_000)

    def test_command(self):
        """Calibrate and every row with programs and speed, from files to the page."""
        from quasim.bookmamba import model
        from quasim.capture import calibrate_command
        from quasim.evaluate import command

        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            model.save(self.model, folder / "model", np.float32)
            np.save(folder / "ids.npy", np.random.default_rng(5).integers(0, 64, 3000))
            base = [str(folder / "model"), "--ids", str(folder / "ids.npy")]
            self.assertEqual(calibrate_command.main([*base, "--device", "cuda", "--recipe", "absmax", "--tokens", "64", "-o", str(folder / "scales.json")]), 0)
            self.assertEqual(command.main([*base, "--tokens", "64", "--device", "cuda", "--scales", str(folder / "scales.json"), "--program-bits", "8",
                                           "--speed", "-o", str(folder / "runs")]), 0)
            runs = {run["configuration"]["name"]: run for run in json.loads((folder / "runs/results.json").read_text())["runs"]}
            for flow in ("two_step", "fused"):
                for mode in ("mode1", "mode2"):
                    self.assertEqual(runs[f"{flow}_{mode}"]["against"][flow]["choices_differ"], 0)
            self.assertEqual(len(runs), 26)


if __name__ == "__main__":
    unittest.main()
