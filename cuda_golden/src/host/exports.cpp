// The shared library is the static one as a whole; this file only gives the linker a translation unit.
#include "quasim_golden.h"
