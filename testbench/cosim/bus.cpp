#include "cosim/bus.hpp"

#include <algorithm>
#include <iterator>

#include "spec/contract.hpp"
#include "types/register_writes.hpp"

namespace quasim::cosim {
namespace {

constexpr std::uint32_t kOkay = 0, kSlaveError = 2;
constexpr std::uint32_t kAllStrobes = 0xF, kWordMask = ~std::uint32_t{3};
/// The number of the register whose word holds the address.
std::optional<std::size_t> register_at(std::uint32_t address) {
  for (std::size_t number = 0; number < std::size(spec::kRegisters); ++number)
    if (spec::kRegisters[number].address == (address & kWordMask)) return number;
  return std::nullopt;
}

void wait(std::size_t& cycles) {
  if (cycles + 1 < BusCoverage::kWaits) ++cycles;
}

std::uint32_t high_half(std::uint64_t count) {
  return static_cast<std::uint32_t>(count >> 32);
}

}  // namespace

RegisterFile::RegisterFile(const spec::UnitParameters& unit) : unit_(unit) {
  for (std::size_t number = 0; number < values_.size(); ++number)
    values_[number] = spec::register_reset(number, unit);
}

void RegisterFile::load(const LayerProgram& program) {
  for (const RegisterWrite& write : register_writes(program, unit_.folded != 0)) {
    const auto number = register_at(write.address);
    if (number && write.address != spec::kRegClearCounters)
      values_[*number] = write.data;  // that one reads as 0
  }
}

BusModel::BusModel(const RegisterFile& registers, const sc::Counters& counters, std::size_t groups)
    : registers_(registers),
      counters_{counters.beats_in, counters.beats_out, counters.saturated_conv, counters.saturated_out},
      groups_(groups) {
  std::transform(counters_.begin(), counters_.end(), high_.begin(), high_half);
}

void BusModel::step(const BusRequest& request, const PinCycle& pins) {
  switch (read_) {
    case Read::kNone:
      if (!request.ar_valid) break;
      ar_addr_ = request.ar_addr;
      read_ = Read::kDecode;
      break;
    case Read::kDecode:
      read_ = Read::kAccess;
      break;
    case Read::kAccess:
      access(pins.s_valid && pins.s_ready);
      read_ = Read::kAnswer;
      break;
    case Read::kAnswer:
      if (request.r_ready) {
        ++coverage_.read_answer[read_waits_];
        read_ = Read::kNone;
        read_waits_ = 0;
      } else {
        wait(read_waits_);
      }
  }
  const bool execute_now = aw_held_ && w_held_ && !answer_.b_valid;
  if (request.aw_valid && !aw_held_) {
    aw_addr_ = request.aw_addr;
    aw_held_ = true;
  }
  if (request.w_valid && !w_held_) {
    w_data_ = request.w_data;
    w_strb_ = request.w_strb;
    w_held_ = true;
  }
  if (aw_held_ && !w_held_) wait(address_waits_);
  if (w_held_ && !aw_held_) wait(data_waits_);
  if (answer_.b_valid && request.b_ready) {
    ++coverage_.write_answer[write_waits_];
    answer_.b_valid = false;
    write_waits_ = 0;
  } else if (answer_.b_valid) {
    wait(write_waits_);
  }
  if (execute_now) execute();
  answer_.aw_ready = !aw_held_;
  answer_.w_ready = !w_held_;
  answer_.ar_ready = read_ == Read::kNone;
  answer_.r_valid = read_ == Read::kAnswer;
  count(pins);
}

/// Everything as it is in this cycle, before anything of it counts.
void BusModel::access(bool streams) {
  const auto number = register_at(ar_addr_);
  answer_.r_resp = number ? kOkay : kSlaveError;
  answer_.r_data = number ? read_register(*number) : 0;
  ++(number ? counts_.reads : counts_.reads_refused);
  if ((ar_addr_ & ~kWordMask) != 0) ++coverage_.unaligned_read;
  if (number) {
    ++coverage_.registers[*number][BusCoverage::kRead];
  } else if (const auto window = window_at(ar_addr_)) {
    ++coverage_.windows[*window][BusCoverage::kRead];
    coverage_.refused_in_a_stream += streams ? 1 : 0;
  } else {
    ++coverage_.unmapped_read;
  }
}

std::uint32_t BusModel::read_register(std::size_t number) {
  const std::uint32_t address = spec::kRegisters[number].address;
  if (address == spec::kRegStatus) {
    coverage_.busy[0] += inside_ != 0 ? 1 : 0;
    coverage_.busy[1] += group_ != 0 ? 1 : 0;
    return static_cast<std::uint32_t>(inside_ != 0) << spec::kStatusBusyLsb |
           static_cast<std::uint32_t>(group_ != 0) << spec::kStatusMidTokenLsb;
  }
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    const auto [low, high] = spec::kCounterRegisters[i];
    if (address == high) return high_[i];
    if (address != low) continue;
    high_[i] = high_half(counters_[i]);
    return static_cast<std::uint32_t>(counters_[i]);
  }
  return registers_[number];
}

