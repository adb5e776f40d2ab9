#include "kit/program_text.hpp"

#include <utility>

#include "kit/memory_image.hpp"
#include "kit/text.hpp"

namespace quasim::kit {
namespace {

std::string hex32(std::uint32_t value) {
  return hex_digits(value, 8);
}

/// A layer's name inside a comment: one line, no end of comment.
std::string comment_of(const std::string& name) {
  std::string text;
  for (const char c : name) text += (c >= ' ' && c < 127 && c != '*' && c != '\\') ? c : '_';
  return text;
}

/// A function from an index to a word of a memory; a case, because not every tool takes constant arrays.
std::string memory_function(const MemoryImage& image, const std::string& name, bool is_signed) {
  const int digits = (image.width_bits + 3) / 4;
  const std::string width = std::to_string(image.width_bits);
  std::string text = "\n  // " + image.meaning + "\n  function automatic logic " +
                     (is_signed ? "signed " : "") + "[" + std::to_string(image.width_bits - 1) + ":0] " +
                     name + "(input int index);\n    case (index)\n";
  for (std::size_t i = 0; i < image.words.size(); ++i)
    text += "      " + std::to_string(i) + ": " + name + " = " + width + "'h" +
            hex_digits(image.words[i], digits) + ";\n";
  return text + "      default: " + name + " = '0;\n    endcase\n  endfunction\n";
}

std::string register_name(std::uint32_t address) {
  const std::pair<std::uint32_t, const char*> registers[] = {
      {spec::kRegControl, "Control"},       {spec::kRegClearCounters, "ClearCounters"},
      {spec::kRegChannels, "Channels"},     {spec::kRegTaps, "Taps"},
      {spec::kRegMultiplier, "Multiplier"}, {spec::kRegRequant, "Requant"},
      {spec::kRegDataflow, "Dataflow"}};
  for (const auto& [known, name] : registers)
    if (known == address) return name;
  const auto channel = [address](std::uint32_t base, std::uint32_t bytes) {
    return std::to_string((address - base) / bytes);
  };
  if (address >= spec::kHistoryBase) return "History[" + channel(spec::kHistoryBase, 4) + "]";
  if (address >= spec::kBiasBase)
    return "Bias[" + channel(spec::kBiasBase, 8) + "]" + ((address & 4) != 0 ? ".high" : ".low");
  if (address >= spec::kWeightBase) return "Weight[" + channel(spec::kWeightBase, 4) + "]";
  if (address >= spec::kNearBase) return "Near[" + channel(spec::kNearBase, 4) + "]";
  if (address >= spec::kGuessBase) return "Guess[" + channel(spec::kGuessBase, 4) + "]";
  return "Table[" + std::to_string(address - spec::kTableBase) + "]";
}

/// The table sizes that a unit needs for the program; any will do for two_step.
int cell_bits_of(const StageProgram& stage) {
  return stage.is_fused() ? stage.fused.cell_bits() : spec::kCellBitsDefault;
}
int near_rows_of(const StageProgram& stage) {
  return stage.is_fused() ? static_cast<int>(stage.fused.near.size()) : spec::kNearRowsDefault;
}

}  // namespace

std::string systemverilog_package(const LayerProgram& program, std::size_t lanes, std::size_t writes,
                                  bool folded) {
  const auto channels = static_cast<std::size_t>(program.channels());
  const std::size_t groups = (channels + lanes - 1) / lanes;
  std::string text = "// Layer program of " + comment_of(program.name) + " for streams of " +
                     std::to_string(lanes) +
                     " lanes. Generated; numbers are explained in docs/kit.md.\npackage quasim_layer_pkg;\n";
  const auto number = [&text](const std::string& type, const std::string& name, const std::string& value,
                              const std::string& meaning) {
    text += "  localparam " + type + " " + name + " = " + value + ";  // " + meaning + "\n";
  };
  const auto address = [&number](const std::string& name, std::uint32_t value, const std::string& meaning) {
    number("logic [31:0]", name, "32'h" + hex32(value), meaning);
  };
  number("int", "LANES", std::to_string(lanes), "int8 lanes a beat");
  number("int", "CHANNELS", std::to_string(channels), "C");
  number("int", "GROUPS", std::to_string(groups), "beats a time step");
  number("int", "MAX_CHANNELS", std::to_string(groups * lanes), "channels that the memories need to hold");
  number("int", "TAPS", std::to_string(program.taps), "K");
  const StageProgram& stage = program.stage();
  number("bit", "FUSED", stage.is_fused() ? "1'b1" : "1'b0", "0: two_step, 1: fused");
  number("int", "DATAFLOWS", std::to_string(folded ? 1 : spec::kDataflowsDefault),
         "of the unit: 1 two_step, 3 both");
  number("int", "FOLDED", folded ? "1" : "0", "1: the unit holds silu_table folded");
  number("int", "CONV_BITS", std::to_string(stage.conv_bits), "N");
  number("int", "CELL_BITS", std::to_string(cell_bits_of(stage)), "the guess has 2^CELL_BITS cells");
  number("int", "NEAR_BLOCKS", std::to_string(near_rows_of(stage) / spec::kNearBlockRows),
         "full-width thresholds, in eights");
  number("int", "MULT_BITS", std::to_string(program.mult_bits), "width of M");
  number("int", "BIAS_BITS", std::to_string(program.bias_bits), "width of B");
  address("MULTIPLIER", stage.multiplier, "M");
  number("int", "SHIFT", std::to_string(stage.shift_bits),
         stage.is_fused() ? "S; fused does not shift" : "S");
  if (stage.is_fused()) {
    number("int", "TURN", std::to_string(stage.fused.turn), "the rank at which SiLU is least");
  } else {
    number("bit", "HALF_AWAY", stage.rounding == Rounding::kHalfAway ? "1'b1" : "1'b0",
           "0: ties to even, 1: away from 0");
  }
  text += "\n";
  number("int", "WRITES", std::to_string(writes), "entries of config/axil_writes.hex");
  address("REG_CONTROL", spec::kRegControl, "bit 0: Enable");
  address("REG_STATUS", spec::kRegStatus, "bit 0: Busy");
  address("REG_COUNTERS", spec::kRegBeatsInLo,
          "first of eight: BeatsIn, BeatsOut, SatConv, SatOut, low word first");
  address("TABLE_BASE", spec::kTableBase,
          stage.is_fused() ? "far thresholds, two to a word" : "silu_table window");
  address("GUESS_BASE", spec::kGuessBase, "window of the guess");
  address("NEAR_BASE", spec::kNearBase, "window of the near thresholds");
  address("WEIGHT_BASE", spec::kWeightBase, "weight window");
  address("BIAS_BASE", spec::kBiasBase, "bias window");
  address("HISTORY_BASE", spec::kHistoryBase, "history window");
  const std::vector<MemoryImage> images = memory_images(program, folded);
  for (const MemoryImage& image : images) {
    if (image.name == "weight") text += memory_function(image, "weight_word", false);
    if (image.name == "bias") text += memory_function(image, "bias_word", true);
    if (image.name == "silu_table") text += memory_function(image, "silu_entry", true);
    if (image.name == "fold") text += memory_function(image, "fold_entry", false);
    if (image.name == "guess") text += memory_function(image, "guess_cell", false);
    if (image.name == "near") text += memory_function(image, "near_threshold", false);
    if (image.name == "far") text += memory_function(image, "far_threshold", false);
  }
  return text + "\nendpackage\n";
}

std::string c_header(const LayerProgram& program, std::size_t lanes, bool folded) {
  std::string text = "/* Layer program of " + comment_of(program.name) +
                     ". Generated; numbers are explained in docs/kit.md. */\n"
                     "#ifndef QUASIM_LAYER_H_\n#define QUASIM_LAYER_H_\n\n#include <stdint.h>\n\n";
  const auto define = [&text](const std::string& name, const std::string& value, const std::string& meaning) {
    text += "#define QUASIM_LAYER_" + name + " " + value + " /* " + meaning + " */\n";
  };
  define("LANES", std::to_string(lanes), "int8 lanes a beat");
  define("CHANNELS", std::to_string(program.channels()), "C");
  define("TAPS", std::to_string(program.taps), "K");
  const StageProgram& stage = program.stage();
  define("FUSED", stage.is_fused() ? "1" : "0", "0: two_step, 1: fused");
  define("FOLDED", folded ? "1" : "0", "1: the writes are for a unit that holds silu_table folded");
  define("CONV_BITS", std::to_string(stage.conv_bits), "N");
  define("MULT_BITS", std::to_string(program.mult_bits), "width of M");
  define("BIAS_BITS", std::to_string(program.bias_bits), "width of B");
  define("MULTIPLIER", std::to_string(stage.multiplier) + "u", "M");
  if (stage.is_fused()) {
    define("TURN", std::to_string(stage.fused.turn), "the rank at which SiLU is least");
    define("CELLS", std::to_string(stage.fused.guess.size()), "cells of the guess");
    define("NEAR_ROWS", std::to_string(stage.fused.near.size()), "thresholds of full width");
    define("FAR_ROWS", std::to_string(stage.fused.far.size()), "thresholds of which the low bits are kept");
  } else {
    define("SHIFT", std::to_string(stage.shift_bits), "S");
    define("HALF_AWAY", stage.rounding == Rounding::kHalfAway ? "1" : "0", "0: ties to even, 1: away from 0");
  }
  const auto array = [&text](const std::string& type, const std::string& name, std::size_t size,
                             std::size_t a_row, const auto& value_at) {
    text += "\nstatic const " + type + " " + name + " = {";
    for (std::size_t i = 0; i < size; ++i) text += (i % a_row == 0 ? "\n  " : " ") + value_at(i) + ",";
    text += "\n};\n";
  };
  const auto taps = static_cast<std::size_t>(program.taps);
  array("int8_t", "quasim_layer_weight[QUASIM_LAYER_CHANNELS * QUASIM_LAYER_TAPS]", program.weight.size(),
        taps, [&](std::size_t i) { return std::to_string(program.weight.data()[i]); });
  array("int64_t", "quasim_layer_bias[QUASIM_LAYER_CHANNELS]", program.bias_words.size(), 4,
        [&](std::size_t i) { return "INT64_C(" + std::to_string(program.bias_words[i]) + ")"; });
  if (stage.is_fused()) {
    array("uint16_t", "quasim_layer_guess[QUASIM_LAYER_CELLS]", stage.fused.guess.size(), 8,
          [&](std::size_t i) { return std::to_string(word_of(stage.fused.guess[i])); });
    array("uint32_t", "quasim_layer_near[QUASIM_LAYER_NEAR_ROWS]", stage.fused.near.size(), 8,
          [&](std::size_t i) { return std::to_string(stage.fused.near[i]); });
    array("uint16_t", "quasim_layer_far[QUASIM_LAYER_FAR_ROWS]", stage.fused.far.size(), 8,
          [&](std::size_t i) { return std::to_string(stage.fused.far[i]); });
  } else {
    array("int8_t", "quasim_layer_silu_table[1 << QUASIM_LAYER_CONV_BITS]", stage.silu_table.size(), 16,
          [&](std::size_t i) { return std::to_string(stage.silu_table[i]); });
  }
  const std::vector<RegisterWrite> writes = register_writes(program, folded);
  text +=
      "\n/* AXI4-Lite writes that load the layer: {address, data}. After the first, wait for Status.Busy = "
      "0. */\n"
      "#define QUASIM_LAYER_WRITES " +
      std::to_string(writes.size()) + "\n";
  array("uint32_t", "quasim_layer_writes[QUASIM_LAYER_WRITES][2]", writes.size(), 4, [&](std::size_t i) {
    return "{0x" + hex32(writes[i].address) + "u, 0x" + hex32(writes[i].data) + "u}";
  });
  return text + "\n#endif /* QUASIM_LAYER_H_ */\n";
}

std::string writes_hex(const std::vector<RegisterWrite>& writes) {
  std::string text;
  for (const RegisterWrite& write : writes) text += hex32(write.address) + hex32(write.data) + "\n";
  return text;
}

std::string writes_csv(const std::vector<RegisterWrite>& writes) {
  std::string text = "index,address,data,register\n";
  for (std::size_t i = 0; i < writes.size(); ++i)
    text += std::to_string(i) + ",0x" + hex32(writes[i].address) + ",0x" + hex32(writes[i].data) + "," +
            register_name(writes[i].address) + "\n";
  return text;
}

}  // namespace quasim::kit
