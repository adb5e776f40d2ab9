"""One run: a simulation of some sequences in one unit; and what becomes of one that fails."""

import json
import os
import re
import resource
import signal
import subprocess
import threading
import time

from ..ppa.tools import end_with_us
from ..refusal import Refusal
from .units import tool

FORMAT = "quasim.regress.run/1"
SECONDS_LIMIT = 600
# What a smaller example may leave out, from the cheapest to the dearest to read; the bench's own values are the first.
OPTIONS = {"resets": (1, 0), "stalls": (1, 0), "traffic": (1, 0), "steps": (4, 3, 2, 1), "accesses": (40, 20, 10, 5, 3, 1)}
PASS = re.compile(r"^PASS LANES=\d+: (\d+) checks, (\d+) output beats, .*?(\d+) cycles, (\d+) resets; writes (\d+) taken (\d+) refused, "
                  r"reads (\d+) and (\d+)", re.M)
VERDICT = re.compile(r"^(FAIL|FATAL|ERROR)\b", re.M)  # of the bench, or of a $fatal or $error in the RTL
NUMBERS = ("checks", "beats", "cycles", "resets", "writes_taken", "writes_refused", "reads_answered", "reads_refused")


RUNNING = set()  # of all threads
STOPPED = threading.Event()  # what ends now was ended by us


def end_all():
    """Ends the simulations of all threads; none of them is a result."""
    STOPPED.set()
    for process in list(RUNNING):
        process.kill()


def limited():
    """A simulation has processor time, and ends with the program that started it."""
    hardest = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hardest == resource.RLIM_INFINITY or hardest > SECONDS_LIMIT + 5:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_LIMIT, SECONDS_LIMIT + 5))
    end_with_us()


def simulate(program, seed, sequences, options=None, more=(), folder=None):
    """(ended well, what it said). A simulation that does not end is one that failed."""
    words = [tool("vvp", "the Debian package iverilog"), "-n", str(program), "-fst", f"+seed={seed}", f"+sequences={sequences}", *(f"+{name}={value}" for name, value in (options or {}).items()), *more]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                               preexec_fn=limited, cwd=folder)
    RUNNING.add(process)
    try:
        text, _ = process.communicate()
    except BaseException:
        process.kill()
        process.communicate()
        raise
    finally:
        RUNNING.discard(process)
    if STOPPED.is_set():
        raise KeyboardInterrupt
    if process.returncode == -signal.SIGXCPU:
        return False, text + f"\nFAIL: no end within {SECONDS_LIMIT} s of a processor\n"
    if process.returncode != 0 and not VERDICT.search(text):  # the simulator, not the unit
        said = text.strip().splitlines()
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
        raise Refusal("", str(program), "a simulation with a verdict", f"vvp ended with {how}: {said[-1] if said else 'it said nothing'}")
    return process.returncode == 0 and PASS.search(text) is not None, text


def kind_of(message):
    """A complaint without its numbers: two that differ in more are two failures."""
    return re.sub(r"-?\b(0x)?[0-9a-fxz]*[0-9][0-9a-fxz]*\b|(?<=got )\w+|(?<=want )\w+", "#", message, flags=re.I)


def complaint(text):
    found = [line for line in text.splitlines() if VERDICT.match(line)]
    return re.sub(r"\s+", " ", found[0]).strip() if found else "it ended without a verdict"


def bins_of(text):
    return {name: int(count) for name, count in re.findall(r"^BIN (\S+) (\d+)$", text, re.M)}


def run(program, unit, seed, sequences):
    """The document of one run."""
    began = time.monotonic()
    passed, text = simulate(program, seed, sequences, more=["+bins"])
    document = {"format": FORMAT, "unit": unit, "seed": seed, "sequences": sequences, "passed": passed}
    if passed:
        document.update(zip(NUMBERS, map(int, PASS.search(text).groups())))
        document["bins"] = bins_of(text)
    else:
        begun = re.findall(r"^SEQUENCE (\d+)$", text, re.M)
        document["failure"] = {"sequence": int(begun[-1]) if begun else seed, "message": complaint(text)}
    document["seconds"] = round(time.monotonic() - began, 2)
    return document


def shrink(program, run_document):
    """(first seed, sequences, options, message) of the smallest example found that still fails in the same way."""
    last, message = run_document["failure"]["sequence"], run_document["failure"]["message"]
    kind = kind_of(message)
    first, sequences = run_document["seed"], last - run_document["seed"] + 1
    for fewer in (1, 2, 4, 8):  # it may need what ran before it
        if fewer < sequences or fewer == 1:
            failed, said = still_fails(program, last - fewer + 1, fewer, {}, kind)
            if failed:
                first, sequences, message = last - fewer + 1, fewer, said
                break
    options = {}
    for name, values in OPTIONS.items():
        for value in reversed(values[1:]):
            failed, said = still_fails(program, first, sequences, {**options, name: value}, kind)
            if failed:
                options[name], message = value, said
                break
    return first, sequences, options, message


def still_fails(program, seed, sequences, options, kind):
    passed, text = simulate(program, seed, sequences, options)
    said = complaint(text)
    return not passed and kind_of(said) == kind, said


def example_name(unit, seed, sequences, options):
    return ":".join([unit, str(seed), str(sequences), *(f"{name}={value}" for name, value in options.items())])


def write_json(path, document):
    """In one step: a file that is there is whole, whenever the program is stopped."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
