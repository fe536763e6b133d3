"""An operator's decision on a held file: recorded once, carried out by the ordinary review, whatever is killed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from act_help import lies_where_it_says, newest, run_unscanned
from baosong import acts, archive, housekeeping, outbox, review
from baosong.acts import ActRefused
from baosong.board import render_board
from baosong.campaign import Campaign
from baosong.consolidate import region_figures
from baosong.findings import Kind, Verdict
from baosong.ledger import Ledger, Submission
from baosong.samples.sheets import make_sheet
from baosong.settings import Settings
from baosong.workdesk import Desk
from bundle_help import packed, send
from feed import feed
from intake_run import CODE, Killed, drop, finished, keys, killed_at, piece, receipts, rows, run, states
from test_cli import call

NOW = datetime(2023, 6, 1, 8, tzinfo=UTC)
WHY = "已电话核实，准予接收"


def held_piece(desk: Desk, text: str = "一", name: str = "链接.txt") -> Submission:
    drop(desk, piece(text), name)
    run_unscanned(desk)
    row = newest(desk)
    assert (row.state, row.bucket) == ("held", "quarantine")
    return row


def told(desk: Desk, row: Submission) -> list[tuple[str | None, str, str | None]]:
    return [(h.before, h.after, h.who) for h in desk.ledger.history(row.id)]


# --- what becomes of it


def test_a_released_sheet_is_archived_counted_and_answered(desk: Desk, campaign: Campaign) -> None:
    sheet = make_sheet(campaign, campaign.prefecture(CODE), 1)
    drop(desk, sheet.content, sheet.name, "统计表")
    run_unscanned(desk)
    row, before = newest(desk), region_figures(desk.ledger, campaign, NOW).inputs_sha
    assert acts.release(desk, row.id, "张三", WHY) == CODE
    run(desk)

    row = desk.ledger.submission(row.id)
    assert (row.state, row.bucket, row.version) == ("accepted", "archive", 1)
    assert desk.storage.read("archive", row.archive_key or "") == sheet.content
    (record,) = archive.read_records(desk.storage, "archive", row.archive_key or "")
    assert (record["verdict"], record["findings"][0]["rule"]) == ("accepted", "file.released")
    found = {r.code: (r.total, r.offline, r.online) for r in desk.ledger.indicators("2023")}
    assert {code: found[code] for code in sheet.indicators} == sheet.indicators
    assert len(desk.ledger.activities("2023")) == sheet.activities
    assert region_figures(desk.ledger, campaign, NOW).inputs_sha != before, "a report written before is stale"
    assert told(desk, row)[2:] == [
        ("checked", "held", None),
        ("held", "checked", "张三"),
        ("checked", "accepted", None),
    ]
    notes = [h.note for h in desk.ledger.history(row.id)[3:]]
    assert notes == [f"人工审核：放行。{WHY}", "人工审核通过，已归档"]
    waiting, answer = receipts(desk)
    assert (waiting["answer"]["code"], answer["answer"]["code"], answer["number"]) == ("held", "accepted", 2)
    assert answer["files"][0]["may_delete_local_copy"]
    assert answer["files"][0]["findings"][-1]["message"] == f"经人工审核，予以接收：{WHY}"
    assert "张三" not in desk.storage.read("outbox", keys(desk, "outbox", "全部接收.html")[0]).decode()
    assert finished(desk)


def test_a_refused_file_stays_in_quarantine_and_its_receipt_says_why(desk: Desk) -> None:
    row = held_piece(desk)
    acts.refuse(desk, row.id, "李四", "不是活动周的报道")
    run(desk)
    row = desk.ledger.submission(row.id)
    assert (row.state, row.bucket, keys(desk, "archive")) == ("rejected", "quarantine", [])
    assert lies_where_it_says(desk, row)
    assert archive.read_records(desk.storage, "quarantine", row.archive_key or "")[0]["verdict"] == "rejected"
    (file,) = receipts(desk)[-1]["files"]
    assert (file["state"], file["findings"][0]["message"]) == ("rejected", "经人工审核，不予接收：不是活动周的报道")
    assert finished(desk)


def test_a_release_that_completes_a_prefecture_is_announced(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    one = desk.campaigns.get("2023")
    only_press = [d for d in one.deliverables if d.kind is Kind.PRESS]
    monkeypatch.setattr(desk.campaigns, "get", lambda _id: one.model_copy(update={"deliverables": only_press}))
    row = held_piece(desk)
    assert review.newly_complete(desk) == []
    acts.release(desk, row.id, "张三", WHY)
    acts.settle(desk, row.id)
    assert review.newly_complete(desk) == ["2023|6501"]


def test_a_released_file_gives_way_to_what_came_later_and_is_not_counted_twice(desk: Desk) -> None:
    early = held_piece(desk)
    drop(desk, piece("后来的"))
    run(desk)
    same = held_piece(desk, "后来的", "另一个名字.txt")
    for row in (early, same):
        acts.release(desk, row.id, "张三", WHY)
        assert acts.settle(desk, row.id)["answered"]
    assert states(desk) == ["superseded", "accepted", "duplicate"]
    assert all(lies_where_it_says(desk, row) for row in rows(desk))


def test_a_file_out_of_a_zip_is_released_into_its_place(desk: Desk) -> None:
    send(desk, packed({"媒体报道/一.txt": piece()}))
    run_unscanned(desk)
    (row,) = (r for r in rows(desk) if r.member)
    slot = row.slot
    acts.release(desk, row.id, "张三", WHY)
    run(desk)
    row = desk.ledger.submission(row.id)
    assert (row.state, row.slot, slot) == ("accepted", slot, "材料/媒体报道/一.txt")
    assert desk.storage.read("archive", row.archive_key or "") == piece()


def test_the_copy_in_quarantine_goes_in_the_night_and_not_before(desk: Desk) -> None:
    row = held_piece(desk)
    acts.release(desk, row.id, "张三", WHY)
    assert housekeeping.tidy(desk, "2023", NOW)["objects"] == 0
    run(desk)
    assert keys(desk, "quarantine", ".txt") == [row.archive_key]
    assert housekeeping.tidy(desk, "2023", NOW) == {"objects": 1, "purged": 0, "copies": 0}
    assert (keys(desk, "quarantine"), housekeeping.tidy(desk, "2023", NOW)["objects"]) == ([], 0)
    row = desk.ledger.submission(row.id)
    assert (row.held_key, row.purged_at, lies_where_it_says(desk, row)) == (None, None, True)


def test_the_same_bytes_held_again_keep_the_copy_in_quarantine(desk: Desk) -> None:
    first = held_piece(desk)
    again = held_piece(desk)
    assert first.archive_key == again.archive_key
    acts.release(desk, first.id, "张三", WHY)
    run(desk)
    assert housekeeping.tidy(desk, "2023", NOW)["objects"] == 0
    assert lies_where_it_says(desk, desk.ledger.submission(again.id))


# --- what cannot be


def test_a_file_with_a_classification_mark_can_only_be_sent_back(desk: Desk) -> None:
    drop(desk, piece(), "机密★一年.txt")
    run(desk)
    row = newest(desk)
    with pytest.raises(ActRefused, match="密级标志，不能放行"):
        acts.release(desk, row.id, "张三", WHY)
    assert states(desk) == ["held"]
    acts.refuse(desk, row.id, "张三", "请按保密规定处置")
    run(desk)
    assert (states(desk), keys(desk, "archive")) == (["rejected"], [])


def test_a_file_of_no_deliverable_needs_one_named(desk: Desk, campaign: Campaign) -> None:
    content = "x" * 4096
    row = feed(desk.ledger, campaign, CODE, None, "谜.txt", verdict=Verdict.HELD, content=content)
    desk.storage.put("quarantine", row.archive_key or "", content.encode())
    for kind, why in ((None, "请指明：report"), (Kind.STATISTICS, "没有读出数据")):
        with pytest.raises(ActRefused, match=why):
            acts.release(desk, row.id, "张三", WHY, kind)
    for _ in range(2):
        acts.release(desk, row.id, "张三", WHY, Kind.PRESS)
    run(desk)
    row = desk.ledger.submission(row.id)
    assert (row.state, row.kind, row.slot) == ("accepted", "press", "/谜.txt")
    assert (row.archive_key or "").startswith("2023/6501/press/")
    assert desk.ledger.history(row.id)[3].note == f"人工审核：放行，作为媒体报道。{WHY}"


def test_a_known_deliverable_is_not_made_another(desk: Desk) -> None:
    row = held_piece(desk)
    with pytest.raises(ActRefused, match="已归入媒体报道"):
        acts.release(desk, row.id, "张三", WHY, Kind.REPORT)


@pytest.mark.parametrize(("reason", "why"), [(" \n ", "写明理由"), ("长" * 501, "501 个字")], ids=["blank", "long"])
def test_a_reason_must_be_given_and_be_short(desk: Desk, reason: str, why: str) -> None:
    row = held_piece(desk)
    for act in (acts.release, acts.refuse):
        with pytest.raises(ActRefused, match=why):
            act(desk, row.id, "张三", reason)


def test_only_what_is_held_and_answered_can_be_decided(desk: Desk) -> None:
    with pytest.raises(ActRefused, match="没有第 7 号文件"):
        acts.release(desk, 7, "张三", WHY)
    drop(desk, piece())
    run(desk)
    with pytest.raises(ActRefused, match="已接收，不在待人工审核之列"):
        acts.refuse(desk, newest(desk).id, "张三", WHY)


def test_the_same_act_repeated_changes_nothing_and_another_is_refused(desk: Desk) -> None:
    row = held_piece(desk)
    for _ in range(2):
        acts.release(desk, row.id, "张三", WHY)
    with pytest.raises(ActRefused, match="已经有了审核结论"):
        acts.refuse(desk, row.id, "李四", "不行")
    run(desk)
    acts.release(desk, row.id, "张三", WHY)
    with pytest.raises(ActRefused, match="已接收"):
        acts.refuse(desk, row.id, "李四", "不行")
    assert (states(desk), len(told(desk, row)), len(receipts(desk))) == (["accepted"], 5, 2)


def test_of_two_operators_at_once_one_decides(desk: Desk) -> None:
    row = held_piece(desk)
    refused = []

    def decide(act: Callable[..., str]) -> None:
        try:
            act(desk, row.id, act.__name__, WHY)
        except ActRefused as late:
            refused.append(str(late))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decide, [acts.release, acts.refuse]))
    run(desk)
    assert len(refused) == 1
    assert [who for *_, who in told(desk, row) if who] == ["release" if states(desk) == ["accepted"] else "refuse"]


# --- an ill system


EFFECTS: dict[str, Any] = {
    "decide": Ledger,
    "keep": archive,
    "write_record": archive,
    "file": Ledger,
    "allot_receipt": Ledger,
    "write_receipt": outbox,
    "write_status": outbox,
    "mark_replied": Ledger,
}


def _released_and_run(desk: Desk, row: Submission) -> None:
    acts.release(desk, row.id, "张三", WHY)
    run(desk)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_release_killed_at_any_effect_is_finished_by_the_next_run(
    desk: Desk, effect: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = held_piece(desk)
    with monkeypatch.context() as patch:
        patch.setattr(EFFECTS[effect], effect, killed_at(getattr(EFFECTS[effect], effect), after))
        with pytest.raises(Killed):
            _released_and_run(desk, row)
    assert desk.storage.read("quarantine", row.archive_key or "") == piece(), "the bytes are there at every moment"
    if (effect, after) == ("decide", False):
        assert states(desk) == ["held"]
        acts.release(desk, row.id, "张三", WHY)
    run(desk)
    row = desk.ledger.submission(row.id)
    assert (row.state, [r["number"] for r in receipts(desk)]) == ("accepted", [1, 2])
    assert len(archive.read_records(desk.storage, "archive", row.archive_key or "")) == 1
    assert lies_where_it_says(desk, row)
    assert finished(desk)


def test_what_rotted_in_quarantine_is_not_archived(desk: Desk) -> None:
    row = held_piece(desk)
    desk.storage.put("quarantine", row.archive_key or "", piece("二"))
    acts.release(desk, row.id, "张三", WHY)
    with pytest.raises(archive.ArchiveError, match="expected"):
        run(desk)
    assert (keys(desk, "archive"), states(desk)) == ([], ["checked"])


# --- how operators come to it


def test_the_board_gives_the_number_and_what_to_do(desk: Desk, campaign: Campaign) -> None:
    row = held_piece(desk)
    drop(desk, piece("二"), "机密★.txt")
    run(desk)
    html = render_board(desk.ledger, campaign, NOW, bool)
    assert f"序号 <b>{row.id}</b>：看过后放行或退回。" in html
    assert f"序号 <b>{newest(desk).id}</b>：疑似涉密" in html
    assert "release_held" in html


def test_the_commands_list_and_release(desk: Desk, settings: Settings) -> None:
    from airflow_home import baosong_environment

    row = held_piece(desk, name="[b]链接.txt")
    env = baosong_environment(settings)
    listed = call("held", "2023", **env)
    assert (listed.returncode, "[b]链接.txt" in listed.stdout) == (0, True), listed.stderr
    assert "没有查毒" in listed.stdout
    done = call("release", str(row.id), "--reason", WHY, "--by", "王五", **env)
    assert (done.returncode, "已放行并归档，回执已发" in done.stdout) == (0, True), done.stderr
    assert (states(desk), told(desk, row)[3][2]) == (["accepted"], "王五")
    wrong = call("release", str(row.id), "--reason", "x", "--refuse", **env)
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
    assert "不在待人工审核之列" in wrong.stderr
    assert "没有待人工审核的文件" in call("held", **env).stdout
