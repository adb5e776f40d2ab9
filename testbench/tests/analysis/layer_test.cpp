// Modes, sweep and stages of whole layers, against plain recomputation and with planted faults.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "analysis/modes.hpp"
#include "analysis/report_page.hpp"
#include "analysis/sweep.hpp"
#include "io/outputs.hpp"
#include "reference/committed.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

constexpr unsigned kSeed = 99;

Bundle random_bundle() {
  std::mt19937 random(kSeed);
  const auto byte = [&] { return static_cast<std::int8_t>(random()); };
  Bundle bundle;
  bundle.layer.name = "random";
  bundle.layer.channels = 6;
  bundle.layer.taps = 4;
  bundle.layer.input_scale = 0.03F;
  bundle.layer.weight_scale = 0.004F;
  bundle.layer.bias_scale = 0.01F;
  bundle.layer.output_scale = 0.02F;
  bundle.weight = TensorCK<std::int8_t>({6, 4});
  for (std::size_t i = 0; i < bundle.weight.size(); ++i) bundle.weight.data()[i] = byte();
  for (int i = 0; i < 6; ++i) bundle.bias.push_back(byte());
  bundle.input = TensorBCL<std::int8_t>({2, 6, 300});
  for (std::size_t i = 0; i < bundle.input->size(); ++i) bundle.input->data()[i] = byte();
  return bundle;
}

TEST(modes, promise_and_error_figures) {
  const Bundle bundle = random_bundle();
  const ModesResult result = compare_modes(bundle);
  EXPECT_TRUE(result.promise_holds());
  ASSERT_EQ(result.rows.size(), 8U);
  const ModeOutput baseline = evaluate_mode(bundle, result.variants[0], OutputMode::kBaseline);
  const ModeOutput exact = evaluate_mode(bundle, result.variants[0], OutputMode::kFp32);
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < exact.ssm.size(); ++i) {
    const double want = exact.ssm.data()[i], have = static_cast<double>(baseline.ssm.data()[i]);
    signal += want * want;
    noise += (have - want) * (have - want);
  }
  ASSERT_GT(noise, 0.0);
  EXPECT_NEAR(result.rows[0].ssm.sqnr_db, 10 * std::log10(signal / noise), 1e-9);
  std::uint64_t differing = 0;
  for (const auto& row : result.fused_minus_two_step.rows()) differing += row.from == 0 ? 0 : row.count;
  EXPECT_GT(differing, 0U) << "two dataflows that agree everywhere would make this test empty";
}

TEST(modes, a_broken_promise_is_seen) {
  ModesResult result = compare_modes(random_bundle());
  for (ModeRow& row : result.rows)
    if (row.dataflow == Dataflow::kFused && row.mode == OutputMode::kFloatSimInt8)
      row.ssm_equals_baseline = false;
  EXPECT_FALSE(result.promise_holds());
}

TEST(sweep, the_layers_own_point_equals_the_baseline_mode) {
  const Bundle bundle = random_bundle();
  const SweepPlan plan{{8, 10},
                       {ScaleRule::parse("--scale", "layer"), ScaleRule::parse("--scale", "max")},
                       {ScaleRule::parse("--scale", "layer"), ScaleRule::parse("--scale", "p99")}};
  const SweepResult result = sweep(bundle, plan);
  ASSERT_EQ(result.points.size(), 8U);
  const ModesResult modes = compare_modes(bundle);
  const SweepPoint& own = result.points[0];
  EXPECT_EQ(own.conv_scale, static_cast<double>(bundle.layer.output_scale));
  EXPECT_NEAR(own.sqnr_db, modes.rows[0].ssm.sqnr_db, 0.01);  // fp32 there, double here
  EXPECT_NEAR(own.max_error, modes.rows[0].ssm.max_error, 1e-5);
  EXPECT_NEAR(own.conv_saturated,
              static_cast<double>(modes.conv_clamp.below + modes.conv_clamp.above) /
                  static_cast<double>(result.elements),
              1e-9);
  int pareto = 0;
  for (const SweepPoint& point : result.points) {
    bool beaten = false;
    for (const SweepPoint& other : result.points)
      beaten |= other.conv_bits <= point.conv_bits && other.rms_error < point.rms_error;
    EXPECT_FALSE(point.pareto && beaten);
    pareto += point.pareto ? 1 : 0;
  }
  EXPECT_GE(pareto, 1);
}

