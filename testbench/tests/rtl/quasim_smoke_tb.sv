// Smoke test of quasim_top in plain SystemVerilog: one clock, a behavioural model of its own, no library.
//
// The model is a formula a channel at a time over the whole sequence, plus seven occupancy counters for the handshakes, so
// that every output beat is checked in value and every tvalid and tready in every cycle.
// Prints PASS with the number of comparisons and finishes; the first difference stops it with $fatal.

module quasim_smoke_tb #(
  parameter int LANES       = 4,
  parameter int MaxChannels = 8 * LANES,
  parameter int Seed        = 1
);

  localparam int NB = 8;  // conv_bits of this run
  localparam int CN = MaxChannels;

  logic clk = 1'b0;
  logic rst_n = 1'b0;
  always #5 clk = ~clk;

  logic [LANES*8-1:0] s_tdata = '0, m_tdata;
  logic               s_tvalid = 1'b0, s_tready, s_tlast = 1'b0;
  logic [0:0]         s_tuser = '0;
  logic               m_tvalid, m_tready = 1'b0, m_tlast;
  logic [LANES-1:0]   m_tkeep;
  logic [19:0]        awaddr = '0, araddr = '0;
  logic               awvalid = 1'b0, awready, wvalid = 1'b0, wready, bvalid, bready = 1'b0;
  logic [31:0]        wdata = '0, rdata;
  logic [3:0]         wstrb = '0;
  logic [1:0]         bresp, rresp;
  logic               arvalid = 1'b0, arready, rvalid, rready = 1'b0;

  quasim_top #(
    .LANES(LANES),
    .MaxChannels(MaxChannels)
  ) dut (
    .clk_i(clk),
    .rst_ni(rst_n),
    .s_axis_tdata(s_tdata),
    .s_axis_tvalid(s_tvalid),
    .s_axis_tready(s_tready),
    .s_axis_tuser(s_tuser),
    .s_axis_tlast(s_tlast),
    .m_axis_tdata(m_tdata),
    .m_axis_tvalid(m_tvalid),
    .m_axis_tready(m_tready),
    .m_axis_tlast(m_tlast),
    .m_axis_tkeep(m_tkeep),
    .s_axil_awaddr(awaddr),
    .s_axil_awprot(3'b000),
    .s_axil_awvalid(awvalid),
    .s_axil_awready(awready),
    .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb),
    .s_axil_wvalid(wvalid),
    .s_axil_wready(wready),
    .s_axil_bresp(bresp),
    .s_axil_bvalid(bvalid),
    .s_axil_bready(bready),
    .s_axil_araddr(araddr),
    .s_axil_arprot(3'b000),
    .s_axil_arvalid(arvalid),
    .s_axil_arready(arready),
    .s_axil_rdata(rdata),
    .s_axil_rresp(rresp),
    .s_axil_rvalid(rvalid),
    .s_axil_rready(rready)
  );

  // ---- random numbers and reporting ----
  integer seed = Seed;
  integer checks = 0;
  integer beats = 0;
  integer ties = 0;
  integer clamps = 0;

  function automatic integer below(input integer n);
    below = $urandom(seed) % n;
    if (below < 0) below = below + n;
  endfunction

  task automatic fail(input [80*8-1:0] what, input longint got, input longint want);
    begin
      $display("FAIL LANES=%0d time %0t: %0s: got %0d, want %0d", LANES, $time, what, got, want);
      $fatal(1);
    end
  endtask

  task automatic check(input [80*8-1:0] what, input longint got, input longint want);
    begin
      checks = checks + 1;
      if (got !== want) fail(what, got, want);
    end
  endtask

  // ---- AXI4-Lite master ----
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
    axil_write(addr, data, 4'hF, 2'b00);
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
      check(what, rd_resp, 2'b00);
      check(what, rd_data, want);
    end
  endtask

  task automatic rd_error(input [80*8-1:0] what, input [19:0] addr);
    begin
      rd(addr);
      check(what, rd_resp, 2'b10);
    end
  endtask

  // ---- the layer and the behavioural model ----
  integer channels, taps, shift, away, groups;
  longint mult;
  integer w [CN*4];
  longint bias [CN];
  integer tbl [1 << NB];
  integer hist [CN*3];
  longint sat_conv, sat_out, beats_in;

  // Divides with a remainder in 0 .. 2^s-1 and decides on the remainder: no shortcut shared with the datapath.
  function automatic longint round_div(input longint p, input integer s, input integer half_away);
    longint d, quo, rem;
    begin
      d = 1;
      d = d << s;
      quo = p / d;
      rem = p - quo * d;
      if (rem < 0) begin
        rem = rem + d;
        quo = quo - 1;
      end
      if (2 * rem > d) quo = quo + 1;
      else if (2 * rem == d) begin
        if (half_away != 0) quo = (p < 0) ? quo : quo + 1;
        else if ((quo % 2) != 0) quo = quo + 1;
        ties = ties + 1;
      end
      round_div = quo;
    end
  endfunction

  // Output of one channel for one sample; updates its history.
  function automatic integer model_step(input integer c, input integer x, input integer first);
    longint acc, v;
    integer k, q;
    integer sample [4];
    begin
      if (first != 0) begin
        hist[c*3] = 0;
        hist[c*3+1] = 0;
        hist[c*3+2] = 0;
      end
      // age 0 is the newest sample
      sample[0] = x;
      sample[1] = hist[c*3+2];
      sample[2] = hist[c*3+1];
      sample[3] = hist[c*3];
      acc = 0;
      for (k = 0; k < taps; k = k + 1) acc = acc + w[c*4+k] * sample[taps-1-k];
      hist[c*3] = hist[c*3+1];
      hist[c*3+1] = hist[c*3+2];
      hist[c*3+2] = x;
      v = round_div(mult * acc + bias[c], shift, away);
      q = v;
      if (v > 127) q = 127;
      if (v < -128) q = -128;
      if (q != v) begin
        sat_conv = sat_conv + 1;
        clamps = clamps + 1;
      end
      model_step = tbl[q+128];
      if (model_step == 127 || model_step == -128) sat_out = sat_out + 1;
    end
  endfunction

  // ---- expected beats, in order ----
  localparam int FifoSize = 4096;
  logic [LANES*8-1:0] exp_data [FifoSize];
  logic [LANES-1:0]   exp_keep [FifoSize];
  logic               exp_last [FifoSize];
  integer             exp_cycle [FifoSize];
  integer             exp_head = 0, exp_tail = 0;
  integer             cycle = 0;
  integer             group = 0;
  integer             token_first = 0;
  integer             full_rate = 0;
  integer             last_error = 0;

  task automatic model_beat;
    integer i, c, x, y;
    logic [LANES*8-1:0] data;
    logic [LANES-1:0] keep;
    logic [7:0] byte_in;
    begin
      data = '0;
      keep = '0;
      if (group == 0) token_first = s_tuser[0];
      for (i = 0; i < LANES; i = i + 1) begin
        c = group * LANES + i;
        byte_in = s_tdata[i*8+:8];
        x = $signed(byte_in);
        if (c < channels) begin
          y = model_step(c, x, token_first);
          data[i*8+:8] = y;
          keep[i] = 1'b1;
        end
      end
      exp_data[exp_tail % FifoSize] = data;
      exp_keep[exp_tail % FifoSize] = keep;
      exp_last[exp_tail % FifoSize] = s_tlast;
      exp_cycle[exp_tail % FifoSize] = cycle;
      exp_tail = exp_tail + 1;
      beats_in = beats_in + 1;
      if (s_tlast && group != groups - 1) last_error = 1;
      group = (group == groups - 1) ? 0 : group + 1;
    end
  endtask

  // ---- occupancy model: five elastic places and a two-entry queue ----
  logic [4:0] occ = '0;  // bit 0 fetch ... bit 4 out
  integer     spill = 0;
  logic       enabled = 1'b0;
  logic [4:0] can;
  logic       in_fire, out_fire;
  integer     k;

  task automatic sample_cycle;
    begin
      can[4] = !occ[4] || (spill < 2);
      for (k = 3; k >= 0; k = k - 1) can[k] = !occ[k] || can[k+1];
      if (enabled !== 1'bx) check("s_axis_tready", s_tready, enabled && can[0]);
      check("m_axis_tvalid", m_tvalid, spill > 0);
      in_fire = s_tvalid && s_tready;
      out_fire = m_tvalid && m_tready;
      if (m_tvalid) begin
        if (exp_head == exp_tail) fail("beat without input", 1, 0);
        checks = checks + 3;
        if (m_tdata !== exp_data[exp_head % FifoSize]) begin
          $display("beat %0d: got %h want %h", exp_head, m_tdata, exp_data[exp_head % FifoSize]);
          fail("m_axis_tdata", 0, 0);
        end
        if (m_tkeep !== exp_keep[exp_head % FifoSize]) fail("m_axis_tkeep", m_tkeep, exp_keep[exp_head % FifoSize]);
        if (m_tlast !== exp_last[exp_head % FifoSize]) fail("m_axis_tlast", m_tlast, exp_last[exp_head % FifoSize]);
      end
      if (out_fire) begin
        if (full_rate != 0) check("latency", cycle - exp_cycle[exp_head % FifoSize], 6);
        exp_head = exp_head + 1;
        beats = beats + 1;
      end
      // advance the occupancy
      if (out_fire) spill = spill - 1;
      if (occ[4] && can[4]) begin spill = spill + 1; occ[4] = 1'b0; end
      for (k = 3; k >= 0; k = k - 1) if (occ[k] && can[k+1]) begin occ[k+1] = 1'b1; occ[k] = 1'b0; end
      if (in_fire) begin
        occ[0] = 1'b1;
        model_beat();
      end
      cycle = cycle + 1;
    end
  endtask

  // Everything is sampled just before the edge.
  always @(negedge clk) if (rst_n) begin
    #4 sample_cycle();
  end

  // ---- driving ----
  task automatic new_layer(input integer c_n, input integer k_n, input integer rule);
    integer c, i;
    longint spread;
    begin
      channels = c_n;
      taps = k_n;
      groups = (c_n + LANES - 1) / LANES;
      away = below(2);
      case (rule)
        0: begin shift = 24 + below(6); mult = below(1 << 24); end              // wide multiplier
        1: begin shift = 1 + below(8); mult = 1 + below(3); end                 // many ties
        2: begin shift = 0; mult = below(2); end                               // no shift
        3: begin shift = 47; mult = (1 << 24) - 1; end                         // widest
        default: begin shift = 8 + below(8); mult = 1 << below(12); end
      endcase
      spread = 1;
      spread = (shift > 39) ? (spread << 46) : (spread << (shift + 7));
      for (c = 0; c < CN; c = c + 1) begin
        bias[c] = $signed({$urandom(seed), $urandom(seed)}) % spread;
        if (rule == 1) bias[c] = bias[c] & ~((longint'(1) << (shift - 1)) - 1);
        if (rule == 3 && below(4) == 0) bias[c] = (below(2) == 0) ? -(longint'(1) << 47) : (longint'(1) << 47) - 1;
        for (i = 0; i < 4; i = i + 1) w[c*4+i] = (below(8) == 0) ? -128 : below(256) - 128;
        if (rule == 1) for (i = 0; i < 4; i = i + 1) w[c*4+i] = w[c*4+i] / 16;
      end
      for (i = 0; i < (1 << NB); i = i + 1) tbl[i] = below(256) - 128;
    end
  endtask

  task automatic load_layer;
    integer c, i;
    logic [31:0] word;
    logic [63:0] b;
    begin
      wr(quasim_pkg::REG_CONTROL, 0);
      enabled = 1'b0;
      wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
      sat_conv = 0;
      sat_out = 0;
      beats_in = 0;
      group = 0;
      last_error = 0;
      wr(quasim_pkg::REG_CHANNELS, channels);
      wr(quasim_pkg::REG_TAPS, taps);
      wr(quasim_pkg::REG_MULTIPLIER, mult);
      wr(quasim_pkg::REG_REQUANT, shift | (away << 8));
      for (c = 0; c < CN; c = c + 1) begin
        for (i = 0; i < 4; i = i + 1) word[i*8+:8] = w[c*4+i];
        wr(quasim_pkg::WEIGHT_BASE + 4 * c, word);
        b = bias[c];
        wr(quasim_pkg::BIAS_BASE + 8 * c, b[31:0]);
        wr(quasim_pkg::BIAS_BASE + 8 * c + 4, b[63:32]);
      end
      for (i = 0; i < (1 << NB); i = i + 4) begin
        word = {tbl[i+3][7:0], tbl[i+2][7:0], tbl[i+1][7:0], tbl[i][7:0]};
        wr(quasim_pkg::TABLE_BASE + i, word);
      end
      c = below(channels);
      for (i = 0; i < 4; i = i + 1) word[i*8+:8] = w[c*4+i];
      rd_check("weight read back", quasim_pkg::WEIGHT_BASE + 4 * c, word);
      b = bias[c];
      rd_check("bias low read back", quasim_pkg::BIAS_BASE + 8 * c, b[31:0]);
      rd_check("bias high read back", quasim_pkg::BIAS_BASE + 8 * c + 4, b[63:32]);
      i = 4 * below(1 << (NB - 2));
      word = {tbl[i+3][7:0], tbl[i+2][7:0], tbl[i+1][7:0], tbl[i][7:0]};
      rd_check("table read back", quasim_pkg::TABLE_BASE + i, word);
    end
  endtask

  // Enable takes effect on an edge inside the write; the occupancy model does not guess which.
  task automatic enable;
    begin
      enabled = 1'bx;
      wr(quasim_pkg::REG_CONTROL, 1);
      enabled = 1'b1;
      rd_check("Control reads 1", quasim_pkg::REG_CONTROL, 1);
    end
  endtask

  task automatic disable_and_drain;
    begin
      m_tready <= 1'b1;
      full_rate = 0;
      enabled = 1'bx;
      wr(quasim_pkg::REG_CONTROL, 0);
      enabled = 1'b0;
      repeat (12) @(posedge clk);
      check("drained", exp_tail - exp_head, 0);
      m_tready <= 1'b0;
      rd_check("Status", quasim_pkg::REG_STATUS, (last_error << 2) | ((group != 0) ? 2 : 0));
      rd_check("BeatsIn", quasim_pkg::REG_BEATS_IN_LO, beats_in);
      rd_check("BeatsInHi", quasim_pkg::REG_BEATS_IN_HI, 0);
      rd_check("BeatsOut", quasim_pkg::REG_BEATS_OUT_LO, beats_in);
      rd_check("SatConv", quasim_pkg::REG_SAT_CONV_LO, sat_conv);
      rd_check("SatConvHi", quasim_pkg::REG_SAT_CONV_HI, 0);
      rd_check("SatOut", quasim_pkg::REG_SAT_OUT_LO, sat_out);
    end
  endtask

  // n beats; in_gap and out_gap are per-eight chances of a pause. first_rate: per-eight chance that a token starts a sequence.
  task automatic stream(input integer n, input integer in_gap, input integer out_gap, input integer first_rate);
    integer sent, i, g;
    begin
      sent = 0;
      g = group;
      m_tready <= (out_gap == 0);
      while (sent < n) begin
        @(posedge clk);
        if (s_tvalid && s_tready) begin
          sent = sent + 1;
          g = (g == groups - 1) ? 0 : g + 1;
        end
        m_tready <= (below(8) >= out_gap);
        if (!s_tvalid || s_tready) begin
          if (sent < n && below(8) >= in_gap) begin
            s_tvalid <= 1'b1;
            for (i = 0; i < LANES; i = i + 1) s_tdata[i*8+:8] <= (below(6) == 0) ? 8'h80 : $urandom(seed);
            // only group 0 may decide; elsewhere the bit is noise
            s_tuser[0] <= (g == 0) ? (below(8) < first_rate) : below(2);
            s_tlast <= (g == groups - 1) && (below(4) == 0);
          end else begin
            s_tvalid <= 1'b0;
            s_tdata <= 'x;
            s_tuser <= 'x;
          end
        end
      end
      s_tvalid <= 1'b0;
    end
  endtask

  // full rate: exactly n beats in n cycles
  task automatic stream_full(input integer n, input integer first_rate);
    integer from;
    begin
      full_rate = 0;
      m_tready <= 1'b1;
      repeat (10) @(posedge clk);
      from = cycle;
      full_rate = 1;
      stream(n, 0, 0, first_rate);
      repeat (8) @(posedge clk);
      check("beats in a full-rate run", exp_tail - exp_head, 0);
      check("cycles of a full-rate run", cycle - from, n + 1 + 8);
      full_rate = 0;
    end
  endtask

  task automatic check_history;
    integer c;
    begin
      for (c = 0; c < channels; c = c + 1)
        rd_check("history", quasim_pkg::HISTORY_BASE + 4 * c,
                 {8'h00, hist[c*3+2][7:0], hist[c*3+1][7:0], hist[c*3][7:0]});
    end
  endtask

  integer saved [CN*3];

  task automatic history_test(input integer c_n, input integer k_n);
    integer c, i;
    begin
      new_layer(c_n, k_n, 4);
      load_layer();
      enable();
      stream(groups, 0, 0, 8);  // a first time step that clears every history
      stream(groups * 5, 2, 2, 0);
      disable_and_drain();
      check_history();
      for (i = 0; i < 3 * CN; i = i + 1) saved[i] = hist[i];
      // another sequence takes the unit
      enable();
      stream(groups, 0, 0, 8);
      stream(groups * 4, 1, 1, 1);
      disable_and_drain();
      check_history();
      for (c = 0; c < channels; c = c + 1)
        wr(quasim_pkg::HISTORY_BASE + 4 * c, {8'hA5, saved[c*3+2][7:0], saved[c*3+1][7:0], saved[c*3][7:0]});
      for (i = 0; i < 3 * CN; i = i + 1) hist[i] = saved[i];
      check_history();
      enable();
      stream(groups * 4, 1, 3, 0);  // continues: no first
      disable_and_drain();
      check_history();
    end
  endtask

  task automatic run_layer(input integer c_n, input integer k_n, input integer rule);
    begin
      new_layer(c_n, k_n, rule);
      load_layer();
      enable();
      stream(groups, 0, 0, 8);
      stream_full(groups * 12, 1);
      stream(groups * 10 + 40, 0, 4, 1);  // only the output stalls
      stream(groups * 10 + 40, 4, 0, 1);  // only the input pauses
      stream(groups * 10 + 40, 3, 3, 1);
      stream(groups * 10 + 40, 1, 6, 0);
      stream(groups * 4, 0, 7, 1);
      if (groups > 1) stream(1, 0, 0, 0);  // stop in mid token
      disable_and_drain();
      if (group != 0) begin
        enable();  // and go on with the second group of the same token
        stream(groups - 1, 2, 2, 0);
        disable_and_drain();
      end
      check_history();
    end
  endtask

  task automatic register_test;
    begin
      rd_check("Id", quasim_pkg::REG_ID, quasim_pkg::ID_WORD);
      rd_check("Version", quasim_pkg::REG_VERSION, quasim_pkg::VERSION_WORD);
      rd_check("Capability0", quasim_pkg::REG_CAPABILITY0, {8'd6, 8'd4, 8'd8, 8'(LANES)});
      rd_check("Capability1", quasim_pkg::REG_CAPABILITY1, {8'd48, 8'd24, 16'(MaxChannels)});
      rd_check("Control", quasim_pkg::REG_CONTROL, 0);
      rd_check("Status", quasim_pkg::REG_STATUS, 0);
      rd_check("Channels", quasim_pkg::REG_CHANNELS, 1);
      rd_check("Taps", quasim_pkg::REG_TAPS, 4);
      rd_check("Multiplier", quasim_pkg::REG_MULTIPLIER, 0);
      rd_check("Requant", quasim_pkg::REG_REQUANT, 0);
      rd_check("ClearCounters", quasim_pkg::REG_CLEAR_COUNTERS, 0);
      wr(quasim_pkg::REG_MULTIPLIER, 32'hFFFFFFFF);
      rd_check("Multiplier is MultBits wide", quasim_pkg::REG_MULTIPLIER, 32'h00FFFFFF);
      // bad accesses
      rd_error("unmapped read", 20'h0001C);
      rd_error("unmapped read above the table", quasim_pkg::TABLE_BASE + (1 << NB));
      rd_error("unmapped read above the weights", quasim_pkg::WEIGHT_BASE + 4 * MaxChannels);
      rd_error("unmapped read above the biases", quasim_pkg::BIAS_BASE + 8 * MaxChannels);
      rd_error("unmapped read above the histories", quasim_pkg::HISTORY_BASE + 4 * MaxChannels);
      axil_write(20'h00030, 1, 4'hF, 2'b10);
      axil_write(quasim_pkg::REG_ID, 1, 4'hF, 2'b10);
      axil_write(quasim_pkg::WEIGHT_BASE + 4 * MaxChannels, 1, 4'hF, 2'b10);
      axil_write(quasim_pkg::REG_CHANNELS, 3, 4'h7, 2'b10);
      rd_check("strobes all or nothing", quasim_pkg::REG_CHANNELS, 1);
      // the word pair of a bias takes effect with the high word, and 48 bits are sign-extended
      wr(quasim_pkg::BIAS_BASE, 32'h11111111);
      wr(quasim_pkg::BIAS_BASE + 4, 32'h00008222);
      rd_check("bias low", quasim_pkg::BIAS_BASE, 32'h11111111);
      rd_check("bias high", quasim_pkg::BIAS_BASE + 4, 32'hFFFF8222);
      wr(quasim_pkg::BIAS_BASE, 32'h33333333);
      rd_check("bias low waits for high", quasim_pkg::BIAS_BASE, 32'h11111111);
      wr(quasim_pkg::BIAS_BASE + 8, 32'h44444444);
      wr(quasim_pkg::BIAS_BASE + 12, 32'h00000005);
      wr(quasim_pkg::BIAS_BASE, 32'h66666666);
      rd_check("a low word alone writes nothing", quasim_pkg::BIAS_BASE, 32'h11111111);
      rd_check("a low word alone writes nothing", quasim_pkg::BIAS_BASE + 4, 32'hFFFF8222);
      // illegal configurations stay disabled
      wr(quasim_pkg::REG_CHANNELS, 0);
      axil_write(quasim_pkg::REG_CONTROL, 1, 4'hF, 2'b10);
      rd_check("ConfigError Channels 0", quasim_pkg::REG_STATUS, 8);
      rd_check("stays disabled", quasim_pkg::REG_CONTROL, 0);
      wr(quasim_pkg::REG_CLEAR_COUNTERS, 0);
      rd_check("ClearCounters 0 does nothing", quasim_pkg::REG_STATUS, 8);
      wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
      rd_check("ConfigError cleared", quasim_pkg::REG_STATUS, 0);
      wr(quasim_pkg::REG_CHANNELS, MaxChannels + 1);
      axil_write(quasim_pkg::REG_CONTROL, 1, 4'hF, 2'b10);
      wr(quasim_pkg::REG_CHANNELS, MaxChannels);
      wr(quasim_pkg::REG_TAPS, 1);
      axil_write(quasim_pkg::REG_CONTROL, 1, 4'hF, 2'b10);
      wr(quasim_pkg::REG_TAPS, 5);
      axil_write(quasim_pkg::REG_CONTROL, 1, 4'hF, 2'b10);
      wr(quasim_pkg::REG_TAPS, 2);
      wr(quasim_pkg::REG_REQUANT, 48);
      axil_write(quasim_pkg::REG_CONTROL, 1, 4'hF, 2'b10);
      rd_check("ConfigError Shift", quasim_pkg::REG_STATUS, 8);
      wr(quasim_pkg::REG_REQUANT, 47);
      wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
      // while enabled
      enable();
      axil_write(quasim_pkg::REG_CHANNELS, 1, 4'hF, 2'b10);
      axil_write(quasim_pkg::REG_CLEAR_COUNTERS, 1, 4'hF, 2'b10);
      axil_write(quasim_pkg::WEIGHT_BASE, 32'h12345678, 4'hF, 2'b10);
      rd_error("window read while enabled", quasim_pkg::WEIGHT_BASE);
      rd_error("window read while enabled", quasim_pkg::TABLE_BASE);
      rd_check("no effect while enabled", quasim_pkg::REG_CHANNELS, MaxChannels);
      enabled = 1'bx;
      wr(quasim_pkg::REG_CONTROL, 0);
      enabled = 1'b0;
    end
  endtask

  // Disabled, but a stalled output keeps the unit busy.
  task automatic busy_test;
    begin
      new_layer(1, 4, 0);
      load_layer();
      enable();
      stream(groups, 0, 0, 8);
      repeat (10) @(posedge clk);
      m_tready <= 1'b0;
      stream(1, 0, 8, 0);
      enabled = 1'bx;
      wr(quasim_pkg::REG_CONTROL, 0);
      enabled = 1'b0;
      repeat (10) @(posedge clk);
      rd_check("Busy", quasim_pkg::REG_STATUS, 1);
      axil_write(quasim_pkg::REG_TAPS, 2, 4'hF, 2'b10);
      axil_write(quasim_pkg::REG_CLEAR_COUNTERS, 1, 4'hF, 2'b10);
      rd_error("window read while busy", quasim_pkg::HISTORY_BASE);
      rd_check("Taps unchanged", quasim_pkg::REG_TAPS, 4);
      disable_and_drain();
    end
  endtask

  task automatic last_error_test;
    begin
      if (CN >= 2 * LANES) begin
        new_layer(2 * LANES, 3, 0);
        load_layer();
        enable();
        m_tready <= 1'b1;
        s_tvalid <= 1'b1;
        s_tlast <= 1'b1;
        s_tuser <= 1'b1;
        for (int i = 0; i < LANES; i = i + 1) s_tdata[i*8+:8] <= i;
        @(posedge clk);
        s_tlast <= 1'b0;
        @(posedge clk);
        s_tvalid <= 1'b0;
        disable_and_drain();
        check("LastError was provoked", last_error, 1);
        wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
        rd_check("LastError cleared", quasim_pkg::REG_STATUS, 0);
      end
    end
  endtask

  initial begin
    repeat (3) @(posedge clk);
    check("tvalid in reset", m_tvalid, 0);
    check("tready in reset", s_tready, 0);
    rst_n <= 1'b1;
    @(posedge clk);
    register_test();
    busy_test();
    last_error_test();
    for (int n = 0; n < 5; n = n + 1) begin
      run_layer(1, 2 + n % 3, n);                      // G = 1, one live lane
      run_layer(LANES, 2 + (n + 1) % 3, n);            // G = 1, all lanes live
      run_layer(3 * LANES - LANES / 2, 2 + (n + 2) % 3, n);
      run_layer(LANES + 1, 2 + n % 3, n);              // G = 2
    end
    run_layer(MaxChannels, 4, 0);
    history_test(LANES + (LANES + 1) / 2, 4);
    history_test(1, 3);
    if (beats < 1000 || ties < 20 || clamps < 20) fail("too little was exercised", beats, 1000);
    $display("PASS LANES=%0d: %0d checks, %0d output beats, %0d ties, %0d clamps, %0d cycles",
             LANES, checks, beats, ties, clamps, cycle);
    $finish;
  end

  initial begin
    #50_000_000 fail("timeout", 1, 0);
  end

endmodule
