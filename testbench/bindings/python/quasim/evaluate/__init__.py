"""What the unit does to a whole model: its convolutions replaced by the hardware's numbers, and the model measured.

    quasim evaluate MODEL --text books.txt --scales scales.json -o results
    quasim evaluate MODEL --text books.txt --lambada lambada_test.jsonl --device cuda --configurations fp32,two_step,fused -o results

On a GPU the numbers are the golden's (cuda_golden, its plans where they serve), on a CPU those of the fast untimed model with the
programs that the compiler makes of every layer. Nothing of the unit's arithmetic is written in Python. Needs torch.
"""
