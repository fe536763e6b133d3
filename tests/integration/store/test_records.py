"""Custody on a real object store: content-derived keys, proof by reading back, records beside the copies."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from baosong.preservation.records import (
    ArchiveError,
    Copy,
    put_verified,
    read_records,
    write_record,
)
from baosong.store.local_copy import copied
from baosong.store.storage import Storage

KEY = "2023/6501/photo/0123456789ab-照片.jpg"
NOW = datetime(2023, 6, 1, tzinfo=UTC)


def copy_of(data: bytes) -> Copy:
    return Copy(io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest())


def record(identity: str = "1", **more: Any) -> dict[str, Any]:
    return {
        "origin": "2023/6501-乌鲁木齐市/照片/照片.jpg",
        "identity": identity,
        "arrival": 1,
        "filed": NOW.isoformat(),
        **more,
    }


def test_a_fetched_copy_is_hashed_and_leaves_nothing_behind(storage: Storage, tmp_path: Path) -> None:
    data = bytes(range(256)) * 80_000  # more than is kept in memory
    storage.put("intake", KEY, data)
    (stored,) = storage.list("intake")
    with storage.source("intake", stored).open() as stream, copied(stream, tmp_path / "tmp") as copy:
        assert (copy.size, copy.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert copy.file.read(3) == data[:3]
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"x", bytes(20_000_000)], ids=["empty", "small", "large"])
def test_what_is_kept_is_there_byte_for_byte(storage: Storage, data: bytes) -> None:
    for _ in range(2):
        put_verified(storage, "archive", KEY, copy_of(data))
    assert storage.read("archive", KEY) == data


@pytest.mark.parametrize("broken", [b"torn", b"the same size!"])
def test_what_an_earlier_attempt_left_broken_is_written_again(storage: Storage, broken: bytes) -> None:
    storage.put("archive", KEY, broken)
    put_verified(storage, "archive", KEY, copy_of(b"the right one!"))
    assert storage.read("archive", KEY) == b"the right one!"


@pytest.mark.parametrize("data", [b"the right one!", bytes(20_000_000)], ids=["small", "large"])
def test_what_nothing_is_filed_under_is_right_whatever_an_attempt_left_there(storage: Storage, data: bytes) -> None:
    """A small one is not asked after first; a large one is, which may spare its transfer."""
    for left in (None, b"torn", data[:-1] + b"?", data):
        if left is not None:
            storage.put("archive", KEY, left)
        put_verified(storage, "archive", KEY, copy_of(data), new=True)
        assert storage.read("archive", KEY) == data


def test_a_store_that_gives_back_other_bytes_is_found_out(storage: Storage) -> None:
    lying = Copy(io.BytesIO(b"what was sent"), 13, hashlib.sha256(b"what was read").hexdigest())
    with pytest.raises(ArchiveError, match="照片"):
        put_verified(storage, "archive", KEY, lying)


def test_a_record_is_written_once_and_later_arrivals_join_it(storage: Storage) -> None:
    later = datetime(2023, 6, 2, tzinfo=UTC)
    assert write_record(storage, "archive", KEY, record(name="照片.jpg")) == NOW
    assert write_record(storage, "archive", KEY, record(name="照片.jpg", filed=later.isoformat())) == NOW
    assert write_record(storage, "archive", KEY, record("2", filed=later.isoformat())) == later
    assert write_record(storage, "archive", KEY, record(name="照片.jpg")) == NOW
    assert [r["identity"] for r in read_records(storage, "archive", KEY)] == ["1", "2"]
    assert json.loads(storage.read("archive", f"{KEY}.json"))["name"] == "照片.jpg"


def test_a_spoiled_record_is_named_and_not_overwritten(storage: Storage) -> None:
    storage.put("archive", f"{KEY}.json", b"[]")
    with pytest.raises(ArchiveError, match="照片"):
        write_record(storage, "archive", KEY, record())
    assert storage.read("archive", f"{KEY}.json") == b"[]"
