#include "bindings/dpi/open_program.hpp"

#include "io/program_file.hpp"
#include "reference/programs.hpp"

namespace quasim::dpi {

LayerProgram open_program(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return program_for(read_bundle(path), {}).program;
  return read_program(path);
}

}  // namespace quasim::dpi
