"""Whatever befalls archive, quarantine or journal on a real store's disk is found and named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from baosong.ledger.services import Services
from baosong.pipeline import check, discover
from baosong.preservation import fixity, records
from baosong.store.storage import StorageError
from intake_run import CODE, drop, keys, piece, rows, run
from preservation_help import flip, verified
from servers import Store

NOW = datetime.now(UTC)


@pytest.fixture
def on_disk(store: Store, services: Services) -> Callable[[str, str], Path]:
    """Return where the store keeps an object of one of our buckets."""
    return lambda bucket, key: store.server.data / services.settings.s3.buckets[bucket] / key


def two_filed(services: Services) -> tuple[str, str]:
    """Return the keys of an accepted and of a rejected file."""
    drop(services, piece())
    drop(services, b"\0", "空.txt")
    run(services)
    by_bucket = {row.bucket: row.archive_key or "" for row in rows(services)}
    return by_bucket["archive"], by_bucket["quarantine"]


def test_a_flipped_byte_is_found_and_named(services: Services, on_disk: Callable[[str, str], Path]) -> None:
    good, bad = two_filed(services)
    assert verified(services).faults == {}
    flip(on_disk("archive", good))
    flip(on_disk("quarantine", bad), 0)
    found = verified(services).faults
    assert set(found) == {f"archive/{good}", f"quarantine/{bad}"}
    assert all("内容已变：sha256 应为" in said[0] for said in found.values())
    flip(on_disk("archive", good))
    flip(on_disk("quarantine", bad), 0)
    assert verified(services).faults == {}


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
    services: Services, on_disk: Callable[[str, str], Path], harm: Callable[[Path], object], said: str
) -> None:
    good, _ = two_filed(services)
    harm(on_disk("archive", good))
    (told,) = verified(services).faults.values()
    assert said in told[0]


def test_what_the_listing_alone_shows_is_found_whatever_is_chosen(
    services: Services, on_disk: Callable[[str, str], Path]
) -> None:
    good, _ = two_filed(services)
    on_disk("archive", good).unlink()
    assert set(verified(services, lambda items: []).faults) == {f"archive/{good}"}


def test_a_fault_stays_until_it_is_mended_and_a_stranger_that_is_gone_is_forgotten(
    services: Services, on_disk: Callable[[str, str], Path]
) -> None:
    good, _ = two_filed(services)
    flip(on_disk("archive", good))
    stranger = on_disk("archive", good).with_name("多.txt")
    stranger.write_bytes(b"1")
    assert len(verified(services).faults) == 2
    stranger.unlink()
    assert set(verified(services, lambda items: []).faults) == {f"archive/{good}"}
    flip(on_disk("archive", good))
    assert verified(services, lambda items: []).faults == {}


def test_what_is_just_being_filed_is_no_stranger(services: Services) -> None:
    drop(services, piece())
    discover.find_new(services)
    check.check(services, "2023", CODE)
    services.storage.put("archive", f"2023/{CODE}/press/0123-链接.txt", piece())
    assert verified(services).faults == {}


def test_what_was_taken_back_while_it_was_filed_is_no_fault(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = drop(services, piece())
    write = records.write_record

    def taken_back(*args: object) -> datetime:
        at = write(*args)  # type: ignore[arg-type]
        services.storage.remove("intake", key)
        services.ledger.withdraw(rows(services)[0].id, "报送方删除")
        return at

    monkeypatch.setattr(records, "write_record", taken_back)
    run(services)
    assert [row.state for row in rows(services)] == ["withdrawn"]
    assert len(keys(services, "archive")) == 2
    assert verified(services).faults == {}


def test_an_interrupted_verification_goes_on_where_it_was(services: Services) -> None:
    for name in "一二三":
        drop(services, piece(name), f"{name}.txt")
    run(services)
    began = datetime.now(UTC)

    def after_two(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fixity.verify(services, "2023", fixity.since(began), after_two)
    again = verified(services, fixity.since(began))
    assert again.read == again.total - 2


def test_each_night_reads_its_share_and_all_is_read_within_the_quarter(services: Services) -> None:
    for name in range(8):
        drop(services, piece(str(name)), f"{name}.txt")
    run(services)
    night, read = NOW, []
    for _ in range(fixity.NIGHTS):
        night += timedelta(days=1)
        items = list(fixity._items(services, None))
        read += [item.key for item in fixity.due(night)(items)]
        for i in fixity.due(night)(items):
            read_now = {"campaign": "2023", "prefecture": CODE, "read_at": night, "faults": []}
            services.ledger.record_fixity(fixity.FixityCheck(bucket=i.bucket, key=i.key, **read_now))
    assert set(read) == {item.key for item in items}


def test_what_was_missed_for_a_quarter_is_read_at_once(services: Services) -> None:
    two_filed(services)
    items = list(fixity._items(services, None))
    late = datetime.now(UTC) + fixity.LONGEST + timedelta(days=1)
    assert fixity.due(late)(items) == sorted(items, key=lambda item: item.last)


def test_a_store_that_is_away_is_no_fault_of_the_archive(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    two_filed(services)

    def away(*_: object) -> None:
        raise StorageError("对象存储未能完成")

    for name in ("head", "read"):
        monkeypatch.setattr(type(services.storage), name, away)
    with pytest.raises(StorageError):
        verified(services)
    assert services.ledger.fixity_checks(None) == []
