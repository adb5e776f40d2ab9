// The rank that a cell {K, G} of the guess of fused gives for a position in it:
//   c = (K + ((G * position) >> CELL_POSITION_BITS)) >> 1
//
// Deliberately absent: any register.
// Registered: nothing.

module quasim_cell_rank (
  input  logic [quasim_pkg::CELL_WIDTH-1:0]         cell_i,
  input  logic [quasim_pkg::CELL_POSITION_BITS-1:0] position_i,
  output logic [quasim_pkg::RANK_BITS-1:0]          c_o
);

  localparam int BaseBits     = quasim_pkg::CELL_BASE_BITS;
  localparam int SlopeBits    = quasim_pkg::CELL_SLOPE_BITS;
  localparam int PositionBits = quasim_pkg::CELL_POSITION_BITS;

  logic [BaseBits-1:0]               base, half_ranks;
  logic [SlopeBits-1:0]              slope;
  logic [SlopeBits+PositionBits-1:0] rise;

  assign base  = cell_i[BaseBits-1:0];
  assign slope = cell_i[BaseBits+:SlopeBits];
  assign rise  = (SlopeBits+PositionBits)'(slope) * (SlopeBits+PositionBits)'(position_i);
  // Half ranks, modulo 2^BaseBits; the compiler keeps them below it. The fractions of both shifts are dropped.
  assign half_ranks = base + BaseBits'(rise >> PositionBits);
  assign c_o        = quasim_pkg::RANK_BITS'(half_ranks >> 1);

endmodule
