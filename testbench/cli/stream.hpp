// What run and cosim share: their options and the loop over layers.
#pragma once

#include "cli/cli.hpp"
#include "cli/layer_options.hpp"
#include "cosim/job.hpp"

namespace quasim::cli {

struct StreamOptions {
  LayerOptions layer;
  std::size_t lanes = spec::kLanesDefault;
  cosim::StallOptions stalls;
  std::size_t max_mismatches = 10;
  OutputOption output;               ///< where run writes the model's tensors
  double bus_traffic = 0.0;          ///< cosim: probability of accesses beside the stream
  bool coverage = false;             ///< cosim: functional coverage
  std::optional<std::string> trace;  ///< where cosim writes the waveform
  std::filesystem::path rtl;         ///< cosim: a directory with another quasim_top; empty: the project's
  bool folded = false;               ///< a unit of two_step alone with a folded table
  bool json = false;
};

void add_stream_options(CLI::App& verb, StreamOptions& options);

/// Streams every bundle; with_rtl co-simulates. Returns the exit code.
int stream_bundles(const std::string& verb, const StreamOptions& options, bool with_rtl);

}  // namespace quasim::cli
