// Drives a Verilated quasim_top with the pins that the bench recorded and compares every output pin whose
// value the recording knows.
//
//   replay PINS COVERAGE.dat
//
// A line of PINS is a cycle: inputs and outputs just before the rising edge of the clock, as
// quasim_monitor.sv writes them; a line that begins with "counts" sets the four counters, as the bench does;
// one that begins with "parameters" is for the one who built the unit. Prints what was compared. Exit status:
// 0 all equal, 1 a pin differs, 2 bad input, nothing compared too.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "Vquasim_top.h"
#include "Vquasim_top__Syms.h"
#include "verilated.h"
#include "verilated_cov.h"

namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;  // x, X, z, Z: not known
}

/// Bit i of a number in hexadecimal; `known` tells whether it has a value.
bool bit_of(const std::string& text, std::size_t i, bool& known) {
  const int digit = digit_of(text[text.size() - 1 - i / 4]);
  known = digit >= 0;
  return known && (digit >> (i % 4) & 1) != 0;
}

template <class Port>
bool get(const Port& port, std::size_t i) {
  if constexpr (std::is_integral_v<Port>)
    return (port >> i & 1) != 0;
  else
    return (port.at(i / 32) >> (i % 32) & 1) != 0;
}

/// An input of `text`; an unknown bit becomes 0.
template <class Port>
void put(Port& port, const std::string& text) {
  if constexpr (std::is_integral_v<Port>)
    port = 0;
  else
    for (std::size_t i = 0; i < (text.size() * 4 + 31) / 32; ++i) port.at(i) = 0;
  for (std::size_t i = 0; i < text.size() * 4; ++i) {
    bool known = false;
    if (!bit_of(text, i, known)) continue;
    if constexpr (std::is_integral_v<Port>)
      port = static_cast<Port>(port | static_cast<Port>(Port{1} << i));
    else
      port.at(i / 32) |= 1U << (i % 32);
  }
}

class Replay {
 public:
  explicit Replay(const char* file) : file_(file), lines_(file) {
    if (!lines_) refuse("a file of recorded pins");
  }

  int run(const char* coverage) {
    for (std::string line; std::getline(lines_, line); ++line_) {
      if (line.rfind("counts ", 0) == 0)
        set_counters(line);
      else if (line.rfind("parameters ", 0) != 0)
        cycle(line);
    }
    if (compared_ == 0) refuse("cycles to compare");
    top_.final();
    VerilatedCov::write(coverage);
    std::cout << "cycles " << cycles_ << " compared " << compared_ << " differing " << differing_ << "\n";
    return differing_ == 0 ? 0 : 1;
  }

 private:
  [[noreturn]] void refuse(const char* expected) {
    std::cerr << "replay: " << file_ << ": line " << line_ + 1 << ": expected " << expected << "\n";
    std::exit(2);
  }

  void set_counters(const std::string& line) {
    std::istringstream words(line.substr(7));
    std::uint64_t value[4];
    for (std::uint64_t& one : value)
      if (!(words >> std::hex >> one)) refuse("four counts");
    auto& root = *top_.rootp;
    root.__PVT__quasim_top__DOT__gen_counter__BRA__0__KET____DOT__u_counter->count_q = value[0];
    root.__PVT__quasim_top__DOT__gen_counter__BRA__1__KET____DOT__u_counter->count_q = value[1];
    root.__PVT__quasim_top__DOT__gen_counter__BRA__2__KET____DOT__u_counter->count_q = value[2];
    root.__PVT__quasim_top__DOT__gen_counter__BRA__3__KET____DOT__u_counter->count_q = value[3];
  }

  template <class Port>
  void compare(const char* name, const Port& port, const std::string& text, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) {
      bool known = false;
      const bool want = bit_of(text, i, known);
      if (known) same(name, get(port, i), want);
    }
  }

  void one(const char* name, bool got, char want) {
    if (want == '0' || want == '1') same(name, got, want == '1');
  }

  void same(const char* name, bool got, bool want) {
    ++compared_;
    if (got == want) return;
    if (differing_++ == 0)
      std::cerr << "replay: " << file_ << ": line " << line_ + 1 << ": " << name << " is " << got
                << ", recorded " << want << "\n";
  }

  void cycle(const std::string& line) {
    std::istringstream words(line);
    std::string in, s_tdata, awaddr, wdata, wstrb, araddr, out, m_tdata, m_tkeep, rdata;
    if (!(words >> in >> s_tdata >> awaddr >> wdata >> wstrb >> araddr >> out >> m_tdata >> m_tkeep >>
          rdata) ||
        in.size() != 10 || out.size() != 12)
      refuse("the pins of a cycle");
    top_.clk_i = 0;
    std::size_t at = 0;
    const auto next = [&] { return in[at++] == '1'; };
    top_.rst_ni = next();
    top_.s_axis_tvalid = next();
    top_.s_axis_tuser = next();
    top_.s_axis_tlast = next();
    top_.m_axis_tready = next();
    top_.s_axil_awvalid = next();
    top_.s_axil_wvalid = next();
    top_.s_axil_bready = next();
    top_.s_axil_arvalid = next();
    top_.s_axil_rready = next();
    put(top_.s_axis_tdata, s_tdata);
    put(top_.s_axil_awaddr, awaddr);
    put(top_.s_axil_wdata, wdata);
    put(top_.s_axil_wstrb, wstrb);
    put(top_.s_axil_araddr, araddr);
    top_.eval();

    // The handshakes, then what belongs to those that are valid: elsewhere payload means nothing, and an
    // unknown input may show in it.
    one("s_axis_tready", top_.s_axis_tready, out[0]);
    one("m_axis_tvalid", top_.m_axis_tvalid, out[1]);
    one("s_axil_awready", top_.s_axil_awready, out[3]);
    one("s_axil_wready", top_.s_axil_wready, out[4]);
    one("s_axil_bvalid", top_.s_axil_bvalid, out[5]);
    one("s_axil_arready", top_.s_axil_arready, out[8]);
    one("s_axil_rvalid", top_.s_axil_rvalid, out[9]);
    if (top_.m_axis_tvalid) {
      one("m_axis_tlast", top_.m_axis_tlast, out[2]);
      compare("m_axis_tdata", top_.m_axis_tdata, m_tdata, s_tdata.size() * 4);
      for (std::size_t i = 0; i < m_tkeep.size(); ++i)
        one("m_axis_tkeep", get(top_.m_axis_tkeep, m_tkeep.size() - 1 - i), m_tkeep[i]);
    }
    if (top_.s_axil_bvalid)
      for (std::size_t i = 0; i < 2; ++i) one("s_axil_bresp", get(top_.s_axil_bresp, 1 - i), out[6 + i]);
    if (top_.s_axil_rvalid) {
      for (std::size_t i = 0; i < 2; ++i) one("s_axil_rresp", get(top_.s_axil_rresp, 1 - i), out[10 + i]);
      compare("s_axil_rdata", top_.s_axil_rdata, rdata, 32);
    }
    top_.clk_i = 1;
    top_.eval();
    ++cycles_;
  }

  const char* file_;
  std::ifstream lines_;
  Vquasim_top top_;
  std::uint64_t line_ = 0, cycles_ = 0, compared_ = 0, differing_ = 0;
};

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "replay: expected PINS COVERAGE.dat\n";
    return 2;
  }
  return Replay(words[1]).run(words[2]);
}
