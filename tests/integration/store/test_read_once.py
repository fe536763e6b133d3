"""What check and archive both need is read once; nothing of a replaced object stays, and memory has an end."""

from __future__ import annotations

import pytest

from baosong.store import read_once
from baosong.store.read_once import SMALL, ReadOnce
from baosong.store.storage import Storage, StorageError, Stored


def put(storage: Storage, key: str, data: bytes) -> Stored:
    storage.put("intake", key, data)
    stored = storage.stat("intake", key)
    assert stored
    return stored


def requests(once: ReadOnce, stored: Stored) -> int:
    return int(once.source(stored).cost()["requests"])


def test_a_replaced_object_is_another_one(storage: Storage) -> None:
    once = ReadOnce(storage, "intake")
    first = put(storage, "a.txt", b"first")
    assert (once.source(first).read(), once.has_read(first)) == (b"first", True)
    second = put(storage, "a.txt", b"second one")
    assert (once.has_read(second), once.source(second).read()) == (False, b"second one")


def test_a_failure_is_not_remembered_in_place_of_the_bytes(storage: Storage) -> None:
    once, stored = ReadOnce(storage, "intake"), put(storage, "a.txt", b"first")
    storage.remove("intake", "a.txt")
    with pytest.raises(StorageError):
        once.source(stored).read()
    assert not once.has_read(stored)


@pytest.mark.parametrize("size", [1, 64 * 1024 + 1, SMALL])
def test_a_small_object_is_one_request_however_it_is_read(storage: Storage, size: int) -> None:
    once, stored = ReadOnce(storage, "intake"), put(storage, "a.jpg", bytes(size))
    assert len(once.source(stored).head()) == min(size, 4096)
    assert once.has_read(stored)
    assert len(once.source(stored).read()) == size
    assert requests(once, stored) == 1


def test_of_a_large_object_only_what_is_read_is_transferred_and_nothing_stays(storage: Storage) -> None:
    once, stored = ReadOnce(storage, "intake"), put(storage, "a.mov", bytes(SMALL + 1))
    source = once.source(stored)
    source.head()
    assert (source.cost()["bytes_read"] < 65536, once.source(stored) is source) == (True, False)
    assert not once.has_read(stored)


def test_memory_keeps_the_latest_up_to_its_limit(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_once, "MOST_BYTES", 250)
    once = ReadOnce(storage, "intake")
    a, b, c = (put(storage, f"{name}.txt", bytes(100)) for name in "abc")
    for stored in (a, b, a, c):
        once.source(stored).read()
    assert [once.has_read(stored) for stored in (a, b, c)] == [True, False, True]
