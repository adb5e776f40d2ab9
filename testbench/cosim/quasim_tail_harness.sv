// requant and silu alone, every accumulator at will: what quasim certify --rtl drives through the complete domain.
//
// Lane i gets acc_base_i + i, all lanes one bias word. All registers move every cycle: q_o shows an accumulator two edges after
// it was applied, out_o three. Deliberately absent: handshakes, the MAC and the AXI4-Lite decoding, which co-simulation covers.

module quasim_tail_harness #(
  parameter int Lanes    = 16,
  parameter int ConvBits = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int MultBits = quasim_pkg::MULT_BITS_MAX,
  parameter int BiasBits = quasim_pkg::BIAS_BITS_MAX
) (
  input  logic                                   clk_i,
  input  logic signed [quasim_pkg::ACC_BITS-1:0] acc_base_i,
  input  logic [MultBits-1:0]                    multiplier_i,
  input  logic [quasim_pkg::SHIFT_BITS-1:0]      shift_i,
  input  logic                                   half_away_i,
  input  logic                                   bias_wen_i,
  input  logic [BiasBits-1:0]                    bias_wdata_i,
  input  logic                                   table_wen_i,
  input  logic [ConvBits-1:0]                    table_entry_i,
  input  logic [31:0]                            table_wdata_i,
  output logic [Lanes*16-1:0]                    q_o,
  output logic [Lanes*8-1:0]                     out_o
);

  logic                                shift_nonzero;
  logic [quasim_pkg::PRODUCT_BITS-1:0] round_base;
  logic [Lanes*ConvBits-1:0]           q;
  logic [Lanes-1:0]                    unused_at_limit;
  logic [31:0]                         unused_table_rdata;

  assign shift_nonzero = (shift_i != '0);
  assign round_base    = shift_nonzero ? (quasim_pkg::PRODUCT_BITS'(1) << (shift_i - 1'b1)) - 1'b1 : '0;

  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic signed [quasim_pkg::ACC_BITS-1:0] acc;
    logic                                   unused_sat;
    logic [BiasBits-1:0]                    unused_bias;

    assign acc = acc_base_i + quasim_pkg::ACC_BITS'(i);

    quasim_requant #(
      .ConvBits(ConvBits),
      .MultBits(MultBits),
      .BiasBits(BiasBits),
      .Depth(1),
      .AddrBits(1)
    ) u_requant (
      .clk_i          (clk_i),
      .product_en_i   (1'b1),
      .acc_i          (acc),
      .multiplier_i   (multiplier_i),
      .mem_ren_i      (1'b1),
      .mem_raddr_i    (1'b0),
      .q_en_i         (1'b1),
      .shift_i        (shift_i),
      .shift_nonzero_i(shift_nonzero),
      .round_base_i   (round_base),
      .half_away_i    (half_away_i),
      .q_o            (q[i*ConvBits+:ConvBits]),
      .sat_o          (unused_sat),
      .bias_wen_i     (bias_wen_i),
      .bias_waddr_i   (1'b0),
      .bias_wdata_i   (bias_wdata_i),
      .bias_rdata_o   (unused_bias)
    );

    assign q_o[i*16+:16] = {{(16-ConvBits){q[i*ConvBits+ConvBits-1]}}, q[i*ConvBits+:ConvBits]};
  end

  quasim_silu #(
    .Lanes(Lanes),
    .ConvBits(ConvBits)
  ) u_silu (
    .clk_i         (clk_i),
    .out_en_i      (1'b1),
    .q_i           (q),
    .keep_i        ({Lanes{1'b1}}),
    .out_o         (out_o),
    .at_limit_o    (unused_at_limit),
    .table_wen_i   (table_wen_i),
    .table_wentry_i(table_entry_i),
    .table_wdata_i (table_wdata_i),
    .table_ren_i   (1'b0),
    .table_rentry_i('0),
    .table_rdata_o (unused_table_rdata)
  );

endmodule
