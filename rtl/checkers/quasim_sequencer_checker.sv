// Bound to every quasim_sequencer: beats are numbered as they come in; each leaves once, in order, with what belongs to it.
//
// Places are numbered from the input: fetch, acc, product, q, out. Every place holds the number of its beat, and the numbers from the
// output back to the input are those of the beats that came in and have not left: none is missing, doubled or out of order.
// Deliberately absent: the data, which follow the strobes in the lanes.
// Registered: the numbers, and group, first, last, keep and forwarding of every beat held as they were when it came.

module quasim_sequencer_checker #(
  parameter int Lanes     = 16,
  parameter int GroupBits = 9
) (
  // [ports of quasim_sequencer: scripts/emit_spec.py]
  input logic                 clk_i,
  input logic                 rst_ni,
  input logic                 enable_i,
  input logic                 clear_i,
  input logic [GroupBits-1:0] last_group_i,
  input logic [Lanes-1:0]     last_keep_i,
  input logic                 s_valid_i,
  input logic                 s_ready_o,
  input logic                 s_first_i,
  input logic                 s_last_i,
  input logic                 spill_valid_o,
  input logic                 spill_ready_i,
  input logic [GroupBits-1:0] group_o,
  input logic                 forward_o,
  input logic                 fetch_first_o,
  input logic                 fetch_forward_o,
  input logic [GroupBits-1:0] fetch_group_o,
  input logic [Lanes-1:0]     q_keep_o,
  input logic [Lanes-1:0]     out_keep_o,
  input logic                 out_last_o,
  input logic                 busy_o,
  input logic                 mid_token_o,
  input logic                 last_error_o,
  // [end]
  input logic [4:0]           enter_i,  // a strobe a place
  input logic [4:0]           valid_i,
  input logic [4:0]           last_i,
  input logic [Lanes*5-1:0]   keep_i
);

  localparam int Places   = 5;
  localparam int TagBits  = GroupBits + Lanes + 3;

  // what belongs to a beat
  logic [TagBits-1:0] tag_q [8];
  logic [2:0]         in_number_q, out_number_q;
  logic [2:0]         number_q [Places];
  logic [Places-1:0]  room;
  logic [2:0]         expected [Places];
  logic [2:0]         held;

  logic [GroupBits-1:0] position_q;
  logic                 token_first_q, first, last_group;
  logic [Lanes-1:0]     keep;
  logic                 leave;

  assign leave      = spill_valid_o & spill_ready_i;
  assign last_group = (position_q >= last_group_i);
  assign first      = (position_q == '0) ? s_first_i : token_first_q;
  assign keep       = last_group ? last_keep_i : {(Lanes < 1 ? 1 : Lanes){1'b1}};

  // From the output back: a place has room when it is empty or its beat moves on.
  always_comb begin
    held = '0;
    for (int i = Places - 1; i >= 0; i--) begin
      if (i == Places - 1) room[i] = ~valid_i[i] | spill_ready_i;
      else room[i] = ~valid_i[i] | room[(i + 1) % Places];
      expected[i] = out_number_q + held;
      if (valid_i[i]) held = held + 3'd1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      in_number_q  <= '0;
      out_number_q <= '0;
      position_q   <= '0;
    end else begin
      if (enter_i[0]) in_number_q <= in_number_q + 3'd1;
      if (leave) out_number_q <= out_number_q + 3'd1;
      if (clear_i) position_q <= '0;
      else if (enter_i[0]) position_q <= last_group ? '0 : position_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (enter_i[0]) begin
      tag_q[in_number_q] <= {forward_o, position_q, first, s_last_i, keep};
      number_q[0]        <= in_number_q;
    end
    for (int i = 1; i < Places; i++) begin
      if (enter_i[i]) number_q[i] <= number_q[i-1];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) token_first_q <= 1'b0;
    else if (enter_i[0]) token_first_q <= first;
  end

  always_ff @(posedge clk_i) begin
    cover (valid_i == '1 && mid_token_o && leave);
    // no beat lost, doubled or out of order
    assert (in_number_q == out_number_q + held) else $error("sequencer: a beat was lost or doubled");
    for (int i = 0; i < Places; i++) begin
      if (valid_i[i]) begin
        assert (number_q[i] == expected[i]) else $error("sequencer: beats out of order");
        assert (last_i[i] == tag_q[number_q[i]][Lanes]) else $error("sequencer: last is not the beat's");
        assert (keep_i[i*Lanes+:Lanes] == tag_q[number_q[i]][Lanes-1:0]) else $error("sequencer: keep is not the beat's");
      end
    end
    // elastic: a place takes a beat as soon as it has room, and only then
    assert (s_ready_o == (enable_i & room[0])) else $error("sequencer: ready is not 'enabled and there is room'");
    assert (enter_i[0] == (s_valid_i & s_ready_o)) else $error("sequencer: a beat enters that was not taken");
    for (int i = 1; i < Places; i++) begin
      assert (enter_i[i] == (valid_i[i-1] & room[i])) else $error("sequencer: a beat moves without room or waits with it");
    end
    assert (spill_valid_o == valid_i[Places-1]) else $error("sequencer: valid to the spill is not the out register's");
    // what is with a beat
    if (valid_i[0]) begin
      assert ({fetch_forward_o, fetch_group_o, fetch_first_o} == tag_q[number_q[0]][TagBits-1:Lanes+1])
      else $error("sequencer: group, first or forwarding in fetch is not the beat's");
    end
    if (valid_i[3]) begin
      assert (q_keep_o == tag_q[number_q[3]][Lanes-1:0]) else $error("sequencer: keep of q is not the beat's");
    end
    if (valid_i[4]) begin
      assert (out_keep_o == tag_q[number_q[4]][Lanes-1:0] && out_last_o == tag_q[number_q[4]][Lanes])
      else $error("sequencer: keep or last of out is not the beat's");
    end
    // groups
    assert (group_o == position_q) else $error("sequencer: the group counter does not count the beats of a time step");
    assert (forward_o == (enter_i[1] & (fetch_group_o == position_q))) else $error("sequencer: forwards where no history is being written");
    assert (mid_token_o == (position_q != '0)) else $error("sequencer: MidToken is wrong");
    assert (last_error_o == (enter_i[0] & s_last_i & ~last_group)) else $error("sequencer: LastError is wrong");
    assert (busy_o == (valid_i != '0)) else $error("sequencer: busy is not 'a beat is held'");
    assert (token_first_q == fetch_first_o) else $error("sequencer: first changes within a time step");
  end

endmodule

bind quasim_sequencer quasim_sequencer_checker #(
  .Lanes(Lanes),
  .GroupBits(GroupBits)
) u_checker (
  .*,
  .enter_i({out_en_o, q_en_o, product_en_o, acc_en_o, fetch_en_o}),
  .valid_i({out_valid_q, q_valid_q, product_valid_q, acc_valid_q, fetch_valid_q}),
  .last_i ({out_last_q, q_last_q, product_last_q, acc_last_q, fetch_last_q}),
  .keep_i ({out_keep_q, q_keep_q, product_keep_q, acc_keep_q, fetch_keep_q})
);
