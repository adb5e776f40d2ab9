"""Opens whatever holds the tensors of a model: one file, several, or the folder of a sharded checkpoint."""

import math
import os
import pathlib

from . import npy, npz, safetensors
from .files import map_file, read_json
from ..refusal import Refusal, Said
from .tensors import Tensor, tensor_of
from .torch_zip import OLDER_STREAM, TorchFile, looks_like
from .zips import MAGIC as ZIP_MAGIC
from .zips import Archive

INDEX_SUFFIX = ".index.json"
# What a checkpoint's folder holds, the first that is there: names as transformers writes them.
FOLDER_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
LAYER_FILE = "layer.json"
FORMAT_ONE_GROUP = "quasim.layer/1"
BUNDLE_TENSORS = ("conv1d_weight", "conv1d_bias", "conv1d_input")
BUNDLE_SCALES = ("input_scale", "weight_scale", "bias_scale", "output_scale", "conv_scale")
TAR_MAGIC = (257, b"ustar")


def read_file(path) -> dict:
    """{key: Tensor or number} of one file, whose kind its first bytes tell. A .npy file has the key ''."""
    view = map_file(path)
    if bytes(view[: len(ZIP_MAGIC)]) == ZIP_MAGIC:
        archive = Archive(view, path)
        return TorchFile(archive).entries() if looks_like(archive) else npz.read(archive)
    if bytes(view[: len(npy.MAGIC)]) == npy.MAGIC:
        return {"": npy.read(view, path, "")}
    if safetensors.looks_like(view):
        return safetensors.read(view, path)
    refuse_by_name(view, path)
    raise Refusal(path, "file", "safetensors, PyTorch (.bin, .pt), .npz or .npy", "none of them: truncated, or another format")


def refuse_by_name(view, path):
    """Raises Refusal for formats that are known and not read."""
    begin, tar = TAR_MAGIC
    if bytes(view[: len(OLDER_STREAM)]) == OLDER_STREAM:
        raise Refusal(path, "file", "the zip format that torch.save has written since PyTorch 1.6",
                      "the stream format of before: torch.load it and torch.save it again")
    if bytes(view[begin : begin + len(tar)]) == tar:
        raise Refusal(path, "file", "the zip format that torch.save has written since PyTorch 1.6", "a tar archive")
    if view[0] == 0x80:
        raise Refusal(path, "file", "the zip format that torch.save has written since PyTorch 1.6", "a bare pickle")


def require_tensor(entry, file, key) -> Tensor:
    """Raises Refusal for a number."""
    if not isinstance(entry, Tensor):
        raise Refusal(file, key, "a tensor", f"the number {entry}")
    return entry


def is_there(path) -> bool:
    """Whether somebody put it there; a link that leads nowhere is there, and cannot be opened."""
    return os.path.lexists(path)


def require_bundle(path):
    """Raises Refusal unless every verb takes the bundle. The rules of layer.json live in the compiled part; where that is not built, what
    is read here is checked and no more."""
    try:
        from .._quasim import read_bundle
    except ImportError:
        return
    try:
        read_bundle(path)
    except ValueError as error:
        raise Said(error) from None


