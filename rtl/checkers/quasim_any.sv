// A value that stays: in simulation a random one for each place, in a proof every one at once.
//
// What holds for this number holds for all; a checker looks at one word of a memory instead of keeping them all.
// Registered: value_q, for good.

module quasim_any #(
  parameter int Width = 1
) (
  input logic clk_i
);

  logic [Width-1:0] value_q;

  initial value_q = Width'($urandom);

  always_ff @(posedge clk_i) value_q <= value_q;

endmodule
