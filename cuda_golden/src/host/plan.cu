// Plans: the host side of the fast kernels. Finds the steps of the output, draws the line, has it checked,
// launches.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <vector>

#include "fast/float_grid.hpp"
#include "fast/group_tables.hpp"
#include "fast/lattice_fit.hpp"
#include "host/host.hpp"

struct qg_plan {
  qg_params params{};  // of the first group
  int device = 0;
  qg::DeviceLimits limits;
  int forced_copies = 0;
  qg_plan_description description{};
  qg::DeviceMemory weight, bias, packed;
  qg::DeviceMemory entries, lattice;  // absent where no line fits; lattice: LatticeChannels or LatticeColumns
  bool has_bias = false;
  bool doubts = false;  // the line is only near y
  bool stepped = false;
  std::int32_t slope = 0;
  qg::FloatGrid float_grid{};  // of input_scale
  bool has_float_grid = false;
  // Of a layer of several groups. Then `lattice` holds GroupedChannels or GroupedColumns, and `entries` are
  // of all groups.
  qg::DeviceMemory scales, group_arithmetic, channel_group, held_tables;
  qg::Tape tape;                   // [B,C,L]
  std::uint32_t column_quads = 0;  // [B,L,C]: of the column that needs most
  bool lanes_agree = true;         // [B,L,C]: channels 4 n to 4 n + 3 are of one group, whatever n

  bool grouped() const { return group_arithmetic.as<void>() != nullptr; }
  qg::Groups groups() const {
    return {group_arithmetic.as<qg::Arithmetic>(), channel_group.as<std::uint16_t>()};
  }
};

namespace qg {
namespace {

constexpr unsigned long long kStepCapacity = 1 << 20;
constexpr double kDoubtMax = 1024;  // of kTapGrid: a sixteenth of every bin with a step would be doubted
// [B,L,C] of several groups, where a lane has several: a block reads this many times what it fills, as far as
// that leaves so many waves of blocks.
constexpr std::int64_t kReadPerFilled = 2;
constexpr std::int64_t kWavesLeft = 4;
// Of several groups; more run the reference kernel, since a tape's places are counted in 32 bits.
constexpr std::int64_t kGroupedChannelsMax = 1 << 22;
constexpr int kCopies = 4;  // of the table: more would save bank conflicts, fewer the filling (measured)

FastDivide divide_by(std::int64_t divisor) {
  FastDivide d{static_cast<std::uint32_t>(divisor), 0, 0};
  std::uint32_t log2 = 0;
  while ((std::int64_t{1} << log2) < divisor) ++log2;
  d.magic =
      static_cast<std::uint32_t>((std::uint64_t{1} << (31 + log2)) / static_cast<std::uint64_t>(divisor) + 1);
  d.shift = log2;
  return d;
}

// A layer's weights and biases on the host.
struct HostLayer {
  std::size_t channels, taps;
  std::vector<std::int8_t> weight;  // [C,K]
  std::vector<std::int8_t> bias;    // [C]; zeros without a bias

  // A channel's weights as kernels read them.
  std::uint32_t packed_weights(std::size_t c) const {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < taps; ++k) {
      word |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(weight[c * taps + k]))
              << (8 * (static_cast<std::size_t>(kTapsMax) - taps + k));
    }
    return word;
  }
};

qg_status download_layer(const qg_plan& plan, HostLayer& layer) {
  layer.channels = static_cast<std::size_t>(plan.params.channels);
  layer.taps = static_cast<std::size_t>(plan.params.taps);
  layer.weight.resize(layer.channels * layer.taps);
  layer.bias.resize(layer.channels);
  QG_CHECK_CUDA(
      cudaMemcpy(layer.weight.data(), plan.weight.as<void>(), layer.weight.size(), cudaMemcpyDeviceToHost));
  if (plan.has_bias) {
    QG_CHECK_CUDA(
        cudaMemcpy(layer.bias.data(), plan.bias.as<void>(), layer.bias.size(), cudaMemcpyDeviceToHost));
  }
  return QG_OK;
}

// What the decode kernels read.
qg_status pack(qg_plan& plan, const HostLayer& layer) {
  std::vector<PackedChannel> packed(layer.channels);
  for (std::size_t c = 0; c < layer.channels; ++c)
    packed[c] = {layer.packed_weights(c), static_cast<float>(layer.bias[c])};
  return plan.packed.upload(packed.data(), packed.size() * sizeof(PackedChannel));
}

LatticeLine line_of(const Arithmetic& a, bool rounded_bias) {
  LatticeLine line{};
  line.s_wx = static_cast<double>(a.weight_scale * a.input_scale);
  for (int b = 0; b < kBiases; ++b) {
    const float value = static_cast<float>(b - 128);
    line.bias_y[static_cast<std::size_t>(b)] =
        rounded_bias ? static_cast<double>(a.bias_scale * value) : static_cast<double>(a.bias_scale) * value;
  }
  return line;
}

