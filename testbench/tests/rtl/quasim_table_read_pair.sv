// quasim_table_read beside another form of it, which is named other_quasim_table_read: every index of random tables.

module quasim_table_read_pair #(
  parameter int Rows  = 128,
  parameter int Width = 16,
  parameter int Seed  = 1
);

  localparam int IndexBits = (Rows > 1) ? $clog2(Rows) : 1;

  logic [Rows*Width-1:0] rows;
  logic [IndexBits-1:0]  index;
  logic [Width-1:0]      plain, other;
  integer                seed = Seed, checks = 0;

  quasim_table_read #(
    .Rows(Rows),
    .Width(Width)
  ) u_plain (
    .rows_i(rows),
    .index_i(index),
    .value_o(plain)
  );

  other_quasim_table_read #(
    .Rows(Rows),
    .Width(Width)
  ) u_other (
    .rows_i(rows),
    .index_i(index),
    .value_o(other)
  );

  task automatic run;
    integer n, i, r;
    begin
      for (n = 0; n < 4; n = n + 1) begin
        for (r = 0; r < Rows; r = r + 1) rows[r*Width+:Width] = $urandom(seed);
        for (i = 0; i < Rows; i = i + 1) begin
          index = i;
          #1;
          checks = checks + 1;
          if (plain !== other) begin
            $display("FAIL quasim_table_read Rows=%0d Width=%0d: row %0d is %h in rtl, %h in the other form", Rows, Width, i, plain, other);
            $fatal(1);
          end
        end
      end
    end
  endtask

endmodule
