// The forms of rtl/fpga against those of rtl, side by side; the former have the prefix other_.
//
// quasim_table_port: random writes of a window into flip-flops and into the LUT memory of the other form, words beyond the rows and
// writes in the cycle of a read among them; every index after each write, at the shapes that the unit has. quasim_table_read: every index.
// Prints PASS with the number of comparisons, or FAIL and the first difference.

module quasim_table_port_pair #(
  parameter int Rows     = 128,
  parameter int Width    = 16,
  parameter int WordRows = 2,
  parameter int WordBits = 6,
  parameter int Seed     = 1
);

  localparam int IndexBits = (Rows > 1) ? $clog2(Rows) : 1;
  localparam int Words     = (Rows + WordRows - 1) / WordRows;

  logic                            clk, wen;
  logic [WordBits-1:0]             windex;
  logic [WordRows*Width-1:0]       wdata;
  logic [Words*WordRows*Width-1:0] rows;
  logic [IndexBits-1:0]            index;
  logic [Width-1:0]                plain, other;
  integer                          seed = Seed, checks = 0;

  quasim_table_port #(
    .Rows    (Rows),
    .Width   (Width),
    .WordRows(WordRows),
    .WordBits(WordBits)
  ) u_plain (
    .clk_i   (clk),
    .wen_i   (wen),
    .windex_i(windex),
    .wdata_i (wdata),
    .rows_i  (rows[Rows*Width-1:0]),
    .index_i (index),
    .value_o (plain)
  );

  other_quasim_table_port #(
    .Rows    (Rows),
    .Width   (Width),
    .WordRows(WordRows),
    .WordBits(WordBits)
  ) u_other (
    .clk_i   (clk),
    .wen_i   (wen),
    .windex_i(windex),
    .wdata_i (wdata),
    .rows_i  ({(Rows*Width){1'bx}}),
    .index_i (index),
    .value_o (other)
  );

  // What the module that has the port does.
  always @(posedge clk) if (wen && windex < Words) rows[windex*WordRows*Width+:WordRows*Width] <= wdata;

  task automatic compare;
    integer i;
    begin
      for (i = 0; i < Rows; i = i + 1) begin
        index = i;
        #1;
        checks = checks + 1;
        if (plain !== other) begin
          $display("FAIL quasim_table_port Rows=%0d Width=%0d: row %0d is %h in rtl, %h in rtl/fpga", Rows, Width, i, plain, other);
          $fatal(1);
        end
      end
    end
  endtask

  task automatic write(input integer at, input integer enabled);
    begin
      windex = at;
      wen    = enabled;
      wdata  = {$urandom(seed), $urandom(seed)};
      index  = at * WordRows;
      #1 clk = 1;
      #1 clk = 0;
      wen = 0;
    end
  endtask

  task automatic run;
    integer n;
    begin
      clk = 0;
      wen = 0;
      for (n = 0; n < (1 << WordBits); n = n + 1) write(n, 1);
      compare();
      for (n = 0; n < 40; n = n + 1) begin
        write($urandom(seed), n % 4 != 0);
        compare();
      end
    end
  endtask

endmodule

module quasim_fpga_forms_tb;

  quasim_table_port_pair u_rows ();
  quasim_table_port_pair #(.Rows(40), .Width(22), .WordRows(1), .WordBits(6), .Seed(2)) u_near ();
  quasim_table_port_pair #(.Rows(8), .Width(22), .WordRows(1), .WordBits(3), .Seed(3)) u_near_least ();
  quasim_table_port_pair #(.Rows(128), .Width(4), .WordRows(8), .WordBits(4), .Seed(4)) u_folded ();
  quasim_table_port_pair #(.Rows(4), .Width(4), .WordRows(8), .WordBits(6), .Seed(5)) u_folded_least ();
  quasim_table_port_pair #(.Rows(2), .Width(16), .WordRows(2), .WordBits(1), .Seed(6)) u_smallest ();
  quasim_table_port_pair #(.Rows(2048), .Width(16), .WordRows(2), .WordBits(10), .Seed(7)) u_largest ();
  quasim_table_read_pair u_read_rows ();
  quasim_table_read_pair #(.Rows(40), .Width(22), .Seed(2)) u_read_near ();
  quasim_table_read_pair #(.Rows(32), .Width(15), .Seed(3)) u_read_cells ();
  quasim_table_read_pair #(.Rows(1), .Width(32), .Seed(4)) u_read_word ();

  initial begin
    u_rows.run();
    u_near.run();
    u_near_least.run();
    u_folded.run();
    u_folded_least.run();
    u_smallest.run();
    u_largest.run();
    u_read_rows.run();
    u_read_near.run();
    u_read_cells.run();
    u_read_word.run();
    $display("PASS %0d comparisons", u_rows.checks + u_near.checks + u_near_least.checks + u_folded.checks + u_folded_least.checks + u_smallest.checks
             + u_largest.checks + u_read_rows.checks + u_read_near.checks + u_read_cells.checks + u_read_word.checks);
    $finish;
  end

endmodule
