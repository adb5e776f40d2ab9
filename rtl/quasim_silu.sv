// silu: the table of 2^N int8 entries, one read port a lane, and the out register of all lanes.
//
// Entry index is q + 2^(N-1), which is q with its sign bit inverted. Lanes without a channel give 0.
// Deliberately absent: valid bits and any interpolation; the table is the function. The table is not reset.
// Registered: out_o, table_rdata_o. at_limit_o is decoded from the out register; an out of 0 never sets it.

module quasim_silu #(
  parameter int Lanes    = 16,
  parameter int ConvBits = 8
) (
  input  logic                                     clk_i,
  input  logic                                     out_en_i,
  input  logic [Lanes*ConvBits-1:0]                q_i,
  input  logic [Lanes-1:0]                         keep_i,
  output logic [Lanes*quasim_pkg::SAMPLE_BITS-1:0] out_o,
  output logic [Lanes-1:0]                         at_limit_o,
  // window access: four entries from table_entry_i on, a multiple of four
  input  logic                                     table_wen_i,
  input  logic                                     table_ren_i,
  input  logic [ConvBits-1:0]                      table_entry_i,
  input  logic [31:0]                              table_wdata_i,
  output logic [31:0]                              table_rdata_o
);

  localparam int SBits   = quasim_pkg::SAMPLE_BITS;
  localparam int Entries = 1 << ConvBits;

  logic [SBits-1:0]    table_q [Entries];
  logic [31:0]         table_rdata_q;
  logic [ConvBits-1:0] entry0, entry1, entry2, entry3;

  assign entry0 = table_entry_i;
  assign entry1 = table_entry_i | {{(ConvBits-2){1'b0}}, 2'd1};
  assign entry2 = table_entry_i | {{(ConvBits-2){1'b0}}, 2'd2};
  assign entry3 = table_entry_i | {{(ConvBits-2){1'b0}}, 2'd3};

  always_ff @(posedge clk_i) begin
    if (table_wen_i) begin
      table_q[entry0] <= table_wdata_i[7:0];
      table_q[entry1] <= table_wdata_i[15:8];
      table_q[entry2] <= table_wdata_i[23:16];
      table_q[entry3] <= table_wdata_i[31:24];
    end
  end

  always_ff @(posedge clk_i) begin
    if (table_ren_i) begin
      table_rdata_q <= {table_q[entry3], table_q[entry2], table_q[entry1], table_q[entry0]};
    end
  end

  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic [ConvBits-1:0] index;
    logic [SBits-1:0]    out_q, out_d;

    assign index = q_i[i*ConvBits+:ConvBits] ^ {1'b1, {(ConvBits-1){1'b0}}};
    assign out_d = keep_i[i] ? table_q[index] : '0;

    always_ff @(posedge clk_i) begin
      if (out_en_i) out_q <= out_d;
    end

    assign out_o[i*SBits+:SBits] = out_q;
    assign at_limit_o[i] = (out_q == {1'b1, {(SBits-1){1'b0}}}) | (out_q == {1'b0, {(SBits-1){1'b1}}});
  end

  assign table_rdata_o = table_rdata_q;

endmodule
