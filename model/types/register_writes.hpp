// How a layer program gets into the unit: the AXI4-Lite writes, in order.
#pragma once

#include <cstdint>
#include <vector>

#include "types/program.hpp"

namespace quasim {

struct RegisterWrite {
  std::uint32_t address;  ///< byte address
  std::uint32_t data;
};

/// Four bytes at most as a word, little end first.
std::uint32_t word_of(const std::int8_t* bytes, std::size_t count);

/// A cell of the guess as its window has it.
std::uint32_t word_of(const GuessCell& cell);

/// Values of Dataflow.Select.
inline constexpr std::uint32_t kSelectTwoStep = 1, kSelectFused = 2;

/// Window Table of two_step, word by word. Throws InputError where it must be folded and does not fold.
std::vector<std::uint32_t> table_words(const StageProgram& stage, bool folded);

/// The writes that load a layer, history zero. The first is Control = 0, after which Status.Busy must be
/// waited for to be 0; the last is Control.Enable = 1. Throws InputError where the program is invalid, or is
/// to be folded and does not fold.
std::vector<RegisterWrite> register_writes(const LayerProgram& program, bool folded = false);

}  // namespace quasim
