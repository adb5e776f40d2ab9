// Bound to every lane: acc and p are the exact sums; nothing is lost to their widths.
//
// Immediate assertions on the clock edge that uses the value. Deliberately absent: rounding and clamping, which lose on purpose.
// Registered: nothing.

module quasim_width_checker #(
  parameter int WideBits   = 32,
  parameter int NarrowBits = 18
) (
  input logic                         clk_i,
  input logic                         en_i,
  input logic signed [WideBits-1:0]   wide_i,
  input logic signed [NarrowBits-1:0] narrow_i
);

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      assert (wide_i == WideBits'(narrow_i)) else $error("a truncation lost bits");
    end
  end

endmodule

bind quasim_conv_acc quasim_width_checker #(
  .WideBits(32),
  .NarrowBits(AccBits)
) u_acc_width_checker (
  .clk_i(clk_i),
  .en_i(acc_en_i),
  .wide_i(32'($signed(taps[7:0])) * 32'($signed(history[7:0])) + 32'($signed(taps[15:8])) * 32'($signed(history[15:8])) +
          32'($signed(taps[23:16])) * 32'($signed(history[23:16])) + 32'($signed(taps[31:24])) * 32'($signed(x_q))),
  .narrow_i(acc_d)
);

bind quasim_requant quasim_width_checker #(
  .WideBits(64),
  .NarrowBits(PBits)
) u_product_width_checker (
  .clk_i(clk_i),
  .en_i(product_en_i),
  .wide_i(64'($signed({1'b0, multiplier_i})) * 64'(acc_i) + 64'($signed(bias))),
  .narrow_i(product_d)
);
