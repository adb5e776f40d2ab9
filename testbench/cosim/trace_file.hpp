// The waveform of a co-simulation: it gets its name when it is whole.
#pragma once

#include <filesystem>
#include <string>

#include "io/outputs.hpp"

namespace quasim::cosim {

class TraceFile {
 public:
  /// `text` as --trace has it. Throws InputError where it is no place for a file; a waveform is written in
  /// more than one pass, so that standard output and devices are none.
  TraceFile(const std::string& text, const InputSet& inputs);

  /// Where the simulator writes it.
  std::filesystem::path path() const { return scratch_.path() / "waveform.fst"; }
  /// After the unit that writes it is gone. Throws InputError where not everything could be written.
  void commit();

 private:
  std::filesystem::path target_;
  Scratch scratch_;
  /// The writer maps its files: a full disk is a fault in memory there.
  signals::Faultable faultable_;
};

}  // namespace quasim::cosim
