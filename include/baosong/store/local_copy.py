"""Local copies of streams: unnamed files that vanish with their context, and with the process."""

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
    """A local copy of a stream, removed when its context ends; `file` is seekable and in memory if it is small."""

    file: BinaryIO
    size: int
    sha256: str
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def source(self, name: str) -> Source:
        """Return the copy as a source under a name; its readers share the file and do not disturb each other."""
        return Source(name, self.size, lambda: cast(BinaryIO, RangedReader(self._between, self.size)))

    def _between(self, offset: int, length: int) -> bytes:
        with self._lock:
            self.file.seek(offset)
            return self.file.read(length)


Listener = Callable[[bytes], None]
"""Receives every chunk of a stream in order, so that one read serves all who need the bytes."""


@contextmanager
def copied(stream: Stream, folder: Path, listener: Listener | None = None) -> Iterator[Copy]:
    """Read a stream to its end into an unnamed file in `folder` and hash it; the stream's errors propagate."""
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


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
