// A read port of a table in flip-flops, in a structure for standard cells: the index decoded once, each row gated, all rows joined.
//
// Same ports and values as rtl/quasim_table_read.sv, in whose place it is read; an index beyond the rows gives 0.
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

  logic [Rows-1:0] chosen;

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    assign chosen[r] = (index_i == IndexBits'(r));
  end

  for (genvar b = 0; b < Width; b++) begin : gen_bit
    logic [Rows-1:0] column;

    for (genvar r = 0; r < Rows; r++) begin : gen_row
      assign column[r] = rows_i[r*Width+b];
    end

    assign value_o[b] = |(column & chosen);
  end

endmodule
