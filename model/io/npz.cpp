#include "io/npz.hpp"

#include <zip.h>

#include <cstring>
#include <memory>

#include "spec/error.hpp"

namespace quasim {
namespace {

constexpr std::int64_t kMaxMembers = 64;
constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
constexpr char kSuffix[] = ".npy";
constexpr std::size_t kSuffixLength = sizeof(kSuffix) - 1;

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// The member's name without .npy; refuses what NumPy would not write.
std::string plain_name(const zip_stat_t& status, const std::filesystem::path& path) {
  const std::string name = (status.valid & ZIP_STAT_NAME) != 0 ? status.name : "";
  const bool has_suffix =
      name.size() > kSuffixLength && name.compare(name.size() - kSuffixLength, kSuffixLength, kSuffix) == 0;
  if (!has_suffix || name.find_first_of("/\\\n\r") != std::string::npos)
    throw InputError(path, "member", "names that end in .npy, without folders");
  return name.substr(0, name.size() - kSuffixLength);
}

template <class T>
void widen(const std::byte* data, std::size_t length_elems, std::vector<std::int32_t>& values) {
  for (std::size_t i = 0; i < length_elems; ++i) {
    T value;
    std::memcpy(&value, data + i * sizeof(T), sizeof(T));
    values.push_back(value);
  }
}

}  // namespace

NpzFile::NpzFile(const std::filesystem::path& path) : path_(path) {
  // A regular file, or an InputError that says what it is. Members and their descriptions fit beside each
  // other.
  const std::string file = read_text_file(path, 2 * kMaxBytes);
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(file.data(), file.size(), 0, &error);
  if (source == nullptr) throw InputError(path, "npz", "an archive that can be opened");
  const std::unique_ptr<zip_t, CloseArchive> archive(
      zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error));
  if (archive == nullptr) {
    const std::string reason = first_line(zip_error_strerror(&error));
    zip_source_free(source);
    zip_error_fini(&error);
    throw InputError(path, "npz", "an intact zip archive of .npy members: " + reason);
  }
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > kMaxMembers) throw InputError(path, "npz", "at most 64 members; got " + std::to_string(count));
  std::size_t total_bytes = 0;
  for (zip_int64_t index = 0; index < count; ++index) {
    zip_stat_t status;
    constexpr zip_uint64_t kNeeded =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(index), 0, &status) != 0 ||
        (status.valid & kNeeded) != kNeeded)
      throw InputError(path, "npz", "complete member descriptions");
    const std::string name = plain_name(status, path);
    if (status.encryption_method != ZIP_EM_NONE ||
        (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE))
      throw InputError(path, name, "a stored or deflated member without encryption");
    if (status.size > kMaxBytes - total_bytes) throw InputError(path, "npz", "at most 256 MiB unpacked");
    total_bytes += status.size;
    std::vector<std::byte> bytes(status.size);
    const std::unique_ptr<zip_file_t, CloseMember> member(
        zip_fopen_index(archive.get(), static_cast<zip_uint64_t>(index), 0));
    std::byte beyond{};
    // The last read reaches the end of the member, where its checksum is verified.
    if (member == nullptr ||
        zip_fread(member.get(), bytes.data(), bytes.size()) != static_cast<zip_int64_t>(bytes.size()) ||
        zip_fread(member.get(), &beyond, 1) != 0)
      throw InputError(path, name, "an intact member of " + std::to_string(status.size) + " bytes");
    if (!members_.emplace(name, std::move(bytes)).second)
      throw InputError(path, name, "each member once; it is there twice");
  }
}

std::vector<std::int32_t> NpzFile::integers(const std::string& name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) throw InputError(path_, name, "a member of that name; it is missing");
  const std::filesystem::path where = path_.string() + ":" + name;
  const NpyHeader header = parse_npy(found->second.data(), found->second.size(), where);
  if (header.shape.size() != 1)
    throw InputError(where, "shape", "one axis; got " + std::to_string(header.shape.size()));
  const std::byte* data = found->second.data() + header.data_offset_bytes;
  std::vector<std::int32_t> values;
  values.reserve(header.length_elems);
  switch (header.dtype) {
    case DType::kInt8:
      widen<std::int8_t>(data, header.length_elems, values);
      break;
    case DType::kInt16:
      widen<std::int16_t>(data, header.length_elems, values);
      break;
    case DType::kInt32:
      widen<std::int32_t>(data, header.length_elems, values);
      break;
    default:
      throw InputError(where, "dtype", "int8, int16 or int32; got " + std::string(to_string(header.dtype)));
  }
  return values;
}

std::vector<std::int32_t> NpzFile::integers(const std::string& name, std::size_t length_elems) const {
  std::vector<std::int32_t> values = integers(name);
  if (values.size() != length_elems)
    throw InputError(path_.string() + ":" + name, "shape",
                     "[" + std::to_string(length_elems) + "]; got [" + std::to_string(values.size()) + "]");
  return values;
}

}  // namespace quasim
