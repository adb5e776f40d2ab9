#include "cosim/verilated_object.hpp"

#include "cosim/fst_errors.hpp"
#include "spec/error.hpp"

namespace quasim::cosim {

VerilatedObject::VerilatedObject(const VerilatedAbi& abi, const std::filesystem::path& trace) : abi_(abi) {
  if (abi.layout != VerilatedAbi::kLayout)
    throw InputError("RTL: the unit's library was built by another version of this program");
  unit_ = abi.create(trace.empty() ? nullptr : trace.c_str());
  if (unit_ == nullptr) throw InputError(trace.string() + ": cannot create the waveform");
  ports_.resize(abi.ports(unit_, nullptr, 0));
  abi.ports(unit_, ports_.data(), ports_.size());
}

VerilatedObject::~VerilatedObject() {
  abi_.destroy(unit_);
  note_fst_error(abi_.trace_error());
}

VerilatedPort VerilatedObject::port(const char* name) const {
  for (const VerilatedPort& port : ports_)
    if (std::strcmp(port.name, name) == 0) return port;
  throw InputError(std::string("RTL: no port ") + name);
}

NumberPort::NumberPort(const VerilatedObject& object, const char* name) {
  const VerilatedPort port = object.port(name);
  if (port.bytes > sizeof(std::uint64_t))
    throw InputError(std::string("RTL: the port ") + name + " is wider than 64 bits");
  data_ = port.data;
  bytes_ = port.bytes;
}

}  // namespace quasim::cosim
