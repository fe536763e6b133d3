"""Reminders on a simulated calendar: who is told what on which day in Shanghai, and never twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from baosong.campaign.model import Reminders
from baosong.ledger import Notification
from baosong.ledger.services import Services
from baosong.pipeline.open_campaign import write_status
from baosong.pipeline.reminders import is_due, remind_all, reminders
from baosong.receipts.pages import render_status
from baosong.rules.findings import Kind, Verdict
from feed import feed, feed_all
from mail_help import with_contacts

SHANGHAI = ZoneInfo("Asia/Shanghai")
LAST = date(2023, 6, 15)


@pytest.fixture
def told(services: Services, tmp_path: Path) -> Services:
    told = with_contacts(services, tmp_path / "campaigns", reminders={"at": "09:00", "before": [3, 0], "after": [1]})
    campaign = told.campaigns.get("2023")
    write_status(told, campaign, campaign.prefecture("6501"))  # opened
    return told


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), SHANGHAI)


def rows(services: Services) -> list[Notification]:
    return services.ledger.run(lambda s: list(s.scalars(select(Notification).order_by(Notification.id))))


def walked(services: Services, days: Sequence[date]) -> list[tuple[str, str]]:
    """Look each half hour as the DAG does, by another zone's clock; return (day, prefecture) of what was decided."""
    for day in days:
        for half in range(14, 42):
            now = datetime.combine(day, time(), SHANGHAI) + timedelta(minutes=30 * half)
            remind_all(services, now.astimezone(UTC))
    return [(row.cause, row.prefecture) for row in rows(services) if row.channel == "mail" and row.prefecture]


def test_a_whole_calendar_reminds_on_the_days_of_the_campaign_file_alone_and_each_once(told: Services) -> None:
    days = [LAST + timedelta(days=n) for n in range(-5, 4)]

    assert walked(told, days) == [(day, "6501") for day in ("2023-06-12", "2023-06-15", "2023-06-16")]


def test_nobody_is_reminded_of_a_campaign_that_was_closed(told: Services) -> None:
    day = LAST + timedelta(days=1)
    told.ledger.ask_closing("2023", day, "run", ["6501"])
    told.ledger.decide_closing("2023", day, ["6501"], "张三", "不再等待", at(day, "08:59"))

    assert walked(told, [day]) == []


@given(
    left=st.integers(-70, 70),
    before=st.lists(st.integers(0, 60), max_size=20),
    after=st.lists(st.integers(1, 60), max_size=20),
    minute=st.integers(0, 24 * 60 - 1),
)
def test_a_day_in_shanghai_is_due_if_and_only_if_the_campaign_names_it(
    left: int, before: list[int], after: list[int], minute: int
) -> None:
    now = datetime.combine(LAST, time(), SHANGHAI) + timedelta(days=-left, minutes=minute)
    today = now.astimezone(UTC).astimezone(SHANGHAI).date()

    assert is_due(Reminders(before=before, after=after), LAST, today) == (left in before or -left in after)


def test_nobody_is_reminded_before_the_time_nor_by_the_date_of_another_zone(told: Services) -> None:
    campaign = told.campaigns.get("2023")
    first = date(2023, 6, 12)

    assert reminders(told, campaign, at(first, "08:59")) == []
    assert reminders(told, campaign, at(first, "09:00")) != []
    assert reminders(told, campaign, datetime(2023, 6, 12, 17, 0, tzinfo=UTC)) == []  # 01:00 of the 13th
    assert reminders(told, campaign, datetime(2023, 6, 12, 1, 0, tzinfo=UTC)) != []


def test_a_reminder_names_exactly_what_is_missing_in_the_words_of_the_status_page(told: Services) -> None:
    campaign, ledger = told.campaigns.get("2023"), told.ledger
    feed(ledger, campaign, "6501", Kind.REPORT, "a.docx")
    feed(ledger, campaign, "6501", Kind.PHOTO, "b.jpg", verdict=Verdict.REJECTED)
    feed(ledger, campaign, "6501", Kind.PRESS, "c.pdf", verdict=Verdict.HELD)

    remind_all(told, at(date(2023, 6, 12), "09:30"))

    (row,) = [row for row in rows(told) if row.prefecture]
    assert row.subject == "催报：还有 3 天截止，还缺 3 项（乌鲁木齐市，2023年自治区科技活动周）"
    lines = row.body.splitlines()
    assert lines[1:7] == [
        "· 活动开展情况统计表：未报送（放入“统计表”）",
        "· 照片：已退回，待重新报送（放入“照片”）",
        "· 视频影像资料：未报送（放入“视频”）",
        "",
        "已收到、不必重新报送的：",
        "· 媒体报道：待人工审核",
    ]
    cells = ledger.completeness(campaign)["6501"]
    status = render_status(campaign, campaign.prefecture("6501"), at(LAST, "09:00"), cells, [])
    assert all(word in status for word in ("未报送", "已退回，待重新报送", "待人工审核"))
    assert "总结报告" not in row.body


def test_who_is_complete_or_waits_for_us_is_left_in_peace(told: Services) -> None:
    campaign = told.campaigns.get("2023")
    feed_all(told.ledger, campaign, "6501")

    assert walked(told, [LAST]) == []


def test_operators_read_who_lacks_what_and_who_must_be_called(told: Services) -> None:
    feed_all(told.ledger, told.campaigns.get("2023"), "6543")
    feed(told.ledger, told.campaigns.get("2023"), "6501", Kind.PRESS, "c.pdf")

    remind_all(told, at(LAST, "09:00"))

    mail, chat = [row for row in rows(told) if not row.prefecture]
    assert (mail.channel, chat.channel) == ("mail", "chat")
    assert chat.body.splitlines()[0] == "· 乌鲁木齐市 缺 4 项"
    assert len((chat.subject + chat.body).encode()) < 2048, "what WeCom's robot takes"
    assert mail.subject == "今天催报 13 个地州市（2023年自治区科技活动周）"
    assert "阿勒泰地区" not in mail.body
    first, second = mail.body.splitlines()[1:3]
    assert first.startswith("· 乌鲁木齐市：今天截止，缺总结报告（未报送）、")
    assert second == "· 克拉玛依市：今天截止，缺全部 5 项；没有邮箱，请电话催报"
    assert "0990-1234567" not in mail.body


@pytest.mark.parametrize(
    ("day", "clock", "said"),
    [
        (-1, "09:00", "还有 1 天截止"),
        (0, "23:59", "今天截止"),
        (1, "00:00", "已过截止时间 1 天"),
        (3, "09:00", "已过截止时间 3 天"),
    ],
)
def test_how_long_is_left_is_counted_in_days_of_shanghai(told: Services, day: int, clock: str, said: str) -> None:
    from baosong.receipts.messages import _when

    campaign = told.campaigns.get("2023")

    assert _when(campaign, campaign.deadline, at(LAST + timedelta(days=day), clock)) == said
