#!/usr/bin/env python3
"""Functional and code coverage of the RTL, measured together, and the pages that show it.

  coverage.sh                        measure, print the table, compare it with what is committed
  coverage.sh --update               measure; write docs/coverage.json, docs/coverage.md and docs/coverage.html
  coverage.sh --page [--check]       write the two pages from docs/coverage.json, or exit 1 where they are not what it says
      --units NAME,...               of a measurement (default: those of docs/coverage.json, else all); others are not compared with it
      --sequences N                  random sequences of each unit (default: the number of docs/coverage.json, else 8)

The smoke bench runs in Icarus: its directed tests and random sequences in each unit. quasim_monitor.sv counts the functional bins and
records every pin of every cycle. The same traffic then goes through the unit as Verilator compiles it with --coverage, which counts lines,
branches and toggles, and every output pin is compared once more. What is not covered stands in exceptions.json with the reason; an
exception that is covered, or that names what is no longer there, is an error.
Exit status: 0 all is covered or explained; 1 something is not, a pin differs, or the committed result is another; 2 a tool is missing or the
usage is wrong.
"""
import argparse
import datetime
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The package without its own start, which wants a built tree.
sys.modules["quasim"] = types.ModuleType("quasim")
sys.modules["quasim"].__path__ = [str(ROOT / "testbench/bindings/python/quasim")]
import page  # noqa: E402
from quasim.regress import bins, units  # noqa: E402

FORMAT = "quasim.coverage/1"
RESULT = ROOT / "docs/coverage.json"
PAGES = {ROOT / "docs/coverage.md": page.markdown, ROOT / "docs/coverage.html": page.html_page}
EXCEPTIONS = HERE / "exceptions.json"
BENCH = ROOT / "testbench/tests/rtl"
RTL = ROOT / "rtl"
KINDS = ("line", "branch", "toggle")
LEAST_SHARE = {"line": 98.0, "branch": 98.0}


class Refused(Exception):
    """A tool is missing, or what was asked for is not there."""


class Failed(Exception):
    """The bench or the replay found a difference."""


