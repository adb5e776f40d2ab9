"""Runs a model over texts and keeps what it said: loss and first choice at every token, the last words of passages."""

from typing import List, NamedTuple

import numpy as np

from ..capture.texts import Passage

PASSAGES_OF_A_BATCH = 64


class Batch(NamedTuple):
    """Sequences that run at once: ids [B, L] and, behind each position, the token that follows; -1 where none is asked."""

    ids: np.ndarray
    targets: np.ndarray


class Answers(NamedTuple):
    """What a model said about a batch: sum of the losses and number of tokens by sequence, first choices [B, L], which passages are right."""

    loss: np.ndarray
    tokens: np.ndarray
    choices: np.ndarray
    right: np.ndarray


def text_batches(ids, tokens, sequences, most=None) -> List[Batch]:
    """Consecutive sequences of so many tokens; a whole number of them."""
    count = (len(ids) - 1) // tokens
    count = count if most is None else min(count, most)
    rows = np.arange(count)[:, None] * tokens + np.arange(tokens + 1)
    whole = ids[rows]
    return [Batch(whole[begin : begin + sequences, :-1], whole[begin : begin + sequences, 1:]) for begin in range(0, count, sequences)]


def passage_batches(passages: List[Passage]) -> List[Batch]:
    """Passages in the order of their length, padded behind; targets at the tokens of the last word only."""
    order = sorted(range(len(passages)), key=lambda i: len(passages[i].given) + len(passages[i].word))
    batches = []
    for begin in range(0, len(order), PASSAGES_OF_A_BATCH):
        chosen = [passages[i] for i in order[begin : begin + PASSAGES_OF_A_BATCH]]
        length = max(len(one.given) + len(one.word) for one in chosen) - 1
        ids, targets = np.zeros((len(chosen), length), np.int64), np.full((len(chosen), length), -1, np.int64)
        for row, one in enumerate(chosen):
            whole = np.concatenate([one.given, one.word])
            ids[row, : len(whole) - 1] = whole[:-1]
            targets[row, len(one.given) - 1 : len(whole) - 1] = one.word
        batches.append(Batch(ids, targets))
    return batches


def answer(model, batch: Batch, device) -> Answers:
    """Runs one batch. model(ids) gives logits."""
    import torch

    ids, targets = torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.targets).to(device)
    with torch.no_grad():
        logits = model(ids)
        asked = targets >= 0
        losses = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.clamp(min=0).flatten(), reduction="none").view(targets.shape)
        loss = torch.where(asked, losses.double(), torch.zeros_like(losses, dtype=torch.float64)).sum(1)
        choices = logits.argmax(-1)
        right = ((choices == targets) | ~asked).all(1)
    return Answers(loss.cpu().numpy(), asked.sum(1).cpu().numpy(), choices.cpu().numpy().astype(np.int32), right.cpu().numpy())
