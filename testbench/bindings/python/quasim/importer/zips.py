"""Zip archives: their members as bytes, checked before they are unpacked."""

import io
import zipfile
import zlib
from typing import NamedTuple

from ..refusal import Refusal

MAGIC = b"PK\x03\x04"
LOCAL_HEADER_BYTES = 30
MAX_MEMBERS = 1_000_000
INFLATED_LIMIT_BYTES = 1 << 30


class Member(NamedTuple):
    """A member of an archive; `stored` ones are used in place."""

    name: str
    size_bytes: int
    stored: bool
    crc: int
    begin: int
    compressed_bytes: int


class Archive:
    """The members of a zip archive by name."""

    def __init__(self, view, file):
        self.file = file
        self._view = view
        try:
            with zipfile.ZipFile(io.BufferedReader(ViewReader(view))) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OverflowError, RuntimeError) as error:
            raise Refusal(file, "zip", "an intact zip archive", f"{error}: the file is truncated or damaged") from None
        except Exception as error:  # struct.error and others, from a directory that is nonsense
            raise Refusal(file, "zip", "an intact zip archive", type(error).__name__) from None
        if len(entries) > MAX_MEMBERS:
            raise Refusal(file, "zip", f"at most {MAX_MEMBERS} members", len(entries))
        self.members = {}
        for entry in entries:
            if entry.filename in self.members:
                raise Refusal(file, entry.filename, "each member once", "it is there twice")
            self.members[entry.filename] = self._member(entry)

    def _member(self, entry) -> Member:
        if entry.flag_bits & 1:
            raise Refusal(self.file, entry.filename, "a member without encryption")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refusal(self.file, entry.filename, "a stored or deflated member", f"method {entry.compress_type}")
        offset = entry.header_offset
        header = self._view[offset : offset + LOCAL_HEADER_BYTES] if offset >= 0 else b""
        if len(header) < LOCAL_HEADER_BYTES or bytes(header[:4]) != MAGIC:
            raise Refusal(self.file, entry.filename, "a member header", f"none at byte {offset}")
        begin = offset + LOCAL_HEADER_BYTES
        begin += int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        stored = entry.compress_type == zipfile.ZIP_STORED
        if begin + entry.compress_size > len(self._view) or (stored and entry.compress_size != entry.file_size):
            raise Refusal(self.file, entry.filename, f"{entry.file_size} bytes within the file",
                          "fewer: the file is truncated or damaged")
        return Member(entry.filename, entry.file_size, stored, entry.CRC, begin, entry.compress_size)

    def bytes_of(self, name):
        """The unpacked bytes of a member, its checksum verified."""
        member = self.members[name]
        data = self._view[member.begin : member.begin + member.compressed_bytes]
        if not member.stored:
            data = self._inflate(member, data)
        found = zlib.crc32(data)
        if found != member.crc:
            raise Refusal(self.file, name, f"checksum {member.crc:08x}", f"{found:08x}: the file is damaged")
        return data

    def _inflate(self, member, data):
        if member.size_bytes > INFLATED_LIMIT_BYTES:
            raise Refusal(self.file, member.name, f"at most {INFLATED_LIMIT_BYTES} bytes unpacked", member.size_bytes)
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            unpacked = unpacker.decompress(data, member.size_bytes + 1)
        except zlib.error as error:
            raise Refusal(self.file, member.name, "deflated data", error) from None
        if len(unpacked) != member.size_bytes:
            raise Refusal(self.file, member.name, f"{member.size_bytes} bytes unpacked",
                          "more" if len(unpacked) > member.size_bytes else len(unpacked))
        return unpacked


class ViewReader(io.RawIOBase):
    """A read-only file over a buffer, without a copy of it."""

    def __init__(self, view):
        super().__init__()
        self._view = view
        self._at = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self._at = max(0, offset + (0, self._at, len(self._view))[whence])
        return self._at

    def tell(self):
        return self._at

    def readinto(self, target):
        piece = self._view[self._at : self._at + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