// Channels that share their scales, as a layer of their own, and the line and table that were found for it.
struct Group {
  qg_params params;
  std::vector<std::size_t> channels;  // of the whole layer
  HostLayer layer;
  LatticeFit fit;
  std::vector<int> doubt;  // [channels], in units of the fraction; empty: none
};

LatticeChannel lattice_channel(const Group& group, std::size_t i) {
  LatticeChannel channel{};
  channel.offset = group.fit.offset[static_cast<std::size_t>(group.layer.bias[i] + 128)];
  channel.weights = group.layer.packed_weights(i);
  channel.bias = group.layer.bias[i];
  if (!group.doubt.empty()) {
    channel.doubt = static_cast<std::uint16_t>(2 * group.doubt[i]);
    channel.offset += static_cast<std::int64_t>(group.doubt[i]) << (32 - kTapFractionBits);
  }
  return channel;
}

void put(LatticeColumns& column, std::size_t i, const LatticeChannel& channel) {
  column.weights[i] = channel.weights;
  column.offset[i % 4 / 2][i / 4][i % 2] = channel.offset;
  column.doubt_and_bias[i] = {channel.doubt, channel.bias};
}

template <typename T>
qg_status upload(DeviceMemory& memory, const std::vector<T>& values) {
  return memory.upload(values.data(), values.size() * sizeof(T));
}

// Hands the fit of a layer of one group to the device.
qg_status adopt_one(qg_plan& plan, const Group& group) {
  const std::size_t channels = group.layer.channels;
  QG_RETURN_IF(upload(plan.entries, group.fit.entries));
  plan.slope = group.fit.slope;
  plan.description.copies = kCopies;
  if (plan.params.layout == QG_BCL) {
    std::vector<LatticeChannel> lattice(channels);
    for (std::size_t c = 0; c < channels; ++c) lattice[c] = lattice_channel(group, c);
    return upload(plan.lattice, lattice);
  }
  std::vector<LatticeColumns> columns((channels + kColumnGroup - 1) / kColumnGroup);
  for (std::size_t c = 0; c < channels; ++c)
    put(columns[c / kColumnGroup], c % kColumnGroup, lattice_channel(group, c));
  return upload(plan.lattice, columns);
}

// The same of several groups.
qg_status adopt_groups(qg_plan& plan, const std::vector<Group>& groups,
                       const std::vector<std::uint16_t>& channel_group) {
  std::vector<std::uint32_t> entries;
  GroupSizes sizes;
  std::vector<LatticeChannel> lattice(channel_group.size());
  for (const Group& group : groups) {
    sizes.source.push_back(static_cast<std::uint32_t>(entries.size() / 4));
    entries.insert(entries.end(), group.fit.entries.begin(), group.fit.entries.end());
    entries.resize((entries.size() + 3) / 4 * 4);
    sizes.quads.push_back(static_cast<std::uint32_t>(entries.size() / 4) - sizes.source.back());
    for (std::size_t i = 0; i < group.channels.size(); ++i)
      lattice[group.channels[i]] = lattice_channel(group, i);
  }
  QG_RETURN_IF(upload(plan.entries, entries));
  const auto last_bin = [](const Group& group) {
    return static_cast<std::uint16_t>(group.fit.entries.size() - 1);
  };
  plan.description.copies = 1;
  if (plan.params.layout == QG_BCL) {
    plan.tape = tape_of(channel_group, sizes);
    QG_RETURN_IF(upload(plan.held_tables, plan.tape.runs));
    std::vector<GroupedChannel> channels(lattice.size());
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const Group& group = groups[channel_group[c]];
      const std::uint32_t run = plan.tape.run_of[c];
      channels[c] = {lattice[c],      group.fit.slope,  plan.tape.runs[run].position,
                     last_bin(group), channel_group[c], run};
    }
    return upload(plan.lattice, channels);
  }
  const ColumnTables made = column_tables(channel_group, sizes, kColumnGroup);
  QG_RETURN_IF(upload(plan.held_tables, made.tables));
  plan.column_quads = made.widest;
  for (std::size_t c = 0; c < channel_group.size(); ++c)
    plan.lanes_agree = plan.lanes_agree && channel_group[c] == channel_group[c / 4 * 4];
  std::vector<GroupedColumns> columns(made.first.size() - 1);
  for (std::size_t n = 0; n < columns.size(); ++n)
    columns[n].first_table = made.first[n], columns[n].tables = made.first[n + 1] - made.first[n];
  for (std::size_t c = 0; c < lattice.size(); ++c) {
    const Group& group = groups[channel_group[c]];
    GroupedColumns& column = columns[c / kColumnGroup];
    const std::size_t i = c % kColumnGroup;
    put(column.lines, i, lattice[c]);
    column.slope[i] = group.fit.slope;
    column.table[i] = {last_bin(group), static_cast<std::uint16_t>(made.position[c])};
    column.group[i] = channel_group[c];
  }
  return upload(plan.lattice, columns);
}

