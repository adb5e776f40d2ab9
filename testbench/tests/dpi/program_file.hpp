// A random layer program, and the file that holds it as long as the object lives.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <random>

#include "io/program_file.hpp"
#include "tests/cosim/random_layer.hpp"

namespace quasim::test {

class ProgramFile {
 public:
  /// Of either dataflow unless told otherwise.
  ProgramFile(std::mt19937_64& random, int channels, int taps, bool two_step_only = false)
      : program_(random_program(random, channels, taps, config_of(two_step_only))),
        path_(std::filesystem::temp_directory_path() /
              ("quasim_dpi_" + std::to_string(::getpid()) + "_" + std::to_string(random()) + ".json")) {
    write_program(path_, program_);
  }
  ~ProgramFile() { std::filesystem::remove(path_); }
  ProgramFile(const ProgramFile&) = delete;
  ProgramFile& operator=(const ProgramFile&) = delete;

  const LayerProgram& program() const { return program_; }
  std::string path() const { return path_.string(); }

 private:
  static sc::PipelineConfig config_of(bool two_step_only) {
    sc::PipelineConfig config;
    if (two_step_only) config.fused = false;
    return config;
  }

  LayerProgram program_;
  std::filesystem::path path_;
};

}  // namespace quasim::test
