"""Loads a model's folder: Mamba-1 by the project's own code, which needs no transformers, any other by transformers."""

import pathlib
from typing import Any, Callable, Dict, NamedTuple

from ..importer.files import read_json
from ..refusal import Refusal

RUNNERS = ("own", "transformers")


class Loaded(NamedTuple):
    """A model in eval mode: logits(ids [B, L]) -> [B, L, vocabulary]; config as config.json has it."""

    module: Any
    logits: Callable
    config: Dict
    vocabulary: int


def load(folder, runner=None) -> Loaded:
    """The model of a folder. runner: one of RUNNERS; None: own for the kind "mamba"."""
    folder = pathlib.Path(folder)
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise Refusal("", "model", "torch", error) from None
    if not folder.is_dir():
        raise Refusal(folder, "model", "a folder with config.json and a checkpoint")
    if runner not in (None, *RUNNERS):
        raise Refusal("", "--runner", " or ".join(RUNNERS), runner)
    if runner is None:
        config = folder / "config.json"
        own = config.is_file() and read_json(config, constants=True).get("model_type") == "mamba"
        runner = "own" if own else "transformers"
    return load_own(folder) if runner == "own" else load_transformers(folder)


def load_own(folder) -> Loaded:
    from ..bookmamba import model

    module = model.load(folder)
    return Loaded(module, module, module.config, module.vocabulary)


def load_transformers(folder) -> Loaded:
    try:
        import transformers
    except ImportError as error:
        raise Refusal("", "model", "transformers, which reads every kind but mamba", error) from None
    try:
        module = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    except Exception as error:  # transformers raises many kinds for a folder that it cannot load
        raise Refusal(folder, "model", "a model that transformers can load", str(error).split("\n")[0]) from None
    return Loaded(module, lambda ids: module(ids, use_cache=False).logits, module.config.to_dict(), module.config.vocab_size)
