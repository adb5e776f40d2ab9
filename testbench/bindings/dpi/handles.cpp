#include "bindings/dpi/handles.hpp"

#include <limits>
#include <string>
#include <utility>

namespace quasim::dpi {

int HandleTable::add(std::shared_ptr<Session> session) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (last_ == std::numeric_limits<int>::max()) throw InputError("handle: all numbers have been given out");
  sessions_.emplace(last_ + 1, std::move(session));
  return ++last_;
}

std::map<int, std::shared_ptr<Session>>::const_iterator HandleTable::locate(int handle) const {
  const auto found = sessions_.find(handle);
  if (found == sessions_.end())
    throw BadHandle("handle " + std::to_string(handle) + ": " +
                    (handle > 0 && handle <= last_ ? "closed" : "never opened"));
  return found;
}

std::shared_ptr<Session> HandleTable::find(int handle) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return locate(handle)->second;
}

void HandleTable::close(int handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  sessions_.erase(locate(handle));
}

}  // namespace quasim::dpi
