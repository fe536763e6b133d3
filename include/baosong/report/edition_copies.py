"""Copies of an edition's files under their sha256, from which a damaged or overwritten file can be restored.

A writer that has lost its advisory lock may still be uploading a file after the next writer has recorded the edition.
No store can revoke such a write and no writer can fence it off; the checksums in the ledger reveal it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from baosong.report.files import FIGURES, PDFS, TYPES, json_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from baosong.ledger import Edition
    from baosong.store.storage import Storage


def store_copies(storage: Storage, campaign_id: str, contents: dict[str, bytes]) -> dict[str, str]:
    """Store a copy of each file, unless an intact one exists; return the sha256 of each file by name."""
    hashes = {name: _sha256(content) for name, content in contents.items()}
    for name, content in contents.items():
        if _read(storage, _key(campaign_id, hashes[name])) != content:
            storage.put("reports", _key(campaign_id, hashes[name]), content)
    return hashes


def checksums(edition: Edition) -> dict[str, str | None]:
    """Return the sha256 of each file and copy of an edition by key; None for figures.json, which states none."""
    files = edition.figures.get("files", {})
    named = {f"{edition.prefix}{name}": sha256 for name, sha256 in files.items()}
    return {**named, **{_key(edition.campaign, sha): sha for sha in files.values()}, f"{edition.prefix}{FIGURES}": None}


def faults_of(storage: Storage, edition: Edition, key: str) -> list[str]:
    """Return the faults of the object under one of the edition's keys, in Chinese; empty if it is intact."""
    content, sha256 = _read(storage, key), checksums(edition)[key]
    if content is None:
        return ["对象缺失：台账登记了它，存储中没有"]
    found = _sha256(content)
    if sha256 is None:  # the ledger does not keep the order of the figures, so values are compared instead of bytes
        same = _figures_of(content) == edition.figures
        return [] if same else [f"内容已变：与台账登记的数据不同，sha256 实为 {found}"]
    return [] if found == sha256 else [f"内容已变：sha256 应为 {sha256}，实为 {found}"]


def mismatched(storage: Storage, edition: Edition) -> list[str]:
    """Return the names of the files that differ from what the ledger records of the edition."""
    names = (*edition.figures.get("files", {}), FIGURES)
    return [name for name in names if faults_of(storage, edition, f"{edition.prefix}{name}")]


def restore(storage: Storage, edition: Edition) -> bool:
    """Restore mismatched files from their copies; False where a copy is missing or damaged as well."""
    contents = {name: _correct_content(storage, edition, name) for name in mismatched(storage, edition)}
    for pdf, document in PDFS.items():
        if contents.get(document) is not None:  # it may have been made from the wrong document
            storage.remove("reports", f"{edition.prefix}{pdf}")
    for name, content in contents.items():
        if content is not None:
            storage.put("reports", f"{edition.prefix}{name}", content, TYPES[name])
    return None not in contents.values()


def repaired(storage: Storage, edition: Edition) -> list[str]:
    """Repair files from their copies and copies from their files; return the keys that were repaired."""
    wrong = [key for key in checksums(edition) if faults_of(storage, edition, key)]
    if wrong:
        restore(storage, edition)
        good = set(edition.figures.get("files", {})) - set(mismatched(storage, edition))
        store_copies(storage, edition.campaign, {n: storage.read("reports", f"{edition.prefix}{n}") for n in good})
    return [key for key in wrong if not faults_of(storage, edition, key)]


def prune(storage: Storage, campaign_id: str, standing: Sequence[Edition], before: datetime) -> int:
    """Remove the copies older than `before` that no standing edition refers to; return their number."""
    needed = {key for edition in standing for key in checksums(edition)}
    copies = [s for s in storage.list("reports", _key(campaign_id, "")) if s.key not in needed and s.modified < before]
    for copy in copies:
        storage.remove("reports", copy.key)
    return len(copies)


def _correct_content(storage: Storage, edition: Edition, name: str) -> bytes | None:
    """Return the recorded content of a file, figures.json from the ledger and the others from their copies."""
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
