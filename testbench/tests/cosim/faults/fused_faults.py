#!/usr/bin/env python3
"""The faults of fused; chosen_faults.py says what can be asked for."""
import chosen_faults

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

if __name__ == "__main__":
    chosen_faults.main(FAULTS)
