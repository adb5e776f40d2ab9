// Two-entry output FIFO that cuts the ready path: ready_o and every output come from registers.
//
// The older beat is always in the head entry, so that the outputs need no multiplexer. A push and a pop may meet in one
// cycle; one beat a cycle is sustained. Valid and payload hold until taken.
// Deliberately absent: a bypass; a beat spends at least one cycle here.
// Registered: all outputs (ready_o is the inverse of one flip-flop).

module quasim_spill #(
  parameter int Width = 8
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o,
  output logic             busy_o
);

  logic             head_valid_q, head_valid_d;
  logic             tail_valid_q, tail_valid_d;
  logic [Width-1:0] head_q;
  logic [Width-1:0] tail_q;
  logic             push, pop;
  logic             load_head, load_tail, advance;

  assign push = valid_i & ~tail_valid_q;
  assign pop  = head_valid_q & ready_i;

  // The head takes a new beat when it is empty or leaves in this cycle with nothing behind it.
  assign load_head = push & (~head_valid_q | pop);
  assign load_tail = push & head_valid_q & ~pop;
  assign advance   = pop & tail_valid_q;

  always_comb begin
    head_valid_d = head_valid_q;
    tail_valid_d = tail_valid_q;
    if (pop) head_valid_d = tail_valid_q;
    if (pop) tail_valid_d = 1'b0;
    if (load_head) head_valid_d = 1'b1;
    if (load_tail) tail_valid_d = 1'b1;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_valid_q <= 1'b0;
      tail_valid_q <= 1'b0;
    end else begin
      head_valid_q <= head_valid_d;
      tail_valid_q <= tail_valid_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (load_head) head_q <= data_i;
    else if (advance) head_q <= tail_q;
  end

  always_ff @(posedge clk_i) begin
    if (load_tail) tail_q <= data_i;
  end

  assign ready_o = ~tail_valid_q;
  assign valid_o = head_valid_q;
  assign data_o  = head_q;
  assign busy_o  = head_valid_q | tail_valid_q;

endmodule
