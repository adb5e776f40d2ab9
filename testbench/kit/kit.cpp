#include "kit/kit.hpp"

#include <memory>
#include <stdexcept>

#include "io/program_file.hpp"
#include "kit/corners.hpp"
#include "kit/coverage.hpp"
#include "kit/embedded.hpp"
#include "kit/kit_directory.hpp"
#include "kit/memory_image.hpp"
#include "kit/program_text.hpp"
#include "kit/stream_writer.hpp"
#include "kit/text.hpp"
#include "reference/committed.hpp"
#include "types/beats.hpp"

namespace quasim::kit {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kGoldenOutput = "conv1d_output_int8";

bool is_script(const std::string& name) {
  return fs::path(name).extension() == ".sh";
}
bool is_bench(const std::string& name) {
  return is_script(name) || name.rfind("tb/", 0) == 0;
}

constexpr std::string_view kReadme = "README.md";

/// The bench reads .hex files, so it is part of kits that have them. README.md is written when the vectors
/// are known.
void add_static_files(KitDirectory& kit, const FormatSet& formats) {
  for (const EmbeddedFile& file : embedded_files())
    if (file.name != kReadme && (formats.count(Format::kHex) != 0 || !is_bench(file.name)))
      kit.add_text(file.name, nlohmann::ordered_json::object(), file.text, is_script(file.name));
}

void add_readme(KitDirectory& kit, const std::vector<NamedCoverage>& streams,
                const std::optional<DirectedCounts>& directed) {
  for (const EmbeddedFile& file : embedded_files())
    if (file.name == kReadme)
      kit.add_text(std::string(kReadme), nlohmann::ordered_json::object(),
                   std::string(file.text) + coverage_text(streams) + (directed ? steps_text(*directed) : ""));
}

void add_program(KitDirectory& kit, const LayerProgram& program, const KitRequest& request) {
  kit.add_text("program/program.json",
               {{"meaning", program.stage().is_fused() ? "the layer program, quasim.program/2"
                                                       : "the layer program, quasim.program/1"}},
               program_text(program));
  const std::vector<RegisterWrite> writes = register_writes(program, request.folded);
  kit.add_text("tb/quasim_layer_pkg.sv", {{"meaning", "the layer program as a SystemVerilog package"}},
               systemverilog_package(program, request.lanes, writes.size(), request.folded));
  kit.add_text("include/quasim_layer.h", {{"meaning", "the layer program as a C header"}},
               c_header(program, request.lanes, request.folded));
  const nlohmann::ordered_json about{{"meaning", "AXI4-Lite writes that load the layer, in order"},
                                     {"count", writes.size()}};
  kit.add_text("config/axil_writes.hex", about, writes_hex(writes));
  kit.add_text("config/axil_writes.csv", about, writes_csv(writes));
  for (const MemoryImage& image : memory_images(program, request.folded))
    for (const FormatRow& row : kFormats)
      if (row.memories && request.formats.count(row.format) != 0)
        kit.add_text(
            "memory/" + image.name + "." + std::string(row.word),
            {{"meaning", image.meaning}, {"width_bits", image.width_bits}, {"words", image.words.size()}},
            memory_text(image, row.format));
}

/// Solves the directed vectors; writes one line a step to vectors/directed/steps.csv.
DirectedVectors add_directed_steps(KitDirectory& kit, const LayerProgram& program) {
  KitFile file =
      kit.create("vectors/directed/steps.csv",
                 {{"meaning",
                   "each step of each channel and the windows on its two sides; empty: the weights "
                   "do not reach both sides"}});
  file.write("channel,q_level,threshold_acc,step_of_out,below_acc,below_window,above_acc,above_window\n");
  const auto text_of = [](const std::optional<DirectedStep::Side>& side) {
    return side ? "," + std::to_string(side->acc) + "," + std::to_string(side->window) : std::string(",,");
  };
  DirectedVectors vectors = solve_directed(program, [&](const DirectedStep& step) {
    file.write(std::to_string(step.channel) + "," + std::to_string(step.level) + "," +
               std::to_string(step.threshold) + (step.in_out ? ",1" : ",0") + text_of(step.below) +
               text_of(step.above) + "\n");
  });
  kit.add(std::move(file));
  return vectors;
}

/// The writes that load a corner's program in place of the layer's: as many, for the same unit.
void add_corner_writes(KitDirectory& kit, const Corner& corner, std::size_t layer_writes, bool folded) {
  const std::vector<RegisterWrite> writes = register_writes(corner.program, folded);
  if (writes.size() != layer_writes)
    throw std::logic_error("a corner's program takes another number of writes than the layer's");
  kit.add_text("vectors/" + corner.name + "/axil_writes.hex",
               {{"stream", corner.name},
                {"meaning", "AXI4-Lite writes that load this stream's own program, in order"},
                {"count", writes.size()}},
               writes_hex(writes));
}

nlohmann::ordered_json counts_json(const DirectedCounts& counts) {
  return {{"q_steps", counts.q_steps},
          {"q_steps_covered", counts.q_covered},
          {"q_steps_unreachable", counts.q_steps - counts.q_covered},
          {"out_steps", counts.out_steps},
          {"out_steps_covered", counts.out_covered},
          {"out_steps_unreachable", counts.out_steps - counts.out_covered},
          {"windows", counts.windows}};
}

nlohmann::ordered_json program_head(const LayerProgram& program, const KitRequest& request) {
  const StageProgram& stage = program.stage();
  nlohmann::ordered_json head{{"channels", program.channels()},
                              {"taps", program.taps},
                              {"dataflow", std::string(to_string(stage.dataflow))},
                              {"conv_bits", stage.conv_bits},
                              {"mult_bits", program.mult_bits},
                              {"bias_bits", program.bias_bits},
                              {"multiplier", stage.multiplier}};
  if (stage.is_fused())
    head.update({{"turn", stage.fused.turn},
                 {"guess_cells", stage.fused.guess.size()},
                 {"near", stage.fused.near.size()}});
  else
    head.update({{"shift_bits", stage.shift_bits}, {"rounding", std::string(to_string(stage.rounding))}});
  head["folded"] = request.folded;
  return head;
}

nlohmann::ordered_json origin_head(const LayerProgram& program, const KitRequest& request) {
  nlohmann::ordered_json head = program_head(program, request);
  head["origin"] = request.program_origin;
  return head;
}

/// What does not depend on the vectors.
nlohmann::ordered_json manifest_head(const Bundle& bundle, const LayerProgram& program,
                                     const KitRequest& request) {
  return {{"format", kManifestFormat},
          {"tool", request.tool},
          {"layer", program.name},
          {"byte_order", "little"},
          {"element_order",
           "beats in stream order; lane 0 first in bin, npy and csv, least significant (rightmost) in hex "
           "and mem; "
           "values are two's complement, sign-extended to container_bits; dead lanes are 0 and, before out, "
           "mean nothing"},
          {"index_rule",
           {{"groups", "ceil(channels / lanes)"},
            {"beat", "(sequence * length + time) * groups + channel / lanes"},
            {"lane", "channel % lanes"},
            {"sequence", "beat / groups / length"},
            {"time", "beat / groups % length"},
            {"channel", "beat % groups * lanes + lane; no channel where it is channels or more"},
            {"npy_axes", "[sequence, time, group, lane]"}}},
          {"program", origin_head(program, request)},
          {"bundle", {{"name", bundle.layer.name}, {"sha256", nlohmann::ordered_json::object()}}}};
}

}  // namespace

