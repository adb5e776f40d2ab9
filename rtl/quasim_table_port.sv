// A lane's read port of a table that a window writes.
//
// value_o is row index_i, row 0 lowest. The rows come from flip-flops that all ports share; this form takes them from there. The write
// port is for forms with a memory of their own: rtl/fpga/quasim_table_port.sv. A word of the window is WordRows rows.
// Deliberately absent: the flip-flops, and any reset.
// Registered: nothing.

module quasim_table_port #(
  parameter int Rows      = 128,
  parameter int Width     = 16,
  parameter int WordRows  = 2,
  parameter int WordBits  = 6,
  parameter int IndexBits = (Rows > 1) ? $clog2(Rows) : 1
) (
  input  logic                      clk_i,
  input  logic                      wen_i,
  input  logic [WordBits-1:0]       windex_i,
  input  logic [WordRows*Width-1:0] wdata_i,
  input  logic [Rows*Width-1:0]     rows_i,
  input  logic [IndexBits-1:0]      index_i,
  output logic [Width-1:0]          value_o
);

  logic unused_write;

  quasim_table_read #(
    .Rows (Rows),
    .Width(Width)
  ) u_read (
    .rows_i (rows_i),
    .index_i(index_i),
    .value_o(value_o)
  );

  assign unused_write = &{1'b0, clk_i, wen_i, windex_i, wdata_i};

endmodule
