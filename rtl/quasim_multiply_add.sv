// p = M*acc + B, exact: what the product register of a lane takes.
//
// This form leaves the structure to the tool, which suits simulation and the multipliers of an FPGA. rtl/asic/quasim_multiply_add.sv
// has the same ports and values in a structure for standard cells.
// Deliberately absent: any register. Nothing is truncated where OutBits holds M*acc, MultBits + ACC_BITS - 1 bits, and B, and one more.
// Registered: nothing.

module quasim_multiply_add #(
  parameter int MultBits = quasim_pkg::MULT_BITS_DEFAULT,
  parameter int BiasBits = quasim_pkg::BIAS_BITS_DEFAULT,
  parameter int OutBits  = 49
) (
  input  logic [MultBits-1:0]                    multiplier_i,
  input  logic signed [quasim_pkg::ACC_BITS-1:0] acc_i,
  input  logic signed [BiasBits-1:0]             bias_i,
  output logic signed [OutBits-1:0]              p_o
);

  logic signed [63:0] multiplier, acc, bias;

  assign multiplier = 64'($signed({1'b0, multiplier_i}));
  assign acc        = 64'(acc_i);
  assign bias       = 64'(bias_i);
  assign p_o        = OutBits'(multiplier * acc + bias);

endmodule
