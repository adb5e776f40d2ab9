// Random numbers that are the same in every simulator (xorshift64*).
class quasim_random;
  local bit [63:0] state;

  function new(int seed);
    state = 64'h9E3779B97F4A7C15 * (64'(seed) + 64'd1) | 64'd1;
  endfunction

  function bit [31:0] next();
    bit [63:0] product;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    product = state * 64'h2545F4914F6CDD1D;
    return product[63:32];
  endfunction

  // True in `per_256` of 256 calls.
  function bit chance(int per_256);
    bit [31:0] number;
    number = next();
    return int'(number[7:0]) < per_256;
  endfunction
endclass
