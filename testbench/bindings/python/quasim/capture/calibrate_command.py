"""quasim calibrate."""

import argparse
import json
import pathlib

from ..commands import AGREE, Parser, run_command
from ..importer.command import parse_layers, table
from ..refusal import Refusal
from .calibrate import RECIPES, observe, write_scales
from .command import add_samples_option, add_text_options, load_with_ids, progress_line, require_samples, require_text_options, samples

DESCRIPTION = """Finds the scales of every convolution's input and output by running a model on text.

recipes: absmax      largest magnitude / 127
         percentile  99.95% of the magnitudes, moved by 1% towards each further sample's
         quamba1     input: largest magnitude of the whole in_proj output, gate included; output: as percentile

Beside the recipe's scales the file holds what was measured (largest |x|, |y| and |silu(y)|, percentile of |silu(y)|), which
quasim evaluate takes for rows with other scales."""
EPILOG = """examples:
  quasim calibrate my_model --text books.txt --recipe quamba1 -o scales.json
  quasim import my_model --scales scales.json --input inputs.npz -o my_layers

Exit code: 0 done, 2 bad input or usage. QUASIM_PYTHON names the interpreter that has torch; without it that of an
active virtual environment is taken, where it holds torch."""
COLUMNS = ("layer", "input_scale", "output_scale", "input_absmax", "conv_absmax", "output_absmax", "output_percentile")


def parse_arguments(arguments):
    parser = Parser(prog="quasim calibrate", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("model", metavar="MODEL", type=pathlib.Path, help="the folder of a model: config.json, checkpoint, tokenizer.json")
    add_text_options(add, 512)
    add_samples_option(add, None)
    add("--batch", type=int, default=1, metavar="N", help="sequences that are one sample of a moving percentile (default: 1)")
    add("--recipe", default="quamba1", metavar="|".join(RECIPES), help="how scales are found (default: quamba1)")
    add("--layers", metavar="N,N..N", help="layers by number (default: all)")
    add("--device", default="cpu", metavar="cpu|cuda")
    add("-o", "--output", type=pathlib.Path, metavar="FILE", required=True, help="the scales file")
    add("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    require_text_options(options)
    require_samples(options.samples)
    if options.batch < 1:
        raise Refusal("", "--batch", "at least 1", options.batch)
    if options.recipe not in RECIPES:
        raise Refusal("", "--recipe", ", ".join(RECIPES), options.recipe)
    if options.device not in ("cpu", "cuda"):
        raise Refusal("", "--device", "cpu or cuda", options.device)
    if options.output.is_dir():
        raise Refusal(options.output, "-o", "a file", "a folder")
    return options


def run(arguments):
    options = parse_arguments(arguments)
    layers = None if options.layers is None else parse_layers(options.layers)
    loaded, ids = load_with_ids(options, options.tokens)
    loaded.module.to(options.device)
    pieces = list(samples(loaded, ids.to(options.device), options.tokens, options.batch, options.samples))
    report = progress_line("calibrate")
    observers = observe(loaded.module, pieces, options.recipe, layers, lambda n: report(f"{n} of {len(pieces)}"))
    report(None)
    scales = {label: observer.scales() for label, observer in observers.items()}
    measured = {label: observer.measured() for label, observer in observers.items()}
    source = {"recipe": options.recipe, "model": options.model.resolve().name, "tokens": options.tokens, "skip": options.skip,
              "samples": len(pieces), "batch": options.batch, "texts": [path.name for path in options.text or [options.ids]]}
    write_scales(options.output, scales, measured, **source)
    rows = [{"layer": label, **scales[label], **measured[label]} for label in scales]
    print(json.dumps({"verb": "calibrate", "source": source, "layers": rows}, indent=1) if options.json else table(rows, COLUMNS))
    return AGREE


def main(arguments=None):
    """Runs the command and returns its exit code; what is wrong is one line on stderr."""
    return run_command("calibrate", run, arguments)
