// The loop over bundles that most verbs are: one that cannot be read does not cost the results of the others.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/bundle.hpp"

namespace quasim::cli {

/// What tables call a bundle: its path as it was given, and the layer's name where the path does not end in
/// it. Printable.
std::string bundle_label(const std::filesystem::path& directory, const std::string& layer);

/// The same of a result that has the keys bundle and layer.
std::string bundle_label(const nlohmann::ordered_json& result);
/// {"bundle", "layer"} and, of one group of several, "group": how the entry of a bundle begins in every
/// document.
nlohmann::ordered_json bundle_entry(const std::filesystem::path& directory, const Bundle& bundle);

class BundleLoop {
 public:
  /// `verb` is what the display of progress says.
  BundleLoop(std::string verb, std::vector<std::filesystem::path> bundles);

  /// Calls work(path) for each bundle in turn. What it throws is kept and said by finish(); a UsageError,
  /// which no bundle can mend, is passed on.
  void run(const std::function<void(const std::filesystem::path&)>& work);
  /// The same with the bundle's place in the list, and up to `jobs` bundles at a time, each on a thread of
  /// its own. Which of them comes first is then open; failures keep the order of the bundles.
  void run_indexed(const std::function<void(std::size_t)>& work, std::size_t jobs = 1);

  /// [{"bundle", "error"}] of those that could not be done.
  nlohmann::ordered_json failures() const;

  /// Calls print_results() where any bundle was done, then says each failure in one line on stderr. Returns
  /// `exit_code`, or kBadInput where anything failed.
  int finish(int exit_code, const std::function<void()>& print_results) const;

 private:
  struct Failure {
    std::size_t index;
    std::string line;
  };

  std::string verb_;
  std::vector<std::filesystem::path> bundles_;
  std::vector<Failure> failures_;
};

}  // namespace quasim::cli
