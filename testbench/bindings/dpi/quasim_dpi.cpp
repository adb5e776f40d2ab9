// The C boundary of the live model: finds the handle, takes the session's turn, turns what was thrown into a
// status.
#include "bindings/dpi/quasim_dpi.h"

#include <cstdio>
#include <exception>

#include "bindings/dpi/handles.hpp"
#include "bindings/dpi/open_program.hpp"

namespace {

using namespace quasim;
using namespace quasim::dpi;

thread_local char last_error[1024] = "";

int fail(int status, const char* message) {
  std::snprintf(last_error, sizeof last_error, "%s", message);
  for (char& c : last_error)
    if (c == '\n' || c == '\r') c = ' ';
  return status;
}

HandleTable& handles() {
  static HandleTable table;
  return table;
}

template <class Body>
int guarded(const Body& body) {
  try {
    body();
    return QUASIM_DPI_OK;
  } catch (const BadHandle& error) {
    return fail(QUASIM_DPI_BAD_HANDLE, error.what());
  } catch (const InputError& error) {
    return fail(QUASIM_DPI_BAD_INPUT, error.what());
  } catch (const std::exception& error) {
    return fail(QUASIM_DPI_INTERNAL, error.what());
  } catch (...) {
    return fail(QUASIM_DPI_INTERNAL, "unknown fault");
  }
}

template <class... Pointers>
void require(const Pointers*... pointers) {
  const bool any_null = (... || (pointers == nullptr));
  if (any_null) throw InputError("null pointer");
}

/// Runs `body` with the session of a handle, which is locked meanwhile.
template <class Body>
int with_session(int handle, const Body& body) {
  return guarded([&] {
    const std::shared_ptr<Session> session = handles().find(handle);
    const std::lock_guard<std::mutex> turn(session->mutex);
    body(*session);
  });
}

}  // namespace

const char* quasim_dpi_last_error(void) {
  return last_error;
}

int quasim_dpi_open(const char* path, int* handle) {
  return guarded([&] {
    require(path, handle);
    *handle = handles().add(std::make_shared<Session>(open_program(path)));
  });
}

int quasim_dpi_close(int handle) {
  return guarded([&] { handles().close(handle); });
}

int quasim_dpi_shape(int handle, int* channels, int* taps, int* conv_bits) {
  return with_session(handle, [&](Session& session) {
    require(channels, taps, conv_bits);
    const LayerProgram& program = session.model.program();
    *channels = program.channels();
    *taps = program.taps;
    *conv_bits = program.stage().conv_bits;
  });
}

int quasim_dpi_write_count(int handle, int* count) {
  return with_session(handle, [&](Session& session) {
    require(count);
    *count = static_cast<int>(session.writes.size());
  });
}

int quasim_dpi_write_at(int handle, int index, int* address, int* data) {
  return with_session(handle, [&](Session& session) {
    require(address, data);
    if (index < 0 || static_cast<std::size_t>(index) >= session.writes.size())
      throw InputError("index: expected 0 to " + std::to_string(session.writes.size() - 1) + "; got " +
                       std::to_string(index));
    const RegisterWrite& write = session.writes[static_cast<std::size_t>(index)];
    *address = static_cast<int>(write.address);
    *data = static_cast<int>(write.data);
  });
}

int quasim_dpi_conv_acc(int handle, int channel, int x3, int x2, int x1, int x0, int* acc) {
  return with_session(handle, [&](Session& session) {
    require(acc);
    *acc = session.model.conv_acc(
        channel, {checked_sample(x3), checked_sample(x2), checked_sample(x1), checked_sample(x0)});
  });
}

int quasim_dpi_requant_p(int handle, int channel, int acc, long long* p) {
  return with_session(handle, [&](Session& session) {
    require(p);
    *p = session.model.requant_p(channel, acc);
  });
}

