#!/usr/bin/env python3
"""Write everything that is generated from model/spec/quasim_spec.json, and what sources repeat of a module's ports and parameters.

  emit_spec.py --update   rewrite the generated files and blocks
  emit_spec.py --check    exit 1 and name the first file that differs from what would be written
               [--stamp FILE]  write FILE when nothing differs, and FILE.d, its dependencies, for the build
  emit_spec.py --corners  print parameters of quasim_top, NAME=VALUE..., at the ends of their ranges, and those one beyond
                          with the name of the rule that must refuse them, NAME=VALUE...:RULE

What is generated: OUTPUTS and BLOCKS below, and the blocks that spec_emit/blocks.py finds in sources. Standard library only.
"""
import argparse
import pathlib
import sys

from spec_emit import blocks, descriptions, headers, pages, rtl, tables
from spec_emit.spec import FILE, ROOT, load

BLOCK_BEGIN, BLOCK_END = "<!-- parameters: scripts/emit_spec.py -->\n", "<!-- end -->\n"

OUTPUTS = {
    "rtl/generated/quasim_pkg.sv": rtl.emit_package,
    "rtl/generated/quasim_regs.sv": rtl.emit_regs,
    "rtl/generated/quasim_map_pkg.sv": tables.emit_package,
    "rtl/generated/quasim_regs.h": headers.emit_c,
    "rtl/generated/quasim_regs.py": tables.emit_python,
    "rtl/generated/quasim_regs.rdl": descriptions.emit_rdl,
    "rtl/generated/quasim_regs.ipxact.xml": descriptions.emit_ipxact,
    "model/spec/generated/spec_constants.hpp": headers.emit_cpp,
    "docs/register_map.md": pages.emit_register_map,
}
# Pages of people with one generated block.
BLOCKS = {
    "docs/microarchitecture.md": pages.emit_parameters,
}


def texts(spec):
    """{path: what the file should hold}"""
    out = {name: emit(spec) for name, emit in OUTPUTS.items()}
    for name, emit in BLOCKS.items():
        head, rest = (ROOT / name).read_text().split(BLOCK_BEGIN)
        out[name] = head + BLOCK_BEGIN + emit(spec) + BLOCK_END + rest.split(BLOCK_END, 1)[1]
    return {**out, **blocks.texts(spec, out)}


def write_stamp(stamp, files):
    """The stamp, and the makefile rule that it depends on everything that was read."""
    here = pathlib.Path(__file__).resolve()
    read = [here, *sorted((here.parent / "spec_emit").glob("*.py")), FILE, *blocks.sources(files), *(ROOT / name for name in files)]
    rule = " ".join(str(path).replace(" ", "\\ ") for path in [f"{stamp}:", *read])
    stamp.with_name(stamp.name + ".d").write_text(rule + "\n")
    stamp.write_text("")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--update", action="store_true")
    mode.add_argument("--corners", action="store_true")
    parser.add_argument("--stamp", type=pathlib.Path, metavar="FILE")
    args = parser.parse_args()
    spec = load()
    if args.corners:
        print("\n".join(rtl.corners(spec)))
        return
    files = texts(spec)
    for name, text in files.items():
        path = ROOT / name
        if args.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"emit_spec: {name} is not what model/spec/quasim_spec.json and the modules of rtl say; run scripts/emit_spec.py --update")
    if args.stamp:
        write_stamp(args.stamp, files)
    print(f"emit_spec: {len(files)} files {'written' if args.update else 'match'}")


if __name__ == "__main__":
    main()
