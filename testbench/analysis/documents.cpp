#include "analysis/documents.hpp"

#include "io/files.hpp"
#include "io/strict_json.hpp"
#include "spec/contract.hpp"

namespace quasim::analysis {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kMostLanes = 1024;

Json read_document(const fs::path& file) {
  return parse_strict<Json>(read_text_file(file), file);
}

/// The entries about the layer.
std::vector<Json> parts_about(const std::string& layer, const std::string& format, const fs::path& file) {
  const Json document = read_document(file);
  JsonFields<Json> fields(document, file, format);
  fields.require_text("format", format);
  std::vector<Json> parts;
  for (const Json& entry : fields.list("layers", "a list of layers"))
    for (const char* key : {"layer", "name"})
      if (entry.is_object() && entry.contains(key) && entry[key].is_string()) {
        if (entry[key] == layer) parts.push_back(entry);
        break;
      }
  return parts;
}

/// The variant that an entry speaks of, where it says so.
void check_variant(const Json& json, const JsonFields<Json>& fields) {
  if (!json.contains("variant")) return;
  try {
    if (json["variant"].is_string()) return (void)Variant::parse(json["variant"].get<std::string>());
  } catch (const InputError&) {  // said below, with the file
  }
  fields.refuse("variant", "dataflow.order.math.rounding");
}

/// What the page needs of a certificate to show it.
void check_certificate(const Json& json, const fs::path& file) {
  JsonFields<Json> fields(json, file, "certificate");
  check_variant(json, fields);
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
  check_variant(json, fields);
  if (fields.boolean("agrees") && json.contains("failure") && json["failure"] != "")
    fields.refuse("failure", "an empty text where agrees is true");
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

}  // namespace

std::vector<Json> certificates_about(const std::string& layer, const fs::path& file) {
  std::vector<Json> parts = parts_about(layer, "quasim.certificate/1", file);
  for (const Json& part : parts) check_certificate(part, file);
  return parts;
}

std::vector<Json> cosims_about(const std::string& layer, const fs::path& file) {
  std::vector<Json> parts = parts_about(layer, "quasim.cosim/1", file);
  for (const Json& part : parts) check_cosim(part, file);
  return parts;
}

Json read_provenance(const fs::path& file) {
  Json json = read_document(file);
  JsonFields<Json>(json, file, "provenance").text("variant");
  return json;
}

}  // namespace quasim::analysis
