"""One prefecture's key, whatever it puts, neither stalls the store nor holds up another prefecture's receipt."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from baosong.campaign import Campaign
from baosong.campaign.model import IntakeLimits
from baosong.ledger.services import Services
from baosong.pipeline import leftovers
from baosong.pipeline.discover import find_new
from baosong.pipeline.leftovers import remove_leftovers
from baosong.receipts.board import render_board
from baosong.rules.words import time_text
from baosong.store import keys
from baosong.store.settings import S3Settings
from baosong.store.storage import Storage, StorageError
from baosong_local.stack import file_modes
from baosong_local.stack.objectstore import Area
from baosong_local.stack.sweep import Sweeper, sweep
from intake_run import drop, receipts, rows, run
from servers import Store

A, B = "2023/6501-乌鲁木齐市", "2023/6502-克拉玛依市"
DEEP = "d/" * 400
SLOW_TEXT = "共计" * 29 + "？"  # which a check once took for ever to read
FRESH = 500  # leftovers put within the second between two sweeps
OLD = keys.LEFTOVER_AGE.total_seconds() + 60
Key = Callable[[str], Storage]


@pytest.fixture
def area(store: Store, s3: S3Settings, services: Services) -> Path:
    """The folder of prefecture A on the disk, once something was put there."""
    services.storage.put("intake", f"{A}/.keep", b"")
    return store.server.data / s3.buckets["intake"] / A


@pytest.fixture
def key(store: Store, s3: S3Settings, campaign: Campaign) -> Key:
    """Return a maker of stores as a prefecture sees them, through its own key."""

    def make(code: str) -> Storage:
        prefix = f"{campaign.id}/{campaign.prefecture(code).folder}"
        store.server.grant(code, f"LIMIT{code}", "s" * 20, [Area(s3.buckets["intake"], prefix, True)])
        return Storage(s3.as_prefecture(f"LIMIT{code}", "s" * 20), retry_timeout=0)

    return make


def lay(area: Path, names: list[str], content: bytes = b"x", age: float = 0.0) -> None:
    """Lay files on the store's disk, as the server would have: through S3 some thousands take a minute."""
    account = file_modes.server_account()
    for name in names:
        path = area / name
        if not path.parent.exists():
            for folder in [p for p in reversed(path.parents) if p.is_relative_to(area)]:
                file_modes.make_folder(folder)
        path.write_bytes(content)
        os.chown(path, account.uid, account.gid)
        if age:
            os.utime(path, (time.time() - age,) * 2)


def sweeper(store: Store, s3: S3Settings, services: Services, changes: list[tuple[object, ...]]) -> Sweeper:
    swept = Sweeper(store.server, s3.buckets["intake"], services.campaigns, lambda *change: changes.append(change))
    swept._next = -1.0
    return swept


def limited(services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, **limits: int) -> Campaign:
    """Let the campaign have other limits than its file says."""
    tighter = campaign.model_copy(update={"intake": IntakeLimits.model_construct(**{"max_bytes": 1 << 40, **limits})})
    monkeypatch.setattr(services.campaigns, "get", lambda _: tighter)
    monkeypatch.setattr(services.campaigns, "ids", lambda: [tighter.id])
    return tighter


# --- the embedded store


def test_a_key_of_400_folders_stalls_nobody(services: Services, key: Key) -> None:
    """Without a bound one such key took 28 s to put and, ever after, each listing 9 s."""
    a, b = key("6501"), key("6502")
    with ThreadPoolExecutor(4) as several:
        deep = [several.submit(a.put, "intake", f"{A}/{n}/{DEEP}x.txt", b"x") for n in range(12)]
        times = []
        for n in range(10):
            began = time.monotonic()
            b.put("intake", f"{B}/{n}.txt", b"x")
            times.append(time.monotonic() - began)
    assert all(isinstance(one.exception(), StorageError) for one in deep)  # refused, not lost without a word
    assert statistics.median(times) < 1
    began = time.monotonic()
    assert len(list(services.storage.list("intake", f"{B}/"))) == 10
    assert list(services.storage.list("intake", f"{A}/")) == []
    assert time.monotonic() - began < 1


def test_a_file_a_little_too_deep_is_brought_up_and_answered(services: Services, area: Path) -> None:
    """A quick server takes it and shows it to nobody: it must not lie there for ever without an answer."""
    lay(area, [f"照片/{'d/' * keys.MAX_DEPTH}说明.txt"], "某市科技活动周".encode())
    assert not rows(services)
    run(services)
    assert not rows(services)
    sweep(area, time.time())
    assert not [
        stored for _, stored in keys.list_intake(services.storage) if stored and "说明" in stored.key
    ]  # may go on
    sweep(area, time.time() + 120)
    run(services)
    (row,) = rows(services)
    assert row.key.startswith(f"{A}/{keys.TOO_DEEP}/")
    (finding,) = [f for f in row.findings or [] if f["rule"] == "file.too_deep"]
    assert (finding["severity"], str(keys.MAX_DEPTH) in finding["expected"]) == ("warning", True)
    assert "材料文件夹" in finding["fix"]
    assert len(receipts(services)) == 1


