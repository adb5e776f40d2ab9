"""The part of Python's pickle language that a PyTorch state dict is written in, read as data.

No name in a pickle is ever imported and nothing in it is ever called: a global is looked up in a table of names that this file
knows, and each of them stands for one of the few functions below. Everything else is refused by its name.
"""

import struct
from typing import NamedTuple

from ..refusal import Refusal

LONGEST_INTEGER_BYTES = 32  # a seed beside the tensors may have more than 64 bits
DEEPEST_STACK = 200_000


class Global(NamedTuple):
    """A name in a pickle."""

    module: str
    name: str

    def __str__(self):
        return f"{self.module}.{self.name}"


class Mark:
    """The stack's marker."""


class Reader:
    """Runs one pickle. `allowed` maps names to functions of their arguments, or to None for names that are only values;
    `persistent` turns a persistent id into a value."""

    def __init__(self, data, file, allowed, persistent):
        self._data = memoryview(data)
        self._file = file
        self._allowed = allowed
        self._persistent = persistent
        self._at = 0
        self._stack = []
        self._memo = {}

    def run(self):
        """The value that the pickle describes."""
        while True:
            code = self._take(1)[0]
            if code == ord("."):
                return self._pop()
            handler = HANDLERS.get(code)
            if handler is None:
                self._refuse("the opcodes that a state dict is written with", f"opcode 0x{code:02x}")
            handler(self)
            if len(self._stack) > DEEPEST_STACK:
                self._refuse(f"at most {DEEPEST_STACK} values on the stack")

    def _refuse(self, expected, found=None):
        raise Refusal(self._file, f"pickle byte {self._at}", expected, found)

    def _take(self, count):
        if count > len(self._data) - self._at:
            self._refuse(f"{count} more bytes", f"{len(self._data) - self._at}: the file is truncated")
        piece = self._data[self._at : self._at + count]
        self._at += count
        return piece

    def _count(self, count_bytes):
        return int.from_bytes(self._take(count_bytes), "little")

    def _line(self):
        rest = bytes(self._data[self._at : self._at + 4096])
        end = rest.find(b"\n")
        if end < 0:
            self._refuse("a name that ends")
        self._at += end + 1
        return self._decode(rest[:end])

    def _decode(self, data):
        try:
            return bytes(data).decode("utf-8")
        except UnicodeDecodeError:
            return self._refuse("text in UTF-8")

    def _pop(self):
        if not self._stack or self._stack[-1] is Mark:
            self._refuse("a value on the stack")
        return self._stack.pop()

    def _top(self):
        if not self._stack or self._stack[-1] is Mark:
            self._refuse("a value on the stack")
        return self._stack[-1]

    def _pop_to_mark(self):
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is Mark:
                items = self._stack[index + 1 :]
                del self._stack[index:]
                return items
        return self._refuse("a mark on the stack")

    def _push(self, value):
        self._stack.append(value)

    def _push_text(self, count_bytes):
        self._push(self._decode(self._take(self._count(count_bytes))))

    def _push_bytes(self, count_bytes):
        self._push(bytes(self._take(self._count(count_bytes))))

    def _push_signed(self, count_bytes):
        if count_bytes > LONGEST_INTEGER_BYTES:
            self._refuse(f"integers of at most {LONGEST_INTEGER_BYTES} bytes", count_bytes)
        self._push(int.from_bytes(self._take(count_bytes), "little", signed=True))

    def _push_global(self, module, name):
        if not isinstance(module, str) or not isinstance(name, str):
            self._refuse("a global of a module and a name")
        which = Global(module, name)
        if which not in self._allowed:
            raise Refusal(self._file, "pickle global", "names that a state dict needs, as torch._utils._rebuild_tensor_v2",
                          f"{which}, which is not allowed")
        self._push(which)

    def _stack_global(self):
        name = self._pop()
        self._push_global(self._pop(), name)

    def _reduce(self):
        arguments = self._pop()
        function = self._pop()
        build = self._allowed.get(function) if isinstance(function, Global) else None
        if build is None or not isinstance(arguments, tuple):
            self._refuse("a call of an allowed function", f"a call of {describe(function)}")
        self._push(build(*self._checked(function, arguments)))

    def _checked(self, function, arguments):
        low, high = self._allowed[function].arity
        if not low <= len(arguments) <= high:
            self._refuse(f"{low} to {high} arguments of {function}", len(arguments))
        return arguments

    def _build(self):
        self._pop()
        if not isinstance(self._top(), dict):  # the _metadata of a state dict: versions of modules, which nobody needs
            self._refuse("a state for a dictionary only", describe(self._top()))

    def _put(self, index):
        self._memo[index] = self._top()

    def _get(self, index):
        if index not in self._memo:
            self._refuse("a value that was remembered", f"memo {index}")
        self._push(self._memo[index])

    def _append(self, items):
        target = self._top()
        if not isinstance(target, list):
            self._refuse("a list to append to", describe(target))
        target.extend(items)

    def _set(self, items):
        target = self._top()
        if not isinstance(target, dict) or len(items) % 2:
            self._refuse("pairs for a dictionary", describe(target))
        for key, value in zip(items[::2], items[1::2]):
            if not isinstance(key, (str, int, float, bool, type(None))):
                self._refuse("keys that are text or numbers", describe(key))
            target[key] = value

    def _single_item(self):
        value = self._pop()
        self._set([self._pop(), value])

    def _single_append(self):
        value = self._pop()
        self._append([value])

    def _tuple(self, count):
        items = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(items)))

    def _binary_persistent(self):
        self._push(self._persistent(self._pop()))


