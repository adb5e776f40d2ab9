// Drives quasim_top through the six scenes of the timing diagrams and prints every pin in every cycle, just before the edge.
// The layer is the identity on 8 channels over 4 lanes, two beats a time step: out is x. Icarus only; make_timing.py runs it.
module timing_tb;

  localparam int LANES = 4;

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

  integer scene = 0, i;

  always #5 clk = ~clk;

  quasim_top #(
    .LANES(LANES),
    .MaxChannels(8)
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

  always @(negedge clk) begin
    #4 $display("%0d rst_ni=%b s_axis_tvalid=%b s_axis_tready=%b s_axis_tdata=%h s_axis_tuser=%b s_axis_tlast=%b m_axis_tvalid=%b m_axis_tready=%b m_axis_tdata=%h m_axis_tkeep=%h m_axis_tlast=%b s_axil_awvalid=%b s_axil_awready=%b s_axil_awaddr=%h s_axil_wvalid=%b s_axil_wready=%b s_axil_wdata=%h s_axil_bvalid=%b s_axil_bready=%b s_axil_bresp=%b s_axil_arvalid=%b s_axil_arready=%b s_axil_araddr=%h s_axil_rvalid=%b s_axil_rready=%b s_axil_rdata=%h",
                scene, rst_n, s_tvalid, s_tready, s_tdata, s_tuser, s_tlast, m_tvalid, m_tready, m_tdata, m_tkeep, m_tlast,
                awvalid, awready, awaddr, wvalid, wready, wdata, bvalid, bready, bresp, arvalid, arready, araddr,
                rvalid, rready, rdata);
  end

  task automatic wr(input [31:0] address, input [31:0] data);
    begin
      awaddr <= address[19:0]; wdata <= data; awvalid <= 1'b1; wvalid <= 1'b1; bready <= 1'b1;
      @(posedge clk);
      while (awvalid || wvalid) begin
        if (awready) awvalid <= 1'b0;
        if (wready) wvalid <= 1'b0;
        @(posedge clk);
      end
      while (!bvalid) @(posedge clk);
      bready <= 1'b0;
    end
  endtask

  task automatic rd(input [31:0] address);
    begin
      araddr <= address[19:0]; arvalid <= 1'b1; rready <= 1'b1;
      @(posedge clk);
      while (!arready) @(posedge clk);
      arvalid <= 1'b0;
      @(posedge clk);
      while (!rvalid) @(posedge clk);
      rready <= 1'b0;
    end
  endtask

  task automatic beat(input [31:0] data, input first, input last);
    begin
      s_tdata <= data; s_tuser <= first; s_tlast <= last; s_tvalid <= 1'b1;
      @(posedge clk);
      while (!s_tready) @(posedge clk);
    end
  endtask

  task automatic quiet(input integer cycles);
    begin
      s_tvalid <= 1'b0; s_tuser <= 1'b0; s_tlast <= 1'b0;
      repeat (cycles) @(posedge clk);
    end
  endtask

  initial begin
    scene <= 1;
    repeat (3) @(posedge clk);
    rst_n <= 1'b1;
    repeat (4) @(posedge clk);
    scene <= 0;
    wr(quasim_pkg::REG_CONTROL, 0);
    wr(quasim_pkg::REG_CLEAR_COUNTERS, 1);
    wr(quasim_pkg::REG_TAPS, 4);
    wr(quasim_pkg::REG_MULTIPLIER, 1);
    wr(quasim_pkg::REG_REQUANT, 0);
    for (i = 0; i < 8; i = i + 1) begin
      wr(quasim_pkg::WEIGHT_BASE + 4 * i, 32'h01000000);
      wr(quasim_pkg::HISTORY_BASE + 4 * i, 0);
      wr(quasim_pkg::BIAS_BASE + 8 * i, 0);
      wr(quasim_pkg::BIAS_BASE + 8 * i + 4, 0);
    end
    for (i = 0; i < 256; i = i + 4)
      wr(quasim_pkg::TABLE_BASE + i, {8'(i + 3 - 128), 8'(i + 2 - 128), 8'(i + 1 - 128), 8'(i - 128)});
    @(posedge clk);
    scene <= 2;
    @(posedge clk);
    wr(quasim_pkg::REG_CHANNELS, 8);
    wr(quasim_pkg::REG_CONTROL, 1);
    rd(quasim_pkg::REG_STATUS);
    repeat (2) @(posedge clk);
    m_tready <= 1'b1;
    scene <= 3;
    repeat (1) @(posedge clk);
    beat(32'h04030201, 1'b1, 1'b0);
    beat(32'h08070605, 1'b1, 1'b0);
    beat(32'h14131211, 1'b0, 1'b0);
    beat(32'h18171615, 1'b0, 1'b0);
    quiet(8);
    scene <= 4;
    for (i = 0; i < 4; i = i + 1) beat(32'h01010101 * (i + 32'h21), 1'b0, 1'b0);
    fork
      begin repeat (3) @(posedge clk); m_tready <= 1'b0; repeat (7) @(posedge clk); m_tready <= 1'b1; end
      begin for (i = 4; i < 14; i = i + 1) beat(32'h01010101 * (i + 32'h21), 1'b0, 1'b0); quiet(8); end
    join
    scene <= 5;
    beat(32'h31313131, 1'b0, 1'b0);
    beat(32'h32323232, 1'b0, 1'b1);
    beat(32'h41414141, 1'b1, 1'b0);
    beat(32'h42424242, 1'b1, 1'b0);
    quiet(8);
    scene <= 6;
    beat(32'h51515151, 1'b0, 1'b0);
    beat(32'h52525252, 1'b0, 1'b1);
    quiet(9);
    beat(32'h61616161, 1'b0, 1'b0);
    beat(32'h62626262, 1'b0, 1'b1);
    quiet(8);
    $finish;
  end

endmodule
