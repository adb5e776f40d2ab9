// The dot product of four int8 weights and four int8 samples, exact: what the acc register of a lane takes.
//
// Byte j of the one multiplies byte j of the other. This form leaves the structure to the tool, which suits simulation and the
// multipliers of an FPGA. rtl/asic/quasim_dot4.sv has the same ports and values in a structure for standard cells.
// Deliberately absent: any register. Each product needs 15 bits and a sign, the sum of four 18 bits: nothing is truncated.
// Registered: nothing.

module quasim_dot4 (
  input  logic [31:0]                            weights_i,
  input  logic [31:0]                            samples_i,
  output logic signed [quasim_pkg::ACC_BITS-1:0] acc_o
);

  logic signed [31:0] w0, w1, w2, w3;
  logic signed [31:0] x0, x1, x2, x3;

  // Sign extension by assignment to a wider signed operand.
  assign w0 = 32'($signed(weights_i[7:0]));
  assign w1 = 32'($signed(weights_i[15:8]));
  assign w2 = 32'($signed(weights_i[23:16]));
  assign w3 = 32'($signed(weights_i[31:24]));
  assign x0 = 32'($signed(samples_i[7:0]));
  assign x1 = 32'($signed(samples_i[15:8]));
  assign x2 = 32'($signed(samples_i[23:16]));
  assign x3 = 32'($signed(samples_i[31:24]));

  assign acc_o = quasim_pkg::ACC_BITS'(w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3);

endmodule
