#!/usr/bin/env python3
"""Plants small faults in the sources, one at a time, and runs the fast checks until one finds it.

  mutation.py --room rtl|cpp [--count N] [--seed S] [--jobs N] [--only PATH] [--budget SECONDS] [-o RESULT.json]
  mutation.py --page PAGE.md [--check] RESULT.json...      write the table, or exit 1 where PAGE differs from it

rtl: each fault of rtl/ goes through the smoke bench in Icarus, then through Verilator's lint; what is left is compared with the
original by Yosys (SAT and induction) and counts as equivalent where that proves it. cpp: model/ is built in a scratch copy, and the
unit tests run. Faults that do not compile are dropped and replaced. A fault listed in equivalent.json, with the reason, is equivalent too.
RESULT.json is written after each fault; the same command goes on where it stopped. Exit 0: nothing survived; 1: something did; 2: bad
usage, or the sources fail without a fault.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import queue
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import operators
import page

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EQUIVALENT = pathlib.Path(__file__).resolve().parent / "equivalent.json"
FORMAT = "quasim.mutation/1"


class Refused(Exception):
    pass


def run(words, seconds, cwd=None, env=None):
    """(exit status, output); a command that takes more processor time than `seconds` has no status. The clock on the wall says little
    on a busy machine."""
    def limited():
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    process = subprocess.Popen([str(word) for word in words], cwd=cwd, env=env, text=True, errors="replace", preexec_fn=limited,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output = process.communicate(timeout=20 * seconds)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return None, "no end in sight"
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None, "no end in sight"
    return process.returncode, output


class Rtl:
    """The RTL in its smoke bench."""
    files = ["rtl/generated/quasim_regs.sv", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "rtl").glob("*.sv"))]
    package = "rtl/generated/quasim_pkg.sv"
    bench = ["rtl/generated/quasim_map_pkg.sv", "testbench/tests/rtl/quasim_monitor.sv", "testbench/tests/rtl/quasim_smoke_tb.sv"]
    # As in scripts/check_rtl.sh.
    benches = [line.split(maxsplit=1)[1] for line in (ROOT / "testbench/tests/rtl/smoke_benches.txt").read_text().splitlines() if line[0] not in "#+"]
    # Small instances for Yosys.
    small = {
        "quasim_conv_acc": {"Depth": 4, "AddrBits": 2}, "quasim_ram_1r1w": {"Width": 8, "Depth": 4, "AddrBits": 2},
        "quasim_guess_table": {"CellBits": 4}, "quasim_rank_guess": {"CellBits": 4}, "quasim_spill": {"Width": 4},
        "quasim_requant": {"Depth": 2, "AddrBits": 1, "CellBits": 4, "MultBits": 6, "BiasBits": 12},
        "quasim_sequencer": {"Lanes": 2, "GroupBits": 2}, "quasim_settings": {"Lanes": 4, "GroupBits": 3},
        "quasim_silu": {"Lanes": 1, "NearRows": 8, "NearBits": 3}, "quasim_window": {"Lanes": 4, "GroupBits": 3, "LaneBits": 2},
        "quasim_regs": {"Lanes": 4, "MaxChannels": 32}, "quasim_top": {"LANES": 2, "MaxChannels": 4, "CellBits": 4, "NearBlocks": 1},
    }

    def __init__(self, scratch):
        self.scratch = scratch

    def sources(self, mutant, path):
        return [path if mutant and file == mutant.file else file for file in [self.package, *self.files]]

    def try_one(self, mutant):
        """(status, what found it)."""
        path = None
        if mutant:
            path = self.scratch / pathlib.Path(mutant.file).name
            path.write_text(mutant.apply((ROOT / mutant.file).read_text()))
        sources = self.sources(mutant, path)
        for bench in self.benches:
            parameters = [f"-Pquasim_smoke_tb.{parameter}" for parameter in bench.split()]
            label = "smoke bench, " + bench.split()[0]
            status, output = run(["iverilog", "-g2012", *parameters, "-s", "quasim_smoke_tb", "-o", self.scratch / "tb.vvp",
                                  *sources, *self.bench], 120, ROOT)
            if status != 0:
                return ("invalid", "icarus") if bench is self.benches[0] else ("killed", label + ", elaboration")
            status, output = run(["vvp", "-n", self.scratch / "tb.vvp"], 100)
            if status != 0 or "\nPASS" not in "\n" + output:
                failed = next((line for line in output.splitlines() if line.startswith("FAIL")), "")
                return "killed", f"{label}: {failed.split(': ')[1] if ': ' in failed else 'no end in sight' if status is None else 'it stopped'}"
        status, _ = run(["verilator", "--lint-only", "-Wall", "--top-module", "quasim_top", "rtl/lint/quasim.vlt", *sources], 120, ROOT)
        if status != 0:
            return "killed", "verilator -Wall"
        if mutant and self.proven_equal(mutant, path):
            return "equivalent", "proven by Yosys"
        return "survived", ""

    def proven_equal(self, mutant, path):
        module = pathlib.Path(mutant.file).stem
        chparam = " ".join(f"-set {name} {value}" for name, value in self.small.get(module, {}).items())

        def read(sources, name):
            return (f"read_verilog -sv {' '.join(str(s) for s in sources)}; "
                    + (f"chparam {chparam} {module}; " if chparam else "")
                    + f"hierarchy -check -top {module}; proc; flatten; memory -nomap; memory_map; opt -full; "
                      f"rename -top {name}; design -stash {name}; ")
        script = (read(self.sources(None, None), "gold") + read(self.sources(mutant, path), "gate")
                  + "design -copy-from gold -as gold gold; design -copy-from gate -as gate gate; equiv_make gold gate equiv; "
                    "hierarchy -top equiv; async2sync; opt -full; equiv_struct; equiv_simple -undef -seq 2; equiv_induct -undef -seq 4; "
                    "equiv_status -assert")
        return run(["yosys", "-q", "-p", script], 120, ROOT)[0] == 0


class Cpp:
    """The model's rooms in their unit tests, in a scratch copy of the tree that is built once."""
    rooms = ("stages", "exact", "compile", "prove", "spec")
    files = [str(p.relative_to(ROOT)) for room in rooms for p in sorted((ROOT / "model" / room).glob("*.cpp"))] + [
        f"model/stages/{name}.hpp" for name in ("conv_acc", "evaluate", "fused", "requant", "silu")]

    def __init__(self, scratch):
        self.tree = scratch / "tree"
        self.build = self.tree / "build"
        # Where ccache is there, the trees of the other jobs take what the first one compiled.
        self.environment = {**os.environ, "CCACHE_BASEDIR": str(self.tree), "CCACHE_NOHASHDIR": "1"}
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        if not self.tree.exists():
            made = shutil.ignore_patterns("build*", "out", ".*")
            shutil.copytree(ROOT, self.tree, ignore=lambda folder, names: made(folder, names) if pathlib.Path(folder) == ROOT else (),
                            symlinks=True)
            status, output = run(["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DQUASIM_CUDA=OFF",
                                  "-DBUILD_TESTING=ON", "-DQUASIM_WERROR=ON", *launcher], 600)
            if status != 0:
                raise Refused(f"cmake: {output[-500:]}")

    def compile(self, targets, jobs):
        return run(["ninja", f"-j{jobs}", "-C", self.build, *targets], 3600, env=self.environment)

    def checks(self):
        """Target, label and command; what is not reached is not built."""
        tests = self.build / "testbench/tests"
        for program in ("stages/stages_tests", "exact/exact_tests", "compile/compile_tests", "prove/prove_tests", "spec/round_clamp_test", "spec/spec_tests"):
            name = pathlib.PurePath(program).name
            yield name, name, [tests / program, "--gtest_fail_fast", "--gtest_brief=1"]
        oracle = self.tree / "testbench/tests/exact/independent_oracle.py"
        yield "oracle_dump", "independent_oracle", [sys.executable, oracle, tests / "exact/oracle_dump"]

    def try_one(self, mutant):
        if not mutant:
            status, output = self.compile([target for target, _, _ in self.checks()], os.cpu_count())
            return self.checked() if status == 0 else ("invalid", output[-500:])
        path = self.tree / mutant.file
        original = path.read_text()
        try:
            path.write_text(mutant.apply((ROOT / mutant.file).read_text()))
            return self.checked()
        finally:
            path.write_text(original)

    def checked(self):
        for target, label, words in self.checks():
            status, output = self.compile([target], 1)
            if status != 0:
                return "invalid", "compiler"
            status, output = run(words, 300, self.tree)
            if status != 0:
                failed = next((line for line in output.splitlines() if "[  FAILED  ]" in line), "")
                if failed:
                    return "killed", label + ": " + failed.split("]")[1].split(" (")[0].strip()
                return "killed", label + (": no end, or a crash" if status is None or status < 0 else "")
        return "survived", ""


