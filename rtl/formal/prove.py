#!/usr/bin/env python3
"""Proves the properties of rtl/checkers for every input, and shows that each proof can fail.

  prove.sh [NAME...]             prove all groups, or those whose names begin with a NAME; print the table
  prove.sh --quick               without the groups that take long
  prove.sh --faults [NAME...]    plant each group's faults in turn (--first: one a group); each must be seen by a property
  prove.sh --json                the same results for machines
  prove.sh --list                names, one a line
  prove.sh --update              write the table of docs/proofs.md and docs/proofs.json
  prove.sh --check               exit 1 where the table is not what the proofs of this tree give; runs the quick ones only

The properties stand in rtl/checkers, where the co-simulation binds them too. A proof takes a module with all that is below it. What
a checker demands of the module's inputs is assumed at the module in question and proved everywhere below it. Exit status: 0 all
proved, 1 something was not, 2 bad input or a missing tool.
"""
import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import proofs  # noqa: E402
import view    # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "docs/proofs.md"
RESULTS = ROOT / "docs/proofs.json"
BLOCK = re.compile(r"(<!-- proofs: scripts/prove.sh --update -->\n)(.*?)(<!-- end -->)", re.DOTALL)
METHODS = {"induction": "k-induction", "pdr": "PDR", "bounded": "bounded", "step": "every state"}


class ToolError(Exception):
    """A tool is missing, or said what nobody expected."""


@dataclasses.dataclass
class Result:
    name: str
    module: str
    parameters: str
    shows: str
    method: str
    depth: int
    solver: str
    properties: int
    seconds: float
    result: str  # proved, holds (bounded), FAILED
    detail: str  # the property that failed
    digest: str


def processor_seconds():
    """Of all processes that were waited for: what a proof costs, whatever else the machine does."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command, cwd, timeout):
    """Exit status and output; a command that needs more than its time of a processor has no status, unless it said its last word before
    (smtbmc's Status). The clock on the wall says little on a busy machine: it stops only what does not move."""
    before = processor_seconds()
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (timeout, timeout + 5))) as process:
        try:
            output, _ = process.communicate(timeout=20 * timeout)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return None, f"no answer in {20 * timeout} seconds"
    if process.returncode != 0 and "Status: " not in output and processor_seconds() - before >= timeout - 1:
        return None, f"no answer in {timeout} seconds of a processor"
    return process.returncode, output


def yosys(script, cwd, timeout):
    status, output = run(["yosys", "-q", "-p", script], cwd, timeout)
    if status != 0:
        lines = [line for line in output.splitlines() if "ERROR" in line or "no answer" in line] or output.splitlines()[-3:]
        raise ToolError("yosys: " + " / ".join(lines))
    return output


def elaborate(proof):
    chparam = "".join(f" -chparam {name} {value}" for name, value in proof.parameters.items())
    ties = "".join(f"delete -input {proof.module}/w:{name}; cd {proof.module}; connect -nounset -set {name} {value}; cd ..; " for name, value in proof.ties.items())
    return (f"read_verilog -sv -formal -defer {' '.join(view.names())}; hierarchy -check -top {proof.module}{chparam}; rename -top {proof.module}; proc; flatten; {ties}"
            f"opt -fast; memory_collect; memory_map; async2sync; opt -fast; check -assert; setundef -undriven -anyseq; delete -output {proof.module}/o:*; opt_clean -purge; opt -fast; dffunmap; opt_clean -purge; ")


def count_properties(proof, directory, timeout):
    """Writes the design once and counts what is to be proved in it."""
    yosys(elaborate(proof) + "tee -o stat.txt select -count t:$assert; write_rtlil design.il", directory, timeout)
    number = int(re.search(r"(\d+) objects", (directory / "stat.txt").read_text()).group(1))
    if number == 0:
        raise ToolError(f"{proof.name}: nothing to prove in {proof.module}")
    return number


def reach(proof, directory, timeout):
    """What the checkers say must be possible is possible: no assumption, and no reading of the RTL, has emptied the proof."""
    yosys("read_rtlil design.il; tee -o covers.txt select -count t:$cover", directory, timeout)
    if "0 objects" in (directory / "covers.txt").read_text().split("\n")[0][:9]:
        return True, ""
    status, output = run(["yosys-smtbmc", "-s", "z3", "--unroll", "--noprogress", "-c", "-t", str(proof.cover_depth), "design.smt2"], directory, timeout)
    if status is None:
        return None, output
    if status == 0 and "Status: PASSED" in output:
        return True, ""
    found = re.findall(r"Unreached cover statement at .*?(\w+\.sv):[\d.]+-(\d+)[^|]*$", output, re.MULTILINE)
    return False, "cannot be reached: " + "; ".join(view.original_line(name, int(line)) for name, line in found) if found else output[-300:]


