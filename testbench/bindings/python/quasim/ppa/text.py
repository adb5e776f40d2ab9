"""Tables for people."""


def cell_text(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(rows, columns):
    """Text columns, the first aligned left. columns: {key: heading}."""
    cells = [list(columns.values())] + [[cell_text(row.get(key)) for key in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ["  ".join(text.rjust(width) if i else text.ljust(width) for i, (text, width) in enumerate(zip(line, widths))).rstrip() for line in cells]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


STAGES_SHOWN = 12


def of_measurement(document):
    """One measurement as text."""
    flow = document["flow"]
    parts = [f"{document['lanes']} lanes, {document['dataflow']}, {document['max_channels']:,} channels; "
             + ", ".join(f"{name} {value}" for name, value in document["parameters"].items() if name not in ("LANES", "MaxChannels", "Dataflows"))
             + f"; {flow['library']}, flow {flow['name']} ({flow['yosys']}" + (f"; {flow['sta']})" if flow["sta"] else ")")]
    parts.append(table(document["modules"] + [{"module": "all", "ge": float(document["ge"]), "ge_per_lane": document["ge_per_lane"],
                                               "flip_flops": document["flip_flops"], "slowest_ns": document["slowest_stage_ns"]}],
                       {"module": "module", "instances": "instances", "ge": "GE", "ge_per_lane": "GE a lane", "flip_flops": "flip-flops", "slowest_ns": "slowest ns"}))
    if document["stages"]:
        parts.append(table(document["stages"][:STAGES_SHOWN], {"stage": "longest path into", "ns": "ns", "endpoints": "bits", "start": "from", "end": "to"}))
    if document["sram"]:
        columns = {"memory": "memory", "words": "words", "width": "bits", "instances": "instances", "bits": "bits in all"}
        if "macro" in document["sram"][0]:
            columns.update(macro="macro", macros="macros", area_um2="um2", used_share="share used")
        parts.append(table(document["sram"], columns))
    parts.append(f"{document['ge_per_lane']:,.0f} GE a lane, slowest stage "
                 + (f"{document['slowest_stage_ns']:.2f} ns ({document['slowest_stage']})" if document["stages"] else "not measured")
                 + f", {document['sram_bits_per_channel']:g} SRAM bits a channel")
    return "\n\n".join(parts)


def of_fpga(document):
    """FPGA resources as text."""
    kinds = {"instances": "instances", "lut": "LUT", "lut_ram": "LUT RAM", "shift_lut": "SRL", "mux": "mux", "carry": "carry", "flip_flop": "FF",
             "dsp": "DSP", "block_ram": "block RAM"}
    rows = document["modules"] + [{"module": "all", **{kind: document.get(kind) for kind in kinds}}]
    return f"{document['family']} ({document['command']})\n" + table(rows, {"module": "module", **kinds}) \
        + f"\n{document['dsp_per_lane']:g} DSP and {document['lut_per_lane']:g} LUT a lane; " + "; ".join(document["assumptions"])


def of_netlist(document):
    """Runs and proofs of the netlist as text."""
    lines = [f"netlist of {document['lanes']} lanes, {document['max_channels']} channels, in Icarus"] if document["runs"] else []
    lines += [f"{row['run']}: {row['said']}" for row in document["runs"]]
    if document["proofs"]:
        lines.append(table(document["proofs"], {"module": "netlist = RTL", "result": "result", "method": "from", "seconds": "s"}))
    return "\n".join(lines)


def of_energy(document):
    """Energy of an element as text."""
    modules = {row["module"]: {"module": row["module"], "real": row["pj_per_element"]} for row in document["real"]["modules"]}
    for row in document["random"]["modules"]:
        modules.setdefault(row["module"], {"module": row["module"]})["random"] = row["pj_per_element"]
    rows = [*modules.values(), {"module": "all", "real": document["real"]["pj_per_element"], "random": document["random"]["pj_per_element"]}]
    return f"energy of an element, pJ at {document['voltage']:g} V and {document['period_ns']:g} ns: {document['bundle']}\n" \
        + table(rows, {"module": "module", "real": "real samples", "random": "random samples"}) \
        + f"\nrandom samples take {document['random_over_real']:g} times the energy of real ones; leakage is {100 * document['real']['leakage_share']:.2g} %\nsources of error:\n" \
        + "\n".join(f"- {error}" for error in document["errors"])


def of_curve(document):
    """The curve as text."""
    return f"{document['layer']}: {document['points']:,} points\n" + table(document["rows"], {
        "conv_bits": "q bits", "mult_bits": "M bits", "differing_q": "q differs", "differing_out": "out differs", "sqnr_db": "SQNR dB", "requant_ge": "requant GE",
        "silu_ge": "silu GE", "unit_ge": "unit GE", "requant_ns": "requant ns", "slowest_ns": "slowest ns"}) + "\n" + "; ".join(document["assumptions"])
