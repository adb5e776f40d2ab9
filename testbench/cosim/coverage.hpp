// Functional coverage of a co-simulation: how often each situation was met, under the names that
// quasim_monitor.sv and docs/coverage.md have for it. Bins that no stream can meet are not among them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>

#include "spec/contract.hpp"

namespace quasim::cosim {

/// By name.
using Bins = std::map<std::string, std::uint64_t>;

/// What the stream and the values in it met.
struct StreamCoverage {
  std::array<std::uint64_t, 8> tie{};        ///< half away, negative, odd below: bits 2, 1, 0
  std::array<std::uint64_t, 2> clamp_q{};    ///< low, high
  std::array<std::uint64_t, 3> clamp_u{};    ///< low, inside, high
  std::array<std::uint64_t, 2> clamp_out{};  ///< low, high
  std::array<std::uint64_t, 1U << spec::kSampleBits> entry{};
  std::array<std::uint64_t, 1U << spec::kCellBitsMax> cell{};
  std::array<std::uint64_t, spec::kNearRowsMax> near{};
  std::array<std::uint64_t, spec::kFarRows> far{};
  std::array<std::uint64_t, 8> threshold{};  ///< far, at or above, past the turn: bits 2, 1, 0
  std::array<std::uint64_t, 5> place{};      ///< fetch, acc, product, q, out: a beat that waits there
  std::array<std::uint64_t, 4> edge{};   ///< one beat waits at the output, two; the input waits, is absent
  std::array<std::uint64_t, 6> group{};  ///< only (all lanes, not all), last (likewise), first, in the middle
  std::array<std::uint64_t, 3> sequence{};  ///< begins, continues, later group
  std::array<std::uint64_t, 4> last{};  ///< of a time step (without tlast, with), before its end (likewise)
  std::array<std::uint64_t, 2> history{};  ///< from memory, forwarded

  void add_to(Bins& bins, const spec::UnitParameters& unit) const;
};

/// What the accesses beside the stream met.
struct BusCoverage {
  static constexpr std::size_t kWaits = 10;  ///< 0 to 9 cycles, longer ones among the last
  enum Kind { kRead, kWritten, kRefusedRunning, kRefusedBits, kPartialStrobe, kKinds };

  std::array<std::array<std::uint64_t, kKinds>, std::size(spec::kRegisters)> registers{};
  std::array<std::array<std::uint64_t, kKinds>, std::size(spec::kWindowBases)> windows{};  ///< kRead: refused
  std::array<std::uint64_t, 2> busy{};  ///< Status: Busy, MidToken read as 1
  std::uint64_t unmapped_read = 0, unmapped_write = 0, unaligned_read = 0, unaligned_write = 0;
  std::uint64_t refused_in_a_stream = 0;
  std::array<std::uint64_t, kWaits> address_first{}, data_first{}, write_answer{}, read_answer{};

  void add_to(Bins& bins, const spec::UnitParameters& unit) const;
};

}  // namespace quasim::cosim