def run(words, folder, what):
    done = subprocess.run([str(word) for word in words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode != 0:
        said = [line for line in done.stdout.splitlines() if re.search(r"^FAIL|rror|recorded", line)] or done.stdout.splitlines()[-1:]
        raise Failed(f"{what}: {said[0] if said else 'it said nothing'}")
    return done.stdout


def code_points(path):
    """(file, line, kind, what): count, added over instances. Toggles are those of a signal's bit in its file."""
    points = {}
    for line in path.read_text(errors="replace").splitlines():
        found = re.fullmatch(r"C '(.*)' (\d+)", line)
        if not found:
            continue
        fields = dict(part.split("\2", 1) for part in found.group(1).split("\1") if "\2" in part)
        kind = fields["page"].split("/")[0][2:]
        if kind not in KINDS:
            continue
        file = str((path.parent / fields["f"]).resolve().relative_to(ROOT))
        key = (file, int(fields["l"]), int(fields["n"]) if kind != "toggle" else 0, kind, fields["o"])
        points[key] = points.get(key, 0) + int(found.group(2))
    if not points:
        raise Refused(f"{path.name}: no coverage points in it")
    return points


def sources():
    return [RTL / "generated/quasim_pkg.sv", RTL / "generated/quasim_regs.sv", *sorted(RTL.glob("quasim_*.sv"))]


def measure_unit(name, parameters, sequences, seed, folder):
    """Bins, code points and numbers of one unit."""
    folder.mkdir()
    flags = [f"-P{units.TOP}.{key}={value}" for key, value in parameters.items()]
    run(["iverilog", "-g2012", *flags, "-s", units.TOP, "-o", "bench.vvp", *units.sources(RTL, BENCH)], folder, f"{name}: iverilog")
    result = {"parameters": "", "runs": [], "bins": {}, "points": {}}
    for title, plusargs in (("directed tests", []), (f"{sequences} random sequences from seed {seed}", [f"+seed={seed}", f"+sequences={sequences}"])):
        text = run(["vvp", "-n", "bench.vvp", "+bins", "+pins=pins.txt", *plusargs], folder, f"{name}: {title}")
        passed = re.search(r"^PASS .*?: (\d+) checks, .*? (\d+) cycles", text, re.M)
        if not passed:
            raise Failed(f"{name}: {title}: the bench ended without PASS")
        if not result["parameters"]:
            with open(folder / "pins.txt") as pins:
                result["parameters"] = pins.readline().split(" ", 1)[1].strip()
            build_replay(name, result["parameters"].split(), folder)
        replayed = re.search(r"cycles (\d+) compared (\d+) differing 0", run([folder / "built/replay", "pins.txt", "code.dat"], folder, f"{name}: {title}"))
        if not replayed or replayed.group(1) != passed.group(2):
            raise Failed(f"{name}: {title}: the bench ran {passed.group(2)} cycles, replayed were {replayed.group(1) if replayed else 'none'}")
        (folder / "pins.txt").unlink()
        result["runs"].append({"stimulus": title, "checks": int(passed.group(1)), "cycles": int(replayed.group(1)), "replayed": int(replayed.group(2))})
        for total, more in ((result["bins"], {bin_name: int(count) for bin_name, count in re.findall(r"^BIN (\S+) (\d+)$", text, re.M)}),
                            (result["points"], code_points(folder / "code.dat"))):
            for key, count in more.items():
                total[key] = total.get(key, 0) + count
    return result


def build_replay(name, parameters, folder):
    """The unit as Verilator compiles it, with the program that drives it by recorded pins. Its names are short: Verilator and make lose
    what stands behind a space."""
    (folder / "project").symlink_to(ROOT)
    (folder / "built").mkdir()
    shutil.copy(HERE / "replay.cpp", folder / "built")
    run(["verilator", "--cc", "--exe", "--build", "-j", "1", "-O1", "--output-split", "0", "--coverage", "-CFLAGS", "-std=c++17", "-Wno-fatal", "-Wno-lint", "-Wno-style",
         "-MAKEFLAGS", "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O1" + (" OBJCACHE=ccache" if shutil.which("ccache") else ""),
         "--x-assign", "0", "--x-initial", "0", *(f"-G{parameter}" for parameter in parameters), "--top-module", "quasim_top", "--Mdir", "built",
         *("project" / path.relative_to(ROOT) for path in (HERE / "counters.vlt", *sources())), "replay.cpp", "-o", "replay"], folder, f"{name}: verilator")


def texts():
    found = {}

    def line_of(file, line):
        if file not in found:
            found[file] = (ROOT / file).read_text().splitlines()
        return found[file][line - 1].strip()
    return line_of


def merged(measured, sequences):
    """The document of all units: counts by file, and by name what is not covered."""
    line_of = texts()
    points = {}
    for unit in measured.values():
        for key, count in unit["points"].items():
            points[key] = points.get(key, 0) + count
    code = {}
    for (file, line, _, kind, what), count in sorted(points.items()):
        row = code.setdefault(file, {k: {"points": 0, "covered": 0, "missed": []} for k in KINDS})[kind]
        row["points"] += 1
        row["covered"] += count > 0
        if count == 0:
            row["missed"].append({"what": what} if kind == "toggle" else {"text": line_of(file, line), "what": what})
    return {"format": FORMAT, "date": datetime.date.today().isoformat(), "sequences": sequences,
            "units": {name: {"parameters": unit["parameters"], "runs": unit["runs"]} for name, unit in measured.items()},
            "bins": bins.merged([unit for unit in measured.values()]), "code": code}


def problems(document, exceptions):
    """What is neither covered nor explained, and what is explained in vain; a sentence each."""
    wrong = []
    used = set()

    def excepted(kind, file, text, what):
        for i, one in enumerate(exceptions):
            if (one["kind"], one.get("file", ""), one["text"]) == (kind, file, text) and one.get("what", what) == what:
                used.add(i)
                return True
        return False
    for name, count in document["bins"].items():
        if count == 0 and not excepted("bin", "", name, ""):
            wrong.append(f"bin {name}: never met")
        if bins.group_of(name) not in bins.MEANING:
            wrong.append(f"bin {name}: of no group that testbench/bindings/python/quasim/regress/bins.py describes")
    for group in set(bins.MEANING) - {bins.group_of(name) for name in document["bins"]}:
        wrong.append(f"bins of {group}: none reported")
    for file, kinds in document["code"].items():
        for kind in LEAST_SHARE:
            for missed in kinds[kind]["missed"]:
                if not excepted(kind, file, missed["text"], missed["what"]):
                    wrong.append(f"{file}: {kind} not covered: {missed['text']} ({missed['what']})")
    for i, one in enumerate(exceptions):
        if i not in used:
            wrong.append(f"exceptions.json: {one['kind']} {one.get('file', '')} {one['text']}: is covered, or is no longer there")
    for kind, least in LEAST_SHARE.items():
        points = sum(kinds[kind]["points"] for kinds in document["code"].values())
        covered = sum(kinds[kind]["covered"] for kinds in document["code"].values())
        if points == 0 or 100 * covered < least * points:
            wrong.append(f"{kind}: {covered} of {points} covered, {least} % wanted")
    return wrong


def measure(chosen, sequences, seed):
    for tool in ("iverilog", "vvp", "verilator"):
        if shutil.which(tool) is None:
            raise Refused(f"not found: {tool}; scripts/setup.sh installs it")
    measured = {}
    with tempfile.TemporaryDirectory(prefix="quasim-coverage-") as temporary:
        for name, parameters in chosen.items():
            measured[name] = measure_unit(name, parameters, sequences, seed, pathlib.Path(temporary) / name)
            print(f"coverage: {name}: {sum(r['cycles'] for r in measured[name]['runs']):,} cycles", file=sys.stderr)
    return merged(measured, sequences)


def write_pages(document, exceptions):
    for path, text_of in PAGES.items():
        path.write_text(text_of(document, exceptions))


def same_result(new, old):
    """What a measurement and the committed one say differently, the date and how often a bin was met apart."""
    def said(document):
        return {"bins": {name: count > 0 for name, count in document["bins"].items()}, "code": document["code"], "units": document["units"]}
    a, b = said(new), said(old)
    return [f"{key}: docs/coverage.json has another {name}" for key in a for name in sorted(set(a[key]) | set(b[key])) if a[key].get(name) != b[key].get(name)]


def main():
    parser = argparse.ArgumentParser(prog="coverage.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--units")
    parser.add_argument("--sequences", type=int)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    if options.check and not options.page:
        raise Refused("--check: expected --page beside it; without both, what is measured is compared")
    if options.sequences is not None and options.sequences < 1:
        raise Refused(f"--sequences: expected at least 1; got {options.sequences}")
    exceptions = json.loads(EXCEPTIONS.read_text())
    committed = json.loads(RESULT.read_text()) if RESULT.exists() else None
    if options.page:
        if committed is None:
            raise Refused("docs/coverage.json is not there; run scripts/coverage.sh --update")
        wrong = problems(committed, exceptions)
        if options.check:
            wrong += [f"{path.relative_to(ROOT)} is not what docs/coverage.json says; run scripts/coverage.sh --page" for path, text_of in PAGES.items()
                      if not path.exists() or path.read_text() != text_of(committed, exceptions)]
            wrong += page.gone(exceptions, ROOT)
        else:
            write_pages(committed, exceptions)
    else:
        known = units.units_of(BENCH)
        chosen = options.units.split(",") if options.units is not None else [name for name in known if committed is None or name in committed["units"]]
        for name in chosen:
            if name not in known or chosen.count(name) > 1:
                raise Refused(f"--units: expected some of {','.join(known)}, each once; got {name}")
        sequences = options.sequences or (committed or {}).get("sequences", 8)
        document = measure({name: known[name] for name in chosen}, sequences, 1)
        print(json.dumps(document, indent=1) if options.json else page.text(document))
        wrong = problems(document, exceptions)
        if options.update:
            RESULT.write_text(json.dumps(document, indent=1) + "\n")
            write_pages(document, exceptions)
        elif options.units is None:
            wrong += same_result(document, committed) if committed else ["docs/coverage.json is not there"]
    for sentence in wrong:
        print(f"coverage: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as error:
        print(f"coverage: {error}", file=sys.stderr)
        sys.exit(2)
    except Failed as error:
        print(f"coverage: {error}", file=sys.stderr)
        sys.exit(1)
