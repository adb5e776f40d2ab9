// Bound to every quasim_settings: what the datapath is told, as products where the RTL divides.
//
// Deliberately absent: channels and taps outside their legal range, which never meet a beat.
// Registered: the registers of the cycle before.

module quasim_settings_checker #(
  parameter int Lanes     = 16,
  parameter int GroupBits = 9
) (
  // [ports of quasim_settings: scripts/emit_spec.py]
  input logic                                clk_i,
  input logic [15:0]                         channels_i,
  input logic [2:0]                          taps_i,
  input logic [quasim_pkg::SHIFT_BITS-1:0]   shift_i,
  input logic [GroupBits-1:0]                last_group_o,
  input logic [Lanes-1:0]                    last_keep_o,
  input logic [4:0]                          tap_shift_o,
  input logic [quasim_pkg::PRODUCT_BITS-1:0] cut_mask_o
  // [end]
);

  localparam int CountBits = 32;

  logic                                started_q;
  logic [15:0]                         channels_q;
  logic [2:0]                          taps_q;
  logic [quasim_pkg::SHIFT_BITS-1:0]   shift_q;
  logic [CountBits-1:0]                channels, earlier;
  logic [quasim_pkg::PRODUCT_BITS-1:0] below_shift;

  initial started_q = 1'b0;

  always_ff @(posedge clk_i) begin
    started_q  <= 1'b1;
    channels_q <= channels_i;
    taps_q     <= taps_i;
    shift_q    <= shift_i;
  end

  always_comb begin
    for (int i = 0; i < quasim_pkg::PRODUCT_BITS; i++) below_shift[i] = (CountBits'(i) < CountBits'(shift_q));
  end

  assign channels = CountBits'(channels_q);
  assign earlier  = CountBits'(last_group_o) * CountBits'(Lanes);  // channels of all groups but the last

  always_ff @(posedge clk_i) begin
    if (started_q) begin
      if (channels != '0 && channels <= (CountBits'(Lanes) << GroupBits)) begin
        assert (earlier < channels && channels <= earlier + CountBits'(Lanes))
          else $error("settings: the last group does not hold the last channel");
        for (int i = 0; i < Lanes; i++) begin
          assert (last_keep_o[i] == (earlier + CountBits'(i) < channels))
            else $error("settings: tkeep of the last group is not its channels");
        end
      end
      if (taps_q >= 3'(quasim_pkg::TAPS_MIN) && taps_q <= 3'(quasim_pkg::TAPS_MAX)) begin
        assert (8 * (CountBits'(taps_q) - 1) + CountBits'(tap_shift_o) == 24)
          else $error("settings: weight byte K-1 is not beside the newest sample");
      end
      assert (cut_mask_o == below_shift) else $error("settings: the mask is not of the bits below S");
    end
  end

endmodule

bind quasim_settings quasim_settings_checker #(
  .Lanes(Lanes),
  .GroupBits(GroupBits)
) u_checker (
  .*
);
