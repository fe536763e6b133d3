"""Local copies of streams: nameless files that are gone with their context, and with the process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import BinaryIO, Protocol, cast

from baosong.store.ranged_reader import RangedReader
from baosong.store.source import Source

_CHUNK = 8 * 1024 * 1024
_IN_MEMORY = 16 * 1024 * 1024


class Stream(Protocol):
    """Anything that can be read to its end."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most `size` bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A local copy of a stream, gone when its context ends; `file` is seekable, small ones never touch the disk."""

    file: BinaryIO
    size: int
    sha256: str
    _turn: Lock = field(default_factory=Lock, repr=False, compare=False)

    def source(self, name: str) -> Source:
        """Return the copy as a check sees it, under a name; its readers share the file and none disturbs another."""
        return Source(name, self.size, lambda: cast(BinaryIO, RangedReader(self._between, self.size)))

    def _between(self, offset: int, length: int) -> bytes:
        with self._turn:
            self.file.seek(offset)
            return self.file.read(length)


Listener = Callable[[bytes], None]
"""Is given every byte of a stream in its turn: whoever needs them all waits for the one read."""


@contextmanager
def copied(stream: Stream, folder: Path, listener: Listener | None = None) -> Iterator[Copy]:
    """Read a stream to its end into a nameless file in `folder`, hashing on the way; what it raises passes."""
    folder.mkdir(parents=True, exist_ok=True)
    with SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(folder)) as file:
        digest = hashlib.sha256()
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
            if listener:
                listener(chunk)
        size = file.tell()
        file.seek(0)
        yield Copy(cast(BinaryIO, file), size, digest.hexdigest())
