// silu: the table of 2^N int8 entries, one read port a lane, and the out register of all lanes.
//
// Entry index is q + 2^(N-1), which is q with its sign bit inverted. Lanes without a channel give 0.
// Deliberately absent: valid bits and any interpolation; the table is the function. The table is not reset.
// Registered: out_o, table_rdata_o. at_limit_o is decoded from the out register; an out of 0 never sets it.

module quasim_silu #(
  parameter int Lanes    = 16,
  parameter int ConvBits = quasim_pkg::CONV_BITS_DEFAULT
) (
  input  logic                                     clk_i,
  input  logic                                     out_en_i,
  input  logic [Lanes*ConvBits-1:0]                q_i,
  input  logic [Lanes-1:0]                         keep_i,
  output logic [Lanes*quasim_pkg::SAMPLE_BITS-1:0] out_o,
  output logic [Lanes-1:0]                         at_limit_o,
  // window access: four entries at a time, from a multiple of four on; a write and a read may meet
  input  logic                                     table_wen_i,
  input  logic [ConvBits-1:0]                      table_wentry_i,
  input  logic [31:0]                              table_wdata_i,
  input  logic                                     table_ren_i,
  input  logic [ConvBits-1:0]                      table_rentry_i,
  output logic [31:0]                              table_rdata_o
);

  localparam int SampleBits = quasim_pkg::SAMPLE_BITS;
  localparam int Entries    = 1 << ConvBits;

  logic [SampleBits-1:0] table_q [Entries];
  logic [31:0]           table_rdata_q;

  for (genvar i = 0; i < 4; i++) begin : gen_byte
    localparam logic [ConvBits-1:0] Byte = ConvBits'(i);

    always_ff @(posedge clk_i) begin
      if (table_wen_i) table_q[table_wentry_i | Byte] <= table_wdata_i[i*8+:8];
    end

    always_ff @(posedge clk_i) begin
      if (table_ren_i) table_rdata_q[i*8+:8] <= table_q[table_rentry_i | Byte];
    end
  end

  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic [ConvBits-1:0] index;
    logic [SampleBits-1:0]    out_q, out_d;

    assign index = q_i[i*ConvBits+:ConvBits] ^ {1'b1, {(ConvBits-1){1'b0}}};
    assign out_d = keep_i[i] ? table_q[index] : '0;

    always_ff @(posedge clk_i) begin
      if (out_en_i) out_q <= out_d;
    end

    assign out_o[i*SampleBits+:SampleBits] = out_q;
    assign at_limit_o[i] = (out_q == {1'b1, {(SampleBits-1){1'b0}}}) | (out_q == {1'b0, {(SampleBits-1){1'b1}}});
  end

  assign table_rdata_o = table_rdata_q;

endmodule
