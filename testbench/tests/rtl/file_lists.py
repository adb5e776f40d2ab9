#!/usr/bin/env python3
"""quasim.core and Bender.yml name every source of the RTL, and none that is not there.

  file_lists.py ROOT
"""
import pathlib
import re
import sys

ALWAYS = ["rtl/generated/quasim_pkg.sv", "rtl/generated/quasim_regs.sv"]


def named(text):
    return re.findall(r"^\s*- ((?:rtl|testbench)/[\w/.]+\.(?:sv|vlt|sdc))\b", text, re.M)


def problems(text, root, name):
    files = named(text)
    wanted = ALWAYS + [str(path.relative_to(root)) for path in sorted((root / "rtl").glob("quasim_*.sv"))]
    found = [f"{name}: {file} is missing" for file in wanted if file not in files]
    found += [f"{name}: {file} is not there" for file in files if not (root / file).is_file()]
    if [file for file in files if file in ALWAYS][:1] != ALWAYS[:1]:
        found.append(f"{name}: the package must come first")
    return found, len(wanted) + len(files)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    found, compared = [], 0
    for name in ("quasim.core", "Bender.yml"):
        text = (root / name).read_text()
        mine, count = problems(text, root, name)
        found += mine
        compared += count
        # planted: a file that is left out, and one that is not there
        for broken in (text.replace("      - rtl/quasim_silu.sv\n", ""), text.replace("quasim_silu.sv", "quasim_sillu.sv")):
            if not problems(broken, root, name)[0]:
                found.append(f"{name}: a list with a wrong entry passes")
            compared += 1
    if found or compared < 20:
        sys.exit("\n".join(found) or "file_lists: nothing was compared")
    print(f"file_lists: {compared} comparisons")


if __name__ == "__main__":
    main()
