// What a layer can feed into the stages after the MAC: for each bias value an interval of accumulators.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "io/bundle.hpp"

namespace quasim::exact {

/// All accumulators acc_min ... acc_max together with one bias value.
struct Slice {
  int bias = 0;
  std::int32_t acc_min = 0;
  std::int32_t acc_max = 0;
  /// The first channel of the layer that belongs to the slice; -1 where none has this bias.
  int channel = -1;

  std::int64_t points() const { return std::int64_t{acc_max} - acc_min + 1; }
};

/// reachable: for each bias value that occurs, from the least to the largest accumulator that the weights of
/// any channel with that bias can produce. full: all 256 bias values, -K*2^14 ... K*2^14.
enum class DomainKind { kReachable, kFull };
DomainKind parse_domain(std::string_view text);
std::string_view to_string(DomainKind kind);

struct Domain {
  DomainKind kind = DomainKind::kReachable;
  std::vector<Slice> slices;  ///< ascending bias; several of one bias only where `keys` told channels apart

  std::int64_t points() const;
  /// The place in `slices` of the first one of a bias value, which must be there.
  std::size_t slice_of(int bias) const;
};

/// Channels that share a bias value share a slice. `keys`, empty or [C], splits slices further: channels
/// whose keys differ get slices of their own (a program's bias words, for instance).
///
/// A reachable interval is a superset of what can occur: both ends are reached, between them some
/// accumulators may not be. It holds 0 and every partial window, so the zeros before the start of a sequence
/// need no case of their own.
Domain make_domain(DomainKind kind, const Bundle& bundle, const std::vector<std::int64_t>& keys = {});

/// [least, largest] accumulator of one channel over all windows.
struct AccRange {
  std::int32_t min = 0;
  std::int32_t max = 0;
};
AccRange reachable_range(const std::int8_t* weights, std::size_t taps);

}  // namespace quasim::exact
