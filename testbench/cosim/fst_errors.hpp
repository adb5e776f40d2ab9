// Forced in front of Verilator's FST writer, which looks at no result of its writes: the first refusal is
// kept and can be asked for.
#pragma once

#include <unistd.h>

#include <cstdio>

namespace quasim::cosim {

/// errno of the first write to a waveform that was refused; 0 where all went well.
int fst_error();
/// Keeps a refusal that another copy of the writer met, in a unit's own library; 0 is none.
void note_fst_error(int reason);

// As the functions of <cstdio> and <unistd.h>.
std::size_t fst_fwrite(const void* bytes, std::size_t size, std::size_t count, std::FILE* file);
int fst_fputc(int character, std::FILE* file);
int fst_fflush(std::FILE* file);
int fst_fclose(std::FILE* file);
int fst_fseeko(std::FILE* file, off_t offset, int origin);
int fst_ftruncate(int descriptor, off_t length);

}  // namespace quasim::cosim
