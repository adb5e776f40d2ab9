// A read port of a table in flip-flops, in a structure for standard cells: the index decoded once, each row gated, all rows joined.
//
// Narrow rows are read in two steps, since a decoder of every row would cost more than the rows: the high bits of the index choose sixteen
// neighbours, the low bits one of them.
// Same ports and values as rtl/quasim_table_read.sv, in whose place it is read; an index beyond the rows gives 0, or a row.
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

  localparam int Together  = (Width < 8 && Rows % 16 == 0 && Rows > 16) ? 16 : 1;
  localparam int Groups    = Rows / Together;
  localparam int GroupBits = Together * Width;
  localparam int InnerBits = (Together > 1) ? $clog2(Together) : 0;

  logic [Groups-1:0]    chosen;
  logic [GroupBits-1:0] group;

  for (genvar g = 0; g < Groups; g++) begin : gen_group
    assign chosen[g] = ((index_i >> InnerBits) == IndexBits'(g));
  end

  for (genvar b = 0; b < GroupBits; b++) begin : gen_bit
    logic [Groups-1:0] column;

    for (genvar g = 0; g < Groups; g++) begin : gen_group
      assign column[g] = rows_i[g*GroupBits+b];
    end

    assign group[b] = |(column & chosen);
  end

  if (Together > 1) begin : gen_inner
    assign value_o = group[index_i[InnerBits-1:0]*Width+:Width];
  end else begin : gen_whole
    assign value_o = group;
  end

endmodule
