"""Whatever befalls archive, quarantine or journal on a real store's disk is found and named."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from baosong import archive, custody, review
from baosong.custody import Result
from baosong.storage import StorageError
from baosong.workdesk import Desk
from conftest import Store
from intake_run import ALL_KINDS, CODE, drop, keys, piece, rows, run

NOTHING = lambda *_: None  # noqa: E731
NOW = datetime.now(UTC)


@pytest.fixture
def on_disk(store: Store, desk: Desk) -> Callable[[str, str], Path]:
    """Return where the store keeps an object of one of our buckets."""
    return lambda bucket, key: store.server.data / desk.settings.s3.buckets[bucket] / key


def verified(desk: Desk, choose: custody.Choose | None = None, campaign_id: str | None = "2023") -> Result:
    return custody.verify(desk, campaign_id, choose or custody.since(datetime.now(UTC)), NOTHING)


def flip(path: Path, at: int = 3) -> None:
    """Turn one bit of a file over, under the store's feet, with its time as it was."""
    data, was = bytearray(path.read_bytes()), path.stat()
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def two_filed(desk: Desk) -> tuple[str, str]:
    """Return the keys of an accepted and of a rejected file."""
    drop(desk, piece())
    drop(desk, b"\0", "空.txt")
    run(desk)
    by_bucket = {row.bucket: row.archive_key or "" for row in rows(desk)}
    return by_bucket["archive"], by_bucket["quarantine"]


def test_a_flipped_byte_is_found_and_named(desk: Desk, on_disk: Callable[[str, str], Path]) -> None:
    good, bad = two_filed(desk)
    assert verified(desk).faults == {}
    flip(on_disk("archive", good))
    flip(on_disk("quarantine", bad), 0)
    found = verified(desk).faults
    assert set(found) == {f"archive/{good}", f"quarantine/{bad}"}
    assert all("内容已变：sha256 应为" in said[0] for said in found.values())
    flip(on_disk("archive", good))
    flip(on_disk("quarantine", bad), 0)
    assert verified(desk).faults == {}


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.unlink(), "对象缺失"),
        (lambda path: path.with_name(f"{path.name}.json").unlink(), "记录缺失"),
        (lambda path: flip(path.with_name(f"{path.name}.json"), 40), "记录已变"),
        (lambda path: path.write_bytes(path.read_bytes() + b"\n"), "大小不符"),
        (lambda path: path.write_bytes(b""), "大小不符"),
        (lambda path: path.with_name("多.txt").write_bytes(b"1"), "多出的对象"),
        (lambda path: path.with_name("多.json").write_bytes(b"1"), "记录已变"),
        (lambda path: flip(next((path.parents[1] / "_journal").iterdir()), 50), "日志已变"),
        (lambda path: (path.parents[1] / "_journal" / "00000001.json").unlink(), "日志缺页"),
    ],
    ids=["gone", "record gone", "record flipped", "longer", "empty", "extra", "extra record", "page", "page gone"],
)
def test_every_harm_is_told_by_its_name(
    desk: Desk, on_disk: Callable[[str, str], Path], harm: Callable[[Path], object], said: str
) -> None:
    good, _ = two_filed(desk)
    harm(on_disk("archive", good))
    (told,) = verified(desk).faults.values()
    assert said in told[0]


def test_what_the_listing_alone_shows_is_found_whatever_is_chosen(
    desk: Desk, on_disk: Callable[[str, str], Path]
) -> None:
    good, _ = two_filed(desk)
    on_disk("archive", good).unlink()
    assert set(verified(desk, lambda items: []).faults) == {f"archive/{good}"}


def test_a_fault_stays_until_it_is_mended_and_a_stranger_that_is_gone_is_forgotten(
    desk: Desk, on_disk: Callable[[str, str], Path]
) -> None:
    good, _ = two_filed(desk)
    flip(on_disk("archive", good))
    stranger = on_disk("archive", good).with_name("多.txt")
    stranger.write_bytes(b"1")
    assert len(verified(desk).faults) == 2
    stranger.unlink()
    assert set(verified(desk, lambda items: []).faults) == {f"archive/{good}"}
    flip(on_disk("archive", good))
    assert verified(desk, lambda items: []).faults == {}


def test_what_is_just_being_filed_is_no_stranger(desk: Desk) -> None:
    drop(desk, piece())
    review.find_new(desk)
    review.check(desk, "2023", CODE, ALL_KINDS)
    desk.storage.put("archive", f"2023/{CODE}/press/0123-链接.txt", piece())
    assert verified(desk).faults == {}


def test_what_was_taken_back_while_it_was_filed_is_no_fault(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key = drop(desk, piece())
    write = archive.write_record

    def taken_back(*args: object) -> datetime:
        at = write(*args)  # type: ignore[arg-type]
        desk.storage.remove("intake", key)
        desk.ledger.withdraw(rows(desk)[0].id, "报送方删除")
        return at

    monkeypatch.setattr(archive, "write_record", taken_back)
    run(desk)
    assert [row.state for row in rows(desk)] == ["withdrawn"]
    assert len(keys(desk, "archive")) == 2
    assert verified(desk).faults == {}


def test_an_interrupted_verification_goes_on_where_it_was(desk: Desk) -> None:
    for name in "一二三":
        drop(desk, piece(name), f"{name}.txt")
    run(desk)
    began = datetime.now(UTC)

    def after_two(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        custody.verify(desk, "2023", custody.since(began), after_two)
    again = verified(desk, custody.since(began))
    assert again.read == again.total - 2


def test_each_night_reads_its_share_and_all_is_read_within_the_quarter(desk: Desk) -> None:
    for name in range(8):
        drop(desk, piece(str(name)), f"{name}.txt")
    run(desk)
    night, read = NOW, []
    for _ in range(custody.NIGHTS):
        night += timedelta(days=1)
        items = list(custody._items(desk, None))
        read += [item.key for item in custody.due(night)(items)]
        desk.ledger.note_inspections(
            [custody.Inspection(i.bucket, i.key, "2023", CODE, night, []) for i in custody.due(night)(items)]
        )
    assert set(read) == {item.key for item in items}


def test_what_was_missed_for_a_quarter_is_read_at_once(desk: Desk) -> None:
    two_filed(desk)
    items = list(custody._items(desk, None))
    late = datetime.now(UTC) + custody.LONGEST + timedelta(days=1)
    assert custody.due(late)(items) == sorted(items, key=lambda item: item.last)


def test_a_store_that_is_away_is_no_fault_of_the_archive(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    two_filed(desk)

    def away(*_: object) -> None:
        raise StorageError("对象存储未能完成")

    for name in ("head", "read"):
        monkeypatch.setattr(type(desk.storage), name, away)
    with pytest.raises(StorageError):
        verified(desk)
    assert desk.ledger.inspections(None) == []
