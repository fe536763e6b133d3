"""The object that holds a row's bytes while they wait: its own or a bundle's in the intake, or one in quarantine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Any

from baosong.ledger import State, Submission
from baosong.ledger.services import Services
from baosong.preservation.records import ArchiveError
from baosong.store.local_copy import Copy, Listener, copied
from baosong.store.source import Source
from baosong.store.storage import StorageError, Stored
from baosong.validation.packages import contents
from baosong.validation.packages.directory import Member


def object_of(row: Submission) -> Stored:
    """Return the object that holds a row's bytes, as it was listed when it arrived."""
    held = row.member["object"] if row.member else None
    key, size = (held["key"], held["size"]) if held else (row.key, row.size)
    return Stored(key, size, row.etag, row.modified_at, row.version_id)


def member_payload(bundle: Submission, member: Member) -> dict[str, Any]:
    """Return what a member's row keeps of its bundle and of its place in it."""
    held = {"key": bundle.key, "size": bundle.size, "name": bundle.name, "identity": bundle.identity}
    return {"object": held, **asdict(member)}


def member_of(row: Submission) -> Member:
    """Return where in its bundle a row's bytes are; the row has a `member`."""
    return Member(**{name: value for name, value in (row.member or {}).items() if name != "object"})


def path_of(row: Submission) -> str:
    """Return a row's key as it would be had the bundle that it came in been a folder of the same name."""
    if row.member is None:
        return row.key
    return as_folder(row.member["object"]["key"], row.member["path"])


def as_folder(bundle_key: str, path: str) -> str:
    """Return the key of a bundle's file had the bundle been a folder."""
    return f"{bundle_key.rpartition('.')[0]}/{path}"


def source_of(services: Services, row: Submission) -> Source:
    """Return the object that holds a row's bytes as a check sees it."""
    return services.intake.source(object_of(row))


@contextmanager
def fetched(services: Services, row: Submission, listener: Listener | None = None) -> Iterator[Copy]:
    """Read a row's bytes once into a local copy, hashing on the way; `listener` is given every byte.

    StorageError if its object is gone or is no longer the one that arrived; ArchiveError if what lay in quarantine is
    no longer what was put there.
    """
    folder = copies(services)
    if row.member is not None and row.held_key is None:
        with contents.unpacked(source_of(services, row), member_of(row), folder, listener) as copy:
            yield copy
        return
    source = source_of(services, row) if row.held_key is None else _held(services, row.held_key)
    with source.open() as stream, copied(stream, folder, listener) as copy:
        if row.held_key is not None and copy.sha256 != row.sha256:
            raise ArchiveError(f"quarantine/{row.held_key}: expected {row.sha256}, read {copy.sha256}")
        yield copy


def _held(services: Services, key: str) -> Source:
    found = services.storage.head("quarantine", key)
    if found is None:
        raise StorageError(f"隔离区里没有 quarantine/{key}。")
    return services.storage.source("quarantine", found)


def copies(services: Services) -> Path:
    """Return the folder of local copies."""
    return services.settings.home / "tmp"


Seen = dict[str, Stored | None]
"""What lay in the intake when somebody looked, by key, for objects whose bytes had all been read by then."""


def look(services: Services, rows: Sequence[Submission]) -> Seen:
    """Look once for all those rows whose bytes are read already; the others are looked at when theirs are."""
    objects = [object_of(row) for row in rows if row.held_key is None]
    keys = {stored.key for stored in objects if services.intake.has_read(stored)}
    if not keys:
        return {}
    seen: Seen = dict.fromkeys(keys)
    listed = services.storage.list("intake", os.path.commonprefix(list(keys)))  # noqa: RUF071  of texts, not of paths
    last = max(keys)
    return seen | {s.key: s for s in takewhile(lambda s: s.key <= last, listed) if s.key in keys}


def changed(services: Services, row: Submission, seen: Seen | None = None) -> str | None:
    """Return why a row's bytes are no longer those that arrived, None if they are or if we have them in quarantine."""
    if row.held_key is not None:
        return None
    key, identity = row.key, row.identity
    if row.member is not None:
        key, identity = row.member["object"]["key"], row.member["object"]["identity"]
    there = seen[key] if seen and key in seen else services.storage.stat("intake", key)
    if there is None:
        return "报送方在归档前删除了文件"
    return None if there.identity == identity else "报送方在归档前替换了文件"


def withdraw_if_changed(services: Services, row: Submission) -> bool:
    """Withdraw a submission whose object is no longer the one that arrived; a newer one is received for itself."""
    why = changed(services, row)
    return why is not None and services.ledger.withdraw(row.id, why)


def summary(row: Submission, state: State) -> dict[str, Any]:
    """Return what a step reports of a file that it has dealt with."""
    return {"id": row.id, "name": row.name, "kind": row.kind, "state": state.value}
