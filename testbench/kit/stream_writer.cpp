#include "kit/stream_writer.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "kit/text.hpp"
#include "types/beats.hpp"

namespace quasim::kit {
namespace {

/// Elements of a block: large enough that a read takes a good piece of each channel, small enough for a
/// cache.
constexpr std::size_t kBlockElems = std::size_t{1} << 18;

/// Some beats of one file: `beats` little-endian records of `record_bytes` bytes.
struct Records {
  const char* data;
  std::size_t beats;
  std::size_t record_bytes;
};

/// Formats a block and hands it on; `text` keeps its memory from block to block.
class VectorFile {
 public:
  VectorFile(KitFile file, Format format) : file_(std::move(file)), format_(format) {}
  Format format() const { return format_; }
  KitFile& file() { return file_; }

  /// hex, mem, bin and npy; csv has a writer of its own.
  void write(const Records& records) {
    if (format_ == Format::kBin || format_ == Format::kNpy) {
      file_.write(records.data, records.beats * records.record_bytes);
      return;
    }
    text_.resize(records.beats * (2 * records.record_bytes + 1));
    char* at = text_.data();
    for (std::size_t beat = 0; beat < records.beats; ++beat) {
      at = put_hex(at, records.data + beat * records.record_bytes, records.record_bytes);
      *at++ = '\n';
    }
    file_.write(text_.data(), text_.size());
  }

 private:
  KitFile file_;
  Format format_;
  std::vector<char> text_;
};

class StreamWriter {
 public:
  StreamWriter(KitDirectory& kit, const LayerProgram& program, const StreamRequest& request)
      : kit_(kit),
        program_(program),
        request_(request),
        layout_(request.source->shape(), request.lanes),
        evaluator_(program, request.lanes),
        counter_(program) {}

  StreamSummary run();

 private:
  std::vector<VectorFile> open(const std::string& name, DType dtype, const std::vector<std::size_t>& shape,
                               const nlohmann::ordered_json& about, const std::string& csv_header);
  void write_flags(std::size_t first_beat, std::size_t beats);
  void write_stage(std::size_t index, const StageBlock& block, std::size_t sequence, std::size_t time);
  void write_csv(KitFile& file, Boundary stage, const StageBlock& block, std::size_t sequence,
                 std::size_t time);
  void compare_golden(const StageBlock& block, std::size_t sequence, std::size_t time);
  std::string counters_text() const;

