"""python3 -m quasim.bookmamba.compare MADE COMMITTED: how far the bundles of one folder are from those of another, layer by layer: int8
values that differ, and by how much at most, and each scale's relative difference. Exit code 1 where anything differs."""

import argparse
import json
import pathlib

import numpy as np

from ..importer.checkpoint import read_file
from ..commands import AGREE, Parser, run_command
from ..importer.command import table
from ..importer.files import read_json
from ..refusal import Refusal

TENSORS = ("conv1d_weight", "conv1d_bias", "conv1d_input")
SCALES = ("input_scale", "weight_scale", "bias_scale", "output_scale")


def compare(made, committed):
    """One row of the table."""
    row = {"layer": committed.name}
    layers = [read_json(folder / "layer.json") for folder in (made, committed)]
    row["scale"] = max(abs(layers[0][name] / layers[1][name] - 1) for name in SCALES)
    for name in TENSORS:
        first, second = (read_file(folder / f"{name}.npy")[""].array().astype(np.int16) for folder in (made, committed))
        if first.shape != second.shape:
            raise Refusal(made / f"{name}.npy", "shape", list(second.shape), list(first.shape))
        gap = np.abs(first - second)
        row[name] = f"{np.count_nonzero(gap):,} of {gap.size:,}" + (f", by {gap.max()}" if gap.any() else "")
    row["equal"] = row["scale"] == 0 and all(row[name].startswith("0 of") for name in TENSORS)
    return row


def run(arguments):
    parser = Parser(prog="python3 -m quasim.bookmamba.compare", description=__doc__, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("made", type=pathlib.Path, metavar="MADE")
    parser.add_argument("committed", type=pathlib.Path, metavar="COMMITTED")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    folders = sorted(path.parent for path in options.committed.glob("*/layer.json"))
    if not folders:
        raise Refusal(options.committed, "bundles", "at least one", "none")
    rows = [compare(options.made / folder.name, folder) for folder in folders]
    print(json.dumps(rows, indent=1) if options.json else table(rows, ("layer", "scale", *TENSORS, "equal")))
    return AGREE if all(row["equal"] for row in rows) else 1


def main(arguments=None):
    return run_command("compare", run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
