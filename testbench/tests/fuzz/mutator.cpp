#include "tests/fuzz/mutator.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

namespace quasim::fuzz {
namespace {

constexpr std::size_t kPoolSize = 512;
constexpr std::size_t kLongestInput = std::size_t{1} << 16;

constexpr std::array<const char*, 38> kNumbers{"0",
                                               "-0",
                                               "1",
                                               "-1",
                                               "2",
                                               "3",
                                               "4.9",
                                               "4.0",
                                               "0.1",
                                               "7",
                                               "8",
                                               "15",
                                               "16",
                                               "17",
                                               "127",
                                               "128",
                                               "-128",
                                               "-129",
                                               "255",
                                               "256",
                                               "32767",
                                               "65536",
                                               "2147483647",
                                               "2147483648",
                                               "-2147483649",
                                               "4294967295",
                                               "4294967296",
                                               "9223372036854775807",
                                               "9223372036854775808",
                                               "-9223372036854775809",
                                               "18446744073709551615",
                                               "18446744073709551616",
                                               "1e39",
                                               "1e-46",
                                               "1e308",
                                               "1e309",
                                               "1e-9",
                                               "99999999999999999999999999"};

constexpr std::array<const char*, 40> kWords{"null",
                                             "true",
                                             "false",
                                             "NaN",
                                             "Infinity",
                                             "-Infinity",
                                             "[]",
                                             "{}",
                                             "[",
                                             "{",
                                             "]",
                                             "}",
                                             "\"\"",
                                             "\"x\"",
                                             ",",
                                             ":",
                                             "\\u0000",
                                             "\\ud800",
                                             "\\n",
                                             "\"half_even\"",
                                             "\"half_away\"",
                                             "\"two_step\"",
                                             "\"fused\"",
                                             "|i1",
                                             "<i2",
                                             "<i4",
                                             "<f4",
                                             ">i4",
                                             "|O",
                                             "True",
                                             "False",
                                             "'descr'",
                                             "'shape'",
                                             "(1,)",
                                             "()",
                                             "..",
                                             "/",
                                             "\x1b[2J",
                                             "\xff\xfe",
                                             "\xe2\x80\xa8"};

}  // namespace

Mutator::Mutator(std::vector<std::string> seeds, std::uint64_t random_seed)
    : pool_(std::move(seeds)), seeds_(pool_.size()), random_(random_seed) {}

std::string Mutator::next() {
  std::string text = any_seed();
  std::size_t changes = 1;
  while (changes < 8 && below(2) == 0) ++changes;
  for (std::size_t i = 0; i < changes; ++i) change(text);
  if (text.size() > kLongestInput) text.resize(kLongestInput);
  return text;
}

void Mutator::keep(const std::string& input) {
  if (pool_.size() < kPoolSize)
    pool_.push_back(input);
  else
    pool_[seeds_ + below(kPoolSize - seeds_)] = input;
}

void Mutator::change(std::string& text) {
  const std::size_t at = below(text.size() + 1);
  const std::size_t length =
      std::min<std::size_t>(1 + below(below(8) == 0 ? text.size() + 1 : 8), text.size() - at);
  switch (below(11)) {
    case 0:
      if (at < text.size())
        text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ 1U << below(8));
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(below(256));
      break;
    case 2:
      text.erase(at, length);
      break;
    case 3:
      text.insert(at, 1 + below(4), static_cast<char>(below(256)));
      break;
    case 4:
      text.insert(below(text.size() + 1), text.substr(at, length));
      break;
    case 5: {
      const std::string& other = any_seed();
      const std::size_t from = below(other.size() + 1);
      text.replace(at, length, other, from, 1 + below(64));
      break;
    }
    case 6:
      text.resize(at);
      break;
    case 7:
      text.insert(at, kWords[below(kWords.size())]);
      break;
    case 8:
      replace_a_word(text);
      break;
    default:
      replace_a_number(text);
  }
}

void Mutator::replace_a_number(std::string& text) {
  std::size_t begin = below(text.size() + 1);
  const auto is_digit = [&text](std::size_t i) {
    return std::isdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  while (begin < text.size() && !is_digit(begin)) ++begin;
  std::size_t end = begin;
  while (end < text.size() && (is_digit(end) || text[end] == '.')) ++end;
  if (begin > 0 && text[begin - 1] == '-') --begin;
  text.replace(begin, end - begin, kNumbers[below(kNumbers.size())]);
}

void Mutator::replace_a_word(std::string& text) {
  const std::size_t begin = text.find_first_of("\"'", below(text.size() + 1));
  if (begin == std::string::npos) return;
  const std::size_t end = text.find(text[begin], begin + 1);
  if (end == std::string::npos) return;
  text.replace(begin, end - begin + 1, kWords[below(kWords.size())]);
}

}  // namespace quasim::fuzz
