// The report page's own text, compiled in from the files of this folder.
#pragma once

namespace quasim::analysis::page {

extern const char* const kFrame;   ///< frame.html with marks for the rest, in the order @STYLE@ ... @DATA@
extern const char* const kStyle;   ///< style.css
extern const char* const kScript;  ///< report.js

}  // namespace quasim::analysis::page
