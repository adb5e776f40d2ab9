#!/usr/bin/env python3
"""Keeps the table in README.md what `scripts/run.sh` prints.

  readme_output.py QUASIM --update   run it and rewrite the table
  readme_output.py QUASIM --check    exit 1 when the table differs in anything but its last column, the speed
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- run.sh output -->\n```\n)(.*?)(```\n<!-- end -->)", re.DOTALL)


def without_speed(table):
    """Every row but the rule, without its last column."""
    return [line.split()[:-1] for line in table.splitlines() if not line.startswith("---")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("quasim", type=pathlib.Path)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--update", action="store_true")
    args = parser.parse_args()
    layers = [path.relative_to(ROOT) for path in sorted((ROOT / "vectors/bookmamba").glob("layer*"))]
    both = "fused.seqlast.fast.half_away,two_step.seqlast.precise.half_even"  # as in scripts/run.sh
    result = subprocess.run([args.quasim.resolve(), "cosim", *layers, "--variant", both], cwd=ROOT, capture_output=True, text=True, check=False)
    text = README.read_text()
    block = BLOCK.search(text)
    if result.returncode != 0 or len(layers) != 12 or block is None:
        sys.exit(f"readme_output: cosim ended with {result.returncode}: {result.stdout[-500:]}{result.stderr[-500:]}")
    if args.update:
        temporary = README.with_suffix(".tmp")
        temporary.write_text(BLOCK.sub(lambda m: m.group(1) + result.stdout + m.group(3), text))
        os.replace(temporary, README)
    elif without_speed(block.group(2)) != without_speed(result.stdout):
        sys.exit("readme_output: the README's table is not what cosim prints; run scripts/readme_output.py --update")
    print(f"readme_output: {len(layers)} layers {'written' if args.update else 'match'}")


if __name__ == "__main__":
    main()
