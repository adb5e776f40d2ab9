// Layers, inputs and expected outputs for co-simulation tests. The expectation is the page
// docs/microarchitecture.md written down once more, element by element, with none of the model's code but the
// rounding rule.
#pragma once

#include <cstdint>
#include <random>

#include "sc/config.hpp"
#include "types/program.hpp"
#include "types/tensor.hpp"

namespace quasim::test {

/// Any legal two_step program for a unit of these widths: weights, bias words, multiplier, shift, table and
/// rounding at random. Ties and clamps are frequent.
LayerProgram random_two_step_program(std::mt19937_64& random, int channels, int taps,
                                     const sc::PipelineConfig& config = {});
/// Any legal fused program: tables of noise, which every guess and every row occurs in.
LayerProgram random_fused_program(std::mt19937_64& random, int channels, int taps,
                                  const sc::PipelineConfig& config = {});
/// One of a dataflow that the unit has.
LayerProgram random_program(std::mt19937_64& random, int channels, int taps,
                            const sc::PipelineConfig& config = {});

TensorBCL<std::int8_t> random_input(std::mt19937_64& random, std::size_t sequences, std::size_t channels,
                                    std::size_t length);

/// What the unit must put out.
TensorBCL<std::int8_t> expected_output(const LayerProgram& program, const TensorBCL<std::int8_t>& input);

/// Time steps [begin, end) of every sequence.
TensorBCL<std::int8_t> slice_time(const TensorBCL<std::int8_t>& tensor, std::size_t begin, std::size_t end);

}  // namespace quasim::test
