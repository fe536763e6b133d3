"""Objects in archive and quarantine: under content-derived keys, read back and compared, each beside its record."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from baosong.ledger import Submission
from baosong.rules.errors import BaosongError
from baosong.store.local_copy import Copy
from baosong.store.storage import Storage

UNPLACED = "_unplaced"
UNCLASSIFIED = "unclassified"
CHANGE_LOG = "_journal"  # the name of the first release, in every archive by now

DIGITS, MORE_DIGITS = 12, 24
"""Of a sha256 in a key. Other bytes with the same twelve can be found on purpose, and must not take the key."""

_CHUNK = 8 * 1024 * 1024
_IN_MEMORY = 16 * 1024 * 1024
_LONGEST_NAME = 220  # bytes: with 24 digits before it and .json behind it stays within a file system's 255
_CHECKSUM = "seal"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

Record = dict[str, Any]


class ArchiveError(BaosongError):
    """The store gave back other bytes than it was given, or its record cannot be read; the text names the object."""


def object_key(row: Submission, sha256: str, digits: int = DIGITS) -> str:
    """Return where a submission's bytes belong, `2023/6501/photo/<sha256[:12]>-<name>`: same bytes, same key."""
    folder = f"{row.campaign}/{row.prefecture}/{row.kind or UNCLASSIFIED}" if row.prefecture else UNPLACED
    return f"{folder}/{sha256[:digits]}-{safe_name(row.name)}"


def safe_name(name: str) -> str:
    """Return a name that any file system takes: visible, no separators, at most 220 bytes, with its suffix."""
    text = unicodedata.normalize("NFC", name)
    text = "".join("_" if unicodedata.category(c) in _INVISIBLE else c for c in text)
    text = _FORBIDDEN.sub("_", text).strip(" .") or "file"
    stem, dot, suffix = text.rpartition(".")
    ending = dot + suffix if stem and len((dot + suffix).encode()) <= 20 else ""
    room = _LONGEST_NAME - len(ending.encode())
    return text.removesuffix(ending).encode()[:room].decode("utf-8", "ignore") + ending


def put_verified(storage: Storage, bucket: str, key: str, copy: Copy, new: bool = False) -> None:
    """Store the copy's bytes under the key and read them back; ArchiveError if the store gives back others.

    Repeated, it only reads; what an earlier attempt left unfinished is written again. A small object that is `new`, as
    no submission is filed under its key, is written without a look whether an attempt has left it.
    """
    there = None if new and copy.size <= _IN_MEMORY else storage.head(bucket, key)
    if there is not None and there.size == copy.size and sha256_of(storage, bucket, key, copy.size) == copy.sha256:
        return
    copy.file.seek(0)
    storage.put_stream(bucket, key, copy.file, copy.size)
    if (stored := sha256_of(storage, bucket, key, copy.size)) != copy.sha256:
        raise ArchiveError(f"{bucket}/{key}: wrote {copy.sha256}, read {stored}")


def sha256_of(storage: Storage, bucket: str, key: str, size: int) -> str:
    """Return the hash of an object's content; only a small one is read in one piece."""
    if size <= _IN_MEMORY:
        return hashlib.sha256(storage.read(bucket, key)).hexdigest()
    digest = hashlib.sha256()
    with storage.open(bucket, key) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def describe(row: Submission, sha256: str, filed_at: datetime) -> Record:
    """Return all that the ledger knows of a checked submission, from which its row can be made again."""
    return {
        "campaign": row.campaign,
        "prefecture": row.prefecture,
        "kind": row.kind,
        "slot": row.slot,
        "folder": row.folder,
        "origin": row.key,
        "name": row.name,
        "size": row.size,
        "sha256": sha256,
        "id": row.id,
        "identity": row.identity,
        "arrival": row.arrival,
        "etag": row.etag,
        "modified": row.modified_at.isoformat(),
        "version_id": row.version_id,
        "received": row.received_at.isoformat(),
        "late": row.late,
        "bundle": row.bundle_id,
        "member": row.member,
        "checked": row.checked_at.isoformat() if row.checked_at else None,
        "filed": filed_at.isoformat(),
        "verdict": row.verdict,
        "rules_version": row.rules_version,
        "findings": row.findings,
        "facts": row.facts,
        "figures": row.figures,
    }


def write_record(storage: Storage, bucket: str, key: str, record: Record) -> datetime:
    """Write the record beside an object and return when the submission was filed: the first time, also if repeated.

    The same bytes may arrive again under the same key; later arrivals stand under `later` of the first one's record.
    """
    known = read_records(storage, bucket, key)
    earlier = next((k for k in known if _arrival(k) == _arrival(record)), None)
    if earlier is not None:
        record = {**record, "filed": earlier["filed"]}
    if earlier != record:
        records = [record if k is earlier else k for k in known] if earlier else [*known, record]
        _put_records(storage, bucket, key, records)
    return datetime.fromisoformat(record["filed"])


