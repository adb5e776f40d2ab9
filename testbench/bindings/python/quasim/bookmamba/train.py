"""python3 -m quasim.bookmamba.train TEXT... --valid TEXT -o MODEL: trains the tokenizer and the model on one GPU, in as many minutes as
it is given, and writes a folder that transformers reads. The learning rate falls to its end over those minutes, whatever the GPU.
A training that was cut off goes on from its last checkpoint when the same command is given again."""

import argparse
import json
import math
import os
import pathlib
import sys
import time

import numpy as np

from ..capture.texts import PIECE, TOKENIZER_FILE, read_text
from ..commands import AGREE, Parser, run_command
from ..refusal import Refusal

SHAPE = {"vocab_size": 8192, "hidden_size": 512, "num_hidden_layers": 12, "state_size": 16, "conv_kernel": 4, "expand": 2, "time_step_rank": 32}
TOKENS, BATCH = 512, 64
PEAK_RATE, WARM_UP_STEPS, FINAL_SHARE = 1.6e-3, 300, 0.05
WEIGHT_DECAY = 0.1
TOKENIZER_SHARE = 8  # one piece of the text in so many teaches the tokenizer
CHECK_SEQUENCES, CHECK_BATCHES, FINAL_BATCHES = 32, 8, 24
CHECKPOINT_SECONDS = 120
STATE_FILE = "training.pt"


def parse_arguments(arguments):
    parser = Parser(prog="python3 -m quasim.bookmamba.train", description=__doc__, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("text", nargs="+", type=pathlib.Path, metavar="TEXT", help="UTF-8, .xz or not")
    add("--valid", type=pathlib.Path, required=True, metavar="TEXT", help="held-out text")
    add("-o", "--output", type=pathlib.Path, required=True, metavar="MODEL")
    add("--minutes", type=float, default=22, help="of training proper, reading and tokenizing apart (default: 22)")
    add("--stop-after", type=float, metavar="MINUTES", help="of this call: write a checkpoint and end with exit code 1, to be gone on with")
    add("--device", default="cuda", metavar="cpu|cuda")
    add("--shape", default="", metavar="KEY=N,...", help="other sizes than bookmamba's: " + ", ".join(SHAPE))
    add("--tokens", type=int, default=TOKENS, metavar="N", help=f"tokens of a sequence (default: {TOKENS})")
    add("--batch", type=int, default=BATCH, metavar="N", help=f"sequences of a step (default: {BATCH})")
    options = parser.parse_args(arguments)
    if not options.minutes > 0:
        raise Refusal("", "--minutes", "a number above 0", options.minutes)
    options.shape = shape_of(options.shape)
    return options


def shape_of(text):
    shape = dict(SHAPE)
    for word in filter(None, text.split(",")):
        key, _, value = word.partition("=")
        if key not in shape or not value.isdigit() or int(value) < 1:
            raise Refusal("", "--shape", "KEY=N with a key of " + ", ".join(SHAPE), word)
        shape[key] = int(value)
    return shape


def make_tokenizer(text, vocabulary):
    """A byte-level BPE tokenizer of part of a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    pieces = [text[begin : begin + PIECE] for begin in range(0, len(text), PIECE)]
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=["<|eot|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False)
    tokenizer.train_from_iterator(pieces[::TOKENIZER_SHARE], trainer)
    return tokenizer


class Training:
    """Model, optimizer and how far they are."""

    def __init__(self, options, ids, held_out):
        import torch

        from .model import Mamba

        self.options, self.torch = options, torch
        torch.manual_seed(0)
        self.model = Mamba(options.shape).to(options.device)
        decayed = [p for name, p in self.model.named_parameters() if p.ndim >= 2 and "A_log" not in name and "conv1d" not in name]
        known = set(map(id, decayed))
        plain = [p for p in self.model.parameters() if id(p) not in known]
        groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.95), **({"fused": True} if options.device == "cuda" else {}))
        self.ids = torch.from_numpy(ids.astype(np.int32)).to(options.device)
        self.held_out = torch.from_numpy(held_out.astype(np.int32)).to(options.device)
        self.generator = torch.Generator().manual_seed(1)
        self.step, self.seconds, self.log = 0, 0.0, []
        state = options.output / STATE_FILE
        if state.exists():
            saved = torch.load(state, map_location=options.device, weights_only=True) if torch.__version__ >= "2" else torch.load(state, map_location=options.device)
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.generator.set_state(saved["generator"].cpu())
            self.step, self.seconds, self.log = saved["step"], saved["seconds"], saved["log"]

    def keep(self):
        saved = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "generator": self.generator.get_state(),
                 "step": self.step, "seconds": self.seconds, "log": self.log}
        temporary = self.options.output / (STATE_FILE + ".part")
        self.torch.save(saved, temporary)
        os.replace(temporary, self.options.output / STATE_FILE)

    def say(self, text):
        self.log.append(text)
        sys.stderr.write(text + "\n")

    def autocast(self):
        return self.torch.autocast(self.options.device, self.torch.bfloat16, enabled=self.options.device == "cuda")

    def rows(self, source, begins):
        return source[begins[:, None] + self.torch.arange(self.options.tokens + 1, device=source.device)].long()

    def loss_of(self, rows):
        functional = self.torch.nn.functional
        with self.autocast():
            logits = self.model(rows[:, :-1])
        return functional.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten())

    def check(self, batches):
        """Mean loss on the held-out text's first sequences."""
        tokens = self.options.tokens
        most = (len(self.held_out) - 1) // tokens
        losses = []
        with self.torch.no_grad():
            for begin in range(0, min(most, batches * CHECK_SEQUENCES), CHECK_SEQUENCES):
                begins = self.torch.arange(begin, min(begin + CHECK_SEQUENCES, most), device=self.held_out.device) * tokens
                losses.append(self.loss_of(self.rows(self.held_out, begins)).item())
        return sum(losses) / len(losses)

    def train(self):
        """Returns whether it came to its end."""
        torch, options = self.torch, self.options
        whole = options.minutes * 60
        begun, had, kept = time.monotonic(), self.seconds, time.monotonic()
        while True:
            self.seconds = had + time.monotonic() - begun
            done = self.seconds / whole
            if done >= 1:
                return True
            if options.stop_after is not None and time.monotonic() - begun > options.stop_after * 60:
                self.keep()
                return False
            rate = PEAK_RATE * min(1, (self.step + 1) / WARM_UP_STEPS) * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done)))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            begins = torch.randint(0, len(self.ids) - options.tokens - 1, (options.batch,), generator=self.generator).to(options.device)
            loss = self.loss_of(self.rows(self.ids, begins))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
            if self.step % 100 == 0:
                self.say(f"{self.step} loss {loss.item():.3f}, {self.seconds:.0f} s")
            if self.step % 1000 == 0:
                self.say(f"{self.step} held-out loss {self.check(CHECK_BATCHES):.4f}")
            if time.monotonic() - kept > CHECKPOINT_SECONDS:
                self.keep()
                kept = time.monotonic()


