"""An edition's files once more, each under its own hash: nobody writes other bytes there, so it can be made whole.

A writer that has lost its claim may still be sending one of its files when the next one has recorded the edition.
No store takes that back, and no writer can fence it off; what it leaves is told by the hashes that the ledger keeps.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from baosong.report import DOCUMENT, FIGURES, PDF, TYPES, json_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from baosong.ledger import Edition
    from baosong.storage import Storage


def lay_by(storage: Storage, campaign_id: str, contents: dict[str, bytes]) -> dict[str, str]:
    """Put a copy of each file that is not there yet; return the sha256 of each by its name."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    for name, content in contents.items():
        there = storage.head("reports", _key(campaign_id, hashes[name]))
        if there is None or there.size != len(content):
            storage.put("reports", _key(campaign_id, hashes[name]), content)
    return hashes


def astray(storage: Storage, edition: Edition) -> list[str]:
    """Return the names of the files that are not, or no longer, those of the edition as the ledger has it."""
    return [name for name in (*edition.figures.get("files", {}), FIGURES) if not _is_its_own(storage, edition, name)]


def made_whole(storage: Storage, edition: Edition) -> bool:
    """Put right what is not the edition's own; False where a copy is missing, or is not what it should be, either."""
    contents: dict[str, bytes] = {}
    wrong = astray(storage, edition)
    for name in wrong:
        content = _right(storage, edition, name)
        if content is None:
            return False
        contents[name] = content
    if DOCUMENT in wrong:  # it may have been made of the wrong one
        storage.remove("reports", f"{edition.prefix}{PDF}")
    for name, content in contents.items():
        storage.put("reports", f"{edition.prefix}{name}", content, TYPES[name])
    return True


def forget(storage: Storage, campaign_id: str, editions: Sequence[Edition], before: datetime) -> int:
    """Remove the copies from before that moment which no folder's edition needs any more; return how many."""
    standing = {edition.prefix: edition for edition in sorted(editions, key=lambda e: e.version)}
    needed = {_key(campaign_id, sha) for e in standing.values() for sha in e.figures.get("files", {}).values()}
    copies = [s for s in storage.list("reports", _key(campaign_id, "")) if s.key not in needed and s.modified < before]
    for copy in copies:
        storage.remove("reports", copy.key)
    return len(copies)


def _is_its_own(storage: Storage, edition: Edition, name: str) -> bool:
    found = _read(storage, f"{edition.prefix}{name}")
    if found is None:
        return False
    if name == FIGURES:  # their order is lost in the ledger
        return bool(_figures_of(found) == edition.figures)
    return bool(_sha256(found) == edition.figures["files"][name])


def _right(storage: Storage, edition: Edition, name: str) -> bytes | None:
    """Return a file as it should be; the figures are in the ledger itself, which keeps their order no longer."""
    if name == FIGURES:
        return json_bytes(edition.figures) if "files" in edition.figures else None
    sha256 = edition.figures["files"][name]
    found = _read(storage, _key(edition.campaign, sha256))
    return found if found is not None and _sha256(found) == sha256 else None


def _read(storage: Storage, key: str) -> bytes | None:
    return storage.read("reports", key) if storage.head("reports", key) is not None else None


def _figures_of(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _key(campaign_id: str, sha256: str) -> str:
    return f"{campaign_id}/_copies/{sha256}"
