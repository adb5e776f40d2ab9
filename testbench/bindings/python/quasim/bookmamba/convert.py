"""python3 -m quasim.bookmamba.convert FOLDER -o MODEL: the first checkpoint of bookmamba (weights_0.pt to weights_3.pt, meta.json,
tokenizer.json), whose tensors had names of their own, as a folder that transformers reads. The values stay the same."""

import argparse
import json
import pathlib
import re
import shutil

import numpy as np

from ..importer.checkpoint import Checkpoint
from ..commands import AGREE, Parser, run_command
from ..importer.files import read_json
from ..importer.safetensors import write

NAMES = {"emb.weight": "backbone.embeddings.weight", "norm.weight": "backbone.norm_f.weight"}
IN_MIXER = {"conv_w": "conv1d.weight", "conv_b": "conv1d.bias"}
CONFIGURATION = {"vocab_size": "vocab", "hidden_size": "d_model", "num_hidden_layers": "n_layer", "state_size": "d_state",
                 "conv_kernel": "d_conv", "time_step_rank": "dt_rank", "intermediate_size": "d_inner"}


def name_of(key):
    """The name that transformers has for a tensor."""
    block = re.fullmatch(r"blocks\.(\d+)\.(.*)", key)
    if block is None:
        return NAMES[key]
    inner = IN_MIXER.get(block[2], block[2])
    return f"backbone.layers.{block[1]}." + (inner if inner == "norm.weight" else f"mixer.{inner}")


def configuration_of(meta):
    """config.json of meta.json's config."""
    config = {key: meta["config"][name] for key, name in CONFIGURATION.items()}
    return {"architectures": ["MambaForCausalLM"], "model_type": "mamba", **config, "expand": config["intermediate_size"] // config["hidden_size"],
            "use_bias": False, "use_conv_bias": True, "hidden_act": "silu", "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True,
            "torch_dtype": "float16"}


def run(arguments):
    parser = Parser(prog="python3 -m quasim.bookmamba.convert", description=__doc__, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="MODEL")
    options = parser.parse_args(arguments)
    checkpoint = Checkpoint(sorted(options.folder.glob("weights_*.pt")) or [options.folder / "weights_0.pt"])
    tensors = {}
    for key in checkpoint.keys():
        values = checkpoint.tensor(key).array()
        tensors[name_of(key)] = values[:, None] if key.endswith("conv_w") else values
    options.output.mkdir(parents=True, exist_ok=True)
    write(options.output / "model.safetensors", {key: values.astype(np.float16) for key, values in tensors.items()})
    config = configuration_of(read_json(options.folder / "meta.json", constants=True))
    (options.output / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(options.folder / "tokenizer.json", options.output / "tokenizer.json")
    print(f"{options.output}: {len(tensors)} tensors, {sum(values.size for values in tensors.values()):,} values")
    return AGREE


def main(arguments=None):
    return run_command("convert", run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
