#include "analysis/documents.hpp"

#include "io/files.hpp"
#include "io/strict_json.hpp"

namespace quasim::analysis {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kMostLanes = 1024;

Json read_document(const fs::path& file) {
  return parse_strict<Json>(read_text_file(file), file);
}

Json part_about(const std::string& layer, Json document) {
  const auto names_it = [&layer](const Json& json) {
    for (const char* key : {"layer", "name"})
      if (json.is_object() && json.contains(key) && json[key].is_string()) return json[key] == layer;
    return false;
  };
  if (document.is_object() && document.contains("layers") && document["layers"].is_array()) {
    for (Json& entry : document["layers"])
      if (names_it(entry)) return std::move(entry);
    return nullptr;
  }
  return names_it(document) ? document : Json(nullptr);
}

/// What the page needs of a certificate to show it.
void check_certificate(const Json& json, const fs::path& file) {
  JsonFields<Json> fields(json, file, "certificate");
  fields.integer("points", 0, INT64_MAX);
  fields.integer("unexplained", 0, INT64_MAX);
  fields.boolean("passed");
  for (const char* key : {"compared", "differing", "differing_q"})
    for (const auto& [pair, count] : fields.object(key).items())
      fields.integer(key + ("." + pair), count, 0, INT64_MAX);
  for (const char* key : {"first_difference", "causes"})
    if (const Json* groups = fields.optional(key); groups != nullptr && !groups->is_null())
      for (const auto& group : groups->items())
        if (!group.value().is_object()) fields.refuse(key, "objects of objects");
}

/// The same of a co-simulation.
void check_cosim(const Json& json, const fs::path& file) {
  JsonFields<Json> fields(json, file, "co-simulation");
  fields.boolean("agrees");
  fields.integer("compared", 0, INT64_MAX);
  fields.integer("lanes", 1, kMostLanes);
  for (const char* key : {"cycles", "latency_cycles", "input_stalls", "output_stalls"})
    fields.integer(key, 0, INT64_MAX);
  const Json* timeline = fields.optional("timeline");
  if (timeline == nullptr) return;
  JsonFields<Json> rows(*timeline, file, "timeline", "timeline.");
  const std::size_t cycles = rows.text("s_valid").size();
  for (const char* key : {"s_ready", "m_valid", "m_ready"})
    if (rows.text(key).size() != cycles) rows.refuse(key, "as many cycles as s_valid");
}

Json checked_part(const std::string& layer, const fs::path& file,
                  void (*check)(const Json&, const fs::path&)) {
  Json part = part_about(layer, read_document(file));
  if (!part.is_null()) check(part, file);
  return part;
}

}  // namespace

Json certificate_about(const std::string& layer, const fs::path& file) {
  return checked_part(layer, file, check_certificate);
}

Json cosim_about(const std::string& layer, const fs::path& file) {
  return checked_part(layer, file, check_cosim);
}

Json read_provenance(const fs::path& file) {
  Json json = read_document(file);
  JsonFields<Json>(json, file, "provenance").text("variant");
  return json;
}

}  // namespace quasim::analysis
