// The line and the table that the GPU's fast kernels run on, without a GPU: found from the committed step
// functions of the real layers, then evaluated at every accumulator and bias, bit for bit as the kernels do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "exact/steps_file.hpp"
#include "lattice_fit.hpp"
#include "types/bundle.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

/// The entry at a position, plus the position's fraction: what lattice.cuh adds up.
std::uint32_t sum_at(const qg::LatticeFit& fit, std::int64_t position) {
  const std::int64_t bin =
      std::clamp<std::int64_t>(position >> 32, 0, static_cast<std::int64_t>(fit.entries.size()) - 1);
  return fit.entries[static_cast<std::size_t>(bin)] + (static_cast<std::uint32_t>(position) >> 16);
}

/// The output in such a sum. In a table without steps every entry's lower half is 0: the fraction cannot
/// carry, and byte 2 is the output.
int value_of(const qg::LatticeFit& fit, std::uint32_t sum) {
  return static_cast<std::int8_t>(fit.stepped ? (sum >> 24) ^ (sum >> 16) ^ 0x80U : sum >> 16);
}

std::int64_t position_of(const qg::LatticeFit& fit, std::size_t bias, std::int32_t acc) {
  return std::int64_t{fit.slope} * acc + fit.offset[bias];
}

int evaluate(const qg::LatticeFit& fit, std::size_t bias, std::int32_t acc) {
  return value_of(fit, sum_at(fit, position_of(fit, bias, acc)));
}

struct Golden {
  Bundle bundle;
  exact::Domain domain;
  exact::StageSteps steps;
  bool fused = false;
};

Golden golden_of(const fs::path& layer, const std::string& variant) {
  Golden golden;
  golden.bundle = read_bundle_without_input(layer);
  golden.fused = variant.rfind("fused", 0) == 0;
  golden.domain = exact::make_domain(exact::DomainKind::kFull, golden.bundle);
  golden.steps = exact::read_steps(layer / "golden" / variant / "steps.npz", golden.domain,
                                   golden.fused ? 0 : golden.bundle.layer.conv_bits);
  return golden;
}

std::vector<qg::LatticeStep> lattice_steps(const Golden& golden) {
  std::vector<qg::LatticeStep> steps;
  for (std::size_t s = 0; s < golden.domain.slices.size(); ++s) {
    const auto bias = static_cast<std::int16_t>(golden.domain.slices[s].bias);
    const exact::SliceSteps& out = golden.steps.out[s];
    const exact::SliceSteps& changes = golden.fused ? out : (*golden.steps.q)[s];
    for (std::size_t i = 1; i < changes.size(); ++i) {
      const std::int32_t acc = changes[i].acc;
      const auto q = [&](std::size_t k) {
        return golden.fused ? std::int16_t{0} : static_cast<std::int16_t>(changes[k].value);
      };
      steps.push_back({acc, bias, q(i - 1), q(i), static_cast<std::int8_t>(exact::value_at(out, acc - 1)),
                       static_cast<std::int8_t>(exact::value_at(out, acc))});
    }
  }
  return steps;
}

qg::LatticeFit fit_of(const Golden& golden) {
  const LayerParams& layer = golden.bundle.layer;
  qg::LatticeLine line{};
  line.s_wx = static_cast<double>(layer.weight_scale * layer.input_scale);
  for (int b = 0; b < qg::kBiases; ++b)
    line.bias_y[static_cast<std::size_t>(b)] =
        static_cast<double>(layer.bias_scale.value_or(0.0F) * static_cast<float>(b - 128));
  qg::BiasesUsed used;
  used.fill(1);
  if (golden.fused) return qg::fit_stepped(line, lattice_steps(golden), used);
  const int lowest = -(1 << (layer.conv_bits - 1));
  const float conv_scale = layer.conv_scale.value_or(layer.output_scale);
  return qg::fit_linear(line, static_cast<double>(conv_scale), lowest, 1 << layer.conv_bits,
                        lattice_steps(golden), used);
}