// Whether line and table are right at every accumulator in the ranges.
qg_status check_fit(const Backend& kernels, const Arithmetic& a, const LatticeFit& fit,
                    const AccRanges& ranges, bool& right) {
  DeviceMemory entries, offsets, device_ranges, wrong;
  QG_RETURN_IF(entries.upload(fit.entries.data(), fit.entries.size() * sizeof(std::uint32_t)));
  QG_RETURN_IF(offsets.upload(fit.offset.data(), sizeof fit.offset));
  QG_RETURN_IF(device_ranges.upload(ranges.data(), sizeof ranges));
  QG_RETURN_IF(wrong.allocate(sizeof(unsigned long long)));
  QG_CHECK_CUDA(cudaMemset(wrong.as<void>(), 0, sizeof(unsigned long long)));
  QG_CHECK_CUDA(kernels.check_lattice(
      {a, entries.as<std::uint32_t>(), static_cast<std::int32_t>(fit.entries.size()), fit.slope, fit.stepped,
       offsets.as<std::int64_t>(), device_ranges.as<AccRange>(), wrong.as<unsigned long long>()},
      nullptr));
  unsigned long long wrong_here = 0;
  QG_RETURN_IF(wrong.download(&wrong_here));
  right = wrong_here == 0;
  return QG_OK;
}

// seqlast: a line and a table that are right at every point (acc, bias), when there are such. First for every
// accumulator of the group's bias values, then for those that its weights can reach.
qg_status fit_lattice(Group& group, qg_plan_description& description, bool& fitted) {
  const Backend& kernels = backend(group.params);
  const Arithmetic a = arithmetic_of(group.params);
  DeviceMemory list, count;
  QG_RETURN_IF(list.allocate(kStepCapacity * sizeof(LatticeStep)));
  QG_RETURN_IF(count.allocate(sizeof(unsigned long long)));
  QG_CHECK_CUDA(cudaMemset(count.as<void>(), 0, sizeof(unsigned long long)));
  QG_CHECK_CUDA(kernels.lattice_steps(
      {a, list.as<LatticeStep>(), count.as<unsigned long long>(), kStepCapacity}, nullptr));
  unsigned long long found = 0;
  QG_RETURN_IF(count.download(&found));
  fitted = false;
  if (found > kStepCapacity) return QG_OK;
  std::vector<LatticeStep> steps(static_cast<std::size_t>(found));
  if (!steps.empty()) {
    QG_CHECK_CUDA(cudaMemcpy(steps.data(), list.as<void>(), steps.size() * sizeof(LatticeStep),
                             cudaMemcpyDeviceToHost));
  }
  const LatticeLine line = line_of(a, true);
  const int lowest_q = static_cast<int>(a.conv_lo);
  const AccRanges reachable = reachable_accs(group.layer.weight, group.layer.bias);
  for (const AccRanges& ranges : {all_accs(reachable, a.taps), reachable}) {
    group.fit = a.dataflow == QG_TWO_STEP
                    ? fit_linear(line, static_cast<double>(a.conv_scale), lowest_q,
                                 static_cast<int>(a.conv_hi) - lowest_q + 1, steps, ranges)
                    : fit_stepped(line, steps, ranges);
    if (!group.fit.found) continue;
    QG_RETURN_IF(check_fit(kernels, a, group.fit, ranges, fitted));
    if (!fitted) continue;
    description.tail_steps += static_cast<std::int64_t>(steps.size());
    for (const AccRange& range : ranges) description.lattice_checked += range.size();
    return QG_OK;
  }
  return QG_OK;
}

// Any order: a line near y, with doubt about its surroundings.
qg_status fit_near(Group& group, qg_plan_description& description, bool& fitted) {
  const Arithmetic a = arithmetic_of(group.params);
  std::vector<TailStep> steps;
  bool overflow = false;
  QG_RETURN_IF(find_steps(backend(group.params), a, steps, overflow));
  const KeyRange keys = keys_of_tail(a);
  description.tail_steps += static_cast<std::int64_t>(steps.size());
  description.values_checked += keys.last - keys.first + 1;
  fitted = false;
  if (overflow) return QG_OK;
  const std::size_t taps = static_cast<std::size_t>(a.taps);
  const std::vector<TailThreshold> thresholds = thresholds_of(steps);
  double farthest_step = 0;
  for (const TailThreshold& t : thresholds)
    farthest_step = std::max({farthest_step, std::abs(t.last_before), std::abs(t.first_after)});
  std::vector<double> farthest(group.layer.channels);
  for (std::size_t c = 0; c < farthest.size(); ++c)
    farthest[c] =
        farthest_y(a.weight_scale * a.input_scale, a.bias_scale, a.order == QG_UPDATE,
                   group.layer.weight.data() + c * taps, a.taps, group.layer.bias[c], farthest_step);
  const LatticeLine line = line_of(a, false);
  const AccRanges reachable = reachable_accs(group.layer.weight, group.layer.bias);
  const int lowest_q = static_cast<int>(a.conv_lo);
  const TapFit made = a.dataflow == QG_TWO_STEP
                          ? fit_taps_linear(line, static_cast<double>(a.conv_scale), lowest_q,
                                            static_cast<int>(a.conv_hi) - lowest_q + 1, reachable, thresholds)
                          : fit_taps_stepped(line, reachable, thresholds,
                                             *std::max_element(farthest.begin(), farthest.end()));
  if (!made.fit.found) return QG_OK;
  group.doubt.clear();
  for (const double y : farthest) {
    const double reach = doubt_of(made, y);
    if (reach > kDoubtMax) return QG_OK;
    group.doubt.push_back(static_cast<int>(reach));
  }
  group.fit = made.fit;
  fitted = true;
  description.doubt_largest = std::max(
      description.doubt_largest, 2.0 * *std::max_element(group.doubt.begin(), group.doubt.end()) / kTapGrid);
  return QG_OK;
}

