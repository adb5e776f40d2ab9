// Bound to every quasim_ram_1r1w: a word that was written is read until it is written again; one place of the memory is watched.
//
// A read on the edge of a write gets the word before it, and the output holds while no read comes.
// Deliberately absent: words that nobody wrote.
// Registered: the word expected at the place, and at the output.

module quasim_ram_checker #(
  parameter int Width    = 8,
  parameter int AddrBits = 1
) (
  // [ports of quasim_ram_1r1w: scripts/emit_spec.py]
  input logic                clk_i,
  input logic                wen_i,
  input logic [AddrBits-1:0] waddr_i,
  input logic [Width-1:0]    wdata_i,
  input logic                ren_i,
  input logic [AddrBits-1:0] raddr_i,
  input logic [Width-1:0]    rdata_o,
  // [end]
  input logic [AddrBits-1:0] place_i,
  input logic [Width-1:0]    word_i
);

  logic             written_q, read_q;
  logic [Width-1:0] word_q, read_word_q;

  // for the checkers above
  logic             written;
  logic [Width-1:0] word;

  assign written = written_q;
  assign word    = word_q;

  initial begin
    written_q = 1'b0;
    read_q    = 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (wen_i && waddr_i == place_i) begin
      written_q <= 1'b1;
      word_q    <= wdata_i;
    end
    if (ren_i) begin
      read_q      <= (raddr_i == place_i) & written_q;
      read_word_q <= word_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (written_q) assert (word_i == word_q) else $error("memory: a word changed that nobody wrote");
    if (read_q) assert (rdata_o == read_word_q) else $error("memory: a read does not give the word last written");
  end

endmodule

bind quasim_ram_1r1w quasim_any #(
  .Width(AddrBits)
) u_any_place (
  .clk_i(clk_i)
);

bind quasim_ram_1r1w quasim_ram_checker #(
  .Width(Width),
  .AddrBits(AddrBits)
) u_checker (
  .*,
  .place_i(u_any_place.value_q),
  .word_i (mem_q[u_any_place.value_q])
);