def describe(value) -> str:
    """What kind of value it is, for a message."""
    return str(value) if isinstance(value, Global) else f"a value of type {type(value).__name__}"


HANDLERS = {
    0x80: lambda r: r._take(1),  # protocol
    0x95: lambda r: r._take(8),  # frame
    ord("("): lambda r: r._push(Mark),
    ord("0"): lambda r: r._pop(),
    ord("N"): lambda r: r._push(None),
    0x88: lambda r: r._push(True),
    0x89: lambda r: r._push(False),
    ord("J"): lambda r: r._push_signed(4),
    ord("K"): lambda r: r._push(r._count(1)),
    ord("M"): lambda r: r._push(r._count(2)),
    0x8A: lambda r: r._push_signed(r._count(1)),
    0x8B: lambda r: r._push_signed(r._count(4)),
    ord("G"): lambda r: r._push(struct.unpack(">d", r._take(8))[0]),
    ord("X"): lambda r: r._push_text(4),
    0x8C: lambda r: r._push_text(1),
    0x8D: lambda r: r._push_text(8),
    ord("T"): lambda r: r._push_text(4),
    ord("U"): lambda r: r._push_text(1),
    ord("B"): lambda r: r._push_bytes(4),
    ord("C"): lambda r: r._push_bytes(1),
    ord("]"): lambda r: r._push([]),
    ord("}"): lambda r: r._push({}),
    ord(")"): lambda r: r._push(()),
    ord("l"): lambda r: r._push(r._pop_to_mark()),
    ord("t"): lambda r: r._push(tuple(r._pop_to_mark())),
    0x85: lambda r: r._tuple(1),
    0x86: lambda r: r._tuple(2),
    0x87: lambda r: r._tuple(3),
    ord("a"): Reader._single_append,
    ord("e"): lambda r: r._append(r._pop_to_mark()),
    ord("s"): Reader._single_item,
    ord("u"): lambda r: r._set(r._pop_to_mark()),
    ord("c"): lambda r: r._push_global(r._line(), r._line()),
    0x93: Reader._stack_global,
    ord("R"): Reader._reduce,
    ord("b"): Reader._build,
    ord("Q"): Reader._binary_persistent,
    ord("q"): lambda r: r._put(r._count(1)),
    ord("r"): lambda r: r._put(r._count(4)),
    0x94: lambda r: r._put(len(r._memo)),
    ord("h"): lambda r: r._get(r._count(1)),
    ord("j"): lambda r: r._get(r._count(4)),
}
