// One lane of the guess of fused: from u to a rank that is right or one too small.
//
// u_i holds the top bits of u. The first of them choose a cell {K, G}, the others say where in the cell u lies:
//   c = (K + ((G * position) >> CELL_POSITION_BITS)) >> 1
// Deliberately absent: any register, and proof that the cells are good; the compiler gives it.
// Registered: nothing.

module quasim_rank_guess #(
  parameter int CellBits = quasim_pkg::CELL_BITS_DEFAULT
) (
  input  logic [(1<<CellBits)*quasim_pkg::CELL_WIDTH-1:0]    cells_i,
  input  logic [CellBits+quasim_pkg::CELL_POSITION_BITS-1:0] u_i,
  output logic [quasim_pkg::RANK_BITS-1:0]                   c_o
);

  localparam int CellWidth    = quasim_pkg::CELL_WIDTH;
  localparam int BaseBits     = quasim_pkg::CELL_BASE_BITS;
  localparam int SlopeBits    = quasim_pkg::CELL_SLOPE_BITS;
  localparam int PositionBits = quasim_pkg::CELL_POSITION_BITS;

  logic [CellBits-1:0]               number;
  logic [PositionBits-1:0]           position;
  logic [CellWidth-1:0]              chosen;
  logic [BaseBits-1:0]               base, half_ranks;
  logic [SlopeBits-1:0]              slope;
  logic [SlopeBits+PositionBits-1:0] rise;

  assign number   = u_i[PositionBits+:CellBits];
  assign position = u_i[PositionBits-1:0];
  assign chosen   = cells_i[number*CellWidth+:CellWidth];
  assign base     = chosen[BaseBits-1:0];
  assign slope    = chosen[BaseBits+:SlopeBits];
  assign rise     = (SlopeBits+PositionBits)'(slope) * (SlopeBits+PositionBits)'(position);
  // Half ranks, modulo 2^BaseBits; the compiler keeps them below it. The fractions of both shifts are dropped.
  assign half_ranks = base + BaseBits'(rise >> PositionBits);
  assign c_o        = quasim_pkg::RANK_BITS'(half_ranks >> 1);

endmodule
