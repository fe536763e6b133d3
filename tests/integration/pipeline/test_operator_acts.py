"""A rejected file taken though it breaks a rule, and an accepted one withdrawn: decided once, the rest follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.ledger.services import Services
from baosong.pipeline import discover, manual_review, operator_acts, reply
from baosong.pipeline.manual_review import ReviewRefused
from baosong.preservation import change_log, fixity, records, retention
from baosong.preservation.rebuild import rebuild
from baosong.receipts.view import open_failures
from baosong.report.consolidation import region_figures
from baosong.report.identity import inputs_sha
from baosong.rules.findings import Kind
from baosong.store.settings import Settings
from baosong_local.samples.sheets import make_sheet
from cli_help import call
from datadocs_help import wrong_sheet
from intake_run import CODE, Killed, drop, finished, keys, killed_at, piece, receipts, run, with_campaign
from manual_review_help import lies_where_it_says, newest
from package_help import packed
from preservation_help import lose, tables

NOW = datetime(2023, 6, 1, 8, tzinfo=UTC)
WHY = "该县无法统计线下人次，已书面说明"
RULES = ["statistics.number"]


def rejected_sheet(services: Services) -> Submission:
    drop(services, wrong_sheet(), "统计表.xlsx", "统计表")
    run(services)
    row = services.ledger.submission(newest(services).id)
    assert (row.state, operator_acts.errors_of(row)) == ("rejected", RULES)
    return row


def accepted_sheet(services: Services, campaign: Campaign, seed: int = 1) -> Submission:
    sheet = make_sheet(campaign, campaign.prefecture(CODE), seed)
    drop(services, sheet.content, "统计表.xlsx", "统计表")
    run(services)
    row = newest(services)
    assert row.state == "accepted"
    return row


def identity(services: Services, campaign: Campaign) -> str:
    return inputs_sha(region_figures(services.ledger, campaign, NOW), None, b"")


# --- waiving


def test_a_rejected_sheet_is_taken_with_the_reason_on_receipt_and_record(services: Services) -> None:
    row = rejected_sheet(services)

    assert operator_acts.waive(services, row.id, "张三", RULES, WHY) == CODE
    run(services)

    row = services.ledger.submission(row.id)
    assert (row.state, row.bucket, row.version) == ("accepted", "archive", 1)
    assert lies_where_it_says(services, row)
    (record,) = records.read_records(services.storage, "archive", row.archive_key or "")
    assert record["findings"][0]["rule"] == "file.waived"
    assert {f["severity"] for f in record["findings"] if f["rule"] in RULES} == {"warning"}
    (file,) = receipts(services)[-1]["files"]
    told = next(f for f in file["findings"] if f["rule"] == "file.waived")
    assert WHY in told["message"]
    assert "张三" not in str(file)
    assert len(services.ledger.indicators("2023")) == len(row.figures["indicators"]) > 10  # type: ignore[index]
    unreadable = [a.offline for a in services.ledger.activities("2023")]
    assert unreadable.count(None) == 1, "the cell that says 很多"
    last = [h for h in services.ledger.history(row.id) if h.who]
    assert [(h.who, h.before, h.after, WHY in h.note) for h in last] == [("张三", "rejected", "checked", True)]
    assert finished(services)


def test_waiving_twice_is_once_and_another_reason_is_refused(services: Services) -> None:
    row = rejected_sheet(services)
    for _ in range(2):
        operator_acts.waive(services, row.id, "张三", RULES, WHY)
    run(services)
    operator_acts.waive(services, row.id, "张三", RULES, WHY)
    with pytest.raises(ReviewRefused, match="没有可免除的"):
        operator_acts.waive(services, row.id, "李四", RULES, "别的理由")
    assert len([h for h in services.ledger.history(row.id) if h.who]) == 1


@pytest.mark.parametrize(
    ("rules", "reason", "said"),
    [
        ([], WHY, "请指明"),
        (["statistics.date"], WHY, "不多不少"),
        ([*RULES, "file.virus"], WHY, "不多不少"),
        (RULES, " ", "请写明理由"),
        (RULES, "长" * 501, "最多 500"),
    ],
)
def test_a_waiver_names_exactly_what_the_file_was_rejected_for(
    services: Services, rules: list[str], reason: str, said: str
) -> None:
    row = rejected_sheet(services)
    with pytest.raises(ReviewRefused, match=said):
        operator_acts.waive(services, row.id, "张三", rules, reason)
    assert services.ledger.submission(row.id).state == "rejected"


def test_what_was_not_read_or_may_carry_harm_is_never_waived(services: Services) -> None:
    """An empty file, one that is no picture, a file with macros or a virus: the same rule stands for each of them."""
    drop(services, b"", "空.txt")
    drop(services, b"GIF89a not a picture", "坏.jpg", "照片")
    run(services)
    for row in services.ledger.submissions("2023"):
        assert row.state == "rejected"
        with pytest.raises(ReviewRefused, match="不能免除"):
            operator_acts.waive(services, row.id, "张三", operator_acts.errors_of(row), WHY)
    with pytest.raises(ReviewRefused, match="没有第 99 号文件"):
        operator_acts.waive(services, 99, "张三", RULES, WHY)


def test_a_waiver_is_offered_only_while_the_bytes_are_in_quarantine(services: Services) -> None:
    row = rejected_sheet(services)
    services.storage.remove("quarantine", row.archive_key or "")
    with pytest.raises(ReviewRefused, match="已不在隔离区"):
        operator_acts.waive(services, row.id, "张三", RULES, WHY)
    gone = "UPDATE submission SET purged_at = now() WHERE id = :id"
    services.ledger.run(lambda session: session.execute(text(gone), {"id": row.id}))
    with pytest.raises(ReviewRefused, match="已不在隔离区"):
        operator_acts.waive(services, row.id, "张三", RULES, WHY)


def test_the_night_and_a_waiver_do_not_take_the_bytes_from_each_other(services: Services) -> None:
    row = rejected_sheet(services)
    with services.ledger.advisory_lock(f"archive:2023:{CODE}"), pytest.raises(ReviewRefused, match="请过一分钟再办"):
        operator_acts.waive(services, row.id, "张三", RULES, WHY)
    operator_acts.waive(services, row.id, "张三", RULES, WHY)
    retention.apply_retention(services, "2023", datetime.now(UTC) + timedelta(days=4000))
    run(services)
    assert services.ledger.submission(row.id).state == "accepted"


# --- withdrawing


def test_a_withdrawn_sheet_leaves_the_figures_and_nothing_leaves_the_archive(
    services: Services, campaign: Campaign
) -> None:
    blank = identity(services, campaign)
    row = accepted_sheet(services, campaign)
    archived = keys(services, "archive")
    assert identity(services, campaign) != blank

    assert operator_acts.withdraw(services, row.id, "张三", "来函要求撤回") == CODE
    run(services)

    after = services.ledger.submission(row.id)
    assert (after.state, after.bucket, keys(services, "archive")) == ("withdrawn", "archive", archived)
    assert lies_where_it_says(services, after)
    assert (services.ledger.indicators("2023"), services.ledger.activities("2023")) == ([], [])
    answer = receipts(services)[-1]
    assert (answer["answer"]["code"], answer["number"]) == ("withdrawn", 2)
    assert "已按请求撤回" in answer["answer"]["text"]
    assert answer["files"][0]["findings"][-1]["message"] == "已按请求撤回，不再计入汇总：来函要求撤回"
    (record,) = records.read_records(services.storage, "archive", row.archive_key or "")
    assert (record["withdrawn"], record["findings"][0]["rule"]) == (True, "file.withdrawn")
    assert [h.who for h in services.ledger.history(row.id) if h.who] == ["张三"]
    assert finished(services)
    cells = services.ledger.completeness(campaign, [CODE])[CODE]
    assert (cells[Kind.STATISTICS].state, cells[Kind.STATISTICS].accepted) == ("missing", 0)


def test_what_was_withdrawn_can_be_sent_again(services: Services, campaign: Campaign) -> None:
    first = accepted_sheet(services, campaign)
    operator_acts.withdraw(services, first.id, "张三", "撤")
    run(services)
    drop(services, services.storage.read("archive", first.archive_key or ""), "统计表.xlsx", "统计表")
    run(services)
    again = newest(services)
    assert (again.state, again.archive_key) == ("accepted", first.archive_key)
    assert len(records.read_records(services.storage, "archive", again.archive_key or "")) == 2
    assert services.ledger.submission(first.id).state == "withdrawn"


def test_what_is_left_after_a_withdrawal_is_asked_for_on_receipt_and_board(
    services: Services, campaign: Campaign
) -> None:
    """The older file that was sent back is the last word again, and the receipt is not about that one."""
    wrong = rejected_sheet(services)
    right = accepted_sheet(services, campaign)
    operator_acts.withdraw(services, right.id, "张三", "撤")
    run(services)

    assert services.ledger.completeness(campaign, [CODE])[CODE][Kind.STATISTICS].state == "rejected"
    assert any("还缺" in step and "统计表" in step for step in receipts(services)[-1]["next"])
    newest_first = services.ledger.submissions("2023")[::-1]
    assert [s.id for s in open_failures(newest_first, set())] == [wrong.id]


def test_a_drop_that_waits_while_another_file_is_withdrawn_is_not_removed(services: Services) -> None:
    drop(services, piece("一"), "一.txt")
    run(services)
    row = newest(services)
    operator_acts.withdraw(services, row.id, "张三", "撤")
    drop(services, piece("二"), "一.txt")
    run(services)
    assert [r.state for r in services.ledger.submissions("2023")] == ["withdrawn", "accepted"]


def test_withdrawing_twice_is_once_and_only_an_accepted_file_can_be(services: Services, campaign: Campaign) -> None:
    row = accepted_sheet(services, campaign)
    for _ in range(2):
        operator_acts.withdraw(services, row.id, "张三", "撤")
    run(services)
    operator_acts.withdraw(services, row.id, "张三", "撤")
    with pytest.raises(ReviewRefused, match="已撤回"):
        operator_acts.withdraw(services, row.id, "李四", "撤")
    drop(services, packed({"媒体报道/一.txt": piece("一")}), "甲.zip")
    run(services)
    bundle = next(r for r in services.ledger.submissions("2023") if r.name == "甲.zip")
    with pytest.raises(ReviewRefused, match="逐个撤回"):
        operator_acts.withdraw(services, bundle.id, "张三", "撤")
    assert len(receipts(services)) == 3


@pytest.mark.parametrize("after", [False, True])
def test_a_death_while_a_withdrawal_is_answered_is_made_up_for(
    services: Services, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    row = accepted_sheet(services, campaign)
    operator_acts.withdraw(services, row.id, "张三", "撤")
    for place, name in ((records, "mark_withdrawn"), (reply, "write_receipt"), (change_log, "write")):
        with monkeypatch.context() as patched:
            patched.setattr(place, name, killed_at(getattr(place, name), after))
            with pytest.raises(Killed):
                run(services)
    run(services)
    assert (len(receipts(services)), finished(services)) == (2, True)


@pytest.mark.ledger_owner
def test_a_rebuilt_ledger_knows_what_was_waived_and_withdrawn(services: Services) -> None:
    row = rejected_sheet(services)
    operator_acts.waive(services, row.id, "张三", RULES, WHY)
    run(services)
    operator_acts.withdraw(services, row.id, "张三", "撤")
    run(services)
    before = tables(services.ledger)
    lose(services)
    rebuild(services, lambda *_: None)
    assert tables(services.ledger) == before
    assert not fixity.verify(services, None, fixity.since(datetime.now(UTC)), lambda *_: None).faults


@pytest.mark.ledger_owner
def test_what_was_withdrawn_stays_so_if_its_change_log_is_lost(services: Services) -> None:
    drop(services, piece())
    run(services)
    operator_acts.withdraw(services, newest(services).id, "张三", "撤")
    run(services)
    for stored in list(services.storage.list("archive")):
        if records.is_segment(stored.key):
            services.storage.remove("archive", stored.key)
    lose(services)
    rebuild(services, lambda *_: None)
    (row,) = services.ledger.submissions("2023")
    assert (row.state, row.findings[0]["rule"]) == ("withdrawn", "file.withdrawn")


def test_the_commands_do_the_same(services: Services, settings: Settings) -> None:
    from airflow_home import baosong_environment

    row, env = rejected_sheet(services), baosong_environment(settings)
    number = str(row.id)
    done = call("waive", number, "--rule", RULES[0], "--reason", WHY, "--by", "张三", **env)
    assert (done.returncode, "已放行并归档，回执已发" in done.stdout) == (0, True), done.stderr
    gone = call("withdraw", number, "--reason", "来函", "--by", "张三", **env)
    assert (gone.returncode, "已撤回，不再计入，回执已发" in gone.stdout) == (0, True), gone.stderr
    wrong = call("withdraw", number, "--reason", "别的", **env)
    assert (wrong.returncode, "已撤回" in wrong.stderr, "Traceback" in wrong.stderr) == (2, True, False)
    assert [h.who for h in services.ledger.history(row.id) if h.who] == ["张三", "张三"]


# --- a prefecture that the campaign file has lost


def test_a_file_of_a_prefecture_that_the_campaign_file_has_lost_is_refused_in_words_and_the_others_go_on(
    services: Services, campaign: Campaign
) -> None:
    row = accepted_sheet(services, campaign)
    drop(services, piece())
    discover.find_new(services)
    waits = newest(services)
    left = with_campaign(services, prefectures=[p for p in campaign.prefectures if p.code != CODE])
    run(left)
    for number, act in ((row.id, operator_acts.withdraw), (waits.id, manual_review.refuse)):
        with pytest.raises(ReviewRefused, match=f"{number} 号文件是 {CODE} 报送的.*恢复"):
            act(left, number, "张三", WHY)
    assert (services.ledger.submission(row.id).state, services.ledger.submission(waits.id).state) == (
        "accepted",
        "received",
    )
    run(services)
    assert services.ledger.submission(waits.id).state == "accepted", "nothing is lost once it is back"
