#include "io/npy.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "io/outputs.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

struct DTypeRow {
  DType dtype;
  const char* descr;
  const char* name;
  std::size_t size_bytes;
};
constexpr std::array<DTypeRow, 11> kDTypes{{{DType::kBool, "|b1", "bool", 1},
                                            {DType::kInt8, "|i1", "int8", 1},
                                            {DType::kUInt8, "|u1", "uint8", 1},
                                            {DType::kInt16, "<i2", "int16", 2},
                                            {DType::kUInt16, "<u2", "uint16", 2},
                                            {DType::kInt32, "<i4", "int32", 4},
                                            {DType::kUInt32, "<u4", "uint32", 4},
                                            {DType::kInt64, "<i8", "int64", 8},
                                            {DType::kFloat16, "<f2", "float16", 2},
                                            {DType::kFloat32, "<f4", "float32", 4},
                                            {DType::kFloat64, "<f8", "float64", 8}}};

const DTypeRow& row_of(DType dtype) {
  for (const DTypeRow& row : kDTypes)
    if (row.dtype == dtype) return row;
  throw InputError("dtype out of range");
}

constexpr std::size_t kMaxRank = 32;
constexpr char kMagic[] = "\x93NUMPY";
constexpr std::size_t kMagicBytes = 6;

/// The header is a Python dictionary literal with three known keys; this reads exactly that much of the
/// language.
class HeaderText {
 public:
  HeaderText(const char* begin, const char* end, const std::filesystem::path& name)
      : at_(begin), end_(end), name_(name) {}

  void parse(NpyHeader& header) {
    bool seen_descr = false, seen_order = false, seen_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !seen_descr) {
        header.dtype = descr();
        seen_descr = true;
      } else if (key == "fortran_order" && !seen_order) {
        if (word() != "False") throw InputError(name_, "fortran_order", "False (C order)");
        seen_order = true;
      } else if (key == "shape" && !seen_shape) {
        header.shape = shape();
        seen_shape = true;
      } else {
        throw InputError(name_, "npy header", "descr, fortran_order and shape once each; got '" + key + "'");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != end_ || !seen_descr || !seen_order || !seen_shape)
      throw InputError(name_, "npy header", "one dictionary with descr, fortran_order and shape");
  }

 private:
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) throw InputError(name_, "npy header", std::string("'") + c + "' in its dictionary");
  }
  std::string quoted() {
    expect('\'');
    std::string text;
    while (at_ != end_ && *at_ != '\'') text += *at_++;
    expect('\'');
    return text;
  }
  std::string word() {
    skip_space();
    std::string text;
    while (at_ != end_ && ((*at_ >= 'a' && *at_ <= 'z') || (*at_ >= 'A' && *at_ <= 'Z'))) text += *at_++;
    return text;
  }
  DType descr() {
    if (accept('[')) throw InputError(name_, "dtype", "one number an element; got a record of several");
    const std::string text = quoted();
    for (const DTypeRow& row : kDTypes)
      if (text == row.descr || (row.size_bytes == 1 && text == std::string("<") + (row.descr + 1)))
        return row.dtype;  // a byte has no order: cnpy writes '<i1'
    throw InputError(
        name_, "dtype",
        "bool, int8 to int64, uint8 to uint32 or float16 to float64, little-endian; got '" + text + "'");
  }
  std::vector<std::size_t> shape() {
    std::vector<std::size_t> extents;
    expect('(');
    while (!accept(')')) {
      skip_space();
      if (at_ == end_ || *at_ < '0' || *at_ > '9') throw InputError(name_, "shape", "non-negative integers");
      std::size_t value = 0;
      while (at_ != end_ && *at_ >= '0' && *at_ <= '9') {
        if (value > (std::size_t{1} << 58)) throw InputError(name_, "shape", "extents below 2^58");
        value = value * 10 + static_cast<std::size_t>(*at_++ - '0');
      }
      extents.push_back(value);
      if (extents.size() > kMaxRank) throw InputError(name_, "shape", "at most 32 axes");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return extents;
  }

  const char* at_;
  const char* end_;
  const std::filesystem::path& name_;
};

