// One beat of a stream. user is an input's, keep an output's.
class quasim_beat;
  bit [LANES*8-1:0] data;
  bit               user;
  bit               last;
  bit [LANES-1:0]   keep;
endclass