def test_what_is_not_too_deep_is_seen(services: Services, key: Key) -> None:
    key("6501").put("intake", f"{A}/{'d/' * keys.MAX_DEPTH}说明.txt", b"x")
    assert [stored.key for stored in services.storage.list("intake", f"{A}/")] == [
        f"{A}/{'d/' * keys.MAX_DEPTH}说明.txt"
    ]


def test_empty_folders_go_and_those_of_the_deliverables_stay(
    store: Store, services: Services, s3: S3Settings, area: Path
) -> None:
    kept = store.server.make_folder(s3.buckets["intake"], f"{A}/照片")
    (area / "空").mkdir()
    sweep(area, time.time())
    assert (area / "空").exists()  # somebody may be about to fill it
    sweep(area, time.time() + OLD)
    assert not (area / "空").exists()
    assert kept.is_dir()


def test_folders_that_no_listing_names_go_within_a_minute_and_hundreds_of_them_at_once(area: Path) -> None:
    (area / ("d/" * 20)).mkdir(parents=True)
    for n in range(20):
        sweep(area, time.time() + 61 + n)
    assert len([p for p in area.rglob("*") if p.is_dir()]) == keys.MAX_DEPTH
    (area / DEEP).mkdir(parents=True)
    sweep(area, time.time() + 1)
    assert [p for p in area.rglob("*") if p.is_dir()] == []


def test_leftovers_go_when_they_are_old_and_nothing_else_goes(services: Services, area: Path) -> None:
    lay(area, ["~$总结.docx", "照片/._1.jpg", "照片/.DS_Store", "照片/1.jpg"], age=OLD)
    lay(area, ["~$统计表.xlsx", "统计表.xlsx"])
    found = sweep(area, time.time())
    left = sorted(p.name for p in area.rglob("*") if p.is_file())
    assert {"~$统计表.xlsx", "统计表.xlsx", "1.jpg"} <= set(left)
    assert not {"~$总结.docx", "._1.jpg", ".DS_Store"} & set(left)
    assert (found.swept >= 3, found.swept_bytes >= 3) == (True, True)


def test_an_upload_that_goes_on_is_left_alone(area: Path) -> None:
    lay(area, [".rclone_temp_1", "照片/.rclone_temp_2"], age=10 * OLD)
    sweep(area, time.time())
    assert (area / ".rclone_temp_1").exists()
    assert (area / "照片/.rclone_temp_2").exists()


def test_thousands_of_leftovers_go_however_young(store: Store, s3: S3Settings, services: Services, area: Path) -> None:
    lay(area, [f"{prefix}{n}" for prefix in ("~$", "._") for n in range(2500)])
    changes: list[tuple[object, ...]] = []
    sweeper(store, s3, services, changes).run_if_due()
    assert [stored for _, stored in keys.list_intake(services.storage) if stored] == []
    assert changes == [("2023", "6501", False, 5001, 5000)]