TEST(sweep, options_are_checked) {
  EXPECT_EQ(parse_conv_bits("8..12"), (std::vector<int>{8, 9, 10, 11, 12}));
  EXPECT_EQ(parse_conv_bits("8,12"), (std::vector<int>{8, 12}));
  for (const char* text : {"", "8..", "..8", "12..8", "1..8", "8..13", "8,", "eight", "8.5"})
    EXPECT_THROW(parse_conv_bits(text), InputError) << text;
  EXPECT_EQ(ScaleRule::parse("--scale", "p99.95").number, 99.95);
  EXPECT_EQ(ScaleRule::parse("--scale", "0.5").kind, ScaleRule::Kind::kNumber);
  for (const char* text : {"", "p", "p101", "p0", "pnan", "-1", "0", "nan", "inf", "maximum"}) {
    try {
      ScaleRule::parse("--scale", text);
      ADD_FAILURE() << text;
    } catch (const InputError& error) {
      EXPECT_EQ(std::string(error.what()).rfind("--scale: expected ", 0), 0U) << error.what();
    }
  }
}

TEST(sweep, rows_of_no_layer_are_refused) {
  Bundle bundle = random_bundle();
  const SweepPlan plan{
      {8}, {ScaleRule::parse("", "layer"), ScaleRule::parse("", "1e37")}, {ScaleRule::parse("", "layer")}};
  GroupedBundle whole{{}, {"random", 6, 4, {bundle.layer}, {}, {}}, bundle.weight, bundle.bias, bundle.input};
  const SweepResult silu = sweep(bundle, plan);
  EXPECT_EQ(silu.row(1).refused, "");
  EXPECT_NE(silu.row(2).refused.find("leave the range of fp32"), std::string::npos) << silu.row(2).refused;
  EXPECT_EQ(silu.row(3).refused, "");  // fused
  EXPECT_EQ(apply_row(whole, {silu}, 3).layer.groups.front().dataflow, Dataflow::kFused);
  EXPECT_THROW(apply_row(whole, {silu}, 2), InputError);
  bundle.layer.activation = whole.layer.groups.front().activation = Activation::kIdentity;
  const SweepResult identity = sweep(bundle, plan);
  EXPECT_EQ(identity.row(1).refused, "");
  EXPECT_NE(identity.row(3).refused.find("expected silu in dataflow fused"), std::string::npos);
  EXPECT_EQ(apply_row(whole, {identity}, 1).layer.groups.front().conv_bits, 8);
  EXPECT_THROW(apply_row(whole, {identity}, 3), InputError);
  EXPECT_FALSE(to_json(identity)["points"][0].contains("refused"));
  EXPECT_EQ(to_json(identity)["fused"][0]["refused"], identity.row(3).refused);
}

class TemporaryDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "quasim_analysis_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_;
};

using stages = TemporaryDirectory;