def run(arguments):
    options = parse_arguments(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    from tokenizers import Tokenizer

    from ..capture import texts
    from .model import save

    text, held_out = "\n".join(read_text(path) for path in options.text), read_text(options.valid)
    file = options.output / TOKENIZER_FILE
    if not file.exists():
        make_tokenizer(text, options.shape["vocab_size"]).save(str(file))
    options.shape["vocab_size"] = max(options.shape["vocab_size"], Tokenizer.from_file(str(file)).get_vocab_size())
    tokenizer = texts.Tokenizer(options.output)
    ids, held_out = tokenizer.encode(text), tokenizer.encode(held_out)
    for path, some in ((options.text[0], ids), (options.valid, held_out)):
        if len(some) < 2 * options.tokens + 2:
            raise Refusal(path, "text", f"at least {2 * options.tokens + 2} tokens", len(some))
    training = Training(options, ids, held_out)
    training.say(f"{sum(p.numel() for p in training.model.parameters()):,} parameters, {len(ids):,} tokens, {len(held_out):,} held out")
    if not training.train():
        training.say(f"stopped at step {training.step}, {training.seconds:.0f} of {60 * options.minutes:.0f} s: give the command again")
        return 1
    training.say(f"{training.step} held-out loss {training.check(FINAL_BATCHES):.4f}, the end")
    save(training.model, options.output)
    (options.output / "training.json").write_text(json.dumps({"steps": training.step, "seconds": round(training.seconds), "log": training.log},
                                                             indent=1) + "\n", encoding="utf-8")
    (options.output / STATE_FILE).unlink(missing_ok=True)
    return AGREE


def main(arguments=None):
    return run_command("train", run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
