// Bound to every quasim_counter: the sum of all steps since the last clear, modulo 2^64, and the high half as it was at the last read.
//
// The sum is kept in two halves with a carry between them. Deliberately absent: what is counted; quasim_protocol_checker counts beats.
// Registered: the expected halves and latch.

module quasim_counter_checker #(
  parameter int StepBits = 1
) (
  // [ports of quasim_counter: scripts/emit_spec.py]
  input logic                clk_i,
  input logic                rst_ni,
  input logic                clear_i,
  input logic [StepBits-1:0] step_i,
  input logic                read_i,
  input logic [31:0]         low_o,
  input logic [31:0]         high_o,
  // [end]
  input logic [63:0]         count_q
);

  logic [32:0] low_sum;
  logic [31:0] low_q, high_q, latch_q;

  assign low_sum = {1'b0, low_q} + 33'(step_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      low_q   <= '0;
      high_q  <= '0;
      latch_q <= '0;
    end else begin
      if (clear_i) begin
        low_q   <= '0;
        high_q  <= '0;
        latch_q <= '0;
      end else begin
        low_q <= low_sum[31:0];
        if (low_sum[32]) high_q <= high_q + 1'b1;
      end
      if (read_i) latch_q <= high_q;
    end
  end

  always_ff @(posedge clk_i) begin
    assert (low_o == low_q) else $error("counter: the low half is not the sum of the steps");
    assert (count_q[63:32] == high_q) else $error("counter: the high half is not the carries of the low one");
    assert (high_o == latch_q) else $error("counter: the latch is not the high half at the last read");
    assert (count_q[31:0] == low_o) else $error("counter: the low half shown is not the count's");
  end

endmodule

bind quasim_counter quasim_counter_checker #(
  .StepBits(StepBits)
) u_checker (
  .*
);
