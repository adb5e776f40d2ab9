#include "cli/bundle_loop.hpp"

#include <iostream>

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
  const bool ends_in_layer =
      path == layer || (path.size() > layer.size() + 1 &&
                        path.compare(path.size() - layer.size() - 1, std::string::npos, "/" + layer) == 0);
  return printable(ends_in_layer ? path : path + " (" + layer + ")");
}

std::string bundle_label(const nlohmann::ordered_json& result) {
  return bundle_label(result.at("bundle").get<std::string>(), result.at("layer").get<std::string>());
}

BundleLoop::BundleLoop(std::string verb, std::vector<std::filesystem::path> bundles)
    : verb_(std::move(verb)), bundles_(std::move(bundles)) {}

void BundleLoop::run(const std::function<void(const std::filesystem::path&)>& work) {
  run_indexed([&](std::size_t i) { work(bundles_[i]); });
}

void BundleLoop::run_indexed(const std::function<void(std::size_t)>& work) {
  Progress progress(verb_, bundles_.size());
  for (std::size_t i = 0; i < bundles_.size(); ++i) {
    progress.update(i);
    try {
      work(i);
    } catch (const UsageError&) {
      throw;
    } catch (const std::exception& error) {
      failures_.push_back({bundles_[i], line_of(bundles_[i], message_of(error))});
    }
  }
}

nlohmann::ordered_json BundleLoop::failures() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Failure& failure : failures_)
    list.push_back({{"bundle", failure.bundle.string()}, {"error", failure.line}});
  return list;
}

int BundleLoop::finish(int exit_code, const std::function<void()>& print_results) const {
  if (failures_.size() < bundles_.size()) print_results();
  std::cout.flush();
  for (const Failure& failure : failures_) std::cerr << "quasim: " << failure.line << "\n";
  return failures_.empty() ? exit_code : static_cast<int>(kBadInput);
}

}  // namespace quasim::cli
