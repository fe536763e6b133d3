"""A seekable reader that fetches only the ranges that are read."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, BinaryIO

BLOCK = 8 * 1024  # bytes; the headers of a video lie far apart, and each costs a block
IN_ONE_PIECE = 64 * 1024  # as much costs no more than a block, and is soon read whole
CACHED_BLOCKS = 1024
_CLOSING = timedelta(seconds=2)


class RangedReader(io.RawIOBase):
    """An object of `size` bytes behind `fetch(offset, length)`, read in blocks of which the latest are cached.

    A read across several missing blocks is one request, so a caller that knows its next reads should read more at
    once. `bytes_read` and `requests` count the transfers of this reader and of all that share its blocks.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, block: int = BLOCK) -> None:
        super().__init__()
        self._blocks = _Blocks(fetch, size, block)
        self._size = size
        self._at = 0

    def reopened(self) -> RangedReader:
        """Return another reader, at the start, that shares the cached blocks."""
        other = RangedReader(self._blocks.fetch, self._size)
        other._blocks = self._blocks
        return other

    @property
    def bytes_read(self) -> int:
        """Return how many bytes were fetched."""
        return self._blocks.bytes_read

    @property
    def requests(self) -> int:
        """Return how many ranges were fetched."""
        return self._blocks.requests

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; a position after the end is allowed and reads nothing, one before the start is a ValueError."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as there are bytes; 0 at the end."""
        if self.closed:
            raise ValueError("read of closed file")
        view = memoryview(buffer).cast("B")
        stop = min(self._at + len(view), self._size)
        if stop <= self._at:
            return 0
        data = self._blocks.between(self._at, stop)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self) -> bytes:
        """Return the rest in one request."""
        data = self._blocks.between(self._at, self._size) if self._at < self._size else b""
        self._at += len(data)
        return data


class _Blocks:
    """The latest blocks of an object."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, block: int) -> None:
        self.fetch = fetch
        self.bytes_read = 0
        self.requests = 0
        self._size = size
        self._block = block
        self._cache: OrderedDict[int, bytes] = OrderedDict()

    def between(self, start: int, stop: int) -> bytes:
        """Return bytes start..stop; both lie within the object."""
        if stop - start >= CACHED_BLOCKS * self._block:
            return self._fetched(start, stop - start)  # caching them would evict all others
        first, last = start // self._block, (stop - 1) // self._block
        blocks = {n: self._cache[n] for n in range(first, last + 1) if n in self._cache}
        for n in blocks:
            self._cache.move_to_end(n)
        missing = [n for n in range(first, last + 1) if n not in blocks]
        for _, run in groupby(enumerate(missing), lambda pair: pair[1] - pair[0]):  # consecutive numbers
            numbers = [n for _, n in run]
            blocks.update(self._load(numbers[0], numbers[-1]))
        data = b"".join(blocks[n] for n in range(first, last + 1))
        offset = start - first * self._block
        return data[offset : offset + stop - start]

    def _load(self, first: int, last: int) -> dict[int, bytes]:
        offset = first * self._block
        data = self._fetched(offset, min((last + 1) * self._block, self._size) - offset)
        loaded = {first + i: data[i * self._block : (i + 1) * self._block] for i in range(last - first + 1)}
        for n in list(loaded)[-CACHED_BLOCKS:]:
            self._cache[n] = loaded[n]
        while len(self._cache) > CACHED_BLOCKS:
            self._cache.popitem(last=False)
        return loaded

    def _fetched(self, offset: int, length: int) -> bytes:
        data = self.fetch(offset, length)
        self.requests += 1
        self.bytes_read += len(data)
        if len(data) != length:
            raise OSError(f"short read: {len(data)} of {length} bytes at {offset}")
        return data


def was_replaced(headers: Mapping[str, str], size: int, modified: datetime) -> bool:
    """Return whether the headers of an answer belong to a later object than the one that was listed so.

    They have whole seconds only, and some stores give the time when the upload began or was closed there, but that of
    the last byte in a listing. What slips through is detected at removal, because the identity has changed.
    """
    total = headers.get("Content-Range", "").rpartition("/")[2]
    when = _http_time(headers.get("Last-Modified"))
    return total != str(size) or (when is not None and when > modified + _CLOSING)


def _http_time(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text or "", "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None


class CountingReader:
    """Counts the bytes read through it, because the S3 client does not say how many it took, and hashes them."""

    def __init__(self, data: BinaryIO, digest: Any = None) -> None:
        self._data = data
        self.count, self.digest = 0, digest

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, counted and hashed."""
        chunk = self._data.read(size)
        self.count += len(chunk)
        if self.digest is not None:
            self.digest.update(chunk)
        return chunk
