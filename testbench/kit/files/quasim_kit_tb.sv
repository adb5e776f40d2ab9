// Self-checking bench of a kit, in plain SystemVerilog: loads the layer over AXI4-Lite, streams the vectors, compares every
// output beat, its tlast and tkeep, and the counters.
//
// Runs from the kit's directory, or from anywhere with +kit=DIR. Other plusargs:
//   +stream=NAME      folder of vectors/ to stream: real (default), directed or a corner
//   +stall_in=N       chance in 1000 that the input pauses, default 0
//   +stall_out=N      chance in 1000 that the output is not ready, default 0
//   +seed=N           of both stall patterns, default 1
//   +beats=N          stop after N beats; default all
//   +wave=FILE        keep the waveform
// Prints one line that begins with PASS and finishes, or one that begins with FAIL and stops by $fatal.
//
// Everything is sampled on the rising edge and driven by nonblocking assignments, from always blocks only: simulators differ
// in what such an assignment means in an initial block. Vectors are read a beat at a time, so that memory does not limit
// their number.

`timescale 1ns / 1ps

module quasim_kit_tb;

  import quasim_layer_pkg::*;

  localparam int TIMEOUT = 20000;  // cycles, or polls of Status, without progress that count as a hang

  // ---- clock, reset, ports of the unit ----
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
    .LANES(LANES),
    .MaxChannels(MAX_CHANNELS),
    .ConvBits(CONV_BITS),
    .MultBits(MULT_BITS),
    .BiasBits(BIAS_BITS),
    .Dataflows(DATAFLOWS),
    .Folded(FOLDED),
    .CellBits(CELL_BITS),
    .NearBlocks(NEAR_BLOCKS)
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

  // ---- what to do ----
  string  kit = ".";
  string  stream = "real";
  string  folder, wave, writes_name;
  integer stall_in = 0, stall_out = 0, seed = 1, limit = 0;
  integer x_file, flags_file, out_file, out_flags_file, writes_file;
  logic   own_writes = 1'b0;  // the stream has a program of its own
  logic [63:0] writes   [0:WRITES-1];
  logic [31:0] counters [0:7];
  integer total;  // beats of this run

  // Asked before every read, not where the files are opened: Verilator 5.006 takes a descriptor that is only ever handed to
  // $fscanf for a local variable and forgets it.
  task automatic not_open;
    begin
      $display("FAIL cannot open x.hex, out.hex or flags.hex in %0s", folder);
      $fatal(1);
    end
  endtask

  // The same numbers in every simulator.
  function automatic logic [31:0] xorshift(input logic [31:0] state);
    logic [31:0] a, b;
    begin
      a = state ^ (state << 13);
      b = a ^ (a >> 17);
      xorshift = b ^ (b << 5);
    end
  endfunction

  // ---- input ----
  logic               running = 1'b0;
  integer             sent = 0;
  logic [31:0]        random_in = 32'd1;
  logic [LANES*8-1:0] x_beat;
  logic [7:0]         x_flags;
  integer             in_count;

  always @(posedge clk) begin
    if (running && (!s_tvalid || s_tready)) begin
      random_in = xorshift(random_in);
      if (sent < total && (random_in % 1000) >= stall_in) begin
        if (x_file == 0 || flags_file == 0) not_open();
        in_count = $fscanf(x_file, "%h", x_beat);
        in_count = in_count + $fscanf(flags_file, "%h", x_flags);
        if (in_count != 2) begin
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
  integer             out_count;

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
      if (out_file == 0 || out_flags_file == 0) not_open();
      out_count = $fscanf(out_file, "%h", want_data);
      out_count = out_count + $fscanf(out_flags_file, "%h", want_flags);
      if (out_count != 2) begin
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
  integer              lane = 0;
  logic [LANES*32-1:0] acc_beat;
  logic [LANES*64-1:0] p_beat;

  task automatic explain_difference;
    begin
      for (skip = LANES - 1; skip >= 0; skip = skip - 1)
        if (m_tdata[skip*8+:8] !== want_data[skip*8+:8]) lane = skip;
      $display("FAIL vectors/%0s beat %0d lane %0d (channel %0d, time step %0d of the stream): out is %0d, expected %0d",
               stream, taken, lane, (taken % GROUPS) * LANES + lane, taken / GROUPS,
               $signed(m_tdata[lane*8+:8]), $signed(want_data[lane*8+:8]));
      stage_file = $fopen({folder, "acc.hex"}, "r");
      if (stage_file != 0) begin
        for (skip = 0; skip <= taken; skip = skip + 1)
          out_count = $fscanf(stage_file, "%h", acc_beat);
        $display("     on the way to it: acc = %0d", $signed(acc_beat[lane*32+:32]));
      end
      stage_file = $fopen({folder, "p.hex"}, "r");
      if (stage_file != 0) begin
        for (skip = 0; skip <= taken; skip = skip + 1)
          out_count = $fscanf(stage_file, "%h", p_beat);
        if (own_writes) $display("                       p = %0d, M and S as in %0s", $signed(p_beat[lane*64+:64]), writes_name);
        else $display("                       p = %0d, M = %0d, S = %0d", $signed(p_beat[lane*64+:64]), MULTIPLIER, SHIFT);
      end
      $fatal(1);
    end
  endtask

  // ---- the run: reset, load over AXI4-Lite, stream, stop, read the counters ----
  localparam logic [2:0] RESET = 3'd0, LOAD = 3'd1, LOAD_IDLE = 3'd2, STREAM = 3'd3, DRAIN = 3'd4, STOP = 3'd5,
                         STOP_IDLE = 3'd6, COUNT = 3'd7;
  logic [2:0] phase = RESET;
  integer     step = 0;     // write, counter or cycle of the phase
  integer     waited = 0;   // cycles without an answer
  integer     polls = 0;    // of Status

  task automatic start_write(input logic [31:0] address, input logic [31:0] data);
    begin
      awaddr <= address[19:0];
      wdata <= data;
      awvalid <= 1'b1;
      wvalid <= 1'b1;
      bready <= 1'b1;
    end
  endtask

  task automatic start_read(input logic [31:0] address);
    begin
      araddr <= address[19:0];
      arvalid <= 1'b1;
      rready <= 1'b1;
    end
  endtask

  // Goes to a phase, or polls again while the unit is busy.
  task automatic leave_when_idle(input logic [2:0] next);
    begin
      polls = polls + 1;
      if (polls > TIMEOUT) begin
        $display("FAIL Status.Busy stays %b", rdata[0]);
        $fatal(1);
      end
      if (rdata[0] === 1'b0) begin
        phase <= next;
        polls = 0;
      end
    end
  endtask

  always @(posedge clk) begin
    if (awvalid && awready) awvalid <= 1'b0;
    if (wvalid && wready) wvalid <= 1'b0;
    if (arvalid && arready) arvalid <= 1'b0;
    if (bready && bvalid) begin
      bready <= 1'b0;
      if (bresp !== 2'b00) begin
        $display("FAIL the write of %h to %h answers %b", wdata, awaddr, bresp);
        $fatal(1);
      end
    end
    if (rready && rvalid) begin
      rready <= 1'b0;
      if (rresp !== 2'b00) begin
        $display("FAIL the read of %h answers %b", araddr, rresp);
        $fatal(1);
      end
    end
    waited = ((bready && !bvalid) || (rready && !rvalid)) ? waited + 1 : 0;
    if (waited > TIMEOUT) begin
      $display("FAIL no answer to the AXI4-Lite access of %h", bready ? awaddr : araddr);
      $fatal(1);
    end

    case (phase)
      RESET: begin
        step = step + 1;
        if (step == 4) rst_n <= 1'b1;
        if (step == 6) begin
          phase <= LOAD;
          step = 0;
        end
      end
      LOAD:
        if (!bready) start_write(writes[step][63:32], writes[step][31:0]);
        else if (bvalid) begin
          step = step + 1;
          if (step == 1) phase <= LOAD_IDLE;
          if (step == WRITES) begin
            phase <= STREAM;
            running <= 1'b1;
          end
        end
      LOAD_IDLE:
        if (!rready) start_read(REG_STATUS);
        else if (rvalid) leave_when_idle(LOAD);
      STREAM:
        if (taken >= total) begin
          phase <= DRAIN;
          step = 0;
        end
      DRAIN: begin  // nothing more may come
        step = step + 1;
        if (step == 20) begin
          phase <= STOP;
          running <= 1'b0;
        end
      end
      STOP:
        if (!bready) start_write(REG_CONTROL, 32'd0);
        else if (bvalid) phase <= STOP_IDLE;
      STOP_IDLE: begin
        step = 0;
        if (!rready) start_read(REG_STATUS);
        else if (rvalid) leave_when_idle(COUNT);
      end
      COUNT:
        if (!rready) start_read(REG_COUNTERS + 4 * step);
        else if (rvalid) begin
          check_counter();
          step = step + 1;
          if (step == 8) pass();
        end
    endcase
  end

  // After a part of the stream only the beats are known.
  task automatic check_counter;
    logic [31:0] want;
    begin
      want = counters[step];
      if (total != counters[0]) want = (step == 0 || step == 2) ? total : (step < 4) ? 32'd0 : rdata;
      if (rdata !== want) begin
        $display("FAIL counter at %h is %0d, expected %0d", araddr, rdata, want);
        $fatal(1);
      end
    end
  endtask

  task automatic pass;
    begin
      if (taken == 0) begin
        $display("FAIL nothing was compared");
        $fatal(1);
      end
      $display("PASS vectors/%0s: %0d beats of %0d lanes in %0d cycles, stalls %0d and %0d in 1000", stream, taken, LANES,
               last_cycle - first_cycle + 1, stall_in, stall_out);
      $finish;
    end
  endtask

  initial begin
    if ($value$plusargs("kit=%s", kit)) begin end
    if ($value$plusargs("stream=%s", stream)) begin end
    if ($value$plusargs("stall_in=%d", stall_in)) begin end
    if ($value$plusargs("stall_out=%d", stall_out)) begin end
    if ($value$plusargs("seed=%d", seed)) begin end
    if ($value$plusargs("beats=%d", limit)) begin end
    if ($value$plusargs("wave=%s", wave)) begin
      $dumpfile(wave);
      $dumpvars(0, quasim_kit_tb);
    end
    folder = {kit, "/vectors/", stream, "/"};
    x_file = $fopen({folder, "x.hex"}, "r");
    flags_file = $fopen({folder, "flags.hex"}, "r");
    out_file = $fopen({folder, "out.hex"}, "r");
    out_flags_file = $fopen({folder, "flags.hex"}, "r");
    counters[0] = '0;
    writes[WRITES-1] = '0;
    $readmemh({folder, "counters.hex"}, counters);
    // A corner stream has a program of its own.
    writes_name = {folder, "axil_writes.hex"};
    writes_file = $fopen(writes_name, "r");
    own_writes = (writes_file != 0);
    if (!own_writes) writes_name = {kit, "/config/axil_writes.hex"};
    $readmemh(writes_name, writes);
    total = counters[0];
    if (counters[0] == 0 || (^counters[0]) === 1'bx || writes[WRITES-1] == 0 || (^writes[WRITES-1]) === 1'bx) begin
      $display("FAIL %0scounters.hex or %0s is missing or too short", folder, writes_name);
      $fatal(1);
    end
    if (limit > 0 && limit < total) total = limit;
    random_in = seed * 2 + 32'h9E3779B9;
    random_out = seed * 2 + 32'h9E3779BA;
  end

endmodule
