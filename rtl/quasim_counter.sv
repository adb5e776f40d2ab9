// A 64-bit event counter that is read in two halves: reading the low one latches the high one beside it.
//
// A read in the cycle of clear_i still gets the old pair. The count wraps.
// Deliberately absent: saturation, an overflow flag.
// Registered: all outputs.

module quasim_counter #(
  parameter int StepBits = 1
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,
  input  logic [StepBits-1:0] step_i,
  input  logic                read_i,
  output logic [31:0]         low_o,
  output logic [31:0]         high_o
);

  logic [63:0] count_q, count_d;
  logic [31:0] high_q, high_d;

  always_comb begin
    count_d = count_q + 64'(step_i);
    high_d  = high_q;
    if (clear_i) begin
      count_d = '0;
      high_d  = '0;
    end
    if (read_i) high_d = 32'(count_q >> 32);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      high_q  <= '0;
    end else begin
      count_q <= count_d;
      high_q  <= high_d;
    end
  end

  assign low_o  = 32'(count_q);
  assign high_o = high_q;

endmodule
