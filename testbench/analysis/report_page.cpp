#include "analysis/report_page.hpp"

#include <array>
#include <utility>

#include "analysis/page/page.hpp"
#include "io/files.hpp"
#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

/// Text as HTML shows it.
std::string escape_html(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

/// JSON that cannot end the script element around it.
std::string embeddable(const nlohmann::ordered_json& data) {
  std::string text;
  for (char c : data.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace))
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

std::string read_library(const std::filesystem::path& file) {
  if (!is_present(file))
    throw InputError("report: Chart.js is not installed: expected " + file.string() +
                     " of the package libjs-chart.js");
  return read_text_file(file);
}

}  // namespace

ChartLibrary packaged_chart_library() {
  return {"/usr/share/javascript/chart.js/chart.min.js", "/usr/share/doc/libjs-chart.js/copyright"};
}

std::string report_page(const nlohmann::ordered_json& data, const ChartLibrary& library) {
  const std::string script = read_library(library.script);
  if (script.find("Chart") == std::string::npos)
    throw InputError(library.script, "Chart.js", "that script, version 3");
  if (script.find("</script") != std::string::npos)
    throw InputError(library.script, "Chart.js", "a script without a closing script tag in it");
  const std::array<std::pair<std::string, std::string>, 5> parts{
      {{"@STYLE@", page::kStyle},
       {"@CHART_LIBRARY@", script},
       {"@CHART_LICENCE@", escape_html(read_library(library.licence))},
       {"@SCRIPT@", page::kScript},
       {"@DATA@", embeddable(data)}}};
  const std::string frame = page::kFrame;
  std::string html;
  std::size_t at = 0;
  for (const auto& [mark, text] : parts) {
    const std::size_t found = frame.find(mark, at);
    if (found == std::string::npos) throw InputError("report: the page frame has no place for " + mark);
    html += frame.substr(at, found - at) + text;
    at = found + mark.size();
  }
  return html + frame.substr(at);
}

}  // namespace quasim::analysis
