// JSON from outside: what is refused, and how it is named.
#include "io/strict_json.hpp"

#include <gtest/gtest.h>

namespace quasim {
namespace {

using Json = nlohmann::ordered_json;
const std::filesystem::path kFile = "file.json";

/// The message of the InputError that `act` throws; empty where it throws none.
template <class Act>
std::string refusal(Act act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(strict_json, text_that_is_refused) {
  using namespace std::string_literals;
  const std::pair<const char*, std::string> rows[] = {{"empty", ""},
                                                      {"cut", "{\"a\": [1"},
                                                      {"comment", "{} // x"},
                                                      {"twice", R"({"a":1,"a":2})"},
                                                      {"twice inside", R"([{"b":{"a":1,"a":2}}])"},
                                                      {"two documents", "{} {}"},
                                                      {"trailing NUL", "{}\0"s},
                                                      {"NUL and more", "{}\0garbage"s},
                                                      {"NUL inside", "{\"a\": \0 1}"s},
                                                      {"not UTF-8", "\"\xff\""},
                                                      {"control character", "\"a\nb\""},
                                                      {"too large", "1e999"},
                                                      {"deep", std::string(100, '[') + std::string(100, ']')},
                                                      {"very deep", std::string(1000000, '[')}};
  for (const auto& [why, text] : rows) {
    const auto all = {refusal([&, t = text] { parse_strict<Json>(t, kFile); }),
                      refusal([&, t = text] { parse_strict<nlohmann::json>(t, kFile); }),
                      refusal([&, t = text] { parse_strict<Fp32Json>(t, kFile); })};
    for (const std::string& what : all) {
      EXPECT_EQ(what.rfind("file.json: ", 0), 0U) << why << ": " << what;
      EXPECT_EQ(what.find("json.exception"), std::string::npos) << why << ": " << what;
      EXPECT_LT(what.size(), 400U) << why;
    }
  }
  EXPECT_EQ(refusal([] { parse_strict<Json>(std::string(64, '[') + std::string(64, ']'), kFile); }), "");
  EXPECT_NE(refusal([] { parse_strict<Fp32Json>("1e39", kFile); }), "") << "fp32 ends before";
  EXPECT_EQ(refusal([] { parse_strict<Json>("1e39", kFile); }), "");
}

TEST(strict_json, values_that_are_refused_and_named) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({})", "file.json: n: expected an integer from -4 to 300; it is missing"},
      {R"({"n": 301})", "file.json: n: expected an integer from -4 to 300; got 301"},
      {R"({"n": -5})", "file.json: n: expected an integer from -4 to 300; got -5"},
      {R"({"n": 4.0})", "file.json: n: expected an integer from -4 to 300; got 4.0"},
      {R"({"n": 4.9})", "file.json: n: expected an integer from -4 to 300; got 4.9"},
      {R"({"n": "4"})", "file.json: n: expected an integer from -4 to 300; got \"4\""},
      {R"({"n": true})", "file.json: n: expected an integer from -4 to 300; got true"},
      {R"({"n": null})", "file.json: n: expected an integer from -4 to 300; got null"},
      {R"({"n": [4]})", "file.json: n: expected an integer from -4 to 300; got a list of 1"},
      {R"({"n": 4294967300})", "file.json: n: expected an integer from -4 to 300; got 4294967300"},
      {R"({"n": 18446744073709551615})",
       "file.json: n: expected an integer from -4 to 300; got 18446744073709551615"},
      {R"({"n": 18446744073709551616})",
       "file.json: n: expected an integer from -4 to 300; got 1.8446744073709552e+19"},
      {R"({"n": 4, "list": 3})", "file.json: list: expected a list of integers; got 3"},
      {R"({"n": 4, "list": [1, 200]})", "file.json: list: expected an integer from -128 to 127; got 200"},
      {R"({"n": 4, "list": [1, 1.5]})", "file.json: list: expected an integer from -128 to 127; got 1.5"},
      {R"({"n": 4, "list": [], "name": 5})", "file.json: name: expected a string; got 5"},
      {R"({"n": 4, "list": [], "name": "a", "scale": [1.0, 2.0]})",
       "file.json: scale: expected a finite, positive, normal fp32 number, one for the whole tensor; got a "
       "list "
       "of 2, which looks like a scale for each channel"},
      {R"({"n": 4, "list": [], "name": "a", "scale": 0.0})",
       "file.json: scale: expected a finite, positive, normal fp32 number; got 0.0"},
      {R"({"n": 4, "list": [], "name": "a", "scale": 1.0, "scael": 1.0})",
       "file.json: scael: expected no such key; it is unknown; did you mean scale?"},
      {R"({"n": 4, "list": [], "name": "a", "scale": 1.0, "a\nb": 1.0})",
       "file.json: a\\nb: expected no such key; it is unknown"},
      {R"([4])", "file.json: thing: expected a JSON object; got a list of 1"},
      {R"({"n": -4, "list": [-128, 127], "name": "a", "scale": 1.0})", ""}};
  for (const auto& [text, expected] : rows)
    EXPECT_EQ(refusal([&, t = text] {
                const Json json = parse_strict<Json>(t, kFile);
                JsonFields<Json> fields(json, kFile, "thing");
                fields.integer("n", -4, 300);
                fields.integers<std::int8_t>("list", -128, 127);
                fields.text("name");
                fields.scale("scale");
                fields.refuse_unknown();
              }),
              expected);
}

TEST(strict_json, integers_below_zero_are_no_large_ones) {
  const Json json = parse_strict<Json>(R"({"n": 5})", kFile);
  JsonFields<Json> fields(json, kFile, "thing", "groups[2].");
  EXPECT_EQ(refusal([&] { fields.integer("n", -9, -1); }),
            "file.json: groups[2].n: expected an integer from -9 to -1; got 5");
}

}  // namespace
}  // namespace quasim
