#!/usr/bin/env python3
"""The faults of fused, all in one copy of the RTL: an expression is exchanged where quasim_fault_pkg::number says so.

  fused_faults.py --names           one line a fault; the n-th has number n
  fused_faults.py RTL DIRECTORY     writes quasim_fault_pkg.sv, the copies of the files in FILES, and NAME.note for each fault

A note is empty when the place was found; otherwise it says what is gone, and that fault changes nothing.
"""
import pathlib
import sys

# name, file, expression, what stands for it; a port's connection is written with the port
FAULTS = [
    ("u_not_clamped_above", "quasim_requant.sv", "(p[PBits-2:UBits] != '0)", "(p[PBits-2:UBits+1] != '0)"),
    ("u_not_clamped_below", "quasim_requant.sv", "~{UBits{negative}}", "{UBits{1'b1}}"),
    ("clamp_not_counted", "quasim_requant.sv", "negative | above", "negative"),
    ("bias_not_added", "quasim_multiply_add.sv", "multiplier * acc + bias", "multiplier * acc"),
    ("cell_next_door", "quasim_rank_guess.sv", "p_i[PositionBits+:CellBits]", "p_i[PositionBits+:CellBits] ^ 1'b1"),
    ("guess_not_clamped_below", "quasim_rank_guess.sv", "(below_i | above_i)", "above_i"),
    ("guess_not_clamped_above", "quasim_rank_guess.sv", "(below_i | above_i)", "below_i"),
    ("base_top_bit_lost", "quasim_cell_rank.sv", "cell_i[BaseBits-1:0]", "{1'b0, cell_i[BaseBits-2:0]}"),
    ("slope_halved", "quasim_cell_rank.sv", "cell_i[BaseBits+:SlopeBits]", "cell_i[BaseBits+:SlopeBits] >> 1"),
    ("slope_rounds_up", "quasim_cell_rank.sv", "BaseBits'(rise >> PositionBits)", "BaseBits'((rise + 11'd31) >> PositionBits)"),
    ("slope_lost", "quasim_cell_rank.sv", "rise >> PositionBits", "(SlopeBits+PositionBits)'(0)"),
    ("half_rank_kept", "quasim_cell_rank.sv", "half_ranks >> 1", "half_ranks"),
    ("cell_written_elsewhere", "quasim_guess_table.sv", "windex_i == CellBits'(r)", "windex_i == CellBits'(r ^ 1)"),
    ("near_written_elsewhere", "quasim_silu.sv", "near_windex_i == NearBits'(r)", "near_windex_i == NearBits'(r ^ 1)"),
    ("far_written_elsewhere", "quasim_silu.sv", "windex == PlaceBits'(w)", "windex == PlaceBits'(w ^ 1)"),
    ("near_next_door", "quasim_silu.sv", "c[NearBits-1:0]", "c[NearBits-1:0] ^ 1'b1"),
    ("far_not_shifted", "quasim_silu.sv", "c[FarIndex-1:0] - FarIndex'(NearRows)", "c[FarIndex-1:0]"),
    ("near_one_more", "quasim_silu.sv", "c < RankBits'(NearRows)", "c <= RankBits'(NearRows)"),
    ("threshold_not_reached_by_itself", "quasim_silu.sv", "{1'b0, u} - {1'b0, threshold}", "{1'b0, u} - {1'b0, threshold} - 1'b1"),
    ("far_compared_at_full_width", "quasim_silu.sv", "~apart[FarBits-1]", "~apart[UBits]"),
    ("rank_not_settled", "quasim_silu.sv", "(RankBits+1)'(reached)", "(RankBits+1)'(0)"),
    # at rank turn both sides give -turn, so one rank early would be no fault
    ("turn_one_late", "quasim_silu.sv", "rank <= (RankBits+1)'(turn_i)", "rank <= (RankBits+1)'(turn_i) + 1'b1"),
    ("turn_once", "quasim_silu.sv", "SampleBits'({turn_i, 1'b0})", "SampleBits'(turn_i)"),
    ("falling_side_inverted", "quasim_silu.sv", "-rank[SampleBits-1:0]", "~rank[SampleBits-1:0]"),
    ("turn_of_the_register_one_off", "quasim_top.sv", ".turn_i        (turn)", "turn ^ quasim_pkg::TURN_BITS'(1)"),
    ("always_two_step", "quasim_top.sv", "dataflow == 2'd2", "1'b0"),
]
FILES = ["quasim_cell_rank.sv", "quasim_guess_table.sv", "quasim_multiply_add.sv", "quasim_rank_guess.sv", "quasim_requant.sv",
         "quasim_silu.sv", "quasim_top.sv"]
PACKAGE = """\
// Which fault a broken copy of the unit has; 0: none.
package quasim_fault_pkg;
  import "DPI-C" function int quasim_fault_number();
  int number = quasim_fault_number();
endpackage
"""


def exchange(text, expression, with_expression):
    """`text` with every `expression` exchanged for with_expression(the expression)."""
    if not expression.startswith("."):
        return text.replace(expression, f"({with_expression(expression)})")
    port, connected = expression.split("(", 1)
    return text.replace(expression, f"{port}({with_expression(connected[:-1])})")


def plant(rtl, directory):
    directory.mkdir(parents=True, exist_ok=True)
    texts = {name: (rtl / name).read_text() for name in FILES}
    for number, (name, file, expression, broken) in enumerate(FAULTS, 1):
        found = expression in texts[file]
        texts[file] = exchange(texts[file], expression,
                               lambda whole, number=number, broken=broken: f"(quasim_fault_pkg::number == {number}) ? ({broken}) : ({whole})")
        missing = "" if found else f"fault {name}: rtl/{file} no longer has {expression!r}; mend it in fused_faults.py\n"
        (directory / f"{name}.note").write_text(missing)
    for name, text in texts.items():
        (directory / name).write_text(text)
    (directory / "quasim_fault_pkg.sv").write_text(PACKAGE)


def main():
    if sys.argv[1:] == ["--names"]:
        print("\n".join(name for name, _, _, _ in FAULTS))
    elif len(sys.argv) == 3:
        plant(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
