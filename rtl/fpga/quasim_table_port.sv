// A lane's read port of a table that a window writes, as LUT memory: each lane has a copy.
//
// Same ports and values as rtl/quasim_table_port.sv, in whose place it is read. Words beyond the rows are not written.
// Deliberately absent: the shared flip-flops, which only the window reads then; reset, as a program writes all that it reads.
// Registered: nothing; the memory takes a word at the clock and is read without one.

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

  localparam int RowBits  = $clog2(WordRows);  // WordRows is a power of two
  localparam int Words    = (Rows + WordRows - 1) / WordRows;
  localparam int AddrBits = (Words > 1) ? $clog2(Words) : 1;

  (* ram_style = "distributed" *)
  logic [WordRows*Width-1:0] words_q [Words];
  logic [WordRows*Width-1:0] word;
  logic [31:0]               address, windex;
  logic                      unused_bits;

  assign windex  = 32'(windex_i);
  assign address = 32'(index_i) >> RowBits;

  always_ff @(posedge clk_i) begin
    if (wen_i && windex < 32'(Words)) words_q[windex[AddrBits-1:0]] <= wdata_i;
  end

  assign word = words_q[address[AddrBits-1:0]];

  if (WordRows == 1) begin : gen_whole
    assign value_o = word;
  end else begin : gen_part
    logic [RowBits-1:0] row;

    assign row     = RowBits'(index_i);
    assign value_o = word[row*Width+:Width];
  end

  assign unused_bits = &{1'b0, rows_i, address[31:AddrBits], windex[31:AddrBits]};

endmodule
