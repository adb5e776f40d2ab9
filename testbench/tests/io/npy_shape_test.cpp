// A tensor of the wrong shape: the message says what was found and what that probably is.
#include <gtest/gtest.h>

#include "io/npy.hpp"
#include "spec/error.hpp"

namespace quasim {
namespace {

using Extents = std::vector<std::size_t>;

std::string refusal(const std::string& axes, const Extents& expected, const Extents& shape) {
  try {
    require_shape("t.npy", axes, expected, shape);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

struct Row {
  std::string axes;
  Extents expected, shape;
  std::string says;  ///< empty: accepted
};

DType dtype_of(const std::string& descr) {
  std::string text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (2,), }";
  text.resize(117, ' ');  // the data begin at byte 128
  text += '\n';
  const std::string file =
      std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(text.size()) + '\0' + text + "ab";
  return parse_npy(reinterpret_cast<const std::byte*>(file.data()), file.size(), "t.npy").dtype;
}

/// A byte has no order: cnpy writes '<i1' where NumPy writes '|i1'.
TEST(npy_header, bytes_have_no_order) {
  EXPECT_EQ(dtype_of("|i1"), DType::kInt8);
  EXPECT_EQ(dtype_of("<i1"), DType::kInt8);
  EXPECT_EQ(dtype_of("<u1"), DType::kUInt8);
  EXPECT_THROW(dtype_of(">i1"), InputError);
  EXPECT_THROW(dtype_of("|i2"), InputError);
  EXPECT_THROW(dtype_of("i1"), InputError);
}

TEST(npy_shape, says_what_it_probably_is) {
  const Extents any_input{kAnyExtent, 1024, kAnyExtent};
  const Row rows[] = {
      {"CK", {1024, 4}, {1024, 4}, ""},
      {"CK",
       {1024, 4},
       {4, 1024},
       "t.npy: shape: expected [C, K] with C = 1024, K = 4; got [4, 1024] of 2 axes, which looks like [K, "
       "C]: "
       "transpose it"},
      {"CK",
       {1024, 4},
       {1024, 1, 4},
       "t.npy: shape: expected [C, K] with C = 1024, K = 4; got [1024, 1, 4] of 3 axes, which has an axis of "
       "extent 1 too many: reshape it to [1024, 4]"},
      {"CK",
       {1024, 4},
       {1024, 5},
       "t.npy: shape: expected [C, K] with C = 1024, K = 4; got [1024, 5] of 2 axes"},
      {"C",
       {1024},
       {1, 1024},
       "t.npy: shape: expected [C] with C = 1024; got [1, 1024] of 2 axes, which has an axis of extent 1 too "
       "many: reshape it to [1024]"},
      {"C", {1024}, {}, "t.npy: shape: expected [C] with C = 1024; got [] of 0 axes"},
      {"C",
       {1},
       {},
       "t.npy: shape: expected [C] with C = 1; got [] of 0 axes, which looks like [C] without C: reshape it "
       "to "
       "[1]"},
      {"BCL", any_input, {2, 1024, 7}, ""},
      {"BCL",
       any_input,
       {2, 7, 1024},
       "t.npy: shape: expected [B, C, L] with C = 1024; got [2, 7, 1024] of 3 axes, which looks like [B, L, "
       "C]: "
       "transpose it"},
      {"BCL",
       any_input,
       {1024, 2, 7},
       "t.npy: shape: expected [B, C, L] with C = 1024; got [1024, 2, 7] of 3 axes, which looks like [C, B, "
       "L]: "
       "transpose it"},
      {"BCL",
       any_input,
       {1024, 7},
       "t.npy: shape: expected [B, C, L] with C = 1024; got [1024, 7] of 2 axes, which looks like [B, C, L] "
       "without B: reshape it to [1, 1024, 7]"},
      {"BCL",
       any_input,
       {2, 1024, 0},
       "t.npy: shape: expected [B, C, L] with C = 1024, no axis empty; got [2, 1024, 0] of 3 axes"},
      {"BCL",
       any_input,
       {2, 1023, 9},
       "t.npy: shape: expected [B, C, L] with C = 1024; got [2, 1023, 9] of 3 axes"},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal(row.axes, row.expected, row.shape), row.says);
}

}  // namespace
}  // namespace quasim
