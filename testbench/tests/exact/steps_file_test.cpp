// steps.npz: what is written comes back; anything damaged is one InputError.
#include "exact/steps_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zip.h>

#include <cstring>
#include <fstream>
#include <iostream>

#include "io/files.hpp"
#include "io/npy.hpp"

namespace quasim {
namespace {

namespace fs = std::filesystem;

template <class T>
std::string npy_bytes(const std::vector<T>& values) {
  std::string text = npy_header_text(dtype_of<T>(), {values.size()});
  return text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// Members of a valid file: out falls by one at acc 0 for every bias, from bias/2 on; q rises at bias.
std::map<std::string, std::string> valid_members() {
  std::vector<std::int16_t> bias, first, q_first;
  std::vector<std::int32_t> offset{0}, acc;
  std::vector<std::int16_t> value, q_value;
  for (int b = -128; b <= 127; ++b) {
    bias.push_back(static_cast<std::int16_t>(b));
    first.push_back(static_cast<std::int16_t>(b / 2));
    acc.push_back(0);
    value.push_back(static_cast<std::int16_t>(b / 2 - 1));
    q_first.push_back(-128);
    q_value.push_back(static_cast<std::int16_t>(b));
    offset.push_back(static_cast<std::int32_t>(acc.size()));
  }
  return {{"acc_min", npy_bytes(std::vector<std::int32_t>{-1000})},
          {"acc_max", npy_bytes(std::vector<std::int32_t>{1000})},
          {"bias", npy_bytes(bias)},
          {"out_first", npy_bytes(first)},
          {"out_offset", npy_bytes(offset)},
          {"out_acc", npy_bytes(acc)},
          {"out_value", npy_bytes(value)},
          {"q_first", npy_bytes(q_first)},
          {"q_offset", npy_bytes(offset)},
          {"q_acc", npy_bytes(acc)},
          {"q_value", npy_bytes(q_value)}};
}

class steps_file : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("quasim_steps_" + std::to_string(::getpid()));
    fs::create_directories(directory_);
    file_ = directory_ / "steps.npz";
  }
  void TearDown() override { fs::remove_all(directory_); }

  void write(const std::map<std::string, std::string>& members) {
    fs::remove(file_);
    zip_t* archive = zip_open(file_.c_str(), ZIP_CREATE, nullptr);
    for (const auto& [name, bytes] : members)
      zip_file_add(archive, (name + ".npy").c_str(),
                   zip_source_buffer(archive, bytes.data(), bytes.size(), 0), 0);
    ASSERT_EQ(zip_close(archive), 0);
  }
  void write_bytes(const std::string& bytes) { std::ofstream(file_, std::ios::binary) << bytes; }
  std::string bytes() { return read_text_file(file_); }

  exact::Domain domain(std::int32_t low = -500, std::int32_t high = 500) const {
    return {exact::DomainKind::kReachable, {{-7, low, high, 0}, {9, low, high, 1}}};
  }
  exact::StageSteps read() { return exact::read_steps(file_, domain(), 8); }
  /// The one line that a damaged file gives; empty where it was accepted.
  std::string complaint() {
    try {
      read();
      return "";
    } catch (const InputError& error) {
      return error.what();
    }
  }

  fs::path directory_, file_;
};

TEST_F(steps_file, what_was_written_comes_back) {
  write(valid_members());
  const exact::StageSteps steps = read();
  EXPECT_EQ(steps.out[0], (exact::SliceSteps{{-500, -3}, {0, -4}}));
  EXPECT_EQ(steps.out[1], (exact::SliceSteps{{-500, 4}, {0, 3}}));
  EXPECT_EQ((*steps.q)[1], (exact::SliceSteps{{-500, -128}, {0, 9}}));
  EXPECT_FALSE(exact::read_steps(file_, domain(), 0).q.has_value());
  EXPECT_EQ(exact::read_steps(file_, domain(0, 5), 8).out[1], (exact::SliceSteps{{0, 3}}));
  EXPECT_EQ(exact::read_steps(file_, domain(-5, -1), 8).out[1], (exact::SliceSteps{{-5, 4}}))
      << "no step beyond the end";
  EXPECT_THROW(exact::read_steps(file_, domain(-2000, 0), 8), InputError);
  EXPECT_THROW(exact::read_steps(file_, domain(), 4), InputError);  // q values beyond 4 bits
}

TEST_F(steps_file, every_missing_or_malformed_member_is_named) {
  const auto good = valid_members();
  int refused = 0;
  for (const auto& [name, unused] : good) {
    auto members = good;
    members.erase(name);
    write(members);
    EXPECT_NE(complaint().find(name), std::string::npos) << name;
    members = good;
    members[name] = npy_bytes(std::vector<float>{1.0F});
    write(members);
    EXPECT_NE(complaint().find(name), std::string::npos) << name;
    members = good;
    members[name] = "not an array";
    write(members);
    EXPECT_NE(complaint().find(name), std::string::npos) << name;
    refused += 3;
  }
  std::cout << refused << " archives refused\n";
}

TEST_F(steps_file, steps_out_of_order_or_range_are_refused) {
  const auto good = valid_members();
  struct Row {
    const char* member;
    std::size_t element;
    std::int32_t value;
    const char* why;
  };
  int refused = 0;
  const auto changed = [&](const Row& row) {
    auto members = good;
    std::string& text = members[row.member];
    const std::size_t count =
        std::string(row.member) == "out_offset" ? 257 : (row.member[0] == 'a' ? 1 : 256);
    std::memcpy(text.data() + text.size() - (count - row.element) * 4, &row.value, 4);
    write(members);
    return complaint();
  };
  for (const Row& row : {Row{"out_acc", 3, -999, "the first step there can be"},
                         Row{"out_acc", 3, 1000, "the last step there can be"}})
    EXPECT_EQ(changed(row), "") << row.why;
  for (const Row& row :
       {Row{"out_offset", 0, 1, "offsets begin at 0"}, Row{"out_offset", 256, 255, "offsets end at n"},
        Row{"out_offset", 5, 200, "offsets ascend"}, Row{"out_acc", 3, -1000, "steps lie above acc_min"},
        Row{"out_acc", 3, 1001, "steps lie below acc_max"}, Row{"acc_min", 0, 2000, "acc_min is least"}}) {
    EXPECT_NE(changed(row), "") << row.why;
    ++refused;
  }
  std::cout << refused << " archives refused\n";
}

TEST_F(steps_file, damaged_archives_give_one_line_each) {
  write(valid_members());
  const std::string good = bytes();
  int truncated = 0, flipped = 0, accepted = 0;
  for (std::size_t length = 0; length < good.size(); length += 7) {
    write_bytes(good.substr(0, length));
    const std::string line = complaint();
    EXPECT_NE(line, "") << "truncated to " << length;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    ++truncated;
  }
  for (std::size_t at = 0; at < good.size(); at += 5) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    write_bytes(bad);
    const std::string line = complaint();
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    ++flipped;
    accepted += line.empty();
  }
  std::cout << truncated << " truncated and " << flipped << " altered archives; " << accepted
            << " alterations touched only what carries no data\n";
  EXPECT_GT(truncated, 0);
  EXPECT_LT(accepted * 4, flipped);
}

}  // namespace
}  // namespace quasim
