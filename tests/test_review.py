"""The review on a real store and a real database: nothing lost, nothing twice, whatever happens in between."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baosong import archive, checks, outbox, reception, review
from baosong.campaign import Campaign
from baosong.findings import Checked, Kind
from baosong.ledger import Ledger, Submission
from baosong.samples.documents import make_report
from baosong.samples.sheets import make_sheet
from baosong.storage import Storage
from baosong.workdesk import Desk
from intake_run import (
    ALL_KINDS,
    AREA,
    CODE,
    Killed,
    audit,
    drop,
    finished,
    keys,
    killed_at,
    piece,
    receipts,
    rows,
    run,
    states,
)

# --- the plain walk


def test_a_good_and_a_bad_file_are_filed_answered_and_removed(desk: Desk) -> None:
    drop(desk, piece())
    drop(desk, b"", "空.txt")
    assert review.find_new(desk) == [{"campaign": "2023", "prefecture": CODE, "name": "乌鲁木齐市", "files": 2}]
    run(desk)
    assert dict(zip((r.name for r in rows(desk)), states(desk), strict=True)) == {
        "链接.txt": "accepted",
        "空.txt": "rejected",
    }
    assert [r.bucket for r in sorted(rows(desk), key=lambda r: r.name)] == ["quarantine", "archive"]
    assert f"{AREA}/状态.html" in keys(desk, "outbox")
    assert finished(desk)
    audit(desk)


def test_nothing_new_means_no_work_and_no_receipt(desk: Desk) -> None:
    assert review.find_new(desk) == []
    assert review.reply(desk, "2023", CODE) is None
    drop(desk, piece())
    run(desk)
    run(desk)
    assert review.reply(desk, "2023", CODE) is None
    assert len(receipts(desk)) == 1


def test_debris_is_neither_received_nor_removed(desk: Desk) -> None:
    for name in (".DS_Store", "Thumbs.db", "~$链接.txt"):
        drop(desk, b"x", name)
    assert review.find_new(desk) == []
    assert len(keys(desk, "intake")) == 3


def test_a_file_outside_folders_is_classified_and_takes_its_single_slot(desk: Desk, campaign: Campaign) -> None:
    prefecture = campaign.prefecture(CODE)
    for seed, key in enumerate((f"{AREA}/活动周总结报告.docx", f"{AREA}/总结报告/终稿.docx")):
        desk.storage.put("intake", key, make_report(campaign, prefecture, seed))
        run(desk)
    assert [(r.kind, r.slot, r.state) for r in rows(desk)] == [("report", "", "superseded"), ("report", "", "accepted")]
    audit(desk)


def test_the_figures_of_an_accepted_sheet_reach_the_ledger_exactly(desk: Desk, campaign: Campaign) -> None:
    for seed in (1, 2):
        sample = make_sheet(campaign, campaign.prefecture(CODE), seed)
        drop(desk, sample.content, sample.name, "统计表")
        run(desk)
    assert states(desk) == ["superseded", "accepted"]
    found = {r.code: (r.total, r.offline, r.online) for r in desk.ledger.indicators("2023")}
    assert {code: found[code] for code in sample.indicators} == sample.indicators
    assert len(desk.ledger.activities("2023")) == sample.activities


def test_tasks_return_plain_json(desk: Desk) -> None:
    drop(desk, piece())
    drop(desk, b"", "空.txt")
    told = [review.find_new(desk), review.check(desk, "2023", CODE, ALL_KINDS)]
    told += [review.file_away(desk, "2023", CODE), review.reply(desk, "2023", CODE)]
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_each_task_checks_only_its_kinds_and_the_documents_task_what_has_none(desk: Desk) -> None:
    drop(desk, piece())
    drop(desk, b"", "空.jpg", "照片")
    drop(desk, b"\x00\x01\x02", "什么", "别的")
    review.find_new(desk)
    assert [d["kind"] for d in review.check(desk, "2023", CODE, ["photo", "video"])] == ["photo"]
    assert {d["kind"] for d in review.check(desk, "2023", CODE, ["report", "press"])} == {"press", None}


# --- repeats, replacements, withdrawals


def test_same_bytes_again_are_acknowledged_and_not_counted(desk: Desk, campaign: Campaign) -> None:
    for name in ("链接.txt", "链接.txt", "另一个名字.txt"):
        drop(desk, piece(), name)
        run(desk)
    assert states(desk) == ["accepted", "duplicate", "duplicate"]
    assert desk.ledger.completeness(campaign)[CODE][Kind.PRESS].accepted == 1
    assert "file.duplicate" in {f["rule"] for f in receipts(desk)[-1]["files"][0]["findings"]}
    assert len(keys(desk, "archive")) == 2
    audit(desk)


def test_a_copy_counts_once_the_file_that_it_repeats_is_replaced(desk: Desk) -> None:
    for text, name in (("一", "甲.txt"), ("一", "乙.txt"), ("二", "甲.txt")):
        drop(desk, piece(text), name)
        run(desk)
    assert states(desk) == ["superseded", "accepted", "accepted"]


def test_a_file_replaced_by_a_copy_of_another_counts_no_longer(desk: Desk) -> None:
    for text, name in (("一", "甲.txt"), ("二", "乙.txt"), ("一", "乙.txt")):
        drop(desk, piece(text), name)
        run(desk)
    assert states(desk) == ["accepted", "superseded", "duplicate"]


def test_files_that_exchange_their_names_both_count(desk: Desk) -> None:
    for text, name in (("一", "甲.txt"), ("二", "乙.txt"), ("二", "甲.txt"), ("一", "乙.txt")):
        drop(desk, piece(text), name)
        run(desk)
    counted = {(row.name, row.sha256) for row in rows(desk) if row.state == "accepted"}
    assert len({sha256 for _, sha256 in counted}) == 2


def test_a_rejected_file_dropped_again_is_reviewed_again(desk: Desk) -> None:
    for _ in range(2):
        drop(desk, b"", "空.txt")
        run(desk)
    assert states(desk) == ["rejected", "rejected"]
    audit(desk)


def test_a_later_file_of_the_same_name_replaces_and_the_replaced_one_is_kept(desk: Desk) -> None:
    for text in "一二一":
        drop(desk, piece(text))
        run(desk)
    assert states(desk) == ["superseded", "superseded", "accepted"]
    audit(desk)


def test_other_bytes_whose_hash_begins_alike_do_not_take_the_place_of_what_is_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive.object_key, "__defaults__", (1,))  # twelve digits would take minutes to find
    pieces = (piece(str(n)) for n in range(1000))
    first = next(pieces)
    alike = next(p for p in pieces if hashlib.sha256(p).hexdigest()[0] == hashlib.sha256(first).hexdigest()[0])
    for data in (first, alike):
        drop(desk, data)
        run(desk)
    assert states(desk) == ["superseded", "accepted"]
    audit(desk)


def test_the_same_name_in_two_folders_is_two_files_and_in_two_spellings_one(desk: Desk) -> None:
    drop(desk, piece("1"), "第一天/IMG_1.txt")
    drop(desk, piece("2"), "第二天/IMG_1.txt")
    run(desk)
    drop(desk, piece("3"), "caf\u00e9.txt")
    run(desk)
    drop(desk, piece("4"), "cafe\u0301.txt")
    run(desk)
    assert states(desk) == ["accepted", "accepted", "superseded", "accepted"]


def test_an_object_with_the_same_stamp_as_a_finished_one_is_a_new_arrival(desk: Desk) -> None:
    key = drop(desk, piece())
    (stored,) = desk.storage.list("intake")
    run(desk)
    drop(desk, piece())
    (again,) = desk.storage.list("intake")
    # A client that keeps file times can make the two alike to the second; write the first stamp over the row.
    desk.ledger.run(lambda s: _stamp(s.get_one(Submission, rows(desk)[0].id), again))
    run(desk)
    assert (states(desk), [r.arrival for r in rows(desk)]) == (["accepted", "duplicate"], [1, 2])
    assert stored.key == key
    assert finished(desk)


def _stamp(row: Submission, stored: Any) -> None:
    row.identity, row.etag, row.modified_at = stored.identity, stored.etag, stored.modified


def test_a_stale_listing_of_finished_files_receives_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(desk, piece())
    listed = list(desk.storage.list("intake"))
    run(desk)
    monkeypatch.setattr(reception, "unknown", lambda *_: listed)
    assert review.find_new(desk) == []
    assert states(desk) == ["accepted"]


def test_a_file_deleted_by_its_sender_is_withdrawn(desk: Desk) -> None:
    first, second = drop(desk, piece()), drop(desk, piece("二"), "二.txt")
    review.find_new(desk)
    desk.storage.remove("intake", first)
    review.check(desk, "2023", CODE, ALL_KINDS)
    desk.storage.remove("intake", second)
    assert [d["state"] for d in review.file_away(desk, "2023", CODE)] == ["withdrawn"]
    assert (states(desk), review.reply(desk, "2023", CODE)) == (["withdrawn", "withdrawn"], None)
    assert finished(desk)
    audit(desk)


@pytest.mark.parametrize("moment", ["before_check", "during_check", "before_filing", "during_filing", "before_removal"])
def test_a_file_replaced_at_any_moment_is_judged_by_its_own_bytes(
    desk: Desk, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(desk, piece("旧的"))

    def replace_it(*_: Any) -> None:
        drop(desk, b"")

    review.find_new(desk)
    if moment == "before_check":
        replace_it()
    if moment == "during_check":
        monkeypatch.setattr(checks, "check", _and_then(checks.check, replace_it))
    review.check(desk, "2023", CODE, ALL_KINDS)
    monkeypatch.undo()
    if moment == "before_filing":
        replace_it()
    if moment == "during_filing":
        monkeypatch.setattr(SpooledTemporaryFile, "tell", _and_then(SpooledTemporaryFile.tell, replace_it))
    review.file_away(desk, "2023", CODE)
    monkeypatch.undo()
    if moment == "before_removal":
        replace_it()
    review.reply(desk, "2023", CODE)
    run(desk)
    assert states(desk) == ["accepted" if moment == "before_removal" else "withdrawn", "rejected"]
    assert finished(desk)
    audit(desk)


def _and_then(first: Callable[..., Any], then: Callable[..., None]) -> Callable[..., Any]:
    def both(*args: Any) -> Any:
        result = first(*args)
        then()
        return result

    return both


def test_a_late_file_is_accepted_with_a_remark(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    late = _with_deadline(desk, datetime.now(UTC) - timedelta(hours=1))
    drop(late, piece())
    run(late)
    in_time = _with_deadline(desk, datetime.now(UTC) + timedelta(hours=1))
    drop(in_time, piece("二"), "二.txt")
    run(in_time)
    first, second = rows(desk)
    assert (first.state, first.late, [f["rule"] for f in first.findings]) == ("accepted", True, ["file.late"])
    assert (second.late, second.findings) == (False, [])


def _with_deadline(desk: Desk, deadline: datetime) -> Desk:
    class Moved:
        def ids(self) -> list[str]:
            return ["2023"]

        def get(self, campaign_id: str) -> Campaign:
            return desk.campaigns.get(campaign_id).model_copy(update={"deadline": deadline})

    return replace(desk, campaigns=Moved())  # type: ignore[arg-type]


def test_a_file_with_a_classification_mark_is_held_out_of_the_archive(desk: Desk) -> None:
    drop(desk, piece(), "机密★一年.txt")
    run(desk)
    assert (states(desk), keys(desk, "archive")) == (["held"], [])
    audit(desk)


def test_a_figure_beyond_all_reason_is_a_finding_and_no_ill_system(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = {"indicators": [{"code": "B01", "total": 10**20, "offline": None, "online": None, "cell": "D18"}]}
    monkeypatch.setattr(checks, "check", lambda *_: Checked(figures={**huge, "activities": []}))
    drop(desk, piece())
    run(desk)
    assert (states(desk), rows(desk)[0].findings[-1]["rule"]) == (["rejected"], "statistics.out_of_range")


# --- wrong places


@pytest.mark.parametrize(
    "key",
    [
        "根目录.txt",
        "1999/6501-乌鲁木齐市/媒体报道/a.txt",
        "2023/9999-火星市/媒体报道/a.txt",
        "2023/a.txt",
        "2023/火星/a.txt",
    ],
)
def test_what_belongs_to_nobody_is_quarantined_and_answered(desk: Desk, key: str) -> None:
    desk.storage.put("intake", key, piece())
    assert review.find_new(desk) == []
    (row,) = desk.ledger.submissions("")
    assert (row.prefecture, row.state, row.findings[0]["rule"]) == ("", "rejected", "file.unplaced")
    assert desk.storage.read("quarantine", row.archive_key or "") == piece()
    assert [k.split("/")[0] for k in keys(desk, "outbox")] == ["_unplaced", "_unplaced"]
    assert finished(desk)
    assert review.find_new(desk) == []
    assert len(desk.ledger.submissions("")) == 1


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.txt", "{{ 7*7 }}%(x)s.txt", "报" * 80 + ".txt", "=1+1.txt", "a'b\".txt"]
)
def test_hostile_names_go_all_the_way(desk: Desk, name: str) -> None:
    drop(desk, piece(), name)
    run(desk)
    assert states(desk) == ["accepted"]
    audit(desk)


# --- an ill system


def test_one_unforeseen_error_does_not_keep_the_others_from_being_checked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(desk, piece(), "a.txt")
    drop(desk, piece("二"), "b.txt")
    real = checks.check

    def ill(source: Any, *more: Any) -> Any:
        if source.name == "a.txt":
            raise RuntimeError("a parser nobody foresaw")
        return real(source, *more)

    review.find_new(desk)
    with monkeypatch.context() as patch:
        patch.setattr(checks, "check", ill)
        with pytest.raises(RuntimeError, match="nobody foresaw"):
            review.check(desk, "2023", CODE, ALL_KINDS)
    assert sorted(states(desk)) == ["checked", "received"]
    run(desk)
    assert states(desk) == ["accepted", "accepted"]


def test_a_file_that_breaks_the_classifier_does_not_hold_up_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ill(*_: Any) -> Any:
        raise RuntimeError("a parser nobody foresaw")

    monkeypatch.setattr(checks, "classify", ill)
    desk.storage.put("intake", f"{AREA}/什么.bin", b"\x00")
    drop(desk, piece())
    assert [work["files"] for work in review.find_new(desk)] == [2]


EFFECTS: dict[str, Any] = {
    "keep": archive,
    "write_record": archive,
    "file": Ledger,
    "allot_receipt": Ledger,
    "write_receipt": outbox,
    "write_status": outbox,
    "remove_unchanged": Storage,
    "mark_replied": Ledger,
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_run_killed_at_any_effect_is_finished_by_the_next(
    desk: Desk, effect: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(desk, piece())
    drop(desk, b"", "空.txt")
    drop(desk, piece(), "同样.txt")
    with monkeypatch.context() as patch:
        patch.setattr(EFFECTS[effect], effect, killed_at(getattr(EFFECTS[effect], effect), after))
        with pytest.raises(Killed):
            run(desk)
    run(desk)
    assert Counter(states(desk)) == {"accepted": 1, "rejected": 1, "duplicate": 1}
    assert finished(desk)
    audit(desk)


def test_a_receipt_interrupted_is_written_again_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(desk, piece())
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "write_status", killed_at(outbox.write_status, after=False))
        with pytest.raises(Killed):
            run(desk)
    (before,) = receipts(desk)
    drop(desk, b"", "空.txt")
    run(desk)
    first, second = receipts(desk)
    assert (first, second["number"]) == (before, 2)


def test_concurrent_runs_leave_no_doubles(desk: Desk) -> None:
    for n in range(6):
        drop(desk, piece(str(n % 3)), f"{n}.txt")
    desks = [Desk.open(desk.settings) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, desks))
    run(desk)
    assert Counter(states(desk)) == {"accepted": 3, "duplicate": 3}
    assert finished(desk)
    audit(desk)
    for other in desks:
        other.ledger.close()


# --- completeness


def test_completeness_is_announced_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    one = desk.campaigns.get("2023")
    only_press = [d for d in one.deliverables if d.kind is Kind.PRESS]
    monkeypatch.setattr(desk.campaigns, "get", lambda _id: one.model_copy(update={"deliverables": only_press}))
    assert review.newly_complete(desk) == []
    drop(desk, piece())
    run(desk)
    assert review.newly_complete(desk) == ["2023|6501"]
    for _ in range(2):
        review.mark_announced(desk, ["2023|6501"])
    assert review.newly_complete(desk) == []


# --- any order of steps


STEPS = ["find", "check_press", "check_other", "file", "reply"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), max_size=8), st.integers(0, 5))
def test_any_order_and_repetition_of_the_steps_ends_the_same(desk: Desk, steps: list[str], salt: int) -> None:
    other = "6502"
    area = "2023/6502-克拉玛依市"
    before = len(desk.ledger.submissions("2023", other))
    texts = [f"{before}-{salt}-{n}" for n in (1, 1, 2)]
    for n, text in enumerate(texts):
        desk.storage.put("intake", f"{area}/媒体报道/{before}-{n}.txt", piece(text))
    desk.storage.put("intake", f"{area}/媒体报道/{before}-空.txt", b"")
    does: dict[str, Callable[[], Any]] = {
        "find": lambda: review.find_new(desk),
        "check_press": lambda: review.check(desk, "2023", other, ["report", "press"]),
        "check_other": lambda: review.check(desk, "2023", other, ["photo", "video", "statistics"]),
        "file": lambda: review.file_away(desk, "2023", other),
        "reply": lambda: review.reply(desk, "2023", other),
    }
    for step in steps:
        does[step]()
    run(desk)
    new = desk.ledger.submissions("2023", other)[before:]
    assert Counter(row.state for row in new) == {"accepted": 2, "duplicate": 1, "rejected": 1}
    assert all(row.replied_at for row in new)
    assert finished(desk)
    audit(desk)