// Fits every group, or says that one has no fit.
template <typename Fit>
qg_status fit_all(std::vector<Group>& groups, const Fit& fit, qg_plan_description& description,
                  bool& fitted) {
  description = {};
  fitted = true;
  for (std::size_t g = 0; g < groups.size() && fitted; ++g) QG_RETURN_IF(fit(groups[g], description, fitted));
  return QG_OK;
}

// The groups that have channels, each scale once, and which of them each channel is of. No channel_group:
// one.
std::vector<Group> groups_of(const qg_params* params, const std::uint16_t* channel_group,
                             const HostLayer& layer, std::vector<std::uint16_t>& group_of_channel) {
  std::vector<Group> groups;
  std::map<std::tuple<float, float, float, float, float>, std::uint16_t> known;
  for (std::size_t c = 0; c < layer.channels; ++c) {
    const qg_params& p = params[channel_group == nullptr ? 0 : channel_group[c]];
    const auto [found, is_new] =
        known.insert({{p.input_scale, p.weight_scale, p.bias_scale, resolved_conv_scale(p), p.output_scale},
                      static_cast<std::uint16_t>(groups.size())});
    if (is_new) {
      groups.emplace_back();
      groups.back().params = p;
      groups.back().layer.taps = layer.taps;
    }
    Group& group = groups[found->second];
    group_of_channel.push_back(found->second);
    group.channels.push_back(c);
    group.layer.bias.push_back(layer.bias[c]);
    const auto weights = layer.weight.begin() + static_cast<std::ptrdiff_t>(c * layer.taps);
    group.layer.weight.insert(group.layer.weight.end(), weights,
                              weights + static_cast<std::ptrdiff_t>(layer.taps));
    group.layer.channels = group.channels.size();
  }
  return groups;
}

// What the reference kernel and the decode kernels read of several groups.
qg_status upload_groups(qg_plan& plan, const std::vector<Group>& groups,
                        const std::vector<std::uint16_t>& channel_group) {
  std::vector<Arithmetic> arithmetic;
  for (const Group& group : groups) arithmetic.push_back(arithmetic_of(group.params));
  std::vector<ChannelScales> scales;
  for (const std::uint16_t g : channel_group) {
    const Arithmetic& a = arithmetic[g];
    scales.push_back({a.input_scale, a.weight_scale, a.bias_scale, a.conv_scale, a.output_scale});
  }
  QG_RETURN_IF(upload(plan.group_arithmetic, arithmetic));
  QG_RETURN_IF(upload(plan.channel_group, channel_group));
  return upload(plan.scales, scales);
}

qg_status create(const qg_params* given, const std::uint16_t* of_channels, const int8_t* weight,
                 const int8_t* bias, std::unique_ptr<qg_plan>& plan) {
  const qg_params params = *given;
  plan = std::make_unique<qg_plan>();
  plan->params = params;
  plan->has_bias = bias != nullptr;
  QG_CHECK_CUDA(cudaGetDevice(&plan->device));
  int shared_per_sm = 0;
  int shared_per_block = 0;
  QG_CHECK_CUDA(
      cudaDeviceGetAttribute(&plan->limits.multiprocessors, cudaDevAttrMultiProcessorCount, plan->device));
  QG_CHECK_CUDA(
      cudaDeviceGetAttribute(&shared_per_sm, cudaDevAttrMaxSharedMemoryPerMultiprocessor, plan->device));
  QG_CHECK_CUDA(
      cudaDeviceGetAttribute(&shared_per_block, cudaDevAttrMaxSharedMemoryPerBlockOptin, plan->device));
  plan->limits.shared_per_sm = static_cast<std::size_t>(shared_per_sm);
  plan->limits.shared_per_block = static_cast<std::size_t>(shared_per_block);
  const std::size_t channels = static_cast<std::size_t>(params.channels);
  const std::size_t weights = channels * static_cast<std::size_t>(params.taps);
  QG_RETURN_IF(plan->weight.allocate(weights));
  QG_CHECK_CUDA(cudaMemcpy(plan->weight.as<void>(), weight, weights, cudaMemcpyDeviceToDevice));
  if (bias != nullptr) {
    QG_RETURN_IF(plan->bias.allocate(channels));
    QG_CHECK_CUDA(cudaMemcpy(plan->bias.as<void>(), bias, channels, cudaMemcpyDeviceToDevice));
  }
  HostLayer layer{};
  QG_RETURN_IF(download_layer(*plan, layer));
  QG_RETURN_IF(pack(*plan, layer));
  std::vector<std::uint16_t> channel_group;
  std::vector<Group> groups = groups_of(given, of_channels, layer, channel_group);
  plan->params = groups[0].params;
  plan->params.channels = given->channels;
  if (groups.size() > 1) QG_RETURN_IF(upload_groups(*plan, groups, channel_group));
  qg_plan_description& description = plan->description;
  bool fitted = false;
  if (params.output_mode == QG_BASELINE && (groups.size() == 1 || params.channels <= kGroupedChannelsMax)) {
    if (params.order == QG_SEQLAST) QG_RETURN_IF(fit_all(groups, fit_lattice, description, fitted));
    plan->doubts = !fitted;
    if (!fitted) QG_RETURN_IF(fit_all(groups, fit_near, description, fitted));
  }
  if (fitted) {
    plan->stepped = groups[0].fit.stepped;
    for (const Group& group : groups)
      description.bins = std::max(description.bins, static_cast<std::int32_t>(group.fit.entries.size()));
    QG_RETURN_IF(groups.size() > 1 ? adopt_groups(*plan, groups, channel_group)
                                   : adopt_one(*plan, groups[0]));
  }
  description.exact_only = fitted ? 0 : 1;
  plan->has_float_grid = make_float_grid(params.input_scale, plan->float_grid);
  QG_CHECK_CUDA(cudaDeviceSynchronize());
  return QG_OK;
}

