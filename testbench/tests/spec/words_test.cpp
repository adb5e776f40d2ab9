// Foreign text in messages, and misspelt words.
#include "spec/words.hpp"

#include <gtest/gtest.h>

#include "spec/error.hpp"

namespace quasim {
namespace {

struct Row {
  const char* why;
  std::string text;
  std::string expected;
};

TEST(words, foreign_text_stays_in_its_line) {
  using namespace std::string_literals;
  const Row rows[] = {
      {"plain text is kept", "layers/in_proj 0", "layers/in_proj 0"},
      {"other alphabets are kept", "Schicht Größe \u5c64 \U0001f40d", "Schicht Größe \u5c64 \U0001f40d"},
      {"a backslash is kept", "a\\nb", "a\\nb"},
      {"a forged line", "a\nquasim: all agree", "a\\nquasim: all agree"},
      {"a carriage return", "a\rb", "a\\rb"},
      {"a tab", "a\tb", "a\\tb"},
      {"a terminal escape", "\x1b[2Jx", "\\x1b[2Jx"},
      {"a NUL", "a\0b"s, "a\\x00b"},
      {"delete", "\x7f", "\\x7f"},
      {"an eight-bit terminal escape", "\u009b2J", "\\u009b2J"},
      {"next line", "a\u0085b", "a\\u0085b"},
      {"line separators", "a\u2028b\u2029c", "a\\u2028b\\u2029c"},
      {"writing from right to left", "\u202egnp.exe", "\\u202egnp.exe"},
      {"isolates", "\u2066a\u2069", "\\u2066a\\u2069"},
      {"what cannot be seen", "a\u200bb\ufeff", "a\\u200bb\\ufeff"},
      {"a lone continuation byte", "a\x80z", "a\\x80z"},
      {"a cut character", "a\xe5\xb1", "a\\xe5\\xb1"},
      {"an overlong newline", "\xc0\x8a", "\\xc0\\x8a"},
      {"an overlong slash of three bytes", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
      {"a surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
      {"beyond Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"no UTF-8 at all", "\xff\xfe", "\\xff\\xfe"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(printable(row.text), row.expected) << row.why;
    EXPECT_EQ(printable(row.expected), row.expected) << row.why << ", twice";
    EXPECT_EQ(InputError(row.text).what(), row.expected) << row.why << ", in an error";
  }
}

TEST(words, every_byte_and_every_pair_of_bytes_is_one_printable_line) {
  std::size_t checked = 0;
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second, ++checked) {
      const std::string text = printable(std::string{static_cast<char>(first), static_cast<char>(second)});
      for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        ASSERT_TRUE(byte >= 0x20 && byte != 0x7f) << first << " " << second;
        ASSERT_TRUE(byte < 0x80 || text.size() == 2U) << first << " " << second;
      }
    }
  EXPECT_EQ(checked, 65536U);
}

TEST(words, a_message_has_an_end) {
  const std::string what = InputError(std::string(100000, 'x')).what();
  EXPECT_LT(what.size(), 10000U);
  EXPECT_EQ(what.substr(what.size() - 3), "...");
  EXPECT_EQ(shortened("äöü", 3), "ä...") << "no half characters";
  EXPECT_EQ(shortened("abc", 3), "abc");
}

TEST(words, width_counts_characters) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("Größe"), 5U);
}

TEST(words, digits_in_groups) {
  const std::pair<std::uint64_t, const char*> rows[] = {{0, "0"},
                                                        {999, "999"},
                                                        {1000, "1,000"},
                                                        {12345678, "12,345,678"},
                                                        {UINT64_MAX, "18,446,744,073,709,551,615"}};
  for (const auto& [value, text] : rows) EXPECT_EQ(group_digits(value), text);
}

TEST(words, the_nearest_word_is_suggested) {
  const std::vector<std::string> verbs{"run", "cosim", "compile", "compare", "certify", "explain"};
  EXPECT_EQ(did_you_mean("compil", verbs), "; did you mean compile?");
  EXPECT_EQ(did_you_mean("ceritfy", verbs), "; did you mean certify?") << "swapped letters";
  EXPECT_EQ(did_you_mean("csoim", verbs), "; did you mean cosim?");
  EXPECT_EQ(did_you_mean("cat", {"bat", "rat"}), "; did you mean bat?") << "the first of the nearest";
  EXPECT_EQ(did_you_mean("synthesise", verbs), "") << "nothing is near";
  EXPECT_EQ(did_you_mean("", verbs), "");
  EXPECT_EQ(did_you_mean(std::string(100000, 'x'), verbs), "") << "and it does not take long";
}

}  // namespace
}  // namespace quasim
