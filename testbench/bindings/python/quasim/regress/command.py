"""quasim regress: random sequences through the RTL, on the command line."""

import argparse
import concurrent.futures
import json
import pathlib
import re
import shlex
import shutil
import signal
import sys
import time

from ..commands import AGREE, DIFFER, Parser, named_path, run_command
from ..importer.files import read_json
from ..outputs import real
from ..refusal import Refusal
from ..ppa.design import bench_folder, rtl_folder
from . import runs, summary, units

DESCRIPTION = """Runs random sequences through quasim_top and a behavioural model of it, which compares every pin in every cycle: layers of random shape,
taps, dataflow and numbers, sequences in pieces with histories saved and restored, writes and reads of everything on all five AXI4-Lite
channels, stalls at random, in bursts, periodic and adverse, resets at any time. Each run is one simulation of some sequences and leaves one JSON file;
the same command goes on where it was stopped."""
EPILOG = """Examples:
  quasim regress -o runs                                     1,000 sequences over all units
  quasim regress --sequences 10000 --jobs 2 -o runs          more of them
  quasim regress --shard 2/8 --sequences 10000 -o shard2     the second eighth, as on the second of eight machines
  quasim regress --merge shard1 shard2 -o all                one result of several
  quasim regress --rtl my_rtl -o runs                        another RTL with the ports of quasim_top
  quasim regress --replay lanes_4:17:1 --wave fail.fst       one failing example again, with its waveform

Exit code: 0 no run failed, 1 a run failed, 2 bad input or usage."""


def whole(text, low, high, option):
    if not re.fullmatch(r"\d{1,10}", text) or not low <= int(text) <= high:
        raise Refusal("", option, f"{low} to {high}", text)
    return int(text)


def shard_of(text):
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if not found or not 1 <= int(found.group(1)) <= int(found.group(2)):
        raise Refusal("", "--shard", "i/n with 1 <= i <= n", text)
    return int(found.group(1)), int(found.group(2))


