// What the library computes, against integer arithmetic written down once more and against the committed
// golden.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "bindings/dpi/quasim_dpi.h"
#include "io/bundle.hpp"
#include "tests/dpi/program_file.hpp"
#include "types/beats.hpp"

namespace quasim {
namespace {

constexpr std::uint64_t kSeed = 20240711;

int opened(const std::string& path) {
  int handle = 0;
  EXPECT_EQ(quasim_dpi_open(path.c_str(), &handle), QUASIM_DPI_OK) << quasim_dpi_last_error();
  return handle;
}

/// Streams beats through quasim_dpi_beat and compares data and keep with the expectation.
std::size_t expect_beats(int handle, const TensorBCL<std::int8_t>& input,
                         const TensorBCL<std::int8_t>& expected, std::size_t lanes) {
  const BeatLayout layout(input.shape(), lanes);
  const std::vector<std::int8_t> in = to_beats(input, lanes), want = to_beats(expected, lanes);
  std::size_t compared = 0;
  for (std::size_t beat = 0; beat < layout.beats(); ++beat) {
    std::uint32_t tdata[QUASIM_DPI_BEAT_WORDS] = {}, out[QUASIM_DPI_BEAT_WORDS], keep[QUASIM_DPI_KEEP_WORDS];
    for (std::size_t i = 0; i < lanes; ++i)
      tdata[i / 4] |= std::uint32_t{static_cast<std::uint8_t>(in[beat * lanes + i])} << (8 * (i % 4));
    // Beyond group 0 the unit ignores tuser: hand it the opposite there.
    const bool group0 = beat % layout.groups() == 0;
    const unsigned char user = layout.is_first(beat) == group0 ? 1 : 0;
    EXPECT_EQ(quasim_dpi_beat(handle, static_cast<int>(lanes), tdata, user, out, keep), QUASIM_DPI_OK);
    for (std::size_t i = 0; i < QUASIM_DPI_LANES_MAX; ++i) {
      const auto got = static_cast<std::int8_t>(out[i / 4] >> (8 * (i % 4)));
      const bool live = i < layout.live_lanes(beat);
      EXPECT_EQ(got, live ? want[beat * lanes + i] : 0) << "beat " << beat << " lane " << i;
      EXPECT_EQ(keep[i / 32] >> (i % 32) & 1, live ? 1U : 0U) << "beat " << beat << " lane " << i;
      ++compared;
    }
  }
  return compared;
}

TEST(values, stages_are_integer_arithmetic) {
  std::mt19937_64 random(kSeed);
  std::size_t compared = 0;
  for (int taps = spec::kTapsMin; taps <= spec::kTapsMax; ++taps) {
    const test::ProgramFile file(random, 5, taps, true);
    const LayerProgram& program = file.program();
    const int handle = opened(file.path());
    for (int n = 0; n < 2000; ++n) {
      const int channel = n % 5;
      int x[spec::kTapsMax];
      std::int64_t want = 0;
      for (int j = 0; j < spec::kTapsMax; ++j) {
        x[j] = static_cast<int>(random() % 256) - 128;
        const int k = j - (spec::kTapsMax - taps);
        if (k >= 0) want += std::int64_t{program.weight.at(channel, k)} * x[j];
      }
      int acc = 0, q = 0, out = 0;
      long long p = 0;
      ASSERT_EQ(quasim_dpi_conv_acc(handle, channel, x[0], x[1], x[2], x[3], &acc), QUASIM_DPI_OK);
      ASSERT_EQ(quasim_dpi_requant_p(handle, channel, acc, &p), QUASIM_DPI_OK);
      ASSERT_EQ(quasim_dpi_requant_q(handle, p, &q), QUASIM_DPI_OK);
      ASSERT_EQ(quasim_dpi_silu(handle, q, &out), QUASIM_DPI_OK);
      const std::int64_t want_p = std::int64_t{program.stage().multiplier} * want +
                                  program.bias_words[static_cast<std::size_t>(channel)];
      const std::int64_t want_q =
          spec::clamp_bits(spec::round_shift(want_p, program.stage().shift_bits, program.stage().rounding),
                           program.stage().conv_bits);
      EXPECT_EQ(acc, want);
      EXPECT_EQ(p, want_p);
      EXPECT_EQ(q, want_q);
      EXPECT_EQ(out, program.stage().silu_entry(want_q));
      compared += 4;
    }
    EXPECT_EQ(quasim_dpi_close(handle), QUASIM_DPI_OK);
  }
  std::printf("%zu values compared\n", compared);
  EXPECT_GT(compared, 0U);
}

TEST(values, layers_beats_and_elements_agree) {
  std::mt19937_64 random(kSeed + 1);
  std::size_t compared = 0;
  for (int n = 0; n < 12; ++n) {
    const int channels = 1 + static_cast<int>(random() % 40), taps = 2 + n % 3;
    const std::size_t lanes = std::size_t{1} << (n % 8);
    const test::ProgramFile file(random, channels, taps);
    const TensorBCL<std::int8_t> input =
        test::random_input(random, 3, static_cast<std::size_t>(channels), 11);
    const TensorBCL<std::int8_t> expected = test::expected_output(file.program(), input);
    const int handle = opened(file.path());
    compared += expect_beats(handle, input, expected, lanes);

    TensorBCL<std::int8_t> output(input.shape());
    ASSERT_EQ(quasim_dpi_layer(handle, 3, 11, 1, input.data(), output.data()), QUASIM_DPI_OK);
    EXPECT_EQ(output, expected);
    compared += output.size();
    EXPECT_EQ(quasim_dpi_close(handle), QUASIM_DPI_OK);
  }
  std::printf("%zu values compared\n", compared);
  EXPECT_GT(compared, 0U);
}

TEST(values, history_continues_and_can_be_moved) {
  std::mt19937_64 random(kSeed + 2);
  const test::ProgramFile file(random, 3, 4);
  const TensorBCL<std::int8_t> input = test::random_input(random, 1, 3, 20);
  const TensorBCL<std::int8_t> expected = test::expected_output(file.program(), input);
  const TensorBCL<std::int8_t> head = test::slice_time(input, 0, 9), tail = test::slice_time(input, 9, 20);
  const int first = opened(file.path()), second = opened(file.path());
  std::vector<std::int8_t> out(head.size());
  ASSERT_EQ(quasim_dpi_layer(first, 1, 9, 1, head.data(), out.data()), QUASIM_DPI_OK);
  for (int channel = 0; channel < 3; ++channel) {
    int word = 0;
    ASSERT_EQ(quasim_dpi_read_history(first, channel, &word), QUASIM_DPI_OK);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(static_cast<std::int8_t>(word >> (8 * i)), input.at(0, channel, 6 + i));
    ASSERT_EQ(quasim_dpi_write_history(second, channel, word | 0x5A << 24), QUASIM_DPI_OK);
  }
  TensorBCL<std::int8_t> rest(tail.shape());
  ASSERT_EQ(quasim_dpi_layer(second, 1, 11, 0, tail.data(), rest.data()), QUASIM_DPI_OK);
  EXPECT_EQ(rest, test::slice_time(expected, 9, 20));
}

TEST(values, bundle_gives_its_golden) {
  const char* vectors = std::getenv("QUASIM_VECTORS");
  ASSERT_NE(vectors, nullptr);
  const std::string path = std::string(vectors) + "/bookmamba/layer00";
  const Bundle bundle = read_bundle(path);
  const auto golden = read_golden<std::int8_t>(bundle, Variant{}, "conv1d_output_int8");
  const TensorBCL<std::int8_t>& input = bundle.require_input();
  const int handle = opened(path);
  TensorBCL<std::int8_t> output(input.shape());
  ASSERT_EQ(quasim_dpi_layer(handle, static_cast<int>(input.extent<'B'>()),
                             static_cast<int>(input.extent<'L'>()), 1, input.data(), output.data()),
            QUASIM_DPI_OK);
  EXPECT_EQ(output, golden);
  std::printf("%zu values compared\n", output.size());
  EXPECT_GT(output.size(), 0U);
}

TEST(values, writes_describe_the_program) {
  std::mt19937_64 random(kSeed + 3);
  const test::ProgramFile file(random, 7, 3, true);
  const LayerProgram& program = file.program();
  const int handle = opened(file.path());
  int count = 0;
  ASSERT_EQ(quasim_dpi_write_count(handle, &count), QUASIM_DPI_OK);
  EXPECT_EQ(count, 7 + 4 * 7 + 256 / 4 + 1);
  std::map<std::uint32_t, std::uint32_t> unit;
  for (int i = 0; i < count; ++i) {
    int address = 0, data = 0;
    ASSERT_EQ(quasim_dpi_write_at(handle, i, &address, &data), QUASIM_DPI_OK);
    if (i == 0) {
      EXPECT_EQ(address, static_cast<int>(spec::kRegControl));
      EXPECT_EQ(data, 0);
    }
    unit[static_cast<std::uint32_t>(address)] = static_cast<std::uint32_t>(data);
  }
  EXPECT_EQ(unit[spec::kRegControl], 1U);
  EXPECT_EQ(unit[spec::kRegMultiplier], program.stage().multiplier);
  EXPECT_EQ(unit[spec::kRegRequant] & 63, static_cast<unsigned>(program.stage().shift_bits));
  EXPECT_EQ(unit[spec::kRegRequant] >> 8, program.stage().rounding == Rounding::kHalfAway ? 1U : 0U);
  for (std::uint32_t c = 0; c < 7; ++c) {
    for (std::uint32_t k = 0; k < 3; ++k)
      EXPECT_EQ(static_cast<std::int8_t>(unit[spec::kWeightBase + 4 * c] >> (8 * k)),
                program.weight.at(c, k));
    const std::uint64_t high = unit[spec::kBiasBase + 8 * c + 4], low = unit[spec::kBiasBase + 8 * c];
    EXPECT_EQ(static_cast<std::int64_t>(high << 32 | low), program.bias_words[c]);
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    EXPECT_EQ(static_cast<std::int8_t>(unit[spec::kTableBase + i / 4 * 4] >> (8 * (i % 4))),
              program.stage().silu_table[i]);
}

}  // namespace
}  // namespace quasim
