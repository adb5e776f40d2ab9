#!/usr/bin/env python3
"""Timing diagrams from real waves: runs timing_tb.sv in Icarus and writes a WaveJSON and an SVG file for each scene.

  make_timing.py --update | --check
"""
import json
import pathlib
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
rtl = here.parents[1] / "rtl"

STREAM_IN = ["s_axis_tvalid", "s_axis_tready", "s_axis_tdata", "s_axis_tuser", "s_axis_tlast"]
STREAM_OUT = ["m_axis_tvalid", "m_axis_tready", "m_axis_tdata", "m_axis_tlast"]
WRITE = ["s_axil_awvalid", "s_axil_awready", "s_axil_awaddr", "s_axil_wvalid", "s_axil_wready", "s_axil_wdata", "s_axil_bvalid",
         "s_axil_bready"]
READ = ["s_axil_arvalid", "s_axil_arready", "s_axil_araddr", "s_axil_rvalid", "s_axil_rready", "s_axil_rdata"]
SCENES = {
    1: ("reset", "Reset: every valid and ready is low; the bus is ready one edge later, the unit starts disabled",
        ["rst_ni", "s_axis_tready", "m_axis_tvalid", "s_axil_awready", "s_axil_wready", "s_axil_bvalid", "s_axil_arready",
         "s_axil_rvalid"]),
    2: ("configuration", "Configuration: Channels = 8, Control = 1, read Status; s_axis_tready rises with Enable",
        WRITE + READ + ["s_axis_tready"]),
    3: ("first_beat", "First beats of a sequence: tuser marks the first time step; six cycles to the output",
        STREAM_IN + STREAM_OUT + ["m_axis_tkeep"]),
    4: ("stall", "Stall: the output waits, seven places fill, then s_axis_tready falls", STREAM_IN[:3] + STREAM_OUT[:3]),
    5: ("end_of_sequence", "End of a sequence: tlast travels along, the next sequence follows without a gap", STREAM_IN + STREAM_OUT),
    6: ("decode", "Decode: one time step at a time, tuser = 0, history is kept between them", STREAM_IN + STREAM_OUT),
}
VALID_OF = {"s_axis_tdata": "s_axis_tvalid", "s_axis_tuser": "s_axis_tvalid", "s_axis_tlast": "s_axis_tvalid",
            "m_axis_tdata": "m_axis_tvalid", "m_axis_tkeep": "m_axis_tvalid", "m_axis_tlast": "m_axis_tvalid",
            "s_axil_awaddr": "s_axil_awvalid", "s_axil_wdata": "s_axil_wvalid", "s_axil_araddr": "s_axil_arvalid",
            "s_axil_rdata": "s_axil_rvalid"}
BUSES = {"s_axis_tdata", "m_axis_tdata", "m_axis_tkeep", "s_axil_awaddr", "s_axil_wdata", "s_axil_araddr", "s_axil_rdata"}


def simulate():
    """[(scene, {pin: value})], one entry a cycle."""
    with tempfile.TemporaryDirectory() as work:
        out = f"{work}/timing.vvp"
        sources = [*sorted((rtl / "generated").glob("*.sv")), *sorted(rtl.glob("*.sv")), here / "timing_tb.sv"]
        subprocess.run(["iverilog", "-g2012", "-s", "timing_tb", "-o", out, *map(str, sources)], check=True, stderr=subprocess.DEVNULL)
        text = subprocess.run(["vvp", "-n", out], check=True, capture_output=True, text=True).stdout
    cycles = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0].isdigit():
            cycles.append((int(words[0]), dict(word.split("=") for word in words[1:])))
    return cycles