def failed_property(output):
    """What the checker says of the property that smtbmc names first. In a flattened design its place is the last of several; Yosys
    has it begin where the statement before it ends."""
    found = re.search(r"Assert failed in \S+: (.*)", output)
    places = re.findall(r"(\w+\.sv):[\d.]+-(\d+)", found.group(1)) if found else []
    return view.message(places[-1][0], int(places[-1][1])) if places else ""


def smtbmc(proof, directory, timeout, steps, induct):
    command = ["yosys-smtbmc", "-s", proof.solver, "--unroll", "--noprogress", "-t", str(steps), "--presat"]
    command += ["-i"] if induct else []
    status, output = run(command + ["design.smt2"], directory, timeout)
    if status is None:
        return None, output
    if "PREUNSAT" in output:
        raise ToolError(f"{proof.name}: the assumptions contradict one another")
    if status == 0 and "Status: PASSED" in output:
        return True, ""
    if "Status: FAILED" not in output and "Status: failed" not in output:
        raise ToolError(f"{proof.name}: {output[-400:]}")
    return False, failed_property(output)


def prove_smt(proof, directory, timeout):
    """Bounded from reset; for an induction the step from any state that satisfies the properties too."""
    yosys("read_rtlil design.il; write_smt2 -wires design.smt2", directory, timeout)
    holds, detail = smtbmc(proof, directory, timeout, proof.depth, False)
    if holds and proof.method == "induction":
        holds, detail = smtbmc(proof, directory, timeout, proof.depth, True)
        if holds is False:
            detail = f"no counterexample within {proof.depth} cycles, but no induction either: {detail}"
    return holds, detail


def prove_abc(proof, directory, timeout):
    """Property-directed reachability: an invariant that ABC finds and checks by itself."""
    yosys("read_rtlil design.il; chformal -cover -remove; techmap; opt_clean; abc -g AND -fast; opt_clean; write_aiger -zinit -map design.aim design.aig", directory, timeout)
    status, output = run(["yosys-abc", "-c", "read_aiger design.aig; fold; strash; scorr; pdr"], directory, timeout)
    if status is None:
        return None, output
    if "Property proved" in output or "is trivially UNSAT" in output:
        return True, ""
    found = re.search(r"Output (\d+) of miter \S+ was asserted in frame (\d+)", output)
    if not found:
        raise ToolError(f"{proof.name}: {output[-400:]}")
    return False, f"reached in cycle {found.group(2)}"


def prove(proof, fault=None, keep=None):
    start = processor_seconds()
    timeout = proof.timeout
    with tempfile.TemporaryDirectory(prefix="quasim-prove-") as temporary:
        directory = pathlib.Path(temporary)
        view.write(directory, proof, fault)
        properties = count_properties(proof, directory, timeout)
        holds, detail = True, ""
        if fault and proof.method != "pdr":  # a counterexample from reset says most; where it is too long, the proof itself must fail
            holds, detail = prove_smt(dataclasses.replace(proof, method="bounded", depth=proof.fault_depth), directory, timeout)
        if holds and not (fault and proof.method == "bounded"):
            holds, detail = (prove_abc if proof.method == "pdr" else prove_smt)(proof, directory, timeout)
        if holds and not fault:
            yosys("read_rtlil design.il; write_smt2 -wires design.smt2", directory, timeout)
            holds, detail = reach(proof, directory, timeout)
        if keep:
            shutil.copytree(directory, keep, dirs_exist_ok=True)
    word = {True: "holds" if proof.method == "bounded" else "proved", False: "FAILED", None: "no answer"}[holds]
    return Result(proof.name, proof.module, " ".join(f"{k}={v}" for k, v in (proof.parameters | proof.ties).items()), proof.shows, METHODS[proof.method], proof.depth,
                  "abc" if proof.method == "pdr" else proof.solver, properties, round(processor_seconds() - start, 1), word, detail, view.digest(proof))


def table(results):
    head = ["group", "module", "method", "depth", "solver", "properties", "seconds", "result"]
    rows = [[r.name, " ".join(filter(None, [r.module, r.parameters])), r.method, "all" if r.method == "PDR" else str(r.depth), r.solver, str(r.properties),
             f"{r.seconds:.1f}", r.result + (f": {r.detail}" if r.detail else "")] for r in results]
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head] + rows]
    return "\n".join([lines[0], "-" * len(lines[0])] + lines[1:])


