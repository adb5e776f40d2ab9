#!/usr/bin/env python3
"""Faults that show only where the bus is used beside a stream; chosen_faults.py says what can be asked for."""
import chosen_faults

FAULTS = [
    ("refused_read_says_okay", "quasim_axil.sv", "read_okay_i ? RespOkay : RespSlvErr", "RespOkay"),
    ("refused_write_says_okay", "quasim_axil.sv", "write_okay_i ? RespOkay : RespSlvErr", "RespOkay"),
    ("write_before_the_last_answer_was_taken", "quasim_axil.sv", "aw_full_q & w_full_q & ~b_valid_q", "aw_full_q & w_full_q"),
    ("write_answer_not_held", "quasim_axil.sv", "execute | (b_valid_q & ~bready_i)", "execute"),
    ("top_strobe_ignored", "quasim_axil.sv", "(w_strb_q == '1)", "(w_strb_q[2:0] == '1)"),
    ("busy_without_the_q_register", "quasim_sequencer.sv", "product_valid_q | q_valid_q | out_valid_q", "product_valid_q | out_valid_q"),
    ("channels_read_as_taps", "generated/quasim_regs.sv", "{16'd0, channels_q}", "{29'd0, taps_q}"),
    ("counter_read_a_beat_early", "quasim_counter.sv", "32'(count_q)", "32'(count_d)"),
]

if __name__ == "__main__":
    chosen_faults.main(FAULTS)
