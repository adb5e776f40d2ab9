// The tables that a block of the fast kernels holds where a layer's channels carry different scales: for
// every block that a launch can have, each row or channel finds its own group's table, whole, within the
// memory that is asked for.
#include "fast/group_tables.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <random>
#include <vector>

namespace {

struct Layer {
  std::vector<std::uint16_t> channel_group;
  qg::GroupSizes sizes;
  std::vector<std::uint32_t> entries;  // a quad each: its group and its place in the group's table
};

constexpr std::uint32_t kNothing = 0xFFFFFFFFU;

std::uint32_t entry_of(std::uint32_t group, std::uint32_t place) {
  return group << 16 | place;
}

/// Groups of 1 to 9 quads; `run` channels in a row share one, or as many as are drawn (0).
Layer draw(std::size_t channels, std::uint32_t groups, std::size_t run, std::mt19937& random) {
  Layer layer;
  for (std::uint32_t g = 0; g < groups; ++g) {
    layer.sizes.source.push_back(static_cast<std::uint32_t>(layer.entries.size()));
    layer.sizes.quads.push_back(static_cast<std::uint32_t>(1 + random() % 9));
    for (std::uint32_t i = 0; i < layer.sizes.quads.back(); ++i) layer.entries.push_back(entry_of(g, i));
  }
  for (std::size_t c = 0; c < channels; ++c)
    layer.channel_group.push_back(
        static_cast<std::uint16_t>(run == 0 ? random() % groups : c / run % groups));
  return layer;
}

std::vector<Layer> layers() {
  std::mt19937 random(5);
  std::vector<Layer> drawn;
  for (const std::size_t channels : {1U, 2U, 3U, 20U, 131U, 300U})
    for (const std::uint32_t groups : {1U, 2U, 3U, 18U, 144U})
      for (const std::size_t run : {0U, 1U, 7U, 16U}) drawn.push_back(draw(channels, groups, run, random));
  return drawn;
}

/// What a block copies: as the kernels do. False: it would write outside.
bool copy(const Layer& layer, const qg::HeldTable& table, std::uint32_t to,
          std::vector<std::uint32_t>& shared) {
  for (std::uint32_t k = 0; k < table.quads; ++k) {
    if (to + k >= shared.size()) return false;
    shared[to + k] = layer.entries[table.source + k];
  }
  return true;
}

/// Whether the whole table of a group lies at a place.
bool holds(const Layer& layer, std::uint32_t group, std::uint32_t at,
           const std::vector<std::uint32_t>& shared) {
  for (std::uint32_t k = 0; k < layer.sizes.quads[group]; ++k)
    if (at + k >= shared.size() || shared[at + k] != entry_of(group, k)) return false;
  return true;
}

/// A block of [B,C,L] that walks rows first .. first + rows - 1. Counts the rows whose table is not where it
/// should be.
std::size_t wrong_rows(const Layer& layer, const qg::Tape& tape, std::uint32_t first, std::uint32_t rows,
                       std::uint32_t quads) {
  const std::uint32_t channels = static_cast<std::uint32_t>(layer.channel_group.size());
  const std::uint32_t runs = static_cast<std::uint32_t>(tape.runs.size());
  const std::uint32_t last = first + rows - 1;
  const std::uint32_t first_run = tape.run_of[first % channels];
  const std::uint32_t begin = tape.runs[first_run].position;
  const std::uint32_t needed = qg::runs_between(first, last, channels, first % channels, last % channels,
                                                first_run, tape.run_of[last % channels], runs);
  std::vector<std::uint32_t> shared(quads, kNothing);
  for (std::uint32_t i = 0; i < needed; ++i) {
    const qg::HeldTable& run = tape.runs[(first_run + i) % runs];
    if (!copy(layer, run, qg::behind(run.position, begin, tape.quads), shared)) return rows;
  }
  std::size_t wrong = 0;
  for (std::uint32_t row = first; row <= last; ++row) {
    const std::uint32_t c = row % channels;
    wrong += !holds(layer, layer.channel_group[c],
                    qg::behind(tape.runs[tape.run_of[c]].position, begin, tape.quads), shared);
  }
  return wrong;
}

TEST(groups, every_block_of_rows_holds_its_tables) {
  std::size_t compared = 0;
  for (const Layer& layer : layers()) {
    const qg::Tape tape = qg::tape_of(layer.channel_group, layer.sizes);
    const std::uint32_t channels = static_cast<std::uint32_t>(layer.channel_group.size());
    for (const std::uint32_t rows : {1U, 2U, 3U, 4U, 5U, 7U, 22U, 130U, 301U, 642U})
      for (std::uint32_t first = 0; first < 2 * channels; first += 1 + channels / 40) {
        ASSERT_EQ(wrong_rows(layer, tape, first, rows, tape.widest(rows)), 0U)
            << channels << " channels, " << layer.sizes.quads.size() << " groups, rows " << first << " + "
            << rows;
        compared += rows;
      }
  }
  std::cout << compared << " rows\n";
  EXPECT_GT(compared, 500000U);
}

/// The memory that is asked for is what some block needs, where the number of rows is one that is listed.
TEST(groups, no_more_memory_is_asked_for_than_some_block_needs) {
  std::size_t compared = 0;
  for (const Layer& layer : layers()) {
    const qg::Tape tape = qg::tape_of(layer.channel_group, layer.sizes);
    const std::uint32_t channels = static_cast<std::uint32_t>(layer.channel_group.size());
    for (const qg::Tape::Width& width : tape.widths) {
      std::size_t too_small = 0;
      for (std::uint32_t first = 0; first < channels; ++first)
        too_small +=
            wrong_rows(layer, tape, first, static_cast<std::uint32_t>(width.rows), width.quads - 1) != 0;
      EXPECT_GT(too_small, 0U) << channels << " channels, " << width.rows << " rows";
      ++compared;
    }
  }
  std::cout << compared << " widths\n";
  EXPECT_GT(compared, 500U);
}

TEST(groups, every_column_holds_its_tables_once) {
  std::size_t compared = 0;
  for (const Layer& layer : layers()) {
    const std::size_t column = 128;
    const qg::ColumnTables made = qg::column_tables(layer.channel_group, layer.sizes, column);
    const std::size_t channels = layer.channel_group.size();
    ASSERT_EQ(made.first.size(), (channels + column - 1) / column + 1);
    ASSERT_EQ(made.position.size(), channels);
    std::uint32_t widest = 0;
    for (std::size_t n = 0; n + 1 < made.first.size(); ++n) {
      std::vector<std::uint32_t> shared(made.widest, kNothing);
      std::uint32_t used = 0;
      for (std::uint32_t t = made.first[n]; t < made.first[n + 1]; ++t) {
        ASSERT_TRUE(copy(layer, made.tables[t], made.tables[t].position, shared));
        used += made.tables[t].quads;
      }
      widest = std::max(widest, used);
      std::vector<std::uint16_t> groups(
          layer.channel_group.begin() + static_cast<std::ptrdiff_t>(n * column),
          layer.channel_group.begin() + static_cast<std::ptrdiff_t>(std::min(channels, (n + 1) * column)));
      std::sort(groups.begin(), groups.end());
      EXPECT_EQ(made.first[n + 1] - made.first[n],
                std::unique(groups.begin(), groups.end()) - groups.begin());
      for (std::size_t c = n * column; c < std::min(channels, (n + 1) * column); ++c, ++compared)
        EXPECT_TRUE(holds(layer, layer.channel_group[c], made.position[c], shared)) << "channel " << c;
    }
    EXPECT_EQ(made.widest, widest);
  }
  std::cout << compared << " channels\n";
  EXPECT_GT(compared, 5000U);
}

}  // namespace
