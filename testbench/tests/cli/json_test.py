#!/usr/bin/env python3
"""Every verb's --json against docs/json.md: each key there, of its type, and no other.

  json_test.py QUASIM DOCS_JSON_MD [--bench]        bench takes half a minute, the rest a few seconds
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

from tiny import TWO_STEP, make_bundle, make_grouped_bundle

TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None)}


class Schema:
    """The blocks of the page: documents by format, definitions by name."""

    def __init__(self, text):
        self.documents, self.definitions = {}, {}
        for block in re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S):
            parsed = json.loads(block)
            if "format" in parsed:
                for name in re.findall(r"= ([\w./]+)", parsed["format"]):
                    self.documents[name] = parsed
            else:
                self.definitions.update(parsed)

    def problems(self, document):
        shape = self.documents.get(document.get("format"))
        if shape is None:
            return [f"format: {document.get('format')!r} is not on the page"]
        return list(self.compare(document, shape, document["format"]))

    def compare(self, value, shape, path):
        if isinstance(shape, str):
            yield from self.compare_text(value, shape.partition(":")[0], path)
        elif isinstance(shape, list):
            if not isinstance(value, list):
                yield f"{path}: expected a list"
                return
            for index, item in enumerate(value):
                yield from self.compare(item, shape[0], f"{path}[{index}]")
        elif not isinstance(value, dict):
            yield f"{path}: expected an object"
        elif list(shape) == ["*"]:
            for key, item in value.items():
                yield from self.compare(item, shape["*"], f"{path}.{key}")
        else:
            for key, inner in shape.items():
                if key.rstrip("?") in value:
                    yield from self.compare(value[key.rstrip("?")], inner, f"{path}.{key}")
                elif not key.endswith("?"):
                    yield f"{path}.{key}: is missing"
            for key in value:
                if key not in shape and key + "?" not in shape:
                    yield f"{path}.{key}: is not on the page"

    def compare_text(self, value, kinds, path):
        if kinds.startswith("@"):
            yield from self.compare(value, self.definitions[kinds], path)
            return
        for kind in kinds.split("|"):
            if kind == "any" or (kind.startswith("= ") and value == kind[2:]):
                return
            if kind in TYPES and isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind != "boolean"):
                return
        yield f"{path}: expected {kinds}; got {str(value)[:60]!r}"


def planted_faults(schema, document):
    """The checker notices what it should: a missing key, an unknown one, another type, one level down too."""
    layer = document["layers"][0]
    changes = [lambda d: d.pop("tool"), lambda d: d.update(extra=1), lambda d: d.update(layers={}), lambda d: d.update(verb="swep"),
               lambda d: d["layers"][0].pop("verdict"), lambda d: d["layers"][0].update(elements="many"),
               lambda d: d["layers"][0].update(elements=True), lambda d: d["layers"][0]["points"][0].update(pareto=0),
               lambda d: d.update(format="quasim.sweep/0")]
    noticed = 0
    for change in changes:
        copy = json.loads(json.dumps(document))
        change(copy)
        noticed += bool(schema.problems(copy))
    return layer is not None and noticed == len(changes)


def main():
    quasim = str(pathlib.Path(sys.argv[1]).resolve())
    with_bench = "--bench" in sys.argv
    schema = Schema(pathlib.Path(sys.argv[2]).read_text())
    failures, seen, documents = [], set(), 0
    with tempfile.TemporaryDirectory() as directory:
        top = pathlib.Path(directory)

        def call(*arguments):
            return subprocess.run([quasim, *map(str, arguments)], capture_output=True, cwd=top, timeout=300, check=False)

        bundle = make_bundle(top / "layer00")
        fused = make_bundle(top / "fused", dataflow="fused")
        identity = make_grouped_bundle(top / "identity", [0, 1, 0], activation="identity")
        call("golden", bundle, "-o", bundle / "golden" / TWO_STEP)
        call("compile", bundle, "-o", "program.json")
        # a golden of which two values were changed, and a program that differs: what differs has keys of its own
        changed = make_bundle(top / "changed")
        call("golden", changed, "-o", changed / "golden" / TWO_STEP)
        file = changed / "golden" / TWO_STEP / "conv1d_output_int8.npy"
        tensor = np.load(file)
        tensor[0, 1, 3] ^= 3
        tensor[0, 2, 5] ^= 1
        np.save(file, tensor)
        np.save(top / "nan.npy", np.array([1, np.nan, np.inf, 4], np.float32))
        np.save(top / "turned.npy", np.ascontiguousarray(np.arange(12, dtype=np.float32).reshape(1, 3, 4).transpose(0, 2, 1)))
        np.save(top / "straight.npy", np.arange(12, dtype=np.float32).reshape(1, 3, 4))
        np.save(top / "shifted.npy", np.arange(12, dtype=np.float32).reshape(1, 3, 4) + 1)
        (top / "broken").mkdir()
        commands = [
            *[(verb, bundle, changed, "broken") for verb in ("run", "cosim")],
            ("golden", bundle, changed, "broken"), ("golden", bundle, "-o", "written"),
            ("compile", bundle, fused, "broken"), ("compile", bundle, "--mult-bits", "4"), ("compile", bundle, "broken", "--sweep"),
            ("certify", bundle, fused, "broken"), ("certify", bundle, "--rtl"), ("certify", bundle, "--program", "program.json"),
            ("explain", bundle, "broken"), ("explain", bundle, "--point", "100,3"), ("explain", fused),
            ("explain", bundle, "--program", "program.json"), ("explain", bundle, "--tensor", file),
            ("export", bundle, "-o", "kit"), ("export", bundle, "-o", "kit_plain", "--no-directed", "--steps", "3"), ("export", "--check", "kit"),
            ("compare", bundle / "golden" / TWO_STEP, changed / "golden" / TWO_STEP), ("compare", "nan.npy", "nan.npy"),
            ("compare", "turned.npy", "straight.npy"), ("compare", "straight.npy", "shifted.npy"),
            ("outliers", bundle, fused, "nan.npy", "broken"), ("modes", bundle, fused, "broken"), ("sweep", bundle, "broken"),
            ("sweep", identity, "--conv-scale", "layer,1e37"),
            ("report", bundle, "broken", "-o", "page.html")]
        commands += [("bench", bundle, "--rounds", "1")] if with_bench else []
        sample = None
        for command in commands:
            done = call(*command, "--json")
            try:
                document = json.loads(done.stdout)
            except ValueError:
                failures.append(f"{command}: exit {done.returncode}, no JSON: {done.stderr[:200]!r}")
                continue
            documents += 1
            seen.add((document.get("format"), document.get("verb")))
            failures += [f"quasim {command[0]}: {problem}" for problem in schema.problems(document)[:5]]
            if command[0] == "sweep":
                sample = document
        for command in (("certify", bundle, "-o", "c.json"), *[(verb, bundle, "-o", "c.json") for verb in ("outliers", "modes", "sweep")]):
            call(*command)
            documents += 1
            failures += [f"quasim {command[0]} -o: {problem}" for problem in schema.problems(json.loads((top / "c.json").read_text()))[:5]]
        if not (sample and planted_faults(schema, sample)):
            failures.append("the checker does not notice planted faults")
    # tests/ppa holds the documents of ppa against the page: a synthesis takes seconds
    missing = set(schema.documents) - {name for name, _ in seen} - {"quasim.ppa/1"} - (set() if with_bench else {"quasim.bench/1"})
    if missing:
        failures.append(f"formats of the page that no verb wrote: {sorted(missing)}")
    for failure in failures:
        print("FAIL", failure)
    print(f"{documents} documents of {len(seen)} formats, {len(failures)} failures")
    return 1 if failures or documents == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
