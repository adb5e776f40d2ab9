// The names under which Verilator's FST writer finds the watched functions.
#include "cosim/fst_errors.hpp"

#define fwrite(bytes, size, count, file) quasim::cosim::fst_fwrite(bytes, size, count, file)
#define fputc(character, file) quasim::cosim::fst_fputc(character, file)
#define fflush(file) quasim::cosim::fst_fflush(file)
#define fclose(file) quasim::cosim::fst_fclose(file)
#define fseeko(file, offset, origin) quasim::cosim::fst_fseeko(file, offset, origin)
#define ftruncate(descriptor, length) quasim::cosim::fst_ftruncate(descriptor, length)
