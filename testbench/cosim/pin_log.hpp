// The pins of the unit, cycle by cycle, as the SystemC side saw them; what the RTL side is driven with and
// held against.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace quasim::cosim {

/// One cycle, before its rising edge.
struct PinCycle {
  // driven by the environment
  bool s_valid, s_first, s_last, m_ready;
  // answered by the SystemC model
  bool s_ready, m_valid, m_last;
  /// acc, product, q, out: 1 + index of the watched beat it holds, or 0.
  std::array<std::uint8_t, 4> watched;
  std::uint64_t m_keep;
  /// What the edge adds to the counters of live elements at a limit: as beats leave the q and the out
  /// register.
  std::uint8_t saturated_conv, saturated_out;
};

/// The AXI4-Lite pins that a master drives.
struct BusRequest {
  bool aw_valid = false, w_valid = false, b_ready = false, ar_valid = false, r_ready = false;
  std::uint32_t aw_addr = 0, w_data = 0, w_strb = 0, ar_addr = 0;
};

/// Those that the unit answers with. What a response pin shows counts while its valid bit is set.
struct BusAnswer {
  bool aw_ready = true, w_ready = true, b_valid = false, ar_ready = true, r_valid = false;
  std::uint32_t b_resp = 0, r_resp = 0, r_data = 0;
};

/// The bus in one cycle, before its rising edge.
struct BusCycle {
  BusRequest request;
  BusAnswer answer;
};

/// A run of consecutive cycles. Samples are lanes() bytes a cycle, defined where the valid bit is set.
struct PinBatch {
  static constexpr std::size_t kCycles = 2048;

  explicit PinBatch(std::size_t lanes, bool has_bus = false)
      : s_data(kCycles * lanes), m_data(kCycles * lanes), bus(has_bus ? kCycles : 0) {}
  std::size_t count = 0;
  std::vector<PinCycle> cycles = std::vector<PinCycle>(kCycles);
  std::vector<std::int8_t> s_data, m_data;
  std::vector<BusCycle> bus;  ///< empty: the bus is left alone
};

/// Hands batches from the simulation to the thread that evaluates the RTL, a few at a time.
class PinQueue {
 public:
  explicit PinQueue(std::size_t lanes, bool has_bus = false) {
    for (int i = 0; i < 8; ++i) free_.push_back(std::make_unique<PinBatch>(lanes, has_bus));
  }

  std::unique_ptr<PinBatch> take_free() { return pop(free_); }
  void give_full(std::unique_ptr<PinBatch> batch) { push(full_, std::move(batch)); }
  /// nullptr once the writer has closed the queue and all of it was taken.
  std::unique_ptr<PinBatch> take_full() { return pop(full_); }
  void give_free(std::unique_ptr<PinBatch> batch) {
    batch->count = 0;
    push(free_, std::move(batch));
  }
  void close() { push(full_, nullptr); }

 private:
  using Batches = std::deque<std::unique_ptr<PinBatch>>;

  std::unique_ptr<PinBatch> pop(Batches& from) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !from.empty(); });
    auto batch = std::move(from.front());
    from.pop_front();
    return batch;
  }
  void push(Batches& to, std::unique_ptr<PinBatch> batch) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      to.push_back(std::move(batch));
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Batches free_, full_;
};

}  // namespace quasim::cosim
