#include "analysis/tensor_source.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

#include "spec/error.hpp"

namespace quasim::analysis {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReleaseStepBytes = std::size_t{8} << 20;
constexpr std::uintptr_t kPageBytes = 4096;

bool is_archive(const fs::path& file) {
  return file.extension() == ".npz";
}
bool is_tensor_file(const fs::path& file) {
  return file.extension() == ".npy" || is_archive(file);
}

}  // namespace

std::vector<std::size_t> index_of(std::size_t index, const std::vector<std::size_t>& shape) {
  std::vector<std::size_t> position(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    position[axis] = index % shape[axis];
    index /= shape[axis];
  }
  return position;
}

TensorSource::TensorSource(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    add_file(path, is_archive(path) ? std::string() : path.stem().string());
    return;
  }
  std::vector<fs::path> files;
  for (const fs::path& file : files_below(path))
    if (is_tensor_file(file)) files.push_back(file);
  for (const fs::path& file : files)
    add_file(file, fs::relative(file, path, error).replace_extension().generic_string());
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
}

void TensorSource::add_file(const fs::path& file, const std::string& name) {
  if (is_archive(file)) {
    add_archive(file, name);
    return;
  }
  auto npy = std::make_unique<const NpyFile>(file);
  const NpyHeader& header = npy->header();
  tensors_.push_back({name, header.dtype, header.shape, header.length_elems, npy->data(), true});
  files_.push_back(std::move(npy));
}

void TensorSource::add_archive(const fs::path& file, const std::string& name) {
  auto archive = std::make_unique<const NpzFile>(file);
  for (const auto& [member, bytes] : archive->members()) {
    const NpyHeader header = parse_npy(bytes.data(), bytes.size(), file / member);
    tensors_.push_back({(fs::path(name) / member).generic_string(), header.dtype, header.shape,
                        header.length_elems, bytes.data() + header.data_offset_bytes, false});
  }
  archives_.push_back(std::move(archive));
}

void TensorSource::require_unchanged() const {
  for (const auto& file : files_) file->require_unchanged();
}

PageRelease::PageRelease(const TensorView& view) : view_(view) {}

void PageRelease::consumed(std::size_t index) {
  const std::size_t done_bytes = index * size_bytes_of(view_.dtype);
  if (!view_.file_backed || done_bytes - released_bytes_ < kReleaseStepBytes) return;
  const auto base = reinterpret_cast<std::uintptr_t>(view_.data);
  const std::uintptr_t first = (base + released_bytes_ + kPageBytes - 1) / kPageBytes * kPageBytes;
  const std::uintptr_t last = (base + done_bytes) / kPageBytes * kPageBytes;
  // Advice only: a refusal costs memory, not correctness.
  if (last > first) (void)::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  released_bytes_ = done_bytes;
}

}  // namespace quasim::analysis