// A kernel for chunks counts bytes in 31 bits; more is launched in pieces.
constexpr std::int64_t kPieceElements = std::int64_t{1} << 30;

// How many times a warp takes 512 bytes, where all of [B,C,L] is so many chunks.
int nominal_rounds(std::int64_t chunks, bool aligned) {
  return chunks < (2 << 20) ? 1 : aligned ? kAlignedRounds : kRaggedRounds;
}

// What a block of so many rounds holds of the tables of a layer of several groups, at most.
std::size_t tape_bytes(const qg_plan& plan, std::int64_t length, int rounds) {
  const std::int64_t bytes = std::int64_t{kRowThreads} / 32 * kRoundBytes * rounds;
  const std::int64_t rows = (bytes + length - 2) / length + 1;  // that `bytes` bytes in a row can touch
  return std::size_t{16} * plan.tape.widest(static_cast<std::uint64_t>(rows));
}

// [B,L,C]: whether lanes have whole words of four channels, and warps can be counted.
bool columns_fit(const qg_params& params) {
  const std::int64_t columns = (params.channels + kColumnGroup - 1) / kColumnGroup;
  return params.channels % 4 == 0 && params.batch <= kPieceElements / columns &&
         params.length <= kPieceElements / (params.batch * columns);
}

// Whether a fast kernel takes this shape and alignment; else the reference kernel does.
bool fits_fast(const qg_plan& plan, const qg_params& params, const qg_tensors& t) {
  const auto misalignment = [](const void* p, std::uintptr_t to) {
    return reinterpret_cast<std::uintptr_t>(p) % to;
  };
  if (params.layout == QG_BCL) {
    return params.length >= 16 && params.length <= kPieceElements &&
           misalignment(t.input, 16) == misalignment(t.conv1d_output_int8, 16) &&
           (!plan.grouped() || tape_bytes(plan, params.length, 1) <= plan.limits.shared_per_block);
  }
  return columns_fit(params) && misalignment(t.input, 4) == 0 && misalignment(t.conv1d_output_int8, 4) == 0 &&
         std::size_t{16} * plan.column_quads <= plan.limits.shared_per_block;
}

std::int64_t blocks_per_sm(int threads) {
  return kColumnThreadsPerSm / threads;
}

// [B,L,C] of several groups: the fewest threads a block with which the tables leave a multiprocessor full.
void choose_threads(const qg_plan& plan, FastArgs& args) {
  const auto fits = [&](int threads) {
    return args.table_bytes + 1024 <=
           plan.limits.shared_per_sm / static_cast<std::size_t>(blocks_per_sm(threads));
  };
  args.threads = args.many_rows && fits(128) ? 128 : fits(512) ? 512 : 1024;
}

// How many blocks of one column each there are then, with so many rows a warp.
std::int64_t blocks_of_columns(const FastArgs& args, std::int64_t columns, std::int64_t rows) {
  const std::int64_t items = args.shape.batch * ((args.shape.length + rows - 1) / rows);
  const std::int64_t warps = args.threads / 32;
  return columns * ((items + warps - 1) / warps);
}

// Where those would be a little more than run at once: the fewest rows with which they are not. Much longer
// items would leave more idle than a second wave does.
std::int64_t rows_in_one_wave(const qg_plan& plan, const FastArgs& args, std::int64_t columns,
                              std::int64_t rows) {
  const std::int64_t at_once = plan.limits.multiprocessors * blocks_per_sm(args.threads);
  const std::int64_t most = std::min<std::int64_t>(kOneWaveRows, rows + rows / 4);
  for (std::int64_t more = rows; more <= most; more += 2)
    if (blocks_of_columns(args, columns, more) <= at_once) return more;
  return rows;
}

