// The port between the bus and the memories behind its windows: one registered write request and one read request.
//
// A write names its window (wen_o, a bit each), the unit's number in it, and as a channel the group and lane of that number; the
// memory obeys on the next edge. Where a unit is a pair of words, the low word (wlow_o) waits here until the high one (wdata_o) is
// written; there is one place to wait for all windows. A read is presented for one cycle (ren_o) and answered in the next. Write and read have
// addresses of their own, so that neither disturbs the other when they meet.
// Deliberately absent: address decode (quasim_regs), the memories.
// Registered: every output but ren_o, which is masked by "disabled and empty" so that it can never meet a beat, and memory_word_o.

module quasim_window #(
  parameter int Lanes     = 16,
  parameter int GroupBits = 9,
  parameter int LaneBits  = 4
) (
  input  logic                                     clk_i,
  input  logic                                     rst_ni,
  input  logic                                     idle_i,
  // a write that executes in this cycle
  input  logic [quasim_pkg::WINDOWS-1:0]           write_i,
  input  logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] windex_i,
  input  logic                                     whigh_i,
  input  logic [31:0]                              wdata_i,
  // a read: decoded in one cycle, asked for in the next
  input  logic                                     decode_i,
  input  logic [quasim_pkg::WINDOWS-1:0]           read_i,
  input  logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] rindex_i,
  input  logic                                     rhigh_i,
  input  logic                                     access_i,
  output logic                                     read_memory_o,
  output logic [31:0]                              memory_word_o,
  // the memories
  output logic [quasim_pkg::WINDOWS-1:0]           wen_o,
  output logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] windex_o,
  output logic [GroupBits-1:0]                     wgroup_o,
  output logic [LaneBits-1:0]                      wlane_o,
  output logic [31:0]                              wdata_o,
  output logic [31:0]                              wlow_o,
  output logic                                     ren_o,
  output logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] rindex_o,
  output logic [GroupBits-1:0]                     rgroup_o,
  output logic [LaneBits-1:0]                      rlane_o,
  input  logic [quasim_pkg::WINDOWS*64-1:0]        rdata_i
);

  localparam int Windows   = quasim_pkg::WINDOWS;
  localparam int IndexBits = quasim_pkg::WINDOW_INDEX_BITS;

  localparam logic [IndexBits-1:0] LanesWord = IndexBits'(Lanes);

  // ---- write ----
  logic [Windows-1:0]   wen_q, wen_d;
  logic [IndexBits-1:0] windex_q;
  logic [GroupBits-1:0] wgroup_q;
  logic [LaneBits-1:0]  wlane_q;
  logic [31:0]          wdata_q, low_word_q;
  logic                 low_of_pair;

  assign low_of_pair = ((write_i & quasim_pkg::WINDOW_PAIRS) != '0) & ~whigh_i;
  assign wen_d       = low_of_pair ? '0 : write_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wen_q      <= '0;
      low_word_q <= '0;
    end else begin
      wen_q <= wen_d;
      if (low_of_pair) low_word_q <= wdata_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (wen_d != '0) begin
      windex_q <= windex_i;
      wgroup_q <= GroupBits'(windex_i / LanesWord);
      wlane_q  <= LaneBits'(windex_i % LanesWord);
      wdata_q  <= wdata_i;
    end
  end

  assign wen_o    = wen_q;
  assign windex_o = windex_q;
  assign wgroup_o = wgroup_q;
  assign wlane_o  = wlane_q;
  assign wdata_o  = wdata_q;
  assign wlow_o   = low_word_q;

  // ---- read ----
  logic [Windows-1:0]   read_q;
  logic [IndexBits-1:0] rindex_q;
  logic [GroupBits-1:0] rgroup_q;
  logic [LaneBits-1:0]  rlane_q;
  logic                 rhigh_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) read_q <= '0;
    else if (decode_i) read_q <= read_i;
  end

  always_ff @(posedge clk_i) begin
    if (decode_i) begin
      rindex_q <= rindex_i;
      rgroup_q <= GroupBits'(rindex_i / LanesWord);
      rlane_q  <= LaneBits'(rindex_i % LanesWord);
      rhigh_q  <= rhigh_i;
    end
  end

  assign read_memory_o = (read_q != '0);
  assign ren_o         = access_i & read_memory_o & idle_i;
  assign rindex_o      = rindex_q;
  assign rgroup_o      = rgroup_q;
  assign rlane_o       = rlane_q;

  always_comb begin
    memory_word_o = '0;
    for (int i = 0; i < Windows; i++) begin
      if (read_q[i]) memory_word_o = (quasim_pkg::WINDOW_PAIRS[i] & rhigh_q) ? rdata_i[i*64+32+:32] : rdata_i[i*64+:32];
    end
  end

endmodule