TEST_F(stages, golden_files_win_over_evaluation) {
  Bundle bundle = random_bundle();
  bundle.directory = directory_;
  write_bundle(bundle);
  const StageSet evaluated(bundle);
  EXPECT_EQ(evaluated.stage("conv1d_q").origin.substr(0, 8), "CPU twin");
  TensorBCL<std::int8_t> planted(bundle.input->shape());
  planted.at(1, 2, 3) = 42;
  write_npy(bundle.golden_directory(evaluated.variant()) / "conv1d_q.npy", planted);
  EXPECT_THROW(StageSet{bundle}, InputError);  // nothing says what it was made from
  nlohmann::ordered_json provenance{{"variant", evaluated.variant().to_string()}, {"device", "a GPU"}};
  provenance.update(provenance_of(read_grouped_bundle(directory_)));
  write_text_file(bundle.golden_directory(evaluated.variant()) / "provenance.json", provenance.dump());
  const StageSet mixed(bundle);
  EXPECT_EQ(mixed.stage("conv1d_q").origin, "golden/" + evaluated.variant().to_string());
  EXPECT_EQ(mixed.bytes("conv1d_q")[std::size_t{(1 * 6 + 2) * 300 + 3}], 42);
  EXPECT_EQ(mixed.stage("silu_raw").origin.substr(0, 8), "CPU twin");
  write_npy(bundle.golden_directory(evaluated.variant()) / "conv1d_q.npy", TensorBCL<std::int8_t>({1, 2, 3}));
  EXPECT_THROW(StageSet{bundle}, InputError);
  EXPECT_THROW(evaluated.stage("no_such_stage"), InputError);
  write_npy(bundle.golden_directory(evaluated.variant()) / "conv1d_q.npy", planted);
  bundle.layer.output_scale *= 2;
  write_bundle(bundle);
  EXPECT_THROW(StageSet{bundle}, InputError);  // stale
}

TEST_F(stages, sweep_names_what_is_not_finite) {
  Bundle bundle = random_bundle();
  bundle.directory = directory_;
  write_bundle(bundle);
  const SweepPlan plan{{8}, {ScaleRule::parse("", "layer")}, {ScaleRule::parse("", "layer")}};
  const StageSet evaluated(bundle);
  TensorBCL<float> raw(bundle.input->shape());
  const std::filesystem::path golden = bundle.golden_directory(evaluated.variant());
  nlohmann::ordered_json provenance{{"variant", evaluated.variant().to_string()}, {"device", "a GPU"}};
  provenance.update(provenance_of(read_grouped_bundle(directory_)));
  std::filesystem::create_directories(golden);
  write_text_file(golden / "provenance.json", provenance.dump());
  write_npy(golden / "conv1d_raw.npy", raw);
  EXPECT_EQ(sweep(bundle, plan).points.size(), 1U);
  const std::pair<float, const char*> bad[]{{std::numeric_limits<float>::quiet_NaN(), "nan"},
                                            {std::numeric_limits<float>::infinity(), "inf"},
                                            {-std::numeric_limits<float>::infinity(), "-inf"}};
  for (const auto& [value, word] : bad) {
    raw.at(1, 2, 3) = value;
    write_npy(golden / "conv1d_raw.npy", raw);
    try {
      sweep(bundle, plan);
      ADD_FAILURE() << word;
    } catch (const InputError& error) {
      EXPECT_EQ(std::string(error.what()),
                (golden / "conv1d_raw.npy").string() + ": [1, 2, 3]: expected finite numbers; got " + word);
    }
  }
}

TEST_F(stages, intermediates_are_saved_under_their_names) {
  const Bundle bundle = random_bundle();
  save_intermediates(bundle, directory_);
  TensorBCL<std::int8_t> q;
  read_npy(directory_ / "conv1d_q.npy", q);
  EXPECT_EQ(q.shape(), bundle.input->shape());
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_))
    files += entry.is_regular_file() ? 1U : 0U;
  EXPECT_EQ(files, 6U + 4U + 3U);  // stages, x_proj of each mode, ssm_input of three
}

using report = TemporaryDirectory;

TEST_F(report, data_cannot_leave_their_script_element) {
  write_text_file(directory_ / "chart.js", "/* library Chart.js */");
  write_text_file(directory_ / "licence", "a < b & c");
  const ChartLibrary library{directory_ / "chart.js", directory_ / "licence"};
  const std::string page = report_page({{"name", "</script><script>alert(1)</script>"}}, library);
  EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
  EXPECT_NE(page.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_NE(page.find("/* library Chart.js */"), std::string::npos);
  EXPECT_THROW(report_page({}, {directory_ / "missing.js", directory_ / "licence"}), InputError);
  write_text_file(directory_ / "chart.js", "Chart = '</script>'");
  EXPECT_THROW(report_page({}, library), InputError);
}

}  // namespace
}  // namespace quasim::analysis
