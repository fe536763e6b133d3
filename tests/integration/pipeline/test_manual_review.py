"""An operator's decision on a held file: recorded once, carried out by the ordinary review, whatever is killed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from baosong.campaign import Campaign
from baosong.ledger import Ledger, Submission
from baosong.ledger.services import Services
from baosong.pipeline import completeness, manual_review, reply
from baosong.pipeline.manual_review import ReviewRefused
from baosong.preservation import records, retention
from baosong.receipts.board import render_board
from baosong.report.consolidation import region_figures
from baosong.report.identity import inputs_sha
from baosong.rules.findings import Kind, Verdict
from baosong.store.settings import Settings
from baosong_local.samples.sheets import make_sheet
from cli_help import call
from feed import feed
from intake_run import CODE, Killed, drop, finished, keys, killed_at, piece, receipts, rows, run, states
from manual_review_help import lies_where_it_says, newest, run_unscanned
from package_help import packed, send

NOW = datetime(2023, 6, 1, 8, tzinfo=UTC)
WHY = "已电话核实，准予接收"


def held_piece(services: Services, text: str = "一", name: str = "链接.txt") -> Submission:
    drop(services, piece(text), name)
    run_unscanned(services)
    row = newest(services)
    assert (row.state, row.bucket) == ("held", "quarantine")
    return row


def told(services: Services, row: Submission) -> list[tuple[str | None, str, str | None]]:
    return [(h.before, h.after, h.who) for h in services.ledger.history(row.id)]


# --- what becomes of it


def test_a_released_sheet_is_archived_counted_and_answered(services: Services, campaign: Campaign) -> None:
    sheet = make_sheet(campaign, campaign.prefecture(CODE), 1)
    drop(services, sheet.content, sheet.name, "统计表")
    run_unscanned(services)
    row, before = newest(services), inputs_sha(region_figures(services.ledger, campaign, NOW), None, b"")
    assert manual_review.release(services, row.id, "张三", WHY) == CODE
    run(services)

    row = services.ledger.submission(row.id)
    assert (row.state, row.bucket, row.version) == ("accepted", "archive", 1)
    assert services.storage.read("archive", row.archive_key or "") == sheet.content
    (record,) = records.read_records(services.storage, "archive", row.archive_key or "")
    assert (record["verdict"], record["findings"][0]["rule"]) == ("accepted", "file.released")
    found = {r.code: (r.total, r.offline, r.online) for r in services.ledger.indicators("2023")}
    assert {code: found[code] for code in sheet.indicators} == sheet.indicators
    assert len(services.ledger.activities("2023")) == sheet.activities
    stale = inputs_sha(region_figures(services.ledger, campaign, NOW), None, b"") != before
    assert stale, "a report written before"
    assert told(services, row)[2:] == [
        ("checked", "held", None),
        ("held", "checked", "张三"),
        ("checked", "accepted", None),
    ]
    notes = [h.note for h in services.ledger.history(row.id)[3:]]
    assert notes == [f"人工审核：放行。{WHY}", "人工审核通过，已归档"]
    waiting, answer = receipts(services)
    assert (waiting["answer"]["code"], answer["answer"]["code"], answer["number"]) == ("held", "accepted", 2)
    assert answer["files"][0]["may_delete_local_copy"]
    assert answer["files"][0]["findings"][-1]["message"] == f"经人工审核，予以接收：{WHY}"
    assert "张三" not in services.storage.read("outbox", keys(services, "outbox", "全部接收.html")[0]).decode()
    assert finished(services)


def test_a_refused_file_stays_in_quarantine_and_its_receipt_says_why(services: Services) -> None:
    row = held_piece(services)
    manual_review.refuse(services, row.id, "李四", "不是活动周的报道")
    run(services)
    row = services.ledger.submission(row.id)
    assert (row.state, row.bucket, keys(services, "archive")) == ("rejected", "quarantine", [])
    assert lies_where_it_says(services, row)
    assert records.read_records(services.storage, "quarantine", row.archive_key or "")[0]["verdict"] == "rejected"
    (file,) = receipts(services)[-1]["files"]
    assert (file["state"], file["findings"][0]["message"]) == ("rejected", "经人工审核，不予接收：不是活动周的报道")
    assert finished(services)


def test_a_release_that_completes_a_prefecture_is_announced(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = services.campaigns.get("2023")
    only_press = [d for d in one.deliverables if d.kind is Kind.PRESS]
    monkeypatch.setattr(services.campaigns, "get", lambda _id: one.model_copy(update={"deliverables": only_press}))
    row = held_piece(services)
    assert completeness.newly_complete(services) == []
    manual_review.release(services, row.id, "张三", WHY)
    manual_review.settle(services, row.id)
    assert completeness.newly_complete(services) == ["2023|6501"]


def test_a_released_file_gives_way_to_what_came_later_and_is_not_counted_twice(services: Services) -> None:
    early = held_piece(services)
    drop(services, piece("后来的"))
    run(services)
    same = held_piece(services, "后来的", "另一个名字.txt")
    for row in (early, same):
        manual_review.release(services, row.id, "张三", WHY)
        assert manual_review.settle(services, row.id)["answered"]
    assert states(services) == ["superseded", "accepted", "duplicate"]
    assert all(lies_where_it_says(services, row) for row in rows(services))


def test_a_file_out_of_a_zip_is_released_into_its_place(services: Services) -> None:
    send(services, packed({"媒体报道/一.txt": piece()}))
    run_unscanned(services)
    (row,) = (r for r in rows(services) if r.member)
    slot = row.slot
    manual_review.release(services, row.id, "张三", WHY)
    run(services)
    row = services.ledger.submission(row.id)
    assert (row.state, row.slot, slot) == ("accepted", slot, "材料/媒体报道/一.txt")
    assert services.storage.read("archive", row.archive_key or "") == piece()


def test_the_copy_in_quarantine_goes_in_the_night_and_not_before(services: Services) -> None:
    row = held_piece(services)
    manual_review.release(services, row.id, "张三", WHY)
    assert retention.apply_retention(services, "2023", NOW)["objects"] == 0
    run(services)
    assert keys(services, "quarantine", ".txt") == [row.archive_key]
    assert retention.apply_retention(services, "2023", NOW) == {"objects": 1, "purged": 0, "copies": 0}
    assert (keys(services, "quarantine"), retention.apply_retention(services, "2023", NOW)["objects"]) == ([], 0)
    row = services.ledger.submission(row.id)
    assert (row.held_key, row.purged_at, lies_where_it_says(services, row)) == (None, None, True)


def test_the_same_bytes_held_again_keep_the_copy_in_quarantine(services: Services) -> None:
    first = held_piece(services)
    again = held_piece(services)
    assert first.archive_key == again.archive_key
    manual_review.release(services, first.id, "张三", WHY)
    run(services)
    assert retention.apply_retention(services, "2023", NOW)["objects"] == 0
    assert lies_where_it_says(services, services.ledger.submission(again.id))


# --- what cannot be


def test_a_file_with_a_classification_mark_can_only_be_sent_back(services: Services) -> None:
    drop(services, piece(), "机密★一年.txt")
    run(services)
    row = newest(services)
    with pytest.raises(ReviewRefused, match="密级标志，不能放行"):
        manual_review.release(services, row.id, "张三", WHY)
    assert states(services) == ["held"]
    manual_review.refuse(services, row.id, "张三", "请按保密规定处置")
    run(services)
    assert (states(services), keys(services, "archive")) == (["rejected"], [])


def test_a_file_of_no_deliverable_needs_one_named(services: Services, campaign: Campaign) -> None:
    content = "x" * 4096
    row = feed(services.ledger, campaign, CODE, None, "谜.txt", verdict=Verdict.HELD, content=content)
    services.storage.put("quarantine", row.archive_key or "", content.encode())
    for kind, why in ((None, "请指明：report"), (Kind.STATISTICS, "没有读出数据")):
        with pytest.raises(ReviewRefused, match=why):
            manual_review.release(services, row.id, "张三", WHY, kind)
    for _ in range(2):
        manual_review.release(services, row.id, "张三", WHY, Kind.PRESS)
    run(services)
    row = services.ledger.submission(row.id)
    assert (row.state, row.kind, row.slot) == ("accepted", "press", "/谜.txt")
    assert (row.archive_key or "").startswith("2023/6501/press/")
    assert services.ledger.history(row.id)[3].note == f"人工审核：放行，作为媒体报道。{WHY}"


def test_a_known_deliverable_is_not_made_another(services: Services) -> None:
    row = held_piece(services)
    with pytest.raises(ReviewRefused, match="已归入媒体报道"):
        manual_review.release(services, row.id, "张三", WHY, Kind.REPORT)


@pytest.mark.parametrize(("reason", "why"), [(" \n ", "写明理由"), ("长" * 501, "501 个字")], ids=["blank", "long"])
def test_a_reason_must_be_given_and_be_short(services: Services, reason: str, why: str) -> None:
    row = held_piece(services)
    for act in (manual_review.release, manual_review.refuse):
        with pytest.raises(ReviewRefused, match=why):
            act(services, row.id, "张三", reason)


def test_only_what_is_held_and_answered_can_be_decided(services: Services) -> None:
    with pytest.raises(ReviewRefused, match="没有第 7 号文件"):
        manual_review.release(services, 7, "张三", WHY)
    drop(services, piece())
    run(services)
    with pytest.raises(ReviewRefused, match="已接收，不在待人工审核之列"):
        manual_review.refuse(services, newest(services).id, "张三", WHY)


def test_the_same_act_repeated_changes_nothing_and_another_is_refused(services: Services) -> None:
    row = held_piece(services)
    for _ in range(2):
        manual_review.release(services, row.id, "张三", WHY)
    with pytest.raises(ReviewRefused, match="已经有了审核结论"):
        manual_review.refuse(services, row.id, "李四", "不行")
    run(services)
    manual_review.release(services, row.id, "张三", WHY)
    with pytest.raises(ReviewRefused, match="已接收"):
        manual_review.refuse(services, row.id, "李四", "不行")
    assert (states(services), len(told(services, row)), len(receipts(services))) == (["accepted"], 5, 2)


def test_of_two_operators_at_once_one_decides(services: Services) -> None:
    row = held_piece(services)
    refused = []

    def decide(act: Callable[..., str]) -> None:
        try:
            act(services, row.id, act.__name__, WHY)
        except ReviewRefused as late:
            refused.append(str(late))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decide, [manual_review.release, manual_review.refuse]))
    run(services)
    assert len(refused) == 1
    assert [who for *_, who in told(services, row) if who] == [
        "release" if states(services) == ["accepted"] else "refuse"
    ]


# --- an ill system


EFFECTS: dict[str, Any] = {
    "decide": Ledger,
    "put_verified": records,
    "write_record": records,
    "archive": Ledger,
    "open_receipts": Ledger,
    "write_receipt": reply,
    "write_status": reply,
    "mark_replied": Ledger,
}


def _released_and_run(services: Services, row: Submission) -> None:
    manual_review.release(services, row.id, "张三", WHY)
    run(services)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_release_killed_at_any_effect_is_finished_by_the_next_run(
    services: Services, effect: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = held_piece(services)
    with monkeypatch.context() as patch:
        patch.setattr(EFFECTS[effect], effect, killed_at(getattr(EFFECTS[effect], effect), after))
        with pytest.raises(Killed):
            _released_and_run(services, row)
    assert services.storage.read("quarantine", row.archive_key or "") == piece(), "the bytes are there at every moment"
    if (effect, after) == ("decide", False):
        assert states(services) == ["held"]
        manual_review.release(services, row.id, "张三", WHY)
    run(services)
    row = services.ledger.submission(row.id)
    assert (row.state, [r["number"] for r in receipts(services)]) == ("accepted", [1, 2])
    assert len(records.read_records(services.storage, "archive", row.archive_key or "")) == 1
    assert lies_where_it_says(services, row)
    assert finished(services)


def test_what_rotted_in_quarantine_is_not_archived(services: Services) -> None:
    row = held_piece(services)
    services.storage.put("quarantine", row.archive_key or "", piece("二"))
    manual_review.release(services, row.id, "张三", WHY)
    with pytest.raises(records.ArchiveError, match="expected"):
        run(services)
    assert (keys(services, "archive"), states(services)) == ([], ["checked"])


# --- how operators come to it


def test_the_board_gives_the_number_and_what_to_do(services: Services, campaign: Campaign) -> None:
    row = held_piece(services)
    drop(services, piece("二"), "机密★.txt")
    run(services)
    html = render_board(services.ledger, campaign, NOW, bool)
    assert f"序号 <b>{row.id}</b>：看过后放行或退回。" in html
    assert f"序号 <b>{newest(services).id}</b>：疑似涉密" in html
    assert "点“放行或退回”" in html


def test_the_commands_list_and_release(services: Services, settings: Settings) -> None:
    from airflow_home import baosong_environment

    row = held_piece(services, name="[b]链接.txt")
    env = baosong_environment(settings)
    listed = call("held", "2023", **env)
    assert (listed.returncode, "[b]链接.txt" in listed.stdout) == (0, True), listed.stderr
    assert "没有查毒" in listed.stdout
    done = call("release", str(row.id), "--reason", WHY, "--by", "王五", **env)
    assert (done.returncode, "已放行并归档，回执已发" in done.stdout) == (0, True), done.stderr
    assert (states(services), told(services, row)[3][2]) == (["accepted"], "王五")
    wrong = call("release", str(row.id), "--reason", "x", "--refuse", **env)
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
    assert "不在待人工审核之列" in wrong.stderr
    assert "没有待人工审核的文件" in call("held", **env).stdout
