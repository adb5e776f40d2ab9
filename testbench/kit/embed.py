#!/usr/bin/env python3
"""Writes a C++ source that holds files as strings: embed.py OUTPUT NAME=FILE..."""
import sys


def main():
    output, pairs = sys.argv[1], [argument.split("=", 1) for argument in sys.argv[2:]]
    lines = ['#include "kit/embedded.hpp"', "", "namespace quasim::kit {", "",
             "const std::vector<EmbeddedFile>& embedded_files() {", "  static const std::vector<EmbeddedFile> files{"]
    for name, file in pairs:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
        assert ')quasim"' not in text, file
        lines.append(f'      {{"{name}", R"quasim({text})quasim"}},')
    lines += ["  };", "  return files;", "}", "", "}  // namespace quasim::kit", ""]
    with open(output, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines))


main()
