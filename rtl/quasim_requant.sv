// One lane of requant: bias memory, the product and q registers.
//
//   p = M * acc + B
//   two_step:  q = clamp_N( floor((p + r) / 2^S) )
//              r = 2^(S-1) - 1 + (half_even ? bit S of p : p >= 0)   for S > 0,   0 for S = 0
//   fused:     u = clamp(p, 0, 2^22 - 1) and the guessed rank c
//
// The q register holds q with its sign repeated, or {u, c}. The caller hands in 2^(S-1) - 1 and S > 0, so that no lane decodes S.
// Dataflows: bit 0, the unit has two_step; bit 1, it has fused. Where it has one, fused_i does not matter.
// Deliberately absent: valid bits, keep masking and counting. Nothing is truncated: the product needs MultBits + ACC_BITS
// bits, p one more than the wider of product and bias, and PRODUCT_BITS also holds p + r at every legal parameter.
// Registered: product, bias memory output, q_o, sat_o.

module quasim_requant #(
  parameter int Dataflows = quasim_pkg::DATAFLOWS_DEFAULT,
  parameter int ConvBits  = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int CellBits  = quasim_pkg::CELL_BITS_DEFAULT,
  parameter int IndexBits = 30,
  parameter int MultBits  = quasim_pkg::MULT_BITS_DEFAULT,
  parameter int BiasBits  = quasim_pkg::BIAS_BITS_DEFAULT,
  parameter int Depth     = 512,
  parameter int AddrBits  = 9
) (
  input  logic                                            clk_i,
  input  logic                                            fused_i,
  // product
  input  logic                                            product_en_i,
  input  logic signed [quasim_pkg::ACC_BITS-1:0]          acc_i,
  input  logic [MultBits-1:0]                             multiplier_i,
  input  logic                                            mem_ren_i,
  input  logic [AddrBits-1:0]                             mem_raddr_i,
  // q
  input  logic                                            q_en_i,
  input  logic [quasim_pkg::SHIFT_BITS-1:0]               shift_i,
  input  logic                                            shift_nonzero_i,
  input  logic [quasim_pkg::PRODUCT_BITS-1:0]             round_base_i,
  input  logic                                            half_away_i,
  input  logic [(1<<CellBits)*quasim_pkg::CELL_WIDTH-1:0] cells_i,
  output logic [IndexBits-1:0]                            q_o,
  output logic                                            sat_o,
  // window access
  input  logic                                            bias_wen_i,
  input  logic [AddrBits-1:0]                             bias_waddr_i,
  input  logic [BiasBits-1:0]                             bias_wdata_i,
  output logic [BiasBits-1:0]                             bias_rdata_o
);

  localparam int AccBits    = quasim_pkg::ACC_BITS;
  localparam int ProdBits   = MultBits + AccBits;
  localparam int PBits      = quasim_pkg::PRODUCT_BITS;
  localparam int UBits      = quasim_pkg::THRESHOLD_BITS;
  localparam bit HasTwoStep = (Dataflows % 2 == 1);
  localparam bit HasFused   = (Dataflows / 2 == 1);

  logic signed [63:0]         multiplier_ext, acc_ext, product_ext, bias_ext;
  logic signed [ProdBits-1:0] product_d, product_q;
  logic [BiasBits-1:0]        bias;
  logic signed [63:0]         p, rounded;
  logic                       fused;
  logic [IndexBits-1:0]       level, position, q_d, q_q;
  logic                       level_sat, position_sat, sat_d, sat_q;

  assign fused = HasFused & (fused_i | ~HasTwoStep);

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

  if (HasTwoStep) begin : gen_two_step
    logic signed [63:0]   shifted;
    logic                 carry, negative;
    logic [63-ConvBits:0] above;
    logic [ConvBits-1:0]  q;

    assign carry   = shift_nonzero_i & (half_away_i ? ~p[63] : p[shift_i]);
    assign rounded = p + $signed({{(64-PBits){1'b0}}, round_base_i}) + $signed({63'd0, carry});
    assign shifted = rounded >>> shift_i;

    // In range when every bit from the sign of the N-bit result upwards is the same.
    assign negative  = shifted[63];
    assign above     = shifted[62:ConvBits-1];
    assign level_sat = (above != {(64-ConvBits){negative}});
    assign q         = level_sat ? {negative, {(ConvBits-1){~negative}}} : shifted[ConvBits-1:0];
    assign level     = IndexBits'($signed(q));
  end else begin : gen_no_two_step
    logic unused_two_step;

    assign rounded         = '0;
    assign level           = '0;
    assign level_sat       = 1'b0;
    assign unused_two_step = &{1'b0, shift_i, shift_nonzero_i, round_base_i, half_away_i, rounded};
  end

  if (HasFused) begin : gen_fused
    logic                             below, above;
    logic [UBits-1:0]                 u;
    logic [quasim_pkg::RANK_BITS-1:0] c;

    assign below        = p[63];
    assign above        = ~below & (p[62:UBits] != '0);
    assign u            = (p[UBits-1:0] | {UBits{above}}) & ~{UBits{below}};
    assign position_sat = below | above;
    assign position     = {u, c};

    quasim_rank_guess #(
      .CellBits(CellBits)
    ) u_guess (
      .cells_i(cells_i),
      .u_i    (u[UBits-1-:CellBits+quasim_pkg::CELL_POSITION_BITS]),
      .c_o    (c)
    );
  end else begin : gen_no_fused
    logic unused_fused;

    assign position     = '0;
    assign position_sat = 1'b0;
    assign unused_fused = &{1'b0, cells_i, fused_i};
  end

  assign q_d   = fused ? position : level;
  assign sat_d = fused ? position_sat : level_sat;

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