ROOMS = {"rtl": Rtl, "cpp": Cpp}


def chosen(room, seed, only):
    """All faults, spread over files and kinds: each file in turn gives one."""
    generator = random.Random(seed)
    queues = []
    for file in room.files:
        if only and only not in file:
            continue
        by_kind = collections.defaultdict(list)
        for mutant in operators.mutants_of(file, (ROOT / file).read_text()):
            by_kind[mutant.kind].append(mutant)
        for mutants in by_kind.values():
            generator.shuffle(mutants)
        kinds = sorted(by_kind)
        generator.shuffle(kinds)
        dealt = []
        while any(by_kind.values()):
            dealt += [by_kind[kind].pop() for kind in kinds if by_kind[kind]]
        # A file gives in proportion to the root of what it has, so that small ones are not forgotten.
        if dealt:
            queues.append((len(dealt) ** 0.5, dealt))
    taken = [0] * len(queues)
    while any(taken[i] < len(dealt) for i, (_, dealt) in enumerate(queues)):
        i = min((i for i, (_, dealt) in enumerate(queues) if taken[i] < len(dealt)), key=lambda i: (taken[i] + 0.5) / queues[i][0])
        yield queues[i][1][taken[i]]
        taken[i] += 1


def line_of(mutant):
    return (ROOT / mutant.file).read_text().split("\n")[mutant.line - 1]


