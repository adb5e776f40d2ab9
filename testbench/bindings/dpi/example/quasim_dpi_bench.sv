// Example bench: quasim_top against the live model of libquasim_dpi.so.
//
//   +program=PATH     layer program or bundle: configures the unit, and is the reference
//   +reference=PATH   another one for the reference (a planted fault: they must differ)
//   +flip=HEX         bit 0 of what is written to this AXI4-Lite address is flipped (a planted fault)
//   +seed=N +sequences=N +length=N +in_stall=N +out_stall=N   stalls in cycles of 256
//
// Prints PASS with the number of comparisons; differences are printed and end in $fatal. Pins change at the falling edge;
// what they show one time unit later is what the rising edge will see, so no process races with the unit or with another.

module quasim_dpi_bench;

  import quasim_dpi_pkg::*;
  import quasim_bench_pkg::*;

  localparam logic [1:0] Okay = 2'b00;
  localparam int         HangCycles = 10000;

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
    .MaxChannels(MAX_CHANNELS)
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

  // ---- options ----
  string program_path, reference_path;
  int    seed, sequences, length, in_stall, out_stall, flip_address;

  task automatic read_options();
    if ($value$plusargs("program=%s", program_path) == 0) $fatal(1, "usage: +program=PATH");
    if ($value$plusargs("reference=%s", reference_path) == 0) reference_path = program_path;
    if ($value$plusargs("seed=%d", seed) == 0) seed = 1;
    if ($value$plusargs("sequences=%d", sequences) == 0) sequences = 4;
    if ($value$plusargs("length=%d", length) == 0) length = 8;
    if ($value$plusargs("in_stall=%d", in_stall) == 0) in_stall = 64;
    if ($value$plusargs("out_stall=%d", out_stall) == 0) out_stall = 64;
    if ($value$plusargs("flip=%h", flip_address) == 0) flip_address = -1;
  endtask

  // ---- AXI4-Lite master ----
  task automatic axil_write(input int address, input int data);
    logic address_taken, data_taken;
    @(negedge clk);
    awaddr = address[19:0];
    wdata = (address == flip_address) ? data ^ 1 : data;
    awvalid = 1'b1;
    wvalid = 1'b1;
    bready = 1'b1;
    while (awvalid || wvalid) begin
      #1;
      address_taken = awready;
      data_taken = wready;
      @(negedge clk);
      if (address_taken) awvalid = 1'b0;
      if (data_taken) wvalid = 1'b0;
    end
    while (!bvalid) @(negedge clk);
    if (bresp != Okay) $fatal(1, "AXI4-Lite: write to %05h answered %0d", address, bresp);
    @(negedge clk);
    bready = 1'b0;
  endtask

  task automatic axil_read(input int address, output int data);
    logic address_taken;
    @(negedge clk);
    araddr = address[19:0];
    arvalid = 1'b1;
    rready = 1'b1;
    while (arvalid) begin
      #1;
      address_taken = arready;
      @(negedge clk);
      if (address_taken) arvalid = 1'b0;
    end
    while (!rvalid) @(negedge clk);
    data = rdata;
    if (rresp != Okay) $fatal(1, "AXI4-Lite: read of %05h answered %0d", address, rresp);
    @(negedge clk);
    rready = 1'b0;
  endtask

  task automatic wait_until_idle();
    int status;
    status = -1;
    while (status[quasim_pkg::STATUS_BUSY_LSB]) axil_read(int'(quasim_pkg::REG_STATUS), status);
  endtask

  task automatic load(input int handle);
    int count, address, data;
    quasim_dpi_check(quasim_dpi_write_count(handle, count));
    for (int i = 0; i < count; i++) begin
      quasim_dpi_check(quasim_dpi_write_at(handle, i, address, data));
      axil_write(address, data);
      if (i == 0) wait_until_idle();
    end
  endtask

  // ---- driver: the beats of its mailbox on s_axis, and m_axis_tready, both with pauses ----
  mailbox #(quasim_beat) source;
  quasim_random          in_random, out_random;

  task automatic drive_input();
    quasim_beat beat;
    logic       taken;
    @(negedge clk);
    forever begin
      source.get(beat);
      while (in_random.chance(in_stall)) @(negedge clk);
      s_tdata = beat.data;
      s_tuser = beat.user;
      s_tlast = beat.last;
      s_tvalid = 1'b1;
      taken = 1'b0;
      while (!taken) begin
        #1;
        taken = s_tready;
        @(negedge clk);
      end
      s_tvalid = 1'b0;
    end
  endtask

  task automatic drive_ready();
    forever begin
      @(negedge clk);
      m_tready = !out_random.chance(out_stall);
    end
  endtask

  // ---- monitor: every beat that the next rising edge moves ----
  mailbox #(quasim_beat) inputs, outputs;

  task automatic monitor();
    quasim_beat beat;
    forever begin
      @(negedge clk);
      #1;
      if (s_tvalid && s_tready) begin
        beat = new;
        beat.data = s_tdata;
        beat.user = s_tuser;
        beat.last = s_tlast;
        inputs.put(beat);
      end
      if (m_tvalid && m_tready) begin
        beat = new;
        beat.data = m_tdata;
        beat.keep = m_tkeep;
        beat.last = m_tlast;
        outputs.put(beat);
      end
    end
  endtask

  // ---- the test ----
  quasim_sequence   stimulus;
  quasim_scoreboard scoreboard;

  // Until the scoreboard has seen every beat; it is a hang when none comes for a long time.
  task automatic drain();
    int seen, idle;
    seen = -1;
    idle = 0;
    while (scoreboard.beats < stimulus.sent) begin
      @(negedge clk);
      idle = (scoreboard.beats == seen) ? idle + 1 : 0;
      seen = scoreboard.beats;
      if (idle > HangCycles) $fatal(1, "FAIL: hang: %0d of %0d beats came out", seen, stimulus.sent);
    end
  endtask

  task automatic check_state(input int channels);
    int value;
    axil_write(int'(quasim_pkg::REG_CONTROL), 0);
    wait_until_idle();
    axil_read(int'(quasim_pkg::REG_BEATS_IN_LO), value);
    scoreboard.check_word("BeatsIn", value, stimulus.sent);
    axil_read(int'(quasim_pkg::REG_BEATS_OUT_LO), value);
    scoreboard.check_word("BeatsOut", value, stimulus.sent);
    for (int channel = 0; channel < channels; channel++) begin
      axil_read(int'(quasim_pkg::HISTORY_BASE) + 4 * channel, value);
      scoreboard.check_history(channel, value);
    end
  endtask

  initial begin
    int configured, reference, channels, taps, conv_bits;
    read_options();
    quasim_dpi_check(quasim_dpi_open(program_path, configured));
    quasim_dpi_check(quasim_dpi_open(reference_path, reference));
    quasim_dpi_check(quasim_dpi_shape(reference, channels, taps, conv_bits));
    source = new;
    inputs = new;
    outputs = new;
    in_random = new(seed);
    out_random = new(seed + 1);
    stimulus = new(source, new_random(seed + 2));
    scoreboard = new(reference, inputs, outputs);
    scoreboard.check_stages(new_random(seed + 3), 4);

    fork
      drive_input();
      drive_ready();
      monitor();
      scoreboard.run();
    join_none
    repeat (3) @(negedge clk);
    rst_n = 1'b1;
    load(configured);
    stimulus.run(sequences, length, (channels + LANES - 1) / LANES);
    drain();
    check_state(channels);
    scoreboard.report();
    quasim_dpi_check(quasim_dpi_close(reference));
    quasim_dpi_check(quasim_dpi_close(configured));
    $finish;
  end

  function automatic quasim_random new_random(input int number);
    quasim_random random;
    random = new(number);
    return random;
  endfunction

endmodule
