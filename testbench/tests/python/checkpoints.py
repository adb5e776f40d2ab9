"""Writes checkpoint files byte by byte, as their formats say, without the package that reads them and without torch."""

import io
import json
import struct
import zipfile

import numpy as np

SAFETENSORS_DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "int8": "I8", "int32": "I32", "float64": "F64"}
STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "bfloat16": "BFloat16Storage", "int8": "CharStorage",
            "int32": "IntStorage", "float64": "DoubleStorage"}


class BFloat16:
    """float32 values that are written as their upper halves; exact only where they are bfloat16 already."""

    def __init__(self, values):
        self.bits = (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
        self.shape = self.bits.shape

    @property
    def values(self):
        return (self.bits.astype(np.uint32) << 16).view(np.float32)


def parts(value):
    """(dtype name, shape, bytes)."""
    if isinstance(value, BFloat16):
        return "bfloat16", value.shape, value.bits.tobytes()
    value = np.asarray(value)
    return value.dtype.name, value.shape, np.ascontiguousarray(value).tobytes()


def safetensors(tensors, metadata=None, patch=lambda header: None):
    """The bytes of a safetensors file. patch may spoil the header before it is written."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for key, value in tensors.items():
        dtype, shape, content = parts(value)
        header[key] = {"dtype": SAFETENSORS_DTYPES[dtype], "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    patch(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Pickle:
    """Opcodes of pickle protocol 2, one call each."""

    def __init__(self):
        self.code = b"\x80\x02"

    def put(self, code):
        self.code += code
        return self

    def glob(self, module, name):
        return self.put(b"c" + module.encode() + b"\n" + name.encode() + b"\n")

    def text(self, value):
        data = value.encode()
        return self.put(b"X" + struct.pack("<I", len(data)) + data)

    def number(self, value):
        if isinstance(value, bool):
            return self.put(b"\x88" if value else b"\x89")
        if isinstance(value, float):
            return self.put(b"G" + struct.pack(">d", value))
        if -(2**31) <= value < 2**31:
            return self.put(b"J" + struct.pack("<i", value))
        return self.put(b"\x8a\x08" + struct.pack("<q", value))

    def numbers(self, values):
        self.put(b"(")
        for value in values:
            self.number(value)
        return self.put(b"t")

    def stop(self):
        return self.code + b"."


def strides(shape):
    steps = []
    step = 1
    for extent in reversed(shape):
        steps.insert(0, step)
        step *= extent
    return steps


class TorchFile:
    """A zip archive as torch.save writes it."""

    def __init__(self, prefix="archive"):
        self.prefix = prefix
        self.members = {}
        self.pickle = Pickle()
        self.storages = 0

    def tensor(self, value, shape=None, stride=None, offset=0, length_elems=None):
        """Pushes a tensor. The arguments may say other than the truth."""
        dtype, real_shape, content = parts(value)
        key = str(self.storages)
        self.storages += 1
        self.members[f"data/{key}"] = content
        count = int(np.prod(real_shape)) if length_elems is None else length_elems
        p = self.pickle.glob("torch._utils", "_rebuild_tensor_v2").put(b"((").text("storage").glob("torch", STORAGES[dtype])
        p.text(key).text("cpu").number(count).put(b"tQ").number(offset)
        shape = real_shape if shape is None else shape
        p.numbers(shape).numbers(strides(shape) if stride is None else stride).number(False)
        p.glob("collections", "OrderedDict").put(b")RtR")

    def dictionary(self, entries):
        """Pushes an OrderedDict of tensors, numbers and further dictionaries, with the _metadata that a state dict has."""
        self.pickle.glob("collections", "OrderedDict").put(b")R(")
        for key, value in entries.items():
            self.pickle.text(key)
            if isinstance(value, dict):
                self.dictionary(value)
            elif isinstance(value, (int, float)):
                self.pickle.number(value)
            else:
                self.tensor(value)
        self.pickle.put(b"u}").text("_metadata").put(b"}sb")

    def bytes(self, compression=zipfile.ZIP_STORED):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", compression) as archive:
            archive.writestr(f"{self.prefix}/data.pkl", self.pickle.stop())
            archive.writestr(f"{self.prefix}/byteorder", "little")
            for name, content in self.members.items():
                archive.writestr(f"{self.prefix}/{name}", content)
            archive.writestr(f"{self.prefix}/version", "3\n")
        return target.getvalue()


def torch_file(entries):
    """The bytes of torch.save(OrderedDict(entries))."""
    file = TorchFile()
    file.dictionary(entries)
    return file.bytes()


def quamba(rng, layers, channels, taps=4, bias=True, mixer="mixer"):
    """A checkpoint with the keys and kinds of values that Quamba saves for its W8A8 layers."""
    entries = {}
    for index in range(layers):
        prefix = f"backbone.layers.{index}.{mixer}."
        entries[prefix + "in_proj.weight"] = rng.integers(-128, 128, (8, 8)).astype(np.int8)
        entries[prefix + "conv1d.weight"] = rng.integers(-128, 128, (channels, taps)).astype(np.int8)
        if bias:
            entries[prefix + "conv1d.bias"] = rng.integers(-128, 128, channels).astype(np.int8)
        entries[prefix + "conv1d.weight_scale"] = float(np.float32(rng.uniform(0.004, 0.01)))
        entries[prefix + "conv1d.bias_scale"] = float(np.float32(rng.uniform(0.004, 0.01))) if bias else 1.0
        entries[prefix + "conv1d.input_scale"] = float(np.float32(rng.uniform(0.05, 0.1)))
        entries[prefix + "conv1d.output_scale"] = float(np.float32(rng.uniform(0.02, 0.06)))
    return entries


def quamba2(rng, ssd_groups=2, heads=6, head_size=8, states=4, taps=4):
    """One layer with the keys of Quamb2Conv1D, and the scale (input, weight, bias, output) of every channel, worked out channel
    by channel as the deployed kernel looks them up."""
    wide = ssd_groups * heads * head_size
    channels = wide + 2 * ssd_groups * states
    head_ends = np.array([[1, 3, 4, 6], [2, 3, 5, 6]][:ssd_groups], np.int32) * heads // 6
    channel_ends = np.empty((ssd_groups, 4, 4), np.int32)
    for g in range(ssd_groups):
        for h in range(4):
            channel_ends[g, h] = np.sort(np.append(rng.choice(np.arange(1, head_size), 3, replace=False), head_size))
    scale = lambda *shape: rng.uniform(0.01, 0.1, shape).astype(np.float32)
    outputs = {"x": scale(ssd_groups, 4, 4), "B": scale(ssd_groups), "C": scale(ssd_groups)}
    prefix = "backbone.layers.0.mixer.conv1d."
    entries = {"weight": rng.integers(-128, 128, (channels, taps)).astype(np.int8),
               "bias": rng.integers(-128, 128, channels).astype(np.int8),
               "x_head_group_range": head_ends, "x_dim_group_range": channel_ends,
               **{f"{name}_out_scales": values for name, values in outputs.items()}}
    single = {name: float(scale()) for name in ("x_scale", "B_scale", "C_scale", "wx_scale", "wB_scale", "wC_scale",
                                                "bx_scale", "bB_scale", "bC_scale")}
    by_channel = []
    for c in range(channels):
        if c < wide:
            g, rest = divmod(c, heads * head_size)
            head, inner = divmod(rest, head_size)
            h = next(i for i, end in enumerate(head_ends[g]) if head < end)
            d = next(i for i, end in enumerate(channel_ends[g, h]) if inner < end)
            name, output = "x", outputs["x"][g, h, d]
        else:
            name = "B" if c < wide + ssd_groups * states else "C"
            output = outputs[name][(c - wide) % (ssd_groups * states) // states]
        by_channel.append([np.float32(single[name + "_scale"]), np.float32(single[f"w{name}_scale"]),
                           np.float32(single[f"b{name}_scale"]), output])
    return {prefix + key: value for key, value in {**entries, **single}.items()}, np.array(by_channel, np.float32)
