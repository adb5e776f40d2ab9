// An RTL unit that passes everything on to another one, for tests that look at or alter what goes through.
#pragma once

#include <utility>

#include "cosim/rtl_unit.hpp"

namespace quasim::test {

class ForwardingUnit : public cosim::RtlUnit {
 public:
  explicit ForwardingUnit(std::unique_ptr<cosim::RtlUnit> inner) : inner_(std::move(inner)) {}

  std::size_t lanes() const override { return inner_->lanes(); }
  void reset() override { inner_->reset(); }
  Response axil_write(std::uint32_t address, std::uint32_t data) override {
    return inner_->axil_write(address, data);
  }
  Response axil_read(std::uint32_t address) override { return inner_->axil_read(address); }
  void start(const Stream& stream) override { inner_->start(stream); }
  void run(const cosim::PinBatch& batch) override { inner_->run(batch); }
  void finish() override { inner_->finish(); }
  const Outcome& outcome() const override { return inner_->outcome(); }
  std::uint64_t run_bare(const std::int8_t* samples, std::size_t beats,
                         std::size_t beats_per_token) override {
    return inner_->run_bare(samples, beats, beats_per_token);
  }

  /// Another unit takes the place.
  void exchange(std::unique_ptr<cosim::RtlUnit> inner) { inner_ = std::move(inner); }

 private:
  std::unique_ptr<cosim::RtlUnit> inner_;
};

}  // namespace quasim::test