// How many of a column's time blocks a warp takes.
std::uint32_t passes_of_columns(const qg_plan& plan, const FastArgs& args, std::int64_t columns) {
  if (plan.lanes_agree) return 1;  // few tables: one time block is enough
  const std::int64_t warps = args.threads / 32;
  const std::int64_t read = warps * args.time_block * kColumnGroup;
  const std::int64_t wanted = (kReadPerFilled * args.table_bytes + read - 1) / read;
  const std::int64_t waves =
      columns * args.items / (warps * plan.limits.multiprocessors * blocks_per_sm(args.threads));
  return static_cast<std::uint32_t>(std::max<std::int64_t>(1, std::min(wanted, waves / kWavesLeft)));
}

// How a launch is cut into warps' items. The numbers are the best measured on an H100; docs/golden.md.
void cut(const qg_plan& plan, FastArgs& args) {
  const Shape& shape = args.shape;
  args.elements = shape.batch * shape.channels * shape.length;
  args.rows = shape.batch * shape.channels;
  args.passes = 1;
  if (shape.layout == QG_BCL) {
    const std::int64_t offset = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(args.input) % 16);
    const std::int64_t chunks = (args.elements + offset + 15) / 16;
    args.aligned = offset == 0 && shape.length % 16 == 0;
    args.rounds = nominal_rounds(chunks, args.aligned);
    if (plan.grouped()) {
      if (tape_bytes(plan, shape.length, args.rounds) > plan.limits.shared_per_block) args.rounds = 1;
      args.table_bytes = static_cast<std::uint32_t>(tape_bytes(plan, shape.length, args.rounds));
    }
    args.items = static_cast<std::uint32_t>((chunks + 32 * args.rounds - 1) / (32 * args.rounds));
    args.length = divide_by(shape.length);
    args.channels = divide_by(shape.channels);
    return;
  }
  const std::int64_t columns = (shape.channels + kColumnGroup - 1) / kColumnGroup;
  // one wave of warps, if that makes their items no longer than what a long run does best
  const std::int64_t warps = std::int64_t{32} * plan.limits.multiprocessors;
  const std::int64_t one_wave = (shape.batch * columns * shape.length + warps - 1) / warps;
  args.many_rows = one_wave > kOneWaveRows;
  // more of them where settling, or a column's tables, cost something once a warp
  const std::int64_t long_run = plan.doubts || (plan.grouped() && plan.lanes_agree) ? 26 : 18;
  const std::int64_t even = std::max<std::int64_t>(6, (one_wave + 1) / 2 * 2);
  const bool floats_in_one_wave = args.floats.input != nullptr && one_wave <= kOneWaveFloatRows;
  std::int64_t rows = args.many_rows && !floats_in_one_wave ? long_run : even;
  if (plan.grouped()) {
    args.table_bytes = 16 * plan.column_quads;
    choose_threads(plan, args);
    if (!args.many_rows) rows = rows_in_one_wave(plan, args, columns, rows);
  }
  args.time_block = static_cast<std::int32_t>(rows);
  const std::int64_t blocks = (shape.length + args.time_block - 1) / args.time_block;
  args.items = static_cast<std::uint32_t>(shape.batch * blocks * (plan.grouped() ? 1 : columns));
  args.column_count = divide_by(columns);
  args.blocks = divide_by(blocks);
  if (plan.grouped()) args.passes = passes_of_columns(plan, args, columns);
}

cudaError_t launch_fast(const qg_plan& plan, FastArgs args, std::int64_t first_channel, cudaStream_t stream) {
  cut(plan, args);
  args.bins = plan.description.bins;
  args.copies = plan.forced_copies != 0 ? plan.forced_copies : plan.description.copies;
  args.entries = plan.entries.as<std::uint32_t>();
  if (plan.grouped()) {
    args.group_arithmetic = plan.group_arithmetic.as<Arithmetic>();
    args.tables = plan.held_tables.as<HeldTable>();
    args.runs = static_cast<std::uint32_t>(plan.tape.runs.size());
    args.tape = plan.tape.quads;
    args.lanes_agree = plan.lanes_agree;
    if (args.shape.layout == QG_BCL) {
      args.grouped = plan.lattice.as<GroupedChannel>() + first_channel;
    } else {
      args.grouped_columns = plan.lattice.as<GroupedColumns>();
    }
  } else if (args.shape.layout == QG_BCL) {
    args.lattice = plan.lattice.as<LatticeChannel>() + first_channel;
  } else {
    args.columns = plan.lattice.as<LatticeColumns>();
  }
  args.stepped = plan.stepped;
  args.slope = plan.slope;
  return plan.doubts ? backend(plan.params).tapwise(args, plan.limits, stream)
                     : launch_lattice(args, plan.limits, stream);
}

