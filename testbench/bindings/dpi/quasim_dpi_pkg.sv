// Imports of libquasim_dpi.so, the bit-accurate model of quasim_top. What each function does is said in quasim_dpi.h.
//
// Every function but quasim_dpi_last_error returns a status; quasim_dpi_check turns a bad one into $fatal with its reason.
// Deliberately absent: open arrays, so that the library needs nothing of the simulator that loads it.

package quasim_dpi_pkg;

  parameter int QUASIM_DPI_OK         = 0;
  parameter int QUASIM_DPI_BAD_HANDLE = 1;
  parameter int QUASIM_DPI_BAD_INPUT  = 2;
  parameter int QUASIM_DPI_INTERNAL   = 3;
  parameter int QUASIM_DPI_LANES_MAX  = 128;

  typedef bit [QUASIM_DPI_LANES_MAX*8-1:0] quasim_beat_t;
  typedef bit [QUASIM_DPI_LANES_MAX-1:0]   quasim_keep_t;

  import "DPI-C" function string quasim_dpi_last_error();
  import "DPI-C" function int quasim_dpi_open(input string path, output int handle);
  import "DPI-C" function int quasim_dpi_close(input int handle);

  import "DPI-C" function int quasim_dpi_shape(input int handle, output int channels, output int taps,
                                               output int conv_bits);
  import "DPI-C" function int quasim_dpi_write_count(input int handle, output int count);
  import "DPI-C" function int quasim_dpi_write_at(input int handle, input int index, output int address,
                                                  output int data);

  import "DPI-C" function int quasim_dpi_conv_acc(input int handle, input int channel, input int x3, input int x2,
                                                  input int x1, input int x0, output int acc);
  import "DPI-C" function int quasim_dpi_requant_p(input int handle, input int channel, input int acc,
                                                   output longint p);
  import "DPI-C" function int quasim_dpi_requant_q(input int handle, input longint p, output int q);
  import "DPI-C" function int quasim_dpi_silu(input int handle, input int q, output int out);

  import "DPI-C" function int quasim_dpi_element(input int handle, input int channel, input int x, input int first,
                                                 output int out);
  import "DPI-C" function int quasim_dpi_element_stages(input int handle, input int channel, input int x,
                                                        input int first, output int acc, output longint p,
                                                        output int q, output int out);
  import "DPI-C" function int quasim_dpi_beat(input int handle, input int lanes, input quasim_beat_t tdata,
                                              input bit user, output quasim_beat_t out, output quasim_keep_t keep);
  import "DPI-C" function int quasim_dpi_restart(input int handle);
  import "DPI-C" function int quasim_dpi_read_history(input int handle, input int channel, output int word);
  import "DPI-C" function int quasim_dpi_write_history(input int handle, input int channel, input int word);

  function automatic void quasim_dpi_check(input int status);
    if (status != QUASIM_DPI_OK) $fatal(1, "quasim_dpi: status %0d: %s", status, quasim_dpi_last_error());
  endfunction

  // x and out: [sequences, channels, length], row-major. first as for quasim_dpi_layer.
  function automatic int quasim_layer(input int handle, input int sequences, input int length, input bit first,
                                      input byte x [], output byte out []);
    int channels, taps, conv_bits, status, value, at;
    status = quasim_dpi_shape(handle, channels, taps, conv_bits);
    if (status != QUASIM_DPI_OK) return status;
    if (x.size() != sequences * channels * length || (!first && sequences != 1)) return QUASIM_DPI_BAD_INPUT;
    out = new[x.size()];
    at = 0;
    for (int s = 0; s < sequences; s++) begin
      for (int channel = 0; channel < channels; channel++) begin
        for (int t = 0; t < length; t++) begin
          status = quasim_dpi_element(handle, channel, int'(x[at]), int'(first && t == 0), value);
          if (status != QUASIM_DPI_OK) return status;
          out[at] = byte'(value);
          at++;
        end
      end
    end
    return QUASIM_DPI_OK;
  endfunction

endpackage
