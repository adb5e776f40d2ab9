// silu: the tables of all lanes, their read ports, and the out register.
//
// two_step: entry q + 2^(N-1), which is q with its sign bit inverted, of 2^N int8 entries; two of them make a row. The rows have
// 2^TableBits bytes, 256 at least where the unit has fused.
// Folded: out = max(q, 0) - g, with g entry |q| of 2^(N-1) entries of FOLD_BITS, four of them to a row. The least q has entry 0, since
// out is 0 at q = 0.
// fused: {u, c} holds u and a guessed rank. Near thresholds (c < NearRows) lie in a table of their own at full width; of the far
// ones the low FAR_BITS are in row c - NearRows of the same storage as the entries. One comparison makes c the rank; outputs fall
// by one a rank up to rank turn, and rise from there. A far threshold is never further from u than FAR_BITS can tell.
// Lanes without a channel give 0.
// Dataflows: bit 0, the unit has two_step; bit 1, it has fused. Where it has one, fused_i does not matter.
// Deliberately absent: valid bits; reset of the tables, as a program writes all that it reads.
// Registered: out_o, table_rdata_o, near_rdata_o. at_limit_o is decoded from the out register; an out of 0 never sets it.

module quasim_silu #(
  parameter int Lanes     = 16,
  parameter int Dataflows = quasim_pkg::DATAFLOWS_DEFAULT,
  parameter int Folded    = quasim_pkg::FOLDED_DEFAULT,
  parameter int ConvBits  = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int TableBits = 8,
  parameter int WordBits  = 6,
  parameter int NearRows  = 40,
  parameter int NearBits  = 6,
  parameter int IndexBits = 30
) (
  input  logic                                     clk_i,
  input  logic                                     fused_i,
  input  logic [quasim_pkg::TURN_BITS-1:0]         turn_i,
  input  logic                                     out_en_i,
  input  logic [Lanes*IndexBits-1:0]               q_i,
  input  logic [Lanes-1:0]                         keep_i,
  output logic [Lanes*quasim_pkg::SAMPLE_BITS-1:0] out_o,
  output logic [Lanes-1:0]                         at_limit_o,
  // window access to the rows, a word of two at a time; a write and a read may meet
  input  logic                                     table_wen_i,
  input  logic [WordBits-1:0]                      table_windex_i,
  input  logic [31:0]                              table_wdata_i,
  input  logic                                     table_ren_i,
  input  logic [WordBits-1:0]                      table_rindex_i,
  output logic [31:0]                              table_rdata_o,
  // window access to the near thresholds, likewise
  input  logic                                     near_wen_i,
  input  logic [NearBits-1:0]                      near_windex_i,
  input  logic [quasim_pkg::THRESHOLD_BITS-1:0]    near_wdata_i,
  input  logic                                     near_ren_i,
  input  logic [NearBits-1:0]                      near_rindex_i,
  output logic [quasim_pkg::THRESHOLD_BITS-1:0]    near_rdata_o
);

  localparam int SampleBits = quasim_pkg::SAMPLE_BITS;
  localparam int UBits      = quasim_pkg::THRESHOLD_BITS;
  localparam int FarBits    = quasim_pkg::FAR_BITS;
  localparam int RankBits   = quasim_pkg::RANK_BITS;
  localparam int RowBits    = TableBits - 1;
  localparam int Words      = 1 << (RowBits - 1);  // of the window, two rows each
  localparam int PlaceBits  = (Words > 1) ? $clog2(Words) : 1;
  localparam int FarIndex   = $clog2(quasim_pkg::FAR_ROWS);
  localparam bit HasTwoStep = (Dataflows % 2 == 1);
  localparam bit HasFused   = (Dataflows / 2 == 1);

  // ---- rows ----
  logic [(1<<RowBits)*FarBits-1:0] rows_q;
  logic [31:0]                     table_read, table_rdata_q;
  logic [PlaceBits-1:0]            windex, rindex;
  logic                            fused;

  assign fused = HasFused & (fused_i | ~HasTwoStep);

  // a table of one word needs no index
  assign windex = (Words > 1) ? PlaceBits'(table_windex_i) : '0;
  assign rindex = (Words > 1) ? PlaceBits'(table_rindex_i) : '0;

  always_ff @(posedge clk_i) begin
    if (table_wen_i) begin
      for (int w = 0; w < Words; w++) begin
        if (windex == PlaceBits'(w)) rows_q[w*32+:32] <= table_wdata_i;
      end
    end
  end

  quasim_table_read #(
    .Rows (Words),
    .Width(32)
  ) u_window (
    .rows_i (rows_q),
    .index_i(rindex),
    .value_o(table_read)
  );

  always_ff @(posedge clk_i) begin
    if (table_ren_i) table_rdata_q <= table_read;
  end

  logic unused_index;

  assign unused_index  = &{1'b0, table_windex_i, table_rindex_i};
  assign table_rdata_o = table_rdata_q;

  // ---- near thresholds ----
  logic [NearRows*UBits-1:0] near_q;

  if (HasFused) begin : gen_near
    logic [UBits-1:0] near_rdata_q;

    logic [UBits-1:0] near_read;

    always_ff @(posedge clk_i) begin
      if (near_wen_i) begin
        for (int r = 0; r < NearRows; r++) begin
          if (near_windex_i == NearBits'(r)) near_q[r*UBits+:UBits] <= near_wdata_i;
        end
      end
    end

    quasim_table_read #(
      .Rows (NearRows),
      .Width(UBits)
    ) u_near_window (
      .rows_i (near_q),
      .index_i(near_rindex_i),
      .value_o(near_read)
    );

    always_ff @(posedge clk_i) begin
      if (near_ren_i) near_rdata_q <= near_read;
    end

    assign near_rdata_o = near_rdata_q;
  end else begin : gen_no_near
    logic unused_near;

    assign near_q       = '0;
    assign near_rdata_o = '0;
    assign unused_near  = &{1'b0, near_q, near_wen_i, near_windex_i, near_wdata_i, near_ren_i, near_rindex_i, turn_i, fused_i};
  end

  // ---- lanes ----
  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic [IndexBits-1:0]  index;
    logic [RowBits-1:0]    level_row, row;
    logic [FarBits-1:0]    entry;
    logic [SampleBits-1:0] level_out, rank_out, out_q, out_d;

    assign index = q_i[i*IndexBits+:IndexBits];

    if (Folded == 1) begin : gen_folded
      localparam int FoldBits = quasim_pkg::FOLD_BITS;
      localparam int SizeBits = ConvBits - 1;

      logic [SizeBits-1:0] size;  // |q|; 0 for the least q too
      logic [FoldBits-1:0] stored, g;
      logic                negative;
      logic                unused_rows;

      assign negative  = index[ConvBits-1];
      assign size      = (index[SizeBits-1:0] ^ {SizeBits{negative}}) + SizeBits'(negative);
      assign g         = (negative || size != '0) ? stored : '0;
      assign level_out = (negative ? '0 : SampleBits'(size)) - SampleBits'(g);

      quasim_table_port #(
        .Rows    (1 << SizeBits),
        .Width   (FoldBits),
        .WordRows(32 / FoldBits),
        .WordBits(WordBits)
      ) u_fold (
        .clk_i   (clk_i),
        .wen_i   (table_wen_i),
        .windex_i(table_windex_i),
        .wdata_i (table_wdata_i),
        .rows_i  (rows_q[(FoldBits<<SizeBits)-1:0]),
        .index_i (size),
        .value_o (stored)
      );

      assign level_row   = '0;
      assign entry       = '0;
      assign unused_rows = &{1'b0, row, entry, rows_q};
    end else begin : gen_full
      logic [ConvBits-1:0]  from_least;
      logic [TableBits-1:0] level;

      assign from_least = index[ConvBits-1:0] ^ {1'b1, {(ConvBits-1){1'b0}}};
      assign level      = TableBits'(from_least);
      assign level_row  = level[TableBits-1:1];
      assign level_out  = level[0] ? entry[15:8] : entry[7:0];

      quasim_table_port #(
        .Rows    (1 << RowBits),
        .Width   (FarBits),
        .WordRows(32 / FarBits),
        .WordBits(WordBits)
      ) u_row (
        .clk_i   (clk_i),
        .wen_i   (table_wen_i),
        .windex_i(table_windex_i),
        .wdata_i (table_wdata_i),
        .rows_i  (rows_q),
        .index_i (row),
        .value_o (entry)
      );
    end

    if (HasFused) begin : gen_rank
      logic [UBits-1:0]    u, threshold, near_threshold;
      logic [RankBits-1:0] c;
      logic [FarIndex-1:0] far;
      logic [RankBits:0]   rank;
      logic [UBits:0]      apart;
      logic                near, reached, falls;

      assign u         = index[RankBits+:UBits];
      assign c         = index[RankBits-1:0];
      assign near      = (c < RankBits'(NearRows));
      assign far       = c[FarIndex-1:0] - FarIndex'(NearRows);
      assign row       = fused ? RowBits'(far) : level_row;
      assign threshold = near ? near_threshold : {{(UBits-FarBits){1'b0}}, entry};
      assign apart     = {1'b0, u} - {1'b0, threshold};
      assign reached   = near ? ~apart[UBits] : ~apart[FarBits-1];
      assign rank      = {1'b0, c} + (RankBits+1)'(reached);
      assign falls     = (rank <= (RankBits+1)'(turn_i));
      assign rank_out  = falls ? -rank[SampleBits-1:0] : rank[SampleBits-1:0] - SampleBits'({turn_i, 1'b0});

      quasim_table_port #(
        .Rows    (NearRows),
        .Width   (UBits),
        .WordRows(1),
        .WordBits(NearBits)
      ) u_near (
        .clk_i   (clk_i),
        .wen_i   (near_wen_i),
        .windex_i(near_windex_i),
        .wdata_i (near_wdata_i),
        .rows_i  (near_q),
        .index_i (c[NearBits-1:0]),
        .value_o (near_threshold)
      );
    end else begin : gen_no_rank
      assign row      = level_row;
      assign rank_out = '0;
    end

    assign out_d = keep_i[i] ? (fused ? rank_out : level_out) : '0;

    always_ff @(posedge clk_i) begin
      if (out_en_i) out_q <= out_d;
    end

    assign out_o[i*SampleBits+:SampleBits] = out_q;
    assign at_limit_o[i] = (out_q == {1'b1, {(SampleBits-1){1'b0}}}) | (out_q == {1'b0, {(SampleBits-1){1'b1}}});
  end

endmodule
