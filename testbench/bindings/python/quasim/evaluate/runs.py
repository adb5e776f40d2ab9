"""A folder of runs: one JSON and one file of answers for each configuration; a run that was cut off goes on where it stopped."""

import hashlib
import json
import os
import pathlib
import time

import numpy as np

from ..importer.files import read_json
from ..refusal import Refusal
from .measure import Answers, answer, passage_batches, text_batches
from .replace import Replacement
from .statistics import NOISE_LEVEL, bootstrap, mcnemar, wilson

FORMAT = "quasim.evaluation/1"
KEEP_SECONDS = 20  # between two writings of what is done so far
LONG_SECONDS = 600  # that somebody who waits wants to know of
MEASURED_SECONDS = 10  # from which on the batches so far say something
BASE = "fp32"


def digest(*pieces) -> str:
    """SHA-256 of arrays and texts."""
    total = hashlib.sha256()
    for piece in pieces:
        total.update(piece.encode() if isinstance(piece, str) else np.ascontiguousarray(piece).tobytes())
    return total.hexdigest()


def write_whole(path, write):
    """write(file) into a file that is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    with open(temporary, "wb") as file:
        write(file)
    os.replace(temporary, path)


class Work:
    """What every configuration is run on."""

    def __init__(self, ids, tokens, sequences, most, passages):
        self.text = text_batches(ids, tokens, sequences, most)
        self.passages = passage_batches(passages) if passages else []
        self.batches = self.text + self.passages

    def fingerprint(self):
        return digest(*(array for batch in self.batches for array in batch))


class Progress:
    """The answers so far of one configuration, on disk now and then."""

    def __init__(self, path, settings):
        self._path, self._settings = path, json.dumps(settings, sort_keys=True)
        self._written = time.monotonic()
        self.answers = self._read()

    def _read(self):
        if not self._path.exists():
            return []
        with np.load(self._path, allow_pickle=False) as file:
            if str(file["settings"]) != self._settings:
                raise Refusal(self._path, "settings", "those of this run", "others: remove it or choose another folder")
            return [Answers(*(file[f"{field}{n}"] for field in Answers._fields)) for n in range(int(file["count"]))]

    def add(self, answers):
        self.answers.append(answers)
        if time.monotonic() - self._written >= KEEP_SECONDS:
            self.write()

    def write(self):
        arrays = {f"{field}{n}": getattr(one, field) for n, one in enumerate(self.answers) for field in Answers._fields}
        write_whole(self._path, lambda file: np.savez(file, settings=self._settings, count=len(self.answers), **arrays))
        self._written = time.monotonic()

    def remove(self):
        self._path.unlink(missing_ok=True)


class Pace:
    """How long the batches that are left will take, if they go on as those so far. The first one starts the clock: it waits for what is
    made once, libraries and kernels."""

    def __init__(self, batches, clock=time.monotonic):
        self._left, self._ran, self._clock, self._begin = batches, 0, clock, None

    def skip(self, batches):
        """That were there already."""
        self._left -= batches

    def ran(self):
        self._left -= 1
        if self._begin is None:
            self._begin = self._clock()
        else:
            self._ran += 1

    def seconds_left(self):
        """None as long as it says little."""
        seconds = 0.0 if self._begin is None else self._clock() - self._begin
        return self._left * seconds / self._ran if self._ran > 1 and seconds >= MEASURED_SECONDS else None


def spoken(seconds):
    """A duration as people say it."""
    for length, name in ((3600, "hour"), (60, "minute"), (1, "second")):
        number = round(seconds / length)
        if number > 1 or (number == 1 and length < 3600):
            return f"about {number} {name}{'s' if number > 1 else ''}"
    return "a moment"


class Runs:
    """Runs configurations into a folder. settings: what decides every answer; a folder with others is refused. report(text): what is
    going on, None: nothing more on that line; notice(text): once, where all will take long. rows: how many configurations there will be."""

    def __init__(self, folder, settings, work: Work, rows, report=None, notice=None):
        self.folder = pathlib.Path(folder)
        self._settings, self._work, self._rows = settings, work, rows
        self._report = report or (lambda text: None)
        self._notice = notice
        self._pace = Pace(rows * len(work.batches))
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, name, ending="json"):
        return self.folder / f"{name}.{ending}"

    def finished(self, configuration):
        """The document of a configuration that was run, or None."""
        path = self.path(configuration.name)
        if not path.exists():
            return None
        document = read_json(path)
        if document.get("format") != FORMAT or document.get("settings") != self._settings:
            raise Refusal(path, "settings", "those of this run", "others: remove it or choose another folder")
        return document if document.get("configuration") == json.loads(json.dumps(configuration.to_json())) else None

    def run(self, configuration, model, sites, device, scales, measured, config=None, golden=None):
        """Runs a configuration unless it has been, and returns its document."""
        document = self.finished(configuration)
        if document is not None:
            self._report(f"{configuration.name}: done before")
            self._pace.skip(len(self._work.batches))
            return document
        progress = Progress(self.path(configuration.name, "part.npz"), {**self._settings, "configuration": configuration.to_json()})
        begin = time.monotonic()
        differing = 0
        if configuration.dataflow is None:
            self._answer_all(configuration, model, device, progress)
        else:
            replacement = Replacement(sites, configuration, scales, measured, device, config, golden, decodes=False)
            differing = replacement.differing
            with replacement:
                if self._answer_all(configuration, model, device, progress):
                    replacement.require_all()
        seconds = time.monotonic() - begin
        answers = self._joined(progress.answers)
        write_whole(self.path(configuration.name, "npz"), lambda file: np.savez_compressed(file, **answers))
        document = {"format": FORMAT, "configuration": configuration.to_json(), "settings": self._settings, "seconds": round(seconds, 2),
                    "points_unlike_golden": differing, "measures": self._measures(answers),
                    "against": {name: compare(self._answers_of(name), answers) for name in configuration.against if self.path(name, "npz").exists()}}
        text = json.dumps(document, indent=1) + "\n"
        write_whole(self.path(configuration.name), lambda file: file.write(text.encode()))
        progress.remove()
        return document

    def _answer_all(self, configuration, model, device, progress):
        """Returns how many batches were run now."""
        have = len(progress.answers)
        self._pace.skip(have)
        try:
            for number, batch in enumerate(self._work.batches[have:], have + 1):
                progress.add(answer(model, batch, device))
                self._pace.ran()
                left = self._pace.seconds_left()
                self._report(f"{configuration.name}: {number} of {len(self._work.batches)} batches" + (f", {spoken(left)} left" if left else ""))
                if left is not None:
                    self._say_if_long(left)
        except BaseException:
            progress.write()
            raise
        return len(self._work.batches) - have

    def _say_if_long(self, left):
        if self._notice is not None and left >= LONG_SECONDS:
            self._report(None)
            sequences = sum(len(batch.ids) for batch in self._work.text)
            self._notice(f"{spoken(left)} left of {self._rows} configurations on {sequences} sequences; --sequences N takes fewer, --configurations "
                         "NAME,... fewer rows; what is cut off goes on with the same command")
        self._notice = None

    def _joined(self, pieces):
        text, passages = pieces[: len(self._work.text)], pieces[len(self._work.text) :]
        targets = np.concatenate([batch.targets for batch in self._work.text])
        choices = np.concatenate([piece.choices for piece in text])
        joined = {"loss": np.concatenate([piece.loss for piece in text]), "tokens": np.concatenate([piece.tokens for piece in text]),
                  "choices": choices, "right": choices == targets}
        if passages:
            joined["lambada"] = np.concatenate([piece.right for piece in passages])
        return joined

    def _answers_of(self, name):
        with np.load(self.path(name, "npz"), allow_pickle=False) as file:
            return {key: file[key] for key in file.files}

    def _measures(self, answers):
        per_sequence = answers["loss"] / answers["tokens"]
        loss = bootstrap(np.zeros(len(per_sequence)), per_sequence, answers["tokens"])
        measures = {"loss": {"value": loss.value, "low": loss.low, "high": loss.high},
                    "top1": share(int(answers["right"].sum()), answers["right"].size),
                    "choices_sha256": digest(answers["choices"])}
        if self.path(BASE, "npz").exists():
            base = self._answers_of(BASE)["choices"]
            measures["agreement"] = share(int((base == answers["choices"]).sum()), base.size)
        if "lambada" in answers:
            measures["lambada"] = share(int(answers["lambada"].sum()), answers["lambada"].size)
        return measures


def share(successes, trials):
    interval = wilson(successes, trials)
    return {"value": interval.value, "low": interval.low, "high": interval.high, "successes": successes, "trials": trials}


def compare(first, second):
    """What changed from the first answers to the second, each with its verdict."""
    loss = bootstrap(first["loss"] / first["tokens"], second["loss"] / second["tokens"], first["tokens"])
    changes = {"loss": loss._asdict(), "choices_differ": int((first["choices"] != second["choices"]).sum()), "choices": int(first["choices"].size)}
    for name, key in (("top1", "right"), ("lambada", "lambada")):
        if key in first and key in second:
            lost, gained = int((first[key] & ~second[key]).sum()), int((~first[key] & second[key]).sum())
            p = mcnemar(lost, gained)
            changes[name] = {"value": (gained - lost) / first[key].size, "only_first": lost, "only_second": gained, "p": p, "noise": p >= NOISE_LEVEL}
    return changes
