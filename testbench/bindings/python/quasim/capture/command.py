"""python3 -m quasim.capture MODEL --text FILE -o DIR: runs a model of transformers once and writes the bundles of its layers."""

import argparse
import os
import pathlib
import sys

from ..commands import Parser, run_command
from ..importer.command import calibrated_scales, parse_layers, row_of, table
from ..importer.quantise import ARITHMETICS
from ..refusal import Refusal
from .calibrate import RECIPES, observe, write_scales
from .models import RUNNERS, load
from .record import FOLDER_VARIABLE, SAVE_VARIABLE, capture, save_intermediates
from .texts import Tokenizer, read_ids, read_text, require_ids

COLUMNS = ("layer", "bundle", "channels", "taps", "groups", "bias", "input", "input_scale", "weight_scale", "bias_scale", "output_scale")


def parse_arguments(arguments):
    parser = Parser(prog="python3 -m quasim.capture", description=__doc__, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("model", metavar="MODEL", help="the folder of a model that transformers can load")
    add("-o", "--output", type=pathlib.Path, metavar="DIR", required=True, help="the folder of the bundles DIR/layerNN")
    add("--layers", metavar="N,N..N", help="layers by number (default: all)")
    add_text_options(add, 256)
    add_samples_option(add, 128)
    add("--scales", type=pathlib.Path, metavar="FILE", help="scales of every layer, as quasim calibrate writes them")
    add("--recipe", metavar="|".join(RECIPES), help="calibrate on the text (default: measure on the kept time steps)")
    add("--arith", default="fp32", metavar="|".join(ARITHMETICS), help="arithmetic that quantises weights and biases")
    add("--split-groups", action="store_true", help="write one bundle for each group")
    add("--force", action="store_true", help="replace bundles that are there")
    options = parser.parse_args(arguments)
    require_text_options(options)
    require_samples(options.samples)
    if options.scales is not None and options.recipe is not None:
        raise Refusal("", "--recipe", "one of --recipe and --scales")
    return options


def load_with_ids(options, tokens):
    """(what models.load returns, token ids [1, L] of the options' texts or ids from --skip on)."""
    loaded = load(options.model, options.runner)
    import torch

    if options.ids is not None:
        ids = read_ids(options.ids)
    else:
        ids = Tokenizer(options.model).encode("\n".join(read_text(path) for path in options.text))
    ids = ids[options.skip :]
    require_ids(options.ids or options.text[0], ids, loaded.vocabulary, tokens)
    return loaded, torch.from_numpy(ids)[None]


def samples(loaded, ids, tokens, batch=1, most=None):
    """Runs of the model over consecutive pieces of the text, `batch` pieces at once."""
    count = ids.shape[1] // tokens if most is None else min(most, ids.shape[1] // tokens)
    pieces = ids[0, : count * tokens].view(count, tokens)
    for begin in range(0, count, batch):
        yield lambda rows=pieces[begin : begin + batch]: loaded.logits(rows)


def progress_line(verb):
    """A function that shows a text in place of the last one where stderr is a terminal; None ends it."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: sys.stderr.write("\r\x1b[K" + ("" if text is None else f"{verb}: {text}"))


def add_samples_option(add, default):
    """How much of the text a calibration runs on."""
    add("--samples", type=int, default=default, metavar="N", help=f"calibrate on so many sequences at most (default: {default or 'all'})")


def require_samples(samples):
    if samples is not None and samples < 1:
        raise Refusal("", "--samples", "at least 1", samples)


def add_text_options(add, tokens):
    """The options that say what the model is run on."""
    add("--text", type=pathlib.Path, action="append", metavar="FILE", help="a text, UTF-8, .xz or not; several are joined")
    add("--ids", type=pathlib.Path, metavar="FILE", help="token ids in place of texts (.npy or .npz of integers)")
    add("--skip", type=int, default=0, metavar="N", help="tokens to leave out in front")
    add("--tokens", type=int, default=tokens, metavar="N", help=f"tokens of a sequence (default: {tokens})")
    add("--runner", metavar="|".join(RUNNERS), help="who runs the model (default: own for the kind mamba)")


def require_text_options(options):
    if (options.text is None) == (options.ids is None):
        raise Refusal("", "--text", "one of --text and --ids")
    if options.tokens < 1:
        raise Refusal("", "--tokens", "at least 1", options.tokens)
    if options.skip < 0:
        raise Refusal("", "--skip", "at least 0", options.skip)


def run(arguments):
    options = parse_arguments(arguments)
    layers = None if options.layers is None else parse_layers(options.layers)
    loaded, ids = load_with_ids(options, options.tokens)
    model = loaded.module
    captured = capture(model, next(samples(loaded, ids, options.tokens)), layers, options.tokens)
    scales = calibrated_scales(options.scales)
    for label in captured:
        if options.scales is not None and label not in scales:
            raise Refusal(options.scales, label, "scales of every layer that is asked for", "none")
    if options.recipe is not None:
        pieces = list(samples(loaded, ids, options.tokens, most=options.samples))
        report = progress_line("calibrate")
        observers = observe(model, pieces, options.recipe, layers, lambda n: report(f"{n} of {len(pieces)}"))
        report(None)
        scales = {label: one.scales() for label, one in observers.items()}
        options.output.mkdir(parents=True, exist_ok=True)
        measured = {label: one.measured() for label, one in observers.items()}
        write_scales(options.output / "scales.json", scales, measured, recipe=options.recipe, samples=len(pieces), tokens=options.tokens)
    mode = os.environ.get(SAVE_VARIABLE)
    rows = []
    name = pathlib.Path(options.model).resolve().name
    for label, one in captured.items():
        layer = one.layer(f"{name}/{label}", arith=options.arith, config=loaded.config, **scales.get(label, {}))
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
    return run_command("capture", run, arguments)
