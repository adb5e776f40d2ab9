#include "tests/fuzz/targets.hpp"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "analysis/documents.hpp"
#include "exact/steps_file.hpp"
#include "io/bundle.hpp"
#include "io/npz.hpp"
#include "io/program_file.hpp"
#include "kit/manifest.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/stored_zip.hpp"

namespace quasim::fuzz {
namespace {

void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error("accepted, but " + what);
}

/// The path under which the readers find `bytes`.
const std::string& file_of(std::string_view bytes) {
  static MemoryFile file;
  file.set(bytes);
  return file.path();
}

/// A directory in which the file `name` holds `bytes`.
const std::string& directory_of(std::string_view bytes, const std::string& name) {
  static const TemporaryDirectory directory;
  const std::filesystem::path link = std::filesystem::path(directory.path()) / name;
  const std::string& file = file_of(bytes);
  if (!std::filesystem::is_symlink(link)) std::filesystem::create_symlink(file, link);
  return directory.path();
}

std::string npy(DType dtype, const std::vector<std::size_t>& shape, const void* data,
                std::size_t size_bytes) {
  return npy_header_text(dtype, shape) + std::string(static_cast<const char*>(data), size_bytes);
}

template <class T>
std::string npy_of(const std::vector<T>& values) {
  return npy(dtype_of<T>(), {values.size()}, values.data(), values.size() * sizeof(T));
}

std::string repeated(const std::string& value, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + value;
  return text;
}

// --- npy ---------------------------------------------------------------------------------------------------

void read_npy_target(std::string_view bytes) {
  const NpyFile file(file_of(bytes));
  const NpyHeader& header = file.header();
  std::size_t elements = 1;
  for (const std::size_t extent : header.shape) elements *= extent;
  require(elements == header.length_elems, "the shape does not give the number of elements");
  require(header.data_offset_bytes + elements * size_bytes_of(header.dtype) == bytes.size(),
          "the data are not as long as the shape says");
  TensorBCL<std::int8_t> tensor;
  read_npy(file.path(), tensor);
  require(tensor.size() == elements, "the tensor has another size");
}

std::vector<std::string> npy_seeds() {
  const std::vector<std::int8_t> data(24, 5);
  return {npy(DType::kInt8, {2, 3, 4}, data.data(), 24), npy(DType::kInt8, {1, 1, 1}, data.data(), 1),
          npy(DType::kInt8, {1, 0, 4}, data.data(), 0), npy(DType::kInt8, {24, 1, 1}, data.data(), 24)};
}

// --- npz and step functions
// ----------------------------------------------------------------------------------

using Members = std::vector<std::pair<std::string, std::string>>;

/// A flat form of an archive that mutates well: each member as its name, a line break, its length, a line
/// break and its bytes.
std::string flat(const Members& members) {
  std::string text = "flat\n";
  for (const auto& [name, data] : members) text += name + "\n" + std::to_string(data.size()) + "\n" + data;
  return text;
}

/// The archive of the flat form; other bytes as they are.
std::string archive_of(std::string_view bytes) {
  constexpr std::string_view kMark = "flat\n";
  if (bytes.substr(0, kMark.size()) != kMark) return std::string(bytes);
  bytes.remove_prefix(kMark.size());
  Members members;
  const auto line = [&bytes] {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string text(bytes.substr(0, end));
    bytes.remove_prefix(std::min(bytes.size(), end + 1));
    return text;
  };
  while (!bytes.empty()) {
    const std::string name = line();
    const std::string digits = line();
    const std::size_t length =
        std::min<std::size_t>(std::strtoull(digits.c_str(), nullptr, 10), bytes.size());
    members.emplace_back(name, std::string(bytes.substr(0, length)));
    bytes.remove_prefix(length);
  }
  return stored_zip(members);
}

Members step_members() {
  std::vector<std::int16_t> bias, first(256, -3);
  std::vector<std::int32_t> offset, acc;
  std::vector<std::int8_t> value;
  for (int b = -128; b < 128; ++b) {
    bias.push_back(static_cast<std::int16_t>(b));
    offset.push_back(static_cast<std::int32_t>(acc.size()));
    if (b % 64 != 0) continue;
    for (int step = 0; step < 3; ++step) {
      acc.push_back(-50 + 40 * step);
      value.push_back(static_cast<std::int8_t>(step));
    }
  }
  offset.push_back(static_cast<std::int32_t>(acc.size()));
  Members members{{"acc_min.npy", npy_of(std::vector<std::int32_t>{-100})},
                  {"acc_max.npy", npy_of(std::vector<std::int32_t>{100})},
                  {"bias.npy", npy_of(bias)}};
  for (const std::string stage : {"q", "out"}) {
    members.emplace_back(stage + "_first.npy", npy_of(first));
    members.emplace_back(stage + "_offset.npy", npy_of(offset));
    members.emplace_back(stage + "_acc.npy", npy_of(acc));
    members.emplace_back(stage + "_value.npy", npy_of(value));
  }
  return members;
}

void read_npz_target(std::string_view bytes) {
  const std::string archive = archive_of(bytes);
  const NpzFile file(file_of(archive));
  for (const auto& member : file.members()) {
    try {
      const auto values = file.integers(member.first);
      require(values.size() <= member.second.size(), "there are more integers than bytes");
    } catch (const InputError& refusal) {
      require(std::strstr(refusal.what(), "/proc/self/fd/") != nullptr, "a refusal does not name the file");
    }
  }
}

std::vector<std::string> npz_seeds() {
  const Members small{{"a.npy", npy_of(std::vector<std::int32_t>{1, 2, 3})},
                      {"b.npy", npy_of(std::vector<std::int8_t>{4, 5})}};
  return {stored_zip(small), flat(small), stored_zip({})};
}

void read_steps_target(std::string_view bytes) {
  const std::string archive = archive_of(bytes);
  const exact::Domain domain{exact::DomainKind::kFull,
                             {{-128, -100, 100, -1}, {0, -60, 70, -1}, {127, 3, 3, -1}}};
  const exact::StageSteps steps = exact::read_steps(file_of(archive), domain, 8);
  const auto check = [&domain](const exact::StepFunction& function) {
    require(function.size() == domain.slices.size(), "a slice is missing");
    for (std::size_t i = 0; i < function.size(); ++i) {
      require(!function[i].empty() && function[i].front().acc == domain.slices[i].acc_min,
              "a slice does not begin where it should");
      for (std::size_t s = 0; s < function[i].size(); ++s) {
        const exact::Step& step = function[i][s];
        require(step.value >= -128 && step.value <= 127, "a value is no int8");
        require(step.acc <= domain.slices[i].acc_max && (s == 0 || step.acc > function[i][s - 1].acc),
                "steps do not ascend");
      }
    }
  };
  check(steps.out);
  require(steps.q.has_value(), "q is missing");
  check(*steps.q);
}

std::vector<std::string> steps_seeds() {
  return {flat(step_members()), stored_zip(step_members())};
}

// --- JSON
// ----------------------------------------------------------------------------------------------------

void read_layer_target(std::string_view bytes) {
  const LayerParams layer = read_layer(directory_of(bytes, "layer.json"));
  const auto is_scale = [](float scale) { return std::isnormal(scale) && scale > 0; };
  require(layer.channels >= 1 && layer.taps >= spec::kTapsMin && layer.taps <= spec::kTapsMax &&
              layer.conv_bits >= spec::kConvBitsMin && layer.conv_bits <= spec::kConvBitsMax,
          "a count is out of range");
  require(is_scale(layer.input_scale) && is_scale(layer.weight_scale) && is_scale(layer.output_scale) &&
              is_scale(layer.bias_scale.value_or(1)) && is_scale(layer.conv_scale.value_or(1)),
          "a scale is none");
}

std::vector<std::string> layer_seeds() {
  return {
      R"({"format":"quasim.layer/1","name":"l","channels":4,"taps":4,"input_scale":0.02,"weight_scale":0.01,)"
      R"("bias_scale":0.001,"output_scale":0.05,"conv_scale":0.04,"conv_bits":8,"dataflow":"two_step",)"
      R"("rounding":"half_even","source":{"model":"m","layer":3}})",
      R"({"format":"quasim.layer/1","name":"l","channels":1,"taps":2,"input_scale":1,"weight_scale":1e-9,)"
      R"("bias_scale":1.5,"output_scale":3e2,"dataflow":"fused"})"};
}

void read_program_target(std::string_view bytes) {
  const LayerProgram program = read_program(file_of(bytes));
  program.validate();
  static const TemporaryDirectory directory;
  const std::string copy = directory.path() + "/program.json";
  write_program(copy, program);
  const LayerProgram again = read_program(copy);
  require(
      again.name == program.name && again.weight == program.weight && again.bias_words == program.bias_words,
      "it is read back as another program");
}

std::vector<std::string> program_seeds() {
  return {
      R"({"format":"quasim.program/1","name":"p","channels":2,"taps":3,"conv_bits":8,"mult_bits":20,)"
      R"("bias_bits":40,"rounding":"half_even","multiplier":123456,"shift":21,"weight":[1,-2,3,127,-128,0],)"
      R"("bias_words":[100000,-7],"silu_table":[)" +
          repeated("-1", 128) + "," + repeated("7", 128) +
          R"(],"compiled_from":{"target":"exact"},"certificate":{"match":"q"}})",
      R"({"format":"quasim.program/1","name":"p","channels":1,"taps":2,"conv_bits":2,"mult_bits":2,)"
      R"("bias_bits":8,"rounding":"half_away","multiplier":3,"shift":0,"weight":[1,-2],"bias_words":[-128],)"
      R"("silu_table":[-1,0,1,2]})"};
}

void read_manifest_target(std::string_view bytes) {
  for (const kit::ListedFile& file : kit::read_manifest_files(directory_of(bytes, "manifest.json"))) {
    const std::filesystem::path path(file.name);
    require(!file.name.empty() && path.is_relative(), "a path is not inside the kit");
    for (const auto& part : path) require(part != "..", "a path leaves the kit");
  }
}

std::vector<std::string> manifest_seeds() {
  const std::string digest(64, 'a');
  return {R"({"format":"quasim.kit/1","files":[{"path":"a/b.hex","bytes":12,"sha256":")" + digest +
          R"("},{"path":"c","bytes":0,"sha256":")" + digest + R"("}],"tool":"t"})"};
}

