// Smoke test of quasim_top in plain SystemVerilog: one clock, no library.
//
// This file drives; quasim_monitor compares every output in every cycle. First come directed tests, one for each rule of the
// register map and the streams, with their expected values written out where a reader may want to see them. Then random traffic on
// all seven channels at once: writes and reads of every register and window, right and wrong, beside streams, with reset at any time.
// Processes look at the lists' state on the falling edge, where the drivers of the rising edge have settled it.
// Prints PASS with the number of comparisons and finishes; the first difference stops it with $fatal.

module quasim_smoke_tb #(
  parameter int LANES       = 4,
  parameter int MaxChannels = (LANES < 8) ? 8 * LANES : 3 * LANES,
  // [parameters of quasim_top: scripts/emit_spec.py]
  parameter int ConvBits    = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int MultBits    = quasim_pkg::MULT_BITS_DEFAULT,
  parameter int BiasBits    = quasim_pkg::BIAS_BITS_DEFAULT,
  parameter int Dataflows   = quasim_pkg::DATAFLOWS_DEFAULT,
  parameter int CellBits    = quasim_pkg::CELL_BITS_DEFAULT,
  parameter int NearBlocks  = quasim_pkg::NEAR_BLOCKS_DEFAULT,
  parameter int Folded      = quasim_pkg::FOLDED_DEFAULT,
  // [end]
  parameter int Seed        = 1,
  parameter int Short       = 0  // 1: fewer layers and less traffic, for netlists
);

  import quasim_map_pkg::*;

  localparam int NB = ConvBits;
  localparam int MB = MultBits;
  localparam int BB = BiasBits;
  localparam int DF = Dataflows;
  localparam int CB = CellBits;
  localparam int KB = NearBlocks;
  localparam int FO = Folded;
  localparam int CN = (MaxChannels <= 8 * LANES) ? MaxChannels : 3 * LANES;  // channels of the largest layer that is loaded
  localparam longint BiasTop = (longint'(1) << (BB - 1)) - 1;
  localparam int Windows = quasim_pkg::WINDOWS;
  localparam int Counters = quasim_pkg::COUNTERS;

  localparam bit Every = (LANES < 8) && (Short == 0);  // each rule with each shape, where lanes are few and simulation is fast

  localparam logic [1:0] Okay = 2'b00, SlvErr = 2'b10;

  // [pins of quasim_top: scripts/emit_spec.py]
  logic               clk = '0, rst_n = '0, s_tvalid = '0, s_tready, s_tlast = '0, m_tvalid, m_tready = '0, m_tlast, awvalid = '0, awready,
                      wvalid = '0, wready, bvalid, bready = '0, arvalid = '0, arready, rvalid, rready = '0;
  logic [LANES*8-1:0] s_tdata = '0, m_tdata;
  logic [0:0]         s_tuser = '0;
  logic [LANES-1:0]   m_tkeep;
  logic [19:0]        awaddr = '0, araddr = '0;
  logic [2:0]         awprot = '0, arprot = '0;
  logic [31:0]        wdata = '0, rdata;
  logic [3:0]         wstrb = '1;
  logic [1:0]         bresp, rresp;
  // [end]

  always #5 clk = ~clk;

  quasim_top #(
    // [values of quasim_top: scripts/emit_spec.py]
    .LANES(LANES), .MaxChannels(MaxChannels), .ConvBits(ConvBits), .MultBits(MultBits), .BiasBits(BiasBits), .Dataflows(Dataflows),
    .CellBits(CellBits), .NearBlocks(NearBlocks), .Folded(Folded)
    // [end]
  ) dut (
    // [wiring of quasim_top: scripts/emit_spec.py]
    .clk_i(clk), .rst_ni(rst_n),
    .s_axis_tdata(s_tdata), .s_axis_tvalid(s_tvalid), .s_axis_tready(s_tready), .s_axis_tuser(s_tuser), .s_axis_tlast(s_tlast),
    .m_axis_tdata(m_tdata), .m_axis_tvalid(m_tvalid), .m_axis_tready(m_tready), .m_axis_tlast(m_tlast), .m_axis_tkeep(m_tkeep),
    .s_axil_awaddr(awaddr), .s_axil_awprot(awprot), .s_axil_awvalid(awvalid), .s_axil_awready(awready), .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid), .s_axil_wready(wready), .s_axil_bresp(bresp), .s_axil_bvalid(bvalid),
    .s_axil_bready(bready), .s_axil_araddr(araddr), .s_axil_arprot(arprot), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
    .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(rready)
    // [end]
  );

  quasim_monitor #(
    // [values of quasim_top: scripts/emit_spec.py]
    .LANES(LANES), .MaxChannels(MaxChannels), .ConvBits(ConvBits), .MultBits(MultBits), .BiasBits(BiasBits), .Dataflows(Dataflows),
    .CellBits(CellBits), .NearBlocks(NearBlocks), .Folded(Folded)
    // [end]
  ) watch (
    .*
  );

  // ---- random numbers and reporting ----
  integer seed = Seed;

  function automatic integer below(input integer n);
    below = (n < 1) ? 0 : $urandom(seed) % n;
    if (below < 0) below = below + n;
  endfunction

  task automatic fail(input [80*8-1:0] what, input longint got, input longint want);
    watch.fail(what, got, want);
  endtask

  task automatic check(input [80*8-1:0] what, input longint got, input longint want);
    watch.check(what, got, want);
  endtask

  // ---- single accesses, with what they must answer ----
  task automatic axil_write(input [19:0] addr, input [31:0] data, input [3:0] strb, input [1:0] want);
    integer order;
    logic aw_done, w_done;
    begin
      order = below(3);
      aw_done = 1'b0;
      w_done = 1'b0;
      awaddr <= addr;
      wdata <= data;
      wstrb <= strb;
      awvalid <= (order != 1);
      wvalid <= (order != 2);
      while (!(aw_done && w_done)) begin
        @(posedge clk);
        if (awvalid && awready) begin aw_done = 1'b1; awvalid <= 1'b0; end
        else if (!aw_done) awvalid <= 1'b1;
        if (wvalid && wready) begin w_done = 1'b1; wvalid <= 1'b0; end
        else if (!w_done) wvalid <= 1'b1;
      end
      while (below(3) == 0) @(posedge clk);
      bready <= 1'b1;
      @(posedge clk);
      while (!bvalid) @(posedge clk);
      bready <= 1'b0;
      check("bresp", bresp, want);
    end
  endtask

  task automatic wr(input [19:0] addr, input [31:0] data);
    axil_write(addr, data, 4'hF, Okay);
  endtask

  task automatic wr_error(input [19:0] addr, input [31:0] data);
    axil_write(addr, data, 4'hF, SlvErr);
  endtask

  logic [31:0] rd_data;
  logic [1:0]  rd_resp;
  task automatic rd(input [19:0] addr);
    begin
      araddr <= addr;
      arvalid <= 1'b1;
      @(posedge clk);
      while (!arready) @(posedge clk);
      arvalid <= 1'b0;
      while (below(3) == 0) @(posedge clk);
      rready <= 1'b1;
      @(posedge clk);
      while (!rvalid) @(posedge clk);
      rready <= 1'b0;
      rd_data = rdata;
      rd_resp = rresp;
    end
  endtask

  task automatic rd_check(input [80*8-1:0] what, input [19:0] addr, input [31:0] want);
    begin
      rd(addr);
      check(what, rd_resp, Okay);
      check(what, rd_data, want);
    end
  endtask

  task automatic rd_error(input [80*8-1:0] what, input [19:0] addr);
    begin
      rd(addr);
      check(what, rd_resp, SlvErr);
      check(what, rd_data, 0);
    end
  endtask

  // ---- bus traffic: two lists of accesses, each channel at its own pace ----
  localparam int ListSize = 4096;
  logic        traffic = 1'b0;
  logic [19:0] list_waddr [ListSize];
  logic [31:0] list_wdata [ListSize];
  logic [3:0]  list_wstrb [ListSize];
  logic [19:0] list_raddr [ListSize];
  integer      writes = 0, reads = 0, aw_next = 0, w_next = 0, ar_next = 0, b_taken = 0, r_taken = 0;
  integer      pause_aw = 1, pause_w = 1, pause_b = 1, pause_ar = 1, pause_r = 1;  // one cycle in so many goes on

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      awvalid <= 1'b0;
      wvalid <= 1'b0;
      bready <= 1'b0;
      arvalid <= 1'b0;
      rready <= 1'b0;
      // what was on its way is lost: go on behind it
      aw_next = (aw_next > w_next) ? aw_next : w_next;
      w_next = aw_next;
      b_taken = aw_next;
      r_taken = ar_next;
    end else if (traffic) begin
      if (!awvalid || awready) begin
        awvalid <= 1'b0;
        awaddr <= 'x;
        if (aw_next < writes && below(pause_aw) == 0) begin
          awvalid <= 1'b1;
          awaddr <= list_waddr[aw_next];
          aw_next = aw_next + 1;
        end
      end
      if (!wvalid || wready) begin
        wvalid <= 1'b0;
        wdata <= 'x;
        wstrb <= 'x;
        if (w_next < writes && below(pause_w) == 0) begin
          wvalid <= 1'b1;
          wdata <= list_wdata[w_next];
          wstrb <= list_wstrb[w_next];
          w_next = w_next + 1;
        end
      end
      if (!arvalid || arready) begin
        arvalid <= 1'b0;
        araddr <= 'x;
        if (ar_next < reads && below(pause_ar) == 0) begin
          arvalid <= 1'b1;
          araddr <= list_raddr[ar_next];
          ar_next = ar_next + 1;
        end
      end
      if (bvalid && bready) b_taken = b_taken + 1;
      if (rvalid && rready) r_taken = r_taken + 1;
      bready <= (below(pause_b) == 0);
      rready <= (below(pause_r) == 0);
    end
  end

  task automatic list_clear;
    begin
      writes = 0;
      reads = 0;
      aw_next = 0;
      w_next = 0;
      ar_next = 0;
      b_taken = 0;
      r_taken = 0;
    end
  endtask

  task automatic list_end;
    begin
      traffic = 1'b0;
      bready <= 1'b0;
      rready <= 1'b0;
      @(posedge clk);
      list_clear();
    end
  endtask

  task automatic list_write(input [19:0] addr, input [31:0] data, input [3:0] strb);
    begin
      list_waddr[writes] = addr;
      list_wdata[writes] = data;
      list_wstrb[writes] = strb;
      writes = writes + 1;
      if (writes > ListSize) fail("list of writes", writes, ListSize);
    end
  endtask

  task automatic list_read(input [19:0] addr);
    begin
      list_raddr[reads] = addr;
      reads = reads + 1;
      if (reads > ListSize) fail("list of reads", reads, ListSize);
    end
  endtask

  // Runs the lists to their end; the monitor judges every answer.
  task automatic list_run(input integer aw, input integer w, input integer b, input integer ar, input integer r);
    begin
      pause_aw = aw;
      pause_w = w;
      pause_b = b;
      pause_ar = ar;
      pause_r = r;
      @(negedge clk) traffic = 1'b1;
      while (b_taken < writes || r_taken < reads) @(negedge clk);
      list_end();
    end
  endtask

  task automatic list_run_fast;
    list_run(1, 1, 1, 1, 1);
  endtask

  // ---- stream traffic ----
  // A side pauses at random, in bursts, periodically, or against the other side: it offers where the unit is not ready, and is ready
  // where nothing is offered.
  localparam integer PauseRandom = 0, PauseBursts = 1, PausePeriodic = 2, PauseAdverse = 3;
  integer pattern_in = PauseRandom, pattern_out = PauseRandom;
  integer     burst [2];
  logic [1:0] pausing = '0;
  initial begin
    burst[0] = 0;
    burst[1] = 0;
  end

  function automatic logic pauses(input integer side, input integer pattern, input integer rate, input logic tempting);
    case (pattern)
      PauseBursts: begin
        if (burst[side] == 0) begin
          pausing[side] = (below(8) < rate);
          burst[side] = 1 + below(12);
        end
        burst[side] = burst[side] - 1;
        pauses = pausing[side];
      end
      PausePeriodic: pauses = (watch.cycle % (rate + 2)) < rate;
      PauseAdverse: pauses = tempting ? (below(8) < 6) : (below(8) < 1);
      default: pauses = (below(8) < rate);
    endcase
  endfunction

  logic   flow = 1'b0;
  integer to_send = 0, taken = 0, in_gap = 0, out_gap = 0, first_rate = 0, wrong_last = 0;  // rates in eighths
  integer last_group = 0;
  logic [8:0] fixed_x = 9'h100;  // the sample of every lane, or bit 8: random ones

  always @(posedge clk or negedge rst_n) begin : stream_driver
    integer lane;
    if (!rst_n) begin
      s_tvalid <= 1'b0;
      m_tready <= 1'b0;
    end else if (flow) begin
      m_tready <= !pauses(1, pattern_out, out_gap, m_tvalid);
      if (s_tvalid && s_tready) taken = taken + 1;
      if (!s_tvalid || s_tready) begin
        s_tvalid <= 1'b0;
        s_tdata <= 'x;
        s_tuser <= 'x;
        s_tlast <= 1'bx;
        if (to_send > 0 && !pauses(0, pattern_in, in_gap, s_tready)) begin
          to_send = to_send - 1;
          s_tvalid <= 1'b1;
          for (lane = 0; lane < LANES; lane = lane + 1) s_tdata[lane*8+:8] <= !fixed_x[8] ? fixed_x[7:0] : (below(6) == 0) ? 8'h80 : $urandom(seed);
          // only group 0 may decide; elsewhere the bit is noise
          s_tuser[0] <= (watch.group == 0) ? (below(8) < first_rate) : below(2);
          s_tlast <= (watch.group >= last_group && below(4) == 0) || below(8) < wrong_last;
        end
      end
    end
  end

  // n beats. Gaps are per-eight chances of a pause; first_rate: per-eight chance that a token starts a sequence.
  task automatic stream(input integer n, input integer in, input integer out, input integer first);
    begin
      to_send = n;
      taken = 0;
      in_gap = in;
      out_gap = out;
      first_rate = first;
      @(negedge clk) flow = 1'b1;
      while (taken < n) @(negedge clk);
      flow = 1'b0;
    end
  endtask

  // full rate: n beats leave in n cycles, the first of them six cycles after it came
  task automatic stream_full(input integer n, input integer first);
    integer from, beats;
    begin
      m_tready <= 1'b1;
      repeat (10) @(posedge clk);
      beats = watch.beats;
      from = watch.cycle;
      stream(n, 0, 0, first);
      m_tready <= 1'b1;
      repeat (7) @(posedge clk);
      check("beats of a full-rate run", watch.beats - beats, n);
      check("cycles of a full-rate run", watch.cycle - from, n + 1 + 7);
    end
  endtask

  // ---- layers ----
  integer channels, taps, shift, away, groups, fused, turn;
  longint mult;
  integer w [CN*4];
  longint bias [CN];
  integer tbl [1 << NB];
  integer cells [1 << CB];
  integer near [8 * KB];

  task automatic new_layer(input integer c_n, input integer k_n, input integer rule);
    integer c, i;
    longint spread;
    begin
      channels = c_n;
      taps = k_n;
      groups = (c_n + LANES - 1) / LANES;
      last_group = groups - 1;
      away = below(2);
      fused = (rule == 5 && DF > 1);
      turn = below(64);
      case (rule)
        0: begin shift = MB + below(6); mult = $urandom(seed) & ((longint'(1) << MB) - 1); end  // wide multiplier
        1: begin shift = 1 + below(8); mult = 1 + below(3); end                 // many ties
        2: begin shift = 0; mult = below(2); end                               // no shift
        3: begin shift = 47; mult = (longint'(1) << MB) - 1; end                // widest
        default: begin shift = 8 + below(8); mult = 1 << below(12); end
      endcase
      spread = 1;
      spread = (shift + NB - 1 > BB - 2) ? (spread << (BB - 2)) : (spread << (shift + NB - 1));
      for (c = 0; c < CN; c = c + 1) begin
        bias[c] = $signed({$urandom(seed), $urandom(seed)}) % spread;
        if (rule == 1) bias[c] = bias[c] & ~((longint'(1) << (shift - 1)) - 1);
        if (rule == 3 && below(4) == 0) bias[c] = (below(2) == 0) ? -BiasTop - 1 : BiasTop;
        for (i = 0; i < 4; i = i + 1) w[c*4+i] = (below(8) == 0) ? -128 : below(256) - 128;
        if (rule == 1) for (i = 0; i < 4; i = i + 1) w[c*4+i] = w[c*4+i] / 16;
      end
      for (i = 0; i < (1 << NB); i = i + 1) tbl[i] = below(256) - 128;
      if (fused != 0) begin  // bias words within u, or far outside
        mult = 1 + below(400);
        for (c = 0; c < CN; c = c + 1)
          bias[c] = (below(16) == 0) ? ((below(2) == 0) ? -BiasTop - 1 : BiasTop) : below(1 << 22);
      end
      // one cell in two guesses a rank that has a near threshold
      for (i = 0; i < (1 << CB); i = i + 1) cells[i] = (below(2) == 0) ? below(1 << 15) : below(24) | (below(8) << 9);
      for (i = 0; i < 8 * KB; i = i + 1) near[i] = below(1 << 22);
    end
  endtask

  function automatic logic [31:0] weight_word(input integer c);
    weight_word = {w[c*4+3][7:0], w[c*4+2][7:0], w[c*4+1][7:0], w[c*4][7:0]};
  endfunction

  function automatic logic [31:0] table_word(input integer i);
    table_word = {tbl[i+3][7:0], tbl[i+2][7:0], tbl[i+1][7:0], tbl[i][7:0]};
  endfunction

  // Words of the table as the unit holds it: its entries as they are, or, folded, eight numbers of 4 bits, whatever they are.
  localparam int TableWords = (FO == 0) ? 1 << (NB - 2) : (NB < 4) ? 1 : 1 << (NB - 4);

  // Memories of the first `c_n` channels, of the table, and a few words read back.
  task automatic load_memories(input integer c_n);
    integer c, i;
    logic [63:0] b;
    begin
      for (c = 0; c < c_n; c = c + 1) begin
        b = bias[c];
        list_write(quasim_pkg::WEIGHT_BASE + 4 * c, weight_word(c), 4'hF);
        list_write(quasim_pkg::BIAS_BASE + 8 * c, b[31:0], 4'hF);
        list_write(quasim_pkg::BIAS_BASE + 8 * c + 4, b[63:32], 4'hF);
      end
      for (i = 0; i < 4 * TableWords; i = i + 4) list_write(quasim_pkg::TABLE_BASE + i, table_word(i), 4'hF);
      if (fused != 0) begin
        for (i = 0; i < (1 << CB); i = i + 1) list_write(quasim_pkg::GUESS_BASE + 4 * i, cells[i] | (below(2) << 20), 4'hF);
        for (i = 0; i < 8 * KB; i = i + 1) list_write(quasim_pkg::NEAR_BASE + 4 * i, near[i] | (below(2) << 25), 4'hF);
      end
      list_run_fast();
      if (fused != 0) begin
        i = below(1 << CB);
        rd_check("cell read back", quasim_pkg::GUESS_BASE + 4 * i, cells[i]);
        i = below(8 * KB);
        rd_check("near threshold read back", quasim_pkg::NEAR_BASE + 4 * i, near[i]);
      end
      c = below(c_n);
      b = bias[c];
      rd_check("weight read back", quasim_pkg::WEIGHT_BASE + 4 * c, weight_word(c));
      rd_check("bias low read back", quasim_pkg::BIAS_BASE + 8 * c, b[31:0]);
      rd_check("bias high read back", quasim_pkg::BIAS_BASE + 8 * c + 4, b[63:32]);
      i = 4 * below(TableWords);
      rd_check("table read back", quasim_pkg::TABLE_BASE + i, table_word(i));
    end
  endtask

  task automatic load_layer;
    begin
      wr(quasim_pkg::REG_CONTROL, 0);
      wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
      wr(quasim_pkg::REG_CHANNELS, channels);
      wr(quasim_pkg::REG_TAPS, taps);
      wr(quasim_pkg::REG_MULTIPLIER, mult);
      wr(quasim_pkg::REG_REQUANT, shift | (away << 8));
      wr(quasim_pkg::REG_DATAFLOW, (fused != 0) ? 2 | (turn << 8) : 1 | (turn << 8));
      load_memories((channels + LANES > CN) ? CN : channels + LANES);
    end
  endtask

  task automatic enable;
    begin
      wr(quasim_pkg::REG_CONTROL, 1);
      rd_check("Control reads 1", quasim_pkg::REG_CONTROL, 1);
    end
  endtask

  task automatic read_counters;
    integer i;
    begin
      for (i = 0; i < 2 * Counters; i = i + 1) list_read(quasim_pkg::REG_BEATS_IN_LO + 4 * i);
      list_run_fast();
    end
  endtask

  task automatic disable_and_drain;
    begin
      m_tready <= 1'b1;
      wr(quasim_pkg::REG_CONTROL, 0);
      repeat (12) @(posedge clk);
      check("drained", watch.tail - watch.head, 0);
      m_tready <= 1'b0;
      rd(quasim_pkg::REG_STATUS);
      read_counters();
    end
  endtask

  task automatic check_history(input integer c_n);
    integer c;
    begin
      for (c = 0; c < c_n; c = c + 1) list_read(quasim_pkg::HISTORY_BASE + 4 * c);
      list_run_fast();
    end
  endtask

  logic [31:0] saved [CN];

  task automatic history_test(input integer c_n, input integer k_n);
    integer c;
    begin
      new_layer(c_n, k_n, 4);
      load_layer();
      enable();
      stream(groups, 0, 0, 8);  // a first time step that clears every history
      stream(groups * 5, 2, 2, 0);
      disable_and_drain();
      for (c = 0; c < channels; c = c + 1) begin
        rd(quasim_pkg::HISTORY_BASE + 4 * c);
        saved[c] = rd_data;
      end
      // another sequence takes the unit
      enable();
      stream(groups, 0, 0, 8);
      stream(groups * 4, 1, 1, 1);
      disable_and_drain();
      check_history(channels);
      for (c = 0; c < channels; c = c + 1) list_write(quasim_pkg::HISTORY_BASE + 4 * c, saved[c] | 32'hA5000000, 4'hF);
      list_run_fast();
      for (c = 0; c < channels; c = c + 1) rd_check("history as restored", quasim_pkg::HISTORY_BASE + 4 * c, saved[c]);
      enable();
      stream(groups * 4, 1, 3, 0);  // continues: no first
      disable_and_drain();
      check_history(channels);
    end
  endtask

  task automatic run_layer(input integer c_n, input integer k_n, input integer rule);
    begin
      new_layer(c_n, k_n, rule);
      load_layer();
      enable();
      stream(groups, 0, 0, 8);
      stream_full(groups * 8, 1);
      stream(groups * 6 + 24, 0, 4, 1);  // only the output stalls
      stream(groups * 6 + 24, 4, 0, 1);  // only the input pauses
      stream(groups * 6 + 24, 3, 3, 1);
      stream(groups * 6 + 24, 1, 6, 0);
      stream(groups * 4, 0, 7, 1);
      if (groups > 1) stream(1, 0, 0, 0);  // stop in mid token
      disable_and_drain();
      if (watch.group != 0) begin
        enable();  // and go on with the second group of the same token
        stream(groups - 1, 2, 2, 0);
        disable_and_drain();
      end
      check_history(channels);
    end
  endtask

  // The accumulator at both its ends, 4 * 128 * 128 and -4 * 128 * 127: with a shift that lets the output tell them from neighbours, then
  // with M and B at their ends too, which takes p to its own.
  task automatic extreme_test;
    integer i, n;
    begin
      for (n = 0; n < 8; n = n + 1) begin
        new_layer(LANES, 4, (n < 6) ? 2 : 5);
        if (n >= 4) begin
          shift = MB + 16;
          mult = (longint'(1) << MB) - 1;
          for (i = 0; i < CN; i = i + 1) bias[i] = (n % 2 == 0) ? BiasTop : -BiasTop - 1;
        end else begin
          shift = 0;
          mult = 1;
          for (i = 0; i < CN; i = i + 1) bias[i] = ((n % 2 == 0) ? -65536 : 65024) + n / 2 * (i % 3 - 1);
        end
        for (i = 0; i < 4 * CN; i = i + 1) w[i] = (n % 2 == 0) ? -128 : 127;
        load_layer();
        enable();
        fixed_x = 9'h080;
        stream(6, 0, 0, 0);
        fixed_x = 9'h100;
        disable_and_drain();
      end
    end
  endtask

  // Every near and far threshold is compared with u below it and from it on, before and behind the turn.
  task automatic steps_test;
    integer i, n, ranks;
    begin
      ranks = 192 >> CB;  // of a cell
      for (n = 0; n < 2; n = n + 1) begin
        new_layer(LANES, 4, 5);
        turn = (n == 0) ? 10 : 63;
        mult = 100;
        for (i = 0; i < CN; i = i + 1) bias[i] = below(1 << 22);
        for (i = 0; i < (1 << CB); i = i + 1) cells[i] = (2 * ranks * i) | ((2 * ranks) << 9);
        load_layer();
        enable();
        stream(4000 / LANES, 0, 0, 1);
        disable_and_drain();
      end
    end
  endtask

  // ---- reset and what nobody wrote ----
  task automatic reset(input integer cycles);
    begin
      @(negedge clk) rst_n = 1'b0;
      repeat (cycles) @(negedge clk);
      rst_n = 1'b1;
      @(posedge clk);
    end
  endtask

  // Weights, biases and table are loaded, histories are not: the lanes are unknown, everything else is not.
  task automatic untouched_test;
    integer unknown;
    begin
      rd(quasim_pkg::HISTORY_BASE);
      check("an unwritten word answers OKAY", rd_resp, Okay);
      check("the byte beside an unwritten history", rd_data[31:24], 0);
      new_layer(LANES + 1 < CN ? LANES + 1 : CN, 4, 0);
      load_layer();
      enable();
      stream(2 * groups, 1, 1, 0);
      disable_and_drain();
      check("lanes on untouched history", watch.unknown, 2 * channels);
      // the fourth sample sees none of it
      enable();
      stream(2 * groups, 1, 1, 0);
      disable_and_drain();
      unknown = watch.unknown;
      wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
      enable();
      stream(4 * groups, 1, 1, 0);
      stream(4 * groups, 1, 1, 8);
      disable_and_drain();
      check("lanes on known history", watch.unknown - unknown, 0);
      check_history(groups * LANES);  // of lanes without a channel too
    end
  endtask

  // What a register says after reset is what the datapath does: one channel, four taps, M = 0, S = 0, half to even.
  task automatic defaults_test;
    logic [63:0] unit;
    begin
      new_layer(1, 4, 0);
      load_memories(LANES);
      reset(2);
      last_group = 0;
      enable();
      stream(6, 1, 1, 2);
      disable_and_drain();
      wr(quasim_pkg::REG_MULTIPLIER, 5);
      enable();
      stream(12, 1, 1, 1);
      disable_and_drain();
      // the same behind a layer that had everything otherwise
      new_layer(CN, 2, 5);
      load_layer();
      wr(quasim_pkg::REG_REQUANT, 9 | (1 << 8));
      enable();
      stream(groups + 1, 0, 0, 8);
      reset(1);
      check("beats that reset swallowed", watch.tail - watch.head, 0);
      last_group = 0;
      rd_check("Channels after reset", quasim_pkg::REG_CHANNELS, 1);
      rd_check("Taps after reset", quasim_pkg::REG_TAPS, 4);
      rd_check("Multiplier after reset", quasim_pkg::REG_MULTIPLIER, 0);
      rd_check("Requant after reset", quasim_pkg::REG_REQUANT, 0);
      rd_check("Dataflow after reset", quasim_pkg::REG_DATAFLOW, 1);
      rd_check("Status after reset", quasim_pkg::REG_STATUS, 0);
      read_counters();
      check_history(CN);  // memories stay
      wr(quasim_pkg::BIAS_BASE + 4, 32'h00001234);
      unit = watch.kept(quasim_pkg::WINDOW_BIAS, 64'h0000123400000000);
      rd_check("the low word that waits is 0 after reset", quasim_pkg::BIAS_BASE, unit[31:0]);
      rd_check("the high word over it", quasim_pkg::BIAS_BASE + 4, unit[63:32]);
      wr(quasim_pkg::REG_MULTIPLIER, 3);
      enable();
      stream(10, 1, 1, 1);
      disable_and_drain();
    end
  endtask

  // ---- registers ----
  task automatic register_test;
    integer i, bit_i, strb;
    logic [31:0] mask, keep;
    begin
      rd_check("Id", 20'h00000, 32'h51534D31);
      rd_check("Version", 20'h00004, quasim_pkg::VERSION_WORD);
      rd_check("Capability0", 20'h00008, {8'd6, 8'd4, 8'(NB), 8'(LANES)});
      rd_check("Capability1", 20'h0000C, {8'(BB), 8'(MB), 16'(MaxChannels)});
      rd_check("Capability2", 20'h0001C, {7'd0, 1'(FO), 8'(KB), 8'(CB), 8'(DF)});
      rd_check("Control", 20'h00010, 0);
      rd_check("Status", 20'h00014, 0);
      rd_check("ClearCounters", 20'h00018, 0);
      rd_check("Channels", 20'h00020, 1);
      rd_check("Taps", 20'h00024, 4);
      rd_check("Multiplier", 20'h00028, 0);
      rd_check("Requant", 20'h0002C, 0);
      rd_check("Dataflow", 20'h00030, 1);
      for (i = 0; i < 2 * Counters; i = i + 1) rd_check("counter", 20'h00040 + 4 * i, 0);
      wr(20'h00020, MaxChannels);
      wr(20'h00024, 3);
      wr(20'h00028, 32'h00ABCDEF & ((32'd1 << MB) - 1));
      wr(20'h0002C, 32'h0000012A);
      rd_check("Channels", 20'h00020, MaxChannels);
      rd_check("Taps", 20'h00024, 3);
      rd_check("Multiplier", 20'h00028, 32'h00ABCDEF & ((32'd1 << MB) - 1));
      rd_check("Requant", 20'h0002C, 32'h0000012A);
      // every register: all strobes or none, bits outside its fields, bits inside one by one, the ignored address bits
      for (i = 0; i < REGISTERS; i = i + 1) begin
        mask = watch.unit_register_mask(i);
        rd(register_offset(i));
        keep = rd_data;
        for (strb = 0; strb < 15; strb = strb + 1) list_write(register_offset(i), mask, strb);
        for (bit_i = 0; bit_i < 32; bit_i = bit_i + 1) if (!mask[bit_i]) list_write(register_offset(i), keep | (32'd1 << bit_i), 4'hF);
        list_run_fast();
        rd_check("a refused write changes nothing", register_offset(i), keep);
        if (register_access(i) == ACCESS_RO) wr_error(register_offset(i), keep);
        else if (i != REGISTER_CONTROL) begin
          for (bit_i = 0; bit_i < 32; bit_i = bit_i + 1) begin
            if (mask[bit_i]) begin
              list_write(register_offset(i), 32'd1 << bit_i, 4'hF);
              list_run_fast();
              list_read(register_offset(i) + 1 + (bit_i % 3));
              list_run_fast();
            end
          end
          wr(register_offset(i) + 3, mask);
          list_read(register_offset(i));
          wr(register_offset(i) + 2, keep & mask);
        end
      end
      list_run_fast();
      rd_check("Taps, after all of it", 20'h00024, 3);
      // the ones that the issue of truncation began with
      wr_error(20'h00020, 32'hFFFF0001);
      wr_error(20'h00024, 32'd12);
      wr_error(20'h00028, 32'd1 << MB);
      wr_error(20'h0002C, 32'h00000040);
      wr_error(20'h00010, 32'h00000002);
      wr_error(20'h00018, 32'h00000003);
      rd_check("Channels", 20'h00020, MaxChannels);
      rd_check("Taps", 20'h00024, 3);
      rd_check("Status", 20'h00014, 0);
      config_error_test();
    end
  endtask

  // Each field at the ends of its legal range and one beyond.
  task automatic config_error_test;
    integer i, end_i, value, low, high;
    logic [31:0] keep;
    begin
      for (i = 0; i < RANGES; i = i + 1) begin
        rd(register_offset(range_register(i)));
        keep = rd_data;
        low = range_least(i);
        high = watch.unit_range_greatest(i);
        for (end_i = 0; end_i < 5; end_i = end_i + 1) begin
          case (end_i)
            0: value = low;
            1: value = high;
            2: value = low - 1;
            3: value = high + 1;
            default: value = (1 << range_width(i)) - 1;
          endcase
          if (value >= 0 && value < (1 << range_width(i))) begin
            wr(register_offset(range_register(i)), value << range_lsb(i));
            if (value >= low && value <= high && (range_register(i) != REGISTER_DATAFLOW || (value & ~DF) == 0)) begin
              wr(quasim_pkg::REG_CONTROL, 1);
              rd_check("legal: Control", quasim_pkg::REG_CONTROL, 1);
              wr(quasim_pkg::REG_CONTROL, 0);
              rd_check("legal: Status", quasim_pkg::REG_STATUS, 0);
            end else begin
              wr_error(quasim_pkg::REG_CONTROL, 1);
              rd_check("illegal: Status", quasim_pkg::REG_STATUS, 8);
              rd_check("illegal: Control", quasim_pkg::REG_CONTROL, 0);
              wr(quasim_pkg::REG_CONTROL, 0);
              wr(quasim_pkg::REG_CLEAR_COUNTERS, 0);
              rd_check("ClearCounters 0 does nothing", quasim_pkg::REG_STATUS, 8);
              wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
              rd_check("ConfigError cleared", quasim_pkg::REG_STATUS, 0);
            end
          end
        end
        wr(register_offset(range_register(i)), keep);
      end
    end
  endtask

  // ---- windows and address decode ----
  function automatic integer window_words(input integer window);
    window_words = watch.unit_window_bytes(window) / 4;
  endfunction

  function automatic logic [19:0] window_word(input integer window, input integer word);
    window_word = window_base(window) + 4 * word;
  endfunction

  // All words of a small window; of a large one the first, the last, and those around each power of two.
  function automatic integer next_word(input integer word, input integer words);
    begin
      next_word = word + 1;
      while (next_word >= 40 && next_word < words - 2 && (next_word & (next_word + 1)) != 0 && (next_word & (next_word - 1)) != 0
             && ((next_word - 1) & (next_word - 2)) != 0) next_word = next_word + 1;
    end
  endfunction

  // Every word of every window holds its own number, whatever is written to the others; the addresses around are nobody's.
  task automatic window_test;
    integer window, word, bit_i, i;
    begin
      for (window = 0; window < Windows; window = window + 1)
        for (word = 0; word < window_words(window); word = next_word(word, window_words(window)))
          list_write(window_word(window, word), {4'(window + 1), 12'(word), ~4'(window), 12'(word * 5)}, 4'hF);
      list_run_fast();
      for (window = 0; window < Windows; window = window + 1)
        for (word = 0; word < window_words(window); word = next_word(word, window_words(window))) list_read(window_word(window, word));
      list_run_fast();
      for (window = 0; window < Windows; window = window + 1) begin
        for (i = 0; i < 15; i = i + 1) list_write(window_word(window, below(window_words(window))), 32'hFFFFFFFF, i);
        for (bit_i = 0; bit_i < 20; bit_i = bit_i + 1) begin
          list_write(window_word(window, 0) ^ (20'd1 << bit_i), 32'h12345678, 4'hF);
          list_write(window_word(window, window_words(window) - 1) ^ (20'd1 << bit_i), 32'h23456789, 4'hF);
          list_read(window_word(window, 0) ^ (20'd1 << bit_i));
          list_read(window_word(window, window_words(window) - 1) ^ (20'd1 << bit_i));
        end
        for (word = window_words(window); word < window_words(window) + 3; word = word + 1) begin
          list_write(window_word(window, word), 32'h3456789A, 4'hF);
          list_read(window_word(window, word));
        end
        for (i = 0; i < 4; i = i + 1) list_read(window_word(window, below(window_words(window))) + i);
      end
      // registers: one address bit wrong
      for (i = 0; i < REGISTERS; i = i + 1)
        for (bit_i = 2; bit_i < 20; bit_i = bit_i + 1) begin
          list_write(register_offset(i) ^ (20'd1 << bit_i), 0, 4'hF);
          list_read(register_offset(i) ^ (20'd1 << bit_i));
        end
      list_run_fast();
      for (window = 0; window < Windows; window = window + 1)
        for (word = 0; word < window_words(window); word = next_word(word, window_words(window))) list_read(window_word(window, word));
      list_run_fast();
      // The address behind each register that no other one follows.
      for (word = 0; word < quasim_map_pkg::REGISTERS; word = word + 1)
        if (word + 1 == quasim_map_pkg::REGISTERS || quasim_map_pkg::register_offset(word) + 4 != quasim_map_pkg::register_offset(word + 1))
          rd_error("read between registers", 20'(quasim_map_pkg::register_offset(word) + 4));
      rd_error("read above the guess", quasim_pkg::GUESS_BASE + (4 << CB));
      rd_error("read above the near thresholds", quasim_pkg::NEAR_BASE + 32 * KB);
      if (NB < 12) rd_error("read above the table", window_word(quasim_pkg::WINDOW_TABLE, window_words(quasim_pkg::WINDOW_TABLE)));
      rd_error("read above the histories", quasim_pkg::HISTORY_BASE + 4 * MaxChannels);
      if (MaxChannels < quasim_pkg::MAX_CHANNELS_MAX) begin  // the largest unit has windows that touch
        rd_error("read above the weights", quasim_pkg::WEIGHT_BASE + 4 * MaxChannels);
        rd_error("read above the biases", quasim_pkg::BIAS_BASE + 8 * MaxChannels);
        wr_error(quasim_pkg::WEIGHT_BASE + 4 * MaxChannels, 1);
        wr_error(quasim_pkg::HISTORY_BASE - 4, 1);
      end
    end
  endtask

  // The word pair of a bias takes effect with the high word; it is sign-extended; anything may be written between the two.
  task automatic bias_test;
    integer i;
    logic [63:0] unit;
    begin
      unit = watch.kept(quasim_pkg::WINDOW_BIAS, 64'h0000822211111111);
      wr(quasim_pkg::BIAS_BASE, 32'h11111111);
      wr(quasim_pkg::BIAS_BASE + 4, 32'h00008222);
      rd_check("bias low", quasim_pkg::BIAS_BASE, unit[31:0]);
      rd_check("bias high", quasim_pkg::BIAS_BASE + 4, unit[63:32]);
      wr(quasim_pkg::BIAS_BASE, 32'h33333333);
      rd_check("bias low waits for high", quasim_pkg::BIAS_BASE, unit[31:0]);
      wr(quasim_pkg::BIAS_BASE + 8, 32'h44444444);
      wr(quasim_pkg::BIAS_BASE + 12, 32'h00000005);
      wr(quasim_pkg::BIAS_BASE, 32'h66666666);
      rd_check("a low word alone writes nothing", quasim_pkg::BIAS_BASE, unit[31:0]);
      rd_check("a low word alone writes nothing", quasim_pkg::BIAS_BASE + 4, unit[63:32]);
      for (i = 0; i < REGISTERS + Windows; i = i + 1) begin
        wr(quasim_pkg::BIAS_BASE, 32'h70000000 + i);
        if (i >= REGISTERS) begin
          if (i - REGISTERS != quasim_pkg::WINDOW_BIAS) list_write(window_base(i - REGISTERS), 32'h5A5A5A5A, 4'hF);
        end else list_write(register_offset(i), (i == REGISTER_CONTROL) ? 0 : 1, 4'hF);
        list_read(quasim_pkg::BIAS_BASE + 4);
        list_run_fast();
        axil_write(quasim_pkg::BIAS_BASE, 32'hEEEEEEEE, 4'h7, SlvErr);
        wr(quasim_pkg::BIAS_BASE + 4, i);
        unit = watch.kept(quasim_pkg::WINDOW_BIAS, {32'(i), 32'h70000000 + i});
        rd_check("bias low, something between", quasim_pkg::BIAS_BASE, unit[31:0]);
        rd_check("bias high, something between", quasim_pkg::BIAS_BASE + 4, unit[63:32]);
      end
    end
  endtask

  // The three address and data handshakes in one cycle: a read of one word and a write of another.
  task automatic write_beside_read(input [19:0] waddr, input [31:0] data, input [19:0] raddr, input [31:0] want);
    integer window;
    logic [31:0] kept;
    begin
      window = watch.window_at(waddr);
      kept = (window < 0) ? data : watch.kept(window, data);
      while (!awready || !wready || !arready) @(posedge clk);
      awaddr <= waddr;
      wdata <= data;
      wstrb <= 4'hF;
      araddr <= raddr;
      awvalid <= 1'b1;
      wvalid <= 1'b1;
      arvalid <= 1'b1;
      bready <= 1'b1;
      rready <= 1'b1;
      @(posedge clk);
      check("three handshakes in one cycle", awready & wready & arready, 1);
      awvalid <= 1'b0;
      wvalid <= 1'b0;
      arvalid <= 1'b0;
      @(posedge clk);
      while (!bvalid) @(posedge clk);
      check("bresp beside a read", bresp, Okay);
      bready <= 1'b0;
      while (!rvalid) @(posedge clk);
      check("rresp beside a write", rresp, Okay);
      check("rdata beside a write", rdata, want);
      rready <= 1'b0;
      @(posedge clk);
      rd_check("written beside a read", waddr, kept);
      rd_check("read beside a write", raddr, (waddr == raddr) ? kept : want);
    end
  endtask

  // Answers that wait while the next accesses are there already: no write executes behind a response that waits.
  task automatic held_test;
    integer i;
    begin
      for (i = 0; i < 40; i = i + 1) begin
        list_write(window_word(i % Windows, below(2)), $urandom(seed), 4'hF);
        list_write((below(2) == 0) ? quasim_pkg::REG_TAPS : quasim_pkg::REG_ID, 2 + i % 3, 4'hF);
        list_read(window_word(below(Windows), below(2)));
        list_read(quasim_pkg::REG_TAPS);
      end
      list_run(1, 1, 10, 1, 10);
    end
  endtask

  task automatic beside_test;
    integer window;
    logic [19:0] base;
    begin
      for (window = 0; window < Windows; window = window + 1) begin
        base = window_base(window);
        if (window_unit_bytes(window) == 4 && window_words(window) > 1) begin
          wr(base, 32'h00111111);
          wr(base + 4, 32'h00222222);
          write_beside_read(base, 32'h00333333, base + 4, watch.kept(window, 32'h00222222));
          write_beside_read(base + 4, 32'h00444444, base, watch.kept(window, 32'h00333333));
          // the same word: the read comes first
          write_beside_read(base, 32'h00555555, base, watch.kept(window, 32'h00333333));
        end
      end
      wr(quasim_pkg::REG_MULTIPLIER, 7);
      write_beside_read(quasim_pkg::REG_TAPS, 2, quasim_pkg::REG_MULTIPLIER, 7);
      // a register write shows one cycle before a read of the same cycle looks
      wr(quasim_pkg::REG_TAPS, 4);
      write_beside_read(quasim_pkg::REG_TAPS, 3, quasim_pkg::REG_TAPS, 3);
    end
  endtask

  // Status is read in every cycle of a lone beat's way: each of the six places on it holds the beat once.
  task automatic busy_test;
    integer k, t;
    logic [31:0] status;
    begin
      new_layer(1, 4, 0);
      load_layer();
      enable();
      m_tready <= 1'b1;
      rready <= 1'b1;
      araddr <= quasim_pkg::REG_STATUS;
      s_tdata <= '0;
      s_tuser <= 1'b1;
      s_tlast <= 1'b0;
      for (k = 0; k < 12; k = k + 1) begin
        status = 'x;
        for (t = 0; t < 18; t = t + 1) begin
          s_tvalid <= (t == 4);
          arvalid <= (t == k);
          @(posedge clk);
          if (rvalid) status = rdata;
        end
        check("Busy of a lone beat", status, (k + 2 >= 5 && k + 2 <= 10) ? 1 : 0);
      end
      rready <= 1'b0;
      m_tready <= 1'b0;
      // disabled, but a stalled output keeps the unit busy
      stream(1, 0, 8, 0);
      wr(quasim_pkg::REG_CONTROL, 0);
      repeat (10) @(posedge clk);
      rd_check("Busy", quasim_pkg::REG_STATUS, 1);
      wr_error(quasim_pkg::REG_TAPS, 2);
      wr_error(quasim_pkg::REG_CLEAR_COUNTERS, 1);
      wr_error(quasim_pkg::WEIGHT_BASE, 1);
      rd_error("window read while busy", quasim_pkg::HISTORY_BASE);
      rd_check("Taps unchanged", quasim_pkg::REG_TAPS, 4);
      disable_and_drain();
    end
  endtask

  // Reads and writes of everything that a running unit refuses, at full rate: the stream must not notice.
  task automatic refused_test;
    integer i, seen;
    begin
      new_layer(CN, 4, 0);
      load_layer();
      enable();
      wr_error(quasim_pkg::REG_TAPS, 2);  // enabled and empty
      wr_error(quasim_pkg::REG_CLEAR_COUNTERS, 1);
      wr_error(quasim_pkg::TABLE_BASE, 1);
      rd_error("window read while enabled", quasim_pkg::TABLE_BASE);
      rd_check("Taps unchanged", quasim_pkg::REG_TAPS, 4);
      seen = watch.met[watch.BusRefusedInStream];
      for (i = 0; i < 40; i = i + 1) begin
        list_read(window_word(i % Windows, below(window_words(i % Windows))));
        list_write(window_word(i % Windows, below(window_words(i % Windows))), $urandom(seed), 4'hF);
        list_write(register_offset(i % REGISTERS), (i % REGISTERS == REGISTER_CONTROL) ? 1 : 2, 4'hF);
      end
      fork
        stream(260, 0, 0, 1);
        list_run_fast();
      join
      if (watch.met[watch.BusRefusedInStream] - seen < 20) fail("window reads beside the stream", watch.met[watch.BusRefusedInStream] - seen, 20);
      disable_and_drain();
    end
  endtask

  // tlast in the middle of a time step: seen when the beat is taken, not when it is offered.
  task automatic last_error_test;
    begin
      if (CN >= 2 * LANES) begin
        new_layer(2 * LANES, 3, 0);
        load_layer();
        enable();
        stream(1, 0, 0, 8);
        m_tready <= 1'b1;
        repeat (8) @(posedge clk);
        stream(7, 0, 8, 0);  // they fill the unit, and the next beat is the first of a time step
        s_tvalid <= 1'b1;
        s_tdata <= '0;
        s_tuser <= 1'b0;
        s_tlast <= 1'b1;
        repeat (4) @(posedge clk);
        check("the unit is full", s_tready, 0);
        check("the wrong beat is offered", s_tvalid & s_tlast & (watch.group == 0), 1);
        rd_check("LastError of a beat offered", quasim_pkg::REG_STATUS, 1);
        m_tready <= 1'b1;
        @(posedge clk);
        while (!s_tready) @(posedge clk);
        s_tvalid <= 1'b0;
        rd(quasim_pkg::REG_STATUS);
        check("LastError of a beat taken", rd_data[2], 1);
        stream(1, 0, 0, 0);
        disable_and_drain();
        rd_check("LastError stays", quasim_pkg::REG_STATUS, 4);
        wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
        rd_check("LastError cleared", quasim_pkg::REG_STATUS, 0);
      end
    end
  endtask

  // Channels is lowered in the middle of a time step: the beat there counts as the last of its time step.
  task automatic lowered_test;
    begin
      if (CN >= 3 * LANES) begin
        new_layer(3 * LANES, 3, 0);
        load_layer();
        enable();
        stream(3 + 2, 0, 0, 8);
        disable_and_drain();
        rd_check("MidToken", quasim_pkg::REG_STATUS, 2);
        wr(quasim_pkg::REG_CHANNELS, LANES);
        rd_check("MidToken stays", quasim_pkg::REG_STATUS, 2);
        enable();
        stream(1, 0, 0, 8);
        disable_and_drain();
        rd_check("the time step ended", quasim_pkg::REG_STATUS, 0);
        check_history(CN);
        wr(quasim_pkg::REG_CHANNELS, 3 * LANES);
        enable();
        stream(1, 0, 0, 8);
        disable_and_drain();
        rd_check("MidToken", quasim_pkg::REG_STATUS, 2);
        wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
        rd_check("ClearCounters begins a time step", quasim_pkg::REG_STATUS, 0);
        enable();
        stream(6, 0, 0, 8);
        disable_and_drain();
      end
    end
  endtask

  // The counters are set on both sides: nobody waits for 2^32 beats.
  task automatic preload(input [63:0] value);
    begin
      @(negedge clk);
      dut.gen_counter[0].u_counter.count_q = value;
      dut.gen_counter[1].u_counter.count_q = value + 64'h0000000100000000;
      dut.gen_counter[2].u_counter.count_q = value + 64'h0000000200000000;
      dut.gen_counter[3].u_counter.count_q = value + 64'h0000000300000000;
      for (int i = 0; i < Counters; i = i + 1) watch.count[i] = value + (64'(i) << 32);
      watch.record_counts();
    end
  endtask

  // A folded table gives an output at a limit where q is one, and so never below 8 bits of q.
  localparam int Carrying = (FO == 1 && NB < 8) ? Counters - 1 : Counters;

  task automatic counter_test;
    integer i;
    begin
      new_layer(LANES, 4, 3);
      for (i = 0; i < (1 << NB); i = i + 1) tbl[i] = (FO == 1) ? 0 : (i % 2 == 0) ? 127 : -128;  // every output saturates
      for (i = 0; i < CN; i = i + 1) bias[i] = BiasTop;
      mult = 0;
      shift = (BB > NB + 22) ? 20 : BB - NB - 2;  // and every q
      load_layer();
      enable();
      preload(64'h12345678_FFFFFFFA);
      for (i = 0; i < Counters; i = i + 1) begin
        rd_check("low half before the carry", quasim_pkg::REG_BEATS_IN_LO + 8 * i, 32'hFFFFFFFA);
      end
      stream(20, 2, 2, 8);
      repeat (10) @(posedge clk);
      for (i = 0; i < Counters; i = i + 1)
        rd_check("high half as latched before the carry", quasim_pkg::REG_BEATS_IN_HI + 8 * i, 32'h12345678 + i);
      disable_and_drain();
      for (i = 0; i < Carrying; i = i + 1) begin
        rd(quasim_pkg::REG_BEATS_IN_LO + 8 * i);
        check("low half after the carry", rd_data, (i < 2) ? 14 : 20 * LANES - 6);
        rd_check("high half after the carry", quasim_pkg::REG_BEATS_IN_HI + 8 * i, 32'h12345679 + i);
      end
      // the top of the count, and reads of one counter beside the others'
      enable();
      preload(64'hFFFFFFFF_FFFFFFFE);
      for (i = 0; i < 64; i = i + 1) list_read(quasim_pkg::REG_BEATS_IN_LO + 4 * below(2 * Counters));
      fork
        stream(40, 2, 2, 8);
        list_run(1, 1, 1, 1, 1);
      join
      disable_and_drain();
      // the latches are cleared with the counters, and a read that meets the clearing gets the old pair
      preload(64'h00000007_00000005);
      for (i = 0; i < Counters; i = i + 1) rd_check("low half", quasim_pkg::REG_BEATS_IN_LO + 8 * i, 5);
      wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
      for (i = 0; i < Counters; i = i + 1) rd_check("high half cleared", quasim_pkg::REG_BEATS_IN_HI + 8 * i, 0);
      for (i = 0; i < Counters; i = i + 1) begin  // in the very cycle
        preload(64'h00000009_00000004);
        @(posedge clk);
        list_write(quasim_pkg::REG_CLEAR_COUNTERS, 1, 4'hF);
        list_read(quasim_pkg::REG_BEATS_IN_LO + 8 * i);
        list_read(quasim_pkg::REG_BEATS_IN_HI + 8 * i);
        list_run_fast();
      end
      for (i = 0; i < 12; i = i + 1) begin
        preload(64'h00000009_00000004);
        @(posedge clk);
        list_write(quasim_pkg::REG_CLEAR_COUNTERS, 1, 4'hF);
        repeat (3) begin
          list_read(quasim_pkg::REG_BEATS_IN_LO + 8 * (i % Counters));
          list_read(quasim_pkg::REG_BEATS_IN_HI + 8 * (i % Counters));
        end
        list_run(1 + i, 1, 1, 1, 1);
      end
    end
  endtask

  // Reset at every occupancy and in every cycle of a write and of a read; then everything is as it is after reset, and a stream runs.
  task automatic reset_test;
    integer held, cycles, window;
    begin
      new_layer(CN, 4, 0);
      load_layer();
      for (held = 0; held <= 8; held = held + 1)
        for (cycles = 0; cycles < 8; cycles = cycles + 1) begin
          wr(quasim_pkg::REG_CONTROL, 1);
          if (held > 0 && held < 8) stream(held, 0, 8, 1);  // held back: so many beats are inside
          window = below(Windows);
          if (below(2) == 0) list_write(quasim_pkg::REG_CONTROL, below(2), 4'hF);
          list_write(window_word(window, below(4)), $urandom(seed), 4'hF);
          list_read((below(2) == 0) ? quasim_pkg::REG_STATUS : window_word(window, below(4)));
          list_read(quasim_pkg::REG_BEATS_IN_LO);
          pause_aw = 1;
          pause_w = 1 + below(2);
          pause_b = 4;
          pause_ar = 1;
          pause_r = 4;
          @(negedge clk) traffic = 1'b1;
          if (held == 8) begin  // or they flow
            out_gap = 2;
            to_send = 100;
            flow = 1'b1;
          end
          repeat (cycles) @(negedge clk);
          rst_n = 1'b0;
          flow = 1'b0;
          to_send = 0;
          last_group = 0;
          @(negedge clk);
          check("ready and valid in reset", {s_tready, m_tvalid, awready, wready, bvalid, arready, rvalid}, 0);
          repeat (below(2)) @(negedge clk);
          traffic = 1'b0;
          rst_n = 1'b1;
          list_end();
          rd_check("Status after reset", quasim_pkg::REG_STATUS, 0);
          rd_check("Control after reset", quasim_pkg::REG_CONTROL, 0);
          rd_check("BeatsIn after reset", quasim_pkg::REG_BEATS_IN_LO, 0);
          wr(quasim_pkg::REG_MULTIPLIER, 1 + below(3));
          enable();
          stream(3, 0, 2, 4);
          disable_and_drain();
        end
    end
  endtask

  // ---- everything at once ----
  function automatic logic [19:0] some_address(input integer unused);
    integer window;
    begin
      window = below(Windows);
      case (below(12))
        0, 1, 2: some_address = register_offset(below(REGISTERS));
        3: some_address = quasim_pkg::REG_CONTROL;
        4: some_address = quasim_pkg::REG_STATUS;
        5, 6, 7: some_address = window_word(window, below(window_words(window) < 4 ? window_words(window) : 4));
        8: some_address = window_word(window, below(window_words(window)));
        9: some_address = window_word(window, window_words(window) - 2 + below(4));
        10: some_address = register_offset(below(REGISTERS)) ^ (20'd1 << below(20));
        default: some_address = $urandom(seed);
      endcase
      if (below(4) == 0) some_address = some_address ^ below(4);
    end
  endfunction

  function automatic logic [31:0] some_data(input logic [19:0] addr);
    integer number;
    begin
      number = watch.register_at(addr);
      some_data = $urandom(seed);
      if (number >= 0 && below(8) != 0) some_data = some_data & watch.unit_register_mask(number);
      if (below(8) != 0) begin
        case (number)
          REGISTER_CHANNELS: some_data = 1 + below(CN);
          REGISTER_TAPS: some_data = 2 + below(3);
          REGISTER_REQUANT: some_data = below(48) | (below(2) << 8);
          REGISTER_MULTIPLIER: some_data = some_data >> (8 + below(16));
          default: ;
        endcase
      end
    end
  endfunction

  task automatic some_accesses(input integer n, input integer enabling);
    integer i;
    logic [19:0] addr;
    logic [31:0] data;
    begin
      for (i = 0; i < n; i = i + 1) begin
        addr = some_address(0);
        data = some_data(addr);
        if (watch.register_at(addr) == REGISTER_CONTROL && below(8) != 0) data = (below(8) < enabling);
        list_write(addr, data, (below(10) == 0) ? below(15) : 15);
        list_read((below(4) == 0) ? addr : some_address(0));
      end
    end
  endtask

  function automatic integer pace(input integer unused);
    case (below(4))
      0, 1: pace = 1;
      2: pace = 2;
      default: pace = 10;
    endcase
  endfunction

  task automatic chaos(input integer n, input integer enabling, input integer resets);
    begin
      some_accesses(n, enabling);
      last_group = (watch.stored[REGISTER_CHANNELS] - 1) / LANES;
      pause_aw = pace(0);
      pause_w = pace(0);
      pause_b = pace(0);
      pause_ar = pace(0);
      pause_r = pace(0);
      in_gap = below(8);
      out_gap = below(8);
      first_rate = below(9);
      wrong_last = below(3);
      to_send = 1000000;
      flow = 1'b1;
      @(negedge clk) traffic = 1'b1;
      while (b_taken < writes || r_taken < reads) begin
        if (below(1000) < resets) reset(1 + below(3));
        @(negedge clk);
      end
      list_end();
    end
  endtask

  task automatic chaos_test;
    integer i;
    begin
      new_layer(CN, 4, 0);
      load_layer();
      for (i = 0; i < ((Short != 0) ? 3 : 12); i = i + 1) chaos(60, below(9), (i % 3 == 2) ? 20 : 0);
      flow = 1'b0;
      to_send = 0;
      reset(2);
      check_history(CN);
    end
  endtask

  // ---- random sequences: layers, pieces of sequences, bus traffic, stalls and resets, in any order ----
  integer steps_most, accesses_most, resets_allowed, stalls_allowed, traffic_allowed;  // what a smaller example leaves out

  // Accesses that do not stop a stream: of everything but Control, to be refused or answered beside it.
  task automatic passing_accesses(input integer n);
    integer i;
    logic [19:0] addr;
    begin
      for (i = 0; i < n; i = i + 1) begin
        addr = some_address(0);
        if (watch.register_at(addr) == REGISTER_CONTROL) addr = quasim_pkg::REG_STATUS;
        list_write(addr, some_data(addr), (below(10) == 0) ? below(15) : 15);
        list_read((below(3) == 0) ? addr : some_address(0));
      end
    end
  endtask

  task automatic piece(input integer tokens, input integer first);
    integer in, out;
    begin
      in = (stalls_allowed != 0) ? below(8) : 0;
      out = (stalls_allowed != 0) ? below(8) : 0;
      pattern_in = (stalls_allowed != 0) ? below(4) : PauseRandom;
      pattern_out = (stalls_allowed != 0) ? below(4) : PauseRandom;
      if (traffic_allowed != 0 && below(2) == 0) passing_accesses(1 + below(accesses_most));
      fork
        stream(tokens * groups, in, out, first);
        list_run(pace(0), pace(0), pace(0), pace(0), pace(0));
      join
    end
  endtask

  task automatic random_step;
    integer c, n, longest;
    begin
      case (below(5))
        0: c = 1;
        1: c = LANES;
        2: c = (LANES + 1 < CN) ? LANES + 1 : CN;
        3: c = CN;
        default: c = 1 + below(CN);
      endcase
      new_layer(c, 2 + below(3), below(6));
      if (below(8) == 0) for (n = 0; n < (1 << NB); n = n + 1) tbl[n] = (below(2) == 0) ? 127 : -128;
      load_layer();
      if (below(6) == 0) preload({32'($urandom(seed)), 32'hFFFFFFFF - 32'(below(40))});
      if (below(8) == 0) fixed_x = {1'b0, (below(2) == 0) ? 8'h80 : 8'h7F};  // the accumulator's ends
      enable();
      longest = (LANES > 8) ? 3 : 6;
      case (below(4))
        0: for (n = 2 + below(4); n > 0; n = n - 1) piece(1 + below(longest), (below(3) == 0) ? 8 : below(3));  // sequences and decode
        1: begin  // pieces of 1, 2, 1, 3; another layer's history between, then the first goes on
          piece(2, 8);
          piece(1, 0);
          piece(2, 0);
          disable_and_drain();
          for (n = 0; n < channels; n = n + 1) begin
            rd(quasim_pkg::HISTORY_BASE + 4 * n);
            saved[n] = rd_data;
          end
          enable();
          piece(1 + below(3), 8);
          disable_and_drain();
          for (n = 0; n < channels; n = n + 1) list_write(quasim_pkg::HISTORY_BASE + 4 * n, saved[n], 4'hF);
          list_run_fast();
          enable();
          piece(1, 0);
          piece(3, 0);
        end
        2: begin  // a reset in a stream, at any time
          in_gap = below(4);
          out_gap = below(9);
          pattern_in = PauseRandom;
          pattern_out = below(4);
          first_rate = 8;
          to_send = 1000;
          if (traffic_allowed != 0) begin
            passing_accesses(3);
            pause_aw = pace(0);
            pause_w = pace(0);
            pause_b = pace(0);
            pause_ar = pace(0);
            pause_r = pace(0);
          end
          @(negedge clk) flow = 1'b1;
          traffic = (traffic_allowed != 0);
          repeat (below(24)) @(negedge clk);
          if (resets_allowed != 0) reset(1 + below(3));
          flow = 1'b0;
          to_send = 0;
          list_end();
          repeat (40) @(posedge clk);
          if (resets_allowed == 0) reset(1);  // what was offered is withdrawn by reset alone
        end
        default: begin  // everything at once, Control too
          pattern_in = (stalls_allowed != 0) ? below(4) : PauseRandom;
          pattern_out = (stalls_allowed != 0) ? below(4) : PauseRandom;
          if (traffic_allowed != 0) chaos(1 + below(accesses_most), below(9), (resets_allowed != 0 && below(2) == 0) ? 20 : 0);
          flow = 1'b0;
          to_send = 0;
          reset(1 + below(2));
        end
      endcase
      fixed_x = 9'h100;
      pattern_in = PauseRandom;
      pattern_out = PauseRandom;
      disable_and_drain();
      check_history(channels);
    end
  endtask

  // +seed=N +sequences=M: the sequences of the seeds N to N + M - 1, one after the other in one unit.
  task automatic random_sequences(input integer first_seed);
    integer count, number, n;
    begin
      if (!$value$plusargs("sequences=%d", count)) count = 1;
      if (!$value$plusargs("steps=%d", steps_most)) steps_most = 4;
      if (!$value$plusargs("accesses=%d", accesses_most)) accesses_most = 40;
      if (!$value$plusargs("resets=%d", resets_allowed)) resets_allowed = 1;
      if (!$value$plusargs("stalls=%d", stalls_allowed)) stalls_allowed = 1;
      if (!$value$plusargs("traffic=%d", traffic_allowed)) traffic_allowed = 1;
      for (number = 0; number < count; number = number + 1) begin
        seed = (first_seed + number) * 32'h9E3779B1;  // neighbours begin far apart
        $display("SEQUENCE %0d", first_seed + number);
        reset(1);
        for (n = 1 + below(steps_most); n > 0; n = n - 1) random_step();
      end
      if (watch.checks < 100 * count) fail("too few comparisons", watch.checks, 100 * count);
    end
  endtask

  integer sequence_seed;
  string  wave;
  initial begin
    if ($value$plusargs("wave=%s", wave)) begin
      $dumpfile(wave);
      $dumpvars(0, quasim_smoke_tb);
    end
  end

  initial begin
    repeat (3) @(posedge clk);
    check("tvalid in reset", m_tvalid, 0);
    check("ready in reset", {s_tready, awready, wready, arready}, 0);
    @(negedge clk) rst_n = 1'b1;
    @(posedge clk);
    if ($value$plusargs("seed=%d", sequence_seed)) begin
      random_sequences(sequence_seed);  // resets may leave none of a short one's beats
    end else begin
      directed_tests();
      if (watch.beats == 0) fail("output beats that were compared", 0, 1);
    end
    if (watch.checks == 0) fail("checks", 0, 1);
    if ($test$plusargs("bins")) watch.report_bins();
    $display("PASS LANES=%0d: %0d checks, %0d output beats, %0d ties, %0d clamps, %0d lanes of fused, %0d cycles, %0d resets; writes %0d taken %0d refused, reads %0d and %0d, %0d beside a write, %0d refused in a stream",
             LANES, watch.checks, watch.beats, watch.ties, watch.clamps, watch.fused, watch.cycle, watch.resets, watch.writes_okay, watch.writes_refused,
             watch.reads_okay, watch.reads_refused, watch.met[watch.BusBeside], watch.met[watch.BusRefusedInStream]);
    $finish;
  end

  task automatic directed_tests;
    untouched_test();
    reset(1);
    register_test();
    window_test();
    bias_test();
    beside_test();
    held_test();
    defaults_test();
    busy_test();
    refused_test();
    last_error_test();
    lowered_test();
    counter_test();
    extreme_test();
    if (DF > 1 && Short == 0) steps_test();
    reset_test();
    // every rule and every shape; each rule with each shape where lanes are few and simulation is fast
    for (int n = 0; n < 6; n = n + 1) begin
      if (Every || n % 4 == 0) run_layer(1, 2 + n % 3, n);            // G = 1, one live lane
      if (Every || n % 4 == 1) run_layer(LANES, 2 + (n + 1) % 3, n);  // G = 1, all lanes live
      if (Every || n % 4 == 2) run_layer(3 * LANES - LANES / 2, 2 + (n + 2) % 3, n);
      if (Every || n % 4 == 3 || n == 5) run_layer(LANES + 1, 2 + n % 3, n);    // G = 2
    end
    run_layer(MaxChannels, 4, 0);
    history_test(LANES + (LANES + 1) / 2, 4);
    history_test(1, 3);
    chaos_test();
    if (Short != 0) begin
      if (watch.beats < 500 || watch.ties < 5 || (DF > 1 && watch.fused < 50)) fail("too few beats, lanes of fused or ties", watch.beats, 500);
    end else if (DF > 1 && (watch.fused < 500 || watch.near < 100 || watch.far < 100)) fail("too few lanes of fused", watch.fused, 500);
    else if (watch.beats < 2000 || watch.ties < 20 || watch.clamps < 20) fail("too few beats, ties or clamps", watch.beats, 2000);
    else if (watch.met[watch.BusBeside] < 10 || watch.resets < 10 || watch.writes_refused < 100 || watch.reads_refused < 100)
      fail("too little bus traffic", watch.met[watch.BusBeside], 10);
  endtask

  // A hang of the bench itself ends too; random sequences have their time each.
  integer last_cycle_of_progress = 0, progress = 0;
  always @(posedge clk) begin
    if (watch.beats + watch.writes_okay + watch.writes_refused + watch.reads_okay + watch.reads_refused + watch.resets != progress) begin
      progress = watch.beats + watch.writes_okay + watch.writes_refused + watch.reads_okay + watch.reads_refused + watch.resets;
      last_cycle_of_progress = watch.cycle;
    end
    if (watch.cycle - last_cycle_of_progress > 5000) fail("nothing moves", watch.cycle, last_cycle_of_progress);
  end

endmodule
