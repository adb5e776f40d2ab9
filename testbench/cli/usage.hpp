// The command line as a whole: examples in every help, and one clear line for whatever is wrong with it.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>

namespace quasim::cli {

/// Adds "Examples:" and these command lines at the end of a verb's help.
void add_examples(CLI::App& verb, std::initializer_list<const char*> examples);

/// Throws UsageError where the first word is no verb of `app`, with the nearest one.
void require_known_verb(const CLI::App& app, int argc, const char* const* argv);

/// Throws UsageError for an option with an empty value: a variable of the shell that was not set.
void require_values(const CLI::App& verb);

/// What is wrong with the command line, in one line; `app` has parsed it in vain.
std::string usage_text(const CLI::App& app, const CLI::ParseError& error);

}  // namespace quasim::cli
