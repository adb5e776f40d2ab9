// Bound to every quasim_axil: the five AXI4-Lite channels as docs/microarchitecture.md times them.
//
// A write executes once both its halves are held and no response waits; one response for each. A read is decoded, then asked for, then
// answered. Valid and payload of both responses wait unchanged for ready. Nothing is demanded of the master;
// of quasim_regs, that it takes only writes that it is shown.
// Deliberately absent: what a register answers (quasim_regs_checker).
// Registered: what was accepted and has not been answered.

module quasim_axil_checker (
  // [ports of quasim_axil: scripts/emit_spec.py]
  input logic                                    clk_i,
  input logic                                    rst_ni,
  input logic [quasim_pkg::AXIL_ADDR_BITS-1:0]   awaddr_i,
  input logic                                    awvalid_i,
  input logic                                    awready_o,
  input logic [quasim_pkg::AXIL_DATA_BITS-1:0]   wdata_i,
  input logic [quasim_pkg::AXIL_DATA_BITS/8-1:0] wstrb_i,
  input logic                                    wvalid_i,
  input logic                                    wready_o,
  input logic [1:0]                              bresp_o,
  input logic                                    bvalid_o,
  input logic                                    bready_i,
  input logic [quasim_pkg::AXIL_ADDR_BITS-1:0]   araddr_i,
  input logic                                    arvalid_i,
  input logic                                    arready_o,
  input logic [quasim_pkg::AXIL_DATA_BITS-1:0]   rdata_o,
  input logic [1:0]                              rresp_o,
  input logic                                    rvalid_o,
  input logic                                    rready_i,
  input logic                                    write_o,
  input logic [quasim_pkg::AXIL_ADDR_BITS-1:0]   waddr_o,
  input logic [quasim_pkg::AXIL_DATA_BITS-1:0]   wdata_o,
  input logic                                    write_okay_i,
  input logic [quasim_pkg::AXIL_ADDR_BITS-1:0]   raddr_o,
  input logic                                    decode_o,
  input logic                                    access_o,
  input logic                                    read_okay_i,
  input logic                                    read_memory_i,
  input logic [quasim_pkg::AXIL_DATA_BITS-1:0]   register_word_i,
  input logic [quasim_pkg::AXIL_DATA_BITS-1:0]   memory_word_i,
  // [end]
  input logic [quasim_pkg::AXIL_DATA_BITS/8-1:0] strobes_i,
  input logic                                    aw_full_q,
  input logic                                    w_full_q,
  input logic [2:0]                              rd_state_q
);

  localparam int AddrBits = quasim_pkg::AXIL_ADDR_BITS;
  localparam int DataBits = quasim_pkg::AXIL_DATA_BITS;

  logic awake_q;  // a clock edge has passed since reset

  // ---- write ----
  logic                  aw_held_q, w_held_q, b_waits_q, whole;
  logic                  executes;
  logic [AddrBits-1:2]   aw_addr_q;
  logic [DataBits-1:0]   w_data_q;
  logic [DataBits/8-1:0] w_strb_q;
  logic [1:0]            b_resp_q;
  logic [2:0]            aw_count_q, w_count_q, b_count_q;

  assign executes = aw_held_q & w_held_q & ~b_waits_q;
  assign whole    = (w_strb_q == '1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      awake_q    <= 1'b0;
      aw_held_q  <= 1'b0;
      w_held_q   <= 1'b0;
      b_waits_q  <= 1'b0;
      aw_count_q <= '0;
      w_count_q  <= '0;
      b_count_q  <= '0;
    end else begin
      awake_q <= 1'b1;
      if (executes) begin
        aw_held_q <= 1'b0;
        w_held_q  <= 1'b0;
        b_waits_q <= 1'b1;
      end
      if (awvalid_i && awready_o) begin
        aw_held_q  <= 1'b1;
        aw_count_q <= aw_count_q + 3'd1;
      end
      if (wvalid_i && wready_o) begin
        w_held_q  <= 1'b1;
        w_count_q <= w_count_q + 3'd1;
      end
      if (bvalid_o && bready_i) begin
        b_waits_q <= 1'b0;
        b_count_q <= b_count_q + 3'd1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (awvalid_i && awready_o) aw_addr_q <= awaddr_i[AddrBits-1:2];
    if (wvalid_i && wready_o) begin
      w_data_q <= wdata_i;
      w_strb_q <= wstrb_i;
    end
    if (executes) b_resp_q <= (whole && write_okay_i) ? 2'b00 : 2'b10;
  end

  always_ff @(posedge clk_i) begin
    assume (!write_okay_i || write_o) else $error("a write is taken that does not execute");
    cover (bvalid_o && bresp_o == 2'b00 && aw_held_q && w_held_q);
    cover (rvalid_o && rresp_o == 2'b00 && b_waits_q);
    assert (awready_o == (awake_q & ~aw_held_q)) else $error("AW: ready is not 'no address is held'");
    assert (wready_o == (awake_q & ~w_held_q)) else $error("W: ready is not 'no data are held'");
    assert (write_o == (executes & whole)) else $error("a write executes too early, too late, twice or in part");
    if (aw_held_q) begin
      assert (waddr_o == {aw_addr_q, 2'b00}) else $error("a write executes at another address");
    end
    if (w_held_q) begin
      assert (wdata_o == w_data_q) else $error("a write executes with other data");
      assert (strobes_i == w_strb_q) else $error("a write executes with other strobes");
    end
    assert (bvalid_o == b_waits_q) else $error("B: valid without a write, or not held until taken");
    if (bvalid_o) begin
      assert (bresp_o == b_resp_q) else $error("B: not the answer to its write, or changed before it was taken");
    end
    assert (aw_count_q == b_count_q + 3'(aw_held_q) + 3'(b_waits_q)) else $error("B: not one response for each address");
    assert (w_count_q == b_count_q + 3'(w_held_q) + 3'(b_waits_q)) else $error("B: not one response for each word");
    assert (aw_full_q == aw_held_q) else $error("an address is held that was not accepted, or the other way round");
    assert (w_full_q == w_held_q) else $error("data are held that were not accepted, or the other way round");
  end

  // ---- read ----
  logic [1:0]          age_q;  // cycles since the address was accepted; 0: none is under way
  logic                r_waits_q;
  logic [AddrBits-1:2] ar_addr_q;
  logic [DataBits-1:0] r_data_q;
  logic [1:0]          r_resp_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      age_q     <= '0;
      r_waits_q <= 1'b0;
    end else begin
      if (arvalid_i && arready_o) age_q <= 2'd1;
      if (age_q == 2'd1) age_q <= 2'd2;
      if (age_q == 2'd2) begin
        age_q     <= (read_memory_i && read_okay_i) ? 2'd3 : 2'd0;
        r_waits_q <= !(read_memory_i && read_okay_i);
      end
      if (age_q == 2'd3) begin
        age_q     <= '0;
        r_waits_q <= 1'b1;
      end
      if (rvalid_o && rready_i) r_waits_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (arvalid_i && arready_o) ar_addr_q <= araddr_i[AddrBits-1:2];
    if (age_q == 2'd2) begin
      r_data_q <= register_word_i;
      r_resp_q <= read_okay_i ? 2'b00 : 2'b10;
    end
    if (age_q == 2'd3) r_data_q <= memory_word_i;
  end

  always_ff @(posedge clk_i) begin
    assert (arready_o == (awake_q & (age_q == '0) & ~r_waits_q)) else $error("AR: ready is not 'no read is under way'");
    assert (decode_o == (age_q == 2'd1)) else $error("a read is not decoded in the cycle after its address");
    assert (access_o == (age_q == 2'd2)) else $error("a read is not asked for in the cycle after it is decoded");
    if (age_q != '0) begin
      assert (raddr_o == {ar_addr_q, 2'b00}) else $error("a read goes to another address");
    end
    assert (rvalid_o == r_waits_q) else $error("R: valid without a read, or not held until taken");
    if (rvalid_o) begin
      assert (rdata_o == r_data_q) else $error("R: not the word read, or changed before it was taken");
    end
    if (rvalid_o || age_q == 2'd3) begin
      assert (rresp_o == r_resp_q) else $error("R: not the answer to its read, or changed before it was taken");
    end
    assert (!(r_waits_q && age_q != '0)) else $error("two reads are under way");
    // the unit's own state agrees with what the bus has seen
    assert (rd_state_q == (r_waits_q ? 3'd4 : 3'(age_q))) else $error("the read is in another phase than the bus has seen");
  end

endmodule

bind quasim_axil quasim_axil_checker u_checker (
  .*,
  .strobes_i(w_strb_q)
);
