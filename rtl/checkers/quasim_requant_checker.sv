// Bound to every lane of requant: what goes into the q register is the specification of it, for every p, S, tie rule and cells.
//
// two_step: the integer nearest to p / 2^S, a tie by the rule, then the clamp. fused: the clamp of p, and the rank of its cell.
// Written with a remainder and a comparison, as the contract has it; the unit looks at bits.
// Immediate properties on the clock edge. Registered: nothing.

module quasim_requant_checker #(
  parameter int Dataflows = 3,
  parameter int ConvBits  = 8,
  parameter int CellBits  = 4,
  parameter int IndexBits = 30,
  parameter int PBits     = 49
) (
  // [ports of quasim_requant: scripts/emit_spec.py]
  input logic                                            clk_i,
  input logic                                            fused_i,
  input logic [quasim_pkg::SHIFT_BITS-1:0]               shift_i,
  input logic [quasim_pkg::PRODUCT_BITS-1:0]             cut_mask_i,
  input logic                                            half_away_i,
  input logic [(1<<CellBits)*quasim_pkg::CELL_WIDTH-1:0] cells_i,
  input logic [quasim_pkg::RANK_BITS-1:0]                first_rank_i,
  input logic [quasim_pkg::RANK_BITS-1:0]                last_rank_i,
  // [end]
  input logic                                            en_i,
  input logic signed [PBits-1:0]                         p_i,
  input logic [IndexBits-1:0]                            q_i,
  input logic                                            sat_i
);

  localparam int UBits     = quasim_pkg::THRESHOLD_BITS;
  localparam int RankBits  = quasim_pkg::RANK_BITS;
  localparam int PartBits  = quasim_pkg::CELL_POSITION_BITS;
  localparam int BaseBits  = quasim_pkg::CELL_BASE_BITS;
  localparam int CellWidth = quasim_pkg::CELL_WIDTH;
  localparam bit HasFused  = (Dataflows / 2 == 1);
  localparam bit HasBoth   = (Dataflows == 3);

  logic fused;
  assign fused = HasFused & (fused_i | ~HasBoth);

  // ---- two_step ----
  localparam int Wide = quasim_pkg::PRODUCT_BITS + 2;  // holds 2^S beside any p, and twice a remainder

  logic signed [Wide-1:0] p_wide, floor, rounded, largest, least;
  logic [Wide-1:0]        twice, whole;
  logic                   up;

  always_comb begin
    p_wide  = {{(Wide-PBits){p_i[PBits-1]}}, p_i};
    floor   = p_wide >>> shift_i;
    whole   = Wide'(1) << shift_i;
    twice   = (p_wide - (floor << shift_i)) << 1;
    up      = (twice > whole) || ((twice == whole) && (half_away_i ? (p_i >= 0) : floor[0]));
    rounded = floor + Wide'({1'b0, up});
    largest = Wide'((64'd1 << (ConvBits - 1)) - 64'd1);
    least   = ~largest;
  end

  // ---- fused ----
  function automatic logic [RankBits-1:0] rank_of(input logic [(1<<CellBits)*CellWidth-1:0] cells,
      input logic [CellBits+PartBits-1:0] place);
    logic [CellWidth-1:0] one;
    logic [BaseBits-1:0]  half_ranks;
    begin
      one        = CellWidth'(cells >> (32'(place[PartBits+:CellBits]) * CellWidth));
      half_ranks = one[BaseBits-1:0] + BaseBits'((32'(one[CellWidth-1:BaseBits]) * 32'(place[PartBits-1:0])) >> PartBits);
      rank_of    = RankBits'(half_ranks >> 1);
    end
  endfunction

  logic [UBits-1:0] u;
  logic             below, above;
  assign below = (p_i < 0);
  assign above = (p_i > (PBits)'((64'd1 << UBits) - 64'd1));
  assign u     = below ? {UBits{1'b0}} : above ? {UBits{1'b1}} : p_i[UBits-1:0];

  always_ff @(posedge clk_i) begin
    assume (cut_mask_i == (quasim_pkg::PRODUCT_BITS'(1) << shift_i) - 1'b1) else $error("requant: the mask is not that of the shift");
    assume (32'(shift_i) < 32'(quasim_pkg::PRODUCT_BITS)) else $error("requant: a shift beyond the product");
    if (HasFused) begin
      assume (!fused || first_rank_i == rank_of(cells_i, {(CellBits+PartBits){1'b0}})) else $error("requant: not the rank of the least u");
      assume (!fused || last_rank_i == rank_of(cells_i, {(CellBits+PartBits){1'b1}})) else $error("requant: not the rank of the largest u");
    end
    if (en_i && !fused) begin
      assert (q_i == ((rounded > largest) ? IndexBits'(largest) : (rounded < least) ? IndexBits'(least) : IndexBits'(rounded)))
        else $error("requant: q is not the clamped nearest integer");
      assert (sat_i == ((rounded > largest) || (rounded < least))) else $error("requant: a clamp is not told");
    end
    if (en_i && fused) begin
      assert (q_i == IndexBits'({u, rank_of(cells_i, u[UBits-1-:CellBits+PartBits])}))
        else $error("requant: not u and the rank of its cell");
      assert (sat_i == (below || above)) else $error("requant: a clamp of u is not told");
    end
  end

endmodule

bind quasim_requant quasim_requant_checker #(
  .Dataflows(Dataflows),
  .ConvBits(ConvBits),
  .CellBits(CellBits),
  .IndexBits(IndexBits),
  .PBits(PBits)
) u_checker (
  .*,
  .en_i (q_en_i),
  .p_i  (product_q),
  .q_i  (q_d),
  .sat_i(sat_d)
);
