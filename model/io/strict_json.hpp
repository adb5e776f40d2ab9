// JSON from outside, read strictly: no duplicate keys, bounded nesting, every key known, every value of the
// type and range that is asked for. Each refusal is an InputError that names file, key, what was expected and
// what was found.
#pragma once

#include <cmath>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "spec/error.hpp"

namespace quasim {

/// JSON whose numbers are fp32, so that a scale is the fp32 nearest to its decimal text, rounded once.
using Fp32Json =
    nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t, float>;

/// Why the library refuses JSON, in its words but without its name for the error.
std::string json_reason(const std::exception& error);

/// Parses JSON text strictly: no comments, no NUL, no duplicate keys, at most 64 levels, numbers that fit.
/// `name` is what errors call it. For Fp32Json, nlohmann::json and nlohmann::ordered_json.
template <class Json>
Json parse_strict(const std::string& text, const std::filesystem::path& name);

inline Fp32Json parse_json_strict(const std::string& text, const std::filesystem::path& name) {
  return parse_strict<Fp32Json>(text, name);
}

/// The members of one JSON object. Each reading function makes its key known; refuse_unknown() then refuses
/// the keys that nobody asked for.
template <class Json>
class JsonFields {
 public:
  /// `what` names the object in messages, and `file` outlives the fields, as `json` does. `prefix` goes
  /// before each key in messages, for instance "groups[2].".
  JsonFields(const Json& json, const std::filesystem::path& file, const std::string& what,
             std::string prefix = "")
      : json_(json), file_(file), prefix_(std::move(prefix)) {
    if (!json.is_object()) throw InputError(file, what, "a JSON object; got " + text_of(json));
  }

  /// Null where there is no such key.
  const Json* optional(const char* key) {
    known_.insert(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  const Json& required(const char* key, const std::string& expectation) {
    const Json* value = optional(key);
    if (value == nullptr) refuse(key, expectation + "; it is missing");
    return *value;
  }

  std::string text(const char* key, const std::string& expectation = "a string") {
    const Json& value = required(key, expectation);
    if (!value.is_string()) refuse(key, expectation + "; got " + text_of(value));
    return value.template get<std::string>();
  }
  /// The string must be `value`, as a format's name must.
  void require_text(const char* key, const std::string& value) {
    const std::string expectation = "the string \"" + value + "\"";
    const std::string found = text(key, expectation);
    if (found != value) refuse(key, expectation + "; got \"" + shortened(found, kLongestValue) + "\"");
  }

  std::int64_t integer(const std::string& key, const Json& value, std::int64_t low, std::int64_t high) const {
    const bool in_range = value.is_number_unsigned()
                              ? high >= 0 &&
                                    value.template get<std::uint64_t>() <= static_cast<std::uint64_t>(high) &&
                                    static_cast<std::int64_t>(value.template get<std::uint64_t>()) >= low
                              : value.is_number_integer() && value.template get<std::int64_t>() >= low &&
                                    value.template get<std::int64_t>() <= high;
    if (!in_range)
      refuse(key, "an integer from " + std::to_string(low) + " to " + std::to_string(high) + "; got " +
                      text_of(value));
    return value.template get<std::int64_t>();
  }
  std::int64_t integer(const char* key, std::int64_t low, std::int64_t high) {
    const std::string expectation = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
    return integer(key, required(key, expectation), low, high);
  }

  bool boolean(const char* key) {
    const Json& value = required(key, "true or false");
    if (!value.is_boolean()) refuse(key, "true or false; got " + text_of(value));
    return value.template get<bool>();
  }

  const Json& object(const char* key) {
    const Json& value = required(key, "an object");
    if (!value.is_object()) refuse(key, "an object; got " + text_of(value));
    return value;
  }

  const Json& list(const char* key, const std::string& expectation = "a list") {
    const Json& value = required(key, expectation);
    if (!value.is_array()) refuse(key, expectation + "; got " + text_of(value));
    return value;
  }
  /// A list of integers, each from `low` to `high`, which T holds.
  template <class T>
  std::vector<T> integers(const char* key, std::int64_t low, std::int64_t high) {
    std::vector<T> values;
    const Json& entries = list(key, "a list of integers");
    values.reserve(entries.size());
    for (const Json& value : entries) values.push_back(static_cast<T>(integer(key, value, low, high)));
    return values;
  }

  /// One finite, positive, normal number for a whole tensor.
  template <class Float = float>
  Float scale(const std::string& key, const Json& value) const {
    constexpr char kExpectation[] = "a finite, positive, normal fp32 number";
    if (value.is_array())
      refuse(key, std::string(kExpectation) + ", one for the whole tensor; got a list of " +
                      std::to_string(value.size()) + ", which looks like a scale for each channel");
    if (!value.is_number()) refuse(key, std::string(kExpectation) + "; got " + text_of(value));
    const auto number = value.template get<Float>();
    if (!std::isnormal(number) || number < 0)
      refuse(key, std::string(kExpectation) + "; got " + text_of(value));
    return number;
  }
  float scale(const char* key) { return scale(key, required(key, "a scale")); }

  void refuse_unknown() const {
    const std::vector<std::string> known(known_.begin(), known_.end());
    for (const auto& item : json_.items())
      if (known_.count(item.key()) == 0)
        refuse(shortened(item.key(), kLongestValue),
               "no such key; it is unknown" + did_you_mean(item.key(), known));
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& expectation) const {
    throw InputError(file_, prefix_ + key, expectation);
  }

  /// A value as a message quotes it.
  static std::string text_of(const Json& value) {
    if (value.is_array()) return "a list of " + std::to_string(value.size());
    if (value.is_object()) return "an object";
    return shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace), kLongestValue);
  }

 private:
  static constexpr std::size_t kLongestValue = 60;

  const Json& json_;
  const std::filesystem::path& file_;
  std::string prefix_;
  std::set<std::string> known_;
};

}  // namespace quasim
