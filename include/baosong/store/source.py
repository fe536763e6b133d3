"""A file as a check sees it: a name, a size and a way to open it, wherever the bytes are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO


@dataclass(frozen=True, slots=True)
class Source:
    """One file to check; `open` gives a fresh seekable reader, so that only the bytes that are read are transferred.

    A `remote` source is read in ranges; it is read whole only to make a local copy.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]
    remote: bool = False

    @classmethod
    def from_path(cls, path: Path) -> Source:
        """Return a local file as a source."""
        return cls(path.name, path.stat().st_size, lambda: path.open("rb"))

    def read(self) -> bytes:
        """Return the whole content; callers look at `size` first."""
        with self.open() as f:
            return f.read()

    def head(self, size: int = 4096) -> bytes:
        """Return the first bytes, enough for the signature of a file type."""
        with self.open() as f:
            return f.read(size)

    def cost(self) -> dict[str, Any]:
        """Return the bytes and requests that reading has cost so far, None for a local file."""
        with self.open() as f:
            return {"bytes_read": getattr(f, "bytes_read", None), "requests": getattr(f, "requests", None)}

    @property
    def suffix(self) -> str:
        """Return the name's suffix in lower case without the dot, or an empty string."""
        return Path(self.name).suffix.lower().lstrip(".")
