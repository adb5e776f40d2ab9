// One lane of requant: bias memory, the product and q registers.
//
//   p = M * acc + B                                                   into the product register
//   two_step:  q = clamp_N( round_shift(p, S) )                       into the q register
//              round_shift: floor(p / 2^S), and one more where what was cut off is above a half, or a half that the tie rule raises
//   fused:     u = clamp(p, 0, 2^22 - 1) and the guessed rank c
//
// The q register holds q with its sign repeated, or {u, c}. The caller hands in 2^S - 1, so that no lane decodes S: its bits say
// which bits of p are cut off, and, N places higher, which must be copies of the sign.
// Dataflows: bit 0, the unit has two_step; bit 1, it has fused. Where it has one, fused_i does not matter.
// Deliberately absent: valid bits, keep masking and counting. Nothing is truncated: |M*acc| is below 2^(MultBits+16), and p has one
// bit more than the wider of product and bias.
// Registered: product, bias memory output, q_o, sat_o. The bias memory is read on the edge that fills acc.

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
  // acc
  input  logic                                            mem_ren_i,
  input  logic [AddrBits-1:0]                             mem_raddr_i,
  // product
  input  logic                                            product_en_i,
  input  logic signed [quasim_pkg::ACC_BITS-1:0]          acc_i,
  input  logic [MultBits-1:0]                             multiplier_i,
  // q
  input  logic                                            q_en_i,
  input  logic [quasim_pkg::SHIFT_BITS-1:0]               shift_i,
  input  logic [quasim_pkg::PRODUCT_BITS-1:0]             cut_mask_i,
  input  logic                                            half_away_i,
  input  logic [(1<<CellBits)*quasim_pkg::CELL_WIDTH-1:0] cells_i,
  input  logic [quasim_pkg::RANK_BITS-1:0]                first_rank_i,
  input  logic [quasim_pkg::RANK_BITS-1:0]                last_rank_i,
  output logic [IndexBits-1:0]                            q_o,
  output logic                                            sat_o,
  // window access
  input  logic                                            bias_wen_i,
  input  logic [AddrBits-1:0]                             bias_waddr_i,
  input  logic [BiasBits-1:0]                             bias_wdata_i,
  output logic [BiasBits-1:0]                             bias_rdata_o
);

  localparam int UBits      = quasim_pkg::THRESHOLD_BITS;
  localparam int ShiftBits  = quasim_pkg::SHIFT_BITS;
  localparam int ProdBits   = MultBits + quasim_pkg::ACC_BITS - 1;
  localparam int TermBits   = (ProdBits > BiasBits) ? ProdBits : BiasBits;
  localparam int PBits      = (TermBits > UBits) ? TermBits + 1 : UBits + 2;
  localparam bit HasTwoStep = (Dataflows % 2 == 1);
  localparam bit HasFused   = (Dataflows / 2 == 1);

  logic signed [PBits-1:0] product_d, product_q;
  logic [BiasBits-1:0]     bias;
  logic [PBits-1:0]        p;
  logic                    negative, fused;
  logic [IndexBits-1:0]    level, position, q_d, q_q;
  logic                    level_sat, position_sat, sat_d, sat_q;

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

  quasim_multiply_add #(
    .MultBits(MultBits),
    .BiasBits(BiasBits),
    .OutBits(PBits)
  ) u_multiply_add (
    .multiplier_i(multiplier_i),
    .acc_i       (acc_i),
    .bias_i      (bias),
    .p_o         (product_d)
  );

  assign p        = product_q;
  assign negative = p[PBits-1];

  if (HasTwoStep) begin : gen_two_step
    logic [PBits:0]      shifted;
    logic [ConvBits-1:0] floor, q;
    logic [PBits-1:0]    above_mask;
    logic                half, rest, raise, largest, over, apart, signs;

    // Bit 0 is the first bit that is cut off. Wide shifts come first, which leaves the fewest bits to shift.
    always_comb begin
      shifted = {p, 1'b0};
      for (int i = ShiftBits - 1; i >= 0; i--) begin
        if (shift_i[i]) shifted = $signed(shifted) >>> (1 << i);
      end
    end

    assign floor = shifted[ConvBits:1];
    assign half  = shifted[0];
    // cut off below the half
    assign rest  = (({p, 1'b0} & (PBits+1)'(cut_mask_i)) != '0);
    assign raise = half & (rest | (half_away_i ? ~negative : floor[0]));

    // In range when every bit from the sign of the N-bit result upwards is the same. Raising the largest value leaves the
    // range; raising the value below the least enters it.
    assign above_mask = PBits'({cut_mask_i, {ConvBits{1'b1}}}) ^ {PBits{1'b1}};
    assign signs      = ((p ^ {PBits{negative}}) & above_mask) == '0;
    assign apart      = floor[ConvBits-1] ^ negative;
    assign largest    = (floor == {1'b0, {(ConvBits-1){1'b1}}});
    assign over       = raise & largest;
    assign level_sat  = ~signs | (apart ^ over);
    assign q          = (~signs | apart | over) ? {negative, {(ConvBits-1){~negative}}} : floor + ConvBits'(raise);
    assign level      = IndexBits'($signed(q));
  end else begin : gen_no_two_step
    logic unused_two_step;

    assign level           = '0;
    assign level_sat       = 1'b0;
    assign unused_two_step = &{1'b0, shift_i, cut_mask_i, half_away_i};
  end

  if (HasFused) begin : gen_fused
    logic                             above;
    logic [UBits-1:0]                 u;
    logic [quasim_pkg::RANK_BITS-1:0] c;

    assign above        = ~negative & (p[PBits-2:UBits] != '0);
    assign u            = (p[UBits-1:0] | {UBits{above}}) & ~{UBits{negative}};
    assign position_sat = negative | above;
    assign position     = {u, c};

    quasim_rank_guess #(
      .CellBits(CellBits)
    ) u_guess (
      .cells_i(cells_i),
      .first_i(first_rank_i),
      .last_i (last_rank_i),
      .p_i    (p[UBits-1-:CellBits+quasim_pkg::CELL_POSITION_BITS]),
      .below_i(negative),
      .above_i(above),
      .c_o    (c)
    );
  end else begin : gen_no_fused
    logic unused_fused;

    assign position     = '0;
    assign position_sat = 1'b0;
    assign unused_fused = &{1'b0, cells_i, first_rank_i, last_rank_i, fused_i};
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
