// AXI4-Lite slave: register file, memory windows, counters.
//
// A write executes when address and data are both held, one at a time; a read takes two cycles for a register and three for a
// window. Window accesses go out as one registered request (group, lane, data) that the memories obey one cycle later.
// The two low address bits are ignored. Writes to read-only registers answer SLVERR; a read of ClearCounters gives 0.
// Deliberately absent: protection bits, more than one access in flight a direction, byte-wise writes.
// Registered: every bus output (the ready outputs are inverses of flip-flops), every configuration output, every window request
// except window_ren_o, which is masked by "disabled and empty" so that it can never meet a beat.

module quasim_axil #(
  parameter int Lanes       = 16,
  parameter int MaxChannels = 8192,
  parameter int ConvBits    = 8,
  parameter int MultBits    = 24,
  parameter int BiasBits    = 48,
  parameter int GroupBits   = 9,
  parameter int LaneBits    = 4,
  parameter int CountBits   = 5
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  // bus
  input  logic [quasim_pkg::AXIL_ADDR_BITS-1:0] awaddr_i,
  input  logic                                  awvalid_i,
  output logic                                  awready_o,
  input  logic [31:0]                           wdata_i,
  input  logic [3:0]                            wstrb_i,
  input  logic                                  wvalid_i,
  output logic                                  wready_o,
  output logic [1:0]                            bresp_o,
  output logic                                  bvalid_o,
  input  logic                                  bready_i,
  input  logic [quasim_pkg::AXIL_ADDR_BITS-1:0] araddr_i,
  input  logic                                  arvalid_i,
  output logic                                  arready_o,
  output logic [31:0]                           rdata_o,
  output logic [1:0]                            rresp_o,
  output logic                                  rvalid_o,
  input  logic                                  rready_i,
  // configuration
  output logic                                  enable_o,
  output logic                                  clear_o,
  output logic [GroupBits-1:0]                  last_group_o,
  output logic [Lanes-1:0]                      tail_keep_o,
  output logic [4:0]                            tap_shift_o,
  output logic [MultBits-1:0]                   multiplier_o,
  output logic [quasim_pkg::SHIFT_BITS-1:0]     shift_o,
  output logic                                  shift_nonzero_o,
  output logic [quasim_pkg::PRODUCT_BITS-1:0]   round_base_o,
  output logic                                  half_away_o,
  // status and events
  input  logic                                  busy_i,
  input  logic                                  mid_token_i,
  input  logic                                  last_error_i,
  input  logic                                  beat_in_i,
  input  logic                                  beat_out_i,
  input  logic [CountBits-1:0]                  sat_conv_i,
  input  logic [CountBits-1:0]                  sat_out_i,
  // window requests: writes act on the next edge, a read is answered one cycle after window_ren_o
  output logic                                  table_wen_o,
  output logic                                  weight_wen_o,
  output logic                                  bias_wen_o,
  output logic                                  history_wen_o,
  output logic [GroupBits-1:0]                  window_wgroup_o,
  output logic [LaneBits-1:0]                   window_wlane_o,
  output logic [ConvBits-1:0]                   window_wentry_o,
  output logic [31:0]                           window_wdata_o,
  output logic [BiasBits-1:0]                   bias_wdata_o,
  output logic                                  window_ren_o,
  output logic [GroupBits-1:0]                  window_rgroup_o,
  output logic [LaneBits-1:0]                   window_rlane_o,
  output logic [ConvBits-1:0]                   window_rentry_o,
  input  logic [31:0]                           table_rdata_i,
  input  logic [31:0]                           weight_rdata_i,
  input  logic [BiasBits-1:0]                   bias_rdata_i,
  input  logic [23:0]                           history_rdata_i
);

  localparam int SBits      = quasim_pkg::SHIFT_BITS;
  localparam int PBits      = quasim_pkg::PRODUCT_BITS;
  localparam int ChanBits   = quasim_pkg::CHANNELS_CHANNELS_WIDTH;
  localparam int TapsBits   = quasim_pkg::TAPS_TAPS_WIDTH;
  localparam int ShiftLsb   = quasim_pkg::REQUANT_SHIFT_LSB;
  localparam int AwayLsb    = quasim_pkg::REQUANT_HALF_AWAY_LSB;
  localparam int EnableLsb  = quasim_pkg::CONTROL_ENABLE_LSB;
  localparam int ClearLsb   = quasim_pkg::CLEAR_COUNTERS_CLEAR_LSB;
  localparam int AddrBits   = quasim_pkg::AXIL_ADDR_BITS;
  localparam int TableBytes = 1 << ConvBits;

  localparam logic [ChanBits-1:0] LanesWord       = Lanes[ChanBits-1:0];
  localparam logic [ChanBits-1:0] MaxChannelsWord = MaxChannels[ChanBits-1:0];
  localparam logic [ChanBits-1:0] One             = {{(ChanBits-1){1'b0}}, 1'b1};
  localparam logic [TapsBits-1:0] TapsMin         = quasim_pkg::TAPS_MIN[TapsBits-1:0];
  localparam logic [TapsBits-1:0] TapsMax         = quasim_pkg::TAPS_MAX[TapsBits-1:0];
  localparam logic [SBits-1:0]    ShiftMax        = quasim_pkg::SHIFT_MAX[SBits-1:0];

  localparam logic [PBits-1:0]    POne            = {{(PBits-1){1'b0}}, 1'b1};
  localparam logic [Lanes-1:0]    TailKeepReset   = 1;

  localparam logic [31:0] TableEnd   = quasim_pkg::TABLE_BASE + TableBytes;
  localparam logic [31:0] WeightEnd  = quasim_pkg::WEIGHT_BASE + 4 * MaxChannels;
  localparam logic [31:0] BiasEnd    = quasim_pkg::BIAS_BASE + 8 * MaxChannels;
  localparam logic [31:0] HistoryEnd = quasim_pkg::HISTORY_BASE + 4 * MaxChannels;

  localparam logic [31:0] Capability0 =
      (Lanes << quasim_pkg::CAPABILITY0_LANES_LSB)
    | (ConvBits << quasim_pkg::CAPABILITY0_CONV_BITS_LSB)
    | (quasim_pkg::TAPS_MAX << quasim_pkg::CAPABILITY0_TAPS_MAX_LSB)
    | (quasim_pkg::PIPELINE_LATENCY << quasim_pkg::CAPABILITY0_LATENCY_LSB);
  localparam logic [31:0] Capability1 =
      (MaxChannels << quasim_pkg::CAPABILITY1_MAX_CHANNELS_LSB)
    | (MultBits << quasim_pkg::CAPABILITY1_MULT_BITS_LSB)
    | (BiasBits << quasim_pkg::CAPABILITY1_BIAS_BITS_LSB);

  localparam logic [1:0] RespOkay   = 2'b00;
  localparam logic [1:0] RespSlvErr = 2'b10;

  typedef enum logic [2:0] {
    RdIdle,
    RdDecode,
    RdAccess,
    RdCapture,
    RdRespond
  } rd_state_e;

  function automatic logic in_window(input logic [31:0] addr, input logic [31:0] base, input logic [31:0] limit);
    in_window = (addr >= base) & (addr < limit);
  endfunction

  // ---- registers ----
  logic                enable_q, enable_d;
  logic                clear_q, clear_d;
  logic [ChanBits-1:0] channels_q, channels_d;
  logic [TapsBits-1:0] taps_q, taps_d;
  logic [MultBits-1:0] multiplier_q, multiplier_d;
  logic [SBits-1:0]    shift_q, shift_d;
  logic                half_away_q, half_away_d;
  logic                last_error_q, config_error_q, config_error_d;

  // derived when their source is written
  logic [GroupBits-1:0] last_group_q, last_group_d;
  logic [Lanes-1:0]     tail_keep_q, tail_keep_d;
  logic [4:0]           tap_shift_q, tap_shift_d;
  logic                 shift_nonzero_q, shift_nonzero_d;
  logic [PBits-1:0]     round_base_q, round_base_d;

  logic idle;
  logic config_legal;

  assign idle = ~enable_q & ~busy_i;
  assign config_legal = (channels_q != '0) & (channels_q <= MaxChannelsWord)
                      & (taps_q >= TapsMin) & (taps_q <= TapsMax) & (shift_q <= ShiftMax);

  // ---- write channel ----
  logic        aw_full_q, aw_full_d, w_full_q, w_full_d, b_valid_q, b_valid_d;
  logic [31:0] aw_addr_q;
  logic [31:0] w_data_q;
  logic [3:0]  w_strb_q;
  logic [1:0]  b_resp_q, b_resp_d;
  logic        aw_take, w_take, write;

  assign aw_take = awvalid_i & ~aw_full_q;
  assign w_take  = wvalid_i & ~w_full_q;
  assign write   = aw_full_q & w_full_q & ~b_valid_q;

  logic [31:0]          bias_low_q, bias_low_d;
  logic                 table_wen_q, table_wen_d, weight_wen_q, weight_wen_d;
  logic                 bias_wen_q, bias_wen_d, history_wen_q, history_wen_d;
  logic [GroupBits-1:0] window_wgroup_q, window_wgroup_d;
  logic [LaneBits-1:0]  window_wlane_q, window_wlane_d;
  logic [ConvBits-1:0]  window_wentry_q, window_wentry_d;
  logic [31:0]          window_wdata_q, window_wdata_d;
  logic [BiasBits-1:0]  bias_wdata_q, bias_wdata_d;
  logic [ChanBits-1:0]  w_channel;
  logic [ChanBits-1:0]  w_top_channel;

  always_comb begin
    aw_full_d       = (aw_full_q | aw_take) & ~write;
    w_full_d        = (w_full_q | w_take) & ~write;
    b_valid_d       = b_valid_q & ~bready_i;
    b_resp_d        = b_resp_q;
    enable_d        = enable_q;
    clear_d         = 1'b0;
    channels_d      = channels_q;
    taps_d          = taps_q;
    multiplier_d    = multiplier_q;
    shift_d         = shift_q;
    half_away_d     = half_away_q;
    last_group_d    = last_group_q;
    tail_keep_d     = tail_keep_q;
    tap_shift_d     = tap_shift_q;
    shift_nonzero_d = shift_nonzero_q;
    round_base_d    = round_base_q;
    config_error_d  = config_error_q & ~clear_q;
    bias_low_d      = bias_low_q;
    table_wen_d     = 1'b0;
    weight_wen_d    = 1'b0;
    bias_wen_d      = 1'b0;
    history_wen_d   = 1'b0;
    window_wgroup_d = window_wgroup_q;
    window_wlane_d  = window_wlane_q;
    window_wentry_d = window_wentry_q;
    window_wdata_d  = window_wdata_q;
    bias_wdata_d    = bias_wdata_q;
    w_channel       = '0;
    w_top_channel   = '0;

    if (write) begin
      b_valid_d = 1'b1;
      b_resp_d  = RespSlvErr;
      if (w_strb_q == 4'hF) begin
        if (aw_addr_q == quasim_pkg::REG_CONTROL) begin
          if (!w_data_q[EnableLsb]) begin
            enable_d = 1'b0;
            b_resp_d = RespOkay;
          end else if (config_legal) begin
            enable_d = 1'b1;
            b_resp_d = RespOkay;
          end else begin
            config_error_d = 1'b1;
          end
        end else if (idle) begin
          if (aw_addr_q == quasim_pkg::REG_CLEAR_COUNTERS) begin
            clear_d  = w_data_q[ClearLsb];
            b_resp_d = RespOkay;
          end else if (aw_addr_q == quasim_pkg::REG_CHANNELS) begin
            channels_d    = w_data_q[ChanBits-1:0];
            w_top_channel = channels_d - One;
            last_group_d  = GroupBits'(w_top_channel / LanesWord);
            for (int i = 0; i < Lanes; i++) begin
              tail_keep_d[i] = (ChanBits'(i) <= (w_top_channel % LanesWord));
            end
            b_resp_d = RespOkay;
          end else if (aw_addr_q == quasim_pkg::REG_TAPS) begin
            taps_d      = w_data_q[TapsBits-1:0];
            tap_shift_d = {2'(TapsMax - taps_d), 3'b000};
            b_resp_d    = RespOkay;
          end else if (aw_addr_q == quasim_pkg::REG_MULTIPLIER) begin
            multiplier_d = w_data_q[MultBits-1:0];
            b_resp_d     = RespOkay;
          end else if (aw_addr_q == quasim_pkg::REG_REQUANT) begin
            shift_d         = w_data_q[ShiftLsb+:SBits];
            half_away_d     = w_data_q[AwayLsb];
            shift_nonzero_d = (shift_d != '0);
            // 2^(S-1) - 1, and 0 for S = 0
            round_base_d    = ((POne << shift_d) >> 1) - PBits'(shift_nonzero_d);
            b_resp_d        = RespOkay;
          end else if (in_window(aw_addr_q, quasim_pkg::TABLE_BASE, TableEnd)) begin
            table_wen_d     = 1'b1;
            window_wentry_d = ConvBits'(aw_addr_q - quasim_pkg::TABLE_BASE);
            window_wdata_d  = w_data_q;
            b_resp_d        = RespOkay;
          end else if (in_window(aw_addr_q, quasim_pkg::WEIGHT_BASE, WeightEnd)
                       | in_window(aw_addr_q, quasim_pkg::HISTORY_BASE, HistoryEnd)) begin
            weight_wen_d    = in_window(aw_addr_q, quasim_pkg::WEIGHT_BASE, WeightEnd);
            history_wen_d   = ~weight_wen_d;
            w_channel       = ChanBits'((aw_addr_q - (weight_wen_d ? quasim_pkg::WEIGHT_BASE
                                                                   : quasim_pkg::HISTORY_BASE)) >> 2);
            window_wgroup_d = GroupBits'(w_channel / LanesWord);
            window_wlane_d  = LaneBits'(w_channel % LanesWord);
            window_wdata_d  = w_data_q;
            b_resp_d        = RespOkay;
          end else if (in_window(aw_addr_q, quasim_pkg::BIAS_BASE, BiasEnd)) begin
            bias_wen_d      = aw_addr_q[2];
            w_channel       = ChanBits'((aw_addr_q - quasim_pkg::BIAS_BASE) >> 3);
            window_wgroup_d = GroupBits'(w_channel / LanesWord);
            window_wlane_d  = LaneBits'(w_channel % LanesWord);
            if (aw_addr_q[2]) bias_wdata_d = BiasBits'({w_data_q, bias_low_q});
            else bias_low_d = w_data_q;
            b_resp_d        = RespOkay;
          end
        end
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      aw_full_q       <= 1'b0;
      w_full_q        <= 1'b0;
      b_valid_q       <= 1'b0;
      enable_q        <= 1'b0;
      clear_q         <= 1'b0;
      config_error_q  <= 1'b0;
      table_wen_q     <= 1'b0;
      weight_wen_q    <= 1'b0;
      bias_wen_q      <= 1'b0;
      history_wen_q   <= 1'b0;
    end else begin
      aw_full_q       <= aw_full_d;
      w_full_q        <= w_full_d;
      b_valid_q       <= b_valid_d;
      enable_q        <= enable_d;
      clear_q         <= clear_d;
      config_error_q  <= config_error_d;
      table_wen_q     <= table_wen_d;
      weight_wen_q    <= weight_wen_d;
      bias_wen_q      <= bias_wen_d;
      history_wen_q   <= history_wen_d;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      b_resp_q        <= RespOkay;
      channels_q      <= One;
      taps_q          <= TapsMax;
      multiplier_q    <= '0;
      shift_q         <= '0;
      half_away_q     <= 1'b0;
      last_group_q    <= '0;
      tail_keep_q     <= TailKeepReset;
      tap_shift_q     <= '0;
      shift_nonzero_q <= 1'b0;
      round_base_q    <= '0;
      bias_low_q      <= '0;
      window_wgroup_q <= '0;
      window_wlane_q  <= '0;
      window_wentry_q <= '0;
      window_wdata_q  <= '0;
      bias_wdata_q    <= '0;
    end else if (write) begin
      b_resp_q        <= b_resp_d;
      channels_q      <= channels_d;
      taps_q          <= taps_d;
      multiplier_q    <= multiplier_d;
      shift_q         <= shift_d;
      half_away_q     <= half_away_d;
      last_group_q    <= last_group_d;
      tail_keep_q     <= tail_keep_d;
      tap_shift_q     <= tap_shift_d;
      shift_nonzero_q <= shift_nonzero_d;
      round_base_q    <= round_base_d;
      bias_low_q      <= bias_low_d;
      window_wgroup_q <= window_wgroup_d;
      window_wlane_q  <= window_wlane_d;
      window_wentry_q <= window_wentry_d;
      window_wdata_q  <= window_wdata_d;
      bias_wdata_q    <= bias_wdata_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (aw_take) aw_addr_q <= {{(32-AddrBits){1'b0}}, awaddr_i[AddrBits-1:2], 2'b00};
  end

  always_ff @(posedge clk_i) begin
    if (w_take) begin
      w_data_q <= wdata_i;
      w_strb_q <= wstrb_i;
    end
  end

  // ---- counters ----
  logic [63:0] beats_in_q, beats_out_q, sat_conv_q, sat_out_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      beats_in_q   <= '0;
      beats_out_q  <= '0;
      sat_conv_q   <= '0;
      sat_out_q    <= '0;
      last_error_q <= 1'b0;
    end else if (clear_q) begin
      beats_in_q   <= '0;
      beats_out_q  <= '0;
      sat_conv_q   <= '0;
      sat_out_q    <= '0;
      last_error_q <= 1'b0;
    end else begin
      beats_in_q   <= beats_in_q + 64'(beat_in_i);
      beats_out_q  <= beats_out_q + 64'(beat_out_i);
      sat_conv_q   <= sat_conv_q + 64'(sat_conv_i);
      sat_out_q    <= sat_out_q + 64'(sat_out_i);
      last_error_q <= last_error_q | last_error_i;
    end
  end

  // ---- read channel ----
  rd_state_e            rd_state_q, rd_state_d;
  logic                 ar_take;
  logic [31:0]          ar_addr_q;
  logic                 r_valid_q, r_valid_d;
  logic [31:0]          r_data_q, r_data_d;
  logic [1:0]           r_resp_q, r_resp_d;
  logic                 rd_table_q, rd_weight_q, rd_bias_q, rd_history_q;
  logic                 rd_table_d, rd_weight_d, rd_bias_d, rd_history_d;
  logic [GroupBits-1:0] window_rgroup_q, window_rgroup_d;
  logic [LaneBits-1:0]  window_rlane_q, window_rlane_d;
  logic [ConvBits-1:0]  window_rentry_q, window_rentry_d;
  logic [ChanBits-1:0]  r_channel;
  logic                 rd_window;
  logic [31:0]          beats_in_hi_q, beats_out_hi_q, sat_conv_hi_q, sat_out_hi_q;
  logic [31:0]          beats_in_hi_d, beats_out_hi_d, sat_conv_hi_d, sat_out_hi_d;
  logic [63:0]          bias_ext;

  assign ar_take      = arvalid_i & (rd_state_q == RdIdle);
  assign rd_window    = rd_table_q | rd_weight_q | rd_bias_q | rd_history_q;
  assign window_ren_o = (rd_state_q == RdAccess) & rd_window & idle;

  always_comb begin
    rd_state_d      = rd_state_q;
    r_valid_d       = r_valid_q;
    r_data_d        = r_data_q;
    r_resp_d        = r_resp_q;
    rd_table_d      = rd_table_q;
    rd_weight_d     = rd_weight_q;
    rd_bias_d       = rd_bias_q;
    rd_history_d    = rd_history_q;
    window_rgroup_d = window_rgroup_q;
    window_rlane_d  = window_rlane_q;
    window_rentry_d = window_rentry_q;
    r_channel       = '0;
    beats_in_hi_d   = beats_in_hi_q;
    beats_out_hi_d  = beats_out_hi_q;
    sat_conv_hi_d   = sat_conv_hi_q;
    sat_out_hi_d    = sat_out_hi_q;
    bias_ext        = '0;

    case (rd_state_q)
      RdIdle: if (arvalid_i) rd_state_d = RdDecode;

      RdDecode: begin
        rd_state_d   = RdAccess;
        rd_table_d   = in_window(ar_addr_q, quasim_pkg::TABLE_BASE, TableEnd);
        rd_weight_d  = in_window(ar_addr_q, quasim_pkg::WEIGHT_BASE, WeightEnd);
        rd_bias_d    = in_window(ar_addr_q, quasim_pkg::BIAS_BASE, BiasEnd);
        rd_history_d = in_window(ar_addr_q, quasim_pkg::HISTORY_BASE, HistoryEnd);
        if (rd_weight_d) r_channel = ChanBits'((ar_addr_q - quasim_pkg::WEIGHT_BASE) >> 2);
        else if (rd_bias_d) r_channel = ChanBits'((ar_addr_q - quasim_pkg::BIAS_BASE) >> 3);
        else r_channel = ChanBits'((ar_addr_q - quasim_pkg::HISTORY_BASE) >> 2);
        window_rgroup_d = GroupBits'(r_channel / LanesWord);
        window_rlane_d  = LaneBits'(r_channel % LanesWord);
        window_rentry_d = ConvBits'(ar_addr_q - quasim_pkg::TABLE_BASE);
      end

      RdAccess: begin
        rd_state_d = RdRespond;
        r_valid_d  = 1'b1;
        r_data_d   = '0;
        r_resp_d   = RespOkay;
        if (rd_window) begin
          if (idle) begin
            rd_state_d = RdCapture;
            r_valid_d  = 1'b0;
          end else begin
            r_resp_d = RespSlvErr;
          end
        end else begin
          case (ar_addr_q)
            quasim_pkg::REG_ID:             r_data_d = quasim_pkg::ID_WORD;
            quasim_pkg::REG_VERSION:        r_data_d = quasim_pkg::VERSION_WORD;
            quasim_pkg::REG_CAPABILITY0:    r_data_d = Capability0;
            quasim_pkg::REG_CAPABILITY1:    r_data_d = Capability1;
            quasim_pkg::REG_CONTROL:        r_data_d[EnableLsb] = enable_q;
            quasim_pkg::REG_STATUS: begin
              r_data_d[quasim_pkg::STATUS_BUSY_LSB]         = busy_i;
              r_data_d[quasim_pkg::STATUS_MID_TOKEN_LSB]    = mid_token_i;
              r_data_d[quasim_pkg::STATUS_LAST_ERROR_LSB]   = last_error_q;
              r_data_d[quasim_pkg::STATUS_CONFIG_ERROR_LSB] = config_error_q;
            end
            quasim_pkg::REG_CLEAR_COUNTERS: r_data_d = '0;
            quasim_pkg::REG_CHANNELS:       r_data_d = 32'(channels_q);
            quasim_pkg::REG_TAPS:           r_data_d = 32'(taps_q);
            quasim_pkg::REG_MULTIPLIER:     r_data_d = 32'(multiplier_q);
            quasim_pkg::REG_REQUANT: begin
              r_data_d[ShiftLsb+:SBits] = shift_q;
              r_data_d[AwayLsb]         = half_away_q;
            end
            quasim_pkg::REG_BEATS_IN_LO: begin
              r_data_d      = beats_in_q[31:0];
              beats_in_hi_d = beats_in_q[63:32];
            end
            quasim_pkg::REG_BEATS_IN_HI:    r_data_d = beats_in_hi_q;
            quasim_pkg::REG_BEATS_OUT_LO: begin
              r_data_d       = beats_out_q[31:0];
              beats_out_hi_d = beats_out_q[63:32];
            end
            quasim_pkg::REG_BEATS_OUT_HI:   r_data_d = beats_out_hi_q;
            quasim_pkg::REG_SAT_CONV_LO: begin
              r_data_d      = sat_conv_q[31:0];
              sat_conv_hi_d = sat_conv_q[63:32];
            end
            quasim_pkg::REG_SAT_CONV_HI:    r_data_d = sat_conv_hi_q;
            quasim_pkg::REG_SAT_OUT_LO: begin
              r_data_d     = sat_out_q[31:0];
              sat_out_hi_d = sat_out_q[63:32];
            end
            quasim_pkg::REG_SAT_OUT_HI:     r_data_d = sat_out_hi_q;
            default:                        r_resp_d = RespSlvErr;
          endcase
        end
      end

      RdCapture: begin
        rd_state_d = RdRespond;
        r_valid_d  = 1'b1;
        bias_ext   = {{(64-BiasBits){bias_rdata_i[BiasBits-1]}}, bias_rdata_i};
        if (rd_table_q) r_data_d = table_rdata_i;
        else if (rd_weight_q) r_data_d = weight_rdata_i;
        else if (rd_history_q) r_data_d = {8'h00, history_rdata_i};
        else r_data_d = ar_addr_q[2] ? bias_ext[63:32] : bias_ext[31:0];
      end

      RdRespond: begin
        if (rready_i) begin
          rd_state_d = RdIdle;
          r_valid_d  = 1'b0;
        end
      end

      default: rd_state_d = RdIdle;
    endcase

    if (clear_q) begin
      beats_in_hi_d  = '0;
      beats_out_hi_d = '0;
      sat_conv_hi_d  = '0;
      sat_out_hi_d   = '0;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rd_state_q      <= RdIdle;
      r_valid_q       <= 1'b0;
      r_data_q        <= '0;
      r_resp_q        <= RespOkay;
      rd_table_q      <= 1'b0;
      rd_weight_q     <= 1'b0;
      rd_bias_q       <= 1'b0;
      rd_history_q    <= 1'b0;
      window_rgroup_q <= '0;
      window_rlane_q  <= '0;
      window_rentry_q <= '0;
      beats_in_hi_q   <= '0;
      beats_out_hi_q  <= '0;
      sat_conv_hi_q   <= '0;
      sat_out_hi_q    <= '0;
    end else begin
      rd_state_q      <= rd_state_d;
      r_valid_q       <= r_valid_d;
      r_data_q        <= r_data_d;
      r_resp_q        <= r_resp_d;
      rd_table_q      <= rd_table_d;
      rd_weight_q     <= rd_weight_d;
      rd_bias_q       <= rd_bias_d;
      rd_history_q    <= rd_history_d;
      window_rgroup_q <= window_rgroup_d;
      window_rlane_q  <= window_rlane_d;
      window_rentry_q <= window_rentry_d;
      beats_in_hi_q   <= beats_in_hi_d;
      beats_out_hi_q  <= beats_out_hi_d;
      sat_conv_hi_q   <= sat_conv_hi_d;
      sat_out_hi_q    <= sat_out_hi_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ar_take) ar_addr_q <= {{(32-AddrBits){1'b0}}, araddr_i[AddrBits-1:2], 2'b00};
  end

  // ---- outputs ----
  assign awready_o       = ~aw_full_q;
  assign wready_o        = ~w_full_q;
  assign bvalid_o        = b_valid_q;
  assign bresp_o         = b_resp_q;
  assign arready_o       = (rd_state_q == RdIdle);
  assign rvalid_o        = r_valid_q;
  assign rdata_o         = r_data_q;
  assign rresp_o         = r_resp_q;
  assign enable_o        = enable_q;
  assign clear_o         = clear_q;
  assign last_group_o    = last_group_q;
  assign tail_keep_o     = tail_keep_q;
  assign tap_shift_o     = tap_shift_q;
  assign multiplier_o    = multiplier_q;
  assign shift_o         = shift_q;
  assign shift_nonzero_o = shift_nonzero_q;
  assign round_base_o    = round_base_q;
  assign half_away_o     = half_away_q;
  assign table_wen_o     = table_wen_q;
  assign weight_wen_o    = weight_wen_q;
  assign bias_wen_o      = bias_wen_q;
  assign history_wen_o   = history_wen_q;
  assign window_wgroup_o = window_wgroup_q;
  assign window_wlane_o  = window_wlane_q;
  assign window_wentry_o = window_wentry_q;
  assign window_wdata_o  = window_wdata_q;
  assign bias_wdata_o    = bias_wdata_q;
  assign window_rgroup_o = window_rgroup_q;
  assign window_rlane_o  = window_rlane_q;
  assign window_rentry_o = window_rentry_q;

endmodule