cudaError_t launch_fast_pieces(const qg_plan& plan, const Arithmetic& a, const Shape& shape,
                               const qg_tensors& tensors, cudaStream_t stream) {
  const std::int64_t rows = kPieceElements / shape.length;
  const bool pieces = shape.layout == QG_BCL && shape.batch > rows / shape.channels;
  const std::int64_t batch_step = pieces ? std::max<std::int64_t>(1, rows / shape.channels) : shape.batch;
  const std::int64_t channel_step = pieces ? std::min(shape.channels, rows) : shape.channels;
  for (std::int64_t b = 0; b < shape.batch; b += batch_step) {
    for (std::int64_t c = 0; c < shape.channels; c += channel_step) {
      const std::int64_t row = b * shape.channels + c;
      FastArgs args{};
      args.arithmetic = a;
      args.shape = {std::min(batch_step, shape.batch - b), std::min(channel_step, shape.channels - c),
                    shape.length, shape.layout};
      args.input = tensors.input + row * shape.length;
      args.output = tensors.conv1d_output_int8 + row * shape.length;
      args.state_in = tensors.state_in == nullptr ? nullptr : tensors.state_in + row * a.taps;
      if (const cudaError_t error = launch_fast(plan, args, c, stream); error != cudaSuccess) return error;
    }
  }
  return cudaSuccess;
}

qg_status require_device(const qg_plan& plan) {
  int device = 0;
  QG_CHECK_CUDA(cudaGetDevice(&device));
  if (device != plan.device) {
    return fail(QG_INVALID_ARGUMENT, "the plan was made on device " + std::to_string(plan.device) +
                                         ", current is " + std::to_string(device));
  }
  return QG_OK;
}

qg_status run(const qg_plan& plan, std::int64_t batch, std::int64_t length, const qg_tensors& given,
              cudaStream_t stream, int32_t& used) {
  qg_params params = plan.params;
  params.batch = batch;
  params.length = length;
  qg_tensors tensors = given;
  tensors.weight = plan.weight.as<std::int8_t>();
  tensors.bias = plan.has_bias ? plan.bias.as<std::int8_t>() : nullptr;
  QG_RETURN_IF(report(check_shape(params)));
  QG_RETURN_IF(report(check_tensors(params, tensors)));
  if (tensors.ssm_input || tensors.conv1d_raw || tensors.conv1d_q || tensors.conv1d_q16 ||
      tensors.conv1d_int8simulated || tensors.silu_raw) {
    return fail(QG_UNSUPPORTED,
                "a plan hands out conv1d_output_int8 and state_out only; ask qg_run_device for the others");
  }
  QG_RETURN_IF(require_device(plan));
  const Backend& kernels = backend(params);
  const Arithmetic a = arithmetic_of(params);
  const Shape shape = shape_of(params);
  if (length == 1 && params.output_mode == QG_BASELINE &&
      batch <= (std::int64_t{1} << 30) / params.channels) {
    used = 2;
    const DecodeArgs decode{a,
                            static_cast<std::uint32_t>(batch * params.channels),
                            divide_by(params.channels),
                            plan.packed.as<PackedChannel>(),
                            tensors.input,
                            tensors.state_in,
                            tensors.state_out,
                            tensors.conv1d_output_int8,
                            plan.scales.as<ChannelScales>()};
    return cuda_status(kernels.decode(decode, stream), "the launch of the decode kernel");
  }
  if (plan.description.exact_only || tensors.conv1d_output_int8 == nullptr ||
      !fits_fast(plan, params, tensors)) {
    used = 0;
    return cuda_status(kernels.reference(a, plan.groups(), shape, tensors, stream),
                       "the launch of the reference kernel");
  }
  used = 1;
  QG_RETURN_IF(
      cuda_status(launch_fast_pieces(plan, a, shape, tensors, stream), "the launch of the fast kernel"));
  return cuda_status(kernels.state(a, shape, tensors, stream), "the launch of the state kernel");
}

// What a plan between floats is not made for.
qg_status require_floats(const qg_plan& plan, const qg_params& params) {
  const auto unsupported = [](const std::string& sentence) { return fail(QG_UNSUPPORTED, sentence); };
  if (params.layout != QG_BLC) return unsupported("layout is QG_BCL; floats take QG_BLC");
  if (params.output_mode != QG_BASELINE)
    return unsupported("output_mode is " + std::to_string(params.output_mode) + "; floats take QG_BASELINE");
  if (plan.grouped()) return unsupported("the plan has several groups; floats take one");
  if (plan.description.exact_only)
    return unsupported("the plan is exact_only; floats take one with a fast kernel");
  if (!plan.has_float_grid) return unsupported("input_scale is beyond 2^-64 to 2^64, which floats take");
  if (params.channels % 4 != 0)
    return unsupported("channels is " + std::to_string(params.channels) + "; floats take a multiple of 4");
  if (!columns_fit(params))
    return unsupported("batch * length * channels / 128 is above 2^30, the most that floats take");
  return QG_OK;
}

