#!/usr/bin/env python3
"""Ends or hinders the quasim command at each of its calls that change the file system, and looks at what is left.

  interrupt_test.py GROUP QUASIM SHIM VECTORS [--full]

Each case is a command whose output replaces an older one. It runs once undisturbed; then again and again from the same start, disturbed
at one call after the other by interrupt_shim.c. What may be seen afterwards is the old output or the new one, whole, and nothing else
(where there are several outputs: of each of them):

  kill     SIGKILL before the call, a write done by half: the old or the new; the next run leaves the new and nothing temporary
  signal   SIGTERM: the same, and nothing temporary is left at once
  refuse   the call fails, or the disk is full from there on: exit code 2, one line and the old output; or 0 and the new one

The default run takes the calls that give names and a few of the others; --full takes every one.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import numpy as np

GROUP, QUASIM, SHIM, VECTORS = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve(), pathlib.Path(sys.argv[4])
FULL = "--full" in sys.argv
GOLDEN = "golden/two_step.seqlast.precise.half_even"
NAMING = {"rename", "renameat2", "link", "mkdir", "rmdir"}
TEMPORARY = (".tmp.quasim-", ".old.quasim-")
runs = 0
failures = []


def fail(case, text):
    failures.append(f"{case}: {text}")


def run(arguments, cwd, **shim):
    global runs
    runs += 1
    environment = {**os.environ, **{f"QUASIM_SHIM{k}": v for k, v in shim.items()}}
    if shim:
        environment["LD_PRELOAD"] = str(SHIM)
    return subprocess.run([str(QUASIM), *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def cut_layer(target, layer, channels, steps):
    source = VECTORS / "bookmamba" / layer
    target.mkdir(parents=True)
    params = {**json.loads((source / "layer.json").read_text()), "channels": channels}
    (target / "layer.json").write_text(json.dumps(params))
    for name, cut in (("weight", np.s_[:channels]), ("bias", np.s_[:channels]), ("input", np.s_[:, :channels, :steps])):
        np.save(target / f"conv1d_{name}.npy", np.load(source / f"conv1d_{name}.npy")[cut].copy())
    done = run(["golden", target, "-o", target / GOLDEN], target)
    assert done.returncode == 0, done.stderr
    return target


def is_temporary(path):
    return any(mark in part for mark in TEMPORARY for part in path.parts)


def without_times(name, data):
    """Certificates say how long they took."""
    if not name.endswith("certificate.json") or not data.startswith(b"{"):
        return data
    certificate = json.loads(data)
    for layer in certificate["layers"]:
        layer.pop("seconds")
    return json.dumps(certificate).encode()


def is_whole_waveform(data):
    """The blocks of an FST file follow each other to its end, and none is still being written."""
    at, kinds = 0, []
    while at + 9 <= len(data):
        kinds.append(data[at])
        at += 1 + int.from_bytes(data[at + 1:at + 9], "big")
    return at == len(data) and kinds[:1] == [0] and 255 not in kinds and 3 in kinds and bool({6, 7} & set(kinds))


def look(root):
    """What there is under names that people use: path -> content; directories end in '/'."""
    seen = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if is_temporary(relative):
            continue
        if path.is_dir():
            seen[str(relative) + "/"] = b""
        else:
            data = without_times(path.name, path.read_bytes())
            seen[str(relative)] = b"a whole waveform" if path.suffix == ".fst" and is_whole_waveform(data) else data
    return seen


def temporaries(root):
    return [str(p.relative_to(root)) for p in root.rglob("*") if is_temporary(p.relative_to(root))]


class Case:
    """`prepare` makes the start; `before` what the command replaces, when it runs with the old bundle."""

    def __init__(self, name, work, arguments, outputs, old=True, extra=None, shim=None, one_by_one=False):
        self.name, self.arguments, self.outputs, self.one_by_one = name, arguments, outputs, one_by_one
        self.shim = shim or {}
        self.root = work / "at"
        self.start = work / ("start." + name.replace(" ", "_"))
        self.start.mkdir()
        cut_layer(self.start / "old", "layer01", 4, 6)
        cut_layer(self.start / "new", "layer03", 4, 6)
        if old:
            done = run(["old" if a == "new" else a for a in arguments], self.start)
            assert done.returncode == 0, f"{name}: {done.stderr}"
        if extra:
            extra(self.start)
        self.reset()
        self.before = look(self.root)
        log = work / "calls"
        log.unlink(missing_ok=True)
        done = run(arguments, self.root, **self.shim, **{"": "count", "_LOG": str(log)})
        assert done.returncode == 0, f"{name}: {done.stderr}"
        self.after = look(self.root)
        self.calls = log.read_text().split()
        if self.before == self.after or not any(self.after.get(o) or self.after.get(o + "/") is not None for o in outputs):
            fail(name, "the undisturbed run changes nothing")
        if temporaries(self.root):
            fail(name, f"the undisturbed run leaves {temporaries(self.root)}")

    def reset(self):
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.start, self.root, symlinks=True)

    def chosen(self):
        every = range(1, len(self.calls) + 1)
        if FULL:
            return every
        others = [n for n in every if self.calls[n - 1] not in NAMING]
        few = {others[i * (len(others) - 1) // 3] for i in range(4)} if others else set()
        naming = [n for n in every if self.calls[n - 1] in NAMING]
        if len(naming) > 8:  # a kit makes many folders and names them once
            naming = naming[:2] + naming[-6:]
        return sorted(few | set(naming))

    def verdict(self, seen):
        """old, new, or what is wrong."""
        if seen == self.before:
            return "old"
        if seen == self.after:
            return "new"
        changed = {k for k in seen.keys() | self.before.keys() if seen.get(k) != self.before.get(k)}
        if self.one_by_one:
            replaced = [k for k in self.before.keys() | self.after.keys() if self.before.get(k) != self.after.get(k)]
            if all(seen.get(k) in (None, self.after.get(k)) for k in replaced):
                return "missing"  # files are missing and none is stale
            if "out/provenance.json" not in seen and all(seen.get(k) in (None, self.before.get(k)) for k in replaced):
                return "missing"  # old files without what says of what they are
        if len(self.outputs) > 1 and self.each_is_whole(seen):
            return "each"
        if "_NO_EXCHANGE" in self.shim and set(seen) < set(self.before) and all(seen[k] == self.before[k] for k in seen):
            return "aside"  # between two renames; the next run puts it back
        return f"neither old nor new: {sorted(changed)[:6]}"

    def each_is_whole(self, seen):
        """Every output is the old one or the new one; folders around them may be new."""
        def parts(state):
            found = {output: {} for output in (*self.outputs, "rest")}
            for path, data in state.items():
                found[next((o for o in self.outputs if path == o or path.startswith(o + "/")), "rest")][path] = data
            around = {f"{parent}/" for output in self.outputs for parent in pathlib.PurePath(output).parents}
            found["rest"] = {path: data for path, data in found["rest"].items() if path not in around}
            return found

        seen, before, after = parts(seen), parts(self.before), parts(self.after)
        return all(seen[part] in (before[part], after[part]) for part in seen)

    def disturbed(self, how, n):
        self.reset()
        return run(self.arguments, self.root, **self.shim, **{"": f"{how}:{n}"})

    def expect_next_run(self, label):
        done = run(self.arguments, self.root)
        if done.returncode != 0 or look(self.root) != self.after or temporaries(self.root):
            fail(label, f"the next run: exit {done.returncode}, {temporaries(self.root)} left: {done.stderr}")

    def kill(self):
        found = set()
        for n in self.chosen():
            label = f"{self.name}, killed before call {n} of {len(self.calls)}, {self.calls[n - 1]}"
            done = self.disturbed("kill", n)
            if done.returncode != -signal.SIGKILL:
                fail(label, f"exit {done.returncode}: the shim did nothing")
            found.add(self.verdict(look(self.root)))
            if not found <= {"old", "new", "missing", "aside", "each"}:
                fail(label, found)
                found = set()
            if FULL or self.calls[n - 1] in NAMING:
                self.expect_next_run(label)
        if not found & {"old", "each"}:
            fail(self.name, "was never killed before the new output had its name")

    def signal(self):
        for n in self.chosen():
            label = f"{self.name}, SIGTERM before call {n} of {len(self.calls)}, {self.calls[n - 1]}"
            done = self.disturbed("signal", n)
            verdict = self.verdict(look(self.root))
            if done.returncode != -signal.SIGTERM and not (done.returncode == 0 and verdict == "new"):
                fail(label, f"exit {done.returncode}")
            if verdict not in ("old", "new", "each") or temporaries(self.root):
                fail(label, f"{verdict}; {temporaries(self.root)} left")

    def refuse(self):
        for how in ("once", "full"):
            for n in self.chosen():
                label = f"{self.name}, {how} at call {n} of {len(self.calls)}, {self.calls[n - 1]}"
                done = self.disturbed(how, n)
                verdict, lines = self.verdict(look(self.root)), done.stderr.splitlines()
                if done.returncode == 0:
                    good = verdict == "new"
                else:
                    several = len(self.outputs) > 1  # a line for each that fails, and a table of the others
                    good = done.returncode == 2 and 1 <= len(lines) <= len(self.outputs) and (several or not done.stdout)
                    good = good and verdict in ("old", "missing", "each")
                    good = good and (how == "once" or not temporaries(self.root))
                if not good:
                    fail(label, f"exit {done.returncode}, {verdict}, {temporaries(self.root)} left: {done.stderr}")
                if temporaries(self.root):
                    self.expect_next_run(label)


def cases(work):
    def folder(start):
        (start / "out/mine").mkdir()
        (start / "out/mine/thesis.txt").write_text("years")

    def floats(start):
        (start / "new/float").mkdir()
        np.save(start / "new/float/conv1d_weight.npy", np.load(start / "new/conv1d_weight.npy").astype(np.float32))

    kit = ["export", "new", "-o", "out", "--format", "hex", "--stages", "x,out", "--no-directed"]
    yield Case("golden, fresh", work, ["golden", "new", "-o", "out"], ["out"], old=False)
    yield Case("golden", work, ["golden", "new", "-o", "out"], ["out"])
    yield Case("golden beside a folder", work, ["golden", "new", "-o", "out"], ["out"], extra=folder, one_by_one=True)
    yield Case("export", work, kit, ["out"])
    yield Case("export, fresh", work, kit, ["out"], old=False)
    yield Case("export without exchange", work, kit, ["out"], shim={"_NO_EXCHANGE": "1"})
    apply = ["sweep", "new", "--conv-bits", "8", "--apply", "1", "-o", "out"]
    yield Case("sweep --apply, fresh", work, apply, ["out"], old=False, extra=floats)
    yield Case("sweep --apply, empty", work, apply, ["out"], old=False, extra=lambda start: (floats(start), (start / "out").mkdir()))
    yield Case("run", work, ["run", "new", "-o", "out"], ["out"])
    yield Case("compile", work, ["compile", "new", "-o", "program.json"], ["program.json"])
    yield Case("certify", work, ["certify", "new", "-o", "certificate.json"], ["certificate.json"])
    yield Case("cosim, waveform", work, ["cosim", "new", "--trace", "out.fst"], ["out.fst"], old=False,
               extra=lambda start: (start / "out.fst").write_text("an older waveform"))
    if FULL:
        yield Case("golden of two", work, ["golden", "new", "new2", "-o", "out"], ["out/new", "out/new2"], old=False,
                   extra=lambda start: cut_layer(start / "new2", "layer05", 4, 6))
        yield Case("compare", work, ["outliers", "new", "-o", "text"], ["text"])
        yield Case("report", work, ["report", "new", "-o", "page.html"], ["page.html"])


def main():
    global SHIM
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as aside:
        SHIM = shutil.copy(SHIM, aside)  # LD_PRELOAD is a list: no name in it may hold a space
        for case in cases(pathlib.Path(name)):
            if GROUP == "refuse" and case.name == "export without exchange":
                continue
            getattr(case, GROUP)()
            print(f"{case.name}: {len(case.calls)} calls")
    for failure in failures[:40]:
        print("FAIL", failure)
    print(f"{runs} runs, {len(failures)} failures")
    return 1 if failures or runs < 50 else 0


sys.exit(main())