def parse_arguments(arguments):
    parser = Parser(prog="quasim regress", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = parser.add_argument
    add("-o", "--output", type=named_path, metavar="DIR", help="the folder of the results")
    add("--sequences", default="1000", metavar="N", help="sequences of all shards together (default: %(default)s)")
    add("--per-run", default="20", metavar="N", help="sequences of a run (default: %(default)s)")
    add("--seed-base", default="1", metavar="S", help="seed of the first sequence (default: %(default)s)")
    add("--jobs", default="1", metavar="N", help="runs at a time (default: %(default)s)")
    add("--shard", default="1/1", metavar="i/n", help="every n-th part of the runs, the i-th of them")
    add("--budget", default=None, metavar="SECONDS", help="begin no run after so long")
    add("--units", metavar="NAME,...", help="units (default: " + ",".join(units.units_of(bench_folder(rtl_folder()))) + ")")
    add("--rtl", type=named_path, metavar="DIR", help="other RTL than that of this installation")
    add("--merge", nargs="+", type=named_path, metavar="DIR", help="join the results of shards")
    add("--replay", metavar="UNIT:SEED[:COUNT[:NAME=N...]]", help="run one example again and print what the bench says")
    add("--wave", type=pathlib.Path, metavar="FILE.fst", help="with --replay: its waveform")
    add("--json", action="store_true", help="print summary.json")
    options = parser.parse_args(arguments)
    for name, low, high in (("sequences", 1, 10**8), ("per_run", 1, 1000), ("seed_base", 0, 10**9), ("jobs", 1, 256)):
        setattr(options, name, whole(getattr(options, name), low, high, "--" + name.replace("_", "-")))
    if options.budget is not None:
        options.budget = whole(options.budget, 1, 10**7, "--budget")
    options.shard = shard_of(options.shard)
    known = units.units_of(bench_folder(rtl_folder()))
    options.units = options.units.split(",") if options.units is not None else list(known)
    for name in options.units:
        if name not in known or options.units.count(name) > 1:
            raise Refusal("", "--units", "some of " + ",".join(known) + ", each once", name)
    if options.wave is not None and options.replay is None:
        raise Refusal("", "--wave", "--replay beside it")
    if options.replay is None and options.output is None:
        raise Refusal("", "-o", "a folder for the results")
    if options.replay is not None and (options.merge or options.output or options.json):
        raise Refusal("", "--replay", "no -o, no --merge and no --json beside it")
    return options


def plan_of(options, rtl, bench):
    """What makes two results parts of one."""
    return {"seed_base": options.seed_base, "sequences": options.sequences, "per_run": options.per_run,
            "units": {name: units.units_of(bench)[name] for name in options.units}, "sources": units.number_of(rtl, bench)}


def planned_runs(plan):
    """(unit, seed, sequences) of every run, in order; the same of a plan that was read from its file."""
    names = sorted(plan["units"])
    listed, left, seed = [], plan["sequences"], plan["seed_base"]
    while left > 0:
        count = min(plan["per_run"], left)
        listed.append((names[len(listed) % len(names)], seed, count))
        left, seed = left - count, seed + count
    return listed


def share(listed, plan, shard):
    """Rounds of all units go to the shards in turn, so that each shard has every unit."""
    index, count = shard
    return [run for i, run in enumerate(listed) if (i // len(plan["units"])) % count == index - 1]


def file_of(run):
    return f"{run[0]}_{run[1]:010d}.json"


def by_file(plan):
    """{file name: run} of every run."""
    return {file_of(run): run for run in planned_runs(plan)}


def plan_in(folder):
    """The plan of a folder of results, or None where there is none."""
    note = folder / "plan.json"
    if not note.is_file():
        return None
    plan = read_json(note)
    for key, kind in (("seed_base", int), ("sequences", int), ("per_run", int), ("units", dict), ("sources", str), ("shard", str)):
        if type(plan.get(key)) is not kind:
            raise Refusal(note, key, "what a plan says", plan.get(key))
    return plan


def begin_folder(folder, plan, shard):
    """Makes the folder, or finds that it holds part of the same and nothing else."""
    there = plan_in(folder)
    wanted = {**plan, "shard": f"{shard[0]}/{shard[1]}"}
    for key, value in wanted.items():
        if there is not None and there.get(key) != value:
            raise Refusal(folder / "plan.json", key, f"{value}, as on the command line; another folder takes another regression", there.get(key))
    summary.read_runs(folder, by_file(plan))  # what lies there belongs to it
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    runs.write_json(folder / "plan.json", wanted)


def reproduce(options, unit, example):
    words = ["quasim", "regress", "--replay", runs.example_name(unit, *example)]
    if options.rtl is not None:
        words += ["--rtl", str(options.rtl)]
    return shlex.join(words)


def explain(options, document, program, folder):
    """Makes a failing run small, keeps its waveform, and says how to see it again."""
    first, sequences, smaller, message = runs.shrink(program, document)
    failure = document["failure"]
    failure.update(message=message, seed=first, sequences=sequences, options=smaller,
                   reproduce=reproduce(options, document["unit"], (first, sequences, smaller)))
    (folder / "failures").mkdir(exist_ok=True)
    wave = folder / "failures" / f'{document["unit"]}_{first}.fst'
    runs.simulate(program, first, sequences, smaller, [f"+wave={wave.name}"], wave.parent)
    if wave.is_file():
        failure["wave"] = f"failures/{wave.name}"
        failure["reproduce"] += f" --wave {shlex.quote(wave.name)}"


def one_run(options, run, rtl, bench, folder, number):
    unit, seed, sequences = run
    units.require_number(rtl, bench, number)
    program = units.build(unit, rtl, bench)
    document = runs.run(program, unit, seed, sequences)
    if not document["passed"]:
        explain(options, document, program, folder)
    runs.write_json(folder / "runs" / file_of(run), document)
    return document


def regress(options):
    rtl = rtl_folder(options.rtl)
    bench = bench_folder(rtl)
    folder = options.output
    plan = plan_of(options, rtl, bench)
    begin_folder(folder, plan, options.shard)
    mine = share(planned_runs(plan), plan, options.shard)
    left = [run for run in mine if not (folder / "runs" / file_of(run)).is_file()]
    if len(left) < len(mine):
        print(f"quasim: regress: {len(mine) - len(left)} of {len(mine)} runs are there", file=sys.stderr)
    for name in dict.fromkeys(run[0] for run in left):
        units.build(name, rtl, bench)
    began, failed = time.monotonic(), 0
    done = len(mine) - len(left)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting, coming = set(), iter(left)
        try:
            while True:
                while len(waiting) < options.jobs and (options.budget is None or time.monotonic() - began < options.budget):
                    run = next(coming, None)
                    if run is None:
                        break
                    waiting.add(pool.submit(one_run, options, run, rtl, bench, folder, plan["sources"]))
                if not waiting:
                    break
                ended, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in ended:
                    document = future.result()
                    done += 1
                    if not document["passed"]:
                        failed += 1
                        failure = document["failure"]
                        print(f'quasim: regress: {document["unit"]}: {failure["message"]}\n  {failure["reproduce"]}', file=sys.stderr)
                rate = (done - len(mine) + len(left)) * plan["per_run"] / max(time.monotonic() - began, 0.001)
                if sys.stderr.isatty() or done == len(mine) or done % 50 == 0:
                    print(f"quasim: regress: {done} of {len(mine)} runs, {failed} failed, {rate * 3600:,.0f} sequences an hour", file=sys.stderr)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            runs.end_all()
            raise
    return conclude(options, folder, plan, len(mine))


def conclude(options, folder, plan, planned):
    result = summary.write(folder, plan, planned, by_file(plan))
    print(json.dumps(result, indent=1, sort_keys=True) if options.json else text_of(result, folder))
    return DIFFER if result["failed"] else AGREE


def text_of(result, folder):
    lines = [f'{"group":<10} {"bins":>5} {"met":>5}  missing']
    for row in result["coverage"]["groups"]:
        lines.append(f'{row["group"]:<10} {row["bins"]:>5} {row["met"]:>5}  {" ".join(row["missing"][:6]) or "-"}')
    for failure in result["failures"]:
        lines.append(f'{failure["unit"]}: {failure["failure"]["message"]}\n  {failure["failure"].get("reproduce", "")}')
    return "\n".join([*lines, summary.headline(result) + f"; {folder / 'index.html'}"])


def merge(options):
    plan = None
    for folder in options.merge:
        there = plan_in(folder)
        if there is None:
            raise Refusal(folder, "", "the result of a shard, with plan.json", "none")
        there.pop("shard")
        if plan is not None and there != plan:
            raise Refusal(folder / "plan.json", "", f"parts of one regression; this is another than {options.merge[0]}")
        plan = there
        summary.read_runs(folder, by_file(plan))
        if real(folder) == real(options.output):
            raise Refusal(folder, "-o", "a folder beside the shards", "one of them")
    begin_folder(options.output, plan, (1, 1))
    for folder in options.merge:
        for path in sorted((folder / "runs").glob("*.json")):
            shutil.copyfile(path, options.output / "runs" / path.name)
        if (folder / "failures").is_dir():
            shutil.copytree(folder / "failures", options.output / "failures", dirs_exist_ok=True)
    return conclude(options, options.output, plan, len(planned_runs(plan)))


def replay(options):
    parts = options.replay.split(":")
    rtl = rtl_folder(options.rtl)
    bench = bench_folder(rtl)
    if len(parts) < 2 or parts[0] not in units.units_of(bench):
        raise Refusal("", "--replay", "UNIT:SEED[:COUNT[:NAME=N...]]", options.replay)
    seed, count = whole(parts[1], 0, 10**10 - 1, "--replay"), whole(parts[2], 1, 1000, "--replay") if len(parts) > 2 else 1
    smaller = {}
    for part in parts[3:]:
        name, _, value = part.partition("=")
        if name not in runs.OPTIONS:
            raise Refusal("", "--replay", "some of " + ", ".join(runs.OPTIONS), name)
        smaller[name] = whole(value, 0, 1000, "--replay")
    program = units.build(parts[0], rtl, bench)
    more, folder = [], None
    if options.wave:
        folder, more = options.wave.absolute().parent, [f"+wave={options.wave.name}"]
    passed, text = runs.simulate(program, seed, count, smaller, more, folder)
    sys.stdout.write(text)
    if options.wave:
        if not options.wave.is_file():
            raise Refusal(options.wave, "--wave", "a place for a waveform", "none was written")
        print(f"gtkwave {shlex.quote(str(options.wave))}")
    return AGREE if passed else DIFFER


def interrupted(number, frame):
    raise KeyboardInterrupt


def run(arguments):
    options = parse_arguments(arguments)
    runs.STOPPED.clear()
    return replay(options) if options.replay is not None else merge(options) if options.merge else regress(options)


def main(arguments=None):
    """Runs the command and returns its exit code; what is wrong is one line on stderr."""
    signal.signal(signal.SIGTERM, interrupted)  # so that the simulations that it started end with it
    return run_command("regress", run, arguments)
