// JSON documents as text: the one way in which quasim writes them.
#pragma once

#include <string>

namespace quasim {

/// `json` as text, `indent` spaces a level; on one line where that is negative. Bytes that are not UTF-8
/// (paths may hold any) become U+FFFD each: a document is always valid and always written.
template <class Json>
std::string json_text(const Json& json, int indent = 1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace quasim
