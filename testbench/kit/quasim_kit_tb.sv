// Self-checking bench of a kit, in plain SystemVerilog: loads the layer over AXI4-Lite, streams the vectors, compares every
// output beat, its tlast and tkeep, and the counters.
//
// Runs from the kit's directory, or from anywhere with +kit=DIR. Other plusargs:
//   +stream=NAME      folder of vectors/ to stream: real (default) or directed
//   +stall_in=N       chance in 1000 that the input pauses, default 0
//   +stall_out=N      chance in 1000 that the output is not ready, default 0
//   +seed=N           of both stall patterns, default 1
//   +beats=N          stop after N beats; default all
// Prints one line that begins with PASS and finishes, or one that begins with FAIL and stops by $fatal.
//
// Everything is sampled on the rising edge and driven by nonblocking assignments after it. Vectors are read a beat at a
// time, so that their number is not limited by memory.

`timescale 1ns / 1ps

module quasim_kit_tb;

  import quasim_layer_pkg::*;

  localparam int TIMEOUT = 20000;  // cycles without a handshake that count as a hang

  // ---- clock, reset, ports of the unit ----
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
  logic [1:0]         bresp, rresp;
  logic               arvalid = 1'b0, arready, rvalid, rready = 1'b0;

  quasim_top #(
    .LANES(LANES),
    .MaxChannels(MAX_CHANNELS),
    .ConvBits(CONV_BITS),
    .MultBits(MULT_BITS),
    .BiasBits(BIAS_BITS)
  ) dut (
    .clk_i         (clk),
    .rst_ni        (rst_n),
    .s_axis_tdata  (s_tdata),
    .s_axis_tvalid (s_tvalid),
    .s_axis_tready (s_tready),
    .s_axis_tuser  (s_tuser),
    .s_axis_tlast  (s_tlast),
    .m_axis_tdata  (m_tdata),
    .m_axis_tvalid (m_tvalid),
    .m_axis_tready (m_tready),
    .m_axis_tlast  (m_tlast),
    .m_axis_tkeep  (m_tkeep),
    .s_axil_awaddr (awaddr),
    .s_axil_awprot (3'b000),
    .s_axil_awvalid(awvalid),
    .s_axil_awready(awready),
    .s_axil_wdata  (wdata),
    .s_axil_wstrb  (4'hF),
    .s_axil_wvalid (wvalid),
    .s_axil_wready (wready),
    .s_axil_bresp  (bresp),
    .s_axil_bvalid (bvalid),
    .s_axil_bready (bready),
    .s_axil_araddr (araddr),
    .s_axil_arprot (3'b000),
    .s_axil_arvalid(arvalid),
    .s_axil_arready(arready),
    .s_axil_rdata  (rdata),
    .s_axil_rresp  (rresp),
    .s_axil_rvalid (rvalid),
    .s_axil_rready (rready)
  );

  // ---- what to do ----
  string  kit = ".";
  string  stream = "real";
  string  folder;
  integer stall_in = 0, stall_out = 0, seed = 1, limit = 0;
  integer x_file, flags_file, out_file, out_flags_file;
  logic [63:0] writes   [WRITES];
  logic [31:0] counters [8];
  integer total;  // beats of this run

  function automatic integer opened(input string name);
    opened = $fopen(name, "r");
    if (opened == 0) begin
      $display("FAIL cannot open %0s", name);
      $fatal(1);
    end
  endfunction

  // The same numbers in every simulator.
  function automatic logic [31:0] xorshift(input logic [31:0] state);
    logic [31:0] a, b;
    begin
      a = state ^ (state << 13);
      b = a ^ (a >> 17);
      xorshift = b ^ (b << 5);
    end
  endfunction

  // ---- AXI4-Lite master ----
  task automatic axil_write(input logic [31:0] address, input logic [31:0] data);
    begin
      awaddr <= address[19:0];
      wdata <= data;
      awvalid <= 1'b1;
      wvalid <= 1'b1;
      bready <= 1'b1;
      @(posedge clk);
      while (awvalid || wvalid) begin
        if (awready) awvalid <= 1'b0;
        if (wready) wvalid <= 1'b0;
        @(posedge clk);
      end
      while (!bvalid) @(posedge clk);
      bready <= 1'b0;
      if (bresp !== 2'b00) begin
        $display("FAIL the write of %h to %h answers %b", data, address, bresp);
        $fatal(1);
      end
    end
  endtask

  logic [31:0] read_data;
  task automatic axil_read(input logic [31:0] address);
    begin
      araddr <= address[19:0];
      arvalid <= 1'b1;
      rready <= 1'b1;
      @(posedge clk);
      while (!arready) @(posedge clk);
      arvalid <= 1'b0;
      @(posedge clk);
      while (!rvalid) @(posedge clk);
      rready <= 1'b0;
      read_data = rdata;
      if (rresp !== 2'b00) begin
        $display("FAIL the read of %h answers %b", address, rresp);
        $fatal(1);
      end
    end
  endtask

  task automatic wait_until_idle;
    begin
      axil_read(REG_STATUS);
      while (read_data[0] !== 1'b0) axil_read(REG_STATUS);
    end
  endtask

  // ---- input ----
  logic               running = 1'b0;
  integer             sent = 0;
  logic [31:0]        random_in = 32'd1;
  logic [LANES*8-1:0] x_beat;
  logic [7:0]         x_flags;

  always @(posedge clk) begin
    if (running && (!s_tvalid || s_tready)) begin
      random_in = xorshift(random_in);
      if (sent < total && (random_in % 1000) >= stall_in) begin
        if ($fscanf(x_file, "%h", x_beat) != 1 || $fscanf(flags_file, "%h", x_flags) != 1) begin
          $display("FAIL vectors/%0s: x.hex or flags.hex ends at beat %0d of %0d", stream, sent, total);
          $fatal(1);
        end
        s_tdata <= x_beat;
        s_tuser <= x_flags[0:0];
        s_tlast <= x_flags[1];
        s_tvalid <= 1'b1;
        sent = sent + 1;
      end else begin
        s_tvalid <= 1'b0;
        s_tdata <= 'x;
        s_tuser <= 'x;
        s_tlast <= 1'bx;
      end
    end
  end

  // ---- output ----
  integer             taken = 0, cycle = 0, first_cycle = 0, last_cycle = 0, idle = 0;
  logic [31:0]        random_out = 32'd2;
  logic               stalled = 1'b0;
  logic [LANES*8-1:0] want_data, stalled_data;
  logic [7:0]         want_flags;
  logic [LANES-1:0]   want_keep;

  always @(posedge clk) begin
    cycle <= cycle + 1;
    random_out = xorshift(random_out);
    m_tready <= running && (random_out % 1000) >= stall_out;
    if (running) begin
      if ((m_tvalid ^ m_tvalid) !== 1'b0 || (s_tready ^ s_tready) !== 1'b0) begin
        $display("FAIL m_axis_tvalid or s_axis_tready is unknown in cycle %0d", cycle);
        $fatal(1);
      end
      if (stalled && (!m_tvalid || m_tdata !== stalled_data)) begin
        $display("FAIL the output changed while it waited for tready, beat %0d", taken);
        $fatal(1);
      end
      stalled = m_tvalid && !m_tready;
      stalled_data = m_tdata;
      if (s_tvalid && s_tready && first_cycle == 0) first_cycle = cycle;
      if (m_tvalid && m_tready) check_beat();
      idle = ((m_tvalid && m_tready) || (s_tvalid && s_tready)) ? 0 : idle + 1;
      if (idle > TIMEOUT) begin
        $display("FAIL no beat moved for %0d cycles: %0d in, %0d out of %0d", TIMEOUT, sent, taken, total);
        $fatal(1);
      end
    end
  end

  // Lanes of a beat that hold a channel.
  function automatic logic [LANES-1:0] keep_of(input integer beat);
    integer lane;
    begin
      keep_of = '0;
      for (lane = 0; lane < LANES; lane = lane + 1)
        keep_of[lane] = ((beat % GROUPS) * LANES + lane < CHANNELS);
    end
  endfunction

  task automatic check_beat;
    begin
      if (taken >= total) begin
        $display("FAIL more output beats than input beats");
        $fatal(1);
      end
      if ($fscanf(out_file, "%h", want_data) != 1 || $fscanf(out_flags_file, "%h", want_flags) != 1) begin
        $display("FAIL vectors/%0s: out.hex or flags.hex ends at beat %0d of %0d", stream, taken, total);
        $fatal(1);
      end
      want_keep = keep_of(taken);
      if (m_tdata !== want_data) explain_difference();
      if (m_tkeep !== want_keep || m_tlast !== want_flags[1]) begin
        $display("FAIL beat %0d: tkeep %b tlast %b, expected %b %b", taken, m_tkeep, m_tlast, want_keep, want_flags[1]);
        $fatal(1);
      end
      taken = taken + 1;
      last_cycle = cycle;
    end
  endtask

  // ---- the first difference ----
  integer              stage_file, skip;
  logic [LANES*32-1:0] acc_beat;
  logic [LANES*64-1:0] p_beat;

  task automatic explain_difference;
    integer lane;
    begin
      lane = 0;
      while (m_tdata[lane*8+:8] === want_data[lane*8+:8]) lane = lane + 1;
      $display("FAIL vectors/%0s beat %0d lane %0d (channel %0d, time step %0d of the stream): out is %0d, expected %0d",
               stream, taken, lane, (taken % GROUPS) * LANES + lane, taken / GROUPS,
               $signed(m_tdata[lane*8+:8]), $signed(want_data[lane*8+:8]));
      stage_file = $fopen({folder, "acc.hex"}, "r");
      if (stage_file != 0) begin
        for (skip = 0; skip <= taken; skip = skip + 1)
          if ($fscanf(stage_file, "%h", acc_beat) != 1) acc_beat = 'x;
        $display("     on the way to it: acc = %0d", $signed(acc_beat[lane*32+:32]));
      end
      stage_file = $fopen({folder, "p.hex"}, "r");
      if (stage_file != 0) begin
        for (skip = 0; skip <= taken; skip = skip + 1)
          if ($fscanf(stage_file, "%h", p_beat) != 1) p_beat = 'x;
        $display("                       p = %0d, M = %0d, S = %0d", $signed(p_beat[lane*64+:64]), MULTIPLIER, SHIFT);
      end
      $fatal(1);
    end
  endtask

  // ---- the run ----
  integer i;
  initial begin
    if ($value$plusargs("kit=%s", kit)) begin end
    if ($value$plusargs("stream=%s", stream)) begin end
    if ($value$plusargs("stall_in=%d", stall_in)) begin end
    if ($value$plusargs("stall_out=%d", stall_out)) begin end
    if ($value$plusargs("seed=%d", seed)) begin end
    if ($value$plusargs("beats=%d", limit)) begin end
    folder = {kit, "/vectors/", stream, "/"};
    x_file = opened({folder, "x.hex"});
    flags_file = opened({folder, "flags.hex"});
    out_file = opened({folder, "out.hex"});
    out_flags_file = opened({folder, "flags.hex"});
    i = opened({folder, "counters.hex"});
    i = opened({kit, "/config/axil_writes.hex"});
    $readmemh({folder, "counters.hex"}, counters);
    $readmemh({kit, "/config/axil_writes.hex"}, writes);
    total = counters[0];
    if (limit > 0 && limit < total) total = limit;
    random_in = seed * 2 + 32'h9E3779B9;
    random_out = seed * 2 + 32'h9E3779BA;

    repeat (4) @(posedge clk);
    rst_n <= 1'b1;
    @(posedge clk);
    for (i = 0; i < WRITES; i = i + 1) begin
      axil_write(writes[i][63:32], writes[i][31:0]);
      if (i == 0) wait_until_idle();
    end
    running <= 1'b1;
    while (taken < total) @(posedge clk);
    repeat (20) @(posedge clk);  // nothing more may come
    running <= 1'b0;
    axil_write(REG_CONTROL, 0);
    wait_until_idle();
    for (i = 0; i < 8; i = i + 1) begin
      axil_read(REG_COUNTERS + 4 * i);
      // after a part of the stream only the beats are known
      if (total == counters[0] ? read_data !== counters[i]
                               : (i == 0 || i == 2) && read_data !== total) begin
        $display("FAIL counter at %h is %0d, expected %0d", REG_COUNTERS + 4 * i, read_data,
                 total == counters[0] ? counters[i] : total);
        $fatal(1);
      end
    end
    if (taken == 0) begin
      $display("FAIL nothing was compared");
      $fatal(1);
    end
    $display("PASS vectors/%0s: %0d beats of %0d lanes in %0d cycles, stalls %0d and %0d in 1000", stream, taken, LANES,
             last_cycle - first_cycle + 1, stall_in, stall_out);
    $finish;
  end

endmodule
