"""Which numbers take the place of convolution and SiLU: a name, and what it stands for."""

import dataclasses
from typing import Dict, List, Optional, Tuple

from ..importer.layer import DATAFLOWS
from ..refusal import Refusal
from ..registers import CONSTANT

MODES = ("baseline", "fp32_ssm_input", "float_sim_int8", "fp32")
CONV_SCALES = ("output", "own")
OUTPUT_SCALES = ("file", "percentile")
LARGER = 1.75
WIDTHS = range(8, CONSTANT["ConvBitsMax"] + 1)


@dataclasses.dataclass(frozen=True)
class Configuration:
    """One row of the table. None of dataflow: the model as it is."""

    name: str
    title: str
    dataflow: Optional[str] = None
    mode: str = "baseline"
    math: str = "precise"
    conv_bits: int = 8
    conv_scale: str = "output"  # the output's; or "own": the largest |y| of the calibration / (2^(N-1) - 1)
    output_scale: str = "file"  # of the scales file; or "percentile": what the calibration measured beside it
    factor: float = 1.0  # times the calibrated output scale
    mult_bits: Optional[int] = None  # the compiled program with a multiplier of this width, in place of the golden
    against: Tuple[str, ...] = ()  # the rows that it is compared with

    def to_json(self):
        return dataclasses.asdict(self)


def standard() -> Dict[str, Configuration]:
    """Every row, in the order in which they are run: a row comes after those that it is compared with."""
    rows: List[Configuration] = [Configuration("fp32", "the model as it is, fp32")]
    add = lambda name, title, dataflow, against=(), **options: rows.append(
        Configuration(name, title, dataflow, against=("fp32", *against), **options))
    add("mode3", "mode 3 (fp32): int8 input, weight and bias, nothing rounded after", "fused", mode="fp32")
    for flow in DATAFLOWS:
        other = ("two_step",) if flow == "fused" else ()
        add(flow, f"{flow}, mode 0 (baseline)", flow, ("mode3", *other))
        add(f"{flow}_mode1", f"{flow}, mode 1 (fp32_ssm_input)", flow, (flow,), mode="fp32_ssm_input")
        add(f"{flow}_mode2", f"{flow}, mode 2 (float_sim_int8)", flow, (flow,), mode="float_sim_int8")
    add("deployed", "fused in fast math: the deployed kernels", "fused", ("fused",), math="fast")
    for flow in DATAFLOWS:
        add(f"{flow}_larger", f"{flow}, output scale x {LARGER:g}", flow, (flow,), factor=LARGER)
        other = ("two_step_percentile",) if flow == "fused" else ()
        add(f"{flow}_percentile", f"{flow}, percentile output scale", flow, (flow, *other), output_scale="percentile")
        add(f"{flow}_percentile_larger", f"{flow}, percentile output scale x {LARGER:g}", flow, (f"{flow}_percentile", flow),
            output_scale="percentile", factor=LARGER)
    for bits in WIDTHS:
        if bits != 8:
            add(f"two_step_{bits}bit", f"two_step, {bits} bits at the output's scale", "two_step", ("two_step",), conv_bits=bits)
        add(f"two_step_{bits}bit_own", f"two_step, {bits} bits at a scale of its own", "two_step", ("two_step", "fused"), conv_bits=bits,
            conv_scale="own")
    return {row.name: row for row in rows}


def program_row(flow, mult_bits) -> Configuration:
    """The compiled program of a width."""
    return Configuration(f"{flow}_m{mult_bits}", f"{flow}, compiled program, M of {mult_bits} bits", flow, mult_bits=mult_bits,
                         against=("fp32", flow))


def chosen(names, mult_bits) -> List[Configuration]:
    """The rows of a comma-separated list (None: all), and of a program of each multiplier width for each dataflow. Rows that they are
    compared with are run where they are asked for."""
    rows = standard()
    picked = list(rows)
    if names is not None:
        picked = [name.strip() for name in names.split(",")]
        for name in picked:
            if name not in rows:
                raise Refusal("", "--configurations", ", ".join(rows), name)
    low, high = CONSTANT["MultBitsMin"], CONSTANT["MultBitsMax"]
    for bits in mult_bits:
        if not low <= bits <= high:
            raise Refusal("", "--program-bits", f"a width from {low} to {high}", bits)
    found = [rows[name] for name in rows if name in picked]
    return found + [program_row(flow, bits) for flow in DATAFLOWS for bits in mult_bits]
