#!/usr/bin/env python3
"""The tables of docs/silicon.md, from `quasim ppa`.

  silicon_table.py QUASIM --update [LIBERTY_DIR]     measures and writes them
  silicon_table.py QUASIM --check                    measures area and delay with osu018 and compares with what stands there

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
ENERGY_UNITS = ("both", "two_step", "fused")
ASAP7 = [f"asap7sc7p5t_{name}.lib.gz" for name in ("SIMPLE_RVT_TT_nldm_211120", "INVBUF_RVT_TT_nldm_220122", "SEQ_RVT_TT_nldm_220123")]
SG13G2 = ["sg13g2_stdcell_typ_1p20V_25C.lib.gz"]
SRAM = ["RM_IHPSG13_2P_512x32_c2_bm_bist.typ.lib.gz", "RM_IHPSG13_2P_64x32_c2.typ.lib.gz"]
GROUPS = {"conv_acc": ["quasim_conv_acc", "quasim_dot4"], "requant": ["quasim_requant", "quasim_multiply_add", "quasim_rank_guess", "quasim_cell_rank"],
          "silu": ["quasim_silu", "quasim_guess_table", "quasim_table_port", "quasim_table_read"], "bias ROM": ["quasim_bias_rom"]}


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


def title(name):
    return name + (" (M of 8 bits, B of 23)" if name == "fused" else "")


def measure_units(quasim, options=()):
    """{name of a unit: what quasim ppa says}."""
    documents = {name: measure(quasim, *more, *options) for name, more in UNITS.items()}
    documents["two_step, layer00 as constants"] = constants(quasim, *options)
    return documents


def area_table(documents):
    lines = [f"| unit of 16 lanes | {' | '.join(GROUPS)} | control | GE a lane | flip-flops | slowest ns | into | SRAM bits a channel |", f"|---|{'---|' * (len(GROUPS) + 6)}"]
    return "\n".join(lines + [row(title(name), document) for name, document in documents.items()])


def fpga_table(documents):
    lines = ["| unit of 16 lanes | DSP a lane | LUT a lane | flip-flops | block RAMs |", "|---|---|---|---|---|"]
    for name, document in documents.items():
        fpga = document["fpga"]
        lines.append(f"| {title(name)} | {fpga['dsp_per_lane']:g} | {fpga['lut_per_lane']:,.0f} | {fpga['flip_flop']:,} | {fpga['block_ram']} |")
    return "\n".join(lines)


def energy_table(documents):
    """Picojoules an element by stage, real samples and, in brackets, random ones."""
    lines = [f"| unit of 16 lanes | {' | '.join(GROUPS)} | control | all | random : real | clock ns |", f"|---|{'---|' * (len(GROUPS) + 4)}"]
    for name in ENERGY_UNITS:
        energy = documents[name]["energy"]
        cells = []
        for modules in [*GROUPS.values(), None]:
            known = {module for group in GROUPS.values() for module in group}
            sums = [sum(entry["pj_per_element"] for entry in energy[kind]["modules"]
                        if (entry["module"] in modules if modules is not None else entry["module"] not in known)) for kind in ("real", "random")]
            cells.append(f"{sums[0]:,.1f} ({sums[1]:,.1f})")
        lines.append(f"| {title(name)} | {' | '.join(cells)} | **{energy['real']['pj_per_element']:,.1f}** ({energy['random']['pj_per_element']:,.1f}) | "
                     f"{energy['random_over_real']:.2f} | {energy['period_ns']:.2f} |")
    return "\n".join(lines)


def curve_table(document):
    curve = document["curve"]
    lines = ["| M bits | q differs | out differs | requant GE | unit of one lane GE | requant ns | slowest ns |", "|---|---|---|---|---|---|---|"]
    lines += [f"| {entry['mult_bits']} | {entry['differing_q']:,} | {entry['differing_out']:,} | {entry['requant_ge']:,.0f} | {entry['unit_ge']:,.0f} | "
              f"{entry['requant_ns']:.2f} | {entry['slowest_ns']:.2f} |" for entry in curve["rows"]]
    return f"{curve['layer']}: {curve['points']:,} points.\n\n" + "\n".join(lines)


def stage_table(document):
    lines = ["| longest path into | ns | from | to |", "|---|---|---|---|"]
    lines += [f"| `{stage['stage']}` | {stage['ns']:.2f} | `{stage['start']}` | `{stage['end']}` |" for stage in document["stages"][:8]]
    return "\n".join(lines)


def area(quasim):
    """The blocks of osu018's area and delay."""
    documents = measure_units(quasim)
    yield "osu018", area_table(documents)
    yield "stages", stage_table(documents["both"])


def everything(quasim, liberty):
    """(name of a block, its text), one after the other."""
    yield from area(quasim)
    yield "curve", curve_table(measure(quasim, "--lanes", "1", "--max-channels", "64", "--dataflow", "two_step", "--curve", str(LAYER)))
    if liberty is not None:
        macros = ["--sram", *(str(liberty / name) for name in SRAM)]
        documents = measure_units(quasim, ["--liberty", *(str(liberty / name) for name in SG13G2), *macros])
        yield "sg13g2", area_table(documents) + "\n\n" + "\n".join(
            f"- {entry['memory']} {entry['words']} x {entry['width']}, {entry['instances']} times: {entry['macros']} {entry['macro']}, "
            f"{entry['area_um2']:,.0f} um2, {100 * entry['used_share']:.0f} % used" for entry in documents["both"]["sram"])
        yield "asap7", area_table(measure_units(quasim, ["--liberty", *(str(liberty / name) for name in ASAP7)]))
    yield "energy", energy_table({name: measure(quasim, *UNITS[name], "--energy", str(LAYER)) for name in ENERGY_UNITS})
    yield "fpga", fpga_table(measure_units(quasim, ["--fpga", "xcup", "--no-timing"]))


def placed(text, name, table):
    """The page with the table in its block."""
    block = re.compile(rf"(<!-- ppa {name} -->\n).*?(<!-- end -->)", re.S)
    if not block.search(text):
        sys.exit(f"{PAGE.name}: has no block `<!-- ppa {name} -->`")
    return block.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text)


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[2] not in ("--check", "--update"):
        sys.exit(__doc__)
    quasim = str(pathlib.Path(sys.argv[1]).resolve())
    if sys.argv[2] == "--update":
        for name, table in everything(quasim, pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else None):
            PAGE.write_text(placed(PAGE.read_text(), name, table))
            print(f"silicon_table: {name} written", flush=True)
        return
    text = fresh = PAGE.read_text()
    for name, table in area(quasim):
        fresh = placed(fresh, name, table)
    if fresh != text:
        sys.exit("docs/silicon.md is not what quasim ppa measures; silicon_table.py QUASIM --update\n"
                 + "".join(difflib.unified_diff(text.splitlines(True), fresh.splitlines(True), "stands", "measured", n=0)))
    print("silicon_table: area and delay are those of the page")


if __name__ == "__main__":
    main()
