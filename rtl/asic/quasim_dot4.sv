// The dot product of four int8 weights and four int8 samples, exact, in a structure for standard cells: the weights recoded to
// digits of radix 4 (Booth), the sixteen rows in one sum.
//
// As in quasim_multiply_add, with samples that have a sign: a row is -2, -1, 0, 1 or 2 times a sample; its sign bit is inverted,
// which adds 2^8 times its weight, and the corrections take that away and complete the negations.
// Same ports and values as rtl/quasim_dot4.sv, in whose place it is read.
// Deliberately absent: any register.
// Registered: nothing.

module quasim_dot4 (
  input  logic [31:0]                            weights_i,
  input  logic [31:0]                            samples_i,
  output logic signed [quasim_pkg::ACC_BITS-1:0] acc_o
);

  localparam int Bits   = quasim_pkg::ACC_BITS;
  localparam int Digits = 4;  // of a weight

  // minus 2^8 * 4^i for each digit i of the four weights: -4 * 256 * 85
  localparam logic [Bits-1:0] Weights = Bits'(-87040);

  logic [4*Digits*Bits-1:0] rows;
  logic [4*Bits-1:0]        completions;

  for (genvar tap = 0; tap < 4; tap++) begin : gen_tap
    logic [8:0] weight;
    logic [7:0] sample;

    assign weight = {weights_i[tap*8+:8], 1'b0};
    assign sample = samples_i[tap*8+:8];
    assign completions[tap*Bits+:Bits] = Bits'({weight[8], 1'b0, weight[6], 1'b0, weight[4], 1'b0, weight[2]});

    for (genvar i = 0; i < Digits; i++) begin : gen_row
      logic       one, two, negative;
      logic [8:0] multiple, row;

      assign one      = weight[2*i] ^ weight[2*i+1];
      assign two      = (weight[2*i+2] ^ weight[2*i+1]) & ~one;
      assign negative = weight[2*i+2];
      assign multiple = ({sample[7], sample} & {9{one}}) | ({sample, 1'b0} & {9{two}});
      assign row      = multiple ^ {9{negative}} ^ 9'h100;

      assign rows[(tap*Digits+i)*Bits+:Bits] = Bits'(row) << (2 * i);
    end
  end

  // one sum of everything, which synthesis builds as one tree of carry-save adders
  assign acc_o = rows[0*Bits+:Bits] + rows[1*Bits+:Bits] + rows[2*Bits+:Bits] + rows[3*Bits+:Bits] +
                 rows[4*Bits+:Bits] + rows[5*Bits+:Bits] + rows[6*Bits+:Bits] + rows[7*Bits+:Bits] +
                 rows[8*Bits+:Bits] + rows[9*Bits+:Bits] + rows[10*Bits+:Bits] + rows[11*Bits+:Bits] +
                 rows[12*Bits+:Bits] + rows[13*Bits+:Bits] + rows[14*Bits+:Bits] + rows[15*Bits+:Bits] +
                 (completions[0*Bits+:Bits] | Weights) + completions[1*Bits+:Bits] + completions[2*Bits+:Bits] + completions[3*Bits+:Bits];

endmodule
