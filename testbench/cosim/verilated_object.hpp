// One object of a Verilated class, with its ports by name.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "cosim/verilated_abi.hpp"

namespace quasim::cosim {

class VerilatedObject {
 public:
  /// `trace` empty: no waveform. Throws InputError where the waveform cannot be created.
  VerilatedObject(const VerilatedAbi& abi, const std::filesystem::path& trace);
  ~VerilatedObject();
  VerilatedObject(const VerilatedObject&) = delete;
  VerilatedObject& operator=(const VerilatedObject&) = delete;

  void settle() const { abi_.settle(unit_); }
  void clock() const { abi_.clock(unit_); }
  /// False where there is no public register of that name.
  bool peek(const std::string& scope, const char* name, std::int64_t& value) const {
    return abi_.peek(unit_, scope.c_str(), name, &value);
  }
  /// Throws InputError where the module has no such port.
  VerilatedPort port(const char* name) const;

 private:
  const VerilatedAbi& abi_;
  void* unit_;
  std::vector<VerilatedPort> ports_;
};

/// A port of at most 64 bits as a number.
class NumberPort {
 public:
  NumberPort(const VerilatedObject& object, const char* name);
  NumberPort(const NumberPort&) = delete;
  NumberPort& operator=(const NumberPort&) = delete;
  std::uint64_t operator=(std::uint64_t value) {
    std::memcpy(data_, &value, bytes_);
    return value;
  }
  operator std::uint64_t() const {
    std::uint64_t value = 0;
    std::memcpy(&value, data_, bytes_);
    return value;
  }

 private:
  void* data_;
  std::size_t bytes_;
};

/// A port of one bit.
class BitPort {
 public:
  BitPort(const VerilatedObject& object, const char* name)
      : bit_(static_cast<std::uint8_t*>(object.port(name).data)) {}
  BitPort(const BitPort&) = delete;
  BitPort& operator=(const BitPort&) = delete;
  bool operator=(bool value) {
    *bit_ = value ? 1 : 0;
    return value;
  }
  operator bool() const { return *bit_ != 0; }

 private:
  std::uint8_t* bit_;
};

}  // namespace quasim::cosim
