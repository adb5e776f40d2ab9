"""Bits against area, delay and differing points: what each width of the multiplier costs, and how many points it gets wrong."""

import json
import subprocess
from dataclasses import replace

from ..refusal import Refusal
from ..registers import CONSTANT
from .measure import Measurement

CURVE_LANES = 1


def differing_points(quasim, bundle, conv_bits):
    """(name, points, [{mult_bits, differing_q, differing_out}]) for every width up to the one that gets all right."""
    done = subprocess.run([quasim, "compile", bundle, "--sweep", "--json", "--conv-bits", str(conv_bits)], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        raise Refusal(bundle, "quasim compile --sweep", "a layer that compiles", done.stderr.strip().removeprefix("quasim: "))
    layer = json.loads(done.stdout)["layers"][0]
    return layer["layer"], layer["points"], layer["widths"]


def signal_to_noise(quasim, bundle, widths):
    """{conv_bits: SQNR in dB} of `quasim sweep` at the layer's own scales."""
    done = subprocess.run([quasim, "sweep", bundle, "--json", "--conv-bits", ",".join(map(str, widths)), "--conv-scale", "layer", "--output-scale", "layer"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(bundle, "quasim sweep", "a layer with an input", done.stderr.strip().removeprefix("quasim: "))
    return {point["conv_bits"]: point["sqnr_db"] for point in json.loads(done.stdout)["layers"][0]["points"]}


def measure(mapper, rtl, parameters, macros, work, quasim, bundle, conv_widths):
    """A row for each width of q and of the multiplier."""
    noise = signal_to_noise(quasim, bundle, conv_widths)
    rows, name, points = [], "", 0
    for conv_bits in conv_widths:
        name, points, widths = differing_points(quasim, bundle, conv_bits)
        for width in widths:
            narrow = replace(parameters, lanes=CURVE_LANES, max_channels=max(CURVE_LANES * 64, CURVE_LANES), conv_bits=conv_bits,
                             mult_bits=max(width["mult_bits"], CONSTANT["MultBitsMin"]), dataflow="two_step")
            document = Measurement(mapper, rtl, narrow, macros, work).document()
            ge = {row["module"]: row["ge"] for row in document["modules"]}
            slowest = {row["module"]: row["slowest_ns"] for row in document["modules"]}
            rows.append({"conv_bits": conv_bits, "mult_bits": width["mult_bits"], "differing_q": width["differing_q"], "differing_out": width["differing_out"],
                         "sqnr_db": noise.get(conv_bits), "requant_ge": ge["quasim_requant"] + ge["quasim_multiply_add"],
                         "silu_ge": ge["quasim_silu"] + ge["quasim_table_read"], "unit_ge": document["ge"],
                         "requant_ns": slowest.get("quasim_requant"), "slowest_ns": document["slowest_stage_ns"]})
    return {"layer": name, "bundle": str(bundle), "points": points, "lanes": CURVE_LANES, "rows": rows,
            "assumptions": ["a unit of one lane and 64 channels with two_step alone: silu holds its whole table, which all lanes share",
                            "points: all pairs of accumulator and bias value that the layer can reach; differing ones by `quasim compile --sweep`",
                            "sqnr_db: of `quasim sweep` at the layer's own scales, with an exact multiplier"]}
