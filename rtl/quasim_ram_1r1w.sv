// One-read, one-write memory with a synchronous read.
//
// rdata_o holds while ren_i is low. A read of the address that is written on the same edge returns the old word; callers
// that need the new one forward it themselves.
// Deliberately absent: reset of the array or of the read register, byte enables, a second clock.
// Registered: rdata_o.

module quasim_ram_1r1w #(
  parameter int Width    = 8,
  parameter int Depth    = 2,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                clk_i,
  input  logic                wen_i,
  input  logic [AddrBits-1:0] waddr_i,
  input  logic [Width-1:0]    wdata_i,
  input  logic                ren_i,
  input  logic [AddrBits-1:0] raddr_i,
  output logic [Width-1:0]    rdata_o
);

  logic [Width-1:0] mem_q [Depth];
  logic [Width-1:0] rdata_q;

  always_ff @(posedge clk_i) begin
    if (wen_i) mem_q[waddr_i] <= wdata_i;
  end

  always_ff @(posedge clk_i) begin
    if (ren_i) rdata_q <= mem_q[raddr_i];
  end

  assign rdata_o = rdata_q;

endmodule
