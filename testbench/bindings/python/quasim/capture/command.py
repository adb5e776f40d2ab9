"""python3 -m quasim.capture MODEL --text FILE -o DIR: runs a model of transformers once and writes the bundles of its layers."""

import argparse
import os
import pathlib
import sys

import numpy as np

from ..importer.checkpoint import read_file
from ..importer.command import BAD_INPUT, Parser, parse_layers, row_of, table
from ..importer.files import map_file
from ..importer.quantise import ARITHMETICS
from ..refusal import Refusal, printable
from .calibrate import RECIPES, calibrate, write_scales
from .record import FOLDER_VARIABLE, SAVE_VARIABLE, capture, save_intermediates

COLUMNS = ("layer", "bundle", "channels", "taps", "groups", "bias", "input", "input_scale", "weight_scale", "bias_scale", "output_scale")


def parse_arguments(arguments):
    parser = Parser(prog="python3 -m quasim.capture", description=__doc__, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("model", metavar="MODEL", help="the folder of a model that transformers can load")
    add("--text", type=pathlib.Path, metavar="FILE", help="the text to run")
    add("--ids", type=pathlib.Path, metavar="FILE", help="token ids in place of a text (.npy of integers)")
    add("-o", "--output", type=pathlib.Path, metavar="DIR", required=True, help="the folder of the bundles DIR/layerNN")
    add("--layers", metavar="N,N..N", help="layers by number (default: all)")
    add("--tokens", type=int, default=256, metavar="N", help="time steps to keep (default: 256)")
    add("--recipe", metavar="|".join(RECIPES), help="calibrate on the rest of the text (default: measure on the kept time steps)")
    add("--arith", default="fp32", metavar="|".join(ARITHMETICS), help="arithmetic that quantises weights and biases")
    add("--split-groups", action="store_true", help="write one bundle for each group")
    add("--force", action="store_true", help="replace bundles that are there")
    options = parser.parse_args(arguments)
    if (options.text is None) == (options.ids is None):
        raise Refusal("", "--text", "one of --text and --ids")
    if options.tokens < 1:
        raise Refusal("", "--tokens", "at least 1", options.tokens)
    return options


def load(options):
    """(model, token ids [1, L])."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise Refusal("", "capture", "torch and transformers", error) from None
    if not pathlib.Path(options.model).is_dir():
        raise Refusal(options.model, "model", "a folder that transformers can load")
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(options.model, local_files_only=True).eval()
        if options.ids is not None:
            ids = read_file(options.ids)[""].array().reshape(1, -1).astype(np.int64)
        else:
            tokenizer = transformers.AutoTokenizer.from_pretrained(options.model, local_files_only=True)
            ids = np.array([tokenizer(bytes(map_file(options.text)).decode("utf-8"))["input_ids"]], np.int64)
    except Refusal:
        raise
    except Exception as error:  # transformers raises many kinds for a folder that it cannot load
        raise Refusal(options.model, "model", "a model and tokenizer that transformers can load", str(error).split("\n")[0]) from None
    if ids.size and not 0 <= ids.min() <= ids.max() < model.config.vocab_size:
        raise Refusal(options.ids or options.text, "token ids", f"0 to {model.config.vocab_size - 1}", f"{ids.min()} to {ids.max()}")
    if ids.size < options.tokens:
        raise Refusal(options.ids or options.text, "text", f"at least {options.tokens} tokens", ids.size)
    return model, torch.from_numpy(ids)


def samples(model, ids, tokens):
    """Runs of the model over consecutive pieces of the text."""
    for begin in range(0, ids.shape[1] - tokens + 1, tokens):
        yield lambda piece=ids[:, begin : begin + tokens]: model(piece, use_cache=False)


def run(arguments):
    options = parse_arguments(arguments)
    layers = None if options.layers is None else parse_layers(options.layers)
    model, ids = load(options)
    captured = capture(model, next(samples(model, ids, options.tokens)), layers, options.tokens)
    scales = {}
    if options.recipe is not None:
        total = ids.shape[1] // options.tokens
        progress = (lambda n: sys.stderr.write(f"\rcalibrate: {n} of {total}")) if sys.stderr.isatty() else None
        scales = calibrate(model, samples(model, ids, options.tokens), options.recipe, layers, progress)
        options.output.mkdir(parents=True, exist_ok=True)
        write_scales(options.output / "scales.json", scales, recipe=options.recipe, samples=total, tokens=options.tokens)
    mode = os.environ.get(SAVE_VARIABLE)
    rows = []
    name = pathlib.Path(options.model).resolve().name
    for label, one in captured.items():
        layer = one.layer(f"{name}/{label}", arith=options.arith, config=model.config.to_dict(), **scales.get(label, {}))
        pieces = layer.split() if options.split_groups else [layer]
        for piece in pieces:
            folder = options.output / label / (piece.groups[0].name if len(pieces) > 1 else "")
            piece.write(folder, options.force)
            rows.append(row_of(piece, folder))
        if mode:
            save_intermediates(one, layer, mode, pathlib.Path(os.environ.get(FOLDER_VARIABLE, "intermediate_values")) / label)
    print(table(rows, COLUMNS))
    return 0


def main(arguments=None):
    """Runs the command and returns its exit code; what is wrong is one line on stderr."""
    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except Refusal as refusal:
        message = str(refusal)
    except (OSError, MemoryError) as error:
        message = printable(error)
    sys.stderr.write(f"quasim: {message}\n")
    return BAD_INPUT
