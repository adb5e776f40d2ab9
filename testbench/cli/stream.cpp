#include "cli/stream.hpp"

#include <algorithm>
#include <iostream>
#include <sstream>

#include "cli/bundle_loop.hpp"
#include "cli/options.hpp"
#include "cli/stream_report.hpp"
#include "cosim/testbench.hpp"
#include "cosim/trace_file.hpp"
#include "cosim/unit_builder.hpp"
#include "io/made_from.hpp"
#include "io/npy.hpp"
#include "prove/ties.hpp"
#include "reference/golden.hpp"
#include "spec/error.hpp"

namespace quasim::cli {

namespace {

/// int8 where q fits, as the golden has it; int16 above.
void write_q(const std::filesystem::path& file, const TensorBCL<std::int16_t>& q, int conv_bits) {
  if (conv_bits > spec::kSampleBits)
    write_npy(file, q);
  else
    write_npy(file, narrow_q(q));
}

/// What the layer is compared with; where it is the CPU twin, that is said on stderr too.
Reference reference_of(const Bundle& bundle, const ProgramChoice& choice) {
  const Variant variant = chosen_variant(bundle.layer, choice);
  Reference reference = reference_for(bundle, variant, choice.require_golden);
  if (!committed_file(bundle, variant, "conv1d_output_int8.npy", Inputs::kLayerAndInput))
    std::cerr << "quasim: " << printable(bundle.layer.name) << ": no golden " << variant.to_string() << ", "
              << committed_variants(bundle.directory) << "; comparing with the CPU twin\n";
  return reference;
}

/// What run writes of a layer, group by group.
struct LayerTensors {
  TensorBCL<std::int16_t> q;
  TensorBCL<std::int8_t> output;
  int conv_bits = 0;
  bool whole = true;  ///< every group was streamed to its end

  explicit LayerTensors(const TensorBCL<std::int8_t>::Shape& shape) : q(shape), output(shape) {}
  void add(const cosim::JobResult& result, const Bundle& bundle, std::size_t lanes,
           const StageProgram& stage) {
    whole = whole && result.failure.empty();
    if (!whole) return;
    const auto shape = bundle.require_input().shape();
    put(from_beats(result.output, shape, lanes), bundle, output);
    if (stage.is_fused()) return;
    conv_bits = stage.conv_bits;
    put(from_beats(result.q, shape, lanes), bundle, q);
  }
  void write(FileSet& files) const {
    const auto& directory = files.begin();
    if (conv_bits > 0) write_q(directory / "conv1d_q.npy", q, conv_bits);
    write_npy(directory / "conv1d_output_int8.npy", output);
    files.commit();
  }