KitSummary export_kit(const Bundle& bundle, const LayerProgram& program, const KitRequest& request) {
  program.validate();
  if (request.folded) (void)program.stage().folded_table();
  require_lanes(static_cast<std::int64_t>(request.lanes));
  const fs::path input_file = bundle.directory / "conv1d_input.npy";
  std::unique_ptr<NpySource> input;
  if (is_present(input_file)) input = std::make_unique<NpySource>(input_file, request.max_tokens);
  if (!input && !request.with_directed) (void)bundle.require_input();  // refuses, naming the file
  if (input && input->shape()[1] != static_cast<std::size_t>(program.channels()))
    throw InputError(input_file, "shape", "[B, C, L] with C = " + std::to_string(program.channels()));
  const auto committed = input ? committed_file(bundle, request.variant, std::string(kGoldenOutput) + ".npy",
                                                Inputs::kLayerAndInput)
                               : std::nullopt;
  const fs::path golden_file = committed ? committed->file : fs::path();
  std::unique_ptr<NpySource> golden;
  if (committed) {
    golden = std::make_unique<NpySource>(golden_file, request.max_tokens);
    if (golden->file_shape() != input->file_shape())
      throw InputError(golden_file, "shape", "[B, C, L] of conv1d_input.npy");
  }

  KitDirectory kit(request.output, request.inputs);
  KitSummary summary;
  nlohmann::ordered_json head = manifest_head(bundle, program, request), streams;
  for (const char* name : {"layer.json", "conv1d_weight.npy", "conv1d_bias.npy", "conv1d_input.npy"})
    if (is_present(bundle.directory / name))
      head["bundle"]["sha256"][name] = sha256_of_file(bundle.directory / name);
  add_static_files(kit, request.formats);
  add_program(kit, program, request);

  std::optional<DirectedVectors> directed;
  std::vector<Corner> corners;
  std::uint64_t total = input ? input->shape()[0] * input->shape()[1] * input->shape()[2] : 0;
  if (request.with_directed) {
    directed = add_directed_steps(kit, program);
    summary.directed = directed->counts;
    total += directed->windows.size();
    corners = corner_streams(program, request.folded);
    for (const Corner& corner : corners) total += corner.windows.size();
  }
  std::vector<NamedCoverage> coverage;
  const auto stream = [&](const std::string& name, const std::string& meaning, const LayerProgram& runs,
                          const SampleSource& source, const SampleSource* expected) {
    const std::uint64_t before = summary.elements;
    const StreamSummary written =
        write_stream(kit, runs,
                     {name, meaning, &source, expected, request.lanes, request.formats, request.stages,
                      [&](std::uint64_t done) { request.progress(before + done, total); }});
    streams[name] = written.json;
    coverage.push_back({name, written.coverage});
    summary.elements += written.elements;
    summary.golden_compared += written.golden_compared;
    summary.golden_differing += written.golden_differing;
  };
  if (directed) {
    stream("directed", "windows on both sides of every step, each a sequence of K time steps", program,
           TensorSource(directed->windows), nullptr);
    streams["directed"]["steps"] = counts_json(directed->counts);
  }
  for (const Corner& corner : corners) {
    add_corner_writes(kit, corner, register_writes(program, request.folded).size(), request.folded);
    stream(corner.name, corner.meaning, corner.program, TensorSource(corner.windows), nullptr);
    streams[corner.name]["program"] = program_head(corner.program, request);
  }
  if (input) stream("real", "the input of the bundle", program, *input, golden.get());
  add_readme(kit, coverage, summary.directed);
  const std::string program_file = program_text(program);
  head["program"]["sha256"] = sha256_of_bytes(program_file.data(), program_file.size());
  head["golden"] = {{"variant", request.variant.to_string()}};
  if (golden) {
    head["golden"]["reference"] = std::string(to_string(committed->maker));
    head["golden"]["device"] = committed->device;
    head["golden"]["sha256"] = sha256_of_file(golden_file);
    head["golden"]["compared"] = summary.golden_compared;
    head["golden"]["differing"] = summary.golden_differing;
  } else {
    head["golden"]["sha256"] = nullptr;
  }
  head["streams"] = streams;
  kit.commit(std::move(head));
  summary.size_bytes = kit.size_bytes();
  summary.files = kit.file_count();
  return summary;
}

}  // namespace quasim::kit
