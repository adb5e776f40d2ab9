// A read port of a table in flip-flops, as multiplexers of LUTs.
//
// Same ports and values as rtl/quasim_table_read.sv, in whose place it is read. Rows lie a power of two apart here: a product of index and
// width would take a DSP and a shifter of the whole table.
// Deliberately absent: the flip-flops, which all read ports share.
// Registered: nothing.

module quasim_table_read #(
  parameter int Rows      = 128,
  parameter int Width     = 16,
  parameter int IndexBits = (Rows > 1) ? $clog2(Rows) : 1
) (
  input  logic [Rows*Width-1:0] rows_i,
  input  logic [IndexBits-1:0]  index_i,
  output logic [Width-1:0]      value_o
);

  localparam int Pitch = 1 << $clog2(Width);

  logic [Rows*Pitch-1:0] rows;

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    assign rows[r*Pitch+:Pitch] = Pitch'(rows_i[r*Width+:Width]);
  end

  assign value_o = rows[index_i*Pitch+:Width];

endmodule
