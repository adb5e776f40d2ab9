// Bound to silu: what every lane puts into its out register is the specification of it, for every q, u, rank and content of the tables.
//
// two_step: the entry of q. fused: the rank, and one more where u has reached the threshold that its rank names; out falls by one a
// rank to rank turn and rises from there. A far threshold is within what its bits can tell of u, or the program is none.
// Folded: max(q, 0) less the entry of |q|, where the least q has entry 0, and 0 for q = 0.
// Immediate properties on the clock edge.
// Registered: what the register must hold.

module quasim_silu_checker #(
  parameter int Lanes     = 16,
  parameter int Dataflows = 3,
  parameter int Folded    = 0,
  parameter int ConvBits  = 8,
  parameter int TableBits = 8,
  parameter int NearRows  = 40,
  parameter int IndexBits = 30
) (
  // [ports of quasim_silu: scripts/emit_spec.py]
  input logic                             clk_i,
  input logic                             fused_i,
  input logic [quasim_pkg::TURN_BITS-1:0] turn_i,
  input logic [Lanes*IndexBits-1:0]       q_i,
  input logic [Lanes-1:0]                 keep_i,
  // [end]
  input logic                                               en_i,
  input logic [(1<<(TableBits-1))*quasim_pkg::FAR_BITS-1:0] rows_i,
  input logic [NearRows*quasim_pkg::THRESHOLD_BITS-1:0]     near_i,
  input logic [Lanes*quasim_pkg::SAMPLE_BITS-1:0]           out_i
);

  localparam int UBits      = quasim_pkg::THRESHOLD_BITS;
  localparam int FarBits    = quasim_pkg::FAR_BITS;
  localparam int FarRows    = quasim_pkg::FAR_ROWS;
  localparam int RankBits   = quasim_pkg::RANK_BITS;
  localparam int SampleBits = quasim_pkg::SAMPLE_BITS;
  localparam int FoldBits   = quasim_pkg::FOLD_BITS;
  localparam bit HasFused   = (Dataflows / 2 == 1);
  localparam bit HasBoth    = (Dataflows == 3);

  logic                        fused;
  logic [Lanes*SampleBits-1:0] wanted, wanted_q;
  logic                        seen_q = 1'b0;  // something was put into the register

  assign fused = HasFused & (fused_i | ~HasBoth);

  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic [IndexBits-1:0]       index;
    logic [UBits+RankBits-1:0]  place;  // {u, rank}, where the unit has fused
    logic [RankBits-1:0]        guess;
    logic [UBits-1:0]           u;
    logic [FarBits-1:0]         behind;
    logic signed [RankBits+2:0] rank, turn;
    logic                       reached;
    logic [SampleBits-1:0]      entry, value, folded;
    logic signed [ConvBits-1:0] q;
    logic [ConvBits-1:0]        size;  // |q|
    logic [FoldBits-1:0]        fold;
    assign index   = q_i[i*IndexBits+:IndexBits];
    assign place   = (UBits+RankBits)'(index);
    assign guess   = place[RankBits-1:0];
    assign u       = place[RankBits+:UBits];
    assign behind  = u[FarBits-1:0] - FarBits'(rows_i >> (((32'(guess) + FarRows - NearRows) % FarRows) * FarBits));
    assign reached = (32'(guess) < NearRows) ? (u >= UBits'(near_i >> (32'(guess) * UBits))) : ~behind[FarBits-1];
    assign rank    = (RankBits+3)'(guess) + (RankBits+3)'(reached);
    assign turn    = (RankBits+3)'(turn_i);
    assign value   = SampleBits'((rank <= turn) ? -rank : rank - (turn <<< 1));
    assign entry   = SampleBits'(rows_i >> ((32'(index[ConvBits-1:0]) ^ (32'd1 << (ConvBits - 1))) * SampleBits));
    assign q       = index[ConvBits-1:0];
    assign size    = (q < 0) ? -q : q;
    assign fold    = FoldBits'(rows_i >> ((32'(size) % (32'd1 << (ConvBits - 1))) * FoldBits));
    assign folded  = (q == 0) ? '0 : SampleBits'((q < 0) ? 0 : 32'(q)) - SampleBits'(fold);
    assign wanted[i*SampleBits+:SampleBits] = !keep_i[i] ? '0 : fused ? value : (Folded == 1) ? folded : entry;
  end

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      wanted_q <= wanted;
      seen_q   <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (seen_q) begin
      assert (out_i == wanted_q) else $error("silu: out is not what the tables say");
    end
  end

endmodule

bind quasim_silu quasim_silu_checker #(
  .Lanes(Lanes),
  .Dataflows(Dataflows),
  .Folded(Folded),
  .ConvBits(ConvBits),
  .TableBits(TableBits),
  .NearRows(NearRows),
  .IndexBits(IndexBits)
) u_checker (
  .*,
  .en_i  (out_en_i),
  .rows_i(rows_q),
  .near_i(near_q),
  .out_i (out_o)
);