void read_report_target(std::string_view bytes) {
  const std::string& file = file_of(bytes);
  bool accepted = false;
  std::string refusal;
  for (const auto about : {analysis::certificates_about, analysis::cosims_about}) try {
      for (const auto& part : about("l", file)) {
        accepted = true;
        require(part.is_object(), "the part about the layer is no object");
      }
    } catch (const InputError& error) {
      refusal = error.what();
    }
  if (!accepted) throw InputError(refusal.empty() ? file + ": speaks of no layer l" : refusal);
}

std::vector<std::string> report_seeds() {
  const std::string certificate =
      R"({"layer":"l","points":9,"unexplained":0,"passed":true,"compared":{"model vs gpu":9},)"
      R"("differing":{"model vs gpu":0},"differing_q":{"model vs gpu":0},)"
      R"("first_difference":{"model vs gpu":{"bias":1,"acc":2,"a":3,"b":4}},"causes":{"gpu":{"tie":1}}})";
  const std::string cosim =
      R"({"name":"l","agrees":true,"compared":3,"lanes":16,"cycles":8,"latency_cycles":6,"input_stalls":0,)"
      R"("output_stalls":0,"timeline":{"s_valid":"11","s_ready":"10","m_valid":"01","m_ready":"11"}})";
  return {R"({"format":"quasim.certificate/1","layers":[)" + certificate + "]}",
          R"({"format":"quasim.cosim/1","layers":[{"name":"other"},)" + cosim + "]}"};
}

