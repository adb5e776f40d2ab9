// A read port of a table in flip-flops.
//
// value_o is row index_i of rows_i, row 0 lowest. An index beyond the rows, which the caller never uses, gives anything.
// This form leaves the structure to the tool. rtl/asic/quasim_table_read.sv has the same ports and values in a structure for standard cells.
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

  assign value_o = rows_i[index_i*Width+:Width];

endmodule
