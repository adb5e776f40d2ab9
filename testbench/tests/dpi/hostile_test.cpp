// Handles, paths and values that no caller should pass: each is answered with a status and one line, nothing
// else happens.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "bindings/dpi/quasim_dpi.h"
#include "tests/dpi/program_file.hpp"

namespace quasim {
namespace {

constexpr int kHuge = std::numeric_limits<int>::max();

struct Call {
  const char* name;
  std::function<int(int)> call;  ///< of a handle
};

/// Every function that takes a handle, with arguments that are otherwise good.
std::vector<Call> calls() {
  static int i, j, k;
  static long long p;
  static std::uint32_t words[QUASIM_DPI_BEAT_WORDS], out[QUASIM_DPI_BEAT_WORDS], keep[QUASIM_DPI_KEEP_WORDS];
  static std::int8_t samples[64], outputs[64];
  return {{"shape", [](int h) { return quasim_dpi_shape(h, &i, &j, &k); }},
          {"write_count", [](int h) { return quasim_dpi_write_count(h, &i); }},
          {"write_at", [](int h) { return quasim_dpi_write_at(h, 0, &i, &j); }},
          {"conv_acc", [](int h) { return quasim_dpi_conv_acc(h, 0, 0, 0, 0, 0, &i); }},
          {"requant_p", [](int h) { return quasim_dpi_requant_p(h, 0, 0, &p); }},
          {"requant_q", [](int h) { return quasim_dpi_requant_q(h, 0, &i); }},
          {"silu", [](int h) { return quasim_dpi_silu(h, 0, &i); }},
          {"element", [](int h) { return quasim_dpi_element(h, 0, 0, 1, &i); }},
          {"element_stages", [](int h) { return quasim_dpi_element_stages(h, 0, 0, 1, &i, &p, &j, &k); }},
          {"beat", [](int h) { return quasim_dpi_beat(h, 4, words, 1, out, keep); }},
          {"restart", [](int h) { return quasim_dpi_restart(h); }},
          {"layer", [](int h) { return quasim_dpi_layer(h, 1, 2, 1, samples, outputs); }},
          {"read_history", [](int h) { return quasim_dpi_read_history(h, 0, &i); }},
          {"write_history", [](int h) { return quasim_dpi_write_history(h, 0, 0); }},
          {"close", [](int h) { return quasim_dpi_close(h); }}};
}

void expect_one_line(const char* contains) {
  const std::string line = quasim_dpi_last_error();
  EXPECT_FALSE(line.empty());
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  EXPECT_NE(line.find(contains), std::string::npos) << line;
}

class hostile : public ::testing::Test {
 protected:
  hostile() { EXPECT_EQ(quasim_dpi_open(file_.path().c_str(), &handle_), QUASIM_DPI_OK); }
  ~hostile() override { quasim_dpi_close(handle_); }