bool fits(const std::vector<std::size_t>& expected, const std::vector<std::size_t>& shape) {
  return expected.size() == shape.size() &&
         std::equal(shape.begin(), shape.end(), expected.begin(), [](std::size_t have, std::size_t want) {
           return want == kAnyExtent ? have != 0 : have == want;
         });
}

/// What a shape that does not fit looks like; empty where nothing plain explains it.
std::string likely_meaning(const std::string& axes, const std::vector<std::size_t>& expected,
                           const std::vector<std::size_t>& shape) {
  if (shape.size() == axes.size()) {
    std::string order = axes;  // the letters in the order that the file may have them in
    std::sort(order.begin(), order.end());
    do {
      std::vector<std::size_t> extents;
      for (char axis : order) extents.push_back(expected[axes.find(axis)]);
      if (fits(extents, shape)) return ", which looks like " + axes_text(order) + ": transpose it";
    } while (std::next_permutation(order.begin(), order.end()));
    return "";
  }
  for (std::size_t i = 0; i < std::max(shape.size(), axes.size()); ++i) {
    std::vector<std::size_t> reshaped = shape;
    const auto at = static_cast<std::ptrdiff_t>(i);
    if (shape.size() == axes.size() + 1 && shape[i] == 1) {
      reshaped.erase(reshaped.begin() + at);
      if (fits(expected, reshaped))
        return ", which has an axis of extent 1 too many: reshape it to " + shape_text(reshaped);
    } else if (shape.size() + 1 == axes.size()) {
      reshaped.insert(reshaped.begin() + at, 1);
      if (fits(expected, reshaped))
        return ", which looks like " + axes_text(axes) + " without " + axes[i] + ": reshape it to " +
               shape_text(reshaped);
    }
  }
  return "";
}

}  // namespace

std::string_view to_string(DType dtype) {
  return row_of(dtype).name;
}
std::size_t size_bytes_of(DType dtype) {
  return row_of(dtype).size_bytes;
}

namespace {

constexpr std::size_t kLongestPrefixBytes = kMagicBytes + 2 + 4;

/// Magic, version and the length of the header text.
struct Prefix {
  std::size_t size_bytes = 0, header_bytes = 0;
};

/// `bytes` is the front of a file of `size_bytes`, at least kLongestPrefixBytes of it where the file has
/// them.
Prefix parse_prefix(const std::byte* bytes, std::size_t size_bytes, const std::filesystem::path& name) {
  const auto* text = reinterpret_cast<const char*>(bytes);
  if (size_bytes < kMagicBytes + 4 || std::memcmp(text, kMagic, kMagicBytes) != 0)
    throw InputError(name, "npy magic", "a NumPy .npy file");
  const unsigned major = static_cast<unsigned char>(text[6]);
  if (major < 1 || major > 3) throw InputError(name, "npy version", "1, 2 or 3");
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  Prefix prefix{kMagicBytes + 2 + length_bytes, 0};
  if (size_bytes < prefix.size_bytes)
    throw InputError(name, "npy header", "a complete header; the file is truncated");
  for (std::size_t i = 0; i < length_bytes; ++i)
    prefix.header_bytes |= static_cast<std::size_t>(static_cast<unsigned char>(text[8 + i])) << (8 * i);
  if (prefix.header_bytes > size_bytes - prefix.size_bytes)
    throw InputError(name, "npy header", "a complete header; the file is truncated");
  return prefix;
}

NpyHeader parse_header(const Prefix& prefix, const char* text, std::size_t size_bytes,
                       const std::filesystem::path& name) {
  NpyHeader header;
  HeaderText(text, text + prefix.header_bytes, name).parse(header);
  header.data_offset_bytes = prefix.size_bytes + prefix.header_bytes;
  if (header.data_offset_bytes % 16 != 0)
    throw InputError(name, "npy header", "data aligned to 16 bytes or more");
  header.length_elems = 1;
  bool too_large = false;
  for (std::size_t extent : header.shape)
    too_large |= __builtin_mul_overflow(header.length_elems, extent, &header.length_elems);
  std::size_t data_bytes = 0;
  too_large |= __builtin_mul_overflow(header.length_elems, size_bytes_of(header.dtype), &data_bytes);
  const std::size_t have_bytes = size_bytes - header.data_offset_bytes;
  if (too_large || data_bytes != have_bytes)
    throw InputError(
        name, "data",
        (too_large ? "a shape that can exist" : std::to_string(data_bytes) + " bytes for its shape") +
            "; the file has " + std::to_string(have_bytes));
  return header;
}

}  // namespace

