// Bound to every quasim_regs: the register map, from the tables of quasim_map_pkg.
//
// A word that was taken is read back until another one is, and the fields show it; what the map refuses is refused and changes
// nothing. Windows answer from their base to their end.
// Deliberately absent: the bus (quasim_axil_checker), the memories behind the windows.
// Registered: the word expected in every register, the sticky bits, the clear.

module quasim_regs_checker #(
  parameter int Lanes       = 1,
  parameter int MaxChannels = 1,
  parameter int ConvBits    = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int MultBits    = quasim_pkg::MULT_BITS_DEFAULT,
  parameter int BiasBits    = quasim_pkg::BIAS_BITS_DEFAULT,
  parameter int Dataflows   = quasim_pkg::DATAFLOWS_DEFAULT,
  parameter int CellBits    = quasim_pkg::CELL_BITS_DEFAULT,
  parameter int NearBlocks  = quasim_pkg::NEAR_BLOCKS_DEFAULT,
  parameter int Folded      = quasim_pkg::FOLDED_DEFAULT
) (
  // [ports of quasim_regs: scripts/emit_spec.py]
  input logic                                     clk_i,
  input logic                                     rst_ni,
  input logic                                     idle_i,
  input logic                                     write_i,
  input logic [quasim_pkg::AXIL_ADDR_BITS-1:0]    waddr_i,
  input logic [quasim_pkg::AXIL_DATA_BITS-1:0]    wdata_i,
  input logic                                     write_okay_o,
  input logic                                     read_i,
  input logic [quasim_pkg::AXIL_ADDR_BITS-1:0]    raddr_i,
  input logic [quasim_pkg::AXIL_DATA_BITS-1:0]    read_data_o,
  input logic                                     read_okay_o,
  input logic [quasim_pkg::WINDOWS-1:0]           window_write_o,
  input logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] window_windex_o,
  input logic [quasim_pkg::WINDOWS-1:0]           window_read_o,
  input logic [quasim_pkg::WINDOW_INDEX_BITS-1:0] window_rindex_o,
  input logic [quasim_pkg::COUNTERS-1:0]          counter_read_o,
  input logic [quasim_pkg::COUNTERS*32-1:0]       counter_low_i,
  input logic [quasim_pkg::COUNTERS*32-1:0]       counter_high_i,
  input logic                                     control_enable_o,
  input logic                                     status_busy_i,
  input logic                                     status_mid_token_i,
  input logic                                     status_last_error_i,
  input logic                                     clear_counters_clear_o,
  input logic [15:0]                              channels_o,
  input logic [2:0]                               taps_o,
  input logic [MultBits-1:0]                      multiplier_o,
  input logic [5:0]                               requant_shift_o,
  input logic                                     requant_half_away_o,
  input logic [1:0]                               dataflow_select_o,
  input logic [5:0]                               dataflow_turn_o,
  // [end]
  input logic                                     config_error_i,
  input logic                                     last_error_i
);

  localparam int Registers = quasim_map_pkg::REGISTERS;
  localparam int Windows   = quasim_pkg::WINDOWS;

  logic [31:0]          word_q [Registers];
  logic [Registers-1:0] write_hit, read_hit, allowed, taken;
  logic [Windows-1:0]   write_window, read_window;
  logic                 legal, refused_enable;
  logic                 clear_q, config_error_q, last_error_q;
  logic [31:0]          expected_read;

  // ---- addresses ----
  always_comb begin
    for (int i = 0; i < Registers; i++) begin
      write_hit[i] = (32'(waddr_i) == quasim_map_pkg::register_offset(i));
      read_hit[i]  = (32'(raddr_i) == quasim_map_pkg::register_offset(i));
    end
    for (int i = 0; i < Windows; i++) begin
      write_window[i] = (32'(waddr_i) >= quasim_map_pkg::window_base(i)) & (32'(waddr_i) < quasim_map_pkg::window_base(i)
          + 32'(quasim_map_pkg::window_bytes(i, Lanes, MaxChannels, ConvBits,
              MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded)));
      read_window[i] = (32'(raddr_i) >= quasim_map_pkg::window_base(i)) & (32'(raddr_i) < quasim_map_pkg::window_base(i)
          + 32'(quasim_map_pkg::window_bytes(i, Lanes, MaxChannels, ConvBits,
              MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded)));
    end
  end

  // ---- what the map allows ----
  function automatic logic [31:0] field(input logic [31:0] word, input int lsb, input int width);
    field = (word >> lsb) & ((32'd1 << width) - 32'd1);
  endfunction

  always_comb begin
    legal = ((word_q[quasim_map_pkg::REGISTER_DATAFLOW] & 32'd3 & 32'(~Dataflows)) == '0);  // only what the unit has
    for (int i = 0; i < quasim_map_pkg::RANGES; i++) begin
      if (field(word_q[quasim_map_pkg::range_register(i)], quasim_map_pkg::range_lsb(i), quasim_map_pkg::range_width(i))
          < 32'(quasim_map_pkg::range_least(i))) legal = 1'b0;
      if (field(word_q[quasim_map_pkg::range_register(i)], quasim_map_pkg::range_lsb(i), quasim_map_pkg::range_width(i))
          > 32'(quasim_map_pkg::range_greatest(i, Lanes, MaxChannels, ConvBits,
              MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded))) legal = 1'b0;
    end
    for (int i = 0; i < Registers; i++) begin
      allowed[i] = (quasim_map_pkg::register_access(i) != quasim_map_pkg::ACCESS_RO)
                 & (idle_i | (quasim_map_pkg::register_always(i) == 1))
                 & ((wdata_i & ~quasim_map_pkg::register_mask(i, Lanes, MaxChannels, ConvBits,
                     MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded)) == '0);
    end
    taken          = write_hit & allowed & {Registers{write_i}};
    refused_enable = taken[quasim_map_pkg::REGISTER_CONTROL] & wdata_i[0] & ~legal;
    if (refused_enable) taken[quasim_map_pkg::REGISTER_CONTROL] = 1'b0;
  end

  // ---- what is expected ----
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int i = 0; i < Registers; i++) begin
        word_q[i] <= quasim_map_pkg::register_reset(i, Lanes, MaxChannels, ConvBits,
            MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded);
      end
      clear_q        <= 1'b0;
      config_error_q <= 1'b0;
      last_error_q   <= 1'b0;
    end else begin
      for (int i = 0; i < Registers; i++) begin
        if (taken[i] && quasim_map_pkg::register_access(i) == quasim_map_pkg::ACCESS_RW) word_q[i] <= wdata_i;
      end
      clear_q        <= taken[quasim_map_pkg::REGISTER_CLEAR_COUNTERS] & wdata_i[0];
      config_error_q <= (config_error_q | refused_enable) & ~clear_q;
      last_error_q   <= (last_error_q | status_last_error_i) & ~clear_q;
    end
  end

  always_comb begin
    expected_read = '0;
    for (int i = 0; i < Registers; i++) begin
      if (read_hit[i]) expected_read = word_q[i];
      if (read_hit[i] && quasim_map_pkg::register_counter(i) >= 0) begin
        if (quasim_map_pkg::register_is_high(i) == 1)
          expected_read = 32'(counter_high_i >> (32 * (quasim_map_pkg::register_counter(i) & 3)));
        else expected_read = 32'(counter_low_i >> (32 * (quasim_map_pkg::register_counter(i) & 3)));
      end
    end
    if (read_hit[quasim_map_pkg::REGISTER_STATUS]) expected_read = {28'd0, config_error_q, last_error_q, status_mid_token_i, status_busy_i};
  end

  always_ff @(posedge clk_i) begin
    assume (waddr_i[1:0] == '0 && raddr_i[1:0] == '0) else $error("an address is not that of a word");
    // every dataflow that the unit has can be enabled, and everything else can happen that the properties speak of
    cover (Dataflows == 2 || (control_enable_o && dataflow_select_o == 2'd1));
    cover (Dataflows == 1 || (control_enable_o && dataflow_select_o == 2'd2));
    cover (config_error_q);
    // answers
    assert (write_okay_o == ((taken != '0) | (write_i & idle_i & (write_window != '0))))
      else $error("registers: a write is taken or refused against the map");
    assert (read_okay_o == (read_hit != '0)) else $error("registers: a read is answered or refused against the map");
    assert (read_data_o == expected_read) else $error("registers: a read does not give what was written");
    // windows
    assert (window_write_o == (write_window & {Windows{write_i & idle_i}}))
      else $error("registers: a write reaches a window, or misses it, against the map");
    assert (window_read_o == read_window) else $error("registers: a read reaches a window, or misses it, against the map");
    for (int i = 0; i < Windows; i++) begin
      if (write_window[i]) begin
        assert (32'(window_windex_o) == ((32'(waddr_i) - quasim_map_pkg::window_base(i))
            >> ((quasim_map_pkg::window_unit_bytes(i) == 8) ? 3 : 2)))
        else $error("registers: a write reaches another unit of its window");
      end
      if (read_window[i]) begin
        assert (32'(window_rindex_o) == ((32'(raddr_i) - quasim_map_pkg::window_base(i))
            >> ((quasim_map_pkg::window_unit_bytes(i) == 8) ? 3 : 2)))
        else $error("registers: a read reaches another unit of its window");
      end
    end
    // fields show their register
    assert (32'(control_enable_o) == word_q[quasim_map_pkg::REGISTER_CONTROL])
      else $error("registers: Control.Enable is not what was written");
    assert (clear_counters_clear_o == clear_q) else $error("registers: ClearCounters clears without its write, or not with it");
    assert (32'(channels_o) == word_q[quasim_map_pkg::REGISTER_CHANNELS]) else $error("registers: Channels is not what was written");
    assert (32'(taps_o) == word_q[quasim_map_pkg::REGISTER_TAPS]) else $error("registers: Taps is not what was written");
    assert (32'(multiplier_o) == word_q[quasim_map_pkg::REGISTER_MULTIPLIER]) else $error("registers: Multiplier is not what was written");
    assert ({23'd0, requant_half_away_o, 2'd0, requant_shift_o} == word_q[quasim_map_pkg::REGISTER_REQUANT])
    else $error("registers: Requant is not what was written");
    assert ({18'd0, dataflow_turn_o, 6'd0, dataflow_select_o} == word_q[quasim_map_pkg::REGISTER_DATAFLOW])
    else $error("registers: Dataflow is not what was written");
    assert (config_error_i == config_error_q && last_error_i == last_error_q)
      else $error("registers: an error bit is set or cleared against the map");
    for (int i = 0; i < quasim_pkg::COUNTERS; i++) begin
      assert (counter_read_o[i] == (read_i & read_hit[quasim_map_pkg::REGISTER_BEATS_IN_LO + 2 * i]))
        else $error("registers: a counter is latched without a read of its low half");
    end
    for (int i = 0; i < Registers; i++) begin
      if (quasim_map_pkg::register_access(i) != quasim_map_pkg::ACCESS_RW) begin
        assert (word_q[i] == quasim_map_pkg::register_reset(i, Lanes, MaxChannels, ConvBits,
            MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded))
        else $error("registers: a word that nobody can write has changed");
      end
    end
  end

endmodule

bind quasim_regs quasim_regs_checker #(
  .Lanes(Lanes),
  .MaxChannels(MaxChannels),
  .ConvBits(ConvBits),
  .MultBits(MultBits),
  .BiasBits(BiasBits),
  .Dataflows(Dataflows),
  .CellBits(CellBits),
  .NearBlocks(NearBlocks),
  .Folded(Folded)
) u_checker (
  .*,
  .config_error_i(status_config_error_q),
  .last_error_i  (status_last_error_q)
);
