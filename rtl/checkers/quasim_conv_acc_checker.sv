// Bound to every quasim_conv_acc: the history that a beat meets is the last three samples of its channel; one channel group is watched.
//
// It is so under any stall, for beats of one group that follow one another and for beats far apart, and for what a window wrote.
// Deliberately absent: the sum (quasim_width_checker); histories that nobody wrote.
// Registered: the beat in fetch, the watched group's samples.

module quasim_conv_acc_checker #(
  parameter int AddrBits = 9
) (
  // [ports of quasim_conv_acc: scripts/emit_spec.py]
  input logic                               clk_i,
  input logic                               fetch_en_i,
  input logic [quasim_pkg::SAMPLE_BITS-1:0] x_i,
  input logic                               forward_i,
  input logic                               mem_ren_i,
  input logic [AddrBits-1:0]                mem_raddr_i,
  input logic                               acc_en_i,
  input logic                               fetch_first_i,
  input logic                               fetch_forward_i,
  input logic                               history_wen_i,
  input logic [AddrBits-1:0]                history_waddr_i,
  // [end]
  input logic [23:0]                        history_wdata_i,
  input logic [quasim_pkg::SAMPLE_BITS-1:0] x_q,
  input logic [23:0]                        history_i,
  input logic [23:0]                        stored_i,
  input logic [23:0]                        forward_q,
  // the memory's checker watches one group
  input logic [AddrBits-1:0]                group_i,
  input logic                               written_i,
  input logic [23:0]                        word_i
);

  logic                               fetch_valid_q, forwards_q, known_q, meets;
  logic [AddrBits-1:0]                fetch_group_q;
  logic [quasim_pkg::SAMPLE_BITS-1:0] sample_q;
  logic [23:0]                        samples_q, samples;

  initial begin
    fetch_valid_q = 1'b0;
    known_q       = 1'b0;
  end

  assign meets   = fetch_valid_q & (fetch_group_q == group_i);
  assign samples = fetch_first_i ? '0 : samples_q;

  always_ff @(posedge clk_i) begin
    if (fetch_en_i) begin
      fetch_valid_q <= 1'b1;
      fetch_group_q <= mem_raddr_i;
      forwards_q    <= forward_i;
      sample_q      <= x_i;
    end else if (acc_en_i || mem_ren_i || history_wen_i) begin  // after a reset no beat is left that a window could meet
      fetch_valid_q <= 1'b0;
    end
    if (acc_en_i && meets) begin
      samples_q <= {sample_q, samples[23:8]};
      known_q   <= known_q | fetch_first_i;
    end else if (history_wen_i && history_waddr_i == group_i) begin
      samples_q <= history_wdata_i;
      known_q   <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    // what the sequencer and the window give
    assume (!acc_en_i || (fetch_valid_q && history_waddr_i == fetch_group_q && fetch_forward_i == forwards_q))
    else $error("conv_acc: acc takes a beat that is not in fetch");
    assume (!fetch_en_i || mem_ren_i) else $error("conv_acc: a beat comes without its words");
    assume (!fetch_en_i || forward_i == (acc_en_i && history_waddr_i == mem_raddr_i)) else $error("conv_acc: forwarding is not told");
    assume (!history_wen_i || !(fetch_en_i || acc_en_i)) else $error("conv_acc: a window write meets a beat");
    // the samples
    if (acc_en_i) begin
      assert (x_q == sample_q) else $error("conv_acc: the sample is not the beat's");
    end
    if (acc_en_i && meets && (known_q || fetch_first_i)) begin
      assert (history_i == samples) else $error("conv_acc: the history is not the channel's last three samples");
    end
    // why: what lies in the memory, or was forwarded
    if (known_q) begin
      assert (written_i && word_i == samples_q) else $error("conv_acc: the stored history is not the channel's last three samples");
      if (meets) begin
        assert ((forwards_q ? forward_q : stored_i) == samples_q)
          else $error("conv_acc: the history in fetch is not the channel's last three samples");
      end
    end
    if (fetch_valid_q) begin
      assert (x_q == sample_q) else $error("conv_acc: the sample in fetch is not the beat's");
    end
    cover (acc_en_i && meets && known_q && fetch_forward_i && !fetch_first_i);
    cover (acc_en_i && meets && known_q && !fetch_forward_i && !fetch_first_i);
  end

endmodule

bind quasim_conv_acc quasim_conv_acc_checker #(
  .AddrBits(AddrBits)
) u_checker (
  .*,
  .history_wdata_i(wdata_i[23:0]),
  .history_i      (history),
  .stored_i       (history_rdata_o),
  .group_i        (u_history.u_any_place.value_q),
  .written_i      (u_history.u_checker.written),
  .word_i         (u_history.u_checker.word)
);
