// What the datapath wants to know of the registers: group count, lanes of the last group, weight shift, mask of the bits that are cut off.
//
// Each output follows its register one cycle later. No beat can come in that cycle: the registers are writable only while the
// unit is disabled and empty, and the write that enables it executes two cycles after the one before at the earliest.
// Deliberately absent: reset, as every cycle computes all of it; legality, which quasim_regs judges.
// Registered: all outputs.

module quasim_settings #(
  parameter int Lanes     = 16,
  parameter int GroupBits = 9
) (
  input  logic                                clk_i,
  input  logic [15:0]                         channels_i,
  input  logic [2:0]                          taps_i,
  input  logic [quasim_pkg::SHIFT_BITS-1:0]   shift_i,
  output logic [GroupBits-1:0]                last_group_o,
  output logic [Lanes-1:0]                    last_keep_o,
  output logic [4:0]                          tap_shift_o,
  output logic [quasim_pkg::PRODUCT_BITS-1:0] cut_mask_o
);

  localparam int ChannelBits = quasim_pkg::CHANNELS_CHANNELS_WIDTH;
  localparam int TapsBits    = quasim_pkg::TAPS_TAPS_WIDTH;
  localparam int ProductBits = quasim_pkg::PRODUCT_BITS;

  localparam logic [ChannelBits-1:0] LanesWord = ChannelBits'(Lanes);
  localparam logic [TapsBits-1:0]    TapsMax   = TapsBits'(quasim_pkg::TAPS_MAX);
  localparam logic [ProductBits-1:0] One       = 1;

  logic [ChannelBits-1:0] last_channel, last_lane;
  logic [GroupBits-1:0]   last_group_q;
  logic [Lanes-1:0]       last_keep_d, last_keep_q;
  logic [4:0]             tap_shift_q;
  logic [ProductBits-1:0] cut_mask_q;

  assign last_channel = channels_i - 1'b1;
  assign last_lane    = last_channel % LanesWord;

  always_comb begin
    for (int i = 0; i < Lanes; i++) begin
      last_keep_d[i] = (ChannelBits'(i) <= last_lane);
    end
  end

  always_ff @(posedge clk_i) begin
    last_group_q <= GroupBits'(last_channel / LanesWord);
    last_keep_q  <= last_keep_d;
    tap_shift_q  <= {2'(TapsMax - taps_i), 3'b000};
    // 2^S - 1
    cut_mask_q   <= (One << shift_i) - One;
  end

  assign last_group_o = last_group_q;
  assign last_keep_o  = last_keep_q;
  assign tap_shift_o  = tap_shift_q;
  assign cut_mask_o   = cut_mask_q;

endmodule
