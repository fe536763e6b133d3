"""Two lanes: what is quick is answered while what is long is still read, copied and read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from baosong.ledger import work_queue
from baosong.ledger.models import QueuedFile
from baosong.ledger.services import Services
from baosong.ledger.work_queue import QuickLane
from baosong.pipeline import discover, manual_review, process, work
from baosong.receipts.board import render_board
from faults import Seam, closed, seamed
from intake_run import AREA, audit, drop, finished, keys, piece, receipts, rows, run, run_lane, states
from manual_review_help import run_unscanned
from package_help import packed

OTHER = "2023/6502-克拉玛依市"
LARGE = b"\0" * 5000


@pytest.fixture(autouse=True)
def small_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a lane in which a few thousand bytes are large, and four files many."""
    monkeypatch.setattr(work_queue, "QUICK", lane := QuickLane(size=2000, files=4, bytes=6000))
    monkeypatch.setattr(work, "QUICK", lane)


def names(services: Services, lane: work_queue.Lane, run_id: str) -> list[str]:
    return [piece["name"] for piece in discover.find_new(services, lane, run_id)]


def test_a_sheet_is_answered_while_its_own_prefectures_film_is_copied(services: Services) -> None:
    drop(services, LARGE, "片花.mov", "视频")
    drop(services, piece())
    seam = Seam()
    seam.at("写入 quarantine", ".mov", "before", lambda: run_lane(services, "quick"))
    with closed(seamed(services.settings, services.campaigns, seam)) as watched:
        run_lane(watched, "large")

    assert not seam.named
    first, second = receipts(services)
    assert ([f["file"] for f in first["files"]], [f["file"] for f in second["files"]]) == (["链接.txt"], ["片花.mov"])
    assert "“片花.mov”已收到，正在校验，结果另发回执，不必重新报送。" in first["next"]
    assert next(d for d in first["deliverables"] if d["deliverable"] == "video")["word"] == "校验中"
    assert finished(services)
    audit(services)


def test_the_lanes_share_nothing(services: Services) -> None:
    drop(services, LARGE, "片花.mov", "视频")
    drop(services, piece())
    assert names(services, "quick", "a") == ["乌鲁木齐市：链接.txt（49 字节）"]
    assert names(services, "large", "b") == ["乌鲁木齐市：片花.mov（4.9 KB）"]


def test_many_photos_of_one_prefecture_leave_its_sheet_and_the_others_quick(services: Services) -> None:
    for n in range(7):
        drop(services, b"\xff\xd8%d" % n, f"{n}.jpg", "照片")
    drop(services, piece())
    services.storage.put("intake", f"{OTHER}/照片/a.jpg", b"\xff\xd8")
    quick = names(services, "quick", "a")
    assert quick == ["乌鲁木齐市：照片 3、媒体报道 1", "克拉玛依市：a.jpg（2 字节）"]
    assert names(services, "large", "b") == ["乌鲁木齐市：照片 4"]


def test_prefectures_take_turns_in_the_large_lane(services: Services) -> None:
    for n in range(3):
        drop(services, LARGE + b"%d" % n, f"{n}.mov", "视频")
    services.storage.put("intake", f"{OTHER}/视频/a.mov", LARGE)
    order = [name.partition("（")[0] for name in names(services, "large", "a")]
    assert order == ["乌鲁木齐市：0.mov", "克拉玛依市：a.mov", "乌鲁木齐市：1.mov", "乌鲁木齐市：2.mov"]


def test_no_two_runs_are_given_the_same_file(services: Services) -> None:
    drop(services, LARGE, "片花.mov", "视频")
    assert len(discover.find_new(services, "large", "a")) == 1
    assert discover.find_new(services, "large", "b") == []
    assert len(discover.find_new(services, "large", "a")) == 1, "a repeated task is given the same"


def test_what_comes_while_a_run_is_at_a_prefecture_is_answered_by_that_run(services: Services) -> None:
    drop(services, piece())
    (first,) = discover.find_new(services, "quick", "a")
    drop(services, piece("二"), "二.txt")
    services.storage.put("intake", f"{OTHER}/媒体报道/链接.txt", piece())
    (other,) = discover.find_new(services, "quick", "b")
    assert other["prefecture"] == "6502"
    process.process(services, first, "a")
    assert [r.name for r in rows(services) if r.replied_at] == ["链接.txt", "二.txt"]
    process.process(services, other, "b")
    assert finished(services)