  KitDirectory& kit_;
  const LayerProgram& program_;
  const StreamRequest& request_;
  BeatLayout layout_;
  StageEvaluator evaluator_;
  CoverageCounter counter_;
  std::vector<VectorFile> flags_;
  std::vector<std::vector<VectorFile>> stages_;
  std::vector<char> csv_, flag_bytes_;
  std::vector<std::int8_t> golden_;
  StreamSummary summary_;
};

std::vector<VectorFile> StreamWriter::open(const std::string& name, DType dtype,
                                           const std::vector<std::size_t>& shape,
                                           const nlohmann::ordered_json& about,
                                           const std::string& csv_header) {
  std::vector<VectorFile> files;
  for (const auto& [format, word, vectors, memories] : kFormats) {
    if (!vectors || request_.formats.count(format) == 0) continue;
    nlohmann::ordered_json entry{{"stream", request_.name}, {"stage", name}, {"format", std::string(word)}};
    entry.update(about);
    if (format == Format::kNpy) entry["shape"] = shape;
    files.emplace_back(kit_.create("vectors/" + request_.name + "/" + name + "." + std::string(word), entry),
                       format);
    if (format == Format::kNpy) files.back().file().write(npy_header_text(dtype, shape));
    if (format == Format::kMem) files.back().file().write("@0\n");
    if (format == Format::kCsv) files.back().file().write(csv_header);
  }
  return files;
}

void StreamWriter::write_flags(std::size_t first_beat, std::size_t beats) {
  flag_bytes_.resize(beats);
  for (std::size_t i = 0; i < beats; ++i)
    flag_bytes_[i] = static_cast<char>((layout_.is_first(first_beat + i) ? 1 : 0) |
                                       (layout_.is_last(first_beat + i) ? 2 : 0));
  for (VectorFile& file : flags_) {
    if (file.format() != Format::kCsv) {
      file.write({flag_bytes_.data(), beats, 1});
      continue;
    }
    csv_.resize(beats * 24);
    char* at = csv_.data();
    for (std::size_t i = 0; i < beats; ++i) {
      at = put_decimal(at, static_cast<std::int64_t>(first_beat + i));
      std::memcpy(at, ",0,0\n", 5);
      at[1] = static_cast<char>('0' + (flag_bytes_[i] & 1));
      at[3] = static_cast<char>('0' + (flag_bytes_[i] >> 1));
      at += 5;
    }
    file.file().write(csv_.data(), static_cast<std::size_t>(at - csv_.data()));
  }
}

void StreamWriter::write_stage(std::size_t index, const StageBlock& block, std::size_t sequence,
                               std::size_t time) {
  const Boundary stage = request_.stages[index];
  const std::size_t record_bytes = layout_.lanes() * size_bytes_of(format_of(stage, program_).dtype);
  const Records records{static_cast<const char*>(block.data(stage)), block.tokens * layout_.groups(),
                        record_bytes};
  for (VectorFile& file : stages_[index]) {
    if (file.format() == Format::kCsv)
      write_csv(file.file(), stage, block, sequence, time);
    else
      file.write(records);
  }
}

void StreamWriter::write_csv(KitFile& file, Boundary stage, const StageBlock& block, std::size_t sequence,
                             std::size_t time) {
  const auto value_at = [&](std::size_t i) -> std::int64_t {
    switch (stage) {
      case Boundary::kX:
        return block.x[i];
      case Boundary::kAcc:
        return block.acc[i];
      case Boundary::kP:
        return block.p[i];
      case Boundary::kQ:
        return block.q_at(i);
      case Boundary::kOut:
        return block.out[i];
    }
    throw InputError("stage out of range");
  };
  constexpr std::size_t kRowChars = std::size_t{6} * 21;
  csv_.resize(layout_.channels() * kRowChars);
  for (std::size_t token = 0; token < block.tokens; ++token) {
    char* at = csv_.data();
    for (std::size_t channel = 0; channel < layout_.channels(); ++channel) {
      const BeatLayout::Position position = layout_.position_of({sequence, channel, time + token});
      for (const std::size_t field : {sequence, time + token, channel, position.beat, position.lane}) {
        at = put_decimal(at, static_cast<std::int64_t>(field));
        *at++ = ',';
      }
      at = put_decimal(at, value_at(token * evaluator_.width() + channel));
      *at++ = '\n';
    }
    file.write(csv_.data(), static_cast<std::size_t>(at - csv_.data()));
  }
}

void StreamWriter::compare_golden(const StageBlock& block, std::size_t sequence, std::size_t time) {
  golden_.resize(layout_.channels() * block.tokens);
  request_.golden->read(sequence, time, block.tokens, golden_.data());
  for (std::size_t channel = 0; channel < layout_.channels(); ++channel)
    for (std::size_t token = 0; token < block.tokens; ++token)
      summary_.golden_differing +=
          golden_[channel * block.tokens + token] != block.out[token * evaluator_.width() + channel] ? 1U
                                                                                                     : 0U;
  summary_.golden_compared += golden_.size();
}

/// The eight counter registers after the stream, in address order, one word a line.
std::string StreamWriter::counters_text() const {
  std::string text;
  for (const std::uint64_t count : {std::uint64_t{layout_.beats()}, std::uint64_t{layout_.beats()},
                                    evaluator_.saturation().conv, evaluator_.saturation().out})
    text += hex_digits(count, 8) + "\n" + hex_digits(count >> 32, 8) + "\n";
  return text;
}

StreamSummary StreamWriter::run() {
  const auto& [sequences, channels, length] = request_.source->shape();
  const std::size_t groups = layout_.groups(), lanes = layout_.lanes();
  flags_ = open("flags", DType::kUInt8, {sequences, length, groups},
                {{"meaning", "bit 0: tuser[0], first time step; bit 1: tlast"},
                 {"bits", 2},
                 {"signed", false},
                 {"container_bits", 8}},
                "beat,first,last\n");
  nlohmann::ordered_json stage_list;
  for (const Boundary stage : request_.stages) {
    const BoundaryFormat format = format_of(stage, program_);
    const nlohmann::ordered_json about{{"meaning", std::string(format.meaning)},
                                       {"bits", format.bits},
                                       {"signed", true},
                                       {"container_bits", 8 * size_bytes_of(format.dtype)},
                                       {"dtype", std::string(to_string(format.dtype))}};
    stage_list[std::string(format.name)] = about;
    stages_.push_back(open(std::string(format.name), format.dtype, {sequences, length, groups, lanes}, about,
                           "sequence,time,channel,beat,lane,value\n"));
  }
  const std::size_t block_tokens = std::clamp<std::size_t>(kBlockElems / channels, 1, length);
  std::vector<std::int8_t> samples(channels * block_tokens);
  StageBlock block;
  for (std::size_t sequence = 0; sequence < sequences; ++sequence) {
    evaluator_.start_sequence();
    for (std::size_t time = 0; time < length; time += block_tokens) {
      const std::size_t tokens = std::min(block_tokens, length - time);
      request_.source->read(sequence, time, tokens, samples.data());
      evaluator_.evaluate(samples.data(), tokens, block);
      counter_.count(block, evaluator_.width());
      write_flags((sequence * length + time) * groups, tokens * groups);
      for (std::size_t i = 0; i < stages_.size(); ++i) write_stage(i, block, sequence, time);
      if (request_.golden != nullptr) compare_golden(block, sequence, time);
      summary_.elements += tokens * channels;
      if (request_.progress) request_.progress(summary_.elements);
    }
  }
  for (VectorFile& file : flags_) kit_.add(std::move(file.file()));
  for (auto& files : stages_)
    for (VectorFile& file : files) kit_.add(std::move(file.file()));
  kit_.add_text("vectors/" + request_.name + "/counters.hex",
                {{"stream", request_.name},
                 {"meaning", "BeatsIn, BeatsOut, SatConv, SatOut after the stream, low word first"}},
                counters_text());
  summary_.json = {{"meaning", request_.meaning},
                   {"sequences", sequences},
                   {"channels", channels},
                   {"length", length},
                   {"lanes", lanes},
                   {"groups", groups},
                   {"beats", layout_.beats()},
                   {"elements", layout_.elements()},
                   {"saturated_conv", evaluator_.saturation().conv},
                   {"saturated_out", evaluator_.saturation().out},
                   {"coverage", counter_.coverage().json()},
                   {"stages", stage_list}};
  summary_.coverage = counter_.coverage();
  return std::move(summary_);
}

}  // namespace

StreamSummary write_stream(KitDirectory& kit, const LayerProgram& program, const StreamRequest& request) {
  return StreamWriter(kit, program, request).run();
}

}  // namespace quasim::kit
