"""The review on a real store and a real database: nothing lost, nothing twice, whatever happens in between."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import Any

import minio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.ledger.services import Services
from baosong.pipeline import archive, check, completeness, discover, reply
from baosong.preservation import records
from baosong.rules.findings import Checked, Kind
from baosong.store import read_once
from baosong.validation import check as checks
from baosong_local.samples.documents import make_report
from baosong_local.samples.media import make_photo
from baosong_local.samples.sheets import make_sheet
from faults import Seam, closed, seamed
from intake_run import (
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
    run_lane,
    states,
    with_deadline,
)

# --- the plain walk


def test_a_good_and_a_bad_file_are_filed_answered_and_removed(services: Services) -> None:
    drop(services, piece())
    drop(services, b"", "空.txt")
    (work,) = discover.find_new(services)
    assert work == {
        "campaign": "2023",
        "prefecture": CODE,
        "name": "乌鲁木齐市：媒体报道 2",
        "ids": [1, 2],
        "lane": "quick",
    }
    run(services)
    assert dict(zip((r.name for r in rows(services)), states(services), strict=True)) == {
        "链接.txt": "accepted",
        "空.txt": "rejected",
    }
    assert [r.bucket for r in sorted(rows(services), key=lambda r: r.name)] == ["quarantine", "archive"]
    assert f"{AREA}/状态.html" in keys(services, "outbox")
    assert finished(services)
    audit(services)


def test_nothing_new_means_no_work_and_no_receipt(services: Services) -> None:
    assert discover.find_new(services) == []
    assert reply.reply(services, "2023", CODE) is None
    drop(services, piece())
    run(services)
    run(services)
    assert reply.reply(services, "2023", CODE) is None
    assert len(receipts(services)) == 1


def test_debris_is_neither_received_nor_removed(services: Services) -> None:
    for name in (".DS_Store", "Thumbs.db", "~$链接.txt"):
        drop(services, b"x", name)
    assert discover.find_new(services) == []
    assert len(keys(services, "intake")) == 3


def test_a_file_outside_folders_is_classified_and_takes_its_single_slot(services: Services, campaign: Campaign) -> None:
    prefecture = campaign.prefecture(CODE)
    for seed, key in enumerate((f"{AREA}/活动周总结报告.docx", f"{AREA}/总结报告/终稿.docx")):
        services.storage.put("intake", key, make_report(campaign, prefecture, seed))
        run(services)
    assert [(r.kind, r.slot, r.state) for r in rows(services)] == [
        ("report", "", "superseded"),
        ("report", "", "accepted"),
    ]
    audit(services)


def test_the_figures_of_an_accepted_sheet_reach_the_ledger_exactly(services: Services, campaign: Campaign) -> None:
    for seed in (1, 2):
        sample = make_sheet(campaign, campaign.prefecture(CODE), seed)
        drop(services, sample.content, sample.name, "统计表")
        run(services)
    assert states(services) == ["superseded", "accepted"]
    found = {r.code: (r.total, r.offline, r.online) for r in services.ledger.indicators("2023")}
    assert {code: found[code] for code in sample.indicators} == sample.indicators
    assert len(services.ledger.activities("2023")) == sample.activities


def test_tasks_return_plain_json(services: Services) -> None:
    drop(services, piece())
    drop(services, b"", "空.txt")
    told = [discover.find_new(services), check.check(services, "2023", CODE)]
    told += [archive.archive(services, "2023", CODE), reply.reply(services, "2023", CODE)]
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_a_task_leaves_alone_what_another_one_is_at(services: Services) -> None:
    drop(services, piece())
    drop(services, piece("二"), "二.txt")
    discover.find_new(services)
    mine, other = (row.id for row in rows(services))
    assert [d["id"] for d in check.check(services, "2023", CODE, [mine])] == [mine]
    assert [d["id"] for d in check.check(services, "2023", CODE, [other])] == [other]
    assert [d["id"] for d in archive.archive(services, "2023", CODE, [mine])] == [mine]
    assert states(services) == ["accepted", "checked"]


def test_the_bytes_of_what_is_small_are_asked_for_once_from_check_to_receipt(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = minio.Minio.get_object

    def noted(self: minio.Minio, bucket_name: str, object_name: str, *args: Any, **more: Any) -> Any:
        asked.append(object_name)
        return real(self, bucket_name, object_name, *args, **more)

    monkeypatch.setattr(minio.Minio, "get_object", noted)
    sent = [drop(services, piece()), drop(services, make_photo(1, "乌鲁木齐市"), "一.jpg", "照片")]
    run(services)
    assert states(services) == ["accepted", "accepted"]
    assert Counter(key for key in asked if key in sent) == dict.fromkeys(sent, 1)


# --- repeats, replacements, withdrawals


def test_same_bytes_again_are_acknowledged_and_not_counted(services: Services, campaign: Campaign) -> None:
    for name in ("链接.txt", "链接.txt", "另一个名字.txt"):
        drop(services, piece(), name)
        run(services)
    assert states(services) == ["accepted", "duplicate", "duplicate"]
    assert services.ledger.completeness(campaign)[CODE][Kind.PRESS].accepted == 1
    assert "file.duplicate" in {f["rule"] for f in receipts(services)[-1]["files"][0]["findings"]}
    assert len(keys(services, "archive")) == 2
    audit(services)


def test_a_copy_counts_once_the_file_that_it_repeats_is_replaced(services: Services) -> None:
    for text, name in (("一", "甲.txt"), ("一", "乙.txt"), ("二", "甲.txt")):
        drop(services, piece(text), name)
        run(services)
    assert states(services) == ["superseded", "accepted", "accepted"]


def test_a_file_replaced_by_a_copy_of_another_counts_no_longer(services: Services) -> None:
    for text, name in (("一", "甲.txt"), ("二", "乙.txt"), ("一", "乙.txt")):
        drop(services, piece(text), name)
        run(services)
    assert states(services) == ["accepted", "superseded", "duplicate"]


def test_files_that_exchange_their_names_both_count(services: Services) -> None:
    for text, name in (("一", "甲.txt"), ("二", "乙.txt"), ("二", "甲.txt"), ("一", "乙.txt")):
        drop(services, piece(text), name)
        run(services)
    counted = {(row.name, row.sha256) for row in rows(services) if row.state == "accepted"}
    assert len({sha256 for _, sha256 in counted}) == 2


def test_a_rejected_file_dropped_again_is_reviewed_again(services: Services) -> None:
    for _ in range(2):
        drop(services, b"", "空.txt")
        run(services)
    assert states(services) == ["rejected", "rejected"]
    audit(services)


def test_a_later_file_of_the_same_name_replaces_and_the_replaced_one_is_kept(services: Services) -> None:
    for text in "一二一":
        drop(services, piece(text))
        run(services)
    assert states(services) == ["superseded", "superseded", "accepted"]
    audit(services)


def test_other_bytes_whose_hash_begins_alike_do_not_take_the_place_of_what_is_kept(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records.object_key, "__defaults__", (1,))  # twelve digits would take minutes to find
    pieces = (piece(str(n)) for n in range(1000))
    first = next(pieces)
    alike = next(p for p in pieces if hashlib.sha256(p).hexdigest()[0] == hashlib.sha256(first).hexdigest()[0])
    for data in (first, alike):
        drop(services, data)
        run(services)
    assert states(services) == ["superseded", "accepted"]
    audit(services)


def test_the_same_name_in_two_folders_is_two_files_and_in_two_spellings_one(services: Services) -> None:
    drop(services, piece("1"), "第一天/IMG_1.txt")
    drop(services, piece("2"), "第二天/IMG_1.txt")
    run(services)
    drop(services, piece("3"), "caf\u00e9.txt")
    run(services)
    drop(services, piece("4"), "cafe\u0301.txt")
    run(services)
    assert states(services) == ["accepted", "accepted", "superseded", "accepted"]


def test_an_object_with_the_same_stamp_as_a_finished_one_is_a_new_arrival(services: Services) -> None:
    key = drop(services, piece())
    (stored,) = services.storage.list("intake")
    run(services)
    drop(services, piece())
    (again,) = services.storage.list("intake")
    # A client that keeps file times can make the two alike to the second; write the first stamp over the row.
    services.ledger.run(lambda s: _stamp(s.get_one(Submission, rows(services)[0].id), again))
    run(services)
    assert (states(services), [r.arrival for r in rows(services)]) == (["accepted", "duplicate"], [1, 2])
    assert stored.key == key
    assert finished(services)


def _stamp(row: Submission, stored: Any) -> None:
    row.identity, row.etag, row.modified_at = stored.identity, stored.etag, stored.modified


def test_a_stale_listing_of_finished_files_receives_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(services, piece())
    listed = list(services.storage.list("intake"))
    run(services)
    monkeypatch.setattr(discover, "unknown", lambda *_: listed)
    assert discover.find_new(services) == []
    assert states(services) == ["accepted"]


def test_a_file_deleted_by_its_sender_is_withdrawn(services: Services) -> None:
    first, second = drop(services, piece()), drop(services, piece("二"), "二.txt")
    discover.find_new(services)
    services.storage.remove("intake", first)
    check.check(services, "2023", CODE)
    services.storage.remove("intake", second)
    assert [d["state"] for d in archive.archive(services, "2023", CODE)] == ["withdrawn"]
    assert (states(services), reply.reply(services, "2023", CODE)) == (["withdrawn", "withdrawn"], None)
    assert finished(services)
    audit(services)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("moment", ["before_check", "during_check", "before_filing", "during_filing", "before_removal"])
def test_a_file_replaced_at_any_moment_is_judged_by_its_own_bytes(
    services: Services, moment: str, in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is still in memory from the check, the intake is looked at once, before the first is filed."""
    monkeypatch.setattr(read_once, "MOST_BYTES", read_once.MOST_BYTES if in_memory else 0)
    drop(services, piece("旧的"))

    def replace_it(*_: Any) -> None:
        drop(services, b"")

    discover.find_new(services)
    if moment == "before_check":
        replace_it()
    with monkeypatch.context() as patch:
        if moment == "during_check":
            patch.setattr(checks, "check", _and_then(checks.check, replace_it))
        check.check(services, "2023", CODE)
    if moment == "before_filing":
        replace_it()
    with monkeypatch.context() as patch:
        if moment == "during_filing":
            patch.setattr(SpooledTemporaryFile, "tell", _and_then(SpooledTemporaryFile.tell, replace_it))
        archive.archive(services, "2023", CODE)
    if moment == "before_removal":
        replace_it()
    reply.reply(services, "2023", CODE)
    run(services)
    read_before = moment == "before_removal" or (in_memory and moment == "during_filing")
    assert states(services) == ["accepted" if read_before else "withdrawn", "rejected"]
    assert finished(services)
    audit(services)


