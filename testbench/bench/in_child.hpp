// Measurements that must not see each other: each runs in a process of its own and hands numbers back.
#pragma once

#include <functional>
#include <vector>

namespace quasim::bench {

/// Runs `measure` in a forked child and returns the numbers it returned. Throws InputError when the child
/// failed.
std::vector<double> in_child(const std::function<std::vector<double>()>& measure);

/// The middle value; the lower one of two.
double median(std::vector<double> values);

}  // namespace quasim::bench
