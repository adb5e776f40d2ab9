#include "fast/group_tables.hpp"

#include <algorithm>

namespace qg {

std::uint32_t Tape::widest(std::uint64_t rows) const {
  for (const Width& width : widths)
    if (rows <= width.rows) return width.quads;
  return quads;
}

Tape tape_of(const std::vector<std::uint16_t>& channel_group, const GroupSizes& sizes) {
  Tape tape;
  for (std::size_t c = 0; c < channel_group.size(); ++c) {
    const std::uint16_t group = channel_group[c];
    if (c == 0 || group != channel_group[c - 1]) {
      tape.runs.push_back({tape.quads, sizes.source[group], sizes.quads[group], 0});
      tape.quads += sizes.quads[group];
    }
    tape.run_of.push_back(static_cast<std::uint32_t>(tape.runs.size() - 1));
  }
  // Windows of 1, 2, 3, 4, 6, 8, 12, … rows.
  const std::uint32_t channels = static_cast<std::uint32_t>(channel_group.size());
  const std::uint32_t runs = static_cast<std::uint32_t>(tape.runs.size());
  for (std::uint32_t rows = 1; rows < channels; rows = rows == 1       ? 2
                                                       : rows % 3 == 0 ? rows / 3 * 4
                                                                       : rows / 2 * 3) {
    std::uint32_t most = 0;
    for (std::uint32_t first = 0; first < channels; ++first) {
      const std::uint32_t last = (first + rows - 1) % channels;
      const std::uint32_t begin = tape.run_of[first];
      const std::uint32_t needed =
          runs_between(first, first + rows - 1, channels, first, last, begin, tape.run_of[last], runs);
      const HeldTable& end = tape.runs[(begin + needed - 1) % runs];
      most = std::max(most, needed == runs
                                ? tape.quads
                                : behind(end.position, tape.runs[begin].position, tape.quads) + end.quads);
    }
    tape.widths.push_back({rows, most});
  }
  return tape;
}

ColumnTables column_tables(const std::vector<std::uint16_t>& channel_group, const GroupSizes& sizes,
                           std::size_t column) {
  ColumnTables made;
  std::vector<std::uint32_t> place(sizes.quads.size());
  std::vector<std::size_t> seen(sizes.quads.size(), 0);  // the last column that has the group, counted from 1
  std::uint32_t quads = 0;
  for (std::size_t c = 0; c < channel_group.size(); ++c) {
    if (c % column == 0) {
      made.first.push_back(static_cast<std::uint32_t>(made.tables.size()));
      quads = 0;
    }
    const std::uint16_t group = channel_group[c];
    if (seen[group] != c / column + 1) {
      seen[group] = c / column + 1;
      place[group] = quads;
      made.tables.push_back({quads, sizes.source[group], sizes.quads[group], 0});
      quads += sizes.quads[group];
      made.widest = std::max(made.widest, quads);
    }
    made.position.push_back(place[group]);
  }
  made.first.push_back(static_cast<std::uint32_t>(made.tables.size()));
  return made;
}

}  // namespace qg
