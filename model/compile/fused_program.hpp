// The program of the fused dataflow: for each bias value that occurs, the accumulators at which out changes.
// SiLU falls before it rises, so out is no function of one ascending threshold list; a list for each bias
// value is exact by construction.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "exact/steps.hpp"

namespace quasim::compile {

struct FusedProgram {
  std::string name;
  int taps = spec::kTapsMax;
  TensorCK<std::int8_t> weight;   ///< [C, K]
  std::vector<std::int8_t> bias;  ///< [C]; zeros where the layer has none
  exact::Domain domain;           ///< one slice for each bias value; the program says nothing beyond it
  exact::StepFunction out;        ///< one list of steps for each slice
  nlohmann::ordered_json compiled_from;  ///< target and hashes of what the program was compiled from
  nlohmann::ordered_json certificate;    ///< what was proven of it

  /// Throws InputError naming the first field that is out of range.
  void validate() const;
};

/// `out` of a target as a program. `domain` must have one slice for each bias value of the bundle, as
/// make_domain gives it.
FusedProgram compile_fused(const Bundle& bundle, const exact::Domain& domain, const exact::StepFunction& out);

/// Strict reader of `quasim.fused_program/1` JSON:
///   name, channels, taps, weight [C*K], bias [C], slices: [{bias, acc_min, acc_max, acc: [...], out:
///   [...]}], where out[i] holds from acc[i] on and acc[0] = acc_min.
FusedProgram read_fused_program(const std::filesystem::path& file);
/// The file as text; validated.
std::string fused_program_text(const FusedProgram& program);

/// Evaluates by looking up each accumulator among the steps of its bias value.
class FusedSource : public exact::PointSource {
 public:
  explicit FusedSource(const FusedProgram& program) : program_(program) {}
  bool has_q() const override { return false; }
  bool covers(const exact::Slice& slice) const override;
  void evaluate(const exact::Slice& slice, std::int32_t acc_first, std::size_t count, std::int16_t* q,
                std::int8_t* out) const override;

 private:
  const FusedProgram& program_;
};

}  // namespace quasim::compile