/// Points of the full domain at which the fit leaves the golden.
std::int64_t count_wrong(const Golden& golden, const qg::LatticeFit& fit) {
  std::int64_t wrong = 0;
  for (std::size_t s = 0; s < golden.domain.slices.size(); ++s) {
    const exact::Slice& slice = golden.domain.slices[s];
    const exact::SliceSteps& out = golden.steps.out[s];
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::int32_t end = i + 1 < out.size() ? out[i + 1].acc : slice.acc_max + 1;
      for (std::int32_t acc = out[i].acc; acc < end; ++acc)
        wrong += evaluate(fit, static_cast<std::size_t>(slice.bias + 128), acc) != out[i].value;
    }
  }
  return wrong;
}

const char* const kVariants[] = {"fused.seqlast.fast.half_away", "fused.seqlast.precise.half_away",
                                 "two_step.seqlast.precise.half_even", "two_step.seqlast.fast.half_even"};

TEST(golden_lattice, every_point_of_every_layer) {
  std::int64_t points = 0;
  int found = 0, layers = 0, without = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(QUASIM_VECTORS) / "bookmamba")) {
    if (!entry.is_directory()) continue;
    ++layers;
    for (const char* variant : kVariants) {
      const Golden golden = golden_of(entry.path(), variant);
      const qg::LatticeFit fit = fit_of(golden);
      if (!fit.found) {  // no one slope serves all bias values; a plan then uses a line with doubt
        ++without;
        std::cout << "no line for all bias values: " << entry.path().filename() << ' ' << variant << '\n';
        continue;
      }
      ++found;
      EXPECT_EQ(count_wrong(golden, fit), 0) << entry.path() << ' ' << variant;
      points += golden.domain.points();
    }
  }
  std::cout << found << " lines, " << points << " points\n";
  EXPECT_EQ(layers, 12);
  EXPECT_EQ(found + without, 4 * layers);
  EXPECT_LE(without, 2);
}

TEST(golden_lattice, a_fault_is_seen) {
  const Golden golden = golden_of(fs::path(QUASIM_VECTORS) / "bookmamba" / "layer00", kVariants[0]);
  const qg::LatticeFit fit = fit_of(golden);
  ASSERT_TRUE(fit.found);
  qg::LatticeFit broken = fit;
  broken.entries[broken.entries.size() / 2] += 1U << 16;  // one value
  EXPECT_GT(count_wrong(golden, broken), 0);
  broken = fit;
  for (std::uint32_t& e : broken.entries)
    if ((e & 0xFFFFU) > 300 && (e & 0xFFFFU) < 65000) e += 256;  // steps 1/256 bin too early
  EXPECT_GT(count_wrong(golden, broken), 0);
  broken = fit;
  broken.slope += broken.slope / 10000;
  EXPECT_GT(count_wrong(golden, broken), 0);
  broken = fit;
  for (std::int64_t& o : broken.offset) o += std::int64_t{1} << 26;  // 1/64 bin
  EXPECT_GT(count_wrong(golden, broken), 0);
}

