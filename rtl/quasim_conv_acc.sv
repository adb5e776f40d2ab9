// One lane of conv_acc: weight and history memories, the fetch and acc registers, four taps.
//
//   acc = sum over j of w[j] * x[t-3+j]
//
// A weight word holds w[c,k] in byte k. Shifting it up by 4-K bytes puts byte K-1 beside the newest sample, fills the
// masked taps with zeros and drops the bytes at and above K.
// Deliberately absent: valid bits and addresses (the sequencer owns them) and any rounding; the sum is exact in ACC_BITS.
// Registered: x, both memory outputs, the forwarded history word, acc_o.

module quasim_conv_acc #(
  parameter int Depth    = 512,
  parameter int AddrBits = 9
) (
  input  logic                                   clk_i,
  // fetch
  input  logic                                   fetch_en_i,
  input  logic [quasim_pkg::SAMPLE_BITS-1:0]     x_i,
  input  logic                                   forward_i,
  input  logic                                   mem_ren_i,
  input  logic [AddrBits-1:0]                    mem_raddr_i,
  // acc
  input  logic                                   acc_en_i,
  input  logic                                   fetch_first_i,
  input  logic                                   fetch_forward_i,
  input  logic [4:0]                             tap_shift_i,
  output logic signed [quasim_pkg::ACC_BITS-1:0] acc_o,
  // window access
  input  logic                                   weight_wen_i,
  input  logic                                   history_wen_i,
  input  logic [AddrBits-1:0]                    weight_waddr_i,
  input  logic [AddrBits-1:0]                    history_waddr_i,
  input  logic [31:0]                            wdata_i,
  output logic [31:0]                            weight_rdata_o,
  output logic [23:0]                            history_rdata_o
);

  // The words of both memories and the adder below are written for this number.
  if (quasim_pkg::TAPS_MAX != 4) begin : gen_taps_max
    TAPS_MAX_is_fixed_at_4 illegal_constant ();
  end

  localparam int AccBits    = quasim_pkg::ACC_BITS;
  localparam int SampleBits = quasim_pkg::SAMPLE_BITS;

  logic [SampleBits-1:0]     x_q;
  logic [23:0]               forward_q;
  logic [31:0]               weight;
  logic [23:0]               stored;
  logic [23:0]               history;
  logic [23:0]               history_new;
  logic [31:0]               taps;
  logic signed [AccBits-1:0] acc_q, acc_d;

  quasim_ram_1r1w #(
    .Width(32),
    .Depth(Depth),
    .AddrBits(AddrBits)
  ) u_weight (
    .clk_i  (clk_i),
    .wen_i  (weight_wen_i),
    .waddr_i(weight_waddr_i),
    .wdata_i(wdata_i),
    .ren_i  (mem_ren_i),
    .raddr_i(mem_raddr_i),
    .rdata_o(weight)
  );

  quasim_ram_1r1w #(
    .Width(24),
    .Depth(Depth),
    .AddrBits(AddrBits)
  ) u_history (
    .clk_i  (clk_i),
    .wen_i  (acc_en_i | history_wen_i),
    .waddr_i(history_waddr_i),
    .wdata_i(acc_en_i ? history_new : wdata_i[23:0]),
    .ren_i  (mem_ren_i),
    .raddr_i(mem_raddr_i),
    .rdata_o(stored)
  );

  // Byte 0 is x[t-3], byte 1 x[t-2], byte 2 x[t-1].
  always_comb begin
    history = fetch_forward_i ? forward_q : stored;
    if (fetch_first_i) history = '0;
  end

  assign history_new = {x_q, history[23:8]};

  assign taps = weight << tap_shift_i;

  quasim_dot4 u_dot4 (
    .weights_i(taps),
    .samples_i({x_q, history}),
    .acc_o    (acc_d)
  );

  always_ff @(posedge clk_i) begin
    if (fetch_en_i) x_q <= x_i;
  end

  always_ff @(posedge clk_i) begin
    if (fetch_en_i & forward_i) forward_q <= history_new;
  end

  always_ff @(posedge clk_i) begin
    if (acc_en_i) acc_q <= acc_d;
  end

  assign acc_o           = acc_q;
  assign weight_rdata_o  = weight;
  assign history_rdata_o = stored;

endmodule
