#!/usr/bin/env python3
"""The quasim command on mutated bundles with random options. Whatever it is given, it ends with 0, 1 or 2, in time, says at most
one line for each bad bundle, loses no file and leaves none half-written.

  fuzz_cli.py QUASIM [--runs N] [--seconds S] [--seed X] [--keep DIRECTORY]

Ends at N runs or S seconds, whichever comes first. A finding is printed with its command; with --keep its files are kept as well.
"""
import argparse
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

from tiny import TWO_STEP, make_bundle, tree_digest

CPU_SECONDS = 20  # a run that takes more hangs; processor time, because the machine may be shared
TIMEOUT_S = 300
MEMORY_BYTES = 3 << 30
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
NUMBERS = ["0", "1", "-1", "2", "3", "4", "8", "12", "16", "20", "24", "31", "64", "100", "255", "4.5", "0.5", "0.999", "1e-300", "1e300",
           "1e400", "nan", "inf", "-inf", "", "x", "0x10", str(2**31), str(2**32), str(2**63), str(2**64), str(-2**63), str(10**30)]
VALUES = [None, True, False, 0, 1, -1, 3, 8, 1.5, 0.0, -0.5, 1e-9, 1e-38, 1e-45, 1e38, 2**31, 2**40, 2**63, 2**64, -2**63, "", "x", "fused",
          "two_step", "half_even", "half_away", "a\nquasim: all agree", "\x1b[2J", "\u202e", "é" * 300, [], {}, [1], [0.1] * 4, {"a": 1},
          [[[[]]]], "NaN"]
NAMES = ["plain", "with space", "new\nline", "\x1b[2Jescape", "ünï", "-dash", "--json", "..", "a/../b", "x" * 200, "%s%n", "\udcff\udcfe"]
VARIANTS = [TWO_STEP, "two_step.seqlast.fast.half_even", "fused.seqlast.precise.half_away", "fused.channellast.precise.half_away",
            "two_step.update.precise.half_even", "two_step.seqlast", "", "a.b.c.d", "fused.seqlast.fast.half_away"]


def limit(words):
    """Sets the limits of a command. A GPU's driver reserves more addresses than the machine has memory, so there they are not limited."""
    if "cuda" not in words:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))


