"""An edition's files once more, each under its own hash: nobody writes other bytes there, so it can be made whole.

A writer that has lost its claim may still be sending one of its files when the next one has recorded the edition.
No store takes that back, and no writer can fence it off; what it leaves is told by the hashes that the ledger keeps.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from baosong.report.files import DOCUMENT, FIGURES, PDF, TYPES, json_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from baosong.ledger import Edition
    from baosong.store.s3 import Storage


def lay_by(storage: Storage, campaign_id: str, contents: dict[str, bytes]) -> dict[str, str]:
    """Put a copy of each file that has no whole one yet; return the sha256 of each by its name."""
    hashes = {name: _sha256(content) for name, content in contents.items()}
    for name, content in contents.items():
        if _read(storage, _key(campaign_id, hashes[name])) != content:
            storage.put("reports", _key(campaign_id, hashes[name]), content)
    return hashes


def stated(edition: Edition) -> dict[str, str | None]:
    """Return by key the sha256 of each of an edition's files and of its copies; None for the figures' own file."""
    files = edition.figures.get("files", {})
    named = {f"{edition.prefix}{name}": sha256 for name, sha256 in files.items()}
    return {**named, **{_key(edition.campaign, sha): sha for sha in files.values()}, f"{edition.prefix}{FIGURES}": None}


def wrong_with(storage: Storage, edition: Edition, key: str) -> list[str]:
    """Return in Chinese what is wrong with what lies under one of the keys that the edition states."""
    content, sha256 = _read(storage, key), stated(edition)[key]
    if content is None:
        return ["对象缺失：台账登记了它，存储中没有"]
    found = _sha256(content)
    if sha256 is None:  # the order of the figures is lost in the ledger
        same = _figures_of(content) == edition.figures
        return [] if same else [f"内容已变：与台账登记的数据不同，sha256 实为 {found}"]
    return [] if found == sha256 else [f"内容已变：sha256 应为 {sha256}，实为 {found}"]


def astray(storage: Storage, edition: Edition) -> list[str]:
    """Return the names of the files that are not, or no longer, those of the edition as the ledger has it."""
    names = (*edition.figures.get("files", {}), FIGURES)
    return [name for name in names if wrong_with(storage, edition, f"{edition.prefix}{name}")]


def made_whole(storage: Storage, edition: Edition) -> bool:
    """Put right what is not the edition's own; False where a copy is missing, or is not what it should be, either."""
    right = {name: _right(storage, edition, name) for name in astray(storage, edition)}
    if right.get(DOCUMENT) is not None:  # it may have been made of the wrong one
        storage.remove("reports", f"{edition.prefix}{PDF}")
    for name, content in right.items():
        if content is not None:
            storage.put("reports", f"{edition.prefix}{name}", content, TYPES[name])
    return None not in right.values()


def mended(storage: Storage, edition: Edition) -> list[str]:
    """Put right what can be, a file by its copy and a copy by its file; return the keys."""
    wrong = [key for key in stated(edition) if wrong_with(storage, edition, key)]
    if wrong:
        made_whole(storage, edition)
        good = set(edition.figures.get("files", {})) - set(astray(storage, edition))
        lay_by(storage, edition.campaign, {n: storage.read("reports", f"{edition.prefix}{n}") for n in good})
    return [key for key in wrong if not wrong_with(storage, edition, key)]


def forget(storage: Storage, campaign_id: str, standing: Sequence[Edition], before: datetime) -> int:
    """Remove the copies from before that moment which none of the editions that stand needs; return how many."""
    needed = {key for edition in standing for key in stated(edition)}
    copies = [s for s in storage.list("reports", _key(campaign_id, "")) if s.key not in needed and s.modified < before]
    for copy in copies:
        storage.remove("reports", copy.key)
    return len(copies)


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
