// Bound to every quasim_window: which unit of which window a write or a read reaches, as products where the RTL divides.
//
// A write shows one cycle after it executed; of a pair the low word waits, however long, until a high one is written. A read is asked
// for only while no beat is inside.
// Deliberately absent: the memories (quasim_ram_checker and others), addresses (quasim_regs_checker).
// Registered: the write and the read under way, and the low word that waits.

module quasim_window_checker #(
  parameter int Lanes     = 16,
  parameter int GroupBits = 9,
  parameter int LaneBits  = 4
) (
  // [ports of quasim_window: scripts/emit_spec.py]
  input logic                                     clk_i,
  input logic                                     rst_ni,
  input logic                                     idle_i,
  input logic [quasim_pkg::WINDOWS-1:0]           write_i,
  input logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] windex_i,
  input logic                                     whigh_i,
  input logic [31:0]                              wdata_i,
  input logic                                     decode_i,
  input logic [quasim_pkg::WINDOWS-1:0]           read_i,
  input logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] rindex_i,
  input logic                                     rhigh_i,
  input logic                                     access_i,
  input logic                                     read_memory_o,
  input logic [31:0]                              memory_word_o,
  input logic [quasim_pkg::WINDOWS-1:0]           wen_o,
  input logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] windex_o,
  input logic [GroupBits-1:0]                     wgroup_o,
  input logic [LaneBits-1:0]                      wlane_o,
  input logic [31:0]                              wdata_o,
  input logic [31:0]                              wlow_o,
  input logic                                     ren_o,
  input logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] rindex_o,
  input logic [GroupBits-1:0]                     rgroup_o,
  input logic [LaneBits-1:0]                      rlane_o,
  input logic [quasim_pkg::WINDOWS*64-1:0]        rdata_i
  // [end]
);

  localparam int Windows   = quasim_pkg::WINDOWS;
  localparam int IndexBits = quasim_pkg::WINDOW_INDEX_BITS;

  logic [Windows-1:0]   write_q, read_q;
  logic [IndexBits-1:0] windex_q, rindex_q;
  logic [31:0]          wdata_q, low_q;
  logic                 rhigh_q, of_pair, decoded_q;

  assign of_pair = ((write_i & quasim_pkg::WINDOW_PAIRS) != '0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      write_q   <= '0;
      read_q    <= '0;
      low_q     <= '0;
      decoded_q <= 1'b0;
    end else begin
      write_q <= (of_pair && !whigh_i) ? '0 : write_i;
      if (of_pair && !whigh_i) low_q <= wdata_i;
      if (decode_i) begin
        read_q    <= read_i;
        decoded_q <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    windex_q <= windex_i;
    wdata_q  <= wdata_i;
    if (decode_i) begin
      rindex_q <= rindex_i;
      rhigh_q  <= rhigh_i;
    end
  end

  function automatic logic is_place(input logic [IndexBits-1:0] index, input logic [GroupBits-1:0] group, input logic [LaneBits-1:0] lane);
    is_place = (32'(group) * 32'(Lanes) + 32'(lane) == 32'(index)) & (32'(lane) < 32'(Lanes));
  endfunction

  always_ff @(posedge clk_i) begin
    assume ((write_i & (write_i - 1'b1)) == '0 && (read_i & (read_i - 1'b1)) == '0) else $error("an address is in two windows");
    assert (wen_o == write_q) else $error("window: a write is lost, early, late or to another window");
    if (write_q != '0) begin
      assert (windex_o == windex_q) else $error("window: a write to another unit");
      assert (wdata_o == wdata_q) else $error("window: a write of other data");
      if (32'(windex_q) < (32'(Lanes) << GroupBits)) begin
        assert (is_place(windex_q, wgroup_o, wlane_o)) else $error("window: a write to another channel");
      end
    end
    assert (wlow_o == low_q) else $error("window: the low word of a pair is not the one last written");
    assert (read_memory_o == (read_q != '0)) else $error("window: a read of a register taken for one of a window");
    assert (ren_o == (access_i & (read_q != '0) & idle_i)) else $error("window: a read is asked for that must not be, or not asked for");
    if (decoded_q) begin
      assert (rindex_o == rindex_q) else $error("window: a read of another unit");
      if (32'(rindex_q) < (32'(Lanes) << GroupBits)) begin
        assert (is_place(rindex_q, rgroup_o, rlane_o)) else $error("window: a read of another channel");
      end
    end
    for (int i = 0; i < Windows; i++) begin
      if (read_q == (Windows'(1) << i)) begin
        assert (memory_word_o == ((quasim_pkg::WINDOW_PAIRS[i] && rhigh_q) ? rdata_i[i*64+32+:32] : rdata_i[i*64+:32]))
        else $error("window: the word of another window, or the other half of a pair");
      end
    end
  end

endmodule

bind quasim_window quasim_window_checker #(
  .Lanes(Lanes),
  .GroupBits(GroupBits),
  .LaneBits(LaneBits)
) u_checker (
  .*
);
