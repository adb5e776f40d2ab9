// Inputs made from well-formed ones: a few changes each, with an eye for numbers and words.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace quasim::fuzz {

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::uint64_t random_seed);

  /// The next input.
  std::string next();
  /// Tells that the last input was accepted: later ones may start from it.
  void keep(const std::string& input);

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  const std::string& any_seed() { return pool_[below(pool_.size())]; }
  void change(std::string& text);
  void replace_a_number(std::string& text);
  void replace_a_word(std::string& text);

  std::vector<std::string> pool_;
  std::size_t seeds_;
  std::mt19937_64 random_;
};

}  // namespace quasim::fuzz
