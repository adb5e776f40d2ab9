"""quasim import: layer bundles from a checkpoint, on the command line."""

import argparse
import json
import pathlib
import re

from .build import INPUT_LAYOUTS, OWN_INPUT_KEYS, Choices, read_layer
from .bundles import Bundles
from .checkpoint import Checkpoint, is_there, read_file, require_tensor
from .files import read_json
from .layer import ACTIVATIONS, DATAFLOWS, ROUNDINGS, scale_of
from .layers import find_layers, named_layer
from .quantise import ARITHMETICS
from ..commands import AGREE, Parser, named_path, run_command
from ..refusal import Refusal, printable
from .tensors import Tensor

SCALE_OPTIONS = {"input": "s_x", "weight": "s_w", "bias": "s_b", "output": "s_y", "conv": "s_c"}
MOST_LAYERS = 100_000
# How the input of layer N is found in a folder or an .npz that holds several: what capture writes, and bookmamba's names.
INPUT_NAMES = ("layer{n:02d}_conv1d_input", "layer{n}_conv1d_input", "layer{n:02d}_conv1d_input_f32", "layer{n:02d}", "layer{n}")
DESCRIPTION = """Reads the convolutions of a model and writes a layer bundle for each: int8 weight and bias, scales, input.

FILE is a safetensors file, a PyTorch file (.bin, .pt), an .npz or .npy, the folder of a checkpoint, sharded or not, or a bundle
whose scales or widths are to be others; several files are read as one checkpoint. int8 layers (Quamba, Quamba2) keep their numbers. Float layers are quantised by the absolute
maximum; the scales of input and output are measured on --input, given, or read from --scales. Nothing in a file is ever run."""


def parse_layers(text):
    """0,23 or 0..11 as a list of numbers."""
    numbers = []
    for word in text.split(","):
        match = re.fullmatch(r"(\d{1,6})(?:\.\.(\d{1,6}))?", word.strip())
        if match is None:
            raise Refusal("", "--layers", "numbers and ranges, as 0,23 or 0..11", text)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first > MOST_LAYERS:
            raise Refusal("", "--layers", "ranges that ascend", word)
        numbers.extend(range(first, last + 1))
    return numbers


def parse_number(option, text):
    try:
        return float(text)
    except ValueError:
        raise Refusal("", option, "a number, or NAME=NUMBER for each group", text) from None


def parse_scale(option, text):
    """0.1, or x=0.1,B=0.2,C=0.3."""
    if "=" not in text:
        return parse_number(option, text)
    pairs = [word.split("=", 1) if "=" in word else (word, "") for word in text.split(",")]
    scales = {name: parse_number(option, value) for name, value in pairs}
    if len(scales) != len(pairs):
        raise Refusal("", option, "each group once", text)
    return scales


def parse_groups(text):
    """one, or x:1536,B:128,C:128."""
    if text == "one":
        return []
    groups = []
    for word in text.split(","):
        match = re.fullmatch(r"([A-Za-z0-9_.-]{1,64}):(\d{1,8})", word)
        if match is None or set(match[1]) <= {"."}:
            raise Refusal("", "--groups", "one, or names and channels as x:1536,B:128,C:128", text)
        groups.append((match[1], int(match[2])))
    return groups