void read_provenance_target(std::string_view bytes) {
  require(analysis::read_provenance(file_of(bytes)).contains("variant"), "there is no variant");
}

std::vector<std::string> provenance_seeds() {
  return {
      R"({"variant":"two_step.seqlast.precise.half_even","device":"d","inputs_sha256":{"layer.json":"a"},)"
      R"("flags":["-O3",1,2.5,null,true]})"};
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all{{"npy", read_npy_target, npy_seeds},
                                       {"npz", read_npz_target, npz_seeds},
                                       {"steps", read_steps_target, steps_seeds},
                                       {"layer", read_layer_target, layer_seeds},
                                       {"program", read_program_target, program_seeds},
                                       {"manifest", read_manifest_target, manifest_seeds},
                                       {"report", read_report_target, report_seeds},
                                       {"provenance", read_provenance_target, provenance_seeds}};
  return all;
}

const Target& target_of(std::string_view name) {
  std::string names;
  for (const Target& target : targets()) {
    if (name == target.name) return target;
    names += (names.empty() ? "" : ", ") + std::string(target.name);
  }
  throw std::invalid_argument("'" + std::string(name) + "': expected one of " + names);
}

bool run(const Target& target, std::string_view bytes) {
  try {
    target.read(bytes);
    return true;
  } catch (const InputError& error) {
    const std::string message = error.what();
    const bool names_the_file = message.find("/proc/self/fd/") != std::string::npos ||
                                message.find("quasim-fuzz-") != std::string::npos;
    if (!names_the_file) throw std::logic_error("refused without the file's name: " + message);
    if (message != printable(message) || message.size() > 10000)
      throw std::logic_error("refused in more than one printable line: " + message);
    return false;
  }
}

}  // namespace quasim::fuzz
