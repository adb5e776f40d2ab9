// Bound to every quasim_top: stream and bus rules, occupancy, counters, and that no window access meets a beat.
//
// Immediate assertions on the clock edge, silent in reset. Deliberately absent: rules for the masters outside (their data may
// change while they wait), and values, which are the testbench's business.
// Registered: last cycle's outputs and the beat counts.

module quasim_protocol_checker #(
  parameter int LANES = 16
) (
  // [ports of quasim_top: scripts/emit_spec.py]
  input logic                                     clk_i,
  input logic                                     rst_ni,
  input logic                                     s_axis_tvalid,
  input logic                                     s_axis_tready,
  input logic [LANES*quasim_pkg::SAMPLE_BITS-1:0] m_axis_tdata,
  input logic                                     m_axis_tvalid,
  input logic                                     m_axis_tready,
  input logic                                     m_axis_tlast,
  input logic [LANES-1:0]                         m_axis_tkeep,
  input logic [1:0]                               s_axil_bresp,
  input logic                                     s_axil_bvalid,
  input logic                                     s_axil_bready,
  input logic [quasim_pkg::AXIL_DATA_BITS-1:0]    s_axil_rdata,
  input logic [1:0]                               s_axil_rresp,
  input logic                                     s_axil_rvalid,
  input logic                                     s_axil_rready,
  // [end]
  input logic                 enable,
  input logic                 clear,
  input logic                 busy,
  input logic                 window_ren,
  input logic                 window_wen,
  input logic [63:0]          beats_in,
  input logic [63:0]          beats_out
);

  logic                 armed_q, enable_q;
  logic                 s_waiting_q, m_waiting_q, b_waiting_q, r_waiting_q;
  logic [LANES*8-1:0]   tdata_q;
  logic                 tlast_q;
  logic [LANES-1:0]     tkeep_q;
  logic [1:0]           bresp_q, rresp_q;
  logic [31:0]          rdata_q;
  logic [63:0]          in_q, out_q;
  logic [2:0]           inside_q;
  logic                 in_fire, out_fire;

  assign in_fire  = s_axis_tvalid & s_axis_tready;
  assign out_fire = m_axis_tvalid & m_axis_tready;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      armed_q     <= 1'b0;
      enable_q    <= 1'b0;
      s_waiting_q <= 1'b0;
      m_waiting_q <= 1'b0;
      b_waiting_q <= 1'b0;
      r_waiting_q <= 1'b0;
      in_q        <= '0;
      out_q       <= '0;
      inside_q    <= '0;
    end else begin
      armed_q     <= 1'b1;
      enable_q    <= enable;
      s_waiting_q <= s_axis_tready & ~s_axis_tvalid;
      m_waiting_q <= m_axis_tvalid & ~m_axis_tready;
      b_waiting_q <= s_axil_bvalid & ~s_axil_bready;
      r_waiting_q <= s_axil_rvalid & ~s_axil_rready;
      in_q        <= clear ? '0 : in_q + 64'(in_fire);
      out_q       <= clear ? '0 : out_q + 64'(out_fire);
      inside_q    <= inside_q + 3'(in_fire) - 3'(out_fire);
    end
  end

  always_ff @(posedge clk_i) begin
    tdata_q <= m_axis_tdata;
    tlast_q <= m_axis_tlast;
    tkeep_q <= m_axis_tkeep;
    bresp_q <= s_axil_bresp;
    rresp_q <= s_axil_rresp;
    rdata_q <= s_axil_rdata;
  end

  always_ff @(posedge clk_i) begin
    if (armed_q) begin
      // streams
      if (m_waiting_q) begin
        assert (m_axis_tvalid) else $error("m_axis_tvalid fell before the beat was taken");
        assert (m_axis_tdata == tdata_q) else $error("m_axis_tdata changed before the beat was taken");
        assert (m_axis_tkeep == tkeep_q) else $error("m_axis_tkeep changed before the beat was taken");
        assert (m_axis_tlast == tlast_q) else $error("m_axis_tlast changed before the beat was taken");
      end
      if (m_axis_tvalid) begin
        assert (m_axis_tkeep[0]) else $error("a beat without a channel in lane 0");
        assert ((m_axis_tkeep & (m_axis_tkeep + 1'b1)) == '0) else $error("m_axis_tkeep has a gap");
      end
      assert (!s_axis_tready || enable) else $error("s_axis_tready while disabled");
      if (s_waiting_q && enable && enable_q) begin
        assert (s_axis_tready) else $error("s_axis_tready fell although no beat came");
      end
      // bus
      if (b_waiting_q) begin
        assert (s_axil_bvalid && s_axil_bresp == bresp_q) else $error("write response changed before it was taken");
      end
      if (r_waiting_q) begin
        assert (s_axil_rvalid && s_axil_rresp == rresp_q && s_axil_rdata == rdata_q)
        else $error("read response changed before it was taken");
      end
      // occupancy and counters
      assert (busy == (inside_q != '0)) else $error("Busy disagrees with the beats inside");
      assert (!(out_fire && inside_q == '0)) else $error("a beat came out of an empty unit");
      assert (!(in_fire && inside_q == 3'd7)) else $error("a beat entered a full unit");
      assert (beats_in == in_q) else $error("BeatsIn miscounts");
      assert (beats_out == out_q) else $error("BeatsOut miscounts");
      // configuration and beats never meet
      if (window_ren || window_wen || clear) begin
        assert (!enable && !busy) else $error("a window access met a beat");
      end
    end
  end

endmodule

bind quasim_top quasim_protocol_checker #(
  .LANES(LANES)
) u_protocol_checker (
  .*,
  .window_wen(window_wen != '0),
  .beats_in  (gen_counter[quasim_pkg::COUNTER_BEATS_IN].u_counter.count_q),
  .beats_out (gen_counter[quasim_pkg::COUNTER_BEATS_OUT].u_counter.count_q)
);
