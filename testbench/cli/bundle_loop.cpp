#include "cli/bundle_loop.hpp"

#include <algorithm>
#include <exception>
#include <iostream>
#include <mutex>
#include <thread>

#include "cli/cli.hpp"
#include "spec/error.hpp"

namespace quasim::cli {
namespace {

/// The message, which begins with the bundle's path where it does not name it anyway.
std::string line_of(const std::filesystem::path& bundle, const std::string& message) {
  const std::string path = printable(bundle.string());
  return message.find(path) == std::string::npos ? path + ": " + message : message;
}

}  // namespace

std::string bundle_label(const std::filesystem::path& directory, const std::string& layer) {
  std::string path = directory.lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const auto ends_in = [&path](const std::string& name) {
    return path == name || (path.size() > name.size() + 1 &&
                            path.compare(path.size() - name.size() - 1, std::string::npos, "/" + name) == 0);
  };
  if (ends_in(layer)) return printable(path);
  // One group of several, which is called LAYER/GROUP.
  const std::size_t slash = layer.rfind('/');
  if (slash != std::string::npos && ends_in(layer.substr(0, slash)))
    return printable(path + layer.substr(slash));
  return printable(path + " (" + layer + ")");
}

std::string bundle_label(const nlohmann::ordered_json& result) {
  return bundle_label(result.at("bundle").get<std::string>(), result.at("layer").get<std::string>());
}

nlohmann::ordered_json bundle_entry(const std::filesystem::path& directory, const Bundle& bundle) {
  nlohmann::ordered_json entry{{"bundle", directory.string()}, {"layer", bundle.layer.name}};
  if (bundle.part) entry["group"] = bundle.part->name;
  return entry;
}

BundleLoop::BundleLoop(std::string verb, std::vector<std::filesystem::path> bundles)
    : verb_(std::move(verb)), bundles_(std::move(bundles)) {}

void BundleLoop::run(const std::function<void(const std::filesystem::path&)>& work) {
  run_indexed([&](std::size_t i) { work(bundles_[i]); });
}

void BundleLoop::run_indexed(const std::function<void(std::size_t)>& work, std::size_t jobs) {
  Progress progress(verb_, bundles_.size());
  std::mutex guard;  // of everything below
  std::size_t next = 0, done = 0;
  std::exception_ptr usage_error;
  const auto take = [&]() -> std::size_t {
    const std::lock_guard<std::mutex> lock(guard);
    return usage_error ? bundles_.size() : std::min(next++, bundles_.size());
  };
  const auto worker = [&] {
    for (std::size_t i = take(); i < bundles_.size(); i = take()) {
      std::string line;
      std::exception_ptr stopped;
      try {
        work(i);
      } catch (const UsageError&) {
        stopped = std::current_exception();
      } catch (const std::exception& error) {
        line = line_of(bundles_[i], message_of(error));
      }
      const std::lock_guard<std::mutex> lock(guard);
      if (stopped && !usage_error) usage_error = stopped;
      if (!line.empty()) failures_.push_back({i, line});
      progress.update(++done);
    }
  };
  std::vector<std::thread> helpers;
  for (std::size_t t = 1; t < std::min(jobs, bundles_.size()); ++t) helpers.emplace_back(worker);
  worker();
  for (std::thread& helper : helpers) helper.join();
  if (usage_error) std::rethrow_exception(usage_error);
  std::sort(failures_.begin(), failures_.end(),
            [](const Failure& a, const Failure& b) { return a.index < b.index; });
}

nlohmann::ordered_json BundleLoop::failures() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Failure& failure : failures_)
    list.push_back({{"bundle", bundles_[failure.index].string()}, {"error", failure.line}});
  return list;
}

int BundleLoop::finish(int exit_code, const std::function<void()>& print_results) const {
  if (failures_.size() < bundles_.size()) print_results();
  std::cout.flush();
  for (const Failure& failure : failures_) std::cerr << "quasim: " << failure.line << "\n";
  return failures_.empty() ? exit_code : static_cast<int>(kBadInput);
}

}  // namespace quasim::cli
