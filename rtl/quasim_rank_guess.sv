// One lane of the guess of fused: from p to a rank that is right or one too small.
//
// p_i holds the top bits of u, which are p's where the clamp left p alone. The first of them choose a cell, the others say where in
// the cell u lies. Where the clamp changed p, u is 0 or its greatest value: those two guesses depend on the cells alone and are
// handed in, so that the lane does not wait for its clamp.
// Deliberately absent: any register, and proof that the cells are good; the compiler gives it.
// Registered: nothing.

module quasim_rank_guess #(
  parameter int CellBits = quasim_pkg::CELL_BITS_DEFAULT
) (
  input  logic [(1<<CellBits)*quasim_pkg::CELL_WIDTH-1:0]    cells_i,
  input  logic [quasim_pkg::RANK_BITS-1:0]                   first_i,
  input  logic [quasim_pkg::RANK_BITS-1:0]                   last_i,
  input  logic [CellBits+quasim_pkg::CELL_POSITION_BITS-1:0] p_i,
  input  logic                                               below_i,
  input  logic                                               above_i,
  output logic [quasim_pkg::RANK_BITS-1:0]                   c_o
);

  localparam int PositionBits = quasim_pkg::CELL_POSITION_BITS;

  logic [quasim_pkg::CELL_WIDTH-1:0] chosen;
  logic [quasim_pkg::RANK_BITS-1:0]  ranked;

  quasim_table_read #(
    .Rows(1 << CellBits),
    .Width(quasim_pkg::CELL_WIDTH)
  ) u_cell (
    .rows_i (cells_i),
    .index_i(p_i[PositionBits+:CellBits]),
    .value_o(chosen)
  );

  quasim_cell_rank u_inside (
    .cell_i    (chosen),
    .position_i(p_i[PositionBits-1:0]),
    .c_o       (ranked)
  );

  assign c_o = (below_i | above_i) ? (below_i ? first_i : last_i) : ranked;

endmodule