NpyHeader parse_npy(const std::byte* bytes, std::size_t size_bytes, const std::filesystem::path& name) {
  const Prefix prefix = parse_prefix(bytes, size_bytes, name);
  return parse_header(prefix, reinterpret_cast<const char*>(bytes) + prefix.size_bytes, size_bytes, name);
}

NpyHeader read_npy_header(const InputFile& file) {
  std::array<std::byte, kLongestPrefixBytes> front{};
  file.read(0, front.data(), std::min(front.size(), file.size_bytes()));
  const Prefix prefix = parse_prefix(front.data(), file.size_bytes(), file.path());
  std::string text(prefix.header_bytes, '\0');
  file.read(prefix.size_bytes, text.data(), text.size());
  return parse_header(prefix, text.data(), file.size_bytes(), file.path());
}

void require_dtype(const NpyHeader& header, DType dtype, const std::filesystem::path& name) {
  if (header.dtype != dtype)
    throw InputError(name, "dtype",
                     std::string(to_string(dtype)) + "; got " + std::string(to_string(header.dtype)));
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text = "[";
  for (std::size_t extent : shape) text += (text.size() == 1 ? "" : ", ") + std::to_string(extent);
  return text + "]";
}

std::string axes_text(const std::string& axes) {
  std::string text;
  for (char axis : axes) text += (text.empty() ? "[" : ", ") + std::string(1, axis);
  return text + "]";
}

void require_shape(const std::filesystem::path& name, const std::string& axes,
                   const std::vector<std::size_t>& expected, const std::vector<std::size_t>& shape) {
  if (fits(expected, shape)) return;
  std::string extents;
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (expected[i] != kAnyExtent)
      extents +=
          (extents.empty() ? " with " : ", ") + std::string(1, axes[i]) + " = " + std::to_string(expected[i]);
  if (std::count(shape.begin(), shape.end(), 0U) > 0) extents += ", no axis empty";
  throw InputError(name, "shape",
                   axes_text(axes) + extents + "; got " + shape_text(shape) + " of " +
                       std::to_string(shape.size()) + " axes" + likely_meaning(axes, expected, shape));
}

void require_rank(const NpyHeader& header, std::size_t rank, const std::string& axes,
                  const std::filesystem::path& name) {
  if (header.shape.size() != rank)
    throw InputError(
        name, "shape",
        axes + "; got " + shape_text(header.shape) + " of " + std::to_string(header.shape.size()) + " axes");
}

std::string npy_header_text(DType dtype, const std::vector<std::size_t>& shape) {
  std::string dictionary =
      std::string("{'descr': '") + row_of(dtype).descr + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i)
    dictionary += (i == 0 ? "" : ", ") + std::to_string(shape[i]) + (shape.size() == 1 ? "," : "");
  dictionary += "), }";
  constexpr std::size_t kPrefixBytes = kMagicBytes + 4, kAlignment = 64;
  const std::size_t unpadded = kPrefixBytes + dictionary.size() + 1;
  dictionary.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  dictionary += '\n';
  std::string text(kMagic, kMagicBytes);
  text +=
      {'\x01', '\x00', static_cast<char>(dictionary.size() & 255), static_cast<char>(dictionary.size() >> 8)};
  return text + dictionary;
}

void write_npy_bytes(const std::filesystem::path& path, DType dtype, const std::vector<std::size_t>& shape,
                     const void* data) {
  std::size_t length_bytes = size_bytes_of(dtype);
  for (std::size_t extent : shape) length_bytes *= extent;
  AtomicFile file(path);
  file.write(npy_header_text(dtype, shape));
  file.write(data, length_bytes);
  file.commit();
}

}  // namespace quasim
