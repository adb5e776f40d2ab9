// What a Verilated class is to the program that drives it: named ports and an evaluation. Plain data and
// functions, so that a class that was compiled into a library of its own, later than the program, is driven
// like one that is part of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quasim::cosim {

/// A port of the top module; its value is the low bytes at `data`.
struct VerilatedPort {
  const char* name;
  void* data;
  std::size_t bytes;
};

struct VerilatedAbi {
  /// Changes whenever this struct does.
  static constexpr std::uint32_t kLayout = 1;

  std::uint32_t layout;
  /// A new unit; the waveform goes to `trace_file`, or nowhere where that is nullptr. nullptr: the waveform
  /// cannot be created, or the class was made without.
  void* (*create)(const char* trace_file);
  /// Writes down up to `room` ports; returns how many there are.
  std::size_t (*ports)(void* unit, VerilatedPort* ports, std::size_t room);
  /// Evaluates with the clock low: inputs reach the outputs that depend on them at once.
  void (*settle)(void* unit);
  /// One period of clk_i: rising edge, falling edge.
  void (*clock)(void* unit);
  /// A public register as a signed number; false where there is none of that name.
  bool (*peek)(void* unit, const char* scope, const char* name, std::int64_t* value);
  /// errno of the first write to a waveform that was refused, 0 where all went well. Complete once its unit
  /// is destroyed.
  int (*trace_error)();
  void (*destroy)(void* unit);
};

}  // namespace quasim::cosim
