"""python.package.import_formats: what the readers return against what was written."""

import io
import pathlib
import tempfile
import unittest

import checkpoints
import numpy as np
from quasim import importer

DATA = pathlib.Path(__file__).parent / "data"
SHARED = pathlib.Path(__file__).parents[4] / "shared/data/bookmamba"


def example(rng):
    """A tensor of every dtype and of ranks 0 to 3, with the values that are read back."""
    floats = rng.standard_normal((5, 1, 4)).astype(np.float32)
    short = checkpoints.BFloat16(floats)
    written = {"a.f32": floats, "b.f16": floats.astype(np.float16), "c.bf16": short, "d.i8": np.arange(-128, 128, dtype=np.int8),
               "e.f64": floats.astype(np.float64)[0, 0], "f.i32": np.array([[7, -9]], np.int32), "g.empty": np.zeros((0, 4), np.float32),
               "h.scalar": np.array(0.5, np.float32)}
    return written, {**written, "c.bf16": short.values}


class Formats(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.rng = np.random.default_rng(5)

    def file(self, name, data):
        path = pathlib.Path(self.folder.name) / name
        path.write_bytes(data)
        return path

    def assert_read(self, entries, want):
        compared = 0
        self.assertEqual(set(entries), set(want))
        for key, values in want.items():
            got = entries[key].array()
            self.assertEqual((entries[key].shape, got.dtype), (values.shape, values.dtype), key)
            np.testing.assert_array_equal(got, values, err_msg=key)
            compared += max(1, values.size)
        self.assertGreater(compared, 300)

    def test_safetensors(self):
        written, want = example(self.rng)
        self.assert_read(importer.read_file(self.file("a", checkpoints.safetensors(written, {"format": "pt"}))), want)

    def test_torch(self):
        written, want = example(self.rng)
        self.assert_read(importer.read_file(self.file("a.bin", checkpoints.torch_file(written))), want)

    def test_numpy(self):
        _, want = example(self.rng)
        for save in (np.savez, np.savez_compressed):
            target = io.BytesIO()
            save(target, **want)
            self.assert_read(importer.read_file(self.file("a.npz", target.getvalue())), want)
        compared = 0
        for values in want.values():
            for version in ((1, 0), (2, 0), (3, 0)):
                target = io.BytesIO()
                np.lib.format.write_array(target, values, version)
                tensor = importer.read_file(self.file("a.npy", target.getvalue()))[""]
                np.testing.assert_array_equal(tensor.array(), values)
                self.assertEqual(tensor.array().dtype, values.dtype)
                compared += 1
        self.assertEqual(compared, 24)

    def test_nested_dictionaries_and_numbers(self):
        entries = {"model": {"w": np.ones((2, 2), np.float32), "scale": 0.25, "deep": {"n": 3}}, "epoch": 7}
        read = importer.read_file(self.file("a.pt", checkpoints.torch_file(entries)))
        self.assertEqual({key: read[key] for key in ("model.scale", "model.deep.n", "epoch")},
                         {"model.scale": 0.25, "model.deep.n": 3, "epoch": 7})
        np.testing.assert_array_equal(read["model.w"].array(), np.ones((2, 2)))

    def test_bytes_have_no_order(self):
        """'<i1', as cnpy writes it, is '|i1'; other orders than little stay refused."""
        values = np.arange(-12, 12, dtype=np.int8).reshape(6, 4)
        target = io.BytesIO()
        np.save(target, values)
        data = target.getvalue()
        np.testing.assert_array_equal(importer.read_file(self.file("a.npy", data.replace(b"'|i1'", b"'<i1'")))[""].array(), values)
        with self.assertRaises(ValueError):
            importer.read_file(self.file("b.npy", data.replace(b"'|i1'", b"'>i1'")))

    def test_what_lies_beside_the_tensors(self):
        """A long integer in a pickle, a text in an .npz: no tensor of a layer, and no reason to refuse those that are."""
        file = checkpoints.TorchFile()
        file.pickle.put(b"}(").text("seed").put(b"\x8a\x09" + (2**64).to_bytes(9, "little")).text("weight")
        file.tensor(np.ones((6, 4), np.float32))
        file.pickle.put(b"u")
        read = importer.read_file(self.file("a.pt", file.bytes()))
        self.assertEqual((read["seed"], read["weight"].shape), (2**64, (6, 4)))
        target = io.BytesIO()
        np.savez(target, weight=np.ones((6, 4), np.float32), name="layer0")
        read = importer.read_file(self.file("a.npz", target.getvalue()))
        self.assertEqual(read["weight"].shape, (6, 4))
        with self.assertRaisesRegex(ValueError, "dtype"):
            read["name"].array()

    def test_torch_views(self):
        values = np.arange(24, dtype=np.float32)
        file = checkpoints.TorchFile()
        file.pickle.put(b"}(").text("transposed")
        file.tensor(values, shape=(4, 6), stride=(1, 4))
        file.pickle.text("offset")
        file.tensor(values, shape=(3,), stride=(2,), offset=19)
        file.pickle.put(b"u")
        read = importer.read_file(self.file("a.pt", file.bytes()))
        np.testing.assert_array_equal(read["transposed"].array(), values.reshape(6, 4).T)
        np.testing.assert_array_equal(read["offset"].array(), [19, 21, 23])

    def test_shards_are_opened_when_asked_for(self):
        first, second = {"layers.0.conv1d.weight": np.zeros((3, 1, 4), np.float16)}, {"layers.1.conv1d.weight": np.ones((3, 1, 4), np.float16)}
        self.file("model-00001-of-00002.safetensors", checkpoints.safetensors(first))
        self.file("model-00002-of-00002.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        index = ('{"metadata": {}, "weight_map": {"layers.0.conv1d.weight": "model-00001-of-00002.safetensors", '
                 '"layers.1.conv1d.weight": "model-00002-of-00002.safetensors"}}')
        path = self.file("model.safetensors.index.json", index.encode())
        for where in (path, path.parent):
            checkpoint = importer.Checkpoint([where])
            self.assertEqual(checkpoint.keys(), [*first, *second])
            np.testing.assert_array_equal(checkpoint.tensor("layers.0.conv1d.weight").array(), np.zeros((3, 1, 4)))
            with self.assertRaisesRegex(importer.Refusal, "00002-of-00002.*LFS pointer"):
                checkpoint.tensor("layers.1.conv1d.weight")

    def test_file_that_torch_wrote(self):
        """data/quamba_torch113.bin: torch 1.13's own torch.save of a state dict whose values follow from their position."""
        entries = importer.read_file(DATA / "quamba_torch113.bin")
        prefix = "backbone.layers.0.mixer.conv1d."
        weight = (np.arange(24).reshape(6, 4) * 11 % 256 - 128).astype(np.int8)
        np.testing.assert_array_equal(entries[prefix + "weight"].array(), weight)
        np.testing.assert_array_equal(entries[prefix + "bias"].array(), np.arange(-3, 3, dtype=np.int8))
        self.assertEqual([entries[prefix + name] for name in ("input_scale", "weight_scale", "bias_scale", "output_scale")],
                         [0.0625, 0.0078125, 0.00390625, 0.03125])
        halves = np.arange(8).reshape(2, 4) / 8
        for key, kind in (("half", np.float16), ("bfloat", np.float32), ("float", np.float32), ("double", np.float64)):
            np.testing.assert_array_equal(entries[key].array(), halves.astype(kind))
            self.assertEqual(entries[key].array().dtype, kind)
        np.testing.assert_array_equal(entries["transposed"].array(), halves.T.astype(np.float32))
        np.testing.assert_array_equal(entries["parameter"].array(), [1, 2])

    @unittest.skipUnless(SHARED.exists(), "the data of bookmamba is not beside the checkout")
    def test_bookmamba(self):
        checkpoint = importer.Checkpoint(sorted(SHARED.glob("weights_*.pt")))
        capture = np.load(SHARED / "activations.npz")
        compared = 0
        for index in range(12):
            for ours, theirs in (("conv_w", "weight"), ("conv_b", "bias")):
                got = checkpoint.tensor(f"blocks.{index}.{ours}").array()
                want = capture[f"layer{index:02d}_conv1d_{theirs}_f32"]
                self.assertEqual(got.dtype, np.float16)
                np.testing.assert_array_equal(got.astype(np.float32), want)
                compared += got.size
        self.assertEqual(compared, 61440)


if __name__ == "__main__":
    unittest.main()
