// One lane of requant: bias memory, the product and q registers.
//
//   p = M * acc + B        q = clamp_N( floor((p + r) / 2^S) )
//   r = 2^(S-1) - 1 + (half_even ? bit S of p : p >= 0)   for S > 0,   0 for S = 0
//
// The caller hands in 2^(S-1) - 1 and S > 0, so that no lane decodes S.
// Deliberately absent: valid bits, keep masking and counting. Nothing is truncated: the product needs MultBits + ACC_BITS
// bits, p one more than the wider of product and bias, and PRODUCT_BITS also holds p + r at every legal parameter.
// Registered: product, bias memory output, q_o, sat_o.

module quasim_requant #(
  parameter int ConvBits = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int MultBits = quasim_pkg::MULT_BITS_DEFAULT,
  parameter int BiasBits = quasim_pkg::BIAS_BITS_DEFAULT,
  parameter int Depth    = 512,
  parameter int AddrBits = 9
) (
  input  logic                                   clk_i,
  // product
  input  logic                                   product_en_i,
  input  logic signed [quasim_pkg::ACC_BITS-1:0] acc_i,
  input  logic [MultBits-1:0]                    multiplier_i,
  input  logic                                   mem_ren_i,
  input  logic [AddrBits-1:0]                    mem_raddr_i,
  // q
  input  logic                                   q_en_i,
  input  logic [quasim_pkg::SHIFT_BITS-1:0]      shift_i,
  input  logic                                   shift_nonzero_i,
  input  logic [quasim_pkg::PRODUCT_BITS-1:0]    round_base_i,
  input  logic                                   half_away_i,
  output logic [ConvBits-1:0]                    q_o,
  output logic                                   sat_o,
  // window access
  input  logic                                   bias_wen_i,
  input  logic [AddrBits-1:0]                    bias_waddr_i,
  input  logic [BiasBits-1:0]                    bias_wdata_i,
  output logic [BiasBits-1:0]                    bias_rdata_o
);

  localparam int AccBits  = quasim_pkg::ACC_BITS;
  localparam int ProdBits = MultBits + AccBits;
  localparam int PBits    = quasim_pkg::PRODUCT_BITS;

  logic signed [63:0]         multiplier_ext, acc_ext, product_ext, bias_ext;
  logic signed [ProdBits-1:0] product_d, product_q;
  logic [BiasBits-1:0]        bias;
  logic signed [63:0]         p, rounded, shifted;
  logic                       carry, negative;
  logic [63-ConvBits:0]       above;
  logic                       sat_d, sat_q;
  logic [ConvBits-1:0]        q_d, q_q;

  quasim_ram_1r1w #(
    .Width(BiasBits),
    .Depth(Depth),
    .AddrBits(AddrBits)
  ) u_bias (
    .clk_i  (clk_i),
    .wen_i  (bias_wen_i),
    .waddr_i(bias_waddr_i),
    .wdata_i(bias_wdata_i),
    .ren_i  (mem_ren_i),
    .raddr_i(mem_raddr_i),
    .rdata_o(bias)
  );

  assign multiplier_ext = 64'($signed({1'b0, multiplier_i}));
  assign acc_ext        = 64'(acc_i);
  assign product_d      = ProdBits'(multiplier_ext * acc_ext);

  assign product_ext = 64'(product_q);
  assign bias_ext    = 64'($signed(bias));
  assign p           = product_ext + bias_ext;

  assign carry   = shift_nonzero_i & (half_away_i ? ~p[63] : p[shift_i]);
  assign rounded = p + $signed({{(64-PBits){1'b0}}, round_base_i}) + $signed({63'd0, carry});
  assign shifted = rounded >>> shift_i;

  // In range when every bit from the sign of the N-bit result upwards is the same.
  assign negative = shifted[63];
  assign above    = shifted[62:ConvBits-1];
  assign sat_d    = (above != {(64-ConvBits){negative}});
  assign q_d      = sat_d ? {negative, {(ConvBits-1){~negative}}} : shifted[ConvBits-1:0];

  always_ff @(posedge clk_i) begin
    if (product_en_i) product_q <= product_d;
  end

  always_ff @(posedge clk_i) begin
    if (q_en_i) begin
      q_q   <= q_d;
      sat_q <= sat_d;
    end
  end

  assign q_o          = q_q;
  assign sat_o        = sat_q;
  assign bias_rdata_o = bias;

endmodule
