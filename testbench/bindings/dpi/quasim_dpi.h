/* The bit-accurate model of the unit for SystemVerilog benches (DPI-C) and for C. Import package:
 * quasim_dpi_pkg.sv.
 *
 * Every function but quasim_dpi_last_error returns a status and writes its results only when that is
 * QUASIM_DPI_OK. Nothing is thrown across this boundary, nothing is printed, and a bad handle, path, value or
 * null pointer is answered with a status. All functions may be called from several threads; calls on one
 * handle take turns.
 */
#ifndef QUASIM_DPI_H
#define QUASIM_DPI_H

#include <stdint.h>

#if defined(__GNUC__)
#define QUASIM_DPI_API __attribute__((visibility("default")))
#else
#define QUASIM_DPI_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum quasim_dpi_status {
  QUASIM_DPI_OK = 0,
  QUASIM_DPI_BAD_HANDLE = 1, /* closed, or never opened */
  QUASIM_DPI_BAD_INPUT =
      2, /* a path, file, value or pointer; quasim_dpi_last_error says which and what was expected */
  QUASIM_DPI_INTERNAL = 3 /* out of memory, or a fault of the library */
};

enum { QUASIM_DPI_BEAT_WORDS = 32, QUASIM_DPI_KEEP_WORDS = 4, QUASIM_DPI_LANES_MAX = 128 };

/* One line about the last call of this thread that did not return QUASIM_DPI_OK; "" where there was none.
 * Valid until the thread's next call that fails. */
QUASIM_DPI_API const char* quasim_dpi_last_error(void);

/* Opens a layer program file, or a layer bundle (a directory), which is compiled for its golden. Handles are
 * positive and never used twice. Every history starts at 0. */
QUASIM_DPI_API int quasim_dpi_open(const char* path, int* handle);
QUASIM_DPI_API int quasim_dpi_close(int handle);

/* ---- the layer program ---- */

QUASIM_DPI_API int quasim_dpi_shape(int handle, int* channels, int* taps, int* conv_bits);
/* The AXI4-Lite writes that load the program, Control = 0 first and Control = 1 last; wait for Status.Busy =
 * 0 after the first. index: 0 to count - 1. */
QUASIM_DPI_API int quasim_dpi_write_count(int handle, int* count);
QUASIM_DPI_API int quasim_dpi_write_at(int handle, int index, int* address, int* data);

/* ---- one stage at a time, without history ---- */

/* The newest sample is x0; x1 to x3 are 1 to 3 time steps older, 0 before the sequence starts. */
QUASIM_DPI_API int quasim_dpi_conv_acc(int handle, int channel, int x3, int x2, int x1, int x0, int* acc);
/* p = M*acc + B[channel] */
QUASIM_DPI_API int quasim_dpi_requant_p(int handle, int channel, int acc, long long* p);
/* q = clamp_N(round_shift(p, S)) */
QUASIM_DPI_API int quasim_dpi_requant_q(int handle, long long p, int* q);
/* out = silu_table[q] */
QUASIM_DPI_API int quasim_dpi_silu(int handle, int q, int* out);

/* ---- all stages, with history ---- */

/* The next sample of a channel. first: 1 where a sequence starts, so that older samples are 0; 0 where it
 * continues. */
QUASIM_DPI_API int quasim_dpi_element(int handle, int channel, int x, int first, int* out);
QUASIM_DPI_API int quasim_dpi_element_stages(int handle, int channel, int x, int first, int* acc,
                                             long long* p, int* q, int* out);
/* The next beat that s_axis takes: lane i is bits 8i+7:8i of tdata. user is s_axis_tuser[0] and counts on the
 * first channel group of a time step. Writes m_axis_tdata and m_axis_tkeep. tdata and out: 32 words, least
 * significant first; keep: 4. */
QUASIM_DPI_API int quasim_dpi_beat(int handle, int lanes, const uint32_t* tdata, unsigned char user,
                                   uint32_t* out, uint32_t* keep);
/* The next beat is the first channel group of a time step, as after ClearCounters. */
QUASIM_DPI_API int quasim_dpi_restart(int handle);
/* x and out: int8 [sequences, channels, length], row-major. first: 1: every sequence starts with older
 * samples 0; 0: the stored history continues, which takes exactly one sequence. For C callers; quasim_layer
 * of the package is the same in SystemVerilog. */
QUASIM_DPI_API int quasim_dpi_layer(int handle, int sequences, int length, int first, const int8_t* x,
                                    int8_t* out);

/* History as in the register map: byte 0 is x[t-3], byte 1 x[t-2], byte 2 x[t-1]; byte 3 reads 0 and is not
 * written. */
QUASIM_DPI_API int quasim_dpi_read_history(int handle, int channel, int* word);
QUASIM_DPI_API int quasim_dpi_write_history(int handle, int channel, int word);

#ifdef __cplusplus
}
#endif

#endif
