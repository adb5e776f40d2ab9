// Layers of several groups against their groups one by one: programs joined and taken apart, the untimed
// model, the oracle without an activation, and what is refused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <numeric>

#include "compile/compiler.hpp"
#include "io/outputs.hpp"
#include "io/program_file.hpp"
#include "stages/evaluate.hpp"
#include "stages/untimed.hpp"
#include "tests/exact/layers.hpp"
#include "types/register_writes.hpp"

namespace quasim {
namespace {

/// Programs of both dataflows, of several widths, and whose channels are whose: the groups stride.
struct Parts {
  std::vector<LayerProgram> programs;
  ChannelGroup channel_group;
};

Parts random_parts(std::mt19937_64& random, std::size_t groups) {
  Parts parts;
  const int taps = 2 + static_cast<int>(random() % 3);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t channels = 1 + random() % 4;
    parts.channel_group.insert(parts.channel_group.end(), channels, static_cast<std::uint16_t>(g));
    LayerProgram program;
    if (random() % 3 == 0) {
      program = test::random_fused_program(random, static_cast<int>(channels), taps);
    } else {
      LayerParams layer = test::random_layer(random);
      layer.taps = taps;
      const Bundle bundle = test::random_bundle(random, layer, static_cast<int>(channels), 127);
      const exact::Domain domain = make_domain(exact::DomainKind::kReachable, bundle);
      program = compile::compile_program(bundle, domain,
                                         {"exact", "oracle", exact::Oracle(layer).steps(domain)}, {})
                    .program;
    }
    program.name = "layer/g" + std::to_string(g);
    program.stage().name = "g" + std::to_string(g);
    program.mult_bits = mult_bits_of(program.stage().multiplier);
    program.bias_bits = spec::kBiasBitsMax;
    parts.programs.push_back(std::move(program));
  }
  std::shuffle(parts.channel_group.begin(), parts.channel_group.end(), random);
  return parts;
}

TEST(groups, programs_are_joined_and_taken_apart) {
  std::mt19937_64 random(21);
  std::int64_t compared = 0;
  for (int trial = 0; trial < 40; ++trial) {
    const Parts parts = random_parts(random, 1 + random() % 6);
    if (parts.programs.size() == 1) continue;
    const LayerProgram joined = join_groups("layer", parts.programs, parts.channel_group);
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("quasim_groups_" + std::to_string(::getpid()) + ".json");
    write_program(file, joined);
    const LayerProgram read = read_program(file);
    std::filesystem::remove(file);
    const auto values = [](const LayerProgram& program) {
      return nlohmann::json::parse(program_text(program));
    };
    EXPECT_EQ(values(read), values(joined));
    for (std::size_t g = 0; g < parts.programs.size(); ++g) {
      EXPECT_EQ(values(read.group(g)), values(parts.programs[g])) << "group " << g;
      ++compared;
    }
    EXPECT_THROW(read.stage(), InputError);
    EXPECT_THROW(register_writes(read), InputError);
  }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

TEST(groups, untimed_model_equals_its_groups) {
  std::mt19937_64 random(22);
  std::int64_t compared = 0;
  for (const std::size_t groups : {std::size_t{2}, std::size_t{3}, std::size_t{18}, std::size_t{144}}) {
    const Parts parts = random_parts(random, groups);
    const LayerProgram joined = join_groups("layer", parts.programs, parts.channel_group);
    const stages::UntimedPlan plan(joined);
    TensorBCL<std::int8_t> x({2, parts.channel_group.size(), 71});
    for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<std::int8_t>(random());
    const std::vector<Channels> channels = channels_by_group(parts.channel_group, groups);
    TensorBCL<std::int8_t> expected(x.shape());
    for (std::size_t g = 0; g < groups; ++g)
      put_channels(stages::UntimedPlan(parts.programs[g]).run(take_channels(x, channels[g])), channels[g],
                   expected);
    for (const stages::Kernel kernel : {stages::Kernel::kPortable, stages::best_kernel()}) {
      TensorBCL<std::int8_t> out(x.shape());
      plan.run(x.data(), out.data(), 2, 71, kernel, stages::Stores::kCached);
      EXPECT_TRUE(out == expected) << groups << " groups, kernel " << static_cast<int>(kernel);
      compared += static_cast<std::int64_t>(out.size());
    }
    std::size_t fast = 0;
    for (const LayerProgram& part : parts.programs) fast += stages::UntimedPlan(part).fast_channels();
    EXPECT_EQ(plan.fast_channels(), fast);
  }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

TEST(groups, scalar_stages_take_each_channels_group) {
  std::mt19937_64 random(23);
  const Parts parts = random_parts(random, 9);
  const LayerProgram joined = join_groups("layer", parts.programs, parts.channel_group);
  const std::vector<Channels> channels = channels_by_group(parts.channel_group, 9);
  std::int64_t compared = 0;
  for (std::size_t g = 0; g < 9; ++g)
    for (std::size_t i = 0; i < channels[g].size(); ++i)
      for (std::int32_t acc = -65536; acc <= 65536; acc += 97, ++compared) {
        const auto all = stages::evaluate(joined, channels[g][i], acc),
                   own = stages::evaluate(parts.programs[g], i, acc);
        ASSERT_TRUE(all.out == own.out && all.index.index == own.index.index && all.p == own.p) << acc;
      }
  std::cout << compared << " comparisons\n";
  EXPECT_GT(compared, 0);
}

/// A two_step program of one channel a group, nothing in it.
LayerProgram small_program(std::size_t groups) {
  LayerProgram program;
  program.name = "small";
  program.groups.assign(groups, StageProgram{});
  for (std::size_t g = 0; g < groups; ++g) {
    program.groups[g].name = "g" + std::to_string(g);
    program.groups[g].silu_table.resize(std::size_t{1} << program.groups[g].conv_bits);
    program.channel_group.push_back(static_cast<std::uint16_t>(g));
  }
  program.weight = TensorCK<std::int8_t>({groups, 4});
  program.bias_words.resize(groups);
  return program;
}

std::string refusal_of(const LayerProgram& program) {
  try {
    program.validate();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(groups, programs_with_wrong_groups_are_refused) {
  EXPECT_EQ(refusal_of(small_program(3)), "accepted");
  struct Case {
    const char* name;
    void (*spoil)(LayerProgram&);
    const char* says;
  };
  const Case cases[] = {
      {"no groups", [](LayerProgram& p) { p.groups.clear(); }, "groups: expected 1 to 65536; got 0"},
      {"no channel_group", [](LayerProgram& p) { p.channel_group.clear(); },
       "channel_group: expected 3 entries; got 0"},
      {"a channel too few", [](LayerProgram& p) { p.channel_group.pop_back(); },
       "channel_group: expected 3 entries; got 2"},
      {"a group out of range", [](LayerProgram& p) { p.channel_group[1] = 3; },
       "channel 1: expected a group from 0 to 2; got 3"},
      {"a group without channels", [](LayerProgram& p) { p.channel_group[1] = 0; },
       "group 1: expected at least one channel; it has none"},
      {"a table of another group's width", [](LayerProgram& p) { p.groups[2].conv_bits = 9; },
       "silu_table: expected 512 entries; got 256"},
      {"a multiplier that is too wide", [](LayerProgram& p) { p.groups[2].multiplier = 1U << 30; },
       "multiplier: expected 0 to"},
      {"one group with a channel_group", [](LayerProgram& p) { p.groups.resize(1); },
       "channel_group: expected 0 entries; got 3"}};
  int refused = 0;
  for (const Case& c : cases) {
    LayerProgram program = small_program(3);
    c.spoil(program);
    EXPECT_EQ(refusal_of(program).rfind(c.says, 0), 0U) << c.name << ": " << refusal_of(program);
    ++refused;
  }
  try {
    (void)small_program(3).stage();
    ADD_FAILURE() << "three groups passed for one";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              "program 'small': groups: expected 1, which is what a unit holds; got 3 (g0, g1, g2)");
  }
  EXPECT_EQ(refused, 8);
}

TEST(groups, identity_rounds_to_the_output_scale_exactly) {
  std::int64_t compared = 0, ties = 0;
  for (const Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfAway})
    for (const float output_scale : {0x1p-3F, 0x1.8p-3F, 0x1p-6F, 0.05F}) {
      LayerParams layer = test::layer_of(0x1p-6F, 0x1p-7F, 0x1p-8F, 0x1p-4F, output_scale, 8, rounding);
      layer.activation = Activation::kIdentity;
      const exact::Oracle oracle(layer);
      for (int q = -128; q <= 127; ++q, ++compared) {
        // u / s_y with u = q / 16, in double: exact for the powers of two, far from a tie for 0.05
        const double scaled = q * 0.0625 / double{output_scale};
        ties += scaled - std::floor(scaled) == 0.5 ? 1 : 0;
        const double rounded = rounding == Rounding::kHalfEven ? std::nearbyint(scaled) : std::round(scaled);
        EXPECT_EQ(oracle.table_entry(q), static_cast<int>(std::clamp(rounded, -128.0, 127.0))) << q;
      }
      // fused: what two_step gives where its scale and width are the output's
      LayerParams fused = layer, same = layer;
      fused.dataflow = Dataflow::kFused;
      fused.rounding = same.rounding = rounding;
      same.conv_scale = output_scale;
      const exact::Domain domain{exact::DomainKind::kFull, {{77, -40000, 40000, -1}, {-3, -900, 1200, -1}}};
      const exact::StageSteps once = exact::Oracle(fused).steps(domain),
                              twice = exact::Oracle(same).steps(domain);
      EXPECT_EQ(compare(once.out, twice.out, domain).differing, 0);
      for (std::int32_t acc = -3000; acc <= 3000; acc += 7, ++compared)
        EXPECT_EQ(exact::Oracle(fused).fused_out(77, acc), value_at(once.out[0], acc)) << acc;
    }
  std::cout << compared << " comparisons, " << ties << " ties\n";
  EXPECT_GT(ties, 100);
}

TEST(groups, bundles_are_written_and_read_back) {
  std::mt19937_64 random(24);
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("quasim_groups_bundle_" + std::to_string(::getpid()));
  GroupedBundle bundle;
  bundle.directory = directory;
  bundle.layer = {"mine", 7, 3, {}, {"x", "B"}, {0, 1, 0, 0, 1, 1, 0}};
  for (const std::string& group : bundle.layer.group_names) {
    LayerParams layer = test::random_layer(random);
    layer.name = "mine/" + group;
    layer.channels = group == "x" ? 4 : 3;
    layer.taps = 3;
    layer.conv_bits = 9;
    layer.rounding = Rounding::kHalfAway;
    layer.activation = Activation::kIdentity;
    bundle.layer.groups.push_back(layer);
  }
  bundle.weight = TensorCK<std::int8_t>({7, 3});
  std::iota(bundle.weight.data(), bundle.weight.data() + 21, std::int8_t{-9});
  bundle.bias = {1, 2, 3, 4, 5, 6, 7};
  bundle.input = TensorBCL<std::int8_t>({2, 7, 5});
  for (std::size_t i = 0; i < bundle.input->size(); ++i)
    bundle.input->data()[i] = static_cast<std::int8_t>(random());
  write_bundle(bundle);
  const GroupedBundle read = read_grouped_bundle(directory);
  EXPECT_EQ(read.layer.channel_group, bundle.layer.channel_group);
  EXPECT_EQ(read.layer.group_names, bundle.layer.group_names);
  for (std::size_t g = 0; g < 2; ++g) {
    const LayerParams &have = read.layer.groups[g], &want = bundle.layer.groups[g];
    EXPECT_TRUE(have.name == want.name && have.channels == want.channels &&
                have.input_scale == want.input_scale && have.weight_scale == want.weight_scale &&
                have.bias_scale == want.bias_scale && have.output_scale == want.output_scale &&
                have.conv_scale == want.conv_scale && have.activation == want.activation &&
                have.conv_bits == want.conv_bits);
    const Bundle part = read.group(g);
    ASSERT_TRUE(part.part);
    for (std::size_t i = 0; i < part.part->channels.size(); ++i) {
      const std::size_t c = part.part->channels[i];
      EXPECT_EQ(bundle.layer.channel_group[c], g);
      EXPECT_EQ(part.bias[i], bundle.bias[c]);
      for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(part.weight.at(i, k), bundle.weight.at(c, k));
      for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t t = 0; t < 5; ++t) EXPECT_EQ(part.input->at(b, i, t), bundle.input->at(b, c, t));
    }
  }
  EXPECT_THROW(read_bundle(directory), InputError);
  EXPECT_THROW(read_layer(directory), InputError);
  // a group that is written is a layer of one group, and its channel_group.npy is gone where /1 can say it
  Bundle part = read.group(1);
  part.layer.activation = Activation::kSilu;
  part.directory = directory;
  write_bundle(part);
  EXPECT_FALSE(std::filesystem::exists(directory / "channel_group.npy"));
  EXPECT_EQ(read_bundle(directory).layer.channels, 3);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace quasim