def argued(mutant, table):
    """The reason why a fault changes nothing, where somebody gave one. "next" is the line below, where several lines are alike."""
    before, after = changed(mutant)
    below = (ROOT / mutant.file).read_text().split("\n")[mutant.line].strip()
    for entry in table:
        if (entry["file"], entry["before"], entry["after"], entry.get("next", below)) == (mutant.file, before, after, below):
            return entry["why"]
    return None


def changed(mutant):
    """Its line before and after, without indentation."""
    before = line_of(mutant)
    return before.strip(), (before[: mutant.column] + mutant.new + before[mutant.column + len(mutant.old):]).strip()


def tried(mutant, rooms):
    """The entry of a fault, from the first room that is free."""
    room = rooms.get()
    try:
        began = time.monotonic()
        status, by = room.try_one(mutant)
    except ValueError:
        status, by = "invalid", "it lies in a string"
    finally:
        rooms.put(room)
    before, after = changed(mutant)
    entry = {"file": mutant.file, "line": mutant.line, "column": mutant.column, "kind": mutant.kind, "before": before,
             "after": after, "status": status, "by": by, "seconds": round(time.monotonic() - began, 1)}
    print(f"{status:10} {mutant.name()}  [{by}] {entry['seconds']} s", flush=True)
    return entry


