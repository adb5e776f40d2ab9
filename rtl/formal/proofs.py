"""What is proved: the groups of properties, how, and the faults that show that a proof can fail."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    file: str
    match: str  # a text that the file holds once
    replacement: str


@dataclasses.dataclass(frozen=True)
class Proof:
    name: str
    module: str
    shows: str
    parameters: dict
    ties: dict = dataclasses.field(default_factory=dict)  # inputs held at a constant
    checkers: tuple = ()  # of those bound to the module, if not all
    method: str = "induction"  # induction, pdr, or bounded: from reset, depth cycles
    depth: int = 4
    solver: str = "z3"
    quick: bool = True
    timeout: int = 600
    fault_depth: int = 8
    cover_depth: int = 10
    faults: tuple = ()


PROOFS = [
    Proof("spill", "quasim_spill", "the output FIFO: two entries, in order, none lost or doubled; valid and payload wait for ready",
          {"Width": 8}, faults=(
              Fault("output_not_held", "quasim_spill.sv", "if (load_head) head_q <= data_i", "if (push) head_q <= data_i"),
              Fault("second_beat_lost", "quasim_spill.sv", "load_tail = push & head_valid_q & ~pop", "load_tail = 1'b0"),
          )),
    Proof("sequencer", "quasim_sequencer",
          "five places: no beat lost, doubled or reordered, and group, first, last and keep stay with their beat",
          {"Lanes": 2, "GroupBits": 3}, faults=(
              Fault("dropped_beat", "quasim_sequencer.sv", "fetch_valid_q   <= fetch_en_o ", "fetch_valid_q   <= (fetch_en_o & (group_q != 3)) "),
              Fault("ready_stuck_high", "quasim_sequencer.sv", "acc_ready     = ~acc_valid_q | product_ready", "acc_ready     = 1'b1"),
              Fault("ready_stuck_low", "quasim_sequencer.sv", "s_ready_o     = enable_i & fetch_ready", "s_ready_o     = enable_i & fetch_ready & (group_q != 3)"),
              Fault("beat_doubled", "quasim_sequencer.sv", "(q_valid_q       & ~out_ready)", "(q_valid_q       & ~spill_ready_i)"),
              Fault("last_of_another", "quasim_sequencer.sv", "q_last_q <= product_last_q", "q_last_q <= acc_last_q"),
              Fault("group_past_the_end", "quasim_sequencer.sv", "(group_q >= last_group_i)", "(group_q == last_group_i)"),
              Fault("first_of_the_beat", "quasim_sequencer.sv", "is_mid_token ? first_q : s_first_i", "s_first_i"),
              Fault("no_forwarding", "quasim_sequencer.sv", "acc_en_o & (group_q == fetch_group_q)", "1'b0"),
          )),
    Proof("axil", "quasim_axil",
          "five AXI4-Lite channels: one response an access, none without; valid and payload wait for ready; timing as documented",
          {}, faults=(
              Fault("write_beside_response", "quasim_axil.sv", "aw_full_q & w_full_q & ~b_valid_q", "aw_full_q & w_full_q & ~(b_valid_q & ~bready_i)"),
              Fault("strobe_not_looked_at", "quasim_axil.sv", "(w_strb_q == '1)", "w_strb_q[0]"),
              Fault("response_not_held", "quasim_axil.sv", "execute | (b_valid_q & ~bready_i)", "execute"),
              Fault("answer_of_the_next", "quasim_axil.sv", "else if (execute) b_resp_q", "else if (aw_full_q & w_full_q) b_resp_q"),
              Fault("read_data_not_held", "quasim_axil.sv", "    r_data_d   = r_data_q;", "    r_data_d   = memory_word_i;"),
              Fault("address_taken_twice", "quasim_axil.sv", "ar_ready_q <= (rd_state_d == RdIdle)", "ar_ready_q <= (rd_state_d == RdIdle) | (rd_state_d == RdCapture)"),
              Fault("ready_in_reset", "quasim_axil.sv", "      w_ready_q  <= 1'b0;", "      w_ready_q  <= 1'b1;"),
          )),
    Proof("counter", "quasim_counter", "a counter is the sum of its steps, the carry into the high half too; reading the low half latches the high one",
          {"StepBits": 5}, faults=(
              Fault("carry_lost", "quasim_counter.sv", "count_q + 64'(step_i)", "{count_q[63:32], count_q[31:0] + 32'(step_i)}"),
              Fault("latch_not_cleared", "quasim_counter.sv", "      high_d  = '0;", ""),
              Fault("latch_of_the_low", "quasim_counter.sv", "32'(count_q >> 32)", "32'(count_q)"),
              Fault("clear_adds", "quasim_counter.sv", "count_d = '0;", "count_d = 64'(step_i);"),
          )),
    Proof("settings.lanes_3", "quasim_settings", "group count, lanes of the last group, weight shift and mask of the bits that S cuts off, for every legal register value",
          {"Lanes": 3, "GroupBits": 5}, faults=(
              Fault("a_group_too_many", "quasim_settings.sv", "channels_i - 1'b1", "channels_i"),
              Fault("tail_a_lane_short", "quasim_settings.sv", "(ChannelBits'(i) <= last_lane)", "(ChannelBits'(i) < last_lane)"),
              Fault("taps_reversed", "quasim_settings.sv", "2'(TapsMax - taps_i)", "2'(taps_i)"),
              Fault("mask_of_the_half", "quasim_settings.sv", "(One << shift_i) - One", "(One << shift_i)"),
          )),
    Proof("settings.lanes_16", "quasim_settings", "the same for 16 lanes and 8192 channels", {"Lanes": 16, "GroupBits": 9}, faults=(
              Fault("group_of_the_next", "quasim_settings.sv", "last_channel / LanesWord", "channels_i / LanesWord"),
          )),
    Proof("memory", "quasim_ram_1r1w", "a word that was written is read until it is written again; a read beside a write gets the old one",
          {"Width": 8, "Depth": 4}, faults=(
              Fault("write_through", "quasim_ram_1r1w.sv", "rdata_q <= mem_q[raddr_i]", "rdata_q <= (wen_i & (waddr_i == raddr_i)) ? wdata_i : mem_q[raddr_i]"),
              Fault("read_not_held", "quasim_ram_1r1w.sv", "if (ren_i) rdata_q", "rdata_q"),
              Fault("write_of_the_read_place", "quasim_ram_1r1w.sv", "mem_q[waddr_i] <= wdata_i", "mem_q[ren_i ? raddr_i : waddr_i] <= wdata_i"),
          )),
    Proof("window.lanes_4", "quasim_window", "a write or read reaches the unit, group and lane of its number and no other; the low word of a pair waits",
          {"Lanes": 4, "GroupBits": 3, "LaneBits": 2}, faults=(
              Fault("lane_for_group", "quasim_window.sv", "wlane_q  <= LaneBits'(windex_i % LanesWord)", "wlane_q  <= LaneBits'(windex_i / LanesWord)"),
              Fault("low_word_of_any_write", "quasim_window.sv", "if (low_of_pair) low_word_q <= wdata_i;", "if (write_i != '0) low_word_q <= wdata_i;"),
              Fault("pair_written_twice", "quasim_window.sv", "low_of_pair ? '0 : write_i", "write_i"),
              Fault("read_while_running", "quasim_window.sv", "access_i & read_memory_o & idle_i", "access_i & read_memory_o"),
              Fault("read_at_any_time", "quasim_window.sv", "else if (decode_i) read_q <= read_i;", "else read_q <= read_i;"),
              Fault("halves_swapped", "quasim_window.sv", "quasim_pkg::WINDOW_PAIRS[i] & rhigh_q", "quasim_pkg::WINDOW_PAIRS[i] & ~rhigh_q"),
          )),
    Proof("window.lanes_3", "quasim_window", "the same where lanes are no power of two", {"Lanes": 3, "GroupBits": 3, "LaneBits": 2}, faults=(
              Fault("shift_for_division", "quasim_window.sv", "rgroup_q <= GroupBits'(rindex_i / LanesWord)", "rgroup_q <= GroupBits'(rindex_i >> 2)"),
          )),
    Proof("registers", "quasim_regs", "a written word is read back until written again; bits outside a field, other addresses and writes while running are refused",
          {"Lanes": 16, "MaxChannels": 8192}, faults=(
              Fault("mask_too_wide", "quasim_regs.sv", "RequantMask       = 32'h0000013F", "RequantMask       = 32'h000001FF"),
              Fault("written_while_running", "quasim_regs.sv", "(waddr_i == TapsAddr) & idle_i", "(waddr_i == TapsAddr)"),
              Fault("enabled_without_a_dataflow", "quasim_regs.sv", "& (dataflow_select_q <= 2'd2)", ""),
              Fault("cast_that_yosys_misreads", "quasim_regs.sv", "((dataflow_select_q | 2'(Dataflows)) == 2'(Dataflows))", "((dataflow_select_q & ~2'(Dataflows)) == '0)"),
              Fault("range_a_channel_long", "quasim_regs.sv", "(channels_q <= 16'(MaxChannels))", "(channels_q <= 16'(MaxChannels + 1))"),
              Fault("reset_value", "quasim_regs.sv", "taps_q                 <= 3'd4", "taps_q                 <= 3'd3"),
              Fault("window_a_word_short", "quasim_regs.sv", "WeightEnd  = 17'(4 * MaxChannels)", "WeightEnd  = 17'(4 * MaxChannels - 4)"),
              Fault("error_bit_not_sticky", "quasim_regs.sv", "(status_last_error_q | status_last_error_i)", "status_last_error_i"),
              Fault("clear_by_any_bit", "quasim_regs.sv", "clear_counters_write & wdata_i[0]", "clear_counters_write"),
              Fault("window_refused_silently", "quasim_regs.sv", "                      | (window_write_o != '0);", "                      | (window_hit != '0);"),
              Fault("latch_of_another", "quasim_regs.sv", "(raddr_i == SatConvLoAddr)", "(raddr_i == SatConvHiAddr)"),
          )),
    Proof("registers.small", "quasim_regs", "the same at other sizes, without fused",
          {"Lanes": 3, "MaxChannels": 6, "ConvBits": 5, "MultBits": 9, "BiasBits": 17, "Dataflows": 1}, faults=(
              Fault("multiplier_bit_ignored", "quasim_regs.sv", "(32'd1 << MultBits) - 32'd1", "(32'd2 << MultBits) - 32'd1"),
              Fault("dataflow_of_another_unit", "quasim_regs.sv", "& ((dataflow_select_q | 2'(Dataflows)) == 2'(Dataflows))", ""),
          )),
    Proof("history", "quasim_conv_acc", "each beat meets the last three samples of its channel, under any stall, forwarded or stored, first or restored by a window",
          {"Depth": 4, "AddrBits": 2}, method="pdr", checkers=("quasim_conv_acc_checker",), faults=(
              Fault("no_forwarding", "quasim_conv_acc.sv", "history = fetch_forward_i ? forward_q : stored;", "history = stored;"),
              Fault("history_not_cleared", "quasim_conv_acc.sv", "if (fetch_first_i) history = '0;", ""),
              Fault("samples_reversed", "quasim_conv_acc.sv", "{x_q, history[23:8]}", "{history[15:0], x_q}"),
              Fault("old_word_forwarded", "quasim_conv_acc.sv", "forward_q <= history_new;", "forward_q <= history;"),
              Fault("sample_of_the_next_beat", "quasim_conv_acc.sv", "if (fetch_en_i) x_q <= x_i;", "x_q <= x_i;"),
          )),
    Proof("mac", "quasim_conv_acc", "the accumulator takes the exact sum of four products, for all weights, samples and histories",
          {"Depth": 2, "AddrBits": 1}, checkers=("quasim_width_checker",), depth=2, faults=(
              Fault("sample_of_another_tap", "quasim_dot4.sv", "x0 = 32'($signed(samples_i[7:0]))", "x0 = 32'($signed(samples_i[15:8]))"),
              Fault("sum_a_bit_short", "quasim_dot4.sv", "quasim_pkg::ACC_BITS'(w0 * x0", "(quasim_pkg::ACC_BITS-1)'(w0 * x0"),
              Fault("weight_unsigned", "quasim_dot4.sv", "w3 = 32'($signed(weights_i[31:24]))", "w3 = 32'(weights_i[31:24])"),
          )),
    Proof("requant", "quasim_requant",
          "q is the nearest integer to p / 2^S by either tie rule, clamped; fused: u is the clamp of p beside the rank of its cell; for every p, S and cells",
          {"Depth": 2, "AddrBits": 1, "MultBits": 4, "BiasBits": 12, "CellBits": 4}, checkers=("quasim_requant_checker",), depth=2, quick=False, faults=(
              Fault("tie_half_up", "quasim_requant.sv", "half_away_i ? ~negative : floor[0]", "1'b1"),
              Fault("tie_rules_exchanged", "quasim_requant.sv", "half_away_i ? ~negative : floor[0]", "half_away_i ? floor[0] : ~negative"),
              Fault("largest_wraps", "quasim_requant.sv", "apart | over)", "apart)"),
              Fault("rest_forgotten", "quasim_requant.sv", "half & (rest | ", "half & ("),
              Fault("u_not_clamped_above", "quasim_requant.sv", "(p[UBits-1:0] | {UBits{above}})", "p[UBits-1:0]"),
              Fault("rank_rounded_up", "quasim_cell_rank.sv", "rise >> PositionBits)", "(rise + 1'b1) >> PositionBits)"),
              Fault("saturation_not_told", "quasim_requant.sv", "level_sat  = ~signs | (apart ^ over)", "level_sat  = ~signs | apart"),
          )),
    Proof("silu", "quasim_silu", "out is the entry of q; fused: the rank by one comparison, falling to turn and rising from it; for every content of the tables",
          {"Lanes": 1, "NearRows": 8, "NearBits": 3}, checkers=("quasim_silu_checker",), depth=2, quick=False, faults=(
              Fault("table_inverted", "quasim_silu.sv", "^ {1'b1, {(ConvBits-1){1'b0}}}", "^ {1'b0, {(ConvBits-1){1'b0}}}"),
              Fault("threshold_not_reached", "quasim_silu.sv", "near ? ~apart[UBits]", "near ? (~apart[UBits] & (apart != '0))"),
              Fault("rises_from_elsewhere", "quasim_silu.sv", "- SampleBits'({turn_i, 1'b0})", "- SampleBits'(turn_i)"),
              Fault("far_row_of_the_next", "quasim_silu.sv", "c[FarIndex-1:0] - FarIndex'(NearRows)", "c[FarIndex-1:0] - FarIndex'(NearRows - 1)"),
              Fault("dead_lane_not_zero", "quasim_silu.sv", "keep_i[i] ? (fused ? rank_out : level_out) : '0", "fused ? rank_out : level_out"),
          )),
    Proof("silu.folded", "quasim_silu", "a folded table: out is max(q, 0) less the entry of |q|, and 0 for q = 0; for every content of the table",
          {"Lanes": 1, "Dataflows": 1, "Folded": 1, "TableBits": 6, "WordBits": 4, "IndexBits": 8}, checkers=("quasim_silu_checker",), depth=2, faults=(
              Fault("negative_q_kept", "quasim_silu.sv", "(negative ? '0 : SampleBits'(size))", "SampleBits'(size)"),
              Fault("size_one_short", "quasim_silu.sv", "{SizeBits{negative}}) + SizeBits'(negative)", "{SizeBits{negative}})"),
              Fault("entry_at_zero", "quasim_silu.sv", "(negative || size != '0) ? stored : '0", "stored"),
          )),
]
