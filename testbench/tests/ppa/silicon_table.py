#!/usr/bin/env python3
"""The tables of docs/silicon.md, from `quasim ppa`.

  silicon_table.py QUASIM --update [LIBERTY_DIR]     measures and writes them
  silicon_table.py QUASIM --check                    measures osu018 and compares with what stands there

LIBERTY_DIR holds the libraries of IHP SG13G2 and ASAP7; without it, their tables stay as they are.
"""
import difflib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/silicon.md"
LAYER = PAGE.parents[1] / "vectors/bookmamba/layer00"
UNITS = {"both": [], "two_step": ["--dataflow", "two_step"],
         "two_step, table folded": ["--dataflow", "two_step", "--set", "Folded=1"],
         "fused": ["--dataflow", "fused", "--mult-bits", "8", "--bias-bits", "23"]}
ASAP7 = [f"asap7sc7p5t_{name}.lib.gz" for name in ("SIMPLE_RVT_TT_nldm_211120", "INVBUF_RVT_TT_nldm_220122", "SEQ_RVT_TT_nldm_220123")]
SG13G2 = ["sg13g2_stdcell_typ_1p20V_25C.lib.gz"]
SRAM = ["RM_IHPSG13_2P_512x32_c2_bm_bist.typ.lib.gz", "RM_IHPSG13_2P_64x32_c2.typ.lib.gz"]
GROUPS = {"conv_acc": ["quasim_conv_acc", "quasim_dot4"], "requant": ["quasim_requant", "quasim_multiply_add", "quasim_bias_rom", "quasim_rank_guess", "quasim_cell_rank"],
          "silu": ["quasim_silu", "quasim_guess_table", "quasim_table_read"]}


def measure(quasim, *options):
    done = subprocess.run([quasim, "ppa", "--json", *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"quasim ppa {' '.join(options)} ends with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def constants(quasim, *options):
    """The unit that has the program of a real layer as constants."""
    with tempfile.TemporaryDirectory(prefix="quasim-constants-") as folder:
        program, unit = pathlib.Path(folder, "program.json"), pathlib.Path(folder, "unit")
        for arguments in (["compile", LAYER, "-o", program], ["emit-rtl", program, "-o", unit]):
            done = subprocess.run([quasim, *map(str, arguments)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"quasim {arguments[0]} ends with {done.returncode}: {done.stderr}")
        channels = len(json.loads(program.read_text())["bias_words"])
        return measure(quasim, "--rtl", str(unit), "--program", str(program), "--max-channels", str(channels), "--set", "Folded=1", *options)


def row(name, document):
    """Gate equivalents a lane by stage; what is in no stage is control."""
    lanes = document["lanes"]
    by_module = {entry["module"]: entry["ge"] for entry in document["modules"]}
    parts = {group: sum(by_module.get(module, 0) for module in modules) / lanes for group, modules in GROUPS.items()}
    rest = document["ge"] / lanes - sum(parts.values())
    return (f"| {name} | {' | '.join(f'{value:,.0f}' for value in [*parts.values(), rest])} | **{document['ge_per_lane']:,.0f}** | {document['flip_flops']:,} | "
            f"{document['slowest_stage_ns']:.2f} | `{document['slowest_stage']}` | {document['sram_bits_per_channel']:g} |")


def area_table(quasim, options=()):
    lines = ["| unit of 16 lanes | conv_acc | requant | silu | control | GE a lane | flip-flops | slowest ns | into | SRAM bits a channel |", "|---|---|---|---|---|---|---|---|---|---|"]
    documents = []
    for name, more in UNITS.items():
        documents.append(measure(quasim, *more, *options))
        lines.append(row(name + (" (M of 8 bits, B of 23)" if name == "fused" else ""), documents[-1]))
    documents.append(constants(quasim, *options))
    lines.append(row("two_step, layer00 as constants", documents[-1]))
    return "\n".join(lines), documents


def stage_table(document):
    lines = ["| longest path into | ns | from | to |", "|---|---|---|---|"]
    lines += [f"| `{stage['stage']}` | {stage['ns']:.2f} | `{stage['start']}` | `{stage['end']}` |" for stage in document["stages"][:8]]
    return "\n".join(lines)


def tables(quasim, liberty):
    """{name of a block: text}."""
    area, documents = area_table(quasim)
    found = {"osu018": area, "stages": stage_table(documents[0])}
    if liberty is not None:
        macros = ["--sram", *(str(liberty / name) for name in SRAM)]
        found["sg13g2"], documents = area_table(quasim, ["--liberty", *(str(liberty / name) for name in SG13G2), *macros])
        found["sg13g2"] += "\n\n" + "\n".join(f"- {entry['memory']} {entry['words']} x {entry['width']}, {entry['instances']} times: {entry['macros']} {entry['macro']}, "
                                             f"{entry['area_um2']:,.0f} um2, {100 * entry['used_share']:.0f} % used" for entry in documents[0]["sram"])
        found["asap7"], _ = area_table(quasim, ["--liberty", *(str(liberty / name) for name in ASAP7)])
    return found


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[2] not in ("--check", "--update"):
        sys.exit(__doc__)
    quasim = str(pathlib.Path(sys.argv[1]).resolve())
    text = PAGE.read_text()
    fresh = text
    measured = tables(quasim, pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else None)
    for name, table in measured.items():
        block = re.compile(rf"(<!-- ppa {name} -->\n).*?(<!-- end -->)", re.S)
        if not block.search(fresh):
            sys.exit(f"{PAGE.name}: has no block `<!-- ppa {name} -->`")
        fresh = block.sub(lambda match: f"{match[1]}{table}\n{match[2]}", fresh)
    if sys.argv[2] == "--update":
        PAGE.write_text(fresh)
        print(f"silicon_table: {len(measured)} tables written")
    elif fresh != text:
        sys.exit("docs/silicon.md is not what quasim ppa measures; silicon_table.py QUASIM --update\n"
                 + "".join(difflib.unified_diff(text.splitlines(True), fresh.splitlines(True), "stands", "measured", n=0)))
    else:
        print(f"silicon_table: {len(measured)} tables compared")


if __name__ == "__main__":
    main()
