"""What is wrong with a file or an option, in one line."""

import reprlib

LONGEST_TEXT = 300
SHALLOW = reprlib.Repr()  # of what a file holds, however deep it is
SHALLOW.maxlevel, SHALLOW.maxlist, SHALLOW.maxtuple, SHALLOW.maxdict, SHALLOW.maxstring, SHALLOW.maxother = 2, 40, 40, 10, LONGEST_TEXT, LONGEST_TEXT


def printable(text) -> str:
    """text as one short line: what comes out of a file must not move a terminal's cursor."""
    if isinstance(text, (list, tuple, dict)) and type(text).__str__ is object.__str__:
        text = SHALLOW.repr(text)
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))
    return line if len(line) <= LONGEST_TEXT else line[:LONGEST_TEXT] + "..."


class Refusal(ValueError):
    """`FILE: KEY: expected EXPECTED; got FOUND`. Either of key and found may be left out."""

    def __init__(self, file, key, expected, found=None):
        parts = [printable(part) for part in (file, key) if part not in (None, "")]
        parts.append("expected " + printable(expected) + ("" if found is None else "; got " + printable(found)))
        super().__init__(": ".join(parts))


class Said(Refusal):
    """What another part of quasim says in its own line."""

    def __init__(self, error):
        ValueError.__init__(self, printable(error))
