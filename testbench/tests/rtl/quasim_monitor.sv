// Watches every pin of quasim_top and compares every output with a behavioural model, in every cycle and in reset.
//
// The model is written from docs/microarchitecture.md: a bus with one access a direction, the register map as tables, memories,
// counters, five elastic places and a two-entry queue, and a formula a channel for the values. It shares nothing with the
// unit but quasim_map_pkg. A value that depends on a memory word that nobody wrote is not compared, but counted.
// The first difference stops the simulation with $fatal.

module quasim_monitor #(
  // [parameters of quasim_top: scripts/emit_spec.py]
  parameter int LANES       = quasim_pkg::LANES_DEFAULT,
  parameter int MaxChannels = quasim_pkg::MAX_CHANNELS_DEFAULT,
  parameter int ConvBits    = quasim_pkg::CONV_BITS_DEFAULT,
  parameter int MultBits    = quasim_pkg::MULT_BITS_DEFAULT,
  parameter int BiasBits    = quasim_pkg::BIAS_BITS_DEFAULT,
  parameter int Dataflows   = quasim_pkg::DATAFLOWS_DEFAULT,
  parameter int CellBits    = quasim_pkg::CELL_BITS_DEFAULT,
  parameter int NearBlocks  = quasim_pkg::NEAR_BLOCKS_DEFAULT,
  parameter int Folded      = quasim_pkg::FOLDED_DEFAULT
  // [end]
) (
  // [view of quasim_top: scripts/emit_spec.py]
  input logic               clk,
  input logic               rst_n,
  input logic [LANES*8-1:0] s_tdata,
  input logic               s_tvalid,
  input logic               s_tready,
  input logic [0:0]         s_tuser,
  input logic               s_tlast,
  input logic [LANES*8-1:0] m_tdata,
  input logic               m_tvalid,
  input logic               m_tready,
  input logic               m_tlast,
  input logic [LANES-1:0]   m_tkeep,
  input logic [19:0]        awaddr,
  input logic               awvalid,
  input logic               awready,
  input logic [31:0]        wdata,
  input logic [3:0]         wstrb,
  input logic               wvalid,
  input logic               wready,
  input logic [1:0]         bresp,
  input logic               bvalid,
  input logic               bready,
  input logic [19:0]        araddr,
  input logic               arvalid,
  input logic               arready,
  input logic [31:0]        rdata,
  input logic [1:0]         rresp,
  input logic               rvalid,
  input logic               rready
  // [end]
);

  import quasim_map_pkg::*;

  // What the register map is in a unit of these parameters.
  // [map of quasim_top: scripts/emit_spec.py]
  function automatic logic [31:0] unit_register_mask(input int index);
    unit_register_mask = register_mask(index, LANES, MaxChannels, ConvBits, MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded);
  endfunction
  function automatic logic [31:0] unit_register_reset(input int index);
    unit_register_reset = register_reset(index, LANES, MaxChannels, ConvBits, MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded);
  endfunction
  function automatic int unit_range_greatest(input int index);
    unit_range_greatest = range_greatest(index, LANES, MaxChannels, ConvBits, MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded);
  endfunction
  function automatic int unit_window_bytes(input int index);
    unit_window_bytes = window_bytes(index, LANES, MaxChannels, ConvBits, MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded);
  endfunction
  function automatic int unit_window_bits(input int index);
    unit_window_bits = window_bits(index, LANES, MaxChannels, ConvBits, MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded);
  endfunction
  // [end]

  localparam int Half      = 1 << (ConvBits - 1);   // q lies in -Half .. Half-1
  localparam int CellParts = 4194304 >> CellBits;   // positions of u that share a cell

  localparam int Counters = quasim_pkg::COUNTERS;
  localparam int Windows  = quasim_pkg::WINDOWS;
  localparam int Words    = (ConvBits < 8) ? 256 : 1 << ConvBits;
  localparam int Units    = (MaxChannels > Words) ? MaxChannels : Words;  // of any window, at most

  localparam logic [1:0] Okay = 2'b00, SlvErr = 2'b10;

  // ---- what was compared and seen ----
  integer checks = 0;      // comparisons
  integer beats = 0;       // output beats
  integer ties = 0;
  integer clamps = 0;
  integer fused = 0, near = 0, far = 0;  // live lanes in fused; by a near threshold, by a far one
  integer unknown = 0;     // output lanes that depend on what nobody wrote
  integer cycle = 0;
  integer resets = 0;
  integer writes_okay = 0, writes_refused = 0, reads_okay = 0, reads_refused = 0;

  // ---- functional coverage: how often each situation was met; report_bins() names them all, and which of them this unit can reach ----
  localparam int LongWait = 9, Waits = LongWait + 1;  // waits of 0 to 9 cycles, longer ones among the last
  localparam int OfRegister = 5, RegisterRead = 0, RegisterWritten = 1, RegisterRunning = 2, RegisterBits = 3, RegisterStrobe = 4;
  localparam int OfWindow = 7, WindowWritten = 0, WindowRead = 1, WindowWriteRunning = 2, WindowReadRunning = 3, WindowStrobe = 4, WindowFirst = 5,
                 WindowLast = 6;
  // The first bin of each kind; the next one begins where its bins end.
  localparam int BinRegister     = 0;
  localparam int BinWindow       = BinRegister + REGISTERS * OfRegister;
  localparam int BinBus          = BinWindow + Windows * OfWindow;
  localparam int BinAddressFirst = BinBus + 8;  // by the cycles between, as the three that follow
  localparam int BinDataFirst    = BinAddressFirst + Waits;
  localparam int BinWriteAnswer  = BinDataFirst + Waits;
  localparam int BinReadAnswer   = BinWriteAnswer + Waits;
  localparam int BinStatus       = BinReadAnswer + Waits;  // by the bit of Status
  localparam int BinControl      = BinStatus + 4;
  localparam int BinTie          = BinControl + 2;  // half away, negative, odd below
  localparam int BinClamp        = BinTie + 8;
  localparam int BinThreshold    = BinClamp + 7;  // far, at or above, past the turn
  localparam int BinEntry        = BinThreshold + 8;
  localparam int BinCell         = BinEntry + 256;
  localparam int BinNear         = BinCell + (1 << CellBits);
  localparam int BinFar          = BinNear + 8 * NearBlocks;
  localparam int BinPlace        = BinFar + 128;
  localparam int BinEdge         = BinPlace + 5;  // stalls at the unit's edges
  localparam int BinGroup        = BinEdge + 4;
  localparam int BinFirst        = BinGroup + 6;
  localparam int BinLast         = BinFirst + 3;
  localparam int BinHistory      = BinLast + 4;
  localparam int BinReset        = BinHistory + 2;  // by the beats inside
  localparam int BinResetRead    = BinReset + 8;
  localparam int BinResetWrite   = BinResetRead + 5;  // address held, data held; or the answer waits
  localparam int BinCarry        = BinResetWrite + 5;
  localparam int BinCountRead    = BinCarry + Counters;
  localparam int BinCountCleared = BinCountRead + Counters;
  localparam int Bins            = BinCountCleared + Counters;
  localparam int BusWriteUnmapped = BinBus, BusReadUnmapped = BinBus + 1, BusWriteUnaligned = BinBus + 2, BusReadUnaligned = BinBus + 3,
                 BusEnableRefused = BinBus + 4, BusBeside = BinBus + 5, BusSameWord = BinBus + 6, BusRefusedInStream = BinBus + 7;
  localparam int ClampQLow = BinClamp, ClampQHigh = BinClamp + 1, ClampOutLow = BinClamp + 2, ClampOutHigh = BinClamp + 3, ClampULow = BinClamp + 4,
                 ClampUInside = BinClamp + 5, ClampUHigh = BinClamp + 6;
  localparam int EdgeOne = BinEdge, EdgeTwo = BinEdge + 1, EdgeInput = BinEdge + 2, EdgeAbsent = BinEdge + 3;
  integer met [Bins];
  integer address_wait = 0, data_wait = 0, answer_wait = 0, read_wait = 0, computed_cycle = -1, computed_group = -1;

  function automatic void hit(input integer bin);
    met[bin] = met[bin] + 1;
  endfunction

  task automatic fail(input [80*8-1:0] what, input longint got, input longint want);
    begin
      $display("FAIL LANES=%0d time %0t: %0s: got %h, want %h", LANES, $time, what, got, want);
      $fatal(1);
    end
  endtask

  task automatic check(input [80*8-1:0] what, input longint got, input longint want);
    begin
      checks = checks + 1;
      if (got !== want) fail(what, got, want);
    end
  endtask

  // ---- bus ----
  logic        live = 1'b0;  // a clock edge has passed since reset
  logic        aw_held = 1'b0, w_held = 1'b0, b_waits = 1'b0;
  logic [19:0] aw_addr;
  logic [31:0] w_data;
  logic [3:0]  w_strb;
  logic [1:0]  b_resp;
  integer      read_phase = 0;  // 0: none, 1: decode, 2: access, 3: a memory answers, 4: the answer waits
  logic [19:0] ar_addr;
  logic [31:0] r_data;
  logic [1:0]  r_resp;
  logic        r_known;

  // ---- registers, counters, memories ----
  logic [31:0] stored [REGISTERS];
  logic        last_error = 1'b0, config_error = 1'b0, clearing = 1'b0;
  logic [63:0] count [Counters];
  logic [31:0] high [Counters];
  logic        count_known [Counters];
  logic        high_known [Counters];
  logic [63:0] memory [Windows*Units];
  logic        landing = 1'b0;  // a window write reaches its memory at the end of this cycle
  integer      landing_at;
  logic [63:0] landing_unit;
  logic [31:0] low_word = '0;

  // ---- pipeline: five elastic places and a queue of two ----
  localparam int Ring = 16;
  logic [4:0]         place = '0;  // bit 0 fetch ... bit 4 out
  integer             place_beat [5];
  integer             queued = 0, head = 0, tail = 0;
  integer             group = 0;
  logic               token_first = 1'b0;
  logic [LANES*8-1:0] beat_x [Ring];
  logic               beat_first [Ring];
  integer             beat_group [Ring];
  logic [LANES-1:0]   beat_keep [Ring];
  logic               beat_last [Ring];
  logic [LANES*8-1:0] beat_out [Ring];
  logic [LANES-1:0]   beat_unknown [Ring];
  integer             beat_sat_conv [Ring];
  integer             beat_sat_out [Ring];

  function automatic logic quo_was_odd(input longint p, input integer s);
    longint floor;
    begin
      floor = p >>> s;
      quo_was_odd = floor[0];
    end
  endfunction

  // Divides with a remainder in 0 .. 2^s-1 and decides on the remainder: no shortcut shared with the datapath.
  function automatic longint round_div(input longint p, input integer s, input logic half_away);
    longint d, quo, rem;
    begin
      d = 1;
      d = d << s;
      quo = p / d;
      rem = p - quo * d;
      if (rem < 0) begin
        rem = rem + d;
        quo = quo - 1;
      end
      if (2 * rem > d) quo = quo + 1;
      else if (2 * rem == d) begin
        if (half_away) quo = (p < 0) ? quo : quo + 1;
        else if ((quo % 2) != 0) quo = quo + 1;
        ties = ties + 1;
        hit(BinTie + {half_away, p < 0, quo_was_odd(p, s)});
      end
      round_div = quo;
    end
  endfunction

  // The values of one beat, and the history that it leaves: what happens when it moves from fetch to acc.
  task automatic compute(input integer beat);
    integer lane, c, k, slot, q, out, guess, rank, turn;
    longint u, threshold;
    logic [63:0] cell_word;
    longint acc, v, product, bias;
    logic [31:0] w;
    logic [23:0] history;
    logic [63:0] b, entry;
    logic [31:0] samples;  // byte n is the sample n time steps ago
    logic signed [7:0] w_byte, x_byte;
    begin
      slot = beat % Ring;
      beat_out[slot] = '0;
      beat_unknown[slot] = '0;
      beat_sat_conv[slot] = 0;
      beat_sat_out[slot] = 0;
      k = (computed_cycle == cycle - 1 && computed_group == beat_group[slot]) ? 1 : 0;
      hit(BinHistory + k);
      computed_cycle = cycle;
      computed_group = beat_group[slot];
      for (lane = 0; lane < LANES; lane = lane + 1) begin
        c = beat_group[slot] * LANES + lane;
        history = beat_first[slot] ? 24'd0 : memory[quasim_pkg::WINDOW_HISTORY*Units+c][23:0];
        samples = {history[7:0], history[15:8], history[23:16], beat_x[slot][lane*8+:8]};
        memory[quasim_pkg::WINDOW_HISTORY*Units+c] = {40'd0, samples[7:0], samples[15:8], samples[23:16]};
        if (beat_keep[slot][lane]) begin
          w = memory[quasim_pkg::WINDOW_WEIGHT*Units+c][31:0];
          b = memory[quasim_pkg::WINDOW_BIAS*Units+c];
          acc = 0;
          for (k = 0; k < stored[REGISTER_TAPS]; k = k + 1) begin
            w_byte = w[k*8+:8];
            x_byte = samples[(stored[REGISTER_TAPS]-1-k)*8+:8];
            acc = acc + w_byte * x_byte;
          end
          product = stored[REGISTER_MULTIPLIER];
          bias = b;
          v = product * acc + bias;
          cell_word = '0;
          if (stored[REGISTER_DATAFLOW][1:0] == 2) begin
            u = (v < 0) ? 0 : (v > 4194303) ? 4194303 : v;
            hit((v < 0) ? ClampULow : (v > 4194303) ? ClampUHigh : ClampUInside);
            hit(BinCell + u / CellParts);
            cell_word = memory[quasim_pkg::WINDOW_GUESS*Units+u/CellParts];
            // base and slope count half ranks, the slope over a whole cell of 32 parts
            guess = ((cell_word[8:0] + cell_word[14:9] * ((u % CellParts) / (CellParts / 32)) / 32) % 512) / 2;
            if (guess < 8 * NearBlocks) begin
              entry = memory[quasim_pkg::WINDOW_NEAR*Units+guess];
              threshold = entry[21:0];
              rank = guess + ((u >= threshold) ? 1 : 0);
              near = near + 1;
              hit(BinNear + guess);
            end else begin
              k = (guess + 128 - 8 * NearBlocks) % 128;
              entry = memory[quasim_pkg::WINDOW_TABLE*Units+k/2];
              threshold = entry[(k%2)*16+:16];
              // what 16 bits say of the distance
              rank = guess + (((u + 65536 - threshold) % 65536 < 32768) ? 1 : 0);
              far = far + 1;
              hit(BinFar + k);
            end
            turn = stored[REGISTER_DATAFLOW][13:8];
            x_byte = (rank <= turn) ? -rank : rank - 2 * turn;
            k = ((guess < 8 * NearBlocks) ? 0 : 4) + ((rank != guess) ? 2 : 0) + ((rank <= turn) ? 0 : 1);
            hit(BinThreshold + k);
            q = (u != v) ? 1 : 0;
            v = 0;
            fused = fused + 1;
          end else begin
            v = round_div(v, stored[REGISTER_REQUANT][5:0], stored[REGISTER_REQUANT][8]);
            q = (v >= Half) ? Half - 1 : (v < -Half) ? -Half : v;
            if (q != v) hit((v < 0) ? ClampQLow : ClampQHigh);
            if (ConvBits == 8) hit(BinEntry + q + Half);
            if (Folded == 1) begin
              k = ((q < 0) ? -q : q) % Half;
              entry = memory[quasim_pkg::WINDOW_TABLE*Units+k/8];
              x_byte = ((q < 0) ? 0 : q) - ((q == 0) ? 0 : int'({1'b0, entry[(k%8)*4+:4]}));
            end else begin
              entry = memory[quasim_pkg::WINDOW_TABLE*Units+(q+Half)/4];
              x_byte = entry[((q+Half)%4)*8+:8];
            end
          end
          out = x_byte;
          if (out == -128) hit(ClampOutLow);
          if (out == 127) hit(ClampOutHigh);
          if ((^{w, b, samples}) === 1'bx || (^entry[31:0]) === 1'bx || (^cell_word[14:0]) === 1'bx) begin
            beat_unknown[slot][lane] = 1'b1;
            unknown = unknown + 1;
          end else begin
            beat_out[slot][lane*8+:8] = out;
            if (q != v) beat_sat_conv[slot] = beat_sat_conv[slot] + 1;
            if (q != v) clamps = clamps + 1;
            if (out == 127 || out == -128) beat_sat_out[slot] = beat_sat_out[slot] + 1;
          end
        end
      end
    end
  endtask

  function automatic logic legal(input integer unused);
    integer i, value;
    begin
      legal = 1'b1;
      for (i = 0; i < RANGES; i = i + 1) begin
        value = (stored[range_register(i)] >> range_lsb(i)) & ((1 << range_width(i)) - 1);
        if (range_register(i) == REGISTER_DATAFLOW && (value & ~Dataflows) != 0) legal = 1'b0;  // a dataflow that the unit lacks
        if (value < range_least(i) || value > unit_range_greatest(i)) legal = 1'b0;
      end
    end
  endfunction

  // The register at an address, or -1; the window there, or -1.
  function automatic integer register_at(input logic [19:0] addr);
    integer i;
    begin
      register_at = -1;
      for (i = 0; i < REGISTERS; i = i + 1) if (register_offset(i) == {12'd0, addr[19:2], 2'b00}) register_at = i;
    end
  endfunction

  function automatic integer window_at(input logic [19:0] addr);
    integer i;
    begin
      window_at = -1;
      for (i = 0; i < Windows; i = i + 1)
        if (addr >= window_base(i) && addr < window_base(i) + unit_window_bytes(i)) window_at = i;
    end
  endfunction

  // A unit as its memory keeps it: bits beyond are dropped and read 0, or the sign.
  function automatic logic [63:0] kept(input integer window, input logic [63:0] unit);
    integer bits;
    logic [63:0] mask;
    begin
      bits = unit_window_bits(window);
      mask = (bits == 64) ? '1 : (64'd1 << bits) - 64'd1;
      kept = unit & mask;
      if (window_signed(window) != 0 && unit[bits-1] !== 1'b0) kept = kept | (~mask & {64{unit[bits-1]}});
    end
  endfunction

  // ---- one cycle, seen just before its end ----
  logic [4:0] can;
  logic       busy, idle, enable, in_fire, out_fire, is_last, counter_read [Counters];
  integer     i, number, window, unit;

  task automatic forget;
    begin
      aw_held = 1'b0;
      w_held = 1'b0;
      b_waits = 1'b0;
      read_phase = 0;
      live = 1'b0;
      landing = 1'b0;
      low_word = '0;
      last_error = 1'b0;
      config_error = 1'b0;
      clearing = 1'b0;
      place = '0;
      queued = 0;
      head = tail;
      group = 0;
      for (i = 0; i < REGISTERS; i = i + 1) stored[i] = unit_register_reset(i);
      for (i = 0; i < Counters; i = i + 1) begin
        count[i] = '0;
        high[i] = '0;
        count_known[i] = 1'b1;
        high_known[i] = 1'b1;
      end
    end
  endtask

  task automatic read_register;
    begin
      number = register_at(ar_addr);
      r_resp = Okay;
      r_known = 1'b1;
      r_data = '0;
      if (number < 0) hit(BusReadUnmapped);
      else hit(BinRegister + number * OfRegister + RegisterRead);
      if (number < 0) r_resp = SlvErr;
      else if (number == REGISTER_STATUS) begin
        r_data = {28'd0, config_error, last_error, group != 0, busy};
        for (i = 0; i < 4; i = i + 1) if (r_data[i]) hit(BinStatus + i);
      end else if (register_counter(number) >= 0) begin
        i = register_counter(number);
        if (register_is_high(number) != 0) begin
          r_data = high[i];
          r_known = high_known[i];
        end else begin
          r_data = count[i][31:0];
          r_known = count_known[i];
          counter_read[i] = 1'b1;
          hit(BinCountRead + i);
          if (clearing) hit(BinCountCleared + i);
        end
      end else if (register_access(number) != ACCESS_WO) r_data = stored[number];
    end
  endtask

  task automatic execute_write;
    logic [31:0] mask;
    begin
      number = register_at(aw_addr);
      window = window_at(aw_addr);
      b_resp = SlvErr;
      if (aw_addr[1:0] != 0) hit(BusWriteUnaligned);
      if (number < 0 && window < 0) hit(BusWriteUnmapped);
      if (number >= 0) begin
        mask = unit_register_mask(number);
        i = BinRegister + number * OfRegister;
        if (w_strb != 4'hF) hit(i + RegisterStrobe);
        else if (register_access(number) == ACCESS_RO || (w_data & ~mask) != 0) hit(i + RegisterBits);
        else if (!idle && register_always(number) == 0) hit(i + RegisterRunning);
        else hit(i + RegisterWritten);
      end
      if (window >= 0) begin
        i = BinWindow + window * OfWindow;
        if (w_strb != 4'hF) hit(i + WindowStrobe);
        else if (!idle) hit(i + WindowWriteRunning);
        else begin
          hit(i + WindowWritten);
          if (aw_addr - window_base(window) < 4) hit(i + WindowFirst);
          if (aw_addr - window_base(window) + 4 >= unit_window_bytes(window)) hit(i + WindowLast);
        end
      end
      if (w_strb == 4'hF && number >= 0) begin
        if (register_access(number) != ACCESS_RO && (idle || register_always(number) != 0) && (w_data & ~mask) == 0) begin
          if (number == REGISTER_CONTROL && w_data[0] && !legal(0)) begin
            config_error = 1'b1;
            hit(BusEnableRefused);
          end else begin
            b_resp = Okay;
            if (number == REGISTER_CONTROL && busy && w_data[0] != stored[number][0])
              hit(BinControl + w_data[0]);
            stored[number] = w_data;
            if (number == REGISTER_CLEAR_COUNTERS) clearing = w_data[0];
          end
        end
      end else if (w_strb == 4'hF && window >= 0 && idle) begin
        b_resp = Okay;
        unit = (aw_addr - window_base(window)) / window_unit_bytes(window);
        if (window_unit_bytes(window) == 8 && !aw_addr[2]) low_word = w_data;
        else begin
          landing = 1'b1;
          landing_at = window * Units + unit;
          landing_unit = kept(window, (window_unit_bytes(window) == 8) ? {w_data, low_word} : {32'd0, w_data});
        end
      end
      if (b_resp == Okay) writes_okay = writes_okay + 1;
      else writes_refused = writes_refused + 1;
    end
  endtask

  task automatic compare_outputs;
    begin
      check("s_axis_tready", s_tready, enable && can[0]);
      check("m_axis_tvalid", m_tvalid, queued > 0);
      check("s_axil_awready", awready, live && !aw_held);
      check("s_axil_wready", wready, live && !w_held);
      check("s_axil_bvalid", bvalid, b_waits);
      check("s_axil_arready", arready, live && read_phase == 0);
      check("s_axil_rvalid", rvalid, read_phase == 4);
      if (b_waits) check("s_axil_bresp", bresp, b_resp);
      if (read_phase == 4) begin
        check("s_axil_rresp", rresp, r_resp);
        checks = checks + 1;
        if (r_known && rdata !== r_data) fail("s_axil_rdata", rdata, r_data);
      end
      if (queued > 0) begin
        check("m_axis_tkeep", m_tkeep, beat_keep[head%Ring]);
        check("m_axis_tlast", m_tlast, beat_last[head%Ring]);
        for (i = 0; i < LANES; i = i + 1) begin
          checks = checks + 1;
          if (!beat_unknown[head%Ring][i] && m_tdata[i*8+:8] !== beat_out[head%Ring][i*8+:8])
            fail("m_axis_tdata", m_tdata[i*8+:8], beat_out[head%Ring][i*8+:8]);
        end
      end
    end
  endtask

  // The read looks at registers and memories as they are in its cycle, before anything of this cycle lands.
  task automatic step_read;
    begin
      case (read_phase)
        0: if (arvalid && live) begin
          ar_addr = araddr;
          read_phase = 1;
        end
        1: read_phase = 2;
        2: begin
          read_phase = 4;
          window = window_at(ar_addr);
          if (ar_addr[1:0] != 0) hit(BusReadUnaligned);
          if (window < 0) read_register();
          else if (idle) begin
            unit = (ar_addr - window_base(window)) / window_unit_bytes(window);
            r_resp = Okay;
            r_known = 1'b1;
            r_data = (window_unit_bytes(window) == 8 && ar_addr[2]) ? memory[window*Units+unit][63:32] : memory[window*Units+unit][31:0];
            read_phase = 3;
            if (landing) hit(BusBeside);
            if (landing && landing_at == window * Units + unit) hit(BusSameWord);
            hit(BinWindow + window * OfWindow + WindowRead);
          end else begin
            r_resp = SlvErr;
            r_known = 1'b1;
            r_data = '0;
            hit(BinWindow + window * OfWindow + WindowReadRunning);
            if (in_fire) hit(BusRefusedInStream);
          end
          if (r_resp == Okay) reads_okay = reads_okay + 1;
          else reads_refused = reads_refused + 1;
        end
        3: read_phase = 4;
        default: begin
          if (rready) begin
            hit(BinReadAnswer + read_wait);
            read_phase = 0;
            read_wait = 0;
          end else if (read_wait < LongWait) read_wait = read_wait + 1;
        end
      endcase
    end
  endtask

  task automatic step_counters;
    logic [63:0] count_was [Counters];
    begin
      for (i = 0; i < Counters; i = i + 1) begin
        if (clearing && !counter_read[i]) begin
          high[i] = '0;
          high_known[i] = 1'b1;
        end
        if (counter_read[i]) begin
          high[i] = count[i][63:32];
          high_known[i] = count_known[i];
        end
      end
      for (i = 0; i < Counters; i = i + 1) count_was[i] = count[i];
      count[quasim_pkg::COUNTER_BEATS_IN] = count[quasim_pkg::COUNTER_BEATS_IN] + in_fire;
      count[quasim_pkg::COUNTER_BEATS_OUT] = count[quasim_pkg::COUNTER_BEATS_OUT] + out_fire;
      if (place[3] && can[4]) begin
        count[quasim_pkg::COUNTER_SAT_CONV] = count[quasim_pkg::COUNTER_SAT_CONV] + beat_sat_conv[place_beat[3]%Ring];
        if (beat_unknown[place_beat[3]%Ring] != 0) count_known[quasim_pkg::COUNTER_SAT_CONV] = 1'b0;
      end
      if (place[4] && queued < 2) begin
        count[quasim_pkg::COUNTER_SAT_OUT] = count[quasim_pkg::COUNTER_SAT_OUT] + beat_sat_out[place_beat[4]%Ring];
        if (beat_unknown[place_beat[4]%Ring] != 0) count_known[quasim_pkg::COUNTER_SAT_OUT] = 1'b0;
      end
      for (i = 0; i < Counters; i = i + 1) if (count_was[i][32] !== count[i][32]) hit(BinCarry + i);
      if (clearing) begin
        for (i = 0; i < Counters; i = i + 1) begin
          count[i] = '0;
          count_known[i] = 1'b1;
        end
        last_error = 1'b0;
        config_error = 1'b0;
        group = 0;
      end
      clearing = 1'b0;
    end
  endtask

  task automatic step_pipeline;
    integer slot;
    logic room;
    begin
      room = (queued < 2);
      for (i = 0; i < 5; i = i + 1) if (place[i] && !can[i]) hit(BinPlace + i);
      if (queued > 0 && !m_tready) hit((queued == 1) ? EdgeOne : EdgeTwo);
      if (enable && s_tvalid && !can[0]) hit(EdgeInput);
      if (enable && !s_tvalid) hit(EdgeAbsent);
      if (out_fire) begin
        head = head + 1;
        queued = queued - 1;
        beats = beats + 1;
      end
      if (place[4] && room) begin
        queued = queued + 1;
        place[4] = 1'b0;
      end
      for (i = 3; i >= 0; i = i - 1) begin
        if (place[i] && can[i+1]) begin
          place[i+1] = 1'b1;
          place_beat[i+1] = place_beat[i];
          place[i] = 1'b0;
          if (i == 0) compute(place_beat[0]);
        end
      end
      if (in_fire) begin
        is_last = (group >= (stored[REGISTER_CHANNELS] - 1) / LANES);
        slot = tail % Ring;
        if (group == 0) token_first = s_tuser;
        beat_x[slot] = s_tdata;
        beat_first[slot] = token_first;
        beat_group[slot] = group;
        beat_last[slot] = s_tlast;
        for (i = 0; i < LANES; i = i + 1) beat_keep[slot][i] = !is_last || i <= (stored[REGISTER_CHANNELS] - 1) % LANES;
        if (s_tlast && !is_last) last_error = 1'b1;
        i = (group == 0 && is_last) ? 0 : is_last ? 2 : (group == 0) ? 4 : 5;
        if (i < 4 && !beat_keep[slot][LANES-1]) i = i + 1;
        hit(BinGroup + i);
        i = (group != 0) ? 2 : s_tuser ? 0 : 1;
        hit(BinFirst + i);
        i = (is_last ? 0 : 2) + (s_tlast ? 1 : 0);
        hit(BinLast + i);
        place[0] = 1'b1;
        place_beat[0] = tail;
        tail = tail + 1;
        group = is_last ? 0 : group + 1;
      end
    end
  endtask

  task automatic step_write;
    logic execute;
    begin
      execute = aw_held && w_held && !b_waits;
      if (awvalid && live && !aw_held) begin
        aw_addr = awaddr;
        aw_held = 1'b1;
      end
      if (wvalid && live && !w_held) begin
        w_data = wdata;
        w_strb = wstrb;
        w_held = 1'b1;
      end
      if (aw_held && !w_held && address_wait < LongWait) address_wait = address_wait + 1;
      if (w_held && !aw_held && data_wait < LongWait) data_wait = data_wait + 1;
      if (b_waits && bready) begin
        b_waits = 1'b0;
        hit(BinWriteAnswer + answer_wait);
        answer_wait = 0;
      end else if (b_waits && answer_wait < LongWait) answer_wait = answer_wait + 1;
      if (execute) begin
        execute_write();
        if (data_wait == 0) hit(BinAddressFirst + address_wait);
        else hit(BinDataFirst + data_wait);
        address_wait = 0;
        data_wait = 0;
        aw_held = 1'b0;
        w_held = 1'b0;
        b_waits = 1'b1;
      end
    end
  endtask

  always @(negedge clk) begin
    #4;
    record_pins();
    enable = stored[REGISTER_CONTROL][0];
    busy = (place != 0) || queued > 0;
    idle = !enable && !busy;
    can[4] = !place[4] || queued < 2;
    for (i = 3; i >= 0; i = i - 1) can[i] = !place[i] || can[i+1];
    if (!rst_n) begin
      if (live) begin
        resets = resets + 1;
        i = queued + place[0] + place[1] + place[2] + place[3] + place[4];
        hit(BinReset + i);
        hit(BinResetRead + read_phase);
        hit(BinResetWrite + {aw_held, w_held});
        if (b_waits) hit(BinResetWrite + 4);
        address_wait = 0;
        data_wait = 0;
        answer_wait = 0;
        read_wait = 0;
      end
      forget();
      enable = 1'b0;
      compare_outputs();
    end else begin
      compare_outputs();
      in_fire = s_tvalid && enable && can[0];
      out_fire = m_tready && queued > 0;
      for (i = 0; i < Counters; i = i + 1) counter_read[i] = 1'b0;
      step_read();
      if (landing) memory[landing_at] = landing_unit;
      landing = 1'b0;
      step_counters();
      step_pipeline();
      step_write();
      live = 1'b1;
    end
    cycle = cycle + 1;
  end

  // +pins=FILE: the unit's parameters, then every pin as it is at the end of each cycle, a line each, for a replay in another simulator.
  integer pins = 0;
  string  pins_file;
  // [told of quasim_top: scripts/emit_spec.py]
  task automatic tell_parameters(input integer file);
    $fdisplay(file, "parameters LANES=%0d MaxChannels=%0d ConvBits=%0d MultBits=%0d BiasBits=%0d Dataflows=%0d CellBits=%0d NearBlocks=%0d Folded=%0d",
              LANES, MaxChannels, ConvBits, MultBits, BiasBits, Dataflows, CellBits, NearBlocks, Folded);
  endtask
  // [end]
  initial
    if ($value$plusargs("pins=%s", pins_file)) begin
      pins = $fopen(pins_file, "w");
      tell_parameters(pins);
    end

  task automatic record_pins;
    if (pins != 0)
      $fdisplay(pins, "%b %h %h %h %h %h %b %h %b %h", {rst_n, s_tvalid, s_tuser, s_tlast, m_tready, awvalid, wvalid, bready, arvalid, rready}, s_tdata,
                awaddr, wdata, wstrb, araddr, {s_tready, m_tvalid, m_tlast, awready, wready, bvalid, bresp, arready, rvalid, rresp}, m_tdata, m_tkeep,
                (read_phase == 4 && !r_known) ? 32'bx : rdata);  // what depends on memory that nobody wrote is not known
  endtask

  task automatic record_counts;  // the bench has set the counters, which no pin does
    if (pins != 0) $fdisplay(pins, "counts %h %h %h %h", count[0], count[1], count[2], count[3]);
  endtask

  // Every bin that this unit can reach, a line each: BIN name count.
  task automatic say(input string name, input integer bin);
    $display("BIN %0s %0d", name, met[bin]);
  endtask

  task automatic say_each(input string name, input integer from, input integer bin, input integer number);  // from is the first one's number
    for (int n = 0; n < number; n = n + 1) say($sformatf("%0s.%0d", name, from + n), bin + n);
  endtask

  task automatic report_bins;
    integer n, first;
    string name;
    begin
      for (n = 0; n < REGISTERS; n = n + 1) begin
        first = BinRegister + n * OfRegister;
        name = $sformatf("register.0x%03h", register_offset(n));
        say({name, ".read"}, first + RegisterRead);
        if (register_access(n) != ACCESS_RO) say({name, ".written"}, first + RegisterWritten);
        if (register_access(n) != ACCESS_RO && register_always(n) == 0) say({name, ".refused_running"}, first + RegisterRunning);
        if (register_access(n) == ACCESS_RO || unit_register_mask(n) != -1) say({name, ".refused_bits"}, first + RegisterBits);
        say({name, ".partial_strobe"}, first + RegisterStrobe);
      end
      for (n = 0; n < Windows; n = n + 1)
        if (unit_window_bytes(n) > 0) begin
          first = BinWindow + n * OfWindow;
          name = $sformatf("window.0x%05h", window_base(n));
          say({name, ".written"}, first + WindowWritten);
          say({name, ".read"}, first + WindowRead);
          say({name, ".write_refused_running"}, first + WindowWriteRunning);
          say({name, ".read_refused_running"}, first + WindowReadRunning);
          say({name, ".partial_strobe"}, first + WindowStrobe);
          say({name, ".first_word"}, first + WindowFirst);
          say({name, ".last_word"}, first + WindowLast);
        end
      say("bus.unmapped_write", BusWriteUnmapped);
      say("bus.unmapped_read", BusReadUnmapped);
      say("bus.unaligned_write", BusWriteUnaligned);
      say("bus.unaligned_read", BusReadUnaligned);
      say("bus.enable_refused", BusEnableRefused);
      say("bus.read_beside_write", BusBeside);
      say("bus.read_beside_write_of_the_word", BusSameWord);
      say("bus.refused_in_a_stream", BusRefusedInStream);
      say_each("bus.address_first", 0, BinAddressFirst, Waits);
      say_each("bus.data_first", 1, BinDataFirst + 1, Waits - 1);
      say_each("bus.write_answer_waits", 0, BinWriteAnswer, Waits);
      say_each("bus.read_answer_waits", 0, BinReadAnswer, Waits);
      say("status.busy", BinStatus);
      say("status.mid_token", BinStatus + 1);
      say("status.last_error", BinStatus + 2);
      say("status.config_error", BinStatus + 3);
      say("control.disabled_with_beats", BinControl);
      say("control.enabled_with_beats", BinControl + 1);
      if ((Dataflows & 1) != 0) begin
        for (n = 0; n < 8; n = n + 1)
          say($sformatf("tie.%0s.%0s.%0s", (n >= 4) ? "half_away" : "half_even", (n % 4 >= 2) ? "negative" : "positive", (n % 2 == 1) ? "odd" : "even"),
              BinTie + n);
        say("clamp.q_low", ClampQLow);
        say("clamp.q_high", ClampQHigh);
        if (ConvBits == 8) say_each("table.entry", 0, BinEntry, 256);
      end
      say("clamp.out_low", ClampOutLow);
      say("clamp.out_high", ClampOutHigh);
      if ((Dataflows & 2) != 0) begin
        say("clamp.u_low", ClampULow);
        say("clamp.u_inside", ClampUInside);
        say("clamp.u_high", ClampUHigh);
        for (n = 0; n < 8; n = n + 1)
          say($sformatf("step.%0s.%0s.%0s", (n >= 4) ? "far" : "near", (n % 4 >= 2) ? "at_or_above" : "below", (n % 2 == 1) ? "rising" : "falling"),
              BinThreshold + n);
        say_each("step.cell", 0, BinCell, 1 << CellBits);
        say_each("step.near", 0, BinNear, 8 * NearBlocks);
        say_each("step.far", 0, BinFar, 128);
      end
      say_each("stall.place", 0, BinPlace, 5);
      say("stall.output_one_waits", EdgeOne);
      say("stall.output_two_wait", EdgeTwo);
      say("stall.input_waits", EdgeInput);
      say("stall.input_absent", EdgeAbsent);
      say("group.only.full", BinGroup);
      if (LANES > 1) say("group.only.partial", BinGroup + 1);
      say("group.last.full", BinGroup + 2);
      if (LANES > 1) say("group.last.partial", BinGroup + 3);
      say("group.first", BinGroup + 4);
      say("group.middle", BinGroup + 5);
      say("sequence.begins", BinFirst);
      say("sequence.continues", BinFirst + 1);
      say("sequence.later_group", BinFirst + 2);
      say("last.absent_at_end", BinLast);
      say("last.at_end", BinLast + 1);
      say("last.absent_before", BinLast + 2);
      say("last.wrong", BinLast + 3);
      say("history.stored", BinHistory);
      say("history.forwarded", BinHistory + 1);
      say_each("reset.beats_inside", 0, BinReset, 8);
      say_each("reset.read_phase", 0, BinResetRead, 5);
      say("reset.no_write_held", BinResetWrite);
      say("reset.data_held", BinResetWrite + 1);
      say("reset.address_held", BinResetWrite + 2);
      say("reset.both_held", BinResetWrite + 3);
      say("reset.answer_waits", BinResetWrite + 4);
      for (n = 0; n < Counters; n = n + 1) begin
        say($sformatf("counter.%0d.carry", n), BinCarry + n);
        say($sformatf("counter.%0d.read", n), BinCountRead + n);
        say($sformatf("counter.%0d.read_while_cleared", n), BinCountCleared + n);
      end
    end
  endtask

  // What nobody wrote is unknown where it is stored.
  initial begin
    for (i = 0; i < Bins; i = i + 1) met[i] = 0;
    forget();
    for (window = 0; window < Windows; window = window + 1)
      for (unit = 0; unit < Units; unit = unit + 1) memory[window*Units+unit] = kept(window, 'x);
  end

endmodule