/// A line that does not exist is refused: two steps at one place, a value that flickers, an empty list.
TEST(golden_lattice, impossible_fits_are_refused) {
  qg::LatticeLine line{};
  line.s_wx = 0.01;
  qg::BiasesUsed used{};
  used[128] = 1;
  EXPECT_FALSE(qg::fit_stepped(line, {}, used).found);
  EXPECT_FALSE(qg::fit_stepped(line, {{10, 0, 0, 0, 1, 3}}, used).found);
  EXPECT_FALSE(
      qg::fit_stepped(line, {{1000, 0, 0, 0, 1, 2}, {2000, 0, 0, 0, 2, 1}, {3000, 0, 0, 0, 1, 2}}, used)
          .found);
  EXPECT_TRUE(
      qg::fit_stepped(line, {{1000, 0, 0, 0, 1, 2}, {2000, 0, 0, 0, 2, 3}, {3000, 0, 0, 0, 3, 4}}, used)
          .found);
  qg::LatticeLine far_away = line;
  far_away.bias_y.fill(1e30);
  EXPECT_FALSE(
      qg::fit_stepped(far_away, {{1000, 0, 0, 0, 1, 2}, {2000, 0, 0, 0, 2, 3}, {3000, 0, 0, 0, 3, 4}}, used)
          .found);
  EXPECT_FALSE(qg::fit_linear(far_away, 0.5, -128, 256, {{10, 0, 1, 2, 1, 2}}, used).found);
  EXPECT_FALSE(qg::fit_linear(line, 1e-9, -128, 256, {{10, 0, 1, 2, 1, 2}}, used).found);
}

/// What biases of no channel would do does not count: neither steps that only they see nor impossible ones.
TEST(golden_lattice, unused_biases_do_not_count) {
  qg::LatticeLine line{};
  line.s_wx = 0.01;
  line.bias_y[200] = 5.0;
  qg::BiasesUsed used{};
  used[128] = 1;
  const qg::LatticeFit fit = qg::fit_stepped(line,
                                             {{1000, 0, 0, 0, 1, 2},
                                              {2000, 0, 0, 0, 2, 3},
                                              {500, 72, 0, 0, 1, 2},
                                              {9000, 72, 0, 0, 50, 51},
                                              {9100, 72, 0, 0, 51, 90}},
                                             used);
  ASSERT_TRUE(fit.found);
  for (std::int32_t acc = 0; acc < 4000; ++acc)
    ASSERT_EQ(evaluate(fit, 128, acc), acc < 1000 ? 1 : acc < 2000 ? 2 : 3) << acc;
}

/// Tap-wise: the lattice may say nothing within the doubt, and must be right everywhere else, for a y
/// anywhere within farthest_y of the line.
TEST(golden_lattice, doubt_covers_every_step) {
  std::vector<qg::TailThreshold> thresholds;
  for (int i = 0; i < 100; ++i) {
    const double y = 0.05 * (i + 0.37) + (i % 3) * 1e-6;
    thresholds.push_back({y - 2e-7, y, i, i + 1});
  }
  qg::LatticeLine line{};
  line.s_wx = 5e-4;
  for (int b = 0; b < qg::kBiases; ++b) line.bias_y[static_cast<std::size_t>(b)] = 0.003 * (b - 128);
  const double farthest = 7e-6;
  const qg::TapFit made = qg::fit_taps_stepped(line, thresholds, farthest);
  ASSERT_TRUE(made.fit.found);
  const auto doubt = static_cast<std::int64_t>(std::ceil((made.slack + farthest / made.width) * 65536.0)) + 1;
  std::int64_t doubted = 0, sure = 0;
  for (int b = 0; b < qg::kBiases; b += 5)
    for (std::int32_t acc = -65536; acc <= 65536; acc += 3) {
      const double y = line.s_wx * acc + line.bias_y[static_cast<std::size_t>(b)];
      const std::uint32_t sum =
          sum_at(made.fit, position_of(made.fit, static_cast<std::size_t>(b), acc) + (doubt << 16));
      if ((sum & 0xFFFFU) < static_cast<std::uint32_t>(2 * doubt)) {
        ++doubted;
        continue;
      }
      ++sure;
      const int value = value_of(made.fit, sum);
      for (const double off : {-farthest, 0.0, farthest}) {
        int expected = 0;
        for (const qg::TailThreshold& t : thresholds)
          if (y + off >= t.first_after) expected = t.after;
        ASSERT_EQ(value, expected) << "bias " << b - 128 << " acc " << acc;
      }
    }
  EXPECT_GT(doubted, 0);
  EXPECT_GT(sure, 100 * doubted);
}

}  // namespace
}  // namespace quasim
