// Makes the beats of a test: sequences of random samples. The second and every third after it continue the history, as in
// decode.
class quasim_sequence;
  int sent;

  local mailbox #(quasim_beat) sink;
  local quasim_random          random;

  function new(mailbox #(quasim_beat) beats, quasim_random numbers);
    sink = beats;
    random = numbers;
  endfunction

  task run(int sequences, int length, int groups);
    for (int s = 0; s < sequences; s++) begin
      for (int t = 0; t < length; t++) begin
        for (int group = 0; group < groups; group++) begin
          quasim_beat beat;
          beat = new;
          for (int lane = 0; lane < LANES; lane++)
            beat.data[lane*8+:8] = random.chance(32) ? 8'h80 : 8'(random.next());
          // tuser decides on group 0 only; elsewhere it is noise
          beat.user = (group == 0) ? (t == 0 && s % 3 != 1) : random.chance(128);
          beat.last = t == length - 1 && group == groups - 1;
          sink.put(beat);
          sent++;
        end
      end
    end
  endtask
endclass
