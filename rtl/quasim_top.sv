// quasim: causal depthwise conv1d, round/clamp, SiLU, or the two fused; LANES channels a beat, one beat a cycle, six cycles latency.
//
// Connects the AXI4-Lite side (bus, registers, windows, counters), the sequencer (tokens and time), the lanes (conv_acc,
// requant), the tables of silu and the output spill. Parameters outside their range stop elaboration in quasim_regs.
// Deliberately absent: arithmetic of its own beyond counting saturated lanes; s_axil_*prot is ignored.
// Registered: all m_axis_* and s_axil_* outputs; s_axis_tready is a function of registers only.

module quasim_top #(
  parameter int LANES       = quasim_pkg::LANES_DEFAULT,
  parameter int MaxChannels = quasim_pkg::MAX_CHANNELS_DEFAULT,
  parameter int ConvBits    = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int MultBits    = quasim_pkg::MULT_BITS_DEFAULT,
  parameter int BiasBits    = quasim_pkg::BIAS_BITS_DEFAULT,
  parameter int Dataflows   = quasim_pkg::DATAFLOWS_DEFAULT,
  parameter int CellBits    = quasim_pkg::CELL_BITS_DEFAULT,
  parameter int NearBlocks  = quasim_pkg::NEAR_BLOCKS_DEFAULT,
  parameter int Folded      = quasim_pkg::FOLDED_DEFAULT
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

  localparam int SampleBits = quasim_pkg::SAMPLE_BITS;
  localparam int AddrBits   = quasim_pkg::AXIL_ADDR_BITS;
  localparam int DataBits   = quasim_pkg::AXIL_DATA_BITS;
  localparam int Windows    = quasim_pkg::WINDOWS;
  localparam int Counters   = quasim_pkg::COUNTERS;
  localparam int Depth      = MaxChannels / ((LANES < 1) ? 1 : LANES);  // an illegal 0 must reach its message
  localparam int GroupBits  = (Depth > 1) ? $clog2(Depth) : 1;
  localparam int LaneBits   = (LANES > 1) ? $clog2(LANES) : 1;
  localparam int CountBits  = (LANES > 1) ? $clog2(LANES + 1) : 1;
  localparam bit HasFused   = (Dataflows / 2 == 1);
  localparam int UBits      = quasim_pkg::THRESHOLD_BITS;
  localparam int CellWidth  = quasim_pkg::CELL_WIDTH;
  localparam int CellsBits  = CellWidth << CellBits;
  localparam int IndexBits  = HasFused ? UBits + quasim_pkg::RANK_BITS : ConvBits;
  localparam int FoldedBits = (ConvBits < 4) ? 2 : ConvBits - 2;          // half the entries of half a byte; a word at least
  localparam int TableBits  = (Folded == 1) ? FoldedBits : (HasFused && ConvBits < 8) ? 8 : ConvBits;  // the far thresholds need 256 bytes
  localparam int WordBits   = (TableBits > 2) ? TableBits - 2 : 1;
  localparam int NearRows   = (NearBlocks < 1) ? 1 : quasim_pkg::NEAR_BLOCK_ROWS * NearBlocks;
  localparam int NearBits   = (NearRows > 1) ? $clog2(NearRows) : 1;

  // ---- bus ----
  logic                                     idle;
  logic                                     write, write_okay, read_decode, read_access, read_memory, register_okay;
  logic [AddrBits-1:0]                      waddr, raddr;
  logic [DataBits-1:0]                      wdata, register_word, memory_word;
  logic [Windows-1:0]                       write_hit, read_hit;
  logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] write_index, read_index;

  // ---- registers, and what the datapath makes of them ----
  logic                                enable, clear;
  logic [15:0]                         channels;
  logic [2:0]                          taps;
  logic [MultBits-1:0]                 multiplier;
  logic [quasim_pkg::SHIFT_BITS-1:0]   shift;
  logic                                half_away;
  logic [1:0]                          dataflow;
  logic                                fused;
  logic [quasim_pkg::TURN_BITS-1:0]    turn;
  logic [GroupBits-1:0]                last_group;
  logic [LANES-1:0]                    last_keep;
  logic [4:0]                          tap_shift;
  logic [quasim_pkg::PRODUCT_BITS-1:0] cut_mask;

  // ---- counters ----
  logic [Counters*CountBits-1:0] counter_step;
  logic [Counters-1:0]           counter_read;
  logic [Counters*32-1:0]        counter_low, counter_high;

  // ---- window requests ----
  logic [Windows-1:0]                       window_wen;
  logic                                     window_ren;
  logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] window_windex, window_rindex;
  logic [GroupBits-1:0]                     window_wgroup, window_rgroup;
  logic [LaneBits-1:0]                      window_wlane, window_rlane;
  logic [31:0]                              window_wdata, window_wlow;
  logic [Windows*64-1:0]                    window_rdata;
  logic                                     history_wen;
  logic [31:0]                              table_rdata;
  logic [CellWidth-1:0]                     cell_rdata;
  logic [UBits-1:0]                         near_rdata;
  logic [31:0]                              weight_rdata  [LANES];
  logic [BiasBits-1:0]                      bias_rdata    [LANES];
  logic [23:0]                              history_rdata [LANES];

  // ---- sequencer ----
  logic                 fetch_en, acc_en, product_en, q_en, out_en;
  logic [GroupBits-1:0] group, fetch_group;
  logic                 forward, fetch_first, fetch_forward;
  logic [LANES-1:0]     q_keep, out_keep;
  logic                 out_last, spill_valid, spill_ready;
  logic                 sequencer_busy, spill_busy, busy, mid_token, last_error;

  // ---- lanes ----
  logic [CellsBits-1:0]             cells;
  logic [quasim_pkg::RANK_BITS-1:0] first_rank, last_rank;
  logic [LANES*IndexBits-1:0]       q;
  logic [LANES-1:0]                 q_sat;
  logic [LANES*SampleBits-1:0]      out;
  logic [LANES-1:0]                 out_at_limit;

  assign fused = (dataflow == 2'd2);

  assign busy = sequencer_busy | spill_busy;
  assign idle = ~enable & ~busy;

  quasim_axil u_axil (
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
    .write_o        (write),
    .waddr_o        (waddr),
    .wdata_o        (wdata),
    .write_okay_i   (write_okay),
    .raddr_o        (raddr),
    .decode_o       (read_decode),
    .access_o       (read_access),
    .read_okay_i    (read_memory ? idle : register_okay),
    .read_memory_i  (read_memory),
    .register_word_i(register_word),
    .memory_word_i  (memory_word)
  );

  quasim_regs #(
    .Lanes(LANES),
    .MaxChannels(MaxChannels),
    .ConvBits(ConvBits),
    .MultBits(MultBits),
    .BiasBits(BiasBits),
    .Dataflows(Dataflows),
    .CellBits(CellBits),
    .NearBlocks(NearBlocks),
    .Folded(Folded)
  ) u_regs (
    .clk_i                 (clk_i),
    .rst_ni                (rst_ni),
    .idle_i                (idle),
    .write_i               (write),
    .waddr_i               (waddr),
    .wdata_i               (wdata),
    .write_okay_o          (write_okay),
    .read_i                (read_access),
    .raddr_i               (raddr),
    .read_data_o           (register_word),
    .read_okay_o           (register_okay),
    .window_write_o        (write_hit),
    .window_windex_o       (write_index),
    .window_read_o         (read_hit),
    .window_rindex_o       (read_index),
    .counter_read_o        (counter_read),
    .counter_low_i         (counter_low),
    .counter_high_i        (counter_high),
    .control_enable_o      (enable),
    .status_busy_i         (busy),
    .status_mid_token_i    (mid_token),
    .status_last_error_i   (last_error),
    .clear_counters_clear_o(clear),
    .channels_o            (channels),
    .taps_o                (taps),
    .multiplier_o          (multiplier),
    .requant_shift_o       (shift),
    .requant_half_away_o   (half_away),
    .dataflow_select_o     (dataflow),
    .dataflow_turn_o       (turn)
  );

  quasim_settings #(
    .Lanes(LANES),
    .GroupBits(GroupBits)
  ) u_settings (
    .clk_i          (clk_i),
    .channels_i     (channels),
    .taps_i         (taps),
    .shift_i        (shift),
    .last_group_o   (last_group),
    .last_keep_o    (last_keep),
    .tap_shift_o    (tap_shift),
    .cut_mask_o     (cut_mask)
  );

  for (genvar i = 0; i < Counters; i++) begin : gen_counter
    quasim_counter #(
      .StepBits(CountBits)
    ) u_counter (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .clear_i(clear),
      .step_i (counter_step[i*CountBits+:CountBits]),
      .read_i (counter_read[i]),
      .low_o  (counter_low[i*32+:32]),
      .high_o (counter_high[i*32+:32])
    );
  end

  quasim_window #(
    .Lanes(LANES),
    .GroupBits(GroupBits),
    .LaneBits(LaneBits)
  ) u_window (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
    .idle_i       (idle),
    .write_i      (write_hit),
    .windex_i     (write_index),
    .whigh_i      (waddr[2]),
    .wdata_i      (wdata),
    .decode_i     (read_decode),
    .read_i       (read_hit),
    .rindex_i     (read_index),
    .rhigh_i      (raddr[2]),
    .access_i     (read_access),
    .read_memory_o(read_memory),
    .memory_word_o(memory_word),
    .wen_o        (window_wen),
    .windex_o     (window_windex),
    .wgroup_o     (window_wgroup),
    .wlane_o      (window_wlane),
    .wdata_o      (window_wdata),
    .wlow_o       (window_wlow),
    .ren_o        (window_ren),
    .rindex_o     (window_rindex),
    .rgroup_o     (window_rgroup),
    .rlane_o      (window_rlane),
    .rdata_i      (window_rdata)
  );

  assign window_rdata[quasim_pkg::WINDOW_TABLE*64+:64]   = 64'(table_rdata);
  assign window_rdata[quasim_pkg::WINDOW_GUESS*64+:64]   = 64'(cell_rdata);
  assign window_rdata[quasim_pkg::WINDOW_NEAR*64+:64]    = 64'(near_rdata);
  assign window_rdata[quasim_pkg::WINDOW_WEIGHT*64+:64]  = 64'(weight_rdata[window_rlane]);
  assign window_rdata[quasim_pkg::WINDOW_BIAS*64+:64]    = 64'($signed(bias_rdata[window_rlane]));
  assign window_rdata[quasim_pkg::WINDOW_HISTORY*64+:64] = 64'(history_rdata[window_rlane]);

  quasim_sequencer #(
    .Lanes(LANES),
    .GroupBits(GroupBits)
  ) u_sequencer (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .enable_i       (enable),
    .clear_i        (clear),
    .last_group_i   (last_group),
    .last_keep_i    (last_keep),
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
    .q_keep_o       (q_keep),
    .out_keep_o     (out_keep),
    .out_last_o     (out_last),
    .busy_o         (sequencer_busy),
    .mid_token_o    (mid_token),
    .last_error_o   (last_error)
  );

  // ---- the guess of fused, one for all lanes ----
  if (HasFused) begin : gen_guess
    quasim_guess_table #(
      .CellBits(CellBits)
    ) u_guess_table (
      .clk_i       (clk_i),
      .cells_o     (cells),
      .first_rank_o(first_rank),
      .last_rank_o (last_rank),
      .wen_i       (window_wen[quasim_pkg::WINDOW_GUESS]),
      .windex_i    (CellBits'(window_windex)),
      .wdata_i     (CellWidth'(window_wdata)),
      .ren_i       (window_ren),
      .rindex_i    (CellBits'(window_rindex)),
      .rdata_o     (cell_rdata)
    );
  end else begin : gen_no_guess
    assign cells      = '0;
    assign first_rank = '0;
    assign last_rank  = '0;
    assign cell_rdata = '0;
  end

  // ---- memory ports, shared by all lanes; a window access only meets an empty pipeline ----
  logic                 fetch_ren, bias_ren;
  logic [GroupBits-1:0] fetch_raddr, bias_raddr, history_waddr;

  assign fetch_ren     = fetch_en | window_ren;
  assign fetch_raddr   = window_ren ? window_rgroup : group;
  assign bias_ren      = acc_en | window_ren;
  assign bias_raddr    = window_ren ? window_rgroup : fetch_group;
  assign history_wen   = window_wen[quasim_pkg::WINDOW_HISTORY];
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
      .x_i            (s_axis_tdata[i*SampleBits+:SampleBits]),
      .forward_i      (forward),
      .mem_ren_i      (fetch_ren),
      .mem_raddr_i    (fetch_raddr),
      .acc_en_i       (acc_en),
      .fetch_first_i  (fetch_first),
      .fetch_forward_i(fetch_forward),
      .tap_shift_i    (tap_shift),
      .acc_o          (acc),
      .weight_wen_i   (window_wen[quasim_pkg::WINDOW_WEIGHT] & window_hit),
      .history_wen_i  (history_wen & window_hit),
      .weight_waddr_i (window_wgroup),
      .history_waddr_i(history_waddr),
      .wdata_i        (window_wdata),
      .weight_rdata_o (weight_rdata[i]),
      .history_rdata_o(history_rdata[i])
    );

    quasim_requant #(
      .Dataflows(Dataflows),
      .ConvBits(ConvBits),
      .CellBits(CellBits),
      .IndexBits(IndexBits),
      .MultBits(MultBits),
      .BiasBits(BiasBits),
      .Depth(Depth),
      .AddrBits(GroupBits)
    ) u_requant (
      .clk_i          (clk_i),
      .fused_i        (fused),
      .mem_ren_i      (bias_ren),
      .mem_raddr_i    (bias_raddr),
      .product_en_i   (product_en),
      .acc_i          (acc),
      .multiplier_i   (multiplier),
      .q_en_i         (q_en),
      .shift_i        (shift),
      .cut_mask_i     (cut_mask),
      .half_away_i    (half_away),
      .cells_i        (cells),
      .first_rank_i   (first_rank),
      .last_rank_i    (last_rank),
      .q_o            (q[i*IndexBits+:IndexBits]),
      .sat_o          (q_sat[i]),
      .bias_wen_i     (window_wen[quasim_pkg::WINDOW_BIAS] & window_hit),
      .bias_waddr_i   (window_wgroup),
      .bias_wdata_i   (BiasBits'({window_wdata, window_wlow})),
      .bias_rdata_o   (bias_rdata[i])
    );
  end

  quasim_silu #(
    .Lanes(LANES),
    .Dataflows(Dataflows),
    .Folded(Folded),
    .ConvBits(ConvBits),
    .TableBits(TableBits),
    .WordBits(WordBits),
    .NearRows(NearRows),
    .NearBits(NearBits),
    .IndexBits(IndexBits)
  ) u_silu (
    .clk_i         (clk_i),
    .fused_i       (fused),
    .turn_i        (turn),
    .out_en_i      (out_en),
    .q_i           (q),
    .keep_i        (q_keep),
    .out_o         (out),
    .at_limit_o    (out_at_limit),
    .table_wen_i   (window_wen[quasim_pkg::WINDOW_TABLE]),
    .table_windex_i(WordBits'(window_windex)),
    .table_wdata_i (window_wdata),
    .table_ren_i   (window_ren),
    .table_rindex_i(WordBits'(window_rindex)),
    .table_rdata_o (table_rdata),
    .near_wen_i    (window_wen[quasim_pkg::WINDOW_NEAR]),
    .near_windex_i (NearBits'(window_windex)),
    .near_wdata_i  (UBits'(window_wdata)),
    .near_ren_i    (window_ren),
    .near_rindex_i (NearBits'(window_rindex)),
    .near_rdata_o  (near_rdata)
  );

  quasim_spill #(
    .Width(LANES * SampleBits + LANES + 1)
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
  logic [LANES-1:0] q_sat_live;
  logic             beat_out;

  assign q_sat_live = q_sat & q_keep;
  assign beat_out   = m_axis_tvalid & m_axis_tready;

  assign counter_step[quasim_pkg::COUNTER_BEATS_IN*CountBits+:CountBits]  = CountBits'(fetch_en);
  assign counter_step[quasim_pkg::COUNTER_BEATS_OUT*CountBits+:CountBits] = CountBits'(beat_out);
  assign counter_step[quasim_pkg::COUNTER_SAT_CONV*CountBits+:CountBits]  = out_en ? CountBits'($countones(q_sat_live)) : '0;
  assign counter_step[quasim_pkg::COUNTER_SAT_OUT*CountBits+:CountBits]   =
      (spill_valid & spill_ready) ? CountBits'($countones(out_at_limit)) : '0;

endmodule