  std::mt19937_64 random_{7};
  test::ProgramFile file_{random_, 6, 4};
  int handle_ = 0;
};

TEST_F(hostile, bad_handles_are_refused_by_every_function) {
  int closed = 0;
  ASSERT_EQ(quasim_dpi_open(file_.path().c_str(), &closed), QUASIM_DPI_OK);
  ASSERT_EQ(quasim_dpi_close(closed), QUASIM_DPI_OK);
  for (const Call& call : calls()) {
    for (int handle : {0, -1, kHuge, std::numeric_limits<int>::min()}) {
      EXPECT_EQ(call.call(handle), QUASIM_DPI_BAD_HANDLE) << call.name << " " << handle;
      expect_one_line("never opened");
    }
    EXPECT_EQ(call.call(closed), QUASIM_DPI_BAD_HANDLE) << call.name;
    expect_one_line("closed");
  }
  for (const Call& call : calls()) EXPECT_EQ(call.call(handle_), QUASIM_DPI_OK) << call.name;
  EXPECT_EQ(quasim_dpi_close(handle_), QUASIM_DPI_BAD_HANDLE);  // the table's last call closed it
}

TEST_F(hostile, handles_are_never_used_twice) {
  int second = 0, third = 0;
  ASSERT_EQ(quasim_dpi_open(file_.path().c_str(), &second), QUASIM_DPI_OK);
  ASSERT_EQ(quasim_dpi_close(second), QUASIM_DPI_OK);
  ASSERT_EQ(quasim_dpi_open(file_.path().c_str(), &third), QUASIM_DPI_OK);
  EXPECT_NE(third, second);
  EXPECT_EQ(quasim_dpi_close(third), QUASIM_DPI_OK);
}

TEST_F(hostile, bad_paths_are_one_line) {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("quasim_dpi_hostile_" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory / "empty");
  std::ofstream(directory / "broken.json") << "{\"format\":\n\"quasim.program/1\",";
  std::ofstream(directory / "nothing.json") << "";
  const std::string long_name(5000, 'a');
  const std::string lines = "/no\nsuch\nfile";
  for (const std::string& path :
       {std::string(), std::string("/nonexistent/x.json"), (directory / "empty").string(),
        (directory / "broken.json").string(), (directory / "nothing.json").string(), std::string("/dev/null"),
        long_name, lines}) {
    int handle = -5;
    EXPECT_EQ(quasim_dpi_open(path.c_str(), &handle), QUASIM_DPI_BAD_INPUT) << path;
    EXPECT_EQ(handle, -5);
    expect_one_line("");
  }
  std::filesystem::remove_all(directory);
}

TEST_F(hostile, values_beyond_their_range_are_refused) {
  int value = 0;
  long long p = 0;
  for (int channel : {-1, 6, kHuge}) {
    EXPECT_EQ(quasim_dpi_element(handle_, channel, 0, 1, &value), QUASIM_DPI_BAD_INPUT);
    expect_one_line("channel: expected 0 to 5");
    EXPECT_EQ(quasim_dpi_requant_p(handle_, channel, 0, &p), QUASIM_DPI_BAD_INPUT);
    EXPECT_EQ(quasim_dpi_read_history(handle_, channel, &value), QUASIM_DPI_BAD_INPUT);
    EXPECT_EQ(quasim_dpi_write_history(handle_, channel, 0), QUASIM_DPI_BAD_INPUT);
    EXPECT_EQ(quasim_dpi_conv_acc(handle_, channel, 0, 0, 0, 0, &value), QUASIM_DPI_BAD_INPUT);
  }
  for (int sample : {-129, 128, kHuge}) {
    EXPECT_EQ(quasim_dpi_element(handle_, 0, sample, 1, &value), QUASIM_DPI_BAD_INPUT);
    expect_one_line("sample: expected -128 to 127");
    EXPECT_EQ(quasim_dpi_conv_acc(handle_, 0, sample, 0, 0, 0, &value), QUASIM_DPI_BAD_INPUT);
    EXPECT_EQ(quasim_dpi_silu(handle_, sample, &value), QUASIM_DPI_BAD_INPUT);
  }
  EXPECT_EQ(quasim_dpi_requant_p(handle_, 0, 65537, &p), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_requant_p(handle_, 0, -65536, &p), QUASIM_DPI_OK);
  EXPECT_EQ(quasim_dpi_requant_q(handle_, std::numeric_limits<long long>::min(), &value),
            QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_requant_q(handle_, std::numeric_limits<long long>::max(), &value),
            QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_write_at(handle_, -1, &value, &value), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_write_at(handle_, kHuge, &value, &value), QUASIM_DPI_BAD_INPUT);
  std::int8_t sample = 0;
  EXPECT_EQ(quasim_dpi_layer(handle_, 0, 1, 1, &sample, &sample), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_layer(handle_, 1, -1, 1, &sample, &sample), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_layer(handle_, 2, 1, 0, &sample, &sample), QUASIM_DPI_BAD_INPUT);
}

TEST_F(hostile, lanes_may_not_change_within_a_time_step) {
  const std::uint32_t tdata[QUASIM_DPI_BEAT_WORDS] = {};
  std::uint32_t out[QUASIM_DPI_BEAT_WORDS], keep[QUASIM_DPI_KEEP_WORDS];
  for (int lanes : {0, -1, 129, kHuge})
    EXPECT_EQ(quasim_dpi_beat(handle_, lanes, tdata, 1, out, keep), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_beat(handle_, 4, tdata, 1, out, keep), QUASIM_DPI_OK);
  EXPECT_EQ(quasim_dpi_beat(handle_, 2, tdata, 1, out, keep), QUASIM_DPI_BAD_INPUT);
  expect_one_line("lanes: expected 4");
  EXPECT_EQ(quasim_dpi_restart(handle_), QUASIM_DPI_OK);
  EXPECT_EQ(quasim_dpi_beat(handle_, 2, tdata, 1, out, keep), QUASIM_DPI_OK);
}

TEST_F(hostile, null_pointers_are_refused) {
  int value = 0;
  const std::uint32_t words[QUASIM_DPI_BEAT_WORDS] = {};
  EXPECT_EQ(quasim_dpi_shape(handle_, &value, nullptr, &value), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_write_count(handle_, nullptr), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_write_at(handle_, 0, nullptr, &value), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_conv_acc(handle_, 0, 0, 0, 0, 0, nullptr), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_requant_p(handle_, 0, 0, nullptr), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_requant_q(handle_, 0, nullptr), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_silu(handle_, 0, nullptr), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_element(handle_, 0, 0, 1, nullptr), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_element_stages(handle_, 0, 0, 1, &value, nullptr, &value, &value),
            QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_beat(handle_, 4, words, 1, nullptr, nullptr), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_layer(handle_, 1, 1, 1, nullptr, nullptr), QUASIM_DPI_BAD_INPUT);
  EXPECT_EQ(quasim_dpi_read_history(handle_, 0, nullptr), QUASIM_DPI_BAD_INPUT);
  expect_one_line("null pointer");
}

TEST_F(hostile, threads_open_use_and_close_at_once) {
  std::atomic<int> wrong{0}, done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        int own = 0, out = 0, shared_out = 0;
        if (quasim_dpi_open(file_.path().c_str(), &own) != QUASIM_DPI_OK) ++wrong;
        if (quasim_dpi_element(own, 0, n, 1, &out) != QUASIM_DPI_OK) ++wrong;
        if (quasim_dpi_element(handle_, 0, n, 1, &shared_out) != QUASIM_DPI_OK || shared_out != out) ++wrong;
        if (quasim_dpi_close(own) != QUASIM_DPI_OK) ++wrong;
        if (quasim_dpi_element(own, 0, n, 1, &out) != QUASIM_DPI_BAD_HANDLE) ++wrong;
        const std::string want = "handle " + std::to_string(own) + ": closed";
        if (want != quasim_dpi_last_error()) ++wrong;  // each thread has its own line
        ++done;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(done, 200);
}

TEST(hostile_bundle, a_golden_of_another_layer_is_refused) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "quasim_dpi_XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path bundle = fs::path(pattern) / "layer";
  fs::copy(fs::path(std::getenv("QUASIM_VECTORS")) / "bookmamba/layer00", bundle,
           fs::copy_options::recursive);
  int handle = 0;
  EXPECT_EQ(quasim_dpi_open(bundle.c_str(), &handle), QUASIM_DPI_OK);
  EXPECT_EQ(quasim_dpi_close(handle), QUASIM_DPI_OK);
  std::ifstream in(bundle / "layer.json");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string key = "\"output_scale\": ";
  const std::size_t at = text.find(key);
  ASSERT_NE(at, std::string::npos);
  text.replace(at + key.size(), text.find(',', at) - at - key.size(), "0.5");
  std::ofstream(bundle / "layer.json") << text;
  EXPECT_EQ(quasim_dpi_open(bundle.c_str(), &handle), QUASIM_DPI_BAD_INPUT);
  expect_one_line("stale: it was made with output_scale");
  fs::remove_all(pattern);
}

}  // namespace
}  // namespace quasim
