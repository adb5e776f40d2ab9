// The forms of rtl/asic against those of rtl, side by side. The former come with other_ before their names.
//
// quasim_dot4: every weight in every tap, with samples at their ends and random ones, the other three taps random. quasim_multiply_add: the ends of each operand
// with one another, then random ones, at several widths. quasim_table_read: every index of random tables of several shapes.
// Prints PASS with the number of comparisons; the first difference stops it with $fatal.

module quasim_multiply_add_pair #(
  parameter int MultBits = 24,
  parameter int BiasBits = 48,
  parameter int OutBits  = 49,
  parameter int Seed     = 1
);

  logic [MultBits-1:0]                    multiplier;
  logic signed [quasim_pkg::ACC_BITS-1:0] acc;
  logic signed [BiasBits-1:0]             bias;
  logic signed [OutBits-1:0]              plain, asic;
  integer                                 seed = Seed, checks = 0;

  quasim_multiply_add #(
    .MultBits(MultBits),
    .BiasBits(BiasBits),
    .OutBits(OutBits)
  ) u_plain (
    .multiplier_i(multiplier),
    .acc_i(acc),
    .bias_i(bias),
    .p_o(plain)
  );

  other_quasim_multiply_add #(
    .MultBits(MultBits),
    .BiasBits(BiasBits),
    .OutBits(OutBits)
  ) u_asic (
    .multiplier_i(multiplier),
    .acc_i(acc),
    .bias_i(bias),
    .p_o(asic)
  );

  task automatic compare;
    begin
      #1;
      checks = checks + 1;
      if (plain !== asic) begin
        $display("FAIL quasim_multiply_add MultBits=%0d: M %0d, acc %0d, B %0d: %0d in rtl, %0d in rtl/asic", MultBits, multiplier, acc, bias, plain, asic);
        $fatal(1);
      end
    end
  endtask

  task automatic run;
    integer m, a, b, n;
    begin
      for (m = 0; m < 4; m = m + 1)
        for (a = 0; a < 8; a = a + 1)
          for (b = 0; b < 4; b = b + 1) begin
            case (m)
              0: multiplier = '0;
              1: multiplier = '1;
              2: multiplier = 1;
              default: multiplier = $urandom(seed);
            endcase
            case (a)
              0: acc = 65536;
              1: acc = -65024;
              2: acc = 0;
              3: acc = -1;
              4: acc = 1;
              5: acc = 65535;
              6: acc = -2;
              default: acc = $signed($urandom(seed)) >>> 15;
            endcase
            case (b)
              0: bias = {1'b1, {(BiasBits-1){1'b0}}};
              1: bias = {1'b0, {(BiasBits-1){1'b1}}};
              2: bias = '0;
              default: bias = {$urandom(seed), $urandom(seed)};
            endcase
            compare();
          end
      for (n = 0; n < 2000; n = n + 1) begin
        multiplier = $urandom(seed);
        acc = $signed($urandom(seed)) >>> 15;  // 17 bits and a sign: -65536 to 65535
        bias = {$urandom(seed), $urandom(seed)};
        compare();
      end
    end
  endtask

endmodule

module quasim_asic_forms_tb;

  logic [31:0]                            weights, samples;
  logic signed [quasim_pkg::ACC_BITS-1:0] plain, asic;
  integer                                 seed = 1, checks = 0, tap, weight, n;

  quasim_dot4 u_plain (
    .weights_i(weights),
    .samples_i(samples),
    .acc_o(plain)
  );

  other_quasim_dot4 u_asic (
    .weights_i(weights),
    .samples_i(samples),
    .acc_o(asic)
  );

  quasim_multiply_add_pair u_default ();
  quasim_multiply_add_pair #(.MultBits(31), .BiasBits(48), .OutBits(49), .Seed(2)) u_widest ();
  quasim_multiply_add_pair #(.MultBits(2), .BiasBits(8), .OutBits(24), .Seed(3)) u_narrowest ();
  quasim_multiply_add_pair #(.MultBits(8), .BiasBits(23), .OutBits(26), .Seed(4)) u_of_fused ();
  quasim_table_read_pair u_rows ();
  quasim_table_read_pair #(.Rows(40), .Width(22), .Seed(2)) u_near ();
  quasim_table_read_pair #(.Rows(32), .Width(15), .Seed(3)) u_cells ();
  quasim_table_read_pair #(.Rows(2), .Width(16), .Seed(4)) u_smallest ();
  quasim_table_read_pair #(.Rows(128), .Width(4), .Seed(5)) u_folded ();
  quasim_table_read_pair #(.Rows(32), .Width(4), .Seed(6)) u_folded_less ();
  quasim_table_read_pair #(.Rows(2), .Width(4), .Seed(7)) u_folded_least ();

  initial begin
    u_rows.run();
    u_near.run();
    u_cells.run();
    u_smallest.run();
    u_folded.run();
    u_folded_less.run();
    u_folded_least.run();
    for (tap = 0; tap < 4; tap = tap + 1)
      for (weight = 0; weight < 256; weight = weight + 1)
        for (n = 0; n < 8; n = n + 1) begin
          weights = $urandom(seed);
          samples = $urandom(seed);
          weights[tap*8+:8] = weight;
          case (n)
            0: samples[tap*8+:8] = 8'h80;
            1: samples[tap*8+:8] = 8'h7F;
            2: samples[tap*8+:8] = 8'hFF;
            default: ;
          endcase
          #1;
          checks = checks + 1;
          if (plain !== asic) begin
            $display("FAIL quasim_dot4: w %h, x %h: %0d in rtl, %0d in rtl/asic", weights, samples, plain, asic);
            $fatal(1);
          end
        end
    weights = {4{8'h80}};
    samples = {4{8'h80}};
    #1;
    if (asic !== 65536) $fatal(1, "FAIL quasim_dot4: the largest sum");
    u_default.run();
    u_widest.run();
    u_narrowest.run();
    u_of_fused.run();
    checks = checks + 1 + u_default.checks + u_widest.checks + u_narrowest.checks + u_of_fused.checks + u_rows.checks + u_near.checks +
             u_cells.checks + u_smallest.checks + u_folded.checks + u_folded_less.checks + u_folded_least.checks;
    $display("PASS forms of rtl/asic equal those of rtl: %0d comparisons", checks);
    $finish;
  end

endmodule