def parse_arguments(arguments):
    parser = Parser(prog="quasim import", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter,
                    epilog="Exit code: 0 done, 2 bad input or usage.", allow_abbrev=False)
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", type=pathlib.Path)
    add("-o", "--output", type=named_path, metavar="DIR",
        help="the bundle, where one layer is named or there is one; else the folder of the bundles DIR/layerNN")
    add("--list", action="store_true", help="print the convolutions that the files hold and write nothing")
    add("--layers", metavar="N,N..N", help="layers by number (default: all)")
    add("--key", help="the weight by its key, where the names are unusual")
    add("--mixer", metavar="NAME", help="the mixer of a hybrid Quamba checkpoint, as W4A8")
    add("--bias", type=pathlib.Path, metavar="FILE", help="a bias that is kept apart (.npy)")
    add("--input", type=pathlib.Path, metavar="FILE",
        help="the input, int8 or float: .npy [B, C, L] or [C, L]; for several layers an .npz or a folder with layerNN")
    add("--input-layout", default="bcl", metavar="|".join(INPUT_LAYOUTS), help="axes of the input (default: bcl)")
    for name in SCALE_OPTIONS:
        add(f"--{name}-scale", metavar="S", help=f"{SCALE_OPTIONS[name]}, or NAME=S,... by group")
    add("--scales", type=pathlib.Path, metavar="FILE", help="scales of every layer, as quasim calibrate writes them (JSON)")
    add("--output-percentile", type=float, default=1.0, metavar="P",
        help="measure the output scale at this share of the magnitudes (default: 1, the largest)")
    add("--arith", default="fp32", metavar="|".join(ARITHMETICS), help="arithmetic that quantises floats (default: fp32; Quamba: fp16)")
    add("--groups", metavar="one|NAME:C,...", help="channels that share scales (default: as config.json says)")
    add("--split-groups", action="store_true", help="write one bundle of one group for each group: DIR/NAME")
    add("--activation", metavar="|".join(ACTIVATIONS), help="activation, where the checkpoint does not say")
    add("--conv-bits", type=int, metavar="N", help="width of the intermediate value")
    add("--dataflow", metavar="|".join(DATAFLOWS))
    add("--rounding", metavar="|".join(ROUNDINGS))
    add("--name", help="name of the model in the bundles (default: that of the file or its folder)")
    add("--no-floats", action="store_true", help="leave out the float tensors that the int8 ones came from")
    add("--force", action="store_true", help="replace bundles that are there")
    add("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    if options.output is None and not options.list:
        raise Refusal("", "-o", "a folder to write to, or --list")
    return options


def choices_of(options) -> Choices:
    scales = {}
    for name in SCALE_OPTIONS:
        text = getattr(options, f"{name}_scale")
        if text is not None:
            scales[f"{name}_scale"] = parse_scale(f"--{name}-scale", text)
    choices = Choices(
        arith=options.arith, scales=scales, output_percentile=options.output_percentile,
        groups=None if options.groups is None else parse_groups(options.groups), activation=options.activation,
        conv_bits=options.conv_bits, dataflow=options.dataflow, rounding=options.rounding,
        input_layout=options.input_layout, keep_floats=not options.no_floats)
    choices.validate()
    return choices


class Samples:
    """The inputs of layers: one tensor, or a folder or archive of several."""

    def __init__(self, path):
        self._path = path
        self._entries = None if path is None or path.is_dir() else read_file(path)

    def of(self, found, several) -> Tensor:
        """The input of a layer, or None where no inputs were given."""
        if self._path is None:
            return None
        if self._entries is None:
            return self._in_folder(found)
        if len(self._entries) == 1 and not several and not names_another(found, next(iter(self._entries))):
            return require_tensor(next(iter(self._entries.values())), self._path, "--input")
        for name in names_of_input(found):
            if name in self._entries:
                return require_tensor(self._entries[name], self._path, name)
        raise Refusal(self._path, found.label, "an input named " + " or ".join(names_of_input(found)), "none")

    def _in_folder(self, found):
        files = [f"{found.label}/conv1d_input.npy"] + [f"{name}.npy" for name in names_of_input(found)]
        for name in files:
            if is_there(self._path / name):
                return require_tensor(next(iter(read_file(self._path / name).values())), self._path / name, "--input")
        raise Refusal(self._path, found.label, "an input in " + " or ".join(files), "none")


def names_of_input(found):
    if found.index is None:
        return list(OWN_INPUT_KEYS)
    if found.label != f"layer{found.index:02d}":  # one of several convolutions of the layer
        return [f"{found.label}_conv1d_input", found.label]
    return list(dict.fromkeys(name.format(n=found.index) for name in INPUT_NAMES))


def names_another(found, name):
    """Whether an input's name says that it is that of another layer."""
    match = re.fullmatch(r"layer(\d{1,6})(?:_conv1d_input(?:_f32)?)?", name)
    return match is not None and found.index is not None and int(match[1]) != found.index


def calibrated_scales(path):
    """{layer label: {scale: value}} of a scales file."""
    if path is None:
        return {}
    document = read_json(path)
    if document.get("format") != "quasim.scales/1":
        raise Refusal(path, "format", "quasim.scales/1", document.get("format"))
    layers = document.get("layers")
    if not isinstance(layers, dict) or not all(isinstance(scales, dict) for scales in layers.values()):
        raise Refusal(path, "layers", "an object of scales by layer")
    known = {f"{name}_scale" for name in SCALE_OPTIONS}
    for layer, scales in layers.items():
        for name in scales:
            if name not in known:
                raise Refusal(path, f"{layer}.{name}", "scales: " + ", ".join(sorted(known)), "another")
            value = scales[name]
            for group, scale in value.items() if isinstance(value, dict) else [("", value)]:
                scale_of(path, f"{layer}.{name}" + (f".{group}" if group else ""), scale)
    return layers


def model_name(options, checkpoint):
    if options.name is not None:
        return options.name
    path = checkpoint.paths[0].resolve()
    generic = path.is_file() and path.stem.split(".")[0] in ("model", "pytorch_model")
    if checkpoint.bundle is not None:
        return str(checkpoint.bundle.get("name", path.name))
    return path.parent.name if generic else (path.name if path.is_dir() else path.name.split(".")[0])


def bias_tensor(path):
    if path is None:
        return None
    entries = read_file(path)
    if len(entries) != 1:
        raise Refusal(path, "--bias", "a file of one tensor", f"{len(entries)}")
    return require_tensor(next(iter(entries.values())), path, "--bias")


def write_layers(options, checkpoint, found):
    """Writes the bundles and returns a row for each."""
    choices = choices_of(options)
    samples = Samples(options.input)
    scales = calibrated_scales(options.scales)
    bias = bias_tensor(options.bias)
    several = len(found) > 1
    for option, value in (("--bias", options.bias), ("--key", options.key)):
        if several and value is not None:
            raise Refusal("", option, "one layer", f"{len(found)}: choose with --layers")
    if options.scales is not None:
        missing = [one.label for one in found if one.label not in scales]
        if missing:
            raise Refusal(options.scales, missing[0], "scales of every layer that is asked for", "none")
    name = model_name(options, checkpoint)
    rows = []
    with Bundles(options.output, options.force, [*options.files, options.input, options.scales, options.bias]) as bundles:
        for one in found:
            layer = read_layer(checkpoint, one, choices, f"{name}/{one.label}" if one.index is not None or several else name, bias,
                               samples.of(one, several), scales.get(one.label))
            pieces = layer.split() if options.split_groups else [layer]
            for piece in pieces:
                below = ([one.label] if several else []) + ([piece.groups[0].name] if len(pieces) > 1 else [])
                rows.append(row_of(piece, bundles.add(piece, below)))
    return rows


def row_of(layer, folder):
    document = {"layer": layer.name, "bundle": str(folder), "format": layer.format, "channels": layer.channels,
                "taps": layer.taps, "groups": len(layer.groups), "bias": layer.bias is not None,
                "input": None if layer.input is None else list(layer.input.shape)}
    if len(layer.groups) == 1:
        document.update(layer.groups[0].to_json())
    return document


def text_of(value):
    if value is None or value is False:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "x".join(map(str, value)) if isinstance(value, list) else "yes" if value is True else str(value)


def table(rows, columns):
    """Text columns, the first aligned left."""
    cells = [list(columns)] + [[printable(text_of(row.get(name))) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ["  ".join(text.rjust(width) if i else text.ljust(width) for i, (text, width) in enumerate(zip(line, widths))).rstrip()
             for line in cells]
    return "\n".join([lines[0], "-" * len(max(lines, key=len)), *lines[1:]])


def list_layers(checkpoint, found):
    rows = []
    for one in found:
        tensor = checkpoint.tensor(one.weight_key)
        rows.append({"layer": one.label, "key": one.weight_key, "dtype": tensor.dtype, "shape": list(tensor.shape),
                     "bias": one.bias_key is not None and one.bias_key in checkpoint})
    return rows


def run(arguments):
    options = parse_arguments(arguments)
    checkpoint = Checkpoint(options.files)
    if options.key is not None:
        for option, value in (("--mixer", options.mixer), ("--layers", options.layers)):
            if value is not None:
                raise Refusal("", option, "no --key beside it", value)
        found = [named_layer(checkpoint, options.key)]
    else:
        found = find_layers(checkpoint, options.mixer, None if options.layers is None else parse_layers(options.layers))
    if options.list:
        rows, columns = list_layers(checkpoint, found), ("layer", "dtype", "shape", "bias", "key")
    else:
        rows = write_layers(options, checkpoint, found)
        columns = ("layer", "bundle", "channels", "taps", "groups", "bias", "input", "input_scale", "weight_scale", "bias_scale", "output_scale")
    print(json.dumps({"verb": "import", "layers": rows}, indent=1) if options.json else table(rows, columns))
    return AGREE


def main(arguments=None):
    """Runs the command and returns its exit code; what is wrong is one line on stderr."""
    return run_command("import", run, arguments)