def test_a_film_that_is_done_leaves_what_is_quick_to_the_quick_lane(services: Services) -> None:
    drop(services, LARGE, "片花.mov", "视频")
    (film,) = discover.find_new(services, "large", "films")
    drop(services, piece())
    discover.find_new(services, "quick", "gone")
    services.ledger.release_run("gone")
    process.process(services, film, "films")
    assert [row.name for row in rows(services) if row.replied_at] == ["片花.mov"]
    assert len(discover.find_new(services, "quick", "a")) == 1


def test_a_task_does_not_stay_with_a_prefecture_that_sends_without_end(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GOES_ON", 0.0)
    drop(services, piece())
    (first,) = discover.find_new(services, "quick", "a")
    drop(services, piece("二"), "二.txt")
    assert discover.find_new(services, "quick", "b") == []
    process.process(services, first, "a")
    (rest,) = discover.find_new(services, "quick", "b")
    assert rest["name"] == "乌鲁木齐市：二.txt（49 字节）"


def test_what_a_failed_run_leaves_is_the_next_ones_at_once(services: Services) -> None:
    drop(services, piece())
    discover.find_new(services, "quick", "a")
    assert discover.find_new(services, "quick", "b") == []
    services.ledger.release_run("a")
    assert len(discover.find_new(services, "quick", "b")) == 1


def test_the_claim_of_a_run_that_was_deleted_runs_out(services: Services) -> None:
    drop(services, LARGE, "片花.mov", "视频")
    discover.find_new(services, "large", "deleted")
    past = datetime.now(UTC) - timedelta(seconds=1)
    services.ledger.run(lambda session: session.execute(update(QueuedFile).values(claimed_until=past)))
    assert len(discover.find_new(services, "large", "b")) == 1


def test_a_released_file_is_taken_up_though_its_first_answer_was_a_moment_ago(services: Services) -> None:
    drop(services, piece())
    run_unscanned(services)
    (row,) = rows(services)
    manual_review.release(services, row.id, "某某", "已核实", None)
    assert [w["ids"] for w in discover.find_new(services, "quick", "another")] == [[row.id]]


def test_a_bundle_is_one_piece_of_work_with_all_that_is_in_it(services: Services) -> None:
    data = packed({"媒体报道/一.txt": piece("包一"), "照片/坏.jpg": LARGE})
    services.storage.put("intake", f"{AREA}/材料.zip", data)
    (bundle,) = discover.find_new(services, "quick", "a")
    process.process(services, bundle, "a")
    assert sorted(states(services)) == ["accepted", "accepted", "rejected"]
    assert finished(services)


def test_files_of_a_campaign_that_cannot_be_read_are_nobodys_until_it_can(services: Services) -> None:
    drop(services, piece())
    discover.find_new(services, "quick", "a")
    services.ledger.release_run("a")
    assert work.claimed(services, {}, "quick", "b") == []
    assert len(work.claimed(services, {"2023": services.campaigns.get("2023")}, "quick", "c")) == 1


def test_the_oldest_unanswered_file_of_each_lane_is_known(services: Services) -> None:
    assert services.ledger.oldest_queued() == {}
    drop(services, LARGE, "片花.mov", "视频")
    drop(services, piece())
    discover.find_new(services, "quick", "a")
    at = {row.name: row.received_at for row in rows(services)}
    assert services.ledger.oldest_queued() == {"large": at["片花.mov"], "quick": at["链接.txt"]}
    assert services.ledger.oldest_queued("1999") == {}
    now = max(at.values()) + timedelta(seconds=75)
    board = render_board(services.ledger, services.campaigns.get("2023"), now, bool)
    assert "尚未答复的文件中，等得最久的普通文件已等 1 分钟，大文件已等 1 分钟。" in board
    services.ledger.release_run("a")
    run(services)
    assert services.ledger.oldest_queued() == {}
    assert "尚未答复" not in render_board(services.ledger, services.campaigns.get("2023"), now, bool)


def test_what_belongs_to_nobody_does_not_hold_up_the_listing_however_large(services: Services) -> None:
    services.storage.put("intake", "2023/9999-火星市/视频/大.mov", LARGE)
    assert discover.find_new(services, "quick", "a") == []
    assert names(services, "large", "b") == ["不属于任何地州市：大.mov（4.9 KB）"]
    assert keys(services, "intake") == ["2023/9999-火星市/视频/大.mov"]
