// RTL = SystemC = expectation at widths other than the default's. Usage: UNIT [gtest options]; without UNIT
// it lists them.
#include <iostream>
#include <systemc>

#include "spec/error.hpp"
#include "tests/cosim/cosim_test_main.hpp"
#include "tests/cosim/random_layer.hpp"
#include "tests/cosim/widths/width_units.hpp"

namespace quasim::test {
namespace {

constexpr std::uint64_t kSeed = 20261122;
sc::PipelineConfig config;

TEST(widths, random_layers_equal_in_value_and_cycle) {
  std::cout << "seed " << kSeed << "\n";
  std::mt19937_64 random(kSeed);
  std::size_t at_lowest = 0, at_highest = 0, between = 0, fused = 0;
  for (const int channels : {1, 4, 5, config.max_channels})
    for (const int taps : {2, 3, 4})
      for (int trial = 0; trial < 100; ++trial) {
        const LayerProgram program = random_program(random, channels, taps, config);
        const auto input = random_input(random, 2, static_cast<std::size_t>(channels), 1 + random() % 40);
        const auto expected = expected_output(program, input);
        const auto result =
            stream(program, input, expected, {0.2, 0.3, static_cast<std::uint64_t>(random())});
        EXPECT_TRUE(agrees(result)) << channels << " channels, " << taps << " taps, trial " << trial;
        EXPECT_EQ(result.rtl_golden.compared, input.size());
        if (program.stage().is_fused()) {
          fused += expected.size();
          continue;
        }
        for (std::size_t i = 0; i < expected.size(); ++i) {
          at_lowest += expected.data()[i] == program.stage().silu_table.front();
          at_highest += expected.data()[i] == program.stage().silu_table.back();
          between += expected.data()[i] != program.stage().silu_table.front() &&
                     expected.data()[i] != program.stage().silu_table.back();
        }
      }
  if (config.fused) {
    EXPECT_GT(fused, 1000U);
  }
  if (!config.two_step) return;
  EXPECT_GT(at_lowest, 1000U);
  EXPECT_GT(at_highest, 1000U);
  EXPECT_GT(between, 1000U);
}

/// The widest numbers that the unit's registers hold, and one more.
TEST(widths, registers_hold_their_width_and_no_more) {
  std::mt19937_64 random(kSeed + 1);
  LayerProgram program = random_program(random, 5, 4, config);
  const auto input = random_input(random, 1, 5, 50);
  program.stage().multiplier = static_cast<std::uint32_t>((std::uint64_t{1} << config.mult_bits) - 1);
  program.bias_words = {spec::max_of_bits(config.bias_bits), spec::min_of_bits(config.bias_bits), 0, -1, 1};
  for (const int shift : {0, 1, 20, spec::kShiftMax}) {
    program.stage().shift_bits = program.stage().is_fused() ? 0 : shift;
    EXPECT_TRUE(agrees(stream(program, input, expected_output(program, input)))) << "shift " << shift;
  }
  if (config.bias_bits < spec::kBiasBitsMax) {
    LayerProgram wider = program;
    wider.bias_bits = spec::kBiasBitsMax;
    wider.bias_words[0] = spec::max_of_bits(config.bias_bits) + 1;
    EXPECT_THROW(testbench().load(wider), InputError);
  }
}

TEST(widths, programs_for_other_tables_are_refused) {
  std::mt19937_64 random(kSeed + 2);
  const auto refused = [](const LayerProgram& program) {
    EXPECT_THROW(testbench().load(program), InputError);
    count_compared(1);
  };
  sc::PipelineConfig other = config;
  other.conv_bits = config.conv_bits == spec::kConvBitsMax ? config.conv_bits - 1 : config.conv_bits + 1;
  refused(random_two_step_program(random, 4, 4, other));
  other = config;
  other.cell_bits = config.cell_bits == spec::kCellBitsMin ? spec::kCellBitsMax : spec::kCellBitsMin;
  refused(random_fused_program(random, 4, 4, other));
  other = config;
  other.near_rows = config.near_rows == spec::kNearBlockRows ? spec::kNearRowsMax : spec::kNearBlockRows;
  refused(random_fused_program(random, 4, 4, other));
  if (!config.fused) refused(random_fused_program(random, 4, 4, config));
  if (!config.two_step) refused(random_two_step_program(random, 4, 4, config));
  if (config.folded) {
    LayerProgram program = random_two_step_program(random, 4, 4, config);
    std::vector<std::int8_t>& table = program.stage().silu_table;
    const std::vector<std::int8_t> folds = table;
    for (std::size_t i = 0; i < table.size(); ++i) {  // each entry is bound to its opposite, or to a sign
      table[i] = static_cast<std::int8_t>(i == 0 ? 1 : table[i] + 1);
      refused(program);
      table = folds;
    }
    EXPECT_NO_THROW(testbench().load(program));
  }
}

}  // namespace
}  // namespace quasim::test

int sc_main(int argc, char** argv) {
  using namespace quasim;
  if (test::lists_tests(argc, argv)) return 0;
  if (argc >= 2)
    for (const cosim::WidthUnit& unit : cosim::width_units())
      if (unit.name == std::string(argv[1])) {
        test::config = unit.config;
        return test::run_all_tests(cosim::kWidthUnitLanes, unit.config,
                                   cosim::make_verilated_unit(unit.abi(), cosim::kWidthUnitLanes, {}));
      }
  for (const cosim::WidthUnit& unit : cosim::width_units()) std::cout << unit.name << "\n";
  return 2;
}
