// Bound to every quasim_spill: a FIFO of two, written as its specification: what came in goes out once, in order, and waits unchanged.
//
// Immediate properties on the clock edge; in reset the unit is empty.
// Registered: the beats inside.

module quasim_spill_checker #(
  parameter int Width = 8
) (
  // [ports of quasim_spill: scripts/emit_spec.py]
  input logic             clk_i,
  input logic             rst_ni,
  input logic             valid_i,
  input logic             ready_o,
  input logic [Width-1:0] data_i,
  input logic             valid_o,
  input logic             ready_i,
  input logic [Width-1:0] data_o,
  input logic             busy_o,
  // [end]
  input logic [Width-1:0] tail_q
);

  logic [1:0]       count_q, count_d;
  logic [Width-1:0] oldest_q, oldest_d, newest_q, newest_d;

  always_comb begin
    count_d  = count_q;
    oldest_d = oldest_q;
    newest_d = newest_q;
    if (valid_o && ready_i) begin
      count_d  = count_d - 1'b1;
      oldest_d = newest_q;
    end
    if (valid_i && ready_o) begin
      if (count_d == '0) oldest_d = data_i;
      else newest_d = data_i;
      count_d = count_d + 1'b1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_d;
  end

  always_ff @(posedge clk_i) begin
    oldest_q <= oldest_d;
    newest_q <= newest_d;
  end

  always_ff @(posedge clk_i) begin
    assert (count_q <= 2'd2) else $error("spill holds more than two beats");
    assert (valid_o == (count_q != '0)) else $error("spill: valid is not 'a beat is inside'");
    assert (ready_o == (count_q != 2'd2)) else $error("spill: ready is not 'there is room'");
    assert (busy_o == (count_q != '0)) else $error("spill: busy is not 'a beat is inside'");
    if (count_q != '0) begin
      assert (data_o == oldest_q) else $error("spill: the output is not the oldest beat");
    end
    if (count_q == 2'd2) begin
      assert (tail_q == newest_q) else $error("spill: the second beat has changed");
    end
  end

endmodule

bind quasim_spill quasim_spill_checker #(
  .Width(Width)
) u_checker (
  .*
);