class Checkpoint:
    """The tensors and numbers of a model by key. Shards are opened when one of their keys is asked for, so that a folder
    with some of its shards serves for the layers that they hold."""

    def __init__(self, paths):
        self.paths = [pathlib.Path(path) for path in paths]
        self.config = None  # config.json beside the files, where there is one
        self.config_file = None
        self._entries = {}
        self._shard_of = {}
        self.bundle = None  # layer.json, where the files are a layer bundle
        for path in self.paths:
            if is_there(path / LAYER_FILE):
                self._add_bundle(path)
            else:
                self._add(self._file_of(path))

    def _file_of(self, path):
        if path.is_dir():
            self._find_config(path)
            for name in FOLDER_FILES:
                if is_there(path / name):
                    return path / name
            raise Refusal(path, "folder", "one of " + ", ".join(FOLDER_FILES), "none of them")
        self._find_config(path.parent)
        return path

    @classmethod
    def of_arrays(cls, arrays, name):
        """A checkpoint of numpy arrays by key. name is what messages call it."""
        checkpoint = cls([])
        checkpoint.paths = [pathlib.Path(name)]
        checkpoint._entries = {key: tensor_of(values, key) for key, values in arrays.items()}
        return checkpoint

    def _add_bundle(self, path):
        """The tensors and scales of a layer bundle of one group."""
        if len(self.paths) > 1:
            raise Refusal(path, "bundle", "one bundle by itself", f"{len(self.paths)} paths")
        self.bundle = read_json(path / LAYER_FILE)
        if self.bundle.get("format") != FORMAT_ONE_GROUP:
            raise Refusal(path / LAYER_FILE, "format", FORMAT_ONE_GROUP, self.bundle.get("format"))
        require_bundle(path)
        for key in BUNDLE_TENSORS:
            if is_there(path / f"{key}.npy"):
                self._entries[key] = read_file(path / f"{key}.npy")[""]
        for key in BUNDLE_SCALES:
            if key in self.bundle:
                self._entries[key] = self._number(path, key, self.bundle[key])

    def _number(self, path, key, value):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Refusal(path / LAYER_FILE, key, "a number", value)
        return value

    def _find_config(self, folder):
        file = folder / "config.json"
        if self.config is None and is_there(file):
            self.config, self.config_file = read_json(file, constants=True), file  # transformers writes Infinity there

    def _add(self, path):
        if not path.name.endswith(INDEX_SUFFIX):
            self._merge(read_file(path), path)
            return
        shards = read_json(path).get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
            raise Refusal(path, "weight_map", "an object of keys and file names", shards if shards is None else type(shards).__name__)
        for key, name in shards.items():
            if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
                raise Refusal(path, key, "a file name without folders", name)
            self._shard_of[key] = path.parent / name

    def _merge(self, entries, path):
        twice = next((key for key in entries if key in self._entries), None)
        if twice is not None:
            raise Refusal(path, twice, "each key in one file", "it is in an earlier one too")
        self._entries.update(entries)

    def keys(self):
        """Every key, whether its shard is there or not."""
        return list(dict.fromkeys([*self._entries, *self._shard_of]))

    def __contains__(self, key):
        return key in self._entries or key in self._shard_of

    def __getitem__(self, key):
        if key not in self._entries:
            shard = self._shard_of[key]
            entries = read_file(shard)
            if key not in entries:
                raise Refusal(shard, key, "the tensor that the index says is here", "none")
            self._merge({name: entry for name, entry in entries.items() if self._shard_of.get(name) == shard}, shard)
        return self._entries[key]

    @property
    def name(self):
        """What messages call the checkpoint."""
        return str(self.paths[0])

    def file_of(self, key):
        """The file that holds a key, for messages."""
        entry = self._entries.get(key)
        return entry.file if isinstance(entry, Tensor) else self._shard_of.get(key, self.paths[0])

    def tensor(self, key) -> Tensor:
        """The tensor of a key. Raises Refusal where there is none."""
        if key not in self:
            raise Refusal(self.name, key, "a tensor", "none of that name")
        return require_tensor(self[key], self.file_of(key), key)

    def number(self, key) -> float:
        """A number, kept as such or as a tensor of one element. Raises Refusal for anything else."""
        if key not in self:
            raise Refusal(self.name, key, "a number", "none of that name")
        entry = self[key]
        if isinstance(entry, bool):
            raise Refusal(self.file_of(key), key, "a number", entry)
        if isinstance(entry, Tensor):
            if math.prod(entry.shape) != 1:
                raise Refusal(entry.file, key, "one number for the whole tensor", entry.describe())
            return float(entry.array().reshape(()))
        return float(entry)
