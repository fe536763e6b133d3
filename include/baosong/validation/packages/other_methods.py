"""Members that are packed by another method than Deflate, unpacked as a stream by a confined program.

Windows Explorer packs what is larger than 2 GB by Deflate64, 7-Zip and WinRAR offer BZip2, LZMA and XZ.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from subprocess import PIPE
from threading import Thread
from typing import BinaryIO, cast

from baosong.rules.errors import BaosongError
from baosong.validation.sandbox import run as sandbox

METHODS = {9: "Deflate64", 12: "BZip2", 14: "LZMA", 95: "XZ"}
_PROGRAM = sandbox.PROGRAMS / "unpack_member.py"
_SECONDS, _PACE = 30, 4 << 20  # of a processor, and bytes for each further one: half of what the slowest manages
_PIECE = 256 << 10


class Damaged(BaosongError, ValueError):
    """A member's bytes are not those that the directory promises."""


class OtherMethod:
    """The content of a member whose `packed` bytes follow in `stream`; it gives `size` bytes with this checksum."""

    def __init__(self, stream: BinaryIO, name: str, method: int, packed: int, size: int, crc: int) -> None:
        import inflate64

        self.name = name
        self._left, self._wanted, self._crc = size, crc, 0
        seconds = str(_SECONDS + size // _PACE)
        program = sandbox.own_program(_PROGRAM, str(method), seconds, packages=[inflate64])
        self._program = sandbox.start(program, stdin=PIPE, stdout=PIPE, pipesize=sandbox.PIPE_SIZE)
        self._failure: OSError | None = None
        self._feeder = Thread(target=self._feed, args=(stream, packed), daemon=True)
        self._feeder.start()

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end; raises Damaged, or what the store raised while it was read."""
        data = cast(BinaryIO, self._program.stdout).read(size)
        self._crc = zlib.crc32(data, self._crc)
        self._left -= len(data)
        if self._left < 0:
            raise Damaged(self.name)
        if not data and size:
            self._end()
        return data

    def close(self) -> None:
        """End the program, wherever it is."""
        self._program.kill()
        self._feeder.join()
        cast(BinaryIO, self._program.stdout).close()
        self._program.wait()

    def _end(self) -> None:
        self._feeder.join()
        if self._failure:
            raise self._failure
        if self._program.wait() or self._left or self._crc != self._wanted:
            raise Damaged(self.name)

    def _feed(self, stream: BinaryIO, packed: int) -> None:
        with suppress(BrokenPipeError), cast(BinaryIO, self._program.stdin) as pipe:
            while packed and (piece := self._next(stream, min(packed, _PIECE))):
                pipe.write(piece)
                packed -= len(piece)

    def _next(self, stream: BinaryIO, size: int) -> bytes:
        try:
            return stream.read(size)
        except OSError as e:  # the store's, not the pipe's
            self._failure = e
            return b""