qg_status run_floats(const qg_plan& plan, std::int64_t batch, std::int64_t length, qg_float_tensors t,
                     cudaStream_t stream) {
  qg_params params = plan.params;
  params.batch = batch;
  params.length = length;
  QG_RETURN_IF(report(check_shape(params)));
  QG_RETURN_IF(require_floats(plan, params));
  QG_RETURN_IF(report(check_float_tensors(params, t)));
  QG_RETURN_IF(require_device(plan));
  FastArgs args{};
  args.arithmetic = arithmetic_of(params);
  args.shape = shape_of(params);
  args.floats = {t.input, t.output, t.batch_stride, t.token_stride, plan.float_grid, params.output_scale,
                 t.type};
  return cuda_status(launch_fast(plan, args, 0, stream), "the launch of the fast kernel for floats");
}

// The last checks, those that a layer of one group and one of several share; then the plan.
qg_status create_checked(const qg_params* params, const std::uint16_t* channel_group, const int8_t* weight,
                         const int8_t* bias, qg_plan** plan) {
  qg_params shape = *params;
  shape.batch = shape.length = 1;
  QG_RETURN_IF(report(check_shape(shape)));
  if (shape.channels > (std::int64_t{1} << 30)) return fail(QG_UNSUPPORTED, "channels is above 2^30");
  try {
    std::unique_ptr<qg_plan> made;
    QG_RETURN_IF(create(params, channel_group, weight, bias, made));
    *plan = made.release();
  } catch (const std::bad_alloc&) {
    return fail(QG_OUT_OF_MEMORY, "the host has no memory for the plan");
  }
  return QG_OK;
}

}  // namespace
}  // namespace qg

extern "C" {

qg_status qg_plan_create(const qg_params* params, const int8_t* weight, const int8_t* bias, qg_plan** plan) {
  if (params == nullptr || weight == nullptr || plan == nullptr) {
    return qg::fail(QG_INVALID_ARGUMENT, "params, weight and plan must not be NULL");
  }
  *plan = nullptr;
  QG_RETURN_IF(qg::report(qg::check_arithmetic(*params)));
  return qg::create_checked(params, nullptr, weight, bias, plan);
}

qg_status qg_plan_create_groups(const qg_params* groups, int32_t group_count, const uint16_t* channel_group,
                                const int8_t* weight, const int8_t* bias, qg_plan** plan) {
  if (weight == nullptr || plan == nullptr) {
    return qg::fail(QG_INVALID_ARGUMENT, "weight and plan must not be NULL");
  }
  *plan = nullptr;
  QG_RETURN_IF(qg::report(qg::check_groups(groups, group_count, channel_group)));
  qg_params shape = *groups;
  shape.batch = shape.length = 1;
  QG_RETURN_IF(qg::report(qg::check_shape(shape)));
  QG_RETURN_IF(qg::report(qg::check_channel_group(channel_group, shape.channels, group_count)));
  return qg::create_checked(groups, channel_group, weight, bias, plan);
}

qg_status qg_plan_describe(const qg_plan* plan, qg_plan_description* description) {
  if (plan == nullptr || description == nullptr)
    return qg::fail(QG_INVALID_ARGUMENT, "plan and description must not be NULL");
  *description = plan->description;
  return QG_OK;
}

qg_status qg_plan_set_copies(qg_plan* plan, int32_t copies) {
  if (plan == nullptr) return qg::fail(QG_INVALID_ARGUMENT, "plan is NULL");
  if (copies != 0 && copies != 4 && copies != 8 && copies != 16 && copies != 32) {
    return qg::fail(QG_INVALID_ARGUMENT,
                    "copies is " + std::to_string(copies) + "; expected 0, 4, 8, 16 or 32");
  }
  if (copies != 0 && plan->grouped())
    return qg::fail(QG_UNSUPPORTED, "a plan of several groups holds every table once; copies must be 0");
  plan->forced_copies = copies;
  return QG_OK;
}

qg_status qg_plan_run(const qg_plan* plan, int64_t batch, int64_t length, const qg_tensors* tensors,
                      void* stream, int32_t* used) {
  if (plan == nullptr || tensors == nullptr)
    return qg::fail(QG_INVALID_ARGUMENT, "plan and tensors must not be NULL");
  int32_t kernel = 0;
  QG_RETURN_IF(qg::run(*plan, batch, length, *tensors, static_cast<cudaStream_t>(stream), kernel));
  if (used != nullptr) *used = kernel;
  return QG_OK;
}

qg_status qg_plan_run_floats(const qg_plan* plan, int64_t batch, int64_t length,
                             const qg_float_tensors* tensors, void* stream) {
  if (plan == nullptr || tensors == nullptr)
    return qg::fail(QG_INVALID_ARGUMENT, "plan and tensors must not be NULL");
  return qg::run_floats(*plan, batch, length, *tensors, static_cast<cudaStream_t>(stream));
}

void qg_plan_destroy(qg_plan* plan) {
  delete plan;
}

}  // extern "C"
