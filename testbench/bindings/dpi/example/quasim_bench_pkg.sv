// The classes of the bench, one a file: items, the sequence that makes them, and the scoreboard that judges them, joined by
// mailboxes as in UVM, without its library. What touches pins is in quasim_dpi_bench: virtual interfaces are beyond some
// simulators.

package quasim_bench_pkg;

  import quasim_dpi_pkg::*;

  parameter int LANES        = 4;
  parameter int MAX_CHANNELS = 1024;

  `include "quasim_random.svh"
  `include "quasim_beat.svh"
  `include "quasim_sequence.svh"
  `include "quasim_scoreboard.svh"

endpackage
