"""What the groups of functional bins mean. The bins themselves are those that quasim_monitor.sv reports."""

MEANING = {
    "register": "each register read, written, refused while running, refused for bits outside its fields, written with a partial strobe",
    "window": "each memory window written, read, both refused while running, partial strobes, its first and its last word",
    "bus": "error answers, unaligned addresses, a read beside a write, address and data by 0 to 9 cycles apart, answers that wait 0 to 9 cycles",
    "status": "each bit of Status read as 1",
    "control": "Enable cleared and set with beats inside",
    "tie": "ties by rule, sign, and the number below odd or even",
    "clamp": "both clamps of q, of out and of fused's u",
    "table": "every entry of the table of two_step (8 bits)",
    "step": "every cell, near and far threshold of fused; below and from it on; falling and rising part",
    "stall": "a wait in each place of the pipeline, at the output and at the input",
    "group": "groups of a time step: only, first, middle, last; all lanes live or not",
    "sequence": "a time step that begins a sequence, that continues one, and later groups",
    "last": "tlast at the end of a time step and elsewhere, given and not",
    "history": "history from memory, and forwarded from the beat before",
    "reset": "reset with 0 to 7 beats inside and in each phase of a bus access",
    "counter": "each counter's carry into its high half, read, and read in the cycle that clears it",
}
# A bin that no unit can reach, with the reason; nothing else may stay at 0.
EXCEPTIONS = {}


def merged(documents):
    """Counts over all runs and units: a bin is met where any unit met it."""
    total = {}
    for document in documents:
        for name, count in document.get("bins", {}).items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items()))


def group_of(name):
    return name.split(".", 1)[0]


def groups(total):
    """Rows of group, meaning, bins, met, and the names of those that are missing. A group that no run reported is missing as a whole."""
    rows = []
    for group in [*MEANING, *sorted({group_of(name) for name in total} - set(MEANING))]:
        names = [name for name in total if group_of(name) == group]
        missing = [name for name in names if total[name] == 0 and name not in EXCEPTIONS] if names else [group]
        rows.append({"group": group, "meaning": MEANING.get(group, "not described"), "bins": max(len(names), 1),
                     "met": sum(total[name] > 0 for name in names), "excepted": sum(total[name] == 0 and name in EXCEPTIONS for name in names),
                     "missing": missing})
    return rows