class Fuzzer:
    def __init__(self, quasim, top, seed):
        self.quasim, self.top = str(pathlib.Path(quasim).resolve()), pathlib.Path(top)
        self.random = random.Random(seed)
        self.numpy_random = np.random.default_rng(seed)
        self.bases = self.make_bases()
        self.counts = {0: 0, 1: 0, 2: 0}
        self.verbs = {}

    # --- well-formed bundles, programs, kits and documents -----------------------------------------------------------------

    def call(self, *arguments):
        return subprocess.run([self.quasim, *map(str, arguments)], capture_output=True, timeout=TIMEOUT_S, cwd=self.top, check=False)

    def make_bases(self):
        base = self.top / "base"
        bundles = [make_bundle(base / "two_step", channels=4), make_bundle(base / "three_taps", channels=3, taps=3, length=5, sequences=2),
                   make_bundle(base / "one", channels=1, taps=2, length=1, seed=3), make_bundle(base / "fused", seed=4, dataflow="fused"),
                   make_bundle(base / "wide", seed=5, conv_bits=10, conv_scale=0.01),
                   make_bundle(base / "away", seed=6, rounding="half_away", source={"model": "m"})]
        for bundle in bundles:
            variant = {"fused": "fused.seqlast.precise.half_away", "away": "two_step.seqlast.precise.half_away"}.get(bundle.name, TWO_STEP)
            self.call("golden", bundle, "-o", bundle / "golden" / variant)
            self.call("compile", bundle, "-o", bundle / "program.json")
            (bundle / "golden" / "certificate.json").write_bytes(self.call("certify", bundle, "--json").stdout)
            streamed = self.call("run", bundle, "--json").stdout
            if streamed:  # not every dataflow streams
                (bundle / "golden" / "cosim.json").write_bytes(streamed)
        self.write_steps(bundles[0] / "golden" / "two_step.seqlast.fast.half_even")
        kit = shutil.copytree(bundles[2], base / "with_kit")
        self.call("export", bundles[2], "-o", kit / "kit", "--steps", "1", "--format", "npy", "--no-directed")
        return [*bundles, *bundles, pathlib.Path(kit)]  # the kit has most files and least to say

    def write_steps(self, directory):
        """A step function as a GPU's sweep is stored; not that of any golden, so that it differs."""
        directory.mkdir(parents=True)
        members = {"acc_min": np.array([-65024], np.int32), "acc_max": np.array([65024], np.int32),
                   "bias": np.arange(-128, 128, dtype=np.int16)}
        for stage, count in (("q", 255), ("out", 60)):
            acc = np.linspace(-60000, 60000, count).astype(np.int32)
            value = np.arange(count) - count // 2
            members[stage + "_first"] = np.full(256, value[0] - 1, np.int16)
            members[stage + "_offset"] = (np.arange(257) * count).astype(np.int32)
            members[stage + "_acc"] = np.tile(acc, 256)
            members[stage + "_value"] = np.tile(value, 256).astype(np.int16)
        np.savez_compressed(directory / "steps.npz", **members)

    # --- mutations ---------------------------------------------------------------------------------------------------------

    def mutate_bytes(self, data):
        data, r = bytearray(data), self.random
        for _ in range(r.choice((1, 1, 2, 5))):
            at = r.randrange(len(data) + 1)
            kind = r.randrange(6)
            if kind == 0 and at < len(data):
                data[at] ^= 1 << r.randrange(8)
            elif kind == 1:
                del data[at:at + r.choice((1, 8, 100))]
            elif kind == 2:
                data[at:at] = r.choice((b"\0", b"\n", b"\xff", b"9", b"-", b"[" * 200, b'"', b"{", os.urandom(0) + b"\x93NUMPY"))
            elif kind == 3:
                del data[at:]
            elif kind == 4:
                data[at:at] = data[at:at + 40]
            elif data:
                number = re.search(rb"\d+", bytes(data[at:]))
                if number:
                    data[at + number.start():at + number.end()] = r.choice(NUMBERS).encode()
        return bytes(data)

    def mutate_json(self, data):
        try:
            document = json.loads(data)
        except ValueError:
            return self.mutate_bytes(data)
        r, node = self.random, document
        for _ in range(r.randrange(4)):  # walk down
            children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
            inner = [child for child in children if isinstance(child, (dict, list)) and child]
            if not inner:
                break
            node = r.choice(inner)
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
        if not keys:
            return json.dumps(r.choice(VALUES)).encode()
        key = r.choice(list(keys))
        kind = r.randrange(4)
        if kind == 0:
            del node[key]
        elif kind == 1 and isinstance(node, dict):
            node[r.choice(("x", "conv_scales", "", "a\nb", "\u202e", key + "s"))] = r.choice(VALUES)
        else:
            node[key] = r.choice(VALUES)
        return json.dumps(document).encode()

    def mutate_tensor(self, path):
        r = self.random
        try:
            tensor = np.load(path)
        except Exception:  # numpy has no end of words for a header that an earlier mutation broke
            return
        kind = r.randrange(6)
        if kind == 0:
            tensor = tensor.astype(r.choice((np.int16, np.uint8, np.float32, np.float64, np.int64, bool, np.complex64, ">i2")))
        elif kind == 1:
            tensor = np.ascontiguousarray(tensor.T)
        elif kind == 2:
            tensor = tensor[None]
        elif kind == 3:
            tensor = tensor[..., :r.randrange(tensor.shape[-1] + 1)] if tensor.ndim else tensor
        elif kind == 4:
            tensor = tensor.copy()
            if tensor.size and tensor.dtype.kind == "f":
                tensor.flat[r.randrange(tensor.size)] = r.choice((np.nan, np.inf, -np.inf, 0, 1e38))
            elif tensor.size and tensor.dtype.kind == "i":
                tensor.flat[r.randrange(tensor.size)] ^= 1
        else:
            tensor = np.asfortranarray(tensor) if tensor.ndim > 1 else np.concatenate([tensor, tensor])
        np.save(path, tensor)

    def mutate_file(self, bundle):
        r = self.random
        files = [path for path in sorted(bundle.rglob("*")) if path.is_file() and not path.is_symlink()]
        if not files:
            return
        weights = [8 if path.parent == bundle else 3 if "kit" not in path.parts else 0.2 for path in files]
        path = r.choices(files, weights)[0]
        kind = r.randrange(12)
        if kind == 0:
            path.unlink()
        elif kind == 1:
            path.unlink()
            path.mkdir()
        elif kind == 2:
            path.unlink()
            path.symlink_to(r.choice(("nowhere", path.name, "/dev/null", "..")))
        elif kind == 3:
            path.write_bytes(b"")
        elif kind == 4:
            path.unlink()
            os.mkfifo(path)
        elif kind in (5, 6):
            path.write_bytes(self.mutate_bytes(path.read_bytes()))
        elif path.suffix == ".npy":
            self.mutate_tensor(path)
        elif path.suffix == ".json":
            path.write_bytes(self.mutate_json(path.read_bytes()))
        else:
            path.write_bytes(self.mutate_bytes(path.read_bytes()))

    # --- one run -------------------------------------------------------------------------------------------------------------

    def number(self):
        return self.random.choice(NUMBERS if self.random.random() < 0.4 else ("1", "2", "4", "8", "16"))

    def output(self, work, inputs):
        r = self.random
        kind = r.randrange(8)
        if kind == 0:
            target = r.choice(inputs)
            return str(r.choice([target, *target.rglob("*")]) if target.is_dir() else target)
        if kind == 1:
            return str(work)
        return str(work / r.choice(("o", "o/deep/er", "o.json", "o.txt", "o\nx", "missing/../o", "o/")))

    def arguments(self, work, bundles):
        """A verb, its inputs and some options, most of them sensible."""
        r = self.random
        some = bundles[:r.choice((1, 1, 1, 2, 3))]
        program = str(r.choice(bundles) / "program.json")
        json_flag = [["--json"]]
        streams = json_flag + [["--lanes", r.choice(("1", "4", "16", self.number()))], ["--stall-in", r.choice(("0.3", self.number()))],
                               ["--stall-out", r.choice(("0.3", self.number()))], ["--seed", self.number()],
                               ["--max-mismatches", self.number()], ["--program", program], ["--variant", r.choice(VARIANTS)]]
        out = [["-o", self.output(work, bundles)]]
        domain = [["--domain", r.choice(("reachable", "full", "x"))]]
        targets = [["--target", r.choice(("exact", "golden:" + r.choice(VARIANTS), "x"))]]
        files = [path for bundle in bundles for path in bundle.rglob("*.np[yz]")] or bundles
        choices = {
            "run": streams + out, "cosim": streams,
            "golden": json_flag + out + [["--dataflow", r.choice(("fused", "two_step", "x"))], ["--order", r.choice(("seqlast", "update", "x"))],
                                         ["--math", r.choice(("precise", "fast"))], ["--rounding", r.choice(("half_even", "half_away"))],
                                         ["--device", r.choice(("cpu", "cuda", "x"))]],
            "compile": json_flag + out + domain + targets + [["--mult-bits", self.number()], ["--conv-bits", self.number()], ["--sweep"],
                                                             ["--match", r.choice(("q", "out", "auto", "x"))]],
            "certify": json_flag + out + domain + [["--program", program], ["--variant", r.choice(VARIANTS)], ["--rtl"]],
            "explain": json_flag + domain + [["--program", program], ["--variant", r.choice(VARIANTS)], ["--limit", self.number()],
                                             ["--point", f"{self.number()},{self.number()}"], ["--tensor", str(r.choice(files))]],
            "export": json_flag + [["-o", self.output(work, bundles)], ["--format", r.choice(("all", "hex", "npy,csv", "x"))],
                                   ["--stages", r.choice(("x", "q,out", "z"))], ["--lanes", self.number()], ["--steps", self.number()],
                                   ["--no-directed"], ["--program", program], ["--check", str(some[0] / "kit")]],
            "compare": json_flag + out + [["--lsb", self.number()], ["--strict"]],
            "outliers": json_flag + out, "modes": json_flag + out,
            "sweep": json_flag + out + [["--conv-bits", r.choice(("8..12", "8,9", "12..8", self.number()))],
                                        ["--conv-scale", r.choice(("max,layer", "p99", "0.1", self.number()))],
                                        ["--output-scale", r.choice(("max", "p99.9", self.number()))]],
            "report": json_flag + [["-o", self.output(work, bundles)], ["--certificate", str(some[0] / "golden" / "certificate.json")],
                                   ["--cosim", str(some[0] / "golden" / "cosim.json")], ["--model", str(some[0] / "golden" / TWO_STEP)]]}
        verb = r.choices(list(choices), [0.2 if name == "report" else 1 for name in choices])[0]  # it takes two seconds
        self.verbs[verb] = self.verbs.get(verb, 0) + 1
        if verb == "compare":
            inputs = [r.choice(files + bundles) for _ in range(2)]
        elif verb == "outliers" and r.random() < 0.4:
            inputs = [r.choice(files)]
        elif verb == "export":
            inputs = some[:1]
        else:
            inputs = some
        options = r.sample(choices[verb], r.choice((0, 0, 1, 1, 2, min(3, len(choices[verb])))) if len(choices[verb]) > 1 else r.randrange(2))
        if verb == "report" and not any(option[0] == "-o" for option in options):
            options.append(["-o", str(work / "report.html")])
        words = [verb, *map(str, inputs), *[word for option in options for word in option]]
        if r.random() < 0.03:
            words[r.randrange(len(words))] = r.choice(("", "x", "--", "-", "--helo", "a\nb", "\x1b[0m", "compil"))
            end = words.index("--") if "--" in words else len(words)  # whatever stands behind it is an input
            return words, max(1, sum(word == "-" or not word.startswith("-") for word in words[1:end]) + len(words[end + 1:]))  # as is the value of an option that is gone
        return words, max(1, len(inputs))

    def problem_of(self, done, words, bundles):
        """What is wrong with this answer; empty where it is a good one."""
        said = done.stderr.decode("utf-8", "surrogateescape")
        lines = said.split("\n")[:-1] if said.endswith("\n") else said.split("\n") if said else []
        lines = [line for line in lines if not line.startswith("quasim: building ")]  # progress
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"does not end in {CPU_SECONDS} s of processor time"
        if done.returncode not in (0, 1, 2):
            return f"exit code {done.returncode}"
        if done.returncode == 2 and not 1 <= len(lines) <= bundles:
            return f"{len(lines)} lines on stderr for {bundles} bundles"
        if done.returncode == 2 and not all(line.startswith("quasim") for line in lines):
            return "a line on stderr does not begin with quasim"
        if CONTROL.search(said.replace("\n", "")) or (b"\x1b" in done.stdout):
            return "a control character is printed"
        for words_of_libraries in ("json.exception", "filesystem error", "std::", "internal error", "bad_alloc", "out of memory", "what()"):
            if words_of_libraries in said or words_of_libraries.encode() in done.stdout:
                return f"says '{words_of_libraries}'"
        options = words[: words.index("--")] if "--" in words else words  # what stands behind it is an input, whatever its name
        if "--json" in options and done.stdout:
            try:
                json.loads(done.stdout)
            except ValueError as error:
                return f"--json is no JSON: {error}"
        return ""

    def one(self, number, keep):
        r = self.random
        work = self.top / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        bundles = []
        for i in range(3):
            name = r.choice(NAMES) if r.random() < 0.1 else f"b{i}"
            bundle = work / f"in{i}" / (name if name not in ("..", "a/../b") else "plain")
            shutil.copytree(r.choice(self.bases), bundle)
            if r.random() < (0.6 if i == 0 else 0.1):
                for _ in range(r.choice((1, 1, 2, 3))):
                    self.mutate_file(bundle)
            bundles.append(bundle)
        words, count = self.arguments(work, bundles)
        before = {bundle: tree_digest(bundle) for bundle in bundles if str(bundle) in words[:1 + count]}  # -o may name the others
        for bundle, digest in before.items():
            for name in unread_files(words, bundle, digest):
                digest.pop(name)
        try:
            done = subprocess.run([self.quasim, *words], capture_output=True, timeout=TIMEOUT_S, cwd=work, check=False,
                                  preexec_fn=lambda: limit(words))
        except subprocess.TimeoutExpired:
            problem, done = f"does not end in {TIMEOUT_S} s", None
        except (ValueError, UnicodeError):
            return ""  # an argument that no command line can hold
        else:
            problem = self.problem_of(done, words, count)
            self.counts[done.returncode] = self.counts.get(done.returncode, 0) + 1
        for bundle, digest in before.items():
            after = tree_digest(bundle) if not problem else digest
            lost = [name for name, content in digest.items() if after.get(name) != content]
            if lost:
                problem = f"input files changed or lost: {lost[:3]}"
        left = [str(path) for path in work.rglob("*.tmp.*")]
        if not problem and left:
            problem = f"left half-written: {left[:2]}"
        if problem:
            print(f"FINDING: run {number}: {problem}\n  quasim {' '.join(map(repr, words))}\n  {done.stderr[:600] if done else ''}")
            if keep:
                shutil.copytree(work, pathlib.Path(keep) / f"finding{number}", symlinks=True, ignore=ignore_fifos, dirs_exist_ok=True)
        return problem


