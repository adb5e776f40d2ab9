#include "cli/usage.hpp"

#include <algorithm>
#include <vector>

#include "spec/error.hpp"

namespace quasim::cli {
namespace {

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// An argument that nothing takes.
std::string surplus_text(const CLI::App& verb, const std::string& argument) {
  if (argument.empty() || argument[0] != '-') return "'" + argument + "': expected no further argument";
  const std::string option = argument.substr(0, argument.find('='));
  return option + ": no such option" + did_you_mean(option, option_names(verb));
}

/// The library's reason, said as the rest of the command says it.
std::string reason_of(const CLI::App& app, const CLI::App& verb, const CLI::ParseError& error) {
  const std::vector<std::string> surplus = app.remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !surplus.empty())
    return surplus_text(verb, surplus.front());
  const std::string reason = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return reason.substr(0, reason.find(':')) + ": expected exactly one value";
  return reason;
}

}  // namespace

void add_examples(CLI::App& verb, std::initializer_list<const char*> examples) {
  std::string text = verb.get_footer();
  if (!text.empty()) text += "\n\n";
  text += "Examples:";
  for (const char* example : examples) text += std::string("\n  ") + example;
  verb.footer(text);
}

void require_known_verb(const CLI::App& app, int argc, const char* const* argv) {
  const std::vector<std::string> names = verb_names(app);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  if (argc < 2) throw UsageError("expected a verb, one of " + list + "; see quasim --help");
  const std::string word = argv[1];
  if (!word.empty() && word[0] == '-') return;
  for (const std::string& name : names)
    if (word == name) return;
  throw UsageError("'" + shortened(word, 80) + "': expected a verb, one of " + list +
                   did_you_mean(word, names));
}

void require_values(const CLI::App& verb) {
  for (const CLI::Option* option : verb.get_options()) {
    const std::vector<std::string>& values = option->results();
    if (option->get_expected_min() > 0 && std::find(values.begin(), values.end(), "") != values.end())
      throw UsageError(option->get_name(false, true) + ": expected a value; got an empty one");
  }
}

std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& verb = chosen.empty() ? app : *chosen.front();
  const std::string name = chosen.empty() ? "" : verb.get_name() + ": ";
  const std::string help = "; see quasim " + (chosen.empty() ? "" : verb.get_name() + " ") + "--help";
  return name + reason_of(app, verb, error) + help;
}

}  // namespace quasim::cli
