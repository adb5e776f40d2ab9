// Numbers for open models. A number is given out once, so a closed handle never names another model.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "bindings/dpi/beat_stream.hpp"
#include "bindings/dpi/layer_model.hpp"
#include "spec/error.hpp"
#include "types/register_writes.hpp"

namespace quasim::dpi {

/// A handle that is closed, or was never given out.
class BadHandle : public InputError {
 public:
  using InputError::InputError;
};

/// What a handle stands for. `mutex` guards model and stream: their calls change the history.
struct Session {
  explicit Session(LayerProgram program)
      : model(std::move(program)), writes(register_writes(model.program())) {}

  std::mutex mutex;
  LayerModel model;
  BeatStream stream;
  const std::vector<RegisterWrite> writes;
};

/// Safe to use from several threads.
class HandleTable {
 public:
  int add(std::shared_ptr<Session> session);
  /// Throws BadHandle. The session lives as long as the caller holds it, even when another thread closes the
  /// handle.
  std::shared_ptr<Session> find(int handle) const;
  void close(int handle);

 private:
  std::map<int, std::shared_ptr<Session>>::const_iterator locate(int handle) const;

  mutable std::mutex mutex_;
  std::map<int, std::shared_ptr<Session>> sessions_;
  int last_ = 0;
};

}  // namespace quasim::dpi