def test_who_has_too_much_puts_no_more_until_it_was_worked_off(
    store: Store,
    s3: S3Settings,
    services: Services,
    key: Key,
    area: Path,
    campaign: Campaign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited(services, campaign, monkeypatch, max_files=20)
    a, b = key("6501"), key("6502")
    lay(area, [f"{n}.txt" for n in range(30)])
    changes: list[tuple[object, ...]] = []
    swept = sweeper(store, s3, services, changes)
    swept.run_if_due()
    assert changes == [("2023", "6501", True, 0, 0)]
    with pytest.raises(StorageError):
        a.put("intake", f"{A}/31.txt", b"x")
    b.put("intake", f"{B}/1.txt", b"x")
    assert len(list(a.list("intake", f"{A}/"))) == 31  # what is there stays, and is seen
    for path in area.glob("*.txt"):
        path.unlink()
    swept._next = -1.0
    swept.run_if_due()
    assert changes[1:] == [("2023", "6501", False, 0, 0)]
    a.put("intake", f"{A}/31.txt", b"x")


def test_bytes_are_bounded_and_uploads_that_go_on_are_among_them(
    store: Store,
    s3: S3Settings,
    services: Services,
    key: Key,
    area: Path,
    campaign: Campaign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited(services, campaign, monkeypatch, max_files=2000, max_bytes=1000)
    key("6501")
    lay(area, [".rclone_temp_1"], b"x" * 2000)
    changes: list[tuple[object, ...]] = []
    sweeper(store, s3, services, changes).run_if_due()
    assert changes == [("2023", "6501", True, 0, 0)]


def test_a_change_that_could_not_be_reported_is_reported_the_next_time(
    store: Store, s3: S3Settings, services: Services, area: Path
) -> None:
    lay(area, ["~$1"], age=OLD)
    swept = sweeper(store, s3, services, [])
    changes: list[tuple[object, ...]] = []

    def away(*_: object) -> None:
        raise OSError

    swept._report = away
    with suppress(OSError):
        swept.run_if_due()
    swept._report, swept._next = lambda *change: changes.append(change), -1.0
    lay(area, ["~$2"], age=OLD)
    swept.run_if_due()
    assert [change[3] for change in changes] == [2]


# --- any store


def test_an_area_over_its_limit_shows_its_first_files_and_hides_nobody_elses(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "LISTED_PER_AREA", 3)
    for place in (*(f"{A}/{n}.txt" for n in range(5)), f"{A}/照片/1.jpg", f"{B}/1.txt", "2023/x.txt", "x.txt"):
        services.storage.put("intake", place, b"x")
    listed = list(keys.list_intake(services.storage))
    shown = [stored.key for _, stored in listed if stored]
    assert sorted(shown) == sorted([*(f"{A}/{n}.txt" for n in range(3)), f"{B}/1.txt", "2023/x.txt", "x.txt"])
    assert [area for area, stored in listed if stored is None] == [f"{A}/"]


def test_nothing_behind_the_listed_files_is_lost(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "LISTED_PER_AREA", 3)
    for n in range(7):
        drop(services, f"第 {n} 件".encode(), f"{n}.txt")
    for _ in range(3):
        run(services)
    assert len(rows(services)) == 7
    assert list(services.storage.list("intake")) == []


def test_leftovers_in_front_do_not_hide_what_was_sent(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a store whose disk nobody sweeps for us they are in the way of their own prefecture only, and not for long."""
    monkeypatch.setattr(keys, "LISTED_PER_AREA", 3)
    monkeypatch.setattr(leftovers, "MAX_LEFTOVERS", 2)
    for n in range(5):
        services.storage.put("intake", f"{A}/.{'_'}{n}", b"x")
    drop(services, b"x", "z.txt")
    services.storage.put("intake", f"{B}/b.txt", b"x")
    find_new(services)
    assert {row.prefecture for row in services.ledger.submissions("2023")} == {"6502"}
    assert remove_leftovers(services) == 3
    (limit,) = services.ledger.intake_limits("2023")
    assert (limit.prefecture, limit.over_limit, limit.swept, limit.swept_bytes) == ("6501", True, 3, 3)
    find_new(services)
    assert {row.prefecture for row in services.ledger.submissions("2023")} == {"6501", "6502"}


def test_few_young_leftovers_are_left_alone(services: Services) -> None:
    services.storage.put("intake", f"{A}/~$总结.docx", b"x")
    find_new(services)
    assert remove_leftovers(services) == 0
    assert len(list(services.storage.list("intake"))) == 1
    assert services.ledger.intake_limits() == []


def status(services: Services) -> str:
    return services.storage.read("outbox", f"{A}/{keys.STATUS}").decode()


def test_board_and_status_page_tell_who_has_too_much(
    services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(services, campaign, monkeypatch, max_files=2)
    for n in range(4):
        drop(services, f"第 {n} 件".encode(), f"{n}.txt")
    find_new(services)
    assert "暂时不能再放入" in status(services)
    (limit,) = services.ledger.intake_limits()
    page = render_board(services.ledger, services.campaigns.get("2023"), limit.at, lambda _: False)
    assert "乌鲁木齐市" in page
    assert "等待处理的文件超过上限" in page
    assert time_text(limit.at, campaign.zone) in page
    run(services)
    find_new(services)
    assert "暂时不能再放入" not in status(services)
    limits = services.ledger.intake_limits()
    assert [(limit.over_limit, limit.notified) for limit in limits] == [(False, False)]


def test_another_prefectures_receipt_takes_no_longer_beside_all_this(
    store: Store, s3: S3Settings, services: Services, key: Key, area: Path
) -> None:
    """Side by side: alone, and beside what was put since the last sweep, what was swept, and keys too deep."""

    def receipt(n: int) -> float:
        began = time.monotonic()
        drop(services, f"第 {n} 篇 {SLOW_TEXT}".encode(), f"{n}.txt")
        run(services)
        return time.monotonic() - began

    swept, other = sweeper(store, s3, services, []), area.parent / B.split("/")[1]
    b = key("6502")
    receipt(0)
    alone, beside = [], []
    while len(beside) < 12 and not (len(beside) > 2 and statistics.median(beside) < 1.5 * statistics.median(alone)):
        n = len(beside) + 1
        alone.append(receipt(2 * n))
        lay(other, [f"._{n}" for n in range(2000)])
        with suppress(StorageError):
            b.put("intake", f"{B}/{n}/{DEEP}x.txt", b"x")
        swept._next = -1.0
        swept.run_if_due()
        lay(other, [f"~${n}" for n in range(FRESH)])
        beside.append(receipt(2 * n + 1))
    assert statistics.median(beside) < 1.5 * statistics.median(alone), (
        alone,
        beside,
    )  # of turns, so that a busy machine is busy for both