 private:
  template <class T>
  static void put(TensorBCL<T> part, const Bundle& bundle, TensorBCL<T>& all) {
    if (bundle.part)
      put_channels(part, bundle.part->channels, all);
    else
      all = std::move(part);
  }
};

/// Differences speak of the layer's channels.
void number_channels_of_layer(cosim::JobResult& result, const Bundle& bundle) {
  if (!bundle.part) return;
  for (cosim::DifferingElement& difference : result.differences)
    difference.element.channel = bundle.part->channels[difference.element.channel];
}

}  // namespace

void add_stream_options(CLI::App& verb, StreamOptions& options) {
  add_layer_options(verb, options.layer);
  add_number(verb, "--lanes", options.lanes, kStreamLanes,
             "int8 lanes a beat: " + cosim::testbench_lanes_words());
  constexpr NumberRange<double> kProbability{0.0, 0.999};
  add_number(verb, "--stall-in", options.stalls.input, kProbability,
             "probability that the driver withholds a beat");
  add_number(verb, "--stall-out", options.stalls.output, kProbability,
             "probability that the receiver is not ready");
  add_number(verb, "--seed", options.stalls.seed, {}, "seed of the stalls and of the bus traffic");
  add_number(verb, "--max-mismatches", options.max_mismatches, {0, 250}, "differences described one by one");
  verb.add_flag("--folded", options.folded, "the unit of two_step alone that holds silu_table folded");
  verb.add_flag("--json", options.json, "print JSON");
}

int stream_bundles(const std::string& verb, const StreamOptions& options, bool with_rtl) {
  cosim::require_testbench_lanes(options.lanes);  // before a unit is built
  InputSet inputs = inputs_of(options.layer.bundles);
  inputs.add_file(options.layer.choice.program_file);
  std::vector<FileSet> sets;
  if (options.output)
    for (const auto& target : bundle_outputs(*options.output, options.layer.bundles))
      sets.emplace_back(target, std::vector<std::string>{"conv1d_q.npy", "conv1d_output_int8.npy"},
                        std::vector<std::string>{}, inputs);
  const std::vector<std::string> variants = split(options.layer.choice.variant, ',');
  if (variants.size() > 1 && std::find(variants.begin(), variants.end(), "") != variants.end())
    throw UsageError("--variant: expected a name on both sides of each comma; got '" +
                     options.layer.choice.variant + "'");
  if (options.output && variants.size() > 1)
    throw UsageError("-o: expected one variant, whose tensors are written; --variant lists " +
                     std::to_string(variants.size()));
  std::optional<cosim::TraceFile> trace;
  if (options.trace) trace.emplace(*options.trace, inputs);
  // Made for the first program; SystemC takes no second testbench, but this one takes other units.
  std::unique_ptr<cosim::Testbench> testbench;
  sc::PipelineConfig config;
  const auto load = [&](const LayerProgram& program) {
    const sc::PipelineConfig needed =
        sc::config_holding(options.folded ? sc::folded_config() : sc::PipelineConfig{}, program);
    sc::require_fits(program, needed);  // before a unit is built for it
    if (testbench != nullptr && needed == config) return testbench->load(program);
    if (testbench != nullptr && trace)
      throw UsageError(
          "--trace: expected layers that one unit holds; these need units of different parameters");
    auto rtl =
        with_rtl ? cosim::make_unit(options.lanes, needed, options.rtl, trace ? trace->path() : "") : nullptr;
    if (testbench == nullptr)
      testbench = cosim::make_testbench(options.lanes, needed, std::move(rtl));
    else
      testbench->exchange(needed, std::move(rtl));
    config = needed;
    testbench->load(program);
  };
  std::vector<LayerResult> layers;
  const auto stream = [&](const Bundle& bundle, const ProgramChoice& choice, LayerTensors* tensors) {
    const LoadedProgram loaded = program_for(bundle, choice);
    load(loaded.program);
    const Reference reference = reference_of(bundle, choice);
    Progress progress(verb + " " + printable(bundle.layer.name), bundle.require_input().size());
    cosim::Job job;
    job.input = &bundle.require_input();
    job.expected = &reference.output;
    if (reference.q && loaded.match_q) job.expected_q = &*reference.q;
    job.stalls = options.stalls;
    job.coverage = options.coverage;
    job.bus = {options.bus_traffic, options.stalls.seed};
    job.max_mismatches = options.max_mismatches;
    job.keep_output = tensors != nullptr;
    job.progress = [&](std::size_t beats) { progress.update(beats * options.lanes); };
    LayerResult layer;
    layer.bundle = bundle.directory;
    layer.name = bundle.layer.name;
    if (bundle.part) layer.group = bundle.part->name;
    layer.program = loaded.origin;
    layer.program_target = loaded.target_origin;
    layer.reference = to_string(reference.maker);
    layer.device = reference.device;
    layer.variant = chosen_variant(bundle.layer, choice).to_string();
    layer.ties = compile::ties_in(loaded.program, *job.input);
    layer.layer_parameters = layer_parameters(bundle.layer);
    layer.hashes = bundle_hashes(bundle, Inputs::kLayerAndInput);
    layer.elements = job.input->size();
    layer.lanes = options.lanes;
    layer.has_bus_traffic = options.bus_traffic > 0;
    layer.result = testbench->run(job);
    if (tensors != nullptr) tensors->add(layer.result, bundle, options.lanes, loaded.program.stage());
    number_channels_of_layer(layer.result, bundle);
    layers.push_back(std::move(layer));
  };
  BundleLoop loop(verb, options.layer.bundles);
  loop.run_indexed([&](std::size_t i) {
    const GroupedBundle layer = read_grouped_bundle(options.layer.bundles[i]);
    for (const std::string& variant : variants) {
      ProgramChoice choice = options.layer.choice;
      choice.variant = variant;
      std::optional<LayerTensors> tensors;
      if (!sets.empty()) tensors.emplace(layer.require_input().shape());
      for (std::size_t g = 0; g < layer.groups(); ++g)
        stream(layer.group(g), choice, tensors ? &*tensors : nullptr);
      if (tensors && tensors->whole) tensors->write(sets[i]);
    }
  });
  testbench.reset();  // ends the waveform
  if (trace && !layers.empty()) trace->commit();
  return loop.finish(stream_exit(layers), [&] {
    if (!options.json) {
      std::cout << stream_text(layers, with_rtl);
      return;
    }
    nlohmann::ordered_json json = stream_json(verb, layers, with_rtl);
    json["failed"] = loop.failures();
    print_json(json);
  });
}

}  // namespace quasim::cli