int quasim_dpi_requant_q(int handle, long long p, int* q) {
  return with_session(handle, [&](Session& session) {
    require(q);
    *q = session.model.requant_q(p);
  });
}

int quasim_dpi_silu(int handle, int q, int* out) {
  return with_session(handle, [&](Session& session) {
    require(out);
    *out = session.model.silu(q);
  });
}

int quasim_dpi_element(int handle, int channel, int x, int first, int* out) {
  return with_session(handle, [&](Session& session) {
    require(out);
    *out = session.model.element(channel, checked_sample(x), first != 0).out;
  });
}

int quasim_dpi_element_stages(int handle, int channel, int x, int first, int* acc, long long* p, int* q,
                              int* out) {
  return with_session(handle, [&](Session& session) {
    require(acc, p, q, out);
    const stages::StageValues values = session.model.element(channel, checked_sample(x), first != 0);
    *acc = values.acc;
    *p = values.p;
    *q = values.index.index;
    *out = values.out;
  });
}

int quasim_dpi_beat(int handle, int lanes, const uint32_t* tdata, unsigned char user, uint32_t* out,
                    uint32_t* keep) {
  static_assert(spec::kLanesMax == QUASIM_DPI_LANES_MAX && spec::kLanesMax == 4 * QUASIM_DPI_BEAT_WORDS &&
                spec::kLanesMax == 32 * QUASIM_DPI_KEEP_WORDS);
  return with_session(handle, [&](Session& session) {
    require(tdata, out, keep);
    std::int8_t samples[spec::kLanesMax];
    for (unsigned i = 0; i < spec::kLanesMax; ++i)
      samples[i] = static_cast<std::int8_t>(tdata[i / 4] >> (8 * (i % 4)));
    const BeatResult result = session.stream.next(session.model, lanes, samples, user != 0);
    for (unsigned i = 0; i < QUASIM_DPI_BEAT_WORDS; ++i) out[i] = 0;
    for (unsigned i = 0; i < QUASIM_DPI_KEEP_WORDS; ++i) keep[i] = 0;
    for (unsigned i = 0; i < static_cast<unsigned>(result.live_lanes); ++i) {
      out[i / 4] |= std::uint32_t{static_cast<std::uint8_t>(result.data[i])} << (8 * (i % 4));
      keep[i / 32] |= std::uint32_t{1} << (i % 32);
    }
  });
}

int quasim_dpi_restart(int handle) {
  return with_session(handle, [](Session& session) { session.stream.restart(); });
}

int quasim_dpi_layer(int handle, int sequences, int length, int first, const int8_t* x, int8_t* out) {
  return with_session(handle, [&](Session& session) {
    require(x, out);
    if (sequences < 1 || length < 1) throw InputError("sequences and length: expected 1 or more");
    if (first == 0 && sequences != 1) throw InputError("sequences: expected 1 where the history continues");
    const int channels = session.model.program().channels();
    for (int sequence = 0; sequence < sequences; ++sequence)
      for (int channel = 0; channel < channels; ++channel)
        for (int time = 0; time < length; ++time)
          *out++ = session.model.element(channel, *x++, first != 0 && time == 0).out;
  });
}

int quasim_dpi_read_history(int handle, int channel, int* word) {
  return with_session(handle, [&](Session& session) {
    require(word);
    const LayerModel::History history = session.model.history(channel);
    std::uint32_t bytes = 0;
    for (unsigned i = 0; i < history.size(); ++i)
      bytes |= std::uint32_t{static_cast<std::uint8_t>(history[i])} << (8 * i);
    *word = static_cast<int>(bytes);
  });
}

int quasim_dpi_write_history(int handle, int channel, int word) {
  return with_session(handle, [&](Session& session) {
    LayerModel::History history{};
    for (unsigned i = 0; i < history.size(); ++i)
      history[i] = static_cast<std::int8_t>(static_cast<std::uint32_t>(word) >> (8 * i));
    session.model.set_history(channel, history);
  });
}
