"""What a model is measured on: token ids of a text, and LAMBADA's passages."""

import json
import lzma
import pathlib
from typing import List, NamedTuple

import numpy as np

from ..importer.checkpoint import read_file
from ..importer.files import map_file
from ..refusal import Refusal

PIECE = 20_000  # characters that a tokenizer is handed at once
QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
TOKENIZER_FILE = "tokenizer.json"


def read_text(path) -> str:
    """The text of a UTF-8 file, .xz or not."""
    try:
        if pathlib.Path(path).suffix == ".xz":
            return lzma.decompress(pathlib.Path(path).read_bytes()).decode("utf-8")
        return bytes(map_file(path)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(path, "text", "UTF-8", f"byte {error.start}") from None
    except lzma.LZMAError as error:
        raise Refusal(path, "text", "an .xz file", error) from None


class Tokenizer:
    """The tokenizer.json of a model's folder."""

    def __init__(self, folder):
        file = pathlib.Path(folder) / TOKENIZER_FILE
        try:
            import tokenizers
        except ImportError as error:
            raise Refusal("", "text", "the package tokenizers, or token ids by --ids", error) from None
        if not file.is_file():
            raise Refusal(file, "tokenizer", "the model's tokenizer, or token ids by --ids", "none")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # the package raises plain Exception
            raise Refusal(file, "tokenizer", "a tokenizer of the package tokenizers", error) from None

    def encode(self, text) -> np.ndarray:
        """Token ids, without special tokens."""
        pieces = [text[begin : begin + PIECE] for begin in range(0, len(text), PIECE)]
        encoded = self._tokenizer.encode_batch(pieces, add_special_tokens=False) if pieces else []
        return np.array([token for piece in encoded for token in piece.ids], np.int64)


def read_ids(path) -> np.ndarray:
    """Token ids of a .npy file or of the one array of an .npz file."""
    entries = read_file(path)
    if len(entries) != 1:
        raise Refusal(path, "ids", "one array", f"{len(entries)}")
    ids = next(iter(entries.values())).array()
    if ids.dtype.kind not in "iu":
        raise Refusal(path, "ids", "whole numbers", ids.dtype)
    return ids.reshape(-1).astype(np.int64)


def require_ids(path, ids, vocabulary, tokens):
    """Raises Refusal unless the ids belong to the vocabulary and there are at least so many."""
    if len(ids) < tokens:
        raise Refusal(path, "text", f"at least {tokens} tokens", len(ids))
    if len(ids) and not 0 <= ids.min() <= ids.max() < vocabulary:
        raise Refusal(path, "token ids", f"0 to {vocabulary - 1}", f"{ids.min()} to {ids.max()}")


class Passage(NamedTuple):
    """A passage of LAMBADA: what is given, and the last word that has to follow."""

    given: np.ndarray
    word: np.ndarray


def read_lambada(path, tokenizer) -> List[Passage]:
    """The passages of a .jsonl file with the key text. The last word is what follows the last space, the space included; typographic
    quotes become plain ones. A passage counts as right when every token of the word is the model's first choice."""
    passages = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except ValueError:
            raise Refusal(path, f"line {number}", "JSON", line) from None
        text = document.get("text") if isinstance(document, dict) else None
        if not isinstance(text, str):
            raise Refusal(path, f"line {number}", 'an object with the key "text"', line)
        text = text.translate(QUOTES).rstrip()
        cut = text.rfind(" ")
        given, word = tokenizer.encode(text[:cut]), tokenizer.encode(text[cut:])
        if cut < 1 or not len(given) or not len(word):
            raise Refusal(path, f"line {number}", "at least two words", text)
        passages.append(Passage(given, word))
    if not passages:
        raise Refusal(path, "passages", "at least one", 0)
    return passages
