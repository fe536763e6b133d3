"""After a deadline a person decides whether to wait on, asked once a day; the report names who is missing."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import docx
import openpyxl
import pytest

from baosong.campaign import Campaign, Campaigns
from baosong.ledger.services import Services
from baosong.pipeline import closing
from baosong.pipeline.publish import publish_report
from baosong.receipts.board import render_board
from baosong.report.files import DOCUMENT, FIGURES, WORKBOOK
from baosong.rules.findings import Kind
from baosong_local.samples.sheets import make_sheet
from feed import feed, feed_all
from intake_run import drop, rows, run

WHY = "已电话催报三次"


@pytest.fixture
def over(services: Services, campaign: Campaign) -> datetime:
    """A campaign that is over, with 6502 lacking its video and 6504 everything; the morning after."""
    services.storage.put("outbox", "2023/opened", b"")
    for prefecture in campaign.prefectures:
        if prefecture.code not in ("6502", "6504"):
            feed_all(services.ledger, campaign, prefecture.code)
    for kind in (Kind.STATISTICS, Kind.REPORT, Kind.PHOTO, Kind.PRESS):
        least = campaign.deliverable(kind).min
        for n in range(least):
            feed(services.ledger, campaign, "6502", kind, f"{n}.x")
    return campaign.deadline + timedelta(hours=15)


def day_of(at: datetime, campaign: Campaign) -> date:
    return at.astimezone(campaign.zone).date()


def decide(services: Services, campaign: Campaign, at: datetime, *, close: bool, who: str | None = "张处长") -> str:
    return closing.decide(services, campaign.id, day_of(at, campaign), close, who, WHY, at)


def finals(services: Services) -> list[list[str]]:
    return [[p["code"] for p in e.figures["missing"]] for e in services.ledger.editions("2023") if e.edition == "final"]


def words(services: Services, prefix: str) -> str:
    document = docx.Document(io.BytesIO(services.storage.read("reports", f"{prefix}{DOCUMENT}")))
    return "\n".join(p.text for p in document.paragraphs)


def test_the_question_names_who_is_missing_and_what(services: Services, campaign: Campaign, over: datetime) -> None:
    (asked,) = closing.questions(services, "run", over)

    assert "2 个地州市未报齐" in asked["subject"]
    lacking = [line for line in asked["body"].splitlines() if line.startswith("- ")]
    assert [line.partition("：")[0] for line in lacking] == [
        f"- {campaign.prefecture(c).name}" for c in ("6502", "6504")
    ]
    assert lacking[0].endswith("：视频影像资料（未报送）")
    assert all(d.name in lacking[1] for d in campaign.deliverables)


def test_nobody_is_asked_before_the_deadline_or_about_what_is_complete(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    assert closing.questions(services, "early", campaign.deadline - timedelta(seconds=1)) == []
    feed_all(services.ledger, campaign, "6504")
    feed(services.ledger, campaign, "6502", Kind.VIDEO, "片.mov")
    assert closing.questions(services, "run", over) == []


def test_a_campaign_is_asked_about_once_a_day_by_one_run(services: Services, over: datetime) -> None:
    asked = closing.questions(services, "morning", over)

    assert closing.questions(services, "morning", over) == asked, "a task that is repeated asks the same"
    assert closing.questions(services, "by hand", over + timedelta(hours=1)) == []


def test_waiting_on_asks_again_the_next_day_and_writes_nothing(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    closing.questions(services, "first", over)
    assert decide(services, campaign, over, close=False) == "继续等待。"

    assert finals(services) == []
    assert services.ledger.closure("2023") is None
    assert closing.questions(services, "again", over) == [], "answered for today"
    assert len(closing.questions(services, "second", over + timedelta(days=1))) == 1


def test_no_answer_is_waiting_on(services: Services, campaign: Campaign, over: datetime) -> None:
    closing.questions(services, "first", over)
    decide(services, campaign, over, close=False, who=None)
    assert services.ledger.asked_closing("2023", day_of(over, campaign)).who is None
    assert closing.edition_due(services, "2023") == "interim"


def test_closing_writes_a_final_report_that_names_who_is_missing(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    closing.questions(services, "run", over)

    told = decide(services, campaign, over, close=True)

    assert told == "已结束收报，终稿第 1 版写明缺报 2 个地州市。"
    assert finals(services) == [["6502", "6504"]]
    text = words(services, "2023/final/v1/")
    names = "、".join(campaign.prefecture(c).name for c in ("6502", "6504"))
    assert "（2个地州市缺报）" in text
    assert f"2个材料未报齐：{names}" in text
    assert "中期" not in text
    book = openpyxl.load_workbook(io.BytesIO(services.storage.read("reports", f"2023/final/v1/{WORKBOOK}")))
    assert str(book.worksheets[0]["A1"].value).endswith("（部分地州市缺报）")
    assert "张处长" not in services.storage.read("reports", f"2023/final/v1/{FIGURES}").decode()


def test_the_board_and_the_prefectures_own_page_say_that_it_is_closed(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    closing.questions(services, "run", over)
    decide(services, campaign, over, close=True)

    board = render_board(services.ledger, campaign, over, lambda _: False)
    assert "结束收报" in board
    assert all(said in board for said in ("张处长", WHY, campaign.prefecture("6504").name))
    page = services.storage.read("outbox", f"2023/{campaign.prefecture('6504').folder}/状态.html").decode()
    assert "结束" in page
    assert "仍可报送，将标注为迟报" in page
    complete = services.storage.read("outbox", f"2023/{campaign.prefecture('6501').folder}/状态.html").decode()
    assert "收报已于" not in complete


def test_a_closed_campaign_is_asked_about_no_more(services: Services, campaign: Campaign, over: datetime) -> None:
    closing.questions(services, "run", over)
    decide(services, campaign, over, close=True)

    assert closing.questions(services, "tomorrow", over + timedelta(days=1)) == []


def test_an_answer_counts_once_and_repeating_it_does_the_same(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    closing.questions(services, "run", over)
    decide(services, campaign, over, close=True)
    decide(services, campaign, over, close=False, who="李四")

    closure = services.ledger.closure("2023")
    assert closure is not None
    assert (closure.who, closure.reason, closure.missing) == ("张处长", WHY, ["6502", "6504"])
    assert finals(services) == [["6502", "6504"]]


def test_the_night_makes_up_for_a_report_that_was_not_written(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    closing.questions(services, "run", over)
    services.ledger.decide_closing("2023", day_of(over, campaign), ["6502", "6504"], "张处长", WHY, datetime.now(UTC))

    assert closing.edition_due(services, "2023") == "final"
    publish_report(services, "2023", "final", over)
    assert closing.edition_due(services, "2023") == "interim"


def test_who_is_complete_by_the_time_of_the_answer_is_not_named(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    closing.questions(services, "run", over)
    feed_all(services.ledger, campaign, "6504")

    decide(services, campaign, over, close=True)

    assert finals(services) == [["6502"]]
    closure = services.ledger.closure("2023")
    assert closure is not None
    assert closure.missing == ["6502"]
    page = services.storage.read("outbox", f"2023/{campaign.prefecture('6504').folder}/状态.html").decode()
    assert "收报已于" not in page


def test_a_broken_campaign_file_keeps_no_other_campaign_from_being_asked_about(
    services: Services, over: datetime, tmp_path: Path
) -> None:
    services.storage.put("outbox", "2022/opened", b"")
    (tmp_path / "2022.yaml").write_text("id: [", encoding="utf-8")
    beside = replace(services, campaigns=Campaigns([*services.settings.campaign_dirs, tmp_path]))

    assert [q["campaign_id"] for q in closing.questions(beside, "run", over)] == ["2023"]


def test_a_campaign_that_has_become_complete_meanwhile_ends_as_usual(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    closing.questions(services, "run", over)
    feed_all(services.ledger, campaign, "6504")
    feed(services.ledger, campaign, "6502", Kind.VIDEO, "片.mov")

    assert decide(services, campaign, over, close=True) == "已全部报齐，照常写终稿。"
    assert services.ledger.closure("2023") is None


def test_nobody_is_closed_out_who_was_not_on_the_list(services: Services, campaign: Campaign, over: datetime) -> None:
    """A list that has grown since is not what was approved."""
    day = day_of(over, campaign)
    services.ledger.ask_closing("2023", day, "run", ["6502"])

    assert decide(services, campaign, over, close=True) == "继续等待。"
    assert "名单有变化" in (services.ledger.asked_closing("2023", day).reason or "")
    assert finals(services) == []


def test_what_comes_afterwards_is_late_and_a_complete_report_follows(
    services: Services, campaign: Campaign, over: datetime
) -> None:
    closing.questions(services, "run", over)
    decide(services, campaign, over, close=True)
    sheet = make_sheet(campaign, campaign.prefecture("6501"), 7)
    drop(services, sheet.content, sheet.name, "统计表")
    run(services)
    assert rows(services)[-1].late
    assert rows(services)[-1].state == "accepted"
    feed_all(services.ledger, campaign, "6504")
    feed(services.ledger, campaign, "6502", Kind.VIDEO, "片.mov")

    assert closing.edition_due(services, "2023") == "final"
    publish_report(services, "2023", "final", over + timedelta(days=2))

    assert finals(services) == [["6502", "6504"], []]
    assert "缺报" not in words(services, "2023/final/v2/")
