"""python.package.import_hostile: every file and option that is refused, each in one line that names what is wrong."""

import contextlib
import io
import json
import os
import pathlib
import pickle
import resource
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

import checkpoints
import numpy as np
from quasim.importer import command

try:
    from quasim import _quasim  # noqa: F401

    COMPILED = True
except ImportError:
    COMPILED = False

SCALES = ["--input-scale", "0.1", "--output-scale", "0.1"]
CONV = "backbone.layers.0.mixer.conv1d."


MEMORY_LIMIT_BYTES = 4 << 30  # address space: what a reader without checks would take is refused by the system
PEAK_LIMIT_BYTES = 500 << 20


def setUpModule():
    hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, hard[1]))
    unittest.addModuleCleanup(resource.setrlimit, resource.RLIMIT_AS, hard)


def tearDownModule():
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if peak_bytes > PEAK_LIMIT_BYTES:
        raise AssertionError(f"the readers took {peak_bytes >> 20} MiB for small files")


class Hostile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rng = np.random.default_rng(6)
        self.checks = 0

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def run_import(self, *arguments, output=None):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = command.main([*map(str, arguments), "-o", str(self.folder / "out" if output is None else output)])
        return code, out.getvalue(), err.getvalue()

    def refused(self, words, *arguments, output=None):
        """Exit code 2, one line that has the words in it, nothing on stdout, nothing written."""
        before = sorted(self.folder.rglob("*"))
        code, out, err = self.run_import(*arguments, output=output)
        self.assertEqual(code, 2, err)
        self.assertEqual((out, err.count("\n")), ("", 1), err)
        self.assertTrue(err.isascii() or err.isprintable() or err.endswith("\n"))
        self.assertNotIn("import failed", err)
        for word in words:
            self.assertIn(word, err)
        self.assertEqual(sorted(self.folder.rglob("*")), before, "something was written")
        self.checks += 1

    def quamba(self, **changes):
        """A checkpoint of two layers with keys of the first one's convolution changed; None removes one."""
        entries = checkpoints.quamba(self.rng, 2, 6)
        for key, value in changes.items():
            if value is None:
                del entries[CONV + key]
            else:
                entries[CONV + key] = value
        return self.file("pytorch_model.bin", checkpoints.torch_file(entries))

    def weights(self, value, key=CONV + "weight"):
        return self.file("model.safetensors", checkpoints.safetensors({key: value}))

    # scales

    def test_scales(self):
        for name in ("weight_scale", "bias_scale", "input_scale", "output_scale"):
            self.refused([CONV + "weight", name, "none"], self.quamba(**{name: None}))
            for value, found in ((0.0, "0.0"), (-1.0, "-1.0"), (1e-40, "1e-40"), (1e39, "1e+39"), (float("nan"), "nan"), (float("inf"), "inf")):
                self.refused(["pytorch_model.bin", CONV + name, "finite, positive, normal", found], self.quamba(**{name: value}))
            self.refused(["pytorch_model.bin", CONV + name, "one number", "float32 [6]"], self.quamba(**{name: np.ones(6, np.float32)}))
        for option in ("input", "weight", "bias", "output", "conv"):
            for value in ("0", "nan", "1e-45", "-3", "1e400", "abc", "x=1,x=2", ""):
                self.refused([option], self.quamba(), f"--{option}-scale={value}")
        self.refused(["--output-scale", "groups of all", "x"], self.quamba(), "--output-scale", "x=0.1")
        self.assertEqual(self.checks, 4 * 8 + 5 * 8 + 1)

    def test_float_layers_need_a_calibration(self):
        half = self.rng.standard_normal((6, 1, 4)).astype(np.float16)
        self.refused([CONV + "weight", "input_scale", "calibration", "float16 [6, 1, 4]"], self.weights(half))
        self.refused([CONV + "weight", "output_scale", "calibration", "float16 [6, 1, 4]"], self.weights(half), "--input-scale", "0.1")
        w4a16 = {CONV + "weight": half, "backbone.layers.0.mixer.in_proj.weight": np.zeros((4, 4), np.int8)}
        self.refused([CONV + "weight", "calibration"], self.file("w4a16.bin", checkpoints.torch_file(w4a16)))

    # shapes, dtypes, structure

    def test_weights(self):
        floats = lambda *shape: self.rng.standard_normal(shape).astype(np.float32)
        for taps in (1, 5, 7):
            self.refused([CONV + "weight", "K from 2 to 4", str(taps)], self.weights(floats(6, 1, taps)), *SCALES)
        self.refused(["as many groups as channels", "[6, 3, 4]"], self.weights(floats(6, 3, 4)), *SCALES)
        self.refused(["[0, 1, 4]"], self.weights(floats(0, 1, 4)), *SCALES)
        self.refused(["int8 or a float", "int32"], self.weights(np.zeros((6, 1, 4), np.int32)), *SCALES)
        self.refused(["convolution"], self.weights(floats(6, 1, 4, 4)), *SCALES)
        self.refused(["convolution"], self.weights(floats(6, 4), "model.layers.0.mlp.weight"), *SCALES)
        for value in (float("nan"), float("inf")):
            bad = floats(6, 1, 4)
            bad[4, 0, 2] = value
            self.refused([CONV + "weight", "finite", "[4, 2]"], self.weights(bad), *SCALES)
        self.refused(["finite"], self.weights(np.full((6, 1, 4), 1e6, np.float32)), *SCALES, "--arith", "fp16")
        for shape in ((5,), (6, 1), (0,)):
            file = self.file("a.safetensors", checkpoints.safetensors({CONV + "weight": floats(6, 1, 4), CONV + "bias": floats(*shape)}))
            self.refused([CONV + "bias", "[C] = [6]"], file, *SCALES)

    def test_inputs(self):
        weights = self.weights(np.ones((6, 1, 4), np.float32))
        for values in (np.zeros((1, 5, 9), np.float32), np.zeros((6, 9, 1), np.float32), np.zeros((1, 6, 0), np.float32),
                       np.zeros(6, np.float32), np.zeros((6, 9), np.int16)):
            path = self.folder / "x.npy"
            np.save(path, values)
            self.refused(["x.npy"], weights, "--input", path)
        np.save(path, np.zeros((6, 9), np.int8))
        self.refused(["input_scale", "--input-scale"], weights, "--input", path)
        np.save(path, np.full((6, 9), np.nan, np.float32))
        self.refused(["x.npy", "finite"], weights, "--input", path)
        np.save(path, np.ones((9, 6), np.float32))
        self.refused(["x.npy", "C = 6"], weights, "--input", path)
        self.assertEqual(self.run_import(weights, "--input", path, "--input-layout", "blc")[0], 0)

    def test_layers(self):
        self.refused(["--layers", "0..1", "got 2"], self.quamba(), "--layers", "0,2")
        for text in ("-1", "a", "", "1..", "3..1", "0..99999999", "0;1"):
            self.refused(["--layers"], self.quamba(), f"--layers={text}")
        self.refused(["nothing.conv.weight"], self.quamba(), "--key", "nothing.conv.weight")
        self.refused([CONV + "input_scale", "a tensor", "number"], self.quamba(), "--key", CONV + "input_scale")
        hybrid = {**checkpoints.quamba(self.rng, 1, 6, mixer="mixers.W4A8"), **checkpoints.quamba(self.rng, 1, 6, mixer="mixers.W8A8")}
        file = self.file("hybrid.bin", checkpoints.torch_file(hybrid))
        self.refused(["--mixer", "W4A8, W8A8"], file)
        self.refused(["--mixer", "W4A8, W8A8", "W4A16"], file, "--mixer", "W4A16")
        self.refused(["--mixer", "hybrid"], self.quamba(), "--mixer", "W4A8")
        self.assertEqual(self.run_import(file, "--mixer", "W4A8")[0], 0)

    def test_names_of_folders(self):
        """A key's module names a folder only where it can; two convolutions never share one."""
        weight = np.ones((6, 1, 4), np.float32)
        victim = self.folder / "victim/conv"
        victim.mkdir(parents=True)
        (victim / "layer.json").write_text("{}")
        for module in ("a/../../victim/conv", "a conv", "a\nconv", "\ud800conv", "\0conv", "c" * 300 + "conv"):
            file = self.file("model.safetensors", checkpoints.safetensors({f"layers.0.{module}.weight": weight, "layers.0.conv.weight": weight}))
            self.refused(["model.safetensors", "a name of letters"], file, *SCALES, "--force")
        staged = {f"layers.{i}.blocks.{j}.op.conv1d.weight": weight * (1 + 2 * i + j) for i in range(2) for j in range(2)}
        staged.update({"encoder.layers.7.conv.weight": weight, "decoder.layers.7.conv.weight": weight})
        code, _, err = self.run_import(self.file("model.safetensors", checkpoints.safetensors(staged)), *SCALES)
        self.assertEqual((code, err), (0, ""))
        made = {path.parent.name: float(np.load(path.parent / "float/conv1d_weight.npy")[0, 0]) for path in (self.folder / "out").glob("*/layer.json")}
        self.assertEqual(made, {key[: -len(".weight")]: float(values[0, 0, 0]) for key, values in staged.items()})

    def test_whole_or_not_at_all(self):
        """What is wrong with a later layer leaves nothing of the earlier ones; a folder that is in the way neither."""
        entries = checkpoints.quamba(self.rng, 3, 6)
        entries["backbone.layers.2.mixer.conv1d.output_scale"] = 0.0
        self.refused(["layers.2.mixer.conv1d.output_scale"], self.file("m.bin", checkpoints.torch_file(entries)))
        entries["backbone.layers.2.mixer.conv1d.output_scale"] = 0.1
        file = self.file("m.bin", checkpoints.torch_file(entries))
        (self.folder / "out/layer01").mkdir(parents=True)
        (self.folder / "out/layer01/thesis.txt").write_text("years")
        self.refused(["layer01", "thesis.txt"], file)
        self.refused(["layer01", "thesis.txt"], file, "--force")
        (self.folder / "out/layer01/thesis.txt").unlink()
        self.assertEqual(self.run_import(file)[0], 0)
        self.assertEqual(sorted(path.name for path in (self.folder / "out").iterdir()), ["layer00", "layer01", "layer02"])
        (self.folder / "out/layer00/golden").mkdir()
        self.assertEqual(self.run_import(file, "--force")[0], 0)
        self.assertFalse((self.folder / "out/layer00/golden").exists())
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".")], [])

    def test_links_and_dots_as_output(self):
        file = self.weights(np.ones((6, 1, 4), np.float32))
        (self.folder / "real").mkdir()
        (self.folder / "link").symlink_to("real")
        self.assertEqual(self.run_import(file, *SCALES, output=self.folder / "link")[0], 0)
        self.assertTrue((self.folder / "link").is_symlink() and (self.folder / "real/layer.json").exists())
        (self.folder / "lost").symlink_to("nowhere")
        self.assertEqual(self.run_import(file, *SCALES, output=self.folder / "lost")[0], 0)
        self.assertTrue((self.folder / "nowhere/layer.json").exists())
        (self.folder / "here").mkdir()
        before = os.getcwd()
        try:
            os.chdir(self.folder / "here")
            self.assertEqual(self.run_import(file, *SCALES, output=".")[0], 0)
        finally:
            os.chdir(before)
        self.assertTrue((self.folder / "here/layer.json").exists())
        self.refused(["-o", "empty name"], file, *SCALES, output="")

    def test_signals_leave_nothing(self):
        """A process that is asked to end while it writes."""
        code = ("import os, signal, sys\n"
                "import numpy as np\n"
                "from quasim.importer import command\n"
                "original = np.save\n"
                "def save(*arguments):\n"
                "    original(*arguments)\n"
                "    os.kill(os.getpid(), int(sys.argv[1]))\n"
                "np.save = save\n"
                "command.main(sys.argv[2:])\n")
        file = self.weights(np.ones((6, 1, 4), np.float32))
        before = sorted(self.folder.rglob("*"))
        for number in (15, 1, 3, 2):
            done = subprocess.run([sys.executable, "-c", code, str(number), str(file), *SCALES, "-o", str(self.folder / "out")], capture_output=True, check=False)
            self.assertIn(done.returncode, (-number, 130, 0))
            self.assertNotIn(b"Traceback", done.stderr)
            self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_inputs_of_other_layers(self):
        floats = lambda *shape: self.rng.standard_normal(shape).astype(np.float32)
        file = self.file("m.safetensors", checkpoints.safetensors({f"layers.{i}.conv1d.weight": floats(6, 1, 4) for i in range(2)}))
        np.savez(self.folder / "x.npz", layer01_conv1d_input=floats(6, 9))
        self.refused(["x.npz", "layer00"], file, "--layers", "0", "--input", self.folder / "x.npz")
        file = self.file("q.safetensors", checkpoints.safetensors({f"layers.3.attn.{n}_conv1d.weight": floats(6, 1, 4) for n in "qkv"}))
        np.savez(self.folder / "y.npz", layer03=floats(6, 9), other=floats(1))
        self.refused(["y.npz", "layer03.attn.k_conv1d"], file, "--input", self.folder / "y.npz")
        number = self.file("n.pt", checkpoints.torch_file({"x": 0.5}))
        for option in ("--input", "--bias"):
            self.refused(["n.pt", option, "the number 0.5"], self.weights(floats(6, 1, 4)), *SCALES, option, number)
        self.refused(["--mixer", "no --key"], self.quamba(), "--key", CONV + "weight", "--mixer", "FOO")

    def test_links_that_lead_nowhere(self):
        self.file("pytorch_model.bin", checkpoints.torch_file({"layers.0.conv1d.weight": np.ones((24, 1, 4), np.float32)}))
        for name in ("config.json", "model.safetensors"):
            (self.folder / name).symlink_to("gone")
            self.refused([name, "can be opened"], self.folder, *SCALES)
            (self.folder / name).unlink()

    def test_small_files_that_would_take_long(self):
        """Each was minutes or gigabytes once."""
        text = lambda word: b"X" + struct.pack("<I", len(word)) + word.encode()
        doubled = b"K\x01K\x02\x86q\x00" + b"".join(b"0h" + bytes([n - 1]) + b"h" + bytes([n - 1]) + b"\x86q" + bytes([n]) for n in range(1, 60))
        storage = b"}" + text("w") + b"(" + text("storage") + b"ctorch\nFloatStorage\n"
        for words, code in ((["name of a member", "tuple"], storage + doubled + text("cpu") + b"K\x18tQs"),
                            (["name of a member", "tuple"], storage + b"K\x01" + b"\x85" * 2000 + text("cpu") + b"K\x18tQs"),
                            (["200000 entries"], b"]q\x00(" + b"h\x00" * 199000 + b"e")):
            file = checkpoints.TorchFile()
            file.pickle.put(code)
            self.refused(words, self.file("evil.bin", file.bytes()), *SCALES)
        header = b"{'descr': '<f4','a':True" + b" " * 500 + b"'b':True" + b" " * 500 + b"x"
        self.refused(["a.npy", "npy header"], self.file("a.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header), *SCALES)
        header = json.dumps({"h.0." * 1600 + "conv" * 1600 + "x": {"dtype": "I8", "shape": [0], "data_offsets": [0, 0]}}).encode()
        self.refused(["convolution"], self.file("a.safetensors", struct.pack("<Q", len(header)) + header), *SCALES)

    def test_quamba2_says_its_groups_itself(self):
        good, _ = checkpoints.quamba2(self.rng)
        file = self.file("quamba2.bin", checkpoints.torch_file(good))
        for text in ("one", "x:96,B:4,C:12", "foo:96,bar:16"):
            self.refused(["--groups"], file, "--groups", text)
        heads = CONV + "x_head_group_range"
        for name in (heads, CONV + "x_dim_group_range"):
            self.refused(["group ranges"], self.file("quamba2.bin", checkpoints.torch_file({**good, name: np.zeros_like(good[name])})))
        plain = {key: value for key, value in good.items() if key != heads}
        self.refused([CONV + "x_out_scales", "one output scale"], self.file("quamba2.bin", checkpoints.torch_file(plain)), "--groups", "x:96,B:8,C:8")
        scales = self.file("scales.json", json.dumps({"format": "quasim.scales/1", "layers": {"layer00": {"output_scale": {"X": 0.5}}}}))
        np.save(self.folder / "x.npy", np.ones((1, 24, 9), np.float32))
        self.refused(["--scales", "output_scale", "groups of B, C, x", "X"], self.weights(np.ones((24, 1, 4), np.float32)), "--groups", "x:16,B:4,C:4",
                     "--scales", scales, "--input", self.folder / "x.npy")
        self.refused(["weight_scale", "a number", "True"], self.quamba(weight_scale=True))

    def test_groups(self):
        good, _ = checkpoints.quamba2(self.rng)
        good = {key[len(CONV):]: value for key, value in good.items()}

        def refused(words, *arguments, **changes):
            entries = {CONV + key: value for key, value in {**good, **changes}.items() if value is not None}
            self.refused(words, self.file("quamba2.bin", checkpoints.torch_file(entries)), *arguments)

        heads, inner = good["x_head_group_range"], good["x_dim_group_range"]
        refused(["x_head_group_range", "ascend"], x_head_group_range=heads[:, ::-1].copy())
        refused(["group ranges"], x_head_group_range=heads + 1)
        refused(["group ranges"], x_head_group_range=np.where(np.arange(4) == 3, heads + [[0], [1]], heads).astype(np.int32))
        refused(["x_dim_group_range", "ascend"], x_dim_group_range=-inner)
        refused(["group ranges"], "--groups", "x:96,B:8,C:8", x_dim_group_range=np.where(inner == 8, 7, inner).astype(np.int32))
        refused(["group ranges"], x_dim_group_range=np.where(inner == 8, 2**30, inner).astype(np.int32))
        refused(["x_dim_group_range", "3 axes"], x_dim_group_range=inner[0])
        refused(["x_dim_group_range", "float32"], x_dim_group_range=inner.astype(np.float32))
        refused(["x_dim_group_range", "none of that name"], x_dim_group_range=None)
        refused(["output scales of one shape"], x_out_scales=np.ones((2, 4, 3), np.float32))
        refused(["B_out_scales", "[2]"], B_out_scales=np.ones(3, np.float32))
        refused(["x_out_scales", "nan"], x_out_scales=np.full((2, 4, 4), np.nan, np.float32))
        refused(["C_out_scales", "0.0"], C_out_scales=np.zeros(2, np.float32))
        refused(["weight_scale", "none"], wB_scale=None)
        refused(["bx_scale", "finite"], bx_scale=0.0)
        refused(["--groups", "config.json"], x_head_group_range=None)
        weights = self.weights(np.ones((6, 1, 4), np.float32))
        for text in ("x:5", "x:3,B:2", "x:6,B:0", "x:3,x:3", "x", "x:-1", "../x:6", "..:6", "", "x:999999999999"):
            self.refused(["--groups"], weights, *SCALES, f"--groups={text}")

    def test_activation_and_words(self):
        weights = self.weights(np.ones((6, 1, 4), np.float32))
        self.file("config.json", json.dumps({"model_type": "mamba", "hidden_act": "gelu"}))
        self.refused(["config.json", "hidden_act", "silu", "gelu"], weights, *SCALES)
        self.assertEqual(self.run_import(weights, *SCALES, "--activation", "silu")[0], 0)
        for arguments in (["--activation", "relu"], ["--dataflow", "three_step"], ["--rounding", "half_up"], ["--conv-bits", "13"],
                          ["--conv-bits", "x"], ["--arith", "fp8"], ["--input-layout", "lcb"], ["--output-percentile", "2"],
                          ["--output-percentile", "nan"], ["--nothing"], ["--sca", "x"]):
            out = self.folder / "out"
            if out.exists():
                for item in sorted(out.rglob("*"), reverse=True):
                    item.rmdir() if item.is_dir() else item.unlink()
                out.rmdir()
            self.refused([arguments[0]], weights, *SCALES, *arguments)

    # files

    def test_not_a_checkpoint(self):
        self.refused(["nowhere"], self.folder / "nowhere")
        self.refused(["a file that can be opened"], "a\0b")
        self.refused(["pytorch_model.bin"], self.folder)
        self.refused(["empty"], self.file("empty.bin", b""))
        self.refused(["none of them"], self.file("text.bin", b"hello world, this is no checkpoint\n" * 10))
        self.refused(["Git LFS pointer"], self.file("lfs.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n"))
        self.refused(["tar archive"], self.file("tar.pt", b"\0" * 257 + b"ustar" + b"\0" * 250))
        self.refused(["bare pickle"], self.file("raw.pt", pickle.dumps({"a": 1})))
        self.refused(["stream format"], self.file("old.pt", pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)))
        os.mkfifo(self.folder / "fifo")
        self.refused(["regular file"], self.folder / "fifo")
        self.refused(["regular file"], "/dev/zero")

    def test_truncated(self):
        kinds = {"a.bin": self.quamba().read_bytes(), "a.safetensors": self.weights(np.ones((6, 1, 4), np.float32)).read_bytes()}
        target = io.BytesIO()
        np.savez_compressed(target, weight=np.ones((60, 4), np.float32))
        kinds["a.npz"] = target.getvalue()
        target = io.BytesIO()
        np.save(target, np.ones((60, 4), np.float32))
        kinds["a.npy"] = target.getvalue()
        for name, data in kinds.items():
            self.assertEqual(self.run_import(self.file(name, data), *SCALES, "--force")[0], 0, name)
            for folder, _, files in os.walk(self.folder / "out", topdown=False):
                for item in files:
                    os.unlink(os.path.join(folder, item))
                os.rmdir(folder)
            for length in sorted({0, 1, 3, 4, 7, 8, 9, 40, 64, 100, len(data) // 2, len(data) - 30, len(data) - 1} | set(range(0, len(data), 97))):
                self.refused([name], self.file(name, data[:length]), *SCALES)
        self.assertGreater(self.checks, 60)

    def test_safetensors(self):
        values = {CONV + "weight": np.ones((6, 1, 4), np.float32), "other": np.ones(3, np.float32)}

        def refused(words, patch):
            self.refused(words, self.file("a.safetensors", checkpoints.safetensors(values, patch=patch)), *SCALES)

        def entry(**changes):
            return lambda header: header["other"].update(changes)

        refused(["other", "dtype"], entry(dtype="F31"))
        refused(["other", "dtype"], entry(dtype=["F32"]))
        refused(["other", "shape"], entry(shape=[-3]))
        refused(["other", "shape"], entry(shape=[1.5]))
        refused(["other", "shape"], entry(shape=[True]))
        refused(["other", "shape"], entry(shape="3"))
        refused(["other", "axes"], entry(shape=[1] * 40 + [3]))
        refused(["other", "12"], entry(shape=[4]))
        refused(["other"], entry(shape=[2**62, 2**62, 2**62]))
        refused(["other"], entry(shape=[2**64]))
        refused(["other", "data_offsets"], entry(data_offsets=[0]))
        refused(["other", "data_offsets"], entry(data_offsets=[-1, 12]))
        refused(["other", "data_offsets"], entry(data_offsets=[108, 96]))
        refused(["gap or overlap"], entry(data_offsets=[0, 12]))
        refused(["truncated"], entry(data_offsets=[2**40, 2**40 + 12]))
        refused(["108"], lambda header: header.pop("other"))
        refused(["other", "object"], lambda header: header.update(other=[1]))
        text = lambda body: self.file("a.safetensors", struct.pack("<Q", len(body)) + body)
        self.refused(["twice"], text(b'{"a": 1, "a": 2}'), *SCALES)
        self.refused(["JSON"], text(b'{"a": NaN}'), *SCALES)
        self.refused(["JSON"], text(b'{"a": ' + b"9" * 10000 + b"}"), *SCALES)
        self.refused(["JSON", "nesting"], text(b'{"a": ' + b"[" * 100000 + b"]" * 100000 + b"}"), *SCALES)
        self.refused(["JSON", "nesting"], text(b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}"), *SCALES)
        self.refused(["JSON"], text(b'{"\xff": 1}'), *SCALES)
        self.refused(["truncated"], self.file("a.safetensors", struct.pack("<Q", 2**63) + b"{}"), *SCALES)
        fp8 = {CONV + "weight": np.ones((6, 1, 4), np.int8)}
        self.refused(["F8_E4M3"], self.file("b.safetensors", checkpoints.safetensors(
            fp8, patch=lambda header: header[CONV + "weight"].update(dtype="F8_E4M3"))), "--weight-scale", "1", *SCALES)

    def test_index(self):
        def refused(words, document):
            self.refused(words, self.file("model.safetensors.index.json", document if isinstance(document, str) else json.dumps(document)))

        self.weights(np.ones((6, 1, 4), np.float32))
        for name in ("../model.safetensors", "/etc/passwd", "..", "", "a/b", "a\\b", "a\0b"):
            refused([CONV + "weight", "without folders"], {"weight_map": {CONV + "weight": name}})
        refused(["weight_map"], {"weight_map": {CONV + "weight": 3}})
        refused(["weight_map"], {"weight_map": ["model.safetensors"]})
        refused(["weight_map"], {})
        refused(["object"], [1])
        refused(["JSON"], "{")
        refused(["missing.safetensors"], {"weight_map": {CONV + "weight": "missing.safetensors"}})
        refused(["the index says"], {"weight_map": {"model.layers.7.conv.weight": "model.safetensors"}})

    def test_two_files_with_one_key(self):
        one = self.weights(np.ones((6, 1, 4), np.float32))
        two = self.file("two.safetensors", one.read_bytes())
        self.refused(["two.safetensors", CONV + "weight", "earlier"], one, two)

    # pickles

    def torch_with(self, code, members=()):
        file = checkpoints.TorchFile()
        file.pickle.put(code)
        file.members.update(members)
        return self.file("evil.bin", file.bytes())

    def test_pickles_run_nothing(self):
        """Each of these would create a file if anything in it were called."""
        target = self.folder / "executed"

        class System:
            def __reduce__(self):
                return os.system, (f"touch {target}",)

        class Exec:
            def __reduce__(self):
                return exec, (f"open({str(target)!r}, 'w').close()",)

        class Eval:
            def __reduce__(self):
                return eval, (f"__import__('os').system('touch {target}')",)

        class Popen:
            def __reduce__(self):
                return subprocess.Popen, (["touch", str(target)],)

        class Open:
            def __reduce__(self):
                return open, (str(target), "w")

        class Import:
            def __reduce__(self):
                return __import__, ("antigravity",)

        for attack in (System, Exec, Eval, Popen, Open, Import):
            for protocol in range(6):
                for wrapped in (attack(), {"a": [attack()]}, {attack().__class__.__name__: attack(), "b": 1}):
                    data = pickle.dumps(wrapped, protocol)
                    with zipfile.ZipFile(self.folder / "evil.bin", "w") as archive:
                        archive.writestr("archive/data.pkl", data)
                    self.refused(["evil.bin"], self.folder / "evil.bin")
                    self.refused(["evil.bin"], self.file("evil.bin", data))
        self.assertFalse(target.exists())
        pickle.loads(pickle.dumps(Open())).close()  # the attack is a real one
        self.assertTrue(target.exists())
        self.assertEqual(self.checks, 6 * 6 * 3 * 2)

    def test_globals(self):
        for module, name in (("os", "system"), ("builtins", "eval"), ("posix", "system"), ("torch", "load"), ("torch.jit", "load"),
                             ("torch._utils", "_rebuild_qtensor"), ("numpy.core.multiarray", "_reconstruct"), ("argparse", "Namespace"),
                             ("collections", "defaultdict"), ("collections", "OrderedDict.__init__"), ("functools", "partial"),
                             ("quasim.importer.files", "map_file"), ("torch.storage", "_load_from_bytes")):
            for code in (f"c{module}\n{name}\n".encode(), b"\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93"):
                self.refused(["pickle global", f"{module}.{name}", "not allowed"], self.torch_with(code))
        for code in (b"(S'os'\nios\nsystem\n", b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00", b"(cos\nsystem\no", b")\x81", b"P1\n"):
            self.refused(["evil.bin"], self.torch_with(code))

    def test_pickle_bombs(self):
        ordered = b"ccollections\nOrderedDict\n"
        size = b"ctorch\nSize\n"
        nested = b"}q\x00" + b"".join(b"}q" + bytes([n]) + b"(" + b"".join(b"X\x01\x00\x00\x00" + bytes([97 + k]) + b"h" + bytes([n - 1]) for k in range(20)) + b"u" for n in range(1, 40))
        for code, words in (
            (b"]q\x00h\x00a", ["levels"]),  # a list that holds itself
            (b"}q\x00X\x01\x00\x00\x00ah\x00s", ["levels"]),
            (nested, ["entries"]),  # 20^40 entries by reference
            (b"}" + b"".join(b"X\x01\x00\x00\x00a}" for _ in range(100)) + b"s" * 100, ["levels"]),
            (b"}X\xff\xff\xff\x7fa", ["truncated"]),
            (b"}\x8d" + b"\xff" * 8 + b"a", ["truncated"]),
            (b"\x8b\xff\xff\xff\x7f", ["32 bytes"]),
            (b"Nr\xff\xff\xff\xff}", []),  # a memo index of four thousand million: costs nothing
            (b"h\x09", ["memo"]),
            (b"N" * 201_000, ["stack"]),
            (b"((((ttttt", ["mark"]),
            (b"0", ["stack"]),
            (b"", ["stack"]),
            (b"}(N", []),
            (ordered + b"(NNtR", ["0 to 0 arguments of collections.OrderedDict"]),
            (ordered + b"R", ["stack"]),
            (ordered + b"NR", ["call"]),
            (size + b"(" + b"K\x01" * 40 + b"t\x85R", ["axes"]),
            (size + b"]R", ["call"]),
            (size + b"]\x85R", ["shape"]),
            (b"ctorch\nHalfStorage\n)R", ["call"]),
            (b"NN\x93", ["global"]),
            (b"}(]K\x01u", ["keys"]),
            (b"}(K\x01u", ["pairs"]),
            (b"NK\x01a", ["list"]),
            (b"NNb", ["dictionary"]),
            (b"K\x01\x85Q", ["storage"]),
            (b"cos", ["name"]),
            (b"\xff", ["opcode 0xff"]),
            (b"X\x02\x00\x00\x00\xff\xfe", ["UTF-8"]),
            (b"G\x00", ["truncated"]),
        ):
            self.refused(["evil.bin", *words], self.torch_with(code), *SCALES)

    def test_tensors_of_pickles(self):
        values = np.ones((6, 4), np.float32)
        for words, arguments in (
            (["view"], dict(shape=(7, 4))), (["view"], dict(offset=1)), (["view"], dict(stride=(4, 2))), (["view"], dict(offset=-1)),
            (["view"], dict(shape=(2**31, 4), stride=(0, 0))), (["view"], dict(shape=(2**40, 2**40), stride=(1, 1))),
            (["shape"], dict(stride=(-4, 1))), (["shape"], dict(shape=(-6, 4))), (["view"], dict(stride=(4,))),
            (["stored bytes"], dict(length_elems=23)), (["number of elements"], dict(length_elems=-1)), (["stored bytes"], dict(length_elems=2**62)),
            (["axes"], dict(shape=(1,) * 40, stride=(1,) * 40)),
        ):
            file = checkpoints.TorchFile()
            file.pickle.put(b"}").text(CONV + "weight")
            file.tensor(values, **arguments)
            file.pickle.put(b"s")
            self.refused(["evil.bin", *words], self.file("evil.bin", file.bytes()), *SCALES)
        file = checkpoints.TorchFile()
        file.dictionary({CONV + "weight": values})
        del file.members["data/0"]
        self.refused(["data/0"], self.file("evil.bin", file.bytes()), *SCALES)
        file.members["data/0"] = values.tobytes()
        self.refused(["compressed"], self.file("evil.bin", file.bytes(zipfile.ZIP_DEFLATED)), *SCALES)
        file.members["code/evil.py"] = b"1"
        self.refused(["TorchScript"], self.file("evil.bin", file.bytes()), *SCALES)
        data = self.quamba().read_bytes()
        at = data.index(b"archive/data/1") + len(b"archive/data/1")  # the convolution's weight
        spoiled = bytearray(data)
        spoiled[at + 3] ^= 0x10
        self.refused(["checksum"], self.file("evil.bin", bytes(spoiled)))

    def test_zip_bombs(self):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("weight.npy", bytes(1 << 20))
        data = bytearray(target.getvalue())
        size_at = data.index(b"PK\x01\x02") + 24
        for size, words in ((1 << 31, ["at most"]), (1 << 19, ["more"]), (1 << 21, [str(1 << 20)]), (0, ["more"])):
            data[size_at : size_at + 4] = struct.pack("<I", size)
            self.refused(["bomb.npz", "bytes unpacked", *words], self.file("bomb.npz", bytes(data)))
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("a.npy", b"x" * 10)
            with self.assertWarns(UserWarning):
                archive.writestr("a.npy", b"y" * 10)
        self.refused(["a.npy", "twice"], self.file("twice.npz", target.getvalue()))
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("a.npy", b"x" * 10)
        self.refused(["a.npy", "stored or deflated"], self.file("bzip.npz", target.getvalue()))
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("a.txt", b"x" * 10)
        self.refused(["a.txt", ".npy"], self.file("other.npz", target.getvalue()))
        target = io.BytesIO()
        np.savez(target, weight=np.array([{"a": 1}], dtype=object))
        self.refused(["weight.npy", "dtype"], self.file("object.npz", target.getvalue()))

    def test_npy(self):
        def refused(words, header, data=bytes(96)):
            text = header.encode()
            text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
            self.refused(["a.npy", *words], self.file("a.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data), *SCALES)

        refused(["descr"], "__import__('os').system('true')")
        refused(["descr"], "{'descr': '<f4', 'fortran_order': False}")
        refused(["descr"], "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False}")
        refused(["descr"], "(" * 5000)
        refused(["dtype", "|O"], "{'descr': '|O', 'fortran_order': False, 'shape': (6, 4), }")
        refused(["dtype", ">f4"], "{'descr': '>f4', 'fortran_order': False, 'shape': (6, 4), }")
        refused(["fortran"], "{'descr': '<f4', 'fortran_order': True, 'shape': (6, 4), }")
        refused(["96"], "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 5), }")
        refused(["96"], "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4611686018427387904), }")
        refused(["2^63"], "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999999, 1), }")
        refused(["axes"], "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1, " * 40 + "), }", bytes(4))
        refused(["descr"], "{'descr': '<f4', 'fortran_order': False, 'shape': (-6, 4), }")

    def test_scales_file(self):
        def refused(words, document):
            self.refused(["scales.json", *words], self.quamba(), "--scales", self.file("scales.json", json.dumps(document)))

        refused(["format"], {})
        refused(["layers"], {"format": "quasim.scales/1"})
        refused(["layer01"], {"format": "quasim.scales/1", "layers": {"layer00": {}}})
        refused(["layer00.scale"], {"format": "quasim.scales/1", "layers": {"layer00": {"scale": 1}, "layer01": {}}})
        for value in (0, "1", None, [1], True, -1):
            file = self.file("scales.json", json.dumps({"format": "quasim.scales/1", "layers": {"layer00": {"output_scale": value}, "layer01": {}}}))
            if value is None:
                continue
            self.refused(["output_scale"], self.quamba(), "--scales", file)

    @unittest.skipUnless(COMPILED, "the compiled part of the package, which knows a bundle's rules, is not built")
    def test_bundles(self):
        weight = np.ones((6, 4), np.int8)
        folder = self.folder / "bundle"
        folder.mkdir()
        np.save(folder / "conv1d_weight.npy", weight)
        good = {"format": "quasim.layer/1", "name": "l", "channels": 6, "taps": 4, "input_scale": 1, "weight_scale": 1, "output_scale": 1}
        for words, change in ((["format", "quasim.layer/2"], {"format": "quasim.layer/2"}), (["input_scale", "finite"], {"input_scale": "1"}),
                              (["weight_scale", "finite"], {"weight_scale": True}), (["output_scale", "finite"], {"output_scale": 0}),
                              (["conv_bits", "99"], {"conv_bits": 99}), (["dataflow"], {"dataflow": [1]}), (["JSON"], [1]),
                              (["conv_bit", "expected"], {"conv_bit": 10}), (["7"], {"channels": 7}), (["K = 2"], {"taps": 2}),
                              (["conv1d_bias.npy", "missing"], {"bias_scale": 1}), (["name"], {"name": 5})):
            (folder / "layer.json").write_text(json.dumps({**good, **change} if isinstance(change, dict) else change))
            self.refused(words, folder)
        (folder / "layer.json").write_text(json.dumps(good))
        self.refused(["bundle by itself"], folder, folder)
        (folder / "conv1d_input.npy").symlink_to("gone")
        self.refused(["conv1d_input.npy"], folder)
        (folder / "conv1d_input.npy").unlink()
        self.refused(["-o", "another place than what is read"], folder, "--force", output=folder)
        self.assertTrue((folder / "conv1d_weight.npy").exists())
        (folder / "conv1d_weight.npy").unlink()
        self.refused(["conv1d_weight.npy"], folder)

    # output

    def test_what_is_there_is_kept(self):
        out = self.folder / "out"
        out.mkdir()
        (out / "precious").write_text("x")
        weights = self.weights(np.ones((6, 1, 4), np.float32))
        for arguments in ([], ["--force"]):
            code, _, err = self.run_import(weights, *SCALES, *arguments)
            self.assertEqual((code, err.count("\n")), (2, 1))
            self.assertIn("precious", err)
        self.assertEqual([item.name for item in out.iterdir()], ["precious"])
        (out / "precious").unlink()
        self.assertEqual(self.run_import(weights, *SCALES)[0], 0)
        before = (out / "layer.json").stat().st_ino
        code, _, err = self.run_import(weights, *SCALES)
        self.assertEqual(code, 2)
        self.assertIn("--force", err)
        (out / "golden").mkdir()
        self.assertEqual(self.run_import(weights, *SCALES, "--force")[0], 0)
        self.assertFalse((out / "golden").exists())
        self.assertNotEqual((out / "layer.json").stat().st_ino, before)
        self.assertEqual([item.name for item in self.folder.iterdir() if item.name.startswith(".")], [])

    def test_control_characters_stay_in_the_file(self):
        file = self.file("a.safetensors", checkpoints.safetensors({"layers.0.conv\x1b[2J\n.weight": np.ones((6, 1, 9), np.float32)}))
        code, _, err = self.run_import(file, *SCALES)
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertNotIn("\x1b", err)

    def test_process(self):
        """The same from outside: exit code, one line, no traceback."""
        evil = self.torch_with(b"cos\nsystem\nX\x04\x00\x00\x00true\x85R")
        result = subprocess.run([sys.executable, "-m", "quasim.importer", evil, "-o", self.folder / "out"], capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1))
        self.assertIn("os.system", result.stderr)

    def test_mutated_files(self):
        """Random bytes in files of every kind: accepted or refused in one line, never a fault of the reader."""
        target = io.BytesIO()
        np.savez_compressed(target, weight=self.rng.standard_normal((6, 4)).astype(np.float32), bias=np.ones(6, np.float32))
        single = io.BytesIO()
        np.save(single, np.ones((6, 4), np.float32))
        quamba2, _ = checkpoints.quamba2(self.rng)
        kinds = {"a.npz": target.getvalue(), "a.npy": single.getvalue(), "a.bin": checkpoints.torch_file(checkpoints.quamba(self.rng, 1, 6)),
                 "b.bin": checkpoints.torch_file(quamba2),
                 "a.safetensors": checkpoints.safetensors({CONV + "weight": np.ones((6, 1, 4), np.float16), CONV + "bias": np.ones(6, np.float16)})}
        codes = []
        for name, data in kinds.items():
            for _ in range(120):
                spoiled = bytearray(data)
                for _ in range(int(self.rng.integers(1, 5))):
                    at = int(self.rng.integers(0, len(data)))
                    spoiled[at] = int(self.rng.integers(0, 256)) if self.rng.random() < 0.7 else spoiled[at] ^ (1 << int(self.rng.integers(0, 8)))
                code, _, err = self.run_import(self.file(name, bytes(spoiled)), *SCALES, "--force")
                self.assertIn(code, (0, 2))
                self.assertEqual(err.count("\n"), code // 2, err)
                self.assertNotIn("import failed", err)
                codes.append(code)
        self.assertGreater(codes.count(2), 150)
        self.assertGreater(codes.count(0), 30)


if __name__ == "__main__":
    unittest.main()
