#include "cosim/rtl_unit.hpp"
#include "spec/error.hpp"

namespace quasim::cosim {

std::unique_ptr<RtlUnit> make_Vquasim_l1(const std::filesystem::path& trace);
std::unique_ptr<RtlUnit> make_Vquasim_l4(const std::filesystem::path& trace);
std::unique_ptr<RtlUnit> make_Vquasim_l16(const std::filesystem::path& trace);
std::unique_ptr<RtlUnit> make_Vquasim_l64(const std::filesystem::path& trace);

std::unique_ptr<RtlUnit> make_verilated_unit(std::size_t lanes, const std::filesystem::path& trace) {
  switch (lanes) {
    case 1:
      return make_Vquasim_l1(trace);
    case 4:
      return make_Vquasim_l4(trace);
    case 16:
      return make_Vquasim_l16(trace);
    case 64:
      return make_Vquasim_l64(trace);
    default:
      throw InputError("lanes: expected 1, 4, 16 or 64; got " + std::to_string(lanes));
  }
}

}  // namespace quasim::cosim
