// A slope and a table for each group of a layer whose channels carry different scales. A channel's constants
// say which slope it has, and where its table lies. A block holds the tables of the channels that it walks,
// each once; group_tables.hpp says which and where.
#pragma once

#include "fast/group_tables.hpp"
#include "fast/walk.cuh"
#include "host/kernel_args.hpp"

namespace qg {

// 16 bytes of the plan's memory into shared memory, on their way when it returns; in place after
// copies_arrived() and __syncthreads().
__device__ __forceinline__ void copy16(uint4* shared, const uint4* from) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" ::"r"(
                   static_cast<std::uint32_t>(__cvta_generic_to_shared(shared))),
               "l"(from)
               : "memory");
#else
  *shared = __ldg(from);
#endif
}
__device__ __forceinline__ void copies_arrived() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

// kLanes: in [B,L,C] each four channels that a lane has are of one group, which spares it registers.
template <bool kLanes>
class GroupTables {
 public:
  static constexpr bool kGroups = true;
  static constexpr bool kEachChannel = !kLanes;
  static constexpr int kCopiesMin = 1;
  // Where the block's piece of the tape begins.
  struct Held {
    std::uint32_t first;
  };
  struct Own {
    std::int32_t slope, last;
    std::uint32_t table;  // the position on the tape; placed: the address in shared memory
    std::uint32_t group;
  };

  static std::size_t shared_bytes(const FastArgs& args) { return args.table_bytes; }
  __device__ __forceinline__ static Held fill(const FastArgs& args, uint4* shared, const BlockBytes& bytes) {
    const std::uint32_t channels = args.channels.divisor;
    const std::uint32_t first_row = divide(static_cast<std::uint32_t>(max(bytes.first, 0)), args.length);
    const std::uint32_t last_row = min(divide(static_cast<std::uint32_t>(bytes.last), args.length),
                                       static_cast<std::uint32_t>(args.rows) - 1);
    const std::uint32_t first = first_row - divide(first_row, args.channels) * channels;
    const std::uint32_t last = last_row - divide(last_row, args.channels) * channels;
    const uint4 begin = second_half(args, first);
    const std::uint32_t first_run = begin.w;
    copy(args, shared, args.tables, first_run,
         runs_between(first_row, last_row, channels, first, last, first_run, second_half(args, last).w,
                      args.runs),
         args.runs, begin.y);
    return {begin.y};
  }
  __device__ __forceinline__ static Held fill(const FastArgs& args, uint4* shared, const BlockColumn& where) {
    const GroupedColumns& column = args.grouped_columns[where.column];
    const std::uint32_t tables = __ldg(&column.tables);
    copy(args, shared, args.tables + __ldg(&column.first_table), 0, tables, tables, 0);
    return {0};
  }

  __device__ __forceinline__ GroupTables(const FastArgs& args, const uint4* shared, const Held& held)
      : first_(held.first), tape_(args.tape), base_(address_of(shared)) {}

  __device__ __forceinline__ static std::int32_t slope(const Own& own) { return own.slope; }
  __device__ __forceinline__ static std::int32_t last(const Own& own) { return own.last; }
  __device__ __forceinline__ static std::uint32_t address(const Own& own, std::uint32_t bin) {
    return 4 * bin + own.table;
  }
  __device__ __forceinline__ Own placed(const Own& own) const {
    return {own.slope, own.last, base_ + 16 * behind(own.table, first_, tape_), own.group};
  }
  __device__ __forceinline__ static Own shuffle(const Own& own, int lane) {
    return {__shfl_sync(0xFFFFFFFFu, own.slope, lane), __shfl_sync(0xFFFFFFFFu, own.last, lane),
            __shfl_sync(0xFFFFFFFFu, own.table, lane), __shfl_sync(0xFFFFFFFFu, own.group, lane)};
  }

  __device__ __forceinline__ static const LatticeChannel* lattice(const FastArgs& args, std::int64_t c) {
    return &args.grouped[c].line;
  }
  __device__ __forceinline__ static Own own(const FastArgs& args, std::int64_t c) {
    const uint4 half = second_half(args, c);
    return {static_cast<std::int32_t>(half.x), static_cast<std::int32_t>(half.z & 0xFFFFu), half.y,
            half.z >> 16};
  }
  __device__ __forceinline__ static const Arithmetic& arithmetic(const FastArgs& args, const Own& own) {
    return args.group_arithmetic[own.group];
  }
  __device__ __forceinline__ static const LatticeColumns& columns(const FastArgs& args, int column) {
    return args.grouped_columns[column].lines;
  }
  // Those of a lane's four channels, placed. Their groups are not among them: arithmetic() reads those.
  __device__ __forceinline__ static void owns(const FastArgs& args, const uint4* shared, int column, int lane,
                                              Own (&made)[4]) {
    const GroupedColumns& columns = args.grouped_columns[column];
    const std::uint32_t base = address_of(shared);
    const auto of = [&](std::uint32_t slope, std::uint32_t table) {
      return Own{static_cast<std::int32_t>(slope), static_cast<std::int32_t>(table & 0xFFFFu),
                 base + 16 * (table >> 16), 0};
    };
    const uint4 slopes = load_plan(columns.slope + 4 * lane);
    const uint4 tables = load_plan(columns.table + 4 * lane);
    made[0] = of(slopes.x, tables.x);
    made[1] = kLanes ? made[0] : of(slopes.y, tables.y);
    made[2] = kLanes ? made[0] : of(slopes.z, tables.z);
    made[3] = kLanes ? made[0] : of(slopes.w, tables.w);
  }
  __device__ __forceinline__ static const Arithmetic& arithmetic(const FastArgs& args, int column, int at) {
    return args.group_arithmetic[args.grouped_columns[column].group[at]];
  }

 private:
  __device__ __forceinline__ static std::uint32_t address_of(const uint4* shared) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  }
  __device__ __forceinline__ static uint4 second_half(const FastArgs& args, std::int64_t c) {
    return __ldg(reinterpret_cast<const uint4*>(args.grouped + c) + 1);
  }
  // `count` of the tables in `list`, from the one numbered first on, behind the last of `all` comes the
  // first. A warp takes a table.
  __device__ __forceinline__ static void copy(const FastArgs& args, uint4* shared, const HeldTable* list,
                                              std::uint32_t first, std::uint32_t count, std::uint32_t all,
                                              std::uint32_t begin) {
    for (std::uint32_t i = threadIdx.x / 32; i < count; i += blockDim.x / 32) {
      const std::uint32_t number = first + i < all ? first + i : first + i - all;
      const uint4 table = __ldg(reinterpret_cast<const uint4*>(list + number));  // position, source, quads
      uint4* const to = shared + behind(table.x, begin, args.tape);
      const uint4* const from = reinterpret_cast<const uint4*>(args.entries) + table.y;
      for (std::uint32_t k = threadIdx.x % 32; k < table.z; k += 32) copy16(to + k, from + k);
    }
    copies_arrived();
  }

  std::uint32_t first_, tape_, base_;
};

// A unit of several groups, by the tables that suit the layer.
template <template <class> class Unit>
cudaError_t launch_groups(const FastArgs& args, const DeviceLimits& device, cudaStream_t stream) {
  if (args.shape.layout == QG_BCL) return launch_rows<Unit<GroupTables<true>>>(args, device, stream);
  return args.lanes_agree ? launch_columns<Unit<GroupTables<true>>>(args, device, stream)
                          : launch_columns<Unit<GroupTables<false>>>(args, device, stream);
}

}  // namespace qg
