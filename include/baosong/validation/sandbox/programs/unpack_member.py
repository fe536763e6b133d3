"""The program that unpacks one member of a zip by a method other than Deflate, in a process of its own.

Run as `python unpack_member.py METHOD SECONDS < packed > unpacked`; METHOD is the number that the zip format gives it.
Exit code 1 says that the data is damaged or ends too early, or asks for more memory than any honest packer does.
"""

from __future__ import annotations

import bz2
import lzma
import os
import sys
import zipfile
from typing import Any

from baosong.validation.sandbox import confine

MEMORY = 512 << 20  # a dictionary of 64 MB is the largest that 7-Zip proposes; the file's own word may be 4 GB
PIECE = 32 << 10  # bytes packed, which may unpack to a thousand times as many
LARGEST = 1 << 20  # bytes unpacked at a time, where the library can be told
DEFLATE64, BZIP2, LZMA, XZ = 9, 12, 14, 95


def main(method: int, seconds: int) -> None:
    """Unpack standard input to standard output."""
    unpacker = _unpacker(method)
    confine.die_with(os.getppid())
    confine.confine(MEMORY, seconds)
    while not unpacker.eof:
        data = sys.stdin.buffer.read(PIECE)
        if not data:
            sys.exit(1)
        for piece in _pieces(unpacker, data):
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _unpacker(method: int) -> Any:
    if method == DEFLATE64:
        import inflate64

        return inflate64.Inflater()
    if method == LZMA:
        return zipfile.LZMADecompressor()  # type: ignore[attr-defined]  # with the header that a zip has
    return bz2.BZ2Decompressor() if method == BZIP2 else lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY // 2)


def _pieces(unpacker: Any, data: bytes) -> Any:
    if isinstance(unpacker, (bz2.BZ2Decompressor, lzma.LZMADecompressor)):
        yield unpacker.decompress(data, LARGEST)
        while not (unpacker.eof or unpacker.needs_input):
            yield unpacker.decompress(b"", LARGEST)
    else:
        yield unpacker.inflate(data) if hasattr(unpacker, "inflate") else unpacker.decompress(data)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]))
    except Exception:  # whatever a library says of the data
        os._exit(1)
