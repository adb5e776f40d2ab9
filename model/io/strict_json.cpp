#include "io/strict_json.hpp"

#include <type_traits>

namespace quasim {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kLongestReason = 200;

}  // namespace

std::string json_reason(const std::exception& error) {
  const std::string what = error.what();
  const std::size_t end = what.rfind("[json.exception", 0) == 0 ? what.find("] ") : std::string::npos;
  return shortened(end == std::string::npos ? what : what.substr(end + 2), kLongestReason);
}

template <class Json>
Json parse_strict(const std::string& text, const std::filesystem::path& name) {
  using Event = typename Json::parse_event_t;
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos)
    throw InputError(name, "JSON", "text without NUL; there is one at byte " + std::to_string(nul));
  std::vector<std::set<std::string>> keys_seen;
  const auto watch = [&](int depth, Event event, Json& parsed) {
    if (depth > kMaxDepth) throw InputError(name, "JSON", "at most 64 levels of nesting");
    if (event == Event::object_start) keys_seen.emplace_back();
    if (event == Event::object_end) keys_seen.pop_back();
    if (event == Event::key && !keys_seen.back().insert(parsed.template get<std::string>()).second)
      throw InputError(name, shortened(parsed.template get<std::string>(), kLongestReason),
                       "each key once; it is there twice");
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const typename Json::exception& error) {
    constexpr bool kFp32 = std::is_same_v<typename Json::number_float_t, float>;
    throw InputError(
        name, "JSON",
        std::string("valid JSON") + (kFp32 ? " with numbers that fit fp32" : "") + ": " + json_reason(error));
  }
}

template Fp32Json parse_strict(const std::string&, const std::filesystem::path&);
template nlohmann::json parse_strict(const std::string&, const std::filesystem::path&);
template nlohmann::ordered_json parse_strict(const std::string&, const std::filesystem::path&);

}  // namespace quasim
