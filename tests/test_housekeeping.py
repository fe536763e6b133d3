"""How long quarantine keeps what was sent back: as long as the campaign says, and never too short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from act_help import changed, lies_where_it_says, newest, run_unscanned
from baosong import acts, archive, housekeeping, review
from baosong.campaign.model import Quarantine
from baosong.ledger import Ledger
from baosong.report import copies
from baosong.storage import Storage
from baosong.workdesk import Desk
from intake_run import ALL_KINDS, CODE, Killed, drop, keys, killed_at, piece, receipts, rows, run, states

DAYS = 365


def later(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def tidy(desk: Desk, days: int = DAYS + 1) -> dict[str, int]:
    """Tidy as the night would after so many days."""
    return housekeeping.tidy(desk, "2023", later(days))


def reject(desk: Desk, name: str = "空.txt") -> None:
    drop(desk, b"", name)
    run(desk)


def test_a_rejected_file_goes_when_its_time_is_over_and_what_was_said_of_it_stays(desk: Desk) -> None:
    reject(desk)
    assert tidy(desk, DAYS - 1)["objects"] == 0
    assert tidy(desk) == {"objects": 1, "purged": 1, "copies": 0}
    (row,) = rows(desk)
    assert (keys(desk, "quarantine"), row.state) == ([f"{row.archive_key}.json"], "rejected")
    (record,) = archive.read_records(desk.storage, "quarantine", row.archive_key or "")
    assert datetime.fromisoformat(record["purged"]) == row.purged_at
    assert record["findings"][0]["rule"] == "file.empty"
    last = desk.ledger.history(row.id)[-1]
    assert (last.before, last.after, "365 天" in last.note) == ("rejected", "rejected", True)
    assert tidy(desk, DAYS + 2)["objects"] == 0
    assert len(desk.ledger.history(row.id)) == 4


def test_held_and_unanswered_files_never_go(desk: Desk) -> None:
    drop(desk, piece(), "机密★.txt")
    run(desk)
    drop(desk, b"", "空.txt")
    review.find_new(desk)
    review.check(desk, "2023", CODE, ALL_KINDS)
    review.file_away(desk, "2023", CODE)
    assert states(desk) == ["held", "rejected"]
    assert tidy(desk, 10_000)["objects"] == 0
    assert all(lies_where_it_says(desk, row) for row in rows(desk))


def test_the_time_of_a_refused_file_begins_with_its_refusal(desk: Desk) -> None:
    drop(desk, piece(), "机密★.txt")
    run(desk)
    old = datetime.now(UTC) - timedelta(days=DAYS * 2)
    desk.ledger.run(lambda s: setattr(s.get_one(type(newest(desk)), newest(desk).id), "filed_at", old))
    acts.refuse(desk, newest(desk).id, "张三", "请去掉标志")
    run(desk)
    assert tidy(desk, 0)["objects"] == 0
    assert tidy(desk)["purged"] == 1


def test_bytes_that_another_still_needs_stay(desk: Desk) -> None:
    reject(desk)
    first = newest(desk)
    desk.ledger.run(lambda s: setattr(s.get_one(type(first), first.id), "replied_at", later(-DAYS * 2)))
    reject(desk)
    assert newest(desk).archive_key == first.archive_key
    assert tidy(desk, 0)["objects"] == 0
    assert tidy(desk) == {"objects": 1, "purged": 2, "copies": 0}


def test_bytes_that_come_again_after_they_were_purged_are_kept_again(desk: Desk) -> None:
    reject(desk)
    tidy(desk)
    reject(desk)
    old, new = rows(desk)
    assert (old.purged_at is not None, new.purged_at, lies_where_it_says(desk, new)) == (True, None, True)
    assert [("purged" in r) for r in archive.read_records(desk.storage, "quarantine", new.archive_key or "")] == [
        True,
        False,
    ]
    assert tidy(desk) == {"objects": 1, "purged": 1, "copies": 0}


def test_a_released_copy_goes_though_nothing_else_may(desk: Desk) -> None:
    drop(desk, piece())
    run_unscanned(desk)
    acts.release(desk, newest(desk).id, "张三", "核实")
    run(desk)
    reject(desk)
    forever = changed(desk, quarantine=None)
    assert housekeeping.tidy(forever, "2023", later(10_000)) == {"objects": 1, "purged": 0, "copies": 0}
    assert all(lies_where_it_says(desk, row) for row in rows(desk))


def test_a_prefecture_that_is_at_work_is_left_for_the_next_night(desk: Desk) -> None:
    reject(desk)
    with desk.ledger.claim(f"file_away:2023:{CODE}"):
        assert tidy(desk)["objects"] == 0
    assert tidy(desk)["objects"] == 1


EFFECTS: dict[str, Any] = {"mark_purged": archive, "remove": Storage, "mark_emptied": Ledger}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_night_killed_at_any_effect_is_finished_by_the_next(
    desk: Desk, effect: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject(desk)
    with monkeypatch.context() as patch:
        patch.setattr(EFFECTS[effect], effect, killed_at(getattr(EFFECTS[effect], effect), after))
        with pytest.raises(Killed):
            tidy(desk)
    (row,) = rows(desk)
    gone = desk.storage.stat("quarantine", row.archive_key or "") is None
    records = archive.read_records(desk.storage, "quarantine", row.archive_key or "")
    assert not gone or "purged" in records[0], "nobody takes for lost what was removed on purpose"
    tidy(desk)
    (row,) = rows(desk)
    assert row.purged_at
    assert keys(desk, "quarantine") == [f"{row.archive_key}.json"]
    assert len(receipts(desk)) == 1


def test_another_campaigns_quarantine_is_its_own(desk: Desk) -> None:
    reject(desk)
    soon = changed(desk, quarantine=Quarantine(keep_days=30))
    assert housekeeping.tidy(soon, "2023", later(31))["objects"] == 1


def test_copies_of_reports_go_when_no_folder_holds_their_edition_any_more(desk: Desk) -> None:
    """An interim edition written over on its day, and what a writer laid by that died before it recorded it."""
    for kind, version, folder, said in (
        ("interim", 1, "interim/2023-06-01/", b"morning"),
        ("interim", 2, "interim/2023-06-01/", b"evening"),
        ("interim", 3, "interim/2023-06-02/", b"next day"),
        ("final", 1, "final/v1/", b"first"),
        ("final", 2, "final/v2/", b"second"),
    ):
        figures = {"files": copies.lay_by(desk.storage, "2023", {"汇总总结报告.docx": said})}
        assert desk.ledger.add_edition("2023", kind, version, f"2023/{folder}", str(version), figures)
    copies.lay_by(desk.storage, "2023", {"汇总总结报告.docx": b"never recorded"})
    assert tidy(desk, 0)["copies"] == 0
    assert tidy(desk, 2)["copies"] == 2
    left = {desk.storage.read("reports", s.key) for s in desk.storage.list("reports", "2023/_copies/")}
    assert left == {b"evening", b"next day", b"first", b"second"}
