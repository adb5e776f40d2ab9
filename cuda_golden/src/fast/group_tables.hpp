// Which tables a block of a fast kernel holds where a layer's channels carry different scales. No CUDA: a
// test needs no GPU.
//
// Every group has a line and a table of its own (lattice_fit.hpp). A block holds the tables of the channels
// that it walks, in its shared memory, counted in quads of four entries:
//
//   [B,C,L]  A block has a piece of memory, hence rows that follow each other. Neighbouring channels of one
//   group
//            are a run. The tables of all runs, in the channels' order, are a tape, and behind its end comes
//            its beginning, as behind the last channel of a sequence comes the first of the next. A block
//            holds the piece of the tape from the run of its first row to the run of its last.
//   [B,L,C]  A block has a column of 128 channels, and holds the table of each group among them once.
#ifndef QUASIM_CUDA_GOLDEN_GROUP_TABLES_HPP_
#define QUASIM_CUDA_GOLDEN_GROUP_TABLES_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#ifdef __CUDACC__
#define QG_HOST_DEVICE __host__ __device__
#else
#define QG_HOST_DEVICE
#endif

namespace qg {

// A table to be held, in quads: where it goes, on the tape or in the column's memory; where it is among the
// entries of all groups; and its size.
struct alignas(16) HeldTable {
  std::uint32_t position, source, quads, unused;
};

// How many runs the rows first_row .. last_row need, from the run of the first on. first_channel and
// last_channel are those rows' channels, first_run and last_run their runs, of `runs` in all.
QG_HOST_DEVICE inline std::uint32_t runs_between(std::uint32_t first_row, std::uint32_t last_row,
                                                 std::uint32_t channels, std::uint32_t first_channel,
                                                 std::uint32_t last_channel, std::uint32_t first_run,
                                                 std::uint32_t last_run, std::uint32_t runs) {
  if (last_row - first_row >= channels) return runs;
  const std::uint32_t needed = last_run + (last_channel < first_channel ? runs : 0) - first_run + 1;
  return needed < runs ? needed : runs;
}

// How far `position` lies behind `first` on a tape of so many quads.
QG_HOST_DEVICE inline std::uint32_t behind(std::uint32_t position, std::uint32_t first, std::uint32_t tape) {
  return position - first + (position < first ? tape : 0);
}

// The tables of a layer's groups, one behind the other: quads[g] from source[g] on.
struct GroupSizes {
  std::vector<std::uint32_t> source, quads;
};

// [B,C,L]
struct Tape {
  std::vector<HeldTable> runs;
  std::vector<std::uint32_t> run_of;  // [C]
  std::uint32_t quads = 0;

  // The most that any `rows` rows in a row need, or a little more. In quads.
  std::uint32_t widest(std::uint64_t rows) const;

  struct Width {
    std::uint64_t rows;
    std::uint32_t quads;
  };
  std::vector<Width> widths;  // ascending
};
Tape tape_of(const std::vector<std::uint16_t>& channel_group, const GroupSizes& sizes);

// [B,L,C]
struct ColumnTables {
  std::vector<HeldTable> tables;        // of all columns, one column behind the other
  std::vector<std::uint32_t> first;     // [columns + 1]
  std::vector<std::uint32_t> position;  // [C], in its column's memory
  std::uint32_t widest = 0;             // quads of the column that needs most
};
ColumnTables column_tables(const std::vector<std::uint16_t>& channel_group, const GroupSizes& sizes,
                           std::size_t column);

}  // namespace qg

#endif  // QUASIM_CUDA_GOLDEN_GROUP_TABLES_HPP_
