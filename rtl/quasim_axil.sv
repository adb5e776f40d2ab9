// AXI4-Lite slave: the five channels. It knows no register; quasim_regs and quasim_window answer its requests.
//
// A write executes (write_o) in the cycle after the later of its address and data handshakes, unless the answer to the write
// before it still waits: then when that is gone. Its answer shows one cycle later. A write without all four byte strobes is
// not shown to anybody and answers SLVERR. A read is decoded (decode_o) in the cycle after its address handshake and asked for
// (access_o) in the next; its answer shows one cycle after that, or two where the word comes from a memory.
// The two low address bits are ignored: every address handed out ends in 00.
// Deliberately absent: protection bits, more than one access in flight a direction.
// Registered: every bus output. In reset no channel is ready and none is valid.

module quasim_axil (
  input  logic                                    clk_i,
  input  logic                                    rst_ni,
  // bus
  input  logic [quasim_pkg::AXIL_ADDR_BITS-1:0]   awaddr_i,
  input  logic                                    awvalid_i,
  output logic                                    awready_o,
  input  logic [quasim_pkg::AXIL_DATA_BITS-1:0]   wdata_i,
  input  logic [quasim_pkg::AXIL_DATA_BITS/8-1:0] wstrb_i,
  input  logic                                    wvalid_i,
  output logic                                    wready_o,
  output logic [1:0]                              bresp_o,
  output logic                                    bvalid_o,
  input  logic                                    bready_i,
  input  logic [quasim_pkg::AXIL_ADDR_BITS-1:0]   araddr_i,
  input  logic                                    arvalid_i,
  output logic                                    arready_o,
  output logic [quasim_pkg::AXIL_DATA_BITS-1:0]   rdata_o,
  output logic [1:0]                              rresp_o,
  output logic                                    rvalid_o,
  input  logic                                    rready_i,
  // a write that executes in this cycle, and whether it is taken; 0 while none executes
  output logic                                    write_o,
  output logic [quasim_pkg::AXIL_ADDR_BITS-1:0]   waddr_o,
  output logic [quasim_pkg::AXIL_DATA_BITS-1:0]   wdata_o,
  input  logic                                    write_okay_i,
  // a read: okay, memory and register word answer access_o in its cycle, the memory word comes in the next
  output logic [quasim_pkg::AXIL_ADDR_BITS-1:0]   raddr_o,
  output logic                                    decode_o,
  output logic                                    access_o,
  input  logic                                    read_okay_i,
  input  logic                                    read_memory_i,
  input  logic [quasim_pkg::AXIL_DATA_BITS-1:0]   register_word_i,
  input  logic [quasim_pkg::AXIL_DATA_BITS-1:0]   memory_word_i
);

  localparam int AddrBits = quasim_pkg::AXIL_ADDR_BITS;
  localparam int DataBits = quasim_pkg::AXIL_DATA_BITS;

  localparam logic [1:0] RespOkay   = 2'b00;
  localparam logic [1:0] RespSlvErr = 2'b10;

  // ---- write ----
  logic                  aw_ready_q, aw_full_q, aw_full_d, w_ready_q, w_full_q, w_full_d, b_valid_q, b_valid_d;
  logic                  aw_take, w_take, execute;
  logic [AddrBits-1:2]   aw_addr_q;
  logic [DataBits-1:0]   w_data_q;
  logic [DataBits/8-1:0] w_strb_q;
  logic [1:0]            b_resp_q;

  assign aw_take = awvalid_i & aw_ready_q;
  assign w_take  = wvalid_i & w_ready_q;
  assign execute = aw_full_q & w_full_q & ~b_valid_q;

  assign aw_full_d = (aw_full_q | aw_take) & ~execute;
  assign w_full_d  = (w_full_q | w_take) & ~execute;
  assign b_valid_d = execute | (b_valid_q & ~bready_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      aw_ready_q <= 1'b0;
      aw_full_q  <= 1'b0;
      w_ready_q  <= 1'b0;
      w_full_q   <= 1'b0;
      b_valid_q  <= 1'b0;
    end else begin
      aw_ready_q <= ~aw_full_d;
      aw_full_q  <= aw_full_d;
      w_ready_q  <= ~w_full_d;
      w_full_q   <= w_full_d;
      b_valid_q  <= b_valid_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (aw_take) aw_addr_q <= awaddr_i[AddrBits-1:2];
  end

  always_ff @(posedge clk_i) begin
    if (w_take) begin
      w_data_q <= wdata_i;
      w_strb_q <= wstrb_i;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) b_resp_q <= RespOkay;
    else if (execute) b_resp_q <= write_okay_i ? RespOkay : RespSlvErr;
  end

  assign write_o = execute & (w_strb_q == '1);
  assign waddr_o = {aw_addr_q, 2'b00};
  assign wdata_o = w_data_q;

  // ---- read ----
  typedef enum logic [2:0] {
    RdIdle,
    RdDecode,
    RdAccess,
    RdCapture,
    RdRespond
  } rd_state_e;

  rd_state_e           rd_state_q, rd_state_d;
  logic                ar_ready_q, ar_take;
  logic [AddrBits-1:2] ar_addr_q;
  logic                r_valid_q;
  logic [DataBits-1:0] r_data_q, r_data_d;
  logic [1:0]          r_resp_q, r_resp_d;

  assign ar_take = arvalid_i & ar_ready_q;

  always_comb begin
    rd_state_d = rd_state_q;
    r_data_d   = r_data_q;
    r_resp_d   = r_resp_q;
    case (rd_state_q)
      RdIdle: if (ar_take) rd_state_d = RdDecode;
      RdDecode: rd_state_d = RdAccess;
      RdAccess: begin
        rd_state_d = RdRespond;
        if (read_memory_i & read_okay_i) rd_state_d = RdCapture;
        r_data_d   = register_word_i;
        r_resp_d   = read_okay_i ? RespOkay : RespSlvErr;
      end
      RdCapture: begin
        rd_state_d = RdRespond;
        r_data_d   = memory_word_i;
      end
      RdRespond: if (rready_i) rd_state_d = RdIdle;
      default: rd_state_d = RdIdle;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rd_state_q <= RdIdle;
      ar_ready_q <= 1'b0;
      r_valid_q  <= 1'b0;
      r_data_q   <= '0;
      r_resp_q   <= RespOkay;
    end else begin
      rd_state_q <= rd_state_d;
      ar_ready_q <= (rd_state_d == RdIdle);
      r_valid_q  <= (rd_state_d == RdRespond);
      r_data_q   <= r_data_d;
      r_resp_q   <= r_resp_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ar_take) ar_addr_q <= araddr_i[AddrBits-1:2];
  end

  assign raddr_o  = {ar_addr_q, 2'b00};
  assign decode_o = (rd_state_q == RdDecode);
  assign access_o = (rd_state_q == RdAccess);

  // ---- outputs ----
  assign awready_o = aw_ready_q;
  assign wready_o  = w_ready_q;
  assign bvalid_o  = b_valid_q;
  assign bresp_o   = b_resp_q;
  assign arready_o = ar_ready_q;
  assign rvalid_o  = r_valid_q;
  assign rdata_o   = r_data_q;
  assign rresp_o   = r_resp_q;

endmodule