def repair_records(storage: Storage, bucket: str, key: str, records: Sequence[Record]) -> None:
    """Restore these records beside an object, each with its time of filing; others stay as they are."""
    right = {_arrival(record): record for record in records}
    known = read_records(storage, bucket, key)
    repaired = [{**k, "filed": right[_arrival(k)]["filed"]} if _arrival(k) in right else k for k in known]
    there = {_arrival(k) for k in known}
    repaired += [record for arrival, record in right.items() if arrival not in there]
    if repaired != known:
        _put_records(storage, bucket, key, repaired)


def read_records(storage: Storage, bucket: str, key: str) -> list[Record]:
    """Return the records beside an object, oldest first, none if it has none; ArchiveError if they are not JSON."""
    if storage.head(bucket, f"{key}.json") is None:
        return []
    first = verified(storage.read(bucket, f"{key}.json"), f"{bucket}/{key}.json")
    try:
        return [first, *first.pop("later")]
    except (KeyError, TypeError) as wrong:
        raise ArchiveError(f"{bucket}/{key}.json: not a record: {wrong}") from wrong


def with_checksum(record: Record) -> bytes:
    """Return JSON with a sha256 of its own content, so that it can be verified with nothing else at hand."""
    content = {**record, _CHECKSUM: _checksum_of(record)}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False).encode()


def verified(data: bytes, where: str) -> Record:
    """Return what `with_checksum` was given; ArchiveError if it was changed. The oldest records have no checksum."""
    try:
        record = dict(json.loads(data))
    except (ValueError, TypeError) as wrong:
        raise ArchiveError(f"{where}: not a record: {wrong}") from wrong
    if (checksum := record.pop(_CHECKSUM, None)) is not None and checksum != _checksum_of(record):
        raise ArchiveError(f"{where}: not what was written")
    return record


def _checksum_of(record: Record) -> str:
    plain = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(plain.encode()).hexdigest()


def is_segment(key: str) -> bool:
    """Return whether a key of the archive is that of a change-log segment."""
    return f"/{CHANGE_LOG}/" in key


def parse_archive_key(key: str) -> tuple[str, str]:
    """Return campaign and prefecture of a key in archive or quarantine, both empty for an unplaced file."""
    first, second, *_ = [*key.split("/"), ""]
    if first == UNPLACED:
        return "", ""
    return first, "" if second == CHANGE_LOG else second


def split_records(keys: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return which of a bucket's keys are objects, and the keys of those that have a record beside them."""
    objects = {key for key in keys if not is_segment(key)}
    # An object may be called x.json itself; it is a record only if no record of its own lies beside it.
    records = {key for key in objects if key.endswith(".json") and f"{key}.json" not in objects}
    return objects - records, {key.removesuffix(".json") for key in records}


def mark_expired(storage: Storage, bucket: str, key: str, at: datetime) -> datetime:
    """Write into an object's record that its bytes are about to be removed; return when that was first written."""
    known = read_records(storage, bucket, key)
    first = next((k["purged"] for k in known if "purged" in k), None)
    when = datetime.fromisoformat(first) if first else at
    marked = [{**k, "purged": k.get("purged", when.isoformat())} for k in known]
    if marked != known:
        _put_records(storage, bucket, key, marked)
    return when


def mark_withdrawn(storage: Storage, row: Submission) -> None:
    """Write into the record of a withdrawn file that it counts no more, and why; repeated, it changes nothing."""
    bucket, key = row.bucket or "", row.archive_key or ""
    known = read_records(storage, bucket, key)
    ours = (row.key, row.identity, row.arrival)
    marked = [{**k, "findings": row.findings, "withdrawn": True} if _arrival(k) == ours else k for k in known]
    if marked != known:
        _put_records(storage, bucket, key, marked)


def discard(storage: Storage, bucket: str, key: str) -> None:
    """Remove an object and its record; nothing happens where there is none."""
    storage.remove(bucket, key)
    storage.remove(bucket, f"{key}.json")


def _put_records(storage: Storage, bucket: str, key: str, records: Sequence[Record]) -> None:
    first, *later = records
    storage.put(bucket, f"{key}.json", with_checksum({**first, "later": later}), content_type="application/json")


def _arrival(record: Record) -> tuple[Any, ...]:
    return record["origin"], record["identity"], record["arrival"]
