// Sends every input beat through the live model and compares every output beat with what it says.
class quasim_scoreboard;
  localparam int Listed = 5;

  int compared;   // everything
  int beats;      // output beats
  int differing;

  local int                    handle;
  local mailbox #(quasim_beat) inputs, outputs;

  function new(int model, mailbox #(quasim_beat) from_inputs, mailbox #(quasim_beat) from_outputs);
    handle = model;
    inputs = from_inputs;
    outputs = from_outputs;
  endfunction

  task run();
    quasim_beat in_beat, out_beat, want;
    forever begin
      outputs.get(out_beat);
      inputs.get(in_beat);
      want = predict(in_beat);
      compare(out_beat, want);
    end
  endtask

  local function quasim_beat predict(quasim_beat in_beat);
    quasim_beat   want;
    quasim_beat_t tdata, data;
    quasim_keep_t keep;
    tdata = '0;
    tdata[LANES*8-1:0] = in_beat.data;
    quasim_dpi_check(quasim_dpi_beat(handle, LANES, tdata, in_beat.user, data, keep));
    want = new;
    want.data = data[LANES*8-1:0];
    want.keep = keep[LANES-1:0];
    want.last = in_beat.last;
    return want;
  endfunction

  local function void compare(quasim_beat got, quasim_beat want);
    compared++;
    beats++;
    if (got.data == want.data && got.keep == want.keep && got.last == want.last) return;
    differing++;
    if (differing <= Listed)
      $display("beat %0d: got data %h keep %b last %b, want data %h keep %b last %b", beats - 1, got.data, got.keep,
               got.last, want.data, want.keep, want.last);
  endfunction

  // A word that was read from the unit.
  function void check_word(string what, int got, int want);
    compared++;
    if (got == want) return;
    differing++;
    if (differing <= Listed) $display("%s: got %h, want %h", what, got, want);
  endfunction

  // The history window of a channel against the model's.
  function void check_history(int channel, int got);
    int want;
    quasim_dpi_check(quasim_dpi_read_history(handle, channel, want));
    check_word("history", got, want);
  endfunction

  function void report();
    if (compared == 0 || differing != 0) $fatal(1, "FAIL: %0d comparisons, %0d differ", compared, differing);
    $display("PASS: %0d comparisons, %0d beats", compared, beats);
  endfunction

  // The stage calls in a row, the element call and the layer call must agree: `count` samples of each channel.
  function void check_stages(quasim_random random, int count);
    int     channels, taps, conv_bits;
    int     acc, q, out, element_acc, element_q, element_out;
    longint p, element_p;
    int     x [4];
    byte    samples [], outputs [], layer_outputs [];
    quasim_dpi_check(quasim_dpi_shape(handle, channels, taps, conv_bits));
    samples = new[channels * count];
    outputs = new[channels * count];
    for (int channel = 0; channel < channels; channel++) begin
      x[0] = 0;
      x[1] = 0;
      x[2] = 0;
      for (int n = 0; n < count; n++) begin
        x[3] = int'(random.next() & 32'hFF) - 128;
        quasim_dpi_check(quasim_dpi_conv_acc(handle, channel, x[0], x[1], x[2], x[3], acc));
        quasim_dpi_check(quasim_dpi_requant_p(handle, channel, acc, p));
        quasim_dpi_check(quasim_dpi_requant_q(handle, p, q));
        quasim_dpi_check(quasim_dpi_silu(handle, q, out));
        quasim_dpi_check(quasim_dpi_element_stages(handle, channel, x[3], int'(n == 0), element_acc, element_p,
                                                   element_q, element_out));
        check_word("stage calls and element call", int'(acc == element_acc && p == element_p && q == element_q), 1);
        check_word("silu and element call", out, element_out);
        samples[channel*count+n] = byte'(x[3]);
        outputs[channel*count+n] = byte'(out);
        x[0] = x[1];
        x[1] = x[2];
        x[2] = x[3];
      end
    end
    quasim_dpi_check(quasim_layer(handle, 1, count, 1'b1, samples, layer_outputs));
    for (int i = 0; i < channels * count; i++)
      check_word("layer call and stage calls", int'(layer_outputs[i]), int'(outputs[i]));
  endfunction
endclass
