#!/usr/bin/env python3
"""Through the command line: a good program passes certify, every altered one fails with exit code 1 and a point, and what cannot be
read is refused with exit code 2 and one line.

  certify_faults.py QUASIM BUNDLE
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile


def main():
    quasim, bundle = sys.argv[1:3]
    checked = 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "program.json"

        def run(*words):
            return subprocess.run([quasim, *words], capture_output=True, text=True)

        def certify(program):
            path.write_text(program if isinstance(program, str) else json.dumps(program))
            return run("certify", bundle, "--program", str(path))

        done = run("compile", bundle, "--match", "q", "-o", str(path))
        if done.returncode != 0:
            sys.exit(f"certify_faults: compile failed: {done.stderr}")
        good = json.loads(path.read_text())
        if certify(good).returncode != 0:
            sys.exit("certify_faults: the compiled program does not pass")

        half = 1 << (good["shift"] - 1)
        edits = {
            "wrong rounding of everything": lambda p: p.update(bias_words=[b - half for b in p["bias_words"]]),
            "multiplier + 1": lambda p: p.update(multiplier=p["multiplier"] + 1),
            "multiplier - 1": lambda p: p.update(multiplier=p["multiplier"] - 1),
            "shift + 1": lambda p: p.update(shift=p["shift"] + 1),
            "bias word of channel 5 off by an LSB": lambda p: p["bias_words"].__setitem__(5, p["bias_words"][5] + 2 * half),
            "two bias words exchanged": lambda p: p.update(bias_words=p["bias_words"][1:2] + p["bias_words"][:1] + p["bias_words"][2:]),
            "table entry + 1": lambda p: p["silu_table"].__setitem__(200, p["silu_table"][200] + 1),
            "table entry - 1": lambda p: p["silu_table"].__setitem__(100, p["silu_table"][100] - 1),
        }
        for name, edit in edits.items():
            bad = copy.deepcopy(good)
            edit(bad)
            done = certify(bad)
            if done.returncode != 1 or "first point" not in done.stdout:
                sys.exit(f"certify_faults: {name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
            checked += 1

        refusals = {
            "truncated": json.dumps(good)[:1000],
            "not JSON": "hello",
            "unknown key": json.dumps({**good, "extra": 1}),
            "other weights": json.dumps({**good, "weight": [1] + good["weight"][1:]} if good["weight"][0] != 1
                                        else {**good, "weight": [2] + good["weight"][1:]}),
            "short table": json.dumps({**good, "silu_table": good["silu_table"][:-1]}),
        }
        for name, text in refusals.items():
            done = certify(text)
            if done.returncode != 2 or len(done.stderr.strip().splitlines()) != 1:
                sys.exit(f"certify_faults: {name}: exit {done.returncode}, stderr {done.stderr!r}")
            checked += 1
        for words in (("explain", bundle, "--point", "1"), ("explain", bundle, "--point", "99999999,0"),
                      ("certify", folder), ("compile", bundle, "--target", "nonsense"),
                      ("compile", bundle, "--target", "golden:two_step.update.precise.half_even")):
            done = run(*words)
            if done.returncode != 2 or len(done.stderr.strip().splitlines()) != 1:
                sys.exit(f"certify_faults: {words}: exit {done.returncode}, stderr {done.stderr!r}")
            checked += 1
    print(f"{checked} altered programs and inputs refused")
    if checked == 0:
        sys.exit("certify_faults: nothing was checked")


if __name__ == "__main__":
    main()
