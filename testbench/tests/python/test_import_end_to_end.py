"""python.package.import_end_to_end: checkpoints with Quamba's and Quamba2's keys, from the file to certified programs.

The int8 outputs of every imported layer are worked out here from the checkpoint's own numbers, in numpy and without the package;
the golden of the command, the program on the model and the RTL must all give them.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import checkpoints
import numpy as np
import support

QUASIM = os.environ.get("QUASIM")


def two_step(entries, prefix, x, channels=slice(None), scales=None):
    """out int8 of the contract's fp32 form, from the values of a checkpoint. fma and division are done in double and rounded once."""
    s_x, s_w, s_b, s_y = scales if scales is not None else (np.float32(entries[prefix + n]) for n in ("input_scale", "weight_scale", "bias_scale", "output_scale"))
    acc = support.conv_acc(entries[prefix + "weight"][channels], x[:, channels]).astype(np.float64)
    bias = np.float32(s_b) * entries[prefix + "bias"][channels].astype(np.float32)
    y = (np.float64(np.float32(s_w) * np.float32(s_x)) * acc + bias[None, :, None].astype(np.float64)).astype(np.float32)
    u = np.clip(np.rint(y / np.float32(s_y)), -128, 127).astype(np.float64) * np.float64(s_y)
    return np.clip(np.rint(u / (1 + np.exp(-u)) / np.float64(s_y)), -128, 127).astype(np.int8)


@unittest.skipUnless(QUASIM, "QUASIM does not name the command")
class EndToEnd(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rng = np.random.default_rng(8)

    def quasim(self, *arguments, code=0):
        result = subprocess.run([QUASIM, *map(str, arguments)], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout

    def checkpoint(self, entries):
        path = self.folder / "pytorch_model.bin"
        path.write_bytes(checkpoints.torch_file(entries))
        return path

    def all_agree(self, bundle, want):
        """Golden, model and RTL give `want`; the program is right at every reachable input. Returns the points of the certificate."""
        made = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        self.quasim("golden", bundle, "-o", made / "golden")
        np.testing.assert_array_equal(np.load(made / "golden/conv1d_output_int8.npy"), want)
        program = made / "program.json"
        self.quasim("compile", bundle, "-o", program)
        certificate = json.loads(self.quasim("certify", bundle, "--program", program, "--json"))
        self.assertTrue(certificate["passed"])
        for verb in ("run", "cosim"):
            report = json.loads(self.quasim(verb, bundle, "--program", program, "--json"))
            self.assertEqual((report["mismatches"], report["layers"][0]["elements"]), (0, want.size))
        return sum(layer["points"] for layer in certificate["layers"])

    def test_quamba(self):
        entries = checkpoints.quamba(self.rng, 2, 20)
        inputs = [self.rng.integers(-128, 128, (2, 20, 30)).astype(np.int8) for _ in range(2)]
        np.savez(self.folder / "inputs.npz", **{f"layer{n:02d}": x for n, x in enumerate(inputs)})
        self.quasim("import", self.checkpoint(entries), "--input", self.folder / "inputs.npz", "-o", self.folder / "out")
        points = 0
        for n, x in enumerate(inputs):
            want = two_step(entries, f"backbone.layers.{n}.mixer.conv1d.", x)
            self.assertGreater(len(np.unique(want)), 50)
            points += self.all_agree(self.folder / f"out/layer{n:02d}", want)
        self.assertGreater(points, 100000)

    def test_quamba2_by_group(self):
        entries, by_channel = checkpoints.quamba2(self.rng, ssd_groups=1, heads=6, head_size=8)
        prefix = "backbone.layers.0.mixer.conv1d."
        x = self.rng.integers(-128, 128, (1, len(by_channel), 25)).astype(np.int8)
        np.save(self.folder / "x.npy", x)
        rows = json.loads(self.quasim("import", self.checkpoint(entries), "--split-groups", "--input", self.folder / "x.npy", "--json",
                                      "-o", self.folder / "out"))["layers"]
        self.assertGreater(len(rows), 10)
        chosen = [rows[0], rows[len(rows) // 2], rows[-1]]
        compared = 0
        for row in chosen:
            bundle = pathlib.Path(row["bundle"])
            runs = json.loads((bundle / "layer.json").read_text())["source"]["channels"]
            mine = [c for first, last in runs for c in range(first, last + 1)]
            want = two_step(entries, prefix, x, mine, by_channel[mine[0]])
            self.assertGreater(self.all_agree(bundle, want), 1000)
            compared += want.size
        self.assertGreater(compared, 100)

    def test_refusals_come_through(self):
        result = subprocess.run([QUASIM, "import", "nowhere.bin", "-o", self.folder / "out"], capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1))
        self.assertIn("nowhere.bin", result.stderr)
        self.assertTrue(result.stderr.startswith("quasim: "))
        self.assertIn("--split-groups", self.quasim("import", "--help"))

    def test_verbs_of_a_running_model(self):
        """calibrate and evaluate: their help, and one line for a wrong command line, a folder that is not there, a missing torch or
        interpreter."""
        self.assertIn("--recipe quamba1", self.quasim("calibrate", "--help"))
        self.assertIn("two_step_10bit_own", self.quasim("evaluate", "--help"))
        missing = [self.folder / "no_model", "--ids", self.folder / "ids.npy", "-o", self.folder / "scales.json"]
        for words, verb, arguments, environment in (
            ("quasim calibrate --help", "calibrate", [], {}),
            ("quasim evaluate --help", "evaluate", ["--nonsense"], {}),
            ("expected torch|folder with config.json", "calibrate", missing, {}),
            ("expected torch|folder with config.json", "evaluate", [*missing, "--configurations", "fp32"], {}),
            ("interpreter /nowhere; No such file", "evaluate", missing, {"QUASIM_PYTHON": "/nowhere"}),
        ):
            result = subprocess.run([QUASIM, verb, *map(str, arguments)], capture_output=True, text=True, check=False, env={**os.environ, **environment})
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result.stderr)
            self.assertRegex(result.stderr, words)

    def test_an_active_environment_with_torch_runs_what_needs_torch(self):
        """Its interpreter is taken for evaluate and calibrate alone, only where it holds torch, and after the one that is named."""
        active = self.folder / "environment"
        packages = active / "lib/python3.99/site-packages"
        packages.mkdir(parents=True)
        (active / "bin").mkdir()
        interpreter = active / "bin/python3"
        interpreter.write_text("#!/bin/sh\necho the environment runs $2\n")
        interpreter.chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if key != "QUASIM_PYTHON"}
        environment["VIRTUAL_ENV"] = str(active)

        def says(verb, **more):
            return subprocess.run([QUASIM, verb, "--help"], capture_output=True, text=True, check=False, env={**environment, **more}).stdout

        self.assertNotIn("the environment runs", says("evaluate"))
        (packages / "torch").mkdir()
        for verb in ("evaluate", "calibrate"):
            self.assertEqual(says(verb), f"the environment runs {verb}\n")
        self.assertIn("--split-groups", says("import"))
        self.assertIn("two_step_10bit_own", says("evaluate", QUASIM_PYTHON=sys.executable))


if __name__ == "__main__":
    unittest.main()