def faults(chosen, first, as_json):
    """Plants each fault; it must make a property fail, if not within fault_depth cycles of a reset then in the proof. PDR names no property."""
    rows = []
    for proof in chosen:
        if not proof.faults:
            raise ToolError(f"{proof.name}: has no planted fault")
        for fault in proof.faults[:1] if first else proof.faults:
            result = prove(proof, fault)
            rows.append({"group": proof.name, "fault": fault.name, "caught": result.result == "FAILED", "property": result.detail,
                         "seconds": result.seconds})
            print(f"prove: {proof.name} {fault.name}: {'caught by: ' + result.detail if rows[-1]['caught'] else 'NOT CAUGHT'}", file=sys.stderr)
    caught = sum(row["caught"] for row in rows)
    if as_json:
        print(json.dumps(rows, indent=2))
    print(f"prove: {caught} of {len(rows)} planted faults caught", file=sys.stderr if as_json else sys.stdout)
    return 0 if rows and caught == len(rows) else 1


def markdown(rows):
    lines = ["| group | what is shown | module | method | depth | solver | properties | seconds | result |", "|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        lines.append(f"| `{r['name']}` | {r['shows']} | {' '.join(filter(None, ['`' + r['module'] + '`', r['parameters']]))} | {r['method']} | "
                     f"{'all' if r['method'] == 'PDR' else r['depth']} | {r['solver']} | {r['properties']} | {r['seconds']:.1f} | {r['result']} |")
    return "\n".join(lines) + "\n"


def update(results):
    """Writes what was proved; groups that were not run keep their rows where nothing has changed."""
    old = {row["name"]: row for row in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    new = {r.name: dataclasses.asdict(r) for r in results}
    rows = [new.get(p.name) or old[p.name] for p in proofs.PROOFS if p.name in new or p.name in old]
    for path, text in ((RESULTS, json.dumps(rows, indent=1) + "\n"), (TABLE, BLOCK.sub(lambda m: m.group(1) + markdown(rows) + m.group(3), TABLE.read_text()))):
        temporary = path.with_suffix(".tmp")
        temporary.write_text(text)
        os.replace(temporary, path)


def check(results):
    """What differs between the documents and this tree, a sentence each. The time that a proof took is no matter of the check."""
    rows = json.loads(RESULTS.read_text())
    wrong = []
    if BLOCK.search(TABLE.read_text()).group(2) != markdown(rows):
        wrong.append("docs/proofs.md does not show docs/proofs.json")
    if [row["name"] for row in rows] != [p.name for p in proofs.PROOFS]:
        wrong.append("docs/proofs.json does not hold the groups of rtl/formal/proofs.py")
    known = {p.name: p for p in proofs.PROOFS}
    for row in rows:
        proof = known.get(row["name"])
        if proof and not proof.quick and row["digest"] != view.digest(proof):
            wrong.append(f"{row['name']}: what is proved has changed since it was proved")
        if row["result"] not in ("proved", "holds"):
            wrong.append(f"{row['name']}: {row['result']}")
    for r in results:
        row = next((row for row in rows if row["name"] == r.name), {})
        now = dataclasses.asdict(r)
        wrong += [f"{r.name}: {key} is {now[key]}, docs/proofs.json has {row.get(key)}"
                  for key in now if key not in ("seconds", "digest") and now[key] != row.get(key)]
    return wrong


def main():
    parser = argparse.ArgumentParser(prog="prove", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--first", action="store_true", help="with --faults: the first of each group")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="keep the files of the last proof there")
    mode = parser.add_mutually_exclusive_group()
    for option in ("faults", "list", "update", "check"):
        mode.add_argument(f"--{option}", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of run(), which stops its solver

    chosen = [p for p in proofs.PROOFS if (not args.names or any(p.name.startswith(n) for n in args.names)) and (p.quick or not (args.quick or args.check))]
    for name in args.names:
        if not any(p.name.startswith(name) for p in proofs.PROOFS):
            print(f"prove: no group is named {name}; there are {' '.join(p.name for p in proofs.PROOFS)}", file=sys.stderr)
            return 2
    if args.list:
        print("\n".join(p.name for p in chosen))
        return 0
    missing = [tool for tool in ("yosys", "yosys-smtbmc", "yosys-abc", "z3") if not shutil.which(tool)]
    if missing:
        print(f"prove: not found: {' '.join(missing)}; scripts/setup.sh --tests installs them", file=sys.stderr)
        return 2
    try:
        if args.faults:
            return faults(chosen, args.first, args.json)
        results = []
        for proof in chosen:
            results.append(prove(proof, keep=args.keep))
            print(f"prove: {proof.name}: {results[-1].result} in {results[-1].seconds:.1f} s", file=sys.stderr)
    except ToolError as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    if not results:
        print("prove: nothing to prove", file=sys.stderr)
        return 2
    print(json.dumps([dataclasses.asdict(r) for r in results], indent=2) if args.json else table(results))
    status = 0 if all(r.result in ("proved", "holds") for r in results) else 1
    if args.update and status == 0:
        update(results)
    if args.check:
        wrong = check(results)
        for sentence in wrong:
            print(f"prove: {sentence}; run scripts/prove.sh --update", file=sys.stderr)
        status = status or (1 if wrong else 0)
    return status


if __name__ == "__main__":
    sys.exit(main())
