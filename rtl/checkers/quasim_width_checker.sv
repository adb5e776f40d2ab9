// Bound to every lane: the casts of conv_acc and requant drop copies of the sign and nothing else.
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
  .wide_i(sum),
  .narrow_i(acc_d)
);

bind quasim_requant quasim_width_checker #(
  .WideBits(64),
  .NarrowBits(ProdBits)
) u_product_width_checker (
  .clk_i(clk_i),
  .en_i(product_en_i),
  .wide_i(multiplier_ext * acc_ext),
  .narrow_i(product_d)
);

bind quasim_requant quasim_width_checker #(
  .WideBits(64),
  .NarrowBits(PBits)
) u_rounded_width_checker (
  .clk_i(clk_i),
  .en_i(q_en_i),
  .wide_i(rounded),
  .narrow_i(rounded[PBits-1:0])
);
