// p = M*acc + B, exact, in a structure for standard cells: acc recoded to digits of radix 4 (Booth), all rows and B in one sum.
//
// A digit is -2, -1, 0, 1 or 2; its row is M or 2M or 0, inverted where the digit is negative, with the 1 that completes the
// negation among the corrections. The sign of a row is stored inverted in the bit above it, which is the row plus 2^(its weight);
// the corrections take that away again, a constant.
// Same ports and values as rtl/quasim_multiply_add.sv, in whose place it is read.
// Deliberately absent: any register.
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

  localparam int Digits = quasim_pkg::ACC_BITS / 2;

  // minus the 2^(MultBits+1+2i) that each row i carries above its bits
  function automatic logic [OutBits-1:0] row_weights(input logic [OutBits-1:0] unused);
    row_weights = unused & '0;
    for (int i = 0; i < Digits; i++) row_weights = row_weights - (OutBits'(1) << (MultBits + 1 + 2 * i));
  endfunction

  logic [2*Digits:0]         acc;
  logic [Digits*OutBits-1:0] rows;
  logic [OutBits-1:0]        completions, corrections;

  assign acc = {acc_i, 1'b0};

  for (genvar i = 0; i < Digits; i++) begin : gen_row
    logic              one, two, negative;
    logic [MultBits:0] multiple;

    assign one      = acc[2*i] ^ acc[2*i+1];
    assign two      = (acc[2*i+2] ^ acc[2*i+1]) & ~one;
    assign negative = acc[2*i+2];
    assign multiple = ({1'b0, multiplier_i} & {(MultBits+1){one}}) | ({multiplier_i, 1'b0} & {(MultBits+1){two}});

    assign rows[i*OutBits+:OutBits] = OutBits'({~negative, multiple ^ {(MultBits+1){negative}}}) << (2 * i);
  end

  always_comb begin
    completions = '0;
    for (int i = 0; i < Digits; i++) completions[2*i] = acc[2*i+2];
  end

  // one sum of everything, which synthesis builds as one tree of carry-save adders
  assign corrections = row_weights('0);
  assign p_o = rows[0*OutBits+:OutBits] + rows[1*OutBits+:OutBits] + rows[2*OutBits+:OutBits] + rows[3*OutBits+:OutBits] +
               rows[4*OutBits+:OutBits] + rows[5*OutBits+:OutBits] + rows[6*OutBits+:OutBits] + rows[7*OutBits+:OutBits] +
               rows[8*OutBits+:OutBits] + completions + corrections + OutBits'(bias_i);

endmodule
