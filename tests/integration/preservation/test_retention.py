"""How long quarantine keeps what was sent back: as long as the campaign says, and never too short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from baosong.campaign.model import Quarantine
from baosong.ledger import Ledger
from baosong.ledger.services import Services
from baosong.pipeline import archive, check, discover, manual_review
from baosong.preservation import records as preserved
from baosong.preservation import retention
from baosong.report import edition_copies
from baosong.store.storage import Storage
from intake_run import CODE, Killed, drop, keys, killed_at, piece, receipts, rows, run, states
from manual_review_help import changed, lies_where_it_says, newest, run_unscanned

DAYS = 365


def later(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def tidy(services: Services, days: int = DAYS + 1) -> dict[str, int]:
    """Tidy as the night would after so many days."""
    return retention.apply_retention(services, "2023", later(days))


def reject(services: Services, name: str = "空.txt") -> None:
    drop(services, b"", name)
    run(services)


def test_a_rejected_file_goes_when_its_time_is_over_and_what_was_said_of_it_stays(services: Services) -> None:
    reject(services)
    assert tidy(services, DAYS - 1)["objects"] == 0
    assert tidy(services) == {"objects": 1, "purged": 1, "copies": 0}
    (row,) = rows(services)
    assert (keys(services, "quarantine"), row.state) == ([f"{row.archive_key}.json"], "rejected")
    (record,) = preserved.read_records(services.storage, "quarantine", row.archive_key or "")
    assert datetime.fromisoformat(record["purged"]) == row.purged_at
    assert record["findings"][0]["rule"] == "file.empty"
    last = services.ledger.history(row.id)[-1]
    assert (last.before, last.after, "365 天" in last.note) == ("rejected", "rejected", True)
    assert tidy(services, DAYS + 2)["objects"] == 0
    assert len(services.ledger.history(row.id)) == 4


def test_held_and_unanswered_files_never_go(services: Services) -> None:
    drop(services, piece(), "机密★.txt")
    run(services)
    drop(services, b"", "空.txt")
    discover.find_new(services)
    check.check(services, "2023", CODE)
    archive.archive(services, "2023", CODE)
    assert states(services) == ["held", "rejected"]
    assert tidy(services, 10_000)["objects"] == 0
    assert all(lies_where_it_says(services, row) for row in rows(services))


def test_the_time_of_a_refused_file_begins_with_its_refusal(services: Services) -> None:
    drop(services, piece(), "机密★.txt")
    run(services)
    old = datetime.now(UTC) - timedelta(days=DAYS * 2)
    services.ledger.run(lambda s: setattr(s.get_one(type(newest(services)), newest(services).id), "filed_at", old))
    manual_review.refuse(services, newest(services).id, "张三", "请去掉标志")
    run(services)
    assert tidy(services, 0)["objects"] == 0
    assert tidy(services)["purged"] == 1


def test_bytes_that_another_still_needs_stay(services: Services) -> None:
    reject(services)
    first = newest(services)
    services.ledger.run(lambda s: setattr(s.get_one(type(first), first.id), "replied_at", later(-DAYS * 2)))
    reject(services)
    assert newest(services).archive_key == first.archive_key
    assert tidy(services, 0)["objects"] == 0
    assert tidy(services) == {"objects": 1, "purged": 2, "copies": 0}


def test_bytes_that_come_again_after_they_were_purged_are_kept_again(services: Services) -> None:
    reject(services)
    tidy(services)
    reject(services)
    old, new = rows(services)
    assert (old.purged_at is not None, new.purged_at, lies_where_it_says(services, new)) == (True, None, True)
    assert [("purged" in r) for r in preserved.read_records(services.storage, "quarantine", new.archive_key or "")] == [
        True,
        False,
    ]
    assert tidy(services) == {"objects": 1, "purged": 1, "copies": 0}


def test_a_released_copy_goes_though_nothing_else_may(services: Services) -> None:
    drop(services, piece())
    run_unscanned(services)
    manual_review.release(services, newest(services).id, "张三", "核实")
    run(services)
    reject(services)
    forever = changed(services, quarantine=None)
    assert retention.apply_retention(forever, "2023", later(10_000)) == {"objects": 1, "purged": 0, "copies": 0}
    assert all(lies_where_it_says(services, row) for row in rows(services))


def test_a_prefecture_that_is_at_work_is_left_for_the_next_night(services: Services) -> None:
    reject(services)
    with services.ledger.advisory_lock(f"archive:2023:{CODE}"):
        assert tidy(services)["objects"] == 0
    assert tidy(services)["objects"] == 1


EFFECTS: dict[str, Any] = {"mark_expired": preserved, "remove": Storage, "mark_emptied": Ledger}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_night_killed_at_any_effect_is_finished_by_the_next(
    services: Services, effect: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject(services)
    with monkeypatch.context() as patch:
        patch.setattr(EFFECTS[effect], effect, killed_at(getattr(EFFECTS[effect], effect), after))
        with pytest.raises(Killed):
            tidy(services)
    (row,) = rows(services)
    gone = services.storage.stat("quarantine", row.archive_key or "") is None
    records = preserved.read_records(services.storage, "quarantine", row.archive_key or "")
    assert not gone or "purged" in records[0], "nobody takes for lost what was removed on purpose"
    tidy(services)
    (row,) = rows(services)
    assert row.purged_at
    assert keys(services, "quarantine") == [f"{row.archive_key}.json"]
    assert len(receipts(services)) == 1


def test_another_campaigns_quarantine_is_its_own(services: Services) -> None:
    reject(services)
    soon = changed(services, quarantine=Quarantine(keep_days=30))
    assert retention.apply_retention(soon, "2023", later(31))["objects"] == 1


def test_copies_of_reports_go_when_no_folder_holds_their_edition_any_more(services: Services) -> None:
    """An interim edition written over on its day, and what a writer laid by that died before it recorded it."""
    for kind, version, folder, said in (
        ("interim", 1, "interim/2023-06-01/", b"morning"),
        ("interim", 2, "interim/2023-06-01/", b"evening"),
        ("interim", 3, "interim/2023-06-02/", b"next day"),
        ("final", 1, "final/v1/", b"first"),
        ("final", 2, "final/v2/", b"second"),
    ):
        figures = {"files": edition_copies.store_copies(services.storage, "2023", {"汇总总结报告.docx": said})}
        assert services.ledger.add_edition("2023", kind, version, f"2023/{folder}", str(version), figures)
    edition_copies.store_copies(services.storage, "2023", {"汇总总结报告.docx": b"never recorded"})
    assert tidy(services, 0)["copies"] == 0
    assert tidy(services, 2)["copies"] == 2
    left = {services.storage.read("reports", s.key) for s in services.storage.list("reports", "2023/_copies/")}
    assert left == {b"evening", b"next day", b"first", b"second"}
