// quasim: causal depthwise conv1d, round/clamp, SiLU table; LANES channels a beat, one beat a cycle, six cycles latency.
//
// Connects the AXI4-Lite slave, the sequencer (tokens and time), the lanes (conv_acc, requant), the silu table and the
// output spill. Parameters outside their range stop elaboration by naming the rule as a module that does not exist.
// Deliberately absent: arithmetic of its own beyond counting saturated lanes; s_axil_*prot is ignored.
// Registered: all m_axis_* and s_axil_* outputs; s_axis_tready is a function of registers only.

module quasim_top #(
  parameter int LANES       = quasim_pkg::LANES_DEFAULT,
  parameter int MaxChannels = quasim_pkg::MAX_CHANNELS_DEFAULT,
  parameter int ConvBits    = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int MultBits    = quasim_pkg::MULT_BITS_DEFAULT,
  parameter int BiasBits    = quasim_pkg::BIAS_BITS_DEFAULT
) (
  input  logic                                     clk_i,
  input  logic                                     rst_ni,

  input  logic [LANES*quasim_pkg::SAMPLE_BITS-1:0] s_axis_tdata,
  input  logic                                     s_axis_tvalid,
  output logic                                     s_axis_tready,
  input  logic [0:0]                               s_axis_tuser,
  input  logic                                     s_axis_tlast,

  output logic [LANES*quasim_pkg::SAMPLE_BITS-1:0] m_axis_tdata,
  output logic                                     m_axis_tvalid,
  input  logic                                     m_axis_tready,
  output logic                                     m_axis_tlast,
  output logic [LANES-1:0]                         m_axis_tkeep,

  input  logic [quasim_pkg::AXIL_ADDR_BITS-1:0]    s_axil_awaddr,
  input  logic [2:0]                               s_axil_awprot,
  input  logic                                     s_axil_awvalid,
  output logic                                     s_axil_awready,
  input  logic [quasim_pkg::AXIL_DATA_BITS-1:0]    s_axil_wdata,
  input  logic [quasim_pkg::AXIL_DATA_BITS/8-1:0]  s_axil_wstrb,
  input  logic                                     s_axil_wvalid,
  output logic                                     s_axil_wready,
  output logic [1:0]                               s_axil_bresp,
  output logic                                     s_axil_bvalid,
  input  logic                                     s_axil_bready,
  input  logic [quasim_pkg::AXIL_ADDR_BITS-1:0]    s_axil_araddr,
  input  logic [2:0]                               s_axil_arprot,
  input  logic                                     s_axil_arvalid,
  output logic                                     s_axil_arready,
  output logic [quasim_pkg::AXIL_DATA_BITS-1:0]    s_axil_rdata,
  output logic [1:0]                               s_axil_rresp,
  output logic                                     s_axil_rvalid,
  input  logic                                     s_axil_rready
);

  // ---- legal parameters ----
  if (LANES < 1 || LANES > 128) begin : gen_illegal_lanes
    LANES_must_be_1_to_128 illegal_parameter ();
  end
  if (LANES >= 1 && (MaxChannels < LANES || MaxChannels > 16384
                     || MaxChannels != (MaxChannels / ((LANES < 1) ? 1 : LANES)) * LANES)) begin : gen_illegal_channels
    MaxChannels_must_be_LANES_to_16384_and_a_multiple_of_LANES illegal_parameter ();
  end
  if (ConvBits < quasim_pkg::CONV_BITS_MIN || ConvBits > quasim_pkg::CONV_BITS_MAX) begin : gen_illegal_conv_bits
    ConvBits_must_be_2_to_12 illegal_parameter ();
  end
  if (MultBits < 2 || MultBits > quasim_pkg::MULT_BITS_MAX) begin : gen_illegal_mult_bits
    MultBits_must_be_2_to_31 illegal_parameter ();
  end
  if (BiasBits < 8 || BiasBits > quasim_pkg::BIAS_BITS_MAX) begin : gen_illegal_bias_bits
    BiasBits_must_be_8_to_48 illegal_parameter ();
  end

  localparam int SBits     = quasim_pkg::SAMPLE_BITS;
  localparam int Lanes     = (LANES < 1) ? 1 : LANES;  // lets an illegal 0 reach its message above
  localparam int Depth     = MaxChannels / Lanes;
  localparam int GroupBits = (Depth > 1) ? $clog2(Depth) : 1;
  localparam int LaneBits  = (Lanes > 1) ? $clog2(Lanes) : 1;
  localparam int CountBits = $clog2(Lanes + 1);

  // ---- configuration ----
  logic                                enable, clear;
  logic [GroupBits-1:0]                last_group;
  logic [LANES-1:0]                    tail_keep;
  logic [4:0]                          tap_shift;
  logic [MultBits-1:0]                 multiplier;
  logic [quasim_pkg::SHIFT_BITS-1:0]   shift;
  logic                                shift_nonzero;
  logic [quasim_pkg::PRODUCT_BITS-1:0] round_base;
  logic                                half_away;

  // ---- window requests ----
  logic                 table_wen, weight_wen, bias_wen, history_wen;
  logic [GroupBits-1:0] window_wgroup, window_rgroup;
  logic [LaneBits-1:0]  window_wlane, window_rlane;
  logic [ConvBits-1:0]  window_wentry, window_rentry;
  logic [31:0]          window_wdata;
  logic [BiasBits-1:0]  bias_wdata;
  logic                 window_ren;
  logic [31:0]          table_rdata;
  logic [31:0]          weight_rdata  [LANES];
  logic [BiasBits-1:0]  bias_rdata    [LANES];
  logic [23:0]          history_rdata [LANES];

  // ---- sequencer ----
  logic                 fetch_en, acc_en, product_en, q_en, out_en;
  logic [GroupBits-1:0] group, fetch_group, acc_group;
  logic                 forward, fetch_first, fetch_forward;
  logic [LANES-1:0]     q_keep, out_keep;
  logic                 out_last, spill_valid, spill_ready;
  logic                 sequencer_busy, spill_busy, mid_token, last_error;

  // ---- lanes ----
  logic [LANES*ConvBits-1:0] q;
  logic [LANES-1:0]          q_sat;
  logic [LANES*SBits-1:0]    out;
  logic [LANES-1:0]          out_at_limit;
  logic [CountBits-1:0]      sat_conv, sat_out;

  quasim_axil #(
    .Lanes(Lanes),
    .MaxChannels(MaxChannels),
    .ConvBits(ConvBits),
    .MultBits(MultBits),
    .BiasBits(BiasBits),
    .GroupBits(GroupBits),
    .LaneBits(LaneBits),
    .CountBits(CountBits)
  ) u_axil (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .awaddr_i       (s_axil_awaddr),
    .awvalid_i      (s_axil_awvalid),
    .awready_o      (s_axil_awready),
    .wdata_i        (s_axil_wdata),
    .wstrb_i        (s_axil_wstrb),
    .wvalid_i       (s_axil_wvalid),
    .wready_o       (s_axil_wready),
    .bresp_o        (s_axil_bresp),
    .bvalid_o       (s_axil_bvalid),
    .bready_i       (s_axil_bready),
    .araddr_i       (s_axil_araddr),
    .arvalid_i      (s_axil_arvalid),
    .arready_o      (s_axil_arready),
    .rdata_o        (s_axil_rdata),
    .rresp_o        (s_axil_rresp),
    .rvalid_o       (s_axil_rvalid),
    .rready_i       (s_axil_rready),
    .enable_o       (enable),
    .clear_o        (clear),
    .last_group_o   (last_group),
    .tail_keep_o    (tail_keep),
    .tap_shift_o    (tap_shift),
    .multiplier_o   (multiplier),
    .shift_o        (shift),
    .shift_nonzero_o(shift_nonzero),
    .round_base_o   (round_base),
    .half_away_o    (half_away),
    .busy_i         (sequencer_busy | spill_busy),
    .mid_token_i    (mid_token),
    .last_error_i   (last_error),
    .beat_in_i      (fetch_en),
    .beat_out_i     (m_axis_tvalid & m_axis_tready),
    .sat_conv_i     (sat_conv),
    .sat_out_i      (sat_out),
    .table_wen_o    (table_wen),
    .weight_wen_o   (weight_wen),
    .bias_wen_o     (bias_wen),
    .history_wen_o  (history_wen),
    .window_wgroup_o(window_wgroup),
    .window_wlane_o (window_wlane),
    .window_wentry_o(window_wentry),
    .window_wdata_o (window_wdata),
    .bias_wdata_o   (bias_wdata),
    .window_ren_o   (window_ren),
    .window_rgroup_o(window_rgroup),
    .window_rlane_o (window_rlane),
    .window_rentry_o(window_rentry),
    .table_rdata_i  (table_rdata),
    .weight_rdata_i (weight_rdata[window_rlane]),
    .bias_rdata_i   (bias_rdata[window_rlane]),
    .history_rdata_i(history_rdata[window_rlane])
  );

  quasim_sequencer #(
    .Lanes(Lanes),
    .GroupBits(GroupBits)
  ) u_sequencer (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .enable_i       (enable),
    .clear_i        (clear),
    .last_group_i   (last_group),
    .tail_keep_i    (tail_keep),
    .s_valid_i      (s_axis_tvalid),
    .s_ready_o      (s_axis_tready),
    .s_first_i      (s_axis_tuser[0]),
    .s_last_i       (s_axis_tlast),
    .spill_valid_o  (spill_valid),
    .spill_ready_i  (spill_ready),
    .fetch_en_o     (fetch_en),
    .acc_en_o       (acc_en),
    .product_en_o   (product_en),
    .q_en_o         (q_en),
    .out_en_o       (out_en),
    .group_o        (group),
    .forward_o      (forward),
    .fetch_first_o  (fetch_first),
    .fetch_forward_o(fetch_forward),
    .fetch_group_o  (fetch_group),
    .acc_group_o    (acc_group),
    .q_keep_o       (q_keep),
    .out_keep_o     (out_keep),
    .out_last_o     (out_last),
    .busy_o         (sequencer_busy),
    .mid_token_o    (mid_token),
    .last_error_o   (last_error)
  );

  // ---- memory ports, shared by all lanes; a window access only meets an empty pipeline ----
  logic                 fetch_ren, product_ren;
  logic [GroupBits-1:0] fetch_raddr, product_raddr, history_waddr;

  assign fetch_ren     = fetch_en | window_ren;
  assign fetch_raddr   = window_ren ? window_rgroup : group;
  assign product_ren   = product_en | window_ren;
  assign product_raddr = window_ren ? window_rgroup : acc_group;
  assign history_waddr = history_wen ? window_wgroup : fetch_group;

  for (genvar i = 0; i < LANES; i++) begin : gen_lane
    localparam logic [LaneBits-1:0] Lane = i;

    logic signed [quasim_pkg::ACC_BITS-1:0] acc;
    logic                                   window_hit;

    assign window_hit = (window_wlane == Lane);

    quasim_conv_acc #(
      .Depth(Depth),
      .AddrBits(GroupBits)
    ) u_conv_acc (
      .clk_i          (clk_i),
      .fetch_en_i     (fetch_en),
      .x_i            (s_axis_tdata[i*SBits+:SBits]),
      .forward_i      (forward),
      .mem_ren_i      (fetch_ren),
      .mem_raddr_i    (fetch_raddr),
      .acc_en_i       (acc_en),
      .fetch_first_i  (fetch_first),
      .fetch_forward_i(fetch_forward),
      .tap_shift_i    (tap_shift),
      .acc_o          (acc),
      .weight_wen_i   (weight_wen & window_hit),
      .history_wen_i  (history_wen & window_hit),
      .weight_waddr_i (window_wgroup),
      .history_waddr_i(history_waddr),
      .wdata_i        (window_wdata),
      .weight_rdata_o (weight_rdata[i]),
      .history_rdata_o(history_rdata[i])
    );

    quasim_requant #(
      .ConvBits(ConvBits),
      .MultBits(MultBits),
      .BiasBits(BiasBits),
      .Depth(Depth),
      .AddrBits(GroupBits)
    ) u_requant (
      .clk_i          (clk_i),
      .product_en_i   (product_en),
      .acc_i          (acc),
      .multiplier_i   (multiplier),
      .mem_ren_i      (product_ren),
      .mem_raddr_i    (product_raddr),
      .q_en_i         (q_en),
      .shift_i        (shift),
      .shift_nonzero_i(shift_nonzero),
      .round_base_i   (round_base),
      .half_away_i    (half_away),
      .q_o            (q[i*ConvBits+:ConvBits]),
      .sat_o          (q_sat[i]),
      .bias_wen_i     (bias_wen & window_hit),
      .bias_waddr_i   (window_wgroup),
      .bias_wdata_i   (bias_wdata),
      .bias_rdata_o   (bias_rdata[i])
    );
  end

  quasim_silu #(
    .Lanes(Lanes),
    .ConvBits(ConvBits)
  ) u_silu (
    .clk_i        (clk_i),
    .out_en_i     (out_en),
    .q_i          (q),
    .keep_i       (q_keep),
    .out_o        (out),
    .at_limit_o   (out_at_limit),
    .table_wen_i  (table_wen),
    .table_ren_i  (window_ren),
    .table_entry_i(table_wen ? window_wentry : window_rentry),
    .table_wdata_i(window_wdata),
    .table_rdata_o(table_rdata)
  );

  quasim_spill #(
    .Width(LANES * SBits + LANES + 1)
  ) u_spill (
    .clk_i  (clk_i),
    .rst_ni (rst_ni),
    .valid_i(spill_valid),
    .ready_o(spill_ready),
    .data_i ({out_last, out_keep, out}),
    .valid_o(m_axis_tvalid),
    .ready_i(m_axis_tready),
    .data_o ({m_axis_tlast, m_axis_tkeep, m_axis_tdata}),
    .busy_o (spill_busy)
  );

  // A beat is counted when it leaves the register that shows it, so that the counters are complete once Busy is 0.
  logic [LANES-1:0]     q_sat_live;
  logic [CountBits-1:0] sat_conv_count, sat_out_count;

  assign q_sat_live     = q_sat & q_keep;
  assign sat_conv_count = CountBits'($countones(q_sat_live));
  assign sat_out_count  = CountBits'($countones(out_at_limit));
  assign sat_conv       = out_en ? sat_conv_count : '0;
  assign sat_out        = (spill_valid & spill_ready) ? sat_out_count : '0;

endmodule
