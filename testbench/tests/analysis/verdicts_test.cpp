// Sentences about figures: that they say what the figures say.
#include "analysis/verdicts.hpp"

#include <gtest/gtest.h>

#include "analysis/layer_report.hpp"

namespace quasim::analysis {
namespace {

using Json = nlohmann::ordered_json;

SweepPoint point(int bits, const char* conv_rule, double sqnr_db) {
  SweepPoint made;
  made.conv_bits = bits;
  made.conv_rule = conv_rule;
  made.output_rule = "layer";
  made.sqnr_db = sqnr_db;
  return made;
}

TEST(verdicts, sweep_names_the_narrowest_width_that_is_as_good_as_the_best) {
  SweepResult result;
  EXPECT_EQ(verdict(result), "nothing was swept");
  result.points = {point(8, "layer", 30), point(8, "max", 31), point(9, "max", 34.6), point(10, "max", 35)};
  result.fused = {point(0, "none", 35.2)};
  EXPECT_EQ(
      verdict(result),
      "9 bits (s_c by max, s_y by layer) reach 34.6 dB, as good as the best, 10 bits (s_c by max, s_y by "
      "layer) with 35.0 dB; 8 bits (s_c by layer, s_y by layer) reach 30.0 dB; without the intermediate "
      "(fused) 35.2 dB");
  result.points[2].sqnr_db = 34.4;  // more than half a dB below the best
  EXPECT_EQ(
      verdict(result).rfind("10 bits (s_c by max, s_y by layer) reach 35.0 dB, the best of all points", 0),
      0U);
  SweepPoint refused = point(8, "max", 90);
  refused.refused = "no layer can be made of it";
  result.points.push_back(refused);
  result.fused.push_back(refused);
  EXPECT_EQ(verdict(result).find("90"), std::string::npos);
  result.points = {refused};
  EXPECT_EQ(verdict(result), "no row of the sweep can be applied");
  result.points = {point(8, "layer", INFINITY)};
  EXPECT_EQ(verdict(result).rfind("8 bits (s_c by layer, s_y by layer) reach unlimited, the best", 0), 0U);
}

StageOutliers stage(const char* name, bool clip, std::uint64_t nan) {
  StageOutliers made;
  made.distribution.tensor.name = name;
  made.distribution.summary.nan = nan;
  if (clip) made.distribution.clip = ClipSuggestion{3, 1.5, 0.01, false};
  return made;
}

TEST(verdicts, outliers_name_the_stages_to_clip_and_what_is_no_number) {
  LayerOutliers layer;
  layer.elements = 1000;
  layer.stages = {stage("conv1d_input", false, 0), stage("silu_raw", false, 0)};
  EXPECT_EQ(verdict(layer), "no stage needs clipping; the clamps change 0 % of the outputs");
  layer.stages = {stage("conv1d_raw", true, 0), stage("silu_raw", true, 3)};
  layer.conv_clamp = Clamped{1, 1};
  layer.output_clamp = {10, 0};
  EXPECT_EQ(
      verdict(layer),
      "NaN or infinity in silu_raw; clip conv1d_raw and silu_raw, whose maximum lies far beyond nearly all "
      "values; the clamps change 0.2 % of q and 1 % of the outputs");
}

Json report_layer_of(const char* name, const Json& certificate, const Json& cosim, double sqnr) {
  return {{"name", name},
          {"parameters", {{"dataflow", "two_step"}}},
          {"stages", {{{"name", "conv1d_raw"}}}},
          {"modes",
           {{"modes",
             {{{"mode", "baseline"}, {"dataflow", "two_step"}, {"ssm_against_fp32", {{"sqnr_db", sqnr}}}}}}}},
          {"maps", Json::array()},
          {"certificate", certificate},
          {"cosim", cosim}};
}

TEST(verdicts, report_says_first_whether_anything_differs) {
  const Json passed{{"passed", true}, {"points", 1000}}, failed{{"passed", false}, {"points", 1000}};
  const Json agrees{{"agrees", true}, {"compared", 3000}}, differs{{"agrees", false}, {"compared", 3000}};
  struct Row {
    std::vector<Json> certificates, cosims;
    const char* status;
    const char* headline;
    const char* among;
  };
  const Row rows[] = {{{passed, passed},
                       {agrees, agrees},
                       "good",
                       "2 layers: every one is proven and co-simulated, and nothing differs.",
                       "Proven for all 2 layers: the integer unit equals its reference on every input that "
                       "the weights allow (2,000 "
                       "points)."},
                      {{passed, nullptr},
                       {agrees, agrees},
                       "open",
                       "2 layers: nothing that was looked at differs, but not everything was looked at.",
                       "No certificate was given for b."},
                      {{passed, passed},
                       {nullptr, nullptr},
                       "open",
                       "2 layers: nothing that was looked at differs, but not everything was looked at.",
                       "No co-simulation was given."},
                      {{passed, failed},
                       {agrees, nullptr},
                       "bad",
                       "2 layers: something differs.",
                       "The certificate did not pass: the unit differs from its reference, or a difference "
                       "has no explanation, in b."},
                      {{passed, passed},
                       {differs, agrees},
                       "bad",
                       "2 layers: something differs.",
                       "RTL, SystemC model and golden do not agree in a."}};
  for (const Row& row : rows) {
    const Json summary = report_summary({report_layer_of("a", row.certificates[0], row.cosims[0], 30.0),
                                         report_layer_of("b", row.certificates[1], row.cosims[1], 28.0)});
    EXPECT_EQ(summary["status"], row.status);
    EXPECT_EQ(summary["sentences"][0], row.headline);
    const auto& sentences = summary["sentences"];
    EXPECT_NE(std::find(sentences.begin(), sentences.end(), row.among), sentences.end()) << summary.dump(1);
    EXPECT_EQ(
        sentences.back(),
        "Rounding to int8 leaves a signal-to-noise ratio of 28.0 dB to 30.0 dB against fp32, lowest in b.");
  }
}

TEST(verdicts, a_map_that_must_be_equal_and_is_not_is_a_difference) {
  const Json passed{{"passed", true}, {"points", 1000}}, agrees{{"agrees", true}, {"compared", 3000}};
  Json layer = report_layer_of("a", passed, agrees, 30.0);
  layer["maps"] = Json::array();
  layer["maps"].push_back({{"a", "fused"}, {"b", "two_step"}, {"compared", 5000}, {"differing", 70}});
  layer["maps"].push_back({{"a", "SystemC model"},
                           {"b", "GPU golden"},
                           {"compared", 5000},
                           {"differing", 0},
                           {kMustBeEqual, true}});
  EXPECT_EQ(report_summary(Json::array({layer}))["status"], "good");
  layer["maps"][1]["differing"] = 1234;
  const Json summary = report_summary(Json::array({layer}));
  EXPECT_EQ(summary["status"], "bad");
  EXPECT_EQ(summary["sentences"][0], "1 layer: something differs.");
  EXPECT_EQ(summary["sentences"][1], "SystemC model and GPU golden differ in 1,234 of 5,000 outputs of a.");
}

}  // namespace
}  // namespace quasim::analysis