def _and_then(first: Callable[..., Any], then: Callable[..., None]) -> Callable[..., Any]:
    def both(*args: Any) -> Any:
        result = first(*args)
        then()
        return result

    return both


def test_a_late_file_is_accepted_with_a_remark(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    late = with_deadline(services, datetime.now(UTC) - timedelta(hours=1))
    drop(late, piece())
    run(late)
    in_time = with_deadline(services, datetime.now(UTC) + timedelta(hours=1))
    drop(in_time, piece("二"), "二.txt")
    run(in_time)
    first, second = rows(services)
    assert (first.state, first.late, [f["rule"] for f in first.findings]) == ("accepted", True, ["file.late"])
    assert (second.late, second.findings) == (False, [])


def test_a_file_of_the_deadlines_very_moment_is_in_time(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    deadline = datetime.now(UTC) + timedelta(hours=1)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return deadline.astimezone(tz)

    monkeypatch.setattr(discover, "datetime", Clock)
    in_time = with_deadline(services, deadline)
    drop(in_time, piece())
    run(in_time)
    (row,) = rows(services)
    assert (row.received_at, row.late, row.findings) == (deadline, False, [])


def test_a_file_with_a_classification_mark_is_held_out_of_the_archive(services: Services) -> None:
    drop(services, piece(), "机密★一年.txt")
    run(services)
    assert (states(services), keys(services, "archive")) == (["held"], [])
    audit(services)


def test_a_figure_beyond_all_reason_is_a_finding_and_no_ill_system(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = {"indicators": [{"code": "B01", "total": 10**20, "offline": None, "online": None, "cell": "D18"}]}
    monkeypatch.setattr(checks, "check", lambda *_: Checked(figures={**huge, "activities": []}))
    drop(services, piece())
    run(services)
    assert (states(services), rows(services)[0].findings[-1]["rule"]) == (["rejected"], "statistics.out_of_range")


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
def test_what_belongs_to_nobody_is_quarantined_and_answered(services: Services, key: str) -> None:
    services.storage.put("intake", key, piece())
    run(services)
    (row,) = services.ledger.submissions("")
    assert (row.prefecture, row.state, row.findings[0]["rule"]) == ("", "rejected", "file.unplaced")
    assert services.storage.read("quarantine", row.archive_key or "") == piece()
    assert [k.split("/")[0] for k in keys(services, "outbox")] == ["_unplaced", "_unplaced"]
    assert finished(services)
    assert discover.find_new(services) == []
    assert len(services.ledger.submissions("")) == 1


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.txt", "{{ 7*7 }}%(x)s.txt", "报" * 80 + ".txt", "=1+1.txt", "a'b\".txt"]
)
def test_hostile_names_go_all_the_way(services: Services, name: str) -> None:
    drop(services, piece(), name)
    run(services)
    assert states(services) == ["accepted"]
    audit(services)


# --- an ill system


def test_one_unforeseen_error_does_not_keep_the_others_from_being_checked(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(services, piece(), "a.txt")
    drop(services, piece("二"), "b.txt")
    real = checks.check

    def ill(source: Any, *more: Any) -> Any:
        if source.name == "a.txt":
            raise RuntimeError("a parser nobody foresaw")
        return real(source, *more)

    discover.find_new(services)
    with monkeypatch.context() as patch:
        patch.setattr(checks, "check", ill)
        with pytest.raises(RuntimeError, match="nobody foresaw"):
            check.check(services, "2023", CODE)
    assert sorted(states(services)) == ["checked", "received"]
    run(services)
    assert states(services) == ["accepted", "accepted"]


def test_a_file_that_breaks_the_classifier_does_not_hold_up_the_others(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ill(*_: Any) -> Any:
        raise RuntimeError("a parser nobody foresaw")

    monkeypatch.setattr(checks, "classify", ill)
    services.storage.put("intake", f"{AREA}/什么.bin", b"\x00")
    drop(services, piece())
    assert [len(work["ids"]) for work in discover.find_new(services)] == [2]


def test_a_quiet_run_asks_no_question_twice(services: Services) -> None:
    """Each question is a transaction or a request, of which everybody's receipts are made."""
    drop(services, piece())
    seam = Seam()
    with closed(seamed(services.settings, services.campaigns, seam)) as watched:
        run_lane(watched, "quick")
    assert states(services) == ["accepted"]
    asked = [moment for moment in seam.moments if moment.startswith("ledger")]
    assert len(asked) <= 16, asked
    looked = [moment[:9] for moment in seam.moments if moment.startswith(("查看 intake", "列出 intake/2023/"))]
    assert looked == ["列出 intake", "查看 intake", "查看 intake"], (
        "once before copies are stored; twice to remove the very version that was read"
    )


def test_a_receipt_interrupted_is_written_again_the_same(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(services, piece())
    with monkeypatch.context() as patch:
        patch.setattr(reply, "write_status", killed_at(reply.write_status, after=False))
        with pytest.raises(Killed):
            run(services)
    (before,) = receipts(services)
    drop(services, b"", "空.txt")
    run(services)
    first, second = receipts(services)
    assert (first, second["number"]) == (before, 2)


def test_concurrent_runs_leave_no_doubles(services: Services) -> None:
    for n in range(6):
        drop(services, piece(str(n % 3)), f"{n}.txt")
    desks = [Services.open(services.settings) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, desks))
    run(services)
    assert Counter(states(services)) == {"accepted": 3, "duplicate": 3}
    assert finished(services)
    audit(services)
    for other in desks:
        other.ledger.close()


# --- completeness


def test_completeness_is_announced_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    one = services.campaigns.get("2023")
    only_press = [d for d in one.deliverables if d.kind is Kind.PRESS]
    monkeypatch.setattr(services.campaigns, "get", lambda _id: one.model_copy(update={"deliverables": only_press}))
    assert completeness.newly_complete(services) == []
    drop(services, piece())
    run(services)
    assert completeness.newly_complete(services) == ["2023|6501"]
    for _ in range(2):
        completeness.mark_announced(services, ["2023|6501"])
    assert completeness.newly_complete(services) == []


# --- any order of steps


STEPS = ["find", "check", "file", "reply"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), max_size=8), st.integers(0, 5))
def test_any_order_and_repetition_of_the_steps_ends_the_same(services: Services, steps: list[str], salt: int) -> None:
    other = "6502"
    area = "2023/6502-克拉玛依市"
    before = len(services.ledger.submissions("2023", other))
    texts = [f"{before}-{salt}-{n}" for n in (1, 1, 2)]
    for n, text in enumerate(texts):
        services.storage.put("intake", f"{area}/媒体报道/{before}-{n}.txt", piece(text))
    services.storage.put("intake", f"{area}/媒体报道/{before}-空.txt", b"")
    does: dict[str, Callable[[], Any]] = {
        "find": lambda: discover.find_new(services),
        "check": lambda: check.check(services, "2023", other),
        "file": lambda: archive.archive(services, "2023", other),
        "reply": lambda: reply.reply(services, "2023", other),
    }
    for step in steps:
        does[step]()
    run(services)
    new = services.ledger.submissions("2023", other)[before:]
    assert Counter(row.state for row in new) == {"accepted": 2, "duplicate": 1, "rejected": 1}
    assert all(row.replied_at for row in new)
    assert finished(services)
    audit(services)