def wave_of(pin, cycles):
    """WaveJSON of one pin: wave and, for a bus, data."""
    wave, data, before = "", [], None
    for pins in cycles:
        value = pins[pin]
        if pin in VALID_OF and pins[VALID_OF[pin]] != "1":
            value = "x"
        if value == before:
            wave += "."
        elif pin in BUSES and value != "x":
            wave += "="
            data.append(value)
        else:
            wave += value
        before = value
    entry = {"name": pin, "wave": wave}
    if data:
        entry["data"] = data
    return entry


def svg_of(title, signals):
    """A plain drawing of WaveJSON signals with waves of p, 0, 1, x, = and dots."""
    left, cell, row, high = 130, 34, 26, 16
    count = len(signals[0]["wave"])
    width, height = max(left + cell * count, 8 * len(title)) + 10, 34 + row * len(signals) + 8
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
             'font-family="monospace" font-size="11">', f'<rect width="{width}" height="{height}" fill="#fff"/>',
             f'<text x="6" y="16" font-size="13" fill="#222">{title}</text>']
    for i in range(count + 1):
        parts.append(f'<path d="M{left + i * cell} 26V{height - 6}" stroke="#ddd"/>')
    for index, signal in enumerate(signals):
        top = 32 + row * index
        base = top + high
        parts.append(f'<text x="6" y="{base - 4}" fill="#222">{signal["name"]}</text>')
        line, data, state, begin = [], iter(signal.get("data", [])), None, 0
        runs = []
        for i, mark in enumerate(signal["wave"]):
            if mark != ".":
                if state is not None:
                    runs.append((state, begin, i))
                state, begin = mark, i
        runs.append((state, begin, count))
        for mark, first, end in runs:
            x0, x1 = left + first * cell, left + end * cell
            if mark == "p":
                for i in range(first, end):
                    x = left + i * cell
                    line.append(f"{'M' if not line else 'L'}{x} {base}V{top}H{x + cell // 2}V{base}H{x + cell}")
            elif mark in "01":
                y = top if mark == "1" else base
                line.append(f"{'M' if not line else 'L'}{x0} {y}H{x1}")
            else:
                fill = "#e4e4e4" if mark == "x" else "#dbeafe"
                parts.append(f'<path d="M{x0 + 3} {top}H{x1 - 3}L{x1} {top + high // 2}L{x1 - 3} {base}H{x0 + 3}L{x0} {top + high // 2}Z" '
                             f'fill="{fill}" stroke="#555"/>')
                if mark == "=":
                    text = next(data)
                    short = text if (end - first) * cell > 7 * len(text) else text[-4:]
                    parts.append(f'<text x="{(x0 + x1) / 2}" y="{base - 4}" text-anchor="middle" fill="#222">{short}</text>')
                if line:
                    parts.append(f'<path d="{"".join(line)}" fill="none" stroke="#1d4ed8" stroke-width="1.5"/>')
                    line = []
        if line:
            parts.append(f'<path d="{"".join(line)}" fill="none" stroke="#1d4ed8" stroke-width="1.5"/>')
    return "\n".join(parts) + "\n</svg>\n"


def main():
    if sys.argv[1:] not in (["--update"], ["--check"]):
        sys.exit(__doc__)
    cycles = simulate()
    stale = []
    for scene, (name, title, pins) in SCENES.items():
        here_cycles = [values for number, values in cycles if number == scene]
        signals = [{"name": "clk_i", "wave": "p" + "." * (len(here_cycles) - 1)}] + [wave_of(pin, here_cycles) for pin in pins]
        texts = {".json": json.dumps({"head": {"text": title}, "signal": signals}, indent=1) + "\n", ".svg": svg_of(title, signals)}
        for suffix, text in texts.items():
            file = here / (name + suffix)
            if sys.argv[1] == "--update":
                file.write_text(text)
            elif not file.exists() or file.read_text() != text:
                stale.append(file.name)
    if stale:
        sys.exit("timing diagrams differ from the waves, run docs/timing/make_timing.py --update: " + ", ".join(stale))
    print(f"{len(SCENES)} scenes, {len(cycles)} cycles")


main()
