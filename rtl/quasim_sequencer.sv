// Tokens and time: valid bits of the five elastic registers, their ready chain, and what travels beside the data
// (group, first, last, keep). The lanes hold the data and follow the *_en_o strobes.
//
// Deliberately absent: arithmetic and memories.
// Registered: every valid bit and tag. s_ready_o is a function of registers only: the enable bit, the five valid bits and
// the spill's occupancy; it depends on neither s_valid_i nor the output's ready.

module quasim_sequencer #(
  parameter int Lanes     = 16,
  parameter int GroupBits = 9
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  // configuration, constant while a beat is inside
  input  logic                 enable_i,
  input  logic                 clear_i,
  input  logic [GroupBits-1:0] last_group_i,
  input  logic [Lanes-1:0]     last_keep_i,
  // input stream
  input  logic                 s_valid_i,
  output logic                 s_ready_o,
  input  logic                 s_first_i,
  input  logic                 s_last_i,
  // spill
  output logic                 spill_valid_o,
  input  logic                 spill_ready_i,
  // strobes: the register is filled on the next edge
  output logic                 fetch_en_o,
  output logic                 acc_en_o,
  output logic                 product_en_o,
  output logic                 q_en_o,
  output logic                 out_en_o,
  // tags
  output logic [GroupBits-1:0] group_o,
  output logic                 forward_o,
  output logic                 fetch_first_o,
  output logic                 fetch_forward_o,
  output logic [GroupBits-1:0] fetch_group_o,
  output logic [Lanes-1:0]     q_keep_o,
  output logic [Lanes-1:0]     out_keep_o,
  output logic                 out_last_o,
  // status
  output logic                 busy_o,
  output logic                 mid_token_o,
  output logic                 last_error_o
);

  logic                 fetch_valid_q, acc_valid_q, product_valid_q, q_valid_q, out_valid_q;
  logic                 fetch_ready, acc_ready, product_ready, q_ready, out_ready;
  logic [GroupBits-1:0] group_q, group_d;
  logic                 first_q, first_d;
  logic                 is_last_group, is_mid_token;
  logic [Lanes-1:0]     keep;

  logic [GroupBits-1:0] fetch_group_q;
  logic                 fetch_first_q, fetch_forward_q;
  logic                 fetch_last_q, acc_last_q, product_last_q, q_last_q, out_last_q;
  logic [Lanes-1:0]     fetch_keep_q, acc_keep_q, product_keep_q, q_keep_q, out_keep_q;

  // ---- ready chain, from the output back to the input ----
  assign out_ready     = ~out_valid_q | spill_ready_i;
  assign q_ready       = ~q_valid_q | out_ready;
  assign product_ready = ~product_valid_q | q_ready;
  assign acc_ready     = ~acc_valid_q | product_ready;
  assign fetch_ready   = ~fetch_valid_q | acc_ready;
  assign s_ready_o     = enable_i & fetch_ready;

  assign fetch_en_o   = s_valid_i & s_ready_o;
  assign acc_en_o     = fetch_valid_q & acc_ready;
  assign product_en_o = acc_valid_q & product_ready;
  assign q_en_o       = product_valid_q & q_ready;
  assign out_en_o     = q_valid_q & out_ready;

  // ---- group counter and the tags of the beat on the input ----
  // At or above: a counter left in mid token by a layer with more groups still wraps inside the memories.
  assign is_last_group = (group_q >= last_group_i);
  assign is_mid_token  = (group_q != '0);
  assign first_d       = is_mid_token ? first_q : s_first_i;
  assign keep          = is_last_group ? last_keep_i : {Lanes{1'b1}};

  always_comb begin
    group_d = group_q;
    if (clear_i) group_d = '0;
    else if (fetch_en_o) group_d = is_last_group ? '0 : group_q + 1'b1;
  end

  // The history word of this group is being written on the edge that reads it.
  assign forward_o = acc_en_o & (group_q == fetch_group_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      fetch_valid_q   <= 1'b0;
      acc_valid_q     <= 1'b0;
      product_valid_q <= 1'b0;
      q_valid_q       <= 1'b0;
      out_valid_q     <= 1'b0;
      group_q         <= '0;
    end else begin
      fetch_valid_q   <= fetch_en_o   | (fetch_valid_q   & ~acc_ready);
      acc_valid_q     <= acc_en_o     | (acc_valid_q     & ~product_ready);
      product_valid_q <= product_en_o | (product_valid_q & ~q_ready);
      q_valid_q       <= q_en_o       | (q_valid_q       & ~out_ready);
      out_valid_q     <= out_en_o     | (out_valid_q     & ~spill_ready_i);
      group_q         <= group_d;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q         <= 1'b0;
      fetch_first_q   <= 1'b0;
      fetch_forward_q <= 1'b0;
      fetch_group_q   <= '0;
      fetch_last_q    <= 1'b0;
      fetch_keep_q    <= '0;
    end else if (fetch_en_o) begin
      first_q         <= first_d;
      fetch_first_q   <= first_d;
      fetch_forward_q <= forward_o;
      fetch_group_q   <= group_q;
      fetch_last_q    <= s_last_i;
      fetch_keep_q    <= keep;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      acc_last_q <= 1'b0;
      acc_keep_q <= '0;
    end else if (acc_en_o) begin
      acc_last_q <= fetch_last_q;
      acc_keep_q <= fetch_keep_q;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      product_last_q <= 1'b0;
      product_keep_q <= '0;
    end else if (product_en_o) begin
      product_last_q <= acc_last_q;
      product_keep_q <= acc_keep_q;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      q_last_q <= 1'b0;
      q_keep_q <= '0;
    end else if (q_en_o) begin
      q_last_q <= product_last_q;
      q_keep_q <= product_keep_q;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      out_last_q <= 1'b0;
      out_keep_q <= '0;
    end else if (out_en_o) begin
      out_last_q <= q_last_q;
      out_keep_q <= q_keep_q;
    end
  end

  assign spill_valid_o   = out_valid_q;
  assign group_o         = group_q;
  assign fetch_first_o   = fetch_first_q;
  assign fetch_forward_o = fetch_forward_q;
  assign fetch_group_o   = fetch_group_q;
  assign q_keep_o        = q_keep_q;
  assign out_keep_o      = out_keep_q;
  assign out_last_o      = out_last_q;
  assign busy_o          = fetch_valid_q | acc_valid_q | product_valid_q | q_valid_q | out_valid_q;
  assign mid_token_o     = is_mid_token;
  assign last_error_o    = fetch_en_o & s_last_i & ~is_last_group;

endmodule
