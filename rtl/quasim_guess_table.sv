// The cells of the guess of fused: one set for all lanes, and the guesses at both ends of u.
//
// Deliberately absent: reset; a program writes every cell.
// Registered: cells_o, rdata_o; the two guesses are decoded from cells_o.

module quasim_guess_table #(
  parameter int CellBits = quasim_pkg::CELL_BITS_DEFAULT
) (
  input  logic                                            clk_i,
  output logic [(1<<CellBits)*quasim_pkg::CELL_WIDTH-1:0] cells_o,
  output logic [quasim_pkg::RANK_BITS-1:0]                first_rank_o,
  output logic [quasim_pkg::RANK_BITS-1:0]                last_rank_o,
  // window access; a write and a read may meet
  input  logic                                            wen_i,
  input  logic [CellBits-1:0]                             windex_i,
  input  logic [quasim_pkg::CELL_WIDTH-1:0]               wdata_i,
  input  logic                                            ren_i,
  input  logic [CellBits-1:0]                             rindex_i,
  output logic [quasim_pkg::CELL_WIDTH-1:0]               rdata_o
);

  localparam int CellWidth = quasim_pkg::CELL_WIDTH;

  logic [(1<<CellBits)*CellWidth-1:0] cells_q;
  logic [CellWidth-1:0]               rdata_q, read;

  always_ff @(posedge clk_i) begin
    if (wen_i) begin
      for (int r = 0; r < (1 << CellBits); r++) begin
        if (windex_i == CellBits'(r)) cells_q[r*CellWidth+:CellWidth] <= wdata_i;
      end
    end
  end

  quasim_table_read #(
    .Rows (1 << CellBits),
    .Width(CellWidth)
  ) u_window (
    .rows_i (cells_q),
    .index_i(rindex_i),
    .value_o(read)
  );

  always_ff @(posedge clk_i) begin
    if (ren_i) rdata_q <= read;
  end

  quasim_cell_rank u_first (
    .cell_i    (cells_q[0+:CellWidth]),
    .position_i({quasim_pkg::CELL_POSITION_BITS{1'b0}}),
    .c_o       (first_rank_o)
  );

  quasim_cell_rank u_last (
    .cell_i    (cells_q[((1<<CellBits)-1)*CellWidth+:CellWidth]),
    .position_i({quasim_pkg::CELL_POSITION_BITS{1'b1}}),
    .c_o       (last_rank_o)
  );

  assign cells_o = cells_q;
  assign rdata_o = rdata_q;

endmodule