def entries(mutants, rooms, known, args):
    """The entries of the first `count` faults that compile, and of those between them that do not, in order; ends early where the
    budget does, with None. Each room has one fault at a time."""
    start, valid, waiting, none_left = time.monotonic(), 0, collections.deque(), False
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        while True:
            while not none_left and valid + len(waiting) < args.count and len(waiting) < 4 * args.jobs:
                mutant = next(mutants, None)
                entry = mutant and known.get((mutant.file, *changed(mutant), mutant.line, mutant.column))
                over = mutant is not None and entry is None and time.monotonic() - start > args.budget
                none_left = mutant is None or over
                if over:
                    waiting.append((None, None))
                elif mutant is not None:
                    waiting.append((mutant, entry or pool.submit(tried, mutant, rooms)))
            if not waiting:
                return
            mutant, entry = waiting.popleft()
            if isinstance(entry, concurrent.futures.Future):
                entry = entry.result()
            valid += entry is not None and entry["status"] != "invalid"
            yield mutant, entry


def measure(args):
    output = args.output or pathlib.Path(f"mutation_{args.room}.json")
    table = json.loads(EQUIVALENT.read_text())
    result = {"format": FORMAT, "room": args.room, "seed": args.seed, "count": args.count, "date": time.strftime("%Y-%m-%d"), "mutants": []}
    known = {}
    if output.exists():
        before = json.loads(output.read_text())
        if before.get("format") != FORMAT or before["room"] != args.room:
            raise Refused(f"{output}: expected a result of room {args.room}")
        if not args.again:
            known = {(m["file"], m["before"], m["after"], m["line"], m["column"]): m for m in before["mutants"]
                     if not (args.retry and m["status"] == "survived")}
    with tempfile.TemporaryDirectory() as temporary:
        rooms = queue.SimpleQueue()
        for number in range(args.jobs):
            scratch = (args.scratch or pathlib.Path(temporary)) / str(number)
            scratch.mkdir(parents=True, exist_ok=True)
            rooms.put(ROOMS[args.room](scratch))
        if not known:
            room = rooms.get()
            status, by = room.try_one(None)
            rooms.put(room)
            if status != "survived":
                raise Refused(f"the sources fail without a fault: {by}")
        result["complete"] = True
        for mutant, entry in entries(chosen(ROOMS[args.room], args.seed, args.only), rooms, known, args):
            if entry is None:
                result["complete"] = False
                break
            if entry["status"] == "survived" and argued(mutant, table):
                entry.update(status="equivalent", by="argued: " + argued(mutant, table))
            result["mutants"].append(entry)
            write(output, {**result, "complete": False})
        result["sources"] = {file: hashlib.sha256((ROOT / file).read_bytes()).hexdigest()[:16] for file in ROOMS[args.room].files}
        write(output, result)
    counts = collections.Counter(m["status"] for m in result["mutants"])
    print(f"mutation: {args.room}, seed {args.seed}: {counts['killed']} of {counts['killed'] + counts['survived']} faults found, "
          f"{counts['equivalent']} equivalent, {counts['invalid']} did not compile" + ("" if result["complete"] else "; not finished"))
    return 1 if counts["survived"] else 0


def write(path, result):
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(result, indent=1) + "\n")
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="*", type=pathlib.Path, help="with --page")
    parser.add_argument("--room", choices=ROOMS)
    parser.add_argument("--count", type=int, default=100, help="faults that compile")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="faults at a time; cpp builds a tree for each")
    parser.add_argument("--only", help="files whose path holds this")
    parser.add_argument("--budget", type=float, default=float("inf"), help="begin no fault after so many seconds")
    parser.add_argument("--again", action="store_true", help="forget what RESULT.json holds")
    parser.add_argument("--retry", action="store_true", help="try survivors again")
    parser.add_argument("--scratch", type=pathlib.Path, help="keep the scratch copy here (cpp: it is built once)")
    parser.add_argument("-o", dest="output", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    try:
        if args.page:
            return page.make(args.page, args.results, args.check)
        if not args.room or args.results or args.jobs < 1 or args.count < 1:
            raise Refused("expected --room rtl or --room cpp with --count and --jobs of at least 1, or --page")
        return measure(args)
    except (Refused, OSError, ValueError, KeyError) as error:
        print(f"mutation: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
