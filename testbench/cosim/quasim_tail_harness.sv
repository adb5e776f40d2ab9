// requant and silu alone, every accumulator at will: what quasim certify --rtl drives through the complete domain.
//
// Lane i gets acc_base_i + i, all lanes one bias word. All registers move every cycle: q_o shows an accumulator two edges after
// it was applied, out_o three. q_o holds the low bits of the q register, which is q in two_step.
// Deliberately absent: handshakes, the MAC and the AXI4-Lite decoding, which co-simulation covers.

module quasim_tail_harness #(
  parameter int Lanes      = 16,
  parameter int Dataflows  = quasim_pkg::DATAFLOWS_DEFAULT,
  parameter int ConvBits   = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int CellBits   = quasim_pkg::CELL_BITS_DEFAULT,
  parameter int NearBlocks = quasim_pkg::NEAR_BLOCKS_DEFAULT,
  parameter int Folded     = quasim_pkg::FOLDED_DEFAULT,
  parameter int MultBits   = quasim_pkg::MULT_BITS_MAX,
  parameter int BiasBits   = quasim_pkg::BIAS_BITS_MAX
) (
  input  logic                                   clk_i,
  input  logic                                   fused_i,
  input  logic [quasim_pkg::TURN_BITS-1:0]       turn_i,
  input  logic signed [quasim_pkg::ACC_BITS-1:0] acc_base_i,
  input  logic [MultBits-1:0]                    multiplier_i,
  input  logic [quasim_pkg::SHIFT_BITS-1:0]      shift_i,
  input  logic                                   half_away_i,
  input  logic                                   bias_wen_i,
  input  logic [BiasBits-1:0]                    bias_wdata_i,
  // one word of a table a cycle: index counts words of four bytes, cells or near thresholds
  input  logic                                   table_wen_i,
  input  logic                                   guess_wen_i,
  input  logic                                   near_wen_i,
  input  logic [9:0]                             windex_i,
  input  logic [31:0]                            wdata_i,
  output logic [Lanes*16-1:0]                    q_o,
  output logic [Lanes*8-1:0]                     out_o
);

  localparam int IndexBits = quasim_pkg::THRESHOLD_BITS + quasim_pkg::RANK_BITS;
  localparam int CellWidth = quasim_pkg::CELL_WIDTH;
  localparam int NearRows  = quasim_pkg::NEAR_BLOCK_ROWS * NearBlocks;
  localparam int NearBits  = $clog2(NearRows);
  // as in quasim_top
  localparam int FoldedBits = (ConvBits < 4) ? 2 : ConvBits - 2;
  localparam int TableBits  = (Folded == 1) ? FoldedBits : (Dataflows / 2 == 1 && ConvBits < 8) ? 8 : ConvBits;
  localparam int WordBits   = (TableBits > 2) ? TableBits - 2 : 1;

  logic [quasim_pkg::PRODUCT_BITS-1:0]   cut_mask;
  logic [quasim_pkg::RANK_BITS-1:0]      first_rank, last_rank;
  logic [(1<<CellBits)*CellWidth-1:0]    cells;
  logic [Lanes*IndexBits-1:0]            q;
  logic [Lanes-1:0]                      unused_at_limit;
  logic [31:0]                           unused_table_rdata;
  logic [CellWidth-1:0]                  unused_cell_rdata;
  logic [quasim_pkg::THRESHOLD_BITS-1:0] unused_near_rdata;

  assign cut_mask = (quasim_pkg::PRODUCT_BITS'(1) << shift_i) - 1'b1;

  quasim_guess_table #(
    .CellBits(CellBits)
  ) u_guess_table (
    .clk_i       (clk_i),
    .cells_o     (cells),
    .first_rank_o(first_rank),
    .last_rank_o (last_rank),
    .wen_i       (guess_wen_i),
    .windex_i    (CellBits'(windex_i)),
    .wdata_i     (CellWidth'(wdata_i)),
    .ren_i       (1'b0),
    .rindex_i    ({CellBits{1'b0}}),
    .rdata_o     (unused_cell_rdata)
  );

  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic signed [quasim_pkg::ACC_BITS-1:0] acc;
    logic                                   unused_sat;
    logic [BiasBits-1:0]                    unused_bias;

    assign acc = acc_base_i + quasim_pkg::ACC_BITS'(i);

    quasim_requant #(
      .Dataflows(Dataflows),
      .ConvBits(ConvBits),
      .CellBits(CellBits),
      .IndexBits(IndexBits),
      .MultBits(MultBits),
      .BiasBits(BiasBits),
      .Depth(1),
      .AddrBits(1)
    ) u_requant (
      .clk_i          (clk_i),
      .fused_i        (fused_i),
      .mem_ren_i      (1'b1),
      .mem_raddr_i    (1'b0),
      .product_en_i   (1'b1),
      .acc_i          (acc),
      .multiplier_i   (multiplier_i),
      .q_en_i         (1'b1),
      .shift_i        (shift_i),
      .cut_mask_i     (cut_mask),
      .half_away_i    (half_away_i),
      .cells_i        (cells),
      .first_rank_i   (first_rank),
      .last_rank_i    (last_rank),
      .q_o            (q[i*IndexBits+:IndexBits]),
      .sat_o          (unused_sat),
      .bias_wen_i     (bias_wen_i),
      .bias_waddr_i   (1'b0),
      .bias_wdata_i   (bias_wdata_i),
      .bias_rdata_o   (unused_bias)
    );

    assign q_o[i*16+:16] = q[i*IndexBits+:16];
  end

  quasim_silu #(
    .Lanes(Lanes),
    .Dataflows(Dataflows),
    .Folded(Folded),
    .ConvBits(ConvBits),
    .TableBits(TableBits),
    .WordBits(WordBits),
    .NearRows(NearRows),
    .NearBits(NearBits),
    .IndexBits(IndexBits)
  ) u_silu (
    .clk_i         (clk_i),
    .fused_i       (fused_i),
    .turn_i        (turn_i),
    .out_en_i      (1'b1),
    .q_i           (q),
    .keep_i        ({Lanes{1'b1}}),
    .out_o         (out_o),
    .at_limit_o    (unused_at_limit),
    .table_wen_i   (table_wen_i),
    .table_windex_i(WordBits'(windex_i)),
    .table_wdata_i (wdata_i),
    .table_ren_i   (1'b0),
    .table_rindex_i({WordBits{1'b0}}),
    .table_rdata_o (unused_table_rdata),
    .near_wen_i    (near_wen_i),
    .near_windex_i (NearBits'(windex_i)),
    .near_wdata_i  (quasim_pkg::THRESHOLD_BITS'(wdata_i)),
    .near_ren_i    (1'b0),
    .near_rindex_i ({NearBits{1'b0}}),
    .near_rdata_o  (unused_near_rdata)
  );

endmodule