def unread_files(words, bundle, names):
    """The file of a bundle that -o names and that the command does not read: it is meant to be replaced."""
    target = words[words.index("-o") + 1] if "-o" in words[:-1] else ""
    if words.count(target) > 1:
        return []
    results = ("program.json",) if words[0] == "report" else ("program.json", "golden/certificate.json", "golden/cosim.json")
    return [name for name in names if target == str(bundle / name) and (name in results or name.startswith("kit/"))]


def ignore_fifos(directory, names):
    return [name for name in names if (pathlib.Path(directory) / name).is_fifo()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("quasim")
    parser.add_argument("--runs", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep")
    options = parser.parse_args()
    findings, start, runs = 0, time.monotonic(), 0
    with tempfile.TemporaryDirectory() as directory:
        fuzzer = Fuzzer(options.quasim, directory, options.seed)
        while runs < options.runs and time.monotonic() - start < options.seconds:
            findings += bool(fuzzer.one(runs, options.keep))
            runs += 1
            if runs % 1000 == 0:
                print(f"{runs} runs, {findings} findings, {time.monotonic() - start:.0f} s", flush=True)
    codes = ", ".join(f"exit {code}: {count}" for code, count in sorted(fuzzer.counts.items()))
    print(f"{runs} runs over {len(fuzzer.verbs)} verbs ({codes}), seed {options.seed}, {findings} findings, "
          f"{time.monotonic() - start:.0f} s")
    shown = runs > 0 and all(fuzzer.counts[code] > 0 for code in (0, 2))
    return 0 if findings == 0 and shown else 1


if __name__ == "__main__":
    sys.exit(main())
