"""The small objects that were read last: check and archive follow each other, and need not both ask for the bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from baosong.store.source import Source
from baosong.store.storage import Storage, Stored

SMALL = 8 << 20  # bytes; a request costs more than fewer do, and whoever reads a part of them soon reads all
MOST_BYTES = 64 << 20  # what a process keeps of them in memory


class ReadOnce:
    """Sources of one bucket's objects; a small one that was not replaced since is the same source, with its bytes."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage, self._bucket = storage, bucket
        self._kept: OrderedDict[Stored, Source] = OrderedDict()
        self._lock = Lock()

    def source(self, stored: Stored) -> Source:
        """Return an object as a source, as `Storage.source` does."""
        with self._lock:
            kept = self._kept.get(stored)
            if kept is not None:
                self._kept.move_to_end(stored)
                return kept
            source = self._storage.source(self._bucket, stored, SMALL)
            if stored.size <= SMALL:
                self._kept[stored] = source
            while sum(other.size for other in self._kept) > MOST_BYTES:
                self._kept.popitem(last=False)
            return source

    def has_read(self, stored: Stored) -> bool:
        """Return whether all bytes of an object are here."""
        with self._lock:
            kept = self._kept.get(stored)
        return kept is not None and kept.cost()["bytes_read"] == stored.size