void BusModel::execute() {
  const auto number = register_at(aw_addr_);
  const auto kind = number ? kind_of_write(*number) : BusCoverage::kRefusedBits;
  const bool okay = number && kind == BusCoverage::kWritten;
  if (okay) registers_.write(*number, w_data_);
  cover_write(number, kind);
  answer_.b_valid = true;
  answer_.b_resp = okay ? kOkay : kSlaveError;
  aw_held_ = w_held_ = false;
  ++(okay ? counts_.writes : counts_.writes_refused);
}

BusCoverage::Kind BusModel::kind_of_write(std::size_t number) const {
  const spec::RegisterEntry& entry = spec::kRegisters[number];
  if (w_strb_ != kAllStrobes) return BusCoverage::kPartialStrobe;
  if (!entry.writable || (w_data_ & ~spec::register_mask(number, registers_.unit())) != 0)
    return BusCoverage::kRefusedBits;
  return entry.always ? BusCoverage::kWritten : BusCoverage::kRefusedRunning;
}

void BusModel::cover_write(std::optional<std::size_t> number, BusCoverage::Kind kind) {
  if ((aw_addr_ & ~kWordMask) != 0) ++coverage_.unaligned_write;
  if (number)
    ++coverage_.registers[*number][kind];
  else if (const auto window = window_at(aw_addr_))
    ++coverage_.windows[*window]
                       [w_strb_ != kAllStrobes ? BusCoverage::kPartialStrobe : BusCoverage::kRefusedRunning];
  else
    ++coverage_.unmapped_write;
  ++(data_waits_ == 0 ? coverage_.address_first[address_waits_] : coverage_.data_first[data_waits_]);
  address_waits_ = data_waits_ = 0;
}

std::optional<std::size_t> BusModel::window_at(std::uint32_t address) const {
  for (std::size_t i = 0; i < std::size(spec::kWindowBases); ++i)
    if (address - spec::kWindowBases[i] < spec::window_bytes(i, registers_.unit())) return i;
  return std::nullopt;
}

void BusModel::count(const PinCycle& pins) {
  const bool taken = pins.s_valid && pins.s_ready, given = pins.m_valid && pins.m_ready;
  counters_[0] += taken ? 1 : 0;
  counters_[1] += given ? 1 : 0;
  counters_[2] += pins.saturated_conv;
  counters_[3] += pins.saturated_out;
  inside_ = inside_ + (taken ? 1 : 0) - (given ? 1 : 0);
  if (taken) group_ = group_ + 1 == groups_ ? 0 : group_ + 1;
}

std::uint32_t BusMaster::some_address() {
  const std::uint32_t kind = below(10);
  constexpr std::uint32_t kPastRegisters = spec::kRegSatOutHi + 16;  // with a few words where nothing is
  if (kind < 6) return below(kPastRegisters / 4) * 4;
  if (kind == 6) return below(kPastRegisters);
  if (kind < 9) {
    const std::uint32_t window = below(std::size(spec::kWindowBases));
    const std::uint32_t word = below(2) == 0 ? 0 : below(16);
    return spec::kWindowBases[window] + word * 4;
  }
  return below(std::uint32_t{1} << spec::kAxilAddrBits);
}

/// Never one that disables the unit.
BusMaster::Write BusMaster::some_write() {
  Write write{some_address(), static_cast<std::uint32_t>(random_()) >> below(32), kAllStrobes};
  if (below(4) == 0) write.data = 0;
  if (below(4) == 0) write.strobes = below(16);
  if (below(4) == 0) write.address = spec::kRegControl;
  if ((write.address & kWordMask) == spec::kRegControl) write.data = below(8) | 1U << spec::kControlEnableLsb;
  return write;
}

const BusRequest& BusMaster::drive() {
  const auto begins = [this] { return coin_.stalls(); };
  const bool may_write = !ending_ && std::max(addressed_, filled_) - answered_ < writes_.size();
  if (!request_.aw_valid && (addressed_ < filled_ || (addressed_ == filled_ && may_write)) &&
      (ending_ || begins())) {
    if (addressed_ == filled_) writes_[addressed_ % writes_.size()] = some_write();
    request_.aw_addr = writes_[addressed_++ % writes_.size()].address;
    request_.aw_valid = true;
  }
  if (!request_.w_valid && (filled_ < addressed_ || (addressed_ == filled_ && may_write)) &&
      (ending_ || begins())) {
    if (addressed_ == filled_) writes_[filled_ % writes_.size()] = some_write();
    const Write& write = writes_[filled_++ % writes_.size()];
    request_.w_data = write.data;
    request_.w_strb = write.strobes;
    request_.w_valid = true;
  }
  if (!request_.ar_valid && !reading_ && !ending_ && begins()) {
    request_.ar_addr = some_address();
    request_.ar_valid = reading_ = true;
  }
  request_.b_ready = ending_ || begins();
  request_.r_ready = ending_ || begins();
  return request_;
}

void BusMaster::step(const BusAnswer& answer) {
  if (answer.aw_ready) request_.aw_valid = false;
  if (answer.w_ready) request_.w_valid = false;
  if (answer.ar_ready) request_.ar_valid = false;
  if (answer.b_valid && request_.b_ready) ++answered_;
  if (answer.r_valid && request_.r_ready) reading_ = false;
}

bool BusMaster::has_ended() const {
  return !request_.aw_valid && !request_.w_valid && !reading_ && addressed_ == filled_ &&
         answered_ == addressed_;
}

}  // namespace quasim::cosim
